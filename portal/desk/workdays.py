"""Days on which the desk works: the next one, and the part of a window that is working time."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.organisation import Calendar

#: Days that are looked through for one that the desk works on; a calendar without any counts every day.
_AHEAD = 400


def works_on(calendar: Calendar | None, day: date) -> bool:
    """Whether the desk works on a day at all; without a calendar it always does."""
    return calendar is None or (bool(calendar.week[day.weekday()]) and day not in calendar.holidays)


def days_later(calendar: Calendar | None, zone: ZoneInfo, start: datetime, days: int) -> datetime:
    """The same time of day some working days later, in UTC.

    Args:
        calendar: of the desk; None where every day counts.
        zone: in which days are counted.
        start: aware.
        days: at least 1.
    """
    local = start.astimezone(zone)
    day, left = local.date(), days
    for _ in range(_AHEAD):
        day += timedelta(days=1)
        left -= works_on(calendar, day)
        if not left:
            return at(zone, day, local.time())
    return start + timedelta(days=days)


def at(zone: ZoneInfo, day: date, moment: time) -> datetime:
    """A local time as a moment in UTC."""
    return datetime.combine(day, moment.replace(tzinfo=None), zone).astimezone(ZoneInfo("UTC"))


def next_window(
    calendar: Calendar | None, zone: ZoneInfo, hours: tuple[int, int], now: datetime, least: timedelta
) -> tuple[datetime, datetime]:
    """The next time at which a window of the day meets working time, in UTC.

    Args:
        calendar: of the desk; None where it always works.
        zone: of the window's hours.
        hours: of the day, from and to.
        now: aware; a window that has begun counts if `least` of it is left.
        least: time that must be left.
    """
    first = now.astimezone(zone).date()
    for ahead in range(_AHEAD):
        day = first + timedelta(days=ahead)
        edges = _working_edges(calendar, zone, day, time(hours[0]), time(hours[1])) if works_on(calendar, day) else None
        if edges is not None and edges[1] - max(now, edges[0]) >= least:
            return edges
    tomorrow = first + timedelta(days=1)
    return at(zone, tomorrow, time(hours[0])), at(zone, tomorrow, time(hours[1]))


def _working_edges(
    calendar: Calendar | None, zone: ZoneInfo, day: date, start: time, end: time
) -> tuple[datetime, datetime] | None:
    """From the first to the last working moment of a window; None where it has none."""
    if calendar is None:
        return at(zone, day, start), at(zone, day, end)
    met = [
        (max(hours.start, start), min(hours.end, end))
        for hours in calendar.week[day.weekday()]
        if max(hours.start, start) < min(hours.end, end)
    ]
    return (at(zone, day, met[0][0]), at(zone, day, met[-1][1])) if met else None
