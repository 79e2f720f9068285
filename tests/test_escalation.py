"""Rules escalate: each once, in whichever process, late rather than never."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from portal.desk import clockwork
from portal.desk.escalation import Escalation
from portal.organisation import Clock, Effect
from portal.storage import Database
from portal.storage.notices import About
from portal.storage.schema import events, rule_runs
from portal.storage.schema import people as people_table
from portal.storage.schema import tickets as table
from portal.tickets import SYSTEM, Action, Actor, Kind, Status
from tests.builders import NOW
from tests.escalating import DUE, LATER, MINUTE, Desk, rule
from tests.processes import context


@pytest.fixture
def desk(database: Database) -> Desk:
    """A desk, on each of the engines."""
    return Desk(database)


def test_what_nobody_has_touched_goes_to_the_next_tier(desk: Desk) -> None:
    """At the moment at which it is due, with its reason; nobody is told who did not have it."""
    number = desk.open()

    before, at_last = desk.escalation.run(DUE - MINUTE), desk.escalation.run(DUE)

    assert (before, at_last) == (0, 1)
    risen = desk.get(number)
    assert (risen.tier, risen.status, risen.owner_id) == (2, Status.NEW, None)
    (event,) = desk.escalations(number)
    assert (event.at, event.actor) == (DUE, SYSTEM)
    assert event.details == {"from": "1", "to": "2", "rule": "1", "clock": "tier"}
    assert desk.told(desk.l1, About.ESCALATED) == desk.told(desk.l2, About.ESCALATED) == []


def test_once_is_enough(desk: Desk) -> None:
    """However often the rounds are done, and although the clock of L2 ends as well: its rule is for L1 alone."""
    number = desk.open()

    runs = [desk.escalation.run(DUE + n * 60 * MINUTE) for n in range(4)]

    assert runs[0] == 1
    assert len(desk.escalations(number)) == 1
    assert desk.get(number).tier == 2


def test_the_former_owner_is_told(desk: Desk) -> None:
    """Of a request that was given to somebody who did nothing."""
    number = desk.open()
    given = {"owner_id": desk.l1.id, "owner_name": desk.l1.name}
    desk.do(number, Action.ASSIGN, NOW + MINUTE, SYSTEM, changes=given, details={"name": desk.l1.name})

    desk.escalation.run(LATER)

    assert desk.get(number).owner_id is None
    assert desk.get(number).owner_name == ""
    assert desk.told(desk.l1, About.ESCALATED) == [number]


@pytest.mark.parametrize(
    "action", [Action.TAKE, Action.NOTE, Action.REPLY, Action.SOLVE, Action.PLAN, Action.MARK_SPAM, Action.CLASSIFY]
)
def test_what_somebody_has_begun_with_stays(desk: Desk, action: Action) -> None:
    """The first action of the tier stops its clock."""
    number = desk.open()
    desk.do(number, action, NOW + MINUTE)

    assert desk.escalation.run(LATER) == 0
    assert desk.get(number).tier == 1


def test_what_is_taken_back_has_not_stopped_the_clock(desk: Desk) -> None:
    """A reply that its author withdrew within seconds."""
    number = desk.open()
    desk.do(number, Action.REPLY, NOW + MINUTE)
    desk.do(number, Action.RETRACT, NOW + MINUTE, changes={"status": Status.NEW})

    assert desk.escalation.run(LATER) == 1
    assert desk.get(number).tier == 2


def test_gaps_and_what_is_done_never_rise(desk: Desk) -> None:
    """Nobody waits for them."""
    gap = desk.open(kind=Kind.GAP, fingerprint="f" * 32)
    done = desk.open(status=Status.CLOSED)

    assert desk.escalation.run(LATER) == 0
    for number in (gap, done):
        kept = desk.get(number)
        assert (kept.tier, kept.clocked, kept.version, kept.due_at, kept.rule_at) == (1, 1, 1, None, None)


def test_nothing_rises_while_it_waits_for_the_requester(desk: Desk) -> None:
    """Then the clock of the resolution goes on where it stopped."""
    desk.rules(rule(Clock.RESOLUTION, -15 * 60, Effect.ESCALATE))
    number = desk.open()
    desk.do(number, Action.ASK_REQUESTER, NOW + 30 * MINUTE)
    waiting = desk.escalation.run(NOW + timedelta(days=1))
    desk.do(number, Action.REQUESTER_REPLY, NOW + timedelta(days=1), Actor(None, "Anna"))

    too_soon = desk.escalation.run(NOW + timedelta(days=1, minutes=29))
    at_last = desk.escalation.run(NOW + timedelta(days=1, minutes=30))

    assert (waiting, too_soon, at_last) == (0, 0, 1)
    assert desk.get(number).tier == 2


def test_nothing_rises_out_of_hours(desk: Desk) -> None:
    """Sent on Friday evening, due on Monday morning."""
    number = desk.open(after=timedelta(days=4, hours=7, minutes=20))

    assert desk.escalation.run(NOW + timedelta(days=6)) == 0
    assert desk.get(number).due_at == datetime.fromisoformat("2026-03-09T09:05+00:00")
    assert desk.escalation.run(NOW + timedelta(days=7)) == 1


def test_a_tier_whom_nobody_serves_is_passed_over(desk: Desk) -> None:
    """Who has left serves no tier."""
    with desk.database.write() as connection:
        connection.execute(update(people_table).where(people_table.c.id == desk.l2.id).values(is_active=False))
    number = desk.open()

    desk.escalation.run(LATER)

    assert desk.get(number).tier == 3


def test_a_tier_that_is_not_used_is_passed_over(desk: Desk) -> None:
    """The organisation has no L2."""
    desk.change(replace(desk.setup().tiers[2], is_active=False))
    number = desk.open()

    desk.escalation.run(LATER)

    assert desk.get(number).tier == 3


def test_nothing_goes_to_suppliers_by_itself(desk: Desk) -> None:
    """Above L3 stand the supervisors, who are told once."""
    desk.rules(rule(effect=Effect.ESCALATE))
    desk.hire("outside@example.org", 4)
    desk.change(replace(desk.setup().tiers[3], minutes=15))
    number = desk.open(tier=3)

    runs = [desk.escalation.run(LATER + n * MINUTE) for n in range(3)]

    assert runs == [1, 0, 0]
    assert desk.get(number).tier == 3
    assert desk.told(desk.boss, About.WARNING) == [number]


def test_after_hours_of_downtime_a_request_rises_step_by_step(desk: Desk) -> None:
    """The clock of the next tier begins when it comes there, not when it should have come."""
    desk.rules(rule(effect=Effect.ESCALATE))
    number = desk.open()
    back = NOW + timedelta(hours=5)

    steps = [(desk.escalation.run(back + n * 60 * MINUTE), desk.get(number).tier) for n in range(3)]

    assert steps == [(1, 2), (0, 2), (1, 3)]
    assert [event.at for event in desk.escalations(number)] == [back, back + 120 * MINUTE]


def test_two_rules_that_are_due_raise_it_one_tier_each_run(desk: Desk) -> None:
    """What else is due is looked at as things are then."""
    desk.rules(rule(Clock.FIRST_REPLY, effect=Effect.ESCALATE), rule(Clock.FIRST_REPLY, 30, Effect.ESCALATE))
    number = desk.open()
    back = NOW + timedelta(hours=6)

    assert [(desk.escalation.run(back), desk.get(number).tier) for _ in range(3)] == [(1, 2), (1, 3), (0, 3)]


def test_many_overdue_requests_are_worked_off_in_bounded_runs(desk: Desk) -> None:
    """The longest due first; none is left, none is done twice."""
    desk.open(60)
    first = desk.open(after=-timedelta(minutes=20))
    back = NOW + timedelta(hours=3)

    runs = [desk.escalation.run(back, limit=20) for _ in range(2)]

    with desk.database.read() as connection:
        order = list(
            connection.execute(
                select(events.c.ticket_id).where(events.c.action == "escalate").order_by(events.c.id)
            ).scalars()
        )
    assert order == [first, *range(1, 40)]
    assert runs + [desk.escalation.run(back, limit=20) for _ in range(3)] == [20, 20, 20, 1, 0]


def test_a_clock_that_was_put_back_does_no_harm(desk: Desk) -> None:
    """Nothing is done twice, and nothing before its time."""
    desk.rules(rule(effect=Effect.ESCALATE))
    number = desk.open()
    desk.escalation.run(LATER)

    back = [desk.escalation.run(NOW - timedelta(hours=n)) for n in (0, 5)]
    again = desk.open(after=-timedelta(hours=1))

    assert back == [0, 0]
    assert desk.escalation.run(LATER + MINUTE) == 1
    assert (desk.get(number).tier, desk.get(again).tier) == (2, 2)


def test_a_run_that_breaks_leaves_nothing_half_done(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a rule that is noted and not applied, nor the reverse."""
    number = desk.open()

    def breaks(*_arguments: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(clockwork, "refresh", breaks)
        with pytest.raises(OSError, match="full"):
            desk.escalation.run(LATER)
    with desk.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(rule_runs)).scalar_one() == 0
    assert desk.get(number).tier == 1

    assert desk.escalation.run(LATER) == 1
    assert desk.get(number).tier == 2


def _run_in_a_process(url: str, now: datetime, start: Any) -> None:
    """Do the rounds a few times, beginning with the others."""
    database = Database(url)
    start.wait()
    for _ in range(3):
        # Who waits too long for the others leaves it to the next round, as the ticker does.
        with suppress(OperationalError):
            Escalation(database).run(now)
    database.close()


def test_four_processes_escalate_each_request_once(desk: Desk) -> None:
    """Three hundred overdue requests, and everybody at them at once."""
    desk.open(300)
    now = LATER + 5 * MINUTE
    start = context.Barrier(4)
    workers = [context.Process(target=_run_in_a_process, args=(desk.database.url, now, start)) for _ in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    desk.escalation.run(now, limit=300)

    assert [worker.exitcode for worker in workers] == [0] * 4
    with desk.database.read() as connection:
        risen = events.c.action == Action.ESCALATE.value
        counts = connection.execute(select(func.count()).where(risen).group_by(events.c.ticket_id)).scalars().all()
        assert list(counts) == [1] * 300
        assert connection.execute(select(func.count()).where(table.c.tier == 2)).scalar_one() == 300
        assert connection.execute(select(func.count()).select_from(rule_runs)).scalar_one() == 300
