"""What goes into a backup: whatever of an instance cannot be made anew, as of one moment."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.engine import make_url

from portal import key_files
from portal.backup import postgresql, sqlite
from portal.backup.archive import FORMAT, BadBackup, Header, Writer
from portal.backup.places import staging
from portal.settings import PREFIX, Settings
from portal.storage import Database

#: The name of the product in archives.
PRODUCT = "tier0-portal"
#: Folders of copies that are being made, inside the instance folder: the database there is as plain.
_STAGING = ".backup-"
#: Names of members.
KEY, SETTINGS, MAIL, ARTICLES = "secrets/secret.key", "settings.json", "mail/", "articles/"


@dataclass(frozen=True)
class Contents:
    """What a backup is made of."""

    header: Header
    #: Rows of each table.
    counts: dict[str, int]
    #: The database: name of the member, and its bytes.
    name: str
    database: Iterator[bytes]
    settings: Settings

    def write(self, writer: Writer, *, with_articles: bool) -> None:
        """Write all of it.

        Raises:
            BadBackup: a part cannot be read.
        """
        writer.add(SETTINGS, msgspec.json.format(msgspec.json.encode(shown(self.settings))) + b"\n")
        if key := _key(self.settings):
            writer.add(KEY, key)
        writer.add_parts(self.name, self.database)
        _add_folder(writer, MAIL, self.settings.data / "mail")
        if with_articles:
            _add_folder(writer, ARTICLES, self.settings.articles)


@contextmanager
def contents_of(settings: Settings, now: datetime) -> Iterator[Contents]:
    """What a backup of a portal holds; the portal may be running.

    Raises:
        BadBackup: a part of it cannot be read.
    """
    if not settings.data.is_dir():
        raise BadBackup(f"There is no instance folder {settings.data}; name the server's with --data.")
    database = Database(settings.database)
    try:
        if database.is_sqlite:
            with staging(settings.data, _STAGING) as place:
                copy = sqlite.copied(Path(make_url(settings.database).database or ""), place)
                counts, revision = sqlite.checked(copy), sqlite.revision(copy)
                header = _header(now, "sqlite", sqlite.library_version(), revision)
                yield Contents(header, counts, sqlite.NAME, sqlite.chunks(copy), settings)
            return
        with postgresql.one_moment(database) as connection:
            server = postgresql.server_version(connection)
            tools = postgresql.programs(server)
            snapshot = str(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one())
            counts, revision = postgresql.counted(connection), postgresql.revision(connection)
            dump = postgresql.dumped(settings.database, tools, postgresql.schema(connection), snapshot, counts)
            yield Contents(_header(now, "postgresql", server, revision), counts, postgresql.NAME, dump, settings)
    finally:
        database.close()


def _header(now: datetime, engine: str, server: str, revision: str) -> Header:
    """What the backup is of."""
    if not revision:
        raise BadBackup("There is no portal in the database yet, so there is nothing to be backed up.")
    made_at = now.astimezone(UTC).isoformat(timespec="seconds")
    return Header(FORMAT, PRODUCT, version("tier0-portal"), made_at, engine, server, revision)


def shown(settings: Settings) -> dict[str, Any]:
    """The settings in force as an administrator may note them down: without passwords and keys."""
    return {PREFIX + item.name.upper(): _shown(item.name, getattr(settings, item.name)) for item in fields(settings)}


def _shown(name: str, value: Any) -> Any:
    """A setting's value without what must stay secret."""
    if isinstance(value, bool | int):
        return value
    if "secret" in name and not isinstance(value, Path):
        return "(set)" if value else ""
    if isinstance(value, tuple):
        return [_shown(name, each) for each in value]
    if isinstance(value, float):
        return value
    # The password of an address stands before its host, or among its options.
    return re.sub(r"(?i)(password=)[^&\s]*", r"\1***", re.sub(r"://.*@", "://***@", str(value or "")))


def _key(settings: Settings) -> bytes:
    """The keys of the portal, as they are written down; none where it has never been started."""
    if settings.secret_keys:
        return "".join(f"{key}\n" for key in settings.secret_keys).encode()
    path = key_files.key_file(settings)
    try:
        return path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise BadBackup(f"The secret key {path} cannot be read: {error.strerror}.") from None


def _add_folder(writer: Writer, prefix: str, folder: Path) -> None:
    """The files of a folder; hidden ones and links are left out, and those that go while it is read."""
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if any(part.startswith(".") for part in inner.parts) or path.is_symlink() or not path.is_file():
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise BadBackup(f"The file {path} cannot be read: {error.strerror}.") from None
        writer.add(prefix + inner.as_posix(), content)
