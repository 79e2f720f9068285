"""The words of tickets in the engines' own indexes: FTS5 in SQLite, a text search vector in PostgreSQL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)

from portal.storage.schema import events, ticket_texts, tickets

#: Of more tickets that match, the newest are ranked.
RANKED = 2000
#: Longest text of a ticket that is read, in characters: its own first, then what was written last.
TEXT_LENGTH = 200_000

#: A query: one of these (a language's) must hold; in it every word; of a word one of its ways; of a way every term.
Way = tuple[str, ...]
Word = tuple[Way, ...]
Query = Sequence[Sequence[Word]]


@dataclass(frozen=True)
class Stale:
    """A ticket whose words have changed."""

    id: int
    version: int
    language: str
    #: All that was written on it, and by whom.
    text: str


@dataclass(frozen=True)
class Match:
    """A ticket with the words of a query."""

    id: int
    #: The engine's rank; more is better.
    score: float
    requester_name: str
    requester_email: str


def stale(connection: Connection, limit: int) -> list[Stale]:
    """Tickets that have changed since their words were kept, oldest first."""
    own = ("subject", "query", "description", "requester_name", "requester_email", "phone", "slug")
    columns = [tickets.c[name] for name in ("id", "version", "language", *own)]
    changed = select(*columns).where(text("tickets.searched <> tickets.version"))
    rows = connection.execute(changed.order_by(tickets.c.id).limit(limit)).mappings().all()
    numbers = [row["id"] for row in rows]
    written: dict[int, list[str]] = {number: [] for number in numbers}
    said = select(events.c.ticket_id, events.c.text).where(events.c.ticket_id.in_(numbers), events.c.text != "")
    for line in connection.execute(said.order_by(events.c.id.desc())):
        written[line.ticket_id].append(line.text)
    return [
        Stale(
            row["id"],
            row["version"],
            row["language"],
            "\n".join([*dict.fromkeys(row[name] for name in own), *written[row["id"]]])[:TEXT_LENGTH],
        )
        for row in rows
    ]


def keep(connection: Connection, number: int, version: int, terms: Iterable[str]) -> bool:
    """Keep the words of a ticket.

    Args:
        connection: of a write transaction.
        number: of the ticket.
        version: the ticket's when it was read; where it has changed since, it stays to be done.
        terms: stems, without blanks.

    Returns:
        Whether they were kept; not where the ticket has changed since, or is gone.
    """
    same = (tickets.c.id == number) & (tickets.c.version == version)
    # First, and so with the ticket locked: what has been erased since it was read must not come back.
    if not connection.execute(update(tickets).where(same).values(searched=version)).rowcount:
        return False
    values = {"version": version, "terms": " ".join(terms)}
    mine = ticket_texts.c.ticket_id == number
    if not connection.execute(update(ticket_texts).where(mine).values(**values)).rowcount:
        connection.execute(insert(ticket_texts).values(ticket_id=number, **values))
    return True


def forget(connection: Connection, numbers: Sequence[int]) -> None:
    """Forget the words of some tickets at once; what is left of them is read again by itself."""
    connection.execute(delete(ticket_texts).where(ticket_texts.c.ticket_id.in_(numbers)))
    connection.execute(update(tickets).where(tickets.c.id.in_(numbers)).values(searched=0))


def matches(connection: Connection, query: Query, narrowed: Sequence[ColumnElement[bool]]) -> list[Match]:
    """The tickets with the words of a query, newest first, at most `RANKED`.

    Args:
        connection: of any transaction.
        query: with at least one word in each language.
        narrowed: what else must hold; see `queue.conditions`.
    """
    find = _in_sqlite if connection.dialect.name == "sqlite" else _in_postgresql
    return [Match(*row) for row in connection.execute(find(query, narrowed))]


def _in_sqlite(query: Query, narrowed: Sequence[ColumnElement[bool]]) -> Any:
    """The statement for FTS5, whose bm25 is the smaller the better.

    The index of words leads: SQLite would otherwise ask it once for each ticket.
    """
    asked = column("ticket_search").op("MATCH")(expression(query, " AND ", " OR ", _quoted_for_fts))
    score = (-func.bm25(column("ticket_search"))).label("score")
    return (
        select(column("id"), score, column("requester_name"), column("requester_email"))
        .select_from(text("ticket_search CROSS JOIN tickets"))
        .where(asked, text("tickets.id = ticket_search.rowid"), *narrowed)
        .order_by(text("ticket_search.rowid DESC"))
        .limit(RANKED)
    )


def _in_postgresql(query: Query, narrowed: Sequence[ColumnElement[bool]]) -> Any:
    """The statement for PostgreSQL; the rank is computed of what the limit leaves."""
    vector: ColumnElement[Any] = literal_column("ticket_texts.vector")
    asked = func.to_tsquery(literal_column("'simple'"), expression(query, " & ", " | ", _quoted_for_tsquery))
    found = (
        select(tickets.c.id, tickets.c.requester_name, tickets.c.requester_email, vector.label("vector"))
        .select_from(tickets.join(ticket_texts, ticket_texts.c.ticket_id == tickets.c.id))
        .where(vector.op("@@")(asked), *narrowed)
        .order_by(tickets.c.id.desc())
        .limit(RANKED)
        .subquery()
    )
    score = func.ts_rank(found.c.vector, asked, 1).label("score")
    return select(found.c.id, score, found.c.requester_name, found.c.requester_email).order_by(found.c.id.desc())


def expression(query: Query, both: str, either: str, quoted: Any) -> str:
    """A query in an engine's language; every term is quoted, so that none is taken for an operator."""

    def way(terms: Way) -> str:
        return both.join(map(quoted, terms))

    def word(ways: Word) -> str:
        return f"({either.join(f'({way(terms)})' for terms in ways)})"

    return either.join(f"({both.join(map(word, words))})" for words in query)


def _quoted_for_fts(term: str) -> str:
    """A term as a string of FTS5."""
    return '"' + term.replace('"', '""') + '"'


def _quoted_for_tsquery(term: str) -> str:
    """A term as a quoted lexeme of PostgreSQL."""
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"
