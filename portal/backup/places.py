"""Files that are being made: beside their place, for the owner alone, and swept away where their maker was killed."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def _left(folder: Path, prefix: str) -> Iterator[Path]:
    """What killed processes have left; never what others may have laid into a folder that all can write, as /tmp is."""
    ours = {os.geteuid(), folder.stat().st_uid}
    for path in folder.glob(f"{prefix}*"):
        with suppress(OSError):
            if path.lstat().st_uid in ours:
                yield path


@contextmanager
def _held(path: Path, flags: int = 0) -> Iterator[BinaryIO]:
    """A file that is locked as long as its maker lives; links are not followed, and pipes not waited for.

    Raises:
        OSError: it cannot be opened, or somebody else holds it.
    """
    how = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | flags
    with os.fdopen(os.open(path, how, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


@contextmanager
def draft(folder: Path, prefix: str) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file that only the owner reads, removed at the end unless it was moved; those of killed processes go, too."""
    for leftover in _left(folder, prefix):
        with suppress(OSError), _held(leftover):
            leftover.unlink()
    path = folder / f"{prefix}{secrets.token_hex(4)}"
    with _held(path, os.O_CREAT | os.O_EXCL) as file:
        try:
            yield path, file
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def staging(folder: Path, prefix: str) -> Iterator[Path]:
    """A new folder that only the owner reads, removed at the end; those of killed processes go, too."""
    for leftover in _left(folder, prefix):
        with suppress(OSError), _held(leftover / "lock"):
            shutil.rmtree(leftover, ignore_errors=True)
        with suppress(OSError):
            leftover.rmdir()  # Its maker was killed before there was a lock.
    path = folder / f"{prefix}{secrets.token_hex(4)}"
    path.mkdir(mode=0o700)
    try:
        with _held(path / "lock", os.O_CREAT | os.O_EXCL):
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
