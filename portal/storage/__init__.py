"""Databases: how they are opened, and how a transaction reads or writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from portal.errors import CannotStart

#: How long a writer waits for another one, in seconds.
BUSY_TIMEOUT = 15


class Database:
    """An SQLite or PostgreSQL database.

    Args:
        url: an SQLAlchemy address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine: Engine = _sqlite(url) if self.is_sqlite else create_engine(url, pool_pre_ping=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment and changes nothing."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is kept whole or not at all.

        On SQLite it is `IMMEDIATE`: writers queue before they read, so that what one reads is still true when it
        writes. On PostgreSQL what is read to be changed is locked by its own `FOR UPDATE`.
        """
        with self.engine.connect().execution_options(portal_write=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _sqlite(url: str) -> Engine:
    """An engine on SQLite with a write-ahead log, full synchronisation and transactions of our own."""
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # Without this the driver begins transactions late, and two that read before they write lose one write.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        is_write = connection.get_execution_options().get("portal_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")

    return engine


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
        CannotStart: it does not; the message names the address without its password.
    """
    try:
        with database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
    except OperationalError as error:
        shown = make_url(database.url).render_as_string(hide_password=True)
        raise CannotStart(f"The database {shown} does not answer: {str(error.orig).splitlines()[0]}") from error
