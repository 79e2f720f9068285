"""How many requests a second the portal answers, beside a bare Flask application under the same gunicorn."""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from urllib.parse import quote

import click

from benchmarks import corpus, load
from benchmarks.load import Page, Throughput
from benchmarks.report import Cell, Row, ratio, show
from portal.commands.progress import progress_bar
from portal.edition import Edition
from portal.server import prepare, worker_count
from portal.settings import PREFIX, Settings

#: Pages of each kind that are asked for in turn.
PAGES = 200
#: Searches that are asked for once, none of which has been asked before.
FIRST = 2000
#: What these are called in the table.
FIRST_TIME = "search, first time"
#: Seconds that each kind is asked for before it is measured: each process makes each page once.
WARM_UP = 4
#: Longest wait for a server's first answer, in seconds.
START_LIMIT = 60.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((load.HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(command: list[str], port: int, path: str, log: Path) -> Iterator[int]:
    """Run a server until the end of the block.

    Args:
        command: arguments of Python that start it.
        port: that it listens on.
        path: that answers 200 once it is ready.
        log: file that receives what it says.

    Yields:
        Number of its first process.

    Raises:
        RuntimeError: it does not answer in time.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=corpus.REPOSITORY, env=environment, stdout=output, stderr=output
        )
        try:
            _wait(process, port, path, log)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def cpu_seconds(process: int) -> float:
    """Processor time that a server's first process and its workers have used so far."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    # Fields 14 and 15 of proc(5), counted after the name in parentheses, which may hold anything.
    stats = [Path(f"/proc/{number}/stat").read_text(errors="replace") for number in (str(process), *children)]
    ticks = sum(int(field) for stat in stats for field in stat.rpartition(")")[2].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Target:
    """A running server."""

    #: Number of its first process.
    process: int
    port: int
    #: First processes of servers that work for it.
    beside: tuple[int, ...] = ()

    def cpu_seconds(self) -> float:
        """Processor time that all its processes have used so far."""
        return sum(map(cpu_seconds, (self.process, *self.beside)))

    def measure(self, generator: str, wanted: list[Page], seconds: int, connections: int) -> tuple[Throughput, float]:
        """Warm a kind of page, then ask for it; what came of it, and processor milliseconds of a request."""
        load.check(self.port, wanted)
        load.run(generator, self.port, wanted, WARM_UP, connections)
        before = self.cpu_seconds()
        result = load.run(generator, self.port, wanted, seconds, connections)
        return result, 1000 * (self.cpu_seconds() - before) / result.requests

    def measure_first(self, wanted: list[Page], connections: int) -> tuple[Throughput, float]:
        """Ask for each page once, without a warm-up; what came of it, and processor milliseconds of a request."""
        before = self.cpu_seconds()
        result = load.once(self.port, wanted, connections)
        return result, 1000 * (self.cpu_seconds() - before) / result.requests


def _wait(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    """Wait for a server's first answer."""
    until = time.monotonic() + START_LIMIT
    while time.monotonic() < until and process.poll() is None:
        try:
            load.check(port, [Page(path)])
        except (OSError, RuntimeError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the server does not answer: {log.read_text(errors='replace')[-2000:]}")


@contextmanager
def servers(settings: Settings, work: Path) -> Iterator[tuple[Target, Target]]:
    """Run the portal and its peer alike until the end of the block.

    Args:
        settings: of the portal, prepared.
        work: folder that receives what they say.

    Yields:
        The portal and the peer.
    """
    ports = free_port(), free_port()
    alike = ["--workers", str(settings.workers)]
    portal = ["-m", "portal", "serve", "--articles", str(settings.articles), "--data", str(settings.data), *alike]
    hello = ["-m", "benchmarks.hello", "--threads", str(settings.threads), *alike]
    with (
        server([*portal, "--port", str(ports[0])], ports[0], "/healthz", work / "portal.log") as first,
        server([*hello, "--port", str(ports[1])], ports[1], "/", work / "hello.log") as second,
    ):
        yield Target(first, ports[0]), Target(second, ports[1])


def pages(edition: Edition, asked: corpus.Queries) -> dict[str, list[Page]]:
    """What is asked for, by kind of page, without entity tags."""
    chooser = random.Random(corpus.SEED)
    keys = sorted(edition.knowledge.articles)
    articles = chooser.sample(keys, min(PAGES, len(keys)))
    texts = sorted({(language, text) for (language, _), group in asked.items() for text in group})
    searches = chooser.sample(texts, min(PAGES + FIRST, len(texts)))
    # A few articles have a few titles: half of them at most are asked for in turn.
    repeated = min(PAGES, -(-len(searches) // 2))
    found = [Page(f"/{language}/search?q={quote(text)}") for language, text in searches]
    homes = sorted({language for language, _ in keys})
    return {
        "article": [Page(f"/{language}/articles/{slug}") for language, slug in articles],
        "home": [Page(f"/{language}/") for language in homes],
        "search": found[:repeated],
        # The last: so many pages take the place of all that are kept.
        FIRST_TIME: found[repeated:],
    }


def _row(page: str, portal: tuple[Throughput, float], hello: tuple[float, float]) -> Row:
    """One line of the table.

    Args:
        page: kind of page.
        portal: throughput, and processor milliseconds of a request.
        hello: the peer's requests per second, and its processor milliseconds of a request.
    """
    result, cost = portal
    return {
        "page": page,
        "requests/s": result.per_second,
        "hello": hello[0],
        "ratio": ratio(result.per_second, hello[0]),
        "CPU ms": cost,
        "hello CPU ms": hello[1],
        "CPU ratio": ratio(cost, hello[1]),
        "p50 ms": result.p50,
        "p99 ms": result.p99,
        "failed": result.failed,
    }


@click.command()
@corpus.articles_option
@click.option("--seconds", default=5, show_default=True, type=click.IntRange(1, 60), help="Length of each measurement.")
@click.option("--connections", default=8, show_default=True, type=click.IntRange(1, 256), help="Kept open at once.")
@click.option(
    "--workers", default=0, show_default=True, type=click.IntRange(0, 64), help="Server processes; 0 as usual."
)
@click.option("--generator", type=click.Choice(load.GENERATORS), help="Default: wrk where it is installed.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="A prepared instance folder; a new one learns terms meanwhile."
)
@corpus.json_option
def main(
    given: Path | None,
    seconds: int,
    connections: int,
    workers: int,
    generator: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Measure requests per second on the loopback interface."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # Servers are ended then, too.
    source = corpus.find(given)
    generator = generator or load.available()
    click.echo(f"Load: {generator}", err=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        settings = replace(Settings(), articles=source.articles, data=data or Path(name) / "data", workers=workers)
        with progress_bar("Publishing") as progress:
            prepare(settings, progress)
        edition = corpus.open_edition(settings.data)
        asked = pages(edition, corpus.queries(source, edition, PAGES + FIRST))
        with servers(settings, Path(name)) as (portal, hello):
            tags = load.check(portal.port, asked["article"])
            known = [replace(page, status=304, etag=tag) for page, tag in zip(asked["article"], tags, strict=True)]
            asked = {"article": asked["article"], "article, 304": known} | asked
            # The peer is measured before and after each, so that a machine that changes its pace does not decide.
            runs = [(hello, [Page("/")])]
            for kind in asked.values():
                runs += [(portal, kind), runs[0]]
            measured: list[tuple[Throughput, float]] = []
            with progress_bar("Loading") as progress:
                for number, (target, wanted) in enumerate(runs, 1):
                    if wanted is asked[FIRST_TIME]:
                        measured.append(target.measure_first(wanted, connections))
                    else:
                        measured.append(target.measure(generator, wanted, seconds, connections))
                    progress(number, len(runs))
    peers = [(result.per_second, cost) for result, cost in measured[::2]]
    rates = [rate for rate, _ in peers]
    facts: dict[str, Cell] = {
        "articles": str(source.articles),
        "published": len(edition.knowledge.articles),
        "load": f"{generator}, {connections} connections, {seconds} s each",
        "servers": f"{worker_count(settings)} processes of {settings.threads} threads",
        "hello": f"{min(rates):.0f} to {max(rates):.0f} requests/s",
    }
    rows = [
        _row(kind, result, (fmean((before[0], after[0])), fmean((before[1], after[1]))))
        for kind, result, before, after in zip(asked, measured[1::2], peers[:-1], peers[1:], strict=True)
    ]
    show("serving", facts, rows, as_json=as_json)


if __name__ == "__main__":
    main()
