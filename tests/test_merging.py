"""Merging on every database: what becomes a duplicate of what, without circles, also by two at once."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal.desk.acting import act
from portal.desk.merging import Merging
from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket, TransitionRefused
from portal.people import Role
from portal.storage import Database
from portal.storage import merging as known
from portal.storage import tickets as store
from portal.storage.schema import tickets as table
from portal.tickets import Action, Actor, Kind, Status
from tests.builders import person
from tests.postgres import database_at
from tests.processes import context
from tests.storing import LATER, POSTING, add, agent, get, history, solve
from tests.test_subscribing import mails


def test_a_request_becomes_a_duplicate_and_both_histories_say_so(database: Database) -> None:
    """The other one stays as it is; nobody is mailed."""
    mia, first, second = agent(database), add(database), add(database, language="fr", subject="Imprimante")

    merged = Merging(database, POSTING).merge(mia, second.id, first.id, LATER, second.version)

    assert (merged.status, merged.duplicate_of) == (Status.DUPLICATE, first.id)
    assert get(database, second) == merged
    assert get(database, first).status is Status.NEW
    marked, absorbed = history(database, second)[-1], history(database, first)[-1]
    assert (marked.action, marked.details, marked.actor) == (
        Action.MARK_DUPLICATE,
        {"of": str(first.id)},
        Actor(mia.id, mia.name),
    )
    assert (absorbed.action, absorbed.details) == (Action.ABSORB, {"other": str(second.id)})
    assert not marked.is_public
    assert not absorbed.is_public
    assert mails(database) == []


def test_a_second_press_changes_nothing(database: Database) -> None:
    """Not even with the version that the page had shown."""
    mia, first, second = agent(database), add(database), add(database)
    merging = Merging(database, POSTING)
    merged = merging.merge(mia, second.id, first.id, LATER, second.version)

    again = merging.merge(mia, second.id, first.id, LATER, second.version)

    assert again == merged
    assert [event.action for event in history(database, first)] == [Action.OPENED, Action.ABSORB]


def test_a_duplicate_stands_for_its_master(database: Database) -> None:
    """Who merges into a duplicate means the ticket that it stands behind, however many are between."""
    mia, merging = agent(database), Merging(database, POSTING)
    chain = [add(database) for _ in range(4)]
    merging.merge(mia, chain[1].id, chain[0].id, LATER)
    merging.merge(mia, chain[2].id, chain[1].id, LATER)

    merged = merging.merge(mia, chain[3].id, chain[2].id, LATER)

    assert [get(database, each).duplicate_of for each in chain] == [None, *[chain[0].id] * 3]
    assert merged.duplicate_of == chain[0].id


def test_two_cannot_be_duplicates_of_each_other(database: Database) -> None:
    """The second merging is one into itself, also over a third one."""
    mia, merging = agent(database), Merging(database, POSTING)
    first, second, third = (add(database) for _ in range(3))
    merging.merge(mia, second.id, first.id, LATER)
    merging.merge(mia, first.id, third.id, LATER)

    assert merging.merge(mia, first.id, second.id, LATER) == get(database, first)
    for number, into in ((third, second), (third, first), (third, third)):
        with pytest.raises((InvalidInput, TransitionRefused)) as refused:
            merging.merge(mia, number.id, into.id, LATER)
        if isinstance(refused.value, InvalidInput):
            assert (refused.value.field, refused.value.code) == ("into", "itself")

    assert (get(database, first).duplicate_of, get(database, third).duplicate_of) == (third.id, None)


@pytest.mark.parametrize(
    ("changes", "into", "code"),
    [
        ({}, {"status": Status.SPAM}, "closed"),
        ({}, {"status": Status.CLOSED}, "closed"),
        ({}, {"kind": Kind.GAP}, "invalid"),
        ({"kind": Kind.GAP}, {}, "invalid"),
        ({"kind": Kind.GAP}, {"kind": Kind.GAP, "language": "fr"}, "invalid"),
        ({"kind": Kind.GAP}, {"kind": Kind.OVERFLOW}, "invalid"),
        ({"kind": Kind.OVERFLOW}, {"kind": Kind.GAP}, "invalid"),
        ({"kind": Kind.GAP}, {"kind": Kind.GAP, "status": Status.SOLVED}, "closed"),
    ],
)
def test_what_cannot_be_merged(changes: dict[str, Any], into: dict[str, Any], code: str, database: Database) -> None:
    """Nothing has changed afterwards."""
    mia, first, second = agent(database), add(database, **changes), add(database, **into)

    with pytest.raises(InvalidInput) as refused:
        Merging(database, POSTING).merge(mia, first.id, second.id, LATER)

    assert (refused.value.field, refused.value.code) == ("into", code)
    assert (get(database, first), get(database, second)) == (first, second)


@pytest.mark.parametrize("into", [0, -1, 999_999, 2**40])
def test_into_nothing(into: int, database: Database) -> None:
    """A number that no ticket has."""
    mia, first = agent(database), add(database)

    with pytest.raises(InvalidInput) as refused:
        Merging(database, POSTING).merge(mia, first.id, into, LATER)

    assert (refused.value.field, refused.value.code) == ("into", "not_found")


def test_who_may_not_and_what_is_not_there(database: Database) -> None:
    """Writers read; a number without a ticket; a ticket that has changed; one that has ended."""
    writer = agent(database, "w@example.org", roles=frozenset({Role.WRITER}))
    mia, first, second = agent(database), add(database), add(database)
    ended = add(database, status=Status.CLOSED)
    merging = Merging(database, POSTING)

    with pytest.raises(NotAllowed):
        merging.merge(writer, second.id, first.id, LATER)
    with pytest.raises(NotFound):
        merging.merge(mia, 999_999, first.id, LATER)
    with pytest.raises(StaleTicket):
        merging.merge(mia, second.id, first.id, LATER, second.version + 1)
    with pytest.raises(TransitionRefused):
        merging.merge(mia, ended.id, first.id, LATER)


def test_opening_again_parts_them(database: Database) -> None:
    """The duplicate is worked on by itself again, and is not solved with the other."""
    mia, first, second = agent(database), add(database), add(database)
    merging = Merging(database, POSTING)
    merged = merging.merge(mia, second.id, first.id, LATER)
    with database.write() as connection:
        act(connection, merged, Action.REOPEN, LATER, Actor(mia.id, mia.name))

    solved = solve(database, first)

    assert solved == 0
    assert (get(database, second).status, get(database, second).duplicate_of) == (Status.OPEN, None)


def test_the_master_of_a_circle_is_found(database: Database) -> None:
    """What no merging makes, a restored database may have: nothing turns for ever."""
    first, second = add(database, status=Status.DUPLICATE), add(database, status=Status.DUPLICATE)
    with database.write() as connection:
        for one, other in ((first, second), (second, first)):
            connection.execute(table.update().where(table.c.id == one.id).values(duplicate_of=other.id))

        found = known.master(connection, store.get(connection, first.id))

    assert found.id == second.id


def _merge(url: str, person_id: int, pairs: list[tuple[int, int]]) -> None:
    """Merge in a process of its own; what is refused is refused."""
    database = Database(url)
    merging, mia = Merging(database, POSTING), person(id=person_id)
    for number, into in pairs:
        with suppress(InvalidInput, TransitionRefused, StaleTicket):
            merging.merge(mia, number, into, LATER)
    database.close()


def test_two_who_merge_into_each_other_at_once(database: Database) -> None:
    """One of each pair stays; none waits for ever, and none stands behind itself."""
    mia = agent(database)
    pairs = [(add(database).id, add(database).id) for _ in range(15)]
    turned = [(second, first) for first, second in pairs]
    workers = [context.Process(target=_merge, args=(database.url, mia.id, some)) for some in (pairs, turned)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0]
    for first, second in pairs:
        statuses = [get(database, number).status for number in (first, second)]
        assert sorted(statuses) == [Status.DUPLICATE, Status.NEW]


@settings(max_examples=40, deadline=None)
@given(merges=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_however_they_are_merged_there_are_no_circles(
    merges: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every duplicate stands behind one that is none; solving the masters solves all."""
    database = database_at(tmp_path_factory.mktemp("merging") / "portal.db")
    mia, merging = agent(database), Merging(database, POSTING)
    numbers = [add(database).id for _ in range(6)]
    for number, into in merges:
        with suppress(InvalidInput, TransitionRefused):
            merging.merge(mia, numbers[number], numbers[into], LATER)

    with database.read() as connection:
        rows = connection.execute(select(table.c.id, table.c.status)).all()
        masters = {row.id: known.master(connection, store.get(connection, row.id)) for row in rows}
    assert all(found.status is Status.NEW for found in masters.values())
    for number in {found.id for found in masters.values()}:
        solve(database, get(database, number))
    assert {get(database, number).status for number in numbers} == {Status.SOLVED}
    database.close()


def test_a_second_press_waits_for_nobody(database: Database) -> None:
    """Solving locks the other ticket first: who waited for it here, with the duplicate locked, would be in its way."""
    mia, first, second = agent(database), add(database), add(database)
    merging = Merging(database, POSTING)
    merged = merging.merge(mia, first.id, second.id, LATER)

    with database.write() as connection:
        store.get(connection, second.id, lock=True)

        assert merging.merge(mia, first.id, second.id, LATER) == merged
