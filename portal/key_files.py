"""Where the keys of a portal are kept: a variable, a file that several machines share, or one that is made here."""

import os
import secrets
import tempfile
from datetime import date
from pathlib import Path

from portal import keys
from portal.disk import sync
from portal.errors import CannotStart
from portal.keys import Key, SecretKeys
from portal.settings import Settings

#: Longest file that is read, in bytes.
_LONGEST = 8192
#: What the command writes above the keys.
_HEAD = (
    "# Keys of the portal: the first line signs, the others are believed. Keep it secret. See docs/several-nodes.md.\n"
)


def key_file(settings: Settings) -> Path:
    """The file of the keys."""
    return settings.secret_key_file or settings.data / "secret.key"


def load(settings: Settings) -> SecretKeys:
    """The keys in force; made where there are none and nobody has said where they are.

    Raises:
        CannotStart: they can be neither read nor made.
    """
    return keys.together(written(settings))


def written(settings: Settings) -> list[Key]:
    """The keys as they are written down; see `load`.

    Raises:
        CannotStart: see `load`.
    """
    if settings.secret_keys:
        return _read("PORTAL_SECRET_KEYS", "\n".join(settings.secret_keys).encode())
    path = key_file(settings)
    if not settings.secret_key_file:
        _make(path)
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise CannotStart(f"The secret key {path} cannot be read: {error.strerror}.") from error
    if not settings.secret_key_file and len(content) < keys.LEAST:
        raise CannotStart(f"The secret key {path} is too short; restore it, or remove it to sign everybody out.")
    return _read(str(path), content)


def _read(where: str, content: bytes) -> list[Key]:
    """The keys of a text; what is wrong is said without any of them."""
    if len(content) > _LONGEST:
        raise CannotStart(f"{where} is too long to be keys.")
    try:
        return keys.read(content)
    except ValueError as wrong:
        raise CannotStart(f"{where} {wrong}.") from None


def new_key(today: date) -> Key:
    """A new key of 32 random bytes."""
    return Key(secrets.token_bytes(32), today)


def _make(path: Path) -> None:
    """Make the first key where there is none: 32 random bytes in a file that only the owner reads."""
    try:
        if path.exists():
            return
        # Written beside and linked, so that of two processes one wins and none reads half a key.
        draft = _beside(path, secrets.token_bytes(32))
        try:
            os.link(draft, path)
            sync(path.parent)  # What is signed now must be believed after a power failure.
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise CannotStart(f"The secret key {path} cannot be read or made: {error.strerror}.") from error


def store(path: Path, found: list[Key]) -> None:
    """Write keys into their file, wholly or not at all; its owner, and who may read it, stay, and so do links to it.

    Raises:
        CannotStart: the file or its folder cannot be written.
    """
    try:
        path = path.resolve(strict=True)
        before = path.stat()
        draft = _beside(path, (_HEAD + "".join(f"{key}\n" for key in found)).encode())
        try:
            if os.geteuid() == 0:
                os.chown(draft, before.st_uid, before.st_gid)
            draft.chmod(before.st_mode & 0o640)
            draft.replace(path)
            sync(path.parent)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise CannotStart(f"The keys {path} cannot be written: {error.strerror}.") from error


def _beside(path: Path, content: bytes) -> Path:
    """A new file beside another, complete on the disk; only the owner reads it."""
    descriptor, draft = tempfile.mkstemp(prefix=".secret-", dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(draft)
