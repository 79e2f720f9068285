"""What was achieved: figures over days, weeks and months, compared with the time before."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from portal.daily.sources import MEASURES, Source
from portal.knowledge import helpfulness
from portal.metrics import ESCALATIONS, METRICS, RATED, Dimension, Metric, Period, Unit, escalation_of
from portal.reporting.reading import Sums, read, totals
from portal.storage.schema import article_views, counted_days, daily_articles, daily_facts, daily_times
from portal.storage.summed import Narrowed


@dataclass(frozen=True)
class Asked:
    """What a report is about; None and what is empty do not narrow."""

    period: Period
    language: str | None = None
    #: Topic of the articles.
    topic: str | None = None
    tier: int | None = None


#: Sources whose rows are gone when an older version forgot them without counting; of the others days without rows are 0.
_FORGOTTEN = Source.SEARCHES, Source.VISITS, Source.FORMS


@dataclass(frozen=True)
class Known:
    """What has been counted at all; None where nothing was."""

    #: The first day (UTC).
    first: date | None = None
    #: When something was counted last; aware.
    at: datetime | None = None
    #: The first day of each source.
    firsts: Mapping[str, date] = field(default_factory=dict, compare=False)

    def since(self, metric: Metric) -> date:
        """From which day on a metric is known: of days before, what it is counted from may have been forgotten."""
        names = {*metric.of, *metric.over, *metric.unknown}
        needed = [source for source in _FORGOTTEN if names & {*MEASURES[source].facts}]
        return max((self.firsts.get(source, date.max) for source in needed), default=date.min)


@dataclass(frozen=True)
class Figure:
    """A metric's value, and what it was made of."""

    #: In the metric's unit; None where there is nothing to tell it from.
    value: float | None
    #: What was counted, and what it was divided by; of a median both are how many it was taken of.
    count: int = 0
    over: int = 0
    #: Outcomes that nobody knows.
    unknown: int = 0


@dataclass(frozen=True)
class Series:
    """A metric over a period."""

    metric: Metric
    total: Figure
    #: The same of the period before.
    previous: Figure
    #: By the first day of each point, oldest first; every point of the period is there.
    points: tuple[tuple[date, Figure], ...] = ()


@dataclass(frozen=True)
class Funnel:
    """What came of the attempts to find something: each a part of the one before, or apart."""

    chains: int
    opened: int
    #: Said yes, or read for half a minute and said nothing.
    helped: int
    said_no: int
    requests: int


@dataclass(frozen=True)
class Survey:
    """How requesters were served."""

    asked: int
    answered: int
    #: How many gave 1 to 5 stars.
    stars: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)


@dataclass(frozen=True)
class ArticleRow:
    """What became of one article in a period."""

    slug: str
    #: Of the page.
    language: str
    visits: int
    yes: int
    no: int
    #: By `knowledge`'s formula: (C·m + yes) ÷ (m + votes), C the mean share, m the mean number of votes.
    helpfulness: float | None
    #: Requests whose sender had read it, and gaps that it answered.
    requests: int
    gaps: int


def known(connection: Connection) -> Known:
    """From which day on something was counted, and when the last time."""
    mine = counted_days.c
    query = select(mine.source, func.min(mine.day), func.max(mine.at)).group_by(mine.source)
    found = connection.execute(query).all()
    if not found:
        return Known()
    firsts = {source: first for source, first, _at in found}
    return Known(min(firsts.values()), max(at for *_, at in found), firsts)


def series(connection: Connection, asked: Asked, keys: Sequence[str]) -> dict[str, Series]:
    """Metrics over a period and the one before, by key.

    A filter by what a metric cannot be told apart by leaves nothing of it. A share of days, weeks or months is that of
    their sums, never a mean of shares; a median is that of all that happened, within 5 per cent. Days before anything was
    counted that a metric needs have no value, nor has a period before that was not counted as a whole.
    """
    return _series(connection, asked, keys, "").get("", {})


def apart(
    connection: Connection,
    asked: Asked,
    keys: Sequence[str],
    dimension: Dimension,
    *,
    points: bool = True,
    rest: bool = False,
) -> dict[str, dict[str, Series]]:
    """The same for each language, topic or tier (as text) that has something: by its name, then by key.

    Metrics that cannot be told apart by it are left out. Without `points` there are only the totals; with `rest` there
    is also what belongs to none of them – a topic or tier that is not known – under the empty name or 0.
    """
    keys = [key for key in keys if dimension in METRICS[key].by]
    found = _series(connection, asked, keys, dimension.value, points=points)
    return {name: found[name] for name in sorted(found) if rest or name not in {"", "0"}}


def _series(
    connection: Connection, asked: Asked, keys: Sequence[str], by: str, *, points: bool = True
) -> dict[str, dict[str, Series]]:
    """Series by name of the dimension (empty without one), then by key."""
    metrics = [METRICS[key] for key in keys]
    counts = [metric for metric in metrics if metric.unit is not Unit.MINUTES]
    names = {name for metric in counts for name in (*metric.of, *metric.over, *metric.unknown)}
    times = {metric.of[0] for metric in metrics if metric.unit is Unit.MINUTES}
    sums = read(connection, daily_facts, names, asked.period, _narrowed(asked, by), points=points)
    sums |= read(connection, daily_times, times, asked.period, _narrowed(asked, by), points=points)
    counted = known(connection)
    found = {name for name, _measure in sums} | (set() if by else {""})
    return {
        name: {metric.key: _one(metric, asked, counted, name, sums, points=points) for metric in metrics}
        for name in found
    }


def _narrowed(asked: Asked, by: str = "") -> Narrowed:
    """What the rows must be about."""
    return Narrowed(asked.language or None, asked.topic or None, asked.tier, by)


def _one(metric: Metric, asked: Asked, counted: Known, name: str, sums: Sums, *, points: bool) -> Series:
    """A metric from what the tables hold."""
    period, before, since = asked.period, asked.period.previous.first, counted.since(metric)
    spans = list(period.points()) if points else [(period.first, period.last)]
    firsts, nothing = [first for first, _last in spans], Figure(None)
    if not _is_possible(metric, asked):
        return Series(metric, nothing, nothing, tuple((first, nothing) for first in firsts if points))

    def total(measure: str, chosen: Sequence[date]) -> Counter[int]:
        found: Counter[int] = Counter()
        mine = sums.get((name, measure), {})
        if len(chosen) == 1:
            return mine.get(chosen[0], found)
        for point in chosen:
            if point in mine:
                found.update(mine[point])
        return found

    def figure(chosen: Sequence[date]) -> Figure:
        if metric.unit is Unit.MINUTES:
            return median(total(metric.of[0], chosen))
        counted, over, unknown = (
            sum(total(measure, chosen)[0] for measure in measures)
            for measures in (metric.of, metric.over, metric.unknown)
        )
        return _figure(metric, counted, over, unknown)

    return Series(
        metric,
        figure(firsts) if period.last >= since else nothing,
        figure([before]) if before >= since else nothing,
        tuple((first, figure([first]) if last >= since else nothing) for first, last in spans if points),
    )


def _is_possible(metric: Metric, asked: Asked) -> bool:
    """Whether a metric can be told apart by all that a report is narrowed by."""
    narrowed = {
        Dimension.LANGUAGE: bool(asked.language),
        Dimension.TOPIC: bool(asked.topic),
        Dimension.TIER: asked.tier is not None,
    }
    return all(dimension in metric.by for dimension, is_narrowed in narrowed.items() if is_narrowed)


def _figure(metric: Metric, counted: int, over: int, unknown: int) -> Figure:
    """A number, share, ratio or mean."""
    if not metric.over and metric.unit is Unit.COUNT:
        return Figure(float(counted), counted, counted, unknown)
    value = counted / metric.scale / over if over else None
    return Figure(value, counted, over, unknown)


def median(times: Mapping[int, int]) -> Figure:
    """The minutes by which half of it was done: where the cumulated number passes half.

    Args:
        times: how many took so many minutes.
    """
    total = reached = sum(times.values())
    if not total:
        return Figure(None)
    for minutes in sorted(times, reverse=True):
        reached -= times[minutes]
        if reached * 2 < total:
            return Figure(float(minutes), total, total)
    raise AssertionError("unreachable: nothing is left at the end")


def funnel(connection: Connection, asked: Asked) -> Funnel:
    """What came of the attempts of a period."""
    names = ("chains", "chains.opened", "chains.helped", "chains.no", "chains.request")
    sums = totals(connection, daily_facts, names, asked.period, _narrowed(asked))
    return Funnel(*(sums[name] for name in names))


def escalations(connection: Connection, asked: Asked) -> dict[tuple[int, int], int]:
    """How many requests went from which tier to which."""
    sums = totals(connection, daily_facts, ESCALATIONS, asked.period, _narrowed(asked))
    return {escalation_of(name): value for name, value in sorted(sums.items()) if value}


def lives(connection: Connection, asked: Asked) -> Mapping[int, int]:
    """How many gaps were answered after how many minutes (rounded), for their distribution."""
    found = totals(connection, daily_times, ("gap_life",), asked.period, _narrowed(asked))
    return dict(sorted(found.items()))


def survey(connection: Connection, asked: Asked) -> Survey:
    """How requesters were served."""
    sums = totals(connection, daily_facts, ("surveys", "ratings.asked", *RATED), asked.period, _narrowed(asked))
    one, two, three, four, five = (sums[name] for name in RATED)
    return Survey(sums["surveys"], sums["ratings.asked"], (one, two, three, four, five))


_ORDERS: dict[str, Callable[[ArticleRow], float]] = {
    "visits": lambda row: -row.visits,
    "helpfulness": lambda row: -(row.helpfulness if row.helpfulness is not None else -1.0),
    "requests": lambda row: -row.requests,
    "gaps": lambda row: -row.gaps,
}


def articles(
    connection: Connection, asked: Asked, *, limit: int = 0, order: str = "visits", offset: int = 0
) -> list[ArticleRow]:
    """What became of each article, by `visits`, `helpfulness`, `requests` or `gaps`, most first; 0 is no limit.

    A topic or tier does not narrow it: who knows the articles' topics chooses among the rows.
    """
    period = asked.period
    found: dict[tuple[str, str], Counter[str]] = {}
    views, mine = article_views.c, daily_articles.c
    visits = select(views.slug, views.language, func.sum(views.views)).where(
        views.day.between(period.first, period.last)
    )
    others = select(mine.slug, mine.language, mine.measure, func.sum(mine.value)).where(
        mine.measure.in_(("votes.yes", "votes.no", "requests", "gaps")), mine.day.between(period.first, period.last)
    )
    if asked.language:
        visits, others = visits.where(views.language == asked.language), others.where(mine.language == asked.language)
    for slug, language, value in connection.execute(visits.group_by(views.slug, views.language)):
        found.setdefault((slug, language), Counter())["visits"] = int(value)
    for slug, language, measure, value in connection.execute(others.group_by(mine.slug, mine.language, mine.measure)):
        found.setdefault((slug, language), Counter())[measure] = int(value)
    rate = helpfulness((sums["votes.yes"], sums["votes.yes"] + sums["votes.no"]) for sums in found.values())
    rows = [_article(slug, language, sums, rate) for (slug, language), sums in found.items()]
    rows.sort(key=lambda row: (_ORDERS[order](row), row.language, row.slug))
    return rows[offset : offset + limit] if limit else rows[offset:]


def _article(slug: str, language: str, sums: Counter[str], rate: Callable[[int, int], float]) -> ArticleRow:
    """A row of the table; how helpful an article was is told only where somebody has voted."""
    yes, no = sums["votes.yes"], sums["votes.no"]
    helpful = rate(yes, yes + no) if yes + no else None
    return ArticleRow(slug, language, sums["visits"], yes, no, helpful, sums["requests"], sums["gaps"])
