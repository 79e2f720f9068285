"""The keys of a portal: the first signs, all are believed; how they are written down, and what follows from them."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

#: Least length of a key, in bytes.
LEAST = 32
#: Most keys that are kept at once.
MOST = 10
#: A line as the portal writes it: when the key was made, 32 bytes or more in Base64, and whether it is to sign next.
_DATED = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([A-Za-z0-9_-]{43,}={0,2})( next)?")


class SecretKeys(bytes):
    """The key that signs, as bytes; it knows the others that are believed.

    Whoever only makes something takes it for the bytes that it is; whoever checks something asks `believed`.
    """

    others: tuple[bytes, ...]

    def __new__(cls, first: bytes, others: Iterable[bytes] = ()) -> Self:
        """Keys of which the first signs; the others in the order in which they are written down."""
        made = super().__new__(cls, first)
        made.others = tuple(others)
        return made


@dataclass(frozen=True)
class Key:
    """One key as it is written down."""

    value: bytes
    #: When it was made; None where nobody has noted it.
    made: date | None = None
    #: Whether it is believed already so that it can sign soon.
    is_next: bool = False

    @property
    def name(self) -> str:
        """What it is called where people must tell keys apart; nothing follows from it."""
        return name(self.value)

    def __str__(self) -> str:
        """As a line of a file of keys."""
        text = base64.urlsafe_b64encode(self.value).decode().rstrip("=")
        return f"{(self.made or date(1970, 1, 1)).isoformat()} {text}{' next' if self.is_next else ''}"


def name(key: bytes) -> str:
    """Eight digits that stand for a key."""
    return hashlib.blake2b(key, digest_size=4, person=b"portal-key-name").hexdigest()


def believed(secret: bytes) -> tuple[bytes, ...]:
    """All keys that are believed, the one that signs first."""
    return (bytes(secret), *getattr(secret, "others", ()))


def mac(secret: bytes, message: bytes) -> bytes:
    """A keyed hash by the key that signs."""
    return hmac.new(secret, message, hashlib.sha256).digest()


def macs(secret: bytes, message: bytes) -> list[bytes]:
    """The keyed hashes by all keys that are believed, in their order."""
    return [hmac.new(key, message, hashlib.sha256).digest() for key in believed(secret)]


def is_any(given: str | bytes, expected: Iterable[str | bytes]) -> bool:
    """Whether something is one of what it may be, in a time that says nothing about them."""
    sent = given.encode("utf-8", "replace") if isinstance(given, str) else given
    found = False
    for each in expected:
        found |= hmac.compare_digest(sent, each.encode() if isinstance(each, str) else each)
    return found


def for_itsdangerous(secret: bytes) -> list[bytes]:
    """The keys as itsdangerous wants them: the last one signs."""
    return [*reversed(believed(secret))]


def read(content: bytes) -> list[Key]:
    """The keys of a file, or of a variable with commas made into line ends.

    A file is one key in plain bytes, or printable text with a key in each line. A line is a day, a blank and the key in
    Base64, as the portal writes it; or anything else without blanks, which is a key by itself. Empty lines and those
    that begin with `#` do not count.

    Raises:
        ValueError: what is wrong, as the end of a sentence.
    """
    lines = _lines(content)
    if not lines:
        return [_long_enough(Key(content), "")]
    found = [_line(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not found:
        raise ValueError("holds no key")
    if len(found) > MOST:
        raise ValueError(f"holds more than {MOST} keys; drop old ones")
    if len({key.value for key in found}) != len(found):
        raise ValueError("holds a key twice")
    return found


def _lines(content: bytes) -> list[str]:
    """The lines of a text; none where it is a key in plain bytes.

    Whoever writes a remark, in whatever language, or keeps a line as the portal wrote it, writes text.
    """
    try:
        lines = [line.strip() for line in content.decode().splitlines()]
    except UnicodeDecodeError:
        return []
    is_plain = all(line.isascii() and line.replace("\t", " ").isprintable() for line in lines)
    return lines if is_plain or any(line.startswith("#") or _DATED.fullmatch(line) for line in lines) else []


def _line(number: int, line: str) -> Key:
    """The key of a line."""
    where = f" in line {number}"
    if not line.isascii() or not line.replace("\t", " ").isprintable():
        raise ValueError(f"has a character that no key has{where}")
    if dated := _DATED.fullmatch(line):
        try:
            made = date.fromisoformat(dated[1])
            value = base64.b64decode(dated[2] + "=" * (-len(dated[2]) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise ValueError(f"has no day and key{where}") from None
        return _long_enough(Key(value, None if made == date(1970, 1, 1) else made, bool(dated[3])), where)
    if " " in line or "\t" in line:
        raise ValueError(f"has a blank within the key{where}")
    return _long_enough(Key(line.encode()), where)


def _long_enough(key: Key, where: str) -> Key:
    """A key, if it is one."""
    if len(key.value) < LEAST:
        raise ValueError(f"has a key of fewer than {LEAST} characters{where}")
    return key


def with_next(found: list[Key], new: Key) -> list[Key]:
    """The keys with a new one that is believed, and signs nothing yet; those that signed before stay behind it."""
    return [found[0], replace(new, is_next=True), *found[1:]]


def promoted(found: list[Key]) -> list[Key]:
    """The keys with the next one signing; all others are believed still."""
    coming = next(key for key in found if key.is_next)
    return [replace(coming, is_next=False), *(key for key in found if key is not coming)]


def together(keys: list[Key]) -> SecretKeys:
    """The keys as the product works with them."""
    return SecretKeys(keys[0].value, [key.value for key in keys[1:]])
