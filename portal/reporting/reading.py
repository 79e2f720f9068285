"""Reading sums by day, by point and by whole period."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, String, Table, case, cast, func, literal_column, select, type_coerce
from sqlalchemy.types import NullType

from portal.metrics import Period
from portal.storage import facts, summed
from portal.storage.schema import daily_times
from portal.storage.summed import Narrowed

#: What the tables hold, by name of the dimension and measure; then by the first day of the point, and of times by minutes.
Sums = dict[tuple[str, str], dict[date, Counter[int]]]
#: Makes one value of many rows.
_Together = Callable[[Any, Any], Any]


def read(
    connection: Connection, table: Table, names: Iterable[str], period: Period, narrowed: Narrowed, *, points: bool
) -> Sums:
    """What a table holds of some measures over a period and the one before, which is one point under its first day.

    Args:
        connection: of any transaction.
        table: `daily_facts` or `daily_times`.
        names: of measures.
        period: the first day of each point names it.
        narrowed: what is wanted, and what it is told apart by.
        points: whether there are points; else the period is one.
    """
    previous, names = period.previous, sorted(names)
    found: Sums = {}
    if not names:
        return found
    whole = period.first, period.last
    spans = [(previous.first, previous.last), *(period.points() if points else [whole])]
    is_times = table is daily_times
    number, value = (table.c.minutes, table.c.times) if is_times else (literal_column("0"), table.c.value)
    columns = [(table.c[narrowed.apart] if narrowed.apart else literal_column("''")).label("name"), table.c.measure]
    columns += [table.c.day, number.label("number"), value.label("value")]
    rows = summed.selected(table, columns, names, spans, narrowed).subquery().c
    together = _pairs if is_times else _sum
    query = _by_day(rows, together) if points else _by_period(rows, period.first, together)
    starts = [previous.first, *(first for first, _last in spans[1:])]
    known: dict[Any, date] = {0: previous.first, 1: period.first}
    for name, measure, day, pairs in connection.execute(query):
        if day not in known:
            known[day] = starts[bisect_right(starts, _day(day)) - 1]
        mine = found.setdefault((str(name), measure.removesuffix(facts.WEEK)), {})
        if (sums := mine.get(known[day])) is None:
            sums = mine[known[day]] = Counter()
        if not is_times:
            sums[0] += int(pairs)
            continue
        numbers = [int(each) for each in pairs.replace(":", ",").split(",")]
        for minutes, times in zip(numbers[::2], numbers[1::2], strict=True):
            sums[minutes] += times
    return found


def _day(value: date | str) -> date:
    """A day as SQLite or PostgreSQL gives it."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def _by_day(rows: Any, together: _Together) -> Any:
    """For each day one row, with all that is of it as one text: there are very many minutes."""
    # The day as the database gives it, which is read once for each day.
    day = type_coerce(rows.day, NullType())
    return select(rows.name, rows.measure, day, together(rows.number, rows.value)).group_by(
        rows.name, rows.measure, rows.day
    )


def _by_period(rows: Any, first: date, together: _Together) -> Any:
    """The same for the period that begins on a day, as 1, and the one before, as 0."""
    is_now = case((rows.day >= first, 1), else_=0).label("is_now")
    sums = select(rows.name, rows.measure, is_now, rows.number, func.sum(rows.value).label("value"))
    each = sums.group_by(rows.name, rows.measure, is_now, rows.number).subquery().c
    query = select(each.name, each.measure, each.is_now, together(each.number, each.value))
    return query.group_by(each.name, each.measure, each.is_now)


def _sum(_number: Any, value: Any) -> Any:
    """The sum of all."""
    return func.sum(value)


def _pairs(number: Any, value: Any) -> Any:
    """Pairs of whole numbers as one text."""
    return func.aggregate_strings(cast(number, String) + ":" + cast(value, String), ",")


def totals(
    connection: Connection, table: Table, names: Sequence[str], period: Period, narrowed: Narrowed
) -> Counter[Any]:
    """The sums of a whole period by measure, or how many took so many minutes."""
    columns = [table.c.minutes, table.c.times] if table is daily_times else [table.c.measure, table.c.value]
    query = summed.selected(table, columns, names, [(period.first, period.last)], narrowed)
    found: Counter[Any] = Counter()
    for what, value in connection.execute(query):
        found[what.removesuffix(facts.WEEK) if isinstance(what, str) else what] += value
    return found
