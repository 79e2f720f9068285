"""Keys to the API: made for a person, limited to scopes, and revoked."""

import re
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from portal.errors import InvalidInput, NotAllowed, NotFound
from portal.organisation_checks import one_line
from portal.passwords import key_hash
from portal.people import Person, Right, may
from portal.storage import Database, audit
from portal.storage import api_tokens as store
from portal.storage import people as people_store

#: How a secret begins, so that programs that look for leaked ones find it; 256 random bits follow.
PREFIX = "tier0_"
_SECRET = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
#: Keys that can be used at the same time, at most.
MOST = 200
#: For how long a key can be made, in days; None: until it is revoked.
LIFETIMES: tuple[int | None, ...] = (30, 90, 365, None)
#: Most requests in a minute that a key can be given.
PER_MINUTE = 100_000
#: What the log of changes calls a key.
SUBJECT = "token"


class Scope(StrEnum):
    """What a key can open."""

    GAPS_READ = "gaps:read"
    GAPS_WRITE = "gaps:write"
    TICKETS_READ = "tickets:read"
    TICKETS_WRITE = "tickets:write"
    REPORTS_READ = "reports:read"
    METRICS_READ = "metrics:read"


#: What a person must be allowed, for a key of theirs to have a scope; see `scopes_of`.
NEEDS: Mapping[Scope, Right] = {
    Scope.GAPS_READ: Right.READ_TICKETS,
    Scope.GAPS_WRITE: Right.WRITE_ARTICLES,
    Scope.TICKETS_READ: Right.READ_TICKETS,
    Scope.TICKETS_WRITE: Right.WORK_TICKETS,
    Scope.REPORTS_READ: Right.READ_REPORTS,
    Scope.METRICS_READ: Right.READ_REPORTS,
}


@dataclass(frozen=True)
class Token:
    """A key to the API; its secret is known to nobody here."""

    id: int
    name: str
    #: The secret's last characters, by which people know it again.
    hint: str
    scopes: frozenset[Scope]
    #: In whose name it works.
    person: Person
    #: Requests in a minute; None: as the settings say.
    per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    #: When it was last used, to the day.
    used_on: date | None
    revoked_at: datetime | None

    @property
    def granted(self) -> frozenset[Scope]:
        """Its scopes, as far as its person has the right."""
        return self.scopes & scopes_of(self.person)

    def state(self, now: datetime) -> str:
        """`working`, or why it is not: `revoked`, `expired` or `inactive`, where its person has left."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "working" if self.person.is_active else "inactive"


def scopes_of(person: Person) -> frozenset[Scope]:
    """The scopes that somebody's keys can have."""
    return frozenset(scope for scope, right in NEEDS.items() if may(person, right))


class ApiTokens:
    """The use cases of keys to the API.

    Args:
        database: where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def everything(self) -> list[Token]:
        """All keys that were ever made, the newest first."""
        with self._database.read() as connection:
            people = {person.id: person for person in people_store.everybody(connection)}
            return [_token(row, people[row.person_id]) for row in store.everything(connection)]

    def get(self, number: int) -> Token:
        """One key.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as connection:
            row = store.get(connection, number)
            person = people_store.get(connection, row.person_id) if row else None
        if row is None or person is None:
            raise NotFound(f"token {number}")
        return _token(row, person)

    def make(
        self,
        by: Person | None,
        name: str,
        scopes: Collection[Scope],
        person_id: int,
        now: datetime,
        *,
        days: int | None = 90,
        per_minute: int | None = None,
        actor_name: str = "portal tokens",
    ) -> tuple[Token, str]:
        """Make a key.

        Args:
            by: who makes it; None for the command line.
            name: what people know it by.
            scopes: what it opens; none is what everybody may do, with a limit of its own.
            person_id: in whose name it works.
            now: aware, UTC.
            days: for how long; None: until it is revoked.
            per_minute: requests in a minute; None: as the settings say.
            actor_name: what stands for a name where there is nobody.

        Returns:
            The key and its secret, which is stored nowhere.

        Raises:
            NotAllowed: they have no right to.
            InvalidInput: `name`, `scopes`, `person`, `days` or `per_minute` cannot be so.
        """
        _check_administrator(by)
        name = one_line(name, "name")
        if days is not None and not 1 <= days <= 3650:
            raise InvalidInput("days", "out_of_range")
        if per_minute is not None and not 1 <= per_minute <= PER_MINUTE:
            raise InvalidInput("per_minute", "out_of_range")
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._database.write() as connection:
            person = people_store.get(connection, person_id)
            if person is None or not person.is_active:
                raise InvalidInput("person", "invalid")
            if not set(scopes) <= scopes_of(person):
                raise InvalidInput("scopes", "not_allowed")
            if store.living(connection, now) >= MOST:
                raise InvalidInput("name", "too_many")
            row: dict[str, Any] = {
                "name": name,
                "hint": secret[-4:],
                "scopes": [scope.value for scope in Scope if scope in scopes],
                "person_id": person.id,
                "per_minute": per_minute,
                "created_at": now,
                "expires_at": None if days is None else now + timedelta(days=days),
            }
            number = store.add(connection, key_hash(secret), row)
            token = _token(store.Row(number, **row, used_on=None, revoked_at=None, version=1), person)
            self._record(connection, now, by, "add", token, {}, plain(token), actor_name)
        return token, secret

    def revoke(self, by: Person | None, number: int, now: datetime, actor_name: str = "portal tokens") -> Token:
        """Let a key open nothing any more; one that has been revoked stays so. Arguments as above.

        Raises:
            NotAllowed: they have no right to.
            NotFound: there is no such key.
        """
        _check_administrator(by)
        with self._database.write() as connection:
            row = store.get(connection, number, lock=True)
            person = people_store.get(connection, row.person_id) if row else None
            if row is None or person is None:
                raise NotFound(f"token {number}")
            token = _token(row, person)
            if row.revoked_at is not None:
                return token
            store.revoke(connection, number, now)
            self._record(connection, now, by, "revoke", token, {}, {}, actor_name)
            return _token(store.Row(**asdict(row) | {"revoked_at": now}), person)

    @staticmethod
    def _record(
        connection: Connection,
        now: datetime,
        by: Person | None,
        action: str,
        token: Token,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        actor_name: str,
    ) -> None:
        """Add what was done to the log of changes."""
        audit.record(connection, now, by, action, SUBJECT, token.id, before, after, actor_name="" if by else actor_name)

    def find(self, secret: str, now: datetime) -> Token | None:
        """The key with a secret, if it works; that it was used is noted once a day.

        It is looked up by its hash, so that the time this takes says nothing about other secrets.
        """
        if not _SECRET.fullmatch(secret):
            return None
        with self._database.read() as connection:
            row = store.by_hash(connection, key_hash(secret))
            person = people_store.get(connection, row.person_id) if row else None
        token = _token(row, person) if row and person else None
        if token is None or token.state(now) != "working":
            return None
        today = now.astimezone(UTC).date()
        if token.used_on is None or token.used_on < today:
            # Nobody's request fails for the want of this: the next one notes it.
            with suppress(SQLAlchemyError), self._database.write(patience=0.2) as connection:
                store.use(connection, token.id, today)
        return token


def plain(token: Token) -> dict[str, Any]:
    """A key as JSON can hold it, for the log of changes and for scripts; without its secret."""
    return {
        "name": token.name,
        "hint": token.hint,
        "scopes": [scope.value for scope in Scope if scope in token.scopes],
        "person": token.person.email,
        "per_minute": token.per_minute,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
    }


def _token(row: store.Row, person: Person) -> Token:
    """A key of the database; a scope that an older or newer version knows opens nothing here."""
    known = frozenset(scope for scope in Scope if scope.value in row.scopes)
    facts = {name: getattr(row, name) for name in Token.__dataclass_fields__ if name not in {"scopes", "person"}}
    return Token(scopes=known, person=person, **facts)


def _check_administrator(by: Person | None) -> None:
    """Raise `NotAllowed` where somebody may not make keys; None is the command line, which may."""
    if by is not None and not may(by, Right.ADMINISTER):
        raise NotAllowed("only administrators may do this")
