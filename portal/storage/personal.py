"""What the database knows of one person outside the staff, by their e-mail address: read, and forgotten."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Table, Text, cast, delete, func, or_, select, update

from portal.storage.schema import (
    doubts,
    events,
    frequent_queries,
    link_requests,
    links,
    needs_change,
    occurrences,
    outbox,
    ratings,
    search_events,
    subscriptions,
    tickets,
    votes,
    wordings,
)
from portal.tickets import Kind, Status

#: Stands where a person's words stood and something must stand.
ERASED = "[erased]"
#: What events of an anonymous request may still say beside what was done.
_PLAIN_DETAILS = frozenset({"language", "resolution", "stars"})
#: Where else people's names and addresses can stand: in what somebody typed or wrote.
_TEXTS: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (tickets, ("subject", "query", "description", "page", "resolution_text", "trail")),
    (events, ("text", "details")),
    (search_events, ("query", "repairs")),
    (doubts, ("query",)),
    (needs_change, ("query",)),
    (votes, ("comment",)),
    (ratings, ("comment",)),
    (outbox, ("subject", "text", "html", "headers", "fault", "recipient_name")),
)
#: Where it is part of the key: the row goes.
_KEYS: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (occurrences, ("query",)),
    (wordings, ("failed", "found_by")),
    (frequent_queries, ("text", "key")),
)


def ended(connection: Connection, before: datetime, limit: int | None = None) -> list[int]:
    """Requests that ended before a time and still name their requester, oldest first; locked in a write transaction."""
    closed = func.coalesce(tickets.c.closed_at, tickets.c.solved_at, tickets.c.updated_at)
    solved = func.coalesce(tickets.c.solved_at, tickets.c.updated_at)
    is_old = or_(
        (tickets.c.status == Status.CLOSED.value) & (closed < before),
        (tickets.c.status == Status.SOLVED.value) & (solved < before),
        tickets.c.status.in_([Status.DUPLICATE.value, Status.SPAM.value]) & (tickets.c.updated_at < before),
    )
    is_named = (tickets.c.kind == Kind.REQUEST.value) & (tickets.c.requester_email != "")
    query = select(tickets.c.id).where(is_named, is_old).order_by(tickets.c.id).limit(limit)
    return list(connection.execute(query.with_for_update() if limit else query).scalars())


def requests_of(connection: Connection, email: str, lock: bool = False) -> list[int]:
    """The requests of an address, oldest first."""
    query = select(tickets.c.id).where(_is(tickets.c.requester_email, email)).order_by(tickets.c.id)
    return list(connection.execute(query.with_for_update() if lock else query).scalars())


def anonymise(connection: Connection, numbers: Sequence[int]) -> None:
    """Take from requests all that says whose they were or what they wrote; the course of events stays.

    Private links open them no longer, and letters about them go.
    """
    nothing: dict[str, Any] = {
        "subject": ERASED, "query": "", "description": "", "page": "", "requester_name": "", "requester_email": "",
        "resolution_text": "", "token_hash": None, "phone": "", "callback": None, "trail": [],
    }  # fmt: skip
    is_theirs = tickets.c.id.in_(numbers)
    connection.execute(update(tickets).where(is_theirs).values(**nothing, version=tickets.c.version + 1))
    is_event = events.c.ticket_id.in_(numbers)
    for row in connection.execute(select(events.c.id, events.c.details).where(is_event)).all():
        details = {name: value for name, value in row.details.items() if name in _PLAIN_DETAILS}
        connection.execute(update(events).where(events.c.id == row.id).values(text="", details=details))
    # Without a number it is no agent: the requester, or the system, which has no name.
    connection.execute(update(events).where(is_event, events.c.person_id.is_(None)).values(actor_name=""))
    connection.execute(update(ratings).where(ratings.c.ticket_id.in_(numbers)).values(comment=""))
    connection.execute(delete(links).where(links.c.ticket_id.in_(numbers)))
    connection.execute(delete(outbox).where(outbox.c.ticket_id.in_(numbers)))


def names_of(connection: Connection, email: str) -> set[str]:
    """The names that somebody gave with an address."""
    asked = (
        select(tickets.c.requester_name).where(_is(tickets.c.requester_email, email)),
        select(outbox.c.recipient_name).where(_is(outbox.c.recipient, email)),
    )
    return {name for query in asked for name in connection.execute(query).scalars() if name}


def of_address(connection: Connection, email: str, numbers: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
    """What waits for an address or was sent to it, and how its requests were rated."""
    hidden = {"id", "token_hash", "key", "due_at", "claimed_until"}
    wanted: dict[str, tuple[Table, ColumnElement[bool]]] = {
        "ratings": (ratings, ratings.c.ticket_id.in_(numbers)),
        "subscriptions": (subscriptions, _is(subscriptions.c.email, email)),
        "link_requests": (link_requests, _is(link_requests.c.email, email)),
        "mails": (outbox, _is(outbox.c.recipient, email)),
    }
    return {
        what: [
            {name: value for name, value in row.items() if name not in hidden}
            for row in connection.execute(select(table).where(mine).order_by(*table.primary_key)).mappings()
        ]
        for what, (table, mine) in wanted.items()
    }


def forget_address(connection: Connection, email: str) -> dict[str, int]:
    """Delete what waits for an address or was sent to it; how many of each."""
    gone = {
        "subscriptions": delete(subscriptions).where(_is(subscriptions.c.email, email)),
        "link_requests": delete(link_requests).where(_is(link_requests.c.email, email)),
        "mails": delete(outbox).where(_is(outbox.c.recipient, email)),
    }
    return {what: connection.execute(statement).rowcount for what, statement in gone.items()}


def erase_mentions(connection: Connection, needles: Iterable[str]) -> int:
    """Replace texts wherever somebody typed or wrote them; in how many rows they were."""
    wanted = sorted(needles, key=len, reverse=True)
    if not wanted:
        return 0
    pattern = re.compile("|".join(map(re.escape, wanted)), re.IGNORECASE)
    found = 0
    for table, names in _TEXTS:
        columns = [table.c[name] for name in names]
        keys = list(table.primary_key)
        has_one = or_(*(_mentions(column, text) for column in columns for text in wanted))
        for row in connection.execute(select(table).where(has_one)).mappings().all():
            changed = {column.name: _without(row[column.name], pattern, column) for column in columns}
            same = [key == row[key.name] for key in keys]
            found += connection.execute(update(table).where(*same).values(**changed)).rowcount
    for table, names in _KEYS:
        has_one = or_(*(_mentions(table.c[name], text) for name in names for text in wanted))
        found += connection.execute(delete(table).where(has_one)).rowcount
    return found


def _is(column: ColumnElement[str], email: str) -> ColumnElement[bool]:
    """Whether a column holds an address, in capitals or not."""
    return func.lower(column) == email.lower()


def _mentions(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Whether a column has a text somewhere, in capitals or not: SQLite knows those of ASCII alone."""
    forms = dict.fromkeys((text.lower(), text, text.upper(), text.title()))
    whole = func.lower(cast(column, Text))
    if isinstance(column.type, JSON):  # Kept with other letters than ASCII's escaped.
        return or_(*(whole.contains(json.dumps(form)[1:-1].lower(), autoescape=True) for form in forms))
    return or_(
        whole.contains(text.lower(), autoescape=True), *(column.contains(form, autoescape=True) for form in forms)
    )


def _without(value: Any, pattern: re.Pattern[str], column: ColumnElement[Any]) -> Any:
    """A text, or a structure of texts, in which what a pattern finds is erased; no longer than its column allows."""
    if isinstance(value, str):
        return pattern.sub(ERASED, value)[: getattr(column.type, "length", None)]
    if isinstance(value, dict):
        return {key: _without(item, pattern, column) for key, item in value.items()}
    return [_without(item, pattern, column) for item in value] if isinstance(value, list) else value
