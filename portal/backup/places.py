"""Files that are being made: beside their place, for the owner alone, and swept away where their maker was killed."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def sync_folder(folder: Path) -> None:
    """Make sure that the names in a folder outlive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def draft(folder: Path, prefix: str) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file that only the owner reads, removed at the end unless it was moved; those of killed processes go, too."""
    for leftover in folder.glob(f"{prefix}*"):
        with suppress(OSError), leftover.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # Held as long as its maker lives.
            leftover.unlink()
    path = folder / f"{prefix}{secrets.token_hex(4)}"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield path, file
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def staging(folder: Path, prefix: str) -> Iterator[Path]:
    """A new folder that only the owner reads, removed at the end; those of killed processes go, too."""
    for leftover in folder.glob(f"{prefix}*"):
        with suppress(OSError), (leftover / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(leftover, ignore_errors=True)
    path = folder / f"{prefix}{secrets.token_hex(4)}"
    path.mkdir(mode=0o700)
    try:
        with (path / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
