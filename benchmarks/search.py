"""How fast the search engine is beside other engines, on the same documents and queries in one run."""

import json
import os
import pickle
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import click

from benchmarks import corpus, peers
from benchmarks.indexing import alone
from benchmarks.report import Cell, Row, percentile, ratio, show
from portal import selfservice
from portal.app import create_app
from portal.edition import Edition
from portal.locales import LANGUAGES
from portal.queries import Query
from portal.search import Document
from portal.search.snippets import Snippet, snippet
from portal.server import prepare
from portal.settings import Settings
from portal.web import monitoring
from portal.web.security import limiter

#: How often each query is asked: once of an engine that has just been opened, then warm.
PASSES = 4
#: Articles that are changed one after the other.
UPDATES = 5
#: Whoosh as documented is asked fewer queries, of at most so many documents: it takes minutes to index them.
SLOW_QUERIES, SLOW_DOCUMENTS = 20, 10_000

#: Articles of the portal whose pages are measured, and queries of each length.
PAGE_ARTICLES, PAGE_QUERIES = 10_000, 30
#: Targets by number of documents: FTS5 ÷ portal at least, portal ÷ tantivy at most.
FTS5_TARGETS = {1_000: 4.0, 10_000: 6.0, 50_000: 8.0}
TANTIVY_TARGETS = {1_000: 1.0, 10_000: 1.5, 50_000: 3.0}


ENGINES: dict[str, Callable[[Path, str], peers.Engine]] = {
    "portal": corpus.Portal,
    "fts5": peers.Fts5,
    "tantivy": peers.Tantivy,
    "whoosh": peers.DocumentedWhoosh,
}


@dataclass
class Measured:
    """What one engine took; times of searches in CPU seconds."""

    #: CPU seconds, and bytes.
    index: float
    size: int
    #: Wall seconds from opening to the first answer, in a process that has loaded the engine.
    first: float
    #: Bytes by which the process grew while it was opened and asked everything.
    memory: int
    #: Wall and CPU seconds from a changed document to the search that finds it.
    update: list[tuple[float, float]]
    #: Of each pass, of each query.
    passes: list[list[float]]
    #: The ranking alone, warm; only of the portal.
    ranking: list[float]


def write(name: str, folder: Path, language: str) -> float:
    """Index the documents with one engine; CPU seconds."""
    documents = pickle.loads((folder / "documents").read_bytes())
    engine = ENGINES[name](folder, language)
    start = time.process_time()
    engine.write(documents)
    return time.process_time() - start


def _memory() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _times(work: Callable[[Any], object], given: Sequence[Any]) -> list[float]:
    """CPU seconds of each piece of work."""
    taken = []
    for item in given:
        start = time.process_time()
        work(item)
        taken.append(time.process_time() - start)
    return taken


def ask(name: str, folder: Path, language: str, texts: list[str], changes: list[tuple[Document, Document, str]]) -> Any:
    """Open one engine's index and ask it everything; what `Measured` holds, without the index."""
    engine = ENGINES[name](folder, language)
    before, start = _memory(), time.perf_counter()
    engine.open()
    engine.search(texts[0])
    first = time.perf_counter() - start
    passes = [_times(engine.search, texts) for _ in range(PASSES)]
    memory = _memory() - before
    ranking: list[float] = []
    if isinstance(engine, corpus.Portal):
        asked = [engine.clues(text) for text in texts]
        ranking = list(map(min, zip(*(_times(engine.rank, asked) for _ in range(PASSES - 1)), strict=True)))
    update = []
    for old, new, mark in changes:
        start, cpu = time.perf_counter(), time.process_time()
        engine.update(old, new)
        if new.slug not in engine.search(mark):
            raise RuntimeError(f"{name} does not find {new.slug} after its change")
        update.append((time.perf_counter() - start, time.process_time() - cpu))
    return {"first": first, "memory": memory, "update": update, "passes": passes, "ranking": ranking}


def _bytes(folder: Path) -> int:
    """Size of what an engine has written."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "documents")


def _changes(documents: Sequence[Document]) -> list[tuple[Document, Document, str]]:
    """Documents before and after a change, and a word that only the changed one has."""
    chosen = documents[:: max(1, len(documents) // UPDATES)][:UPDATES]
    marks = [f"zqneu{'abcdefghij'[number]}" for number in range(len(chosen))]
    return [(old, replace(old, text=f"{old.text}\n{mark}"), mark) for old, mark in zip(chosen, marks, strict=True)]


def measure(name: str, folder: Path, language: str, documents: Sequence[Document], texts: list[str]) -> Measured:
    """Measure one engine, each part in a process of its own."""
    if name == "xapian":
        rows = "".join(json.dumps(peers.as_row(document)) + "\n" for document in documents)
        cpu = float(peers.xapian(folder, language, "write", rows)["index"])
        size = _bytes(folder)
        updates = [(peers.as_row(new), mark) for _, new, mark in _changes(documents)]
        asked = peers.xapian(folder, language, "ask", json.dumps([texts, updates])) | {"ranking": []}
    else:
        cpu = alone(write, name, folder, language)
        size = _bytes(folder)
        asked = alone(ask, name, folder, language, texts, _changes(documents))
    return Measured(cpu, size, **asked)


def _speeds(count: int, name: str, measured: Measured, groups: dict[str, slice]) -> Iterator[Row]:
    """The lines of one engine: milliseconds of CPU time by length of the query."""
    warm = list(map(min, zip(*measured.passes[1:], strict=True)))
    series = [(name, measured.passes[0], warm)]
    if measured.ranking:
        series.append((f"{name}: ranking alone", measured.ranking, measured.ranking))
    for shown, cold, hot in series:
        for group, part in groups.items():
            yield {
                "articles": count,
                "engine": shown,
                "words": group,
                "queries": len(hot[part]),
                "cold p50 ms": 1000 * percentile(cold[part], 0.5),
                "cold p95 ms": 1000 * percentile(cold[part], 0.95),
                "warm p50 ms": 1000 * percentile(hot[part], 0.5),
                "warm p95 ms": 1000 * percentile(hot[part], 0.95),
            }


def _costs(count: int, name: str, measured: Measured) -> Row:
    """The other line of one engine."""
    return {
        "articles": count,
        "engine": name,
        "index CPU s": measured.index,
        "index MiB": measured.size / 2**20,
        "memory MiB": measured.memory / 2**20,
        "first answer ms": 1000 * measured.first,
        "change to found ms": 1000 * median(wall for wall, _ in measured.update),
        "of it CPU ms": 1000 * median(cpu for _, cpu in measured.update),
    }


def _target(what: str, value: float, target: float, *, at_least: bool = False) -> Row:
    """One line of the targets."""
    is_met = value >= target if at_least else value <= target
    return {
        "target": what,
        "measured": value,
        "wanted": f"{'≥' if at_least else '≤'} {target:g}",
        "met": "yes" if is_met else "no",
    }


def _targets(count: int, measured: dict[str, Measured]) -> Iterator[Row]:
    """What was aimed at with so many documents."""
    warm = {name: list(map(min, zip(*one.passes[1:], strict=True))) for name, one in measured.items()}
    p50 = {name: percentile(times, 0.5) for name, times in warm.items()}
    if count in FTS5_TARGETS:
        yield _target(
            f"{count}: FTS5 p50 ÷ portal p50", ratio(p50["fts5"], p50["portal"]), FTS5_TARGETS[count], at_least=True
        )
    p95 = percentile(warm["portal"], 0.95)
    yield _target(f"{count}: portal p95 ÷ FTS5 p50", ratio(p95, p50["fts5"]), 1)
    if "tantivy" in p50 and count in TANTIVY_TARGETS:
        yield _target(
            f"{count}: portal p50 ÷ tantivy p50", ratio(p50["portal"], p50["tantivy"]), TANTIVY_TARGETS[count]
        )
    yield _target(f"{count}: index, CPU s of 10,000", 10_000 * measured["portal"].index / count, 12)
    yield _target(f"{count}: change to found, ms", 1000 * median(wall for wall, _ in measured["portal"].update), 50)


def _size(
    count: int, source: corpus.Corpus, language: str, limit: int, engines: Sequence[str], *, is_bare: bool
) -> tuple[list[Row], list[Row], list[Row]]:
    """Measure all engines with so many documents: lines of speeds, of costs, of targets."""
    documents = corpus.enlarged(source.articles, language, count)
    asked = corpus.by_length(source, language, documents, limit, is_bare=is_bare)
    texts = [text for group in asked.values() for text in group]
    speeds: list[Row] = []
    measured: dict[str, Measured] = {}
    for name in engines:
        few = name == "whoosh"
        if few and count > SLOW_DOCUMENTS:
            continue
        click.echo(f"{count} articles: {name}", err=True)
        held = {group: part[: SLOW_QUERIES if few else None] for group, part in asked.items()}
        groups, end = {"all": slice(None)}, 0
        for group, part in held.items():
            groups[group] = slice(end, end + len(part))
            end += len(part)
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            (Path(folder) / "documents").write_bytes(pickle.dumps(documents))
            flat = [text for part in held.values() for text in part]
            measured[name] = measure(name, Path(folder), language, documents, flat)
            begin = corpus.Portal(Path(folder), language).started(texts[0]) if name == "portal" else None
        speeds += _speeds(count, name, measured[name], groups)
        if begin is not None:
            start = _target(f"{count}: start to first answer, s ({begin[1]:.2f} CPU)", begin[0], 0.5)
    costs = [_costs(count, name, one) for name, one in measured.items()]
    return speeds, costs, [*_targets(count, measured), start]


def page(source: corpus.Corpus, language: str, limit: int) -> dict[tuple[bool, bool], list[float]]:
    """CPU seconds of each search page, by whether there are snippets and whether the search is stubbed.

    The stub hands the page the answer that the search before it gave, so that both make the same page.
    """
    documents = corpus.enlarged(source.articles, language, PAGE_ARTICLES)
    texts = [text for group in corpus.by_length(source, language, documents, limit).values() for text in group]
    addresses = [f"/{language}/search?" + urlencode({"q": text}) for text in texts]
    answer = selfservice.answer
    answers: dict[str, selfservice.Answer] = {}

    def real(edition: Edition, query: Query, number: int = 1) -> selfservice.Answer:
        edition.index._found.cache_clear()  # type: ignore[attr-defined]  # noqa: SLF001 - the engine is measured
        answers[query.text] = answer(edition, query, number)
        return answers[query.text]

    def stub(_edition: Edition, query: Query, _number: int = 1) -> selfservice.Answer:
        return answers[query.text]

    times: dict[tuple[bool, bool], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        settings = replace(Settings(), articles=Path(name) / "articles", data=Path(name) / "data")
        corpus.written(documents, language, settings.articles)
        prepare(settings)
        app = create_app(settings)
        limiter.enabled = False
        client = app.test_client()
        for has_snippets in (False, True):
            shown = snippet if has_snippets else lambda *_args, **_options: Snippet((("", False),))
            with mock.patch.object(selfservice, "snippet", shown):
                for is_stubbed in (False, True):
                    with mock.patch.object(monitoring, "answer", stub if is_stubbed else real):
                        passes = [_times(client.get, addresses) for _ in range(PASSES)]
                    times[has_snippets, is_stubbed] = list(map(min, zip(*passes[1:], strict=True)))
    return times


def _pages(source: corpus.Corpus, language: str, limit: int) -> Iterator[Row]:
    """The lines of the whole page."""
    click.echo(f"{PAGE_ARTICLES} articles: the whole page", err=True)
    times = alone(page, source, language, limit)
    for has_snippets, most in ((False, 1.2), (True, 2.0)):
        real, stub = (1000 * percentile(times[has_snippets, is_stubbed], 0.5) for is_stubbed in (False, True))
        what = f"page {'with' if has_snippets else 'without'} snippets ({real:.2f} ms) ÷ search stubbed"
        yield _target(f"{PAGE_ARTICLES}: {what}", real / stub, most)


@click.command()
@corpus.articles_option
@click.option("--sizes", default="1000,10000,50000", show_default=True, help="Numbers of articles.")
@click.option("--language", type=click.Choice(sorted(LANGUAGES)), default="en", show_default=True)
@click.option("--queries", "limit", default=200, show_default=True, type=click.IntRange(1), help="Of each length.")
@click.option(
    "--engines", default="portal,fts5,tantivy,xapian,whoosh", show_default=True, help="The first two always run."
)
@click.option("--without-stop-words", "is_bare", is_flag=True, help="Ask everybody without the words that say nothing.")
@click.option("--page/--no-page", "with_page", default=True, show_default=True, help="Measure the whole page as well.")
@corpus.json_option
def main(
    given: Path | None,
    sizes: str,
    language: str,
    limit: int,
    engines: str,
    *,
    is_bare: bool,
    with_page: bool,
    as_json: bool,
) -> None:
    """Measure the search engine."""
    source = corpus.find(given)
    wanted = list(dict.fromkeys(["portal", "fts5", *engines.split(",")]))
    absent = [name for name in peers.missing() if name in wanted]
    for name in absent:
        click.echo(f"{name}: not installed", err=True)
    names = [name for name in wanted if name not in absent and (name in ENGINES or name == "xapian")]
    parts = [_size(int(size), source, language, limit, names, is_bare=is_bare) for size in sizes.split(",")]
    speeds, costs, targets = ([row for part in parts for row in part[kind]] for kind in range(3))
    if with_page:
        targets += _pages(source, language, min(limit, PAGE_QUERIES))
    facts: dict[str, Cell] = {
        "articles": str(source.articles),
        "language": language,
        "stop words": "left out" if is_bare else "asked for",
        "queries": str(source.queries or "titles, headings and first words"),
        "absent": ", ".join(absent) or "none",
    }
    if as_json:
        everything = {"benchmark": "search", "facts": facts, "speeds": speeds, "costs": costs, "targets": targets}
        click.echo(json.dumps(everything, ensure_ascii=False, indent=2))
        return
    for name, rows in (("speeds", speeds), ("costs", costs), ("targets", targets)):
        show(name, facts if name == "speeds" else {}, rows, as_json=False)
        click.echo()


if __name__ == "__main__":
    main()
