"""Brings a database to the schema of this version, and back to an earlier one."""

import sqlite3
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SQLAlchemyError

from portal.errors import CannotStart
from portal.storage import Database, describe

#: Any number that nobody else uses; PostgreSQL lets one migration run at a time by it.
_LOCK = 7_305_018
#: How long is waited for another process that migrates, and for those who use a table, in seconds.
PATIENCE, TABLE_PATIENCE = 120.0, 30
_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate in one transaction; several processes may try at once, and one of them does it.

    Raises:
        CannotStart: the database cannot be written, or was made by a newer version.
    """
    _migrate(database, "upgrade", revision)


def downgrade(database: Database, revision: str) -> None:
    """Go back to an earlier revision, in one transaction; `base` is an empty database.

    Raises:
        CannotStart: the database cannot be written, or there is no such revision.
    """
    _migrate(database, "downgrade", revision)


def migrate(database: Database, target: str) -> None:
    """Go to a revision, forwards or backwards.

    Raises:
        CannotStart: as `upgrade`.
    """
    known = revisions()
    present = revision(database)
    place = {name: number for number, name in enumerate([None, *known])} | {"base": 0, "head": len(known)}
    if target not in place or present not in place:
        unknown = target if target not in place else present
        raise CannotStart(
            f"The database was made by another version of the portal, or there is no revision {unknown}; "
            f"this version knows {', '.join(known)}, base and head."
        )
    (upgrade if place[target] >= place[present] else downgrade)(database, target)


def _migrate(database: Database, run: Literal["upgrade", "downgrade"], target: str) -> None:
    """Run a migration in a transaction of its own."""
    try:
        with database.write(PATIENCE) as connection:
            on_connection(connection, run, target)
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise CannotStart(describe(database.url, error)) from error


def on_connection(
    connection: Connection, run: Literal["upgrade", "downgrade"] = "upgrade", target: str = "head"
) -> None:
    """Migrate in a transaction that somebody else ends; by default to this version's schema.

    Raises:
        CannotStart: the database was made by a newer version, or there is no such revision.
    """
    if connection.dialect.name == "postgresql":
        # A migration may take long; whoever needs the tables meanwhile must not wait for it to begin.
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{TABLE_PATIENCE}s'")
    if run == "upgrade" and target == "head" and _revision(connection) == newest():
        return  # As at most starts, which need not wait for the library.
    from alembic import command  # noqa: PLC0415 - it imports slowly
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        (command.upgrade if run == "upgrade" else command.downgrade)(config, target)
    except CommandError as error:
        raise CannotStart(f"The database was made by another version of the portal: {error}.") from error


def revision(database: Database) -> str | None:
    """The revision that a database is at; None for an empty one."""
    with database.read() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    """See `revision`."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def newest() -> str:
    """The revision of this version."""
    return revisions()[-1]


def revisions() -> list[str]:
    """All revisions that this version knows, oldest first; their files' names begin with them."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))
