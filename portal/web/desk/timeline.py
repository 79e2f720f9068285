"""What a ticket's page says of its clocks: what is left of each, and who has had it for how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from babel.dates import format_timedelta
from flask_babel import get_locale, gettext
from flask_babel import lazy_pgettext as _lp

from portal.clocks import Reading, Segment, readings, segments
from portal.organisation import Clock, Organisation
from portal.tickets import Event

#: Width of the drawing, in its own units.
WIDTH = 1000
#: How much of a target is left when a clock is near its end.
NEAR = 0.25
# Translators: clocks of a ticket.
CLOCK = {
    Clock.FIRST_REPLY: _lp("clock", "First reply"),
    Clock.RESOLUTION: _lp("clock", "Solution"),
    Clock.TIER: _lp("clock", "First action at this tier"),
}


@dataclass(frozen=True)
class Bar:
    """One stretch of the drawing."""

    segment: Segment
    x: float
    width: float


@dataclass(frozen=True)
class Timeline:
    """The clocks of a ticket, and its way through the tiers."""

    readings: list[Reading]
    bars: list[Bar]


def of(events: Sequence[Event], organisation: Organisation, now: datetime) -> Timeline:
    """The timeline of a request: of the clocks of tiers only the one that runs, or the last."""
    found = readings(events, organisation, now)
    tier = [each for each in found if each.clock is Clock.TIER][-1:]
    return Timeline([each for each in found if each.clock is not Clock.TIER] + tier, _bars(segments(events, now), now))


def _bars(stretches: Sequence[Segment], now: datetime) -> list[Bar]:
    """The stretches in proportion; each can be seen, however short."""
    if not stretches:
        return []
    lengths = [max(((each.end or now) - each.start).total_seconds(), 0.0) for each in stretches]
    total = sum(lengths) or 1.0
    floor = WIDTH / 100
    widths = [max(length / total * WIDTH, floor) for length in lengths]
    scale = WIDTH / sum(widths)
    bars, x = [], 0.0
    for stretch, width in zip(stretches, widths, strict=True):
        bars.append(Bar(stretch, round(x, 1), round(width * scale, 1)))
        x += width * scale
    return bars


def state(reading: Reading) -> str:
    """How a clock stands, as a word for its shape and colour: `met`, `breached`, `paused`, `near` or `running`."""
    if reading.stopped_at is not None:
        return "breached" if reading.is_breached else "met"
    if reading.is_breached:
        return "breached"
    if reading.is_paused:
        return "paused"
    return "near" if reading.left <= reading.target * NEAR else "running"


def left(reading: Reading) -> str:
    """What a clock says in words."""
    over = span(reading.used - reading.target)
    if reading.stopped_at is not None:
        return str(gettext("missed by %(time)s", time=over) if reading.is_breached else gettext("met"))
    if reading.is_breached:
        # Due at the end of a working day, it is late until the next one begins.
        is_counted = reading.used - reading.target >= timedelta(minutes=1)
        return str(gettext("overdue by %(time)s", time=over) if is_counted else gettext("overdue"))
    if reading.is_paused:
        return str(gettext("paused, %(time)s left", time=span(reading.left)))
    return str(gettext("%(time)s left", time=span(reading.left)))


def span(length: timedelta) -> str:
    """A length of working time, in hours and minutes; days would leave open how long they are."""
    minutes = max(int(length.total_seconds() // 60), 0)
    hours, rest = divmod(minutes, 60)
    parts: list[tuple[timedelta, Literal["hour", "minute"]]] = [(timedelta(hours=hours), "hour")] if hours else []
    parts += [(timedelta(minutes=rest), "minute")] if rest or not hours else []
    return " ".join(_worded(part, unit) for part, unit in parts)


def _worded(length: timedelta, unit: Literal["hour", "minute"]) -> str:
    """A length in whole units, short."""
    # Above its threshold, a length would be told in the next larger unit.
    return str(format_timedelta(length, granularity=unit, threshold=1e9, format="short", locale=get_locale()))
