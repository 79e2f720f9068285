"""How requesters were served, in the database: one answer for each request."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from portal.storage.schema import ratings


@dataclass(frozen=True)
class Rating:
    """A requester's answer."""

    #: 1 (badly served) to 5 (very well).
    stars: int
    comment: str
    #: Aware, UTC.
    at: datetime


def of_ticket(connection: Connection, ticket_id: int) -> Rating | None:
    """The rating of a request; None while there is none."""
    row = connection.execute(select(ratings).where(ratings.c.ticket_id == ticket_id)).first()
    return Rating(row.stars, row.comment, row.at) if row else None


def put(connection: Connection, ticket_id: int, rating: Rating) -> None:
    """Store the rating of a request that was read locked; an earlier one is replaced."""
    values = {"stars": rating.stars, "comment": rating.comment, "at": rating.at}
    if connection.execute(update(ratings).where(ratings.c.ticket_id == ticket_id).values(**values)).rowcount == 0:
        connection.execute(insert(ratings).values(ticket_id=ticket_id, **values))
