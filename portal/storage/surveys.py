"""Who was asked how they were served, and what they answered, in the database."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, select, tuple_
from sqlalchemy.exc import IntegrityError

from portal.storage.notices import About
from portal.storage.schema import notices, ratings, surveys, tickets
from portal.tickets import Kind, Status


@dataclass(frozen=True)
class Answer:
    """How one requester was served."""

    #: Of the request.
    number: int
    language: str
    #: Of the request as it stands.
    tier: int
    #: 1 (badly) to 5 (very well).
    stars: int
    #: Empty where there is none, and of requests that have been made anonymous.
    comment: str
    at: datetime
    #: Whether they had been asked; others answer by themselves.
    is_asked: bool


@dataclass(frozen=True)
class Figure:
    """What is known of the requests of one language at one tier."""

    language: str
    tier: int
    #: How many requesters were asked, and how many of these have answered.
    asked: int = 0
    answered: int = 0
    #: How many answers there are, asked for or not, and the sum of their stars.
    ratings: int = 0
    stars: int = 0


@dataclass(frozen=True)
class Filter:
    """Which answers are asked for; None does not narrow."""

    language: str | None = None
    tier: int | None = None
    #: So many stars at most.
    most_stars: int | None = None
    #: Only those with a comment.
    has_comment: bool = False


def due(connection: Connection, since: datetime, limit: int) -> list[int]:
    """Requests closed since a time of which nobody has decided whether to ask, and that nobody has rated; oldest first."""
    is_closed = (tickets.c.kind == Kind.REQUEST.value) & (tickets.c.status == Status.CLOSED.value)
    is_known = exists().where(surveys.c.ticket_id == tickets.c.id)
    is_rated = exists().where(ratings.c.ticket_id == tickets.c.id)
    query = select(tickets.c.id).where(is_closed, tickets.c.closed_at >= since, ~is_known, ~is_rated)
    return list(connection.execute(query.order_by(tickets.c.closed_at, tickets.c.id).limit(limit)).scalars())


def add(connection: Connection, number: int, now: datetime, language: str, *, is_asked: bool) -> bool:
    """Store whether a requester is asked; False where another process has decided."""
    values = {"ticket_id": number, "at": now, "language": language, "is_asked": is_asked}
    try:
        with connection.begin_nested():
            connection.execute(insert(surveys).values(**values))
    except IntegrityError:
        return False
    return True


def low(connection: Connection, since: datetime, most_stars: int, limit: int) -> list[int]:
    """Requests rated badly since a time of which nobody has been told; oldest first."""
    is_told = exists().where((notices.c.ticket_id == ratings.c.ticket_id) & (notices.c.about == About.LOW_SCORE.value))
    query = select(ratings.c.ticket_id).where(ratings.c.stars <= most_stars, ratings.c.at >= since, ~is_told)
    return list(connection.execute(query.order_by(ratings.c.at, ratings.c.ticket_id).limit(limit)).scalars())


def figures(connection: Connection, since: datetime) -> list[Figure]:
    """Counts by language and tier of who was asked, and of who has answered, since a time."""
    found: dict[tuple[str, int], dict[str, int]] = {}

    def count(column: ColumnElement[int], where: ColumnElement[bool], name: str, *joined: ColumnElement[bool]) -> None:
        source = surveys if name in {"asked", "answered"} else ratings
        query = select(tickets.c.language, tickets.c.tier, column).join(source, source.c.ticket_id == tickets.c.id)
        query = query.where(where, *joined).group_by(tickets.c.language, tickets.c.tier)
        for language, tier, value in connection.execute(query):
            found.setdefault((language, tier), {})[name] = int(value or 0)

    asked, rated = surveys.c.is_asked & (surveys.c.at >= since), ratings.c.at >= since
    has_answered = exists().where(and_(ratings.c.ticket_id == surveys.c.ticket_id, ratings.c.at >= surveys.c.at))
    count(func.count(), asked, "asked")
    count(func.count(), asked, "answered", has_answered)
    count(func.count(), rated, "ratings")
    count(func.sum(ratings.c.stars), rated, "stars")
    return [Figure(language, tier, **values) for (language, tier), values in sorted(found.items())]


def answers(
    connection: Connection,
    since: datetime,
    chosen: Filter,
    before: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[Answer]:
    """Answers given since a time, newest first.

    Args:
        connection: of any transaction.
        since: aware.
        chosen: which.
        before: time and number of the last answer of the page before.
        limit: how many at most.
    """
    asked = select(surveys.c.ticket_id).where(surveys.c.is_asked)
    columns = (
        ratings.c.ticket_id,
        tickets.c.language,
        tickets.c.tier,
        ratings.c.stars,
        ratings.c.comment,
        ratings.c.at,
    )
    query = select(*columns, ratings.c.ticket_id.in_(asked)).join(tickets, tickets.c.id == ratings.c.ticket_id)
    query = query.where(ratings.c.at >= since, *_where(chosen))
    if before is not None:
        query = query.where(tuple_(ratings.c.at, ratings.c.ticket_id) < tuple_(*before))
    query = query.order_by(ratings.c.at.desc(), ratings.c.ticket_id.desc()).limit(limit)
    return [
        Answer(number, language, tier, stars, comment, at, bool(is_asked))
        for number, language, tier, stars, comment, at, is_asked in connection.execute(query)
    ]


def _where(chosen: Filter) -> Collection[ColumnElement[bool]]:
    """A filter's conditions."""
    conditions: list[ColumnElement[bool]] = []
    if chosen.language is not None:
        conditions.append(tickets.c.language == chosen.language)
    if chosen.tier is not None:
        conditions.append(tickets.c.tier == chosen.tier)
    if chosen.most_stars is not None:
        conditions.append(ratings.c.stars <= chosen.most_stars)
    if chosen.has_comment:
        conditions.append(ratings.c.comment != "")
    return conditions
