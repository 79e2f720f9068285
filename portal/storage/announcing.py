"""Announcing: what happens is written for the webhooks that want it, in the transaction in which it happens."""

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, cast, delete, func, insert, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from portal.announcements import CONFIRMED, TEST, About, Announcement, moment, of_history, of_ticket
from portal.storage.schema import Moment, deliveries, events, tickets, webhook_events, webhooks
from portal.tickets import Action, Event, Kind

#: What may still be taken back waits as long as its mail does; see `desk.posting.UNDO`.
HELD = timedelta(seconds=10)
#: Gaps that are announced by one statement.
_SHARE = 500


class State(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    #: The receiver has taken it.
    SENT = "sent"
    #: Given up.
    FAILED = "failed"


def announce(
    connection: Connection,
    about: str,
    key: str,
    language: str,
    data: Mapping[str, Any],
    now: datetime,
    *,
    held: timedelta = timedelta(0),
) -> None:
    """Write what has happened for every active webhook that wants it, in the transaction in which it happens.

    Args:
        connection: of a write transaction.
        about: one of `About`.
        key: what happened, at most 160 characters; nobody is told of the same twice.
        language: of what it is about.
        data: what is said, as JSON can hold it.
        now: aware, UTC.
        held: how long it may still be taken back.
    """
    wants = webhooks.c.is_active & (webhook_events.c.event == about)
    # The list as the database writes it; both write it alike.
    spoken = cast(webhooks.c.languages, String)
    wants &= or_(spoken == "[]", spoken.contains(f'"{language}"', autoescape=True))
    chosen = select(webhooks.c.id, *_row(about, key, data, now, held)).select_from(
        webhooks.join(webhook_events, webhook_events.c.webhook_id == webhooks.c.id)
    )
    insertion: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    columns = ["webhook_id", "key", "event", "payload", "created_at", "state", "due_at", "attempts", "fault"]
    statement = insertion(deliveries).from_select(columns, chosen.where(wants))
    connection.execute(statement.on_conflict_do_nothing(index_elements=["webhook_id", "key"]))


def _row(about: str, key: str, data: Mapping[str, Any], now: datetime, held: timedelta) -> list[ColumnElement[Any]]:
    """A new delivery's columns but the first."""
    return [
        literal(key, String),
        literal(about, String),
        literal(envelope(about, data, now), String),
        literal(now, Moment),
        literal(State.WAITING.value, String),
        literal(now + held, Moment),
        literal(0),
        literal("", String),
    ]


def envelope(about: str, data: Mapping[str, Any], now: datetime) -> str:
    """What is sent: an id that nobody can guess, what has happened, when, and to what."""
    said = {"id": f"evt_{secrets.token_hex(16)}", "type": about, "created_at": moment(now), "data": data}
    return json.dumps(said, ensure_ascii=False)


def wanted(connection: Connection, abouts: Collection[str]) -> bool:
    """Whether an active webhook wants any of some events; asked before anything is looked up for them."""
    listening = webhooks.c.is_active & webhook_events.c.event.in_(list(abouts))
    query = select(webhooks.c.id).join(webhook_events, webhook_events.c.webhook_id == webhooks.c.id)
    return connection.execute(query.where(listening).limit(1)).first() is not None


#: What is looked up of a ticket to decide and to say something.
_TOLD = [
    tickets.c[name]
    for name in (
        "id", "kind", "status", "tier", "language", "priority", "is_major", "topic", "resolution", "query", "code",
        "occurrences", "is_confirmed", "slug", "gap_id", "follows_id",
    )
]  # fmt: skip
#: Whatever an action may be told as.
_MAYBE = frozenset(
    {
        Action.OPENED, Action.REOPEN, Action.ABSORB, Action.SOLVE, Action.SOLVE_WITH, Action.REPLY,
        Action.ASK_REQUESTER, Action.REQUESTER_REPLY, Action.REQUESTER_CLOSE, Action.ESCALATE,
    }
)  # fmt: skip


def tell(connection: Connection, ticket_id: int, event: Event, event_id: int) -> None:
    """Announce what has just been recorded in a ticket's history, or take back what has not left yet.

    Args:
        connection: of the write transaction in which it was recorded.
        ticket_id: number of the ticket, which is stored as it is afterwards.
        event: as recorded.
        event_id: its number.
    """
    if event.action is Action.RETRACT:
        _take_back(connection, ticket_id, event, event_id)
    if event.action not in _MAYBE or not wanted(connection, list(About)):
        return
    row = connection.execute(select(*_TOLD).where(tickets.c.id == ticket_id)).mappings().one()
    for each in of_history(Kind(row["kind"]), event, is_confirmed=row["is_confirmed"]):
        _announce(connection, dict(row), each, event.at, event_id)


def _announce(
    connection: Connection, row: Mapping[str, Any], each: Announcement, now: datetime, event_id: int = 0
) -> None:
    """Announce something of a ticket."""
    key = f"{each.about}:{row['id']}" + ("" if each.is_once else f":{event_id}")
    held = HELD if each.is_held else timedelta(0)
    announce(connection, each.about, key, row["language"], {"ticket": of_ticket(row), **each.more}, now, held=held)


def _take_back(connection: Connection, ticket_id: int, event: Event, event_id: int) -> None:
    """Somebody has taken back what they had just sent: nobody is told of it."""
    mine = (events.c.ticket_id == ticket_id) & (events.c.action == event.details.get("action", ""))
    before = select(func.max(events.c.id)).where(mine, events.c.id < event_id)
    taken = connection.execute(before).scalar_one()
    keys = [f"{about}:{ticket_id}:{taken}" for about in (About.REQUEST_REPLIED, About.REQUEST_SOLVED)]
    is_here = deliveries.c.key.in_(keys) & (deliveries.c.attempts == 0)
    connection.execute(delete(deliveries).where(is_here & (deliveries.c.state == State.WAITING.value)))


def tell_confirmed(connection: Connection, numbers: Sequence[int], now: datetime) -> None:
    """Announce that it was persons who asked some gaps.

    Args:
        connection: of the write transaction in which they were confirmed.
        numbers: of the gaps.
        now: aware, UTC.
    """
    if not numbers or not wanted(connection, [CONFIRMED.about]):
        return
    for start in range(0, len(numbers), _SHARE):
        some = tickets.c.id.in_(numbers[start : start + _SHARE]) & (tickets.c.kind != Kind.OVERFLOW.value)
        for row in connection.execute(select(*_TOLD).where(some).order_by(tickets.c.id)).mappings().all():
            _announce(connection, dict(row), CONFIRMED, now)


def test(connection: Connection, webhook_id: int, now: datetime) -> int:
    """Write an event of its own for one webhook, also for one that is turned off; the delivery's number."""
    said = envelope(TEST, {"webhook": webhook_id}, now)
    values = {
        "webhook_id": webhook_id,
        "key": f"{TEST}:{json.loads(said)['id']}",
        "event": TEST,
        "payload": said,
        "created_at": now,
        "state": State.WAITING.value,
        "due_at": now,
        "attempts": 0,
        "fault": "",
    }
    key = connection.execute(insert(deliveries).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])
