"""An SQLite database in a backup: a copy of one moment, and whether a copy is whole."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from portal.backup.archive import BadBackup
from portal.errors import CannotStart
from portal.storage.copying import copy_database

#: Name in an archive.
NAME = "portal.db"
_CHUNK = 1024 * 1024


def library_version() -> str:
    """The version of SQLite."""
    return sqlite3.sqlite_version


def copied(source: Path, folder: Path) -> Path:
    """A copy as of one moment, made while others write; they notice nothing.

    Raises:
        BadBackup: it cannot be made; mostly the disk is full.
    """
    copy = folder / NAME
    if not source.is_file():
        raise BadBackup(f"There is no database {source} to be backed up.")
    try:
        copy_database(source, copy)
        with closing(sqlite3.connect(copy)) as connection:
            # One file, without a log beside it.
            connection.execute("PRAGMA journal_mode=DELETE")
    except (CannotStart, sqlite3.Error, OSError) as error:
        reason = str(error).rstrip(".").removeprefix("The database ")
        raise BadBackup(f"The database could not be copied: {reason}.") from None
    return copy


def checked(path: Path) -> dict[str, int]:
    """The rows of each table of a database that is whole.

    Raises:
        BadBackup: it is damaged, or no database.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            fault = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if fault != "ok":
                raise BadBackup(f"The database in the backup is damaged: {fault.splitlines()[0]}.")
            if orphan := connection.execute("PRAGMA foreign_key_check").fetchone():
                raise BadBackup(f"The database in the backup is damaged: a row of {orphan[0]} belongs to none.")
            listed = connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
                " AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
            )
            names = [name.replace('"', '""') for (name,) in listed]
            return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608 - quoted names of tables that are there  # nosec B608
    except sqlite3.Error as error:
        raise BadBackup(f"The database in the backup is damaged: {error}.") from None


def revision(path: Path) -> str:
    """The schema that a database is at; empty where it says none."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(found[0]) if found else ""
    except sqlite3.Error:
        return ""


def settle(path: Path) -> None:
    """Move what stands in a database's log into its file, where that still works.

    Raises:
        BadBackup: somebody else has it open, and would go on in a file that has been put away.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as connection:
            # Without a log there is one file only; SQLite does without it where nobody else has the database open.
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise BadBackup(f"The database {path} is in use. Stop every portal that works with it.") from None


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
