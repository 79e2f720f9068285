"""What machines ask of the portal: sitemaps, the search of browsers, robots, security contacts, heads of pages."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal.app import create_app
from portal.locales import CODES
from portal.server import prepare
from portal.services import Services, open_services
from portal.storage.schema import search_events, tickets
from portal.web.discovery import sitemaps
from tests.builders import settings, write_article, write_library

BASE = "https://help.example.org"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
LINK = "{http://www.w3.org/1999/xhtml}link"
SEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """The parts of a portal with a public address and a contact."""
    root = write_library(tmp_path_factory.mktemp("discovery") / "articles")
    write_article(
        root, "fr", "signes", "Signes & <b>merveilles</b> « tous »", "Un *début* de texte. " * 20, tags="[a&b]"
    )
    write_article(root, "ru", "signes", "Знаки", updated="2026-02-03", summary='"Коротко."')
    wanted = settings(
        root,
        root.parent / "var",
        base_url=BASE,
        trusted_hosts=("localhost",),
        security_contact="security+portal@example.org",
    )
    prepare(wanted)
    return open_services(wanted)


@pytest.fixture(scope="module")
def client(parts: Services) -> FlaskClient:
    """Some machine."""
    return create_app(parts.settings, parts).test_client()


def pages_of(client: FlaskClient) -> dict[str, tuple[dict[str, str], str]]:
    """All addresses of the sitemaps, with their alternates and the day of their last change."""
    found = {}
    for part in ET.fromstring(client.get("/sitemap.xml").data).findall(f"{MAP}sitemap"):
        answer = client.get((part.findtext(f"{MAP}loc") or "").removeprefix(BASE))
        assert answer.content_type.startswith("application/xml")
        for page in ET.fromstring(answer.data).findall(f"{MAP}url"):
            links = {link.attrib["hreflang"]: link.attrib["href"] for link in page.findall(LINK)}
            found[page.findtext(f"{MAP}loc") or ""] = links, page.findtext(f"{MAP}lastmod") or ""
    return found


def test_every_page_is_in_the_sitemap_of_its_language_and_names_all_others(client: FlaskClient) -> None:
    """Each address once; alternates are reciprocal, lead somewhere and say the same as the page's own head."""
    pages = pages_of(client)

    assert len(pages) == 4 + 2 * 4 + 7 + 2
    assert f"{BASE}/fr/articles/printer-offline" not in pages
    for address, (links, changed) in pages.items():
        assert links[address.split("/")[3]] == address
        assert "x-default" in links
        assert re.fullmatch(r"2026-0\d-0\d", changed)
        assert all(pages[other][0] == links for code, other in links.items() if code != "x-default")
        text = client.get(address.removeprefix(BASE)).text
        head = dict(re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="([^"]+)">', text))
        assert head == links
        assert f'<link rel="canonical" href="{address}">' in text
    assert pages[f"{BASE}/ru/articles/signes"][0]["x-default"] == f"{BASE}/fr/articles/signes"
    assert [pages[f"{BASE}/{code}/articles/signes"][1] for code in ("fr", "ru")] == ["2026-01-05", "2026-02-03"]


def test_a_large_sitemap_comes_in_parts(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part is larger than allowed, together they are the same; what is not there is a 404."""
    whole = pages_of(client)
    monkeypatch.setattr(sitemaps, "PART_SIZE", 2)
    index = re.findall(r"<loc>([^<]+)</loc>", client.get("/sitemap.xml").text)
    sizes = [client.get(part.removeprefix(BASE)).text.count("<url>") for part in index]

    assert max(sizes) == 2
    assert sum(sizes) == len(whole)
    assert pages_of(client) == whole
    for path in ("/sitemap-en-0.xml", "/sitemap-en-99.xml", "/sitemap-xx-1.xml", "/sitemap-en-99999999.xml"):
        assert client.get(path).status_code == 404
    kept = client.get("/sitemap-de-1.xml").headers["ETag"]
    assert client.get("/sitemap-de-1.xml", headers={"If-None-Match": kept}).status_code == 304


@pytest.mark.parametrize("language", CODES)
def test_browsers_can_add_the_search(language: str, client: FlaskClient) -> None:
    """The description has what OpenSearch wants within its bounds, and its addresses lead where they say."""
    page = client.get(f"/{language}/articles/reset-password").text
    path = re.search(
        r'<link rel="search" type="application/opensearchdescription\+xml" title="[^"]+" href="([^"]+)">', page
    )
    assert path
    answer = client.get(path[1])
    tree = ET.fromstring(answer.data)
    urls = {url.attrib["type"]: url.attrib["template"] for url in tree.findall(f"{SEARCH}Url")}

    assert answer.content_type.startswith("application/opensearchdescription+xml")
    assert 0 < len(tree.findtext(f"{SEARCH}ShortName") or "") <= 16
    assert 0 < len(tree.findtext(f"{SEARCH}LongName") or "") <= 48
    assert 0 < len(tree.findtext(f"{SEARCH}Description") or "") <= 1024
    results = client.get(urls["text/html"].replace("{searchTerms}", quote("VPN & <co>")).removeprefix(BASE))
    assert "VPN &amp; &lt;co&gt;" in results.text
    assert urls["application/opensearchdescription+xml"] == f"{BASE}/{language}/opensearch.xml"
    assert urls["application/x-suggestions+json"] == f"{BASE}/{language}/suggestions?q={{searchTerms}}"


def test_suggestions_for_browsers_are_lists_and_counted_nowhere(client: FlaskClient, parts: Services) -> None:
    """The text, titles, what they are part of, and where they lead; nobody is recorded, and no gap is opened."""

    def recorded() -> list[int | None]:
        parts.journal.flush()
        with parts.database.read() as connection:
            return [connection.scalar(select(func.count()).select_from(table)) for table in (search_events, tickets)]

    before = recorded()
    answer = client.get("/en/suggestions?q=pass")
    body = answer.get_json(force=True)
    for text in ("zyxomat jumping", "", "x" * 100_000, "%00%ff", "<script>"):
        odd = client.get(f"/en/suggestions?q={text}").get_json(force=True)
        assert [len(odd), odd[1:]] == [4, [[], [], []]]
        assert len(odd[0]) <= 200

    assert answer.content_type == "application/x-suggestions+json; charset=utf-8"
    assert body[0] == "pass"
    assert "Reset a forgotten password" in body[1]
    assert len(body[1]) == len(body[2]) == len(body[3])
    assert f"{BASE}/en/articles/reset-password" in body[3]
    for path in ("/en/suggestions", "/en/suggest", "/api/v1/suggest"):
        kept = client.get(f"{path}?q=pass").headers["Cache-Control"]
        assert kept == "private, max-age=60", path
    assert not answer.headers.getlist("Set-Cookie")
    assert recorded() == before


def test_who_finds_a_fault_in_security_is_told_whom_to_tell(client: FlaskClient, parts: Services) -> None:
    """RFC 9116: contact, an expiry within a year, languages, its own address; nothing where nobody is named."""
    answer = client.get("/.well-known/security.txt")
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    expires = datetime.fromisoformat(fields["Expires"])

    assert answer.content_type == "text/plain; charset=utf-8"
    assert parseaddr(fields["Contact"].removeprefix("mailto:"))[1] == "security+portal@example.org"
    assert timedelta(days=90) < expires - datetime.now(UTC) < timedelta(days=365)
    assert fields["Canonical"] == f"{BASE}/.well-known/security.txt"
    assert fields["Preferred-Languages"] == "en, fr, de, ru"
    assert len(answer.text.splitlines()) == 4


def test_nobody_to_tell_is_no_page(reader: FlaskClient) -> None:
    """Without a contact in the settings there is no security.txt."""
    assert reader.get("/.well-known/security.txt").status_code == 404


def test_robots_keep_out_of_what_is_private(client: FlaskClient) -> None:
    """Searches, suggestions, the API and private pages; pages, feeds, images and the widget stay open."""
    text = client.get("/robots.txt").text
    closed = re.findall(r"^Disallow: (\S+)$", text, re.MULTILINE)

    def is_open(path: str) -> bool:
        return not any(path.startswith(each) for each in closed)

    assert not any(
        map(is_open, ("/de/search?q=x", "/ru/suggestions?q=x", "/api/v1/search", "/fr/desk/", "/en/requests/new"))
    )
    assert all(map(is_open, ("/de/", "/de/feed.xml", "/images/a.png", "/embed/v1.js", "/sitemap-de-1.xml")))
    assert f"Sitemap: {BASE}/sitemap.xml" in text


class Head(HTMLParser):
    """The `meta` elements of a page, as a preview reads them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.said: dict[str, list[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one."""
        found = dict(attrs)
        if tag == "meta" and (name := found.get("property") or found.get("name")):
            self.said.setdefault(name, []).append(found.get("content") or "")


@pytest.mark.parametrize("path", ["/fr/", "/fr/topics/accounts", "/fr/articles/signes", "/fr/articles/reset-password"])
def test_a_link_that_is_shared_shows_what_it_leads_to(path: str, client: FlaskClient) -> None:
    """Title, description, kind, address and languages, each once and as text; what search engines quote is the same."""
    said = Head(client.get(path).text).said

    for name in ("og:title", "og:description", "og:type", "og:url", "og:site_name", "og:locale", "twitter:card"):
        assert len(said[name]) == 1
        assert said[name][0]
    assert said["description"] == said["og:description"]
    assert len(said["description"][0]) <= 160
    assert said["og:url"] == [BASE + path]
    assert said["og:locale"] == ["fr_FR"]
    assert set(said["og:locale:alternate"]) == {"ru_RU"} | (set() if "signes" in path else {"en_GB", "de_DE"})
    if path.endswith("signes"):
        assert said["og:title"] == ["Signes & <b>merveilles</b> « tous »"]
        assert re.fullmatch(r"(Un début de texte\. )+Un…", said["description"][0])
        assert said["article:tag"] == ["a&b"]


def test_what_is_shown_for_want_of_a_translation_points_to_the_text(client: FlaskClient) -> None:
    """It is no page of its own language for machines: canonical and preview name the language of the text."""
    page = client.get("/de/articles/signes").text

    assert f'<link rel="canonical" href="{BASE}/fr/articles/signes">' in page
    assert 'rel="alternate" hreflang' not in page.partition("</head>")[0]
    assert Head(page).said["og:locale"] == ["fr_FR"]


def test_images_may_be_shown_where_the_widget_may_be(tmp_path: Path) -> None:
    """Another site's page gets them only where some site may show the widget."""
    root = write_library(tmp_path / "articles")
    (root / "images").mkdir()
    (root / "images" / "a.png").write_bytes(b"\x89PNG")
    for origins, policy in (((), "same-origin"), (("https://shop.example",), "cross-origin")):
        wanted = settings(root, tmp_path / "var", embed_origins=origins)
        prepare(wanted)
        answer = create_app(wanted).test_client().get("/images/a.png")
        assert answer.headers["Cross-Origin-Resource-Policy"] == policy
        answer.close()
