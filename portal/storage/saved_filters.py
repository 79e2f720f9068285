"""Filters of the queue that somebody has given a name."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from portal.errors import InvalidInput
from portal.storage.schema import people, saved_filters

#: Longest name and longest filter, in characters; most filters of a person.
NAME_LENGTH, QUERY_LENGTH, MOST = 60, 500, 30


@dataclass(frozen=True)
class SavedFilter:
    """One filter."""

    id: int
    name: str
    #: The queue's arguments as they stand in its address.
    query: str


def of_person(connection: Connection, person_id: int) -> list[SavedFilter]:
    """Somebody's filters by name."""
    mine = select(saved_filters).where(saved_filters.c.person_id == person_id).order_by(saved_filters.c.name)
    return [SavedFilter(row.id, row.name, row.query) for row in connection.execute(mine)]


def keep(connection: Connection, person_id: int, name: str, query: str) -> None:
    """Keep a filter; one of the same name is replaced.

    Args:
        connection: of a write transaction.
        person_id: whose.
        name: stripped by the caller.
        query: the queue's arguments.

    Raises:
        InvalidInput: `name` is `missing` or `too_long`, `query` is `too_long`, or there are `too_many`.
    """
    if not name:
        raise InvalidInput("name", "missing")
    if len(name) > NAME_LENGTH:
        raise InvalidInput("name", "too_long")
    if len(query) > QUERY_LENGTH:
        raise InvalidInput("query", "too_long")
    # Whoever presses twice waits for themselves.
    connection.execute(select(people.c.id).where(people.c.id == person_id).with_for_update())
    table = saved_filters.c
    same = (table.person_id == person_id) & (table.name == name)
    if connection.execute(update(saved_filters).where(same).values(query=query)).rowcount:
        return
    mine = select(func.count()).select_from(saved_filters).where(table.person_id == person_id)
    if connection.execute(mine).scalar_one() >= MOST:
        raise InvalidInput("name", "too_many")
    connection.execute(insert(saved_filters).values(person_id=person_id, name=name, query=query))


def remove(connection: Connection, person_id: int, number: int) -> None:
    """Forget a filter; nothing happens where it is somebody else's or gone."""
    mine = (saved_filters.c.id == number) & (saved_filters.c.person_id == person_id)
    connection.execute(delete(saved_filters).where(mine))
