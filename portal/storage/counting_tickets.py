"""What a day's tickets say, read from the database as they are counted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from portal.storage.facts import start_of
from portal.storage.schema import events, tickets
from portal.tickets import Action, Actor, Event, Kind, Status

#: Tickets that are read at once.
_SHARE = 500

_COLUMNS = ("id", "kind", "language", "topic", "created_at", "is_confirmed", "requester_email", "trail")


@dataclass(frozen=True)
class Case:
    """What is counted of a ticket."""

    id: int
    kind: Kind
    language: str
    #: Of the articles.
    topic: str
    is_confirmed: bool
    #: Of who sent it, in lower case.
    email: str
    #: What they had tried; see `sending`.
    trail: list[dict[str, str]]
    #: Its history, without texts, as far as it is looked at.
    events: list[Event] = field(default_factory=list)


def _within(day: date) -> ColumnElement[bool]:
    """Whether something happened on a day."""
    return (events.c.at >= start_of(day)) & (events.c.at < start_of(day + timedelta(days=1)))


def cases(connection: Connection, day: date, before: datetime) -> Iterator[Case]:
    """The tickets to which something happened on a day, each with its history until a time."""
    touched = select(events.c.ticket_id).distinct().where(_within(day))
    numbers = sorted(connection.execute(touched).scalars())
    lines = select(*(column for column in events.c if column.name != "text")).order_by(events.c.id)
    for start in range(0, len(numbers), _SHARE):
        share = numbers[start : start + _SHARE]
        query = select(*(tickets.c[name] for name in _COLUMNS)).where(tickets.c.id.in_(share))
        found = {row["id"]: _case(row) for row in connection.execute(query.order_by(tickets.c.id)).mappings()}
        for row in connection.execute(lines.where(events.c.ticket_id.in_(share), events.c.at < before)).mappings():
            if row["ticket_id"] in found:
                found[row["ticket_id"]].events.append(_event(row))
        yield from found.values()


def _case(row: RowMapping) -> Case:
    """A ticket from its row."""
    return Case(
        row["id"],
        Kind(row["kind"]),
        row["language"],
        row["topic"],
        row["is_confirmed"],
        row["requester_email"].casefold(),
        row["trail"],
    )


def _event(row: RowMapping) -> Event:
    """An event from its row."""
    return Event(
        row["at"],
        Action(row["action"]),
        Actor(row["person_id"], row["actor_name"]),
        Status(row["before"]) if row["before"] else None,
        Status(row["after"]),
        details=row["details"],
    )


def stamp(connection: Connection, day: date) -> tuple[Any, ...]:
    """Changes whenever something has happened to tickets since a day began, or one that was opened on it is confirmed."""
    happened = select(func.count(), func.max(events.c.id)).where(events.c.at >= start_of(day))
    opened = select(events.c.ticket_id).where(_within(day), events.c.action == Action.OPENED.value)
    confirmed = select(func.count()).where(tickets.c.id.in_(opened), tickets.c.is_confirmed)
    return (*connection.execute(happened).one(), connection.execute(confirmed).scalar_one())
