"""Who has a ticket open, in the database."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, case, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema import people, presence, tickets

#: The person of a row that is the requester.
REQUESTER = 0


@dataclass(frozen=True)
class Seen:
    """When somebody was last on a ticket's page."""

    at: datetime
    is_writing: bool


@dataclass(frozen=True)
class Present:
    """Somebody who has a ticket open."""

    name: str
    is_writing: bool
    is_requester: bool


def _row(ticket_id: int, person_id: int) -> ColumnElement[bool]:
    """The condition for one person's row."""
    return (presence.c.ticket_id == ticket_id) & (presence.c.person_id == person_id)


def last(connection: Connection, ticket_id: int, person_id: int) -> Seen | None:
    """When somebody was last on a ticket's page; None where they never were."""
    query = select(presence.c.at, presence.c.is_writing)
    row = connection.execute(query.where(_row(ticket_id, person_id))).first()
    return Seen(row.at, row.is_writing) if row else None


def put(connection: Connection, ticket_id: int, person_id: int, seen: Seen) -> None:
    """Keep that somebody is on a ticket's page; nothing where there is no such ticket."""
    values = {"at": seen.at, "is_writing": seen.is_writing}
    change = update(presence).where(_row(ticket_id, person_id)).values(**values)
    if connection.execute(change).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(presence).values(ticket_id=ticket_id, person_id=person_id, **values))
    except IntegrityError:
        connection.execute(change)


def others(connection: Connection, ticket_id: int, person_id: int, since: datetime, until: datetime) -> list[Present]:
    """Who else was on a ticket's page between two moments: the requester first, then the staff by name."""
    is_requester = presence.c.person_id == REQUESTER
    name = case((is_requester, tickets.c.requester_name), else_=people.c.name)
    query = (
        select(name.label("name"), presence.c.is_writing, is_requester.label("is_requester"))
        .join(tickets, tickets.c.id == presence.c.ticket_id)
        .outerjoin(people, people.c.id == presence.c.person_id)
        .where(
            presence.c.ticket_id == ticket_id,
            presence.c.person_id != person_id,
            presence.c.at.between(since, until),
            or_(is_requester, people.c.id.is_not(None)),
        )
        .order_by(presence.c.person_id != REQUESTER, people.c.name, people.c.id)
    )
    return [Present(row.name, row.is_writing, bool(row.is_requester)) for row in connection.execute(query)]


def forget(connection: Connection, now: datetime, age: timedelta) -> int:
    """Forget who was there so long ago, and what a clock that was wrong has written; how many rows."""
    is_old = or_(presence.c.at < now - age, presence.c.at > now + age)
    return connection.execute(delete(presence).where(is_old)).rowcount
