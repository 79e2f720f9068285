"""Working time: hours, holidays, changes of clocks; beside a slow restatement that looks at every minute."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from portal.clocks import NEVER, add_working, working_between
from portal.organisation import Calendar
from portal.working_time import _year
from tests.timing import BERLIN, HOUR, MINUTE, OFFICE, at, calendar, calendars, hours, moments, worked_minutes


@pytest.mark.parametrize(
    ("start", "end", "worked"),
    [
        ("2026-03-02 09:00", "2026-03-02 17:00", 7 * HOUR),
        ("2026-03-02 08:00", "2026-03-02 12:30", 3 * HOUR),
        ("2026-03-02 12:30", "2026-03-02 12:45", 0 * HOUR),
        # A Friday evening to a Monday morning.
        ("2026-03-06 16:30", "2026-03-09 09:15", 45 * MINUTE),
        ("2026-03-02 00:00", "2026-03-30 00:00", 4 * 35 * HOUR),
        ("2026-03-02 10:00", "2026-03-02 09:00", 0 * HOUR),
    ],
)  # fmt: skip
def test_working_time_is_what_lies_in_the_hours(start: str, end: str, worked: timedelta) -> None:
    """Breaks, nights and weekends do not count."""
    assert working_between(OFFICE, at(start), at(end)) == worked


def test_holidays_do_not_count() -> None:
    """Neither between two moments nor when a due time is looked for."""
    resting = calendar("09:00", "12:00", "13:00", "17:00", holidays=[date(2026, 3, 3)])

    assert working_between(resting, at("2026-03-02 16:00"), at("2026-03-04 10:00")) == 2 * HOUR
    assert add_working(resting, at("2026-03-02 16:00"), 90 * MINUTE) == at("2026-03-04 09:30")


@pytest.mark.parametrize(
    ("day", "night", "worked"),
    [
        # Clocks go forward at 2, and back at 3.
        (date(2026, 3, 29), ("01:00", "04:00"), 2 * HOUR),
        (date(2026, 10, 25), ("01:00", "04:00"), 4 * HOUR),
        (date(2026, 3, 29), ("00:00", "24:00"), 23 * HOUR),
        (date(2026, 10, 25), ("00:00", "24:00"), 25 * HOUR),
        # Edges that are left out, and edges that come twice.
        (date(2026, 3, 29), ("02:30", "05:00"), 2 * HOUR),
        (date(2026, 3, 29), ("02:10", "02:50"), 0 * HOUR),
        (date(2026, 10, 25), ("01:00", "02:30"), 90 * MINUTE),
        (date(2026, 10, 25), ("02:30", "05:00"), 3.5 * HOUR),
    ],
)
def test_a_stretch_is_as_long_as_it_really_is_when_clocks_are_changed(
    day: date, night: tuple[str, str], worked: timedelta
) -> None:
    """Hours that are left out do not count, hours that come twice count twice."""
    shift = calendar(weekend=hours(*night))
    start = datetime.combine(day, time(), tzinfo=BERLIN)

    assert working_between(shift, start, start + timedelta(days=1)) == worked
    if worked:
        assert working_between(shift, start, add_working(shift, start, worked)) == worked


def test_stretches_that_meet_lose_and_double_nothing_when_clocks_are_changed() -> None:
    """A day that is split at a time that comes twice, or not at all, is as long as the whole."""
    split = calendar(weekend=hours("00:00", "02:30", "02:30", "24:00"))

    for day, length in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25)):
        start = datetime.combine(day, time(), tzinfo=BERLIN)
        assert working_between(split, start, start + timedelta(days=1)) == length * HOUR


def test_a_day_that_a_zone_left_out_has_no_working_time() -> None:
    """Samoa went from Thursday to Saturday."""
    apia = calendar("09:00", "17:00", zone="Pacific/Apia")

    assert working_between(apia, datetime(2011, 12, 29, 22, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC)) == 5 * HOUR


def test_around_the_clock() -> None:
    """Without a calendar all time is working time."""
    start = at("2026-03-28 12:00")

    assert working_between(None, start, start + timedelta(days=3)) == timedelta(days=3)
    assert add_working(None, start, timedelta(days=3)) == start + timedelta(days=3)


def test_a_calendar_without_working_time_ends_the_search() -> None:
    """Nothing but holidays: what is asked for comes never; a rare hour comes late but in time."""
    empty = Calendar(1, "Never", "UTC", ((),) * 7)
    rare = calendar("09:00", "09:01", zone="UTC")

    assert add_working(empty, at("2026-03-02 09:00"), MINUTE) == NEVER
    assert add_working(rare, at("2026-03-02 08:00"), timedelta(days=30)) == NEVER
    assert add_working(rare, datetime(2026, 3, 2, 8, tzinfo=UTC), 3 * MINUTE) == datetime(2026, 3, 4, 9, 1, tzinfo=UTC)
    assert working_between(empty, at("2026-03-02 09:00"), at("2031-03-02 09:00")) == timedelta(0)


def test_a_year_of_tickets_is_read_from_few_tables() -> None:
    """Years are laid out once, so that long waits cost no more than short ones."""
    _year.cache_clear()
    for number in range(2000):
        begin = at("2026-01-05 09:00") + number * MINUTE
        end = add_working(OFFICE, begin, timedelta(hours=500))
        assert working_between(OFFICE, begin, end) == timedelta(hours=500)

    assert _year.cache_info().misses == 1


@settings(deadline=None, max_examples=60)
@given(calendars(), moments, some.integers(0, 3 * 1440))
def test_working_time_is_the_sum_of_the_minutes_that_are_worked(
    calendar: Calendar, start: datetime, minutes: int
) -> None:
    """In every zone, week and change of clocks."""
    end = start + minutes * MINUTE

    assert working_between(calendar, start, end) == sum(worked_minutes(calendar, start, end)) * MINUTE


@given(calendars(), some.lists(moments, min_size=3, max_size=3))
def test_working_time_can_be_split(calendar: Calendar, three: list[datetime]) -> None:
    """What lies between two moments is what lies before and after a third."""
    first, second, third = sorted(three)

    whole = working_between(calendar, first, third)

    assert whole == working_between(calendar, first, second) + working_between(calendar, second, third)


@given(calendars(), moments, some.timedeltas(timedelta(0), timedelta(days=40)))
def test_adding_working_time_is_the_inverse(calendar: Calendar, start: datetime, amount: timedelta) -> None:
    """So much has been worked by then, and a moment earlier it had not."""
    end = add_working(calendar, start, amount)

    if end == NEVER:
        assert working_between(calendar, start, start + timedelta(days=20 * 365)) < amount
        return
    assert end >= start
    assert working_between(calendar, start, end) == amount
    assert not amount or working_between(calendar, start, end - timedelta.resolution) < amount
