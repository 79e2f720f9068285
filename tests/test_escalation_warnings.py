"""Rules warn: owners, or the tier, if all of their conditions hold."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.organisation import Clock, Effect
from portal.storage import Database
from portal.storage.notices import About
from portal.storage.schema import notices as notice_table
from portal.telling import MOST_TOLD
from portal.tickets import Action, Actor
from tests.builders import NOW
from tests.escalating import DUE, LATER, MINUTE, Desk, rule


@pytest.fixture
def desk(database: Database) -> Desk:
    """A desk, on each of the engines."""
    return Desk(database)


def test_owners_are_warned(desk: Desk) -> None:
    """Before the first reply is due; nobody else, and once."""
    number = desk.open()
    given = {"owner_id": desk.l1.id, "owner_name": desk.l1.name}
    desk.do(number, Action.TAKE, NOW, Actor(desk.l1.id, desk.l1.name), changes=given)
    due = NOW + 240 * MINUTE

    runs = [desk.escalation.run(due + n * MINUTE) for n in (-11, -10, -9, 0)]

    assert runs == [0, 1, 0, 0]
    assert desk.told(desk.l1, About.WARNING) == [number]
    assert [desk.told(other, About.WARNING) for other in (desk.l2, desk.boss)] == [[], []]
    assert desk.get(number).version == 2


def test_where_nobody_has_it_the_tier_is_warned(desk: Desk) -> None:
    """At most fifty people; also where the owner has left."""
    desk.rules(rule(offset=-5))
    for n in range(60):
        desk.hire(f"agent{n:02}@example.org", 1)
    left = desk.hire("left@example.org", is_active=False)
    first = desk.open()
    second = desk.open(owner_id=left.id, owner_name="Left")

    assert desk.escalation.run(DUE - 4 * MINUTE) == 2
    with desk.database.read() as connection:
        each = select(notice_table.c.ticket_id, func.count()).group_by(notice_table.c.ticket_id)
        counts = {row[0]: row[1] for row in connection.execute(each)}
    assert counts == {first: MOST_TOLD, second: MOST_TOLD}
    assert desk.told(left, About.WARNING) == []


@pytest.mark.parametrize(
    ("conditions", "applies"),
    [
        ({"priorities": (3,)}, True),
        ({"priorities": (4, 6)}, False),
        ({"languages": ("en", "de")}, True),
        ({"languages": ("fr",)}, False),
        ({"tiers": (2,)}, False),
        ({"is_unowned": True}, True),
        ({"is_active": False}, False),
    ],
)
def test_conditions(desk: Desk, conditions: dict[str, Any], applies: bool) -> None:
    """All of a rule's conditions must hold."""
    desk.rules(rule(effect=Effect.ESCALATE, **conditions))
    number = desk.open()

    assert desk.escalation.run(LATER) == applies
    assert desk.get(number).tier == 1 + applies


def test_what_somebody_owns_is_not_unowned(desk: Desk) -> None:
    """A rule for what nobody has taken."""
    desk.rules(rule(Clock.FIRST_REPLY, effect=Effect.ESCALATE, is_unowned=True))
    number = desk.open()
    given = {"owner_id": desk.l1.id, "owner_name": desk.l1.name}
    desk.do(number, Action.TAKE, NOW, Actor(desk.l1.id, desk.l1.name), changes=given)
    late = NOW + timedelta(days=1)

    owned = desk.escalation.run(late)
    desk.do(number, Action.GIVE_BACK, late)

    assert (owned, desk.escalation.run(late)) == (0, 1)
