"""Figures as pages show them: value, comparison, definition, and their course as a chart with its table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from babel import Locale
from flask_babel import gettext, pgettext

from portal.metrics import METRICS, Dimension, Metric, Period, Unit
from portal.reporting.history import Asked, Figure, Series
from portal.web.reports import charts, numbers, scales
from portal.web.reports.words import BY_STEP, DEFINITION, EMPTY, NAME, NOT_BY, STEP


@dataclass(frozen=True)
class Shown:
    """A figure in words."""

    key: str
    name: str
    definition: str
    value: str
    #: What the value was made of, such as “12 of 40”; empty where it says that itself.
    made_of: str
    change: numbers.Change
    #: Outcomes that nobody knows; empty where there are none of them.
    unknown: str
    #: Why there is no value; empty where there is one.
    nothing: str
    chart: charts.Plot | charts.Spark | None = None


@dataclass(frozen=True)
class Cell:
    """A figure inside a table."""

    value: str
    #: The same in the period before.
    before: str


def shown(
    series: Series,
    asked: Asked,
    chart: charts.Plot | charts.Spark | None = None,
    against: numbers.Against = numbers.Against.BEFORE,
) -> Shown:
    """A figure in words, with a chart or without."""
    metric, total = series.metric, series.total
    return Shown(
        metric.key,
        str(NAME[metric.key]),
        str(DEFINITION[metric.key]),
        numbers.shown(metric, total.value),
        numbers.made_of(metric, total),
        numbers.change(series, against),
        numbers.unknown(metric, total) if not not_by(metric, asked) else "",
        nothing(metric, asked) if total.value is None or not (total.value or total.over) else "",
        chart,
    )


def not_by(metric: Metric, asked: Asked) -> list[Dimension]:
    """By what the report is narrowed that a metric cannot be told apart by."""
    narrowed = {Dimension.LANGUAGE: asked.language, Dimension.TOPIC: asked.topic, Dimension.TIER: asked.tier}
    return [dimension for dimension, value in narrowed.items() if value and dimension not in metric.by]


def nothing(metric: Metric, asked: Asked) -> str:
    """Why there is nothing to show of a metric."""
    missing = not_by(metric, asked)
    return " ".join(str(NOT_BY[each]) for each in missing) or str(EMPTY[metric.key])


def card(series: Series, asked: Asked, against: numbers.Against) -> Shown:
    """A figure with its course in small."""
    metric = series.metric
    name = str(NAME[metric.key])
    values = [figure.value for _, figure in series.points]
    said = description(metric, asked.period, series.points)
    table = table_of(series, asked.period)
    return shown(series, asked, charts.spark(f"spark-{metric.key}", name, said, metric.unit, values, table), against)


def charted(series: Series, asked: Asked, against: numbers.Against) -> Shown:
    """A figure with its course as a chart."""
    plot = plot_of(series, asked.period, f"chart-{series.metric.key}", str(NAME[series.metric.key]))
    return shown(series, asked, plot, against)


def plot_of(
    series: Series, period: Period, id_: str, title: str, upon: scales.Axis | None = None, height: int = charts.LARGE
) -> charts.Plot:
    """The course of a figure.

    Args:
        series: the figure.
        period: its days.
        id_: of the chart, unique on the page.
        title: of the chart.
        upon: an axis that several charts share.
        height: of what is drawn, in pixels.
    """
    metric = series.metric
    is_pointed = len(series.points) <= charts.POINTED
    texts = tuple(_pointed(metric, figure) for _, figure in series.points) if is_pointed else ()
    return charts.plot(
        id_,
        title,
        description(metric, period, series.points),
        metric.unit,
        [charts.Values(title, tuple(figure.value for _, figure in series.points), texts)],
        points_of(period),
        foot(period, 2 if height < charts.LARGE else scales.MOST_NAMES),
        table_of(series, period) if height >= charts.LARGE else None,
        height=height,
        upon=upon,
    )


def _pointed(metric: Metric, figure: Figure) -> str:
    """A point's value with what it was made of."""
    basis = numbers.made_of(metric, figure)
    return f"{numbers.shown(metric, figure.value)} ({basis})" if basis else numbers.shown(metric, figure.value)


def multiples(
    apart: Mapping[str, Mapping[str, Series]], key: str, period: Period, names: Mapping[str, str]
) -> list[charts.Plot]:
    """One small chart for each name, all upon the same axis, so that they can be compared.

    Args:
        apart: the series by name and key.
        key: of the metric.
        period: its days.
        names: what is shown, in its order; what has nothing is shown empty.
    """
    there = {name: apart[name][key] for name in names if key in apart.get(name, {})}
    upon = scales.axis(METRICS[key].unit, [f.value for each in there.values() for _, f in each.points], 3)
    empty = Series(
        METRICS[key], Figure(None), Figure(None), tuple((first, Figure(None)) for first, _ in period.points())
    )
    return [
        plot_of(there.get(name, empty), period, f"each-{key}-{name}", title, upon, charts.SMALL)
        for name, title in names.items()
    ]


def points_of(period: Period) -> tuple[str, ...]:
    """The points of a period in words."""
    return _points(period, numbers.locale())


@lru_cache(maxsize=32)
def _points(period: Period, _of: Locale) -> tuple[str, ...]:
    return tuple(numbers.point(first, last, period.step) for first, last in period.points())


def foot(period: Period, most: int = scales.MOST_NAMES) -> tuple[scales.Name, ...]:
    """The names along the foot of a chart."""
    return _foot(period, most, numbers.locale())


@lru_cache(maxsize=64)
def _foot(period: Period, most: int, _of: Locale) -> tuple[scales.Name, ...]:
    return scales.names([first for first, _ in period.points()], period.step, most)


def description(metric: Metric, period: Period, points: Sequence[tuple[date, Figure]]) -> str:
    """What a chart shows, in two sentences: the period, and its highest, lowest and last value."""
    days = f"{numbers.span(period.first, period.last)}, {BY_STEP[period.step]}."
    there = [(figure.value, place) for place, (_, figure) in enumerate(points) if figure.value is not None]
    if not there:
        return days
    named = points_of(period)
    low, high = min(there, key=lambda each: each[0]), max(there, key=lambda each: each[0])
    course = gettext(
        "Highest: %(high)s (%(high_at)s). Lowest: %(low)s (%(low_at)s). Last: %(last)s.",
        high=numbers.shown(metric, high[0]),
        high_at=named[high[1]],
        low=numbers.shown(metric, low[0]),
        low_at=named[low[1]],
        last=numbers.shown(metric, there[-1][0]),
    )
    return f"{days} {course}"


def table_of(series: Series, period: Period) -> charts.Table:
    """The points of a figure as a table: value, what it was made of, and what nobody knows."""
    metric = series.metric
    has_basis = metric.unit is not Unit.COUNT and metric.scale == 1
    head = [str(STEP[period.step]), str(NAME[metric.key])]
    head += [pgettext("report", "Made of")] if has_basis else []
    head += [pgettext("report", "Outcome not known")] if metric.unknown else []
    rows = []
    for name, (_, figure) in zip(points_of(period), series.points, strict=True):
        row = [name, numbers.shown(metric, figure.value, "short")]
        row += [numbers.made_of(metric, figure) or numbers.NONE] if has_basis else []
        row += [numbers.number(figure.unknown)] if metric.unknown else []
        rows.append(tuple(row))
    return charts.Table(tuple(head), tuple(rows))


def table_of_all(
    apart: Mapping[str, Mapping[str, Series]], key: str, period: Period, names: Mapping[str, str]
) -> charts.Table:
    """The points of a figure as a table, with a column for each name."""
    columns = []
    for name in names:
        series = apart.get(name, {}).get(key)
        there = [figure.value for _, figure in series.points] if series else [None] * len(points_of(period))
        columns.append([numbers.shown(METRICS[key], value, "short") for value in there])
    rows = zip(points_of(period), *columns, strict=True)
    return charts.Table((str(STEP[period.step]), *names.values()), tuple(tuple(row) for row in rows))


def cells(
    apart: Mapping[str, Mapping[str, Series]],
    names: Mapping[str, str],
    keys: Sequence[str],
    against: numbers.Against = numbers.Against.BEFORE,
) -> dict[str, list[Cell]]:
    """A row of figures for each name that has something, with those of the period before."""
    return {
        title: [_cell(apart[name].get(key), against) for key in keys] for name, title in names.items() if name in apart
    }


def _cell(series: Series | None, against: numbers.Against) -> Cell:
    """A figure inside a table."""
    if series is None:
        return Cell(numbers.NONE, "")
    before = None if against is numbers.Against.NOTHING else series.previous.value
    return Cell(
        numbers.shown(series.metric, series.total.value, "short"),
        "" if before is None else numbers.shown(series.metric, before, "short"),
    )
