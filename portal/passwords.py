"""Passwords and keys: what is stored of them are hashes, from which nobody gets them back."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.errors import InvalidInput
from portal.people import Person, check_password

#: Longest password, in characters; see `people.check_password`.
PASSWORD_MOST = 200

#: What people who work here would try first; `docs/security.md` says more.
TRADE = (
    "portal", "tier0", "helpdesk", "servicedesk", "help", "support", "service", "desk", "centre", "center", "admin",
    "administrator", "agent", "supervisor", "writer", "password", "passwort", "motdepasse", "пароль", "kennwort",
    "welcome", "willkommen", "bienvenue", "qwerty", "qwertz", "azerty", "letmein", "changeme", "secret", "login",
    "поддержка", "администратор",
)  # fmt: skip
#: Bytes of each entry of the list of common passwords.
PREFIX = 6

#: OWASP's minimum for Argon2id: 2 passes over 19 MiB, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def _chance(length: int) -> str:
    """Bytes that nobody chose, as a stored hash has them."""
    return base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")


#: Verified where there is no such account, so that the answer takes as long; it is no password's hash.
_NOBODY = (
    f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    f"${_chance(_HASHER.salt_len)}${_chance(_HASHER.hash_len)}"
)


def hashed(password: str) -> str:
    """What is stored of a password; slow on purpose."""
    return _HASHER.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether a password belongs to a stored hash; None takes as long, and is never right.

    What is too long to be a password costs nothing.
    """
    try:
        return len(password) <= PASSWORD_MOST and _HASHER.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def rehashed(stored: str, password: str) -> str | None:
    """What is to be stored of a right password from now on; None where it was made with the parameters of today."""
    return hashed(password) if _HASHER.check_needs_rehash(stored) else None


def key_hash(text: str) -> str:
    """What is stored of a session's key or an address; quick, for keys that nobody can guess."""
    return hashlib.sha256(text.encode()).hexdigest()


def check_new(password: str, person: Person, words: Iterable[str] = ()) -> None:
    """Refuse a new password that is easy to guess, or that many people have had.

    Args:
        password: as typed.
        person: whose it shall be.
        words: names of this portal.

    Raises:
        InvalidInput: `too_short`, `too_long` or `too_common`.
    """
    check_password(password, known_words(person, words))
    if hashlib.sha256(password.lower().encode()).digest()[:PREFIX] in _common():
        raise InvalidInput("password", "too_common")


def known_words(person: Person, words: Iterable[str] = ()) -> tuple[str, ...]:
    """What does not count as a part of a person's password: names of theirs, of the portal and of its trade."""
    names = person.email, person.name, *words
    parts = (part for name in names for part in re.split(r"[\W_]+", name))
    return *names, *parts, *TRADE


@cache
def _common() -> frozenset[bytes]:
    """Beginnings of the SHA-256 of common passwords in lower case."""
    found = Path(__file__).with_name("common_passwords.bin").read_bytes()
    return frozenset(found[at : at + PREFIX] for at in range(0, len(found), PREFIX))
