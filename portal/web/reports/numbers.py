"""Figures as text in the page's language: values by their unit, lengths of time, and what has changed."""

import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from typing import Literal, cast

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import format_compact_decimal, format_decimal, format_percent
from babel.units import format_unit
from flask import g, has_request_context
from flask_babel import get_locale, gettext, ngettext, pgettext

from portal.metrics import Metric, Step, Trend, Unit
from portal.reporting.history import Figure, Series

#: What stands where there is no value.
NONE = "–"
_UNITS = (("week", 10_080), ("day", 1440), ("hour", 60), ("minute", 1))
#: Lengths are told in weeks from this many on; before, days say it better.
_WEEKS_FROM = 9 * 10_080
#: Numbers from here on are shortened at the side of charts.
_COMPACT_FROM = 100_000
#: Changes below this share of what was before are none; those up to the other are neither better nor worse, of medians
#: those up to the third: they are known within 5 per cent.
_SAME, _JUDGED, _JUDGED_MEDIAN = 0.0005, 0.01, 0.1
#: Minutes up to which a median is exact, and up to which it is told in minutes and in hours; then days, then weeks.
_EXACT, _IN_MINUTES, _IN_HOURS = 20, 60, 2880

Length = Literal["long", "short"]


def locale() -> Locale:
    """The locale of the page; English where there is no page."""
    if not has_request_context():
        return get_locale() or Locale.parse("en_GB")
    # Asked for thousands of times on a page with long tables.
    if "report_locale" not in g:
        g.report_locale = get_locale()
    return cast(Locale, g.report_locale)


def number(value: float) -> str:
    """A number, grouped, with two decimals at most."""
    return _decimal(round(value, 2), locale())


@lru_cache(maxsize=4096)
def _decimal(value: float, of: Locale) -> str:
    return str(format_decimal(value, locale=of))


def percent(share: float) -> str:
    """A share in per cent, with one decimal where it is needed; what is a little is not shown as nothing."""
    return _percent(round(share, 3) or round(share, 5), locale())


@lru_cache(maxsize=4096)
def _percent(value: float, of: Locale) -> str:
    return str(format_percent(value, locale=of, decimal_quantization=False))


def duration(minutes: float, length: Length = "long") -> str:
    """A length of time in words, in its two largest units."""
    return _duration(max(0, round(minutes)), length, locale())


@lru_cache(maxsize=4096)
def _duration(minutes: int, length: Length, of: Locale) -> str:
    units = _UNITS if minutes >= _WEEKS_FROM else _UNITS[1:]
    for (_, size), (_, smaller) in pairwise(units):
        if minutes >= size:
            minutes = round(minutes / smaller) * smaller
            break
    parts, rest = [], minutes
    for unit, size in units:
        count, rest = divmod(rest, size)
        if count:
            parts.append(_unit(count, unit, length, of))
    return " ".join(parts) or _unit(0, "minute", length, of)


def _unit(count: int, unit: str, length: Length, of: Locale) -> str:
    return str(format_unit(count, f"duration-{unit}", length, locale=of))


def median(minutes: float, length: Length = "long") -> str:
    """A median in words: two digits of one unit, as more are not known; where it is long, that it is about so much."""
    told = _median(max(0, round(minutes)), length, locale())
    if length == "short" or minutes <= _EXACT:
        return told
    return str(pgettext("duration", "about %(time)s", time=told))


@lru_cache(maxsize=4096)
def _median(minutes: int, length: Length, of: Locale) -> str:
    unit, size = next(
        each
        for each, top in zip(reversed(_UNITS), (_IN_MINUTES, _IN_HOURS, _WEEKS_FROM, math.inf), strict=True)
        if minutes < top
    )
    return str(format_unit(two_digits(minutes / size), f"duration-{unit}", length, locale=of))


def two_digits(value: float) -> float:
    """A number rounded to two digits that mean something, whole from ten on."""
    digits = 1 - math.floor(math.log10(value)) if value else 0
    found = round(value, digits)
    return int(found) if found == int(found) else found


def shown(metric: Metric, value: float | None, length: Length = "long") -> str:
    """A value of a metric with its unit; a dash where there is none."""
    if value is None:
        return NONE
    if metric.unit is Unit.SHARE:
        return percent(value)
    return median(value, length) if metric.unit is Unit.MINUTES else number(value)


def plain(unit: Unit, value: float) -> str:
    """A value of some unit, short."""
    if unit is Unit.SHARE:
        return percent(value)
    return median(value, "short") if unit is Unit.MINUTES else number(value)


def on_axis(unit: Unit, value: float, step: float) -> str:
    """A value at the side of a chart whose values are a step apart: lengths in one unit, large numbers shortened."""
    if unit is Unit.MINUTES:
        name, size = next(each for each in _UNITS[1:] if step >= each[1] or each[1] == 1)
        return _unit(round(value / size), name, "short", locale())
    if unit is Unit.COUNT and value >= _COMPACT_FROM:
        return str(format_compact_decimal(value, fraction_digits=1, locale=locale()))
    return plain(unit, value)


def made_of(metric: Metric, figure: Figure) -> str:
    """What a figure was made of, in words; empty where the figure says it itself."""
    if metric.unit is Unit.COUNT or figure.value is None or metric.scale != 1:
        return ""
    return _made_of(metric.unit, figure.count, figure.over, locale())


@lru_cache(maxsize=4096)
def _made_of(unit: Unit, counted: int, divided_by: int, of: Locale) -> str:
    count, over = _decimal(counted, of), _decimal(divided_by, of)
    if unit is Unit.SHARE:
        return str(gettext("%(count)s of %(over)s", count=count, over=over))
    if unit is Unit.RATIO:
        return str(pgettext("ratio", "%(count)s to %(over)s", count=count, over=over))
    if unit is Unit.STARS:
        return str(ngettext("from %(count)s rating", "from %(count)s ratings", divided_by, count=over))
    return str(ngettext("from %(count)s value", "from %(count)s values", counted, count=count))


def unknown(metric: Metric, figure: Figure) -> str:
    """How many outcomes nobody knows, with their share of all; empty for metrics that have none."""
    if not metric.unknown or not (every := figure.over + figure.unknown):
        return ""
    return str(
        gettext(
            "Outcome not known: %(count)s (%(share)s of all attempts)",
            count=number(figure.unknown),
            share=percent(figure.unknown / every),
        )
    )


class Against(Enum):
    """What a period can be compared with."""

    #: The whole period before.
    BEFORE = "before"
    #: The same, but today is among the days and not over: nothing is better or worse yet.
    UNFINISHED = "unfinished"
    #: Nothing, as not all of the period before was counted.
    NOTHING = "nothing"


@dataclass(frozen=True)
class Change:
    """What has become of a figure since the period before."""

    text: str
    #: Below 0 where it fell, above 0 where it rose.
    direction: int = 0
    #: `better` or `worse`; empty where it is neither.
    verdict: str = ""
    #: How much it is, to compare it with others: a share of what was before.
    weight: float = 0.0

    @property
    def arrow(self) -> str:
        """The direction as a sign; the text says it in words."""
        return "▲" if self.direction > 0 else "▼" if self.direction < 0 else "＝"


def change(series: Series, against: Against = Against.BEFORE) -> Change:
    """How a figure compares with the period before, in words."""
    now, before = series.total.value, series.previous.value
    if now is None or before is None or against is Against.NOTHING:
        return Change(str(gettext("Nothing to compare with in the period before")))
    told = shown(series.metric, before)
    difference = now - before
    weight = difference / abs(before) if before else (difference and (1.0 if difference > 0 else -1.0))
    if abs(weight) < _SAME or (series.metric.unit is Unit.MINUTES and told == shown(series.metric, now)):
        return Change(str(gettext("Unchanged from the period before (%(before)s)", before=told)))
    how_much = _difference(series.metric, difference, weight if before else None)
    text = (
        gettext("Up %(change)s on the period before (%(before)s)", change=how_much, before=told)
        if difference > 0
        else gettext("Down %(change)s on the period before (%(before)s)", change=how_much, before=told)
    )
    verdict = _verdict(series.metric, weight) if against is Against.BEFORE else ""
    return Change(str(text), 1 if difference > 0 else -1, verdict, abs(weight))


def _verdict(metric: Metric, weight: float) -> str:
    """Whether a change is `better` or `worse`; empty where it is neither, or too small to say."""
    is_small = abs(weight) <= _JUDGED_MEDIAN + 1e-9 if metric.unit is Unit.MINUTES else abs(weight) < _JUDGED
    if metric.trend is Trend.NEITHER or is_small:
        return ""
    return "better" if (weight > 0) is (metric.trend is Trend.UP) else "worse"


def _difference(metric: Metric, difference: float, relative: float | None) -> str:
    """How much something changed: shares in points, all else in proportion, or as such where nothing was before."""
    if metric.unit is Unit.SHARE:
        points = round(abs(difference) * 100, 1)
        form = int(points) if points == int(points) else 2
        return str(ngettext("%(count)s percentage point", "%(count)s percentage points", form, count=number(points)))
    if metric.unit is Unit.STARS or relative is None:
        return plain(metric.unit, abs(difference))
    return _percent(round(abs(relative), 2) or round(abs(relative), 3), locale())


def day(value: date, *, with_year: bool = False) -> str:
    """A day for an axis."""
    return _skeleton("yMMMd" if with_year else "MMMd", value, locale())


def point(first: date, last: date, step: Step) -> str:
    """The days that one point of a series stands for."""
    is_whole = (
        first.day == 1 and (last + timedelta(days=1)).day == 1 and (first.year, first.month) == (last.year, last.month)
    )
    if step is Step.MONTH and is_whole:
        return _skeleton("yMMM", first, locale())
    return span(first, last)


def span(first: date, last: date) -> str:
    """A stretch of days, both ends among them."""
    return _span(first, last, locale())


@lru_cache(maxsize=4096)
def _span(first: date, last: date, of: Locale) -> str:
    if first == last:
        return str(format_date(first, "medium", locale=of))
    return str(format_interval(first, last, "yMMMd", locale=of))


@lru_cache(maxsize=4096)
def _skeleton(skeleton: str, value: date, of: Locale) -> str:
    return str(format_skeleton(skeleton, datetime.combine(value, time()), locale=of))


def month(value: date, *, with_year: bool = False) -> str:
    """A month for an axis."""
    return _skeleton("yMMM" if with_year else "MMM", value, locale())
