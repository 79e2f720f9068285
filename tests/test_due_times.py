"""The times that are kept with a ticket: when it is due, and when a rule may apply."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from portal.desk import clockwork
from portal.organisation import Organisation
from portal.storage import Database, organisation
from portal.storage import clockwork as clock_store
from portal.storage import tickets as store
from portal.tickets import Action, Status
from tests.builders import NOW
from tests.escalating import DUE, MINUTE, Desk


@pytest.fixture
def desk(database: Database) -> Desk:
    """A desk, on each of the engines."""
    return Desk(database)


def test_the_first_of_the_running_clocks_is_kept(desk: Desk) -> None:
    """When it is due, which it is, and when a rule may apply; the version stays."""
    number = desk.open()

    assert clockwork.refresh_stale(desk.database, "UTC", NOW) == 1
    opened = desk.get(number)
    assert (opened.due_at, opened.due_clock, opened.rule_at) == (DUE, "tier", DUE)
    assert (opened.version, opened.clocked) == (1, 1)
    assert clockwork.refresh_stale(desk.database, "UTC", NOW) == 0

    desk.do(number, Action.NOTE, NOW + MINUTE)
    assert clockwork.refresh_stale(desk.database, "UTC", NOW) == 1
    noted = desk.get(number)
    assert (noted.due_at, noted.due_clock, noted.rule_at) == (NOW + 240 * MINUTE, "first_reply", NOW + 230 * MINUTE)

    desk.do(number, Action.ASK_REQUESTER, NOW + MINUTE)
    clockwork.refresh_stale(desk.database, "UTC", NOW)
    waiting = desk.get(number)
    assert (waiting.due_at, waiting.due_clock, waiting.rule_at) == (None, "", None)
    assert (waiting.version, waiting.clocked) == (3, 3)


def test_tickets_are_computed_in_bounded_batches(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one transaction takes, and no more than were asked for."""
    monkeypatch.setattr(clockwork, "BATCH", 4)
    desk.open(10)
    desk.open(3, status=Status.SOLVED)

    assert [clockwork.refresh_stale(desk.database, "UTC", NOW, limit=9) for _ in range(3)] == [9, 4, 0]


def test_one_ticket_is_computed_in_the_transaction_that_changes_it(desk: Desk) -> None:
    """A second look finds nothing to do."""
    number = desk.open()
    with desk.database.write() as connection:
        setup = organisation.load(connection)
        open_ = clockwork.refresh(connection, store.get(connection, number, lock=True), setup, NOW)
        stale = clockwork.refresh(connection, replace(open_, version=9), setup, NOW)
    assert open_ == desk.get(number)
    assert open_.due_at == DUE
    assert stale == replace(open_, version=9)

    done = desk.do(number, Action.SOLVE, NOW)
    with desk.database.write() as connection:
        still = clockwork.refresh(connection, done, setup, NOW)
    assert still == desk.get(number)
    assert (still.due_at, still.due_clock, still.rule_at, still.clocked) == (None, "", None, 2)


def test_new_promises_hold_for_open_requests(desk: Desk) -> None:
    """The clocks of all of them are computed anew, and rules that are new apply."""
    number = desk.open()
    clockwork.refresh_stale(desk.database, "UTC", NOW)

    desk.change(replace(desk.setup().tiers[1], minutes=5))

    assert desk.get(number).clocked < 0
    assert desk.escalation.run(NOW + 6 * MINUTE) == 1


def test_who_computed_by_old_promises_cannot_store_it(desk: Desk) -> None:
    """A change of the set-up between reading and storing wins, however often there was one before."""
    number = desk.open()
    with desk.database.write() as connection:
        clockwork.restart(connection)
    with desk.database.read() as connection:
        (read,) = clock_store.timed(connection, [number])
    with desk.database.write() as connection:
        clockwork.restart(connection)

    with desk.database.write() as connection:
        assert not clock_store.put(connection, read, clock_store.Times(DUE, "tier", None))
    assert desk.get(number).due_at is None
    assert clockwork.refresh_stale(desk.database, "UTC", NOW) == 1


def test_what_is_changed_meanwhile_is_left_for_the_next_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is locked while it is computed."""
    number = desk.open()
    load: Callable[..., Organisation] = organisation.load

    def meanwhile(connection: Any, zone: str) -> Organisation:
        connection.rollback()
        desk.do(number, Action.NOTE, NOW + MINUTE)
        return load(connection, zone)

    with monkeypatch.context() as patch:
        patch.setattr(organisation, "load", meanwhile)
        assert clockwork.refresh_stale(desk.database, "UTC", NOW) == 0

    assert clockwork.refresh_stale(desk.database, "UTC", NOW) == 1
    assert desk.get(number).due_clock == "first_reply"
