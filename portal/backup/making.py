"""Making a backup while the portal runs: written beside, checked, and only then given its name."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.exc import SQLAlchemyError

from portal.backup import sealing
from portal.backup.archive import BadBackup, Header, Manifest, Reader, Writer
from portal.backup.contents import contents_of
from portal.backup.places import draft
from portal.disk import sync
from portal.settings import Settings
from portal.storage import Database, audit

#: How archives are called; what else lies in their folder is never touched.
_NAME = re.compile(r"portal-\d{8}T\d{6}Z(?:-\d+)?\.tar\.gz(?:\.age|\.gpg)?")
_DRAFT = ".portal-backup-"
_UNBOUNDED = 2**62
_UNTRUE = "The backup that was written reads otherwise than it was written: the disk is not to be trusted."


@dataclass(frozen=True)
class Made:
    """A backup that has been made."""

    path: Path
    #: In bytes.
    size: int
    header: Header
    manifest: Manifest
    #: Older ones that had to go.
    removed: tuple[Path, ...]


def back_up(
    settings: Settings,
    folder: Path,
    now: datetime,
    *,
    recipients: Sequence[str] = (),
    keep: int | None = None,
    with_articles: bool = False,
) -> Made:
    """Write a new archive into a folder, and check it.

    Args:
        settings: of the portal, which may be running.
        folder: where to.
        now: the present moment.
        recipients: who can decrypt it, each `age:…` or `gpg:…`; without any it is plain.
        keep: how many archives stay, this one among them; None is all.
        with_articles: whether the articles' files are in it, too.

    Raises:
        BadBackup: it could not be made; nothing of it is left, and earlier ones are as they were.
    """
    tool = sealing.tool_of(recipients)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with draft(folder, _DRAFT) as (path, file), contents_of(settings, now) as contents:
            noting = sealing.Noting(file)
            with sealing.sealed(noting, recipients) as sink:
                writer = Writer(sink, contents.header, int(now.timestamp()))
                contents.write(writer, with_articles=with_articles)
                manifest = writer.finish(contents.counts)
            file.flush()
            os.fsync(file.fileno())
            _verify(path, noting, manifest, is_plain=not tool)
            final = _named(path, folder, now, ".tar.gz" + sealing.ENDINGS[tool])
        removed = _thinned(folder, final, keep)
    except OSError as error:
        message = f"The backup could not be written in {folder}: {error.strerror or error}."
        raise BadBackup(f"{message} Nothing of it is left, and earlier ones are as they were.") from error
    return Made(final, noting.size, contents.header, manifest, removed)


def tell(settings: Settings, made: Made, now: datetime) -> bool:
    """Tell the portal that it has a backup, for monitoring and administrators; whether that could be kept.

    It is a row of the audit log, beside the backup: one that cannot be told of is a backup all the same.
    """
    database = Database(settings.database)
    try:
        with database.write() as connection:
            audit.record(connection, now, None, "make", "backup", made.path.name, {}, {}, actor_name="portal backup")
    except (SQLAlchemyError, OSError):
        return False
    finally:
        database.close()
    return True


def _named(path: Path, folder: Path, now: datetime, ending: str) -> Path:
    """Give a finished archive a name that no other has."""
    stem, number = f"portal-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}", 0
    while True:
        final = folder / f"{stem}{f'-{number}' if number else ''}{ending}"
        if not final.exists():
            path.rename(final)
            sync(folder)
            return final
        number += 1


def _thinned(folder: Path, newest: Path, keep: int | None) -> tuple[Path, ...]:
    """Remove the oldest archives but some; never the newest."""
    if keep is None:
        return ()
    known = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path != newest and path.is_file()]
    old = sorted(known, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)[max(keep - 1, 0) :]
    for path in old:
        path.unlink(missing_ok=True)
    return tuple(old)


def _verify(path: Path, noting: sealing.Noting, manifest: Manifest, *, is_plain: bool) -> None:
    """Read the archive again, from the disk where the system lets us, and compare every byte.

    The database in it was checked before it was packed; its sums say that it is the same.
    """
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        again = _Passing(file)
        if is_plain:
            try:
                found = Reader(again, _UNBOUNDED).read(_exhaust, lambda _header: None)
            except BadBackup as error:
                raise BadBackup(_UNTRUE) from error
            if found != manifest:
                raise BadBackup(_UNTRUE)
        while again.read(2**20):
            pass
    if (again.noting.sha256, again.noting.size) != (noting.sha256, noting.size):
        raise BadBackup(_UNTRUE)


class _Passing:
    """A file whose bytes are noted as they are read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.noting = sealing.Noting()

    def read(self, size: int = -1, /) -> bytes:
        """Some more."""
        found = self._file.read(size)
        self.noting.write(found)
        return found


def _exhaust(_name: str, chunks: Iterator[bytes]) -> None:
    """Read a member."""
    for _ in chunks:
        pass
