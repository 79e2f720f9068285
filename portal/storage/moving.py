"""Moves a whole database to another engine or server, and proves that nothing was lost or changed on the way."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    RowMapping,
    Select,
    String,
    Table,
    bindparam,
    column,
    func,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, InternalError, OperationalError, SQLAlchemyError

from portal.errors import CannotStart
from portal.storage import Database, masked, migration, reachable, reason
from portal.storage.schema import metadata

#: Rows that are in memory at once.
BATCH = 500
#: How long is waited for others at the target, in seconds.
PATIENCE = 30.0
#: Whole numbers that PostgreSQL keeps in the columns of the schema.
_LARGEST = 2**31 - 1

Row = RowMapping | dict[str, Any]


@dataclass(frozen=True)
class Sum:
    """What a table holds: how many rows, and a number that changes with any of them, whatever their order."""

    rows: int
    checksum: str


@dataclass(frozen=True)
class Moved:
    """A table on both sides."""

    table: str
    source: Sum
    target: Sum
    #: Texts that were made to fit, where that was wished for; the source's sum is of what they became.
    cleaned: int = 0

    @property
    def is_equal(self) -> bool:
        """Whether both hold the same."""
        return self.source == self.target


def move(
    source: Database,
    target: Database,
    tell: Callable[[str, int], None] = lambda _table, _rows: None,
    *,
    clean: bool = False,
) -> list[Moved]:
    """Copy every table as it is at one moment into an empty database, in one transaction, and check the copy.

    Args:
        source: at this version's schema; it may be in use, and what is written to it meanwhile stays behind.
        target: without any table.
        tell: called after each table with its name and rows.
        clean: whether texts that PostgreSQL cannot keep are made to fit, instead of refused.

    Returns:
        Every table with both sums. Where they differ, nothing was kept.

    Raises:
        CannotStart: a database does not answer, is not what it has to be, or keeps something that the other cannot.
    """
    _exists(source)
    reachable(source)
    reachable(target)
    _fit(source, target)
    moved: list[Moved] = []
    try:
        with _snapshot(source) as origin, target.write(PATIENCE) as copy:
            _make(copy)
            for table in metadata.sorted_tables:
                tell(table.name, _copy(origin, copy, table, clean=clean))
            for table in metadata.sorted_tables:
                cleaned = Counter[str]()
                original = fingerprint(origin, table, _cleaner(table, cleaned) if clean else dict)
                moved.append(Moved(table.name, original, fingerprint(copy, table), cleaned.total()))
            _compare(moved)
    except _Differs:
        pass
    except SQLAlchemyError as error:
        raise CannotStart(f"Nothing was copied: {reason(error)}.") from error
    return moved


class _Differs(Exception):
    """The copy is not like its source; nothing of it is kept."""


def _compare(moved: Sequence[Moved]) -> None:
    """End the transaction where anything differs."""
    if not all(table.is_equal for table in moved):
        raise _Differs


def _exists(source: Database) -> None:
    """Refuse a file that is not there; to open it would make it."""
    name = make_url(source.url).database
    if source.is_sqlite and not Path(name or "").is_file():
        raise CannotStart(f"There is no database {name}.")


def _fit(source: Database, target: Database) -> None:
    """Refuse databases that cannot be copied from or to."""
    found, newest = migration.revision(source), migration.newest()
    if found != newest:
        raise CannotStart(
            f"The database {masked(source.url)} is at revision {found or 'none'} and not at {newest}: "
            "bring it there first with `portal db migrate`."
        )
    with target.read() as connection:
        if names := inspect(connection).get_table_names():
            raise CannotStart(
                f"The database {masked(target.url)} is not empty: it has {len(names)} tables, such as {names[0]}. "
                "Name an empty one; nothing was changed."
            )


@contextmanager
def _snapshot(database: Database) -> Iterator[Connection]:
    """A transaction that sees one moment, for as long as it takes."""
    with database.read() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield connection


def _make(copy: Connection) -> None:
    """Make this version's tables, without what a new portal begins with."""
    if copy.dialect.name == "postgresql":
        copy.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    migration.on_connection(copy)
    for table in reversed(metadata.sorted_tables):
        copy.execute(table.delete())


def _batches(connection: Connection, table: Table, query: Select[Any]) -> Iterator[Sequence[RowMapping]]:
    """The rows of a query, a few at a time; the server keeps the others.

    Raises:
        CannotStart: they cannot be read.
    """
    streamed = None
    try:
        streamed = connection.execute(query.execution_options(yield_per=BATCH))
        yield from streamed.mappings().partitions()
    except (OperationalError, InternalError, ValueError) as error:
        raise CannotStart(
            f"Nothing was copied: table {table.name} cannot be read{_where(connection, table)}: {reason(error)}."
        ) from error
    finally:
        if streamed is not None:
            streamed.close()


def _where(connection: Connection, table: Table) -> str:
    """Which row cannot be read; nothing where the fault is another."""
    keys = table.primary_key.columns.values()
    try:
        for row in connection.execute(select(*keys)).mappings().all():
            try:
                connection.execute(select(table).where(*(key == row[key.name] for key in keys))).all()
            except (SQLAlchemyError, ValueError):
                return f" at the row with {_place(table, row)}"
    except (SQLAlchemyError, ValueError):
        pass
    return ""


def _own(table: Table) -> list[str]:
    """The columns that point at rows of the same table, which may come later."""
    return [key.parent.name for key in table.foreign_keys if key.column.table is table]


def _copy(origin: Connection, copy: Connection, table: Table, *, clean: bool) -> int:
    """Copy a table; how many rows."""
    own, rows, change = _own(table), 0, _cleaner(table, Counter()) if clean else dict
    for batch in _batches(origin, table, select(table)):
        _insert(copy, table, [change(row) | dict.fromkeys(own) for row in batch])
        rows += len(batch)
    for name in own:
        key = table.primary_key.columns.values()[0]
        pointing = select(key.label("its_key"), table.c[name].label("its_value")).where(table.c[name].is_not(None))
        point = update(table).where(key == bindparam("its_key")).values({name: bindparam("its_value")})
        for batch in _batches(origin, table, pointing):
            copy.execute(point, [dict(row) for row in batch])
    if copy.dialect.name == "postgresql":
        _continue_numbers(origin, copy, table)
        copy.exec_driver_sql(f'ANALYZE "{table.name}"')
    return rows


def _insert(copy: Connection, table: Table, batch: list[dict[str, Any]]) -> None:
    """Write rows.

    Raises:
        CannotStart: a value cannot be kept there; the message names its place.
    """
    try:
        copy.execute(table.insert(), batch)
    except (DataError, UnicodeError, ValueError) as error:
        for row in batch:
            for kept in table.c:
                if wrong := unfit(kept, row[kept.name]):
                    raise CannotStart(_refusal(table, row, kept, wrong)) from None
        raise CannotStart(f"Nothing was copied: table {table.name} has a value that cannot be kept there.") from error


def unfit(kept: Column[Any], value: Any) -> str:
    """Why PostgreSQL cannot keep a value that SQLite does; empty where it can."""
    if isinstance(value, str):
        if "\0" in value:
            return "has a NUL character"
        if not value.isascii() and value != value.encode(errors="ignore").decode():
            return "has half of a character (a lone surrogate)"
        length = kept.type.length if isinstance(kept.type, String) else None
        if length is not None and len(value) > length:
            return f"has {len(value)} characters, and {length} is the most"
    if isinstance(kept.type, Integer) and isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        return f"is larger than {_LARGEST}"
    return ""


def _refusal(table: Table, row: Row, kept: Column[Any], wrong: str) -> str:
    """What to say of a value that cannot be kept, without the value."""
    place = _place(table, row)
    mend = ", or copy with --clean, which makes texts fit" if isinstance(kept.type, String) else ""
    return (
        f"Nothing was copied: in table {table.name}, the row with {place} {wrong} in column {kept.name}, which "
        f"PostgreSQL cannot keep. Correct it in the source{mend}."
    )


def _cleaner(table: Table, cleaned: Counter[str]) -> Callable[[Row], dict[str, Any]]:
    """What makes the texts of a row fit: without NUL characters and halves of characters, and not too long."""
    lengths = {kept.name: kept.type.length for kept in table.c if isinstance(kept.type, String)}

    def change(row: Row) -> dict[str, Any]:
        changed = dict(row)
        for name, length in lengths.items():
            if isinstance(held := changed[name], str):
                changed[name] = held.replace("\0", "").encode(errors="ignore").decode()[:length]
                cleaned[name] += changed[name] != held
        return changed

    return change


def _place(table: Table, row: Row) -> str:
    """Which row it is, as SQL writes it."""
    return " AND ".join(f"{key.name} = {_quoted(row[key.name])}" for key in table.primary_key.columns)


def _quoted(value: Any) -> str:
    """A key as SQL writes it."""
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''").replace("\0", "") + "'"


def _continue_numbers(origin: Connection, copy: Connection, table: Table) -> None:
    """Let new rows get numbers that no row has, and none had in a source that remembers them."""
    key = table.autoincrement_column
    if key is None or not (sequence := _sequence(copy, table, key)):
        return
    last = copy.execute(select(func.max(key))).scalar() or 0
    if origin.dialect.name == "postgresql" and (before := _sequence(origin, table, key)):
        told = select(column("last_value", Integer), column("is_called", Boolean)).select_from(text(before))
        given, is_called = origin.execute(told).one()
        last = max(last, given if is_called else 0)
    copy.execute(select(func.setval(sequence, max(last, 1), last > 0)))


def _sequence(connection: Connection, table: Table, key: Column[Any]) -> str | None:
    """What gives a table its numbers; None where nothing does."""
    found: str | None = connection.execute(select(func.pg_get_serial_sequence(table.name, key.name))).scalar()
    return found


def fingerprint(connection: Connection, table: Table, change: Callable[[Row], Row] = dict) -> Sum:
    """What a table holds, read row by row; the same on every engine.

    Args:
        connection: within a transaction that sees one moment.
        table: of the schema.
        change: what becomes of a row before it is counted.
    """
    rows = total = 0
    for batch in _batches(connection, table, select(table)):
        for row in map(change, batch):
            line = "\x1f".join(canonical(row[kept.name]) for kept in table.c)
            digest = hashlib.blake2b(line.encode(errors="surrogatepass"), digest_size=16).digest()
            total = (total + int.from_bytes(digest)) % 2**128
        rows += len(batch)
    return Sum(rows, f"{total:032x}")


def canonical(value: Any) -> str:
    """A value in the one way in which it is compared, with its kind."""
    match value:
        case None:
            return "-"
        case bool():
            return f"b{value:d}"
        case int():
            return f"i{value}"
        case float():
            return f"f{value.hex()}"
        case str():
            return f"s{len(value)}:{value}"
        case bytes():
            return f"x{value.hex()}"
        case datetime():
            return f"t{value.astimezone(UTC).isoformat(timespec='microseconds')}"
        case date():
            return f"d{value.isoformat()}"
        case _:
            return f"j{json.dumps(value, sort_keys=True)}"
