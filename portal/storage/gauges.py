"""How much waits at one moment, for monitoring: tickets, mails, messages to other systems."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, column, func, select, text

from portal.storage import audit
from portal.storage.announcing import State as MessageState
from portal.storage.outbox import State as MailState
from portal.storage.schema import deliveries, outbox, tickets, webhooks
from portal.storage.schema.tickets import IS_UNSOLVED


@dataclass(frozen=True)
class Unsolved:
    """The tickets of one tier and kind that have work left."""

    tier: int
    kind: str
    #: Those that a person asked, and gaps that perhaps nobody did.
    confirmed: int
    unconfirmed: int
    #: Of the confirmed ones, how many are past their due time, and how many nobody has taken.
    overdue: int
    unowned: int


@dataclass(frozen=True)
class Queue:
    """What waits to leave."""

    #: How many could leave now or are tried again, and since when the oldest has; None where nothing waits.
    waiting: int
    oldest: datetime | None
    #: How many have been given up and are still remembered.
    failed: int


def unsolved(connection: Connection, now: datetime) -> list[Unsolved]:
    """All tickets with work left by tier and kind; read from one index alone."""
    # Without statistics SQLite is told which index holds all that is asked for.
    source = "tickets INDEXED BY ix_tickets_unsolved" if connection.dialect.name == "sqlite" else "tickets"
    is_real, tier, kind = _c("is_confirmed"), _c("tier"), _c("kind")
    overdue, unowned = is_real & (_c("due_at") < now), is_real & _c("owner_id").is_(None)
    counted = select(tier, kind, _number(is_real), _number(~is_real), _number(overdue), _number(unowned))
    query = counted.select_from(text(source)).where(text(IS_UNSOLVED)).group_by(tier, kind)
    return [Unsolved(*row) for row in connection.execute(query)]


def _c(name: str) -> ColumnElement[Any]:
    """A column of the tickets that leaves open where they are read from."""
    return column(name, tickets.c[name].type)


def _number(condition: Any) -> Any:
    """How many rows of a group satisfy a condition."""
    return func.count().filter(condition)


def mails(connection: Connection, now: datetime) -> Queue:
    """The mails of the outbox; those that are held back on purpose do not wait yet."""
    c = outbox.c
    # A mail that was tried before is due later, and waits all the same.
    is_waiting = (c.state == MailState.WAITING.value) & ((c.due_at <= now) | (c.attempts > 0))
    return _queue(connection, outbox, is_waiting, c.state == MailState.FAILED.value)


def messages(connection: Connection) -> Queue:
    """The messages to other systems; what is kept for a webhook that is switched off does not wait."""
    c = deliveries.c
    active = select(webhooks.c.id).where(webhooks.c.is_active)
    is_waiting = (c.state == MessageState.WAITING.value) & c.webhook_id.in_(active)
    return _queue(connection, deliveries, is_waiting, c.state == MessageState.FAILED.value)


def _queue(
    connection: Connection, table: Table, is_waiting: ColumnElement[bool], is_failed: ColumnElement[bool]
) -> Queue:
    """What waits in a table and what was given up, each found by an index."""
    waiting = connection.execute(select(func.count(), func.min(table.c.created_at)).where(is_waiting)).one()
    failed = connection.execute(select(func.count()).select_from(table).where(is_failed)).scalar_one()
    return Queue(waiting[0], waiting[1], int(failed))


def last_backup(connection: Connection) -> datetime | None:
    """When `portal backup` last made one; None where it never has."""
    found = audit.newest(connection, "backup", limit=1)
    return found[0].at if found else None


def failing_webhooks(connection: Connection) -> int:
    """How many webhooks are switched on and take nothing."""
    is_failing = webhooks.c.is_active & webhooks.c.failing_since.is_not(None)
    return int(connection.execute(select(func.count()).select_from(webhooks).where(is_failing)).scalar_one())
