"""What was unpacked and checked takes its place; what was there before is kept beside it."""

import os
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from sqlalchemy.engine import make_url

from portal import key_files
from portal.backup import postgresql, sqlite
from portal.backup.archive import BadBackup
from portal.backup.contents import ARTICLES, KEY, MAIL, SETTINGS
from portal.disk import sync
from portal.settings import Settings
from portal.storage import Database, migration


def file_of(database: Database) -> Path:
    """The file of an SQLite database; links lead to it."""
    return Path(make_url(database.url).database or "").resolve()


class Placing:
    """Puts an unpacked backup into its place.

    Args:
        folder: where it has been unpacked, inside the instance folder.
        settings: of the portal that it becomes.
        database: its database.
        now: the present moment; names the folder of what was there before.
    """

    def __init__(self, folder: Path, settings: Settings, database: Database, now: datetime) -> None:
        self._folder, self._settings, self._database = folder, settings, database
        self._data = settings.data
        name = f"before-restore-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        names = (name if number == 0 else f"{name}-{number}" for number in count())
        self._before = next(path for path in map(self._data.joinpath, names) if not path.exists())

    @property
    def before(self) -> Path | None:
        """Where what was there before is kept; None where nothing was."""
        return self._before if self._before.exists() else None

    def database(self, counts: dict[str, int], revision: str) -> None:
        """Replace the database at once, with all rows and this version's schema.

        Raises:
            BadBackup: it could not be done; the database is as it was.
            CannotStart: it could not be migrated.
        """
        if self._database.is_sqlite:
            self._file(counts, revision)
        else:
            self._server(counts)

    def _file(self, counts: dict[str, int], revision: str) -> None:
        """Put the file of an SQLite database into its place."""
        staged, target = self._folder / sqlite.NAME, file_of(self._database)
        if revision != migration.newest():
            copy = Database(f"sqlite:///{staged}")
            try:
                migration.upgrade(copy)
            finally:
                copy.close()
            sqlite.settle(staged)
            counts = sqlite.checked(staged)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            sqlite.settle(target)  # What is damaged stays as it is.
        if target.parent.resolve() != self._data.resolve():  # Perhaps another disk.
            staged = _brought(staged, target.with_name(f".restore-{target.name}"))
        sync(staged)
        for ending in ("", "-wal", "-shm"):
            self._keep(target.with_name(target.name + ending))
        # From here on the old file stands for itself: a log that is left would be taken for the new one's.
        for ending in ("-wal", "-shm"):
            target.with_name(target.name + ending).unlink(missing_ok=True)
        self._own(staged)
        staged.replace(target)
        sync(target.parent)
        postgresql.compare(counts, sqlite.checked(target))

    def _server(self, counts: dict[str, int]) -> None:
        """Let PostgreSQL replace its tables in one transaction."""
        with self._database.read() as connection:
            there = postgresql.tables(connection)
            server = postgresql.server_version(connection)
            if there:  # Once more: to unpack it has taken its time.
                postgresql.refuse_others(connection)
        if strange := sorted(set(there) - set(counts)):
            raise BadBackup(
                f"The database has tables that are not in the backup, such as {strange[0]}: it is newer, or not the "
                "portal's alone. Make an empty database (createdb) and name that one; this one stays as it is."
            )
        dump = self._folder / postgresql.NAME
        tools = postgresql.programs(server)
        postgresql.restored(self._settings.database, dump, tools, is_replacing=bool(there))
        with self._database.read() as connection:
            postgresql.compare(counts, postgresql.counted(connection))
        migration.upgrade(self._database)

    def files(self, *, with_articles: bool) -> tuple[str, ...]:
        """Place everything but the database; gives what the administrator has to know."""
        notes = [*self._key(), *self._articles(with_articles=with_articles)]
        mail = self._folder / MAIL.rstrip("/")
        if mail.is_dir():
            self._move_away(self._data / mail.name)
            for name in ("new", "cur", "tmp"):
                (mail / name).mkdir(mode=0o700, exist_ok=True)
            self._own(mail)
            mail.rename(self._data / mail.name)
        if (note := self._folder / SETTINGS).is_file():
            self._own(note)
            note.replace(self._data / "settings-at-backup.json")
        self._own(self._data / "serve.lock")
        sync(self._data)
        return tuple(notes)

    def _key(self) -> list[str]:
        """Place the keys, where this instance keeps its own."""
        staged, settings = self._folder / KEY, self._settings
        if not staged.is_file():
            return ["The backup holds no secret key: everybody is signed out."]
        target = self._data / "secret.key"
        self._own(staged)
        sync(staged)
        if not settings.secret_keys and not settings.secret_key_file:
            self._keep(target)
            staged.replace(target)
            return []
        named = "PORTAL_SECRET_KEYS" if settings.secret_keys else str(settings.secret_key_file)
        with suppress(OSError):
            there = "".join(f"{key}\n" for key in settings.secret_keys).encode()
            if staged.read_bytes() == (there or key_files.key_file(settings).read_bytes()):
                return []
        aside = self._data / "secret.key.from-backup"
        staged.replace(aside)
        return [f"{named} holds other keys than the backup. The backup's are in {aside}: put them in their place."]

    def _articles(self, *, with_articles: bool) -> list[str]:
        """Place the articles, where that is wanted."""
        staged = self._folder / ARTICLES.rstrip("/")
        if not with_articles:
            return (
                ["The articles in the backup were left out; --with-articles restores them."] if staged.is_dir() else []
            )
        if not staged.is_dir():
            return ["The backup holds no articles."]
        # The writers' files are nobody's secret.
        shutil.copytree(staged, self._settings.articles, copy_function=shutil.copyfile, dirs_exist_ok=True)
        for path in (self._settings.articles, *self._settings.articles.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
            self._own(path)
        return []

    def _keep(self, path: Path) -> None:
        """Let a file of before stand in the folder of what was before, too."""
        if path.exists():
            self._before.mkdir(mode=0o700, exist_ok=True)
            self._own(self._before)
            try:
                (self._before / path.name).hardlink_to(path)
            except OSError:  # Another disk, or one without links.
                shutil.copy2(path, self._before / path.name)
            sync(self._before)

    def _move_away(self, path: Path) -> None:
        """Move a folder of before into the folder of what was before."""
        if path.exists():
            self._before.mkdir(mode=0o700, exist_ok=True)
            self._own(self._before)
            path.rename(self._before / path.name)

    def _own(self, path: Path) -> None:
        """Give something to whom the instance folder belongs, where root restores it for them."""
        if os.geteuid() == 0 and path.exists():
            owner = self._data.stat()
            for each in (path, *path.rglob("*")):
                os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _brought(source: Path, place: Path) -> Path:
    """A copy of a file in another folder, which its owner alone can read; nothing is left of one that fails."""
    place.unlink(missing_ok=True)  # Of a restore that was killed.
    try:
        with (
            source.open("rb") as file,
            os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy,
        ):
            shutil.copyfileobj(file, copy, 2**20)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return place
