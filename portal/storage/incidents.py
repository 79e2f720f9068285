"""Major incidents in the database: what the portal says of them, and which requests they affect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from portal.errors import NotFound, StaleTicket
from portal.storage import tickets as store
from portal.storage.schema import incidents, tickets
from portal.tickets import UNSOLVED, Kind, Ticket


@dataclass(frozen=True)
class Incident:
    """A major incident, as it is kept beside its ticket."""

    #: Number of the request that was declared to be one.
    ticket_id: int
    #: What the portal says of it, by language; one or more.
    texts: Mapping[str, str]
    #: Whether the portal says it.
    is_shown: bool
    began_at: datetime
    ended_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True)
class Summary:
    """A major incident with what a list says of it."""

    incident: Incident
    ticket: Ticket
    #: Requests that it affects, and those of them that are not solved yet.
    linked: int = 0
    unsolved: int = 0
    #: Shown names of who works on it; empty where nobody does.
    owner: str = field(default="")


def _incident(row: Any) -> Incident:
    """An incident from its row."""
    return Incident(row.ticket_id, row.texts, row.is_shown, row.began_at, row.ended_at, row.version)


def find(connection: Connection, number: int, lock: bool = False) -> Incident | None:
    """The incident of a ticket; None where it was never declared one."""
    query = select(incidents).where(incidents.c.ticket_id == number)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return _incident(row) if row else None


def put(connection: Connection, incident: Incident) -> None:
    """Store an incident whose ticket is locked; one that was declared before is replaced."""
    values = {name: getattr(incident, name) for name in Incident.__dataclass_fields__} | {"texts": dict(incident.texts)}
    same = incidents.c.ticket_id == incident.ticket_id
    raised = values | {"version": incidents.c.version + 1}
    if connection.execute(update(incidents).where(same).values(**raised)).rowcount == 0:
        connection.execute(insert(incidents).values(**values))


def save(connection: Connection, incident: Incident) -> None:
    """Store a changed incident.

    Raises:
        StaleTicket: it was changed by somebody else since it was read.
        NotFound: it was never declared.
    """
    same = (incidents.c.ticket_id == incident.ticket_id) & (incidents.c.version == incident.version)
    values = {
        "texts": dict(incident.texts),
        "is_shown": incident.is_shown,
        "ended_at": incident.ended_at,
        "version": incident.version + 1,
    }
    if connection.execute(update(incidents).where(same).values(**values)).rowcount == 0:
        if find(connection, incident.ticket_id) is None:
            raise NotFound("no such incident")
        raise StaleTicket(f"incident {incident.ticket_id} has changed")


def shown(connection: Connection, limit: int) -> list[Incident]:
    """What the portal says at the moment, newest first."""
    query = select(incidents).where(incidents.c.is_shown, incidents.c.ended_at.is_(None))
    rows = connection.execute(query.order_by(incidents.c.began_at.desc(), incidents.c.ticket_id.desc()).limit(limit))
    return [_incident(row) for row in rows]


def newest(connection: Connection, limit: int = 50, *, is_current: bool | None = None) -> list[Summary]:
    """Major incidents, newest first.

    Args:
        connection: of any transaction.
        limit: how many at most.
        is_current: only those that have not ended, or only those that have.
    """
    query = select(incidents).order_by(incidents.c.began_at.desc(), incidents.c.ticket_id.desc()).limit(limit)
    if is_current is not None:
        query = query.where(incidents.c.ended_at.is_(None) if is_current else incidents.c.ended_at.is_not(None))
    found = [_incident(row) for row in connection.execute(query)]
    counts = _counts(connection, [each.ticket_id for each in found])
    summaries = []
    for each in found:
        ticket = store.get(connection, each.ticket_id)
        summaries.append(Summary(each, ticket, *counts.get(each.ticket_id, (0, 0)), ticket.owner_name))
    return summaries


def _counts(connection: Connection, numbers: list[int]) -> dict[int, tuple[int, int]]:
    """How many requests each incident affects, and how many of these are not solved yet."""
    columns = (tickets.c.incident_id, tickets.c.status, func.count())
    query = select(*columns).where(tickets.c.incident_id.in_(numbers)).group_by(*columns[:2])
    found: dict[int, tuple[int, int]] = {}
    for number, status, times in connection.execute(query):
        whole, unsolved = found.get(number, (0, 0))
        found[number] = whole + times, unsolved + (times if status in UNSOLVED else 0)
    return found


def linked(connection: Connection, number: int, *, is_unsolved: bool | None = None) -> list[int]:
    """The requests that an incident affects, oldest first; all, or those that are unsolved or not."""
    query = select(tickets.c.id).where(tickets.c.incident_id == number).order_by(tickets.c.id)
    if is_unsolved is not None:
        is_in = tickets.c.status.in_(sorted(UNSOLVED))
        query = query.where(is_in if is_unsolved else ~is_in)
    return list(connection.execute(query).scalars())


def candidates(connection: Connection, number: int, since: datetime, limit: int) -> list[Ticket]:
    """The newest unsolved requests sent since a time that no incident is known to affect, without the incident's own."""
    is_one = (tickets.c.kind == Kind.REQUEST.value) & tickets.c.status.in_(sorted(UNSOLVED)) & ~tickets.c.is_major
    is_free = tickets.c.incident_id.is_(None) & (tickets.c.id != number) & (tickets.c.created_at >= since)
    query = select(tickets.c.id).where(is_one, is_free).order_by(tickets.c.id.desc()).limit(limit)
    found = store.several(connection, connection.execute(query).scalars().all())
    return list(reversed(found.values()))
