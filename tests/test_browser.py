"""The portal in a real browser: accessibility, languages, keyboard, print, zoom."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.browsing import Site, sign_in
from tests.needs import axe

pytestmark = pytest.mark.browser


def public_pages(site: Site, language: str) -> list[str]:
    """Every kind of page that readers see."""
    paths = [
        "/",
        "/topics/accounts",
        "/articles/reset-password",
        "/articles/special-characters",
        "/articles/support-tiers?vote=no",
        "/articles/priority?vote=yes",
        "/accessibility",
        "/search",
        "/search?q=VPN",
        "/search?q=zyxomat+jumping",
        # Put right, in another language, perhaps answered, exactly as typed.
        "/search?q=gfhjkm",
        "/search?q=Drucker+offline",
        "/search?q=paswort+printr&exact=1",
        "/search?q=%3F%3F",
        "/requests/new?query=zyxomat",
        "/requests/find",
        "/requests/solved?article=reset-password",
        f"/requests/{'0' * 64}",
        "/subscriptions/sent",
        f"/subscriptions/{'0' * 64}",
        f"/subscriptions/{'0' * 64}/stop",
        site.private,
        f"{site.private}?sent=yes",
        "/nothing-here",
        "/sign-in",
    ]
    return [f"/{language}{path}" for path in paths]


DESK_PAGES = [
    "/desk/",
    "/desk/?show=done",
    "/desk/tickets/1",
    "/desk/tickets/2",
    "/desk/explain?q=Druker+offlin",
    "/desk/explain",
    "/desk/writers/",
    "/desk/writers/gaps",
    "/desk/writers/texts",
    "/desk/writers/helpfulness",
    "/desk/writers/feedback/en/reset-password",
    "/desk/writers/articles/",
    "/desk/writers/articles/en/reset-password",
    "/desk/writers/compare/reset-password/de",
]


def check_page(page: Page, where: str) -> list[str]:
    """What the accessibility checker, a narrow screen and the console have against a page."""
    page.evaluate(axe())
    options = {
        "resultTypes": ["violations"],
        "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
    found = page.evaluate(f"axe.run(document, {json.dumps(options)})")
    faults = [f"{where}: {fault['id']}: {fault['nodes'][0]['html'][:150]}" for fault in found["violations"]]
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    if width[0] > width[1]:
        faults.append(f"{where}: {width[0]} px wide on a screen of {width[1]}")
    return faults


#: Every language, and every pair of scheme and width: colours and room go wrong in those, names in the others.
LOOKS = [("en", "light", 360), ("fr", "dark", 1280), ("de", "light", 1280), ("ru", "dark", 360)]


@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS)
def test_nothing_stands_in_anybodys_way(language: str, scheme: Any, width: int, browser: Browser, site: Site) -> None:
    """axe finds nothing, nothing scrolls sideways, no console message, no request to another host."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 780})
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))

    def record(request: Request) -> None:
        if not request.url.startswith((site.server.url, "data:")):
            faults.append(f"request to {request.url}")

    page.on("request", record)
    for path in public_pages(site, language):
        page.goto(site.url(path))
        faults += check_page(page, path)
    sign_in(page, site, language)
    for path in DESK_PAGES:
        page.goto(site.url(f"/{language}{path}"))
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        faults += check_page(page, f"/{language}{path}")
    context.close()

    # The browser reports the status of error pages, which is what they are for.
    assert [fault for fault in faults if "status of 404" not in fault] == []


ENGLISH = frozenset(
    "the and with your from this that was were have has been not you for here again please search help article request "
    "reply password address send write open close read".split()
)
#: Of these, what is a word of the other language too.
SHARED = {"fr": {"article"}, "de": {"was", "not", "has", "open"}, "ru": set[str]()}
#: Text that is not the interface's: articles, what people typed, languages' own names.
CONTENT = ".prose, .lead, .result, .thread, .languages, .links, .entries, .contents, .crumbs, .brand, .tags, textarea, input, h1 span, .queue .subject, .facts-pane code, .facts-pane dd a, [lang], .private-link, .error-code, code, .beside-row"


@pytest.mark.parametrize("language", ["fr", "de", "ru"])
def test_no_english_is_left_on_any_page(language: str, page: Page, site: Site) -> None:
    """The interface, with its labels for screen readers and its titles, is in the reader's language alone."""
    sign_in(page, site, language)
    left: list[str] = []
    for path in [*public_pages(site, language), *(f"/{language}{path}" for path in DESK_PAGES)]:
        page.goto(site.url(path))
        words = page.evaluate(
            """(content) => {
                const clone = document.querySelector("body").cloneNode(true);
                const labels = [...clone.querySelectorAll("*")].flatMap(e => e.closest(content) ? [] :
                    ["aria-label", "placeholder", "title", "data-count-one", "data-count-many"].map(n => e.getAttribute(n)));
                clone.querySelectorAll(content + ", script").forEach(e => e.remove());
                return [...labels.filter(Boolean), clone.textContent].join(" ");
            }""",
            CONTENT,
        )
        found = set(re.findall(r"[a-z]+", words.lower())) & (ENGLISH - SHARED[language])
        left += [f"{path}: {word}" for word in sorted(found)]

    assert left == []


def test_suggestions_follow_the_keyboard(page: Page, site: Site) -> None:
    """Arrow keys choose, focus stays in the field, Escape closes, Enter opens; screen readers are told."""
    page.goto(site.url("/de/"))
    field = page.get_by_role("combobox")
    field.press_sequentially("kon", delay=20)
    listed = page.get_by_role("option")
    expect(listed.first).to_be_visible()

    field.press("ArrowDown")
    first = field.get_attribute("aria-activedescendant")
    field.press("ArrowDown")
    second = field.get_attribute("aria-activedescendant")
    announced = page.locator("form [role=status]").inner_text()
    field.press("Escape")
    expect(listed.first).to_be_hidden()
    closed = field.get_attribute("aria-expanded")
    field.press_sequentially("t", delay=20)
    expect(listed.first).to_be_visible()
    field.press("ArrowDown")
    expect(field).to_be_focused()
    field.press("Enter")

    page.wait_for_url("**/de/articles/*")
    assert first
    assert second
    assert first != second
    assert closed == "false"
    assert "Pfeiltasten" in announced


def test_enter_without_a_choice_searches(page: Page, site: Site) -> None:
    """The list never takes the search away."""
    page.goto(site.url("/en/"))
    field = page.get_by_role("combobox")
    field.press_sequentially("printer", delay=20)
    expect(page.get_by_role("option").first).to_be_visible()

    field.press("Enter")

    page.wait_for_url("**/en/search?q=printer")
    expect(page.get_by_role("searchbox").or_(page.get_by_role("combobox"))).to_have_value("printer")


def test_an_explicit_choice_of_language_is_remembered(browser: Browser, site: Site) -> None:
    """Afterwards the bare address leads to it, whatever the browser asks for."""
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(site.url("/"))
    first = page.url
    page.get_by_role("link", name="Русский").click()
    page.goto(site.url("/"))

    assert (first, page.url) == (site.url("/de/"), site.url("/ru/"))
    context.close()


def test_the_skip_link_comes_first_and_works(page: Page, site: Site) -> None:
    """One key and Enter lead past the header."""
    page.goto(site.url("/en/articles/reset-password"))

    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")

    assert first == "Skip to the content"
    assert page.evaluate("document.activeElement.id") == "ui-main"


def test_the_error_summary_takes_the_focus_and_leads_to_the_field(page: Page, site: Site) -> None:
    """Who is told of a fault is one key away from mending it."""
    page.goto(site.url("/fr/requests/new"))
    page.locator("#ui-request > button[type=submit]").click()

    expect(page.locator(".summary")).to_be_focused()
    page.locator(".summary a").first.click()
    expect(page.locator("[name=description]:not(meta)")).to_be_focused()


def test_links_in_results_lead_to_their_section(page: Page, site: Site) -> None:
    """The anchor exists and is where the reader lands."""
    page.goto(site.url("/ru/search?q=заблокирована"))
    link = page.locator(".result-title a[href*='#']").first
    anchor = (link.get_attribute("href") or "").split("#")[1]

    link.click()

    expect(page.locator(f"[id='{anchor}']")).to_be_in_viewport()


def test_print_shows_the_article_alone(page: Page, site: Site) -> None:
    """No navigation, no form; the text stays."""
    page.goto(site.url("/en/articles/connect-vpn"))

    page.emulate_media(media="print")

    for hidden in ("header.top", "footer.foot", ".feedback", ".ask"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator(".prose")).to_be_visible()


def test_text_at_twice_its_size_stays_readable(browser: Browser, site: Site) -> None:
    """At 200 % on a small screen nothing is cut off or scrolls sideways."""
    context = browser.new_context(viewport={"width": 640, "height": 780})
    page = context.new_page()
    faults = []
    for path in ("/de/", "/de/articles/accessibility-settings", "/ru/search?q=пароль", "/de/requests/new"):
        page.goto(site.url(path))
        page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
        width = page.evaluate("document.documentElement.scrollWidth")
        faults += [f"{path}: {width}"] if width > 640 else []
    context.close()

    assert faults == []


#: Where everything that is seen stands, once the styles are there and before or after the scripts have run.
PLACES = """() => [...document.querySelectorAll("main *")].filter((each) => each.checkVisibility({ visibilityProperty: true }))
    .map((each) => [each.tagName, each.className, Math.round(each.getBoundingClientRect().top)].join(" "))"""
STYLED = """() => [...document.querySelectorAll("link[rel=stylesheet]")].every((each) => each.sheet)
    && document.querySelector("main + *")"""


@pytest.mark.parametrize("path", ["/en/desk/", "/en/requests/new"])
def test_nothing_moves_once_the_scripts_have_come(path: str, page: Page, site: Site) -> None:
    """However late they are: what they show has its place, and what they hide was never seen."""
    sign_in(page, site)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/*.js*", hold)
    page.goto(site.url(path), wait_until="commit")
    page.wait_for_function(STYLED)
    while len(held) < page.locator("script[src]").count():
        page.wait_for_timeout(20)
    before = page.evaluate(PLACES)
    for route in held:
        route.continue_()
    page.wait_for_load_state("load")
    after = page.evaluate(PLACES)

    assert len(held) > 1
    assert [each for each in before if each not in after] == []
