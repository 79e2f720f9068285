"""Charts as geometry: what `templates/charts` draws as SVG, each with the table that says the same.

Widths are in per cent and heights in pixels, so that a chart is as wide as its column and its text is never scaled;
lines are drawn 1000 units wide in a drawing of their own that is stretched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from portal.metrics import Unit
from portal.web.reports.scales import MOST_TICKS, Axis, Name, axis, middle

#: Height of what is drawn, in pixels: of a whole chart, of one of several small ones, of a sparkline.
LARGE, SMALL, SPARK = 200, 110, 32
#: Space above the highest value, where its number stands, and of a sparkline's line from its edges.
ABOVE, EDGE = 18, 4
#: Points up to which each is marked on a line.
MARKED = 62
#: Points up to which each says what it is when it is pointed at.
POINTED = 120
#: Share of its place that a column fills.
FILLED = 0.72
#: Width of the drawing of lines, in its own units.
WIDE = 1000


@dataclass(frozen=True)
class Table:
    """The same as a chart, to be read; the first cell of each row says what it is about."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Values:
    """What one line shows, or one part of columns."""

    name: str
    values: tuple[float | None, ...]
    #: The same in words; of more than `POINTED` points there need not be any.
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tick:
    """A number at the side of a chart."""

    y: float
    text: str


@dataclass(frozen=True)
class Line:
    """A line, in pieces where values are missing."""

    #: Which of the styles it is drawn in, from 1.
    style: int
    #: Data of paths, `WIDE` units wide.
    paths: tuple[str, ...]
    #: Where points are marked: per cent of the width, and pixels from above.
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Column:
    """A column, or a part of one."""

    style: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Place:
    """The whole height above one point, which says what stands there."""

    x: float
    width: float
    text: str


@dataclass(frozen=True)
class Plot:
    """A chart over time."""

    id: str
    title: str
    description: str
    height: int
    #: None for one of several small charts, which have a table together.
    table: Table | None = None
    ticks: tuple[Tick, ...] = ()
    names: tuple[Name, ...] = ()
    lines: tuple[Line, ...] = ()
    columns: tuple[Column, ...] = ()
    places: tuple[Place, ...] = ()
    #: Names of the styles, where there is more than one.
    legend: tuple[str, ...] = ()
    #: Whether there is something to show.
    is_empty: bool = False


def plot(
    id_: str,
    title: str,
    description: str,
    unit: Unit,
    drawn: Sequence[Values],
    points: Sequence[str],
    foot: tuple[Name, ...],
    table: Table | None,
    *,
    is_stacked: bool = False,
    height: int = LARGE,
    upon: Axis | None = None,
) -> Plot:
    """A chart over time: numbers of things as columns, all else as lines.

    Args:
        id_: part of its elements' ids, unique on the page.
        title: what it shows.
        description: the same in a sentence or two.
        unit: of all values.
        drawn: lines, or parts of columns from below.
        points: the points in words.
        foot: names along the foot.
        table: the same to be read; None where another chart's table has it.
        is_stacked: whether the parts stand on one another.
        height: of what is drawn, in pixels.
        upon: the axis; as the values need it where None.
    """
    flat = [value for each in drawn for value in each.values]
    if not any(flat) if unit is Unit.COUNT else all(value is None for value in flat):
        return Plot(id_, title, description, height, table, is_empty=True)
    if upon is None:
        sums = [sum(value or 0 for value in column) for column in zip(*(each.values for each in drawn), strict=True)]
        upon = axis(unit, sums if is_stacked else flat, MOST_TICKS if height >= LARGE else 3)
    marks = tuple(Tick(_y(upon, each, height), upon.text(each)) for each in upon.ticks)
    is_columns = unit is Unit.COUNT
    return Plot(
        id_,
        title,
        description,
        height,
        table,
        marks,
        foot,
        () if is_columns else tuple(_line(style, each.values, upon, height) for style, each in enumerate(drawn, 1)),
        _columns(drawn, upon, height) if is_columns else (),
        _places(drawn, points) if len(points) <= POINTED else (),
        tuple(each.name for each in drawn) if len(drawn) > 1 else (),
    )


def _y(upon: Axis, value: float, height: int, above: int = ABOVE) -> float:
    """How far from above a value stands, in pixels."""
    return round(height - upon.height(value) * (height - above), 1)


def _pieces(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The stretches without a gap: places and values."""
    there = [(place, value) for place, value in enumerate(values) if value is not None]
    grouped = groupby(enumerate(there), key=lambda each: each[1][0] - each[0])
    return [[each for _, each in piece] for _, piece in grouped]


def _paths(pieces: Sequence[Sequence[tuple[int, float]]], count: int, ys: dict[int, float]) -> tuple[str, ...]:
    """A path for every stretch of two points or more."""
    return tuple(
        "M" + "L".join(f"{middle(place, count) * WIDE / 100:.1f} {ys[place]}" for place, _ in piece)
        for piece in pieces
        if len(piece) > 1
    )


def _line(style: int, values: Sequence[float | None], upon: Axis, height: int) -> Line:
    """A line with its points: all of them where they are few, else those that stand alone."""
    pieces = _pieces(values)
    ys = {place: _y(upon, value, height) for piece in pieces for place, value in piece}
    marked = [place for piece in pieces for place, _ in piece if len(values) <= MARKED or len(piece) == 1]
    dots = tuple((middle(place, len(values)), ys[place]) for place in marked)
    return Line(style, _paths(pieces, len(values), ys), dots)


def _columns(drawn: Sequence[Values], upon: Axis, height: int) -> tuple[Column, ...]:
    """The columns of numbers, each part upon those before it."""
    found = []
    for place in range(len(drawn[0].values)):
        band = 100 / len(drawn[0].values)
        below = 0.0
        for style, each in enumerate(drawn, 1):
            value = each.values[place] or 0
            if value > 0:
                top, foot = _y(upon, below + value, height), _y(upon, below, height)
                x = round(band * (place + (1 - FILLED) / 2), 3)
                found.append(Column(style, x, top, round(band * FILLED, 3), round(foot - top, 1)))
            below += value
    return tuple(found)


def _places(drawn: Sequence[Values], points: Sequence[str]) -> tuple[Place, ...]:
    """What each point says when it is pointed at."""
    band = 100 / len(points)
    found = []
    for place, point in enumerate(points):
        texts = [f"{each.name}: {each.texts[place]}" if len(drawn) > 1 else each.texts[place] for each in drawn]
        found.append(Place(round(band * place, 3), round(band, 3), f"{point}: {'; '.join(texts)}"))
    return tuple(found)


@dataclass(frozen=True)
class Spark:
    """A line without numbers, as large as a word."""

    id: str
    title: str
    description: str
    table: Table
    paths: tuple[str, ...] = ()
    #: The last value, and those that stand alone.
    dots: tuple[tuple[float, float], ...] = ()
    height: int = SPARK

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.paths and not self.dots


def spark(id_: str, title: str, description: str, unit: Unit, values: Sequence[float | None], table: Table) -> Spark:
    """The course of a figure in small."""
    upon = axis(unit, values)
    pieces = _pieces(values)
    high = SPARK - EDGE
    ys = {place: _y(upon, value, high, EDGE) for piece in pieces for place, value in piece}
    dots = [piece[0][0] for piece in pieces if len(piece) == 1]
    if pieces and pieces[-1][-1][0] not in dots:
        dots.append(pieces[-1][-1][0])
    marks = tuple((middle(place, len(values)), ys[place]) for place in dots)
    return Spark(id_, title, description, table, _paths(pieces, len(values), ys), marks)


@dataclass(frozen=True)
class Bar:
    """One of several lying bars."""

    name: str
    #: Per cent of the width.
    width: float
    #: Its number, in words.
    text: str
    style: int = 1


@dataclass(frozen=True)
class Bars:
    """Lying bars: a distribution, or what is left from step to step."""

    id: str
    title: str
    description: str
    table: Table
    bars: tuple[Bar, ...] = ()
    is_empty: bool = False


def bars(
    id_: str,
    title: str,
    description: str,
    rows: Sequence[tuple[str, int, str]],
    table: Table,
    styles: Sequence[int] = (),
) -> Bars:
    """Lying bars, the longest as wide as the chart.

    Args:
        id_: part of its elements' ids, unique on the page.
        title: what it shows.
        description: the same in a sentence or two.
        rows: name, number, and the number in words.
        table: the same to be read.
        styles: of each row, from 1; all the first one where empty.
    """
    most = max((count for _, count, _ in rows), default=0)
    made = tuple(
        Bar(name, round(count * 100 / most, 3) if most else 0.0, text, styles[place] if styles else 1)
        for place, (name, count, text) in enumerate(rows)
    )
    return Bars(id_, title, description, table, made, is_empty=most == 0)
