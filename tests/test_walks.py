"""From a question to the answer with the keyboard alone, and what a screen reader is given on the way."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from portal.catalogues import catalogue
from portal.tickets import Action
from tests.walking import House, Walk, compare, open_house

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A furnished portal in four languages."""
    with open_house(tmp_path_factory.mktemp("walks")) as made:
        yield made


@pytest.fixture
def walk(person: Callable[..., Page]) -> Walk:
    """A requester without a mouse."""
    return Walk(person(viewport={"width": 1280, "height": 800}, reduced_motion="reduce"))


class Words:
    """The page's words in a language.

    Args:
        language: of the pages.
    """

    def __init__(self, language: str) -> None:
        self._texts = catalogue(language)

    def __call__(self, text: str, context: str = "", **values: object) -> str:
        """A text, with its values."""
        found = str(self._texts.pgettext(context, text) if context else self._texts.gettext(text))
        # A screen reader makes nothing of the width of a space.
        return (found % values if values else found).replace("\u202f", " ").replace("\u00a0", " ")

    def button(self, text: str, context: str = "") -> str:
        """What a screen reader says of a button."""
        return f'button "{self(text, context)}"'


# First, before anybody has voted or searched.


@pytest.mark.parametrize(("name", "path"), [
    ("home", ""),
    ("results", "search?q=page"),
    ("results-of-a-topic", "search?q=page&topic=accounts"),
    ("nothing-found", "search?q=zyxomat+juggling"),
    ("article", "articles/reset-password"),
    ("article-no", "articles/reset-password?vote=no"),
    ("article-done", "articles/reset-password?vote=done"),
    ("request", "requests/new?query=printer"),
    ("request-lost", "requests/find"),
    ("private", "{private}?sent=yes"),
    ("private-solved", "{rated}"),
    ("accessibility", "accessibility"),
    ("sign-in", "sign-in"),
    ("error", "nothing-here"),
])  # fmt: skip
def test_what_a_screen_reader_is_given(name: str, path: str, house: House, person: Callable[..., Page]) -> None:
    """All of the main part: roles, names, states and live regions."""
    page = person()
    page.goto(f"{house.url}/en/{path.format(**vars(house)).lstrip('/')}")
    if name == "request":
        page.get_by_role("region", name="Do these articles help?").wait_for()
    compare(page, name)


@pytest.mark.writes
@pytest.mark.parametrize("language", ["en", "fr", "de", "ru"])
def test_from_a_search_to_an_article_and_a_vote(language: str, house: House, walk: Walk) -> None:
    """Suggestions, results, filter, article, “no” with a reason: names in the page's language, every key seen."""
    _, page = Words(language), walk.page
    page.goto(f"{house.url}/{language}/")
    assert walk.press("Tab") == f'link "{_("Skip to the content")}"'
    walk.press("Enter")
    assert walk.go("combobox") == [f'combobox "{_("Search the help centre")}"']
    walk.type("pass")
    page.get_by_role("option").first.wait_for()
    walk.heard(_("{count} suggestions. Use the arrow keys to choose.").split("{count}")[1])
    field = page.get_by_role("combobox")
    expect(field).to_have_attribute("aria-expanded", "true")
    walk.press("ArrowDown")
    chosen = page.locator(f"#{field.get_attribute('aria-activedescendant')}")
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("listbox")).to_have_accessible_name(_("Suggestions"))
    walk.press("Escape")
    expect(field).to_have_attribute("aria-expanded", "false")
    walk.press("Control+A")
    walk.type("page")
    walk.follow()

    expect(page.locator("main > [role=status]")).to_have_text(re.compile(r"^[45]\b"))
    passed = walk.go(f'link "{TOPIC[language]}"')
    assert passed[-2] == f'link "{_("All topics")}"'
    walk.follow()
    expect(page.locator(".filter [aria-current]")).to_have_accessible_name(passed[-1].split('"')[1])
    walk.go('link "Reset a forgotten password"')
    walk.follow()

    expect(page.get_by_role("navigation", name=_("On this page"))).to_be_visible()
    passed = walk.go(_.button("No", "answer"))
    assert passed[-2:] == [_.button("Yes", "answer"), _.button("No", "answer")]
    walk.follow()
    assert walk.press("Tab").startswith(f'radio "{_("Something else")}" [checked]')
    assert "[checked]" in walk.press("ArrowUp")
    assert walk.press("Tab").startswith(f'textbox "{_("What should we change? (optional)")}"')
    expect(page.locator("#ui-comment")).to_have_accessible_description(
        _("At most %(limit)s characters. Please no personal data.", limit=600)
    )
    walk.type("x")
    assert walk.press("Tab") == _.button("Send", "button")
    walk.follow()
    expect(page.locator("#ui-feedback").get_by_role("status")).to_have_text(_("Thank you for your feedback."))


#: The first topic, as it is called in each language.
TOPIC = {"en": "Accounts", "fr": "Comptes", "de": "Konten", "ru": "Имена"}


@pytest.mark.writes
@pytest.mark.parametrize("language", ["en", "fr", "de", "ru"])
def test_from_a_form_with_faults_to_a_closed_request(language: str, house: House, walk: Walk) -> None:
    """Summary, fields, private page, a reply that comes by itself, an answer, closing and rating."""
    _, page = Words(language), walk.page
    page.goto(f"{house.url}/{language}/requests/new")
    walk.go(_.button("Send request"))
    walk.follow()
    assert walk.here().startswith(f'alert "{_("Please check your entries")}"')
    links = [walk.press("Tab") for _step in range(3)]
    assert all(link.startswith("link ") for link in links)
    walk.press("Shift+Tab", "Shift+Tab", "Enter")
    field = page.locator("#ui-description")
    assert walk.here().startswith(f'textbox "{_("What do you need help with?")}"')
    expect(field).to_have_attribute("aria-invalid", "true")
    assert links[0].split('"')[1] in (field.evaluate(DESCRIPTION) or "")
    walk.type("It smells of smoke here.")
    walk.go(f'textbox "{_("Your full name")}"')
    walk.type("Anna Bell")
    assert walk.press("Tab").startswith(f'textbox "{_("Your email address")}"')
    walk.type("anna@example.org")
    walk.go(_.button("Send request"))
    walk.follow()
    if page.locator("[data-focus]").count():
        assert walk.here().startswith("region ")
        walk.go(_.button("Send anyway"))
        walk.follow()

    expect(page.locator("main").get_by_role("status").first).to_contain_text("Anna Bell")
    number = int("".join(sign for sign in page.locator("main h1").inner_text() if sign.isdigit()))
    walk.go(f'textbox "{_("Your reply")}"')
    ada = next(each for each in house.services.staff.everybody() if each.name == "Ada Byron")
    now = house.services.clock()
    house.services.desk.work(ada, number, Action.TAKE, now)
    house.services.desk.work(ada, number, Action.REPLY, now, text="Please open a window.")
    walk.heard(_("%(name)s replied", name="Ada Byron"))
    assert walk.here().startswith(f'textbox "{_("Your reply")}"'), "news took the focus away"
    walk.type("It is open.")
    assert walk.press("Tab") == _.button("Send reply")
    walk.follow()
    expect(page.locator(".thread")).to_contain_text("It is open.")
    while not page.evaluate("document.activeElement.matches('.close-request summary')"):
        walk.press("Tab")
    walk.press("Enter")
    assert walk.press("Tab") == _.button("Close the request")
    walk.follow()
    assert page.locator("#ui-thread").get_attribute("data-status") == "closed"
    walk.go("radio ")
    walk.press("Space")
    expect(page.get_by_role("group", name=_("How well were we able to help you?"))).to_be_visible()
    walk.go(_.button("Send rating"))
    walk.follow()
    expect(page.locator("#ui-actions")).to_contain_text(_("How well were we able to help you?"))


#: The text of what describes a field.
DESCRIPTION = "(field) => (field.getAttribute('aria-describedby') || '').split(' ').map((id) => document.getElementById(id)?.textContent).join(' ')"


@pytest.mark.writes
def test_from_nothing_found_to_being_told(house: House, walk: Walk) -> None:
    """The ways on are in order: a person, an email later, what helped others."""
    page = walk.page
    page.goto(f"{house.url}/en/search?q=zyxomat+juggling")
    passed = walk.go('button "Tell me when there is an answer"')
    assert passed[-3:] == [
        'link "Ask for help"',
        'textbox "Your email address"',
        'button "Tell me when there is an answer"',
    ]
    walk.press("Shift+Tab")
    walk.type("anna@example.org")
    walk.follow()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look in your mailbox")


def test_the_language_is_changed_and_the_page_kept(house: House, walk: Walk) -> None:
    """Each name is spoken in its own language, and the present one is marked for ears as well."""
    page = walk.page
    page.goto(f"{house.url}/en/articles/reset-password")
    passed = walk.go('link "Русский"')
    assert passed[-4:] == ['link "Deutsch"', 'link "English"', 'link "Français"', 'link "Русский"']
    assert page.locator(".languages [aria-current=true]").inner_text() == "English"
    spoken = page.locator(".languages a").evaluate_all("(all) => all.map((each) => each.lang)")
    walk.follow()
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    assert page.url.endswith("/ru/articles/reset-password")
    assert spoken == ["de", "en", "fr", "ru"]


@pytest.mark.parametrize("path", ["", "search?q=page", "articles/reset-password", "requests/new", "{private}"])
def test_the_whole_way_through_a_page_and_back(path: str, house: House, walk: Walk) -> None:
    """Every control is reached once, in the order in which it is read, and none keeps the focus."""
    page = walk.page
    page.goto(f"{house.url}/en/{path.format(**vars(house)).lstrip('/')}")
    page.wait_for_load_state("networkidle")
    wanted = page.evaluate(TABBABLE)
    there = []
    for _ in range(wanted):
        walk.press("Tab")
        there.append(page.evaluate(PLACE))
    back = [there[-1]]
    for _ in range(wanted - 1):
        walk.press("Shift+Tab")
        back.append(page.evaluate(PLACE))

    assert there == sorted(set(there))
    assert back == there[::-1]


#: How many stops the Tab key has, and at which element of the page it is; radio buttons of a group are one stop.
TABBABLE = """
() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && each.tabIndex >= 0 && !each.disabled
    && !(each.type === "radio" && !each.checked && document.querySelector(`[name="${each.name}"]:checked`)))
  .filter((each, at, all) => each.type !== "radio" || all.findIndex((other) => other.name === each.name) === at).length
"""
PLACE = "[...document.querySelectorAll('*')].indexOf(document.activeElement)"
