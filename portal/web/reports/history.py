"""The pages of the history: the figures of a period, with their course, compared and told apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from portal.metrics import METRICS, Dimension
from portal.people import Right
from portal.reporting import history
from portal.reporting.history import Asked, Series
from portal.web.reports import blueprint, figures, shares
from portal.web.reports.figures import Cell
from portal.web.reports.frame import Frame, frame, page
from portal.web.reports.words import BY, NAME, REST
from portal.web.security import needs
from portal.web.services import services

SEARCH = (
    "searches",
    "zero_result_rate",
    "search_success",
    "click_mrr",
    "helpfulness",
    "self_service_score",
    "deflection",
    "failed_deflection",
)
GAPS = ("gaps", "gaps_answered", "gap_half_life")
REQUESTS = ("requests", "requests_solved", "first_reply", "resolution", "wait", "reopen_rate")
SURVEY = ("satisfaction", "response_rate")
#: The figures of the overview, by the page that has more of them.
OVERVIEW = {"search": SEARCH, "gaps": GAPS, "requests": REQUESTS, "survey": SURVEY}
SEARCH_BY = (Dimension.LANGUAGE, Dimension.TOPIC)
#: Figures of which there is a small chart for each language.
MULTIPLES = ("searches", "zero_result_rate", "search_success")
#: So many figures are named as those that have changed most, if it is by this share of what was before.
NAMED, MUCH = 4, 0.05


@dataclass(frozen=True)
class Apart:
    """A table of figures by language, topic or tier."""

    dimension: str
    title: str
    #: Key and name of each figure.
    heads: list[tuple[str, str]]
    rows: dict[str, list[Cell]]


#: Figures by what they are told apart by: by its name, then by key.
_Found = Mapping[str, Mapping[str, Series]]


def _totals(connection: Connection, asked: Asked, keys: Sequence[str], dimension: Dimension) -> _Found:
    """What a table of figures by a dimension is made of."""
    return history.apart(connection, asked, keys, dimension, points=False, rest=dimension in REST)


def _apart(around: Frame, keys: Sequence[str], dimension: Dimension, found: _Found) -> Apart:
    """The table of some figures by a dimension."""
    keys = [key for key in keys if dimension in METRICS[key].by]
    names = around.names[dimension]
    # What there is no name for any more, such as a topic of earlier articles, is shown as it was counted.
    rest = dict([REST[dimension]] if dimension in REST else [])
    names = {**names, **{name: name for name in found if name not in {**names, **rest}}}
    names |= {name: str(title) for name, title in rest.items()}
    rows = figures.cells(found, names, keys, around.against)
    return Apart(dimension.value, str(BY[dimension]), [(key, str(NAME[key])) for key in keys], rows)


@blueprint.get("/")
@needs(Right.READ_REPORTS)
def overview() -> str:
    """Every figure at a glance, and which have changed most."""
    keys = [key for each in OVERVIEW.values() for key in each]
    with services().database.read() as connection:
        around = frame(connection)
        found = history.series(connection, around.chosen.asked, keys)
    cards = {key: figures.card(series, around.chosen.asked, around.against) for key, series in found.items()}
    changed = sorted(
        (each for each in cards.values() if each.change.weight >= MUCH), key=lambda each: -each.change.weight
    )
    return page(
        "desk/reports_overview.html",
        "overview",
        around,
        cards=cards,
        groups=OVERVIEW,
        worse=[each for each in changed if each.change.verdict == "worse"][:NAMED],
        better=[each for each in changed if each.change.verdict == "better"][:NAMED],
        is_nothing=all(not each.total.value for each in found.values()),
    )


@blueprint.get("/search")
@needs(Right.READ_REPORTS)
def search() -> str:
    """Whether people find what they look for: figures, outcomes, the funnel, and each language in small."""
    with services().database.read() as connection:
        around = frame(connection)
        asked = around.chosen.asked
        found = history.series(connection, asked, SEARCH)
        steps = history.funnel(connection, asked)
        by_language = history.apart(connection, asked, MULTIPLES, Dimension.LANGUAGE)
        totals = {each: _totals(connection, asked, SEARCH, each) for each in SEARCH_BY}
    spoken = {code: name for code, name in around.names[Dimension.LANGUAGE].items() if asked.language in (None, code)}
    return page(
        "desk/reports_search.html",
        "search",
        around,
        figures={key: figures.charted(each, asked, around.against) for key, each in found.items()},
        outcomes=shares.outcomes(found["search_success"], asked.period),
        funnel=shares.funnel(steps),
        nothing=figures.nothing(METRICS["search_success"], asked),
        multiples={
            key: (
                figures.multiples(by_language, key, asked.period, spoken),
                figures.table_of_all(by_language, key, asked.period, spoken),
            )
            for key in MULTIPLES
        },
        metric_names=NAME,
        tables=[_apart(around, SEARCH, each, totals[each]) for each in SEARCH_BY],
    )


#: Reads what a page shows beside its figures, which are given told apart by each of its dimensions.
_Read = Callable[[Connection, Frame, Mapping[Dimension, _Found]], Any]


def _report(name: str, keys: Sequence[str], dimensions: Sequence[Dimension], **more: _Read) -> str:
    """A page of figures with their charts and tables, and of more."""
    with services().database.read() as connection:
        around = frame(connection)
        asked = around.chosen.asked
        found = history.series(connection, asked, keys)
        apart = {each: _totals(connection, asked, keys, each) for each in dimensions}
        others = {key: read(connection, around, apart) for key, read in more.items()}
    charted = {key: figures.charted(each, asked, around.against) for key, each in found.items()}
    tables = [_apart(around, keys, each, apart[each]) for each in dimensions]
    return page(f"desk/reports_{name}.html", name, around, figures=charted, tables=tables, **others)


@blueprint.get("/gaps")
@needs(Right.READ_REPORTS)
def gaps() -> str:
    """Searches that went unanswered, how many were solved, and how long that took."""
    return _report(
        "gaps",
        GAPS,
        (Dimension.LANGUAGE, Dimension.TOPIC),
        lives=lambda connection, around, _: shares.lives(history.lives(connection, around.chosen.asked)),
    )


@blueprint.get("/requests")
@needs(Right.READ_REPORTS)
def requests() -> str:
    """Requests: how many, how quickly, with which tier, and how they went from tier to tier."""
    return _report(
        "requests",
        REQUESTS,
        (Dimension.TIER, Dimension.LANGUAGE, Dimension.TOPIC),
        waits=lambda _, around, apart: shares.waits(apart[Dimension.TIER], around.names[Dimension.TIER]),
        matrix=lambda connection, around, _: shares.matrix(
            history.escalations(connection, around.chosen.asked), around.names[Dimension.TIER]
        ),
    )


@blueprint.get("/survey")
@needs(Right.READ_REPORTS)
def survey() -> str:
    """How content requesters are, and how many of those asked say so."""
    return _report(
        "survey",
        SURVEY,
        (Dimension.LANGUAGE, Dimension.TIER, Dimension.TOPIC),
        rated=lambda connection, around, _: shares.rated(history.survey(connection, around.chosen.asked)),
    )
