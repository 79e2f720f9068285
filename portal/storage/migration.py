"""Brings a database to the schema of this version."""

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from portal.errors import CannotStart
from portal.storage import Database, describe

#: Any number that nobody else uses; PostgreSQL lets one migration run at a time by it.
_LOCK = 7_305_018


def _config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate in one transaction; several processes may try at once, and one of them does it.

    Raises:
        CannotStart: the database cannot be written, or was made by a newer version.
    """
    try:
        with database.write() as connection:
            if not database.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            command.upgrade(_config(connection), revision)
    except CommandError as error:
        raise CannotStart(f"The database was made by another version of the portal: {error}.") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise CannotStart(describe(database.url, error)) from error


def downgrade(database: Database, revision: str) -> None:
    """Go back to an earlier revision; `base` is an empty database."""
    with database.write() as connection:
        command.downgrade(_config(connection), revision)


def revision(database: Database) -> str | None:
    """The revision that a database is at; None for an empty one."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The revision of this version."""
    return ScriptDirectory.from_config(_config()).get_current_head()
