"""Staff, their sessions and their wrong passwords in the database."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import IntegrityError

from portal.people import Person, Role
from portal.storage.schema import people, sessions, sign_in_failures


@dataclass(frozen=True)
class Account:
    """A person with what they sign in with; it never leaves the use cases of signing in."""

    person: Person
    password_hash: str
    #: Whether somebody else made the password, and so knows it.
    password_is_first: bool
    #: Of their one-time codes; None: they use none.
    totp_salt: str | None
    #: The last step of time of which a code was accepted.
    totp_step: int | None
    #: Hashes of the recovery codes that are left.
    recovery: tuple[str, ...]
    #: Who they are at the identity provider.
    oidc_subject: str | None


@dataclass(frozen=True)
class Session:
    """A sign-in that has not ended."""

    #: The hash of its key: names it, and opens nothing.
    reference: str
    person_id: int
    created_at: datetime
    seen_at: datetime
    #: Browser and system, as far as they are known.
    browser: str


def _person(row: RowMapping) -> Person:
    """A person from a row."""
    roles = frozenset(Role(role) for role in row["roles"])
    return Person(
        row["id"],
        row["email"],
        row["name"],
        roles,
        tuple(row["tiers"]),
        tuple(row["languages"]),
        tuple(row["topics"]),
        row["calendar_id"],
        row["is_active"],
        row["version"],
    )


def _facts(person: Person) -> dict[str, Any]:
    """What of a person others administer."""
    return {
        "email": person.email,
        "name": person.name,
        "roles": sorted(role.value for role in person.roles),
        "tiers": list(person.tiers),
        "languages": list(person.languages),
        "topics": list(person.topics),
        "calendar_id": person.calendar_id,
        "is_active": person.is_active,
    }


def add(
    connection: Connection, person: Person, password_hash: str, now: datetime, *, is_first: bool = False
) -> int | None:
    """Store a new person; their id, or None when somebody has the address already.

    Args:
        connection: of a transaction that writes.
        person: their id is not used.
        password_hash: see `passwords.hashed`.
        now: aware, UTC.
        is_first: whether somebody else made the password.
    """
    kept = {"password_hash": password_hash, "password_is_first": is_first, "recovery": []}
    values = {**_facts(person), **kept, "version": 1, "created_at": now}
    try:
        with connection.begin_nested():
            key = connection.execute(insert(people).values(**values)).inserted_primary_key
    except IntegrityError:
        return None
    assert key is not None
    return int(key[0])


def everybody(connection: Connection) -> list[Person]:
    """All staff by name."""
    return [_person(row) for row in connection.execute(select(people).order_by(people.c.name, people.c.id)).mappings()]


def get(connection: Connection, number: int, *, lock: bool = False) -> Person | None:
    """A person by number; None where there is none."""
    found = account(connection, people.c.id == number, lock=lock)
    return found.person if found else None


def save(connection: Connection, person: Person) -> bool:
    """Store a person's changed facts as the next version; that nobody else has the address has been checked.

    Where their roles or address have changed or they may no longer sign in, all their sessions end.

    Returns:
        Whether they were stored; not where somebody else has changed or removed the person since.
    """
    before = get(connection, person.id, lock=True)
    if before is None or before.version != person.version:
        return False
    values = {**_facts(person), "version": person.version + 1}
    connection.execute(update(people).where(people.c.id == person.id).values(**values))
    if (before.roles, before.email) != (person.roles, person.email) or not person.is_active:
        close_sessions(connection, person.id)
    return True


def account(connection: Connection, chosen: ColumnElement[bool], *, lock: bool = False) -> Account | None:
    """A person with what they sign in with; None where there is nobody.

    Args:
        connection: of any transaction.
        chosen: whom; see `with_email`, `with_number`, `with_subject`.
        lock: keep others from changing the row until the transaction ends.
    """
    query = select(people).where(chosen)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        return None
    return Account(
        _person(row),
        row["password_hash"],
        row["password_is_first"],
        row["totp_salt"],
        row["totp_step"],
        tuple(row["recovery"]),
        row["oidc_subject"],
    )


def with_email(email: str) -> ColumnElement[bool]:
    """The person of an address in lower case."""
    return people.c.email == email


def with_number(number: int) -> ColumnElement[bool]:
    """The person of a number."""
    return people.c.id == number


def with_subject(subject: str) -> ColumnElement[bool]:
    """The person of an account at the identity provider."""
    return people.c.oidc_subject == subject


def set_password(connection: Connection, number: int, password_hash: str, *, is_first: bool = False) -> None:
    """Store another password; `is_first` says that somebody else made it."""
    values = {"password_hash": password_hash, "password_is_first": is_first}
    connection.execute(update(people).where(people.c.id == number).values(**values))


def rehash(connection: Connection, known: Account, password_hash: str) -> Account:
    """Store another hash of the same password, unless there is another password by now; the account with it."""
    same = (people.c.id == known.person.id) & (people.c.password_hash == known.password_hash)
    connection.execute(update(people).where(same).values(password_hash=password_hash))
    return replace(known, password_hash=password_hash)


def salts(connection: Connection) -> list[tuple[str, str]]:
    """Who uses one-time codes: address and salt, by address."""
    query = select(people.c.email, people.c.totp_salt).where(people.c.totp_salt.is_not(None)).order_by(people.c.email)
    return [(row[0], row[1]) for row in connection.execute(query)]


def set_second_factor(
    connection: Connection, number: int, salt: str | None, step: int | None, recovery: tuple[str, ...]
) -> None:
    """Store how a person's one-time codes are made and which were used; None and nothing turn them off."""
    values = {"totp_salt": salt, "totp_step": step, "recovery": list(recovery)}
    connection.execute(update(people).where(people.c.id == number).values(**values))


def set_subject(connection: Connection, number: int, subject: str | None) -> None:
    """Link a person with an account at the identity provider, or with none."""
    connection.execute(update(people).where(people.c.id == number).values(oidc_subject=subject))


def open_session(
    connection: Connection, key_hash: str, person_id: int, now: datetime, lifetime: timedelta, browser: str = ""
) -> None:
    """Remember a sign-in, and forget those that have ended."""
    connection.execute(delete(sessions).where(sessions.c.expires_at < now))
    values = {
        "key_hash": key_hash,
        "person_id": person_id,
        "created_at": now,
        "seen_at": now,
        "expires_at": now + lifetime,
        "browser": browser,
    }
    connection.execute(insert(sessions).values(**values))


def _lasts(now: datetime, idle: timedelta) -> ColumnElement[bool]:
    """Whether a session has not ended, and its person may sign in."""
    return (sessions.c.expires_at > now) & (sessions.c.seen_at > now - idle) & people.c.is_active


def of_session(connection: Connection, key_hash: str, now: datetime, idle: timedelta) -> tuple[Person, datetime] | None:
    """Who is signed in with a key, and when they were last seen; None where it has ended or never was."""
    query = select(people, sessions.c.seen_at).join(sessions)
    row = connection.execute(query.where(sessions.c.key_hash == key_hash, _lasts(now, idle))).mappings().first()
    return (_person(row), row["seen_at"]) if row else None


def see(connection: Connection, key_hash: str, now: datetime) -> None:
    """Remember that somebody was here with a key."""
    connection.execute(update(sessions).where(sessions.c.key_hash == key_hash).values(seen_at=now))


def sessions_of(connection: Connection, person_id: int, now: datetime, idle: timedelta) -> list[Session]:
    """A person's sign-ins that have not ended, the one seen last first."""
    query = select(sessions).join(people).where(sessions.c.person_id == person_id, _lasts(now, idle))
    rows = connection.execute(query.order_by(sessions.c.seen_at.desc(), sessions.c.key_hash)).mappings()
    return [
        Session(row["key_hash"], row["person_id"], row["created_at"], row["seen_at"], row["browser"]) for row in rows
    ]


def rename_session(connection: Connection, key_hash: str, renamed: str) -> bool:
    """Give a session another key; the old one is worth nothing afterwards. Whether there was one."""
    change = update(sessions).where(sessions.c.key_hash == key_hash).values(key_hash=renamed)
    return connection.execute(change).rowcount > 0


def close_session(connection: Connection, key_hash: str, person_id: int | None = None) -> bool:
    """End a session; only where it is the person's, if one is named. Whether there was one."""
    mine = sessions.c.key_hash == key_hash
    if person_id is not None:
        mine &= sessions.c.person_id == person_id
    return connection.execute(delete(sessions).where(mine)).rowcount > 0


def close_sessions(connection: Connection, person_id: int, keep: str = "") -> int:
    """End all of a person's sessions but one, and say how many."""
    others = (sessions.c.person_id == person_id) & (sessions.c.key_hash != keep)
    return int(connection.execute(delete(sessions).where(others)).rowcount)


def failures(connection: Connection, account_hash: str, since: datetime) -> int:
    """How many wrong passwords an account has had since a time."""
    mine = (sign_in_failures.c.account_hash == account_hash) & (sign_in_failures.c.at >= since)
    return int(connection.execute(select(func.count()).select_from(sign_in_failures).where(mine)).scalar_one())


def fail(connection: Connection, account_hash: str, now: datetime) -> None:
    """Count a wrong password, and forget those of more than a day ago."""
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.at < now - timedelta(days=1)))
    connection.execute(insert(sign_in_failures).values(account_hash=account_hash, at=now))


def forgive(connection: Connection, account_hash: str) -> None:
    """Forget an account's wrong passwords after a right one."""
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.account_hash == account_hash))
