"""Real PostgreSQL servers of the tests' own, and databases on them: also in place of SQLite, for the whole suite."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, inspect
from sqlalchemy.pool import Pool

from portal.storage import Database, migration
from tests.needs import postgres_programs

#: Fast, and nothing of it outlives the tests.
IN_A_HURRY = ("fsync=off", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=256MB", "max_connections=400")


class PostgresServer:
    """A server in a folder of its own, as a user of its own where the tests run as root.

    Args:
        port: that nobody else listens on.
        settings: each as `name=value`.
    """

    def __init__(self, port: int, settings: tuple[str, ...] = IN_A_HURRY) -> None:
        self.port = port
        self.url = f"postgresql+psycopg://portal@127.0.0.1:{port}"
        self._settings = settings
        self._programs = postgres_programs()
        # Not below pytest's folder: a second run of the tests would close that to the server's user.
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._data = self.folder / "data"
        # The server refuses to run as root.
        self._user = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
            for parent in list(self.folder.parents)[:3]:
                parent.chmod(parent.stat().st_mode | 0o011)

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs as its user."""
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, user=self._user, cwd=self.folder, timeout=60)

    def make(self) -> "PostgresServer":
        """Make its files."""
        how = ("-U", "portal", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.run("initdb", "-D", str(self._data), *how)
        return self

    def follow(self, primary: "PostgresServer", name: str) -> "PostgresServer":
        """Make its files as a copy of another server's, which it follows from now on."""
        source = f"host=127.0.0.1 port={primary.port} user=portal application_name={name}"
        self.run("pg_basebackup", "-D", str(self._data), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", source)
        return self

    def start(self) -> "PostgresServer":
        """Start it and wait until it answers."""
        places = (f"unix_socket_directories={self.folder}", "listen_addresses=127.0.0.1", *self._settings)
        options = " ".join([f"-p {self.port}", *(f"-c {setting}" for setting in places)])
        self.run("pg_ctl", "-D", str(self._data), "-o", options, "-l", str(self.folder / "log"), "-w", "start")
        return self

    def stop(self, mode: str = "immediate") -> None:
        """Stop it, if it runs."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def kill(self) -> None:
        """End all its processes at once, as a machine that fails does."""
        number = int((self._data / "postmaster.pid").read_text().split()[0])
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(number)], capture_output=True, text=True, check=False)
        for process in (number, *map(int, found.stdout.split())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def promote(self) -> None:
        """Let a server that follows become one of its own."""
        self.run("pg_ctl", "-D", str(self._data), "-w", "promote")

    def remove(self) -> None:
        """Stop it and remove its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, query: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """What a statement gives, in a transaction of its own."""
        opened = Database(f"{self.url}/{database}", 1)
        try:
            with opened.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                found = connection.exec_driver_sql(query)
                return [tuple(row) for row in found] if found.returns_rows else []
        finally:
            opened.close()


@contextmanager
def postgres_database(server: str, template: str = "template1") -> Iterator[str]:
    """The address of a database of its own, which is dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    maintenance = Database(f"{server}/postgres", 1)
    with maintenance.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(_created(name, template))
        yield f"{server}/{name}"
        opened.close(name)
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    maintenance.close()


def _created(name: str, template: str) -> str:
    """The statement that copies a database: file by file, as all did before 15, and not page by page."""
    has_choice = int(postgres_programs().parent.name.partition(".")[0]) >= 15
    return f"CREATE DATABASE {name} TEMPLATE {template}{' STRATEGY FILE_COPY' if has_choice else ''}"


class Opened:
    """The connections of this process, so that those end with their database which no test has closed.

    Else they would end whenever garbage is collected, and fail the test that runs then.
    """

    def __init__(self) -> None:
        self._connections: dict[str, list[Any]] = {}
        self._lock = threading.Lock()

    def watch(self) -> None:
        """Know every connection from now on."""
        event.listen(Pool, "connect", self._note)

    def _note(self, connection: Any, _record: object) -> None:
        """Keep a connection to PostgreSQL."""
        if not isinstance(connection, sqlite3.Connection):
            with self._lock:
                self._connections.setdefault(connection.info.dbname, []).append(connection)

    def close(self, name: str) -> None:
        """Close all that lead to a database."""
        with self._lock:
            ended = self._connections.pop(name, [])
        for connection in ended:
            connection.close()

    def end(self) -> None:
        """Close all."""
        for name in list(self._connections):
            self.close(name)


opened = Opened()


class Instead:
    """Gives every instance folder and every file of a database a database on a real server, where tests ask for that."""

    def __init__(self) -> None:
        self.is_chosen = False
        self.server: PostgresServer | None = None
        self._names: dict[Path, str] = {}
        self._lock = threading.RLock()
        self._is_migrated = False
        self._maintenance: Connection | None = None

    def _do(self, statement: str) -> None:
        """Make or drop a database, on the one connection that is kept for it."""
        with self._lock:
            if self._maintenance is None:
                made = Database(f"{self.running().url}/postgres", 1)
                self._maintenance = made.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._maintenance.exec_driver_sql(statement)

    def running(self) -> PostgresServer:
        """The server of this process of the tests; started when it is first needed."""
        from tests.serving import free_port  # noqa: PLC0415 - which looks here where its servers' databases are

        with self._lock:
            if self.server is None:
                self.server = PostgresServer(free_port()).make().start()
            return self.server

    def migrated(self) -> str:
        """The name of a migrated database, of which tests get copies."""
        server = self.running()
        with self._lock:
            if not self._is_migrated:
                self._do("CREATE DATABASE migrated")
                made = Database(f"{server.url}/migrated")
                migration.upgrade(made)
                made.close()
                self._is_migrated = True
        return "migrated"

    def url(self, place: Path) -> str:
        """The address of the database in place of an instance folder's, or of a file."""
        place = place.resolve()
        with self._lock:
            server = self.running()
            if place not in self._names:
                name = f"own_{secrets.token_hex(6)}"
                self._do(_created(name, self.migrated()))
                self._names[place] = name
            return f"{server.url}/{self._names[place]}"

    def variables(self, arguments: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
        """What a command needs in its environment to work with the database of its instance folder."""
        folders = [after for option, after in pairwise(arguments) if option == "--data"]
        folders += [environment["PORTAL_DATA"]] if "PORTAL_DATA" in environment else []
        if not self.is_chosen or not folders or "PORTAL_DATABASE_URL" in environment:
            return {}
        return {"PORTAL_DATABASE_URL": self.url(Path(folders[0]))}

    def drop_below(self, folder: Path) -> None:
        """Drop the databases of a test's own folder."""
        with self._lock:
            for place in [place for place in self._names if place.is_relative_to(folder.resolve())]:
                name = self._names.pop(place)
                opened.close(name)
                self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def end(self) -> None:
        """Remove the server."""
        opened.end()
        if self.server is not None:
            self.server.remove()
            self.server = None


instead = Instead()


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Somebody else writes in a database and does not end; it can still be read."""
    database = Database(url, 1)
    with database.write() as connection:
        if not database.is_sqlite:
            tables = ", ".join(inspect(connection).get_table_names())
            connection.exec_driver_sql(f"LOCK TABLE {tables} IN SHARE MODE")
        yield
    database.close()


def asked(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a statement gives, or what it has changed is kept."""
    database = Database(url, 1)
    try:
        with database.write() as connection:
            found = connection.exec_driver_sql(query)
            return [tuple(row) for row in found] if found.returns_rows else []
    finally:
        database.close()


def database_at(path: Path) -> Database:
    """A migrated database for a test: the file of this name, or in its place one on a real server."""
    made = Database(instead.url(path) if instead.is_chosen else f"sqlite:///{path}")
    migration.upgrade(made)
    return made
