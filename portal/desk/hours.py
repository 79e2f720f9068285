"""Working hours, days and spans of time as administrators type them, and back."""

import re
from collections.abc import Iterable
from datetime import date, time

from portal.errors import InvalidInput
from portal.organisation import MOST, MOST_MINUTES, Hours

#: A time of day: 9, 9:00, 09.00, 9h30; 24:00 ends a day.
_TIME = re.compile(r"([0-9]{1,2})(?:[:.hч]([0-9]{2})?)?")
#: 2026-12-25; 25.12.2026; 25/12/2026.
_ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_DAY_FIRST = re.compile(r"([0-9]{1,2})[./]([0-9]{1,2})[./]([0-9]{4})")
#: 90; 1:30.
_MINUTES = re.compile(r"([0-9]{1,6})|([0-9]{1,4}):([0-5][0-9])")


def read_stretches(text: str, field: str = "week") -> tuple[Hours, ...]:
    """The stretches of a day from “09:00–12:00, 13:00–17:00”; none from an empty text.

    Raises:
        InvalidInput: `invalid`.
    """
    parts = [part for part in re.split(r"[,;\n]", text) if part.strip()]
    if len(parts) > MOST:
        raise InvalidInput(field, "too_long")
    found: list[Hours] = []
    for part in parts:
        edges = re.split(r"\s*[-–—]\s*", part.strip())
        if len(edges) != 2:
            raise InvalidInput(field, "invalid")
        stretch = Hours(_time(edges[0], field), _time(edges[1], field))
        if stretch.start >= stretch.end or (found and found[-1].end > stretch.start):
            raise InvalidInput(field, "invalid")
        found.append(stretch)
    return tuple(found)


def _time(text: str, field: str) -> time:
    """A time of day."""
    found = _TIME.fullmatch(text)
    hour, minute = (int(found[1]), int(found[2] or 0)) if found else (99, 0)
    if (hour, minute) == (24, 0):
        return time.max
    if hour > 23 or minute > 59:
        raise InvalidInput(field, "invalid")
    return time(hour, minute)


def stretches(day: Iterable[Hours]) -> str:
    """The stretches of a day as text."""
    return ", ".join(f"{_shown(hours.start)}–{_shown(hours.end)}" for hours in day)


def _shown(moment: time) -> str:
    """A time of day; the end of a day is 24:00."""
    return "24:00" if moment == time.max else moment.strftime("%H:%M")


def read_day(text: str, field: str) -> date:
    """A day from 2026-12-25, 25.12.2026 or 25/12/2026.

    Raises:
        InvalidInput: `invalid`.
    """
    text = text.strip()
    iso, day_first = _ISO.fullmatch(text), _DAY_FIRST.fullmatch(text)
    parts = iso.groups() if iso else day_first.groups()[::-1] if day_first else ("0", "0", "0")
    try:
        found = date(int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        raise InvalidInput(field, "invalid") from None
    if not 1990 <= found.year <= 2200:
        raise InvalidInput(field, "invalid")
    return found


def read_days(text: str, field: str = "holidays") -> frozenset[date]:
    """Days, one in each line.

    Raises:
        InvalidInput: `invalid` for a line that is no day, `too_long` for too many.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MOST:
        raise InvalidInput(field, "too_long")
    return frozenset(read_day(line, field) for line in lines)


def days(found: Iterable[date]) -> str:
    """Days, one in each line, in order."""
    return "\n".join(day.isoformat() for day in sorted(found))


def next_year(found: Iterable[date], year: int) -> frozenset[date]:
    """The days of a year, a year later; 29 February has none then."""
    later = [day for day in found if day.year == year and (day.month, day.day) != (2, 29)]
    return frozenset(day.replace(year=year + 1) for day in later)


def read_minutes(text: str, field: str) -> int | None:
    """Minutes from “90” or “1:30”; None from an empty text.

    Raises:
        InvalidInput: `invalid`, `out_of_range`.
    """
    text = text.strip()
    if not text:
        return None
    found = _MINUTES.fullmatch(text)
    if not found:
        raise InvalidInput(field, "invalid")
    minutes = int(found[1]) if found[1] else int(found[2]) * 60 + int(found[3])
    if minutes > MOST_MINUTES:
        raise InvalidInput(field, "out_of_range")
    return minutes


def minutes(value: int | None) -> str:
    """Minutes as hours and minutes; empty for none."""
    return "" if value is None else f"{value // 60}:{value % 60:02}"
