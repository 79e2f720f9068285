"""What agents have begun to write, in the database."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.errors import NotFound
from portal.storage.schema import drafts


def put(connection: Connection, ticket_id: int, person_id: int, field: str, text: str, now: datetime) -> None:
    """Keep a text in place of the one before.

    Raises:
        NotFound: there is no such ticket or person.
    """
    key = {"ticket_id": ticket_id, "person_id": person_id, "field": field}
    same = [drafts.c[name] == value for name, value in key.items()]
    change = update(drafts).where(*same).values(text=text, at=now)
    if connection.execute(change).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(drafts).values(**key, text=text, at=now))
    except IntegrityError:
        if not connection.execute(change).rowcount:
            raise NotFound(f"ticket {ticket_id}") from None


def of(connection: Connection, ticket_id: int, person_id: int) -> dict[str, str]:
    """What somebody has begun to write on a ticket, by field."""
    mine = (drafts.c.ticket_id == ticket_id) & (drafts.c.person_id == person_id)
    return {row.field: row.text for row in connection.execute(select(drafts.c.field, drafts.c.text).where(mine))}


def remove(connection: Connection, ticket_id: int, person_id: int, field: str) -> None:
    """Forget one text."""
    mine = (drafts.c.ticket_id == ticket_id) & (drafts.c.person_id == person_id) & (drafts.c.field == field)
    connection.execute(delete(drafts).where(mine))


def forget(connection: Connection, before: datetime) -> int:
    """Forget the texts that nobody has touched since a moment; how many."""
    return connection.execute(delete(drafts).where(drafts.c.at < before)).rowcount
