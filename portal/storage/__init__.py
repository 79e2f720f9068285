"""Databases: how they are opened, and how a transaction reads or writes."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from portal.errors import CannotStart

#: How long a writer waits for another one, in seconds.
BUSY_TIMEOUT = 5.0
#: Connections of one process where nothing else is said, and how long a thread waits for one, in seconds.
CONNECTIONS, POOL_PATIENCE = 16, 5.0
#: A connection is not used longer than this, in seconds: behind a proxy, new ones find the servers that were added.
OLDEST = 1800
#: After which PostgreSQL itself ends a statement, and a transaction in which nothing is asked any more, in seconds.
STATEMENT_LIMIT, IDLE_LIMIT = 120, 300
#: What a server says that can only be read, and of two transactions of which one had to give way: SQLSTATE.
_READ_ONLY = "25006"
_GAVE_WAY = frozenset({"40001", "40P01"})
#: Transactions that this thread has begun to keep, whether or not the last one was kept; and those that were cut short.
_commits: ContextVar[int] = ContextVar("commits", default=0)
_races: ContextVar[int] = ContextVar("races", default=0)


class Database:
    """An SQLite or PostgreSQL database.

    Args:
        url: an SQLAlchemy address.
        connections: how many may be open at once; threads beyond that wait for one.

    Raises:
        CannotStart: the address cannot be read, or the library for it is missing.
    """

    def __init__(self, url: str, connections: int = CONNECTIONS) -> None:
        self.url = url
        # What people typed is in statements' parameters and must not get into logs.
        options: dict[str, Any] = {"hide_parameters": True}
        try:
            parsed = make_url(url)
            self.is_sqlite = parsed.get_backend_name() == "sqlite"
            if parsed.database and parsed.database != ":memory:":
                # All of them are kept: to open one costs more than many a request. The latest is used first.
                options |= {"pool_size": connections, "max_overflow": 0, "pool_timeout": POOL_PATIENCE}
                options |= {"pool_use_lifo": True}
            self.engine: Engine = _sqlite(url, options) if self.is_sqlite else _postgresql(url, options)
        except ModuleNotFoundError as error:
            raise CannotStart("PostgreSQL needs an extra: pip install 'tier0-portal[postgres]'.") from error
        except (ArgumentError, ValueError) as error:
            raise CannotStart(f"The address of the database, {masked(url)}, cannot be read.") from error
        event.listen(self.engine, "commit", _note_commit)
        # SQLite's transactions see one moment by themselves, PostgreSQL's where they are told to: with their first word.
        # Not also that they only read: connections would be told to write afterwards, whatever their server says.
        self._reading = self.engine.execution_options(
            **{} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment and changes nothing."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self, patience: float | None = None) -> Iterator[Connection]:
        """A transaction that is kept whole or not at all.

        Args:
            patience: how long to wait for other writers, in seconds; `BUSY_TIMEOUT` when None.

        Raises:
            OperationalError: they took longer, or the database does not answer.

        On SQLite it is `IMMEDIATE`: writers queue before they read, so that what one reads is still true when it
        writes. On PostgreSQL what is read to be changed is locked by its own `FOR UPDATE`.
        """
        patience = BUSY_TIMEOUT if patience is None else patience
        with self.engine.connect().execution_options(portal_write=True) as connection:
            driver = connection.connection.driver_connection
            if self.is_sqlite and driver is not None:
                driver.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
            with connection.begin():
                if not self.is_sqlite:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(patience * 1000)}")
                yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _sqlite(url: str, options: dict[str, Any]) -> Engine:
    """An engine on SQLite with a write-ahead log, full synchronisation and transactions of our own."""
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False}, **options)

    @event.listens_for(engine, "do_connect")
    def make(_dialect: Any, _record: Any, arguments: Any, _options: Any) -> None:
        # Its owner alone may read it, wherever it is and whatever the umask says; its log is made like it.
        with suppress(OSError):
            if arguments[0] != ":memory:" and not arguments[0].startswith("file:"):
                os.close(os.open(arguments[0], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # Without this the driver begins transactions late, and two that read before they write lose one write.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        is_write = connection.get_execution_options().get("portal_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")

    return engine


def _postgresql(url: str, options: dict[str, Any]) -> Engine:
    """An engine on PostgreSQL that notices when a server has vanished, or can only be read, instead of waiting."""
    limits = {"lock_timeout": BUSY_TIMEOUT, "statement_timeout": STATEMENT_LIMIT}
    limits |= {"idle_in_transaction_session_timeout": IDLE_LIMIT}
    patience: dict[str, Any] = {
        "connect_timeout": 5,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "application_name": "portal",
        "options": " ".join(f"-c {name}={round(seconds * 1000)}" for name, seconds in limits.items()),
    }
    given = make_url(url).query
    chosen = {name: value for name, value in patience.items() if name not in given}
    engine = create_engine(url, pool_pre_ping=True, pool_recycle=OLDEST, connect_args=chosen, **options)

    @event.listens_for(engine, "handle_error")
    def note(context: ExceptionContext) -> None:
        fault = context.original_exception
        state = getattr(fault, "sqlstate", None)
        # What no server has said comes of the connection itself, even where the driver has not noticed that it is lost.
        is_lost = not state and context.connection and isinstance(fault, engine.dialect.loaded_dbapi.OperationalError)
        if is_lost or state == _READ_ONLY:
            # A server that can only be read is no longer the one that writes: the next connection looks for that one.
            context.is_disconnect = True
        if context.is_disconnect or state in _GAVE_WAY:
            _races.set(_races.get() + 1)

    return engine


def _note_commit(_connection: Connection) -> None:
    """Count a transaction that is about to be kept."""
    _commits.set(_commits.get() + 1)


def commits() -> int:
    """How many transactions this thread has begun to keep; while it stays the same, nothing was changed."""
    return _commits.get()


def races() -> int:
    """How many transactions of this thread lost their connection, or had to give way to another.

    Done once more they may well work. Who has waited for a lock in vain is not among them: he would wait once more.
    """
    return _races.get()


def prepare_folder(folder: Path) -> None:
    """Make the instance folder, readable by its owner alone.

    Raises:
        CannotStart: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        probe = folder / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise CannotStart(f"The instance folder {folder} cannot be written: {error.strerror}.") from error


def reachable(database: Database) -> None:
    """Make sure that the database answers.

    Raises:
        CannotStart: it does not, or is none; the message names the address without its password.
    """
    try:
        with database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise CannotStart(describe(database.url, error)) from error


def describe(url: str, error: Exception) -> str:
    """One sentence that says which database does not work and why, without its password."""
    return f"The database {masked(url)} does not answer: {reason(error)}."


def reason(error: Exception) -> str:
    """Why, in one line and without a full stop."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    # Of several servers each has a line of its own.
    each = [line.removeprefix("- ") for line in lines if line.startswith("- host: ")]
    return ("; ".join(each) or (lines[0] if lines else type(error).__name__)).rstrip(".")


def masked(url: str) -> str:
    """A database's address without its password, wherever it stands in it."""
    hidden = re.sub(r"(?<=://)([^:/@]*):.*@", r"\1:***@", url)
    return re.sub(r"([?&](?:password|sslpassword)=)[^&]*", r"\1***", hidden)
