"""The tables of reports, row by row: what their pages and the live board show."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from portal.metrics import METRICS, Dimension
from portal.reporting import history
from portal.reporting.board import Board
from portal.reporting.export import Row, moment, subject
from portal.reporting.export import Table as _Table
from portal.reporting.history import Asked, Series
from portal.storage import Database
from portal.writing.planning.status import Coverage, State

_L, _TOPIC, _TIER = Dimension.LANGUAGE, Dimension.TOPIC, Dimension.TIER
#: The metrics of each report, and what they are told apart by.
REPORTS: Mapping[str, tuple[tuple[str, ...], tuple[Dimension, ...]]] = {
    "overview": (tuple(METRICS), ()),
    "search": (
        (
            "searches",
            "zero_result_rate",
            "search_success",
            "click_mrr",
            "helpfulness",
            "self_service_score",
            "deflection",
            "failed_deflection",
        ),
        (_L, _TOPIC),
    ),
    "gaps": (("gaps", "gaps_answered", "gap_half_life"), (_L, _TOPIC)),
    "requests": (
        ("requests", "requests_solved", "first_reply", "resolution", "wait", "reopen_rate"),
        (_TIER, _L, _TOPIC),
    ),
    "survey": (("satisfaction", "response_rate"), (_L, _TIER, _TOPIC)),
}
#: Where each language has its own course, in small multiples.
BY_LANGUAGE = frozenset({"search"})
#: Columns of every report of metrics. `part` says what a row is: `total`, `point` of the series, or a further table.
METRIC_COLUMNS = (
    "part",
    "metric",
    "name",
    "unit",
    "by",
    "of",
    "first",
    "last",
    "value",
    "count",
    "over",
    "unknown",
    "previous",
)
ARTICLE_COLUMNS = ("slug", "language", "title", "topic", "visits", "yes", "no", "helpfulness", "requests", "gaps")
ESCALATION_COLUMNS = ("from_tier", "to_tier", "requests")
TRANSLATION_COLUMNS = (
    "language",
    "top",
    "articles",
    "there",
    "coverage",
    "freshness",
    *(state.value for state in State),
)
BOARD_COLUMNS = ("part", "tier", "language", "priority", "ticket", "status", "owned", "due_at", "since", "tickets")


def of_metrics(database: Database, report: str, asked: Asked, names: Mapping[str, str]) -> _Table:
    """A report of metrics: totals and series, the same for each language or tier, and what else its page shows.

    Args:
        database: read part by part.
        report: one of `REPORTS`.
        asked: the days and the filter.
        names: of the metrics, by key.
    """
    keys, dimensions = REPORTS[report]
    metrics = {
        key: {
            "unit": METRICS[key].unit.value,
            "of": METRICS[key].of,
            "over": METRICS[key].over,
            "unknown": METRICS[key].unknown,
            "scale": METRICS[key].scale,
            "trend": METRICS[key].trend.value,
        }
        for key in keys
    }

    def rows() -> Iterator[Row]:
        with database.read() as connection:
            whole = history.series(connection, asked, keys)
        for each in whole.values():
            yield from _series(each, asked, names)
        for dimension in dimensions:
            with database.read() as connection:
                with_points = dimension is _L and report in BY_LANGUAGE
                apart = history.apart(
                    connection, asked, keys, dimension, points=with_points, rest=dimension is Dimension.TOPIC
                )
            for of, found in apart.items():
                for each in found.values():
                    yield from _series(each, asked, names, dimension.value, of)
        if report in _MORE:
            yield from _MORE[report](database, asked)

    return _Table(report, METRIC_COLUMNS, rows(), {**subject(asked), "metrics": metrics})


def _series(series: Series, asked: Asked, names: Mapping[str, str], by: str = "", of: str = "") -> Iterator[Row]:
    """A metric's total and its points."""
    key, period = series.metric.key, asked.period
    common = (key, names.get(key, key), series.metric.unit.value, by, of)
    total = series.total
    yield (
        "total",
        *common,
        period.first,
        period.last,
        total.value,
        total.count,
        total.over,
        total.unknown,
        series.previous.value,
    )
    ends = dict(period.points())
    for first, figure in series.points:
        last = ends.get(first, first)
        yield ("point", *common, first, last, figure.value, figure.count, figure.over, figure.unknown, None)


def _further(part: str, key: str, asked: Asked, count: int, of: str = "") -> Row:
    """A row of a table that is no series."""
    period = asked.period
    return (part, key, key, "count", "", of, period.first, period.last, float(count), count, None, None, None)


def _funnel(database: Database, asked: Asked) -> Iterator[Row]:
    """What came of the attempts to find something."""
    with database.read() as connection:
        funnel = history.funnel(connection, asked)
    for name in ("chains", "opened", "helped", "said_no", "requests"):
        yield _further("funnel", name, asked, getattr(funnel, name))


def _lives(database: Database, asked: Asked) -> Iterator[Row]:
    """How many unanswered searches were answered after how many minutes."""
    with database.read() as connection:
        lives = history.lives(connection, asked)
    for minutes, times in sorted(lives.items()):
        yield _further("distribution", "gap_life_minutes", asked, times, str(minutes))


def _stars(database: Database, asked: Asked) -> Iterator[Row]:
    """How many were asked, have answered, and gave how many stars."""
    with database.read() as connection:
        survey = history.survey(connection, asked)
    yield _further("survey", "asked", asked, survey.asked)
    yield _further("survey", "answered", asked, survey.answered)
    for stars, number in enumerate(survey.stars, 1):
        yield _further("distribution", "stars", asked, number, str(stars))


def _matrix(database: Database, asked: Asked) -> Iterator[Row]:
    """The escalations, beside the requests."""
    with database.read() as connection:
        found = history.escalations(connection, asked)
    for (source, target), number in sorted(found.items()):
        yield _further("escalations", f"L{source}-L{target}", asked, number)


_MORE: Mapping[str, Callable[[Database, Asked], Iterator[Row]]] = {
    "search": _funnel,
    "gaps": _lives,
    "requests": _matrix,
    "survey": _stars,
}


def of_escalations(database: Database, asked: Asked) -> _Table:
    """How many requests went from which tier to which."""

    def rows() -> Iterator[Row]:
        with database.read() as connection:
            found = history.escalations(connection, asked)
        for (source, target), number in sorted(found.items()):
            yield source, target, number

    return _Table("escalations", ESCALATION_COLUMNS, rows(), subject(asked))


def of_articles(database: Database, asked: Asked, order: str, known: Callable[[str, str], tuple[str, str]]) -> _Table:
    """What became of each article.

    Args:
        database: read once, for what is counted meanwhile changes the order; whoever takes the rows slowly holds nothing.
        asked: the days and the filter.
        order: see `history.articles`.
        known: title and topic of an article, by language and slug; empty where it is not there any more.
    """

    def rows() -> Iterator[Row]:
        with database.read() as connection:
            found = history.articles(connection, asked, order=order)
        for each in found:
            title, topic = known(each.language, each.slug)
            if asked.topic in {None, topic}:
                figures = each.visits, each.yes, each.no, each.helpfulness, each.requests, each.gaps
                yield each.slug, each.language, title, topic, *figures

    return _Table("articles", ARTICLE_COLUMNS, rows(), subject(asked))


def of_translations(coverage: Sequence[Coverage], asked: Asked) -> _Table:
    """How much there is now in each language of what was read most in a period, and how fresh it is."""

    def rows() -> Iterator[Row]:
        for each in coverage:
            if asked.language in {None, each.language}:
                top = "all" if each.top is None else str(each.top)
                figures = each.articles, each.there, each.coverage, each.freshness
                yield each.language, top, *figures, *(each.states.get(state, 0) for state in State)

    return _Table("translations", TRANSLATION_COLUMNS, rows(), subject(asked))


def of_board(board: Board, arguments: Mapping[str, str]) -> _Table:
    """All that the live board shows."""

    def rows() -> Iterator[Row]:
        for (tier, language, priority), number in sorted(board.open.items()):
            yield "open", tier, language, priority, None, None, None, None, None, number
        for part, cards in (("overdue", board.overdue_cards), ("due_next", board.next_cards)):
            for card in cards:
                yield (part, card.tier, card.language, card.priority, card.id, card.status.value, bool(card.owner_name), card.due_at, card.created_at, 1)  # fmt: skip
        for each in board.waiting_cards:
            card = each.card
            yield ("waiting", card.tier, card.language, card.priority, card.id, card.status.value, bool(card.owner_name), card.due_at, each.since, 1)  # fmt: skip
        for name, count in figures(board).items():
            yield name, None, None, None, None, None, None, None, None, count

    return _Table("board", BOARD_COLUMNS, rows(), {"at": moment(board.at), "filter": dict(arguments)})


def figures(board: Board) -> dict[str, int]:
    """The figures of the live board by name."""
    return {
        "open_total": board.total,
        "major_total": board.major,
        "overdue_total": board.overdue,
        "due_soon_total": board.soon,
        "unowned_total": board.unowned,
        "unconfirmed_total": board.unconfirmed,
        "waiting_total": board.waiting,
        "waiting_on_page_total": board.here,
        "waiting_supplier_total": board.by_status["waiting_supplier"],  # type: ignore[index]
        "supplier_late_total": board.awaited,
        "requests_today": board.today.requests,
        "solved_today": board.today.solved,
        "gaps_today": board.today.gaps,
        "answered_today": board.today.answered,
        "mails_delayed": board.stuck.delayed,
        "mails_failed": board.stuck.failed,
    }
