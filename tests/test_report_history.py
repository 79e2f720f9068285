"""Reading what was achieved: every figure beside one worked out from the bare rows, over any period and filter."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from sqlalchemy import insert

from portal.daily.sources import MEASURES, Source
from portal.metrics import ESCALATIONS, METRICS, Dimension, Metric, Period, Step, Unit, rounded
from portal.reporting import history
from portal.reporting.history import Asked, Figure, Funnel, Series, Survey
from portal.storage import Database, facts
from portal.storage import schema as s
from portal.storage.facts import Counted, Key, Mark

FIRST = date(2026, 1, 20)
DAYS = 31
LANGUAGES, TOPICS, TIERS = ("de", "ru"), ("", "mail", "network"), (1, 2)


@pytest.fixture
def kept(database: Database) -> dict[date, Counted]:
    """The sums of some weeks, also stored; now and then there is nothing of a day."""
    draw, found = random.Random(4), {}
    for past in range(DAYS):
        day, counted = FIRST + timedelta(days=past), Counted()
        for source in Source:
            for measure in MEASURES[source].facts if past % 11 else ():
                for _ in range(2):
                    counted.facts[key(draw, measure)] += draw.randrange(1, 9)
            for measure in MEASURES[source].times:
                for _ in range(3):
                    counted.times[key(draw, measure), rounded(draw.expovariate(0.01))] += 1
        counted.articles["votes.yes", "de", "vpn"] = past
        counted.articles["gaps", "ru", "mail"] = 1
        found[day] = counted
    store(database, found)
    return found


def key(draw: random.Random, measure: str) -> Key:
    """What one sum is about, as far as its metrics can be told apart."""
    by = [metric.by for metric in METRICS.values() if measure in (*metric.of, *metric.over, *metric.unknown)]
    has = {dimension: all(dimension in each for each in by) for dimension in Dimension}
    topic = draw.choice(TOPICS) if has[Dimension.TOPIC] else ""
    return Key(measure, draw.choice(LANGUAGES), topic, draw.choice(TIERS) if has[Dimension.TIER] else 0)


def store(database: Database, kept: dict[date, Counted]) -> None:
    """Put sums into the database."""
    at = datetime(2026, 4, 1, tzinfo=UTC)
    with database.write() as connection:
        for (day, counted), source in itertools.product(kept.items(), Source):
            mine = MEASURES[source]
            part = Counted(
                Counter({each: value for each, value in counted.facts.items() if each.measure in mine.facts}),
                Counter({each: value for each, value in counted.times.items() if each[0].measure in mine.times}),
                Counter({each: value for each, value in counted.articles.items() if each[0] in mine.articles}),
            )
            assert facts.put(connection, source, mine, None, Mark(day, at, is_final=False), part)


def chosen(kept: dict[date, Counted], asked: Asked, first: date, last: date) -> Iterator[tuple[Key, int | None, int]]:
    """Every bare row of some days that a filter leaves: its key, minutes, and value."""
    for day, counted in kept.items():
        if first <= day <= last:
            rows: list[tuple[Key, int | None, int]] = [(each, None, value) for each, value in counted.facts.items()]
            rows += [(each, minutes, value) for (each, minutes), value in counted.times.items()]
            for each, minutes, value in rows:
                wanted = (asked.language, asked.topic, asked.tier)
                is_wanted = all(one is None or one == other for one, other in zip(wanted, each[1:], strict=True))
                if is_wanted:
                    yield each, minutes, value


def expected(metric: Metric, rows: list[tuple[Key, int | None, int]]) -> Figure:
    """A metric from bare rows."""
    if metric.unit is Unit.MINUTES:
        times = sorted(
            m for each, m, value in rows if each.measure in metric.of and m is not None for _ in range(value)
        )
        return Figure(float(times[len(times) // 2 - (len(times) % 2 == 0)]) if times else None, len(times), len(times))
    of, over, unknown = (
        sum(value for each, _, value in rows if each.measure in names)
        for names in (metric.of, metric.over, metric.unknown)
    )
    if not metric.over:
        return Figure(float(of), of, of, unknown)
    return Figure(float(Fraction(of, metric.scale * over)) if over else None, of, over, unknown)


def filters() -> Iterator[Asked]:
    """A period in every step, narrowed by nothing, by each thing, and by two."""
    for step in Step:
        period = Period(FIRST + timedelta(days=14), FIRST + timedelta(days=29), step)
        yield from (Asked(period), Asked(period, language="de"), Asked(period, topic="mail"), Asked(period, tier=1))
        yield Asked(period, language="ru", tier=2)


def test_every_metric(kept: dict[date, Counted], database: Database) -> None:
    """Total, each point, and the period before; what a metric cannot be told apart by leaves nothing of it."""
    for asked in filters():
        with database.read() as connection:
            found = history.series(connection, asked, list(METRICS))
        assert list(found) == list(METRICS)
        for series in found.values():
            check(series, asked, kept)


def check(series: Series, asked: Asked, kept: dict[date, Counted]) -> None:
    """Compare a metric with what the bare rows say."""
    metric, period = series.metric, asked.period
    narrowed = {Dimension.LANGUAGE: asked.language, Dimension.TOPIC: asked.topic, Dimension.TIER: asked.tier}

    figures = [series.total, series.previous, *(figure for _, figure in series.points)]
    if any(value is not None and dimension not in metric.by for dimension, value in narrowed.items()):
        assert set(figures) == {Figure(None)}
        return
    spans = [(period.first, period.last), (period.previous.first, period.previous.last), *period.points()]
    if period.previous.first < history.Known(firsts=dict.fromkeys(Source, FIRST)).since(metric):
        assert figures.pop(1) == Figure(None)
        spans.pop(1)
    for (first, last), figure in zip(spans, figures, strict=True):
        wanted = expected(metric, list(chosen(kept, asked, first, last)))
        assert (figure.count, figure.over, figure.unknown) == (wanted.count, wanted.over, wanted.unknown)
        assert figure.value == (pytest.approx(wanted.value) if wanted.value is not None else None)
    assert [first for first, _ in series.points] == [first for first, _ in period.points()]


def test_told_apart(kept: dict[date, Counted], database: Database) -> None:
    """By each language, topic or tier the same as narrowed by it; with points and without."""
    asked = Asked(Period(FIRST + timedelta(days=10), FIRST + timedelta(days=30), Step.WEEK))
    names = {Dimension.LANGUAGE: LANGUAGES, Dimension.TOPIC: TOPICS[1:], Dimension.TIER: tuple(map(str, TIERS))}
    assert kept
    for dimension in Dimension:
        with database.read() as connection:
            whole = history.apart(connection, asked, list(METRICS), dimension)
            totals = history.apart(connection, asked, list(METRICS), dimension, points=False)
            for name, found in whole.items():
                value = int(name) if dimension is Dimension.TIER else name
                alone = history.series(connection, replace(asked, **{dimension.value: value}), list(found))  # type: ignore[arg-type]
                assert found == alone
                assert {key: each.total for key, each in totals[name].items()} == {k: v.total for k, v in alone.items()}

        assert tuple(whole) == names[dimension]
        known = {key for found in whole.values() for key in found}
        assert known == {key for key, metric in METRICS.items() if dimension in metric.by}


def test_the_rest_makes_the_whole(kept: dict[date, Counted], database: Database) -> None:
    """With what has no topic the parts are all there is; the first counted day is known."""
    asked = Asked(Period(FIRST, FIRST + timedelta(days=DAYS - 1)))
    with database.read() as connection:
        whole = history.series(connection, asked, ["requests", "searches"])
        parts = history.apart(connection, asked, ["requests", "searches"], Dimension.TOPIC, points=False, rest=True)
        known = history.known(connection)

    assert sorted(parts) == sorted(TOPICS)
    for key, series in whole.items():
        assert sum(found[key].total.count for found in parts.values()) == series.total.count > 0
    assert known == history.Known(min(kept), datetime(2026, 4, 1, tzinfo=UTC))


def test_the_other_reports(kept: dict[date, Counted], database: Database) -> None:
    """Funnel, escalations, how long gaps lived, and the survey."""
    asked = Asked(Period(FIRST + timedelta(days=3), FIRST + timedelta(days=29)), tier=1)
    everybody = Asked(asked.period)
    sums: Counter[str] = Counter()
    for each, minutes, value in chosen(kept, asked, asked.period.first, asked.period.last):
        sums[each.measure] += value if minutes is None and not each.measure.startswith("chains") else 0
    lives: Counter[int] = Counter()
    for each, minutes, value in chosen(kept, everybody, asked.period.first, asked.period.last):
        if each.measure == "gap_life" and minutes is not None:
            lives[minutes] += value
        if each.measure.startswith("chains"):
            sums[each.measure] += value

    with database.read() as connection:
        assert history.funnel(connection, everybody) == Funnel(
            *(sums[f"chains{name}"] for name in ("", ".opened", ".helped", ".no", ".request"))
        )
        matrix = {(int(name[-3]), int(name[-1])): sums[name] for name in ESCALATIONS if sums[name]}
        assert history.escalations(connection, asked) == matrix
        assert history.lives(connection, everybody) == lives
        stars = tuple(sums[f"ratings.{number}"] for number in range(1, 6))
        assert history.survey(connection, asked) == Survey(sums["surveys"], sums["ratings.asked"], stars)  # type: ignore[arg-type]


def test_articles(kept: dict[date, Counted], database: Database) -> None:
    """Visits of the page's language, votes, requests and gaps; in any order, in parts, each row once."""
    assert kept
    period = Period(FIRST, FIRST + timedelta(days=4))
    with database.write() as connection:
        views = {"day": FIRST, "views": 7}
        connection.execute(
            insert(s.article_views),
            [views | {"slug": slug, "language": language} for slug in ("vpn", "wlan") for language in LANGUAGES]
            + [views | {"day": FIRST + timedelta(days=5), "slug": "late", "language": "de"}],
        )
    with database.read() as connection:
        rows = history.articles(connection, Asked(period))
        parts = [history.articles(connection, Asked(period), limit=2, offset=offset) for offset in (0, 2, 4, 6)]
        gaps = history.articles(connection, Asked(period, language="ru"), order="gaps")

    assert [(row.language, row.slug, row.visits, row.yes, row.gaps) for row in rows] == [
        ("de", "vpn", 7, 10, 0), ("de", "wlan", 7, 0, 0), ("ru", "vpn", 7, 0, 0), ("ru", "wlan", 7, 0, 0),
        ("ru", "mail", 0, 0, 5),
    ]  # fmt: skip
    assert [row for part in parts for row in part] == rows
    assert [row.slug for row in gaps] == ["mail", "vpn", "wlan"]
    assert [row.helpfulness for row in rows] == [1.0, None, None, None, None]


def test_nothing_at_all(database: Database) -> None:
    """Before anything was counted every point is there, and no figure is made up."""
    asked = Asked(Period(FIRST, FIRST + timedelta(days=9)))
    with database.read() as connection:
        found = history.series(connection, asked, ["searches", "wait", "deflection"])
        assert history.apart(connection, asked, ["searches"], Dimension.LANGUAGE) == {}
        assert history.known(connection) == history.Known()
        assert history.articles(connection, asked) == []
    assert {key: series.total.value for key, series in found.items()} == dict.fromkeys(found)
    assert {len(series.points) for series in found.values()} == {10}


def test_before_it_was_counted_nothing_is_known(database: Database) -> None:
    """After an upgrade: neither a point nor a period before; tickets are known for ever, and are 0."""
    day = FIRST + timedelta(days=7)
    store(database, {day: Counted(Counter({Key("searches", "de"): 3, Key("requesters", "de"): 1}))})
    with database.read() as connection:
        found = history.series(connection, Asked(Period(day - timedelta(days=1), day)), list(METRICS))

    searches = found["searches"]
    assert [figure.value for _, figure in searches.points] == [None, 3.0]
    assert (searches.total.value, searches.previous.value) == (3.0, None)
    assert found["self_service_score"].points[0][1] == found["deflection"].previous == Figure(None)
    assert [figure.value for _, figure in found["requests"].points] == [0.0, 0.0]
    assert found["requests"].previous.value == 0.0


@pytest.mark.parametrize("minutes", [0, 19, 20, 21, 59, 60, 480, 1439, 10_081, 525_600])
def test_minutes_are_kept_within_five_per_cent(minutes: int) -> None:
    """Short times exactly; what has been rounded is not rounded again."""
    kept = rounded(minutes)

    assert abs(kept - minutes) <= minutes * 0.05
    assert rounded(kept) == kept
