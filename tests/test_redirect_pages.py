"""Old addresses over HTTP: one redirect to the article of today, in every language, with everything that was asked."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from portal.app import create_app
from portal.locales import CODES
from portal.server import prepare
from portal.services import open_services
from portal.settings import Settings
from portal.storage import feedback
from portal.writing.slugs.renaming import plan_rename, plan_retirement
from tests.builders import write_article
from tests.publishing import Folder

#: Opens the portal as it is when its files have been published.
Opening = Callable[[], FlaskClient]


@pytest.fixture
def opened(instance: Settings) -> Opening:
    """Publishes what was written and opens the portal on it."""

    def open_it() -> FlaskClient:
        prepare(instance)
        return create_app(instance, open_services(instance)).test_client()

    return open_it


def places(client: FlaskClient, *paths: str) -> list[tuple[int, str | None]]:
    """Status and target of some pages."""
    return [(answer.status_code, answer.location) for answer in map(client.get, paths)]


def test_however_often_it_was_renamed_one_redirect_leads_to_the_article(opened: Opening, library_folder: Path) -> None:
    """A chain of names, in each language; also where the article is shown in another one."""
    plan_rename(library_folder, "vpn-only-english", "tunnel", "en").carry_out()
    plan_rename(library_folder, "tunnel", "connect-vpn", "en").carry_out()

    client = opened()

    for code in CODES:
        assert (
            places(client, f"/{code}/articles/vpn-only-english", f"/{code}/articles/tunnel")
            == [(308, f"/{code}/articles/connect-vpn")] * 2
        )
        assert client.get(f"/{code}/articles/connect-vpn").status_code == 200


def test_capitals_lead_to_the_article_too(opened: Opening, library_folder: Path) -> None:
    """Of old slugs and of those of today: people type as they were told on the telephone."""
    (library_folder / "redirects.yml").write_text("old-printer: printer-offline\n", encoding="utf-8")

    client = opened()

    assert places(client, "/de/articles/Old-Printer", "/fr/articles/PRINTER-OFFLINE") == [
        (308, "/de/articles/printer-offline"), (308, "/fr/articles/printer-offline")
    ]  # fmt: skip


def test_what_else_was_asked_is_asked_of_the_new_address(opened: Opening, library_folder: Path) -> None:
    """Queries as they were typed, and nothing in them becomes a part of the address; anchors stay with the browser."""
    (library_folder / "redirects.yml").write_text("old: printer-offline\n", encoding="utf-8")

    client = opened()

    for query in (
        "vote=yes",
        "utm=a%20b&c=%C3%A9",
        "_external=1&_scheme=javascript&slug=x",
        "next=//evil.example",
        "a=1%0d%0aX: y",
    ):
        answer = client.get(f"/de/articles/old?{query}")
        assert answer.status_code == 308
        assert answer.location.replace("%20", " ") == f"/de/articles/printer-offline?{query}".replace("%20", " ")
        assert "#" not in answer.location
        # A browser that kept it for ever would go in a circle if the old name came back.
        assert answer.headers["Cache-Control"] == "public, max-age=0, must-revalidate"


def test_a_vote_on_an_old_page_counts_for_the_article(
    opened: Opening, instance: Settings, library_folder: Path
) -> None:
    """The page was open when the article was renamed; its form is sent on, with what was typed."""
    plan_rename(library_folder, "printer-offline", "offline", "en").carry_out()
    client = opened()

    answer = client.post("/de/articles/printer-offline/vote", data={"helpful": "yes"})
    assert (answer.status_code, answer.location) == (308, "/de/articles/offline/vote")
    client.post(answer.location, data={"helpful": "yes"})

    with open_services(instance).database.read() as connection:
        assert {key[:2]: tally for key, tally in feedback.tallies(connection).items()} == {("de", "offline"): (1, 1)}


def test_circles_and_dead_ends_are_no_pages(opened: Opening, library_folder: Path) -> None:
    """Never an endless loop: 404; what leads away from an article has no effect."""
    text = "a: b\nb: a\nself: self\ndead: nothing\nover: ~\nreset-password: printer-offline\n"
    (library_folder / "redirects.yml").write_text(text, encoding="utf-8")

    client = opened()

    for code in CODES:
        found = places(
            client, *(f"/{code}/articles/{slug}" for slug in ("a", "b", "self", "dead", "over", "reset-password"))
        )
        assert [status for status, _ in found] == [404] * 5 + [200]


def test_addresses_outlive_the_article(opened: Opening, library_folder: Path) -> None:
    """A renamed article is retired: its first name leads to what took its place, and so does its alias."""
    write_article(library_folder, "en", "vpn-only-english", aliases="[vpn-alias]")
    plan_rename(library_folder, "vpn-only-english", "tunnel", "en").carry_out()
    plan_retirement(library_folder, "tunnel", "printer-offline", "en").carry_out()

    client = opened()

    slugs = ("vpn-only-english", "tunnel", "vpn-alias")
    assert places(client, *(f"/ru/articles/{slug}" for slug in slugs)) == [(308, "/ru/articles/printer-offline")] * 3


def test_a_typing_error_in_the_file_loses_no_address(folder: Folder) -> None:
    """While the file cannot be read, the redirects of before hold; the problem is reported with its line."""
    path = folder.articles / "redirects.yml"
    path.write_text("old: printer-offline\n", encoding="utf-8")
    folder.publish()
    path.write_text("old: printer-offline\nother: [\n", encoding="utf-8")

    report = folder.publish()

    assert [(item.path, item.line, item.code) for item in report.problems] == [("redirects.yml", 3, "bad-redirects")]
    assert folder.edition.knowledge.aliases == {"old": "printer-offline"}


def test_a_changed_line_alone_is_published(opened: Opening, library_folder: Path) -> None:
    """No article has changed, yet readers are led anew."""
    path = library_folder / "redirects.yml"
    path.write_text("old: printer-offline\n", encoding="utf-8")
    before = places(opened(), "/en/articles/old")
    path.write_text("old: reset-password\n", encoding="utf-8")

    after = places(opened(), "/en/articles/old")

    assert [before, after] == [[(308, "/en/articles/printer-offline")], [(308, "/en/articles/reset-password")]]


def test_machines_are_told_of_new_slugs_only(opened: Opening, library_folder: Path) -> None:
    """The sitemap, suggestions and results know no old slug; a link in an article to one leads on."""
    plan_rename(library_folder, "printer-offline", "offline", "en").carry_out()
    write_article(library_folder, "en", "cables", "Cables", "See [the printer](printer-offline.md#x).")

    client = opened()

    for path in (
        "/sitemap-en-1.xml",
        "/en/feed.xml",
        "/en/suggest?q=printer",
        "/en/search?q=printer+offline",
        "/en/",
        "/en/topics/devices",
    ):
        assert "printer-offline" not in client.get(path).text.replace("printer+offline", "")
    link = re.search(r'href="([^"]*printer-offline[^"]*)"', client.get("/en/articles/cables").text)
    assert link
    assert link[1] in ("printer-offline#x", "/en/articles/printer-offline#x")
    assert places(client, "/en/articles/printer-offline") == [(308, "/en/articles/offline")]
