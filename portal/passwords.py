"""Passwords and keys: what is stored of them are hashes, from which nobody gets them back."""

import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.people import Person

#: Longest password, in characters; see `people.check_password`.
PASSWORD_MOST = 200

#: OWASP's minimum for Argon2id: 2 passes over 19 MiB, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
#: Verified where there is no such account, so that the answer takes as long.
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))


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


def key_hash(text: str) -> str:
    """What is stored of a session's key or an address; quick, for keys that nobody can guess."""
    return hashlib.sha256(text.encode()).hexdigest()


def known_words(person: Person) -> tuple[str, ...]:
    """What a person's password may not consist of."""
    return person.email, person.email.partition("@")[0], person.name
