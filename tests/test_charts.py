"""Charts: geometry and axes by properties, and what stands in the SVG for those who cannot see it."""

import itertools
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from flask_babel import force_locale
from hypothesis import given
from hypothesis import strategies as st

from portal.metrics import METRICS, Period, Step, Unit
from portal.reporting.history import Asked, Figure, Funnel, Series, Survey
from portal.web.reports import charts, figures, numbers, scales, shares
from portal.web.reports.numbers import change
from tests.needs import REPOSITORY

LOCALES = ("en_GB", "fr", "de", "ru")
MONTH = Period(date(2026, 1, 1), date(2026, 1, 31))
VALUES = {
    Unit.COUNT: st.integers(0, 10**9).map(float),
    Unit.SHARE: st.floats(0, 1),
    Unit.RATIO: st.floats(0, 1e6),
    Unit.MINUTES: st.integers(0, 10**6).map(float),
    Unit.STARS: st.floats(1, 5),
}


@pytest.fixture
def on_page(app: Flask) -> Iterator[None]:
    """A page in English."""
    with app.test_request_context("/en/"):
        yield


def series(key: str, *values: float | None, before: float | None = None) -> Series:
    """A figure of days, with points."""
    points = tuple((MONTH.first + timedelta(days=place), Figure(value, 1, 2)) for place, value in enumerate(values))
    there = [value for value in values if value is not None]
    return Series(METRICS[key], Figure(there[-1] if there else None, 1, 2), Figure(before), points)


@given(st.data(), st.sampled_from(list(Unit)), st.integers(3, 6))
def test_an_axis_holds_every_value_with_few_round_numbers(data: st.DataObject, unit: Unit, most: int) -> None:
    """At most so many numbers, evenly apart and rising, none wasted above what the highest value needs."""
    values = data.draw(st.lists(st.none() | VALUES[unit], max_size=30))

    made = scales.axis(unit, values, most)

    steps = [high - low for low, high in zip(made.ticks, made.ticks[1:], strict=False)]
    top = max((value for value in values if value is not None), default=0)
    assert 2 <= len(made.ticks) <= most
    assert all(step == pytest.approx(steps[0], rel=1e-6, abs=1e-9) for step in steps)
    assert steps[0] > 0
    assert made.ticks[-1] >= top * (1 - 1e-6)
    assert all(0 <= made.height(value or 1) <= 1 for value in values)
    if unit is not Unit.STARS and top > 1e-6:
        assert made.ticks[-2] < top * (1 + 1e-6)
    if unit is Unit.COUNT:
        assert all(tick == int(tick) for tick in made.ticks)


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=120))
def test_a_line_has_every_value_and_leaves_gaps_open(values: list[float | None]) -> None:
    """Each value is a point of one piece, no piece crosses a gap, and what stands alone is a dot."""
    made = charts._line(1, values, scales.axis(Unit.SHARE, values), charts.LARGE)

    drawn = [len(path.split("L")) for path in made.paths]
    text = "".join("x" if value is not None else " " for value in values)
    runs = [len(run) for run in text.split()]
    assert drawn == [run for run in runs if run > 1]
    assert len(made.dots) == (sum(runs) if len(values) <= charts.MARKED else runs.count(1))
    assert all(0 <= x <= 100 and 0 <= y <= charts.LARGE for x, y in made.dots)


@given(st.lists(st.lists(st.integers(0, 10**6), min_size=3, max_size=3), min_size=1, max_size=60))
def test_stacked_columns_are_as_high_as_their_sum(rows: list[list[int]]) -> None:
    """Parts stand on one another without overlap; nothing leaves the drawing."""
    parts = [charts.Values("x", tuple(float(row[part]) for row in rows), tuple("" for _ in rows)) for part in range(3)]
    upon = scales.axis(Unit.COUNT, [sum(row) for row in rows])

    made = charts._columns(parts, upon, charts.LARGE)

    assert len(made) == sum(value > 0 for row in rows for value in row)
    for column in made:
        assert column.x + column.width <= 100.001
        assert column.y >= 0
        assert column.y + column.height <= charts.LARGE + 0.2
    by_place: dict[float, list[charts.Column]] = {}
    for column in made:
        by_place.setdefault(column.x, []).append(column)
    for columns in by_place.values():
        for low, high in itertools.pairwise(columns):
            assert high.y + high.height == pytest.approx(low.y, abs=0.2)


@given(st.integers(1, 800), st.sampled_from(list(Step)))
def test_the_foot_has_few_names_that_stay_inside(days: int, step: Step) -> None:
    """At most six, in order, those at the edges turned inwards."""
    period = Period(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=days - 1), step)

    made = scales.names([first for first, _ in period.points()], step)

    assert 1 <= len(made) <= scales.MOST_NAMES
    assert [each.x for each in made] == sorted(each.x for each in made)
    assert 1 <= sum(not each.is_minor for each in made) <= scales.MOST_NAMES_NARROW
    assert all(0 <= each.x <= 100 and each.text for each in made)


@given(st.integers(0, 10**6))
def test_a_length_in_words_is_right_to_two_units(minutes: int) -> None:
    """Read back, it is as long, within half of its smaller unit."""
    sizes = {"minute": 1, "hour": 60, "day": 1440, "week": 10_080}
    words = re.findall(r"([\d,]+) (\w+?)s?\b", numbers.duration(minutes))

    told = sum(int(count.replace(",", "")) * sizes[unit] for count, unit in words)

    assert len(words) <= 2
    smaller = 1 if minutes < 1440 else 60 if minutes < 9 * 10_080 else 1440
    assert abs(told - minutes) <= smaller / 2


CHANGES: list[tuple[str, float, float | None, str, str]] = [
    ("searches", 110, 100, "Up 10% on the period before (100)", ""),
    ("gaps", 90, 100, "Down 10% on the period before (100)", "better"),
    ("zero_result_rate", 0.125, 0.1, "Up 2.5 percentage points on the period before (10%)", "worse"),
    ("helpfulness", 0.81, 0.8, "Up 1 percentage point on the period before (80%)", "better"),
    ("first_reply", 30, 60, "Down 50% on the period before (about 1 hour)", "better"),
    ("first_reply", 403, 384, "Up 5% on the period before (about 6.4 hours)", ""),
    ("first_reply", 110, 100, "Up 10% on the period before (about 1.7 hours)", ""),
    ("first_reply", 403, 402, "Unchanged from the period before (about 6.7 hours)", ""),
    ("first_reply", 450, 403, "Up 12% on the period before (about 6.7 hours)", "worse"),
    ("satisfaction", 4.5, 4.25, "Up 0.25 on the period before (4.25)", "better"),
    ("requests", 5, 0, "Up 5 on the period before (0)", ""),
    ("requests", 5, 5, "Unchanged from the period before (5)", ""),
    ("requests", 0, 0, "Unchanged from the period before (0)", ""),
    ("search_success", 0.5, None, "Nothing to compare with in the period before", ""),
    ("search_success", 0.5001, 0.5, "Unchanged from the period before (50%)", ""),
]


@pytest.mark.usefixtures("on_page")
def test_a_change_is_told_in_words() -> None:
    """By how much, from what, and whether that is good, as the metric's own direction says."""
    for key, now, before, text, verdict in CHANGES:
        made = change(series(key, now, before=before))

        assert (made.text, made.verdict) == (text, verdict)
        assert made.direction == (0 if before is None or "Unchanged" in text else 1 if now > before else -1)


@pytest.mark.usefixtures("on_page")
def test_a_change_is_judged_only_where_whole_periods_are_compared() -> None:
    """With today among the days it is told but is neither good nor bad; of what was not counted nothing is told."""
    each = series("gaps", 9, before=0)

    made = [change(each, against) for against in numbers.Against]

    assert [(one.text, one.verdict) for one in made] == [
        ("Up 9 on the period before (0)", "worse"),
        ("Up 9 on the period before (0)", ""),
        ("Nothing to compare with in the period before", ""),
    ]


@pytest.mark.usefixtures("on_page")
@given(st.integers(0, 10**6))
def test_a_median_has_two_digits(minutes: int) -> None:
    """As it is kept within 5 per cent, no more is told; that it is about so much, unless it is exact."""
    text = numbers.median(minutes)
    sizes = {"minute": 1, "hour": 60, "day": 1440, "week": 10_080}
    [(count, unit)] = re.findall(r"([\d.,]+) (\w+?)s?$", text)

    assert len(count.replace(".", "").lstrip("0")) <= 2 or float(count.replace(",", "")) % 10 == 0
    assert float(count.replace(",", "")) * sizes[unit] == pytest.approx(minutes, rel=0.06)
    assert text.startswith("about ") is (minutes > 20)


def drawn(chart: object, macro: str, **more: object) -> str:
    """A chart as the page has it."""
    source = (
        f'{{% import "charts/charts.html" as charts with context %}}{{{{ charts.{macro}(chart, "Nothing here") }}}}'
    )
    return render_template_string(source, chart=chart, **more)


def test_every_chart_says_in_words_what_it_shows(app: Flask) -> None:
    """Title, description, a table with every value, gaps as dashes, no style of its own, text that is escaped."""
    for locale in LOCALES:
        with app.test_request_context(f"/{locale[:2]}/"), force_locale(locale):
            each = series("helpfulness", 0.5, None, 0.25, None, 0.75)
            plot = figures.plot_of(each, Period(MONTH.first, date(2026, 1, 5)), "one", 'A <b>"title"')
            lying = shares.funnel(Funnel(100, 60, 40, 5, 3))
            html = (
                drawn(plot, "plot") + drawn(lying, "bars") + drawn(shares.stars(Survey(9, 3, (1, 0, 0, 1, 3))), "bars")
            )

        assert html.count('role="img"') == 3
        for name in re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', html):
            assert len(re.findall(rf'id="{name}"', html)) == 1
        assert "<b>" not in html
        assert "style=" not in html
        assert "nan" not in html.lower()
        assert "&lt;b&gt;" in html
        assert html.count("<details") == html.count("<table") == 3
        table = html.split("<tbody>")[1].split("</tbody>")[0]
        assert len(re.findall("<tr>", table)) == 5
        assert table.count(f"<td>{numbers.NONE}<") == 4
        assert 'fill="url(#ui-fill-2)"' in html
        assert 'viewBox="0 0 1000' in html


@pytest.mark.usefixtures("on_page")
def test_what_is_empty_says_so_and_draws_nothing() -> None:
    """No axis around nothing."""
    nothing = figures.plot_of(series("searches", 0, 0, 0), Period(MONTH.first, date(2026, 1, 3)), "none", "Searches")

    assert [nothing.is_empty, shares.lives({}).is_empty, shares.funnel(Funnel(0, 0, 0, 0, 0)).is_empty] == [True] * 3
    for chart, macro in ((nothing, "plot"), (shares.lives({}), "bars")):
        html = drawn(chart, macro)
        assert "Nothing here" in html
        assert "<svg" not in html


@pytest.mark.usefixtures("on_page")
@given(st.dictionaries(st.integers(0, 10**6), st.integers(1, 50), max_size=30))
def test_every_solved_search_is_in_one_stretch(found: dict[int, int]) -> None:
    """The distribution loses none and counts none twice; the last running share is all of them."""
    made = shares.lives(found)

    assert sum(int(row[1].replace(",", "")) for row in made.table.rows) == sum(found.values())
    assert not found or made.table.rows[-1][3] == "100%"


@pytest.mark.usefixtures("on_page")
def test_the_matrix_adds_up() -> None:
    """Rows, columns and the whole; also of tiers that are set up no more."""
    made = shares.matrix({(1, 2): 30, (2, 3): 10, (2, 1): 1}, {"1": "L1", "2": "L2"})

    assert made.tiers == ("L1", "L2", "L3")
    assert [[cell.text for cell in row] for row in made.rows] == [
        ["–", "30", "0", "30"],
        ["1", "–", "10", "11"],
        ["0", "0", "–", "0"],
    ]
    assert (made.sums, made.total, made.rows[0][1].shade) == (("1", "30", "10", "41"), 41, shares.SHADES)


@pytest.mark.usefixtures("on_page")
def test_unknown_outcomes_stand_apart() -> None:
    """In the stacked chart, its table and in words; never in the share."""
    point = Figure(0.75, 3, 4, 6)
    each = Series(METRICS["search_success"], point, Figure(None), ((MONTH.first, point),))
    day = Period(MONTH.first, MONTH.first)

    made = shares.outcomes(each, day)

    assert made.table is not None
    assert made.table.rows[0][1:] == ("3", "1", "6")
    assert len(made.columns) == len({column.style for column in made.columns}) == 3
    assert figures.shown(each, Asked(day)).unknown == "Outcome not known: 6 (60% of all attempts)"


def test_print_has_no_patterns_and_no_table_wider_than_the_sheet() -> None:
    """Printers make an image of each pattern; every style that is one on screen is a plain area with its own border."""
    css = Path(REPOSITORY / "portal" / "static" / "reports.css").read_text().split("@media print")[1]

    rules = [re.search(rf"\.area-{style} \{{([^}}]*)\}}", css) for style in (2, 3, 4)]
    found = [rule[1].strip() for rule in rules if rule]
    assert len(set(found)) == 3
    assert all(rule.startswith("fill: #") for rule in found)
    assert re.search(r"\.apart \{[^}]*table-layout: fixed", css)


def test_heights_in_the_style_sheet_are_those_of_the_geometry() -> None:
    """A drawing that is stretched is exactly as high as its coordinates say."""
    css = Path(REPOSITORY / "portal" / "static" / "reports.css").read_text()

    for rule, height in (
        (r"\n\.plot \{", charts.LARGE + 24),
        (r"\n\.stretch \{", charts.LARGE),
        (r"\n\.chart-small \.plot \{", charts.SMALL + 24),
        (r"\n\.chart-small \.stretch \{", charts.SMALL),
        (r"\n\.spark \.stretch \{", charts.SPARK),
    ):
        assert re.search(rf"{rule}[^}}]*block-size: {height}px", css), rule
    assert f"\n.places rect {{ height: {charts.LARGE}px; }}" in css
    assert f"\n.chart-small .places rect {{ height: {charts.SMALL}px; }}" in css
    assert all(f".bars-{rows} {{ block-size: {rows * 46}px; }}" in css for rows in range(2, len(shares.LIVES) + 2))
