"""Feeds of changed articles: as feed readers read them, and as RFC 4287 wants them."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import feedparser  # type: ignore[import-untyped]
import pytest
from flask.testing import FlaskClient

from portal.app import create_app
from portal.locales import CODES
from portal.server import prepare
from portal.settings import Settings
from portal.web.feeds import _element
from tests.builders import settings, write_article, write_library

ATOM = "{http://www.w3.org/2005/Atom}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small library, a draft, articles for writers, many old articles, and texts that are no XML yet."""
    root = write_library(tmp_path_factory.mktemp("feeds") / "articles")
    write_article(root, "en", "hidden", "A hidden draft", status="draft")
    write_article(root, "en", "handbook", "The handbook of writers", topic="inside")
    write_article(
        root, "en", "signs", "Signs & <b>wonders</b> ]]> “quoted”", "The *first* line says it.", updated="2026-02-03"
    )
    for number in range(60):
        day = date(2025, 12, 31) - timedelta(days=number)
        write_article(root, "fr", f"old-{number:02}", f"Ancien {number}", topic="devices", updated=day.isoformat())
    with (root / "topics.yml").open("a", encoding="utf-8") as file:
        file.write("inside:\n  audience: writers\n  name: {en: Inside}\nempty:\n  name: {en: Nothing}\n")
    return root


@pytest.fixture(scope="module")
def wanted(root: Path) -> Settings:
    """Settings with a public address."""
    return settings(root, root.parent / "var", base_url="https://help.example.org", trusted_hosts=("localhost",))


@pytest.fixture(scope="module")
def client(wanted: Settings) -> FlaskClient:
    """Somebody who reads feeds."""
    prepare(wanted)
    return create_app(wanted).test_client()


def feed(client: FlaskClient, path: str) -> Any:
    """A feed as a reader's program reads it."""
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    found = feedparser.parse(answer.data, response_headers={"content-type": answer.content_type})
    assert not found.bozo, found.get("bozo_exception")
    assert found.version == "atom10"
    return found


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("path", ["/{}/feed.xml", "/{}/topics/accounts/feed.xml", "/{}/topics/devices/feed.xml"])
def test_a_feed_is_what_the_standard_wants(path: str, language: str, client: FlaskClient) -> None:
    """What RFC 4287 demands of a feed and of every entry: once each, no link of a kind and language twice."""
    address = path.format(language)
    feed(client, address)
    tree = ET.fromstring(client.get(address).data)

    assert tree.attrib[LANGUAGE] == language
    for part in (tree, *tree.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(part.findall(ATOM + name)) == 1
            assert part.findtext(ATOM + name)
        assert re.fullmatch(r"tag:help\.example\.org,2026:[\w./-]+", part.findtext(f"{ATOM}id") or "")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", part.findtext(f"{ATOM}updated") or "")
        links = [link.attrib for link in part.findall(f"{ATOM}link")]
        kinds = [(link["rel"], link["type"], link["hreflang"]) for link in links]
        assert len(kinds) == len(set(kinds))
        assert all(link["href"].startswith("https://help.example.org/") for link in links)
        assert ("alternate", "text/html", language) in kinds
        assert all(
            client.get(link["href"].removeprefix("https://help.example.org")).status_code == 200 for link in links[:3]
        )
    own = [link.attrib["href"] for link in tree.findall(f"{ATOM}link") if link.attrib["rel"] == "self"]
    assert own == [f"https://help.example.org{address}"]
    assert tree.findtext(f"{ATOM}author/{ATOM}name")


def test_the_fifty_that_changed_last_come_first(client: FlaskClient) -> None:
    """By day, then by slug; the feed is as new as its newest entry."""
    found = feed(client, "/fr/feed.xml")
    days = [entry.updated for entry in found.entries]

    assert len(found.entries) == 50
    assert days == sorted(days, reverse=True)
    assert found.entries[0].link == "https://help.example.org/fr/articles/reset-password"
    assert found.feed.updated == days[0] == "2026-01-05T00:00:00Z"


def test_nothing_that_readers_may_not_see_is_in_a_feed(client: FlaskClient) -> None:
    """Neither drafts nor articles for writers, nor what exists in another language only."""
    titles = {entry.title for code in CODES for entry in feed(client, f"/{code}/feed.xml").entries}

    assert not [title for title in titles if "hidden" in title or "handbook" in title]
    assert client.get("/en/topics/inside/feed.xml").status_code == 404
    assert client.get("/en/topics/no-such/feed.xml").status_code == 404
    assert [entry.link.rpartition("/")[2] for entry in feed(client, "/ru/topics/accounts/feed.xml").entries] == [
        "reset-password"
    ]
    assert feed(client, "/ru/topics/devices/feed.xml").entries == []


def test_texts_are_texts(client: FlaskClient) -> None:
    """What looks like markup is not; without a summary the text's beginning stands for it; every language is named."""
    entries = {entry.id.rpartition("/")[2]: entry for entry in feed(client, "/en/feed.xml").entries}
    raw = ET.fromstring(client.get("/en/feed.xml").data)
    titles = [title.text for title in raw.iter(f"{ATOM}title")]

    assert "Signs & <b>wonders</b> ]]> “quoted”" in titles
    assert entries["signs"].summary == "The first line says it."
    assert [(link.hreflang, link.href.split("/")[3]) for link in entries["reset-password"].links] == [
        (code, code) for code in ("en", "de", "fr", "ru")
    ]
    assert [(tag.term, tag.label) for tag in entries["printer-offline"].tags] == [("devices", "Devices")]


def test_what_xml_cannot_hold_is_in_no_part_of_a_feed() -> None:
    """Neither in texts nor in attributes."""
    parent = ET.Element("entry")
    _element(parent, "category", "a\x08b", label="c\x0bd")

    again = ET.fromstring(ET.tostring(parent))[0]
    assert (again.text, again.attrib) == ("a\ufffdb", {"label": "c\ufffdd"})


def test_a_reader_that_has_it_gets_no_second_copy(client: FlaskClient, wanted: Settings, root: Path) -> None:
    """304 until something changes; a changed article keeps its name, and stands above all others."""
    first = client.get("/de/feed.xml")
    same = client.get("/de/feed.xml", headers={"If-None-Match": first.headers["ETag"]})
    before = {entry.id for entry in feed(client, "/de/feed.xml").entries}
    write_article(root, "de", "printer-offline", "Der Drucker druckt nicht", topic="devices", updated="2026-02-07")
    prepare(wanted)
    later = create_app(wanted).test_client()
    changed = later.get("/de/feed.xml", headers={"If-None-Match": first.headers["ETag"]})
    entries = feedparser.parse(changed.data).entries

    assert (same.status_code, same.data) == (304, b"")
    assert "public" in first.headers["Cache-Control"]
    assert not first.headers.getlist("Set-Cookie")
    assert changed.status_code == 200
    assert entries[0].title == "Der Drucker druckt nicht"
    assert {entry.id for entry in entries} == before


def test_pages_lead_to_their_feeds(client: FlaskClient) -> None:
    """In the head of every public page, of a topic also to its own, and there for everybody to see."""
    home, topic = client.get("/de/").text, client.get("/de/topics/devices").text
    links = re.findall(r'<link rel="alternate" type="application/atom\+xml"[^>]* href="([^"]+)"', topic)

    assert links == ["/de/topics/devices/feed.xml", "/de/feed.xml"]
    assert 'href="/de/feed.xml"' in home
    assert '<a href="/de/topics/devices/feed.xml" type="application/atom+xml">' in topic
