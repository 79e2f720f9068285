"""Counting: which days have to be counted now, and for which that was the last time."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection

from portal.daily.searches import count_forms, count_searches, count_votes
from portal.daily.sources import LASTING, MEASURES, PATIENCE, Source, closing
from portal.daily.tickets import count_tickets
from portal.storage import Database, counting_searches, counting_tickets, facts
from portal.storage.facts import Counted, Mark, start_of
from portal.storage.schema import events, form_sessions, search_events, votes

#: How often days are counted that may have changed.
EVERY = timedelta(minutes=10)
#: Days that are counted in one run at most: others wait for what else there is to do.
MOST_DAYS = 20

#: Sources that are counted together, and the times of the rows that they are counted from.
_TOGETHER: tuple[tuple[frozenset[Source], Any], ...] = (
    (frozenset({Source.SEARCHES, Source.VISITS}), search_events.c.at),
    (frozenset({Source.VOTES}), votes.c.at),
    (frozenset({Source.FORMS}), form_sessions.c.at),
    (frozenset({Source.TICKETS, Source.GAPS, Source.REQUESTERS}), events.c.at),
)


class Daily:
    """Counts days.

    A day is open until `closing`: it is counted again and again. What is counted then is settled; a source of which
    something may be forgotten is final then, or when it is sealed, and is never counted again. Nothing that is not
    final is ever deleted: whoever forgets asks `facts.final_until`.

    Args:
        database: of searches, tickets and sums.
        topics: the topic of each article, by slug.
    """

    def __init__(self, database: Database, topics: Callable[[], Mapping[str, str]]) -> None:
        self._database = database
        self._topics = topics
        self._ran_at: datetime | None = None
        #: What each day was counted from last.
        self._stamps: dict[tuple[Source, date], tuple[Any, ...]] = {}

    def run(self, now: datetime, limit: int = MOST_DAYS) -> int:
        """Count what may have changed, every ten minutes; at once again where more is to be counted than the limit.

        Args:
            now: aware, UTC.
            limit: days at most, of each source.

        Returns:
            How many days were counted.
        """
        if self._ran_at is not None and abs(now - self._ran_at) < EVERY:
            return 0
        counted, is_more = self._run(now, limit)
        self._ran_at = None if is_more else now
        return counted

    def count_all(self, now: datetime) -> int:
        """Count everything that may have changed; how many days."""
        counted = 0
        while True:
            more, is_more = self._run(now, MOST_DAYS)
            counted += more
            if not is_more:
                return counted

    def _run(self, now: datetime, limit: int) -> tuple[int, bool]:
        """Count some days; how many, and whether there are more."""
        topics = self._topics()
        with self._database.write() as connection:
            facts.complete(connection)
        counted, is_more = 0, False
        for sources, column in _TOGETHER:
            with self._database.read() as connection:
                days = _open_days(connection, sources, column, now)
            is_more |= len(days) > limit
            counted += sum(self._count(sources, day, topics, now, is_forced=False) for day in days[:limit])
        return counted, is_more

    def recount(
        self, now: datetime, since: date | None = None, progress: Callable[[int, int], None] = lambda *_: None
    ) -> int:
        """Count from scratch every day that is not final and whose rows are there; how many.

        Args:
            now: aware, UTC.
            since: from this day on (UTC); None for all.
            progress: told how many days of how many are done.
        """
        topics = self._topics()
        begin = start_of(since) if since else None
        todo: list[tuple[frozenset[Source], date]] = []
        for sources, column in _TOGETHER:
            with self._database.read() as connection:
                days = set(facts.days_of(connection, column, begin, now))
                for source in sources:
                    days |= {mark.day for mark in facts.marks(connection, source, since) if not mark.is_final}
            todo += [(sources, day) for day in sorted(days)]
        counted = 0
        for done, (sources, day) in enumerate(todo, 1):
            counted += self._count(sources, day, topics, now, is_forced=True)
            progress(done, len(todo))
        return counted

    def seal(self, before: datetime) -> int:
        """Make the days before a time final that are settled, one after the other; how many in all.

        Args:
            before: from when on everything is kept.
        """
        sealed: set[date] = set()
        for source in (Source.SEARCHES, Source.FORMS):
            with self._database.write() as connection:
                days = list(_sealable(connection, source, before))
                facts.seal(connection, source, days)
                sealed.update(days)
        return len(sealed)

    def sealable(self, before: datetime) -> int:
        """How many days `seal` would make final, once they are counted."""
        found: set[date] = set()
        with self._database.read() as connection:
            for source, column in ((Source.SEARCHES, search_events.c.at), (Source.FORMS, form_sessions.c.at)):
                begin = facts.first_open(connection, column, source)
                found.update(facts.days_of(connection, column, begin, before) if begin else ())
        return len(found)

    def _count(
        self, sources: frozenset[Source], day: date, topics: Mapping[str, str], now: datetime, *, is_forced: bool
    ) -> bool:
        """Count a day from some sources that belong together; whether anything was put in place."""
        with self._database.read() as connection:
            seen = {source: facts.mark(connection, source, day) for source in sources}
            is_last = _is_closed(connection, sources, day, now)
            stamp = _stamp(connection, sources, day)
            key = min(sources), day
            is_same = self._stamps.get(key) == stamp and not is_last
            if all(mark and mark.is_final for mark in seen.values()) or (is_same and not is_forced):
                return False
            counted = _counted(connection, sources, day, topics)
        try:
            with self._database.write() as connection:
                facts.alone(connection)
                for source in sorted(sources):
                    mark = Mark(day, now, is_last and source not in LASTING)
                    _put(connection, source, seen[source], mark, counted[source])
        except _Overtaken:
            return False
        self._stamps = {known: value for known, value in self._stamps.items() if known[1] >= day - timedelta(days=30)}
        self._stamps[key] = stamp
        return True


class _Overtaken(Exception):
    """Another process has counted the day meanwhile; nothing is put in place."""


def _put(connection: Connection, source: Source, seen: Mark | None, mark: Mark, counted: Counted) -> None:
    """Put what a source says of a day in place, unless it is final."""
    is_final = seen is not None and seen.is_final
    if not is_final and not facts.put(connection, source, MEASURES[source], seen, mark, counted):
        raise _Overtaken


def _counted(
    connection: Connection, sources: frozenset[Source], day: date, topics: Mapping[str, str]
) -> dict[Source, Counted]:
    """What some sources say of a day."""
    if Source.FORMS in sources:
        return count_forms(connection, day)
    if Source.VOTES in sources:
        return count_votes(connection, day, topics)
    if Source.SEARCHES in sources:
        return count_searches(connection, day, topics)
    return count_tickets(connection, day)


def _stamp(connection: Connection, sources: frozenset[Source], day: date) -> tuple[Any, ...]:
    """Changes whenever a day may come to something else; of what is quickly counted it is never the same."""
    if sources & {Source.FORMS, Source.VOTES}:
        return (object(),)
    if Source.SEARCHES in sources:
        return counting_searches.stamp(connection, day, closing(day))
    return counting_tickets.stamp(connection, day)


def _is_closed(connection: Connection, sources: frozenset[Source], day: date, now: datetime) -> bool:
    """Whether nothing of a day can change any more."""
    if now < closing(day):
        return False
    if Source.SEARCHES not in sources or now >= closing(day) + PATIENCE:
        return True
    return counting_searches.is_judged(connection, day)


def _open_days(connection: Connection, sources: frozenset[Source], column: Any, now: datetime) -> list[date]:
    """The days that may still change, oldest first: those that have rows, and those that had some."""
    if Source.FORMS in sources:
        settled = [*takewhile(_is_settled, facts.marks(connection, Source.FORMS))]
        begin = start_of(settled[-1].day + timedelta(days=1)) if settled else None
    else:
        begin = facts.final_until(connection, *sources)
    days = set(facts.days_of(connection, column, begin, now))
    for source in sources:
        marked = facts.marks(connection, source, begin.date() if begin else None)
        days |= {mark.day for mark in marked if not _is_settled(mark) and start_of(mark.day) < now}
    return sorted(days)


def _is_settled(mark: Mark) -> bool:
    """Whether a day was counted when nothing of it could change any more."""
    return mark.is_final or mark.at >= closing(mark.day)


def _sealable(connection: Connection, source: Source, before: datetime) -> Iterator[date]:
    """The settled days before a time that are not final yet, up to the first that is not settled."""
    visits = {mark.day for mark in facts.marks(connection, Source.VISITS) if mark.is_final}
    for mark in facts.marks(connection, source):
        is_judged = source is not Source.SEARCHES or mark.day in visits or mark.is_final
        if start_of(mark.day) >= before or not _is_settled(mark) or not is_judged:
            return
        if not mark.is_final:
            yield mark.day
