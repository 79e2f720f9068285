"""The machines that serve one portal, in the database: each says what it has, and when is told by one clock for all."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema.base import Moment
from portal.storage.schema.nodes import nodes

#: The database's clock: those of the machines may differ.
_NOW = func.now(type_=Moment)


@dataclass(frozen=True)
class Node:
    """What a machine has said of itself."""

    name: str
    build: str
    #: Names of the keys that it believes, the one that signs first.
    keys: tuple[str, ...]
    #: Digests of the articles that its readers see, and of those that it could show; empty where it has not said.
    served: str
    ready: str
    #: Seconds since it said so, by the database's clock; or until then, where that clock was set back.
    age: float


def say(
    connection: Connection,
    name: str,
    build: str,
    keys: tuple[str, ...],
    *,
    served: str | None = None,
    ready: str | None = None,
) -> None:
    """Keep what a machine has, and that it lives; what is None stays as it was."""
    told = {"build": build, "keys": " ".join(keys), "seen_at": _NOW}
    known = told | {key: text for key, text in (("served", served), ("ready", ready)) if text is not None}
    change = update(nodes).where(nodes.c.name == name).values(**known)
    if connection.execute(change).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(nodes).values(name=name, **{"served": "", "ready": ""} | known))
    except IntegrityError:
        connection.execute(change)


def everything(connection: Connection) -> list[Node]:
    """All machines by name."""
    rows = connection.execute(select(nodes, _NOW.label("now")).order_by(nodes.c.name))
    return [
        Node(row.name, row.build, tuple(row.keys.split()), row.served, row.ready, _apart(row.now, row.seen_at))
        for row in rows
    ]


def _apart(one: datetime, other: datetime) -> float:
    """Seconds between two times. A clock that was set back must not let the dead live until it has caught up."""
    return abs((one - other).total_seconds())


def leave(connection: Connection, name: str) -> None:
    """Forget a machine that ends."""
    connection.execute(delete(nodes).where(nodes.c.name == name))


def sweep(connection: Connection, silent_for: timedelta) -> int:
    """Forget the machines that have said nothing for a time; how many."""
    now = connection.execute(select(_NOW)).scalar_one()
    # Also those that spoke long ahead of now, when the database's clock was wrong.
    return connection.execute(
        delete(nodes).where(~nodes.c.seen_at.between(now - silent_for, now + silent_for))
    ).rowcount
