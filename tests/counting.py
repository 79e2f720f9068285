"""What the tests of queries share: the statements that a database is asked, and the connections held at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from portal.storage import Database


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that are asked meanwhile."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


@contextmanager
def connections(database: Database) -> Iterator[list[int]]:
    """How many connections are held each time that one is taken from the pool."""
    held = [0]

    def taken(*_facts: Any) -> None:
        held.append(held.pop() + 1)
        counts.append(held[0])

    def given_back(*_facts: Any) -> None:
        held.append(held.pop() - 1)

    counts: list[int] = []
    event.listen(database.engine, "checkout", taken)
    event.listen(database.engine, "checkin", given_back)
    try:
        yield counts
    finally:
        event.remove(database.engine, "checkout", taken)
        event.remove(database.engine, "checkin", given_back)
