"""The queue: which tickets somebody wants to see, in which order, page by page, and how many there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, column, func, literal, select, text, tuple_

from portal.storage.schema import tickets
from portal.storage.schema.tickets import IS_UNSOLVED
from portal.tickets import Kind, Status

#: What is due within this time is due soon.
SOON = timedelta(minutes=30)
#: Tickets are counted up to here; more are “more than”.
MOST_COUNTED = 1000
#: Major incidents that stand above the queue.
PINNED = 20


def _c(name: str) -> ColumnElement[Any]:
    """A column of the tickets that leaves open where they are read from; see `_numbers`."""
    return column(name, tickets.c[name].type)


class Tab(StrEnum):
    """The parts of the queue."""

    #: Unsolved, and asked by a person.
    OPEN = "open"
    MINE = "mine"
    UNOWNED = "unowned"
    #: Overdue, or due within `SOON`.
    DUE = "due"
    #: For the requester, for a supplier, or for a planned time.
    WAITING = "waiting"
    DONE = "done"
    #: Gaps that perhaps no person asked.
    UNCONFIRMED = "unconfirmed"
    ALL = "all"


class Sort(StrEnum):
    """The orders of the queue; within each the older ticket is first, save by `NUMBER`."""

    #: What is due first; what is not due at all comes last.
    DUE = "due"
    #: The highest first.
    PRIORITY = "priority"
    #: The oldest first.
    AGE = "age"
    #: The newest first.
    NUMBER = "number"


#: Where solved tickets are: no clock runs for them.
PAST = frozenset({Tab.DONE, Tab.ALL})


@dataclass(frozen=True)
class Wanted:
    """The tickets that somebody wants to see; None and what is empty do not narrow."""

    tab: Tab
    #: Whose tickets are theirs, and the present moment.
    person_id: int
    now: datetime
    tiers: tuple[int, ...] = ()
    kind: Kind | None = None
    #: Language of the page that the ticket came from.
    language: str | None = None
    priority: int | None = None
    status: Status | None = None
    owner_id: int | None = None
    is_unowned: bool = False
    #: Topic of the articles.
    topic: str | None = None


@dataclass(frozen=True)
class Card:
    """What the queue shows of a ticket; see `tickets.Ticket`."""

    id: int
    kind: Kind
    status: Status
    tier: int
    language: str
    subject: str
    occurrences: int
    owner_name: str
    priority: int
    is_major: bool
    due_at: datetime | None
    created_at: datetime


class Place(NamedTuple):
    """Where a page ended: the part of the order, its last value there (None where only numbers count), its number."""

    part: int
    value: datetime | None
    number: int


class _Part(NamedTuple):
    """A stretch of an order in which a database can read along an index."""

    condition: ColumnElement[bool] | None
    #: Sorted by this first; None: by the number alone.
    column: ColumnElement[Any] | None = None
    is_descending: bool = False


#: An order is read part by part: neither NULLs at the end nor two directions at once need to be sorted.
_PARTS: Mapping[Sort, tuple[_Part, ...]] = {
    Sort.DUE: (_Part(_c("due_at").is_not(None), _c("due_at")), _Part(_c("due_at").is_(None))),
    Sort.PRIORITY: tuple(_Part(_c("priority") == priority) for priority in (5, 4, 3, 2, 1)),
    Sort.AGE: (_Part(None),),
    Sort.NUMBER: (_Part(None, is_descending=True),),
}


def sorts(tab: Tab) -> tuple[Sort, ...]:
    """The orders that make sense in a part of the queue; the first is the usual one."""
    return (Sort.NUMBER, Sort.AGE, Sort.PRIORITY) if tab in PAST else tuple(Sort)


def conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """What holds for the tickets of a filter."""
    found = [*_of_tab(wanted)]
    if wanted.tiers:
        found.append(_c("tier").in_(wanted.tiers))
    if wanted.kind is not None:
        found.append(_c("kind") == wanted.kind.value)
    if wanted.status is not None:
        found.append(_c("status") == wanted.status.value)
    for name in ("language", "priority", "owner_id", "topic"):
        if (value := getattr(wanted, name)) is not None:
            found.append(_c(name) == value)
    if wanted.is_unowned:
        found.append(_c("owner_id").is_(None))
    return found


def _of_tab(wanted: Wanted) -> tuple[ColumnElement[bool], ...]:
    """What holds for the tickets of a part of the queue."""
    unsolved: Any = text(IS_UNSOLVED)
    waiting = [Status.WAITING_REQUESTER.value, Status.WAITING_SUPPLIER.value, Status.PLANNED.value]
    match wanted.tab:
        case Tab.OPEN:
            return unsolved, _c("is_confirmed")
        case Tab.MINE:
            return unsolved, _c("owner_id") == wanted.person_id
        case Tab.UNOWNED:
            return unsolved, _c("is_confirmed"), _c("owner_id").is_(None)
        case Tab.DUE:
            return unsolved, _c("due_at") <= wanted.now + SOON
        case Tab.WAITING:
            return unsolved, _c("status").in_(waiting)
        case Tab.UNCONFIRMED:
            return unsolved, ~_c("is_confirmed")
        case Tab.DONE:
            return (text(f"NOT ({IS_UNSOLVED})"),)  # type: ignore[return-value]
    return ()


def _numbers(connection: Connection, wanted: Wanted, sort: Sort, *more: ColumnElement[bool]) -> Select[int]:
    """A query for the numbers of a filter.

    SQLite has no statistics unless somebody makes them, so it is told which index holds all that is asked for.
    """
    index = "ix_tickets_all" if wanted.tab in PAST else "ix_tickets_due" if sort is Sort.DUE else "ix_tickets_unsolved"
    source = f"tickets INDEXED BY {index}" if connection.dialect.name == "sqlite" else "tickets"
    return select(_c("id")).select_from(text(source)).where(*conditions(wanted), *more)


def page(
    connection: Connection, wanted: Wanted, sort: Sort, after: Place | None = None, limit: int = 50
) -> list[tuple[Card, Place]]:
    """Tickets in order, each with its place, from which the next page goes on.

    Major incidents that are not solved are not among them: see `pinned`.

    Args:
        connection: of any transaction.
        wanted: which.
        sort: one of `sorts`.
        after: place of the last ticket of the page before.
        limit: how many at most.
    """
    found: list[tuple[int, int]] = []
    for number, part in enumerate(_PARTS[sort]):
        if after is not None and number < after.part:
            continue
        query = _numbers(connection, wanted, sort, *_beyond(part, after if after and after.part == number else None))
        if part.condition is not None:
            query = query.where(part.condition)
        if wanted.tab not in PAST:
            query = query.where(~_c("is_major"))
        order = _c("id").desc() if part.is_descending else _c("id")
        query = query.order_by(*([] if part.column is None else [part.column]), order)
        rows = connection.execute(query.limit(limit - len(found))).scalars()
        found += [(number, ticket_id) for ticket_id in rows]
        if len(found) >= limit:
            break
    known = cards(connection, [ticket_id for _, ticket_id in found])
    places = ((part, known.get(ticket_id)) for part, ticket_id in found)
    with_due = sort is Sort.DUE
    return [(card, Place(part, card.due_at if with_due else None, card.id)) for part, card in places if card]


def _beyond(part: _Part, after: Place | None) -> list[ColumnElement[bool]]:
    """What holds for the tickets after a place."""
    if after is None:
        return []
    if part.column is not None:
        return [tuple_(part.column, _c("id")) > tuple_(literal(after.value, part.column.type), literal(after.number))]
    return [_c("id") < after.number if part.is_descending else _c("id") > after.number]


def pinned(connection: Connection, wanted: Wanted) -> list[Card]:
    """The major incidents of a filter that are not solved, oldest first, at most `PINNED`."""
    if wanted.tab in PAST:
        return []
    query = _numbers(connection, wanted, Sort.AGE, _c("is_major")).order_by(_c("id")).limit(PINNED)
    numbers = list(connection.execute(query).scalars())
    found = cards(connection, numbers)
    return [found[number] for number in numbers if number in found]


def cards(connection: Connection, numbers: Sequence[int]) -> dict[int, Card]:
    """What is shown of some tickets, by number."""
    if not numbers:
        return {}
    columns = [tickets.c[name] for name in Card.__dataclass_fields__]
    rows = connection.execute(select(*columns).where(tickets.c.id.in_(numbers))).mappings()
    return {row["id"]: Card(**{**row, "kind": Kind(row["kind"]), "status": Status(row["status"])}) for row in rows}


def count(connection: Connection, wanted: Wanted, since: int = 0, most: int = MOST_COUNTED) -> int:
    """How many tickets a filter has, but at most one more than `most`.

    Args:
        connection: of any transaction.
        wanted: which.
        since: only those with greater numbers.
        most: where counting ends.
    """
    more = [_c("id") > since] if since else []
    some = (
        _numbers(connection, wanted, Sort.DUE if wanted.tab is Tab.DUE else Sort.AGE, *more).limit(most + 1).subquery()
    )
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def counts(connection: Connection, wanted: Wanted, tabs: Sequence[Tab]) -> dict[Tab, int]:
    """How many tickets each part of the queue has within the rest of a filter; see `count`."""
    return {tab: count(connection, replace(wanted, tab=tab)) for tab in tabs}


def newest(connection: Connection) -> int:
    """The number of the newest ticket; 0 where there is none."""
    return int(connection.execute(select(func.max(tickets.c.id))).scalar() or 0)
