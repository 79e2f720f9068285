"""How long publishing and indexing take, beside SQLite FTS5 indexing the same documents."""

import itertools
import multiprocessing
import os
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from benchmarks import corpus
from benchmarks.peers import FullText
from benchmarks.report import Cell, Row, percentile, ratio, show
from portal import library, markup
from portal.commands.progress import progress_bar
from portal.edition import Editions
from portal.indexing import document
from portal.locales import CODES
from portal.publishing import Publisher
from portal.search import generations, whoosh_index
from portal.services import utc_now
from portal.settings import Settings

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Cost:
    """What a piece of work took, in seconds, and how many bytes it left."""

    wall: float = 0.0
    cpu: float = 0.0
    size: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.wall + other.wall, self.cpu + other.cpu, self.size + other.size)


def alone(function: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
    """Run a function in a new process, where nothing is warm yet."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def _timed(work: Callable[[], object]) -> Cost:
    """The time of a piece of work in this process and in those that it starts."""
    wall, cpu = time.perf_counter(), _cpu()
    work()
    return Cost(time.perf_counter() - wall, _cpu() - cpu)


def _cpu() -> float:
    """Processor seconds of this process and of those that it has ended."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def publish_cold(root: Path, data: Path, cores: int) -> Cost:
    """Publish a whole folder into a new instance folder on so many processor cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    return _timed(partial(corpus.publish, root, data))


def index_ready(data: Path, work: Path) -> tuple[Cost, Cost, int]:
    """Index the published articles' documents with the portal's engine and with FTS5, one language after the other.

    Args:
        data: instance folder.
        work: folder that receives `whoosh` and `fts5.db`.

    Returns:
        What each took, and the number of documents.
    """
    ready = corpus.documents(corpus.open_edition(data))
    portal, peer = Cost(), Cost()
    full_text = FullText(work / "fts5.db")
    total = sum(map(len, ready.values()))
    written = itertools.count(1)
    with progress_bar("Indexing") as progress:

        def step(_count: int) -> None:
            progress(next(written), total)

        for language, held in ready.items():
            target = work / "whoosh" / language
            portal += _timed(partial(whoosh_index.write, target, language, held, progress=step))
            peer += _timed(partial(full_text.write, language, held))
    peer += Cost(size=full_text.close())
    return portal + Cost(size=generations.size(work / "whoosh")), peer, total


def edit_and_find(root: Path, data: Path, work: Path, rounds: int) -> tuple[list[float], list[float]]:
    """From an article that has been saved to the search that finds its new word, for the portal and for FTS5.

    The portal looks for what has changed, publishes it and opens the new edition; FTS5 is told which file it is.
    The watcher's own delay, in which changes that come together are collected, is no part of either.

    Args:
        root: folder of the articles, which are changed.
        data: instance folder.
        work: folder that holds `fts5.db`.
        rounds: number of articles that are edited.

    Returns:
        Seconds of every round, of the portal and of FTS5.
    """
    ticks = itertools.count()
    # A clock that leaps lets every look at the edition be a real one.
    editions = Editions(data, Settings().default_language, Settings().cuts, lambda: float(next(ticks)))
    publisher, full_text = Publisher(root, data), FullText(work / "fts5.db")
    before = {(code, item.slug): item for code, held in corpus.documents(editions.current()).items() for item in held}
    chosen = random.Random(corpus.SEED).sample(sorted(before), min(rounds, len(before)))
    portal, peer = [], []
    with progress_bar("Editing") as progress:
        for number, (language, slug) in enumerate(chosen):
            path, word = root / language / f"{slug}.md", f"zq{number}neu"
            with path.open("a", encoding="utf-8") as file:
                file.write(f"\n\n{word}\n")
            start = time.perf_counter()
            publisher.publish(utc_now(), verify=False)
            index = editions.current().index
            found = [match.slug for match in index.search(language, index.clues(language, word)).matches]
            portal.append(time.perf_counter() - start)
            start = time.perf_counter()
            article = library.read(library.SourceFile(language, slug, str(path), ""), root).article
            if article is None:
                raise RuntimeError(f"{path} can no longer be read")
            new = document(article, markup.render(article.body, language))
            full_text.replace(language, before[language, slug], new)
            same = [hit for hit, _ in full_text.search(language, word)]
            peer.append(time.perf_counter() - start)
            if found != [slug] or same != [slug]:
                raise RuntimeError(f"{language}/{slug} was not found after its change: {found}, {same}")
            progress(number + 1, len(chosen))
    full_text.close()
    return portal, peer


def _row(measured: str, unit: str, portal: float, peer: float) -> Row:
    """One line of the table."""
    return {"measured": measured, "unit": unit, "portal": portal, "fts5": peer, "ratio": ratio(portal, peer)}


@click.command()
@corpus.articles_option
@click.option("--cores", default=2, show_default=True, type=click.IntRange(1), help="Processor cores for publishing.")
@click.option("--edits", default=20, show_default=True, type=click.IntRange(1), help="Articles edited one by one.")
@corpus.json_option
def main(given: Path | None, cores: int, edits: int, as_json: bool) -> None:
    """Measure publishing, indexing and the way of an edited article to its readers."""
    source = corpus.find(given)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        work = Path(name)
        root, data = work / "articles", work / "data"
        root.mkdir()
        for part in source.articles.iterdir():
            if part.name in CODES:
                shutil.copytree(part, root / part.name)
            elif part.name == "topics.yml":
                shutil.copy2(part, root)
        published = alone(publish_cold, root, data, cores)
        portal, peer, count = alone(index_ready, data, work)
        saved, replaced = alone(edit_and_find, root, data, work, edits)
    rows = [
        _row(f"publish cold: read, render, index, {cores} cores", "s", published.wall, peer.wall),
        _row("the same, processor time", "CPU s", published.cpu, peer.cpu),
        _row("index part alone, one process", "CPU s", portal.cpu, peer.cpu),
        _row("index part alone, of 1,000 articles", "CPU s", 1000 * portal.cpu / count, 1000 * peer.cpu / count),
        _row("index size", "MiB", portal.size / 2**20, peer.size / 2**20),
        _row("article saved to found, p50", "ms", 1000 * percentile(saved, 0.5), 1000 * percentile(replaced, 0.5)),
        _row("article saved to found, p95", "ms", 1000 * percentile(saved, 0.95), 1000 * percentile(replaced, 0.95)),
    ]
    facts: dict[str, Cell] = {"articles": str(source.articles), "published": count}
    show("indexing", facts | {"edits": len(saved)}, rows, as_json=as_json)


if __name__ == "__main__":
    main()
