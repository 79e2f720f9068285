"""How the desk is set up, in the database: read whole, and changed one item at a time."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, time
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.errors import InvalidInput, NotFound, StaleTicket
from portal.organisation import (
    Calendar,
    Clock,
    Effect,
    Hours,
    Item,
    Organisation,
    Policy,
    Route,
    Rule,
    SavedReply,
    Supplier,
    Target,
    Tier,
)
from portal.storage import schema

Kind = TypeVar("Kind", Calendar, Tier, Target, Rule, Route, Supplier, SavedReply, Policy)

#: Where each kind of item is kept, and the column by which it is known.
TABLES: Mapping[type, tuple[Table, str]] = {
    Calendar: (schema.calendars, "id"),
    Tier: (schema.tiers, "number"),
    Target: (schema.targets, "priority"),
    Rule: (schema.rules, "id"),
    Route: (schema.routes, "topic"),
    Supplier: (schema.suppliers, "id"),
    SavedReply: (schema.saved_replies, "id"),
    Policy: (schema.policy, "id"),
}
#: The row of the one policy.
_POLICY = 1


def _week(stored: list[list[list[str]]]) -> tuple[tuple[Hours, ...], ...]:
    """Stretches by weekday from texts such as 09:00; 24:00 is the end of a day."""
    return tuple(tuple(Hours(_time(start), _time(end)) for start, end in day) for day in stored)


def _time(text: str) -> time:
    """A time of day from its text."""
    return time.max if text == "24:00" else time.fromisoformat(text)


def _text(moment: time) -> str:
    """A time of day as text."""
    return "24:00" if moment == time.max else moment.strftime("%H:%M")


#: How values are read that the database keeps as JSON or text.
_READ: Mapping[type, Mapping[str, Callable[[Any], Any]]] = {
    Calendar: {"week": _week, "holidays": lambda days: frozenset(date.fromisoformat(day) for day in days)},
    Rule: {"clock": Clock, "effect": Effect, "tiers": tuple, "priorities": tuple, "languages": tuple},
    Supplier: {"languages": tuple, "shared": frozenset},
}
#: How they are written.
_WRITE: Mapping[type, Mapping[str, Callable[[Any], Any]]] = {
    Calendar: {
        "week": lambda week: [[[_text(hours.start), _text(hours.end)] for hours in day] for day in week],
        "holidays": lambda days: sorted(day.isoformat() for day in days),
    },
    Rule: {
        "clock": lambda clock: clock.value,
        "effect": lambda effect: effect.value,
        "tiers": list,
        "priorities": list,
        "languages": list,
    },
    Supplier: {"languages": list, "shared": sorted},
}


def _item(kind: type[Kind], row: Mapping[str, Any]) -> Kind:
    """An item from its row."""
    values = {name: row[name] for name in kind.__dataclass_fields__}
    return kind(**values | {name: read(values[name]) for name, read in _READ.get(kind, {}).items()})


def as_row(item: Item) -> dict[str, Any]:
    """An item's values as the database, an export and the audit log keep them: JSON and plain values."""
    values = {name: getattr(item, name) for name in type(item).__dataclass_fields__}
    written = values | {name: write(values[name]) for name, write in _WRITE.get(type(item), {}).items()}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in written.items()}


def everything(connection: Connection, kind: type[Kind]) -> list[Kind]:
    """All items of a kind, by number or name."""
    table, key = TABLES[kind]
    order = [table.c.name] if "name" in table.c else []
    rows = connection.execute(select(table).order_by(*order, table.c[key])).mappings()
    return [_item(kind, dict(row)) for row in rows]


def get(connection: Connection, kind: type[Kind], key: int | str, lock: bool = False) -> Kind:
    """One item.

    Raises:
        NotFound: there is none.
    """
    table, name = TABLES[kind]
    query = select(table).where(table.c[name] == key)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise NotFound(f"{kind.__name__} {key}")
    return _item(kind, dict(row))


def add(connection: Connection, item: Item) -> int | str:
    """Store a new item; its number or key.

    Raises:
        InvalidInput: `name` is `taken`.
    """
    table, key = TABLES[type(item)]
    values = as_row(item)
    if key == "id":
        values.pop("id", None)
    try:
        with connection.begin_nested():
            made = connection.execute(insert(table).values(**values)).inserted_primary_key
    except IntegrityError:
        raise InvalidInput("name" if "name" in values else key, "taken") from None
    assert made is not None
    found: int | str = made[0]
    return found


def save(connection: Connection, item: Item) -> None:
    """Store a changed item.

    Raises:
        StaleTicket: somebody has changed it since it was read.
        InvalidInput: `name` is `taken`.
    """
    table, key = TABLES[type(item)]
    values = as_row(item) | {"version": item.version + 1}
    number = values.pop(key, _POLICY)
    same = (table.c[key] == number) & (table.c.version == item.version)
    try:
        with connection.begin_nested():
            saved = connection.execute(update(table).where(same).values(**values)).rowcount
    except IntegrityError:
        raise InvalidInput("name", "taken") from None
    if saved != 1:
        raise StaleTicket(f"{type(item).__name__} {number} has changed")


def remove(connection: Connection, kind: type[Kind], key: int | str) -> None:
    """Delete an item.

    Raises:
        InvalidInput: something else needs it: `in_use`.
    """
    table, name = TABLES[kind]
    try:
        with connection.begin_nested():
            connection.execute(delete(table).where(table.c[name] == key))
    except IntegrityError:
        raise InvalidInput("name", "in_use") from None


def load(connection: Connection, time_zone: str = "UTC") -> Organisation:
    """Everything that is set up.

    Args:
        connection: of any transaction.
        time_zone: of calendars that name none.
    """
    calendars = [
        replace(each, time_zone=each.time_zone or time_zone) for each in everything(connection, Calendar)
    ]  # fmt: skip
    return Organisation(
        tiers={tier.number: tier for tier in everything(connection, Tier)},
        calendars={calendar.id: calendar for calendar in calendars},
        targets={target.priority: target for target in everything(connection, Target)},
        rules=tuple(sorted(everything(connection, Rule), key=lambda rule: rule.id)),
        routes={route.topic: route for route in everything(connection, Route)},
        policy=everything(connection, Policy)[0],
    )
