"""What needs something that is set up, and who does what, in the database."""

from collections import Counter
from typing import Any

from sqlalchemy import Connection, Select, func, select

from portal.organisation import Calendar, Supplier, Tier
from portal.storage import schema
from portal.storage.schema.base import metadata
from portal.tickets import UNSOLVED


def _unsolved(connection: Connection, column: str) -> Counter[int]:
    """How many tickets are unsolved by the value of a column."""
    tickets = schema.tickets
    by = tickets.c[column]
    statuses = tickets.c.status.in_([status.value for status in UNSOLVED])
    query = select(by, func.count()).where(statuses, by.is_not(None)).group_by(by)
    return Counter({int(value): int(count) for value, count in connection.execute(query)})


def tickets_at(connection: Connection) -> Counter[int]:
    """How many unsolved tickets are at each tier; 0 where there are none."""
    return _unsolved(connection, "tier")


def tickets_of(connection: Connection) -> Counter[int]:
    """How many unsolved tickets each person owns; 0 where they own none."""
    return _unsolved(connection, "owner_id")


def uses(connection: Connection, kind: type, key: int | str) -> dict[str, int]:
    """How many of what need an item: tickets, tiers, people, routes, rules, cases or the policy; none are left out."""
    found: dict[str, int] = {}
    if kind is Calendar:
        for name in ("tiers", "people", "policy"):
            table = metadata.tables[name]
            found[name] = _count(connection, table.select().where(table.c.calendar_id == key))
    elif kind is Tier:
        found["tickets"] = tickets_at(connection)[int(key)]
        found["routes"] = _count(connection, schema.routes.select().where(schema.routes.c.tier == key))
    elif kind is Supplier:
        found["cases"] = _count(connection, schema.cases.select().where(schema.cases.c.supplier_id == key))
    return {name: count for name, count in found.items() if count}


def _count(connection: Connection, query: Select[Any]) -> int:
    """How many rows a query has."""
    return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())


def hold_people(connection: Connection) -> None:
    """Keep others from changing anybody of the staff until the transaction ends; they may go on working."""
    people = schema.people
    connection.execute(select(people.c.id).order_by(people.c.id).with_for_update(key_share=True))
