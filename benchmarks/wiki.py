"""What a page costs beside a help wiki: DokuWiki from Debian, with the same English articles, in the same run."""

import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from urllib.parse import quote

import click

from benchmarks import corpus, dokuwiki, load
from benchmarks.load import Page, Throughput
from benchmarks.report import Cell, Row, ratio, show
from benchmarks.serving import PAGES, Target, servers
from portal import library
from portal.articles import Article
from portal.commands.progress import progress_bar
from portal.edition import Edition
from portal.server import prepare, worker_count
from portal.settings import Settings

#: Searches that are asked for once, none of which has been asked before.
FIRST = 400
#: Searches that come before them, so that the processes have read what every search needs.
WARM_UP = 40
#: What they are called in the table.
FIRST_TIME = "search, first time"
#: What pages of results have only where something was found.
FOUND = {"portal": b'class="result"', "wiki": dokuwiki.FOUND}
#: Addresses of an article and of a search, without what is asked for.
ARTICLE = {"portal": "/en/articles/", "wiki": "/doku.php?id="}
SEARCH = {"portal": "/en/search?q=", "wiki": "/doku.php?do=search&id=start&q="}

#: How often each server has its turn with a kind of page; what else a machine does then falls on all of them.
TURNS = 4

#: Pages by the name of their server.
Asked = dict[str, list[Page]]
#: What came of a load, and processor milliseconds of a request.
Figures = tuple[Throughput, float]


class NotInstalled(click.ClickException):
    """Something that is measured is not on this machine."""

    exit_code = 2


def sampled(source: corpus.Corpus, count: int, folder: Path) -> corpus.Corpus:
    """A corpus with a sample of the English articles alone, the same in every run, and asked for its titles.

    Args:
        source: that it is taken from; its queries would mostly find nothing in so few articles.
        count: how many articles at most.
        folder: that receives them, which is made.
    """
    paths = sorted((source.articles / "en").glob("*.md"))
    (folder / "en").mkdir(parents=True)
    for path in random.Random(corpus.SEED).sample(paths, min(count, len(paths))):
        shutil.copy(path, folder / "en")
    for path in source.articles.iterdir():
        if path.is_file() and path.name != "redirects.yml":
            shutil.copy(path, folder)
    return corpus.Corpus(folder, None)


def english(edition: Edition, root: Path) -> list[Article]:
    """The published articles that both are asked for, with their texts, which an edition leaves in the database.

    Args:
        edition: that is served.
        root: folder of the articles that it was published from.

    Raises:
        RuntimeError: a file has gone or changed its shape meanwhile.
    """
    found = []
    for slug in sorted(slug for language, slug in edition.knowledge.articles if language == "en"):
        path = root / "en" / f"{slug}.md"
        article = library.read(library.SourceFile("en", slug, str(path), ""), root).article
        if article is None:
            raise RuntimeError(f"{path} cannot be read any more")
        found.append(article)
    return found


def pages(articles: list[Article], asked: corpus.Queries) -> tuple[Asked, Asked, Asked]:
    """What the portal and the wiki are asked for: articles, searches to warm up, and the searches that are measured."""
    chooser = random.Random(corpus.SEED)
    slugs = sorted(article.slug for article in articles)
    chosen = chooser.sample(slugs, min(PAGES, len(slugs)))
    texts = sorted({text for (language, _), group in asked.items() if language == "en" for text in group})
    searches = chooser.sample(texts, min(WARM_UP + FIRST, len(texts)))
    some = min(WARM_UP, len(searches) // 2)

    def both(paths: dict[str, str], wanted: list[str]) -> Asked:
        return {name: [Page(path + quote(each)) for each in wanted] for name, path in paths.items()}

    return both(ARTICLE, chosen), both(SEARCH, searches[:some]), both(SEARCH, searches[some:])


def measured(
    hello: Target,
    targets: dict[str, Target],
    asked: tuple[Asked, Asked, Asked],
    load_of: Callable[[Target, list[Page]], Figures],
    connections: int,
) -> list[Row]:
    """Ask both servers for articles and then searches, in turns, and the one that says hello in each turn.

    Args:
        hello: the bare application.
        targets: portal and wiki, by name.
        asked: see `pages`.
        load_of: asks one for pages many times; what came of it, and processor milliseconds of a request.
        connections: kept open at once by searches.
    """
    articles, warming, searches = asked
    rows = []
    with progress_bar("Loading") as progress:
        for name, target in targets.items():
            load.once(target.port, warming[name], connections)
        for number, kind in enumerate(("article", FIRST_TIME)):
            taken: dict[str, list[Figures]] = {name: [] for name in ("hello", *targets)}
            for turn in range(TURNS):
                taken["hello"].append(load_of(hello, [Page("/")]))
                for name in sorted(targets, reverse=bool(turn % 2)):
                    if kind != FIRST_TIME:
                        taken[name].append(load_of(targets[name], articles[name]))
                    elif share := searches[name][turn::TURNS]:
                        taken[name].append(targets[name].measure_first(share, connections))
                progress(number * TURNS + turn + 1, 2 * TURNS)
            said = together(taken["hello"])[1]
            rows += [_row(kind, name, together(taken[name]), said) for name in targets]
    return rows


def together(turns: Sequence[Figures]) -> Figures:
    """What came of several turns: sums and means, and the worst of the longest waits."""
    results = [result for result, _ in turns]
    count = sum(result.requests for result in results)
    seconds = sum(result.requests / result.per_second for result in results if result.requests)
    cost = sum(cost * result.requests for result, cost in turns)
    whole = Throughput(
        count,
        count / seconds if seconds else 0.0,
        fmean(result.p50 for result in results),
        max(result.p99 for result in results),
        sum(result.failed for result in results),
    )
    return whole, cost / count if count else 0.0


def _row(page: str, server: str, figures: Figures, hello: float) -> Row:
    """One line of the table.

    Args:
        page: kind of page.
        server: that answered.
        figures: throughput, and processor milliseconds of a request.
        hello: processor milliseconds of a request of the bare application.
    """
    result, cost = figures
    return {
        "page": page,
        "server": server,
        "requests/s": result.per_second,
        "CPU ms": cost,
        "hello CPU ms": hello,
        "CPU ratio": ratio(cost, hello),
        "p50 ms": result.p50,
        "p99 ms": result.p99,
        "failed": result.failed,
    }


def beside(rows: list[Row]) -> list[Row]:
    """The same lines; those of the portal have their processor time divided by the wiki's, too."""
    cost = {(row["page"], row["server"]): float(row["CPU ms"] or 0) for row in rows}
    wiki = {page: each for (page, server), each in cost.items() if server == "wiki"}
    return [
        row | {"÷ wiki": ratio(cost[row["page"], "portal"], wiki[row["page"]]) if row["server"] == "portal" else None}
        for row in rows
    ]


@click.command()
@corpus.articles_option
@click.option("--sample", type=click.IntRange(1), help="So many English articles alone, asked for their titles.")
@click.option("--seconds", default=2, show_default=True, type=click.IntRange(1, 60), help="Length of a turn, of four.")
@click.option("--connections", default=8, show_default=True, type=click.IntRange(1, 256), help="Kept open at once.")
@click.option("--generator", type=click.Choice(load.GENERATORS), help="Default: wrk where it is installed.")
@click.option("--data", type=click.Path(path_type=Path), help="A prepared instance folder of the portal.")
@corpus.json_option
def main(
    given: Path | None,
    sample: int | None,
    seconds: int,
    connections: int,
    generator: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Measure an article and a search that nobody has asked before, beside DokuWiki's."""
    if lacking := dokuwiki.missing():
        raise NotInstalled(f"Not installed: {', '.join(lacking)}. Install with: apt-get install {' '.join(lacking)}")
    if sample and data:
        raise click.UsageError("--data has been prepared with all articles; --sample chooses some.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # Servers are ended then, too.
    source, by = corpus.find(given), generator or load.available()
    with ExitStack() as stack:
        work, own = (Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-"))) for _ in range(2))
        if sample:
            source = sampled(source, sample, work / "articles")
        settings = replace(Settings(), articles=source.articles, data=data or work / "data")
        with progress_bar("Publishing") as progress:
            prepare(settings, progress)
        edition = corpus.open_edition(settings.data)
        articles = english(edition, settings.articles)
        click.echo("The wiki indexes its pages.", err=True)
        dokuwiki.install(own, articles)
        asked = pages(articles, corpus.queries(source, edition, WARM_UP + FIRST))
        portal, hello = stack.enter_context(servers(settings, work))
        wiki = stack.enter_context(dokuwiki.running(own, worker_count(settings)))
        targets = {"portal": portal, "wiki": wiki}
        rows = measured(hello, targets, asked, lambda to, of: to.measure(by, of, seconds, connections), connections)
        searches = asked[-1]
        found = {name: dokuwiki.answered(to.port, searches[name], FOUND[name]) for name, to in targets.items()}
    telling = ", ".join(f"{name} {number}" for name, number in found.items())
    facts: dict[str, Cell] = {
        "articles": str(source.articles),
        "wiki": f"DokuWiki {dokuwiki.version()}, {len(articles)} English articles",
        "portal": f"{len(edition.knowledge.articles)} articles",
        "servers": f"{worker_count(settings)} processes of each",
        "load": f"{by}, {connections} connections, {TURNS} turns of {seconds} s; searches by threads, each once",
        "found": f"anything for so many of {len(searches['wiki'])} searches: {telling}",
    }
    show("wiki", facts, beside(rows), as_json=as_json)


if __name__ == "__main__":
    main()
