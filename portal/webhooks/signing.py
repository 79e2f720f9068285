"""Signatures as Standard Webhooks has them, with keys that are kept nowhere."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

#: For so long messages are signed with the secret before, too, after there is a new one.
OVERLAP = timedelta(hours=24)
_PREFIX = "whsec_"


@dataclass(frozen=True)
class Salts:
    """What the keys of a webhook follow from: the salt in force, and for a while the one before.

    They stand in one column: `new`, or `new before 1767225600` with the time of the change.
    """

    new: str
    before: str = ""
    changed_at: datetime | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """As the column has them."""
        new, *rest = text.split()
        if len(rest) != 2:
            return cls(new)
        return cls(new, rest[0], datetime.fromtimestamp(int(rest[1]), UTC))

    def __str__(self) -> str:
        """As the column has them; at most 64 characters."""
        return self.new if self.changed_at is None else f"{self.new} {self.before} {int(self.changed_at.timestamp())}"

    @classmethod
    def make(cls) -> Self:
        """Of a new webhook."""
        return cls(secrets.token_hex(12))

    def change(self, now: datetime) -> Self:
        """With a new one; what was before the one in force signs no more."""
        return type(self)(secrets.token_hex(12), self.new, now)

    def signing(self, now: datetime) -> list[str]:
        """Those that messages are signed with, the newest first."""
        return [self.new] if self.overlap_until(now) is None else [self.new, self.before]

    def overlap_until(self, now: datetime) -> datetime | None:
        """Until when the one before signs, too; None: it does not."""
        if self.changed_at is None or now >= self.changed_at + OVERLAP:
            return None
        return self.changed_at + OVERLAP


def key(instance_secret: bytes, salt: str) -> bytes:
    """The 32 bytes that messages of a webhook are signed with."""
    return hmac.new(instance_secret, f"webhook\0{salt}".encode(), hashlib.sha256).digest()


def shown(signing_key: bytes) -> str:
    """A key as receivers are given it."""
    return _PREFIX + base64.b64encode(signing_key).decode()


def read(text: str) -> bytes:
    """A key that is shown like that."""
    return base64.b64decode(text.removeprefix(_PREFIX), validate=True)


def sign(signing_key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of one key: `v1,` and the HMAC-SHA256 of `id.timestamp.body` in Base64."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(signing_key, content, hashlib.sha256).digest()).decode()


def headers(keys: list[bytes], message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a message; signed with each key, separated by blanks."""
    timestamp = int(now.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(each, message_id, timestamp, body) for each in keys),
    }
