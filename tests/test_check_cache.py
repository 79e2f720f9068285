"""What a check keeps from one run to the next: the same result in less time, and nothing that can do harm."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal import library
from portal.problems import Problem
from portal.writing.checking import cache, gathering
from portal.writing.checking.check import check_articles
from tests.builders import write_article
from tests.needs import REPOSITORY

DAY = date(2026, 3, 2)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A few articles with problems of all kinds: of reading, of one text, between texts."""
    folder = tmp_path / "articles"
    write_article(folder, "en", "one", body="# Head\n\n[a](two.md#none)  x\n\n```sh\nls\n```\n\n| A |\n|---|\n| b |")
    write_article(folder, "de", "one", "Eins", '„A“ "b".', review_by="2025-01-01", tags="[x]", aliases="[old]")
    write_article(folder, "en", "two", "Two", "Text.", status="draft", significance="typo")
    write_article(folder, "en", "broken", body="")
    (tmp_path / "var").mkdir()
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the cache lies."""
    return cache.path_of(tmp_path / "var")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read."""
    names: list[str] = []
    original = library.parse

    def noted(raw: bytes, language: str, slug: str, shown: str) -> library.Reading:
        names.append(shown)
        return original(raw, language, slug, shown)

    monkeypatch.setattr(library, "parse", noted)
    return names


def check(root: Path, file: Path | None = None) -> list[Problem]:
    """Every problem."""
    return check_articles(root, "en", DAY, cache=file)


def told(problems: list[Problem]) -> list[tuple[str, Any]]:
    """All of each problem, with its mending, which does not count when two are compared."""
    return [(str(problem), problem.fix) for problem in problems]


def test_only_what_has_changed_is_read_again(root: Path, file: Path, read: list[str]) -> None:
    """The result is that of a check without anything kept, fixes included."""
    first = check(root, file)
    assert len(read) == 4
    read.clear()

    assert told(check(root, file)) == told(first) == told(check(root))
    assert read.count("en/one.md") == 1  # By the check that keeps nothing.
    read.clear()
    write_article(root, "en", "two", "Two", "## None {#none}\n\nText, now published.")
    (root / "en" / "broken.md").unlink()

    changed = check(root, file)
    assert read == ["en/two.md"]
    assert told(changed) == told(check(root))
    assert {problem.code for problem in first} - {problem.code for problem in changed} >= {"dead-anchor", "empty-body"}


def test_problems_between_texts_are_judged_anew(root: Path, file: Path) -> None:
    """A review day that passes, an image that goes, a topic that comes: no file of an article has changed."""
    check(root, file)

    early = check_articles(root, "en", date(2024, 1, 1), cache=file)
    assert "review-overdue" not in {problem.code for problem in early}
    assert "review-overdue" in {problem.code for problem in check(root, file)}
    (root / "topics.yml").write_text("other: {name: {en: O, fr: O, de: O, ru: O}}\n", encoding="utf-8")
    assert "unknown-topic" in {problem.code for problem in check(root, file)}


def test_other_code_or_another_folder_keeps_nothing(
    root: Path, file: Path, read: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was found by other rules, or in files of the same names elsewhere, is not this folder's."""
    check(root, file)
    read.clear()
    root.rename(tmp_path / "moved")
    check(tmp_path / "moved", file)
    assert len(read) == 4

    read.clear()
    monkeypatch.setattr(cache, "made_by", lambda: "other")
    check(tmp_path / "moved", file)
    assert len(read) == 4


def forged(root: Path, file: Path, rows: dict[str, Any]) -> None:
    """Write a cache as the product does, with other contents."""
    cache.save(file, root, {path: json.dumps(row) for path, row in rows.items()})


def test_a_broken_cache_is_as_good_as_none(root: Path, file: Path) -> None:
    """Cut off at any place, with any byte changed, with another program's contents, a folder, no UTF-8."""
    wanted = told(check(root, file))
    raw = file.read_bytes()
    for broken in (b"", raw[:-1], raw[: len(raw) // 2], raw.replace(b"Head", b"Heat"), b"\xff\x00" * 99, b"[[[" * 9999):
        file.write_bytes(broken)
        assert told(check(root, file)) == wanted
    file.unlink()
    file.mkdir()
    assert told(check(root, file)) == wanted


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        {},
        "text",
        [[], None],
        [[[1, "code", "message", "warning", 0, None]], None],
        [[[1, 2, 3, "error", 5, None]], None],
        [[], [[], 1, {}, [[], [], [], []], "", []]],
        [[], [["T", "t", "2026-13-45", *[""] * 11], 1, {}, [[], [], [], []], "", []]],
        [[], [["T", "t", "2026-01-05", "", [], [], None, [], "published", [], None, None, None, None],
              1, {}, [[[1]], [[2]], [], []], "", []]],
        [[], [[1, 2, "2026-01-05", 3, [4], [], None, [[5]], "published", [], None, None, 6, None],
              "x", [], [[[1, 1, "y", 0, None, 1]], [[1, 1, None, 7, False, None]], [], []], 8, [[9, 9]]]],
    ],
)  # fmt: skip
def test_what_somebody_has_put_into_the_cache_is_ignored(root: Path, file: Path, row: Any) -> None:
    """With the right checksum and signature, but of another shape: all is read anew."""
    wanted = told(check(root))
    signatures = {f"{found.language}/{found.slug}.md": found.signature for found in library.scan(root).files}
    forged(root, file, {
        path: [signature, *row] if isinstance(row, list) else row for path, signature in signatures.items()
    })  # fmt: skip

    assert told(check(root, file)) == wanted


def test_nothing_is_left_behind_where_nothing_can_be_kept(root: Path, file: Path, tmp_path: Path) -> None:
    """No folder is made, one that cannot be written is left alone, and a write that fails leaves no half file."""
    missing = tmp_path / "nowhere" / "check.jsonl"
    assert check(root, missing)
    assert not missing.parent.exists()

    file.mkdir()
    (file / "in the way").touch()
    assert check(root, file)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_all_cores_find_what_one_finds(root: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same order, and the steps are told from the first to the last."""
    wanted = told(check(root))
    steps: list[tuple[int, int]] = []
    monkeypatch.setattr(gathering, "PARALLEL_FROM", 1)
    monkeypatch.setattr(gathering, "SHARE", 2)

    problems = check_articles(root, "en", DAY, lambda done, total: steps.append((done, total)), file)

    assert told(problems) == wanted
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == ((0, 4), (4, 4))


def test_everything_that_is_kept_of_the_shipped_articles_comes_back(tmp_path: Path) -> None:
    """Facts and problems are the same values after they have been written and read."""
    root = REPOSITORY / "articles"
    for file in library.scan(root).files[::7]:
        reading = library.read(file, root)
        assert reading.article is not None
        path = f"{file.language}/{file.slug}.md"
        text = gathering.text_of(reading.article, path, reading)
        facts, problems = gathering.facts_of(text), tuple(gathering.check_text(text))

        assert cache.decode(cache.encode(file.signature, problems, facts), path) == (problems, facts)
    lines = {"a": "1", "b": "é"}
    cache.save(tmp_path / "kept", root, lines)
    assert cache.load(tmp_path / "kept", root) == lines
    head, _, body = (tmp_path / "kept").read_bytes().partition(b"\n")
    assert head.endswith(hashlib.blake2b(body, digest_size=16).hexdigest().encode())
