"""What a day's searches, attempts, votes and forms say, read from the database as they are counted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, select

from portal.chains import READ_SECONDS, Kind, SearchEvent
from portal.queries import Verdict
from portal.storage.facts import start_of
from portal.storage.schema import form_sessions, search_events, votes

#: Attempts that are read at once.
_SHARE = 500

_c = search_events.c


@dataclass(frozen=True)
class Summed:
    """A sum of some rows of a day."""

    measure: str
    language: str
    #: Of searches, the topic filter; of all else, the article.
    about: str
    value: int


def _within(table: Table, day: date) -> ColumnElement[bool]:
    """Whether a row is of a day."""
    return (table.c.at >= start_of(day)) & (table.c.at < start_of(day + timedelta(days=1)))


def _tally(*conditions: ColumnElement[bool]) -> Any:
    """In how many rows all of some conditions hold."""
    return func.sum(case((and_(*conditions), 1), else_=0))


#: The sums of a day's searches.
_OF_SEARCHES: dict[str, Any] = {
    "searches": func.count(),
    **{f"searches.{each.value}": _tally(_c.verdict == each.value) for each in Verdict if each is not Verdict.EMPTY},
    "searches.no_hit": _tally(_c.total == 0),
    **{f"searches.{code}": _tally(_c.code == code) for code in ("U0", "U1")},
}
#: The sums of what was done to articles.
_OF_ARTICLES: dict[str, Any] = {
    "opens": _tally(_c.kind == Kind.OPEN.value),
    "reads_30s": _tally(_c.kind == Kind.READ.value, _c.seconds >= READ_SECONDS),
}


def sums(connection: Connection, day: date) -> Iterator[Summed]:
    """The sums of a day's rows; what is 0 is left out."""
    is_search = _c.kind == Kind.SEARCH.value
    for about, measures, where in ((_c.topic, _OF_SEARCHES, is_search), (_c.slug, _OF_ARTICLES, ~is_search)):
        query = select(_c.language, about, *measures.values()).where(_within(search_events, day), where)
        for language, name, *values in connection.execute(query.group_by(_c.language, about)):
            for measure, value in zip(measures, values, strict=True):
                if value:
                    yield Summed(measure, language, name, int(value))


def opinions(connection: Connection, day: date) -> Iterator[Summed]:
    """How often readers said yes and no of each article on a day."""
    columns = votes.c.language, votes.c.slug, votes.c.is_helpful
    query = select(*columns, func.count()).where(_within(votes, day)).group_by(*columns)
    for language, slug, is_helpful, value in connection.execute(query):
        yield Summed("votes.yes" if is_helpful else "votes.no", language, slug, int(value))


def forms(connection: Connection, day: date) -> Iterator[Summed]:
    """How many forms that were opened on a day had which outcome by now."""
    columns = form_sessions.c.outcome, form_sessions.c.language
    query = select(*columns, func.count()).where(_within(form_sessions, day)).group_by(*columns)
    for outcome, language, value in connection.execute(query):
        yield Summed(f"forms.{outcome}", language, "", int(value))


def attempts(connection: Connection, day: date) -> Iterator[list[SearchEvent]]:
    """The attempts that have been judged and of which something was done on a day; each whole, oldest first."""
    query = select(_c.chain).distinct().where(_within(search_events, day), _c.chain.is_not(None))
    names = sorted(connection.execute(query).scalars())
    for start in range(0, len(names), _SHARE):
        yield from _attempts(connection, names[start : start + _SHARE])


def _attempts(connection: Connection, names: list[str]) -> list[list[SearchEvent]]:
    """Attempts by their names, with what judging the outcome needs."""
    plain = ("id", "at", "session", "language", "query", "fingerprint", "code", "slug", "seconds", "is_helpful")
    columns = [_c[name] for name in (*plain, "chain", "kind", "verdict", "total")]
    query = select(*columns).where(_c.chain.in_(names)).order_by(_c.at, _c.id)
    found: dict[str, list[SearchEvent]] = {}
    for row in connection.execute(query).mappings():
        event = SearchEvent(
            kind=Kind(row["kind"]),
            verdict=Verdict(row["verdict"]) if row["verdict"] else None,
            total=row["total"] or 0,
            **{name: row[name] for name in plain},
        )
        found.setdefault(row["chain"], []).append(event)
    return list(found.values())


def results(connection: Connection, searches: Sequence[int]) -> dict[int, list[str]]:
    """The slugs that some searches showed, by rank."""
    found: dict[int, list[str]] = {}
    for start in range(0, len(searches), _SHARE):
        query = select(_c.id, _c.results).where(_c.id.in_(searches[start : start + _SHARE]))
        found |= {number: [result[0] for result in shown] for number, shown in connection.execute(query)}
    return found


def requests(connection: Connection, since: datetime, before: datetime) -> dict[str, list[datetime]]:
    """When each session sent requests in a stretch of time."""
    query = select(_c.session, _c.at).where(
        _c.kind == Kind.REQUEST.value, _c.session.is_not(None), _c.at >= since, _c.at < before
    )
    found: dict[str, list[datetime]] = {}
    for session, at in connection.execute(query):
        found.setdefault(session, []).append(at)
    return found


def readers(connection: Connection, day: date) -> list[str]:
    """The language of the first article that each session read on a day."""
    query = select(_c.session, _c.language).where(
        _within(search_events, day),
        _c.kind == Kind.READ.value,
        _c.seconds >= READ_SECONDS,
        _c.session.is_not(None),
    )
    rows = [(session, language) for session, language in connection.execute(query.order_by(_c.at, _c.id))]
    return list(dict(reversed(rows)).values())


def is_judged(connection: Connection, day: date) -> bool:
    """Whether all that is known of a day's sessions has been judged."""
    is_waiting = (_c.session > "") & _c.chain.is_(None)
    return connection.execute(select(_c.id).where(_within(search_events, day), is_waiting).limit(1)).first() is None


def stamp(connection: Connection, day: date, before: datetime) -> tuple[Any, ...]:
    """Changes whenever what a day comes to may have changed: its rows, what was judged, and requests until a time."""
    known = select(func.count(), func.max(_c.id), func.count(_c.chain)).where(_within(search_events, day))
    sent = select(func.count()).where(_c.kind == Kind.REQUEST.value, _c.at >= start_of(day), _c.at < before)
    return (*connection.execute(known).one(), connection.execute(sent).scalar_one())
