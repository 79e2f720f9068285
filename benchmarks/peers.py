"""The peer of indexing and searching: SQLite FTS5 on the same documents."""

import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from portal.search import Document

_WORD = re.compile(r"[^\W_]+")
#: Columns, and how much more a word counts in each; the portal's own weights.
_WEIGHTS = {"title": 4.0, "topic": 0.0, "headings": 4.0, "keywords": 4.0, "summary": 1.0, "text": 1.0}
_COLUMNS = ", ".join(_WEIGHTS)
_MARKS = ", ".join("?" * len(_WEIGHTS))


class FullText:
    """One FTS5 table for each language in one file; like the portal's index it keeps words and slugs, not texts.

    Args:
        path: of the database, which is made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        # As durable as the portal's own database, and with room to keep everything in memory.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-262144", "mmap_size=1073741824"):
            self._connection.execute(f"PRAGMA {pragma}")

    def write(self, language: str, documents: Iterable[Document]) -> None:
        """Make a language's table of documents, in one transaction."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        run(f"CREATE TABLE slugs_{language} (id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE)")
        run(
            f"CREATE VIRTUAL TABLE words_{language} USING fts5({_COLUMNS}, content='', "
            "tokenize='porter unicode61 remove_diacritics 2')"
        )
        for number, document in enumerate(documents, 1):
            run(f"INSERT INTO slugs_{language} VALUES (?, ?)", (number, document.slug))
            self._insert(language, number, document)
        run("COMMIT")

    def replace(self, language: str, old: Document, new: Document) -> None:
        """Put a changed document in the place of the old one, in one transaction."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        (number,) = run(f"SELECT id FROM slugs_{language} WHERE slug = ?", (old.slug,)).fetchone()
        values = ("delete", number, *_values(old))
        run(f"INSERT INTO words_{language} (words_{language}, rowid, {_COLUMNS}) VALUES (?, ?, {_MARKS})", values)
        self._insert(language, number, new)
        run("COMMIT")

    def _insert(self, language: str, number: int, document: Document) -> None:
        """Add one document inside a transaction."""
        statement = f"INSERT INTO words_{language} (rowid, {_COLUMNS}) VALUES (?, {_MARKS})"
        self._connection.execute(statement, (number, *_values(document)))

    def optimize(self) -> None:
        """Merge every table into one segment, which is the fastest to search."""
        tables = "SELECT substr(name, 7) FROM sqlite_master WHERE name LIKE 'slugs\\___' ESCAPE '\\'"
        for (language,) in self._connection.execute(tables).fetchall():
            self._connection.execute(f"INSERT INTO words_{language} (words_{language}) VALUES ('optimize')")

    def search(self, language: str, text: str, limit: int = 10) -> list[tuple[str, float]]:
        """Slug and score of the best documents that hold any word of a text, best first."""
        words = _WORD.findall(text)
        if not words:
            return []
        weights = ", ".join(map(str, _WEIGHTS.values()))
        statement = (
            f"SELECT (SELECT slug FROM slugs_{language} WHERE id = found.rowid), -score FROM (SELECT rowid, "
            f"bm25(words_{language}, {weights}) AS score FROM words_{language} WHERE words_{language} MATCH ? "
            "ORDER BY score LIMIT ?) AS found"
        )
        asked = " OR ".join(f'"{word}"' for word in words)
        return [(str(slug), float(score)) for slug, score in self._connection.execute(statement, (asked, limit))]

    def close(self) -> int:
        """Close the database; its size in bytes."""
        self._connection.close()
        return self._path.stat().st_size


def _values(document: Document) -> tuple[str, ...]:
    """A document's columns."""
    headings, keywords = " \n ".join(document.headings), " \n ".join(document.keywords)
    return (document.title, document.topic, headings, keywords, document.summary, document.text)
