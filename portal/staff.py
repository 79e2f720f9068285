"""Staff: they are added, sign in and sign out; wrong passwords and codes are counted once for all processes."""

import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from portal.errors import (
    CodeNeeded,
    InvalidInput,
    NotAllowed,
    NotFound,
    PasswordNeeded,
    Pending,
    SignInRefused,
    TooManyAttempts,
)
from portal.identity import Identity, IdentityRefused
from portal.organisation_checks import one_line
from portal.passwords import check_new, hashed, key_hash, rehashed, verify
from portal.people import Person, Right, clean_email, may
from portal.second_factor import SecondFactor
from portal.storage import Database, audit
from portal.storage import people as store

#: Wrong passwords are counted over this time.
WINDOW = timedelta(minutes=15)
#: How often it is written down that somebody is there.
SEEN_EVERY = timedelta(minutes=1)
BROWSER_LENGTH = 200
#: Who did it, where it was done on the command line.
CONSOLE = "portal staff"


class Staff:
    """The use cases of signing in.

    Args:
        database: where people are.
        attempts: wrong passwords and codes allowed per account and `WINDOW`.
        lifetime: how long a sign-in lasts at most.
        idle: how long it lasts without use.
        secret: the instance's, of which one-time codes are made; without it nobody's can be checked.
        words: names of this portal, of which passwords may not consist.
    """

    def __init__(
        self,
        database: Database,
        attempts: int,
        lifetime: timedelta,
        idle: timedelta = timedelta(hours=1),
        secret: bytes = b"",
        words: tuple[str, ...] = (),
    ) -> None:
        self.database = database
        self._attempts = attempts
        self._lifetime = lifetime
        self.idle = idle
        self._secret = secret
        self.words = words

    @property
    def factor(self) -> SecondFactor:
        """Makes and checks one-time codes."""
        if not self._secret:
            raise RuntimeError("one-time codes need the instance's secret")
        return SecondFactor(self._secret)

    def add(
        self, person: Person, password: str, now: datetime, by: Person | None = None, *, is_first: bool = False
    ) -> Person:
        """Add somebody.

        Args:
            person: their id is not used.
            password: their first one.
            now: aware, UTC.
            by: the administrator; None for the command line.
            is_first: whether they choose another one when they first sign in; always where there is a `by`.

        Raises:
            InvalidInput: the name, the address or the password breaks a rule, or the address is `taken`.
            NotAllowed: `by` is no administrator.
        """
        _check_administrator(by)
        name = one_line(person.name, "name")
        email = clean_email(person.email).lower()
        added = replace(person, name=name, email=email)
        check_new(password, added, self.words)
        with self.database.write() as connection:
            number = store.add(connection, added, hashed(password), now, is_first=is_first or by is not None)
            if number is None:
                raise InvalidInput("email", "taken")
            facts = {"email": email, "name": name, "roles": sorted(added.roles)}
            audit.record(connection, now, by, "add", "person", number, {}, facts, actor_name="" if by else CONSOLE)
        return replace(added, id=number)

    def everybody(self) -> list[Person]:
        """All staff by name."""
        with self.database.read() as connection:
            return store.everybody(connection)

    def sign_in(self, email: str, password: str, now: datetime, browser: str = "") -> tuple[Person, str]:
        """Check a password and open a session; who it is, and the session's key of 256 random bits.

        Raises:
            TooManyAttempts: the account is closed for a while.
            SignInRefused: address and password do not belong together, or the person has left.
            CodeNeeded: they do, and the account also asks for a code.
            PasswordNeeded: they do, and an administrator knows the password.
        """
        return self._enter(self._check(email.strip().lower(), password, now), now, browser)

    def sign_in_with_code(self, pending: Pending, code: str, now: datetime, browser: str = "") -> tuple[Person, str]:
        """Check the code of somebody whose password was right some minutes ago at most, and open a session.

        A one-time code and a recovery code are accepted once.

        Raises:
            TooManyAttempts: the account is closed for a while; codes count as passwords do.
            SignInRefused: the code is wrong or used, or the account has changed since.
            PasswordNeeded: it is right, and an administrator knows the password.
        """
        with self.database.write() as connection:
            known = unchanged(connection, pending.person_id, pending.proof)
            self._count(connection, known.person.email, now)
            is_right = self._accept(connection, known, code, now)
        if not is_right:
            raise SignInRefused("the code is wrong")
        return self._begin(known, pending, now, browser)

    def sign_in_as(self, identity: Identity, now: datetime, browser: str = "") -> tuple[Person, str]:
        """Open a session for somebody whom the identity provider knows.

        The first time, a person without a link to the provider is found by the address that it vouches for; from
        then on by their account there alone. Nobody is added, and no right given.

        Raises:
            IdentityRefused: `unverified`, or `unknown` where nobody of the active staff is meant.
            CodeNeeded: the account also asks for a code.
        """
        with self.database.write() as connection:
            known = store.account(connection, store.with_subject(identity.subject), lock=True)
            if known is None:
                if not identity.is_verified:
                    raise IdentityRefused("unverified")
                known = store.account(connection, store.with_email(identity.email), lock=True)
                if known is None or not known.person.is_active or known.oidc_subject is not None:
                    raise IdentityRefused("unknown")
                store.set_subject(connection, known.person.id, identity.subject)
                audit.record(connection, now, known.person, "link", "person", known.person.id, {}, {})
        with suppress(SignInRefused):
            if known.person.is_active:
                return self._enter(known, now, browser, is_elsewhere=True)
        raise IdentityRefused("unknown")

    def _enter(
        self, known: store.Account, now: datetime, browser: str, *, is_elsewhere: bool = False
    ) -> tuple[Person, str]:
        """Open a session, unless a code or another password is needed first."""
        pending = Pending(known.person.id, _proof(known), is_elsewhere)
        if known.totp_salt is not None:
            raise CodeNeeded(pending)
        return self._begin(known, pending, now, browser)

    def _begin(self, known: store.Account, pending: Pending, now: datetime, browser: str) -> tuple[Person, str]:
        """Open a session, unless another password is needed first."""
        if known.password_is_first and not pending.is_elsewhere:
            raise PasswordNeeded(pending)
        return known.person, self.open(known.person, now, browser, pending.proof)

    def open(self, person: Person, now: datetime, browser: str = "", proof: str | None = None) -> str:
        """Open a session, and forget the account's wrong passwords; the session's key.

        Raises:
            SignInRefused: they have left, or `proof` was made of another password or another key for codes.
        """
        key = secrets.token_urlsafe(32)
        with self.database.write() as connection:
            unchanged(connection, person.id, proof)
            store.forgive(connection, key_hash(person.email))
            store.open_session(connection, key_hash(key), person.id, now, self._lifetime, browser[:BROWSER_LENGTH])
        return key

    def of_session(self, key: str, now: datetime, *, is_use: bool = True) -> Person | None:
        """Who is signed in with a key; None where it has ended.

        Args:
            key: the session's.
            now: aware, UTC.
            is_use: whether the person did something, rather than a page that stands open.
        """
        with self.database.read() as connection:
            found = store.of_session(connection, key_hash(key), now, self.idle)
        if found is None:
            return None
        person, seen_at = found
        if is_use and now - seen_at >= SEEN_EVERY:
            # Nobody's page fails for the want of this: it is read again with their next one.
            with suppress(SQLAlchemyError), self.database.write(patience=0.5) as connection:
                store.see(connection, key_hash(key), now)
        return person

    def sign_out(self, key: str) -> None:
        """End a session; the key is worth nothing afterwards."""
        with self.database.write() as connection:
            store.close_session(connection, key_hash(key))

    def confirm(self, person: Person, password: str, now: datetime, code: str | None = None) -> None:
        """Make sure that it is still the person who is there, also by a code of theirs where one is given.

        Raises:
            TooManyAttempts: the account is closed for a while.
            SignInRefused: that is not their password, or not their code.
        """
        proof = _proof(self._check(person.email, password, now))
        with self.database.write() as connection:
            known = unchanged(connection, person.id, proof)
            if code is not None and known.totp_salt is not None and not self._accept(connection, known, code, now):
                raise SignInRefused("the code is wrong")
            store.forgive(connection, key_hash(person.email))

    def sign_out_everywhere(self, by: Person | None, number: int, now: datetime) -> int:
        """End all sessions of somebody; how many there were.

        Args:
            by: the administrator; None for the command line.
            number: the person's.
            now: aware, UTC.

        Raises:
            NotAllowed: `by` is no administrator.
            NotFound: there is no such person.
        """
        with self._administer(by, number, "sign_out", now) as (connection, _):
            return store.close_sessions(connection, number)

    def set_password(
        self, by: Person | None, number: int, password: str, now: datetime, *, is_first: bool = True
    ) -> None:
        """Give somebody another password, which is their first again; all their sessions end. As above.

        Raises:
            InvalidInput: the password breaks a rule.
        """
        with self._administer(by, number, "password", now) as (connection, person):
            check_new(password, person, self.words)
            store.set_password(
                connection, number, hashed(password), is_first=is_first if by is None else by.id != number
            )
            store.close_sessions(connection, number)

    def reset_second_factor(self, by: Person | None, number: int, now: datetime) -> None:
        """Ask somebody for no codes any more; all their sessions end. Arguments and errors as above."""
        with self._administer(by, number, "second_factor_off", now) as (connection, _):
            store.set_second_factor(connection, number, None, None, ())
            store.close_sessions(connection, number)

    def unlink(self, by: Person | None, number: int, now: datetime) -> None:
        """Forget somebody's account at the identity provider, and end all their sessions. As above."""
        with self._administer(by, number, "unlink", now) as (connection, _):
            store.set_subject(connection, number, None)
            store.close_sessions(connection, number)

    @contextmanager
    def _administer(
        self, by: Person | None, number: int, action: str, now: datetime
    ) -> Iterator[tuple[Connection, Person]]:
        """A transaction in which an administrator changes how somebody signs in; the audit tells of it."""
        _check_administrator(by)
        with self.database.write() as connection:
            person = store.get(connection, number, lock=True)
            if person is None:
                raise NotFound(f"person {number}")
            yield connection, person
            audit.record(connection, now, by, action, "person", number, {}, {}, actor_name="" if by else CONSOLE)

    def _check(self, email: str, password: str, now: datetime) -> store.Account:
        """The account that address and password belong to; counted as wrong until somebody forgives it.

        Raises: as `sign_in`.
        """
        with self.database.write() as connection:
            # Counted before the password is looked at, so that many tries at once are counted too.
            self._count(connection, email, now)
            known = store.account(connection, store.with_email(email))
        is_right = verify(known.password_hash if known else None, password)
        if known is None or not is_right or not known.person.is_active:
            raise SignInRefused("address and password do not belong together")
        if renewed := rehashed(known.password_hash, password):
            with self.database.write() as connection:
                return store.rehash(connection, known, renewed)
        return known

    def _count(self, connection: Connection, email: str, now: datetime) -> None:
        """Count an attempt.

        Raises:
            TooManyAttempts: there were too many before it.
        """
        account = key_hash(email)
        if store.failures(connection, account, now - WINDOW) >= self._attempts:
            raise TooManyAttempts("too many wrong passwords")
        store.fail(connection, account, now)

    def _accept(self, connection: Connection, known: store.Account, code: str, now: datetime) -> bool:
        """Whether a code is right; it is used up. The account's row is locked."""
        salt, number = known.totp_salt, known.person.id
        if salt is None:
            return False
        step = self.factor.step(salt, code, now, known.totp_step)
        if step is not None:
            store.set_second_factor(connection, number, salt, step, known.recovery)
            return True
        used = self.factor.spent(salt, code, known.recovery)
        if used is None:
            return False
        left = tuple(value for value in known.recovery if value != used)
        store.set_second_factor(connection, number, salt, known.totp_step, left)
        return True


def _check_administrator(by: Person | None) -> None:
    """Raise `NotAllowed` where somebody may not administer people; None is the command line, which may."""
    if by is not None and not may(by, Right.ADMINISTER):
        raise NotAllowed("only administrators may do this")


def unchanged(connection: Connection, number: int, proof: str | None) -> store.Account:
    """Somebody's account, locked, as it was when they were asked; `proof` as for `Staff.open`.

    Raises:
        SignInRefused: it is not, or they have left.
    """
    known = store.account(connection, store.with_number(number), lock=True)
    is_same = known is None or proof is None or hmac.compare_digest(_proof(known), proof)
    if known is None or not known.person.is_active or not is_same:
        raise SignInRefused("the account has changed")
    return known


def _proof(known: store.Account) -> str:
    """Says which password and which key for codes somebody was asked with."""
    return key_hash(f"{known.password_hash} {known.totp_salt}")
