"""Databases: how they are opened, and how a transaction reads or writes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from portal.errors import CannotStart

#: How long a writer waits for another one, in seconds.
BUSY_TIMEOUT = 5.0


class Database:
    """An SQLite or PostgreSQL database.

    Args:
        url: an SQLAlchemy address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        # What people typed is in statements' parameters and must not get into logs.
        options = {"hide_parameters": True}
        try:
            self.engine: Engine = _sqlite(url, options) if self.is_sqlite else _postgresql(url, options)
        except ModuleNotFoundError as error:
            raise CannotStart("PostgreSQL needs an extra: pip install 'tier0-portal[postgres]'.") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment and changes nothing."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, patience: float = BUSY_TIMEOUT) -> Iterator[Connection]:
        """A transaction that is kept whole or not at all.

        Args:
            patience: how long to wait for other writers, in seconds.

        Raises:
            OperationalError: they took longer, or the database does not answer.

        On SQLite it is `IMMEDIATE`: writers queue before they read, so that what one reads is still true when it
        writes. On PostgreSQL what is read to be changed is locked by its own `FOR UPDATE`.
        """
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
    """An engine on PostgreSQL that notices when a server has vanished, instead of waiting for minutes."""
    patience = {"connect_timeout": 5, "tcp_user_timeout": 10_000}
    return create_engine(url, pool_pre_ping=True, connect_args=patience, **options)


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
    shown = make_url(url).render_as_string(hide_password=True)
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()
    return f"The database {shown} does not answer: {reason[0] if reason else type(error).__name__}."
