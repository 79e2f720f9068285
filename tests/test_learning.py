"""Learning the term tables: what is learned again, what is not, and that no crash or damage leaves half a table."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal import learning
from portal.learning import Learner, learn
from portal.locales import CODES
from portal.search import tables as tables_module
from portal.search.analyzers import terms
from portal.search.tables import PAIRS, TermTables
from portal.search.translation import TermTable
from tests.builders import write_article
from tests.publishing import Folder

#: Long enough for a slow machine; nothing waits for it unless something is wrong.
PATIENCE = 60


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_module, "LOOK_EVERY", 0)


def files(folder: Folder) -> dict[str, bytes]:
    """Every file of the tables with its bytes."""
    return {path.name: path.read_bytes() for path in sorted((folder.data / "terms").iterdir())}


def table(folder: Folder, source: str, target: str) -> TermTable | None:
    return TermTables(folder.data / "terms").table(source, target)


def test_every_direction_is_learned(folder: Folder) -> None:
    """Six pairs, twelve files, and each says something where both languages have an article."""
    steps: list[tuple[int, int]] = []

    assert learn(folder.data, lambda done, of: steps.append((done, of))) == len(PAIRS) == 6

    assert len(files(folder)) == 12
    assert all(TermTables(folder.data / "terms").sizes().values())
    assert steps == [(done, 6) for done in range(7)]
    assert not [path for path in (folder.data / "terms").iterdir() if path.name.startswith(".")]


def test_nothing_is_learned_again_without_a_change(folder: Folder) -> None:
    """Nor after a publication that changes no text, nor by another process."""
    learn(folder.data)
    before = {path.name: path.stat().st_mtime_ns for path in (folder.data / "terms").iterdir()}

    again = learn(folder.data)
    folder.publish(rebuild=True)
    published = learn(folder.data)

    assert (again, published) == (0, 0)
    assert {path.name: path.stat().st_mtime_ns for path in (folder.data / "terms").iterdir()} == before


@pytest.mark.parametrize("language", ["fr", "ru"])
def test_an_edited_article_changes_its_languages_pairs_only(language: str, folder: Folder) -> None:
    """Three of six; German, whose compounds are learned from all articles, is tested apart."""
    learn(folder.data)
    before = files(folder)

    write_article(folder.articles, language, "reset-password", "Zyxomat", "Zyxomat.", topic="accounts")
    folder.publish()

    assert learn(folder.data) == 3
    after = files(folder)
    assert all(language in name.split(".")[0].split("-") for name in after if after[name] != before[name])
    assert any(after[name] != before[name] for name in after)
    assert learn(folder.data) == 0


def test_an_article_without_a_translation_changes_nothing(folder: Folder) -> None:
    """It teaches no pair."""
    learn(folder.data)

    write_article(folder.articles, "ru", "only-russian", "Только здесь", "Нигде больше.", topic="accounts")
    folder.publish()

    assert learn(folder.data) == 0


def test_a_removed_article_is_forgotten(folder: Folder) -> None:
    """Its words are no longer known."""
    for code, word in (("en", "quokka"), ("fr", "kangourou")):
        write_article(folder.articles, code, "animal", word.title(), f"The {word}.", topic="accounts")
    folder.publish()
    learn(folder.data)
    known = table(folder, "en", "fr")
    for code in ("en", "fr"):
        (folder.articles / code / "animal.md").unlink()
    folder.publish()

    assert learn(folder.data) == 1
    forgotten = table(folder, "en", "fr")
    assert known is not None
    assert forgotten is not None
    assert known.translate(terms("en", "quokka")[0])
    assert not forgotten.translate(terms("en", "quokka")[0])


@pytest.mark.parametrize("drafts", [("en", "fr"), ("fr",)])
def test_drafts_are_not_learned_from(drafts: tuple[str, ...], folder: Folder) -> None:
    """What is not public teaches nothing: its words could be guessed from translations."""
    for code, word in (("en", "quokka"), ("fr", "kangourou")):
        status = "draft" if code in drafts else "published"
        write_article(folder.articles, code, "animal", word.title(), f"The {word}.", topic="accounts", status=status)
    folder.publish()
    learn(folder.data)

    for source, target, word in (("en", "fr", "quokka"), ("fr", "en", "kangourou")):
        learned = table(folder, source, target)
        assert learned is not None
        assert not learned.translate(terms(source, word)[0])


def test_the_same_articles_make_the_same_bytes(folder: Folder, tmp_path: Path) -> None:
    """Whenever and in whatever order they were published."""
    other = Folder(tmp_path / "others", tmp_path / "other-var")
    for path in sorted(folder.articles.rglob("*.*"), reverse=True):
        target = other.articles / path.relative_to(folder.articles)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        if path.suffix == ".md":
            other.publish()
    other.publish()
    learn(folder.data)
    learn(other.data)
    first = files(folder)

    for path in (folder.data / "terms").iterdir():
        path.unlink()
    learn(folder.data)

    assert files(folder) == first == files(other)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda stored: stored[:-3],
    "digest alone": lambda stored: stored[:32],
    "bit": lambda stored: stored[:60] + bytes([stored[60] ^ 1]) + stored[61:],
    "noise": lambda stored: stored[:32] + os.urandom(200),
    "digest": lambda stored: b"\xff" * 32 + stored[32:],
    "more": lambda stored: stored + b"x",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_no_table_and_is_learned_again(damage: Callable[[bytes], bytes], folder: Folder) -> None:
    """Whichever way it is damaged; only its pair is learned."""
    learn(folder.data)
    before = files(folder)
    path = folder.data / "terms" / "en-de.terms"
    path.write_bytes(damage(path.read_bytes()))
    read = table(folder, "en", "de")

    assert read is None or damage is DAMAGE["digest"]
    assert TermTables(folder.data / "terms").table("de", "en") is not None
    assert learn(folder.data) == 1
    assert files(folder) == before


def test_a_missing_file_is_learned_again(folder: Folder) -> None:
    """One file or the whole folder."""
    learn(folder.data)
    before = files(folder)
    (folder.data / "terms" / "ru-fr.terms").unlink()

    assert learn(folder.data) == 1
    assert files(folder) == before


@pytest.mark.parametrize("dies_at", ["fsync", "replace"])
def test_a_death_while_writing_leaves_the_old_or_the_new_table(
    dies_at: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is whole at every moment, and the next learning finishes."""
    learn(folder.data)
    old = files(folder)
    write_article(folder.articles, "fr", "reset-password", "Autre titre", "Autre texte.", topic="accounts")
    folder.publish()
    calls = 0

    class Killed(BaseException):
        """As SIGKILL would, at a moment of our choice."""

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise Killed
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        if dies_at == "fsync":
            patch.setattr(os, "fsync", dying(os.fsync))
        else:
            patch.setattr(Path, "replace", dying(Path.replace))
        with pytest.raises(Killed):
            learn(folder.data)
    halfway = {name: content for name, content in files(folder).items() if not name.startswith(".")}

    assert learn(folder.data) > 0
    new = {name: content for name, content in files(folder).items() if not name.startswith(".")}
    assert halfway.keys() == old.keys() == new.keys()
    assert all(content in {old[name], new[name]} for name, content in halfway.items())
    assert sum(halfway[name] != old[name] for name in old) == 2


def test_readers_see_a_new_table_and_keep_none_that_was_replaced(folder: Folder) -> None:
    """A process that has the tables open takes the next ones without a restart."""
    opened = TermTables(folder.data / "terms")
    assert opened.table("en", "fr") is None
    learn(folder.data)
    first = opened.table("en", "fr")
    write_article(folder.articles, "fr", "reset-password", "Kangourou", "Texte.", topic="accounts")
    folder.publish()
    learn(folder.data)
    second = opened.table("en", "fr")

    assert first is not None
    assert second is not None
    assert first.to_bytes() != second.to_bytes()
    assert opened.table("en", "xx") is None


def test_learning_before_anything_is_published_teaches_nothing(tmp_path: Path) -> None:
    """An instance that is not ready is no crash, and makes no tables of nothing."""
    (tmp_path / "articles" / "en").mkdir(parents=True)
    made = Folder(tmp_path / "articles", tmp_path / "var")
    made.publish()

    learn(made.data)
    (tmp_path / "empty").mkdir()

    assert learn(tmp_path / "empty") == 0
    assert list((tmp_path / "empty").iterdir()) == []


class Recorded(Learner):
    """A learner that notes instead of learning."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.learned = threading.Semaphore(0)
        self.times = 0

    def _learn(self) -> None:
        self.times += 1
        self.learned.release()


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """A running learner that settles soon."""
    monkeypatch.setattr(learning, "SETTLE", 0.05)
    made = Recorded(tmp_path)
    made.start()
    yield made
    made.stop()
    made.join(PATIENCE)
    assert not made.is_alive()


def test_it_learns_when_it_is_woken(recorded: Recorded) -> None:
    """Once for each time that changes have settled, and not before it is told."""
    assert recorded.times == 0
    recorded.wake()
    assert recorded.learned.acquire(timeout=PATIENCE)
    recorded.wake()
    assert recorded.learned.acquire(timeout=PATIENCE)

    assert recorded.times == 2


def test_many_changes_are_learned_from_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits until none has come for a while."""
    waits: list[float] = []
    made = Recorded(tmp_path)

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) < 5:
            made.wake()  # Another change comes in while it waits.
        return False

    monkeypatch.setattr(made._ending, "wait", wait)
    made.start()
    made.wake()

    assert made.learned.acquire(timeout=PATIENCE)
    made.stop()
    made.join(PATIENCE)
    assert (made.times, waits) == (1, [learning.SETTLE] * 5)


def test_it_stops_while_changes_settle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and without learning."""
    monkeypatch.setattr(learning, "SETTLE", 10 * PATIENCE)
    made = Recorded(tmp_path)
    made.start()
    made.wake()
    made.stop()
    made.join(PATIENCE)

    assert not made.is_alive()
    assert made.times == 0


def test_it_stops_when_it_was_never_woken(tmp_path: Path) -> None:
    """Nobody waits for it."""
    made = Recorded(tmp_path)
    made.start()
    made.stop()
    made.join(PATIENCE)

    assert (made.is_alive(), made.times) == (False, 0)


def test_it_learns_in_a_process_of_its_own(folder: Folder) -> None:
    """The tables are those that learning here makes."""
    Learner(folder.data)._learn()
    aside = files(folder)

    assert learn(folder.data) == 0
    assert {name.split(".")[0] for name in aside} == {f"{a}-{b}" for a in CODES for b in CODES if a != b}


def test_a_process_that_fails_is_told_of_and_does_no_harm(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    """The thread lives on."""
    shutil.rmtree(folder.data / "index")

    Learner(folder.data)._learn()

    assert "could not be learned" in caplog.text
