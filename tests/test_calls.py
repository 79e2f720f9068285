"""Calls: planned in the desk's working time, agreed, and due."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from portal.desk.acting import act
from portal.desk.calls import Outcome
from portal.desk.workdays import next_window
from portal.errors import InvalidInput, NotAllowed, NotFound, TransitionRefused
from portal.organisation import Calendar, Hours, Policy
from portal.people import Person, Role
from portal.storage import Database, organisation
from portal.storage import tickets as store
from portal.storage.callbacks import State
from portal.tickets import Action, Actor, Callback, Kind, Resolution, Status
from tests.asking import in_processes
from tests.builders import NOW
from tests.calling import BERLIN, DAY, HOUR, MINUTE, MONDAY, WANTS, calls, local, planned, tasks
from tests.counting import statements
from tests.working import desk, hire, history, opened, told

OFFICE = Calendar(0, "Office", "Europe/Berlin", (*((Hours(time(9), time(12)), Hours(time(13), time(17))),) * 4, (Hours(time(9), time(13)),), (), ()))  # fmt: skip


@pytest.fixture
def mia(database: Database) -> Person:
    """An agent."""
    return hire(database)


def due(database: Database, who: Person, now: datetime = NOW, **options: Any) -> list[int]:
    """The tickets to call about."""
    with database.read() as connection:
        return [each.task.ticket_id for each in calls(database).due(connection, who, now, **options)]


# Planning


@pytest.mark.parametrize(
    ("callback", "now", "window"),
    [
        (Callback.ANY, MONDAY + 9 * HOUR, ("Mon 02 09:00", "Mon 02 17:00")),
        (Callback.MORNING, MONDAY + 4 * HOUR, ("Mon 02 09:00", "Mon 02 12:00")),
        (Callback.MORNING, MONDAY + 10 * HOUR + 44 * MINUTE, ("Mon 02 09:00", "Mon 02 12:00")),
        (Callback.MORNING, MONDAY + 10 * HOUR + 46 * MINUTE, ("Tue 03 09:00", "Tue 03 12:00")),
        (Callback.AFTERNOON, MONDAY + 10 * HOUR, ("Mon 02 13:00", "Mon 02 17:00")),
        (Callback.AFTERNOON, MONDAY + 3 * DAY + 17 * HOUR, ("Fri 06 12:00", "Fri 06 13:00")),
        (Callback.AFTERNOON, MONDAY + 4 * DAY + 13 * HOUR, ("Mon 09 13:00", "Mon 09 17:00")),
        (None, MONDAY + 5 * DAY, ("Mon 09 09:00", "Mon 09 17:00")),
    ],
)
def test_a_call_is_planned_at_the_next_such_time(
    callback: Callback | None, now: datetime, window: tuple[str, str], database: Database
) -> None:
    """What the requester wished, as far as the desk works then; not in the last minutes, not on free days."""
    with database.write() as connection:
        calendar_id = int(organisation.add(connection, OFFICE))
        policy = organisation.everything(connection, Policy)[0]
        organisation.save(connection, replace(policy, calendar_id=calendar_id))

    _number, task = planned(database, now, callback=callback)

    assert (local(task.start_at), local(task.end_at)) == window
    assert (task.phone, task.time_zone, task.state) == ("+49 30 1234567", "Europe/Berlin", State.OPEN)


@pytest.mark.parametrize(("day", "utc_hour"), [(date(2026, 3, 28), 8), (date(2026, 3, 29), 7), (date(2026, 10, 25), 8)])
def test_hours_are_those_of_the_wall(day: date, utc_hour: int) -> None:
    """Nine in the morning is nine before and after the clocks are changed."""
    begin = datetime.combine(day, time(0), BERLIN)

    start, end = next_window(None, BERLIN, (9, 12), begin, 15 * MINUTE)

    assert (start, end - start) == (datetime(day.year, day.month, day.day, utc_hour, tzinfo=UTC), 3 * HOUR)


def test_holidays_are_left_out_and_a_desk_that_never_works_loops_for_ever_nowhere() -> None:
    """The next working day counts; without any, the next day does."""
    week = (*((Hours(time(9), time(17)),) for _ in range(5)), (), ())
    holiday = replace(OFFICE, week=week, holidays=frozenset({date(2026, 3, 3), date(2026, 3, 4)}))
    never = replace(OFFICE, week=week, holidays=frozenset(date(2026, 1, 1) + n * DAY for n in range(800)))
    evening = MONDAY + 17 * HOUR

    assert local(next_window(holiday, BERLIN, (8, 12), evening, 15 * MINUTE)[0]) == "Thu 05 09:00"
    assert local(next_window(never, BERLIN, (8, 12), evening, 15 * MINUTE)[0]) == "Tue 03 08:00"


def test_each_request_gets_one_call(database: Database) -> None:
    """However often it is looked at; gaps, solved ones, spam and those without a number get none."""
    first = opened(database, **WANTS)
    for changes in (
        {"phone": ""},
        {"status": Status.SPAM},
        {"status": Status.SOLVED},
        {"kind": Kind.GAP, "fingerprint": "f"},
    ):
        opened(database, **WANTS | changes)

    assert [calls(database).plan_new(NOW) for _ in range(3)] == [1, 0, 0]
    assert [task.ticket_id for task in tasks(database, first)] == [first]
    with database.write() as connection:
        setup = organisation.load(connection, "Europe/Berlin")
        assert calls(database).plan(connection, store.get(connection, first), NOW, setup) is None


def _plan(url: str, start: Any, results: Any) -> None:
    """One process of several that plans."""
    database = Database(url)
    start.wait()
    results.put(calls(database).plan_new(NOW))
    database.close()


def test_several_processes_plan_once(database: Database) -> None:
    """No request is called about twice."""
    numbers = [opened(database, **WANTS) for _ in range(12)]

    workers, results, _start = in_processes(3, _plan, str(database.url))
    counted = [results.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join(30)

    assert sum(counted) == 12
    assert all(len(tasks(database, number)) == 1 for number in numbers)


# Agreeing


def test_an_agreed_time_takes_the_place_of_the_wish(database: Database, mia: Person) -> None:
    """In the requester's own zone; one call stays open, and the history says who agreed what."""
    number, _task = planned(database)
    for _ in range(2):
        calls(database).schedule(mia, number, " +7 495 1234567 ", "2026-03-04T15:30", 30, "Europe/Moscow", NOW)

    (task,) = tasks(database, number)
    assert task.start_at == datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
    assert task.end_at - task.start_at == 30 * MINUTE
    assert (task.phone, task.time_zone, task.person_id) == ("+7 495 1234567", "Europe/Moscow", mia.id)
    (event,) = history(database, number)
    assert (event.action, event.is_public) == (Action.PLAN_CALL, False)
    assert event.details == {
        "start": "2026-03-04T12:30:00+00:00", "end": "2026-03-04T13:00:00+00:00", "time_zone": "Europe/Moscow"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"phone": " "}, "phone", "missing"),
        ({"phone": "call me"}, "phone", "invalid_phone"),
        ({"phone": "1234"}, "phone", "invalid_phone"),
        ({"phone": "1" * 41}, "phone", "invalid_phone"),
        ({"start_local": ""}, "start", "missing"),
        ({"start_local": "tomorrow"}, "start", "invalid"),
        ({"start_local": "2026-02-30T10:00"}, "start", "invalid"),
        ({"start_local": "0001-01-01T00:00"}, "start", "invalid"),
        ({"start_local": "9999-12-31T23:59"}, "start", "invalid"),
        ({"start_local": "2028-01-01T10:00"}, "start", "invalid"),
        ({"start_local": "2026-03-29T02:30"}, "start", "invalid"),
        ({"start_local": "2026-03-02T09:00"}, "start", "past"),
        ({"minutes": 4}, "minutes", "out_of_range"),
        ({"minutes": 601}, "minutes", "out_of_range"),
        ({"time_zone": ""}, "time_zone", "invalid"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "invalid"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "invalid"),
        ({"time_zone": "Europe"}, "time_zone", "invalid"),
        ({"time_zone": "\0"}, "time_zone", "invalid"),
        ({"time_zone": "x" * 5000}, "time_zone", "invalid"),
    ],
    ids=str,
)
def test_a_time_that_is_none_is_refused(
    change: dict[str, Any], field: str, code: str, database: Database, mia: Person
) -> None:
    """With the field and the rule; nothing is planned. Half past two does not exist when the clocks leap."""
    number = opened(database)
    values = {"phone": "+49 30 1234567", "start_local": "2026-03-03T10:00", "minutes": 30, "time_zone": "Europe/Berlin"}

    with pytest.raises(InvalidInput) as raised:
        calls(database).schedule(mia, number, **values | change, now=NOW)  # type: ignore[arg-type]

    assert (raised.value.field, raised.value.code) == (field, code)
    assert tasks(database, number) == []


def test_only_agents_call_and_only_about_what_is_open(database: Database, mia: Person) -> None:
    """Writers do not, and nobody calls about a gap or what is solved."""
    good = ("+49 30 1234567", "2026-03-03T10:00", 30, "Europe/Berlin", NOW)
    writer = replace(mia, roles=frozenset({Role.WRITER}))
    with pytest.raises(NotAllowed):
        calls(database).schedule(writer, opened(database), *good)
    for changes in ({"status": Status.SOLVED}, {"kind": Kind.GAP, "fingerprint": "g"}):
        with pytest.raises(TransitionRefused):
            calls(database).schedule(mia, opened(database, **changes), *good)
    with pytest.raises(NotFound):
        calls(database).schedule(mia, 4040, *good)
    with pytest.raises(NotFound):
        calls(database).attempt(mia, 4040, Outcome.REACHED, "", NOW)


# What is due


def test_the_list_has_today_and_what_is_overdue_of_mine_and_of_nobody(database: Database, mia: Person) -> None:
    """Earliest first; nobody's only if I serve the tier and speak the language."""
    boris = hire(database, "Boris Ott")
    for phone_at, changes in (
        ("2026-03-02T12:00", {"owner_id": mia.id}),
        ("2026-03-02T11:00", {}),
        ("2026-03-02T14:00", {"owner_id": boris.id}),
        ("2026-03-02T15:00", {"tier": 2}),
        ("2026-03-02T16:00", {"language": "ru"}),
        ("2026-03-02T23:59", {}),
        ("2026-03-03T00:00", {"owner_id": mia.id}),
    ):
        number = opened(database, **{"language": "de", "status": Status.OPEN, **changes})
        calls(database).schedule(mia, number, "+49 30 1234567", phone_at, 30, "Europe/Berlin", NOW)

    assert due(database, mia) == [2, 1, 6]
    assert due(database, boris) == [2, 3, 6]
    assert due(database, mia, everybody=True) == [2, 1, 3, 4, 5, 6]
    assert due(database, mia, NOW + DAY) == [2, 1, 6, 7]
    desk(database).work(mia, 1, Action.SOLVE, NOW, text="x", resolution=Resolution.ANSWERED)
    assert due(database, mia) == [2, 6]


def test_the_owner_is_told_when_the_time_comes_once(database: Database, mia: Person) -> None:
    """Again when it comes on another day; nobody is told of what nobody has, or of what is solved."""
    number, task = planned(database, owner_id=mia.id, status=Status.OPEN)
    planned(database)
    use = calls(database)
    noon = MONDAY + 11 * HOUR

    assert [use.remind(now) for now in (noon - MINUTE, noon + MINUTE, noon + 2 * MINUTE)] == [0, 1, 0]
    use.attempt(mia, task.id, Outcome.NO_ANSWER, "", noon + HOUR)
    assert use.remind(noon + 2 * HOUR) == 0
    use.attempt(mia, task.id, Outcome.NO_ANSWER, "", noon + 6 * HOUR)
    assert [use.remind(noon + DAY + n * MINUTE) for n in range(1, 3)] == [1, 0]
    assert told(database, mia) == [("call", ""), ("call", "")]
    with database.write() as connection:
        ticket = store.get(connection, number)
        act(connection, ticket, Action.SOLVE, NOW, Actor(mia.id, "M"), text="x", resolution=Resolution.ANSWERED)
    assert use.remind(noon + DAY) == 0


def test_many_calls_take_no_more_queries_than_one(database: Database, mia: Person) -> None:
    """Whoever looks at the list waits as long."""
    counts = []
    for _ in range(2):
        planned(database)
        with statements(database) as asked:
            due(database, mia, MONDAY + 20 * HOUR, everybody=True)
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert len(due(database, mia, MONDAY + 20 * HOUR, everybody=True)) == 2


def test_a_promised_call_outlives_a_merge(database: Database, mia: Person) -> None:
    """Its requester was told that they will be called, and nobody has told them otherwise."""
    number, task = planned(database)
    use, noon = calls(database), MONDAY + 11 * HOUR
    with database.write() as connection:
        ticket = store.get(connection, number, lock=True)
        ticket, _event = act(connection, ticket, Action.TAKE, NOW, Actor(mia.id, mia.name))
        act(connection, ticket, Action.MARK_DUPLICATE, NOW, Actor(mia.id, mia.name))

    assert due(database, mia) == [number]
    assert use.remind(noon + MINUTE) == 1
    assert told(database, mia) == [("call", "")]
    changed = use.attempt(mia, task.id, Outcome.REACHED, "She knows.", noon)

    assert changed.status is Status.DUPLICATE
    assert (history(database, number)[-1].action, due(database, mia)) == (Action.CALL, [])
