"""Rows in every table of a database, whatever its revision: every column has something in it that is easily lost."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    select,
    update,
)

from portal.storage.schema import Moment

#: The numbers of rows begin here; what a new desk begins with has smaller ones.
FIRST = 101
LANGUAGES = ("en", "fr", "de", "ru")
#: Quotation marks, a combining accent, another alphabet, a character of four bytes, line ends, a backslash, SQL, a tab.
TEXT = "“Ça” e\u0301 ещё 🙂\r\nC:\\new '; -- %s {} \t"
#: Not ordered, nested, empty, with numbers of both kinds, and with what no text of PostgreSQL can hold.
NESTED: dict[str, Any] = {"z": [1, -2.5, True, None, {}], "a": {"ё": "🙂\u2028"}, "": [], "nul": "a\u0000b"}
#: What the machinery reads in JSON, by the end of the column's name.
STRUCTURED: dict[str, Any] = {
    "roles": ["agent"], "tiers": [1, 2], "languages": ["en", "ru"], "details": {"language": "en", "query": "vpn ё"},
    "trail": [], "topics": [], "recovery": [], "headers": {}, "week": [[], [], [], [], [], [], []], "holidays": [],
    "priorities": [], "scopes": ["search"], "names": {}, "texts": {"en": TEXT}, "repairs": [], "results": [],
}  # fmt: skip
#: Words of the field, where the machinery looks for them.
WORDS = {
    "tickets.kind": ("request", "gap", "request"), "tickets.status": ("open", "new", "closed"),
    "events.action": ("reply", "opened", "asked_again"), "daily_counts.measure": ("searches", "chains", "forms.shown"),
    "outbox.state": ("sent", "failed", "sent"), "deliveries.state": ("sent", "failed", "sent"),
    "callbacks.state": ("done", "done", "done"), "tickets.owner_name": ("Mia", "Zoë", "Ада"),
}  # fmt: skip
ROWS = 3
NOON = datetime(2026, 3, 29, 0, 59, 59, 123456, tzinfo=UTC)


def fill(connection: Connection, metadata: MetaData) -> None:
    """Put rows into every table; those that are pointed at come first."""
    for table in metadata.sorted_tables:
        if table.name == "alembic_version" or table.name.startswith("ticket_search"):
            continue
        made = [row(table, number) for number in range(ROWS)]
        own = [key.parent for key in table.foreign_keys if key.column.table is table]
        connection.execute(insert(table), [each | {key.name: None for key in own} for each in made])
        for key in own:
            for each in made:
                connection.execute(update(table).where(table.c.id == each["id"]).values({key.name: each[key.name]}))


def row(table: Table, number: int) -> dict[str, Any]:
    """One row of a table; its first, second or third."""
    kept = [column for column in table.c if column.computed is None and column.name != "vector"]
    return {column.name: value(column, number) for column in kept}


def value(column: Column[Any], number: int) -> Any:
    """What stands in a column of a row."""
    name = str(column)
    if name in WORDS:
        return WORDS[name][number]
    for key in column.foreign_keys:
        # Rows point at rows that come later, too.
        return FIRST + (number if key.column.table is not column.table else (number + 1) % ROWS)
    if column.nullable and number == 2:
        return None
    kind = column.type
    if isinstance(kind, JSON):
        return STRUCTURED.get(column.name, NESTED)
    if isinstance(kind, String):
        return _text(column, kind.length, number)
    plain: list[tuple[Any, Any]] = [
        ((DateTime, Moment), NOON + timedelta(days=number, microseconds=number)),
        (Date, date(2024, 2, 29) + timedelta(days=number)),
        (Boolean, number % 2 == 0),
        (Float, 0.1 + number),
        (Integer, FIRST + number),
    ]
    return next(found for kinds, found in plain if isinstance(kind, kinds))


def _text(column: Column[Any], length: int | None, number: int) -> str:
    """A text, as long as fits where rows are told apart by it."""
    if length == 2:
        return LANGUAGES[number]
    said = f"{number}{column.name[:4]}"
    return (said + TEXT)[:length] if length is None or length > 20 else said[:length]


def rows(connection: Connection, table: Table) -> list[dict[str, Any]]:
    """All rows of a table in the order of its key, times in UTC."""
    found = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings().all()
    return [{name: _plain(held) for name, held in each.items() if name != "vector"} for each in found]


def _plain(held: Any) -> Any:
    """A value as both engines give it."""
    if isinstance(held, datetime):
        return held.replace(tzinfo=UTC) if held.tzinfo is None else held.astimezone(UTC)
    return held
