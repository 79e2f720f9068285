"""The axes of charts: round numbers up the side, days along the foot."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from portal.metrics import Step, Unit
from portal.web.reports import numbers

#: Numbers up the side at most, the lowest among them; names along the foot at most, and on a narrow screen.
MOST_TICKS, MOST_NAMES, MOST_NAMES_NARROW = 6, 6, 3
#: Steps between lengths of time, in minutes: what clocks and calendars have.
_TIMES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 10_080, 20_160, 50_400)
#: What is smaller is drawn as nothing.
_NOTHING = 1e-6
#: How high an axis is that nothing rises above.
_EMPTY = {Unit.COUNT: 1.0, Unit.SHARE: 0.1, Unit.RATIO: 1.0, Unit.MINUTES: 60.0, Unit.STARS: 5.0}


@dataclass(frozen=True)
class Axis:
    """Values up the side of a chart."""

    unit: Unit
    ticks: tuple[float, ...]

    def text(self, tick: float) -> str:
        """A number up the side, in words."""
        return numbers.on_axis(self.unit, tick, self.ticks[1] - self.ticks[0])

    def height(self, value: float) -> float:
        """How high a value stands, 0–1."""
        low, high = self.ticks[0], self.ticks[-1]
        return min(max((value - low) / (high - low), 0.0), 1.0)


def axis(unit: Unit, values: Sequence[float | None], most: int = MOST_TICKS) -> Axis:
    """An axis that all values fit on, from nothing (ratings: from 1), with round numbers.

    Args:
        unit: of the values.
        values: what is drawn; None: nothing there.
        most: numbers at most.
    """
    if unit is Unit.STARS:
        return Axis(unit, (1.0, 2.0, 3.0, 4.0, 5.0) if most >= 5 else (1.0, 3.0, 5.0))
    top = max((value for value in values if value is not None), default=0.0)
    top = top if top > _NOTHING else _EMPTY[unit]
    step = _step(unit, top, most - 1)
    count = max(1, math.ceil(top / step - 1e-9))
    return Axis(unit, tuple(round(step * place, 9) for place in range(count + 1)))


def _step(unit: Unit, top: float, most: int) -> float:
    """The smallest round step of which `most` reach the top."""
    least = top / most
    if unit is Unit.MINUTES:
        found = next((step for step in _TIMES if step >= least), None)
        if found is not None:
            return float(found)
    if unit is Unit.COUNT:
        least = max(least, 1.0)
    power = 10.0 ** math.floor(math.log10(least))
    return next(round(each * power, 12) for each in (1, 2, 5, 10) if each * power >= least * (1 - 1e-9))


@dataclass(frozen=True)
class Name:
    """What stands at the foot of a chart below one of its points."""

    #: Where, in per cent of the width.
    x: float
    text: str
    #: Of the text: `start`, `middle` or `end`.
    anchor: str = "middle"
    #: Whether it is left out on a narrow screen.
    is_minor: bool = False


def names(days: Sequence[date], step: Step, most: int = MOST_NAMES) -> tuple[Name, ...]:
    """The days along the foot: evenly, so many that they do not touch."""
    if not days:
        return ()
    stride = math.ceil(len(days) / most)
    chosen = range(0, len(days), stride)
    apart = math.ceil(len(chosen) / MOST_NAMES_NARROW)
    years = {days[0].year, days[-1].year}
    found = []
    for place, index in enumerate(chosen):
        x = middle(index, len(days))
        anchor = "start" if x < 8 else "end" if x > 92 else "middle"
        found.append(
            Name(
                0.0 if anchor == "start" else 100.0 if anchor == "end" else x,
                _name(days[index], step, is_first=place == 0, years=len(years)),
                anchor,
                place % apart > 0,
            )
        )
    return tuple(found)


def middle(index: int, count: int) -> float:
    """Where a point stands, in per cent of the width."""
    return round((index + 0.5) * 100 / count, 3)


def _name(day: date, step: Step, *, is_first: bool, years: int) -> str:
    """A day as the foot of a chart says it; with its year where the chart is about two."""
    if step is Step.MONTH:
        return numbers.month(day, with_year=years > 1 and (is_first or day.month == 1))
    return numbers.day(day, with_year=years > 1 and is_first)
