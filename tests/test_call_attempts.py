"""What came of a call: reached or not, tried again, given up."""

from datetime import timedelta

import pytest

from portal.desk.calls import Outcome
from portal.errors import InvalidInput, TransitionRefused
from portal.people import Person
from portal.storage import Database
from portal.storage.callbacks import State
from portal.tickets import Action, Status
from tests.builders import NOW
from tests.calling import DAY, HOUR, MONDAY, calls, local, planned, tasks
from tests.working import found, hire, history


@pytest.fixture
def mia(database: Database) -> Person:
    """An agent."""
    return hire(database)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.REACHED, State.REACHED),
        (Outcome.WRONG_NUMBER, State.GIVEN_UP),
        (Outcome.NO_ANSWER, State.OPEN),
        (Outcome.BUSY, State.OPEN),
    ],
)
def test_what_came_of_a_call_is_kept(outcome: Outcome, state: State, database: Database, mia: Person) -> None:
    """In the history with the note, which the requester never sees; a new ticket is open from then on."""
    number, task = planned(database)

    changed = calls(database).attempt(mia, task.id, outcome, " Her son answered. ", NOW + 4 * HOUR)

    (after,) = tasks(database, number)
    assert (after.state, after.attempts, after.person_id) == (state, 1, mia.id)
    (event,) = history(database, number)
    assert (event.action, event.text, event.is_public) == (Action.CALL, "Her son answered.", False)
    assert event.details == {"outcome": outcome.value, "call": str(task.id)}
    assert changed == found(database, number)
    assert changed.status is Status.OPEN
    if state is not State.OPEN:
        with pytest.raises(TransitionRefused):
            calls(database).attempt(mia, task.id, Outcome.REACHED, "", NOW + 5 * HOUR)


def test_who_was_not_reached_is_called_while_the_time_lasts_and_then_the_next_working_day(
    database: Database, mia: Person
) -> None:
    """At the same hours; three attempts do not end it."""
    number, task = planned(database)
    at = [MONDAY + 14 * HOUR, MONDAY + 15 * HOUR, MONDAY + 4 * DAY + 17 * HOUR]
    seen = []
    for now in at:
        calls(database).attempt(mia, task.id, Outcome.NO_ANSWER, "", now)
        seen.append(local(tasks(database, number)[0].start_at))

    assert seen == ["Mon 02 12:00", "Mon 02 12:00", "Mon 09 12:00"]
    assert (tasks(database, number)[0].attempts, tasks(database, number)[0].state) == (3, State.OPEN)
    calls(database).give_up(mia, task.id, NOW + 8 * DAY)
    assert tasks(database, number)[0].state is State.GIVEN_UP
    assert history(database, number)[-1].details["outcome"] == "given_up"


def test_two_presses_are_one_attempt(database: Database, mia: Person) -> None:
    """Of the same button; another outcome seconds later is another attempt."""
    number, task = planned(database)
    use = calls(database)
    for seconds, outcome in ((0, Outcome.BUSY), (2, Outcome.BUSY), (5, Outcome.NO_ANSWER), (6, Outcome.REACHED), (7, Outcome.REACHED)):  # fmt: skip
        use.attempt(mia, task.id, outcome, "", NOW + timedelta(seconds=seconds))

    assert [event.details["outcome"] for event in history(database, number)] == ["busy", "no_answer", "reached"]


def test_after_reaching_somebody_another_call_can_be_agreed(database: Database, mia: Person) -> None:
    """It is a call of its own."""
    number, task = planned(database)
    calls(database).attempt(mia, task.id, Outcome.REACHED, "Again on Friday", NOW)
    calls(database).schedule(mia, number, task.phone, "2026-03-06T10:00", 30, "Europe/Berlin", NOW)

    assert [each.state for each in tasks(database, number)] == [State.REACHED, State.OPEN]
    assert calls(database).plan_new(NOW) == 0


def test_notes_have_a_length(database: Database, mia: Person) -> None:
    """A longer one is refused and nothing is kept."""
    number, task = planned(database)
    with pytest.raises(InvalidInput) as raised:
        calls(database).attempt(mia, task.id, Outcome.REACHED, "x" * 1001, NOW)

    assert (raised.value.field, raised.value.code) == ("note", "too_long")
    assert tasks(database, number) == [task]
