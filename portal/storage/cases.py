"""Cases of suppliers in the database."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from portal.errors import NotFound, StaleTicket
from portal.storage.schema import cases, suppliers

#: Longest reference of a supplier, in characters.
REFERENCE_LENGTH = 100


@dataclass(frozen=True)
class Case:
    """What a supplier has been asked to do for a ticket."""

    #: 0 before it is stored.
    id: int
    ticket_id: int
    supplier_id: int
    opened_at: datetime
    #: The supplier's own number of it; empty until our owner has typed it.
    reference: str = ""
    is_open: bool = True
    #: When our owner is reminded next; None while nothing is awaited.
    remind_at: datetime | None = None
    #: How often the owner was reminded.
    reminders: int = 0
    version: int = 1


def _case(row: Any) -> Case:
    """A case from its row."""
    return Case(**{item.name: row[item.name] for item in fields(Case)})


def _row(case: Case) -> dict[str, Any]:
    """A case's columns, without its number."""
    return {item.name: getattr(case, item.name) for item in fields(Case) if item.name != "id"}


def add(connection: Connection, case: Case) -> Case:
    """Store a new case; the same with its number."""
    key = connection.execute(insert(cases).values(**_row(case))).inserted_primary_key
    assert key is not None
    return replace(case, id=key[0])


def save(connection: Connection, case: Case) -> None:
    """Store a changed case.

    Raises:
        StaleTicket: somebody has changed it since it was read.
    """
    same = (cases.c.id == case.id) & (cases.c.version == case.version)
    values = _row(replace(case, version=case.version + 1))
    if connection.execute(update(cases).where(same).values(**values)).rowcount != 1:
        raise StaleTicket(f"case {case.id} has changed")


def get(connection: Connection, number: int, lock: bool = False) -> Case:
    """One case; whoever locks it has locked its ticket before.

    Raises:
        NotFound: there is none.
    """
    query = select(cases).where(cases.c.id == min(number, 2**31 - 1))
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise NotFound(f"case {number}")
    return _case(row)


def of_ticket(connection: Connection, ticket_id: int) -> list[Case]:
    """The cases of a ticket, oldest first."""
    query = select(cases).where(cases.c.ticket_id == ticket_id).order_by(cases.c.id)
    return [_case(row) for row in connection.execute(query).mappings()]


def due(connection: Connection, now: datetime, limit: int) -> list[Case]:
    """Open cases whose owner is to be reminded, longest due first."""
    is_due = cases.c.is_open & (cases.c.remind_at <= now)
    query = select(cases).where(is_due).order_by(cases.c.remind_at, cases.c.id).limit(limit)
    return [_case(row) for row in connection.execute(query).mappings()]


def with_reference(connection: Connection, domain: str, limit: int) -> Sequence[Case]:
    """Open cases that have a reference, of the suppliers whose address is of a domain; newest first."""
    is_theirs = func.lower(suppliers.c.email).endswith(f"@{domain.lower()}", autoescape=True)
    query = (
        select(cases)
        .join(suppliers, suppliers.c.id == cases.c.supplier_id)
        .where(is_theirs, cases.c.is_open, cases.c.reference != "")
        .order_by(cases.c.id.desc())
        .limit(limit)
    )
    return [_case(row) for row in connection.execute(query).mappings()]
