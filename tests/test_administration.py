"""Setting the desk up: checked, recorded, safe against two at once."""

from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest

from portal.desk.administration import Administration
from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket
from portal.organisation import (
    Calendar,
    Clock,
    Effect,
    Hours,
    Policy,
    Route,
    Rule,
    SavedReply,
    Supplier,
    Target,
    Tier,
)
from portal.people import Role
from portal.storage import Database, audit, schema
from portal.storage import tickets as ticket_store
from portal.tickets import Status
from tests.builders import NOW, person, ticket
from tests.organising import ADMIN, SUPERVISOR, add_person, refused
from tests.postgres import database_at

NINE_TO_FIVE = (Hours(time(9), time(17)),)


@pytest.fixture
def desk(database: Database) -> Administration:
    """The use case on a new desk."""
    return Administration(database)


@pytest.fixture
def own(tmp_path: Any) -> Database:
    """One database on SQLite, for what is the same on both."""
    return database_at(tmp_path / "own.db")


NEW: list[Any] = [
    Calendar(0, "Nights", "Europe/Berlin", (NINE_TO_FIVE,) * 7, frozenset({date(2026, 12, 25)})),
    Rule(0, "", Clock.TIER, 0, Effect.ESCALATE, (2,), (4, 5), ("de",)),
    Route("printers", 2, 4),
    Supplier(0, "ACME", "help@acme.example", shared=frozenset({"name"}), contract_until=date(2027, 1, 31)),
    SavedReply(0, "Thanks", {"en": "Thank you, {name}."}, {"en": "Is it solved?"}),
]


@pytest.mark.parametrize("item", NEW, ids=lambda item: type(item).__name__)
def test_what_is_added_is_there_and_recorded_and_can_be_removed(item: Any, desk: Administration) -> None:
    """Each kind, on both databases."""
    kind: Any = type(item)
    key = desk.add(ADMIN, item, NOW)
    added = desk.get(kind, key)
    desk.remove(ADMIN, kind, key, NOW)
    removed, made = desk.history(limit=2)

    assert added == (replace(item, id=key) if hasattr(item, "id") else item)
    assert (made.action, made.key, made.actor_name, made.person_id) == ("add", str(key), "Ada", 1)
    assert (removed.action, removed.subject, removed.after) == ("remove", made.subject, {})
    assert made.after.items() <= removed.before.items()
    with pytest.raises(NotFound):
        desk.get(kind, key)


def test_a_change_records_only_what_changed(desk: Administration) -> None:
    """Before and after; a change that changes nothing leaves no trace."""
    tier = desk.get(Tier, 1)

    desk.change(ADMIN, replace(tier, minutes=20, names={"de": " Annahme "}), NOW)
    desk.change(None, replace(tier, minutes=20, names={"de": "Annahme"}, version=2), NOW)

    (entry,) = desk.history()
    assert (entry.subject, entry.key, entry.at) == ("tier", "1", NOW)
    assert entry.before == {"minutes": 15, "names": {}}
    assert entry.after == {"minutes": 20, "names": {"de": "Annahme"}}
    assert desk.get(Tier, 1).version == 2


@pytest.mark.parametrize("kind", [Calendar, Tier, Target, Rule, Route, Supplier, SavedReply, Policy])
def test_who_may_set_up_what(kind: Any, own: Database) -> None:
    """Supervisors the saved replies, administrators all of it, agents nothing."""
    desk = Administration(own)
    for item in NEW:
        desk.add(None, item, NOW)
    (item, *_) = desk.everything(kind)

    for by in (person(id=3), SUPERVISOR, person(id=4, roles=frozenset({Role.WRITER}))):
        if kind is SavedReply and by is SUPERVISOR:
            desk.change(by, replace(item, name="Other"), NOW)
        else:
            with pytest.raises(NotAllowed):
                desk.change(by, item, NOW)
            with pytest.raises(NotAllowed):
                desk.add(by, item, NOW)
            with pytest.raises(NotAllowed):
                desk.remove(by, kind, 1, NOW)


def test_the_second_of_two_who_change_the_same_is_told(desk: Administration) -> None:
    """And what the first has changed can be looked up."""
    read_by_both = desk.get(Target, 3)
    desk.change(ADMIN, replace(read_by_both, first_reply=60), NOW)
    desk.change(ADMIN, replace(read_by_both, first_reply=60, resolution=600, version=2), NOW)

    with pytest.raises(StaleTicket):
        desk.change(ADMIN, replace(read_by_both, first_reply=30), NOW)

    second, first = desk.since(read_by_both)
    assert (first.after, second.after) == ({"first_reply": 60}, {"resolution": 600})
    assert desk.since(desk.get(Target, 3)) == []


@pytest.mark.parametrize("item", [Tier(5), Tier(1), Target(3, 1, 1), Policy()])
def test_tiers_priorities_and_the_policy_are_always_the_same_ones(item: Any, own: Database) -> None:
    """None is added, none is removed."""
    desk = Administration(own)

    with pytest.raises(InvalidInput):
        desk.add(ADMIN, item, NOW)
    assert refused(lambda: desk.remove(ADMIN, type(item), 1, NOW)) == ("name", "in_use")
    assert [tier.number for tier in desk.everything(Tier)] == [1, 2, 3, 4]


def test_what_is_in_use_stays(desk: Administration, database: Database) -> None:
    """A calendar of a tier, a person or the desk; a supplier with cases; a tier with tickets or topics."""
    calendar = desk.add(ADMIN, NEW[0], NOW)
    supplier = desk.add(ADMIN, NEW[3], NOW)
    add_person(database, calendar_id=calendar)
    with database.write() as connection:
        number = ticket_store.create(connection, ticket(tier=3))
        connection.execute(
            schema.cases.insert().values(
                ticket_id=number,
                supplier_id=supplier,
                reference="",
                is_open=False,
                opened_at=NOW,
                reminders=0,
                version=1,
            )
        )
    desk.add(ADMIN, NEW[2], NOW)

    assert refused(lambda: desk.remove(ADMIN, Calendar, 1, NOW)) == ("name", "in_use")
    assert refused(lambda: desk.remove(ADMIN, Calendar, calendar, NOW)) == ("name", "in_use")
    assert refused(lambda: desk.remove(ADMIN, Supplier, supplier, NOW)) == ("name", "in_use")
    for tier in (2, 3):
        left = replace(desk.get(Tier, tier), is_active=False)
        assert refused(lambda left=left: desk.change(ADMIN, left, NOW)) == ("is_active", "in_use")  # type: ignore[misc]
    assert desk.uses(Tier, 3) == {"tickets": 1}
    assert desk.uses(Tier, 2) == {"routes": 1}
    assert desk.uses(Calendar, 1) == {"policy": 1}
    assert desk.uses(Calendar, calendar) == {"people": 1}
    assert desk.load() == {"tiers": {3: 1}, "people": {}}
    desk.change(ADMIN, replace(desk.get(Supplier, supplier), is_active=False), NOW)
    desk.change(ADMIN, replace(desk.get(Tier, 4), is_active=False), NOW)
    assert refused(lambda: desk.add(ADMIN, Route("vpn", 3, 9), NOW)) == ("impact", "out_of_range")


def test_references_lead_somewhere(own: Database) -> None:
    """A calendar that is there, a tier that is used."""
    desk = Administration(own)
    desk.change(ADMIN, replace(desk.get(Tier, 3), is_active=False), NOW)

    assert refused(lambda: desk.change(ADMIN, replace(desk.get(Policy, 1), calendar_id=9), NOW)) == (
        "calendar_id",
        "invalid",
    )
    assert refused(lambda: desk.add(ADMIN, Route("vpn", 3), NOW)) == ("tier", "inactive")
    assert refused(lambda: desk.change(ADMIN, replace(desk.get(Tier, 1), is_active=False), NOW)) == (
        "is_active",
        "invalid",
    )
    assert refused(lambda: desk.add(ADMIN, replace(NEW[0], name="9–17"), NOW)) == ("name", "taken")


@pytest.mark.parametrize(
    ("item", "restarts"),
    [
        (Tier(1, minutes=20), True),
        (Target(3, 5, 50), True),
        (Calendar(1, "9–17", "", (NINE_TO_FIVE,) * 7), True),
        (Rule(1, "", Clock.TIER, 0, Effect.ESCALATE, is_active=False), True),
        (Policy(close_days=3, calendar_id=1), True),
        (NEW[2], False),
        (NEW[3], False),
        (NEW[4], False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_clocks_start_anew_where_their_rules_change(item: Any, restarts: bool, own: Database) -> None:
    """Of unsolved tickets, in the same transaction."""
    desk = Administration(own)
    with own.write() as connection:
        numbers = [
            ticket_store.create(connection, ticket(status=status)) or 0 for status in (Status.OPEN, Status.SOLVED)
        ]
        connection.execute(schema.tickets.update().values(clocked=1))

    if restarts:
        desk.change(None, item, NOW)
    else:
        desk.add(None, item, NOW)

    with own.read() as connection:
        fresh = [ticket_store.get(connection, number).clocked == 1 for number in numbers]
    assert fresh == [not restarts, True]


def test_a_change_that_is_refused_leaves_nothing(own: Database) -> None:
    """Of several at once none is kept where one is wrong."""
    desk = Administration(own)
    first, second = desk.get(Target, 1), desk.get(Target, 2)

    changes = [replace(first, first_reply=7), replace(second, first_reply=0)]
    assert refused(lambda: desk.change_all(ADMIN, changes, NOW)) == ("first_reply", "out_of_range")

    assert desk.get(Target, 1) == first
    assert desk.history() == []


def test_there_is_an_end_to_how_many(own: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kind grows without bound."""
    monkeypatch.setattr("portal.desk.changes.MOST", 3)

    assert refused(lambda: Administration(own).add(ADMIN, NEW[1], NOW)) == ("name", "too_many")


def test_the_audit_log_is_paged_and_filtered(database: Database) -> None:
    """Newest first; what stays the same is left out; secrets are nobody's to give."""
    with database.write() as connection:
        for number in range(5):
            audit.record(connection, NOW, ADMIN, "change", "tier", number, {"a": 1, "b": 2}, {"a": 1, "b": number})
        audit.record(connection, NOW, None, "add", "person", "x" * 300, {}, {"name": ""}, actor_name="portal staff")

    with database.read() as connection:
        newest = audit.newest(connection, limit=2)
        older = audit.newest(connection, "tier", after_id=newest[-1].id, limit=2)
        mine = audit.newest(connection, "tier", key=3)

    assert [entry.key for entry in newest] == ["x" * 120, "4"]
    assert newest[0].after == {"name": ""}
    assert (newest[0].person_id, newest[0].actor_name) == (None, "portal staff")
    assert [entry.key for entry in older] == ["3", "2"]
    assert [entry.before for entry in mine] == [{"b": 2}]
