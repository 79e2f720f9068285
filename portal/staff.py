"""Staff: they are added, sign in and sign out; wrong passwords are counted once for all processes."""

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.errors import InvalidInput, PortalError
from portal.people import Person, check_password, clean_email
from portal.storage import Database
from portal.storage import people as store

#: OWASP's minimum for Argon2id: 2 passes over 19 MiB, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
#: Verified where there is no such account, so that the answer takes as long.
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))
#: Wrong passwords are counted over this time.
WINDOW = timedelta(minutes=15)
NAME_LENGTH = 100


class SignInRefused(PortalError):
    """Address and password do not belong together; which of them is wrong is told to nobody."""


class TooManyAttempts(PortalError):
    """The account has had too many wrong passwords; the right one is refused too for a while."""


class Staff:
    """The use cases of signing in.

    Args:
        database: where people are.
        attempts: wrong passwords allowed per account and `WINDOW`.
        lifetime: how long a sign-in lasts.
    """

    def __init__(self, database: Database, attempts: int, lifetime: timedelta) -> None:
        self._database = database
        self._attempts = attempts
        self._lifetime = lifetime

    def add(self, person: Person, password: str, now: datetime) -> Person:
        """Add somebody.

        Raises:
            InvalidInput: the name, the address or the password breaks a rule, or the address is `taken`.
        """
        name = " ".join(person.name.split())
        email = clean_email(person.email).lower()
        if not name:
            raise InvalidInput("name", "missing")
        if len(name) > NAME_LENGTH or not name.isprintable():
            raise InvalidInput("name", "too_long")
        check_password(password, (email, email.partition("@")[0], name))
        added = replace(person, name=name, email=email)
        with self._database.write() as connection:
            number = store.add(connection, added, _HASHER.hash(password), now)
        if number is None:
            raise InvalidInput("email", "taken")
        return replace(added, id=number)

    def everybody(self) -> list[Person]:
        """All staff by name."""
        with self._database.read() as connection:
            return store.everybody(connection)

    def sign_in(self, email: str, password: str, now: datetime) -> tuple[Person, str]:
        """Check a password and open a session.

        Returns:
            Who it is, and the session's key: 256 random bits, of which only a hash is stored.

        Raises:
            TooManyAttempts: the account is closed for a while.
            SignInRefused: address and password do not belong together.
        """
        account = _hash(email.strip().lower())
        with self._database.write() as connection:
            # Counted before the password is looked at, so that many tries at once are counted too.
            if store.failures(connection, account, now - WINDOW) >= self._attempts:
                raise TooManyAttempts("too many wrong passwords")
            store.fail(connection, account, now)
            known = store.credentials(connection, email.strip().lower())
        is_right = _verify(known[1] if known else _NOBODY, password)
        if known is None or not is_right:
            raise SignInRefused("address and password do not belong together")
        key = secrets.token_urlsafe(32)
        with self._database.write() as connection:
            store.forgive(connection, account)
            store.open_session(connection, _hash(key), known[0].id, now, self._lifetime)
        return known[0], key

    def of_session(self, key: str, now: datetime) -> Person | None:
        """Who is signed in with a key; None where it has ended."""
        with self._database.read() as connection:
            return store.of_session(connection, _hash(key), now)

    def sign_out(self, key: str) -> None:
        """End a session; the key is worth nothing afterwards."""
        with self._database.write() as connection:
            store.close_session(connection, _hash(key))


def _verify(stored: str, password: str) -> bool:
    """Whether a password belongs to a stored hash; what is too long to be one costs nothing."""
    try:
        return len(password) <= 200 and _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _hash(text: str) -> str:
    """What is stored of a key or an address."""
    return hashlib.sha256(text.encode()).hexdigest()
