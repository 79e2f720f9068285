"""Keys to the API in the database: their hashes, whose they are, and what they open."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from portal.storage.schema.integration import api_tokens as table


@dataclass(frozen=True)
class Row:
    """One key, as it is stored."""

    id: int
    name: str
    #: Its last characters, by which people know it again.
    hint: str
    scopes: tuple[str, ...]
    person_id: int
    #: Requests in a minute; None: as the settings say.
    per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    #: The last day (UTC) on which it was used.
    used_on: date | None
    revoked_at: datetime | None
    version: int


def _read(connection: Connection, query: Select[Any]) -> list[Row]:
    """The keys of a query; never what was stored of their secrets."""
    return [
        Row(**{name: row[name] for name in Row.__dataclass_fields__} | {"scopes": tuple(row["scopes"])})
        for row in connection.execute(query).mappings()
    ]


def everything(connection: Connection) -> list[Row]:
    """All keys that were ever made, the newest first."""
    return _read(connection, select(table).order_by(table.c.id.desc()))


def get(connection: Connection, number: int, *, lock: bool = False) -> Row | None:
    """One key; None where there is none."""
    query = select(table).where(table.c.id == number)
    return next(iter(_read(connection, query.with_for_update() if lock else query)), None)


def by_hash(connection: Connection, hashed: str) -> Row | None:
    """The key with this hash, whatever its state; None where there is none."""
    return next(iter(_read(connection, select(table).where(table.c.token_hash == hashed))), None)


def living(connection: Connection, now: datetime) -> int:
    """How many keys can be used."""
    is_living = table.c.revoked_at.is_(None) & (table.c.expires_at.is_(None) | (table.c.expires_at > now))
    return int(connection.execute(select(func.count()).select_from(table).where(is_living)).scalar_one())


def add(connection: Connection, hashed: str, facts: Mapping[str, Any]) -> int:
    """Store a new key; its number.

    Args:
        connection: of a write transaction.
        hashed: of its secret.
        facts: the other columns of `Row` that it begins with.
    """
    values = {**facts, "token_hash": hashed, "version": 1}
    return int(connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())


def revoke(connection: Connection, number: int, now: datetime) -> None:
    """Note that a key opens nothing any more."""
    values = {"revoked_at": now, "version": table.c.version + 1}
    connection.execute(update(table).where(table.c.id == number).values(**values))


def use(connection: Connection, number: int, day: date) -> None:
    """Note on which day a key was used; one that is noted stays."""
    is_earlier = table.c.used_on.is_(None) | (table.c.used_on < day)
    connection.execute(update(table).where(table.c.id == number, is_earlier).values(used_on=day))
