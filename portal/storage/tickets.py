"""Tickets and their histories in the database."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from portal.errors import NotFound, StaleTicket
from portal.storage import announcing
from portal.storage.schema import events, tickets
from portal.tickets import UNSOLVED, Action, Actor, Callback, Event, Kind, Resolution, Status, Ticket


@dataclass(frozen=True)
class Filter:
    """Which tickets are asked for; None does not narrow."""

    tier: int | None = None
    kind: Kind | None = None
    #: Language of the page that the ticket came from.
    language: str | None = None
    #: True for those with work left, False for the others.
    is_unsolved: bool | None = True
    owner_id: int | None = None
    #: Of gaps: whether it was a person who asked, as far as that can be told. Requests are confirmed.
    is_confirmed: bool | None = None
    #: Requests that came from this gap.
    gap_id: int | None = None
    #: Only those solved in one of these ways.
    resolutions: frozenset[Resolution] | None = None


def _ticket(row: Mapping[str, Any]) -> Ticket:
    """A ticket from its row."""
    values = {name: row[name] for name in Ticket.__dataclass_fields__}
    values["kind"], values["status"] = Kind(values["kind"]), Status(values["status"])
    values["resolution"] = Resolution(values["resolution"]) if values["resolution"] else None
    values["callback"] = Callback(values["callback"]) if values["callback"] else None
    values["trail"] = tuple(values["trail"])
    return Ticket(**values)


def _row(ticket: Ticket) -> dict[str, Any]:
    """A ticket's columns, without its number."""
    values = {name: getattr(ticket, name) for name in Ticket.__dataclass_fields__ if name != "id"}
    return values | {
        "kind": ticket.kind.value,
        "status": ticket.status.value,
        "resolution": ticket.resolution.value if ticket.resolution else None,
        "callback": ticket.callback.value if ticket.callback else None,
        "trail": list(ticket.trail),
    }


def create(connection: Connection, ticket: Ticket, token_hash: str | None = None) -> int | None:
    """Store a new ticket.

    Args:
        connection: of a write transaction.
        ticket: its `id` is not looked at.
        token_hash: of a request's private link.

    Returns:
        Its number; None when its fingerprint or its token is there already, which leaves the transaction usable.
    """
    try:
        with connection.begin_nested():
            result = connection.execute(insert(tickets).values(**_row(ticket), token_hash=token_hash))
    except IntegrityError:
        return None
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def save(connection: Connection, ticket: Ticket) -> None:
    """Store a changed ticket.

    Raises:
        StaleTicket: it was changed by somebody else since it was read.
    """
    same = (tickets.c.id == ticket.id) & (tickets.c.version == ticket.version)
    values = _row(ticket) | {"version": ticket.version + 1}
    if connection.execute(update(tickets).where(same).values(**values)).rowcount != 1:
        raise StaleTicket(f"ticket {ticket.id} has changed")


def count_again(connection: Connection, ticket: Ticket) -> None:
    """Store how often and when a gap was asked, of a ticket that was read locked.

    The version stays: who works on the gap need not be told that others still ask.
    """
    values = {
        "occurrences": ticket.occurrences,
        "impact": ticket.impact,
        "priority": ticket.priority,
        "last_asked_at": ticket.last_asked_at,
        "updated_at": ticket.updated_at,
    }
    connection.execute(update(tickets).where(tickets.c.id == ticket.id).values(**values))


def record(connection: Connection, ticket_id: int, event: Event) -> None:
    """Add a line to a ticket's history, of a ticket that is stored as it is afterwards; webhooks are told."""
    made = connection.execute(
        insert(events).values(
            ticket_id=ticket_id,
            at=event.at,
            action=event.action.value,
            person_id=event.actor.person_id,
            actor_name=event.actor.name,
            before=event.before.value if event.before else None,
            after=event.after.value,
            text=event.text,
            is_public=event.is_public,
            details=event.details,
        )
    ).inserted_primary_key
    assert made is not None
    announcing.tell(connection, ticket_id, event, int(made[0]))


def get(connection: Connection, number: int, lock: bool = False) -> Ticket:
    """The ticket of a number.

    Args:
        connection: of any transaction.
        number: as told to people.
        lock: in a write transaction on PostgreSQL, lock the row `FOR UPDATE`, so that a second change waits for
            the first instead of being refused; SQLite has locked everything by then.

    Raises:
        NotFound: there is none.
    """
    # Larger numbers than the column holds are an error on PostgreSQL.
    return _one(connection, tickets.c.id == min(number, 2**31 - 1), lock)


def several(connection: Connection, numbers: Collection[int], lock: bool = False) -> dict[int, Ticket]:
    """Tickets by number, in the order of the numbers; those that are not there are left out. See `get`."""
    query = select(tickets).where(tickets.c.id.in_(numbers)).order_by(tickets.c.id)
    rows = connection.execute(query.with_for_update() if lock else query).mappings()
    return {row["id"]: _ticket(dict(row)) for row in rows}


def by_fingerprint(connection: Connection, fingerprint: str, lock: bool = False) -> Ticket:
    """The gap of a fingerprint; see `get`."""
    return _one(connection, tickets.c.fingerprint == fingerprint, lock)


def by_token(connection: Connection, token_hash: str, lock: bool = False) -> Ticket:
    """The request of a private link; see `get`."""
    return _one(connection, tickets.c.token_hash == token_hash, lock)


def _one(connection: Connection, where: Any, lock: bool) -> Ticket:
    """The one ticket of a condition."""
    query = select(tickets).where(where)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise NotFound("no such ticket")
    return _ticket(dict(row))


def _where(chosen: Filter) -> list[Any]:
    """A filter's conditions."""
    unsolved = [status.value for status in sorted(UNSOLVED)]
    conditions: list[Any] = []
    if chosen.is_unsolved is not None:
        is_in = tickets.c.status.in_(unsolved)
        conditions.append(is_in if chosen.is_unsolved else ~is_in)
    for column in ("tier", "language", "owner_id", "is_confirmed", "gap_id"):
        if (value := getattr(chosen, column)) is not None:
            conditions.append(tickets.c[column] == value)
    if chosen.kind is not None:
        conditions.append(tickets.c.kind == chosen.kind.value)
    if chosen.resolutions is not None:
        conditions.append(tickets.c.resolution.in_(sorted(way.value for way in chosen.resolutions)))
    return conditions


def find(
    connection: Connection, chosen: Filter, after: tuple[datetime, int] | None = None, limit: int = 50
) -> list[Ticket]:
    """Tickets of a filter, oldest first.

    Args:
        connection: of any transaction.
        chosen: which.
        after: creation time and number of the last ticket of the page before.
        limit: how many at most.
    """
    query = select(tickets).where(*_where(chosen)).order_by(tickets.c.created_at, tickets.c.id).limit(limit)
    if after is not None:
        query = query.where(tuple_(tickets.c.created_at, tickets.c.id) > tuple_(*after))
    return [_ticket(dict(row)) for row in connection.execute(query).mappings()]


def recent(connection: Connection, language: str | None = None, limit: int = 500) -> list[Ticket]:
    """The gaps, and of one language the requests as well, that were opened last; newest first."""
    kinds = [Kind.GAP.value, Kind.TRANSLATION.value] + ([Kind.REQUEST.value] if language else [])
    query = select(tickets).where(tickets.c.kind.in_(kinds), tickets.c.status != Status.SPAM.value)
    if language is not None:
        query = query.where(tickets.c.language == language)
    query = query.order_by(tickets.c.id.desc()).limit(limit)
    return [_ticket(dict(row)) for row in connection.execute(query).mappings()]


class Question(NamedTuple):
    """What a ticket asks."""

    id: int
    language: str
    query: str
    subject: str


def questions(connection: Connection, language: str, limit: int) -> list[Question]:
    """What the tickets of a language ask that were opened last; of the kinds that `recent` gives, newest first."""
    c = tickets.c
    kinds = [kind.value for kind in (Kind.GAP, Kind.TRANSLATION, Kind.REQUEST)]
    query = select(c.id, c.language, c.query, c.subject).where(
        c.kind.in_(kinds), c.status != Status.SPAM.value, c.language == language
    )
    return [Question(*row) for row in connection.execute(query.order_by(c.id.desc()).limit(limit)).all()]


def count(connection: Connection, chosen: Filter) -> int:
    """How many tickets a filter has."""
    return int(connection.execute(select(func.count()).select_from(tickets).where(*_where(chosen))).scalar_one())


def history(connection: Connection, number: int, public_only: bool = False) -> list[Event]:
    """A ticket's events, oldest first."""
    query = select(events).where(events.c.ticket_id == number).order_by(events.c.id)
    if public_only:
        query = query.where(events.c.is_public)
    return [
        Event(
            row.at,
            Action(row.action),
            Actor(row.person_id, row.actor_name),
            Status(row.before) if row.before else None,
            Status(row.after),
            row.text,
            row.is_public,
            row.details,
        )
        for row in connection.execute(query)
    ]


def awaiting_answer(connection: Connection, numbers: Collection[int]) -> set[int]:
    """Of some requests those whose requester has written last, and not for the first time."""
    talk = [action.value for action in (Action.REPLY, Action.ASK_REQUESTER, Action.REQUESTER_REPLY, Action.SOLVE)]
    later = events.alias()
    following = select(later.c.action).where(later.c.ticket_id == events.c.ticket_id, later.c.id > events.c.id)
    taken_back = following.order_by(later.c.id).limit(1).scalar_subquery() == Action.RETRACT.value
    theirs = events.c.ticket_id.in_(list(numbers)) & events.c.action.in_(talk) & func.coalesce(~taken_back, True)
    last = select(func.max(events.c.id)).where(theirs).group_by(events.c.ticket_id)
    is_reply = events.c.action == Action.REQUESTER_REPLY.value
    return set(connection.execute(select(events.c.ticket_id).where(events.c.id.in_(last), is_reply)).scalars())
