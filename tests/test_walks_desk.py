"""An agent's, a writer's, a supervisor's and an administrator's work with the keyboard alone, and what they are told."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from portal.people import Role
from tests.builders import PASSWORD, person
from tests.embedding import other_site
from tests.walking import House, Walk, compare, open_house, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A furnished portal."""
    with open_house(tmp_path_factory.mktemp("desk"), codes=("en",)) as made:
        yield made


@pytest.fixture(scope="module")
def signed_in(house: House, browser: Browser) -> Any:
    """What a browser keeps of somebody who has signed in."""
    context = browser.new_context()
    sign_in(context.new_page(), house, "en")
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def walk(signed_in: Any, person: Callable[..., Page]) -> Walk:
    """An administrator at the desk without a mouse."""
    return Walk(person(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", storage_state=signed_in))


def at(house: House, path: str) -> str:
    """The address of a page of the house."""
    return f"{house.url}/en/{path.format(**vars(house)).lstrip('/')}"


# In this order: what is told is compared before anything is changed.


@pytest.mark.parametrize(("name", "path", "part"), [
    ("queue", "desk/", "main"),
    ("ticket", "desk/tickets/{request}", ".conversation"),
    ("ticket-facts", "desk/tickets/{request}", ".facts-pane"),
    ("gap", "desk/tickets/{gap}", ".conversation"),
    ("writers", "desk/writers/gaps", "main"),
    ("report", "desk/reports/gaps?period=30", "main .report-tabs"),
    ("rule", "desk/administration/rules/new", "main form"),
    ("account", "account/", "form[action$='/password']"),
])  # fmt: skip
def test_what_a_screen_reader_is_given(name: str, path: str, part: str, house: House, walk: Walk) -> None:
    """Roles, names, states and live regions of what people work with."""
    walk.page.goto(at(house, path))
    compare(walk.page, f"desk-{name}", part)


def test_every_chart_says_what_it_shows_and_has_a_table(house: House, walk: Walk) -> None:
    """An image with a name; the same figures in a table that the keyboard opens."""
    page = walk.page
    for path in ("search", "gaps", "requests", "survey"):
        page.goto(at(house, f"desk/reports/{path}?period=30"))
        charts = page.locator("figure.chart:has(svg[role=img])")
        assert charts.count(), path
        for number in range(charts.count()):
            chart = charts.nth(number)
            expect(chart.locator("svg[role=img]").first).to_have_accessible_name(SOME)
            table = chart.locator("xpath=ancestor-or-self::*[.//table][1]").locator("table").first
            assert table.locator("th").count(), path
    page.goto(at(house, "desk/reports/requests?period=30"))
    summary = page.locator(".data summary").first
    summary.focus()
    walk.press("Enter")
    expect(page.locator(".data table").first).to_be_visible()
    walk.press("Enter")
    expect(page.locator(".data table").first).to_be_hidden()


@pytest.mark.writes
def test_signing_in_with_a_second_factor(house: House, person: Callable[..., Page]) -> None:
    """Address, password, code: three fields, each the next key away; a wrong code is said at once."""
    who, app = with_codes(house)
    walk = Walk(person(reduced_motion="reduce"))
    page = walk.page
    page.goto(at(house, "sign-in"))
    walk.go('textbox "Email address"')
    walk.type(who)
    assert walk.press("Tab") == 'textbox "Password"'
    walk.type(PASSWORD)
    assert walk.press("Tab") == 'button "Sign in"'
    walk.follow()
    walk.go('textbox "Code"')
    expect(page.locator("#ui-code")).to_have_accessible_description(
        "Without your device, enter one of your recovery codes. Each works once."
    )
    walk.type("000000")
    walk.follow()
    assert page.get_by_role("alert").inner_text().strip()
    assert page.locator("#ui-code").get_attribute("aria-describedby") == "ui-code-hint ui-message"
    walk.go('textbox "Code"')
    walk.type(app.now())
    walk.follow()
    expect(page.locator("body.desk")).to_be_visible()


def with_codes(house: House) -> tuple[str, pyotp.TOTP]:
    """Somebody whose sign-in asks for a code, and their app."""
    from portal.own_account import OwnAccount  # noqa: PLC0415 - of this test alone

    staff, now = house.services.staff, house.services.clock()
    who = staff.add(person(email="eve@example.org", name="Eve", roles=frozenset({Role.AGENT})), PASSWORD, now)
    _, key = staff.sign_in(who.email, PASSWORD, now)
    offer = OwnAccount(staff).offer(who, "Help")
    app = pyotp.TOTP(staff.factor.key(offer.salt))
    # A code that has been used once is used up; the present one is still good then.
    OwnAccount(staff).turn_on(who, key, PASSWORD, offer.salt, app.at(now, counter_offset=-1), now)
    return who.email, app


@pytest.mark.writes
def test_from_the_queue_to_a_reply_that_is_taken_back(house: House, walk: Walk) -> None:
    """Keys of the queue, preview, sending, undo, escalation with a reason, a note."""
    page = walk.page
    page.goto(at(house, "desk/"))
    page.keyboard.press("j")
    first = walk.here()
    page.keyboard.press("j")
    assert first != walk.here()
    assert walk.here().startswith("link ")
    walk.follow()
    expect(page.locator("#ui-subject")).to_be_visible()
    page.goto(at(house, "desk/tickets/{request}"))
    page.keyboard.press("r")
    assert walk.here() == 'textbox "Reply to Anna Bell"'
    expect(page.locator("[data-key=r]")).to_have_accessible_description("The requester reads this. Write in: English.")
    walk.type("Please press the green button.")
    walk.go('button "Preview"')
    walk.follow()
    assert "Please press the green button." in page.get_by_label("Preview of the email").inner_text()
    walk.go('button "Send reply"')
    walk.follow()
    expect(page.locator(".undo")).to_be_visible()
    page.keyboard.press("z")
    expect(page.locator(".message-gone")).to_contain_text("green button")

    page.goto(at(house, "desk/tickets/7"))
    page.keyboard.press("x")
    assert walk.here().startswith("combobox ")
    assert walk.press("Tab").startswith("textbox ")
    walk.type("It needs a new drum.")
    assert walk.press("Tab") == 'button "Escalate"'
    walk.follow()
    expect(page.locator("#ui-head")).to_contain_text("L2")

    page.keyboard.press("n")
    assert walk.here() == 'textbox "Note for colleagues"'
    expect(page.get_by_role("textbox", name="Note for colleagues")).to_have_accessible_description(
        "The requester never sees this. @ and a name tells a colleague."
    )
    walk.type("The drum is ordered.")
    walk.follow("Control+Enter")
    expect(page.locator(".message-note").last).to_contain_text("The drum is ordered.")


def test_news_of_a_ticket_are_said(house: House, walk: Walk) -> None:
    """Somebody else works on it: the page says so and leaves the focus where it is."""
    page = walk.page
    page.goto(at(house, "desk/tickets/4"))
    page.keyboard.press("r")
    from portal.tickets import Action  # noqa: PLC0415 - of this test alone

    mia = next(each for each in house.services.staff.everybody() if each.name == "Mia Lindt")
    house.services.desk.work(mia, 4, Action.NOTE, house.services.clock(), text="I am at it.")
    walk.heard("The ticket has changed.")
    assert walk.here() == 'textbox "Reply to Anna Bell"'


@pytest.mark.writes
def test_many_tickets_at_once(house: House, walk: Walk) -> None:
    """Ticked with keys, counted, and what came of it is said."""
    page = walk.page
    page.goto(at(house, "desk/?show=unowned"))
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("tbody input:checked").count() == 1
    walk.go('combobox "Do"')
    expect(page.locator("[data-ticked]")).to_have_text("1 ticket ticked")
    walk.type("Take")
    walk.go('button "Do it"')
    walk.follow()
    expect(page.locator(".banner[role=status], .banner[role=alert]").first).to_be_visible()


def test_keys_are_told_and_can_be_turned_off(house: House, walk: Walk) -> None:
    """A dialog that takes the focus, keeps it while it is open, and gives it back."""
    page = walk.page
    page.goto(at(house, "desk/"))
    opener = page.locator("#ui-keys")
    opener.focus()
    walk.press("Enter")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Tab")
        inside = page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
        assert inside
    page.locator("#ui-keys-switch").focus()
    walk.press("Enter")
    assert walk.here() == 'button "Turn single keys on"'
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert walk.here().startswith('button "Keyboard shortcuts')
    page.keyboard.press("/")
    assert walk.here().startswith('button "Keyboard shortcuts'), "single keys work although they are off"


@pytest.mark.writes
def test_writers_and_administrators(house: House, walk: Walk) -> None:
    """A gap is taken on; a form with a fault leads to the field; what was saved is said."""
    page = walk.page
    page.goto(at(house, "desk/writers/"))
    walk.go('button "Take it on')
    walk.follow()
    expect(page.locator("main")).to_be_visible()
    page.goto(at(house, "desk/administration/suppliers/new"))
    walk.go('button "Save"')
    walk.follow()
    assert walk.here().startswith('alert "Please check your entries"')
    link = walk.press("Tab")
    walk.press("Enter")
    assert walk.here().startswith("textbox ")
    assert "[invalid]" in walk.here()
    assert link.startswith("link ")
    walk.type("Ink and more")
    page.keyboard.press("Tab")
    walk.type("ink@supplier.example")
    walk.go('button "Save"')
    walk.follow()
    expect(page.locator("main")).to_contain_text("Ink and more")


def test_the_widget_of_another_site(tmp_path_factory: pytest.TempPathFactory, person: Callable[..., Page]) -> None:
    """Opened and closed with keys; the dialog has a name, and the focus comes back. More is in `test_embed_browser`."""
    with other_site(tmp_path_factory.mktemp("widget")) as other:
        page = person(reduced_motion="reduce")
        page.goto(other.page(language="en"))
        opener = page.locator(".launch")
        opener.wait_for()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("dialog").wait_for()
        compare(page, "widget", "tier0-help")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        assert page.evaluate("document.activeElement.tagName") == "TIER0-HELP"


#: Any name.
SOME = re.compile(r"\S")
