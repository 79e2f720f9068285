"""Who wants to be told when a gap is answered, in the database; tokens are stored as hashes only."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema import subscriptions, tickets
from portal.tickets import UNSOLVED


@dataclass(frozen=True)
class Subscription:
    """Somebody wants to be told when a gap is answered."""

    id: int
    gap_id: int
    email: str
    #: That they are written to in.
    language: str
    #: What the gap asks, masked, and in which language.
    query: str
    gap_language: str
    created_at: datetime
    #: None until the owner of the address has said yes.
    confirmed_at: datetime | None


def token_hash(token: str) -> str:
    """What is stored of a token; also of anything that is none."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _select() -> Select[tuple[object, ...]]:
    """Subscriptions with what their gaps ask."""
    columns = (subscriptions, tickets.c.query, tickets.c.language.label("gap_language"))
    return select(*columns).join(tickets, tickets.c.id == subscriptions.c.gap_id)


def _read(connection: Connection, query: Select[tuple[object, ...]]) -> list[Subscription]:
    """The subscriptions of a query, in the order in which they were made."""
    rows = connection.execute(query.order_by(subscriptions.c.id)).mappings()
    return [Subscription(**{name: row[name] for name in Subscription.__dataclass_fields__}) for row in rows]


def add(connection: Connection, gap_id: int, email: str, language: str, token: str, now: datetime) -> bool:
    """Store one that is not confirmed yet; False where the address has one for this gap."""
    values = {"gap_id": gap_id, "email": email, "language": language, "token_hash": token_hash(token)}
    try:
        with connection.begin_nested():
            connection.execute(insert(subscriptions).values(**values, created_at=now, confirmed_at=None))
    except IntegrityError:
        return False
    return True


def renew(connection: Connection, token: str, language: str, now: datetime, asked_before: datetime) -> bool:
    """Begin an unconfirmed one anew, so that its mail can be sent again; False where it was asked for just now."""
    is_open = subscriptions.c.confirmed_at.is_(None) & (subscriptions.c.created_at < asked_before)
    query = update(subscriptions).where((subscriptions.c.token_hash == token_hash(token)) & is_open)
    return connection.execute(query.values(language=language, created_at=now)).rowcount == 1


def by_token(connection: Connection, token: str) -> Subscription | None:
    """The one that a link leads to."""
    found = _read(connection, _select().where(subscriptions.c.token_hash == token_hash(token)))
    return found[0] if found else None


def confirm(connection: Connection, number: int, now: datetime) -> bool:
    """Store that the owner of the address has said yes; False where they had before."""
    is_open = (subscriptions.c.id == number) & subscriptions.c.confirmed_at.is_(None)
    return connection.execute(update(subscriptions).where(is_open).values(confirmed_at=now)).rowcount == 1


def remove(connection: Connection, number: int) -> bool:
    """Delete one; False where another process has."""
    return connection.execute(delete(subscriptions).where(subscriptions.c.id == number)).rowcount == 1


def confirmed(connection: Connection, gap_id: int) -> list[Subscription]:
    """Those who wait for the answer to a gap."""
    is_asked = (subscriptions.c.gap_id == gap_id) & subscriptions.c.confirmed_at.is_not(None)
    return _read(connection, _select().where(is_asked))


def count(connection: Connection, gap_id: int) -> int:
    """How many wait for the answer to a gap."""
    is_asked = (subscriptions.c.gap_id == gap_id) & subscriptions.c.confirmed_at.is_not(None)
    return int(connection.execute(select(func.count()).select_from(subscriptions).where(is_asked)).scalar_one())


def stale(connection: Connection, unconfirmed_before: datetime, ended_before: datetime) -> list[int]:
    """The numbers of those that nobody has confirmed in time, and of those whose gap ended long ago unanswered."""
    is_ended = tickets.c.status.not_in([status.value for status in UNSOLVED]) & (tickets.c.updated_at < ended_before)
    is_unconfirmed = and_(subscriptions.c.confirmed_at.is_(None), subscriptions.c.created_at < unconfirmed_before)
    query = select(subscriptions.c.id).join(tickets, tickets.c.id == subscriptions.c.gap_id)
    return list(connection.execute(query.where(or_(is_unconfirmed, is_ended))).scalars())
