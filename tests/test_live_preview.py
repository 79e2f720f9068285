"""Live preview in a real browser: what a writer saves is there within a second, and readers see none of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import EMAIL, Site, sign_in
from tests.builders import PASSWORD, write_article, write_library
from tests.serving import Server, portal_with_input
from tests.test_browser import check_page

pytestmark = [pytest.mark.browser, pytest.mark.server]

EVERY_PART = (
    "Words.\n\n## Two\n\nA `b`.\n\n### Three\n\n#### Four\n\n- One\n\n1. One\n\n> Said\n\n```sh\nls\n```\n\n"
    "!!! note\n    Text.\n\n| A | B | C | D |\n|---|:--|:-:|--:|\n| a | `b c` | c | d |"
)


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small library with a draft."""
    root = write_library(tmp_path_factory.mktemp("live") / "articles")
    save(root, "Open the browser.")
    write_article(root, "en", "styles", "Every part of a text", EVERY_PART, summary="What it looks like.")
    return root


@pytest.fixture(scope="module")
def desk(articles: Path) -> Iterator[Site]:
    """The real server with a writer."""
    server = Server(articles.parent / "var", articles).start()
    options = (
        "--name",
        "Mia Lindt",
        "--role",
        "writer",
        "--own-password",
        "--password-stdin",
        "--data",
        str(server.data),
    )
    assert portal_with_input(f"{PASSWORD}\n", "staff", "add", EMAIL, *options) == 0
    yield Site(server, "")
    server.kill()


def save(root: Path, text: str, **fields: str) -> None:
    """Save the draft as an editor does: beside, then in its place."""
    more = "\n\n".join(f"## Part {number}\n\n{'Some words. ' * 200}" for number in range(8))
    path = write_article(root, "en", ".hotel.swp", "Sign in to a hotel", f"{text}\n\n{more}", status="draft", **fields)
    path.rename(root / "en" / "hotel.md")


@pytest.fixture
def preview(page: Page, desk: Site) -> Page:
    """A writer's page of the draft."""
    sign_in(page, desk)
    page.goto(desk.url("/en/desk/writers/articles/en/hotel"))
    expect(page.locator(".prose")).to_contain_text("Part 7")
    page.evaluate("window.isSame = true")
    return page


def test_what_is_saved_appears_breaks_and_is_mended_without_a_reload(preview: Page, articles: Path) -> None:
    """The text, then the error with file, line and the offending line, then the text again: in the same document."""
    status = preview.get_by_role("status")

    save(articles, "Accept the conditions of the hotel.")
    expect(preview.locator(".prose")).to_contain_text("Accept the conditions")
    told = status.inner_text()
    save(articles, "Accept the conditions of the hotel.", colour="blue")
    error = preview.locator(".problem-error")
    expect(error).to_contain_text("en/hotel.md:6")
    expect(error.locator(".quoted")).to_contain_text("colour: blue")
    expect(preview).to_have_title(re.compile("^en/hotel.md – "))
    save(articles, "Mended.")
    expect(preview.locator(".prose")).to_contain_text("Mended.")

    assert re.fullmatch(r"Updated at \d.*", told)
    assert preview.evaluate("window.isSame")


def test_the_writer_stays_where_they_are(preview: Page, articles: Path) -> None:
    """Place on the page, opened details and focus are kept."""
    preview.locator("details.front-matter").evaluate("part => { part.open = true; }")
    preview.locator("details.front-matter summary").focus()
    preview.evaluate("window.scrollTo(0, 900)")

    save(articles, "Another sentence.")
    expect(preview.locator(".prose")).to_contain_text("Another sentence.")

    place = preview.evaluate(
        "[window.scrollY, document.activeElement.tagName, document.querySelector('.front-matter').open]"
    )
    assert place == [900, "SUMMARY", True]


def test_readers_see_none_of_it(desk: Site, browser: Browser, preview: Page, articles: Path) -> None:
    """Neither page, search, suggestion nor sitemap; a page that is open says so when its writer has signed out."""
    save(articles, "The zyxomatic conditions.")
    expect(preview.locator(".prose")).to_contain_text("zyxomatic")
    own = desk.server.get("/en/desk/writers/articles/en/hotel")
    fresh = desk.server.get("/en/desk/writers/articles/en/hotel/fresh")
    paths = (
        "/en/search?q=zyxomatic",
        "/en/suggest?q=sign+in+to+a",
        "/sitemap-en-1.xml",
        "/en/feed.xml",
        "/en/",
        "/en/topics/accounts",
    )
    told = [path for path in paths if "hotel" in desk.server.get(path)[1] or "conditions" in desk.server.get(path)[1]]

    assert [desk.server.get(f"/{code}/articles/hotel")[0] for code in ("en", "fr", "de", "ru")] == [404] * 4
    assert told == []
    assert (own[0], fresh[0]) == (303, 303)
    assert "zyxomatic" not in own[1] + fresh[1]

    preview.context.clear_cookies()
    expect(preview.get_by_role("status")).to_have_text("This page is no longer brought up to date. Load it again.")


def test_a_page_that_nobody_looks_at_asks_nothing(preview: Page, articles: Path) -> None:
    """Hidden, it rests; seen again, it is brought up to date at once."""
    preview.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    preview.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    preview.wait_for_load_state("networkidle")
    asked: list[str] = []
    preview.on("request", lambda request: asked.append(request.url))
    save(articles, "While nobody looked.")
    preview.wait_for_load_state("networkidle")
    quiet = list(asked)

    preview.evaluate("Object.defineProperty(document, 'hidden', { value: false, configurable: true })")
    preview.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(preview.locator(".prose")).to_contain_text("While nobody looked.")

    assert quiet == []


LOOK = """parts => parts.map(part => {
  const style = getComputedStyle(part);
  const names = ["fontSize", "lineHeight", "fontWeight", "letterSpacing", "marginTop", "marginBottom", "paddingLeft",
                 "color", "backgroundColor", "textAlign", "whiteSpace", "minWidth"];
  return [part.tagName, ...names.map(name => style[name])].join(" ");
})"""


@pytest.mark.parametrize("width", [360, 1280])
def test_the_preview_looks_as_readers_will_see_it(width: int, page: Page, desk: Site) -> None:
    """Title, summary and every part of the text have the public page's styles; columns are aligned as written."""
    page.set_viewport_size({"width": width, "height": 780})
    sign_in(page, desk)
    looks = []
    for path in ("/en/desk/writers/articles/en/styles", "/en/articles/styles"):
        page.goto(desk.url(path))
        expect(page.locator(".prose")).to_contain_text("Said")
        looks.append(page.locator(".lead > *, .prose, .prose *").evaluate_all(LOOK))
        aligned = page.locator(".prose td").evaluate_all("cells => cells.map(cell => getComputedStyle(cell).textAlign)")
        assert aligned == ["start", "left", "center", "right"]

    assert looks[0] == looks[1]


@pytest.mark.parametrize(("scheme", "width"), [("dark", 360), ("light", 1280)])
def test_nothing_stands_in_a_writers_way(scheme: Any, width: int, browser: Browser, desk: Site, articles: Path) -> None:
    """axe finds nothing and nothing scrolls sideways, in any language of the interface."""
    write_article(articles, "de", "hotel", "Im Hotel anmelden", "x", colour="blau " * 60)
    write_article(articles, "fr", "hotel", "À l’hôtel", "### Trop bas\n\nOuvrez le navigateur.", status="draft")
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 780})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    sign_in(page, desk)
    paths = (
        "articles/",
        "articles/en/hotel",
        "articles/de/hotel",
        "articles/fr/hotel",
        "compare/reset-password/ru",
        "compare/hotel/fr",
    )
    for language, path in zip(("en", "de", "fr", "ru", "de", "ru"), paths, strict=True):
        page.goto(desk.url(f"/{language}/desk/writers/{path}"))
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        faults += check_page(page, f"/{language}/{path}")
    context.close()

    assert faults == []
