"""The reports through the API: what was achieved over some days, and how the desk stands now."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flask import url_for
from sqlalchemy import Connection

from portal.api_tokens import Scope
from portal.errors import InvalidInput
from portal.metrics import METRICS, MOST_DAYS, Period, Step, Unit
from portal.reporting import history
from portal.reporting.board import Narrowed, live
from portal.reporting.history import Asked, Figure, Series
from portal.storage.queue import Card
from portal.web.api import models_reports as models
from portal.web.api.endpoints import Call, endpoint
from portal.web.links import absolute
from portal.web.reports.asked import EARLIEST, LENGTHS
from portal.web.reports.figures import not_by
from portal.web.reports.words import DEFINITION, NAME
from portal.web.services import services

#: What all reports have in common.
_REPORT: Any = {"tag": "reports", "scope": Scope.REPORTS_READ}
#: Days of a report of which no first day is asked for.
DAYS = LENGTHS["30"]
_Found = TypeVar("_Found")


def _asked(call: Call, query: models.ReportQuery, step: Step = Step.DAY) -> Asked:
    """What a report is about.

    Raises:
        InvalidInput: `first` is `order` (after the last day), `early`, `future` or `too_long`; `last` is `early`.
    """
    today = call.now.date()
    last = min(query.last or today, today)
    if last < EARLIEST:
        raise InvalidInput("last", "early")
    first = query.first or max(last - timedelta(days=DAYS - 1), EARLIEST)
    period = Period(first, last, step)
    if first > today:
        raise InvalidInput("first", "future")
    if first > last:
        raise InvalidInput("first", "order")
    if first < EARLIEST:
        raise InvalidInput("first", "early")
    if period.days > MOST_DAYS:
        raise InvalidInput("first", "too_long")
    return Asked(period, query.language, query.topic or None, query.tier)


def _read(use: Callable[[Connection], _Found]) -> _Found:
    """What a report finds."""
    with services().database.read() as connection:
        return use(connection)


@endpoint("GET", "/reports/metrics", summary="Read figures over some days", **_REPORT)
def report_metrics(call: Call, query: models.MetricsQuery) -> models.MetricsAnswer:
    """Every figure with its definition, what it was made of, the time before, and a point for each step.

    With `apart` they are told apart besides by language, topic or tier, as far as each can be.
    """
    if any(key not in METRICS for key in query.keys):
        raise InvalidInput("keys", "unknown")
    asked, by = _asked(call, query, query.step), query.apart
    keys = [key for key in METRICS if key in query.keys or not query.keys]
    found = _read(lambda connection: history.series(connection, asked, keys))
    parts = _read(lambda connection: history.apart(connection, asked, keys, by)) if by else {}
    return models.MetricsAnswer(
        first=asked.period.first,
        last=asked.period.last,
        step=asked.period.step,
        metrics=[_metric(found[key], asked) for key in keys],
        apart=by,
        parts=[
            models.PartShown(name=name, metrics=[_series(part[key]) for key in keys if key in part])
            for name, part in parts.items()
        ],
    )


def _whole(figure: Figure, unit: Unit) -> dict[str, Any]:
    """A value, and what it was made of; a number of things is whole."""
    is_whole = unit is Unit.COUNT and figure.value is not None
    return asdict(figure) | ({"value": figure.count} if is_whole else {})


def _values(series: Series) -> dict[str, Any]:
    """What is told of a series."""
    unit = series.metric.unit
    return {
        **_whole(series.total, unit),
        "key": series.metric.key,
        "previous": models.FigureShown(**_whole(series.previous, unit)),
        "points": [models.PointShown(first=first, **_whole(figure, unit)) for first, figure in series.points],
    }


def _series(series: Series) -> models.SeriesShown:
    """A series of a part."""
    return models.SeriesShown(**_values(series))


def _metric(series: Series, asked: Asked) -> models.MetricShown:
    """A series with what it is."""
    metric = series.metric
    return models.MetricShown(
        **_values(series),
        name=str(NAME[metric.key]),
        definition=str(DEFINITION[metric.key]),
        unit=metric.unit,
        trend=metric.trend,
        not_by=not_by(metric, asked),
    )


def _days(asked: Asked) -> dict[str, Any]:
    """First and last day of a report."""
    return {"first": asked.period.first, "last": asked.period.last}


@endpoint("GET", "/reports/funnel", summary="Read what came of attempts to find something", **_REPORT)
def report_funnel(call: Call, query: models.ReportQuery) -> models.FunnelAnswer:
    """From attempts over opened articles to help, a no, or a request."""
    asked = _asked(call, query)
    return models.FunnelAnswer(**_days(asked), **asdict(_read(lambda connection: history.funnel(connection, asked))))


@endpoint("GET", "/reports/survey", summary="Read how requesters were served", **_REPORT)
def report_survey(call: Call, query: models.ReportQuery) -> models.SurveyAnswer:
    """How many were asked, how many answered, and how many gave 1 to 5 stars."""
    asked = _asked(call, query)
    found = _read(lambda connection: history.survey(connection, asked))
    return models.SurveyAnswer(**_days(asked), asked=found.asked, answered=found.answered, stars=list(found.stars))


@endpoint("GET", "/reports/escalations", summary="Read which way requests went between tiers", **_REPORT)
def report_escalations(call: Call, query: models.ReportQuery) -> models.EscalationsAnswer:
    """How many requests went from which tier to which."""
    asked = _asked(call, query)
    found = _read(lambda connection: history.escalations(connection, asked))
    items = [models.Passed(before=pair[0], after=pair[1], requests=found[pair]) for pair in sorted(found)]
    return models.EscalationsAnswer(**_days(asked), items=items)


@endpoint("GET", "/reports/articles", summary="Read what became of the articles", **_REPORT)
def report_articles(call: Call, query: models.ArticlesReportQuery) -> models.ArticlesReport:
    """How often each was opened, what readers thought of it, and what came of it."""
    asked = _asked(call, query)
    found = _read(lambda connection: history.articles(connection, asked, limit=query.limit, order=query.order))
    return models.ArticlesReport(**_days(asked), items=[models.ArticleFigures(**asdict(row)) for row in found])


@endpoint("GET", "/reports/board", summary="Read the live board", tag="reports", scope=Scope.TICKETS_READ)
def report_board(call: Call, query: models.BoardQuery) -> models.BoardAnswer:
    """How the desk stands at this moment: open tickets, what is due, who waits."""
    narrowed = Narrowed((query.tier,) if query.tier else (), query.language)
    board = live(services().database, call.now, services().settings.time_zone, narrowed)
    names = ("at", "total", "major", "overdue", "soon", "unowned", "unconfirmed", "waiting", "here", "awaited")
    return models.BoardAnswer(
        **{name: getattr(board, name) for name in names},
        open=[
            models.OpenShown(tier=tier, language=code, priority=priority, tickets=count)
            for (tier, code, priority), count in sorted(board.open.items())
        ],
        by_status={status.value: count for status, count in board.by_status.items()},
        overdue_tickets=[_card(call, card) for card in board.overdue_cards],
        breached_tickets=[_card(call, card) for card in board.breached],
        next_tickets=[_card(call, card) for card in board.next_cards],
        oldest_unowned=_card(call, board.oldest_unowned) if board.oldest_unowned else None,
        waiting_tickets=[_card(call, each.card, each.since) for each in board.waiting_cards],
        today=models.TodayShown(**asdict(board.today)),
        mails_delayed=board.stuck.delayed,
        mails_failed=board.stuck.failed,
    )


def _card(call: Call, card: Card, since: datetime | None = None) -> models.CardShown:
    """A ticket on the board."""
    return models.CardShown(
        **{name: getattr(card, name) for name in ("subject", "tier", "language", "priority", "status")},
        number=card.id,
        owner=card.owner_name,
        due=card.due_at,
        waiting_since=since,
        url=absolute(url_for("desk.ticket", language=call.language, number=card.id)),
    )
