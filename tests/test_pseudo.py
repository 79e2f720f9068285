"""Every page in a made-up language that is longer than all others: nothing is left untranslated, nothing is cut off."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from babel import Locale
from playwright.sync_api import Page

from tests.pseudo import CODE, CUT, READ, accented, greek, spoken
from tests.test_access import NEEDS
from tests.walking import House, open_house, sign_in

pytestmark = pytest.mark.browser

ADMINISTRATION = "desk/administration/"
#: Where each page is, by its endpoint; what only machines read is in `NO_PAGES`.
PAGES: dict[str, tuple[str, ...]] = {
    "help.home": ("",),
    "help.accessibility": ("accessibility",),
    "help.topic": ("topics/accounts",),
    "help.article": (
        "articles/reset-password",
        "articles/vpn-only-english",
        "articles/reset-password?vote=no",
        "articles/reset-password?vote=yes",
        "articles/reset-password?vote=done",
        "articles/nothing-here",
    ),
    "help.search": (
        "search",
        f"search?q={greek('password')}",
        f"search?q={greek('password')}&exact=1",
        f"search?q={greek('passwird')}",
        f"search?q={greek('zyxomat jumping')}",
        f"search?q={greek('tunnel')}",
        "search?q=%3F%3F",
    ),
    "my_requests.new": (f"requests/new?query={greek('printer')}", "requests/new"),
    "my_requests.solved": ("requests/solved?article=reset-password",),
    "private_page.find": ("requests/find",),
    "private_page.status": ("{private}", "{private}?sent=yes", "{rated}", f"requests/{'0' * 64}"),
    "sign_in.form": ("sign-in",),
    "sign_in.code_form": ("sign-in/code",),
    "subscriptions.sent": ("subscriptions/sent",),
    "subscriptions.look": ("subscriptions/{subscription}", f"subscriptions/{'0' * 64}"),
    "subscriptions.ask_stop": ("subscriptions/{subscription}/stop",),
    "account.page": ("account/",),
    "account.codes": ("account/codes",),
    "account.ask_stop_digest": ("account/digest/stop/x",),
    "desk.queue": ("desk/", "desk/?show=all&priority=3", "desk/?show=done", "desk/?show=unconfirmed", "desk/?q=x"),
    "desk.ticket": ("desk/tickets/{request}", "desk/tickets/{gap}", "desk/tickets/{solved}", "desk/tickets/6"),
    "desk.notices": ("desk/notices",),
    "desk.incidents": ("desk/incidents",),
    "desk.surveys": ("desk/surveys",),
    "desk.calls_page": ("desk/calls",),
    "desk.explain_search": ("desk/explain", f"desk/explain?q={greek('passwird jumping')}"),
    "writers.page": ("desk/writers/",),
    "writers.gaps": ("desk/writers/gaps",),
    "writers.gap": ("desk/writers/gaps/1",),
    "writers.texts": ("desk/writers/texts",),
    "writers.helpfulness": ("desk/writers/helpfulness",),
    "writers.feedback": (f"desk/writers/feedback/{CODE}/reset-password",),
    "writers.articles": ("desk/writers/articles/",),
    "writers.article": (f"desk/writers/articles/{CODE}/reset-password", f"desk/writers/articles/{CODE}/broken"),
    "writers.compare": (f"desk/writers/compare/reset-password/{CODE}",),
    "reports.board": ("desk/reports/board", "desk/reports/board?wall=1"),
    "reports.overview": ("desk/reports/?period=30", "desk/reports/?first=2026-13-45&last=x"),
    "reports.search": ("desk/reports/search?period=30",),
    "reports.gaps": ("desk/reports/gaps?period=30",),
    "reports.requests": ("desk/reports/requests?period=30",),
    "reports.survey": ("desk/reports/survey?period=30",),
    "reports.articles": ("desk/reports/articles?period=30",),
    "reports.translations": ("desk/reports/translations?period=30",),
    "desk.administration": (ADMINISTRATION,),
    **{
        f"desk.admin_{name}": tuple(ADMINISTRATION + path for path in paths)
        for name, paths in {
            "audit": ("audit",),
            "people": ("people",),
            "new_person": ("people/new",),
            "person": ("people/2",),
            "leave": ("people/2/leave",),
            "tiers": ("tiers",),
            "tier": ("tiers/1",),
            "targets": ("targets",),
            "calendars": ("calendars",),
            "new_calendar": ("calendars/new",),
            "calendar": ("calendars/1",),
            "remove_calendar": ("calendars/1/remove",),
            "topics": ("topics",),
            "topic": ("topics/accounts",),
            "rules": ("rules",),
            "new_rule": ("rules/new",),
            "rule": ("rules/1",),
            "remove_rule": ("rules/1/remove",),
            "suppliers": ("suppliers",),
            "new_supplier": ("suppliers/new",),
            "supplier": ("suppliers/1",),
            "remove_supplier": ("suppliers/1/remove",),
            "replies": ("saved-replies",),
            "new_reply": ("saved-replies/new",),
            "reply": ("saved-replies/1",),
            "remove_reply": ("saved-replies/1/remove",),
            "settings": ("settings",),
            "tokens": ("tokens",),
            "new_token": ("tokens/new",),
            "revoke_token": ("tokens/1/revoke",),
            "webhooks": ("webhooks",),
            "new_webhook": ("webhooks/new",),
            "webhook": ("webhooks/1",),
            "remove_webhook": ("webhooks/1/remove",),
            "webhook_deliveries": ("webhooks/1/deliveries",),
        }.items()
    },
}
#: Answers to GET that are no pages: data, files, parts of pages that are above, and what only leads elsewhere.
NO_PAGES = {
    "desk.back", "desk.counts", "desk.draft", "discovery.favicon", "discovery.healthz", "discovery.image",
    "discovery.opensearch", "discovery.readyz", "discovery.robots", "discovery.security_contact", "discovery.sitemap",
    "discovery.sitemap_part", "discovery.suggestions", "embed.script", "embed.texts", "feeds.of_language",
    "feeds.of_topic", "help.suggest", "monitoring.metrics", "my_requests.suggest", "private_page.thread",
    "reports.board_live", "reports.download", "reports.download_board", "roots.root", "sign_in.leave",
    "sign_in_roots.come_back", "static", "writers.fresh_article", "writers.fresh_articles", "writers.fresh_compare",
}  # fmt: skip
GONE = {"articles/nothing-here", f"requests/{'0' * 64}", f"subscriptions/{'0' * 64}", "account/digest/stop/x"}
#: Forms that are sent empty, so that the page says what is missing: the page, and which of its forms.
EMPTY = {
    "requests/new": "#ui-request",
    "requests/find": "main form",
    f"{ADMINISTRATION}people/new": "main form",
    f"{ADMINISTRATION}calendars/new": "main form",
    f"{ADMINISTRATION}suppliers/new": "main form",
    f"{ADMINISTRATION}saved-replies/new": "main form",
    f"{ADMINISTRATION}tokens/new": "main form",
    f"{ADMINISTRATION}webhooks/new": "main form",
    "desk/tickets/{request}": "form[action$='/reply']",
    "account/": "form[action$='/password']",
}
#: Names that are the same in every language, and codes of languages.
NAMES = "Deutsch English Français Русский DE EN FR RU UTC Europe Berlin Chrome Linux Atom CSV JSON WCAG axe Chromium".split()
#: Slugs, as writers know their articles.
NAMES += ["broken"]
#: Addresses, paths, names of files, values, what programs call things, and commands that have done something.
PATTERNS = r"[\w.+-]+@[\w.-]+|https?:\S+|/[\w/.-]+|[\w/-]+\.md\b|\b[a-z]+[.:][a-z]+\b|\{\w+\}|portal (staff|tokens)"
#: Code, times, and what people have written, which is Greek as far as these tests have written it.
PARTS = "code, kbd, pre, time, .private-link, .languages, .secret, .prose, .thread, .passage, ins, del"


def cldr() -> list[str]:
    """The words that dates and spans of time are made of, which come from the locale and not from a catalogue."""
    known = Locale.parse(CODE)._data
    names = [
        known["months"],
        known["days"],
        {key: unit for key, unit in known["unit_patterns"].items() if "duration" in key},
    ]
    return sorted({word.strip(".,{}0/") for text in texts(names) for word in text.split()})


def texts(known: Any) -> Iterator[str]:
    """The texts in lists and tables of the locale."""
    if isinstance(known, str):
        yield known
    elif isinstance(known, Mapping | list):
        for each in known.values() if isinstance(known, Mapping) else known:
            yield from texts(each)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A portal whose own texts are accented, and whose people write Greek."""
    with spoken(accented), open_house(tmp_path_factory.mktemp("pseudo"), greek, ("en", CODE)) as made:
        yield made


def faults_of(page: Page, where: str) -> list[str]:
    """What a page shows that it should not, on a wide and on a narrow screen."""
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    found = page.evaluate(READ, {"words": [*NAMES, *cldr()], "parts": PARTS, "patterns": PATTERNS})
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        found += [f"{fault} ({width})" for fault in page.evaluate(CUT)]
    page.set_viewport_size({"width": 1280, "height": 800})
    return [f"{where}: {fault}" for fault in found]


def at(house: House, path: str) -> str:
    """The address of a page of the house."""
    return f"{house.url}/{CODE}/{path.format(**vars(house)).replace('//', '/').lstrip('/')}"


def test_every_page_is_visited() -> None:
    """A page that is new is added above before it works."""
    pages = {name for name in NEEDS if not name.startswith("api.")}
    missing = {name for name in PAGES if name not in NEEDS}

    assert missing == set()
    assert set(PAGES) & NO_PAGES == set()
    assert pages >= NO_PAGES


@pytest.fixture
def page(person: Callable[..., Page]) -> Page:
    """A browser of somebody who has not signed in."""
    return person(viewport={"width": 1280, "height": 800})


def test_nothing_is_untranslated_or_cut_off(house: House, page: Page) -> None:
    """On every page, as a stranger sees it or as an administrator does, with everything open, wide and narrow."""
    faults: list[str] = []
    signed_in = False
    for endpoint, paths in PAGES.items():
        if NEEDS[endpoint] != "public" and not signed_in:
            sign_in(page, house, CODE)
            signed_in = True
        for path in paths:
            answer = page.goto(at(house, path))
            assert answer is not None
            assert answer.status == (404 if path in GONE else 200), path
            faults += faults_of(page, path)

    assert "\n".join(faults) == ""


def test_what_forms_answer(house: House, page: Page) -> None:
    """What is missing, what would be sent, what is shown once."""
    faults: list[str] = []
    for path, form in EMPTY.items():
        if not path.startswith("requests/") and "/desk" not in page.url:
            sign_in(page, house, CODE)
        page.goto(at(house, path))
        send(page, form)
        assert page.locator(".summary, .fault").count(), path
        faults += faults_of(page, f"{path}, sent empty")
    page.goto(at(house, "desk/tickets/{request}"))
    page.fill("[data-key=r]", greek("We are looking"))
    page.locator("button[data-key=p]").click()
    faults += faults_of(page, "preview of a reply")
    page.goto(at(house, "desk/tickets/{gap}"))
    page.locator("form[action$='/note'] textarea").evaluate("(field) => { field.value = 'αβγ'; }")
    send(page, "form[action$='/note']")
    faults += faults_of(page, "after a note")
    page.goto(at(house, f"{ADMINISTRATION}tokens/new"))
    page.fill("[name=name]", greek("Board"))
    page.locator("[name=scopes]").first.check()
    send(page, "main form")
    faults += faults_of(page, "a token that is shown once")
    page.goto(at(house, "desk/?show=all"))
    page.locator("tbody input[type=checkbox]").first.check()
    page.select_option("#ui-action", "take")
    send(page, ".tickets")
    faults += faults_of(page, "after many at once")

    assert "\n".join(faults) == ""


def send(page: Page, form: str) -> None:
    """Send a form as it is, whatever the browser thinks of it."""
    with page.expect_navigation():
        page.locator(form).first.evaluate("(form) => { form.noValidate = true; form.requestSubmit(); }")


#: What is done to a page without fault, and what is then found on it.
SPOILT = {
    "document.querySelector('h1').textContent = 'Plain'": "not translated",
    "document.querySelector('input[type=search]').setAttribute('aria-label', 'Plain')": "not translated",
    "document.title = 'Plain'": "not translated",
    "document.querySelector('h2').textContent = '⟦Šéé'": "shortened",
    "Object.assign(document.querySelector('h2').style, {width: '3em', height: '1em', overflow: 'hidden'})": "cut off",
    "Object.assign(document.querySelector('h2').style, {width: '200vw'})": "px wide",
}


def test_the_checks_find_what_they_are_for(house: House, page: Page) -> None:
    """Each of them, on a page that was without fault."""
    for change, found in SPOILT.items():
        page.goto(at(house, ""))
        assert faults_of(page, "") == []

        page.evaluate(change)

        assert any(found in fault for fault in faults_of(page, "")), change
