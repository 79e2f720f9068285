"""Working hours, days and spans of time: read as people type them, shown in one way."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from portal.desk import hours
from portal.errors import InvalidInput


def refused(work: Callable[[], Any]) -> tuple[str, str]:
    """The field and code with which something is refused."""
    with pytest.raises(InvalidInput) as caught:
        work()
    return caught.value.field, caught.value.code


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("9-17", "09:00–17:00"),
        ("09:00–12:00, 13:00 — 17:30", "09:00–12:00, 13:00–17:30"),
        ("9h30-12h;13.00-24:00", "09:30–12:00, 13:00–24:00"),
        ("0:00-24:00", "00:00–24:00"),
        ("", ""),
        ("9-12,12-13", "09:00–12:00, 12:00–13:00"),
    ],
)
def test_hours_are_read_as_people_write_them(typed: str, shown: str) -> None:
    """And shown in one way."""
    assert hours.stretches(hours.read_stretches(typed)) == shown
    assert hours.read_stretches(shown) == hours.read_stretches(typed)


@pytest.mark.parametrize(
    "typed", ["9", "17-9", "9-9", "9-12, 11-13", "25-26", "9:60-10", "9-17-18", "a-b", "٩-١٧", "-"]
)
def test_hours_that_cannot_be_are_refused(typed: str) -> None:
    """Nothing is guessed."""
    assert refused(lambda: hours.read_stretches(typed)) == ("week", "invalid")


def test_days_are_read_in_three_ways_and_copied_to_the_next_year() -> None:
    """Leap days have none."""
    found = hours.read_days("2028-12-25\n\n01.05.2028\n29/2/2028\n2027-01-01\n")

    assert hours.days(found) == "2027-01-01\n2028-02-29\n2028-05-01\n2028-12-25"
    assert hours.next_year(found, 2028) == {date(2029, 12, 25), date(2029, 5, 1)}
    for wrong in ("30.2.2028", "2028-13-01", "tomorrow", "2028", "0001-01-01"):
        assert refused(lambda wrong=wrong: hours.read_days(wrong)) == ("holidays", "invalid")  # type: ignore[misc]
    assert refused(lambda: hours.read_days("2028-12-25\n" * 201)) == ("holidays", "too_long")


@given(some.none() | some.integers(0, 500_000))
def test_minutes_come_back_as_they_were_shown(value: int | None) -> None:
    """Hours and minutes; a plain number is minutes."""
    assert hours.read_minutes(hours.minutes(value), "minutes") == value
    assert value is None or hours.read_minutes(f" {value} ", "minutes") == value


def test_minutes_that_cannot_be_are_refused() -> None:
    """Neither signs nor days nor more than a year."""
    for wrong in ("-5", "1:60", "1h", "1,5", "²"):
        assert refused(lambda wrong=wrong: hours.read_minutes(wrong, "minutes")) == ("minutes", "invalid")  # type: ignore[misc]
    assert refused(lambda: hours.read_minutes("999999", "minutes")) == ("minutes", "out_of_range")
