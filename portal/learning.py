"""Learns the term tables from the published articles, in a process of its own, whenever their texts have changed."""

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from sqlalchemy.exc import OperationalError

from portal.locales import CODES
from portal.processes import end_with
from portal.search.analyzers import terms
from portal.search.fields import learned_words, splitter
from portal.search.tables import PAIRS, TermTables
from portal.search.translation import Text, digest, learn_both
from portal.storage import Database, published, published_texts

log = logging.getLogger(__name__)

#: How long no article has changed before it is learned anew, in seconds; a writer's next save is not far.
SETTLE = 5.0
#: How much learning gives way to serving.
NICENESS = 15


def learn(data: Path, progress: Callable[[int, int], None] = lambda _done, _total: None) -> int:
    """Bring every table up to date with the published articles; those whose texts are the same are left alone.

    Args:
        data: instance folder.
        progress: told the pairs of languages that are done, and how many there are.

    Returns:
        How many pairs of languages were learned anew.

    Raises:
        OSError: a table cannot be written.
    """
    if not (data / "articles.db").exists():
        return 0
    database = Database(f"sqlite:///{data / 'articles.db'}")
    try:
        with database.read() as connection:
            generation = published.state(connection, "generation")
            texts = _texts(published_texts.texts(connection))
    except OperationalError as error:
        if "no such table" not in str(error.orig):
            raise
        return 0  # Nothing has been published yet.
    finally:
        database.close()
    tables = TermTables(data / "terms")
    splits = {code: splitter(data / "index" / generation / code, code) for code in CODES}
    analysis = ",".join(learned_words(data / "index" / generation / code) for code in CODES)

    @lru_cache(maxsize=50_000)
    def analyse(language: str, text: str) -> list[str]:
        return terms(language, text, splits[language])

    learned = 0
    for done, (a, b) in enumerate(PAIRS):
        progress(done, len(PAIRS))
        families = [(both[a], both[b]) for both in texts if a in both and b in both]
        made_from = digest(a, b, families, analysis)
        if tables.learned_from(a, b) == made_from == tables.learned_from(b, a):
            continue
        there, back = learn_both(a, b, families, analyse)
        tables.keep(a, b, there, made_from)
        tables.keep(b, a, back, made_from)
        learned += 1
    progress(len(PAIRS), len(PAIRS))
    return learned


def _texts(rows: list[published_texts.TextRow]) -> list[dict[str, Text]]:
    """The families, those whose articles changed last first, each with its text by language."""
    families: dict[str, dict[str, Text]] = {}
    for row in sorted(rows, key=lambda row: (row.updated, row.slug), reverse=True):
        blocks = [block for _, heading, text, _ in row.sections for block in (heading, *text.split("\n")) if block]
        families.setdefault(row.slug, {})[row.language] = Text(row.title, tuple(blocks))
    return list(families.values())


class Learner(threading.Thread):
    """Learns in the background when it is told that articles have changed.

    Args:
        data: instance folder.
    """

    def __init__(self, data: Path) -> None:
        super().__init__(name="learner", daemon=True)
        self._data = data
        self._changed = threading.Event()
        self._ending = threading.Event()

    def wake(self) -> None:
        """Articles have changed."""
        self._changed.set()

    def stop(self) -> None:
        """End soon; a table that is half learned is not kept."""
        self._ending.set()
        self._changed.set()

    def run(self) -> None:
        """Wait for changes, and learn when they have settled."""
        while True:
            self._changed.wait()
            while not self._ending.is_set() and self._changed.is_set():
                self._changed.clear()
                self._ending.wait(SETTLE)
            if self._ending.is_set():
                return
            self._learn()

    def _learn(self) -> None:
        """Learn in another process, so that no reader waits for it."""
        process = multiprocessing.get_context("spawn").Process(
            target=_learn_aside, args=(self._data, os.getpid()), daemon=True
        )
        process.start()
        while process.is_alive() and not self._ending.is_set():
            process.join(0.2)
        if process.is_alive():
            process.terminate()
        process.join()
        if process.exitcode and not self._ending.is_set():
            log.error("the term tables could not be learned: exit %s", process.exitcode)


def _learn_aside(data: Path, parent: int) -> None:
    """Learn, and end with the process that wanted it."""
    os.nice(NICENESS)
    end_with(parent)
    learn(data)
