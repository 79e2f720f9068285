"""What people of the staff are told, in the database."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema import notices

#: Longest text of a notice, in characters.
TEXT_LENGTH = 300


class About(StrEnum):
    """Why somebody is told."""

    #: Their name stands in a note.
    MENTION = "mention"
    #: They are invited to a colleague's ticket.
    INVITED = "invited"
    #: A ticket was given to them.
    ASSIGNED = "assigned"
    #: A clock is about to end.
    WARNING = "warning"
    #: A ticket of theirs went to another tier, or one came to theirs.
    ESCALATED = "escalated"
    #: The requester has written.
    REPLY = "reply"
    #: A supplier has written, or is late.
    SUPPLIER = "supplier"
    #: A requester was served badly.
    LOW_SCORE = "low_score"
    #: A call is due.
    CALL = "call"
    #: A major incident began or ended.
    INCIDENT = "incident"
    #: A webhook was turned off because it did not work.
    WEBHOOK = "webhook"


@dataclass(frozen=True)
class Notice:
    """One thing that somebody is told."""

    id: int
    about: About
    ticket_id: int | None
    #: Who caused it; empty for the system.
    actor_name: str
    text: str
    at: datetime
    seen_at: datetime | None


def tell(
    connection: Connection,
    person_id: int,
    about: About,
    key: str,
    now: datetime,
    *,
    ticket_id: int | None = None,
    actor_name: str = "",
    text: str = "",
) -> bool:
    """Tell somebody something, once for each key; whether it is news."""
    values = {
        "person_id": person_id,
        "ticket_id": ticket_id,
        "about": about.value,
        "key": key[:120],
        "actor_name": actor_name[:100],
        "text": text[:TEXT_LENGTH],
        "at": now,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(notices).values(**values))
    except IntegrityError:
        return False
    return True


def unseen(connection: Connection, person_id: int) -> int:
    """How many notices somebody has not seen."""
    mine = (notices.c.person_id == person_id) & notices.c.seen_at.is_(None)
    return int(connection.execute(select(func.count()).select_from(notices).where(mine)).scalar_one())


def newest(connection: Connection, person_id: int, limit: int = 100) -> list[Notice]:
    """Somebody's notices, newest first."""
    query = select(notices).where(notices.c.person_id == person_id).order_by(notices.c.id.desc()).limit(limit)
    return [
        Notice(row.id, About(row.about), row.ticket_id, row.actor_name, row.text, row.at, row.seen_at)
        for row in connection.execute(query)
    ]


def see(connection: Connection, person_id: int, now: datetime, *, ticket_id: int | None = None) -> None:
    """Somebody has seen their notices; all, or those of one ticket."""
    mine = (notices.c.person_id == person_id) & notices.c.seen_at.is_(None)
    if ticket_id is not None:
        mine &= notices.c.ticket_id == ticket_id
    connection.execute(update(notices).where(mine).values(seen_at=now))
