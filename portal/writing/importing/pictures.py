"""The images of an import: read within bounds, proved to be what they are called, named so that none hides another."""

import hashlib
import re
import unicodedata
from pathlib import Path, PurePosixPath

from portal.writing.exporting import drawings
from portal.writing.exporting.selection import IMAGE_TYPES
from portal.writing.importing.sources import Refused, read_bytes

__all__ = ["IMAGE_TYPES", "MAX_IMAGE", "Pictures"]

#: Largest image, and all of them together, in bytes.
MAX_IMAGE, MAX_TOGETHER = 8 * 1024 * 1024, 2 * 1024 * 1024 * 1024
#: How the files of each kind begin.
_BEGINNINGS = {
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".gif": (b"GIF87a", b"GIF89a"),
    ".webp": (b"RIFF",),
    ".avif": (b"\x00\x00\x00",),
}


class Pictures:
    """The images that imported articles show.

    Args:
        folder: what is imported.
        there: folder of the images that are there already.
        is_overwriting: whether an image that is there may be replaced by another of its name.
    """

    def __init__(self, folder: Path, there: Path, *, is_overwriting: bool) -> None:
        self._folder, self._there, self._is_overwriting = folder, there, is_overwriting
        self._names: dict[str, tuple[str, str]] = {}
        #: Path below the folder by name, of those that are to be written.
        self.wanted: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        self._together = 0

    def take(self, path: str) -> tuple[str, str]:
        """The name that an image gets; empty, with a reason, where it is refused.

        Args:
            path: below the folder.
        """
        if path not in self._names:
            self._names[path] = self._take(path)
        return self._names[path]

    def read(self, name: str) -> bytes:
        """The image that gets a name.

        Raises:
            Refused: it cannot be read any more.
        """
        return read_bytes(self._folder / self.wanted[name], MAX_IMAGE)

    def _take(self, path: str) -> tuple[str, str]:
        """See `take`."""
        file = self._folder / path
        try:
            if not file.resolve(strict=True).is_relative_to(self._folder.resolve()):
                return "", "is a link that leads out of the folder"
            raw = read_bytes(file, MAX_IMAGE)
        except (OSError, RuntimeError):
            return "", "cannot be read"
        except Refused as error:
            return "", f"is refused: {error}"
        self._together += len(raw)
        if self._together > MAX_TOGETHER:
            return "", f"is refused: all images together have more than {MAX_TOGETHER} bytes"
        if reason := _fault(raw, PurePosixPath(path).suffix.lower()):
            return "", reason
        return self._named(path, raw), ""

    def _named(self, path: str, raw: bytes) -> str:
        """A name that no other image has; the same image keeps the name it has."""
        digest = hashlib.sha256(raw).hexdigest()
        place = PurePosixPath(path)
        stem, ending = place.stem, place.suffix
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}", place.name):
            stem, ending = _plain(stem), ending.lower()
        number = 1
        while True:
            name = f"{stem}{f'-{number}' if number > 1 else ''}{ending}"
            if self._digests.setdefault(name, self._digest_there(name) or digest) == digest:
                if self._digest_there(name) != digest:
                    self.wanted[name] = path
                return name
            number += 1

    def _digest_there(self, name: str) -> str:
        """What identifies the image of a name that is there; empty where none is, or where it may be replaced."""
        if self._is_overwriting:
            return ""
        try:
            return hashlib.sha256(read_bytes(self._there / name, MAX_IMAGE)).hexdigest()
        except Refused:
            return "" if not (self._there / name).exists() else "unreadable"


def _plain(stem: str) -> str:
    """A name of Latin letters, digits and hyphens."""
    apart = unicodedata.normalize("NFKD", stem)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", "".join(sign for sign in apart if not unicodedata.combining(sign)))
    return name.strip("-_")[:80] or "image"


def _fault(raw: bytes, suffix: str) -> str:
    """Why a file is not taken for an image; empty where it is."""
    if suffix == ".svg":
        reason = drawings.fault(raw)
        return f"is no drawing that only draws: it {reason}" if reason else ""
    if not raw.startswith(_BEGINNINGS[suffix]):
        return f"is called {suffix}, and is something else"
    return ""
