"""What every benchmark prints: facts, a plain table, or the same as JSON."""

import json
import math
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


into_option = click.option(
    "--into",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A document whose tables are replaced by what was measured.",
)


@dataclass(frozen=True)
class Told:
    """Where a benchmark of several tables tells of them; a document has a place for the facts, too."""

    facts: dict[str, Cell]
    as_json: bool
    #: The document that gets the tables; None where none does.
    into: Path | None

    def show(self, name: str, rows: list[Row]) -> None:
        """Print a table, and put it into the document."""
        show(name, self.facts, rows, as_json=self.as_json)
        click.echo()
        if self.into:
            facts = "; ".join(f"{key}: {_shown(value)}" for key, value in self.facts.items())
            write_into(self.into, {"facts": f"{facts}\n", name: markdown(rows)})


def markdown(rows: list[Row]) -> str:
    """A table as Markdown, as it stands in the documentation; the columns are those of the first row."""
    is_text = [isinstance(value, str) for value in rows[0].values()]
    lines = [list(rows[0]), ["---" if left else "--:" for left in is_text]]
    lines += [[_shown(value) for value in row.values()] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write_into(document: Path, tables: dict[str, str]) -> None:
    """Put what was measured into a document, between `<!-- measured: NAME -->` and `<!-- end -->`.

    Raises:
        ValueError: the document has no such place.
    """
    text = document.read_text(encoding="utf-8")
    for name, table in tables.items():
        begin, mark, rest = text.partition(f"<!-- measured: {name} -->\n")
        _old, end, after = rest.partition("<!-- end -->")
        if not (mark and end):
            raise ValueError(f"{document} has no place for {name}")
        text = f"{begin}{mark}\n{table}\n{end}{after}"
    document.write_text(text, encoding="utf-8")


def _shown(value: Cell) -> str:
    """A cell as people read it: three significant digits, and never fewer than a whole number has."""
    if value is None:
        return ""
    if not isinstance(value, float) or not math.isfinite(value) or value == 0:
        return str(value)
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
