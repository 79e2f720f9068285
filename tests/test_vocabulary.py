"""Synonyms and glossary: every rule and bad input, with path and line; what is shipped is in order."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.library import MAX_BYTES
from portal.locales import CODES
from portal.problems import Problem, Severity
from portal.search.thesaurus import SynonymGroup
from portal.vocabulary import MAX_GROUPS, read_glossary, read_synonyms
from tests.needs import REPOSITORY

GOOD = "password:\n  en: [password]\n  de: [Passwort]\n"


def told(problems: tuple[Problem, ...]) -> list[tuple[str, int, str]]:
    """Path, line and code of each problem."""
    return [(problem.path, problem.line, problem.code) for problem in problems]


def synonyms(root: Path, text: str | bytes, language: str = "en") -> tuple[tuple[SynonymGroup, ...], list[str]]:
    """The groups of a file, and line and code of its problems."""
    path = root / language / "synonyms.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    groups, problems = read_synonyms(root, language)
    assert {problem.path for problem in problems} <= {f"{language}/synonyms.txt"}
    return groups, [f"{problem.line} {problem.code}" for problem in problems]


def glossary(root: Path, text: str | bytes) -> tuple[list[str], list[str]]:
    """The slugs of a glossary, and line and code of its problems."""
    (root / "glossary.yml").write_bytes(text.encode() if isinstance(text, str) else text)
    entries, problems = read_glossary(root)
    assert {problem.path for problem in problems} <= {"glossary.yml"}
    return list(entries), [f"{problem.line} {problem.code}" for problem in problems]


def test_what_is_shipped_has_no_problems() -> None:
    """In any language, and there is something in each."""
    for code in CODES:
        groups, problems = read_synonyms(REPOSITORY / "articles", code)
        assert told(problems) == []
        assert len(groups) > 30
    entries, problems = read_glossary(REPOSITORY / "articles")
    assert told(problems) == []
    assert len(entries) > 100
    assert all(set(terms) == set(CODES) for terms in entries.values())


def test_missing_files_are_fine(tmp_path: Path) -> None:
    """Neither file needs to be there, nor the folder."""
    assert read_synonyms(tmp_path / "nowhere", "en") == ((), ())
    assert read_glossary(tmp_path) == ({}, ())


def test_groups_are_read(tmp_path: Path) -> None:
    """Blanks do not matter; remarks and empty lines are passed over."""
    text = (
        "\ufeff# Remark, with => and ,\r\n\r\n sign  in ,\tlog in # aside\n pc,laptop=>computer , machine\nc#, csharp"
    )

    assert synonyms(tmp_path, text) == (
        (
            SynonymGroup(("sign in", "log in")),
            SynonymGroup(("pc", "laptop"), ("computer", "machine")),
            SynonymGroup(("c#", "csharp")),
        ),
        [],
    )


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("wifi, , wlan", ["empty-term"]),
        ("wifi, wlan,", ["empty-term"]),
        ("wifi =>", ["empty-term"]),
        ("=> wifi", ["empty-term"]),
        ("wifi", ["lonely-term"]),
        ("wifi, of the", ["empty-search"]),
        ("wifi, ---", ["empty-search"]),
        ("wifi, one two three four five six seven", ["long-term"]),
        ("wifi, " + "x" * 81, ["long-term"]),
        ("a1 => b1 => c1", ["two-arrows"]),
        (", ".join(f"x{n}" for n in range(51)), ["too-many-terms"]),
    ],
)
def test_a_bad_line_is_told_and_left_out(tmp_path: Path, line: str, codes: list[str]) -> None:
    """With its number; the lines around it stay."""
    groups, problems = synonyms(tmp_path, f"# Words\npc, laptop\n{line}\nmonitor, screen\n")

    assert problems == [f"3 {code}" for code in codes]
    assert [group.terms[0] for group in groups] == ["pc", "monitor"]


def test_the_longest_term_is_allowed(tmp_path: Path) -> None:
    """Six words, eighty characters."""
    groups, problems = synonyms(tmp_path, f"one two three four five six, {'x' * 80}\n")

    assert (len(groups), problems) == (1, [])


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "printers, copier\nxerox, PRINTER\n", ["2 repeated-term"]),
        ("de", "Tür, Tor\nTuer, Pforte\n", ["2 repeated-term"]),
        ("ru", "учётка, аккаунт\nучетки, логин\n", ["2 repeated-term"]),
        ("fr", "l’accès, entrée\nacces, porte\n", ["2 repeated-term"]),
        ("en", "pc => computer\nnotebook => computer\ncomputer, machine\n", []),
        ("en", "sign in, login\nsign out, logoff\n", []),
        ("en", "log in, logs in, log\n", []),
    ],
)
def test_a_term_in_two_groups_is_told(tmp_path: Path, language: str, text: str, expected: list[str]) -> None:
    """However it is written, but not on the right of an arrow; it is a warning, and both groups stay."""
    groups, problems = synonyms(tmp_path, text, language)

    assert problems == expected
    assert len(groups) == text.count("\n")
    for problem in read_synonyms(tmp_path, language)[1]:
        assert problem.severity is Severity.WARNING
        assert "line 1" in problem.message


def test_there_is_a_limit_to_groups_and_entries(tmp_path: Path) -> None:
    """What is below it is left out."""
    groups, problems = synonyms(tmp_path, "".join(f"a{n}x, b{n}x\n" for n in range(MAX_GROUPS + 2)))
    slugs, more = glossary(tmp_path, "".join(f"s{n}: {{en: [a{n}], de: [b{n}]}}\n" for n in range(MAX_GROUPS + 2)))

    assert (len(groups), problems) == (MAX_GROUPS, [f"{MAX_GROUPS + 1} too-many-groups"])
    assert (len(slugs), more) == (MAX_GROUPS, [f"{MAX_GROUPS + 1} too-many-groups"])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"wifi, wlan\nch\xe9, pc\n", "2 wrong-encoding", id="Latin-1"),
        pytest.param("wifi, wlan\n".encode("utf-16"), "1 wrong-encoding", id="UTF-16"),
        pytest.param(b"#" * (MAX_BYTES + 1), "0 too-large", id="too large"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, raw: bytes, expected: str) -> None:
    """Nothing of it is taken."""
    assert synonyms(tmp_path, raw) == ((), [expected])
    assert glossary(tmp_path, raw) == ([], [expected])


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(lambda path: path.symlink_to("/etc/hostname"), "outside-link", id="link out of the folder"),
        pytest.param(Path.mkdir, "no-file", id="folder"),
        pytest.param(os.mkfifo, "no-file", id="FIFO"),
    ],
)
def test_what_is_no_plain_file_is_not_read(tmp_path: Path, make: Callable[[Path], object], expected: str) -> None:
    """Links that lead out, folders and pipes."""
    (tmp_path / "en").mkdir()
    make(tmp_path / "en" / "synonyms.txt")
    make(tmp_path / "glossary.yml")

    assert told(read_synonyms(tmp_path, "en")[1]) == [("en/synonyms.txt", 0, expected)]
    assert told(read_glossary(tmp_path)[1]) == [("glossary.yml", 0, expected)]


@pytest.mark.parametrize("name", ["en/synonyms.txt", "glossary.yml"])
def test_a_link_to_itself_is_no_file(tmp_path: Path, name: str) -> None:
    """It is as if there were none."""
    (tmp_path / "en").mkdir()
    (tmp_path / name).symlink_to(tmp_path / name)

    groups, problems = read_synonyms(tmp_path, "en")
    entries, more = read_glossary(tmp_path)

    assert (len(groups), len(entries)) == (0, 0)
    assert {problem.code for problem in (*problems, *more)} <= {"unreadable"}


def test_the_glossary_is_read(tmp_path: Path) -> None:
    """By slug and language, in the order of the file, blanks folded."""
    (tmp_path / "glossary.yml").write_text(GOOD + "pin:\n  ru:\n    - ПИН-код\n    - 'пин  код'\n  fr: [code PIN]\n")

    assert read_glossary(tmp_path) == (
        {
            "password": {"en": ("password",), "de": ("Passwort",)},
            "pin": {"ru": ("ПИН-код", "пин код"), "fr": ("code PIN",)},
        },
        (),
    )


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("pin:\n  en: [pin]\n  xx: [pin]\n", ["6 unknown-language"]),
        ("pin:\n  en: pin\n  fr: [pin]\n", ["5 bad-entry"]),
        ("pin:\n  en: [pin]\n  fr: [no]\n", ["6 bad-entry"]),
        ("pin:\n  en: [pin, 12]\n  fr: []\n", ["5 bad-entry", "6 bad-entry"]),
        ("pin:\n  en: [2026-02-30]\n  fr: [pin]\n", ["5 bad-entry"]),
        ("pin:\n", ["4 bad-entry"]),
        ("pin: [pin]\n", ["4 bad-entry"]),
        ("pin: {}\n", ["4 bad-entry"]),
        ("pin:\n  [en]: [pin]\n", ["5 unknown-language"]),
        ("The Pin:\n  en: [pin]\n  fr: [pin]\n", ["4 bad-entry"]),
        ("password:\n  en: [pass]\n  fr: [mdp]\n", ["4 duplicate-key"]),
        ("pin:\n  en: [pin]\n  fr: [pin]\n  en: [code]\n", ["7 duplicate-key"]),
        ("pin:\n  en: ['']\n  fr: [pin]\n", ["5 empty-term"]),
        ("pin:\n  en: [of the]\n  fr: [pin]\n", ["5 empty-search"]),
        ("pin:\n  en: [a b c d e f g]\n  fr: [pin]\n", ["5 long-term"]),
        (f"pin:\n  fr: [{', '.join('a' * 51)}]\n  en: [pin]\n", ["5 too-many-terms"]),
    ],
)
def test_a_bad_entry_is_told_and_left_out(tmp_path: Path, entry: str, expected: list[str]) -> None:
    """With its line; the others stay."""
    slugs, problems = glossary(tmp_path, f"{GOOD}{entry}screen:\n  en: [screen]\n  de: [Bildschirm]\n")

    assert problems == expected
    assert slugs == ["password", "screen"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("pin:\n  en: [pin]\n", ["4 single-language"]),
        ("code:\n  fr: [mdp]\n  en: [code, PASSWORD]\n", ["6 ambiguous-term"]),
        ("code:\n  fr: [mdp]\n  en: [pass-word]\n", ["6 ambiguous-term"]),
        ("code:\n  fr: [mdp]\n  en: [passwords]\n", []),
        ("code:\n  fr: [password]\n  en: [code, codes, code]\n", []),
    ],
)
def test_a_doubtful_entry_is_told_and_stays(tmp_path: Path, entry: str, expected: list[str]) -> None:
    """Inflected forms are no doubt: “Drucker” and “drucken” have one stem and two meanings."""
    slugs, problems = glossary(tmp_path, GOOD + entry)

    assert problems == expected
    assert len(slugs) == 2
    assert all(problem.severity is Severity.WARNING for problem in read_glossary(tmp_path)[1])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(GOOD + "pin: [\n", 5, id="open bracket"),
        pytest.param("a: &x [b]\nc: *x\n", 1, id="anchor"),
        pytest.param("- a\n- b\n", 1, id="list"),
        pytest.param("just text\n", 1, id="text"),
        pytest.param(GOOD + "? [a]\n: b\n", 4, id="key that is no word"),
        pytest.param("a: " + "[" * 1000, 1, id="nested"),
        pytest.param("a: b\x00\n", 1, id="NUL"),
    ],
)
def test_what_is_no_yaml_is_told(tmp_path: Path, text: str, line: int) -> None:
    """With the line of the fault; nothing of the file is taken."""
    assert glossary(tmp_path, text) == ([], [f"{line} bad-glossary"])


def test_lines_are_those_of_an_editor(tmp_path: Path) -> None:
    """Signs that only YAML takes for the end of a line do not count; carriage returns do."""
    text = "pin:\r  # a\u2028b\x85c\r\n  en: [pin]\n  xx: [pin]\n"

    assert glossary(tmp_path, text) == ([], ["4 unknown-language"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=80)
    | st.text(alphabet="ab ,=>#\n\r'[]{}:&*!?|-\té\u2028", max_size=80).map(str.encode)
    | st.lists(st.sampled_from([b"a:", b"\n", b"\n  en:", b"\n  de:", b" [x]", b" [y, z]", b"x, y", b" => "])).map(
        b"".join
    )
)
def test_nothing_is_raised(tmp_path: Path, raw: bytes) -> None:
    """Whatever stands in the files, problems have lines of theirs, and what is taken is usable."""
    lines = raw.count(b"\n") + raw.count(b"\r") + 1
    for code in CODES:
        groups, problems = synonyms(tmp_path, raw, code)
        assert all(int(problem.split()[0]) <= lines for problem in problems)
        assert all(all((*group.terms, *group.found)) for group in groups)
        assert all(len(group.terms) + len(group.found) > 1 for group in groups)
    glossary(tmp_path, raw)
    for terms in read_glossary(tmp_path)[0].values():
        assert set(terms) <= set(CODES)
        assert all(own and all(own) for own in terms.values())
