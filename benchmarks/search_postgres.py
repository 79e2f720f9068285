"""What search on PostgreSQL costs beside the embedded engine, on the same documents and queries in one run."""

import json
import os
import pickle
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from sqlalchemy import create_engine, text

from benchmarks import corpus
from benchmarks.indexing import alone
from benchmarks.report import Cell, Row, percentile, ratio, show
from portal.commands.progress import progress_bar
from portal.edition import Edition, Editions
from portal.locales import CODES, LANGUAGES
from portal.publishing import Publisher
from portal.search import Document, generations, postgres, whoosh_index
from portal.search.analyzers import terms
from portal.search.engine import RankedIndex, WhooshIndex
from portal.search.fields import THESAURUS
from portal.search.postgres import PostgresIndex
from portal.search.thesaurus import Thesaurus
from portal.services import utc_now
from portal.settings import Settings
from portal.storage import prepare_folder

#: How often each query is asked: once of an engine that has just been opened, then of one that has answered it.
PASSES = 3
#: Articles that are changed one after the other.
UPDATES = 5
#: Largest difference of MRR@10 between the engines, in any language.
TARGET = 0.02
ENGINES = ("embedded", "postgresql")


class Engine:
    """One of the engines, asked past its cache of answers.

    Args:
        name: which.
        folder: of its own.
        url: of the database.
        language: of the documents.
    """

    def __init__(self, name: str, folder: Path, url: str, language: str) -> None:
        self._name, self._root, self._url, self._language = name, folder / name, url, language

    def write(self, documents: Sequence[Document]) -> None:
        """Index documents as the first generation."""
        directory = generations.begin(self._root, "1", None)
        for code in CODES:
            self._write(directory / code, code, documents if code == self._language else (), ())
        (directory / THESAURUS).write_text(Thesaurus({}, {}).to_text(), encoding="utf-8")
        generations.seal(directory)

    def _write(self, directory: Path, code: str, documents: Sequence[Document], removed: Sequence[str]) -> None:
        if self._name == "postgresql":
            postgres.write(self._url, directory, code, documents, removed)
        else:
            whoosh_index.write(directory, code, documents, removed)

    def open(self, generation: str = "1") -> None:
        """Get ready to search."""
        directory = self._root / generation
        self._index: RankedIndex = (
            PostgresIndex(directory, self._url) if self._name == "postgresql" else WhooshIndex(directory)
        )

    def search(self, text: str) -> list[str]:
        """The slugs of the best ten."""
        clues = self._index.clues(self._language, text)
        if not clues:
            return []
        found = self._index._search(self._language, clues, None, 0, 10)  # noqa: SLF001 - past the cache
        return [match.slug for match in found.matches]

    def words(self) -> int:
        """Load the words of the language, as the first misspelt query does."""
        return len(self._index.lexicon(self._language).counts)

    def update(self, before: str, name: str, new: Document) -> None:
        """Write a generation with one document changed, and open it."""
        directory = generations.begin(self._root, name, self._root / before)
        self._write(directory / self._language, self._language, (new,), (new.slug,))
        generations.seal(directory, self._root / before)
        self._index.close()
        self.open(name)


class TextSearch:
    """PostgreSQL's own text search over the same terms: what it would be without our lists and ranking.

    Args:
        url: of the database.
        language: of the documents.
    """

    def __init__(self, url: str, language: str) -> None:
        self._engine, self._language = create_engine(url), language

    def write(self, documents: Sequence[Document]) -> None:
        """Index documents by weighted vectors."""
        vector = "||".join(f"setweight(to_tsvector('simple', :{name}), '{name}')" for name in "ABCD")
        rows = []
        for held in documents:
            parts = (held.title, "\n".join(held.headings), "\n".join(held.keywords), f"{held.summary}\n{held.text}")
            joined = (" ".join(terms(self._language, part)) for part in parts)
            rows.append({"slug": held.slug} | dict(zip("ABCD", joined, strict=True)))
        with self._engine.begin() as connection:
            connection.execute(text("DROP TABLE IF EXISTS stock"))
            connection.execute(text("CREATE TABLE stock (slug text, terms tsvector)"))
            connection.execute(text(f"INSERT INTO stock VALUES (:slug, {vector})"), rows)
            connection.execute(text("CREATE INDEX ON stock USING gin (terms)"))
            connection.execute(text("ANALYZE stock"))

    def open(self) -> None:
        """Nothing is to be done."""

    def search(self, asked: str) -> list[str]:
        """The slugs of the best ten."""
        quoted = ("'" + term.replace("\\", "\\\\").replace("'", "''") + "'" for term in terms(self._language, asked))
        if not (query := " | ".join(quoted)):
            return []
        statement = (
            "SELECT slug FROM stock, to_tsquery('simple', :query) q WHERE terms @@ q"
            " ORDER BY ts_rank(terms, q, 1) DESC LIMIT 10"
        )
        with self._engine.connect() as connection:
            return list(connection.execute(text(statement), {"query": query}).scalars())


def _memory() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _times(work: Callable[[str], object], given: Sequence[str]) -> list[tuple[float, float]]:
    """Wall and CPU seconds of each piece of work."""
    taken = []
    for item in given:
        start, cpu = time.perf_counter(), time.process_time()
        work(item)
        taken.append((time.perf_counter() - start, time.process_time() - cpu))
    return taken


def write(name: str, folder: Path, url: str, language: str) -> tuple[float, float]:
    """Index the documents with one engine; wall seconds, and CPU seconds of this process."""
    documents = pickle.loads((folder / "documents").read_bytes())
    engine = TextSearch(url, language) if name == "ts_rank" else Engine(name, folder, url, language)
    start, cpu = time.perf_counter(), time.process_time()
    engine.write(documents)
    return time.perf_counter() - start, time.process_time() - cpu


def ask(name: str, folder: Path, url: str, language: str, texts: list[str], changed: list[Document]) -> dict[str, Any]:
    """Open one engine's index and ask it everything."""
    if name == "ts_rank":
        stock = TextSearch(url, language)
        return {"passes": [_times(stock.search, texts) for _ in range(2)], "first": 0.0, "memory": 0, "update": [0.0]}
    engine = Engine(name, folder, url, language)
    before, start = _memory(), time.perf_counter()
    engine.open()
    engine.search(texts[0])
    first = time.perf_counter() - start
    passes = [_times(engine.search, texts) for _ in range(PASSES)]
    memory = _memory() - before
    words = engine.words()
    update = []
    for number, new in enumerate(changed, 2):
        start = time.perf_counter()
        engine.update(str(number - 1), str(number), new)
        if new.slug not in engine.search(new.text.rpartition("\n")[2]):
            raise RuntimeError(f"{name} does not find {new.slug} after its change")
        update.append(time.perf_counter() - start)
    with_words = _memory() - before
    return {"passes": passes, "first": first, "memory": memory, "words": words, "all": with_words, "update": update}


def _size(name: str, folder: Path, url: str) -> int:
    """Bytes of what an engine has written."""
    files = sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
    if name == "embedded":
        return files
    pattern = "stock" if name == "ts_rank" else r"search1\_%"
    statement = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname LIKE :pattern"
    with create_engine(url).connect() as connection:
        return files + int(connection.execute(text(statement), {"pattern": pattern}).scalar_one())


def empty(url: str) -> None:
    """Take what an earlier run has left out of the database."""
    with create_engine(url).begin() as connection:
        names = connection.execute(
            text(r"SELECT relname FROM pg_class WHERE relname LIKE 'search1\_%' AND relkind='r'")
        )
        if listed := ", ".join(names.scalars()):
            connection.execute(text(f"DROP TABLE {listed} CASCADE"))


def measure(count: int, source: corpus.Corpus, url: str, language: str, limit: int, *, stock: bool) -> list[Row]:
    """Measure both engines, and PostgreSQL's own text search, with so many documents."""
    documents = corpus.enlarged(source.articles, language, count)
    asked = corpus.by_length(source, language, documents, limit)
    texts = [query for group in asked.values() for query in group]
    step = max(1, len(documents) // UPDATES)
    changed = [
        replace(held, text=f"{held.text}\nzqneu{'abcdefghij'[number]}")
        for number, held in enumerate(documents[::step][:UPDATES])
    ]
    rows: list[Row] = []
    empty(url)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        (folder / "documents").write_bytes(pickle.dumps(documents))
        for engine in (*ENGINES, *(("ts_rank",) if stock else ())):
            click.echo(f"{count} articles: {engine}", err=True)
            wall, cpu = alone(write, engine, folder, url, language)
            size = _size(engine, folder, url)
            found = alone(ask, engine, folder, url, language, texts, changed)
            rows.append(_row(count, engine, len(texts), (wall, cpu, size), found))
    for row in rows:
        row["p50 ÷ embedded"] = ratio(float(row["warm p50 ms"] or 0), float(rows[0]["warm p50 ms"] or 0))
    return rows


def _row(count: int, engine: str, queries: int, index: tuple[float, float, int], found: dict[str, Any]) -> Row:
    """The line of one engine."""
    cold = [wall for wall, _ in found["passes"][0]]
    warm = list(map(min, zip(*([wall for wall, _ in part] for part in found["passes"][1:]), strict=True)))
    cpu = list(map(min, zip(*([cpu for _, cpu in part] for part in found["passes"][1:]), strict=True)))
    return {
        "articles": count,
        "engine": engine,
        "queries": queries,
        "cold p50 ms": 1000 * percentile(cold, 0.5),
        "cold p95 ms": 1000 * percentile(cold, 0.95),
        "warm p50 ms": 1000 * percentile(warm, 0.5),
        "warm p95 ms": 1000 * percentile(warm, 0.95),
        "warm CPU p50 ms": 1000 * percentile(cpu, 0.5),
        "index s": index[0],
        "index CPU s": index[1],
        "size MiB": index[2] / 2**20,
        "memory MiB": found["memory"] / 2**20,
        "with words and changes MiB": found.get("all", 0) / 2**20,
        "first answer ms": 1000 * found["first"],
        "change to found ms": 1000 * percentile(found["update"], 0.5),
    }


def judged(source: corpus.Corpus, url: str, limit: int) -> list[Row]:
    """MRR@10 of both engines in each language, as a reader's query is understood and searched."""
    assert source.queries is not None
    given = Settings()
    editions: dict[str, Edition] = {}
    rows: list[Row] = []
    empty(url)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        for engine, kept in zip(ENGINES, ("", url), strict=True):
            data = Path(name) / engine
            prepare_folder(data)
            with progress_bar(engine) as progress:
                Publisher(source.articles, data, kept).publish(utc_now(), progress)
            editions[engine] = Editions(data, given.default_language, given.cuts, search=kept).current()
        for language in CODES:
            asked: list[dict[str, Any]] = []
            for kind in (*corpus.KINDS, "noisy"):
                path = source.queries / f"{kind}.dev.jsonl"
                lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
                mine = [line for line in lines if line["lang"] == language]
                asked += mine[:: max(1, len(mine) // limit)][:limit]
            means = {
                engine: sum(_reciprocal(edition, language, line) for line in asked) / len(asked)
                for engine, edition in editions.items()
            }
            apart = abs(means["embedded"] - means["postgresql"])
            row: Row = {"language": language, "queries": len(asked), **means}
            row |= {"difference": apart, "met": "yes" if apart <= TARGET else "no"}
            rows.append(row)
    return rows


def _reciprocal(edition: Edition, language: str, line: dict[str, Any]) -> float:
    """1 ÷ the place of the first right article; 0 where it is not among the first ten."""
    matches = edition.inquirer(language).ask(language, line["query"]).own.found.matches
    return next((1 / place for place, match in enumerate(matches, 1) if match.slug in line["relevant"]), 0.0)


@click.command()
@corpus.articles_option
@click.option("--url", required=True, help="An empty PostgreSQL database: postgresql+psycopg://USER@HOST/NAME.")
@click.option("--sizes", default="1000,10000,50000", show_default=True, help="Numbers of articles; empty for none.")
@click.option("--language", type=click.Choice(sorted(LANGUAGES)), default="en", show_default=True)
@click.option("--queries", "limit", default=200, show_default=True, type=click.IntRange(1), help="Of each length.")
@click.option("--judged", "ask_judged", default=150, show_default=True, help="Judged queries of a kind; 0 for none.")
@click.option("--stock/--no-stock", default=True, show_default=True, help="Measure ts_rank as well.")
@corpus.json_option
def main(
    given: Path | None,
    url: str,
    sizes: str,
    language: str,
    limit: int,
    ask_judged: int,
    *,
    stock: bool,
    as_json: bool,
) -> None:
    """Measure search on PostgreSQL beside the embedded engine."""
    source = corpus.find(given)
    parts = [measure(int(size), source, url, language, limit, stock=stock) for size in sizes.split(",") if size]
    with create_engine(url).connect() as connection:
        version = str(connection.exec_driver_sql("SHOW server_version").scalar_one())
    facts: dict[str, Cell] = {"articles": str(source.articles), "language": language, "server": version}
    if rows := [row for part in parts for row in part]:
        show("search_postgres", facts, rows, as_json=as_json)
    if ask_judged and source.queries is not None:
        show("search_postgres judged", facts, judged(source, url, ask_judged), as_json=as_json)


if __name__ == "__main__":
    main()
