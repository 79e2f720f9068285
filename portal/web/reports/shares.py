"""Charts of how something is shared out: the funnel, outcomes, half-lives, stars, waits, and the way through the tiers."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext, ngettext, pgettext

from portal.metrics import Period, Unit
from portal.reporting.history import Funnel, Series, Survey
from portal.web.labels import STARS
from portal.web.labels import tier as tier_name
from portal.web.reports import charts, figures, numbers
from portal.web.reports.words import STEP

#: Longest half-lives that are counted together, in minutes; the last takes all others.
LIVES = (60, 480, 1440, 2880, 10_080, 20_160, 43_200)
#: How dark the cells of the matrix can be.
SHADES = 4


def _of(count: int, whole: int) -> str:
    """A number with its share of a whole."""
    if not whole:
        return numbers.number(count)
    return f"{numbers.number(count)} ({numbers.percent(count / whole)})"


def funnel(found: Funnel) -> charts.Bars:
    """From the attempt to the request."""
    rows = [
        (pgettext("funnel", "Attempts"), found.chains, 1),
        (pgettext("funnel", "Opened an article"), found.opened, 1),
        (pgettext("funnel", "“Yes”, or only read it"), found.helped, 1),
        (pgettext("funnel", "“No”"), found.said_no, 2),
        (pgettext("funnel", "Sent a request"), found.requests, 3),
    ]
    head = (
        pgettext("funnel", "Step"),
        pgettext("report", "Number"),
        pgettext("funnel", "Share of all attempts"),
    )
    table = charts.Table(
        head,
        tuple(
            (name, numbers.number(n), numbers.percent(n / found.chains) if found.chains else "–") for name, n, _ in rows
        ),
    )
    said = gettext(
        "Of %(chains)s attempts %(opened)s came to an article, %(helped)s found help there, and %(requests)s ended in a "
        "request.",
        chains=numbers.number(found.chains),
        opened=numbers.number(found.opened),
        helped=numbers.number(found.helped),
        requests=numbers.number(found.requests),
    )
    return charts.bars(
        "funnel",
        gettext("From search to request"),
        said,
        [(name, count, _of(count, found.chains)) for name, count, _ in rows],
        table,
        [style for _, _, style in rows],
    )


def outcomes(series: Series, period: Period) -> charts.Plot:
    """What became of attempts: found, not found, and what nobody knows, upon one another."""
    parts = {
        pgettext("attempt", "Success"): [figure.count for _, figure in series.points],
        pgettext("attempt", "No success"): [figure.over - figure.count for _, figure in series.points],
        pgettext("attempt", "Not known"): [figure.unknown for _, figure in series.points],
    }
    total = series.total
    said = gettext(
        "%(success)s attempts with success, %(failure)s without, and %(unknown)s whose outcome is not known.",
        success=numbers.number(total.count),
        failure=numbers.number(total.over - total.count),
        unknown=numbers.number(total.unknown),
    )
    points = figures.points_of(period)
    head = (str(STEP[period.step]), *parts)
    rows = tuple((point, *map(numbers.number, row)) for point, *row in zip(points, *parts.values(), strict=True))
    drawn = [
        charts.Values(name, tuple(map(float, counts)), tuple(map(numbers.number, counts)))
        for name, counts in parts.items()
    ]
    return charts.plot(
        "outcomes",
        gettext("Outcomes of attempts"),
        said,
        Unit.COUNT,
        drawn,
        points,
        figures.foot(period),
        charts.Table(head, rows),
        is_stacked=True,
    )


def lives(found: Mapping[int, int]) -> charts.Bars:
    """How long it took until unanswered searches were solved."""
    bounds = [0, *LIVES]
    counts = [sum(times for m, times in found.items() if low <= m < high) for low, high in _stretches(bounds)]
    names = [gettext("up to %(time)s", time=numbers.duration(bound)) for bound in LIVES]
    names.append(gettext("longer than %(time)s", time=numbers.duration(LIVES[-1])))
    whole, sofar, rows = sum(counts), 0, []
    for name, count in zip(names, counts, strict=True):
        sofar += count
        share = (numbers.percent(count / whole), numbers.percent(sofar / whole)) if whole else ("–", "–")
        rows.append((name, numbers.number(count), *share))
    head = (
        pgettext("report", "Time"),
        pgettext("report", "Number"),
        pgettext("report", "Share"),
        pgettext("report", "Together so far"),
    )
    said = ngettext(
        "%(count)s unanswered search was solved in this time, by how long it took.",
        "%(count)s unanswered searches were solved in this time, by how long it took.",
        whole,
        count=numbers.number(whole),
    )
    drawn = [(name, count, _of(count, whole)) for name, count in zip(names, counts, strict=True)]
    return charts.bars(
        "lives", gettext("How long searches went unanswered"), said, drawn, charts.Table(head, tuple(rows))
    )


def _stretches(bounds: list[int]) -> list[tuple[float, float]]:
    """From above one bound up to the next; the first with its lower bound, the last without an upper one."""
    lows = [-1.0, *(bound + 0.5 for bound in bounds[1:])]
    return list(zip(lows, [*lows[1:], float("inf")], strict=True))


def rated(found: Survey) -> tuple[Survey, charts.Bars]:
    """How many were asked and answered, and what they gave."""
    return found, stars(found)


def stars(found: Survey) -> charts.Bars:
    """How many requesters gave which rating, best first."""
    whole = sum(found.stars)
    rows = [(f"{STARS[each]} ({each})", found.stars[each - 1]) for each in range(5, 0, -1)]
    head = (pgettext("report", "Rating"), pgettext("report", "Number"), pgettext("report", "Share"))
    table = charts.Table(
        head,
        tuple((name, numbers.number(n), numbers.percent(n / whole) if whole else "–") for name, n in rows),
    )
    said = ngettext(
        "%(count)s rating, best first.", "%(count)s ratings, best first.", whole, count=numbers.number(whole)
    )
    drawn = [(name, count, _of(count, whole)) for name, count in rows]
    return charts.bars("stars", gettext("Ratings"), said, drawn, table)


def waits(apart: Mapping[str, Mapping[str, Series]], names: Mapping[str, str]) -> charts.Bars:
    """How long requests stay with each tier."""
    found = [
        (title, apart[name]["wait"].total)
        for name, title in names.items()
        if name in apart and "wait" in apart[name] and apart[name]["wait"].total.value is not None
    ]
    rows = [(title, round(total.value or 0), numbers.median(total.value or 0, "short")) for title, total in found]
    head = (pgettext("report", "Tier"), pgettext("report", "Time"), pgettext("report", "Number of stays"))
    table = charts.Table(
        head,
        tuple((title, numbers.median(total.value or 0), numbers.number(total.count)) for title, total in found),
    )
    said = gettext("The time after which half of the requests had left each tier (median).")
    return charts.bars("waits", gettext("Wait by tier"), said, rows, table)


@dataclass(frozen=True)
class Crossing:
    """A cell of the matrix: how many requests went from one tier to another."""

    text: str
    #: 0 (none) to `SHADES`.
    shade: int = 0


@dataclass(frozen=True)
class Matrix:
    """From which tier to which requests were passed."""

    #: Names of the tiers, of rows and columns alike.
    tiers: tuple[str, ...]
    #: By the tier that passed them; the last cell of each is their sum.
    rows: tuple[tuple[Crossing, ...], ...]
    #: By the tier that got them, and all.
    sums: tuple[str, ...]
    total: int


def matrix(found: Mapping[tuple[int, int], int], names: Mapping[str, str]) -> Matrix:
    """The escalations of a period; of tiers that are set up, and of those that had any."""
    numbers_of = sorted({int(name) for name in names} | {tier for pair in found for tier in pair})
    most = max(found.values(), default=0)
    rows = []
    for one in numbers_of:
        cells = [_crossing(found.get((one, other), 0), most, is_same=one == other) for other in numbers_of]
        whole = sum(count for (start, _), count in found.items() if start == one)
        rows.append((*cells, Crossing(numbers.number(whole))))
    sums = [sum(count for (_, end), count in found.items() if end == other) for other in numbers_of]
    total = sum(found.values())
    tiers = tuple(names.get(str(number)) or tier_name(number) for number in numbers_of)
    return Matrix(tiers, tuple(rows), tuple(numbers.number(count) for count in (*sums, total)), total)


def _crossing(count: int, most: int, *, is_same: bool) -> Crossing:
    """A cell; darker the more of them there were."""
    if is_same:
        return Crossing(numbers.NONE)
    return Crossing(numbers.number(count), -(-count * SHADES // most) if count else 0)
