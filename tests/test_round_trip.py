"""Nothing is lost on the way out and back: every 40th family of the real articles, else the shipped ones."""

from dataclasses import replace
from pathlib import Path

import pytest

from portal import markup
from portal.articles import Article, internal
from portal.topics import read_topics
from portal.writing.exporting import Wanted, export_markdown, export_site
from portal.writing.importing import IDENTITY, import_folder
from tests.exchanging import Page, articles_of, dead_links, foreign_folder, foreign_rules, prose_of, sample_folder

Articles = dict[tuple[str, str], Article]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that goes out and back."""
    return sample_folder(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def originals(root: Path) -> Articles:
    """Its articles."""
    return articles_of(root)


def nothing(_done: int, _total: int) -> None:
    """Show no progress."""


def trimmed(articles: Articles) -> Articles:
    """Without white space at the ends of bodies."""
    return {key: replace(article, body=article.body.strip()) for key, article in articles.items()}


def lost_in_pages(originals: Articles, site: Path) -> list[str]:
    """What the pages of a site lack of the articles: words, headings, links, images."""
    faults = []
    for (language, slug), article in originals.items():
        page = (site / language / f"{slug}.html").read_text(encoding="utf-8")
        told, there = Page(markup.render(article.body, language).html), Page(prose_of(page))
        whole = Page(page)
        faults += [f"{language}/{slug}: words"] if told.words != there.words else []
        faults += [f"{language}/{slug}: headings"] if told.headings != there.headings else []
        faults += [f"{language}/{slug}: links"] if told.outside != there.outside else []
        faults += [f"{language}/{slug}: {article.title}"] if article.title.split()[0] not in whole.words else []
    return faults


def test_articles_come_back_from_the_form_of_another_generator(originals: Articles, tmp_path: Path) -> None:
    """TOML, other keys, folders, languages in file names, Windows line ends, a heading that repeats the title."""
    folder = foreign_folder(originals, tmp_path / "theirs")

    report = import_folder(folder, tmp_path / "ours", foreign_rules(), "en")

    assert report.counts == {"imported": 0, "changed": len(originals), "unchanged": 0, "refused": 0}
    # The origin of a text without one is not made up.
    assert trimmed(articles_of(tmp_path / "ours")) == trimmed(
        {key: replace(article, review_by=None, aliases=(), answers=()) for key, article in originals.items()}
    )


def test_every_article_is_whole_in_the_site_and_every_link_leads_somewhere(
    root: Path, originals: Articles, tmp_path: Path
) -> None:
    """Words, headings, links out; links within, images and anchors exist. What is for writers stays inside."""
    inside = internal(read_topics(root)[0])
    public = {key: article for key, article in originals.items() if article.topic not in inside}
    report = export_site(root, tmp_path / "site", Wanted(), "en", nothing)

    assert report.articles == len(public)
    assert report.problems == ()
    assert lost_in_pages(public, tmp_path / "site") == []
    assert dead_links(tmp_path / "site") == []


def test_exported_files_come_back_to_the_byte(root: Path, tmp_path: Path) -> None:
    """Articles, topics, glossary, synonyms, images; a second import changes nothing."""
    export_markdown(root, tmp_path / "out", Wanted(with_drafts=True, with_internal=True), "en", nothing)
    report = import_folder(tmp_path / "out", tmp_path / "back", IDENTITY, "en")
    again = import_folder(tmp_path / "out", tmp_path / "back", IDENTITY, "en")

    there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    back = {path.relative_to(tmp_path / "back").as_posix() for path in (tmp_path / "back").rglob("*") if path.is_file()}
    assert back == there
    assert [name for name in there if (root / name).read_bytes() != (tmp_path / "back" / name).read_bytes()] == []
    assert report.counts["imported"] == len(there)
    assert again.counts["imported"] == again.counts["changed"] == again.counts["refused"] == 0
