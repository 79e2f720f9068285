"""How long the check of all articles takes, cold and from its cache, beside rendering them once with the bare Markdown library."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import markdown

from benchmarks import corpus
from benchmarks.report import Cell, Row, ratio, show
from portal import library

#: What the check may take on two cores, in seconds: all read anew, and nothing changed.
COLD, WARM = 20.0, 2.0


def timed(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def check(root: Path, data: Path, *options: str) -> None:
    """Run the command as a writer does; findings are no failure here."""
    command = [sys.executable, "-m", "portal", "articles", "check", "--articles", str(root), "--data", str(data)]
    result = subprocess.run([*command, "--format", "json", *options], capture_output=True, check=False)
    assert result.returncode in {0, 1}, result.stderr.decode()


def render(root: Path) -> None:
    """Render every text with the library as it comes: the least that a check by rendered pages would cost."""
    for file in library.scan(root).files:
        markdown.markdown(file.path.read_text(encoding="utf-8", errors="replace"), extensions=["toc", "tables"])


@click.command()
@corpus.articles_option
@click.option("--cores", default=2, show_default=True, type=click.IntRange(1), help="Processor cores.")
@corpus.json_option
def main(given: Path | None, cores: int, as_json: bool) -> None:
    """Measure `portal articles check` as a whole process: everything read, nothing changed, and no cache at all."""
    root = corpus.find(given).articles
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        data = Path(name)
        cold = timed(lambda: check(root, data))
        warm = min(timed(lambda: check(root, data)) for _ in range(3))
        peer = timed(lambda: render(root))
    rows: list[Row] = [
        {"check": kind, "s": seconds, "target s": target, "Markdown alone s": peer, "ratio": ratio(seconds, peer)}
        for kind, seconds, target in (("cold", cold, COLD), ("nothing changed, best of 3", warm, WARM))
    ]
    facts: dict[str, Cell] = {"articles": str(root), "files": len(library.scan(root).files), "cores": cores}
    show("checking", facts, rows, as_json=as_json)


if __name__ == "__main__":
    main()
