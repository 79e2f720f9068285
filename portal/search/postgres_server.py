"""Connections to the PostgreSQL server that keeps the index: short reads with a time limit, and one writer at a time."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import NullPool, create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from portal.errors import SearchUnavailable

#: How long the server may work on one read, in seconds.
TIME_LIMIT = 1.0
#: How long a server that did not answer is not asked again, in seconds.
PATIENCE = 2.0
#: How long a writer waits for another one, and how long the server waits for a writer, in seconds.
WRITING = 600
#: Connections of a process that are kept open, and how many more there may be at a time.
KEPT, MORE = 4, 12

_READING = {
    "autocommit": True,
    "connect_timeout": 2,
    "tcp_user_timeout": 3000,
    "application_name": "portal search",
    "options": f"-c statement_timeout={int(1000 * TIME_LIMIT)}",
}
_WRITING = {"connect_timeout": 5, "tcp_user_timeout": 30_000, "application_name": "portal indexing"}


class Server:
    """A server that is read from; safe to use from several threads.

    Args:
        url: an SQLAlchemy address.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url, {"pool_size": KEPT, "max_overflow": MORE, "pool_timeout": TIME_LIMIT}, _READING)
        event.listen(self._engine, "connect", _only_read)
        self._failed = ""
        self._again_at = 0.0
        self._deciding = threading.Lock()

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What a statement finds.

        Args:
            statement: with `%s` for each parameter.
            parameters: which never become part of the statement.

        Raises:
            SearchUnavailable: the server does not answer, takes too long, or lacks the tables.
        """
        self._may_ask()
        try:
            try:
                found = self._rows(statement, parameters)
            except _Lost:
                # The server was started anew since the connection was made; all others are lost as well.
                self._engine.dispose()
                found = self._rows(statement, parameters)
        except (_Lost, _Refused, SQLAlchemyError) as error:
            self._failed, self._again_at = _reason(error), time.monotonic() + PATIENCE
            raise SearchUnavailable(f"the search server does not answer: {self._failed}") from error
        except self._errors as error:
            raise SearchUnavailable(f"the search server: {_reason(error)}") from error
        self._failed = ""
        return found

    @property
    def _errors(self) -> type[Exception]:
        """All that the driver raises."""
        dbapi: Any = self._engine.dialect.loaded_dbapi
        errors: type[Exception] = dbapi.Error
        return errors

    def _may_ask(self) -> None:
        """While the server is gone, one asks now and then, and all others are told at once."""
        if not self._failed:
            return
        with self._deciding:
            if time.monotonic() < self._again_at:
                raise SearchUnavailable(f"the search server does not answer: {self._failed}")
            self._again_at = time.monotonic() + PATIENCE

    def _rows(self, statement: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Ask on a connection of the pool.

        Raises:
            _Lost: the connection is.
            _Refused: there is none.
        """
        try:
            pooled = self._engine.raw_connection()
        except self._errors as error:
            raise _Refused(_reason(error)) from error
        try:
            driver: Any = pooled.driver_connection
            try:
                with driver.cursor(binary=True) as cursor, _watched(driver):
                    cursor.execute(statement, parameters)
                    return list(cursor.fetchall())
            except self._errors as error:
                if driver.closed:
                    pooled.invalidate()
                    raise _Lost(_reason(error)) from error
                raise
        finally:
            pooled.close()

    def close(self) -> None:
        """Close connections that nobody uses."""
        self._engine.dispose()


def _only_read(driver: Any, _record: object) -> None:
    """Let a new connection change nothing; afterwards, for an address may ask for a server that can be written to."""
    driver.execute("SET default_transaction_read_only = on")


class _Lost(Exception):
    """The connection is gone."""


class _Refused(Exception):
    """No connection can be made."""


@contextmanager
def _watched(driver: Any) -> Iterator[None]:
    """End a connection whose server has stopped without ending it: then no time limit of the server's works.

    Args:
        driver: the connection, which somebody waits for.
    """
    watch = _Watch.of_process()
    key = watch.begin(driver)
    try:
        yield
    finally:
        watch.end(key)


class _Watch:
    """Looks after all reads of a process in one thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[float, Any]] = {}
        self._next = 0
        self._wake = threading.Event()
        threading.Thread(target=self._look, name="search-watch", daemon=True).start()

    @staticmethod
    def of_process() -> "_Watch":
        """The one of this process."""
        return _watch(os.getpid())

    def begin(self, driver: Any) -> int:
        """Somebody waits for a connection now."""
        with self._lock:
            self._next += 1
            self._waiting[self._next] = time.monotonic() + 2 * TIME_LIMIT, driver
            key = self._next
        self._wake.set()
        return key

    def end(self, key: int) -> None:
        """Nobody waits any more."""
        with self._lock:
            self._waiting.pop(key, None)

    def _look(self) -> None:
        """End what has lasted too long, as long as anything is waited for."""
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                time.sleep(TIME_LIMIT / 4)
                with self._lock:
                    late = [driver for end, driver in self._waiting.values() if time.monotonic() > end]
                for driver in late:
                    _cut(driver)


def _cut(driver: Any) -> None:
    """Shut a connection down under whoever waits for it, who is told that it is lost."""
    import socket  # noqa: PLC0415 - hardly ever needed

    try:
        with socket.socket(fileno=os.dup(driver.fileno())) as connection:
            connection.shutdown(socket.SHUT_RDWR)
    except Exception:  # noqa: S110 - it has come to its end meanwhile
        pass


@lru_cache(maxsize=1)
def _watch(_process: int) -> _Watch:
    return _Watch()


def server(url: str) -> Server:
    """The server at an address; one for each process, for connections must not be shared by two."""
    return _server(url, os.getpid())


@lru_cache(maxsize=8)
def _server(url: str, _process: int) -> Server:
    return Server(url)


@contextmanager
def writing(url: str) -> Iterator[Any]:
    """A cursor in a transaction that is kept whole or not at all.

    Raises:
        SearchUnavailable: the server does not answer, or refuses.
    """
    engine = _engine(url, {"poolclass": NullPool}, _WRITING)
    dbapi: Any = engine.dialect.loaded_dbapi
    try:
        pooled = engine.raw_connection()
        try:
            driver: Any = pooled.driver_connection
            with driver.transaction(), driver.cursor(binary=True) as cursor:
                # What others have made while one waited for them must be seen, whatever the server does by default.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
                for limit in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
                    cursor.execute(f"SET LOCAL {limit} = {1000 * WRITING}")
                yield cursor
        finally:
            pooled.close()
    except (SQLAlchemyError, dbapi.Error) as error:
        raise SearchUnavailable(f"the index cannot be written: {_reason(error)}") from error
    finally:
        engine.dispose()


def _engine(url: str, pool: dict[str, Any], connect: dict[str, Any]) -> Engine:
    """An engine; what people typed is in parameters, and never in messages."""
    if (given := make_url(url).query.get("options")) and "options" in connect:
        connect = connect | {"options": f"{given} {connect['options']}"}  # Such as the schema of the tables.
    try:
        return create_engine(url, hide_parameters=True, connect_args=connect, **pool)
    except ModuleNotFoundError as error:
        raise SearchUnavailable("PostgreSQL needs an extra: pip install 'tier0-portal[postgres]'.") from error


def _reason(error: Exception) -> str:
    """The first line of what went wrong."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
