"""Every page enlarged, with text set wider, in forced colours, without motion, and from right to left."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.looking import FOCUS, MOTION, OVERLAP, SPACING, TARGETS
from tests.needs import REPOSITORY
from tests.pseudo import CODE, CUT, mirrored, spoken
from tests.test_access import NEEDS
from tests.test_pseudo import PAGES
from tests.walking import House, open_house, sign_in

pytestmark = pytest.mark.browser
STYLES = sorted((REPOSITORY / "portal" / "static").glob("*.css"))
#: Pages of each kind, for what depends on parts and not on texts.
KINDS = (
    "",
    "articles/reset-password",
    "articles/reset-password?vote=no",
    "search?q=password",
    "requests/new?query=printer",
    "{private}",
    "accessibility",
    "desk/",
    "desk/tickets/{request}",
    "desk/tickets/{gap}",
    "desk/reports/?period=30",
    "desk/reports/requests?period=30",
    "desk/reports/board",
    "desk/writers/",
    "desk/writers/compare/reset-password/de",
    "desk/administration/rules/new",
    "desk/administration/targets",
    "account/",
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A furnished portal in English and German, the language of the longest words."""
    with open_house(tmp_path_factory.mktemp("looks"), codes=("en", CODE)) as made:
        yield made


def at(house: House, path: str) -> str:
    """The address of a page of the house."""
    return f"{house.url}/{CODE}/{path.format(**vars(house)).lstrip('/')}"


def opened(page: Page, house: House, path: str) -> None:
    """Open a page with all that can be opened on it."""
    page.goto(at(house, path))
    page.evaluate("document.querySelectorAll('details:not(.menu)').forEach((part) => { part.open = true; })")


def faults_at(page: Page, width: int, *checks: str) -> list[str]:
    """What some checks find at a width."""
    page.set_viewport_size({"width": width, "height": 800})
    return [f"{fault} ({width})" for check in checks for fault in page.evaluate(check)]


def test_every_page_can_be_enlarged(house: House, person: Callable[..., Page]) -> None:
    """To 200 and to 400 %, which leave 640 and 320 px: nothing is cut off, overlaps, or needs scrolling sideways.

    And everything that can be pressed is 24 px large or has as much room (WCAG 1.4.4, 1.4.10, 2.5.8).
    """
    page = person(viewport={"width": 1280, "height": 800})
    faults: list[str] = []
    for endpoint in PAGES:
        if NEEDS[endpoint] != "public" and "/desk" not in page.url and "/account" not in page.url:
            sign_in(page, house, CODE)
        for path in PAGES[endpoint]:
            opened(page, house, path)
            found = faults_at(page, 1280, OVERLAP, TARGETS)
            found += [fault for width in (640, 320) for fault in faults_at(page, width, CUT, OVERLAP, TARGETS)]
            faults += [f"{path}: {fault}" for fault in found]

    assert "\n".join(faults) == ""


def test_larger_and_wider_text_stays_whole(house: House, person: Callable[..., Page]) -> None:
    """Text alone at twice its size, as browsers enlarge it, and with the spacing of WCAG 1.4.12, loses nothing."""
    page = person(viewport={"width": 1280, "height": 800}, bypass_csp=True)
    larger = page.context.new_cdp_session(page)
    sign_in(page, house, CODE)
    faults: list[str] = []
    for path in KINDS:
        larger.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
        opened(page, house, path)
        assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
        found = [f"{fault} (twice)" for fault in faults_at(page, 1280, CUT, OVERLAP)]
        larger.send("Page.setFontSizes", {"fontSizes": {"standard": 16, "fixed": 13}})
        page.add_style_tag(content=SPACING)
        found += [f"{fault} (spacing)" for width in (1280, 320) for fault in faults_at(page, width, CUT, OVERLAP)]
        faults += [f"{path}: {fault}" for fault in found]

    assert "\n".join(faults) == ""


def test_forced_colours_leave_every_state_visible(house: House, person: Callable[..., Page]) -> None:
    """Focus, what is chosen, faults and charts show where people have set their own colours."""
    page = person(viewport={"width": 1280, "height": 800}, forced_colors="active")
    sign_in(page, house, CODE)
    faults = []
    for path in KINDS:
        opened(page, house, path)
        assert page.evaluate("matchMedia('(forced-colors: active)').matches")
        faults += [f"{path}: {fault}" for fault in page.evaluate(FOCUS)]
    page.goto(at(house, ""))
    page.get_by_role("combobox").press_sequentially("pass", delay=10)
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")
    options = page.get_by_role("option").evaluate_all("(all) => all.map((each) => getComputedStyle(each).outlineStyle)")
    page.goto(at(house, "desk/reports/requests?period=30"))
    strokes = page.locator(".chart path.line, .chart .area").evaluate_all(LINES)
    page.goto(at(house, "search?q=password"))
    current = page.locator(".languages [aria-current]").evaluate("(each) => getComputedStyle(each).outlineStyle")

    assert "\n".join(faults) == ""
    assert options[0] == "solid"
    assert set(options[1:]) == {"none"}
    assert strokes
    assert all(stroke != "none" for stroke, _ in strokes)
    assert current == "solid"


#: Stroke and pattern of each.
LINES = "(all) => all.map((each) => [getComputedStyle(each).stroke, getComputedStyle(each).strokeDasharray])"


def test_nothing_moves_for_who_wants_no_motion(house: House, person: Callable[..., Page]) -> None:
    """No transition, no animation, no smooth scrolling; with motion there is some, so the check can fail."""
    found: dict[str, list[str]] = {}
    for wish in ("reduce", "no-preference"):
        page = person(reduced_motion=wish)
        sign_in(page, house, CODE)
        found[wish] = []
        for path in KINDS[::2] if wish == "reduce" else KINDS[:2]:
            opened(page, house, path)
            found[wish] += [f"{path}: {fault}" for fault in page.evaluate(MOTION)]

    assert found["reduce"] == []
    assert found["no-preference"]


def test_no_side_is_physical() -> None:
    """Styles say start and end, so that a language from right to left needs no others."""
    physical = re.compile(
        r"(?:margin|padding|border|inset|scroll-margin|scroll-padding)-(?:left|right)|[{;\s](?:left|right)\s*:"
        r"|(?:float|clear|text-align)\s*:\s*(?:left|right)|translateX|-(?:left|right)-radius|border-radius:[^;}]*\s[^;}]*\s[^;}]*[;}]"
    )
    # What writers have aligned in a table stays where they have put it.
    reasoned = ('[align="left"]', '[align="right"]')
    found = [
        f"{path.name}: {line.strip()}"
        for path in STYLES
        for line in path.read_text(encoding="utf-8").splitlines()
        if physical.search(line) and not any(reason in line for reason in reasoned)
    ]

    assert len(STYLES) > 5
    assert physical.search("a { margin-left: 1px; }")
    assert found == []


def test_from_right_to_left(house: House, person: Callable[..., Page]) -> None:
    """With the same words mirrored: nothing scrolls sideways, is cut off or overlaps; the order of parts is mirrored."""
    page = person(viewport={"width": 1280, "height": 800})
    faults: list[str] = []
    with spoken(mirrored):
        sign_in(page, house, CODE)
        for path in KINDS:
            opened(page, house, path)
            page.evaluate("document.documentElement.dir = 'rtl'")
            found = [fault for width in (1280, 360) for fault in faults_at(page, width, CUT, OVERLAP)]
            faults += [f"{path}: {fault}" for fault in found]
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(at(house, "desk/reports/requests?period=30"))
        page.evaluate("document.documentElement.dir = 'rtl'")
        outside = page.locator(".chart text").evaluate_all(OUTSIDE)
        page.goto(at(house, ""))
        page.evaluate("document.documentElement.dir = 'rtl'")
        brand, field, button = (box(page, part) for part in (".brand", "#ui-search", ".hero button"))
        page.goto(at(house, "desk/tickets/{request}"))
        page.evaluate("document.documentElement.dir = 'rtl'")
        panes = [box(page, part)["x"] for part in (".beside", ".conversation", ".facts-pane")]
        page.goto(at(house, "desk/"))
        page.evaluate("document.documentElement.dir = 'rtl'")
        cells = (
            page.locator(".queue tbody tr")
            .first.locator("td")
            .evaluate_all("(all) => all.map((each) => each.getBoundingClientRect().x)")
        )

    assert "\n".join(faults) == ""
    assert outside == []
    assert brand["x"] > 640
    assert field["x"] > button["x"]
    assert panes == sorted(panes, reverse=True)
    assert cells == sorted(cells, reverse=True)


#: Words of charts that are drawn beside their chart.
OUTSIDE = """
(all) => all.filter((each) => {
  const [own, chart] = [each, each.closest(".chart")].map((part) => part.getBoundingClientRect());
  return own.width && (own.left < chart.left - 2 || own.right > chart.right + 16);
}).map((each) => each.textContent)
"""


def box(page: Page, part: str) -> Any:
    """Where something is."""
    found = page.locator(part).first
    expect(found).to_be_visible()
    return found.bounding_box()


#: What is not printed of a page, and what is.
PRINTED = {
    "{private}": ((".top", ".foot"), ".thread"),
    "accessibility": ((".top", ".crumbs", ".foot"), ".prose"),
    "desk/reports/?period=30": ((".top", ".desk-foot"), ".figure-cards"),
}


def test_print(house: House, person: Callable[..., Page]) -> None:
    """What is read is printed, what is pressed is not."""
    page = person()
    sign_in(page, house, CODE)
    page.emulate_media(media="print")
    for path, (hidden, shown) in PRINTED.items():
        page.goto(at(house, path))

        for part in hidden:
            expect(page.locator(part).first).to_be_hidden()
        expect(page.locator(shown).first).to_be_visible()
