"""What `--fix` mends, and that it changes nothing else."""

import re
import stat
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import library, markup
from portal.articles import fingerprint
from portal.outline import read_outline
from portal.problems import Fix, Problem, Severity
from portal.writing.checking import fixing
from portal.writing.checking.gathering import text_of
from portal.writing.rules import structure, tone
from tests.builders import write_article

PIECES = (
    "It's", "l'heure", '"oui"', '"a', 'b"', " - ", " -- ", "  ", " ", "!!", "?", " ?", " :", ":", ";", "«", " »", "“x”",
    "`l'a  \"b\"`", "[l'a](x.md \"t\")", "![a](images/it's.png)", "<b>", "</b>", "**", "*", "_", "e-mail", "the the",
    "<code>l'a  ?</code>", "<kbd>", "</kbd>", "https://a.b/c?d=e;f", "&gt;", "\n", "\n\n", "\n\n## Fin: {#fin}\n\n", "\n\n## E-mail's \"x\"\n\n", "\n\n- ",
    "\n\n1. ", "\n\n    l'a  b\n\n", "\n\n```\nl'a  \"b\" \n```\n\n", "\n| l'a | b |\n|---|---|\n| c  d | e ? |\n", "  \n", " \n",
    '\n\n!!! note "L\'a"\n    l\'a\n\n', "été", "du Straße", "да - нет", "\u00a0", "\u202f", "e\u0301", "{: title=\"l'a\"}",
)  # fmt: skip
SIGNS = re.compile(r"[\s\u00a0\u202f\"'’“”„«»–—:.,;!?-]|e-?mail", re.IGNORECASE)


def faults(raw: bytes, language: str = "en", slug: str = "one") -> list[Problem]:
    """What the check says of a file by itself."""
    path = f"{language}/{slug}.md"
    reading = library.parse(raw, language, slug, path)
    assert reading.article is not None, reading.problems
    text = text_of(reading.article, path, reading)
    return [*reading.problems, *fixing.of_bytes(raw, path), *tone.of_text(text), *structure.of_text(text)]


def file(body: str, title: str = "Title", **front: str) -> bytes:
    """The bytes of an article's file."""
    lines = "".join(f"{key}: {value}\n" for key, value in front.items())
    return f"---\ntitle: {title}\ntopic: accounts # it's  kept\nupdated: 2026-01-05\n{lines}---\n\n{body}\n".encode()


def mended(raw: bytes, language: str = "en") -> bytes:
    """A file with everything mended."""
    return fixing.mend(raw, language, "one", faults(raw, language))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25), st.sampled_from(["en", "fr", "de", "ru"]))
def test_mending_twice_is_mending_once_and_only_typography_changes(pieces: list[str], language: str) -> None:
    """Nothing is left to mend; code, addresses and anchors are untouched, and the page says the same."""
    raw = file("".join(["Un mot ", *pieces, " Fin."]), "\"L'heure  de 'x' ?\"")

    once = mended(raw, language)

    assert fixing.mend(once, language, "one", faults(raw, language)) == once
    before, after = (library.parse(text, language, "one", "").article for text in (raw, once))
    assert before is not None
    assert after is not None
    old, new = read_outline(before.body, 1), read_outline(after.body, 1)
    assert [block.digest for block in old.code_blocks] == [block.digest for block in new.code_blocks]
    assert [link.target for link in old.links] == [link.target for link in new.links]
    assert [heading.anchor for heading in old.headings] == [heading.anchor for heading in new.headings]
    pages = [markup.render(article.body, language).text for article in (before, after)]
    assert SIGNS.sub("", pages[0]).casefold() == SIGNS.sub("", pages[1]).casefold()


def test_every_fix_of_a_line_is_done_together() -> None:
    """Marks around words, and what is between them; code and addresses stay."""
    raw = file("Dites \"l'heure\" - `l'a \"b\"` : [c'est](d'e.md)  bien ?")

    body = "Dites «\u202fl’heure\u202f» – `l'a \"b\"`\u00a0: [c’est](d'e.md) bien\u202f?"
    assert mended(raw, "fr") == file(body)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("fr", 'Tapez <code>git commit -m "x" ; echo ok ?</code>.'),
        ("fr", '<pre><code>curl "http://h/?a=1" ; echo ok ?</code></pre>'),
        ("de", '<pre>\necho "hello" - now\n\nls  -l</pre>'),
        ("de", 'Drücken Sie <kbd>"</kbd>, dann <samp>a - b\nc -- d</samp>.'),
    ],
)
def test_code_in_html_is_neither_reported_nor_changed(language: str, code: str) -> None:
    """Commands are copied sign by sign."""
    raw = file(code)

    assert [problem.code for problem in faults(raw, language)] == []
    assert mended(raw, language) == raw


def test_whatever_finds_a_fault_in_code_changes_nothing() -> None:
    """The page is compared: code in it stays as it was, where a rule goes wrong too."""
    raw = file("<p>a</p>\n\n- b <kbd>x  y</kbd>")
    problem = Problem("en/one.md", 9, "other-rule", "", Severity.WARNING, 1, Fix(9, 11, 2, " "))

    assert fixing.mend(raw, "en", "one", [problem]) == raw


def test_titles_are_mended_within_their_quotation_marks() -> None:
    """YAML's own marks, remarks and other keys stay as they are."""
    raw = file("Bien.", "'Est-ce l''heure ?'", summary="\"L'heure : oui\" # l'a", tags='["l\'a"]')

    text = mended(raw, "fr").decode()

    assert library.parse(text.encode(), "fr", "one", "").article is not None
    assert [line for line in text.split("\n") if "title" not in line] == [
        line.replace('"L\'heure : oui"', '"L’heure\u00a0: oui"')
        for line in raw.decode().split("\n")
        if "title" not in line
    ]
    assert "Est-ce l’heure\u202f?" in text


def test_what_an_editor_left_behind() -> None:
    """A byte order mark, Windows' line ends, letters in two signs, blanks, no end of the last line."""
    text = file("Une  e\u0301te\u0301. \n\nLigne  \nsuite").decode().rstrip("\n").replace("\n", "\r\n")

    result = mended(b"\xef\xbb\xbf" + text.encode(), "fr")

    assert result == file(unicodedata.normalize("NFC", "Une e\u0301te\u0301.\n\nLigne  \nsuite"))


def test_only_what_was_reported_is_mended() -> None:
    """A rule that somebody has left out, or accepted, changes nothing; line ends stay as they are."""
    raw = file('It\'s  "so".').replace(b"\n", b"\r\n")
    quotes = [problem for problem in faults(raw) if problem.code == "straight-quotes"]

    assert fixing.mend(raw, "en", "one", quotes) == raw.replace(b'"so"', "“so”".encode())
    assert fixing.mend(raw, "en", "one", []) == raw


def test_what_would_change_an_anchor_is_left_to_the_writer() -> None:
    """A heading without an anchor of its own gives its words to links; the rest of the file is mended."""
    raw = file("## Set up e-mail\n\nIt's e-mail.")

    assert mended(raw) == file("## Set up e-mail\n\nIt’s email.")


@pytest.mark.parametrize("fix", [Fix(9, 1, 5, "x"), Fix(7, 90, 1, "x"), Fix(7, 1, 9_999, "x"), Fix(0, 1, 1, "x")])
def test_a_fix_that_no_longer_fits_is_passed_over(fix: Fix) -> None:
    """The file was written since the check."""
    problem = Problem("en/one.md", fix.line, "other-rule", "", Severity.WARNING, fix.column, fix)

    assert fixing.mend(file("A line."), "en", "one", [problem]) == file("A line.")


def test_files_are_written_whole_and_translations_stay_fresh(tmp_path: Path) -> None:
    """Rights stay, links to files are followed within the folder, and a quotation mark makes nothing stale."""
    path = write_article(tmp_path, "en", "vpn", "The VPN's way", "It's so.")
    article = library.parse(path.read_bytes(), "en", "vpn", "").article
    assert article is not None
    write_article(tmp_path, "fr", "vpn", "La voie", "Bien.", source=f'"{fingerprint(article)}"')
    write_article(tmp_path, "de", "vpn", "Der Weg", "Gut.", source='"0123456789abcdef"')
    path.chmod(0o640)
    problems = [
        p for code in ("en", "fr", "de") for p in faults((tmp_path / code / "vpn.md").read_bytes(), code, "vpn")
    ]

    assert fixing.apply(tmp_path, problems) == ["en/vpn.md", "fr/vpn.md"]

    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    now = library.parse(path.read_bytes(), "en", "vpn", "").article
    assert now is not None
    assert (now.title, now.body) == ("The VPN’s way", "It’s so.")
    assert f'"{fingerprint(now)}"' in (tmp_path / "fr" / "vpn.md").read_text("utf-8")
    assert "0123456789abcdef" in (tmp_path / "de" / "vpn.md").read_text("utf-8")
    assert [entry.name for entry in path.parent.iterdir()] == ["vpn.md"]


@pytest.mark.parametrize("path", ["en/../../x.md", "/etc/passwd", "topics.yml", "en/A B.md", "es/one.md", "en/gone.md"])
def test_other_files_are_not_touched(path: str, tmp_path: Path) -> None:
    """Whatever a problem says its path is."""
    (tmp_path / "topics.yml").write_text("it's  so", encoding="utf-8")
    problem = Problem(path, 1, "straight-quotes", "", Severity.WARNING, 1, Fix(1, 1, 1, "x"))

    assert fixing.apply(tmp_path, [problem]) == []


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """The file that it leads to is somebody else's."""
    other = tmp_path / "other.md"
    other.write_bytes(file("It's so."))
    (tmp_path / "articles" / "en").mkdir(parents=True)
    (tmp_path / "articles" / "en" / "one.md").symlink_to(other)

    assert fixing.apply(tmp_path / "articles", faults(file("It's so."))) == []
    assert other.read_bytes() == file("It's so.")
