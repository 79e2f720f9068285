"""The complete check: what is wrong between articles, each at its path and line."""

from datetime import date
from pathlib import Path

import pytest

from portal import library
from portal.articles import fingerprint
from portal.problems import Severity
from portal.writing.checking.check import check_articles
from tests.builders import write_article

DAY = date(2026, 3, 2)
LONG = "A sentence that is long enough to be recognised when somebody forgets to translate it."


def found(root: Path, code: str) -> list[tuple[str, int]]:
    """Where a rule is broken."""
    return [(problem.path, problem.line) for problem in check_articles(root, "en", DAY) if problem.code == code]


def source_of(root: Path, slug: str = "vpn") -> str:
    """The fingerprint of the English text, as a translation names it."""
    file = next(file for file in library.scan(root).files if (file.language, file.slug) == ("en", slug))
    article = library.read(file, root).article
    assert article is not None
    return f'"{fingerprint(article)}"'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One article, in English and fresh in French."""
    write_article(tmp_path, "en", "vpn", "Connect to the VPN", f"## Start {{#start}}\n\n{LONG}")
    write_article(
        tmp_path, "fr", "vpn", "Se connecter au VPN", "## Démarrer {#start}\n\nVoilà.", source=source_of(tmp_path)
    )
    (tmp_path / "topics.yml").write_text("accounts:\n  name: {en: A, fr: A, de: A, ru: A}\n", encoding="utf-8")
    return tmp_path


def test_a_missing_translation_is_named_once_a_family(root: Path) -> None:
    """A warning at the source, with the languages that lack it."""
    problems = check_articles(root, "en", DAY)

    assert [(problem.path, problem.line, problem.code, problem.severity) for problem in problems] == [
        ("en/vpn.md", 0, "missing-translation", Severity.WARNING)
    ]
    assert problems[0].message.endswith("de, ru.")


def test_a_translation_without_a_source_is_named(root: Path) -> None:
    """It says what it was made from, but no text of its family is the source; it is served all the same."""
    write_article(root, "de", "drucker", "Drucker", source='"0123456789abcdef"')

    assert found(root, "missing-source") == [("de/drucker.md", 5)]


def test_a_source_with_an_error_says_nothing_of_its_translations(root: Path) -> None:
    """It is there, and once it is mended they are fresh again: neither is it missing nor are they without a source."""
    path = root / "en" / "vpn.md"
    path.write_text(path.read_text(encoding="utf-8").replace("topic:", "topik: x\ntopic:", 1), encoding="utf-8")

    codes = {problem.code for problem in check_articles(root, "en", DAY)}
    [missing] = [each for each in check_articles(root, "en", DAY) if each.code == "missing-translation"]

    assert "unknown-key" in codes
    assert not codes & {"missing-source", "unknown-freshness"}
    assert missing.message.endswith("into de, ru.")


@pytest.mark.parametrize(
    ("significance", "code"),
    [("content", "stale-translation"), ("critical", "outdated-translation"), ("typo", None)],
)
def test_a_changed_source_makes_its_translations_stale(significance: str, code: str | None, root: Path) -> None:
    """By fingerprint and by how much the change matters."""
    write_article(root, "en", "vpn", "Connect to the VPN", "## Go {#start}\n\nAll is new.", significance=significance)

    codes = {problem.code for problem in check_articles(root, "en", DAY)} - {"missing-translation"}

    assert codes == ({code} if code else set())


def test_a_translation_that_names_no_source_is_of_unknown_freshness(root: Path) -> None:
    """A warning on its first line."""
    write_article(root, "ru", "vpn", "Подключиться к VPN", "Готово.")

    assert found(root, "unknown-freshness") == [("ru/vpn.md", 1)]


def test_what_was_left_untranslated_is_named(root: Path) -> None:
    """A whole line of the source, and its title."""
    write_article(root, "en", "long", "A title that nobody would use in another language", LONG)
    write_article(root, "fr", "long", "A title that nobody would use in another language", f"Voilà.\n\n{LONG}")

    assert found(root, "untranslated") == [("fr/long.md", 2), ("fr/long.md", 9)]


def test_links_and_anchors_are_followed_into_the_readers_language(root: Path) -> None:
    """A link may lead to an article that exists in another language only; its anchors are that one's."""
    body = "[a](vpn.md) [b](vpn.md#start) [c](vpn.md#end) [d](../en/vpn.md) [e](no.md) [f](#no) [g](https://example.org) `[h](x.md)`"
    write_article(root, "ru", "links", "Ссылки", f"## Да {{#da}}\n\n[i](#da) {body}\n\n```\n[j](none.md)\n```")

    assert found(root, "dead-anchor") == [("ru/links.md", 9), ("ru/links.md", 9)]
    assert found(root, "dead-link") == [("ru/links.md", 9)]


def test_an_alias_is_a_place_to_link_to(root: Path) -> None:
    """The old slug redirects."""
    write_article(root, "en", "new", aliases="[old]", body="[a](old.md)")

    assert found(root, "dead-link") == []


def test_images_are_there_and_described(root: Path) -> None:
    """Known, from the images folder, with a text for those who do not see them."""
    (root / "images").mkdir()
    (root / "images" / "a.png").write_bytes(b"png")
    body = "![A](../images/a.png)\n\n![](../images/a.png)\n\n![B](../images/b.png)\n\n![C](https://example.org/c.png)"
    write_article(root, "en", "images", body=body)

    assert found(root, "missing-alt") == [("en/images.md", 9)]
    assert found(root, "missing-image") == [("en/images.md", 11)]
    assert found(root, "foreign-image") == [("en/images.md", 13)]


def test_titles_topics_and_headings(root: Path) -> None:
    """Too long, unknown, out of order; code is no heading."""
    body = "# First\n\n### Third\n\n```sh\n# a comment\n```"
    write_article(root, "en", "wrong", "T" * 71, body, summary=f'"{"s" * 161}"', topic="elsewhere")

    assert found(root, "long-title") == [("en/wrong.md", 2)]
    assert found(root, "unknown-topic") == [("en/wrong.md", 3)]
    assert found(root, "long-summary") == [("en/wrong.md", 5)]
    assert found(root, "first-level-heading") == [("en/wrong.md", 8)]
    assert found(root, "heading-skips-level") == [("en/wrong.md", 10)]
