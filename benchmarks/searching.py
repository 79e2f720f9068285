"""How long a search takes in process, beside SQLite FTS5 asked the same queries of the same documents."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks import corpus
from benchmarks.peers import FullText
from benchmarks.report import Cell, Row, percentile, ratio, show
from portal.commands.progress import progress_bar
from portal.edition import Edition
from portal.queries import read_query
from portal.search.whoosh_index import WhooshIndex
from portal.selfservice import answer

#: Titles asked in each language before anything is timed.
WARM_UP = 20
#: Results asked for, as on a page.
RESULTS = 10


@dataclass
class Times:
    """Milliseconds of each query of a group, and how many of them found something."""

    engine: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)
    fts5: list[float] = field(default_factory=list)
    engine_found: int = 0
    fts5_found: int = 0

    def add(self, other: "Times") -> None:
        """Count another group's queries too."""
        self.engine += other.engine
        self.answer += other.answer
        self.fts5 += other.fts5
        self.engine_found += other.engine_found
        self.fts5_found += other.fts5_found


def _timed(ask: Callable[[str], int], texts: list[str], clock: Callable[[], float]) -> tuple[list[float], int]:
    """Milliseconds of each query, and how many found something."""
    taken, found = [], 0
    for text in texts:
        start = clock()
        count = ask(text)
        taken.append(1000 * (clock() - start))
        found += count > 0
    return taken, found


class Contest:
    """The engine alone, the whole answer, and FTS5, each opened for itself: none warms another's caches.

    Args:
        edition: published, for the answers.
        data: its instance folder.
        full_text: filled with the same documents.
        clock: in seconds.
    """

    def __init__(self, edition: Edition, data: Path, full_text: FullText, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._edition = edition
        self._index = WhooshIndex(data / "index" / edition.knowledge.generation)
        self._full_text = full_text

    def ask(self, language: str, texts: list[str]) -> Times:
        """Ask the three of them the same queries, one after the other."""

        def engine(text: str) -> int:
            return len(self._index.search(read_query(language, text), 0, RESULTS).hits)

        def whole(text: str) -> int:
            return len(answer(self._edition, read_query(language, text)).results)

        def fts5(text: str) -> int:
            return len(self._full_text.search(language, text, RESULTS))

        engine_times, engine_found = _timed(engine, texts, self._clock)
        answer_times, _ = _timed(whole, texts, self._clock)
        fts5_times, fts5_found = _timed(fts5, texts, self._clock)
        return Times(engine_times, answer_times, fts5_times, engine_found, fts5_found)


def _rows(language: str, kind: str, times: Times) -> list[Row]:
    """A group's lines of the table."""
    rows: list[Row] = []
    count = len(times.engine)
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        engine, whole, fts5 = (percentile(taken, share) for taken in (times.engine, times.answer, times.fts5))
        rows.append(
            {
                "language": language,
                "queries": kind,
                "count": count,
                "at": name,
                "engine": engine,
                "answer": whole,
                "fts5": fts5,
                "engine÷fts5": ratio(engine, fts5),
                "answer÷fts5": ratio(whole, fts5),
                "found": times.engine_found / count,
                "fts5 found": times.fts5_found / count,
            }
        )
    return rows


@click.command()
@corpus.articles_option
@click.option(
    "--queries", "limit", default=400, show_default=True, type=click.IntRange(1), help="Queries per language and kind."
)
@click.option("--cpu", "by_cpu", is_flag=True, help="Count processor time, which other work on the machine spares.")
@corpus.json_option
def main(given: Path | None, limit: int, by_cpu: bool, as_json: bool) -> None:
    """Measure the latency of searches."""
    source = corpus.find(given)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        data = Path(name) / "data"
        edition = corpus.publish(source.articles, data)
        full_text = FullText(Path(name) / "fts5.db")
        for language, held in corpus.documents(edition).items():
            full_text.write(language, held)
        full_text.optimize()
        contest = Contest(edition, data, full_text, time.process_time if by_cpu else time.perf_counter)
        for language, texts in corpus.titles(edition).items():
            contest.ask(language, texts[:WARM_UP])
        asked = corpus.queries(source, edition, limit)
        rows: list[Row] = []
        everything = Times()
        with progress_bar("Searching") as progress:
            for number, ((language, kind), texts) in enumerate(asked.items(), 1):
                times = contest.ask(language, texts)
                rows += _rows(language, kind, times)
                everything.add(times)
                progress(number, len(asked))
        full_text.close()
    facts: dict[str, Cell] = {
        "articles": str(source.articles),
        "published": len(edition.knowledge.articles),
        "queries": str(source.queries or "titles"),
        "times": "ms of processor time" if by_cpu else "ms",
    }
    show("searching", facts, rows + _rows("all", "all", everything), as_json=as_json)


if __name__ == "__main__":
    main()
