"""The widget in Chromium, on a page of another origin with a strict policy: from a search to a request, by keyboard."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from portal.storage.schema import tickets, votes
from tests.embedding import OtherSite, other_site
from tests.needs import axe

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherSite]:
    """A site that shows the widget of a small portal."""
    with other_site(tmp_path_factory.mktemp("embed")) as site:
        yield site


class Visit:
    """A tab of somebody on the other site, and what went wrong in it."""

    def __init__(self, browser: Browser, width: int = 1280, **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 700}, **options)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.warnings: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._note)

    def _note(self, message: Any) -> None:
        """Keep what the console says."""
        if message.type == "error":
            self.faults.append(message.text)
        elif message.type == "warning":
            self.warnings.append(message.text)

    def check(self) -> None:
        """Nobody who needs help to see, hear or type is kept out, and nothing scrolls sideways."""
        found = self.page.evaluate(
            f"axe.run('tier0-help', {json.dumps({'resultTypes': ['violations'], 'runOnly': RULES})})"
        )
        faults = [f"{fault['id']}: {fault['nodes'][0]['html'][:200]}" for fault in found["violations"]]
        assert faults == []
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        wide = "(e => e.scrollWidth > e.clientWidth)(document.querySelector('tier0-help').shadowRoot.querySelector('.body'))"
        assert not self.page.evaluate(wide)

    def end(self, *expected: str) -> None:
        """Nothing went wrong but what was to, and the browser has been given nothing to keep."""
        kept = self.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]")
        cookies = self.context.cookies()
        self.context.close()
        assert [fault for fault in self.faults if not any(part in fault for part in expected)] == []
        assert (kept, cookies) == (["", 0, 0], [])


def press(page: Page, *keys: str) -> None:
    """Press keys, wherever the focus is."""
    for key in keys:
        page.keyboard.press(key)


@pytest.mark.writes
def test_from_a_search_to_a_request_by_keyboard_on_a_phone(browser: Browser, other: OtherSite) -> None:
    """German at 360 px: suggestion, article, opinion, form with mistakes, request; then Escape leads back."""
    visit = Visit(browser, 360)
    page = visit.page
    page.goto(other.page())
    launcher = page.locator(".launch")
    launcher.focus()
    page.evaluate(axe())
    visit.check()
    press(page, "Enter")
    field = page.get_by_role("combobox")
    expect(field).to_be_focused()
    page.keyboard.type("druck")
    option = page.get_by_role("option", name="Der Drucker ist offline")
    expect(option).to_be_visible()
    visit.check()
    press(page, "ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    press(page, "Enter")
    expect(page.get_by_role("heading", name="Der Drucker ist offline")).to_be_focused()
    visit.check()
    page.get_by_role("button", name="Ja", exact=True).press("Enter")
    expect(page.get_by_text("Vielen Dank für Ihr Feedback")).to_be_focused()
    page.get_by_role("button", name="Hilfe anfordern").press("Enter")
    expect(page.get_by_label("Betreff")).to_have_value("druck")
    page.get_by_label("E-Mail").fill("nobody")
    press(page, "Enter")
    expect(page.get_by_label("Wobei")).to_be_focused()
    expect(page.get_by_label("Wobei")).to_have_attribute("aria-invalid", "true")
    visit.check()
    page.get_by_label("Wobei").fill("Er druckt <b>nicht</b>.")
    page.get_by_label("Name").fill("Anna Kühn")
    page.get_by_label("E-Mail").fill("anna@example.org")
    press(page, "Enter")
    expect(page.locator(".body a[href*='/de/requests/']")).to_be_visible()
    visit.check()
    press(page, "Escape")
    expect(launcher).to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)
    visit.end("status of 400")
    with other.services.database.read() as connection:
        asked = connection.execute(select(tickets).where(tickets.c.requester_email == "anna@example.org")).one()
        liked = connection.execute(select(votes).where(votes.c.slug == "printer-offline")).one()
    assert (asked.language, asked.subject, asked.description) == ("de", "druck", "Er druckt <b>nicht</b>.")
    assert (liked.language, liked.is_helpful) == ("de", True)


def test_a_page_can_hold_it_and_say_how_it_looks(browser: Browser, other: OtherSite) -> None:
    """Within the page, dark, in Russian: a search in vain is told to the desk, one in English finds the translation."""
    visit = Visit(browser, color_scheme="dark")
    page = visit.page
    page.goto(other.page(body='<tier0-help language="ru-RU"></tier0-help>'))
    page.evaluate("document.documentElement.style.colorScheme = 'dark'")
    page.get_by_role("combobox").fill("zyxomat jumping")
    page.get_by_role("button", name="Найти").click()
    expect(page.get_by_text("Служба поддержки уже знает")).to_be_visible()
    page.evaluate(axe())
    visit.check()
    page.get_by_role("combobox").fill("VPN tunnel")
    page.get_by_role("button", name="Найти").click()
    page.get_by_role("link", name="Connect to the VPN").click()
    expect(page.get_by_text("Вы читаете её на английском")).to_be_visible()
    visit.check()
    page.locator(".head button").click()
    expect(page.get_by_role("link", name="Connect to the VPN")).to_be_focused()
    look = "getComputedStyle(document.querySelector('tier0-help').shadowRoot.querySelector('.panel'))"
    shown = page.evaluate(f"[{look}.borderRadius, {look}.textTransform, {look}.backgroundColor]")
    assert shown == ["3px", "none", "rgb(28, 34, 38)"]
    assert page.locator(".launch").count() == 0
    visit.end()
    with other.services.database.read() as connection:
        gaps = connection.execute(select(tickets.c.query).where(tickets.c.kind == "gap", tickets.c.language == "ru"))
        assert "zyxomat jumping" in [gap.query for gap in gaps]


def test_links_between_articles_stay_inside_and_long_words_fit(browser: Browser, other: OtherSite) -> None:
    """An article leads to a section of another one; a word of sixty letters breaks at 360 px."""
    visit = Visit(browser, 360)
    page = visit.page
    page.goto(other.page('data-language="en"'))
    page.locator(".launch").click()
    page.get_by_role("combobox").fill("printer offline")
    press(page, "Enter")
    page.get_by_role("link", name="The printer is offline").click()
    page.get_by_role("link", name="passwords").click()
    expect(page.get_by_role("heading", name="Reset it yourself")).to_be_focused()
    expect(page.get_by_role("heading", name="Reset it yourself")).to_be_in_viewport()
    for name in ("Back", "Close"):
        expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.querySelector('tier0-help').shadowRoot.querySelector('.panel').scrollTop") == 0
    page.goto(other.page('data-topic="accounts"'))
    page.locator(".launch").click()
    page.evaluate(
        "document.querySelector('tier0-help').open('Datenschutzgrundverordnungskonformitätsbescheinigungsantragsformular')"
    )
    page.get_by_role("link", name="Datenschutz").first.click()
    expect(page.get_by_role("heading", name="Datenschutz").first).to_be_visible()
    page.evaluate(axe())
    visit.check()
    visit.end()


def test_a_site_can_have_a_button_of_its_own_and_be_written_from_right_to_left(
    browser: Browser, other: OtherSite
) -> None:
    """Hidden until it is opened, then on the page's other side, and within it."""
    visit = Visit(browser)
    page = visit.page
    page.goto(other.page('data-launcher="off"', "<tier0-help launcher hidden></tier0-help>", "ar"))
    page.locator(".launch").wait_for(state="attached")
    assert not page.locator(".launch").is_visible()
    page.evaluate(
        "document.dir = 'rtl'; const help = document.querySelector('tier0-help'); help.hidden = false; help.open('VPN')"
    )
    expect(page.get_by_role("link", name="Connect to the VPN")).to_be_visible()
    left = page.evaluate(
        "document.querySelector('tier0-help').shadowRoot.querySelector('dialog').getBoundingClientRect().left"
    )
    assert left == 16
    page.evaluate("document.querySelector('tier0-help').close()")
    expect(page.get_by_role("dialog")).to_have_count(0)
    visit.end()


def test_who_may_not_show_it_is_told_so_and_nothing_else_happens(browser: Browser, other: OtherSite) -> None:
    """A site that the settings do not name gets a warning in its console; a portal that is away, a link to it."""
    visit = Visit(browser)
    stranger = other.page().replace("//localhost", "//127.0.0.1")
    with visit.page.expect_console_message(lambda message: "PORTAL_EMBED_ORIGINS" in message.text):
        visit.page.goto(stranger)
    assert visit.page.evaluate("document.querySelector('tier0-help').shadowRoot.childElementCount") == 0
    visit.page.route("**/embed/v1/*.json", lambda route: route.abort())
    visit.page.goto(other.page())
    expect(visit.page.get_by_role("link", name=other.portal.removeprefix("http://"))).to_be_visible()
    visit.page.unroute("**/embed/v1/*.json")
    visit.page.route("**/api/v1/search*", lambda route: route.abort())
    visit.page.goto(other.page())
    visit.page.locator(".launch").click()
    visit.page.get_by_role("combobox").fill("printer")
    press(visit.page, "Enter")
    expect(visit.page.get_by_role("alert").get_by_role("link")).to_have_attribute(
        "href", f"{other.portal}/de/requests/new"
    )
    visit.end("ERR_FAILED")


def refuse(route: Any) -> None:
    """Answer that there were too many questions."""
    problem = {"title": "No", "status": 429, "detail": "Too many questions."}
    route.fulfill(status=429, json=problem, headers={"Access-Control-Allow-Origin": "*"})


def test_an_article_that_fails_is_said_where_the_reader_is(browser: Browser, other: OtherSite) -> None:
    """Nothing that was shown is lost; a double click opens one article; a lone percent sign in a link is no fault."""
    visit = Visit(browser)
    page = visit.page
    page.goto(other.page(language="en"))
    page.locator(".launch").click()
    page.get_by_role("combobox").fill("zebras corridor")
    press(page, "Enter")
    result = page.get_by_role("link", name="Zebras in the corridor")
    result.wait_for()
    page.evaluate(
        "const link = document.querySelector('tier0-help').shadowRoot.querySelector('.found a'); link.click(); link.click()"
    )
    more = page.get_by_role("link", name="More", exact=True)
    more.wait_for()
    page.get_by_role("link", name="half").click()
    page.route("**/api/v1/articles/**", refuse)
    more.click()
    more.click()
    expect(page.get_by_role("alert")).to_contain_text("Too many questions.")
    expect(more).to_be_visible()
    page.locator(".head button").first.click()
    expect(result).to_be_visible()
    expect(page.get_by_role("alert")).to_be_empty()
    visit.end("status of 429")


@pytest.mark.writes
def test_what_was_written_survives_and_can_be_sent_again(browser: Browser, other: OtherSite) -> None:
    """Through Back, and through an answer that was lost: the same text is one request, an amended one another."""
    visit = Visit(browser)
    page = visit.page
    page.goto(other.page(language="en"))
    page.locator(".launch").click()
    page.get_by_role("button", name="Ask for help").click()
    page.get_by_label("What do you need").fill("It hums.")
    page.get_by_label("Your full name").fill("Lia Moss")
    page.get_by_label("email").fill("lia@example.org")
    page.locator(".head button").first.click()
    page.get_by_role("button", name="Ask for help").click()
    expect(page.get_by_label("What do you need")).to_have_value("It hums.")
    keys: list[str] = []

    def lose(route: Any) -> None:
        """The first two answers are lost on their way."""
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 2:
            route.continue_()
            return
        route.fetch()
        route.abort()

    page.route("**/api/v1/requests", lose)
    send = page.get_by_role("button", name="Send request")
    for _ in range(2):
        with page.expect_event("requestfailed"):
            send.click()
        expect(page.get_by_role("alert").get_by_role("link")).to_be_visible()
        expect(send).to_be_enabled()
    page.get_by_label("What do you need").fill("It hums loudly.")
    send.click()
    expect(page.locator(".body a[href*='/en/requests/']")).to_be_visible()
    visit.end("ERR_FAILED")
    with other.services.database.read() as connection:
        sent = connection.scalars(select(tickets.c.description).where(tickets.c.requester_email == "lia@example.org"))
        assert sorted(sent) == ["It hums loudly.", "It hums."]
    assert (keys[0] == keys[1]) is True
    assert keys[2] != keys[1]


def test_assistive_technology_and_the_page_around(browser: Browser, other: OtherSite) -> None:
    """A suggestion can be chosen without a pointer, and Escape in the panel is not the page's."""
    visit = Visit(browser)
    page = visit.page
    page.goto(other.page(language="en"))
    page.evaluate("window.heard = []; document.addEventListener('keydown', (event) => heard.push(event.key))")
    page.locator(".launch").click()
    page.get_by_role("combobox").press_sequentially("zebras")
    page.get_by_role("option", name="Zebras").first.evaluate("option => option.click()")
    expect(page.get_by_role("heading", name="Zebras in the corridor")).to_be_focused()
    press(page, "Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "Escape" not in page.evaluate("heard")
    visit.end()
