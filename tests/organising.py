"""What the tests of the administration share: who sets up, people of the staff, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.errors import InvalidInput
from portal.people import Person, Role
from portal.storage import Database
from portal.storage import people as people_store
from tests.builders import NOW, person

ADMIN = person(id=1, email="ada@example.org", name="Ada", roles=frozenset({Role.ADMINISTRATOR}))
SUPERVISOR = person(id=2, email="sue@example.org", name="Sue", roles=frozenset({Role.SUPERVISOR}))


def refused(work: Callable[[], Any]) -> tuple[str, str]:
    """The field and code with which something is refused."""
    with pytest.raises(InvalidInput) as caught:
        work()
    return caught.value.field, caught.value.code


def add_person(database: Database, **changes: Any) -> Person:
    """Somebody of the staff."""
    with database.write() as connection:
        number = people_store.add(connection, person(**changes), "hash", NOW)
    assert number is not None
    return person(**changes, id=number)
