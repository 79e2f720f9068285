"""What every benchmark prints: facts, a plain table, or the same as JSON."""

import json
import math
import platform
import sqlite3
from collections.abc import Sequence

import click

#: What a cell of a table can hold; None is an empty one.
Cell = str | int | float | None
#: One line of a table, by the names of its columns.
Row = dict[str, Cell]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0–1) of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def ratio(portal: float, peer: float) -> float:
    """The portal's figure divided by the peer's."""
    return portal / peer if peer else math.nan


def show(name: str, facts: dict[str, Cell], rows: list[Row], *, as_json: bool) -> None:
    """Print one benchmark's result on standard output.

    Args:
        name: of the benchmark.
        facts: what it was measured on; the versions of Python and SQLite are added.
        rows: of the table; the columns are those of the first row.
        as_json: print one JSON value instead.
    """
    facts = facts | {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    if as_json:
        click.echo(json.dumps({"benchmark": name, "facts": facts, "rows": rows}, ensure_ascii=False, indent=2))
        return
    for key, value in facts.items():
        click.echo(f"{key + ':':<12}{_shown(value)}")
    click.echo()
    lines = [list(rows[0]), *([_shown(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    is_text = [isinstance(value, str) for value in rows[0].values()]
    for line in lines:
        cells = zip(line, widths, is_text, strict=True)
        click.echo("  ".join(cell.ljust(width) if left else cell.rjust(width) for cell, width, left in cells).rstrip())


def _shown(value: Cell) -> str:
    """A cell as people read it: three significant digits, and never fewer than a whole number has."""
    if value is None:
        return ""
    if not isinstance(value, float) or not math.isfinite(value) or value == 0:
        return str(value)
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
