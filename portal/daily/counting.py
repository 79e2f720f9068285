"""Counting: which days have to be counted now, and for which that was the last time."""

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from portal.daily.searches import count_forms, count_searches, count_votes
from portal.daily.sources import LASTING, MEASURES, PATIENCE, Source, closing
from portal.daily.tickets import count_tickets
from portal.faults import FaultLog, reason
from portal.storage import Database, counting_searches, counting_tickets, facts
from portal.storage.facts import Counted, Mark, start_of
from portal.storage.schema import events, form_sessions, search_events, votes

log = logging.getLogger(__name__)

#: How often days are counted that may have changed.
EVERY = timedelta(minutes=10)
#: Days that are counted in one run at most: others wait for what else there is to do.
MOST_DAYS = 20

#: What is counted so long before a day closes is not settled.
_MOMENT = timedelta(seconds=1)

#: Sources that are counted together, and the times of the rows that they are counted from.
_TOGETHER: tuple[tuple[frozenset[Source], Any], ...] = (
    (frozenset({Source.SEARCHES, Source.VISITS}), search_events.c.at),
    (frozenset({Source.VOTES}), votes.c.at),
    (frozenset({Source.FORMS}), form_sessions.c.at),
    (frozenset({Source.TICKETS, Source.GAPS, Source.REQUESTERS}), events.c.at),
)


class Daily:
    """Counts days.

    A day is open until `closing`: it is counted again and again. What is counted then is settled, unless the clock
    was ahead; it is final when it is sealed, just before something of it is forgotten. Nothing that is not final is
    ever deleted: whoever forgets asks `facts.first_open`. A day that cannot be counted stays open.

    Args:
        database: of searches, tickets and sums.
        topics: the topic of each article, by slug.
    """

    def __init__(self, database: Database, topics: Callable[[], Mapping[str, str]]) -> None:
        self._database = database
        self._topics = topics
        self._ran_at: datetime | None = None
        self._faults = FaultLog(log)
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
        return self._run(now, None)[0]

    def count_old(self, now: datetime, before: datetime) -> int:
        """Count some of the days before a time that are not settled, oldest first; how many.

        Args:
            now: aware, UTC.
            before: what is older is to be forgotten.
        """
        return self._run(now, MOST_DAYS, before)[0]

    def is_counted(self, until: date, now: datetime) -> bool:
        """Whether a fortnight up to a day (UTC) is over, and each of its days has been counted since it was.

        Args:
            until: the last of its days.
            now: aware, UTC.
        """
        since, end = until - timedelta(days=13), start_of(until + timedelta(days=1))
        if now < end:
            return False
        with self._database.read() as connection:
            for sources, column in _TOGETHER:
                known = {
                    (source, mark.day): mark for source in sources for mark in facts.marks(connection, source, since)
                }
                for day in facts.days_of(connection, column, start_of(since), end):
                    if not all(_is_after(known.get((source, day)), now) for source in sources):
                        return False
        return True

    def _run(self, now: datetime, limit: int | None, before: datetime | None = None) -> tuple[int, bool]:
        """Count some days, the newest first, or the oldest of those before a time; how many, and whether there are more."""
        topics = self._topics()
        with self._database.write() as connection:
            facts.complete(connection)
        counted, is_more = 0, False
        for sources, column in _TOGETHER:
            with self._database.read() as connection:
                days = sorted(_open_days(connection, sources, column, now), reverse=before is None)
            if before is not None:
                days = [day for day in days if start_of(day) < before]
            is_more |= limit is not None and len(days) > limit
            counted += sum(self._count(sources, day, topics, now, is_forced=False) for day in days[:limit])
        return counted, is_more

    def recount(
        self, now: datetime, since: date | None = None, progress: Callable[[int, int], None] = lambda *_: None
    ) -> int:
        """Count from scratch every day that is not final and whose rows are there; how many.

        A settled day is counted anew only from what can still be told: `LASTING`.

        Args:
            now: aware, UTC.
            since: from this day on (UTC); None for all.
            progress: told how many days of how many are done.
        """
        topics = self._topics()
        begin = start_of(since) if since else None
        with self._database.write() as connection:
            facts.complete(connection)
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

    def seal(
        self, before: datetime, now: datetime, sources: Collection[Source] = (Source.SEARCHES, Source.FORMS)
    ) -> int:
        """Make the days before a time final that are settled, one after the other; how many in all.

        Args:
            before: from when on everything is kept.
            now: aware, UTC.
            sources: what is to be forgotten; attempts are final before searches are.
        """
        sealed: set[date] = set()
        for source in sources:
            column = next(column for together, column in _TOGETHER if source in together)
            with self._database.write() as connection:
                until: datetime | None = before
                if source is Source.SEARCHES:
                    facts.seal(connection, Source.VISITS, column, before, now)
                    until = facts.final_until(connection, Source.VISITS)
                if until is not None:
                    sealed.update(facts.seal(connection, source, column, min(before, until), now))
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
        """Count a day from some sources that belong together; whether anything was put in place.

        What nobody foresaw in one row must not keep the other days for ever.
        """
        try:
            return self._count_day(sources, day, topics, now, is_forced=is_forced)
        except SQLAlchemyError:
            raise
        except Exception as fault:
            self._faults.report(f"{day} cannot be counted", reason(fault))
            return False

    def _count_day(
        self, sources: frozenset[Source], day: date, topics: Mapping[str, str], now: datetime, *, is_forced: bool
    ) -> bool:
        """The same."""
        with self._database.read() as connection:
            seen = {source: facts.mark(connection, source, day) for source in sources}
            is_last = _is_closed(connection, sources, day, now)
            stamp = _stamp(connection, sources, day)
            key = min(sources), day
            # Once more when the day is over, so that one sees that it was counted to its end.
            was_over = now < start_of(day + timedelta(days=1)) or all(_is_after(mark, now) for mark in seen.values())
            is_same = self._stamps.get(key) == stamp and was_over and not is_last
            todo = [
                source for source in sorted(sources) if not _is_done(source, seen[source], now, is_forced=is_forced)
            ]
            if not todo or (is_same and not is_forced):
                return False
            counted = _counted(connection, sources, day, topics)
        try:
            with self._database.write() as connection:
                facts.alone(connection)
                mark = Mark(day, now if is_last else min(now, closing(day) - _MOMENT), is_final=False)
                for source in todo:
                    _put(connection, source, seen[source], mark, counted[source])
        except _Overtaken:
            return False
        self._stamps = {known: value for known, value in self._stamps.items() if known[1] >= day - timedelta(days=30)}
        self._stamps[key] = stamp
        return True


class _Overtaken(Exception):
    """Another process has counted the day meanwhile; nothing is put in place."""


def _put(connection: Connection, source: Source, seen: Mark | None, mark: Mark, counted: Counted) -> None:
    """Put what a source says of a day in place."""
    if not facts.put(connection, source, MEASURES[source], seen, mark, counted):
        raise _Overtaken


def _is_after(mark: Mark | None, now: datetime) -> bool:
    """Whether a day was counted after it had ended; not by a clock that was ahead."""
    return mark is not None and (mark.is_final or start_of(mark.day + timedelta(days=1)) <= mark.at <= now)


def _is_done(source: Source, mark: Mark | None, now: datetime, *, is_forced: bool) -> bool:
    """Whether a day is not counted any more from a source."""
    return mark is not None and (
        mark.is_final or (facts.is_settled(mark, now) and not (is_forced and source in LASTING))
    )


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


def _open_days(connection: Connection, sources: frozenset[Source], column: Any, now: datetime) -> set[date]:
    """The days that may still change: those that have rows, and those that had some."""
    begin = facts.final_until(connection, *sources)
    marked = [
        {mark.day: mark for mark in facts.marks(connection, source, begin.date() if begin else None)}
        for source in sources
    ]
    settled = [{day for day, mark in known.items() if facts.is_settled(mark, now)} for known in marked]
    done = set.intersection(*settled)
    before = {day for known in marked for day in known if start_of(day) < now}
    return (before - done) | set(facts.days_of(connection, column, begin, now, done))
