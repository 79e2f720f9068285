"""Clocks by example: when what is due, what pauses them, what is taken back, and who had a ticket."""

from datetime import timedelta

from portal.clocks import readings, segments
from portal.organisation import Clock, Organisation, Policy, Target
from portal.tickets import SYSTEM, Action, Event, Status
from tests.timing import HOUR, MIA, MINUTE, OFFICE_ORGANISATION, OPENED, REQUESTER, Story, at, organisation


def test_a_request_is_due_by_its_priority() -> None:
    """Five hours for a first reply at priority 3, and one working hour less a lunch."""
    shown = Story().read(at("2026-03-02 10:00"))

    assert shown[Clock.FIRST_REPLY].due_at == at("2026-03-02 15:00")
    assert shown[Clock.FIRST_REPLY].left == 4 * HOUR
    assert shown[Clock.RESOLUTION].due_at == at("2026-03-04 10:00")
    assert shown[Clock.TIER].due_at == at("2026-03-02 09:15")
    assert shown[Clock.TIER].is_breached


def test_waiting_pauses_all_but_the_first_reply() -> None:
    """A request that is planned is still unanswered."""
    story = Story().then(at("2026-03-02 09:10"), Action.PLAN)

    shown = story.read(at("2026-03-02 16:00"))

    assert (shown[Clock.RESOLUTION].used, shown[Clock.RESOLUTION].due_at) == (10 * MINUTE, None)
    assert shown[Clock.RESOLUTION].is_paused
    assert shown[Clock.FIRST_REPLY].is_breached
    assert shown[Clock.TIER].stopped_at == at("2026-03-02 09:10")


def test_the_time_in_which_it_was_solved_does_not_count() -> None:
    """It is due later by the working time that lies between."""
    story = Story().then(at("2026-03-02 10:00"), Action.SOLVE)
    stopped = story.read(at("2026-03-03 12:00"))[Clock.RESOLUTION]
    story.then(at("2026-03-03 10:00"), Action.REQUESTER_REPLY, REQUESTER)
    again = story.read(at("2026-03-03 12:00"))[Clock.RESOLUTION]

    assert (stopped.stopped_at, stopped.used) == (at("2026-03-02 10:00"), HOUR)
    assert (again.stopped_at, again.used) == (None, 3 * HOUR)
    assert again.started_at == OPENED


def test_what_is_taken_back_has_not_happened() -> None:
    """Neither to the clocks nor to the status, whatever was noted in between."""
    story = Story().then(at("2026-03-02 09:05"), Action.SOLVE).taken_back(at("2026-03-02 09:05"))
    note = Event(at("2026-03-02 09:05"), Action.NOTE, SYSTEM, Status.SOLVED, Status.SOLVED)
    story.events.insert(2, note)

    shown = story.read(at("2026-03-02 10:00"))

    assert all(reading.stopped_at is None for reading in shown.values())
    assert shown[Clock.RESOLUTION].used == HOUR
    assert shown[Clock.TIER].is_breached


def test_automatic_answers_and_requesters_stop_nothing() -> None:
    """Only people of the staff act."""
    story = (
        Story()
        .then(at("2026-03-02 09:02"), Action.REPLY, SYSTEM)
        .then(at("2026-03-02 09:03"), Action.REQUESTER_REPLY, REQUESTER)
    )

    assert all(reading.stopped_at is None for reading in story.read(at("2026-03-02 10:00")).values())


def test_every_arrival_at_a_tier_is_a_running_of_its_own() -> None:
    """Also back to the same tier; the one before ends when the request leaves."""
    story = Story()
    for minute, tier in ((20, "2"), (40, "1"), (50, "2")):
        story.then(OPENED + minute * MINUTE, Action.ESCALATE, SYSTEM, to=tier)

    runs = [
        each for each in readings(story.events, OFFICE_ORGANISATION, at("2026-03-02 10:00")) if each.clock is Clock.TIER
    ]

    assert [(run.tier, run.used / MINUTE, run.stopped_at is None) for run in runs] == [
        (1, 20, False),
        (2, 20, False),
        (1, 10, False),
        (2, 10, True),
    ]
    assert [run.is_breached for run in runs] == [True, False, False, False]
    assert len({run.running for run in runs}) == 4
    assert max(len(run.running) for run in runs) <= 60


def test_tiers_that_a_request_only_passes_have_runnings_of_their_own_too() -> None:
    """Two escalations at the same moment."""
    story = Story().then(OPENED, Action.ESCALATE, SYSTEM, to="2").then(OPENED, Action.ESCALATE, SYSTEM, to="3")

    assert len({each.running for each in readings(story.events, OFFICE_ORGANISATION, OPENED)}) == 5


def test_a_new_priority_counts_from_the_beginning() -> None:
    """What was used stays used; it may be due in the past."""
    story = Story().then(at("2026-03-02 11:30"), Action.CLASSIFY, priority="5")
    shown = story.read(at("2026-03-02 13:30"))[Clock.FIRST_REPLY]
    major = story.then(at("2026-03-02 13:30"), Action.DECLARE_MAJOR, priority="5").read(at("2026-03-02 13:30"))
    ended = story.then(at("2026-03-02 13:30"), Action.END_MAJOR, priority="1").read(at("2026-03-02 13:30"))

    assert (shown.target, shown.used, shown.due_at) == (3 * HOUR, 3.5 * HOUR, at("2026-03-02 12:00"))
    assert shown.is_breached
    assert major[Clock.FIRST_REPLY].target == 2 * HOUR
    assert ended[Clock.FIRST_REPLY].target == 7 * HOUR
    assert not ended[Clock.FIRST_REPLY].is_breached


def test_the_priority_after_the_answer_does_not_judge_it() -> None:
    """The first reply is measured by what was promised then."""
    story = Story().then(at("2026-03-02 13:00"), Action.REPLY).then(at("2026-03-02 14:00"), Action.DECLARE_MAJOR)

    assert not story.read(at("2026-03-02 15:00"))[Clock.FIRST_REPLY].is_breached


def test_where_nothing_is_promised_there_is_no_clock() -> None:
    """A tier without minutes, a target without a first reply, a priority without a target."""
    bare = organisation(minutes=(None, None, None))
    without = Organisation(bare.tiers, {}, {3: Target(3, None, 60)}, (), {}, Policy())

    assert [each.clock for each in readings(Story().events, without, OPENED)] == [Clock.RESOLUTION]
    assert readings(Story().then(OPENED, Action.CLASSIFY, priority="4").events, without, OPENED) == []
    assert readings([], without, OPENED) == []
    assert segments([], OPENED) == []


def test_a_history_cannot_stop_the_desk() -> None:
    """Numbers that are none, and times that run backwards, are taken for what they can be."""
    opened = Event(OPENED, Action.OPENED, REQUESTER, None, Status.NEW, details={"tier": "first", "priority": "²"})
    moved = Event(OPENED - HOUR, Action.ESCALATE, SYSTEM, Status.NEW, Status.NEW, details={"to": "-1"})

    shown = readings([opened, moved], OFFICE_ORGANISATION, OPENED - 2 * HOUR)

    assert [(each.tier, each.used, each.target) for each in shown[:2]] == [
        (1, timedelta(0), 5 * HOUR),
        (1, timedelta(0), 15 * HOUR),
    ]
    assert [each.started_at for each in shown] == [OPENED] * 4


def test_who_had_it() -> None:
    """Unowned, taken, waiting, with a colleague of the next tier, solved."""
    story = Story()
    for minute, action, details in (
        (10, Action.TAKE, {}),
        (20, Action.ASK_REQUESTER, {}),
        (30, Action.RESUME, {}),
        (40, Action.ESCALATE, {"to": "2"}),
        (50, Action.ASSIGN, {"name": "Paul Roth"}),
        (60, Action.NOTE, {}),
        (70, Action.SOLVE, {}),
    ):
        story.then(OPENED + minute * MINUTE, action, MIA, **details)

    found = segments(story.events, OPENED + 90 * MINUTE)

    assert [((each.start - OPENED) / MINUTE, each.tier, each.is_paused, each.owner_name) for each in found] == [
        (0, 1, False, ""),
        (10, 1, False, "Mia Lindt"),
        (20, 1, True, "Mia Lindt"),
        (30, 1, False, "Mia Lindt"),
        (40, 2, False, ""),
        (50, 2, False, "Paul Roth"),
    ]
    assert found[-1].end == OPENED + 70 * MINUTE
    assert found[-1].length == 20 * MINUTE
