"""A copy of the published articles' database, made while others read and write the original."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from portal.errors import CannotStart


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database as it is at one moment; who reads or writes it notices nothing.

    Raises:
        CannotStart: it cannot be read, or the copy cannot be written.
    """
    try:
        # Read only: the copy must not be able to make or change anything of the original.
        original = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)
        try:
            copy = sqlite3.connect(target)
            try:
                original.backup(copy)
            finally:
                copy.close()
        finally:
            original.close()
    except sqlite3.Error as error:
        raise CannotStart(f"The database {source} cannot be copied: {error}.") from error


def adopt_signatures(path: Path, changed: Iterable[tuple[str, str, str | None, str]]) -> None:
    """Take other files for the ones that a copied database knows, so that they are not read again.

    Args:
        path: of the copy of the published articles' database.
        changed: language and slug of each file, its signature, and that of the other one; without the first, whatever
            is known.
    """
    same = (
        "UPDATE articles SET signature = ?4 WHERE language = ?1 AND slug = ?2 AND coalesce(?3, signature) = signature"
    )
    copy = sqlite3.connect(path)
    try:
        with copy:
            copy.executemany(same, changed)
    finally:
        copy.close()
