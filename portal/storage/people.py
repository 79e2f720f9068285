"""Staff, their sessions and their wrong passwords in the database."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import IntegrityError

from portal.people import Person, Role
from portal.storage.schema import people, sessions, sign_in_failures


def _person(row: RowMapping) -> Person:
    """A person from a row."""
    roles = frozenset(Role(role) for role in row["roles"])
    return Person(row["id"], row["email"], row["name"], roles, tuple(row["tiers"]), tuple(row["languages"]))


def add(connection: Connection, person: Person, password_hash: str, now: datetime) -> int | None:
    """Store a new person; their id, or None when somebody has the address already."""
    values = {
        "email": person.email,
        "name": person.name,
        "password_hash": password_hash,
        "roles": sorted(role.value for role in person.roles),
        "tiers": list(person.tiers),
        "languages": list(person.languages),
        "created_at": now,
    }
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


def credentials(connection: Connection, email: str) -> tuple[Person, str] | None:
    """The person of an address with the hash of their password; None where there is nobody."""
    row = connection.execute(select(people).where(people.c.email == email)).mappings().first()
    return (_person(row), row["password_hash"]) if row else None


def open_session(connection: Connection, key_hash: str, person_id: int, now: datetime, lifetime: timedelta) -> None:
    """Remember a sign-in, and forget those that have ended."""
    connection.execute(delete(sessions).where(sessions.c.expires_at < now))
    values = {"key_hash": key_hash, "person_id": person_id, "created_at": now, "expires_at": now + lifetime}
    connection.execute(insert(sessions).values(**values))


def of_session(connection: Connection, key_hash: str, now: datetime) -> Person | None:
    """Who is signed in with a key; None where it has ended or never was."""
    query = select(people).join(sessions).where(sessions.c.key_hash == key_hash, sessions.c.expires_at > now)
    row = connection.execute(query).mappings().first()
    return _person(row) if row else None


def close_session(connection: Connection, key_hash: str) -> None:
    """Sign out."""
    connection.execute(delete(sessions).where(sessions.c.key_hash == key_hash))


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
