"""Clocks beside a slow restatement that passes minute by minute."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as some

from portal.clocks import readings, segments
from portal.lifecycle import allowed
from portal.organisation import Calendar, Clock, Organisation
from portal.tickets import SYSTEM, UNSOLVED, Action, Event, Status
from tests.timing import MIA, MINUTE, PAUL, REQUESTER, Story, calendars, moments, organisation, worked_minutes


@some.composite
def stories(draw: some.DrawFn) -> Story:
    """Anything that the lifecycle allows, in whole minutes, mostly soon after each other."""
    story = Story(draw(moments))
    when, actors = (
        story.start,
        {Action.REQUESTER_REPLY: REQUESTER, Action.REQUESTER_CLOSE: REQUESTER, Action.CLOSE: SYSTEM},
    )
    either = {Action.ESCALATE, Action.ASSIGN, Action.RESUME, Action.MAIL_FAILED, Action.SUPPLIER_DUE}
    useless = {Action.RATE, Action.TELL, Action.SURVEY, Action.RETRACT, Action.LINK_INCIDENT, Action.ABSORB}
    for _ in range(draw(some.integers(0, 12))):
        when += draw(some.sampled_from([0, 1, 5, 30, 61, 240, 700])) * MINUTE
        taken = {Action.TAKE} if story.ticket.owner_id else set()
        action = draw(some.sampled_from(sorted(allowed(story.ticket) - useless - taken)))
        actor = draw(some.sampled_from([SYSTEM, PAUL])) if action in either else actors.get(action, MIA)
        number = str(draw(some.integers(1, 3)))
        details = {
            Action.ESCALATE: {"to": number},
            Action.CLASSIFY: {"priority": number},
            Action.ASSIGN: {"name": "Mia"},
        }
        story.then(when, action, actor, **details.get(action, {}))
        if action in {Action.REPLY, Action.ASK_REQUESTER, Action.SOLVE} and draw(some.booleans()):
            when += draw(some.integers(0, 2)) * MINUTE
            story.taken_back(when)
    return story


@dataclass
class Run:
    """A running of a clock, minute by minute."""

    clock: Clock
    start: datetime
    tier: int = 1
    target: int | None = None
    stopped: datetime | None = None
    #: Working minutes used at the end of each minute in which it ran, by when that is.
    used: list[tuple[datetime, int]] = field(default_factory=list)
    is_paused: bool = False

    def at_work(self, end: datetime, is_worked: bool) -> None:
        """A minute passes."""
        self.used.append((end, self.spent + is_worked))

    @property
    def spent(self) -> int:
        """Minutes used."""
        return self.used[-1][1] if self.used else 0

    def reached(self, target: int) -> datetime | None:
        """When so much was used."""
        return next((end for end, used in self.used if used >= target), None)


class Slowly:
    """The rules of the clocks, once more: one minute after the other, without arithmetic."""

    def __init__(self, story: Story, promised: Organisation, end: datetime) -> None:
        self.events, self.promised = list(story.standing), promised
        self.worked = {tier: worked_minutes(promised.calendar(tier), story.start, end) for tier in (1, 2, 3)}
        self.status, self.tier, self.priority, self.is_major = Status.NEW, 1, 3, False
        self.runs = [Run(clock, story.start) for clock in (Clock.FIRST_REPLY, Clock.RESOLUTION, Clock.TIER)]
        self.start = story.start

    def run(self, now: datetime) -> "Slowly":
        """Until now."""
        for event in self.events:
            self._pass(event.at)
            self._happen(event)
        self._pass(now)
        return self

    def _pass(self, until: datetime) -> None:
        """Minutes pass."""
        minute = getattr(self, "minute", 0)
        while self.start + minute * MINUTE < until:
            for run in self.runs:
                if not run.stopped and not run.is_paused and self.status in UNSOLVED:
                    run.at_work(self.start + (minute + 1) * MINUTE, self.worked[self.tier][minute])
            minute += 1
        self.minute = minute

    def _happen(self, event: Event) -> None:
        """An event happens."""
        is_staff = event.actor.person_id is not None
        for run in self.runs:
            is_end = {
                Clock.FIRST_REPLY: is_staff
                and event.is_public
                and event.action in {Action.REPLY, Action.ASK_REQUESTER, Action.SOLVE, Action.SOLVE_WITH},
                Clock.RESOLUTION: False,
                Clock.TIER: event.action is Action.ESCALATE or is_staff,
            }[run.clock]
            if is_end and not run.stopped:
                run.stopped = event.at
        if event.action is Action.ESCALATE:
            self.tier = int(event.details["to"])
            self.runs.append(Run(Clock.TIER, event.at))
        self.priority = int(event.details.get("priority", self.priority))
        self.is_major = event.action is Action.DECLARE_MAJOR or (self.is_major and event.action is not Action.END_MAJOR)
        self.status = event.after
        self._look()

    def _look(self) -> None:
        """How the clocks stand now."""
        target = self.promised.targets[6 if self.is_major else self.priority]
        waiting = {Status.WAITING_REQUESTER, Status.WAITING_SUPPLIER, Status.PLANNED}
        for run in self.runs:
            run.is_paused = not run.stopped and run.clock is not Clock.FIRST_REPLY and self.status in waiting
            if not run.stopped and self.status in UNSOLVED:
                run.tier = self.tier
                run.target = {
                    Clock.FIRST_REPLY: target.first_reply,
                    Clock.RESOLUTION: target.resolution,
                    Clock.TIER: self.promised.tiers[self.tier].minutes,
                }[run.clock]


@settings(deadline=None, max_examples=150)
@given(stories(), calendars(("Europe/Berlin", "America/New_York")), calendars(), some.integers(0, 2000))
def test_clocks_show_what_minutes_say(story: Story, first: Calendar, second: Calendar, later: int) -> None:
    """Whatever happens: pauses, tiers with hours of their own, new priorities, solving, re-opening, taking back."""
    promised = organisation(first, Calendar(2, "L2", second.time_zone, second.week, second.holidays))
    now = story.events[-1].at + later * MINUTE
    future = now + 2000 * MINUTE

    found = readings(story.events, promised, now)

    slow = Slowly(story, promised, future).run(now).runs
    ahead = Slowly(story, promised, future).run(future).runs
    order = [run for run in slow if run.clock is not Clock.TIER] + [run for run in slow if run.clock is Clock.TIER]
    for reading, run, beyond in zip(found, order, [*ahead[:2], *ahead[2:]], strict=True):
        assert (reading.clock, reading.tier, reading.started_at) == (run.clock, run.tier, run.start)
        assert (reading.target, reading.used) == ((run.target or 0) * MINUTE, run.spent * MINUTE)
        is_standing = story.ticket.status not in UNSOLVED
        assert (reading.stopped_at is not None) == (run.stopped is not None or is_standing)
        assert reading.is_paused == run.is_paused
        due = run.reached(run.target or 0)
        assert reading.is_breached == (due is not None and due < run.used[-1][0])
        if reading.is_paused:
            assert reading.due_at is None
        elif reading.stopped_at is None:
            expected = beyond.reached(run.target or 0)
            assert reading.due_at == expected or (
                expected is None and (reading.due_at is None or reading.due_at > future)
            )


@settings(deadline=None)
@given(stories(), calendars(), some.lists(some.integers(-3000, 5000), min_size=2, max_size=5))
def test_used_time_never_falls(story: Story, hours: Calendar, minutes: list[int]) -> None:
    """Not even where now lies before the last event, because a clock was put back."""
    promised = organisation(hours, None, hours)
    end = story.events[-1].at

    shown = [readings(story.events, promised, end + minute * MINUTE) for minute in sorted(minutes)]

    for earlier, later in pairwise(shown):
        assert all(before.used <= after.used for before, after in zip(earlier, later, strict=True))


@settings(deadline=None)
@given(stories(), some.integers(0, 5000))
def test_segments_follow_each_other_and_cover_the_time_in_which_somebody_waited(story: Story, later: int) -> None:
    """Their lengths sum up to what the resolution would use around the clock, with its pauses."""
    now = story.events[-1].at + later * MINUTE
    found = segments(story.events, now)

    for first, second in pairwise(found):
        assert first.end is not None
        assert first.end <= second.start
        assert first.end < second.start or (first.tier, first.is_paused, first.owner_name) != (
            second.tier,
            second.is_paused,
            second.owner_name,
        )
    assert [each.end for each in found if each.end is None] == [None] * (story.ticket.status in UNSOLVED)
    around = readings(story.events, organisation(), now)[1]
    assert sum((each.length for each in found if not each.is_paused), timedelta(0)) == around.used
