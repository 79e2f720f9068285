"""What people asked in vain and nothing answers yet, in the database: the writers' list, most asked first."""

from collections.abc import Collection, Sequence
from datetime import datetime
from heapq import merge
from typing import NamedTuple

from sqlalchemy import Connection, column, func, literal, select, text, tuple_

from portal.storage.schema import occurrences, tickets
from portal.storage.schema.tickets import IS_ASKED_IN_VAIN
from portal.tickets import Kind, Status

#: SQLite is told which index holds all that is asked for: it has no statistics unless somebody makes them.
_SOURCE = {"sqlite": "tickets INDEXED BY ix_tickets_in_vain"}
_language, _times, _id = (column(name, tickets.c[name].type) for name in ("language", "occurrences", "id"))


class Gap(NamedTuple):
    """A question that nothing answers."""

    number: int
    #: `GAP`, or `TRANSLATION` where the answer exists in other languages.
    kind: Kind
    status: Status
    language: str
    #: Masked.
    query: str
    #: The article whose translation is wanted, or that somebody plans to answer it with; empty where there is none.
    slug: str
    #: How often it was asked.
    occurrences: int
    last_asked_at: datetime | None
    #: The agent who has the ticket; empty where nobody has.
    owner_name: str
    #: U0, U1, U2 or U3, the rule by which it was unanswered.
    code: str
    #: Of the ticket.
    version: int = 1


class Variant(NamedTuple):
    """A wording of a question."""

    #: Of the pages that it was asked on.
    language: str
    #: Masked.
    query: str
    times: int


def page(
    connection: Connection, languages: Sequence[str], after: tuple[int, int] | None = None, limit: int = 50
) -> list[Gap]:
    """Questions in some languages, most asked first, then newest.

    Args:
        connection: of any transaction.
        languages: codes.
        after: how often the last one of the page before was asked, and its number.
        limit: how many at most.
    """
    places = [_places(connection, code, after, limit) for code in languages]
    numbers = [number for _, number in list(merge(*places, reverse=True))[:limit]]
    found = several(connection, numbers)
    return [found[number] for number in numbers if number in found]


def _places(connection: Connection, language: str, after: tuple[int, int] | None, limit: int) -> list[tuple[int, int]]:
    """How often the questions of one language were asked, and their numbers, in order."""
    query = select(_times, _id).select_from(text(_SOURCE.get(connection.dialect.name, "tickets")))
    query = query.where(text(IS_ASKED_IN_VAIN), _language == language)
    if after is not None:
        query = query.where(tuple_(_times, _id) < tuple_(*map(literal, after)))
    return [(row[0], row[1]) for row in connection.execute(query.order_by(_times.desc(), _id.desc()).limit(limit))]


def several(connection: Connection, numbers: Collection[int]) -> dict[int, Gap]:
    """Gaps by number, whatever their status; what is no gap is left out."""
    if not numbers:
        return {}
    names = (
        "id", "kind", "status", "language", "query", "slug", "occurrences", "last_asked_at", "owner_name", "code",
        "version",
    )  # fmt: skip
    query = select(*(tickets.c[name] for name in names)).where(
        tickets.c.id.in_(numbers), tickets.c.kind.in_([Kind.GAP.value, Kind.TRANSLATION.value])
    )
    rows = connection.execute(query)
    return {row.id: Gap(row.id, Kind(row.kind), Status(row.status), *row[3:]) for row in rows}


def counts(connection: Connection) -> dict[str, tuple[int, int]]:
    """How many questions there are in each language, and how often they were asked together."""
    query = select(_language, func.count(), func.sum(_times))
    query = query.select_from(text(_SOURCE.get(connection.dialect.name, "tickets"))).where(text(IS_ASKED_IN_VAIN))
    return {code: (number, int(times)) for code, number, times in connection.execute(query.group_by(_language))}


def variants(connection: Connection, numbers: Collection[int]) -> dict[int, list[Variant]]:
    """How some questions were worded, and how often; most frequent first."""
    counted = occurrences.c
    times = func.sum(counted.times)
    query = select(counted.ticket_id, counted.language, counted.query, times)
    query = query.where(counted.ticket_id.in_(numbers), counted.times > 0)
    query = query.group_by(counted.ticket_id, counted.language, counted.query)
    found: dict[int, list[Variant]] = {number: [] for number in numbers}
    for number, language, words, asked in connection.execute(query.order_by(times.desc(), counted.query)):
        found[number].append(Variant(language, words, int(asked)))
    return found
