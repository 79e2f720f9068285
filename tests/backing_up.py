"""Backups in tests: a portal with something in every table, somewhere empty to restore it, archives by hand."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from portal import key_files
from portal.settings import Settings
from portal.storage import Database, prepare_folder
from portal.storage.schema import metadata
from tests.builders import settings, write_library
from tests.conftest import postgres_database
from tests.filling import fill

MAIL = "From: support@example.org\nTo: zoë@example.org\n\nhttps://help.example.org/en/requests/…\n"


def rich(database: Database, folder: Path) -> Settings:
    """A portal with rows in every table, a key, a mail and articles."""
    with database.write() as connection:
        fill(connection, metadata)
    made = settings(write_library(folder / "articles"), folder / "var", database_url=database.url)
    prepare_folder(made.data)
    key_files.load(made)
    for name in ("new", "cur", "tmp"):
        (made.data / "mail" / name).mkdir(parents=True)
    (made.data / "mail" / "new" / "1780000000.M1P2.host").write_text(MAIL)
    return made


@contextmanager
def elsewhere(portal: Settings, folder: Path) -> Iterator[Settings]:
    """A new place on the same engine, with nothing in it."""
    if portal.database.startswith("sqlite"):
        yield settings(folder / "articles", folder / "var")
        return
    with postgres_database(portal.database.rpartition("/")[0]) as url:
        yield settings(folder / "articles", folder / "var", database_url=url)


def everything(url: str) -> dict[str, list[str]]:
    """All rows of all tables, as text and in one order."""
    database = Database(url)
    try:
        with database.read() as connection:
            return {
                table.name: sorted(repr(tuple(row)) for row in connection.execute(table.select()))
                for table in metadata.sorted_tables
            }
    finally:
        database.close()


def members(archive: Path) -> dict[str, bytes]:
    """What is in an archive, as any program reads it."""
    with tarfile.open(archive, "r:gz") as file:
        return {item.name: file.extractfile(item).read() for item in file}  # type: ignore[union-attr]


def packed(path: Path, parts: list[tuple[str, bytes, dict[str, Any]]]) -> Path:
    """An archive made by hand: names, contents and whatever else the head of each member says."""
    block = io.BytesIO()
    with tarfile.open(fileobj=block, mode="w", format=tarfile.USTAR_FORMAT) as file:
        for name, content, changes in parts:
            item = tarfile.TarInfo(name)
            item.size = len(content)
            for key, value in changes.items():
                setattr(item, key, value)
            file.addfile(item, io.BytesIO(content))
    # tarfile fills up to 10 KiB; ours ends with two empty blocks.
    plain = block.getvalue()[: block.tell()].rstrip(b"\0")
    plain += b"\0" * (-len(plain) % 512 + 1024)
    path.write_bytes(gzip.compress(plain))
    return path


def header(archive: Path, **changes: Any) -> bytes:
    """An archive's first member with changes."""
    return json.dumps(json.loads(members(archive)["backup.json"]) | changes).encode()
