"""From files to what readers see: only what changed is read, and nobody ever sees half of it."""

import gc
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from weakref import ref

import pytest

from portal import indexing, library, publishing
from portal.edition import Edition, Editions
from portal.publishing import Publisher
from portal.search import generations
from portal.settings import Settings
from tests.builders import write_article
from tests.publishing import Folder


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

    assert old.index.search("en", old.index.clues("en", "cable")).total == 1
    assert folder.find("en", "toner") == ["printer-offline"]


def test_a_running_process_changes_over_by_itself(folder: Folder) -> None:
    """The next look shows the new generation."""
    now = [0.0]
    editions = Editions(folder.data, "en", Settings().cuts, clock=lambda: now[0])
    before = editions.current()
    write_article(folder.articles, "en", "new-one", "A new article", "About zyxomatics.")
    folder.publish()

    unchanged = editions.current()
    now[0] += 1
    after = editions.current()

    assert unchanged is before
    assert ("en", "new-one") in after.knowledge.articles


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


def test_many_files_are_published_by_several_processes(tmp_path: Path) -> None:
    """From a few hundred files on all cores take part, with the same result and honest progress."""
    articles = tmp_path / "articles"
    for number in range(indexing.PARALLEL_FROM + 5):
        write_article(
            articles, ("en", "fr", "de", "ru")[number % 4], f"number-{number}", f"Number {number}", f"word{number:05}"
        )
    (tmp_path / "var").mkdir()
    steps: list[tuple[int, int]] = []

    report = Publisher(articles, tmp_path / "var").publish(
        datetime.now(UTC), lambda done, total: steps.append((done, total))
    )

    edition = Editions(tmp_path / "var", "en", Settings().cuts).current()
    assert report.changed == len(edition.knowledge.articles) == indexing.PARALLEL_FROM + 5
    assert steps == sorted(steps)
    assert steps[-1] == (2 * report.changed, 2 * report.changed)
    clues = edition.index.clues("fr", "word00001")
    assert [match.slug for match in edition.index.search("fr", clues).matches] == ["number-1"]


def test_a_cache_that_is_replaced_is_noticed_by_running_processes(folder: Folder) -> None:
    """Readers change over to the new file, and go on with what they have while there is none."""
    now = [0.0]
    editions = Editions(folder.data, "en", Settings().cuts, clock=lambda: now[0])
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


def _has_passwords(edition: Edition) -> bool:
    """Whether a search, which opens the files, finds the article on passwords."""
    return edition.index.search("en", edition.index.clues("en", "password")).total > 0


def test_nothing_of_a_replaced_edition_is_there_when_memory_is_settled(folder: Folder) -> None:
    """What is there then is passed over by collections, and would stay until the next publication."""
    now, is_gone = [0.0], []
    editions = Editions(folder.data, "en", Settings().cuts, clock=lambda: now[0])
    replaced = ref(editions.current())

    def settle() -> None:
        gc.collect()
        is_gone.append(replaced() is None)

    editions.settle = settle
    write_article(folder.articles, "en", "new-one", "A new article", "About zyxomatics.")
    folder.publish()
    for now[0] in (1.0, 20.0):
        editions.current()

    assert is_gone == [True]


def test_replaced_editions_give_their_files_back(folder: Folder) -> None:
    """After their grace, also when nothing is published any more."""
    now = [0.0]
    editions = Editions(folder.data, "en", Settings().cuts, clock=lambda: now[0])
    descriptors = Path("/proc/self/fd")
    assert _has_passwords(editions.current())
    before = len(list(descriptors.iterdir()))
    for number in range(10):
        write_article(folder.articles, "en", "new-one", f"Number {number}")
        folder.publish()
        now[0] += 1
        assert _has_passwords(editions.current())
    many = len(list(descriptors.iterdir()))
    now[0] += 60
    editions.current()

    assert many > before
    assert len(list(descriptors.iterdir())) <= before + 2


def test_other_code_makes_everything_anew(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older version refused or rendered is looked at again."""
    monkeypatch.setattr(publishing, "_made_by", lambda: "another version")

    assert folder.publish().changed == 7
