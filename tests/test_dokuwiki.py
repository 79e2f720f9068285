"""The wiki that is measured beside the portal, as far as it goes without it: pages, servers, what counts as found."""

import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import dokuwiki
from benchmarks.corpus import Corpus, publish
from benchmarks.load import Page, Throughput
from benchmarks.report import Row
from benchmarks.wiki import beside, english, main, pages, sampled, together
from portal.articles import Article
from tests.builders import write_article, write_library

MARKDOWN = """## Before you *start* {#start}

Read **this**, `PORTAL=1` and *that*. See [the VPN](connect-vpn.md#top), [a page](https://example.org/a "A")
or <https://example.org/b>, then press <kbd>Enter</kbd>.

- one
    - two
      continued
1. first
   1. deeper

| System | Where |
|---|:--|
| Windows | **Settings** |

```sh
# not a heading
- not an item
```

![A screen](screen.png)
"""
WIKI = """===== Before you *start* =====

Read **this**, ''%%PORTAL=1%%'' and //that//. See [[connect-vpn|the VPN]], [[https://example.org/a|a page]]
or https://example.org/b, then press Enter.

  * one
    * two
continued
  - first
    - deeper

| System | Where |
| Windows | **Settings** |

<code>
# not a heading
- not an item
</code>

A screen"""


def article(slug: str = "connect-vpn", body: str = "", summary: str = "") -> Article:
    """An English article."""
    return Article("en", slug, "Connect to the VPN", "network", date(2026, 1, 5), body, summary)


def test_markdown_becomes_what_the_wiki_writes() -> None:
    """Headings, lists, tables, code, links and emphasis; what is code stays as it is."""
    assert dokuwiki.wiki_text(MARKDOWN) == WIKI


def test_code_that_is_never_closed_ends_with_the_page() -> None:
    """Else the wiki would show its mark."""
    assert dokuwiki.wiki_text("```\nends") == "<code>\nends\n</code>"


def test_a_page_has_what_the_article_has() -> None:
    """Title, summary where there is one, text."""
    whole = dokuwiki.page_text(article(body="Open it.\n", summary="In short."))
    bare = dokuwiki.page_text(article(body="Open it.\n"))

    assert whole == "====== Connect to the VPN ======\n\nIn short.\n\nOpen it.\n"
    assert bare == "====== Connect to the VPN ======\n\nOpen it.\n"


def test_the_servers_write_into_their_folder_only(tmp_path: Path) -> None:
    """Every path that they are told to write to is inside; as many processes as asked for."""
    texts = dokuwiki.configuration(tmp_path, 8765, 3)

    paths = [word.rstrip(";") for text in texts.values() for word in text.split() if word.startswith("/")]
    outside = {path for path in paths if not path.startswith(f"{tmp_path}/")}
    assert outside == {"/etc/nginx/mime.types", "/etc/nginx/fastcgi_params", "/"}
    assert f"session.save_path] = {tmp_path}/sessions" in texts["php.conf"]
    assert "pm.max_children = 3\n" in texts["php.conf"]
    assert "listen 127.0.0.1:8765;" in texts["nginx.conf"]
    assert texts["nginx.conf"].count("{") == texts["nginx.conf"].count("}")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command says which package is missing, and ends with 2."""
    monkeypatch.setattr(dokuwiki, "WIKI", tmp_path / "none")

    result = CliRunner().invoke(main, [])

    assert result.exit_code == 2
    assert "Not installed: dokuwiki" in result.stderr
    assert "apt-get install dokuwiki" in result.stderr


class _Results(BaseHTTPRequestHandler):
    """Answers a search with a result, unless it is for nothing."""

    def do_GET(self) -> None:
        """Answer."""
        body = b"<div class='nothing'>" if "nothing" in self.path else b"<div class='search_fullpage_result'>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def results() -> Iterator[int]:
    """The port of a server whose searches find something, or nothing."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Results)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def test_searches_that_find_anything_are_counted(results: int) -> None:
    """A search that finds nothing is answered, too, and is not counted."""
    wanted = [Page("/doku.php?q=vpn"), Page("/doku.php?q=nothing"), Page("/doku.php?q=mail")]

    assert dokuwiki.answered(results, wanted, dokuwiki.FOUND) == 2


def test_both_are_asked_for_the_same() -> None:
    """The same articles and English searches, in the same order; none that is measured is asked before."""
    asked = {("en", "title"): ["vpn & mail", "printer", "password", "screen"], ("de", "title"): ["Drucker"]}

    articles, warming, searches = pages([article(), article("mail")], asked)

    tails = {
        name: [page.path.rpartition("=" if name == "wiki" else "/")[2] for page in articles[name]] for name in articles
    }
    assert sorted(tails["portal"]) == ["connect-vpn", "mail"]
    assert tails["wiki"] == tails["portal"]
    texts = {name: [page.path.rpartition("=")[2] for page in [*warming[name], *searches[name]]] for name in searches}
    assert texts["wiki"] == texts["portal"]
    assert sorted(texts["wiki"]) == ["password", "printer", "screen", "vpn%20%26%20mail"]


def test_a_sample_has_english_articles_alone(tmp_path: Path) -> None:
    """As many as asked for, with what stands beside the languages' folders, and asked for titles."""
    for slug in ("one", "two", "three"):
        write_article(tmp_path / "all", "en", slug)
    write_article(tmp_path / "all", "de", "one")
    (tmp_path / "all" / "topics.yml").write_text("{}", encoding="utf-8")

    sample = sampled(Corpus(tmp_path / "all", tmp_path), 2, tmp_path / "some")

    assert sample.queries is None
    assert sorted(path.name for path in sample.articles.iterdir()) == ["en", "topics.yml"]
    assert len(list((sample.articles / "en").iterdir())) == 2


def test_the_wiki_gets_the_texts(tmp_path: Path) -> None:
    """An edition knows its articles without them; drafts and other languages are not for the wiki."""
    root = tmp_path / "articles"
    write_library(root)
    write_article(root, "en", "printer", "Add a printer", body="Choose it from the list.")
    write_article(root, "en", "draft", "Not yet", status="draft")

    articles = english(publish(root, tmp_path / "data"), root)

    slugs = [article.slug for article in articles]
    assert "printer" in slugs
    assert "draft" not in slugs
    assert len(slugs) == len(set(slugs))
    assert all(article.language == "en" and article.body.strip() for article in articles)
    assert "Choose it from the list." in dokuwiki.page_text(articles[slugs.index("printer")])


def test_turns_count_by_their_requests() -> None:
    """Ten requests in a second at 2 ms, and thirty in three at 4 ms; the worst wait is that of any turn."""
    turns = [(Throughput(10, 10.0, 5.0, 9.0, 0), 2.0), (Throughput(30, 10.0, 7.0, 20.0, 1), 4.0)]

    assert together(turns) == (Throughput(40, 10.0, 6.0, 20.0, 1), 3.5)


def test_the_portal_is_set_beside_the_wiki() -> None:
    """Its processor time divided by the wiki's, of the same kind of page."""
    rows: list[Row] = [
        {"page": page, "server": server, "CPU ms": cost}
        for page, server, cost in (("article", "portal", 1.0), ("article", "wiki", 4.0), ("search", "portal", 3.0))
    ]
    rows.append({"page": "search", "server": "wiki", "CPU ms": 2.0})

    assert [row["÷ wiki"] for row in beside(rows)] == [0.25, None, 1.5, None]
