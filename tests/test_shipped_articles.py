"""The shipped knowledge base is whole: every family in four languages, every link and anchor leads somewhere."""

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal import library
from portal.articles import Article, Freshness
from portal.cli import main
from portal.locales import CODES
from portal.services import Services
from portal.writing.checking.check import check_articles
from tests.builders import write_article
from tests.needs import REPOSITORY

ROOT = REPOSITORY / "articles"
#: Those that write into the folder of the articles.
COMMANDS = (
    ("check", "--fix"),
    ("rename", "vpn", "tunnel"),
    ("retire", "vpn", "--gone"),
    ("touch", "vpn"),
    ("translate", "vpn", "de"),
    ("translate", "vpn", "de", "--done"),
    ("new", "Something"),
    ("draft", "1"),
    ("import", "."),
)


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    """All shipped articles."""
    found = [library.read(file, ROOT).article for file in library.scan(ROOT).files]
    return [article for article in found if article is not None]


def test_the_check_finds_nothing() -> None:
    """No error and no warning, in any language."""
    assert [str(problem) for problem in check_articles(ROOT, "en", date(2026, 3, 2))] == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("is_package", [True, False])
def test_no_command_changes_the_shipped_articles(
    command: tuple[str, ...], is_package: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in an installed package nor in a checkout whose folder nobody has named."""
    shipped = tmp_path / ("product/shipped_articles" if is_package else "articles")
    path = write_article(shipped, "fr", "vpn", "Le titre", "L'article.")
    before = path.read_bytes()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("PORTAL_ARTICLES", raising=False)
    monkeypatch.setattr("portal.__file__", str(tmp_path / "product" / "__init__.py"))

    result = CliRunner().invoke(main, ["articles", *command])

    assert result.exit_code == 1
    assert "Name the folder of your own: --articles DIR or PORTAL_ARTICLES." in result.output
    assert path.read_bytes() == before
    assert [each.name for each in shipped.rglob("*.md")] == ["vpn.md"]


def test_who_works_on_the_product_names_its_articles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a checkout they can be changed on purpose; in a package never, as the next version overwrites them."""
    shipped = tmp_path / "articles"
    write_article(shipped, "fr", "vpn", "Le titre", "L'article.")
    monkeypatch.setattr("portal.__file__", str(tmp_path / "product" / "__init__.py"))
    command = ["articles", "rename", "vpn", "tunnel", "--articles"]

    assert CliRunner().invoke(main, [*command, str(shipped)]).exit_code == 0
    (tmp_path / "product").mkdir()
    packaged = shipped.rename(tmp_path / "product" / "shipped_articles")
    command[2:4] = ["tunnel", "vpn"]
    assert "Name the folder" in CliRunner().invoke(main, [*command, str(packaged)]).output


def test_there_are_forty_families_in_all_four_languages(articles: list[Article]) -> None:
    """At least forty families, none of which lacks a language."""
    families: dict[str, set[str]] = {}
    for article in articles:
        families.setdefault(article.slug, set()).add(article.language)

    assert len(families) >= 40
    assert {slug: sorted(codes) for slug, codes in families.items() if codes != set(CODES)} == {}


def test_every_article_has_what_readers_and_search_need(articles: list[Article]) -> None:
    """A summary, tags and keywords each; titles are unique in their language."""
    lacking = [f"{a.language}/{a.slug}" for a in articles if not (a.summary and a.tags and a.keywords)]
    titles = Counter((article.language, article.title.casefold()) for article in articles)

    assert lacking == []
    assert [title for title, count in titles.items() if count > 1] == []


def test_topics_are_named_in_all_languages_and_none_is_empty(shipped_services: Services) -> None:
    """Six to eight topics, each with articles, a name and a sentence in every language."""
    shelves = shipped_services.edition.knowledge.shelves("ru")

    assert 6 <= len(shelves) <= 8
    for shelf in shelves:
        assert set(shelf.topic.names) == set(shelf.topic.descriptions) == set(CODES)
        assert all(any(item.article.slug == slug for item in shelf.articles) for slug in shelf.topic.featured)


def test_every_translation_is_fresh(shipped_services: Services) -> None:
    """Each translation names the text it was made from, and that is the present one."""
    knowledge = shipped_services.edition.knowledge
    states = Counter(knowledge.freshness(item) for item in knowledge.articles.values())

    assert states == {Freshness.SOURCE: len(knowledge.families), Freshness.FRESH: 3 * len(knowledge.families)}


def test_translations_have_the_structure_of_their_source(articles: list[Article]) -> None:
    """The same anchors in the same order, and as many list items, in all languages."""
    shapes: dict[str, set[tuple[str, int]]] = {}
    for article in articles:
        anchors = " ".join(re.findall(r"\{#([a-z0-9-]+)\}", article.body))
        items = len(re.findall(r"^\s*(?:\d+\.|-) ", article.body, re.MULTILINE))
        shapes.setdefault(article.slug, set()).add((anchors, items))

    assert [slug for slug, found in shapes.items() if len(found) > 1] == []


def _prose(article: Article) -> str:
    """What an article says, without code and addresses."""
    # Code between fences, indented as in a list, and within lines.
    code = r"```.*?```|^ {8}[^\n]*$|`[^`]*`|\]\([^)]*\)|\{#[^}]*\}|<[^>]*>"
    text = re.sub(code, " ", article.body, flags=re.DOTALL | re.MULTILINE)
    return "\n".join((article.title, article.summary, re.sub(r"^!!! .*$", "", text, flags=re.MULTILINE)))


FAULTS = {
    "en": r"[\"']|\bse-mail\b",
    "fr": r"[\"'“”]|[^\u202f\s][;!?»](?=\s|$)|«[^\u202f]|\b(?:tu|tes|toi)\b",
    "de": r"[\"'”]|\b(?:du|dein|deine|dir|dich)\b|\bdaß\b",
    "ru": r"[\"'“”]|\b(?:еще|ее|моем|твой|тебе|тебя)\b|(?<=[а-яё] )Вы\b|(?<=[а-яё] )Вас\b|[^\n\s] - ",
}


@pytest.mark.parametrize("language", CODES)
def test_typography_and_address(language: str, articles: list[Article]) -> None:
    """Typographic quotation marks, the language's blanks, the formal address, ё in Russian."""
    faults = [
        f"{article.slug}: …{match[0]!r} in {_prose(article)[max(0, match.start() - 30) : match.end() + 10]!r}"
        for article in articles
        # The article about typing signs shows those of every language.
        if article.language == language and article.slug != "special-characters"
        for match in re.finditer(FAULTS[language], _prose(article))
    ]

    assert faults == []
