"""What a portal costs before and while it serves: seconds to start, memory of its processes, weight of its pages."""

import gzip
import re
import tempfile
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import click

from benchmarks import corpus, load
from benchmarks.report import Row, show
from benchmarks.serving import cpu_seconds, free_port, server
from portal.commands.progress import progress_bar
from portal.server import prepare
from portal.settings import Settings

#: Starts of which the quickest counts: others have waited for the rest of the machine.
STARTS = 3
#: Articles that are read before memory is looked at.
READ = 200


def processes(first: int) -> list[int]:
    """A server's first process and its workers."""
    children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split()
    return [first, *map(int, children)]


def proportional(process: int) -> float:
    """Memory of a process in MB; what it shares with others is shared out among them (PSS)."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def weight(port: int, path: str) -> tuple[int, int, int]:
    """What a browser loads that has nothing yet: bytes of the page, bytes in all, and requests."""
    page, length = _load(port, path)
    parts = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    return length, length + sum(_load(port, part)[1] for part in parts), 1 + len(parts)


def _load(port: int, path: str) -> tuple[str, int]:
    """The text of one address, and how many bytes of body were sent."""
    asked = urllib.request.Request(f"http://{load.HOST}:{port}{path}", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        body = answer.read()
        is_packed = answer.headers.get("Content-Encoding") == "gzip"
    return (gzip.decompress(body) if is_packed else body).decode("utf-8", "replace"), len(body)


def _measure(settings: Settings, work: Path) -> list[Row]:
    """Start a prepared portal some times, read in it, and look at it."""
    edition = corpus.open_edition(settings.data)
    keys = sorted(edition.knowledge.articles)
    step = max(len(keys) // READ, 1)
    starts: list[tuple[float, float]] = []
    command = ["-m", "portal", "serve", "--articles", str(settings.articles), "--data", str(settings.data)]
    for number in range(STARTS):
        port, begun = free_port(), time.monotonic()
        arguments = [*command, "--workers", str(settings.workers), "--port", str(port)]
        with server(arguments, port, "/readyz", work / "portal.log") as first:
            starts.append((time.monotonic() - begun, cpu_seconds(first)))
            if number + 1 < STARTS:
                continue
            load.check(port, [load.Page(f"/{code}/articles/{slug}") for code, slug in keys[::step]])
            rows = _rows(
                first, port, f"/{keys[0][0]}/articles/{keys[0][1]}", edition.knowledge.articles[keys[0]].article.title
            )
    wall, cpu = min(starts)
    return [
        {"what": "start to ready", "value": wall, "unit": "s"},
        {"what": "start, CPU", "value": cpu, "unit": "s"},
        *rows,
    ]


def _rows(first: int, port: int, article: str, title: str) -> list[Row]:
    """Memory and weights of a running portal."""
    rows: list[Row] = []
    for process in processes(first):
        name = "first process" if process == first else "worker"
        rows.append({"what": f"memory, {name}", "value": proportional(process), "unit": "MB (PSS)"})
    words = quote(title)
    for name, path in (("home", "/en/"), ("article", article), ("results", f"/en/search?q={words}")):
        page, whole, requests = weight(port, path)
        rows.append({"what": f"{name}, page alone", "value": page / 1000, "unit": "kB"})
        rows.append({"what": f"{name}, first visit in {requests} requests", "value": whole / 1000, "unit": "kB"})
    return rows


@click.command()
@corpus.articles_option
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Server processes.")
@click.option("--data", type=click.Path(path_type=Path), help="A prepared instance folder; default: a new one.")
@corpus.json_option
def main(given: Path | None, workers: int, data: Path | None, as_json: bool) -> None:
    """Measure start-up with an existing index, memory and page weight."""
    source = corpus.find(given)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        settings = replace(Settings(), articles=source.articles, data=data or Path(name) / "data", workers=workers)
        with progress_bar("Publishing") as progress:
            prepare(settings, progress)
        rows = _measure(settings, Path(name))
    show("footprint", {"articles": str(source.articles), "workers": str(workers)}, rows, as_json=as_json)


if __name__ == "__main__":
    main()
