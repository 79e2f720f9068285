"""Search on an index that breaks: unavailable or right, never empty, and nobody waits or is left without a process."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from whoosh import index as whoosh_index_module

from portal.errors import SearchUnavailable
from portal.locales import CODES
from portal.queries import Query
from portal.search import engine
from portal.search.engine import WhooshIndex
from portal.selfservice import answer
from portal.services import Services
from tests.needs import REPOSITORY
from tests.publishing import Folder
from tests.test_search_safety import descriptors


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has been mended is tried at once."""
    monkeypatch.setattr(engine, "PATIENCE", 0.0)


@pytest.fixture
def generation(shipped_services: Services, tmp_path: Path) -> Path:
    """A copy of the shipped articles' index."""
    present = shipped_services.settings.data / "index" / shipped_services.edition.knowledge.generation
    return shutil.copytree(present, tmp_path / "generation")


#: Whoosh leaves what it had opened to the garbage collector when it fails half-way.
leaves_files = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

ASKED = {"en": "forgotten password", "fr": "imprimante hors ligne", "de": "Passwort vergessen", "ru": "забыл пароль"}


def slugs(index: WhooshIndex, language: str) -> list[str]:
    """What a search finds now."""
    return [match.slug for match in index.search(language, index.clues(language, ASKED[language])).matches]


def files(generation: Path, pattern: str) -> list[Path]:
    found = [path for path in sorted(generation.rglob(pattern)) if path.is_file() and path.stat().st_size]
    assert found
    return found


def spoil(path: Path, how: str) -> None:
    """Break a file in its place, as a failing disk does, without changing its size."""
    size = path.stat().st_size
    if how == "delete":
        path.unlink()
        return
    with path.open("r+b") as file:
        if how == "second half":
            file.seek(size // 2)
        file.write(random.Random(size).randbytes(size - file.tell()) if how == "noise" else bytes(size - file.tell()))


@leaves_files
@pytest.mark.parametrize("how", ["delete", "zeros", "noise", "second half"])
@pytest.mark.parametrize("pattern", ["*", "*.seg", "*.toc", "compounds.json", "thesaurus.json", "frequencies"])
@pytest.mark.parametrize("is_open", [True, False], ids=["open", "not yet open"])
def test_files_that_break_are_never_taken_for_no_answer(
    how: str, pattern: str, is_open: bool, generation: Path
) -> None:
    """Search is unavailable, or right; and right again once the files are back."""
    kept = shutil.copytree(generation, generation.with_name("kept"))
    index, whole = WhooshIndex(generation), WhooshIndex(kept)
    right = {code: slugs(whole, code) for code in CODES}
    whole.close()
    if is_open:
        assert {code: slugs(index, code) for code in CODES} == right
    for path in files(generation, pattern):
        spoil(path, how)

    for code in (*CODES, *CODES):
        try:
            assert slugs(index, code) == right[code]
        except SearchUnavailable:
            continue
    for path in files(kept, "*"):
        back = generation / path.relative_to(kept)
        back.unlink(missing_ok=True)
        shutil.copy2(path, back)
    if is_open:
        index.close()  # What was mapped is the broken file.
    assert {code: slugs(index, code) for code in CODES} == right
    index.close()


#: Opens a generation, searches, shortens every file, and searches for other words.
_SHORTENED = """
import os, sys
from pathlib import Path
from portal.errors import SearchUnavailable
from portal.search.engine import WhooshIndex
generation = Path(sys.argv[1])
index = WhooshIndex(generation)
index.search("en", index.clues("en", "password"))
for path in generation.rglob("*.seg"):
    os.truncate(path, path.stat().st_size // 2)
for text in ("printer", "network cable", "keyboard layout", "zxqv"):
    try:
        index.search("en", index.clues("en", text))
    except SearchUnavailable:
        pass
print("alive")
"""


def test_a_file_that_is_shortened_does_not_end_the_process(generation: Path) -> None:
    """A full disk's or a careless copy's half file makes search unavailable; the portal lives on."""
    done = subprocess.run(
        [sys.executable, "-c", _SHORTENED, str(generation)],
        check=False,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


@leaves_files
def test_a_broken_index_is_told_to_the_reader_as_such(folder: Folder) -> None:
    """Neither an empty page nor an error of the engine's own: the answer is that search is unavailable."""
    edition = folder.edition
    shutil.rmtree(folder.data / "index")

    for code in CODES:
        for text in ("forgotten password", "zxqv"):
            with pytest.raises(SearchUnavailable):
                answer(edition, Query(code, text))


@leaves_files
def test_failing_again_and_again_leaves_no_file_open(generation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken language is tried again by each search, and each gives back what it opened."""
    monkeypatch.setattr(whoosh_index_module, "sleep", lambda _seconds: None)
    index = WhooshIndex(generation)
    for path in files(generation, "*.seg"):
        spoil(path, "noise")
    before = descriptors()

    for _ in range(40):
        with pytest.raises(SearchUnavailable):
            slugs(index, "en")

    assert descriptors() <= before + 4


@leaves_files
def test_a_broken_index_keeps_nobody_waiting(generation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Search is unavailable at once; readers of whole languages wait for nothing."""
    monkeypatch.setattr(engine, "PATIENCE", 60.0)
    index = WhooshIndex(generation)
    for path in files(generation / "en", "*.seg"):
        spoil(path, "noise")
    slept: list[float] = []
    monkeypatch.setattr(whoosh_index_module, "sleep", slept.append)

    for _ in range(5):
        with pytest.raises(SearchUnavailable):
            slugs(index, "en")

    assert sum(slept) < 1  # Whoosh's own patience, once; the other languages have locks of their own.
    assert slugs(index, "de")


def test_a_closed_index_stays_closed_or_works(generation: Path) -> None:
    """A request that comes late is answered, or told that search is unavailable; either way files go back."""
    index = WhooshIndex(generation)
    right = slugs(index, "en")
    before = descriptors()

    for _ in range(20):
        index.close()
        try:
            assert slugs(index, "en") == right
        except SearchUnavailable:
            continue
    index.close()

    assert descriptors() <= before
