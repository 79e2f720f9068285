"""What the database knows of one person outside the staff, by their e-mail address: read, and forgotten."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, false, func, or_, select, update

from portal.storage import ticket_search
from portal.storage.presence import REQUESTER
from portal.storage.schema import (
    callbacks,
    cases,
    drafts,
    events,
    incidents,
    link_requests,
    links,
    notices,
    outbox,
    presence,
    ratings,
    received,
    subscriptions,
    surveys,
    ticket_texts,
    tickets,
)
from portal.tickets import UNSOLVED, Kind, Status

#: Stands where a person's words stood and something must stand.
ERASED = "[erased]"
#: What events of an anonymous request may still say beside what was done: codes and names of the staff and suppliers,
#: which only the portal itself writes, and numbers. All else may be the requester's.
_PLAIN_DETAILS = frozenset(
    {
        "language", "resolution", "outcome", "action", "clock", "channel", "banner", "erased", "entered", "closed",
        "unverified", "name", "invited", "left", "supplier", "topic", "read",
    }
)  # fmt: skip
_NUMBERS = frozenset(
    {
        "stars", "tier", "from", "to", "urgency", "impact", "priority", "rule", "of", "other", "case", "call",
        "incident", "version", "after_days",
    }
)  # fmt: skip
#: Rows that go with whose request it was. Of `received` the hash stays for a time: without it a mail that is handed over
#: once more would be a new request of theirs.
_GONE: tuple[Table, ...] = (links, outbox, drafts, presence, callbacks)
#: What is kept of a request beside itself and its history, by the name that it is told under.
_BESIDE: dict[str, Table] = {
    "ratings": ratings,
    "surveys": surveys,
    "private_links": links,
    "calls": callbacks,
    "supplier_cases": cases,
    "notices": notices,
    "drafts": drafts,
    "presence": presence,
    "incidents": incidents,
    "mails_received": received,
    "search_words": ticket_texts,
}
#: What is told to nobody: proofs, who of the staff, and what only the machinery needs.
_HIDDEN = frozenset(
    {
        "id", "token_hash", "message_hash", "key", "message_id", "headers", "person_id", "actor_name", "supplier_id",
        "due_at", "claimed_until", "remind_at", "reminders", "version",
    }
)  # fmt: skip


def ended(connection: Connection, before: datetime, limit: int | None = None) -> list[int]:
    """Requests that ended before a time and still name their requester, oldest first; locked in a write transaction."""
    closed = func.coalesce(tickets.c.closed_at, tickets.c.solved_at, tickets.c.updated_at)
    solved = func.coalesce(tickets.c.solved_at, tickets.c.updated_at)
    is_old = or_(
        (tickets.c.status == Status.CLOSED.value) & (closed < before),
        (tickets.c.status == Status.SOLVED.value) & (solved < before),
        (tickets.c.status == Status.DUPLICATE.value) & (tickets.c.updated_at < before) & ~_waits(),
        (tickets.c.status == Status.SPAM.value) & (tickets.c.updated_at < before),
    )
    is_named = (tickets.c.kind == Kind.REQUEST.value) & (tickets.c.requester_email != "")
    query = select(tickets.c.id).where(is_named, is_old).order_by(tickets.c.id).limit(limit)
    return list(connection.execute(query.with_for_update() if limit else query).scalars())


def _waits() -> ColumnElement[bool]:
    """Whether the ticket that a duplicate was merged into is still to be solved, and its requester to be told."""
    other = tickets.alias()
    waiting = sorted(status.value for status in UNSOLVED | {Status.DUPLICATE})
    is_waiting = other.c.status.in_(waiting) & (other.c.requester_email != "")
    return select(other.c.id).where(other.c.id == tickets.c.duplicate_of, is_waiting).exists()


def requests_of(connection: Connection, email: str, number: int | None = None) -> list[int]:
    """The requests of an address, oldest first; with a number that one alone, locked, if it is still theirs."""
    query = _requests(email).order_by(tickets.c.id)
    query = query if number is None else query.where(tickets.c.id == number).with_for_update()
    return list(connection.execute(query).scalars())


def _requests(email: str) -> Select[Any]:
    """The numbers of the requests of an address."""
    return select(tickets.c.id).where(is_address(tickets.c.requester_email, email))


def anonymise(connection: Connection, numbers: Sequence[int]) -> None:
    """Take from requests all that says whose they were or what they wrote; the course of events stays.

    Private links open them no longer, and letters about them go. What the portal says of a major incident while it
    lasts is everybody's: it stays until the incident has ended; see `storage.retention.old`.
    """
    nothing: dict[str, Any] = {
        "subject": ERASED, "query": "", "description": "", "page": "", "requester_name": "", "requester_email": "",
        "resolution_text": "", "token_hash": None, "phone": "", "callback": None, "trail": [],
    }  # fmt: skip
    is_theirs = tickets.c.id.in_(numbers)
    connection.execute(update(tickets).where(is_theirs).values(**nothing, version=tickets.c.version + 1))
    ticket_search.forget(connection, numbers)
    _empty_history(connection, numbers)

    def theirs(table: Table) -> ColumnElement[bool]:
        return table.c.ticket_id.in_(numbers)

    connection.execute(update(ratings).where(theirs(ratings)).values(comment=""))
    # The rows stay, so that nobody is told twice.
    connection.execute(update(notices).where(theirs(notices)).values(text="", actor_name=""))
    # What the supplier knows is found by the reference.
    done = {"reference": "", "is_open": False, "remind_at": None, "version": cases.c.version + 1}
    connection.execute(update(cases).where(theirs(cases)).values(**done))
    connection.execute(delete(incidents).where(theirs(incidents), incidents.c.ended_at.is_not(None)))
    for table in _GONE:
        connection.execute(delete(table).where(theirs(table)))


def _empty_history(connection: Connection, numbers: Sequence[int]) -> None:
    """Take the texts from the histories of requests, and the names of all who are not of the staff."""
    is_event = events.c.ticket_id.in_(numbers)
    for row in connection.execute(select(events.c.id, events.c.text, events.c.details).where(is_event)).all():
        details = _plain(row.details)
        if row.text or details != row.details:
            connection.execute(update(events).where(events.c.id == row.id).values(text="", details=details))
    # Without a number it is no agent: the requester, a supplier, or the system, which has no name.
    connection.execute(update(events).where(is_event, events.c.person_id.is_(None)).values(actor_name=""))


def _plain(details: Mapping[str, str]) -> dict[str, str]:
    """What of an event's details is nobody's."""
    return {
        name: value
        for name, value in details.items()
        if name in _PLAIN_DETAILS or (name in _NUMBERS and str(value).isdecimal())
    }


def names_of(connection: Connection, email: str) -> set[str]:
    """The names that somebody gave with an address."""
    asked = (
        select(tickets.c.requester_name).where(is_address(tickets.c.requester_email, email)),
        select(outbox.c.recipient_name).where(is_address(outbox.c.recipient, email)),
    )
    return {name for query in asked for name in connection.execute(query).scalars() if name}


def of_address(connection: Connection, email: str, numbers: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
    """What waits for an address or was sent to it, and what is kept beside its requests."""
    wanted: dict[str, tuple[Table, ColumnElement[bool]]] = {
        what: (table, table.c.ticket_id.in_(numbers)) for what, table in _BESIDE.items()
    } | {
        # Of the staff it is not told who was there.
        "presence": (presence, presence.c.ticket_id.in_(numbers) & (presence.c.person_id == REQUESTER)),
        "subscriptions": (subscriptions, is_address(subscriptions.c.email, email)),
        "link_requests": (link_requests, is_address(link_requests.c.email, email)),
        "mails": (outbox, is_address(outbox.c.recipient, email) | outbox.c.ticket_id.in_(numbers)),
    }
    return {
        what: [
            {name: value for name, value in row.items() if name not in _HIDDEN}
            for row in connection.execute(select(table).where(mine).order_by(*table.primary_key)).mappings()
        ]
        for what, (table, mine) in wanted.items()
    }


def _waiting(email: str) -> dict[str, tuple[Table, ColumnElement[bool]]]:
    """What waits for an address or was sent to it, beside the letters about its requests, which go with these."""
    is_of_request = func.coalesce(outbox.c.ticket_id.in_(_requests(email)), false())
    return {
        "subscriptions": (subscriptions, is_address(subscriptions.c.email, email)),
        "link_requests": (link_requests, is_address(link_requests.c.email, email)),
        "mails": (outbox, is_address(outbox.c.recipient, email) & ~is_of_request),
    }


def count_address(connection: Connection, email: str) -> dict[str, int]:
    """How much of each `forget_address` would delete."""
    return {
        what: int(connection.execute(select(func.count()).select_from(table).where(mine)).scalar_one())
        for what, (table, mine) in _waiting(email).items()
    }


def forget_address(connection: Connection, email: str) -> dict[str, int]:
    """Delete what waits for an address or was sent to it; how many of each."""
    return {
        what: connection.execute(delete(table).where(mine)).rowcount for what, (table, mine) in _waiting(email).items()
    }


def is_address(column: ColumnElement[str], email: str) -> ColumnElement[bool]:
    """Whether a column holds an address, in capitals or not."""
    return func.lower(column) == email.lower()
