"""Which tickets have changed since a moment, oldest change first: what a copy elsewhere is kept up to date by."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, literal, select, tuple_

from portal.storage import queue
from portal.storage.schema import tickets
from portal.storage.tickets import several
from portal.tickets import Ticket


def page(
    connection: Connection,
    wanted: queue.Wanted,
    since: datetime | None,
    after: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[Ticket]:
    """Tickets of a filter that have changed.

    Args:
        connection: of any transaction.
        wanted: which.
        since: changed then or later; None: ever.
        after: when the last ticket of the page before had changed, and its number.
        limit: how many at most.
    """
    place = tickets.c.updated_at, tickets.c.id
    query = select(tickets.c.id).where(*queue.conditions(wanted))
    if since is not None:
        query = query.where(tickets.c.updated_at >= since)
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(literal(after[0], tickets.c.updated_at.type), literal(after[1])))
    numbers = list(connection.execute(query.order_by(*place).limit(limit)).scalars())
    return in_order(connection, numbers)


def newest(connection: Connection, wanted: queue.Wanted, before: int | None = None, limit: int = 50) -> list[Ticket]:
    """Tickets of a filter, newest first.

    Args:
        connection: of any transaction.
        wanted: which.
        before: number of the last ticket of the page before.
        limit: how many at most.
    """
    after = queue.Place(0, None, before) if before else None
    numbers = [card.id for card, _ in queue.page(connection, wanted, queue.Sort.NUMBER, after, limit)]
    return in_order(connection, numbers)


def in_order(connection: Connection, numbers: Sequence[int]) -> list[Ticket]:
    """Tickets in the order in which their numbers are given; those that are not there are left out."""
    found = several(connection, numbers)
    return [found[number] for number in numbers if number in found]
