"""Webhooks and their deliveries in the database: claimed one by one, tried again, given up, done once more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, or_, select, update

from portal.announcements import TEST, About
from portal.storage.announcing import HELD, State
from portal.storage.schema import deliveries, webhook_events, webhooks

#: Longest pause between two attempts.
LONGEST_PAUSE = timedelta(hours=6)
#: Longest words about a fault that are kept, in characters.
FAULT_LENGTH = 300


@dataclass(frozen=True)
class Webhook:
    """Where another system wants to be told of what happens."""

    #: 0 before it is stored.
    id: int
    name: str
    url: str
    events: frozenset[About] = frozenset()
    #: Whose events it wants; empty: all.
    languages: tuple[str, ...] = ()
    is_active: bool = True
    #: See `portal.webhooks.signing.Salts`.
    salt: str = field(default="", repr=False)
    #: Since when its receiver has not worked; None while it answers, also where it dislikes what it is told.
    failing_since: datetime | None = None
    version: int = 1


@dataclass(frozen=True)
class Claimed:
    """A delivery that one process has for a while."""

    id: int
    webhook: Webhook
    event: str
    #: JSON; its addresses are without host.
    payload: str
    created_at: datetime
    #: Which attempt this is, from 1.
    attempts: int


@dataclass(frozen=True)
class Delivery:
    """What became of something that was to be told."""

    id: int
    webhook_id: int
    event: str
    payload: str
    created_at: datetime
    state: State
    due_at: datetime
    attempts: int
    ended_at: datetime | None
    #: The last answer's HTTP status; None where there was none.
    status: int | None
    fault: str


def _values(webhook: Webhook) -> dict[str, Any]:
    """A webhook's columns."""
    return {
        "name": webhook.name,
        "url": webhook.url,
        "languages": list(webhook.languages),
        "is_active": webhook.is_active,
        "salt": webhook.salt,
        "failing_since": webhook.failing_since,
        "version": webhook.version,
    }


def add(connection: Connection, webhook: Webhook, now: datetime) -> int:
    """Store a new webhook; its number."""
    key = connection.execute(insert(webhooks).values(**_values(webhook), created_at=now)).inserted_primary_key
    assert key is not None
    _subscribe(connection, int(key[0]), webhook.events)
    return int(key[0])


def save(connection: Connection, webhook: Webhook) -> bool:
    """Store a changed webhook as its next version; not where somebody else has changed or removed it since."""
    same = (webhooks.c.id == webhook.id) & (webhooks.c.version == webhook.version)
    values = _values(webhook) | {"version": webhook.version + 1}
    if connection.execute(update(webhooks).where(same).values(**values)).rowcount != 1:
        return False
    connection.execute(delete(webhook_events).where(webhook_events.c.webhook_id == webhook.id))
    _subscribe(connection, webhook.id, webhook.events)
    return True


def _subscribe(connection: Connection, webhook_id: int, wanted: frozenset[About]) -> None:
    """Store which events a webhook wants."""
    rows = [{"webhook_id": webhook_id, "event": about.value} for about in sorted(wanted)]
    if rows:
        connection.execute(insert(webhook_events), rows)


def remove(connection: Connection, webhook_id: int) -> None:
    """Delete a webhook with what was told and was to be told."""
    connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))


def everything(connection: Connection) -> list[Webhook]:
    """All webhooks by name."""
    return _found(connection, select(webhooks).order_by(webhooks.c.name, webhooks.c.id))


def get(connection: Connection, webhook_id: int, *, lock: bool = False) -> Webhook | None:
    """One webhook; None where there is none."""
    # Larger numbers than the column holds are an error on PostgreSQL.
    query = select(webhooks).where(webhooks.c.id == min(webhook_id, 2**31 - 1))
    return next(iter(_found(connection, query.with_for_update(key_share=True) if lock else query)), None)


def _found(connection: Connection, query: Select[Any]) -> list[Webhook]:
    """Webhooks with their events."""
    rows = connection.execute(query).mappings().all()
    theirs = webhook_events.c.webhook_id.in_([row["id"] for row in rows])
    wanted: dict[int, set[About]] = {}
    for number, event in connection.execute(select(webhook_events.c.webhook_id, webhook_events.c.event).where(theirs)):
        wanted.setdefault(number, set()).add(About(event))
    return [
        Webhook(
            row["id"], row["name"], row["url"], frozenset(wanted.get(row["id"], ())), tuple(row["languages"]),
            row["is_active"], row["salt"], row["failing_since"], row["version"],
        )
        for row in rows
    ]  # fmt: skip


def _is_due(now: datetime, seconds: float) -> ColumnElement[bool]:
    """Deliveries to be tried now; times too far ahead come from a clock that was wrong, and count as reached."""
    # Not a little too far: another process may have begun its round later, or its machine's clock go before ours.
    free, claim = deliveries.c.claimed_until, timedelta(seconds=seconds)
    return (
        (deliveries.c.state == State.WAITING.value)
        & or_(deliveries.c.due_at <= now, deliveries.c.due_at > now + LONGEST_PAUSE + claim)
        & or_(free.is_(None), free <= now, free > now + 2 * claim)
        & or_(webhooks.c.is_active, deliveries.c.event == TEST)
    )


_joined = deliveries.join(webhooks, deliveries.c.webhook_id == webhooks.c.id)


def due(connection: Connection, now: datetime, seconds: float) -> list[int]:
    """The webhooks that something is to be delivered to; first the one that has waited longest."""
    query = select(deliveries.c.webhook_id).select_from(_joined).where(_is_due(now, seconds))
    waiting = query.group_by(deliveries.c.webhook_id).order_by(func.min(deliveries.c.due_at), deliveries.c.webhook_id)
    return list(connection.execute(waiting).scalars())


def claim(
    connection: Connection, webhook_id: int, now: datetime, seconds: float, only: int | None = None
) -> Claimed | None:
    """Take the delivery of a webhook that has been due longest, which no other process then tries.

    Args:
        connection: of a write transaction, committed before the receiver is called.
        webhook_id: whose.
        now: aware, UTC.
        seconds: after which others may try it; longer than a call takes.
        only: the one delivery that is wanted; None: any.
    """
    mine = _is_due(now, seconds) & (deliveries.c.webhook_id == webhook_id)
    if only is not None:
        mine &= deliveries.c.id == only
    oldest = select(deliveries).select_from(_joined).where(mine).order_by(deliveries.c.due_at, deliveries.c.id).limit(1)
    row = connection.execute(oldest.with_for_update(skip_locked=True, of=deliveries)).first()
    webhook = get(connection, webhook_id)
    if row is None or webhook is None:
        return None
    values = {"claimed_until": now + timedelta(seconds=seconds), "attempts": row.attempts + 1}
    connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
    return Claimed(row.id, webhook, row.event, row.payload, row.created_at, row.attempts + 1)


def sent(connection: Connection, claimed: Claimed, now: datetime, status: int) -> None:
    """The receiver has taken it, whoever has the claim by now; what waited for it to work again is due.

    Args:
        connection: of a write transaction.
        claimed: the delivery.
        now: aware, UTC.
        status: of the answer.
    """
    works(connection, claimed.webhook.id, now)
    mine = (deliveries.c.id == claimed.id) & deliveries.c.state.in_([State.WAITING.value, State.FAILED.value])
    connection.execute(update(deliveries).where(mine).values(**_ended(State.SENT, now, status, "")))


def works(connection: Connection, webhook_id: int, now: datetime) -> None:
    """A receiver has answered: where it did not work before, what waits for it is due; call it before `retry`."""
    mine = webhooks.c.id == webhook_id
    failing = select(webhooks.c.id).where(mine, webhooks.c.failing_since.is_not(None))
    if connection.execute(failing.with_for_update(key_share=True)).first() is None:
        return
    connection.execute(update(webhooks).where(mine).values(failing_since=None))
    theirs = (deliveries.c.webhook_id == webhook_id) & (deliveries.c.due_at > now)
    rests = theirs & (deliveries.c.state == State.WAITING.value) & (deliveries.c.created_at <= now - HELD)
    connection.execute(update(deliveries).where(rests).values(due_at=now))


def retry(
    connection: Connection,
    claimed: Claimed,
    now: datetime,
    due_at: datetime,
    status: int | None,
    fault: str,
    rest: timedelta | None = None,
) -> None:
    """It is tried again later, unless another process has it by now.

    Args:
        connection: of a write transaction.
        claimed: the delivery.
        now: aware, UTC.
        due_at: when it is tried again.
        status: of the answer; None where there was none.
        fault: what went wrong.
        rest: for how long the receiver is left alone, where it is the receiver that does not work.
    """
    values = {"due_at": due_at, "claimed_until": None, "status": status, "fault": fault[:FAULT_LENGTH]}
    connection.execute(update(deliveries).where(_still(claimed)).values(**values))
    if rest is not None:
        others = (deliveries.c.webhook_id == claimed.webhook.id) & (deliveries.c.due_at < now + rest)
        waiting = others & (deliveries.c.state == State.WAITING.value) & (deliveries.c.event != TEST)
        connection.execute(update(deliveries).where(waiting).values(due_at=now + rest))


def failed(connection: Connection, claimed: Claimed, now: datetime, status: int | None, fault: str) -> bool:
    """It is given up; whether it was still this claim's."""
    values = _ended(State.FAILED, now, status, fault)
    return connection.execute(update(deliveries).where(_still(claimed)).values(**values)).rowcount == 1


def fails(connection: Connection, webhook_id: int, now: datetime) -> datetime:
    """Note that a webhook does not work, and lock it before its deliveries; since when that is so."""
    mine = webhooks.c.id == webhook_id
    locked = select(webhooks.c.failing_since).where(mine).with_for_update(key_share=True)
    since = connection.execute(locked).scalar_one_or_none()
    if since is None:
        connection.execute(update(webhooks).where(mine).values(failing_since=now))
    return since or now


def turn_off(connection: Connection, webhook_id: int) -> bool:
    """Let a webhook be told of nothing any more; whether it was."""
    on = (webhooks.c.id == webhook_id) & webhooks.c.is_active
    values = {"is_active": False, "version": webhooks.c.version + 1}
    return connection.execute(update(webhooks).where(on).values(**values)).rowcount == 1


def _still(claimed: Claimed) -> ColumnElement[bool]:
    """The row, if nobody has taken it over."""
    same = (deliveries.c.id == claimed.id) & (deliveries.c.attempts == claimed.attempts)
    return same & (deliveries.c.state == State.WAITING.value)


def _ended(state: State, now: datetime, status: int | None, fault: str) -> dict[str, Any]:
    """The columns of a delivery that is not tried any more."""
    ended = {"state": state.value, "ended_at": now, "claimed_until": None}
    return {**ended, "status": status, "fault": fault[:FAULT_LENGTH]}


def again(connection: Connection, delivery_id: int, now: datetime) -> bool:
    """Deliver something once more, with the same id; whether there is such a delivery.

    What waits is due at once, and what has ended begins anew.
    """
    mine = deliveries.c.id == delivery_id
    values = {"state": State.WAITING.value, "due_at": now, "attempts": 0, "ended_at": None, "claimed_until": None}
    return connection.execute(update(deliveries).where(mine).values(**values)).rowcount == 1


def delivery(connection: Connection, delivery_id: int) -> Delivery | None:
    """One delivery; None where there is none."""
    found = connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)).mappings().first()
    return _delivery(dict(found)) if found else None


def newest(
    connection: Connection,
    webhook_id: int | None = None,
    state: State | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[Delivery]:
    """Deliveries, newest first; of one webhook, in one state, before another one, or all."""
    query = select(deliveries).order_by(deliveries.c.id.desc()).limit(limit)
    if webhook_id is not None:
        query = query.where(deliveries.c.webhook_id == webhook_id)
    if state is not None:
        query = query.where(deliveries.c.state == state.value)
    if before_id is not None:
        query = query.where(deliveries.c.id < before_id)
    return [_delivery(dict(row)) for row in connection.execute(query).mappings()]


def counts(connection: Connection) -> dict[int, dict[State, int]]:
    """How many deliveries of each webhook are where."""
    query = select(deliveries.c.webhook_id, deliveries.c.state, func.count())
    found: dict[int, dict[State, int]] = {}
    for number, state, count in connection.execute(query.group_by(deliveries.c.webhook_id, deliveries.c.state)):
        found.setdefault(number, {})[State(state)] = count
    return found


def _delivery(row: Mapping[str, Any]) -> Delivery:
    """What became of something, from its row."""
    values = {name: row[name] for name in Delivery.__dataclass_fields__}
    return Delivery(**values | {"state": State(row["state"])})
