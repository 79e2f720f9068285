"""What counting and logging cost: an article's page without either, with metrics, and with metrics and JSON logs."""

import random
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median

import click

from benchmarks import corpus, load
from benchmarks.load import Page, Throughput
from benchmarks.report import Cell, Row, ratio, show
from benchmarks.serving import PAGES, Target, free_port, server
from portal.commands.progress import progress_bar
from portal.server import prepare, worker_count
from portal.settings import Settings

_RUN = "from portal.cli import main; main()"
#: What is measured, and how a portal of that kind is started.
KINDS = {
    "without": f"from portal import monitoring; monitoring.is_available = lambda: False; {_RUN}",
    "metrics": _RUN,
    "metrics, JSON logs": f"import os; os.environ['PORTAL_LOG_FORMAT'] = 'json'; {_RUN}",
}


def _rows(measured: dict[str, list[tuple[Throughput, float]]]) -> list[Row]:
    """The table: of each kind the median of its rounds."""
    rate = {kind: median(result.per_second for result, _ in runs) for kind, runs in measured.items()}
    cost = {kind: median(cost for _, cost in runs) for kind, runs in measured.items()}
    return [
        {
            "server": kind,
            "requests/s": rate[kind],
            "ratio": ratio(rate[kind], rate["without"]),
            "CPU ms": cost[kind],
            "CPU ratio": ratio(cost[kind], cost["without"]),
            "p99 ms": median(result.p99 for result, _ in runs),
            "failed": sum(result.failed for result, _ in runs),
        }
        for kind, runs in measured.items()
    ]


@click.command()
@corpus.articles_option
@click.option("--seconds", default=4, show_default=True, type=click.IntRange(1, 60), help="Length of each measurement.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 99), help="Measurements of each server.")
@click.option("--connections", default=8, show_default=True, type=click.IntRange(1, 256), help="Kept open at once.")
@click.option("--generator", type=click.Choice(load.GENERATORS), help="Default: wrk where it is installed.")
@corpus.json_option
def main(given: Path | None, seconds: int, rounds: int, connections: int, generator: str | None, as_json: bool) -> None:
    """Measure requests per second of articles on the loopback interface, the servers in turn."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # Servers are ended then, too.
    source = corpus.find(given)
    generator = generator or load.available()
    measured: dict[str, list[tuple[Throughput, float]]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, ExitStack() as running:
        settings = replace(Settings(), articles=source.articles, data=Path(name) / "data")
        with progress_bar("Publishing") as progress:
            prepare(settings, progress)
        keys = sorted(corpus.open_edition(settings.data).knowledge.articles)
        chosen = random.Random(corpus.SEED).sample(keys, min(PAGES, len(keys)))
        pages = [Page(f"/{language}/articles/{slug}") for language, slug in chosen]
        options = ["--articles", str(settings.articles), "--data", str(settings.data)]
        targets = {}
        for number, (kind, code) in enumerate(KINDS.items()):
            port = free_port()
            command = ["-c", code, "serve", *options, "--port", str(port)]
            process = running.enter_context(server(command, port, "/healthz", Path(name) / f"{number}.log"))
            targets[kind] = Target(process, port)
        with progress_bar("Loading") as progress:
            for number in range(rounds):
                for kind, target in targets.items():
                    measured[kind].append(target.measure(generator, pages, seconds, connections))
                progress(number + 1, rounds)
    facts: dict[str, Cell] = {
        "articles": str(source.articles),
        "load": f"{generator}, {connections} connections, {rounds} times {seconds} s each, in turn",
        "servers": f"{worker_count(settings)} processes of {settings.threads} threads",
    }
    show("monitoring", facts, _rows(measured), as_json=as_json)


if __name__ == "__main__":
    main()
