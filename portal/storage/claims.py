"""Which writer has taken on which gap, in the database."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Select, delete, insert, select

from portal.storage.schema import gap_claims, people, tickets
from portal.tickets import UNSOLVED

#: Numbers in one statement.
_SHARE = 500


class Claim(NamedTuple):
    """A gap that a writer has taken on."""

    number: int
    person_id: int
    #: Of the writer, as it is now.
    name: str
    at: datetime


def _living() -> Select[tuple[int, int, str, datetime]]:
    """The claims that count: of people who are here, on what is unsolved."""
    joined = gap_claims.join(people, people.c.id == gap_claims.c.person_id)
    joined = joined.join(tickets, tickets.c.id == gap_claims.c.ticket_id)
    columns = gap_claims.c.ticket_id, gap_claims.c.person_id, people.c.name, gap_claims.c.at
    unsolved = [status.value for status in sorted(UNSOLVED)]
    return select(*columns).select_from(joined).where(people.c.is_active, tickets.c.status.in_(unsolved))


def of(connection: Connection, numbers: Collection[int]) -> dict[int, Claim]:
    """Who has taken on some gaps, by number."""
    found: dict[int, Claim] = {}
    ordered = sorted(numbers)
    for start in range(0, len(ordered), _SHARE):
        share = gap_claims.c.ticket_id.in_(ordered[start : start + _SHARE])
        found |= {claim.number: claim for claim in _read(connection, _living().where(share))}
    return found


def of_person(connection: Connection, person_id: int) -> list[Claim]:
    """What a writer has taken on, oldest first."""
    query = _living().where(gap_claims.c.person_id == person_id)
    return _read(connection, query.order_by(gap_claims.c.at, gap_claims.c.ticket_id))


def _read(connection: Connection, query: Select[tuple[int, int, str, datetime]]) -> list[Claim]:
    """The claims of a query."""
    return [Claim(row.ticket_id, row.person_id, row.name, row.at) for row in connection.execute(query)]


def take(connection: Connection, number: int, person_id: int, at: datetime) -> None:
    """Note that a writer takes a gap on whose ticket is locked; a claim that no longer counts is replaced."""
    end(connection, number)
    connection.execute(insert(gap_claims).values(ticket_id=number, person_id=person_id, at=at))


def end(connection: Connection, number: int) -> None:
    """Note that nobody has taken a gap on any more."""
    connection.execute(delete(gap_claims).where(gap_claims.c.ticket_id == number))
