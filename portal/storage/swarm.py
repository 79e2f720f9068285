"""Who helps with tickets that somebody else owns, in the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, or_, select

from portal.storage.schema import people, swarm, tickets


@dataclass(frozen=True)
class Participant:
    """Somebody who was invited to a ticket."""

    id: int
    name: str


def participants(connection: Connection, number: int) -> list[Participant]:
    """Who helps the owner of a ticket and still works here, by name."""
    is_owner = tickets.c.owner_id == swarm.c.person_id
    query = (
        select(people.c.id, people.c.name)
        .join(swarm, swarm.c.person_id == people.c.id)
        .join(tickets, tickets.c.id == swarm.c.ticket_id)
        .where(swarm.c.ticket_id == number, people.c.is_active, or_(tickets.c.owner_id.is_(None), ~is_owner))
        .order_by(people.c.name, people.c.id)
    )
    return [Participant(row.id, row.name) for row in connection.execute(query)]


def join(connection: Connection, number: int, person_ids: Iterable[int], now: datetime) -> None:
    """Add people to a ticket that is locked; none of them is in it already."""
    rows = [{"ticket_id": number, "person_id": person_id, "at": now} for person_id in person_ids]
    connection.execute(insert(swarm), rows)


def known(connection: Connection, number: int) -> set[int]:
    """The ids of all who were invited to a ticket and have not left, whoever owns it."""
    return set(connection.execute(select(swarm.c.person_id).where(swarm.c.ticket_id == number)).scalars())


def leave(connection: Connection, number: int, person_id: int) -> bool:
    """Remove somebody; whether they were in it."""
    mine = (swarm.c.ticket_id == number) & (swarm.c.person_id == person_id)
    return connection.execute(delete(swarm).where(mine)).rowcount == 1
