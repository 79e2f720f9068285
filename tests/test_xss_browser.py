"""Attacks in every field that people can fill, opened in Chromium on every page where they may appear."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.attacking import Watch
from tests.filled import Filled, fill
from tests.test_access import NEEDS
from tests.wandering import Visitor

pytestmark = pytest.mark.browser

#: Where people's words are taken; each of these must have taken some.
FORMS = frozenset(
    "account.set_digest desk.admin_calendar desk.admin_new_calendar desk.admin_new_person desk.admin_new_reply "
    "desk.admin_new_rule desk.admin_new_supplier desk.admin_new_token desk.admin_new_webhook desk.admin_settings "
    "desk.admin_tier desk.admin_topic desk.admin_test_webhook desk.bulk desk.change_incident desk.classify "
    "desk.escalate desk.keep_filter desk.plan_article desk.plan_call desk.preview desk.swarm desk.work "
    "desk.preview_supplier desk.send_to_supplier desk.record_supplier_answer desk.set_supplier_reference help.vote "
    "my_requests.send private_page.rate private_page.reply subscriptions.subscribe".split()
)
#: Pages that nothing leads to, or only for somebody in another state; all other pages must have been opened.
ELSEWHERE = frozenset(
    {
        "account.ask_stop_digest",  # needs the link of a mail
        "account.confirm",  # before what needs a fresh password
        "account.first_password",  # between an administrator's password and one's own
        "desk.back",  # what a sent form leads back to
        "sign_in.code_form",  # between the password and the code
        "sign_in.leave",  # to an identity provider
        "sign_in_roots.come_back",
        "subscriptions.ask_stop",
        "subscriptions.look",
    }
)
#: Parts of pages that scripts fetch, and that pages have in them.
FRAGMENTS = frozenset(
    "private_page.thread reports.board_live writers.fresh_article writers.fresh_articles writers.fresh_compare".split()
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A portal that is full of attacks."""
    with fill(tmp_path_factory.mktemp("xss")) as made:
        yield made


def kept(visitor: Visitor, most: int) -> list[str]:
    """The pages that a visitor has found, at most some of each endpoint."""
    return [path for paths in visitor.pages.values() for path in paths[:most]]


def test_every_form_has_taken_attacks(filled: Filled) -> None:
    """None of them is only ever refused, and nothing has failed."""
    visitors = (filled.guest, filled.staff)
    missing = FORMS - filled.guest.taken - filled.staff.taken
    assert sorted(missing) == [], {name: each.refusals.get(name) for each in visitors for name in missing}
    assert [fault for each in visitors for fault in each.faults] == []


def test_every_page_was_found(filled: Filled) -> None:
    """Each address that answers with a page, so that a new page is looked at too."""
    opened = {endpoint for each in (filled.guest, filled.staff) for endpoint, paths in each.pages.items() if paths}
    pages = set()
    for rule in filled.app.url_map.iter_rules():
        is_page = "GET" in (rule.methods or ()) and rule.rule.startswith("/<language:language>")
        if is_page and rule.endpoint in NEEDS and rule.endpoint not in opened:
            pages.add(rule.endpoint)
    assert not pages & ELSEWHERE & opened
    assert sorted(pages - ELSEWHERE - FRAGMENTS - set(filled.addresses)) == []
    for endpoint in sorted((pages & set(filled.addresses)) - FRAGMENTS - {"my_requests.solved"}):
        answer = filled.staff.client.get(filled.addresses[endpoint])
        assert answer.status_code == 200, endpoint
        assert not answer.content_type.startswith("text/html"), endpoint


@pytest.mark.parametrize("bypass_csp", [True, False], ids=["without the policy", "with the policy"])
def test_nothing_is_more_than_text(filled: Filled, browser: Browser, bypass_csp: bool) -> None:
    """No script runs, no element or attribute is an attacker's, no other host is asked, the policy has nothing to do."""
    most = 2 if bypass_csp else 1
    reader = Watch(browser, filled.address, bypass_csp=bypass_csp)
    staff = Watch(browser, filled.address, filled.cookies, bypass_csp=bypass_csp)
    for path in kept(filled.guest, most):
        reader.look(filled.address + path)
    for path in kept(filled.staff, most):
        staff.look(filled.address + path)
    if bypass_csp:
        look_at_answers(filled, staff)
    found = [*reader.faults, *staff.faults]
    reader.close()
    staff.close()
    assert found == []


def look_at_answers(filled: Filled, watch: Watch) -> None:
    """What forms were answered with, and what mails show."""
    shown: dict[str, tuple[dict[str, str], str]] = {}
    for visitor in (filled.guest, filled.staff):
        for endpoint, headers, page in visitor.answers:
            shown.setdefault(endpoint, (headers, page))
    for number, letter in enumerate(filled.letters):
        shown[f"mail-{number}"] = {"Content-Type": "text/html; charset=utf-8"}, letter

    def answer(route: Any) -> None:
        headers, page = shown[route.request.url.rpartition("/")[2]]
        route.fulfill(status=200, headers=headers, body=page)

    watch.context.route("**/kept/*", answer)
    for name in shown:
        watch.look(f"{filled.address}/kept/{name}")


def test_pictures_run_nothing(filled: Filled, browser: Browser) -> None:
    """A writer's drawing that is opened by itself is shut in by its own policy."""
    watch = Watch(browser, filled.address)
    page = watch.page
    answer = page.goto(f"{filled.address}/images/picture.svg")
    assert answer is not None
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert not any("attacker ran" in each for each in page.evaluate("window.__found || []"))
    assert not [fault for fault in watch.faults if "dialog" in fault]
    watch.close()


def test_the_widget_shows_attacks_as_text(filled: Filled, browser: Browser) -> None:
    """On a page of another site: suggestions, results, an article, the form."""
    watch = Watch(browser, filled.address, allowed=(filled.shop,))
    page: Page = watch.page
    page.goto(f"{filled.shop}/shop")
    page.locator(".launch").click()
    page.get_by_role("combobox").fill("Everything attack <img src=x onerror=__xss(0)>")
    page.keyboard.press("Enter")
    page.locator(".found a").first.wait_for()
    watch.examine_widget()
    page.evaluate("document.querySelector('tier0-help').open('everything')")
    page.get_by_role("link", name="Everything").first.click()
    expect(page.get_by_role("heading", name="Everything")).to_be_visible()
    watch.examine_widget()
    faults = watch.faults
    watch.close()
    assert faults == []
