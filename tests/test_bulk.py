"""The same done to many tickets: each for itself."""

from typing import Any

import pytest

from portal.desk.bulk import Outcome
from portal.errors import InvalidInput
from portal.people import Person
from portal.storage import Database
from portal.tickets import Status
from tests.builders import NOW
from tests.working import desk, found, hire, opened


def test_many_tickets_at_once(database: Database) -> None:
    """Each is done or says why not; one that fails stops no other, and each is done once."""
    mia, boris = hire(database), hire(database, "Boris Orlow")
    first, second, solved = opened(database), opened(database), opened(database, status=Status.SOLVED)
    theirs = opened(database, owner_id=boris.id, owner_name=boris.name, status=Status.OPEN)

    taken = desk(database).bulk(mia, [first, theirs, 99, solved, second, first], "take", NOW)

    assert taken == [
        Outcome(first, True),
        Outcome(theirs, False, "taken"),
        Outcome(99, False, "not_found"),
        Outcome(solved, False, "refused"),
        Outcome(second, True),
    ]
    assert found(database, second).owner_id == mia.id


def everything(who: Person) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """What can be done to many tickets, with what it needs, and what a ticket is afterwards."""
    return {
        "give_back": ({}, {"owner_id": None}),
        "assign": ({"to_person_id": who.id}, {"owner_id": who.id}),
        "spam": ({}, {"status": Status.SPAM}),
        "escalate": ({"tier": 2, "reason": "Outage"}, {"tier": 2, "owner_id": None}),
        "classify": ({"urgency": 5, "impact": 5}, {"priority": 5}),
    }


@pytest.mark.parametrize("action", ["give_back", "assign", "spam", "escalate", "classify"])
def test_everything_that_can_be_done_to_many(database: Database, action: str) -> None:
    """Each action does what it does to one."""
    mia, boris = hire(database), hire(database, "Boris Orlow")
    numbers = [opened(database, owner_id=mia.id, owner_name=mia.name, status=Status.OPEN) for _ in range(3)]
    values, after = everything(boris)[action]

    outcomes = desk(database).bulk(mia, numbers, action, NOW, **values)

    assert [outcome.ok for outcome in outcomes] == [True] * 3
    assert {name: getattr(found(database, numbers[2]), name) for name in after} == after


def test_many_tickets_within_bounds(database: Database) -> None:
    """None, too many and an unknown action are refused whole; a wrong value is said of each."""
    mia, number = hire(database), opened(database)
    faults = [([], "take", "missing"), (list(range(1, 202)), "take", "too_many"), ([number], "burn", "unknown")]

    for numbers, action, code in faults:
        with pytest.raises(InvalidInput) as refused:
            desk(database).bulk(mia, numbers, action, NOW)
        assert refused.value.code == code

    assert desk(database).bulk(mia, [number], "escalate", NOW) == [Outcome(number, False, "text:missing")]
    assert desk(database).bulk(mia, [number], "assign", NOW) == [Outcome(number, False, "person:invalid")]
