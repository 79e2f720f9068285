"""The learned term tables of an instance: kept as files, read by every process, asked for words."""

import os
import threading
import time
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from portal.locales import CODES
from portal.search import Clue, SearchIndex, Way
from portal.search.inquiry import by_probability
from portal.search.translation import TermTable

#: How often a process looks whether newer tables have been learned, in seconds.
LOOK_EVERY = 1.0
#: Every two languages, each pair once.
PAIRS = tuple(combinations(CODES, 2))
_DIGEST = 32


class TermTables:
    """The tables of every direction; safe to use from several threads and processes.

    Args:
        directory: where they are kept; it need not exist yet.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._tables: dict[tuple[str, str], tuple[int, TermTable | None]] = {}
        self._looked: dict[tuple[str, str], float] = {}

    def _path(self, source: str, target: str) -> Path:
        return self._directory / f"{source}-{target}.terms"

    def table(self, source: str, target: str) -> TermTable | None:
        """The table of a direction; None where nothing has been learned, or its file is damaged."""
        key = source, target
        now = time.monotonic()
        if now - self._looked.get(key, float("-inf")) < LOOK_EVERY:
            return self._tables[key][1]
        with self._lock:
            try:
                changed = self._path(source, target).stat().st_mtime_ns
            except OSError:
                changed = 0
            known = self._tables.get(key)
            if known is None or known[0] != changed:
                self._tables[key] = changed, self._read(source, target) if changed else None
            self._looked[key] = now
            return self._tables[key][1]

    def _read(self, source: str, target: str) -> TermTable | None:
        """A table from its file."""
        try:
            return TermTable.from_bytes(self._path(source, target).read_bytes()[_DIGEST:])
        except (OSError, ValueError):
            return None  # It is learned again at the next publication.

    def learned_from(self, source: str, target: str) -> str:
        """The digest of what a table was learned from; empty where there is none or it is damaged."""
        try:
            stored = self._path(source, target).read_bytes()
            TermTable.from_bytes(stored[_DIGEST:])
        except (OSError, ValueError):
            return ""
        return stored[:_DIGEST].decode("ascii", "replace")

    def keep(self, source: str, target: str, table: TermTable, digest: str) -> None:
        """Put a table in the place of the one before; readers see the one or the other, whatever happens.

        Raises:
            OSError: it cannot be written.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._directory / f".{source}-{target}-{os.getpid()}"
        with draft.open("wb") as file:
            file.write(digest.encode()[:_DIGEST].ljust(_DIGEST) + table.to_bytes())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path(source, target))

    def ways(self, source: str, target: str, clues: tuple[Clue, ...]) -> tuple[tuple[Way, ...], ...]:
        """For each clue the ways to say it in the target language; none where nothing has been learned."""
        table = self.table(source, target)
        if table is None:
            return ((),) * len(clues)
        return tuple(by_probability(table.translate(clue.ways[0].terms[0])) for clue in clues)

    def sizes(self) -> Mapping[tuple[str, str], int]:
        """How many terms each direction has translations of."""
        directions = [direction for pair in PAIRS for direction in (pair, pair[::-1])]
        return {key: len(table) if (table := self.table(*key)) else 0 for key in directions}


class Dictionary:
    """Says how words are said in another language: as the writers' glossary has it, else as was learned.

    Args:
        index: whose glossary it is.
        tables: what was learned.
    """

    def __init__(self, index: SearchIndex, tables: TermTables) -> None:
        self._index = index
        self.tables = tables

    def ways(self, source: str, target: str, clues: tuple[Clue, ...], text: str) -> tuple[tuple[Way, ...], ...]:
        """See `inquiry.Translator`."""
        written = self._index.translate(source, target, clues, text)
        learned = self.tables.ways(source, target, clues)
        return tuple(first or second for first, second in zip(written, learned, strict=True))
