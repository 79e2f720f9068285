"""The exported site and its data: what is in it, what must not be, and that the same articles give the same bytes."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.errors import CannotStart
from portal.search.engine import WhooshIndex
from portal.writing.exporting import Wanted, addresses, export_markdown, export_site
from portal.writing.exporting.target import MARK
from tests.builders import write_article, write_library
from tests.exchanging import Page, dead_links, prose_of
from tests.publishing import Folder


def nothing(_done: int, _total: int) -> None:
    """Show no progress."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Seven articles, and what is not for everybody."""
    root = write_library(tmp_path / "articles")
    (root / "images").mkdir()
    (root / "images" / "map.png").write_bytes(b"PNG")
    (root / "images" / "secret.png").write_bytes(b"PNG")
    with (root / "topics.yml").open("a", encoding="utf-8") as topics:
        topics.write(
            "handbook:\n  audience: writers\n  name: {en: Handbook, fr: Manuel, de: Handbuch, ru: Справочник}\n"
        )
    write_article(root, "en", "style", "House style", "Secret ![S](images/secret.png)", topic="handbook")
    write_article(root, "en", "unfinished", "Not finished", "Zyxomat.", status="draft")
    return root


def exported(root: Path, name: str = "site", **wanted: bool) -> Path:
    """A site of the articles."""
    export_site(root, root.parent / name, Wanted(**wanted), "en", nothing)  # type: ignore[arg-type]
    return root.parent / name


def texts(site: Path) -> Iterator[str]:
    """Everything that the site says."""
    return (path.read_text(encoding="utf-8") for path in site.rglob("*") if path.suffix in {".html", ".js"})


def data(site: Path, language: str, name: str) -> object:
    """What one script of the search hands over."""
    text = (site / language / "search" / f"{name}.js").read_text(encoding="utf-8")
    return json.loads(text.split(",", 1)[1].removesuffix(");\n"))


def test_drafts_and_the_writers_own_topics_stay_at_home(root: Path) -> None:
    """Neither page, nor list, nor search, nor image; unless they are asked for."""
    site = exported(root)
    told = "\n".join(texts(site))
    whole = exported(root, "whole", with_drafts=True, with_internal=True)

    assert not any(
        word in told for word in ("House style", "Handbook", "Handbuch", "Not finished", "Zyxomat", "zyxomat")
    )
    assert not (site / "images").exists()
    assert (whole / "en" / "style.html").is_file()
    assert (whole / "en" / "unfinished.html").is_file()
    assert (whole / "images" / "secret.png").is_file()


def test_a_faulty_list_of_topics_stops_the_export(root: Path, tmp_path: Path) -> None:
    """It alone says what is for writers only."""
    (root / "topics.yml").write_text("handbook: [", encoding="utf-8")

    with pytest.raises(CannotStart, match=r"topics\.yml:1"):
        exported(root)
    assert not (tmp_path / "site").exists()


def test_links_lead_to_the_readers_language_or_the_best_other(root: Path) -> None:
    """To anchors that are there; what leads nowhere, or has moved, is settled."""
    body = (
        "[a](printer-offline.md) [b](../en/vpn-only-english.md#none) [c](reset-password.md#reset) [d](none.md) "
        "[e](old-name.md) [f](style.md) [g](https://example.org/x) [h](#here) ![M](images/map.png) ![N](images/no.png)"
        "\n\n## Hier {#here}\n"
    )
    write_article(root, "de", "links", "Verweise", body, aliases="[old-name]")

    site = exported(root)
    page = Page(prose_of((site / "de" / "links.html").read_text(encoding="utf-8")))

    assert page.addresses == [
        "printer-offline.html", "../en/vpn-only-english.html", "reset-password.html#reset", "links.html",
        "https://example.org/x", "#here", "../images/map.png",
    ]  # fmt: skip
    assert {"d", "f", "N"} <= set(page.words)
    assert dead_links(site) == []
    assert "url=links.html" in (site / "de" / "old-name.html").read_text(encoding="utf-8")


def test_pages_are_in_their_readers_words(root: Path) -> None:
    """Languages that an article lacks lead to their home; lists name the others' language; numbers by grammar."""
    site = exported(root)
    english = (site / "en" / "vpn-only-english.html").read_text(encoding="utf-8")
    russian = (site / "ru" / "topics" / "accounts.html").read_text(encoding="utf-8")

    assert 'href="../de/index.html" lang="de"' in english
    assert 'rel="alternate"' not in english
    assert '<a href="../../en/vpn-only-english.html" lang="en" hreflang="en">Connect to the VPN</a>' in russian
    assert "Учётные записи" in russian
    assert "Aktualisiert am 5. Januar 2026" in (site / "de" / "reset-password.html").read_text(encoding="utf-8")
    assert 'data-few="{count} результата"' in (site / "ru" / "search" / "index.html").read_text(encoding="utf-8")


def test_awkward_slugs_have_files_of_their_own(root: Path) -> None:
    """“index” is the home page's name, “search” and “topics” are folders."""
    for slug in ("index", "search", "topics"):
        write_article(root, "en", slug, slug.title(), f"[I](index.md) {slug}")

    site = exported(root)

    assert (site / "en" / "index-.html").is_file()
    assert "How can we help?" in (site / "en" / "index.html").read_text(encoding="utf-8")
    assert dead_links(site) == []


def test_long_topics_have_pages(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leads to the next."""
    monkeypatch.setattr("portal.writing.exporting.pages.SHELF_PAGE", 1)

    site = exported(root)

    assert (site / "fr" / "topics" / "accounts" / "2.html").is_file()
    assert dead_links(site) == []


def test_search_data_are_the_engines(root: Path, tmp_path: Path) -> None:
    """The same terms, rarities and scores, each article by its number."""
    folder = Folder(root, tmp_path / "var")
    folder.publish()
    site = exported(root)
    manifest, terms = data(site, "en", "m"), str(data(site, "en", "t0")).split("\n")
    words: dict[str, int] = {}
    before = ""
    for line in str(data(site, "en", "w0")).split("\n"):
        tail, facts = line.split(" ")
        before = before[: int(tail[0], 36)] + tail[1:]
        words[before] = int(facts[2:].split(",")[0], 36)
    assert isinstance(manifest, dict)
    documents = data(site, "en", "d0")
    assert isinstance(documents, list)
    index = folder.edition.index
    assert isinstance(index, WhooshIndex)

    found = index.search("en", index.clues("en", "printer"))
    rarity, posting = terms[words["printer"]].split(" ")

    assert manifest["topics"] == {"accounts": "Accounts", "devices": "Devices"}
    assert [document[0] for document in documents] == ["printer-offline", "reset-password", "vpn-only-english"]
    assert int(rarity, 36) == pytest.approx(100 * found.rarity[0], abs=1)
    # The article's number, the score, and the places of the word: the title, of which all terms weigh so much.
    number, score, place, _mass = (int(part, 36) for part in posting.split("."))
    assert (number, place) == (0, 0)
    assert score == pytest.approx(100 * found.matches[0].words, abs=1)


def test_the_same_articles_give_the_same_bytes(root: Path, tmp_path: Path) -> None:
    """Site and zip file, in whatever folder and whenever it is made."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        export_site(root, tmp_path / name / "help", Wanted(), "en", nothing, is_packed=True)
    first, second = tmp_path / "a" / "help", tmp_path / "b" / "help"

    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in files)
    assert first.with_suffix(".zip").read_bytes() == second.with_suffix(".zip").read_bytes()
    with zipfile.ZipFile(first.with_suffix(".zip")) as archive:
        assert sorted(archive.namelist()) == [f"help/{name.as_posix()}" for name in files]
        assert archive.testzip() is None


def test_only_an_earlier_export_is_replaced(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with something else in it stays, and so does the old site when the new one fails."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work", encoding="utf-8")
    site = exported(root)
    before = (site / "index.html").read_bytes()

    for target in (other, root, root.parent, root / "en" / "site"):
        with pytest.raises(CannotStart):
            export_site(root, target, Wanted(), "en", nothing)
    monkeypatch.setattr("portal.writing.exporting.write_site", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        exported(root)

    assert (other / "thesis.txt").is_file()
    assert (site / "index.html").read_bytes() == before
    assert (site / MARK).is_file()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_only_hidden_articles_show_is_not_in_the_files_either(root: Path, tmp_path: Path) -> None:
    """Of images and articles, everything else as it is."""
    export_markdown(root, tmp_path / "files", Wanted(languages=("en", "de")), "en", nothing)

    names = {path.relative_to(tmp_path / "files").as_posix() for path in (tmp_path / "files").rglob("*.*")}
    assert names == {
        MARK, "topics.yml", "images/map.png", "en/printer-offline.md", "en/reset-password.md", "en/vpn-only-english.md",
        "de/printer-offline.md", "de/reset-password.md",
    }  # fmt: skip


def test_the_command_tells_what_was_left_out(root: Path, tmp_path: Path) -> None:
    """Files with errors, with path and line; the rest is exported."""
    (root / "en" / "broken.md").write_text("---\ntitle: A\n---\n", encoding="utf-8")
    options = ["--articles", str(root), "--languages", "en, ru", "--zip", "--base-url", "https://help.example.org/"]

    done = CliRunner().invoke(main, ["articles", "export", str(tmp_path / "site"), *options])
    wrong = CliRunner().invoke(
        main, ["articles", "export", str(tmp_path / "x"), "--articles", str(root), "--languages", "tlh"]
    )

    assert done.exit_code == 1
    assert "left out: en/broken.md:1: error missing-topic" in done.output
    assert "4 articles in en, ru" in done.output
    assert (tmp_path / "site.zip").is_file()
    assert '<link rel="canonical" href="https://help.example.org/en/reset-password.html">' in (
        tmp_path / "site" / "en" / "reset-password.html"
    ).read_text(encoding="utf-8")
    assert (
        "<loc>https://help.example.org/ru/topics/accounts.html</loc>" in (tmp_path / "site" / "sitemap.xml").read_text()
    )
    assert wrong.exit_code == 1
    assert "'tlh' is no language" in wrong.output


def test_every_id_of_an_article_is_an_anchor() -> None:
    """Also beside attributes with quotes; what a text says is none."""
    html = '<h2 id="a&amp;b">x</h2><p class="note" title="x > y" id="c">id="no" <sup id="fn:1"></sup></p>'

    assert addresses.anchors(html) == {"a&b", "c", "fn:1"}
