"""A PostgreSQL database in a backup, by PostgreSQL's own programs: pg_dump and pg_restore."""

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from portal.backup.archive import BadBackup
from portal.storage import Database, describe

#: Name in an archive.
NAME = "database.dump"
_CHUNK = 1024 * 1024
#: Where packages put the programs of each version, beside the path.
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")


@dataclass(frozen=True)
class Programs:
    """The programs of one version."""

    folder: Path
    major: int

    def command(self, name: str, *arguments: str) -> list[str]:
        """The arguments of a call."""
        return [str(self.folder / name), *arguments]


@contextmanager
def one_moment(database: Database) -> Iterator[Connection]:
    """A transaction that sees one moment for as long as it takes, and lends it to others.

    Raises:
        BadBackup: the database does not answer.
    """
    try:
        with database.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.exec_driver_sql(f"SET LOCAL {limit} = 0")
            yield connection
    except SQLAlchemyError as error:
        raise BadBackup(describe(database.url, error)) from None


def counted(connection: Connection) -> dict[str, int]:
    """The rows of each table."""
    return {
        name: int(connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one())  # noqa: S608 - quoted names of tables that are there  # nosec B608
        for name in tables(connection)
    }


def schema(connection: Connection) -> str:
    """The schema that holds the portal's tables; what is in others is not the portal's."""
    return str(connection.exec_driver_sql("SELECT current_schema()").scalar_one())


def tables(connection: Connection) -> list[str]:
    """The names of all tables but those of the search index, which are made again from the articles."""
    found = connection.exec_driver_sql(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename !~ '^search[0-9].*_'"
        " ORDER BY tablename"
    )
    return [str(name).replace('"', '""') for (name,) in found]


def revision(connection: Connection) -> str:
    """The schema that the database is at; empty where it has none of ours."""
    if "alembic_version" not in tables(connection):
        return ""
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none() or "")


def server_version(connection: Connection) -> str:
    """The server's version, such as 15.3."""
    return str(connection.exec_driver_sql("SHOW server_version").scalar_one()).split()[0]


def refuse_others(connection: Connection) -> None:
    """Make sure that nobody else uses the database.

    Raises:
        BadBackup: says how many do.
    """
    statement = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
        # What those of other users are is not told to everybody; only clients have users.
        " AND (backend_type = 'client backend' OR backend_type IS NULL AND usesysid IS NOT NULL)"
    )
    if others := int(connection.exec_driver_sql(statement).scalar_one()):
        raise BadBackup(f"{others} other connections use the database. Stop every portal that works with it.")


def programs(server: str) -> Programs:
    """The programs for a server: of its own version where they are there, else the next newer ones.

    Raises:
        BadBackup: there are none, or all are older than the server.
    """
    wanted = int(server.partition(".")[0])
    on_path = [Path(found).parent] if (found := shutil.which("pg_dump")) else []
    folders = [folder for place in _PLACES for folder in sorted(Path("/").glob(place[1:]))] + on_path
    known = [Programs(folder, major) for folder in folders if (major := _major(folder))]
    fit = sorted((one for one in known if one.major >= wanted), key=lambda one: one.major)
    if fit:
        return fit[0]
    how = f"On Debian: apt-get install postgresql-client-{wanted}."
    if not known:
        raise BadBackup(f"The programs pg_dump and pg_restore are not installed. {how}")
    newest = max(one.major for one in known)
    raise BadBackup(f"The installed pg_dump is version {newest}, older than the server's {server}. {how}")


def _major(folder: Path) -> int:
    """The version of the programs in a folder; 0 where there are none that run."""
    if not (folder / "pg_restore").exists():
        return 0
    try:
        command = [str(folder / "pg_dump"), "--version"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - a fixed program, a list of arguments  # nosec B603
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"\) (\d+)", run.stdout)
    return int(found[1]) if found else 0


@contextmanager
def _address(url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A database as PostgreSQL's programs are told of it, and their environment; nobody else sees a secret in either.

    There is no variable for the password of a client's key, so that one is in a file of services, unless the address
    names a service itself, whose file may hold it as well.
    """
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - an extra

    parsed = make_url(url)
    known: dict[str, Any] = dict(parsed.get_dialect()().create_connect_args(parsed)[1])
    environment = dict(os.environ)
    if password := known.pop("password", None):
        environment["PGPASSWORD"] = str(password)
    with tempfile.NamedTemporaryFile("w", prefix="portal-", suffix=".conf", encoding="utf-8") as services:
        if "sslpassword" in known and "service" not in known:
            services.write(f"[portal]\nsslpassword={known.pop('sslpassword')}\n")
            services.flush()
            known["service"], environment["PGSERVICEFILE"] = "portal", services.name
        yield make_conninfo(**{key: str(value) for key, value in known.items()}), environment


def _running(command: list[str], said: IO[bytes], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """A program whose output is read while it runs."""
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=environment)  # noqa: S603 - a fixed program, a list of arguments  # nosec B603


def dumped(url: str, tools: Programs, name: str, snapshot: str, counts: dict[str, int]) -> Iterator[bytes]:
    """A dump of a schema's tables as of a moment that another connection lends; what pg_restore reads is counted.

    Raises:
        BadBackup: the dump failed, or does not hold the rows that were counted.
    """
    options = ("--format=custom", "--compress=0", "--no-password", "--lock-wait-timeout=60s", f"--snapshot={snapshot}")
    parts = (f"--table={_quoted(name)}.*", f"--exclude-table={_quoted(name)}.search[0-9]*_*")
    with (
        _address(url) as (address, environment),
        _Count(tools) as count,
        tempfile.TemporaryFile() as said,
        _running(tools.command("pg_dump", *options, *parts, f"--dbname={address}"), said, environment) as process,
    ):
        assert process.stdout is not None
        try:
            while chunk := process.stdout.read(_CHUNK):
                count.feed(chunk)
                yield chunk
        except BaseException:
            process.kill()
            raise
        if process.wait():
            raise BadBackup(f"pg_dump failed: {_first_line(said)}.")
        compare(counts, count.result())


def checked(dump: Path, tools: Programs) -> tuple[dict[str, int], str]:
    """The rows of each table that pg_restore reads in a dump, and the revision of its schema.

    Raises:
        BadBackup: it cannot read it.
    """
    with _Count(tools) as count, dump.open("rb") as file:
        while chunk := file.read(_CHUNK):
            count.feed(chunk)
        return count.result(), count.revision


def compare(wanted: dict[str, int], found: dict[str, int]) -> None:
    """Make sure that all rows are there.

    Raises:
        BadBackup: names the first table where they are not.
    """
    for name in sorted({*wanted, *found}):
        if wanted.get(name, 0) != found.get(name, 0):
            rows = f"{found.get(name, 0)} rows instead of {wanted.get(name, 0)}"
            raise BadBackup(f"The database in the backup is not whole: the table {name} has {rows}.")


class _Count:
    """pg_restore reading a dump that it is fed, and how many rows it finds of each table."""

    def __init__(self, tools: Programs) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        command = tools.command("pg_restore", "--data-only", "--file=-")
        self._process = subprocess.Popen(  # noqa: S603 - a fixed program, a list of arguments  # nosec B603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, env={**os.environ, "LC_ALL": "C"}
        )
        self._rows: dict[str, int] = {}
        #: Of the schema; empty where the dump does not say.
        self.revision = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            try:
                if stream:
                    stream.close()
            except OSError:
                continue
        self._process.wait()
        self._thread.join()
        self._said.close()

    def feed(self, chunk: bytes) -> None:
        """Let it read on; that it has given up is told by `result`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(chunk)
        except BrokenPipeError:
            return

    def result(self) -> dict[str, int]:
        """The rows of each table, once it has read all."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._thread.join()
        if self._process.wait():
            raise BadBackup(f"The database in the backup cannot be read: {_first_line(self._said)}.")
        return self._rows

    def _read(self) -> None:
        """Count the lines between `COPY …` and its end."""
        assert self._process.stdout is not None
        table = ""
        try:
            for line in self._process.stdout:
                if table and line == b"\\.\n":
                    table = ""
                elif table:
                    self._rows[table] += 1
                    if table == "alembic_version":
                        self.revision = line.decode(errors="replace").rstrip("\n")
                elif found := re.match(rb'COPY (?:[^.]+\.)?"?([^ ".]+)"? .*FROM stdin;$', line):
                    table = found[1].decode()
                    self._rows.setdefault(table, 0)
        except ValueError:  # Closed while it was read.
            return


def _quoted(name: str) -> str:
    """A name as pg_dump takes it for itself instead of for a pattern."""
    return '"{}"'.format(name.replace('"', '""'))


def restored(url: str, dump: Path, tools: Programs, *, is_replacing: bool) -> None:
    """Bring a dump into a database, wholly or not at all.

    Raises:
        BadBackup: it could not be done; the database is as it was.
    """
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password"]
    options += ["--clean", "--if-exists"] if is_replacing else []
    with _address(url) as (address, environment), tempfile.TemporaryFile() as said:
        command = tools.command("pg_restore", *options, f"--dbname={address}", str(dump.resolve()))
        streams = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said}
        run = subprocess.run(command, **streams, env=environment, check=False)  # type: ignore[call-overload]  # noqa: S603 - a fixed program, a list of arguments  # nosec B603
        if run.returncode:
            raise BadBackup(f"The database could not be restored and is as it was: {_first_line(said)}.")


def _first_line(said: IO[bytes]) -> str:
    """A program's own words about what went wrong."""
    said.seek(0)
    lines = [line.strip() for line in said.read(10_000).decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line or "fatal" in line.lower()] or lines
    return telling[0].rstrip(".") if telling else "it said nothing"
