"""One's own account: another password, a second factor, and where one is signed in."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from portal.errors import InvalidInput, Pending, SignInRefused
from portal.passwords import check_new, hashed, key_hash, verify
from portal.people import Person
from portal.second_factor import grouped, new_recovery_codes, picture
from portal.staff import Staff, unchanged
from portal.storage import audit
from portal.storage import people as store


@dataclass(frozen=True)
class SignIn:
    """A sign-in of one's own that has not ended."""

    #: Names it in forms; opens nothing.
    reference: str
    began_at: datetime
    seen_at: datetime
    #: Browser and system, as far as they are known.
    browser: str
    #: Whether it is the one in use.
    is_this: bool


@dataclass(frozen=True)
class Offer:
    """A key for an authenticator app that is not in force yet."""

    #: Held by the browser until the first code has come.
    salt: str
    #: The key in groups, to be typed.
    key: str
    #: The key as a picture, to be scanned: a `data:` address.
    picture: str


class OwnAccount:
    """What somebody who is signed in can do about signing in. Each change asks for the password once more.

    Args:
        staff: the use cases of signing in.
    """

    def __init__(self, staff: Staff) -> None:
        self._staff = staff
        self._database = staff.database

    def sign_ins(self, person: Person, key: str, now: datetime) -> list[SignIn]:
        """Where one is signed in; this one first, then the one seen last."""
        with self._database.read() as connection:
            found = store.sessions_of(connection, person.id, now, self._staff.idle)
        mine = key_hash(key)
        signed_in = [SignIn(s.reference, s.created_at, s.seen_at, s.browser, s.reference == mine) for s in found]
        return sorted(signed_in, key=lambda one: not one.is_this)

    def end(self, person: Person, reference: str) -> bool:
        """End one of one's own sign-ins; whether there was one."""
        with self._database.write() as connection:
            return store.close_session(connection, reference, person.id)

    def end_others(self, person: Person, key: str) -> int:
        """End all of one's own sign-ins but the one in use; how many."""
        with self._database.write() as connection:
            return store.close_sessions(connection, person.id, key_hash(key))

    def confirm(self, person: Person, key: str, password: str, code: str, now: datetime, browser: str = "") -> str:
        """Make sure that it is still the person who is there; the session's new key.

        Who presses the button twice confirms twice at once: one is the first, and the other one gets a new session,
        as anybody does who shows the same at the door.

        Raises:
            SignInRefused: the password is wrong, or the code where the account asks for codes.
            TooManyAttempts: they have been wrong too often.
        """
        self._staff.confirm(person, password, now, code)
        renewed = secrets.token_urlsafe(32)
        with self._database.write() as connection:
            is_renamed = store.rename_session(connection, key_hash(key), key_hash(renewed))
        return renewed if is_renamed else self._staff.open(person, now, browser)

    def change_password(self, person: Person, key: str, old: str, new: str, now: datetime) -> str:
        """Set another password; all other sign-ins end.

        Returns:
            The session's new key.

        Raises:
            InvalidInput: the new password breaks a rule, or is the old one (`same`).
            SignInRefused: the old one is wrong.
            TooManyAttempts: it has been wrong too often.
        """
        self._staff.confirm(person, old, now)
        check_new(new, person, self._staff.words)
        if old == new:
            raise InvalidInput("password", "same")
        with self._database.write() as connection:
            store.set_password(connection, person.id, hashed(new))
            return self._renew(connection, person, key, "password", now)

    def choose_password(self, pending: Pending, password: str, now: datetime, browser: str = "") -> tuple[Person, str]:
        """Let somebody who has just shown who they are choose a password that nobody else knows, and open a session.

        Raises:
            InvalidInput: the password breaks a rule, or is the one that the administrator knows (`same`).
            SignInRefused: the account has changed since.
        """
        with self._database.write() as connection:
            known = unchanged(connection, pending.person_id, pending.proof)
            check_new(password, known.person, self._staff.words)
            if verify(known.password_hash, password):
                raise InvalidInput("password", "same")
            store.set_password(connection, known.person.id, hashed(password))
            audit.record(connection, now, known.person, "password", "person", known.person.id, {}, {})
        return known.person, self._staff.open(known.person, now, browser)

    def uses_codes(self, person: Person) -> int | None:
        """How many recovery codes are left; None where no codes are asked for."""
        with self._database.read() as connection:
            known = store.account(connection, store.with_number(person.id))
        return len(known.recovery) if known and known.totp_salt is not None else None

    def offer(self, person: Person, issuer: str, salt: str = "") -> Offer:
        """A key for the person's authenticator app.

        Args:
            person: who is signed in.
            issuer: what the app calls the account.
            salt: of an offer that has been made already; empty makes a new one.
        """
        factor = self._staff.factor
        salt = salt or factor.new_salt()
        return Offer(salt, grouped(factor.key(salt)), picture(factor.address(salt, person.email, issuer)))

    def turn_on(
        self, person: Person, key: str, password: str, salt: str, code: str, now: datetime
    ) -> tuple[tuple[str, ...], str]:
        """Ask for codes from now on; all other sign-ins end.

        Args:
            person: who is signed in.
            key: of their session.
            password: theirs, once more.
            salt: of the offer.
            code: the first one of the app.
            now: aware, UTC.

        Returns:
            The recovery codes, which are shown this once, and the session's new key.

        Raises:
            InvalidInput: the code is not the key's (`code`: `invalid`), or codes are asked for already (`on`).
            SignInRefused: the password is wrong.
            TooManyAttempts: it has been wrong too often.
        """
        self._staff.confirm(person, password, now)
        factor = self._staff.factor
        step = factor.step(salt, code, now, None)
        if step is None:
            raise InvalidInput("code", "invalid")
        codes = new_recovery_codes()
        hashes = tuple(factor.recovery_hash(salt, one) for one in codes)
        with self._database.write() as connection:
            known = store.account(connection, store.with_number(person.id), lock=True)
            if known is None or known.totp_salt is not None:
                raise InvalidInput("code", "on")
            store.set_second_factor(connection, person.id, salt, step, hashes)
            return codes, self._renew(connection, person, key, "second_factor_on", now)

    def new_recovery_codes(self, person: Person, password: str, now: datetime) -> tuple[str, ...]:
        """Replace all recovery codes; the new ones are shown this once.

        Raises:
            SignInRefused: the password is wrong, or no codes are asked for.
            TooManyAttempts: it has been wrong too often.
        """
        self._staff.confirm(person, password, now)
        codes = new_recovery_codes()
        with self._database.write() as connection:
            known = store.account(connection, store.with_number(person.id), lock=True)
            if known is None or known.totp_salt is None:
                raise SignInRefused("no codes are asked for")
            hashes = tuple(self._staff.factor.recovery_hash(known.totp_salt, one) for one in codes)
            store.set_second_factor(connection, person.id, known.totp_salt, known.totp_step, hashes)
            audit.record(connection, now, person, "recovery_codes", "person", person.id, {}, {})
        return codes

    def turn_off(self, person: Person, key: str, password: str, now: datetime) -> str:
        """Ask for no codes any more.

        Returns:
            The session's new key.

        Raises:
            SignInRefused: the password is wrong.
            TooManyAttempts: it has been wrong too often.
        """
        self._staff.confirm(person, password, now)
        with self._database.write() as connection:
            store.set_second_factor(connection, person.id, None, None, ())
            return self._renew(connection, person, key, "second_factor_off", now)

    def _renew(self, connection: Connection, person: Person, key: str, action: str, now: datetime) -> str:
        """End all other sign-ins, and give this one a key that nobody can have seen; the key."""
        renewed = secrets.token_urlsafe(32)
        store.close_sessions(connection, person.id, key_hash(key))
        store.rename_session(connection, key_hash(key), key_hash(renewed))
        audit.record(connection, now, person, action, "person", person.id, {}, {})
        return renewed
