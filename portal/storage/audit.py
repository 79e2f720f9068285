"""The record of what has been administered: rows are added and read, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from portal.people import Person
from portal.storage.schema.desk import audit

#: Stands for a field that is not there, which is something else than one that is empty.
_NOTHING = object()


@dataclass(frozen=True)
class Entry:
    """One thing that was administered."""

    id: int
    at: datetime
    #: None for the command line and the system.
    person_id: int | None
    actor_name: str
    action: str
    subject: str
    key: str
    #: The fields that changed.
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def record(
    connection: Connection,
    now: datetime,
    actor: Person | None,
    action: str,
    subject: str,
    key: int | str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    actor_name: str = "",
) -> None:
    """Add a row, in the transaction that does what it tells of.

    Args:
        connection: of a writing transaction.
        now: when.
        actor: who; None for the command line and the system.
        action: what was done, such as `add`, `change`, `remove`.
        subject: to what kind of thing, such as `tier` or `person`.
        key: its number or name.
        before: fields that JSON can hold, as they were; those that stay the same are left out. Never a secret.
        after: the same fields, as they are now.
        actor_name: what stands for the name where nobody was signed in, such as `portal staff`.
    """
    changed = {name for name in {*before, *after} if before.get(name, _NOTHING) != after.get(name, _NOTHING)}
    values = {
        "at": now,
        "person_id": actor.id if actor else None,
        "actor_name": actor.name if actor else actor_name,
        "action": action,
        "subject": subject,
        "key": str(key)[:120],
        "before": {name: value for name, value in before.items() if name in changed},
        "after": {name: value for name, value in after.items() if name in changed},
    }
    connection.execute(insert(audit).values(**values))


def newest(
    connection: Connection,
    subject: str | None = None,
    after_id: int | None = None,
    limit: int = 50,
    *,
    key: int | str | None = None,
) -> list[Entry]:
    """Rows, the newest first.

    Args:
        connection: of any transaction.
        subject: only of this kind of thing.
        after_id: the last row of the page before; None: from the newest.
        limit: at most so many.
        key: only of the one with this number or name.
    """
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    if key is not None:
        query = query.where(audit.c.key == str(key)[:120])
    if after_id is not None:
        query = query.where(audit.c.id < after_id)
    return [Entry(**row) for row in connection.execute(query).mappings()]
