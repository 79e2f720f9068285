"""What writers find at the desk: what to do next, how the articles stand, and what people lacked."""

from collections.abc import Collection, Iterable
from itertools import islice
from typing import TypeVar

from flask import render_template
from flask_babel import format_percent

from portal.people import Right
from portal.services import VISITS_OF
from portal.storage import claims, gaps, unanswered
from portal.tickets import UNSOLVED
from portal.web.security import needs, person
from portal.web.services import services
from portal.web.writers import blueprint
from portal.web.writers.choosing import spoken, wanted
from portal.writing.planning.helpfulness import alarms, standings
from portal.writing.planning.status import TOPS, coverage
from portal.writing.planning.todo import now_called, quoted, todo

#: Rows of each list, and among how many those of one language are looked for.
SHOWN, LOOKED_THROUGH = 20, 500
#: Rows of lists that have a page of their own.
FIRST = 10

_Row = TypeVar("_Row", gaps.Flag, gaps.Wanted, gaps.Wording)


@blueprint.get("/")
@needs(Right.WRITE_ARTICLES)
def page() -> str:
    """What to do next, coverage, gaps, translations that are wanted, words that failed, articles that did not help."""
    edition, visits, tallies = services().edition, services().visits(), services().tallies()
    knowledge, language = edition.knowledge, wanted()
    languages = spoken(language)
    today = services().clock().date()
    with services().database.read() as connection:
        asked = unanswered.page(connection, languages, limit=FIRST)
        flags = _first(now_called(knowledge, gaps.flags(connection, LOOKED_THROUGH)), languages)
        shown = {
            "entries": todo(connection, knowledge, visits, tallies, languages, today, person().id),
            "gaps": asked,
            "counts": unanswered.counts(connection),
            "claims": claims.of(connection, [gap.number for gap in asked]),
            "wanted": _first(gaps.wanted(connection, LOOKED_THROUGH), languages),
            "wordings": _first(now_called(knowledge, gaps.wordings(connection, LOOKED_THROUGH)), languages),
            "flags": flags,
            "words": quoted(connection, knowledge, flags),
        }
    table = coverage(knowledge, visits)
    return render_template(
        "desk/writers.html",
        articles=knowledge,
        chosen=language,
        tops=TOPS,
        rows={code: [each for each in table if each.language == code] for code in languages},
        is_visited=bool(visits.views),
        days=VISITS_OF.days,
        alarms=[each for each in alarms(knowledge, tallies) if each.translation.language in languages][:FIRST],
        least=[each for each in standings(knowledge, tallies).values() if each.language in languages][:FIRST],
        percent=format_percent,
        unsolved=UNSOLVED,
        **shown,
    )


def _first(rows: Iterable[_Row], languages: Collection[str]) -> list[_Row]:
    """The first rows in some languages."""
    return list(islice((row for row in rows if row.language in languages), SHOWN))
