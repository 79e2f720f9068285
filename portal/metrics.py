"""The metrics of reports: what each is, from which sums by day, over which periods; pure."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

#: What one over a rank is counted in, so that sums of it are exact: every rank from 1 to 10 divides it.
RECIPROCAL = 2520
#: The measures of how many gave 1 to 5 stars.
RATED = tuple(f"ratings.{stars}" for stars in range(1, 6))
#: The measures of how many requests went from one tier to another.
ESCALATIONS = tuple(f"escalations.{a}-{b}" for a in range(1, 5) for b in range(1, 5) if a != b)
#: The longest stretch of days that one report is about.
MOST_DAYS = 800


class Unit(StrEnum):
    """What a figure is counted in."""

    #: A number of things.
    COUNT = "count"
    #: 0–1, shown in per cent.
    SHARE = "share"
    #: One number over another, which may be above 1.
    RATIO = "ratio"
    #: The median of how long something took, in minutes.
    MINUTES = "minutes"
    #: A mean of 1 to 5.
    STARS = "stars"


class Trend(StrEnum):
    """Which way a figure should go."""

    UP = "up"
    DOWN = "down"
    NEITHER = "neither"


class Dimension(StrEnum):
    """What figures can be told apart by."""

    LANGUAGE = "language"
    TOPIC = "topic"
    TIER = "tier"


class Step(StrEnum):
    """What one point of a series stands for; weeks begin on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Metric:
    """One figure and how it comes about."""

    key: str
    unit: Unit
    #: Sums of `daily_facts` that are added up; of a median the one measure of `daily_times`.
    of: tuple[str, ...]
    #: What they are divided by; empty for numbers and medians.
    over: tuple[str, ...] = ()
    #: Outcomes that nobody knows; told apart and in neither of the two.
    unknown: tuple[str, ...] = ()
    trend: Trend = Trend.NEITHER
    #: What it can be told apart by; day is always possible.
    by: frozenset[Dimension] = frozenset(Dimension)
    #: What `of` is counted in, for example `RECIPROCAL`.
    scale: int = 1


_L, _T = frozenset({Dimension.LANGUAGE}), frozenset({Dimension.LANGUAGE, Dimension.TOPIC})

#: Every metric by its key, in the order of reports. Their names and definitions for people: `web.reports.words`.
METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("searches", Unit.COUNT, ("searches",), by=_T),
        Metric("zero_result_rate", Unit.SHARE, ("searches.no_hit",), ("searches",), trend=Trend.DOWN, by=_T),
        Metric(
            "search_success",
            Unit.SHARE,
            ("chains.success",),
            ("chains.success", "chains.failure"),
            ("chains.unknown",),
            Trend.UP,
            _L,
        ),
        Metric("click_mrr", Unit.RATIO, ("clicks.reciprocal",), ("clicks",), trend=Trend.UP, by=_L, scale=RECIPROCAL),
        Metric("self_service_score", Unit.RATIO, ("readers",), ("requesters",), trend=Trend.UP, by=_L),
        Metric(
            "deflection",
            Unit.SHARE,
            ("forms.solved",),
            ("forms.shown", "forms.solved", "forms.sent"),
            trend=Trend.UP,
            by=_L,
        ),
        Metric("failed_deflection", Unit.SHARE, ("requests.after_reading",), ("requests",), trend=Trend.DOWN),
        Metric("helpfulness", Unit.SHARE, ("votes.yes",), ("votes.yes", "votes.no"), trend=Trend.UP, by=_T),
        Metric("gaps", Unit.COUNT, ("gaps",), trend=Trend.DOWN),
        Metric("gaps_answered", Unit.COUNT, ("gaps.answered",), trend=Trend.UP),
        Metric("gap_half_life", Unit.MINUTES, ("gap_life",), trend=Trend.DOWN),
        Metric("requests", Unit.COUNT, ("requests",)),
        Metric("requests_solved", Unit.COUNT, ("requests.solved",), trend=Trend.UP),
        Metric("first_reply", Unit.MINUTES, ("first_reply",), trend=Trend.DOWN),
        Metric("resolution", Unit.MINUTES, ("resolution",), trend=Trend.DOWN),
        Metric("wait", Unit.MINUTES, ("wait",), trend=Trend.DOWN),
        Metric("reopen_rate", Unit.SHARE, ("requests.reopened",), ("requests.solved",), trend=Trend.DOWN),
        Metric("satisfaction", Unit.STARS, ("ratings.stars",), ("ratings",), trend=Trend.UP),
        Metric("response_rate", Unit.SHARE, ("ratings.asked",), ("surveys",), trend=Trend.UP),
    )
}


@dataclass(frozen=True)
class Period:
    """Days that a report is about, both ends among them (UTC), and what one point of it stands for."""

    first: date
    last: date
    step: Step = Step.DAY

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def previous(self) -> "Period":
        """As many days just before it."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1), self.step)

    def points(self) -> Iterator[tuple[date, date]]:
        """First and last day of each point, oldest first; the outer ones may be cut."""
        first = self.first
        while first <= self.last:
            last = min(_end(first, self.step), self.last)
            yield first, last
            first = last + timedelta(days=1)


def _end(day: date, step: Step) -> date:
    """The last day of the week or month of a day, or itself."""
    if step is Step.WEEK:
        return day + timedelta(days=6 - day.weekday())
    if step is Step.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return day


def escalation_of(measure: str) -> tuple[int, int]:
    """From which tier to which, of one of `ESCALATIONS`."""
    former, _, tier = measure.removeprefix("escalations.").partition("-")
    return int(former), int(tier)


def _steps() -> Iterator[int]:
    """Whole minutes of which one is within 5 per cent of any number of minutes, up to some decades."""
    step = 0
    while step < 10**8:
        yield step
        beyond = step * 20 // 19 + 1  # The first that is too far away from this one.
        step = max(beyond, beyond * 21 // 20)


_STEPS = tuple(_steps())


def rounded(minutes: float) -> int:
    """Minutes as `daily_times` keeps them: so few different ones that a median is right within 5 per cent, and no more."""
    whole = min(max(0, round(minutes)), _STEPS[-1])
    place = bisect_left(_STEPS, whole)
    return min(_STEPS[max(0, place - 1) : place + 1], key=lambda step: abs(step - whole))
