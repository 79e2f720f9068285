"""The exported site in Chromium, opened from a disk: search, keyboard, accessibility, and nothing from elsewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.judgments import read_queries
from portal.locales import CODES
from portal.queries import read_query
from portal.selfservice import answer
from portal.services import Services
from portal.writing.exporting import Wanted, export_site
from tests.needs import REPOSITORY
from tests.test_browser import check_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped articles as a site, in a folder with an awkward name."""
    target = tmp_path_factory.mktemp("export") / "Hilfe & Co #1"
    export_site(REPOSITORY / "articles", target, Wanted(), "en", lambda _done, _total: None)
    return target


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab on a narrow screen that may ask nobody for anything."""
    context = browser.new_context(viewport={"width": 360, "height": 780}, offline=True)
    made = context.new_page()
    faults: list[str] = []
    made.on("pageerror", lambda error: faults.append(str(error)))
    made.on("request", lambda request: faults.append(request.url) if not request.url.startswith("file:") else None)
    yield made
    context.close()
    assert faults == []


def search(page: Page, site: Path, language: str, text: str) -> None:
    """Type a search into the page of a language, and wait for what it comes to."""
    address = (site / language / "search" / "index.html").as_uri()
    if page.url.partition("#")[0] != address:
        page.goto(address)
    page.fill("#ui-search", text)
    page.press("#ui-search", "Enter")
    page.wait_for_function("text => document.querySelector('#ui-results').dataset.query === text", arg=text)


def titles(page: Page) -> list[str]:
    """The slugs of the results."""
    addresses = page.eval_on_selector_all("#ui-results a", "links => links.map((link) => link.pathname)")
    return [Path(address).name.removesuffix(".html") for address in addresses]


@pytest.mark.parametrize("language", CODES)
def test_pages_are_accessible_and_fit_a_narrow_screen(language: str, page: Page, site: Path) -> None:
    """Home, topic, article, results, nothing found, moved; with the words of the language."""
    words = {"en": "printer", "fr": "imprimante", "de": "Drucker", "ru": "принтер"}[language]
    faults: list[str] = []
    for path in ("index.html", "topics/accounts.html", "special-characters.html", "reset-password.html"):
        page.goto((site / language / path).as_uri())
        faults += check_page(page, f"{language}/{path}")
    search(page, site, language, words)
    expect(page.locator("#ui-results mark").first).to_be_visible()
    faults += check_page(page, f"{language} results")
    search(page, site, language, "xqzvw")
    faults += check_page(page, f"{language} nothing")
    expect(page.locator("#ui-status")).to_contain_text("xqzvw")

    assert faults == []


def test_the_first_page_knows_the_browsers_language(browser: Browser, site: Path) -> None:
    """And offers all of them where the site has it not."""
    for locale, ending in (("ru-RU", r"#1/ru/index\.html$"), ("ja", r"#1/index\.html$")):
        page = browser.new_context(locale=locale).new_page()
        page.goto((site / "index.html").as_uri())
        page.wait_for_url(re.compile(ending.replace("#", "%23")))
        assert check_page(page, locale) == []
        page.context.close()


def test_search_by_keyboard(page: Page, site: Path) -> None:
    """From the field of any page, by arrows through the results, to the section; counted aloud."""
    page.goto((site / "fr" / "reset-password.html").as_uri())
    page.fill("#ui-search", "imprimante hors connexion")
    page.press("#ui-search", "Enter")
    page.wait_for_url("**/fr/search/index.html?q=*")
    expect(page.locator("#ui-results li").first).to_be_visible()
    assert re.fullmatch(r"\d+ résultats", page.locator("#ui-status").inner_text())

    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/fr/printer-offline.html**")
    assert page.evaluate("!location.hash || Boolean(document.querySelector(':target'))")


def test_search_understands(page: Page, site: Path) -> None:
    """Accents, ё, ß, umlauts in two letters, typing errors, another layout, another language, half a word."""
    for language, text, slug in (
        ("fr", "REINITIALISER mot de passe", "reset-password"),
        ("ru", "еще раз пароль", "reset-password"),
        ("de", "Passwort zuruecksetzen", "reset-password"),
        ("en", "pritner ofline", "printer-offline"),
        ("ru", "gfhjkm", "reset-password"),
        ("en", "Drucker offline", "printer-offline"),
        ("de", "Kennwortänderung", "reset-password"),
    ):
        search(page, site, language, text)
        assert slug in titles(page)[:3], (language, text, titles(page))
    search(page, site, "en", "pritner ofline")
    expect(page.locator("#ui-note")).to_contain_text("Showing results for “printer offline”.")
    page.locator("#ui-note a").click()
    expect(page.locator("#ui-status")).to_contain_text("We found nothing")
    page.fill("#ui-search", "synchroni")
    expect(page.locator("#ui-results li").first).to_be_visible()


def test_search_finds_what_the_portal_finds(page: Page, site: Path, shipped_services: Services) -> None:
    """Of judged queries that the portal answers among its first three, nine in ten are answered there too."""
    edition = shipped_services.edition
    files = read_queries([REPOSITORY / "tests" / "judgments"])
    judged = [one for file in files for one in file.queries if one.relevant][::6]
    by_portal = 0
    missed = []
    for one in judged:
        found = answer(edition, read_query(one.language, one.text)).results[:3]
        if not {result.item.article.slug for result in found} & set(one.relevant):
            continue
        by_portal += 1
        search(page, site, one.language, one.text)
        if not set(titles(page)[:3]) & set(one.relevant):
            missed.append((one.language, one.text, titles(page)[:3]))

    assert by_portal > 40
    assert len(missed) <= by_portal / 10, missed
