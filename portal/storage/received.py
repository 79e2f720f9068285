"""Mails that came in, in the database: each is taken once, however often it is handed over."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema import outbox, received, tickets


def claim(connection: Connection, message_hash: str, now: datetime) -> bool:
    """Take a mail in this transaction; whether it was not taken before.

    Args:
        connection: of the write transaction of what the mail causes.
        message_hash: of the mail, 64 characters at most.
        now: aware, UTC.
    """
    try:
        with connection.begin_nested():
            connection.execute(insert(received).values(message_hash=message_hash, at=now, outcome="", ticket_id=None))
    except IntegrityError:
        return False
    return True


def settle(connection: Connection, message_hash: str, outcome: str, ticket_id: int | None) -> None:
    """Write down what became of a mail that was claimed."""
    mine = received.c.message_hash == message_hash
    connection.execute(update(received).where(mine).values(outcome=outcome, ticket_id=ticket_id))


def outcome_of(connection: Connection, message_hash: str) -> tuple[str, int | None] | None:
    """What became of a mail, and the ticket that it belongs to; None where it never came."""
    query = select(received.c.outcome, received.c.ticket_id).where(received.c.message_hash == message_hash)
    row = connection.execute(query).first()
    return (row.outcome, row.ticket_id) if row else None


def is_ours(connection: Connection, message_id: str) -> bool:
    """Whether a mail is one that was sent from here."""
    return connection.execute(select(outbox.c.id).where(outbox.c.message_id == message_id)).first() is not None


def replied(connection: Connection, ticket_id: int, outcomes: Collection[str], since: datetime) -> int:
    """How many mails have had one of some outcomes since a time; of those to a ticket or to one that follows it."""
    joined = received.join(tickets, tickets.c.id == received.c.ticket_id)
    is_recent = (received.c.at > since) & received.c.outcome.in_(sorted(outcomes))
    is_its = or_(tickets.c.id == ticket_id, tickets.c.follows_id == ticket_id)
    return int(connection.execute(select(func.count()).select_from(joined).where(is_recent, is_its)).scalar_one())


def created(connection: Connection, email: str, outcome: str, since: datetime) -> int:
    """How many mails from an address have had an outcome since a time; of those that made a ticket."""
    joined = received.join(tickets, tickets.c.id == received.c.ticket_id)
    is_recent = (received.c.at > since) & (received.c.outcome == outcome)
    is_theirs = func.lower(tickets.c.requester_email) == email.lower()
    return int(connection.execute(select(func.count()).select_from(joined).where(is_recent, is_theirs)).scalar_one())
