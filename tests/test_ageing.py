"""What is solved is closed after the days that the organisation chose."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from portal.desk.acting import act
from portal.desk.ageing import Ageing
from portal.organisation import Policy
from portal.storage import Database, organisation
from portal.storage import tickets as store
from portal.storage.schema import events
from portal.tickets import SYSTEM, Action, Actor, Kind, Resolution, Status, Ticket
from tests.builders import NOW, ticket
from tests.processes import context

MIA = Actor(None, "Mia Lindt")
WEEK = timedelta(days=7)


def solved(database: Database, at: datetime = NOW, count: int = 1, **changes: object) -> int:
    """Requests that were solved, each a second after the other; the number of the last."""
    with database.write() as connection:
        for n in range(count):
            number = store.create(connection, ticket(**changes)) or 0
            found, when = store.get(connection, number), at + timedelta(seconds=n)
            act(connection, found, Action.SOLVE, when, MIA, text="Done.", resolution=Resolution.ANSWERED)
    return number


def get(database: Database, number: int) -> Ticket:
    """A ticket as it stands."""
    with database.read() as connection:
        return store.get(connection, number)


def policy(database: Database, days: int) -> None:
    """Choose the days."""
    with database.write() as connection:
        organisation.save(connection, replace(organisation.everything(connection, Policy)[0], close_days=days))


def test_a_solved_request_is_closed_after_a_week(database: Database) -> None:
    """By the system, with its reason, once."""
    number = solved(database)
    ageing = Ageing(database)

    assert ageing.run(NOW + WEEK - timedelta(seconds=1)) == 0
    assert ageing.run(NOW + WEEK) == 1
    assert ageing.run(NOW + WEEK) == 0

    closed = get(database, number)
    assert (closed.status, closed.closed_at, closed.resolution) == (Status.CLOSED, NOW + WEEK, Resolution.ANSWERED)
    with database.read() as connection:
        event = store.history(connection, number)[-1]
    assert (event.action, event.actor, event.details) == (Action.CLOSE, SYSTEM, {"after_days": "7"})


def test_days_are_those_of_the_desk(database: Database) -> None:
    """A week in which clocks go forward is an hour shorter."""
    before = datetime(2026, 3, 25, 12, tzinfo=UTC)
    solved(database, before)

    assert Ageing(database, "Europe/Berlin").run(before + WEEK - timedelta(hours=1, seconds=1)) == 0
    assert Ageing(database, "Europe/Berlin").run(before + WEEK - timedelta(hours=1)) == 1


@pytest.mark.parametrize(("days", "closed"), [(0, 0), (1, 1), (30, 0)])
def test_the_organisation_chooses_the_days(database: Database, days: int, closed: int) -> None:
    """0 is never."""
    solved(database)
    policy(database, days)

    assert Ageing(database).run(NOW + timedelta(days=8)) == closed


def test_only_requests_that_are_solved_are_closed(database: Database) -> None:
    """Neither gaps nor what has been opened again."""
    gap = solved(database, kind=Kind.GAP, fingerprint="f" * 32)
    again = solved(database)
    with database.write() as connection:
        act(connection, store.get(connection, again), Action.REOPEN, NOW, MIA)

    assert Ageing(database).run(NOW + timedelta(days=365)) == 0
    assert get(database, gap).status is Status.SOLVED
    assert get(database, again).status is Status.OPEN


def test_many_are_closed_in_bounded_runs(database: Database) -> None:
    """The longest solved first."""
    late = solved(database, NOW + timedelta(hours=1))
    solved(database, NOW, 24)
    ageing = Ageing(database)

    runs = [ageing.run(NOW + timedelta(days=8), limit=10) for _ in range(2)]
    still_open = get(database, late).status

    assert still_open is Status.SOLVED
    assert [*runs, *(ageing.run(NOW + timedelta(days=8), limit=10) for _ in range(2))] == [10, 10, 5, 0]


def test_a_clock_that_was_put_back_closes_nothing(database: Database) -> None:
    """What was solved in the future waits."""
    solved(database)

    assert Ageing(database).run(NOW - WEEK) == 0


def _run_in_a_process(url: str, now: datetime, start: Any) -> None:
    """Close what is old, beginning with the others."""
    database = Database(url)
    start.wait()
    for _ in range(2):
        # Who waits too long for the others leaves it to the next round, as the ticker does.
        with suppress(OperationalError):
            Ageing(database).run(now)
    database.close()


def test_four_processes_close_each_request_once(database: Database) -> None:
    """Everybody at them at once."""
    solved(database, NOW, 200)
    now, start = NOW + timedelta(days=8), context.Barrier(4)
    workers = [context.Process(target=_run_in_a_process, args=(database.url, now, start)) for _ in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    Ageing(database).run(now)

    assert [worker.exitcode for worker in workers] == [0] * 4
    with database.read() as connection:
        is_close = events.c.action == Action.CLOSE.value
        counts = connection.execute(select(func.count()).where(is_close).group_by(events.c.ticket_id)).scalars().all()
    assert list(counts) == [1] * 200
