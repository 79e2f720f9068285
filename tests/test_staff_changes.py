"""Changing people of the staff: checked, recorded, never without an administrator; sessions that end with rights."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from portal.desk.administration import Administration
from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket
from portal.people import Person, Role
from portal.storage import Database, schema
from portal.storage import people as people_store
from portal.tickets import Action, Kind, Status
from tests.builders import NOW
from tests.organising import ADMIN, SUPERVISOR, add_person, refused
from tests.postgres import database_at
from tests.working import desk as working_desk
from tests.working import found, hire, history, opened


@pytest.fixture
def desk(database: Database) -> Administration:
    """The use case on a new desk."""
    return Administration(database)


@pytest.fixture
def own(tmp_path: Any) -> Database:
    """One database on SQLite, for what is the same on both."""
    return database_at(tmp_path / "own.db")


def test_people_are_changed_and_recorded(desk: Administration, database: Database) -> None:
    """Every field; a second one who has read before is told."""
    mia = add_person(database)
    changed = replace(
        mia,
        name="Mia  Lindt-Huber",
        email="somebody@else.example",
        roles=frozenset({Role.AGENT, Role.SUPERVISOR}),
        tiers=(2, 1, 2),
        languages=("fr",),
        topics=("vpn", "devices"),
        calendar_id=1,
    )

    stored = desk.change_person(ADMIN, changed, NOW)

    assert stored == desk.person(mia.id)
    assert (stored.name, stored.email, stored.tiers) == ("Mia Lindt-Huber", "mia@example.org", (1, 2))
    (entry,) = desk.history("person")
    assert entry.before["roles"] == ["agent"]
    assert entry.after["calendar_id"] == 1
    assert "is_active" not in entry.after
    with pytest.raises(StaleTicket):
        desk.change_person(ADMIN, mia, NOW)
    assert [each.id for each in desk.since(mia)] == [entry.id]
    with pytest.raises(NotAllowed):
        desk.change_person(SUPERVISOR, stored, NOW)
    with pytest.raises(NotFound):
        desk.change_person(ADMIN, replace(stored, id=99), NOW)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"name": " "}, ("name", "missing")),
        ({"roles": frozenset()}, ("roles", "missing")),
        ({"tiers": (5,)}, ("tiers", "invalid")),
        ({"languages": ("es",)}, ("languages", "invalid")),
        ({"topics": ("No Slug",)}, ("topics", "invalid")),
        ({"calendar_id": 9}, ("calendar_id", "invalid")),
    ],
)
def test_people_cannot_be_anything(changes: dict[str, Any], fault: tuple[str, str], own: Database) -> None:
    """Each field has its rule."""
    add_person(own, email="ada@example.org", name="Ada", roles=frozenset({Role.ADMINISTRATOR}))
    mia = add_person(own)

    assert refused(lambda: Administration(own).change_person(ADMIN, replace(mia, **changes), NOW)) == fault


def test_the_last_administrator_stays(desk: Administration, database: Database) -> None:
    """Also when two demote each other at the same moment."""
    ada = add_person(database, email="ada@example.org", roles=frozenset({Role.ADMINISTRATOR}))
    bea = add_person(database, email="bea@example.org", roles=frozenset({Role.ADMINISTRATOR}))
    outcomes: list[str] = []

    def demote(by: Person, other: Person) -> None:
        try:
            desk.change_person(by, replace(other, roles=frozenset({Role.AGENT})), NOW)
            outcomes.append("done")
        except InvalidInput as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=demote, args=pair) for pair in ((ada, bea), (bea, ada))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["done", "last_administrator"]
    (left,) = [each for each in (desk.person(ada.id), desk.person(bea.id)) if Role.ADMINISTRATOR in each.roles]
    assert refused(lambda: desk.change_person(None, replace(left, is_active=False), NOW)) == (
        "roles",
        "last_administrator",
    )


def test_sessions_end_where_rights_change(own: Database) -> None:
    """Roles, and who may not sign in any more; a new name does not sign anybody out."""
    desk = Administration(own)
    add_person(own, email="ada@example.org", roles=frozenset({Role.ADMINISTRATOR}))
    mia = add_person(own)

    def sign_ins() -> int:
        with own.read() as connection:
            return len(connection.execute(schema.sessions.select()).all())

    counts = []
    for change in (
        {"name": "Other"},
        {"roles": frozenset({Role.WRITER})},
        {"is_active": False},
    ):
        with own.write() as connection:
            people_store.open_session(connection, f"key{change}"[:64], mia.id, NOW, timedelta(hours=1))
        mia = desk.change_person(ADMIN, replace(mia, **change), NOW)
        counts.append(sign_ins())

    assert counts == [1, 0, 0]


@pytest.mark.parametrize("change", [{"is_active": False}, {"roles": frozenset({Role.WRITER})}])
def test_who_works_no_more_gives_their_tickets_back(
    change: dict[str, Any], desk: Administration, database: Database
) -> None:
    """The unsolved ones, in the administrator's name; the next who asks for a ticket gets one, also the administrator."""
    ada = hire(database, "Ada Kent", roles=frozenset({Role.ADMINISTRATOR}))
    mia, boris = hire(database), hire(database, "Boris Orlow")
    mine = {"owner_id": mia.id, "owner_name": mia.name}
    waiting = opened(database, **mine, status=Status.WAITING_REQUESTER)
    gap = opened(database, **mine, kind=Kind.GAP, fingerprint="f" * 32, status=Status.OPEN)
    solved = opened(database, **mine, status=Status.SOLVED)
    other = opened(database, owner_id=boris.id, owner_name=boris.name, status=Status.OPEN)

    renamed = desk.change_person(ada, replace(mia, name="Mia Huber"), NOW)
    assert found(database, waiting).owner_id == mia.id
    desk.change_person(ada, replace(renamed, **change), NOW)

    owners = [found(database, each).owner_id for each in (waiting, gap, solved, other)]
    assert owners == [None, None, mia.id, boris.id]
    (event,) = history(database, waiting)
    assert (event.action, event.actor.name, event.after) == (Action.GIVE_BACK, "Ada Kent", Status.WAITING_REQUESTER)
    assert desk.history("person")[0].after == {
        name: sorted(value) if isinstance(value, frozenset) else value for name, value in change.items()
    }
    taken = working_desk(database).next_ticket(ada, NOW)
    assert taken is not None
    assert taken.id == waiting
    assert desk.load()["people"][mia.id] == 0


def test_a_change_that_is_refused_gives_nothing_back(own: Database) -> None:
    """One transaction: tickets and person, or neither."""
    ada = hire(own, "Ada Kent", roles=frozenset({Role.ADMINISTRATOR}))
    number = opened(own, owner_id=ada.id, owner_name=ada.name, status=Status.OPEN)

    assert refused(lambda: Administration(own).change_person(ada, replace(ada, is_active=False), NOW))[1] == (
        "last_administrator"
    )
    assert found(own, number).owner_id == ada.id
