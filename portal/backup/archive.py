"""The archive of a backup: a compressed tar that any system unpacks, written in one pass and read with suspicion."""

import gzip
import hashlib
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, TypeVar

import msgspec

from portal.errors import PortalError

#: Changes when earlier code could not read what is written.
FORMAT = 1
#: First and last member.
HEADER, MANIFEST = "backup.json", "manifest.json"
#: A database is cut into pieces of this size, which `cat` joins again, in bytes.
PART = 16 * 1024 * 1024
#: Bounds of what is read: members, bytes of one, of the two that are JSON, and of a name.
MAX_MEMBERS, MAX_MEMBER, MAX_JSON, MAX_NAME = 500_000, 256 * 1024 * 1024, 128 * 1024 * 1024, 255
_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1024 * 1024
#: What a backup may hold, and nothing else.
_NAMES = re.compile(
    r"backup\.json|manifest\.json|settings\.json|(?:portal\.db|database\.dump)\.\d{6}"
    r"|secrets/[A-Za-z0-9_-][A-Za-z0-9._-]*|(?:mail|articles)/.+"
)


class BadBackup(PortalError):
    """A backup could not be made, or one that was given cannot be used; the message is one plain sentence."""


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup is of; its first member, so that who reads on knows whether to."""

    format: int
    product: str
    #: Of the portal that made it.
    version: str
    made_at: str
    #: `sqlite` or `postgresql`, and its version.
    engine: str
    server: str
    #: The schema's.
    revision: str


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One member, its size in bytes and SHA-256."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be in a backup; its last member."""

    members: list[Entry]
    #: Rows of each table.
    counts: dict[str, int]


_Value = TypeVar("_Value", Header, Manifest)


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int | None:
        """Take some."""


class Source(Protocol):
    """Where bytes come from."""

    def read(self, size: int, /) -> bytes:
        """At most so many; none at the end."""


class Writer:
    """Writes an archive.

    Args:
        sink: where to.
        header: what it is of.
        at: seconds since 1970 that its members are said to be of.
    """

    def __init__(self, sink: Sink, header: Header, at: int) -> None:
        self._pack = gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=6, mtime=at)  # type: ignore[call-overload]
        self._at = at
        self._entries: list[Entry] = []
        self.add(HEADER, msgspec.json.format(msgspec.json.encode(header)) + b"\n")

    def add(self, name: str, content: bytes) -> None:
        """One more member.

        Raises:
            BadBackup: its name cannot stand in an archive, or nobody could read it there.
        """
        is_last = name == MANIFEST
        if len(content) > (MAX_JSON if is_last else MAX_MEMBER) or len(self._entries) >= MAX_MEMBERS - (not is_last):
            raise BadBackup(
                f"The backup would be refused when it is restored: {name} is larger than {MAX_MEMBER >> 20} MiB, or there "
                f"are more than {MAX_MEMBERS:,} files."
            )
        try:
            check_name(name)
            block = tarfile.TarInfo(name)
            block.size, block.mode, block.mtime = len(content), 0o600, self._at
            head = block.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
        except (ValueError, UnicodeError):
            raise BadBackup(f"The name {name!r} cannot stand in a backup; rename the file.") from None
        self._pack.write(head + content + b"\0" * (-len(content) % _BLOCK))
        self._entries.append(Entry(name, len(content), hashlib.sha256(content).hexdigest()))

    def add_parts(self, name: str, chunks: Iterator[bytes]) -> None:
        """A member of any size, cut into parts `NAME.000001`, `NAME.000002`, …"""
        number, waiting = 0, bytearray()
        for chunk in chunks:
            waiting += chunk
            while len(waiting) >= PART:
                number += 1
                self.add(f"{name}.{number:06}", bytes(waiting[:PART]))
                del waiting[:PART]
        if waiting or not number:
            self.add(f"{name}.{number + 1:06}", bytes(waiting))

    def finish(self, counts: dict[str, int]) -> Manifest:
        """End the archive with its manifest."""
        manifest = Manifest(list(self._entries), counts)
        self.add(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        self._pack.write(b"\0" * 2 * _BLOCK)
        self._pack.close()
        return manifest


def check_name(name: str) -> None:
    """Make sure that a member's name stays where it is unpacked.

    Raises:
        ValueError: it does not, or is none of a backup's.
    """
    parts = name.split("/")
    if not _NAMES.fullmatch(name) or not name.isprintable() or "\\" in name:
        raise ValueError(name)
    if any(part in {"", ".", ".."} or len(part.encode()) > MAX_NAME for part in parts):
        raise ValueError(name)


class Reader:
    """Reads an archive from front to end and believes nothing that it says.

    Args:
        source: the compressed bytes.
        room: how many bytes may come out at most, all members together.
    """

    def __init__(self, source: Source, room: int) -> None:
        self._unpack: BinaryIO = gzip.GzipFile(fileobj=source, mode="rb")  # type: ignore[call-overload]
        self._room = room
        self._seen: dict[str, Entry] = {}
        self.header: Header | None = None
        self.manifest: Manifest | None = None

    def read(self, take: Callable[[str, Iterator[bytes]], None], admit: Callable[[Header], None]) -> Manifest:
        """Read everything; afterwards all of it is what the manifest says.

        Args:
            take: is given each member but header and manifest, and reads all of its bytes.
            admit: is given the header before anything else is read; raises where the backup cannot be used.

        Raises:
            BadBackup: the archive is cut off, altered, hostile or none.
        """
        try:
            while (block := self._exactly(_BLOCK)) != b"\0" * _BLOCK:
                self._member(tarfile.TarInfo.frombuf(block, "utf-8", "strict"), take, admit)
            self._exactly(_BLOCK)
            if self._unpack.read(1):
                raise BadBackup("The backup is damaged: something follows its end.")
        except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.HeaderError, UnicodeError) as error:
            raise BadBackup(f"The backup is damaged or cut off: {str(error) or type(error).__name__}.") from None
        return self._proven()

    def _member(
        self, block: tarfile.TarInfo, take: Callable[[str, Iterator[bytes]], None], admit: Callable[[Header], None]
    ) -> None:
        """Read one member."""
        name = _admitted(block)
        if name in self._seen or self.manifest is not None or len(self._seen) >= MAX_MEMBERS:
            raise BadBackup(f"The backup is refused: {name!r} should not be in it.")
        self._room -= block.size
        if self._room < 0:
            raise BadBackup("The backup is refused: there is no room for all that is in it.")
        if (name == HEADER) == bool(self._seen):
            raise BadBackup("The backup is refused: it does not begin with what it is of.")
        if name in {HEADER, MANIFEST} and block.size > MAX_JSON:
            raise BadBackup(f"The backup is refused: {name} is too large.")
        kept = b"".join(self._chunks(name, block.size)) if name in {HEADER, MANIFEST} else b""
        if name == HEADER:
            self.header = _decoded(kept, Header, name)
            admit(self.header)
        elif name == MANIFEST:
            self.manifest = _decoded(kept, Manifest, name)
        else:
            take(name, self._chunks(name, block.size))
        self._exactly(-block.size % _BLOCK)

    def _chunks(self, name: str, size: int) -> Iterator[bytes]:
        """The bytes of a member, noted as they pass."""
        digest, left = hashlib.sha256(), size
        while left:
            chunk = self._unpack.read(min(left, _CHUNK))
            if not chunk:
                raise EOFError("it ends in the middle")
            digest.update(chunk)
            left -= len(chunk)
            yield chunk
        self._seen[name] = Entry(name, size, digest.hexdigest())

    def _exactly(self, size: int) -> bytes:
        """The next bytes, all of them."""
        found = b""
        while len(found) < size:
            chunk = self._unpack.read(size - len(found))
            if not chunk:
                raise EOFError("it ends in the middle")
            found += chunk
        return found

    def _proven(self) -> Manifest:
        """The manifest, if it tells of exactly what was read."""
        if self.manifest is None:
            raise BadBackup("The backup is damaged: its manifest is missing.")
        told = {entry.name: entry for entry in self.manifest.members}
        read = {name: entry for name, entry in self._seen.items() if name != MANIFEST}
        wrong = sorted(name for name in {*told, *read} if told.get(name) != read.get(name))
        if wrong:
            raise BadBackup(f"The backup is damaged: {wrong[0]} is not what was backed up.")
        return self.manifest


def _admitted(block: tarfile.TarInfo) -> str:
    """The name of a member that is a plain file in its place."""
    try:
        check_name(block.name)
    except ValueError:
        raise BadBackup(f"The backup is refused: {block.name[:80]!r} has no place in it.") from None
    if block.type != tarfile.REGTYPE:
        raise BadBackup(f"The backup is refused: {block.name[:80]!r} is no plain file.")
    if not 0 <= block.size <= MAX_MEMBER:
        raise BadBackup(f"The backup is refused: {block.name[:80]!r} is too large.")
    return block.name


def _decoded(content: bytes, shape: type[_Value], name: str) -> _Value:
    """A member of JSON as a value."""
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadBackup(f"The backup is damaged: {name} cannot be read.") from None
