"""Calls that requesters wait for, in the database."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, insert, or_, select, update

from portal.errors import NotFound, StaleTicket
from portal.storage.schema import callbacks, notices, tickets
from portal.tickets import UNSOLVED, Kind, Status

#: Longest telephone number, and longest name of a time zone, in characters.
PHONE_LENGTH, ZONE_LENGTH = 40, 60
#: A call is still to be made; a merged request's requester was promised theirs and knows nothing of the merging.
AWAITED = UNSOLVED | {Status.DUPLICATE}


class State(StrEnum):
    """Where a call stands."""

    OPEN = "open"
    REACHED = "reached"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Task:
    """One call to make."""

    #: 0 before it is stored.
    id: int
    ticket_id: int
    phone: str
    #: Between these moments.
    start_at: datetime
    end_at: datetime
    #: IANA name of the zone in which the time was agreed.
    time_zone: str
    state: State = State.OPEN
    attempts: int = 0
    #: Who planned or tried it last; None for the system.
    person_id: int | None = None
    version: int = 1


def _task(row: Any) -> Task:
    """A call from its row."""
    values = {item.name: row[item.name] for item in fields(Task)}
    return Task(**values | {"state": State(values["state"])})


def _row(task: Task) -> dict[str, Any]:
    """A call's columns, without its number."""
    values = {item.name: getattr(task, item.name) for item in fields(Task) if item.name != "id"}
    return values | {"state": task.state.value}


def add(connection: Connection, task: Task) -> Task:
    """Store a new call; the same with its number."""
    key = connection.execute(insert(callbacks).values(**_row(task))).inserted_primary_key
    assert key is not None
    return replace(task, id=key[0])


def save(connection: Connection, task: Task) -> Task:
    """Store a changed call; the same with its new version.

    Raises:
        StaleTicket: somebody has changed it since it was read.
    """
    changed = replace(task, version=task.version + 1)
    same = (callbacks.c.id == task.id) & (callbacks.c.version == task.version)
    if connection.execute(update(callbacks).where(same).values(**_row(changed))).rowcount != 1:
        raise StaleTicket(f"call {task.id} has changed")
    return changed


def get(connection: Connection, number: int, lock: bool = False) -> Task:
    """One call; whoever locks it has locked its ticket before.

    Raises:
        NotFound: there is none.
    """
    query = select(callbacks).where(callbacks.c.id == min(number, 2**31 - 1))
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise NotFound(f"call {number}")
    return _task(row)


def of_ticket(connection: Connection, ticket_id: int) -> list[Task]:
    """The calls of a ticket, oldest first."""
    query = select(callbacks).where(callbacks.c.ticket_id == ticket_id).order_by(callbacks.c.id)
    return [_task(row) for row in connection.execute(query).mappings()]


def unplanned(connection: Connection, limit: int) -> list[int]:
    """Unsolved requests whose requester wants to be called and for which no call was ever planned, oldest first."""
    wanted = (
        (tickets.c.kind == Kind.REQUEST.value)
        & tickets.c.status.in_(sorted(status.value for status in UNSOLVED))
        & (tickets.c.phone != "")
    )
    is_planned = exists().where(callbacks.c.ticket_id == tickets.c.id)
    query = select(tickets.c.id).where(wanted, ~is_planned).order_by(tickets.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def _is_open(before: datetime) -> ColumnElement[bool]:
    """Open calls that begin before a moment, of requests whose requesters wait for them."""
    is_awaited = tickets.c.status.in_(sorted(status.value for status in AWAITED))
    return (callbacks.c.state == State.OPEN.value) & (callbacks.c.start_at < before) & is_awaited


def beginning(connection: Connection, before: datetime, limit: int, owner_id: int | None = None) -> list[Task]:
    """Open calls that begin before a moment, earliest first.

    Args:
        connection: of any transaction.
        before: aware.
        limit: how many at most.
        owner_id: only of this person's tickets, and of those that nobody has; None: of all.
    """
    query = select(callbacks).join(tickets, tickets.c.id == callbacks.c.ticket_id).where(_is_open(before))
    if owner_id is not None:
        query = query.where(or_(tickets.c.owner_id == owner_id, tickets.c.owner_id.is_(None)))
    query = query.order_by(callbacks.c.start_at, callbacks.c.id).limit(limit)
    return [_task(row) for row in connection.execute(query).mappings()]


def opened(connection: Connection, since: datetime, now: datetime) -> list[tuple[Task, int]]:
    """Open calls whose time began after one moment and has come by another, with the owner of the ticket."""
    query = (
        select(callbacks, tickets.c.owner_id)
        .join(tickets, tickets.c.id == callbacks.c.ticket_id)
        .where(_is_open(now), callbacks.c.start_at >= since, tickets.c.owner_id.is_not(None))
        .order_by(callbacks.c.start_at, callbacks.c.id)
    )
    return [(_task(row), row["owner_id"]) for row in connection.execute(query).mappings()]


def told(connection: Connection, keys: Collection[str]) -> set[tuple[int, str]]:
    """Of some notices those that have been written: to whom, and the key."""
    query = select(notices.c.person_id, notices.c.key).where(notices.c.key.in_(sorted(keys)))
    return {(row.person_id, row.key) for row in connection.execute(query)}
