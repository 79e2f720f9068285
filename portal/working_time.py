"""Working time: how much of a calendar's hours lies between two moments, and when so much of it will have passed."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from portal.organisation import Calendar

#: What would take longer than `HORIZON` years of a calendar comes never.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
HORIZON = 20
_NONE = timedelta(0)


@dataclass(frozen=True)
class _Year:
    """A calendar's working time in one local year, in stretches of UTC."""

    starts: list[datetime]
    ends: list[datetime]
    #: What was worked before each stretch, and in the whole year.
    before: list[timedelta]
    total: timedelta

    def until(self, moment: datetime) -> timedelta:
        """What was worked before a moment."""
        found = bisect_right(self.starts, moment) - 1
        if found < 0:
            return _NONE
        return self.before[found] + min(moment, self.ends[found]) - self.starts[found]


@lru_cache(maxsize=512)
def _year(calendar: Calendar, year: int) -> _Year:
    """The working time of a calendar in a year; its days are those of its time zone."""
    zone = ZoneInfo(calendar.time_zone or "UTC")
    first = date(year, 1, 1)
    days = (first + timedelta(days=passed) for passed in range((date(year + 1, 1, 1) - first).days))
    stretches = [
        (start, end)
        for day in days
        if day not in calendar.holidays
        for hours in calendar.week[day.weekday()]
        if (start := _instant(zone, day, hours.start)) < (end := _instant(zone, day, hours.end))
    ]
    sums = list(accumulate((end - start for start, end in stretches), initial=_NONE))
    return _Year([start for start, _ in stretches], [end for _, end in stretches], sums[:-1], sums[-1])


def _instant(zone: ZoneInfo, day: date, at: time) -> datetime:
    """When it is that time in a zone, in UTC.

    A time that comes twice is meant the first time; one that is left out is the moment at which it is left out. So
    every stretch is as long as it really is, and stretches that do not overlap on paper do not overlap in the world.
    """
    local = datetime.combine(day + timedelta(days=1), time()) if at == time.max else datetime.combine(day, at)
    after = local.replace(tzinfo=zone).astimezone(UTC)
    if after.astimezone(zone).replace(tzinfo=None) == local:
        return after
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta.resolution:
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def working_between(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """The working time between two moments; none where the second is not later.

    Args:
        calendar: whose; None: around the clock.
        start: aware.
        end: aware.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if end <= start:
        return _NONE
    if calendar is None:
        return end - start
    zone = ZoneInfo(calendar.time_zone or "UTC")
    first, last = start.astimezone(zone).year, end.astimezone(zone).year
    whole = sum((_year(calendar, year).total for year in range(first, last)), _NONE)
    return whole + _year(calendar, last).until(end) - _year(calendar, first).until(start)


def add_working(calendar: Calendar | None, start: datetime, amount: timedelta) -> datetime:
    """The earliest moment at which so much has been worked since a start, in UTC.

    Args:
        calendar: whose; None: around the clock.
        start: aware; also the answer when there is nothing to work.
        amount: working time.

    Returns:
        `NEVER` where that takes more than `HORIZON` years, as of a calendar with nothing but holidays.
    """
    start = start.astimezone(UTC)
    if amount <= _NONE:
        return start
    if calendar is None:
        return start + amount
    first = start.astimezone(ZoneInfo(calendar.time_zone or "UTC")).year
    amount += _year(calendar, first).until(start)
    for year in range(first, first + HORIZON):
        worked = _year(calendar, year)
        if amount <= worked.total:
            found = bisect_left(worked.before, amount) - 1
            return worked.starts[found] + (amount - worked.before[found])
        amount -= worked.total
    return NEVER
