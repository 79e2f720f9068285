"""From files to what readers see: only what changed is read, and nobody ever sees half of it."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from portal import library, publishing, storage
from portal.edition import Edition, Editions
from portal.publishing import Publisher, Report
from portal.queries import read_query
from portal.search import generations
from tests.builders import write_article
from tests.needs import REPOSITORY


class Folder:
    """A folder of articles with the instance that publishes it."""

    def __init__(self, articles: Path, data: Path) -> None:
        self.articles = articles
        self.data = data
        data.mkdir()

    def publish(self, *, rebuild: bool = False, verify: bool = True) -> Report:
        """Publish now."""
        return Publisher(self.articles, self.data).publish(datetime.now(UTC), rebuild=rebuild, verify=verify)

    @property
    def edition(self) -> Edition:
        """What a process that starts now would show."""
        return Editions(self.data, "en").current()

    def find(self, language: str, text: str) -> list[str]:
        """Slugs that a search finds."""
        return [hit.slug for hit in self.edition.index.search(read_query(language, text)).hits]


@pytest.fixture
def folder(library_folder: Path, tmp_path: Path) -> Folder:
    """A published folder."""
    made = Folder(library_folder, tmp_path / "var")
    made.publish()
    return made


def test_a_second_publication_reads_nothing(folder: Folder) -> None:
    """Without changes there is no new generation and no file is read."""
    before = folder.edition.knowledge.generation

    report = folder.publish()

    assert (report.changed, report.removed, report.rebuilt) == (0, 0, "")
    assert report.generation == before


def test_only_a_changed_file_is_read(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved article is read, rendered and searchable; the others are left alone."""
    read: list[str] = []

    def recording(file: library.SourceFile, root: Path) -> library.Reading:
        read.append(file.slug)
        return original(file, root)

    original = library.read
    monkeypatch.setattr(library, "read", recording)

    write_article(folder.articles, "en", "printer-offline", "The printer is offline", "Shake the zyxomatic drum.")
    report = folder.publish()

    assert read == ["printer-offline"]
    assert report.changed == 1
    assert folder.find("en", "zyxomatic") == ["printer-offline"]
    assert folder.find("en", "cable") == []
    assert folder.find("en", "password")[0] == "reset-password"


def test_a_touched_file_with_other_times_is_read_again_to_the_same_text(folder: Folder) -> None:
    """A new signature is read; what readers see stays."""
    path = folder.articles / "en" / "printer-offline.md"
    os.utime(path, (1, 1))

    report = folder.publish()

    assert report.changed == 1
    assert folder.find("en", "cable") == ["printer-offline"]


def test_a_removed_article_is_gone_everywhere(folder: Folder) -> None:
    """Neither page nor search has it any more."""
    (folder.articles / "en" / "printer-offline.md").unlink()

    report = folder.publish()

    assert report.removed == 1
    assert ("en", "printer-offline") not in folder.edition.knowledge.articles
    assert folder.find("en", "cable") == []


@pytest.mark.parametrize("fields", [{"status": "draft"}, {"colour": "blue"}], ids=["draft", "error"])
def test_an_article_that_becomes_a_draft_or_wrong_is_left_out(folder: Folder, fields: dict[str, str]) -> None:
    """What readers may not see is not found either; the rest is served."""
    write_article(folder.articles, "en", "printer-offline", "The printer is offline", "Check the cable.", **fields)

    folder.publish()

    assert ("en", "printer-offline") not in folder.edition.knowledge.articles
    assert folder.find("en", "cable") == []
    assert folder.find("en", "password")


def test_problems_are_reported_again_without_reading_again(folder: Folder) -> None:
    """A file with an error stays in the report as long as it is wrong."""
    write_article(folder.articles, "en", "wrong", colour="blue")
    folder.publish()

    report = folder.publish()

    assert report.changed == 0
    assert [(problem.path, problem.line, problem.code) for problem in report.problems] == [
        ("en/wrong.md", 5, "unknown-key")
    ]


def test_changed_topics_are_seen(folder: Folder) -> None:
    """A new name of a topic is published although no article changed."""
    (folder.articles / "topics.yml").write_text("accounts:\n  name: {en: Identity}\n", encoding="utf-8")

    folder.publish()

    assert folder.edition.knowledge.topic("accounts").name("en") == "Identity"


def test_an_open_edition_goes_on_until_it_looks_again(folder: Folder) -> None:
    """A request that began with a generation ends with it, whole, while the next is published."""
    old = folder.edition
    write_article(folder.articles, "en", "printer-offline", "The printer is offline", "Now about toner.")

    folder.publish()

    assert old.index.search(read_query("en", "cable")).total == 1
    assert folder.find("en", "toner") == ["printer-offline"]


def test_a_running_process_changes_over_by_itself(folder: Folder) -> None:
    """The next look shows the new generation."""
    now = [0.0]
    editions = Editions(folder.data, "en", clock=lambda: now[0])
    before = editions.current()
    write_article(folder.articles, "en", "new-one", "A new article", "About zyxomatics.")
    folder.publish()

    unchanged = editions.current()
    now[0] += 1
    after = editions.current()

    assert unchanged is before
    assert ("en", "new-one") in after.knowledge.articles


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


def test_old_generations_are_swept_after_a_while(folder: Folder) -> None:
    """What readers may still have open stays a minute; then only the current one is left."""
    for number in range(3):
        write_article(folder.articles, "en", "new-one", f"Number {number}")
        folder.publish()
    current = folder.edition.knowledge.generation
    kept = {path.name for path in (folder.data / "index").iterdir()}

    generations.sweep(folder.data / "index", current, now=time.time() + 120)

    assert len(kept) == 4
    assert [path.name for path in (folder.data / "index").iterdir()] == [current]


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


def test_many_files_are_published_by_several_processes(tmp_path: Path) -> None:
    """From a few hundred files on all cores take part, with the same result and honest progress."""
    articles = tmp_path / "articles"
    for number in range(publishing.PARALLEL_FROM + 5):
        write_article(
            articles, ("en", "fr", "de", "ru")[number % 4], f"number-{number}", f"Number {number}", f"word{number}"
        )
    (tmp_path / "var").mkdir()
    steps: list[tuple[int, int]] = []

    report = Publisher(articles, tmp_path / "var").publish(
        datetime.now(UTC), lambda done, total: steps.append((done, total))
    )

    edition = Editions(tmp_path / "var", "en").current()
    assert report.changed == len(edition.knowledge.articles) == publishing.PARALLEL_FROM + 5
    assert steps == sorted(steps)
    assert steps[-1] == (2 * report.changed, 2 * report.changed)
    assert [hit.slug for hit in edition.index.search(read_query("fr", "word1")).hits] == ["number-1"]


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


def test_a_cache_that_is_replaced_is_noticed_by_running_processes(folder: Folder) -> None:
    """Readers change over to the new file, and go on with what they have while there is none."""
    now = [0.0]
    editions = Editions(folder.data, "en", clock=lambda: now[0])
    editions.current()
    for path in folder.data.glob("articles.db*"):
        path.unlink()
    now[0] += 1
    meanwhile = editions.current()
    write_article(folder.articles, "en", "new-one", "A new article", "About zyxomatics.")
    folder.publish()
    now[0] += 1

    assert ("en", "reset-password") in meanwhile.knowledge.articles
    assert ("en", "new-one") in editions.current().knowledge.articles


def test_replaced_editions_give_their_files_back(folder: Folder) -> None:
    """After their grace, also when nothing is published any more."""
    now = [0.0]
    editions = Editions(folder.data, "en", clock=lambda: now[0])
    descriptors = Path("/proc/self/fd")
    editions.current().index.search(read_query("en", "password"))
    before = len(list(descriptors.iterdir()))
    for number in range(10):
        write_article(folder.articles, "en", "new-one", f"Number {number}")
        folder.publish()
        now[0] += 1
        editions.current().index.search(read_query("en", "password"))
    many = len(list(descriptors.iterdir()))
    now[0] += 60
    editions.current()

    assert many > before
    assert len(list(descriptors.iterdir())) <= before + 2


@pytest.mark.parametrize("harm", ["manifest", "segment"])
def test_an_index_that_is_harmed_while_running_is_made_anew_at_the_next_change(harm: str, folder: Folder) -> None:
    """What a watching process publishes does not build upon what is not there."""
    for path in _index(folder).rglob("manifest.json" if harm == "manifest" else "*.seg"):
        path.unlink()
    write_article(folder.articles, "en", "new-one", "A new article", "About zyxomatics.")

    report = folder.publish(verify=False)

    assert report.rebuilt
    assert folder.find("en", "zyxomatics") == ["new-one"]


def test_other_code_makes_everything_anew(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older version refused or rendered is looked at again."""
    monkeypatch.setattr(publishing, "_made_by", lambda: "another version")

    assert folder.publish().changed == 7


def _lives(pid: str) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_helpers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    """A publication on all cores that is killed leaves no process behind."""
    articles = tmp_path / "articles"
    for number in range(publishing.PARALLEL_FROM * 4):
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
    end = time.monotonic() + 20
    while len(started := children.read_text().split()) < 3 and time.monotonic() < end:
        time.sleep(0.02)
    process.kill()
    process.wait()
    end = time.monotonic() + 10
    while (left := [pid for pid in started if _lives(pid)]) and time.monotonic() < end:
        time.sleep(0.1)

    assert len(started) >= 3
    assert left == []
