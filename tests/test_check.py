"""The complete check: links, images, aliases, topics and what writers accept, each at its line and column."""

from datetime import date
from pathlib import Path

import pytest

from portal.problems import Problem, Severity
from portal.writing.checking.check import check_articles
from portal.writing.checking.rulebook import READING, RULES, explain, likely
from tests.builders import write_article

DAY = date(2026, 3, 2)


def check(root: Path) -> list[Problem]:
    """Every problem."""
    return check_articles(root, "en", DAY)


def found(root: Path, code: str) -> list[str]:
    """Place and message of those that break a rule."""
    return [
        f"{problem.path}:{problem.line}:{problem.column} {problem.message}"
        for problem in check(root)
        if problem.code == code
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An article with a section in English and French, whose anchors differ, and a folder of images."""
    write_article(tmp_path, "en", "vpn", "Connect to the VPN", "## Start {#start}\n\nText.\n\n## End {#end}\n\nText.")
    write_article(tmp_path, "fr", "vpn", "Se connecter au VPN", "## Démarrer {#start}\n\nVoilà.")
    (tmp_path / "images").mkdir()
    return tmp_path


def test_an_anchor_must_be_there_in_each_language_that_a_reader_may_come_from(root: Path) -> None:
    """Readers of German see the English text, but follow its link into theirs; those of French have their own."""
    body = "Text [a](vpn.md#end) and\n[b](vpn.md#start), [c](#top), [d](vpn.md#gone)."
    write_article(root, "en", "links", body=f"## Top {{#top}}\n\n{body}")

    assert found(root, "dead-anchor") == [
        "en/links.md:9:6 fr/vpn.md has no heading with the anchor 'end'.",
        "en/links.md:10:31 en/vpn.md, fr/vpn.md have no heading with the anchor 'gone'.",
    ]
    write_article(root, "fr", "links", body="[b](vpn.md#start)")
    write_article(root, "de", "vpn", body="## Ende {#end}\n\nText.")

    assert [line.partition(" ")[0] for line in found(root, "dead-anchor")] == ["en/links.md:10:1", "en/links.md:10:31"]


def test_anchors_may_be_written_as_addresses_write_them(root: Path) -> None:
    """With letters of any language, as they are or spelled out."""
    write_article(root, "en", "own", body="## Über uns\n\nText [a](#über-uns), [b](#%C3%BCber-uns), [c](#uber-uns).")

    assert len(found(root, "dead-anchor")) == 1


def test_links_in_every_form_are_followed(root: Path) -> None:
    """By reference, in HTML, in angle brackets, over two lines; the place is where the link begins."""
    body = (
        "A [b][c], <a href='x1.md'>d</a>\n[e](<x2.md> 'T'), [f\ng](x3.md)\n\n| A |\n|---|\n| [h](x4.md) |\n\n[c]: x5.md"
    )
    write_article(root, "en", "links", body=body)

    assert found(root, "dead-link") == [
        f"en/links.md:{place} There is no article for the link '{name}.md'; link to SLUG.md."
        for place, name in (("7:3", "x5"), ("7:11", "x1"), ("8:1", "x2"), ("8:19", "x3"), ("13:3", "x4"))
    ]


def test_a_dead_link_names_what_may_have_been_meant(root: Path) -> None:
    """A spelling error is seen at once; an empty address is told as such."""
    write_article(root, "en", "reset-password", body="Text.")
    write_article(root, "en", "links", body="[a](reset-pasword.md) [b]() [c](../../secret)")

    assert found(root, "dead-link") == [
        "en/links.md:7:1 There is no article for the link 'reset-pasword.md'; did you mean reset-password.md?",
        "en/links.md:7:23 The link has no address.",
        "en/links.md:7:29 There is no article for the link '../../secret'; link to SLUG.md.",
    ]


def test_a_link_to_what_was_retired_says_so(root: Path) -> None:
    """Nobody looks for a slug of which it is known that nothing takes its place."""
    write_article(root, "en", "links", body="[a](modem.md) [b](isdn.md) [c](modern.md)")
    (root / "redirects.yml").write_text("modem: ~\nisdn: modem\n", encoding="utf-8")

    retired = "was retired; nothing has taken its place: remove the link."
    assert found(root, "dead-link") == [
        f"en/links.md:7:1 The article of the link 'modem.md' {retired}",
        f"en/links.md:7:15 The article of the link 'isdn.md' {retired}",
        "en/links.md:7:28 There is no article for the link 'modern.md'; link to SLUG.md.",
    ]


def test_links_to_what_readers_cannot_open_or_read(root: Path) -> None:
    """Drafts and articles for writers are hidden; what exists in another language only is a warning."""
    (root / "topics.yml").write_text(
        "accounts: {name: {en: A, fr: A, de: A, ru: A}}\n"
        "desk: {name: {en: D, fr: D, de: D, ru: D}, audience: writers}\n",
        encoding="utf-8",
    )
    write_article(root, "en", "draft", body="Text.", status="draft")
    write_article(root, "en", "internal", body="See [a](draft.md).", topic="desk")
    write_article(root, "ru", "russian", body="Текст.")
    write_article(
        root, "en", "links", body="[a](draft.md) [b](internal.md) [c](russian.md) [d](javascript:x) [e](tel:1)"
    )

    assert found(root, "link-to-hidden") == [
        "en/links.md:7:1 draft.md is a draft or for writers only: readers cannot open it.",
        "en/links.md:7:15 internal.md is a draft or for writers only: readers cannot open it.",
    ]
    assert found(root, "untranslated-link") == ["en/links.md:7:32 russian.md exists in ru only."]
    assert [line[:15] for line in found(root, "dropped-link")] == ["en/links.md:7:4"]
    assert found(root, "dead-link") == []


def test_an_article_that_nothing_leads_to_is_named_once(root: Path) -> None:
    """At its source, where most articles are linked; a shared tag, a featured slug or few links at all say enough."""
    for number in range(4):
        body = f"[a](page-{(number + 1) % 4}.md) [b](vpn.md)"
        write_article(root, "en", f"page-{number}", f"Page number {number}", body)
    for code, title in (("en", "Left alone"), ("fr", "Laissé seul")):
        write_article(root, code, "alone", title, "Text.", tags="[own]")

    assert found(root, "orphan-page") == [
        "en/alone.md:0:0 No other article in en links to it, and none of its topic has one of its tags."
    ]
    write_article(root, "en", "other", "Another", "[a](other.md)", tags="[own]", status="draft")
    assert len(found(root, "orphan-page")) == 1
    write_article(root, "en", "page-0", "Page number 0", "[a](page-1.md) [b](vpn.md)", tags="[own]")
    assert found(root, "orphan-page") == []


def test_images_are_there_small_described_and_in_the_texts_language(root: Path) -> None:
    """Each fault at the image, or at the file in the folder."""
    for name, size in (("a.png", 9), ("map.png", 9), ("map.fr.png", 9), ("big.webp", 500_001), ("empty.png", 0)):
        (root / "images" / name).write_bytes(b"x" * size)
    body = (
        "![Red](images/a.png) ![](images/a.png) ![map](images/map.png)\n![Blue](images/b.png) ![C](images/empty.png)"
        " ![D](c.png) ![E](images/x.tiff)\n![F](images/map.fr.png) ![G](images/a.png){lang=ru} ![big.webp](images/big.webp)"
    )
    write_article(root, "en", "pictures", body=body)
    write_article(root, "fr", "pictures", body="![Plan](images/map.png)")
    codes = {code for code in RULES if "image" in code or code.endswith("-alt")} - {"left-out-image"}

    assert [(p.path, p.line, p.column, p.code) for p in check(root) if p.code in codes] == [
        ("en/pictures.md", 7, 22, "missing-alt"),
        ("en/pictures.md", 7, 40, "vague-alt"),
        ("en/pictures.md", 8, 1, "missing-image"),
        ("en/pictures.md", 8, 23, "missing-image"),
        ("en/pictures.md", 8, 46, "foreign-image"),
        ("en/pictures.md", 8, 58, "image-kind"),
        ("en/pictures.md", 9, 1, "image-language"),
        ("en/pictures.md", 9, 25, "image-language"),
        ("en/pictures.md", 9, 53, "vague-alt"),
        ("fr/pictures.md", 7, 1, "image-language"),
        ("images/big.webp", 0, 0, "large-image"),
    ]
    (root / "images" / "left.svg").write_bytes(b"<svg/>")
    assert found(root, "unused-image") == ["images/left.svg:0:0 No article shows it."]


def test_aliases_that_collide(root: Path) -> None:
    """With a slug, with another family's alias, with the article itself; the same one in all languages is right."""
    write_article(root, "en", "new", aliases="[vpn, old, new]")
    write_article(root, "fr", "new", aliases="[old]")
    write_article(root, "en", "other", aliases="[old, older, older]")

    problems = [(p.path, p.line, p.code, p.severity) for p in check(root) if "alias" in p.code]
    assert problems == [
        ("en/new.md", 5, "alias-in-use", Severity.ERROR),
        ("en/new.md", 5, "alias-of-itself", Severity.WARNING),
        ("en/other.md", 5, "alias-of-itself", Severity.WARNING),
        ("en/other.md", 5, "duplicate-alias", Severity.ERROR),
    ]


def test_topics_feature_what_stands_on_them(root: Path) -> None:
    """A slug that is gone or has moved is named at the topic's line."""
    (root / "topics.yml").write_text(
        "accounts: {name: {en: A, fr: A, de: A, ru: A}, featured: [vpn]}\n"
        "network: {name: {en: N, fr: N, de: N, ru: N}, featured: [vpn, gone]}\n",
        encoding="utf-8",
    )

    assert found(root, "unknown-featured") == [
        "topics.yml:2:0 network features 'gone', which is no article.",
        "topics.yml:2:0 network features 'vpn', which stands under accounts.",
    ]


def test_writers_accept_a_warning_once_and_are_told_when_it_has_gone(root: Path) -> None:
    """Everywhere or for some files; reading's errors never; every fault of the file with its line."""
    write_article(root, "en", "links", body="[a](no.md)")
    write_article(root, "en", "broken", body="")
    accepted = ["missing-translation", "unknown-freshness", "missing-section", "no-topics"]
    (root / "check.yml").write_text(
        f"ignore: [{', '.join(accepted)}]\nignore_in:\n  en/li*.md: [dead-link]\n  fr/none.md: [dead-link]\n",
        encoding="utf-8",
    )

    assert [(p.path, p.line, p.code) for p in check(root)] == [
        ("check.yml", 4, "needless-ignore"),
        ("en/broken.md", 6, "empty-body"),
    ]
    (root / "check.yml").write_text(
        "ignore: [empty-body, nonsense]\nignore_in: [x]\nignore: []\nother: 1\n", encoding="utf-8"
    )
    assert [(p.line, p.code) for p in check(root) if p.path == "check.yml"] == [
        (1, "bad-check-file"),
        (1, "cannot-accept"),
        (2, "bad-check-file"),
        (3, "bad-check-file"),
        (4, "bad-check-file"),
    ]
    (root / "check.yml").write_bytes(b"\xff: [")
    assert [p.code for p in check(root) if p.path == "check.yml"] == ["bad-check-file"]


def test_problems_come_in_one_order_and_each_once(root: Path) -> None:
    """By path, line, column and code, the same in each run."""
    write_article(root, "en", "links", body="[b](no.md) [a](no.md)\n\n[a](no.md)")
    problems = check(root)

    assert problems == check(root)
    assert [problem.place for problem in problems] == sorted({problem.place for problem in problems})


def test_every_rule_is_explained() -> None:
    """In whole sentences; a code that is misspelled is guessed."""
    for code, rule in RULES.items():
        assert rule.code == code
        assert not rule.summary.endswith("."), code
        assert rule.why.endswith(".")
        assert rule.mend.endswith(".")
        assert code in explain(code)
    assert "empty-body" in READING
    assert likely("ded-link")[0] == "dead-link"
