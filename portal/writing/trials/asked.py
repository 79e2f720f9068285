"""What people really asked, answered or not: from gaps, failed wordings, frequent queries, searches, judged queries."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from portal.judgments import Judged
from portal.locales import CODES
from portal.privacy import without_masks
from portal.queries import read_query
from portal.storage import Database, asked, frequent, gaps
from portal.tickets import PROVEN, Resolution

#: How far back searches are looked at; they are kept no longer unless a setting says so.
REACH = timedelta(days=30)
#: Most wordings of gaps, searches, and failed wordings that are read, the most asked first.
MOST_WORDINGS, MOST_SEARCHES, MOST_FAILED = 20_000, 10_000, 5_000


class Kind(StrEnum):
    """Where it is known from that somebody asked this; of several the first counts."""

    #: A gap that is still to be answered.
    GAP = "gap"
    #: A gap that has been.
    SOLVED = "solved gap"
    #: Words that failed where the person then found an article by others.
    WORDING = "wording"
    #: A query that many sessions ask.
    FREQUENT = "frequent"
    #: A search of the last weeks.
    SEARCH = "search"
    #: Somebody has judged what answers it; nobody need have asked it.
    JUDGED = "judged"


@dataclass(frozen=True)
class AskedQuery:
    """One query that people asked on the pages of one language."""

    language: str
    #: Within the bounds of a query, without what was masked.
    text: str
    #: How often it was asked, as far as that is known; what several sources count is counted once.
    times: int
    kind: Kind
    #: Of its gap; 0 where there is none.
    number: int = 0
    #: The articles that are known to answer it; empty where none is known.
    slugs: tuple[str, ...] = ()


def collect(database: Database | None, judged: Iterable[Judged], now: datetime) -> list[AskedQuery]:
    """The queries that are known, each once for a language, the most asked first.

    Args:
        database: of the instance; None where there is none.
        judged: queries that somebody has judged; those that take something out of the articles are left out.
        now: aware, UTC.
    """
    found: dict[tuple[str, str], AskedQuery] = {}
    for given in (*(_of_people(database, now) if database else ()), *_of_judges(judged)):
        read = read_query(given.language, without_masks(given.text))
        if given.language in CODES and read.text and read.is_plausible:
            query, key = replace(given, text=read.text), (given.language, read.text.casefold())
            found[key] = _joined(found[key], query) if key in found else query
    return sorted(found.values(), key=lambda query: (-query.times, query.language, query.text))


def _joined(first: AskedQuery, other: AskedQuery) -> AskedQuery:
    """The same query from two sources, of which each has counted for itself."""
    slugs = tuple(dict.fromkeys((*first.slugs, *other.slugs)))
    return replace(first, times=max(first.times, other.times), number=first.number or other.number, slugs=slugs)


def _of_people(database: Database, now: datetime) -> Iterator[AskedQuery]:
    """What the database knows, in the order of `Kind`."""
    with database.read() as connection:
        wordings = asked.wordings(connection, MOST_WORDINGS)
        failed = gaps.wordings(connection, MOST_FAILED)
        often = {code: frequent.popular(connection, code) for code in CODES}
        searches = asked.searches(connection, now - REACH, MOST_SEARCHES)
    for each in sorted(wordings, key=lambda each: not each.is_unsolved):
        # Of a gap that is open the article is what somebody plans, unless a translation of it is wanted.
        is_known = each.resolution in PROVEN or each.resolution is Resolution.WITHDRAWN or each.is_translation
        slugs = (each.slug,) if each.slug and is_known else ()
        kind = Kind.GAP if each.is_unsolved else Kind.SOLVED
        yield AskedQuery(each.language, each.query, each.times, kind, each.number, slugs)
    for wording in failed:
        yield AskedQuery(wording.language, wording.failed, wording.times, Kind.WORDING, slugs=(wording.slug,))
    for code, rows in often.items():
        for text, times in rows:
            yield AskedQuery(code, text, times, Kind.FREQUENT)
    for language, text, times in searches:
        yield AskedQuery(language, text, times, Kind.SEARCH)


def _of_judges(judged: Iterable[Judged]) -> Iterator[AskedQuery]:
    """Judged queries that are asked of the articles as they are."""
    for query in judged:
        if not (query.remove or query.removes_titles or query.clean):
            yield AskedQuery(query.language, query.text, 0, Kind.JUDGED, slugs=query.relevant)
