"""Directories of index generations: each is written where nobody reads, checked, and never changed afterwards."""

import hashlib
import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from portal.disk import sync
from portal.errors import SearchUnavailable

_MANIFEST = "manifest.json"
#: How long a generation that has been replaced stays, in seconds; readers change over within one.
GRACE = 60


def begin(root: Path, name: str, previous: Path | None) -> Path:
    """A new generation's directory; it starts as a copy of the previous one.

    The engine never changes a file once it is written, so the copy is made of hard links where the file system
    has them.
    """
    directory = root / name
    directory.mkdir(parents=True, mode=0o700)
    if previous is not None:
        for path in sorted(previous.rglob("*")):
            target = directory / path.relative_to(previous)
            if path.is_dir():
                target.mkdir(exist_ok=True)
            elif path.name != _MANIFEST and not path.name.endswith("LOCK"):
                try:
                    os.link(path, target)
                except OSError:
                    shutil.copy2(path, target)
    return directory


def seal(directory: Path, previous: Path | None = None) -> None:
    """Bring a finished generation safely to disk, with a list of its files by which it can be checked.

    Args:
        directory: the generation.
        previous: the one that it began as a copy of; digests of shared files are taken over.
    """
    known: dict[int, str] = {}
    if previous is not None:
        old = json.loads((previous / _MANIFEST).read_text())
        known = {(previous / name).stat().st_ino: digest for name, digest in old.items() if (previous / name).exists()}
    manifest: dict[str, str] = {}
    for path in _files(directory):
        inode = path.stat().st_ino
        if inode not in known:
            sync(path)
        manifest[path.relative_to(directory).as_posix()] = known.get(inode) or _digest(path)
    target = directory / _MANIFEST
    target.write_text(json.dumps(manifest, indent=0, sort_keys=True))
    for path in (target, *(item for item in directory.rglob("*") if item.is_dir()), directory, directory.parent):
        sync(path)


def check(directory: Path, *, contents: bool = True) -> None:
    """Make sure that a generation is as it was sealed.

    Args:
        directory: the generation.
        contents: read the files too; otherwise only that they are there is checked.

    Raises:
        SearchUnavailable: a file is missing or differs; the message says which.
    """
    try:
        manifest = json.loads((directory / _MANIFEST).read_text())
        with ThreadPoolExecutor() as together:
            digests = together.map(_digest, map(directory.joinpath, manifest)) if contents else manifest.values()
            for (name, sealed), digest in zip(manifest.items(), digests, strict=True):
                if not (directory / name).is_file() or digest != sealed:
                    raise SearchUnavailable(f"the index file {name} is damaged")
    except (OSError, ValueError, AttributeError) as error:
        raise SearchUnavailable(f"the index is missing or damaged: {error}") from error


def sweep(root: Path, current: str, now: float | None = None) -> None:
    """Remove generations that nobody reads: all but the current one and those replaced a moment ago."""
    now = time.time() if now is None else now
    for directory in root.iterdir() if root.is_dir() else ():
        # A newer name is being written by somebody else, or was left by a process that was killed.
        if directory.name != current and now - directory.stat().st_mtime > GRACE:
            shutil.rmtree(directory, ignore_errors=True)


def size(directory: Path) -> int:
    """Bytes of a generation."""
    return sum(path.stat().st_size for path in _files(directory))


def _files(directory: Path) -> list[Path]:
    """A generation's files without locks and the manifest."""
    found = (path for path in directory.rglob("*") if path.is_file())
    return sorted(path for path in found if path.name != _MANIFEST and not path.name.endswith("LOCK"))


def _digest(path: Path) -> str:
    """What identifies a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
