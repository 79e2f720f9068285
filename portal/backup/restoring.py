"""Restoring a backup: everything is read and checked beside its place before anything there changes."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from portal.backup import postgresql, sealing, sqlite
from portal.backup.archive import FORMAT, BadBackup, Header, Manifest, Reader
from portal.backup.contents import PRODUCT
from portal.backup.places import staging
from portal.backup.placing import Placing, file_of
from portal.settings import Settings
from portal.storage import Database, migration, prepare_folder, reachable

_STAGING = ".restore-"
#: Room that is left on the disk, in bytes.
_RESERVE = 16 * 1024 * 1024


@dataclass(frozen=True)
class Restored:
    """What has been restored, or has been found to be whole."""

    header: Header
    manifest: Manifest
    #: The schema now.
    revision: str
    #: Where what was there before is kept; None where there was nothing, or nothing had to be kept.
    before: Path | None
    #: What the administrator has to know besides, as sentences.
    notes: tuple[str, ...]


def check(source: Path, identity: Path | None, place: Path) -> Restored:
    """Read a backup and find out whether it is whole; nothing is restored.

    Args:
        source: the backup.
        identity: file of the secret key, for age.
        place: folder for what is unpacked meanwhile.

    Raises:
        BadBackup: it is not.
    """
    try:
        with staging(place, _STAGING) as folder:
            header, manifest = _unpacked(source, identity, folder, _known)
            _check_database(header, manifest, folder, None)
            return Restored(header, manifest, header.revision, None, ())
    except OSError as error:
        raise BadBackup(f"The backup could not be unpacked in {place}: {error.strerror or error}.") from error


def restore(
    source: Path,
    settings: Settings,
    now: datetime,
    *,
    identity: Path | None = None,
    is_replacing: bool = False,
    with_articles: bool = False,
) -> Restored:
    """Bring a backup into an instance folder and its database.

    Args:
        source: the backup.
        settings: of the portal that it becomes; that one is not running.
        now: the present moment.
        identity: file of the secret key, for age.
        is_replacing: whether something may be there already; it is kept beside.
        with_articles: whether the articles' files are restored, too.

    Raises:
        BadBackup: it is refused, and nothing has changed.
        CannotStart: folder or database cannot be used.
    """
    prepare_folder(settings.data)
    database = Database(settings.database)
    try:
        with _alone(settings.data):
            if not database.is_sqlite:
                reachable(database)
            _refuse_what_is_there(settings, database, is_replacing=is_replacing, with_articles=with_articles)
            engine = "sqlite" if database.is_sqlite else "postgresql"
            with staging(settings.data, _STAGING) as folder:
                header, manifest = _unpacked(source, identity, folder, lambda header: _known(header, engine))
                _check_database(header, manifest, folder, database)
                placing = Placing(folder, settings, database, now)
                placing.database(manifest.counts, header.revision)
                notes = placing.files(with_articles=with_articles)
            revision = migration.revision(database) or ""
            return Restored(header, manifest, revision, placing.before, notes)
    except OSError as error:
        raise BadBackup(
            f"The backup could not be restored: {error.strerror or error}. Mend that, and do it again."
        ) from error
    finally:
        database.close()


@contextmanager
def _alone(data: Path) -> Iterator[IO[str]]:
    """Hold the instance folder, so that no portal starts there meanwhile.

    Raises:
        BadBackup: one is running.
    """
    with (data / "serve.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadBackup(f"A portal is running in {data}. Stop it first: systemctl stop portal.") from None
        yield lock


def _refuse_what_is_there(settings: Settings, database: Database, *, is_replacing: bool, with_articles: bool) -> None:
    """Make sure that nothing is overwritten by mistake.

    Raises:
        BadBackup: names what is there.
    """
    if with_articles and settings.articles.exists() and any(settings.articles.iterdir()):
        raise BadBackup(f"There are articles in {settings.articles}. Name an empty folder with --articles.")
    found = ""
    if database.is_sqlite:
        path = file_of(database)
        found = str(path) if path.exists() else ""
    else:
        with database.read() as connection:
            found = "the database" if postgresql.tables(connection) else ""
            if found:
                postgresql.refuse_others(connection)
    if not found and (settings.data / "secret.key").exists():
        found = str(settings.data / "secret.key")
    if found and not is_replacing:
        raise BadBackup(f"There is a portal already: {found}. With --replace it is kept beside and replaced.")
    if database.is_sqlite and file_of(database).exists():
        sqlite.settle(file_of(database))


def _known(header: Header, engine: str = "") -> None:
    """Make sure that this version can do something with a backup.

    Raises:
        BadBackup: it cannot.
    """
    if header.product != PRODUCT or header.engine not in {"sqlite", "postgresql"}:
        raise BadBackup("This is no backup of a portal.")
    if header.format > FORMAT or header.revision not in migration.revisions():
        raise BadBackup(
            f"The backup was made by a newer version of the portal, {header.version} (schema {header.revision}). "
            "Install that version or a later one."
        )
    if engine and header.engine != engine:
        names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
        raise BadBackup(
            f"The backup is of {names[header.engine]}, and the database named here is {names[engine]}. "
            f"Restore it into {names[header.engine]}, then bring it over with portal db copy."
        )


def _unpacked(
    source: Path, identity: Path | None, folder: Path, admit: Callable[[Header], None]
) -> tuple[Header, Manifest]:
    """Unpack a backup into a folder; all of it is what the manifest says."""

    def take(name: str, chunks: Iterator[bytes]) -> None:
        # The parts of a database are joined as they come; the archive's order is theirs.
        is_part = name.startswith((f"{sqlite.NAME}.", f"{postgresql.NAME}."))
        path = folder / (name.rpartition(".")[0] if is_part else name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    with sealing.opened(source, identity) as stream:
        reader = Reader(stream, _room(folder))
        manifest = reader.read(take, admit)
    assert reader.header is not None
    _check_order(manifest)
    return reader.header, manifest


def _room(folder: Path) -> int:
    """How much a backup may come to, in bytes."""
    return shutil.disk_usage(folder).free - _RESERVE


def _check_order(manifest: Manifest) -> None:
    """Make sure that the parts of the database came in their order and without a hole."""
    parts = [
        entry.name for entry in manifest.members if entry.name.startswith((f"{sqlite.NAME}.", f"{postgresql.NAME}."))
    ]
    stems = {name.rpartition(".")[0] for name in parts}
    if len(stems) != 1 or parts != [f"{next(iter(stems))}.{number:06}" for number in range(1, len(parts) + 1)]:
        raise BadBackup("The backup is damaged: parts of the database are missing or out of order.")


def _check_database(header: Header, manifest: Manifest, folder: Path, database: Database | None) -> None:
    """Make sure that the unpacked database is whole and has all rows."""
    name = sqlite.NAME if header.engine == "sqlite" else postgresql.NAME
    if not (folder / name).is_file():
        raise BadBackup("The backup is damaged: there is no database in it.")
    if header.engine == "sqlite":
        found, revision = sqlite.checked(folder / name), sqlite.revision(folder / name)
    else:
        server = header.server
        if database is not None:
            with database.read() as connection:
                server = postgresql.server_version(connection)
        found, revision = postgresql.checked(folder / name, postgresql.programs(server))
    if revision != header.revision:
        raise BadBackup("The backup is damaged: its database has another schema than it says.")
    postgresql.compare(manifest.counts, found)
