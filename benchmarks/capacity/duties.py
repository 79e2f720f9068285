"""What is done with visits when they are over, by itself: attempts are judged, and the day is counted anew."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import func, select

from benchmarks.capacity.meters import spent
from benchmarks.capacity.node import Cost
from benchmarks.report import Row
from benchmarks.resilience.parts import Part
from portal.daily.counting import EVERY
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage.schema import search_events

#: How often a day is counted anew, in seconds.
COUNTED_EVERY = EVERY.total_seconds()
#: When all attempts are over.
OVER = timedelta(minutes=31)


def _events(services: Services, now: datetime) -> tuple[int, int]:
    """How many events today has, and how many in all are not judged."""
    begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
    of_day = select(func.count()).select_from(search_events).where(search_events.c.at >= begin)
    waiting = select(func.count()).select_from(search_events).where(search_events.c.chain.is_(None))
    with services.database.read() as connection:
        return connection.scalar(of_day) or 0, connection.scalar(waiting) or 0


def measured(settings: Settings, server: Part) -> tuple[list[Row], Cost]:
    """Judge what waits and count the day anew; a row for each, and what both cost an event.

    What judging costs stands for each event once; counting costs the same for each event of the day each time.
    """
    services = open_services(settings)
    now = services.clock()
    later = now + OVER
    today, waiting = _events(services, now)
    rows = [_row("attempts are judged, once", waiting, server, lambda: _until_done(services, later))]
    services.daily.count_all(now)  # Days that had not been counted before.
    rows.append(_row("the day is counted anew", today, server, lambda: services.daily.count_all(now)))
    services.close()
    of_one = [float(rows[-1][name] or 0) / 1e6 for name in ("node CPU s a million", "database CPU s a million")]
    return rows, Cost(*of_one)


def _until_done(services: Services, now: datetime) -> None:
    """Judge until nothing is left."""
    while services.gaps.judge(now):
        pass


def _row(name: str, events: int, server: Part, work: Callable[[], object]) -> Row:
    """What a duty came to."""
    used, own, begin = spent(server), time.process_time(), time.perf_counter()
    work()
    took, own, used = time.perf_counter() - begin, time.process_time() - own, spent(server) - used
    million = max(events, 1) / 1e6
    return {
        "duty": name,
        "events": events,
        "s": took,
        "node CPU s a million": own / million,
        "database CPU s a million": used / million,
        "s a million": took / million,
    }
