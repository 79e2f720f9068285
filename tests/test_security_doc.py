"""The self-assessment: every requirement of levels 1 and 2 once, and nothing in it that is not there."""

import ast
import re
from collections import Counter
from functools import cache

import pytest

from tests.needs import REPOSITORY

CHAPTERS = sorted((REPOSITORY / "docs" / "security").glob("v*.md"))
INDEX = REPOSITORY / "docs" / "security.md"
STATUSES = {"met", "partly", "not met", "not applicable"}
#: Where documentation itself is what is asked for, a document is what shows it, with the part that must be in it.
DOCUMENTED = {
    "2.1": "docs/api.md", "5.1": "docs/importing.md", "6.1": "docs/security.md", "7.1": "docs/security.md",
    "8.1": "docs/security.md", "11.1": "docs/security.md", "13.1": "docs/security.md", "14.1": "docs/security.md",
    "15.1": "docs/security.md", "16.1": "docs/security.md",
}  # fmt: skip


def levels() -> dict[str, int]:
    """The level of each requirement."""
    lines = (REPOSITORY / "tests" / "asvs_5_0_0.txt").read_text(encoding="utf-8").splitlines()
    sections = [line.split(": ") for line in lines if not line.startswith("#")]
    return {
        f"{section}.{number}": int(level)
        for section, found in sections
        for number, level in enumerate(found.split(), start=1)
    }


@cache
def rows() -> tuple[tuple[str, ...], ...]:
    """Every row of every chapter: number, level, subject, status, where, shown by, remark."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in CHAPTERS)
    found = [line.strip("|").split("|") for line in text.splitlines() if re.match(r"\| [0-9]", line)]
    return tuple(tuple(cell.strip() for cell in row) for row in found)


@cache
def named_in(name: str) -> frozenset[str]:
    """The tests of a file."""
    tree = ast.parse((REPOSITORY / "tests" / name).read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name[:5] == "test_"
    )


def test_the_list_is_that_of_the_standard() -> None:
    """Seventeen chapters; so many requirements of each level."""
    assert Counter(levels().values()) == {1: 70, 2: 183, 3: 92}
    assert {number.partition(".")[0] for number in levels()} == set(map(str, range(1, 18)))


def test_every_requirement_is_there_once_with_its_level() -> None:
    """Of levels 1 and 2, each in the file of its chapter, and no other."""
    assert all(len(row) == 7 for row in rows())
    assert Counter(row[0] for row in rows()) == Counter([number for number, level in levels().items() if level <= 2])
    assert [row[0] for row in rows() if int(row[1]) != levels()[row[0]]] == []
    for path in CHAPTERS:
        chapter = str(int(path.stem[1:]))
        inside = re.findall(r"^\| ([0-9]+)\.", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(inside) == {chapter}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_row_says_how_it_stands_and_names_what_is_there(row: tuple[str, ...]) -> None:
    """What is met names a place and a test; what is not says why; every module, document and test exists."""
    number, _, subject, status, where, shown, remark = row
    tests = re.findall(r"`([^`]+\.py)::([^`]+)`", shown)

    assert subject not in {"", "–"}
    assert status in STATUSES
    assert [name for name in re.findall(r"`([^`]+)`", where) if not (REPOSITORY / name).exists()] == []
    assert [f"{file}::{name}" for file, name in tests if name not in named_in(file)] == []
    assert shown == "–" or len(tests) == shown.count("`") / 2
    if status == "met":
        assert where != "–"
        assert tests or (DOCUMENTED.get(number.rpartition(".")[0], "") in where and "docs/" in where)
    else:
        assert remark != "–"
    if status in {"partly", "not met"}:
        assert "Risk" in remark


def test_the_summary_counts_what_the_chapters_say() -> None:
    """By chapter, and every requirement that is only partly met is named among what is missing."""
    text = INDEX.read_text(encoding="utf-8")
    for path in CHAPTERS:
        mine = Counter(row[3] for row in rows() if row[0].partition(".")[0] == str(int(path.stem[1:])))
        line = next(line for line in text.splitlines() if f"(security/{path.name})" in line)
        assert line.split("|")[2:5] == [f" {mine[status]} " for status in ("met", "partly", "not applicable")]
    assert not [row[0] for row in rows() if row[3] == "not met"]
    missing = text.partition("What is only partly met")[2].partition("\n## ")[0]
    named = set(re.findall(r"\d+\.\d+\.\d+", missing))
    spans = re.findall(r"(\d+\.\d+\.\d+)–(\d+\.\d+\.\d+)", missing)
    order = list(levels())
    for first, last in spans:
        named |= set(order[order.index(first) : order.index(last) + 1])
    assert [row[0] for row in rows() if row[3] == "partly" and row[0] not in named] == []


@pytest.mark.parametrize(
    "part",
    ["Reporting a fault", "The assessment", "What the operator must do", "Signing in", "Keys and cryptography", "Connections",
     "Data", "What is costly", "Libraries", "The log of security"],
)  # fmt: skip
def test_the_statement_has_all_its_parts(part: str) -> None:
    """Each with something in it."""
    body = INDEX.read_text(encoding="utf-8").partition(f"\n## {part}\n")[2].partition("\n## ")[0]

    assert len(body.split()) > 40
