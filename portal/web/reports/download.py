"""Reports as files: CSV for spreadsheets, JSON for programs, of all that the pages show."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from flask import Response, request
from flask_babel import gettext as _
from flask_babel import lazy_pgettext as _lp
from werkzeug.exceptions import BadRequest, NotFound

from portal.errors import SearchUnavailable
from portal.people import Right
from portal.reporting import history, tables
from portal.reporting.board import live
from portal.reporting.export import Table, begun, csv_parts, file_name, json_parts, moment
from portal.reporting.history import Asked
from portal.web.i18n import language
from portal.web.reports import blueprint
from portal.web.reports.articles import standings
from portal.web.reports.asked import read_asked
from portal.web.reports.board import narrowed
from portal.web.reports.frame import usual
from portal.web.reports.words import DEFINITION, NAME
from portal.web.security import needs
from portal.web.services import services
from portal.writing.planning.status import Coverage, State, Visits

FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
#: Languages that write a comma before the decimals.
DECIMAL_COMMA = frozenset({"fr", "de", "ru"})
ORDERS = ("visits", "helpfulness", "requests", "gaps")
# Translators: heads of the columns of a file for spreadsheets.
COLUMNS = {
    "part": _lp("column", "Part"),
    "metric": _lp("column", "Key of the figure"),
    "name": _lp("column", "Figure"),
    "unit": _lp("column", "Unit"),
    "by": _lp("column", "Told apart by"),
    "of": _lp("column", "Told apart: which"),
    "first": _lp("column", "First day"),
    "last": _lp("column", "Last day"),
    "value": _lp("column", "Value"),
    "count": _lp("column", "Number counted"),
    "over": _lp("column", "Divided by"),
    "unknown": _lp("column", "Outcome unknown"),
    "previous": _lp("column", "Value in the period before"),
    "slug": _lp("column", "Article"),
    "language": _lp("column", "Language"),
    "title": _lp("column", "Title"),
    "topic": _lp("column", "Topic"),
    "visits": _lp("column", "Visits"),
    "yes": _lp("column", "Votes “yes”"),
    "no": _lp("column", "Votes “no”"),
    "helpfulness": _lp("column", "Helpfulness"),
    "requests": _lp("column", "Requests"),
    "gaps": _lp("column", "Unanswered searches answered"),
    "from_tier": _lp("column", "From tier"),
    "to_tier": _lp("column", "To tier"),
    "top": _lp("column", "Most read"),
    "articles": _lp("column", "Articles"),
    "there": _lp("column", "In this language"),
    "coverage": _lp("column", "Coverage"),
    "freshness": _lp("column", "Share that is up to date"),
    State.FRESH.value: _lp("column", "Up to date"),
    State.STALE.value: _lp("column", "Behind the source"),
    State.OUTDATED.value: _lp("column", "Out of date"),
    State.MISSING.value: _lp("column", "Missing"),
    State.ERROR.value: _lp("column", "With an error"),
    State.WAITING.value: _lp("column", "Source with an error"),
    "tier": _lp("column", "Tier"),
    "priority": _lp("column", "Priority"),
    "ticket": _lp("column", "Ticket"),
    "status": _lp("column", "Status"),
    "owned": _lp("column", "Has an owner"),
    "due_at": _lp("column", "Due at"),
    "since": _lp("column", "Since"),
    "tickets": _lp("column", "Tickets"),
}
#: Heads that mean something else in one report.
OF_REPORT = {"translations": {State.UNKNOWN.value: _lp("column", "Made from an unknown text")}}


@blueprint.get("/download/board.<format>")
@needs(Right.READ_TICKETS)
def download_board(format: str) -> Response:  # noqa: A002
    """All that the live board shows."""
    chosen, arguments = narrowed(request.args)
    found = live(services().database, services().clock(), services().settings.time_zone, chosen)
    return _file(tables.of_board(found, arguments), format, None)


@blueprint.get("/download/<report>.<format>")
@needs(Right.READ_REPORTS)
def download(report: str, format: str) -> Response:  # noqa: A002
    """All rows of a report, with the filter of its page."""
    today = services().clock().date()
    with services().database.read() as connection:
        chosen = read_asked(request.args, today, usual(history.known(connection), today))
    if chosen.fault:
        raise BadRequest  # Other days than those asked for would be taken for them.
    return _file(_table(report, chosen.asked), format, chosen.asked)


def _table(report: str, asked: Asked) -> Table:
    """A report's rows, which are read as they are sent."""
    database = services().database
    if report in tables.REPORTS:
        return tables.of_metrics(database, report, asked, {key: str(name) for key, name in NAME.items()})
    if report == "escalations":
        return tables.of_escalations(database, asked)
    if report == "articles":
        order = request.args.get("sort", "").removeprefix("-")
        return tables.of_articles(database, asked, order if order in ORDERS else ORDERS[0], _known())
    if report == "translations":
        return tables.of_translations(_coverage(asked), asked)
    raise NotFound


def _coverage(asked: Asked) -> list[Coverage]:
    """How the articles stand that were read most in a period, as their page shows it."""
    with services().database.read() as connection:
        rows = history.articles(connection, Asked(asked.period))
    visits = Visits({(row.language, row.slug): row.visits for row in rows if row.visits}, asked.period.first)
    found = standings(services().edition.knowledge, visits, asked.topic)
    return [each for table in found.values() for each in table]


def _known() -> Callable[[str, str], tuple[str, str]]:
    """Title and topic of an article as readers of a language see it; empty for one that is gone."""
    try:
        knowledge = services().edition.knowledge
    except SearchUnavailable:
        return lambda _language, _slug: ("", "")

    def find(language: str, slug: str) -> tuple[str, str]:
        item = knowledge.choose(language, slug)
        return (item.article.title, item.article.topic) if item else ("", "")

    return find


def _file(table: Table, ending: str, asked: Asked | None) -> Response:
    """A table as a file; what fails before its first part is an error page, what fails later a file that says so."""
    if ending not in FORMATS:
        raise NotFound
    now = services().clock()
    is_spreadsheet = ending == "csv" and request.args.get("bom") == "1"
    parts: Iterator[str]
    if ending == "csv":
        names = {key: str(name) for key, name in (COLUMNS | OF_REPORT.get(table.report, {})).items()}
        broken = _("This file is incomplete: reading it has failed. Download it again.")
        # Spreadsheets in languages with a decimal comma take a comma for no separator.
        comma = is_spreadsheet and language() in DECIMAL_COMMA
        parts = csv_parts(table, names, f"!!! {broken}", bom=is_spreadsheet, comma=comma)
    else:
        metrics = {
            key: {**about, "name": str(NAME[key]), "definition": str(DEFINITION[key])}
            for key, about in table.about.get("metrics", {}).items()
        }
        about = {**table.about, **({"metrics": metrics} if metrics else {}), "generated_at": moment(now)}
        parts = json_parts(replace(table, about=about))
    response = Response(begun(parts), content_type=FORMATS[ending])
    name = file_name(table.report, ending, asked, now, is_spreadsheet=is_spreadsheet)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
