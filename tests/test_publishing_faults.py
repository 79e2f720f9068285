"""Publishing under kills, locks, full disks and damage: readers always have a whole state."""

import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from portal import indexing, storage
from portal.search import generations
from tests.builders import write_article
from tests.needs import REPOSITORY
from tests.publishing import Folder


def _index(folder: Folder) -> Path:
    """The directory of the current generation."""
    return folder.data / "index" / folder.edition.knowledge.generation


@pytest.mark.parametrize(
    "harm",
    [
        shutil.rmtree,
        lambda path: shutil.rmtree(path / "de"),
        lambda path: next(path.glob("en/*.seg")).write_bytes(b"rubbish"),
        lambda path: next(path.glob("fr/*.toc")).unlink(),
        lambda path: (path / "manifest.json").write_text("{"),
    ],
    ids=["deleted", "language deleted", "segment overwritten", "table of contents deleted", "manifest cut"],
)
def test_a_broken_index_is_made_anew_and_reported(folder: Folder, harm: object) -> None:
    """Whatever happens to the index, the next start has a whole one and says why."""
    harm(_index(folder))  # type: ignore[operator]

    report = folder.publish()

    assert report.rebuilt
    assert report.changed == 7
    generations.check(_index(folder))
    assert folder.find("de", "Kabel") == ["printer-offline"]


def test_a_broken_cache_is_made_anew(folder: Folder) -> None:
    """The database of rendered articles is only a copy of the files."""
    for path in folder.data.glob("articles.db*"):
        path.unlink()
    (folder.data / "articles.db").write_bytes(b"no database" * 100)

    report = folder.publish()

    assert report.changed == 7
    assert folder.find("ru", "пароль") == ["reset-password"]


def test_a_full_disk_leaves_what_readers_see(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the new generation cannot be written, the old one goes on being served."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write_article(folder.articles, "en", "new-one", "A new article", "About zyxomatics.")
    monkeypatch.setattr(generations, "seal", full)

    with pytest.raises(OSError, match="No space"):
        folder.publish()

    monkeypatch.undo()
    assert folder.find("en", "password")
    assert folder.publish().changed == 1
    assert folder.find("en", "zyxomatics") == ["new-one"]


_PUBLISH = """
import sys; from datetime import UTC, datetime; from pathlib import Path; from portal.publishing import Publisher
print("go", flush=True)
Publisher(Path(sys.argv[1]), Path(sys.argv[2])).publish(datetime.now(UTC), rebuild=True)
"""


def _publish_elsewhere(folder: Folder) -> subprocess.Popen[bytes]:
    """Begin to publish in another process."""
    command = [sys.executable, "-c", _PUBLISH, str(folder.articles), str(folder.data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=REPOSITORY)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize("milliseconds", [0, 5, 10, 15, 20, 30, 40, 60, 80, 120])
def test_a_kill_at_any_moment_leaves_a_whole_state(folder: Folder, milliseconds: int) -> None:
    """After SIGKILL in the middle of a publication readers have the old or the new state, and the next run works."""
    write_article(folder.articles, "en", "printer-offline", "The printer is offline", "Now about toner.")
    process = _publish_elsewhere(folder)
    time.sleep(milliseconds / 1000)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    old, new = folder.find("en", "cable"), folder.find("en", "toner")
    folder.publish()

    assert sorted(old + new) == ["printer-offline"]
    assert folder.find("en", "toner") == ["printer-offline"]


def test_two_processes_publish_one_after_the_other(folder: Folder) -> None:
    """Both end well, and the result is whole."""
    processes = [_publish_elsewhere(folder) for _ in range(2)]

    codes = [process.wait(60) for process in processes]
    for process in processes:
        process.communicate()

    assert codes == [0, 0]
    generations.check(_index(folder))
    assert folder.find("en", "password")


def test_a_locked_cache_is_not_thrown_away(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a broken file is made anew; a lock is waited for, and then reported."""
    monkeypatch.setattr(storage, "BUSY_TIMEOUT", 0.1)
    path = folder.data / "articles.db"
    before = path.stat().st_ino
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")

        with pytest.raises(OperationalError, match="locked"):
            folder.publish()

        writer.execute("ROLLBACK")
    assert path.stat().st_ino == before
    assert folder.publish().changed == 0


@pytest.mark.parametrize("harm", ["manifest", "segment"])
def test_an_index_that_is_harmed_while_running_is_made_anew_at_the_next_change(harm: str, folder: Folder) -> None:
    """What a watching process publishes does not build upon what is not there."""
    for path in _index(folder).rglob("manifest.json" if harm == "manifest" else "*.seg"):
        path.unlink()
    write_article(folder.articles, "en", "new-one", "A new article", "About zyxomatics.")

    report = folder.publish(verify=False)

    assert report.rebuilt
    assert folder.find("en", "zyxomatics") == ["new-one"]


def _lives(pid: str) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_helpers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    """A publication on all cores that is killed leaves no process behind."""
    articles = tmp_path / "articles"
    for number in range(indexing.PARALLEL_FROM * 4):
        write_article(
            articles, ("en", "fr", "de", "ru")[number % 4], f"number-{number}", f"Number {number}", "word " * 900
        )
    data = tmp_path / "var"
    data.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", f"if __name__ == '__main__':\n exec({_PUBLISH!r})", str(articles), str(data)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=REPOSITORY,
    )  # fmt: skip
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    end = time.monotonic() + 120
    while len(started := children.read_text().split()) < 3 and time.monotonic() < end:
        time.sleep(0.02)
    process.kill()
    process.wait()
    end = time.monotonic() + 60
    while (left := [pid for pid in started if _lives(pid)]) and time.monotonic() < end:
        time.sleep(0.1)

    assert len(started) >= 3
    assert left == []
