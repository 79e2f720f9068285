"""Requests that are done once however often they are sent: that they were done is kept for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema.integration import idempotency_keys as table

#: How long what was done is remembered.
KEPT = timedelta(hours=24)
#: After this time whoever began is taken for dead: its process was killed, and the same request may be done again.
TAKEN_OVER = timedelta(seconds=60)


@dataclass(frozen=True)
class Earlier:
    """A request with the same key that was there before."""

    request_hash: str
    #: None while it is being done.
    status: int | None
    #: When it was first begun.
    first: datetime
    #: Whether its process is taken for dead, so that the key is ours now.
    is_dead: bool = False


def is_known(connection: Connection, key_hash: str) -> bool:
    """Whether a key has been taken."""
    return connection.execute(select(table.c.at).where(table.c.key_hash == key_hash)).first() is not None


def begin(connection: Connection, key_hash: str, request_hash: str, now: datetime) -> Earlier | None:
    """Take a key; None where it is new, else what was there before.

    Args:
        connection: of a write transaction of its own.
        key_hash: of who asks and their key.
        request_hash: of what they ask.
        now: aware, UTC.
    """
    values = {"request_hash": request_hash, "status": None, "at": now, "first_at": None}
    try:
        with connection.begin_nested():
            connection.execute(insert(table).values(key_hash=key_hash, **values))
    except IntegrityError:
        pass
    else:
        return None
    query = select(table).where(table.c.key_hash == key_hash).with_for_update()
    found = connection.execute(query).one_or_none()
    if found is None:  # It was forgotten this moment, by whoever could not do it.
        return Earlier(request_hash, None, now)
    is_dead = found.status is None and found.request_hash == request_hash and found.at <= now - TAKEN_OVER
    is_over = found.at <= now - KEPT
    first = found.first_at or found.at
    if is_dead or is_over:
        values["first_at"] = None if is_over else first
        connection.execute(update(table).where(table.c.key_hash == key_hash).values(**values))
    return None if is_over else Earlier(found.request_hash, found.status, first, is_dead)


def finish(connection: Connection, key_hash: str, begun: datetime, status: int) -> None:
    """Keep that a request was done, unless somebody else has taken its key over since it was begun."""
    mine = (table.c.key_hash == key_hash) & (table.c.at == begun)
    connection.execute(update(table).where(mine).values(status=status))


def drop(connection: Connection, key_hash: str, begun: datetime) -> None:
    """Let a request be sent again of which nothing was done; what whoever died over it may have done is the same."""
    mine = (table.c.key_hash == key_hash) & (table.c.at == begun) & table.c.status.is_(None)
    connection.execute(delete(table).where(mine, table.c.first_at.is_(None)))
    connection.execute(update(table).where(mine).values(at=begun - TAKEN_OVER))
