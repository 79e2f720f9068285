"""Private links of requests in the database, and the asking for one once more; tokens are stored as hashes only."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from portal.errors import NotFound
from portal.storage import tickets as store
from portal.storage.schema import link_requests, links, outbox, tickets
from portal.tickets import Ticket

#: A token: 256 bits.
_TOKEN = re.compile(r"[0-9a-f]{64}")
#: Beginning of the outbox keys of mails that were asked for.
_KEY = "link-"


@dataclass(frozen=True)
class Asked:
    """Somebody wants a private link once more."""

    #: Of the request, as they say; 0 where they named none.
    number: int
    #: Empty where they gave no address.
    email: str
    #: Of the page they asked on.
    language: str


def token_hash(token: str) -> str:
    """What is stored of a token.

    Raises:
        NotFound: it is none.
    """
    if not _TOKEN.fullmatch(token):
        raise NotFound("no such request")
    return hashlib.sha256(token.encode()).hexdigest()


def add(connection: Connection, token: str, ticket_id: int, now: datetime) -> None:
    """Store a further link of a request."""
    connection.execute(insert(links).values(token_hash=token_hash(token), ticket_id=ticket_id, created_at=now))


def new(connection: Connection, ticket_id: int, now: datetime) -> str:
    """A further private link of a request, for one mail: its token, of which only the hash is kept."""
    token = secrets.token_hex(32)
    add(connection, token, ticket_id, now)
    return token


def request(connection: Connection, token: str, lock: bool = False) -> Ticket:
    """The request that a private link leads to, whether its first or a later one; see `tickets.get`.

    Raises:
        NotFound: none.
    """
    hashed = token_hash(token)
    try:
        return store.by_token(connection, hashed, lock)
    except NotFound:
        number = connection.execute(select(links.c.ticket_id).where(links.c.token_hash == hashed)).scalar_one_or_none()
    if number is None:
        raise NotFound("no such request")
    return store.get(connection, number, lock)


def is_known(connection: Connection, token: str) -> bool:
    """Whether a private link leads anywhere."""
    try:
        request(connection, token)
    except NotFound:
        return False
    return True


def following(connection: Connection, ticket_id: int) -> int | None:
    """The number of the request that goes on with a closed one."""
    query = select(func.max(tickets.c.id)).where(tickets.c.follows_id == ticket_id)
    number = connection.execute(query).scalar_one()
    return None if number is None else int(number)


def ask(connection: Connection, number: int, email: str, language: str, now: datetime) -> None:
    """Store that somebody wants a link."""
    connection.execute(insert(link_requests).values(number=number, email=email, language=language, at=now))


def is_asked(connection: Connection) -> bool:
    """Whether somebody waits for a link; of any transaction, so that nobody need wait to see that none does."""
    return connection.execute(select(link_requests.c.id).limit(1)).first() is not None


def take_asked(connection: Connection) -> Asked | None:
    """The longest waiting wish for a link, which no other process has; it is deleted with the transaction."""
    query = select(link_requests).order_by(link_requests.c.id).limit(1).with_for_update(skip_locked=True)
    row = connection.execute(query).first()
    if row is None:
        return None
    connection.execute(delete(link_requests).where(link_requests.c.id == row.id))
    return Asked(row.number, row.email, row.language)


def mail_key(ticket_id: int, token: str) -> str:
    """The outbox key of the mail that brings a link that was asked for."""
    return f"{_KEY}{ticket_id}-{token_hash(token)[:16]}"


def mailed(connection: Connection, ticket_id: int, since: datetime) -> int:
    """How many mails that were asked for a request has caused since then."""
    is_link = outbox.c.key.startswith(_KEY, autoescape=True) & (outbox.c.ticket_id == ticket_id)
    query = select(func.count()).select_from(outbox).where(is_link, outbox.c.created_at > since)
    return int(connection.execute(query).scalar_one())
