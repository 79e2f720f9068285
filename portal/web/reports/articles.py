"""The pages about articles: what became of each in a period, and what there is of them in each language."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from flask import request
from flask_babel import gettext, pgettext
from flask_babel import lazy_pgettext as _lp

from portal.knowledge import KnowledgeBase
from portal.locales import CODES, LANGUAGES
from portal.metrics import Unit
from portal.people import Right
from portal.reporting import history
from portal.reporting.history import ArticleRow
from portal.web.reports import blueprint, charts, numbers, scales
from portal.web.reports.frame import frame, page
from portal.web.security import needs
from portal.web.services import services
from portal.web.writers.choosing import page_number
from portal.writing.planning.status import TOPS, Coverage, State, Visits, ranked, states

#: Articles on one page.
PAGE_SIZE = 50
#: Of so many articles that are read most the chart shows how they stand, if as many were read; else of fewer, or of all.
CHARTED = (50, 20)


#: What the table can be sorted by; a minus before it turns the order round.
ORDERS: dict[str, Callable[[ArticleRow], float | None]] = {
    "visits": lambda row: row.visits,
    "helpfulness": lambda row: row.helpfulness,
    "requests": lambda row: row.requests,
    "gaps": lambda row: row.gaps,
}
HEAD = {
    "visits": _lp("column", "Visits"),
    "helpfulness": _lp("column", "Helpfulness"),
    "requests": _lp("column", "Requests after it"),
    "gaps": _lp("column", "Unanswered searches solved"),
}
# Translators: how articles stand in a language, as parts of a chart.
PARTS: dict[tuple[State, ...], object] = {
    (State.FRESH,): _lp("coverage", "Up to date"),
    (State.STALE, State.OUTDATED): _lp("coverage", "No longer up to date"),
    (State.UNKNOWN, State.WAITING): _lp("coverage", "Not known"),
    (State.MISSING, State.ERROR): _lp("coverage", "Missing"),
}


def order(text: str) -> tuple[str, bool]:
    """What to sort by and whether the least come first; the most visited first where it is unknown."""
    name = text.removeprefix("-")
    return (name, text.startswith("-")) if name in ORDERS else ("visits", False)


def in_order(rows: Sequence[ArticleRow], text: str) -> list[ArticleRow]:
    """The rows sorted; those without a value last, whichever way it goes.

    Args:
        rows: of articles.
        text: as the address says it.
    """
    name, is_rising = order(text)
    key = ORDERS[name]

    def place(row: ArticleRow) -> tuple[bool, float, int, str, str]:
        value = key(row)
        return value is None, (value or 0) * (1 if is_rising else -1), -row.visits, row.slug, row.language

    return sorted(rows, key=place)


def of_topic(rows: Sequence[ArticleRow], knowledge: KnowledgeBase | None, topic: str | None) -> list[ArticleRow]:
    """The rows of articles of a topic; all where it is None."""
    if not topic or knowledge is None:
        return list(rows)
    return [row for row in rows if (item := knowledge.choose(row.language, row.slug)) and item.article.topic == topic]


@blueprint.get("/articles")
@needs(Right.READ_REPORTS)
def articles() -> str:
    """What became of each article: visits, helpfulness, requests after reading it, searches that it answered."""
    sort = request.args.get("sort", "")
    with services().database.read() as connection:
        around = frame(connection)
        asked = around.chosen.asked
        found = history.articles(connection, asked)
    knowledge = around.edition.knowledge if around.edition else None
    rows = in_order(of_topic(found, knowledge, asked.topic), sort)
    pages = -(-len(rows) // PAGE_SIZE)
    number = min(page_number(), max(pages, 1))
    by, is_rising = order(sort)
    return page(
        "desk/reports_articles.html",
        "articles",
        around,
        rows=rows[PAGE_SIZE * (number - 1) : PAGE_SIZE * number],
        total=len(rows),
        page=number,
        pages=pages,
        articles=knowledge,
        heads=HEAD,
        by=by,
        is_rising=is_rising,
        sort=sort if sort.removeprefix("-") in ORDERS else "",
        percent=numbers.percent,
    )


def standings(knowledge: KnowledgeBase, visits: Visits, topic: str | None) -> dict[int | None, list[Coverage]]:
    """How much of what is read most there is in each language, and how fresh it is; by how many are looked at.

    Args:
        knowledge: the published articles.
        visits: how often they were opened. What nobody opened is not among those that are read most.
        topic: of the articles; None: all.
    """
    every, _ = ranked(knowledge, visits)
    opened = {knowledge.aliases.get(slug, slug) for _, slug in visits.views}
    slugs = [slug for slug in every if topic is None or _topic(knowledge, slug) == topic]
    state = states(knowledge)
    found: dict[int | None, list[Coverage]] = {}
    for top in TOPS:
        shown = slugs if top is None else [slug for slug in slugs if slug in opened][:top]
        found[top] = [Coverage(code, top, Counter(state[code, slug] for slug in shown)) for code in CODES]
    return found


def told(found: Mapping[int | None, Sequence[Coverage]]) -> list[int | None]:
    """How many articles are looked at: without those numbers that would only repeat another, or all."""
    sizes = {top: table[0].articles for top, table in found.items()}
    kept = [top for top in found if top is not None and sizes[top] != sizes[None]]
    return [*(top for place, top in enumerate(kept) if sizes[top] not in {sizes[less] for less in kept[:place]}), None]


def _topic(knowledge: KnowledgeBase, slug: str) -> str:
    """The topic of a family."""
    item = knowledge.source(slug) or knowledge.choose("en", slug)
    return item.article.topic if item else ""


@blueprint.get("/translations")
@needs(Right.READ_REPORTS)
def translations() -> str:
    """How much of what is read most there is in each language, and how fresh it is."""
    with services().database.read() as connection:
        around = frame(connection)
        asked = around.chosen.asked
        rows = history.articles(connection, history.Asked(asked.period))
    if around.edition is None:
        return page("desk/reports_translations.html", "translations", around, standings={}, chart=None)
    knowledge = around.edition.knowledge
    visits = Visits({(row.language, row.slug): row.visits for row in rows if row.visits}, asked.period.first)
    found = standings(knowledge, visits, asked.topic)
    chosen = {top: [each for each in found[top] if asked.language in (None, each.language)] for top in told(found)}
    drawn = next((top for top in CHARTED if top in chosen and chosen[top][0].articles), None)
    return page(
        "desk/reports_translations.html",
        "translations",
        around,
        standings=chosen,
        chart=_chart(chosen[drawn], drawn),
        shared=_share,
    )


def _share(value: float | None) -> str:
    """A share in words; a dash where there is none."""
    return numbers.NONE if value is None else numbers.percent(value)


def _chart(found: Sequence[Coverage], top: int | None) -> charts.Plot:
    """How the articles stand: a column for each language, its parts upon one another."""
    names = [LANGUAGES[each.language].name for each in found]
    drawn = []
    for wanted, name in PARTS.items():
        counts = [sum(each.states.get(state, 0) for state in wanted) for each in found]
        drawn.append(charts.Values(str(name), tuple(map(float, counts)), tuple(map(numbers.number, counts))))
    columns = [each.texts for each in drawn]
    table = charts.Table(
        (gettext("Language"), *(each.name for each in drawn)),
        tuple((name, *row) for name, *row in zip(names, *columns, strict=True)),
    )
    foot = tuple(scales.Name(scales.middle(place, len(names)), name) for place, name in enumerate(names))
    most = "" if top is None else numbers.number(top)
    title = gettext("The %(num)s most read articles", num=most) if top else pgettext("coverage", "All articles")
    said = gettext("Of each language: how many articles are up to date, out of date, not known or missing.")
    return charts.plot("coverage", title, said, Unit.COUNT, drawn, tuple(names), foot, table, is_stacked=True)
