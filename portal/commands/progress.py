"""The progress bar of long commands."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from portal.parallel import Progress


@contextmanager
def progress_bar(label: str, *, in_logs: bool = True) -> Iterator[Progress]:
    """A bar on standard error that appears with the first step.

    Args:
        label: what is done.
        in_logs: whether a few lines tell of it where nobody watches a terminal; else nothing does.
    """
    bar: Any = None
    shown = -1

    def step(done: int, total: int) -> None:
        nonlocal bar, shown
        if not sys.stderr.isatty():
            if in_logs and total and 10 * done // total > shown:
                shown = 10 * done // total
                click.echo(f"{label} {100 * done // total} %", err=True)
            return
        if bar is None:
            bar = click.progressbar(length=total, label=label, file=sys.stderr, width=0)
        bar.update(done - bar.pos)
        if done >= total:
            bar.render_finish()
            bar = None

    try:
        yield step
    finally:
        if bar is not None:
            bar.render_finish()
