"""Reports as CSV and JSON: the rows of every table, written part by part."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from portal.reporting.history import Asked

Cell = str | int | float | bool | date | datetime | None
Row = tuple[Cell, ...]

#: Lines are handed on when they have so many characters.
PART = 16_000
#: Digits after the point: more than a share of ten thousand searches can tell.
_DIGITS = 6
BOM = "\ufeff"
#: What a spreadsheet takes for the beginning of a formula, in the widths in which it may be written.
_FORMULA = frozenset("=+-@")
#: What a spreadsheet may take for the end of a cell, whatever the file's own separator is: what follows is a beginning
#: again.
_SEPARATOR = re.compile(r"([,;|\t\r\n])")


@dataclass(frozen=True)
class Table:
    """The rows of a report."""

    report: str
    #: Keys of the columns; they never change their meaning.
    columns: tuple[str, ...]
    rows: Iterable[Row]
    #: Of JSON: what there is to know of the rows.
    about: Mapping[str, Any] = field(default_factory=dict)


def neutralised(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe stands before what could begin one.

    A formula may also begin after blanks, quotes and signs that are not seen, or in full width; and after a comma, a
    semicolon, a bar or a tab, where somebody opens the file with that as what separates cells.
    """
    first, *others = _SEPARATOR.split(text)
    whole = first + "".join(f"'{piece}" if _begins_formula(piece) else piece for piece in others)
    return f"'{whole}" if text[:1] in {"\t", "\r", "\n"} or _begins_formula(text) else whole


def _begins_formula(text: str) -> bool:
    """Whether a spreadsheet could take what a cell begins with for a formula."""
    for sign in text:
        if sign.isspace() or sign in "\"'„‚" or unicodedata.category(sign) in {"Cc", "Cf", "Zs", "Pi", "Pf"}:
            continue
        return unicodedata.normalize("NFKC", sign)[:1] in _FORMULA
    return False


def moment(at: datetime) -> str:
    """A moment as ISO 8601 writes it, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(cell: Cell, *, comma: bool = False) -> str | int | float:
    """A cell of CSV: numbers stay numbers, text begins no formula."""
    plain = _plain(cell)
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, float) and comma:
        return str(plain).replace(".", ",")
    return neutralised(plain) if isinstance(plain, str) else plain


def _plain(cell: Cell) -> str | int | float | bool | None:
    """A cell of JSON: times as texts, numbers with as many digits as mean something."""
    if isinstance(cell, datetime):
        return moment(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() else round(cell, _DIGITS)
    return cell


def csv_parts(
    table: Table, names: Mapping[str, str], broken: str, *, bom: bool = False, comma: bool = False
) -> Iterator[str]:
    """A table as CSV: comma or semicolon, CRLF, one line of heads, which are a name and in brackets the column's key.

    Args:
        table: its rows are read once, as they are needed.
        names: of the columns in somebody's language, by key.
        broken: the last line where the rows end with a fault, so that nobody takes them for all.
        bom: whether to begin with the sign by which spreadsheets recognise UTF-8.
        comma: whether numbers have a decimal comma, as spreadsheets in many languages expect; cells are then separated
            by semicolons.

    Raises:
        Exception: reading the rows has failed; the last line has been said by then, unless nothing was handed on yet.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=";" if comma else ",", lineterminator="\r\n")
    if bom:
        buffer.write(BOM)
    writer.writerow([neutralised(f"{names[key]} [{key}]" if key in names else key) for key in table.columns])
    is_begun = False
    try:
        for row in table.rows:
            writer.writerow([_text(cell, comma=comma) for cell in row])
            if buffer.tell() >= PART:
                is_begun = True
                yield _taken(buffer)
    except Exception:
        if is_begun:
            writer.writerow([neutralised(broken)])
            yield _taken(buffer)
        raise
    yield _taken(buffer)


def json_parts(table: Table) -> Iterator[str]:
    """A table as JSON: what there is to know, then the rows as objects; whole only with `"complete": true` at its end.

    Args:
        table: its rows are read once, as they are needed.

    Raises:
        Exception: reading the rows has failed; what has been written till then is no JSON.
    """
    about = {"report": table.report, **table.about, "columns": list(table.columns)}
    pieces = [json.dumps(about, ensure_ascii=False)[:-1], ', "rows": [']
    size, separator = 0, "\n"
    for row in table.rows:
        line = json.dumps(dict(zip(table.columns, map(_plain, row), strict=True)), ensure_ascii=False)
        pieces += [separator, line]
        size, separator = size + len(line), ",\n"
        if size >= PART:
            yield "".join(pieces)
            pieces, size = [], 0
    yield "".join([*pieces, '\n], "complete": true}\n'])


def _taken(buffer: io.StringIO) -> str:
    """What has been written, which the buffer then forgets."""
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def subject(asked: Asked) -> dict[str, Any]:
    """What a report is about, for JSON."""
    period, previous = asked.period, asked.period.previous
    return {
        "period": {"first": period.first.isoformat(), "last": period.last.isoformat(), "step": period.step.value},
        "previous": {"first": previous.first.isoformat(), "last": previous.last.isoformat()},
        "filter": {"language": asked.language, "topic": asked.topic, "tier": asked.tier},
    }


def begun(parts: Iterator[str]) -> Iterator[str]:
    """The same, but its first part is read now: what fails at once fails before anything has been sent."""
    first = next(parts, "")

    def all_parts() -> Iterator[str]:
        yield first
        yield from parts

    return all_parts()


def file_name(report: str, ending: str, asked: Asked | None, now: datetime, *, is_spreadsheet: bool = False) -> str:
    """A file's name, with the days that it is about."""
    ending = f"-spreadsheet.{ending}" if is_spreadsheet else f".{ending}"
    if asked is None:
        return f"{report}-{datetime.combine(now.date(), time(now.hour, now.minute)):%Y-%m-%dT%H%M}Z{ending}"
    return f"{report}-{asked.period.first.isoformat()}--{asked.period.last.isoformat()}{ending}"
