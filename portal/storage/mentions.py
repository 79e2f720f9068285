"""A person's names and address in what others wrote or typed: found, and erased wherever they stand."""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    cast,
    delete,
    false,
    func,
    or_,
    select,
    tuple_,
    update,
)

from portal.storage import ticket_search
from portal.storage.personal import ERASED, is_address
from portal.storage.schema import (
    cases,
    deliveries,
    doubts,
    drafts,
    events,
    frequent_queries,
    incidents,
    needs_change,
    notices,
    occurrences,
    outbox,
    ratings,
    saved_filters,
    search_events,
    tickets,
    votes,
    wordings,
)

#: What a row is found by.
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """Where people's names and addresses can stand."""

    table: Table
    columns: tuple[str, ...]
    #: Whether the whole row goes: the text is what it is known by.
    goes: bool = False


PLACES = (
    Place(tickets, ("subject", "query", "description", "page", "resolution_text", "trail")),
    Place(events, ("text", "details")),
    Place(notices, ("text", "actor_name")),
    Place(drafts, ("text",)),
    Place(cases, ("reference",)),
    Place(incidents, ("texts",)),
    Place(search_events, ("query", "repairs")),
    Place(doubts, ("query",)),
    Place(needs_change, ("query",)),
    Place(votes, ("comment",)),
    Place(ratings, ("comment",)),
    Place(deliveries, ("payload",)),
    Place(outbox, ("subject", "text", "html", "headers", "fault", "recipient_name")),
    Place(occurrences, ("query",), goes=True),
    Place(wordings, ("failed", "found_by"), goes=True),
    Place(frequent_queries, ("text", "key"), goes=True),
    Place(saved_filters, ("name", "query"), goes=True),
)
#: Columns that hold addresses of pages, in which letters are written with per cent signs.
_PAGES = frozenset({tickets.c.page, saved_filters.c.query})
#: Columns that hold JSON as plain text, in which quotation marks are escaped and no letters.
_WRITTEN = frozenset({deliveries.c.payload})
#: Tables whose texts the search of the desk has read.
_READ = frozenset({tickets, events})
#: What an anonymised request loses by itself; of an incident what the portal says to everybody may stay for a while.
_STAYS = frozenset({incidents})


@dataclass(frozen=True)
class Needles:
    """What is looked for: texts of one person."""

    email: str
    names: frozenset[str] = frozenset()

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The longest first, so that no part of one is left."""
        return tuple(sorted({self.email, *self.names}, key=lambda text: (-len(text), text)))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds all of them, however they are written."""
        ways = {way for text in self.texts for way in (text, *_on_pages(text))}
        ordered = sorted(ways, key=lambda way: (-len(way), way))
        return re.compile("|".join(map(re.escape, ordered)), re.IGNORECASE)


def find(connection: Connection, needles: Needles) -> dict[Place, list[Key]]:
    """The rows of others that have one of some texts, by place.

    The person's own requests, and the mails to them, are not among these: they are forgotten as a whole.
    """
    return {
        place: [
            tuple(row)
            for row in connection.execute(
                select(*place.table.primary_key)
                .where(_has_one(place, needles), ~_is_own(place.table, needles.email))
                .order_by(*place.table.primary_key)
            )
        ]
        for place in PLACES
    }


def erase(connection: Connection, place: Place, keys: Sequence[Key], needles: Needles) -> int:
    """Erase texts in some rows of a place; how many rows still had one.

    Args:
        connection: of a write transaction.
        place: as `find` gave it.
        keys: some of its rows; not so many that others wait long for it.
        needles: what is looked for.
    """
    table = place.table
    columns = [table.c[name] for name in place.columns]
    _lock(connection, table, keys)
    changed: set[int] = set()
    erased = 0
    for key in keys:
        same = and_(*(column == value for column, value in zip(table.primary_key, key, strict=True)))
        row = connection.execute(select(table).where(same, _has_one(place, needles))).mappings().first()
        if row is None:
            continue
        values = {column.name: _without(row[column.name], needles.pattern, column) for column in columns}
        statement = delete(table) if place.goes else update(table).values(**values)
        erased += connection.execute(statement.where(same)).rowcount
        if table in _READ:
            changed.add(row["id"] if table is tickets else row["ticket_id"])
    if changed:
        # Who has read the text cannot save it again, and the search of the desk reads it anew.
        raised = update(tickets).where(tickets.c.id.in_(changed)).values(version=tickets.c.version + 1)
        connection.execute(raised)
        ticket_search.forget(connection, sorted(changed))
    return erased


def _number(table: Table) -> ColumnElement[int] | None:
    """The column that says which ticket a row belongs to."""
    return table.c.id if table is tickets else table.c.get("ticket_id")


def _is_own(table: Table, email: str) -> ColumnElement[bool]:
    """Whether a row goes with the requests of an address, or is a mail to it."""
    number = _number(table)
    if number is None or table in _STAYS:
        return false()
    theirs = select(tickets.c.id).where(is_address(tickets.c.requester_email, email)).scalar_subquery()
    is_own = func.coalesce(number.in_(theirs), false())
    return is_own | is_address(outbox.c.recipient, email) if table is outbox else is_own


def _lock(connection: Connection, table: Table, keys: Sequence[Key]) -> None:
    """Lock the tickets of some rows, in the order in which everybody locks them, before anything of them changes."""
    number = _number(table)
    if number is not None and keys:
        rows = select(number).where(tuple_(*table.primary_key).in_(keys))
        mine = select(tickets.c.id).where(tickets.c.id.in_(rows)).order_by(tickets.c.id)
        connection.execute(mine.with_for_update()).all()


def _has_one(place: Place, needles: Needles) -> ColumnElement[bool]:
    """Whether a row of a place has one of some texts."""
    return or_(*(_mentions(place.table.c[name], text) for name in place.columns for text in needles.texts))


def _mentions(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Whether a column has a text somewhere, in capitals or not: SQLite knows those of ASCII alone."""
    forms = _forms(text)
    whole = func.lower(cast(column, Text))
    if isinstance(column.type, JSON):  # Kept with other letters than ASCII's escaped.
        ways, capitals = [json.dumps(form)[1:-1] for form in forms], []
    elif column in _WRITTEN:
        ways = [json.dumps(form, ensure_ascii=False)[1:-1] for form in (text, *forms)]
        capitals = [way for way in ways if not way.isascii()]
    else:
        ways = [text, *(_on_pages(text) if column in _PAGES else ())]
        capitals = [form for form in forms if not form.isascii()]
    return or_(
        *(whole.contains(way, autoescape=True) for way in dict.fromkeys(way.lower() for way in ways)),
        *(column.contains(form, autoescape=True) for form in capitals),
    )


def _forms(text: str) -> Collection[str]:
    """A text in capitals and without."""
    return tuple(dict.fromkeys((text.lower(), text, text.upper(), text.title())))


def _on_pages(text: str) -> Collection[str]:
    """A text as it stands in addresses of pages."""
    return tuple(dict.fromkeys(way for form in _forms(text) for way in (quote(form), quote_plus(form))))


def _without(value: Any, pattern: re.Pattern[str], column: ColumnElement[Any]) -> Any:
    """What a column holds, in which what a pattern finds is erased; no longer than the column allows."""
    if isinstance(value, str) and column in _WRITTEN:
        return json.dumps(_texts_without(json.loads(value), pattern, None), ensure_ascii=False)
    return _texts_without(value, pattern, getattr(column.type, "length", None))


def _texts_without(value: Any, pattern: re.Pattern[str], length: int | None) -> Any:
    """A text, or a structure of texts, without what a pattern finds; each at most so long."""
    if isinstance(value, str):
        return pattern.sub(ERASED, value)[:length]
    if isinstance(value, dict):
        return {key: _texts_without(item, pattern, length) for key, item in value.items()}
    return [_texts_without(item, pattern, length) for item in value] if isinstance(value, list) else value
