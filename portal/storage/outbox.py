"""The outbox in the database: mails are written with what causes them, and leave one by one."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from portal.mail import ADDRESS_LENGTH, NAME_LENGTH, SUBJECT_LENGTH, Mail, lines, one_line, wire_domain
from portal.storage.schema import outbox

#: Longest pause between two attempts.
LONGEST_PAUSE = timedelta(hours=6)
#: Longest words of a mail server that are kept, in characters.
FAULT_LENGTH = 300


class State(StrEnum):
    """Where a mail stands."""

    WAITING = "waiting"
    #: A mail server has taken it.
    SENT = "sent"
    #: Given up.
    FAILED = "failed"
    #: Taken, and reported as undeliverable later.
    BOUNCED = "bounced"


@dataclass(frozen=True)
class Claimed:
    """A mail that one process has for a while."""

    id: int
    mail: Mail
    message_id: str
    ticket_id: int | None
    created_at: datetime
    #: Which attempt this is, from 1.
    attempts: int


@dataclass(frozen=True)
class Posted:
    """What became of a mail, without its text."""

    recipient: str
    subject: str
    state: State
    attempts: int
    #: What the mail server said last.
    fault: str
    created_at: datetime
    ended_at: datetime | None
    ticket_id: int | None = None
    language: str = ""
    #: What it is about: `received`, `event`, `told`, `link` and others; the first part of its key.
    about: str = ""


def add(
    connection: Connection,
    mail: Mail,
    key: str,
    now: datetime,
    *,
    ticket_id: int | None = None,
    domain: str = "localhost",
    message_id: str | None = None,
    delay: timedelta = timedelta(0),
) -> str | None:
    """Write a mail, to be sent when the transaction has been committed.

    Args:
        connection: of the write transaction of what causes it.
        mail: an address that no mail server understands is found out when it is sent, and fails nothing here.
        key: what it is about, at most 80 characters.
        now: aware, UTC.
        ticket_id: what it belongs to; it then answers the first mail of this ticket, and mail programs keep them
            together.
        domain: of the sender, for the message id.
        message_id: with its angle brackets; made when None.
        delay: how long it waits before it is sent.

    Returns:
        Its message id; None when there is a mail with this key already, which leaves the transaction usable.
    """
    message_id = message_id or _message_id(ticket_id, domain)
    first = first_message_id(connection, ticket_id) if ticket_id is not None else None
    values = _columns(mail) | {
        "key": key,
        "ticket_id": ticket_id,
        "message_id": message_id,
        "headers": ({"In-Reply-To": first, "References": first} if first else {}) | mail.headers,
        "created_at": now,
        "state": State.WAITING.value,
        "due_at": now + delay,
        "attempts": 0,
        "fault": "",
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(outbox).values(**values))
    except IntegrityError:
        if connection.execute(select(outbox.c.id).where(outbox.c.key == key)).first() is None:
            raise
        return None
    return message_id


def _columns(mail: Mail) -> dict[str, str]:
    """What a mail says to whom, within the columns' bounds."""
    return {
        "recipient": one_line(mail.recipient, ADDRESS_LENGTH),
        "recipient_name": one_line(mail.recipient_name, NAME_LENGTH),
        "language": mail.language,
        "subject": one_line(mail.subject, SUBJECT_LENGTH),
        "text": lines(mail.text),
        "html": lines(mail.html),
    }


def _message_id(ticket_id: int | None, domain: str) -> str:
    """A new message id, which nobody can guess: a report that a mail came back proves itself by it."""
    about = "notice" if ticket_id is None else f"request-{ticket_id}"
    return f"<{about}.{secrets.token_hex(16)}@{wire_domain(domain) or 'localhost'}>"


def first_message_id(connection: Connection, ticket_id: int) -> str | None:
    """The message id of a ticket's first mail; None before there is one."""
    # What goes to suppliers is a thread of its own, of which requesters learn nothing.
    theirs = (outbox.c.ticket_id == ticket_id) & ~outbox.c.key.startswith("supplier-")
    query = select(outbox.c.message_id).where(theirs).order_by(outbox.c.id).limit(1)
    return connection.execute(query).scalar_one_or_none()


def _is_due(now: datetime, seconds: float) -> Any:
    """Mails to be tried now; times too far ahead come from a clock that was wrong, and count as reached.

    Not those a little too far: another process may have begun its round later, or its machine's clock go before ours.
    """
    free, claim = outbox.c.claimed_until, timedelta(seconds=seconds)
    return (
        (outbox.c.state == State.WAITING.value)
        & or_(outbox.c.due_at <= now, outbox.c.due_at > now + LONGEST_PAUSE + claim)
        & or_(free.is_(None), free <= now, free > now + 2 * claim)
    )


def has_due(connection: Connection, now: datetime, seconds: float) -> bool:
    """Whether there is a mail to claim; of any transaction, so that nobody need wait to see that there is none."""
    return connection.execute(select(outbox.c.id).where(_is_due(now, seconds)).limit(1)).first() is not None


def claim(connection: Connection, now: datetime, seconds: float) -> Claimed | None:
    """Take the mail that has been due longest, which no other process then tries.

    Args:
        connection: of a write transaction, committed before the mail is sent.
        now: aware, UTC.
        seconds: after which others may try it; longer than sending takes.
    """
    oldest = select(outbox).where(_is_due(now, seconds)).order_by(outbox.c.due_at, outbox.c.id).limit(1)
    row = connection.execute(oldest.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    values = {"claimed_until": now + timedelta(seconds=seconds), "attempts": row.attempts + 1}
    connection.execute(update(outbox).where(outbox.c.id == row.id).values(**values))
    mail = Mail(row.recipient, row.recipient_name, row.language, row.subject, row.text, row.html, row.headers)
    return Claimed(row.id, mail, row.message_id, row.ticket_id, row.created_at, row.attempts + 1)


def sent(connection: Connection, claimed: Claimed, now: datetime) -> None:
    """A mail server has taken it, whoever has the claim by now."""
    mine = (outbox.c.id == claimed.id) & outbox.c.state.in_([State.WAITING.value, State.FAILED.value])
    connection.execute(update(outbox).where(mine).values(**_ended(State.SENT, now, "")))


def retry(connection: Connection, claimed: Claimed, due_at: datetime, fault: str) -> None:
    """It is tried again later, unless another process has it by now."""
    values = {"due_at": due_at, "claimed_until": None, "fault": fault[:FAULT_LENGTH]}
    connection.execute(update(outbox).where(_still(claimed)).values(**values))


def failed(connection: Connection, claimed: Claimed, now: datetime, fault: str) -> bool:
    """It is given up; whether it was still this claim's."""
    values = _ended(State.FAILED, now, fault)
    return connection.execute(update(outbox).where(_still(claimed)).values(**values)).rowcount == 1


def bounced(connection: Connection, message_id: str, now: datetime, fault: str) -> bool:
    """It came back; whether that is news."""
    known = (outbox.c.message_id == message_id) & outbox.c.state.in_([State.WAITING.value, State.SENT.value])
    return connection.execute(update(outbox).where(known).values(**_ended(State.BOUNCED, now, fault))).rowcount == 1


def ticket_of(connection: Connection, message_id: str) -> int | None:
    """The ticket that a mail belongs to; None without one, or without such a mail."""
    query = select(outbox.c.ticket_id).where(outbox.c.message_id == message_id)
    return connection.execute(query).scalar_one_or_none()


def _still(claimed: Claimed) -> Any:
    """The row, if nobody has taken it over."""
    same = (outbox.c.id == claimed.id) & (outbox.c.attempts == claimed.attempts)
    return same & (outbox.c.state == State.WAITING.value)


def _ended(state: State, now: datetime, fault: str) -> dict[str, Any]:
    """The columns of a mail that is not sent any more: its text and headers may hold a private link and go."""
    gone: dict[str, Any] = {"text": "", "html": "", "headers": {}, "claimed_until": None}
    return {**gone, "state": state.value, "ended_at": now, "fault": fault[:FAULT_LENGTH]}


def of_ticket(connection: Connection, ticket_id: int) -> list[Posted]:
    """The mails of a ticket, oldest first."""
    query = select(outbox).where(outbox.c.ticket_id == ticket_id).order_by(outbox.c.id)
    return [_posted(dict(row)) for row in connection.execute(query).mappings()]


def newest(connection: Connection, state: State | None = None, limit: int = 1000) -> list[Posted]:
    """Mails, newest first; of one state, or of all."""
    query = select(outbox).order_by(outbox.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(outbox.c.state == state.value)
    return [_posted(dict(row)) for row in connection.execute(query).mappings()]


def _posted(row: Mapping[str, Any]) -> Posted:
    """What became of a mail, from its row."""
    row = {**row, "about": row["key"].partition("-")[0]}
    values = {name: row[name] for name in Posted.__dataclass_fields__}
    return Posted(**values | {"state": State(row["state"])})


def waiting(connection: Connection) -> int:
    """How many mails wait to be sent."""
    return _count(connection, outbox.c.state == State.WAITING.value)


def delayed(connection: Connection) -> int:
    """How many mails wait that could not be delivered at the first attempt."""
    return _count(connection, (outbox.c.state == State.WAITING.value) & (outbox.c.fault != ""))


def _count(connection: Connection, where: Any) -> int:
    """How many mails there are."""
    return int(connection.execute(select(func.count()).select_from(outbox).where(where)).scalar_one())
