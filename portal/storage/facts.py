"""Sums by day, in the database: all that one source says of a day is put in place of what it said before, and read.

Beside the sums themselves (`daily_facts`, `daily_times`) stand their sums over everything, by each language, by each
topic and by each tier, under `ALL` and `ALL_TIERS`; and the sums of these over each week, and by any two of them, under
the measure's name with `WEEK` and the week's Monday. So a year is read from a hundredth of the rows. Whoever adds up
rows must choose; see `summed`.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Date,
    Table,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from portal.storage.schema import counted_days, daily_articles, daily_facts, daily_times

#: Stand for all languages, all topics and all tiers.
ALL, ALL_TIERS = "*", -1
#: Ends the name of a measure that is summed up over a week.
WEEK = "@week"
#: A request so long after an attempt to find something says that the attempt was in vain.
REQUESTED_WITHIN = timedelta(hours=72)
#: An attempt that began on a day ends at most so long after midnight, for the reports.
_OVERTIME = timedelta(hours=2)
#: Names the lock of `alone` on PostgreSQL.
_LOCK = 7_105_002


class Key(NamedTuple):
    """What a sum is about, beside the day; what does not apply is empty, or 0."""

    measure: str
    language: str = ""
    topic: str = ""
    tier: int = 0


@dataclass
class Counted:
    """What a source says of one day."""

    facts: Counter[Key] = field(default_factory=Counter)
    #: How many took so many minutes, rounded as `metrics` says.
    times: Counter[tuple[Key, int]] = field(default_factory=Counter)
    #: By measure, language and slug.
    articles: Counter[tuple[str, str, str]] = field(default_factory=Counter)


@dataclass(frozen=True)
class Measures:
    """What a source says: the names of its sums, times, and sums of articles."""

    facts: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()


class Mark(NamedTuple):
    """That a day has been counted from a source."""

    day: date
    #: When; before `closing` as long as something of the day may still change.
    at: datetime
    is_final: bool


def start_of(day: date) -> datetime:
    """The beginning of a day, UTC."""
    return datetime.combine(day, time(), UTC)


def closing(day: date) -> datetime:
    """When nothing of a day can change any more: four days and two hours after it began.

    The attempts that began on it have ended two hours after midnight, and whoever made them has sent a request within
    72 hours of that, or none that counts.
    """
    return start_of(day + timedelta(days=1)) + _OVERTIME + REQUESTED_WITHIN


def is_settled(mark: Mark, now: datetime) -> bool:
    """Whether a day was counted when nothing of it could change any more; by a clock that was ahead it never was."""
    return mark.is_final or closing(mark.day) <= mark.at <= now


def mark(connection: Connection, source: str, day: date) -> Mark | None:
    """That a day has been counted from a source; None where it has not."""
    return next((each for each in marks(connection, source, day) if each.day == day), None)


def marks(connection: Connection, source: str, since: date | None = None) -> list[Mark]:
    """Which days have been counted from a source, oldest first."""
    columns = (counted_days.c.day, counted_days.c.at, counted_days.c.is_final)
    query = select(*columns).where(counted_days.c.source == source).order_by(counted_days.c.day)
    if since is not None:
        query = query.where(counted_days.c.day >= since)
    return [Mark(*row) for row in connection.execute(query)]


def first_open(connection: Connection, column: Any, *sources: str) -> datetime | None:
    """The beginning (UTC) of the first day that has rows and is not final; None where there is none.

    What is older may be forgotten, and nothing else.

    Args:
        connection: of any transaction.
        column: the time of the rows.
        sources: what is final from one of them is final.
    """
    return first_row(connection, column, final_until(connection, *sources))


def final_until(connection: Connection, *sources: str) -> datetime | None:
    """The end (UTC) of the newest day that is final from one of some sources; None where there is none."""
    is_final = counted_days.c.source.in_(sources) & counted_days.c.is_final
    newest = select(counted_days.c.day).where(is_final).order_by(counted_days.c.day.desc()).limit(1)
    day = connection.execute(newest).scalar()
    return start_of(day + timedelta(days=1)) if day else None


def first_row(connection: Connection, column: Any, since: datetime | None) -> datetime | None:
    """The beginning (UTC) of the first day that has rows, from a time on; None where there are none."""
    query = select(column).order_by(column).limit(1)
    at = connection.execute(query if since is None else query.where(column >= since)).scalar()
    return None if at is None else start_of(at.date())


def days_of(
    connection: Connection, column: Any, since: datetime | None, before: datetime, without: Collection[date] = ()
) -> Iterator[date]:
    """The days (UTC) that have rows, by a time of these, oldest first; an index on it makes it quick."""
    while (begin := first_row(connection, column, since)) is not None and begin < before:
        day = begin.date()
        if day not in without:
            yield day
        day += timedelta(days=1)
        while day in without:
            day += timedelta(days=1)
        since = start_of(day)


def put(
    connection: Connection,
    source: str,
    measures: Measures,
    seen: Mark | None,
    new: Mark,
    counted: Counted,
) -> bool:
    """Put what a source says of a day in place of what it said before.

    Args:
        connection: of a write transaction.
        source: which.
        measures: all that it can say.
        seen: the day's mark when it was counted; None where there was none.
        new: the mark from now on.
        counted: from the rows that were there then.

    Returns:
        Whether it was done: not where another process has counted the day meanwhile, or it is final.
    """
    if not _mark(connection, source, seen, new):
        return False
    for table, names, rows in (
        (daily_facts, measures.facts, _fact_rows(counted.facts)),
        (daily_times, measures.times, _time_rows(counted.times)),
        (daily_articles, measures.articles, _article_rows(counted.articles)),
    ):
        if names:
            connection.execute(delete(table).where(table.c.measure.in_(names), table.c.day == new.day))
        if rows:
            connection.execute(insert(table), [row | {"day": new.day} for row in rows])
        if names and table is not daily_articles:
            _sum_week(connection, table, names, new.day - timedelta(days=new.day.weekday()))
    return True


def alone(connection: Connection) -> None:
    """Let no other process put anything in place until the transaction ends: days of a week are summed up together."""
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _sum_week(connection: Connection, table: Table, names: Collection[str], monday: date) -> None:
    """Sum up a week: what is summed up of its days, and by any two of language, topic and tier."""
    weekly = [name + WEEK for name in names]
    connection.execute(delete(table).where(table.c.measure.in_(weekly), table.c.day == monday))
    of_week = table.c.measure.in_(names) & table.c.day.in_([monday + timedelta(days=past) for past in range(7)])
    value = table.c.times if table is daily_times else table.c.value
    minutes = [table.c.minutes] if table is daily_times else []
    dimensions = {"language": ALL, "topic": ALL, "tier": ALL_TIERS}
    is_sum = (table.c.language == ALL) | (table.c.topic == ALL)
    targets = ["measure", "day", *dimensions, *(column.name for column in minutes), value.name]
    for without in ("", *dimensions):
        key = [table.c[name] for name in dimensions if name != without]
        shown = [
            literal(every, table.c[name].type).label(name) if name == without else table.c[name]
            for name, every in dimensions.items()
        ]
        rows = select(table.c.measure + WEEK, literal(monday, Date), *shown, *minutes, func.sum(value))
        is_part = ~is_sum & (table.c.language != ALL) if without else is_sum
        rows = rows.where(of_week, is_part).group_by(table.c.measure, *key, *minutes)
        connection.execute(insert(table).from_select(targets, rows))


def complete(connection: Connection) -> None:
    """Sum up what older versions have counted by day and language alone, if that has not been done; one process at a time."""
    alone(connection)
    facts = daily_facts.c
    if connection.execute(select(facts.day).where(facts.measure == "searches" + WEEK).limit(1)).first() is not None:
        return
    total = daily_facts.alias()
    is_summed = exists().where(total.c.measure == facts.measure, total.c.day == facts.day, total.c.language == ALL)
    query = select(facts.day, *(facts[name] for name in Key._fields), facts.value).where(~is_summed)
    by_day: dict[date, dict[Key, int]] = {}
    for day, *key, value in connection.execute(query):
        by_day.setdefault(day, {})[Key(*key)] = value
    weeks: dict[date, set[str]] = {}
    for day, sums in sorted(by_day.items()):
        rows = [row | {"day": day} for row in _fact_rows(sums) if row["tier"] == ALL_TIERS or row["language"] == ALL]
        connection.execute(insert(daily_facts), rows)
        weeks.setdefault(day - timedelta(days=day.weekday()), set()).update(key.measure for key in sums)
    for monday, names in sorted(weeks.items()):
        _sum_week(connection, daily_facts, sorted(names), monday)


def _mark(connection: Connection, source: str, seen: Mark | None, new: Mark) -> bool:
    """Mark a day as counted; False where it is marked in another way than it was seen. The row is locked then."""
    values = {"at": new.at, "is_final": new.is_final}
    if seen is not None:
        same = (counted_days.c.source == source) & (counted_days.c.day == new.day) & (counted_days.c.at == seen.at)
        is_open = counted_days.c.is_final.is_(False)
        return connection.execute(update(counted_days).where(same, is_open).values(**values)).rowcount == 1
    try:
        with connection.begin_nested():
            connection.execute(insert(counted_days).values(source=source, day=new.day, **values))
    except IntegrityError:
        return False
    return True


def seal(connection: Connection, source: str, column: Any, before: datetime, now: datetime) -> list[date]:
    """Mark settled days as final, one after the other up to the first that is not: what they were counted from may go.

    Args:
        connection: of a write transaction.
        source: what is forgotten.
        column: the time of the rows.
        before: from when on everything is kept.
        now: aware, UTC.

    Returns:
        The days that have become final.
    """
    since = final_until(connection, source)
    known = {each.day: each for each in marks(connection, source, since.date() if since else None)}
    days = {*days_of(connection, column, since, before), *(day for day in known if start_of(day) < before)}
    sealed = list(takewhile(lambda day: day in known and is_settled(known[day], now), sorted(days)))
    mine = (counted_days.c.source == source) & counted_days.c.day.in_(sealed)
    connection.execute(update(counted_days).where(mine).values(is_final=True))
    return sealed


def summed(facts: Mapping[Key, int]) -> Counter[Key]:
    """The same with the sums over everything, and by each language, topic and tier."""
    found: Counter[Key] = Counter()
    for key, value in facts.items():
        for each in _sums(key):
            found[each] += value
    return found


def _sums(key: Key) -> tuple[Key, ...]:
    """A sum and the others that it is a part of."""
    measure, language, topic, tier = key
    return (
        key,
        Key(measure, ALL, ALL, ALL_TIERS),
        Key(measure, language, ALL, ALL_TIERS),
        Key(measure, ALL, topic, ALL_TIERS),
        Key(measure, ALL, ALL, tier),
    )


def _fact_rows(facts: Mapping[Key, int]) -> list[dict[str, Any]]:
    """Rows of `daily_facts`, without the day; always in the same order, so that two writers do not lock each other."""
    return [{**key._asdict(), "value": value} for key, value in sorted(summed(facts).items()) if value]


def _time_rows(times: Mapping[tuple[Key, int], int]) -> list[dict[str, Any]]:
    """Rows of `daily_times`."""
    found: Counter[tuple[Key, int]] = Counter()
    for (key, minutes), many in times.items():
        for each in _sums(key):
            found[each, minutes] += many
    return [{**key._asdict(), "minutes": minutes, "times": many} for (key, minutes), many in sorted(found.items())]


def _article_rows(articles: Mapping[tuple[str, str, str], int]) -> list[dict[str, Any]]:
    """Rows of `daily_articles`."""
    return [
        {"measure": measure, "language": language, "slug": slug, "value": value}
        for (measure, language, slug), value in sorted(articles.items())
        if value
    ]
