"""The peers of indexing and searching: other engines on the same documents, asked for any of a query's words."""

import json
import re
import sqlite3
import subprocess
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from whoosh import fields, index
from whoosh.analysis import LanguageAnalyzer
from whoosh.qparser import MultifieldParser, OrGroup

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


class Engine(Protocol):
    """What is measured of every engine."""

    def write(self, documents: Sequence[Document]) -> None:
        """Index documents."""

    def open(self) -> None:
        """Get ready to search."""

    def search(self, text: str) -> list[str]:
        """The slugs of the best ten."""

    def update(self, old: Document, new: Document) -> None:
        """Put one document in the place of another, so that searches find it."""


class Fts5:
    """SQLite FTS5 as an engine of `benchmarks.search`.

    Args:
        folder: of its own.
        language: of the documents.
    """

    def __init__(self, folder: Path, language: str) -> None:
        self._path, self._language = folder / "fts5.db", language

    def write(self, documents: Sequence[Document]) -> None:
        """Index documents."""
        table = FullText(self._path)
        table.write(self._language, documents)
        table.optimize()
        table.close()

    def open(self) -> None:
        """Get ready to search."""
        self._table = FullText(self._path)

    def search(self, text: str) -> list[str]:
        """The slugs of the best ten."""
        return [slug for slug, _ in self._table.search(self._language, text)]

    def update(self, old: Document, new: Document) -> None:
        """Put one document in the place of another, so that searches find it."""
        self._table.replace(self._language, old, new)


class Tantivy:
    """Tantivy, with its stemmer of the language where it has a ready one."""

    def __init__(self, folder: Path, language: str) -> None:
        self._tantivy: Any = import_module("tantivy")
        self._folder = folder / "tantivy"
        words = "en_stem" if language == "en" else "default"
        builder = self._tantivy.SchemaBuilder().add_text_field("slug", stored=True, tokenizer_name="raw")
        for name in ("title", "headings", "text"):
            builder.add_text_field(name, tokenizer_name=words)
        self._schema = builder.build()

    def write(self, documents: Sequence[Document]) -> None:
        """Index documents."""
        self._folder.mkdir()
        writer = self._tantivy.Index(self._schema, path=str(self._folder)).writer(num_threads=1)
        for document in documents:
            self._add(writer, document)
        writer.commit()
        writer.wait_merging_threads()

    def open(self) -> None:
        """Get ready to search."""
        self._index = self._tantivy.Index.open(str(self._folder))
        self._searcher = self._index.searcher()

    def search(self, text: str) -> list[str]:
        """The slugs of the best ten."""
        query, _ = self._index.parse_query_lenient(
            " ".join(_WORD.findall(text)), ["title", "headings", "text"], field_boosts={"title": 4.0, "headings": 4.0}
        )
        hits = self._searcher.search(query, 10).hits
        return [self._searcher.doc(address)["slug"][0] for _, address in hits]

    def update(self, old: Document, new: Document) -> None:
        """Put one document in the place of another, so that searches find it."""
        writer = self._index.writer(num_threads=1)
        writer.delete_documents("slug", old.slug)
        self._add(writer, new)
        writer.commit()
        self._index.reload()
        self._searcher = self._index.searcher()

    def _add(self, writer: Any, document: Document) -> None:
        title, _, *headings, summary, text = _values(document)
        writer.add_document(
            self._tantivy.Document(
                slug=document.slug, title=title, headings=" \n ".join(headings), text=f"{summary} \n {text}"
            )
        )


class DocumentedWhoosh:
    """Whoosh as its documentation shows it: stemmed text fields, its query parser, a searcher for each search."""

    def __init__(self, folder: Path, language: str) -> None:
        self._folder = folder / "whoosh"
        analyzer = LanguageAnalyzer(language)
        text = fields.TEXT(analyzer=analyzer)
        self._schema = fields.Schema(slug=fields.ID(stored=True, unique=True), title=text, headings=text, text=text)

    def write(self, documents: Sequence[Document]) -> None:
        """Index documents."""
        self._folder.mkdir()
        writer = index.create_in(str(self._folder), self._schema).writer()
        for document in documents:
            writer.add_document(**as_row(document))
        writer.commit()

    def open(self) -> None:
        """Get ready to search."""
        self._index = index.open_dir(str(self._folder))
        names = ["title", "headings", "text"]
        self._parser = MultifieldParser(names, self._index.schema, group=OrGroup)

    def search(self, text: str) -> list[str]:
        """The slugs of the best ten."""
        with self._index.searcher() as searcher:
            hits = searcher.search(self._parser.parse(" ".join(_WORD.findall(text))), limit=10)
            return [hit["slug"] for hit in hits]

    def update(self, _old: Document, new: Document) -> None:
        """Put one document in the place of another, so that searches find it."""
        writer = self._index.writer()
        writer.update_document(**as_row(new))
        writer.commit()
        self._index = self._index.refresh()


#: Debian's Python, for which alone there is Xapian, runs it over lines of JSON; the times are its own.
SYSTEM_PYTHON = "/usr/bin/python3"
XAPIAN = """
import json, os, re, sys, time
import xapian
folder, language, job = sys.argv[1:]
word = re.compile(r"[^\\W_]+")
stem = xapian.Stem(language)
def made(row):
    document, generator = xapian.Document(), xapian.TermGenerator()
    generator.set_stemmer(stem)
    generator.set_document(document)
    for name, weight in (("title", 4), ("headings", 4), ("text", 1)):
        generator.index_text_without_positions(row[name], weight)
    document.set_data(row["slug"])
    document.add_boolean_term("Q" + row["slug"])
    return document
def asked(text):
    parser.set_stemmer(stem)
    query = parser.parse_query(" ".join(word.findall(text)), 0)
    enquire = xapian.Enquire(database)
    enquire.set_query(query)
    return [match.document.get_data().decode() for match in enquire.get_mset(0, 10)]
def memory():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
if job == "write":
    start = time.process_time()
    database = xapian.WritableDatabase(folder, xapian.DB_CREATE_OR_OPEN)
    for line in sys.stdin:
        document = made(json.loads(line))
        database.add_document(document)
    database.commit()
    database.close()
    print(json.dumps({"index": time.process_time() - start}))
else:
    texts, updates = json.load(sys.stdin)
    before, wall = memory(), time.perf_counter()
    database, parser = xapian.Database(folder), xapian.QueryParser()
    parser.set_default_op(xapian.Query.OP_OR)
    asked(texts[0])
    result = {"first": time.perf_counter() - wall, "passes": [], "update": []}
    for _ in range(4):
        times = []
        for text in texts:
            start = time.process_time()
            asked(text)
            times.append(time.process_time() - start)
        result["passes"].append(times)
    result["memory"] = memory() - before
    for row, mark in updates:
        start, cpu = time.perf_counter(), time.process_time()
        writable = xapian.WritableDatabase(folder, xapian.DB_OPEN)
        writable.replace_document("Q" + row["slug"], made(row))
        writable.commit()
        writable.close()
        database.reopen()
        assert row["slug"] in asked(mark)
        result["update"].append((time.perf_counter() - start, time.process_time() - cpu))
    print(json.dumps(result))
"""


def xapian(folder: Path, language: str, job: str, given: str) -> dict[str, Any]:
    """Run Xapian's script.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [SYSTEM_PYTHON, "-c", XAPIAN, str(folder / "xapian"), language, job]
    done = subprocess.run(command, input=given, capture_output=True, check=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def missing() -> list[str]:
    """The engines that are not installed."""
    absent = [] if find_spec("tantivy") else ["tantivy"]
    asked = [SYSTEM_PYTHON, "-c", "import xapian"]
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(asked, capture_output=True, check=False).returncode:
        absent.append("xapian")
    return absent


def as_row(document: Document) -> dict[str, str]:
    """A document's slug, title, headings with keywords, and text; what all peers but FTS5 are given."""
    title, _, headings, keywords, summary, text = _values(document)
    return {
        "slug": document.slug,
        "title": title,
        "headings": f"{headings} \n {keywords}",
        "text": f"{summary} \n {text}",
    }
