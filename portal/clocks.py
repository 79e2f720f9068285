"""Clocks: what of a promise is used up and when it is due, always computed anew from a ticket's whole history."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from portal.histories import standing
from portal.organisation import Calendar, Clock, Organisation
from portal.tickets import UNSOLVED, Action, Event, Status
from portal.working_time import NEVER, add_working, working_between

__all__ = ["NEVER", "Reading", "Segment", "add_working", "readings", "segments", "working_between"]

#: Statuses in which the clocks wait as well, except that of the first reply.
WAITING = frozenset({Status.WAITING_REQUESTER, Status.WAITING_SUPPLIER, Status.PLANNED})
#: What staff write to the requester; it ends the wait for a first reply.
ANSWERS = frozenset({Action.REPLY, Action.ASK_REQUESTER, Action.SOLVE, Action.SOLVE_WITH})
#: The priority by which a major incident's target is known.
MAJOR = 6
_NONE = timedelta(0)


@dataclass(frozen=True)
class Segment:
    """A stretch of a ticket's life in which it was with the same tier and person."""

    start: datetime
    #: None while it lasts.
    end: datetime | None
    tier: int
    #: Whether it waited for the requester, a supplier or a day.
    is_paused: bool
    #: Empty where nobody had it.
    owner_name: str
    #: How long it lasted, so far.
    length: timedelta


@dataclass(frozen=True)
class _Stretch:
    """A stretch in which a clock ran, and what of the target it used."""

    calendar: Calendar | None
    start: datetime
    end: datetime
    used: timedelta


@dataclass(frozen=True)
class Reading:
    """What one clock of a ticket shows."""

    clock: Clock
    #: That has the ticket, or had it when the clock stopped.
    tier: int
    #: Working time, as is `used`.
    target: timedelta
    used: timedelta
    #: When the target is used up if nothing pauses the clock any more; None while it is paused, and where that is
    #: never.
    due_at: datetime | None
    #: Tells the runnings of a tier's clock apart.
    started_at: datetime
    stopped_at: datetime | None
    is_paused: bool
    #: Whether it still ran after it was due.
    is_breached: bool
    _stretches: tuple[_Stretch, ...] = field(repr=False)

    @property
    def left(self) -> timedelta:
        """What is left of the target; negative when it was overrun."""
        return self.target - self.used

    @property
    def running(self) -> str:
        """The name of this running among all of the ticket, at most 60 characters."""
        which = f"{self.clock}-{self.tier}" if self.clock is Clock.TIER else self.clock
        return f"{which}:{self.started_at.isoformat()}"

    def reaches(self, amount: timedelta) -> datetime | None:
        """When so much was or will be used; None where that is never or, since it is paused, not known."""
        return _reached(self._stretches, amount, is_paused=self.is_paused)


def _reached(stretches: Sequence[_Stretch], amount: timedelta, *, is_paused: bool) -> datetime | None:
    """When the amount was used; when it will be if the last stretch goes on and on."""
    for number, stretch in enumerate(stretches, 1):
        is_last = number == len(stretches) and not is_paused
        if amount <= stretch.used or is_last:
            found = add_working(stretch.calendar, stretch.start, amount)
            return None if found >= NEVER else found
        amount -= stretch.used
    return None


@dataclass(frozen=True)
class _Step:
    """How a ticket stood after an event, until the next one."""

    start: datetime
    #: None: until now.
    end: datetime | None
    event: Event
    status: Status
    tier: int
    priority: int
    is_major: bool
    owner: str

    @property
    def is_by_staff(self) -> bool:
        """Whether a person of the staff did it; neither the system nor requester nor supplier."""
        return self.event.actor.person_id is not None


def _number(text: str | None, otherwise: int) -> int:
    """A small number of an event's details; a history cannot be put right, so that it must not stop the desk."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 2 else otherwise


def _steps(events: Sequence[Event]) -> list[_Step]:
    """How a ticket stood from event to event. A clock that was put back does not make time run backwards."""
    steps: list[_Step] = []
    for event in standing(events):
        at = event.at.astimezone(UTC)
        if not steps:
            steps.append(_after(_Step(at, None, event, Status.NEW, 1, 3, is_major=False, owner=""), event, at))
            continue
        at = max(at, steps[-1].start)
        steps[-1] = replace(steps[-1], end=at)
        steps.append(_after(steps[-1], event, at))
    return steps


def _after(step: _Step, event: Event, at: datetime) -> _Step:
    """How a ticket stands after an event."""
    details = event.details
    # Only a change counts: what was noted while a solution stood that was taken back later does not solve.
    status = event.after if event.before is not event.after else step.status
    tier, owner, is_major = step.tier, step.owner, step.is_major
    match event.action:
        case Action.OPENED:
            tier = _number(details.get("tier"), tier)
        case Action.ESCALATE:
            tier, owner = _number(details.get("to"), tier), ""
        case Action.TAKE:
            owner = event.actor.name
        case Action.ASSIGN:
            owner = details.get("name", "")
        case Action.GIVE_BACK:
            owner = ""
        case Action.DECLARE_MAJOR | Action.END_MAJOR:
            is_major = event.action is Action.DECLARE_MAJOR
    priority = step.priority
    if event.action in {Action.OPENED, Action.CLASSIFY, Action.DECLARE_MAJOR, Action.END_MAJOR}:
        priority = _number(details.get("priority"), priority)
    return _Step(at, None, event, status, tier, priority, is_major, owner)


def segments(events: Sequence[Event], now: datetime) -> list[Segment]:
    """Who had a ticket, and when; what lies between solved and re-opened belongs to nobody.

    Args:
        events: its whole history, in order.
        now: aware.
    """
    found: list[Segment] = []
    for step in _steps(events):
        end = step.end or max(now, step.start)
        if step.status not in UNSOLVED or step.end == step.start:
            continue
        made = Segment(step.start, step.end, step.tier, step.status in WAITING, step.owner, end - step.start)
        last = found[-1] if found else None
        if last and (last.end, last.tier, last.is_paused, last.owner_name) == (
            made.start, made.tier, made.is_paused, made.owner_name,
        ):  # fmt: skip
            found[-1] = replace(last, end=made.end, length=last.length + made.length)
        else:
            found.append(made)
    return found


def readings(events: Sequence[Event], organisation: Organisation, now: datetime) -> list[Reading]:
    """What the clocks of a request show: first reply, resolution, and one for each time that it came to a tier.

    Args:
        events: its whole history, in order.
        organisation: what has been promised; a clock without a target is left out.
        now: aware; the time of the last event where the system's clock has been put back since.
    """
    steps = _steps(events)
    if not steps:
        return []
    now = max(now, steps[-1].start).astimezone(UTC)
    replied = next((n for n, step in enumerate(steps) if n and step.is_by_staff and step.event.action in ANSWERS), None)
    found = [
        _reading(Clock.FIRST_REPLY, steps[:replied], organisation, now, is_stopped=replied is not None),
        _reading(Clock.RESOLUTION, steps, organisation, now, is_stopped=False),
    ]
    entries = [n for n, step in enumerate(steps) if n == 0 or step.event.action is Action.ESCALATE]
    for entry, following in zip(entries, [*entries[1:], len(steps)], strict=True):
        acted = next((n for n in range(entry + 1, following) if steps[n].is_by_staff), following)
        live = steps[entry:acted]
        found.append(_reading(Clock.TIER, live, organisation, now, is_stopped=acted < len(steps)))
    return [reading for reading in found if reading]


def _reading(
    clock: Clock, steps: Sequence[_Step], organisation: Organisation, now: datetime, *, is_stopped: bool
) -> Reading | None:
    """What one clock shows; None where nothing is promised.

    Args:
        clock: which.
        steps: through which it goes, from its start; while nobody waits it stands still.
        organisation: what has been promised.
        now: not before the last step.
        is_stopped: whether it stopped with the last of the steps.
    """
    pauses = frozenset() if clock is Clock.FIRST_REPLY else WAITING
    waited = [number for number, step in enumerate(steps) if step.status in UNSOLVED]
    last = steps[waited[-1] if waited else 0]
    minutes = _promised(clock, last, organisation)
    if minutes is None:
        return None
    stopped_at = steps[-1].end if is_stopped else last.end if waited else last.start
    is_paused = stopped_at is None and last.status in pauses
    target = timedelta(minutes=minutes)
    stretches = _stretches(steps, pauses, organisation, now)
    due_at = _reached(stretches, target, is_paused=is_paused)
    return Reading(
        clock=clock,
        tier=last.tier,
        target=target,
        used=sum((stretch.used for stretch in stretches), _NONE),
        due_at=None if is_paused else due_at,
        started_at=steps[0].start,
        stopped_at=stopped_at,
        is_paused=is_paused,
        is_breached=due_at is not None and due_at < stretches[-1].end,
        _stretches=stretches,
    )


def _promised(clock: Clock, step: _Step, organisation: Organisation) -> int | None:
    """The minutes of a clock's target at a step; None: nothing is promised."""
    if clock is Clock.TIER:
        tier = organisation.tiers.get(step.tier)
        return tier.minutes if tier else None
    target = organisation.targets.get(MAJOR if step.is_major else step.priority)
    if target is None:
        return None
    return target.first_reply if clock is Clock.FIRST_REPLY else target.resolution


def _stretches(
    steps: Sequence[_Step], pauses: frozenset[Status], organisation: Organisation, now: datetime
) -> tuple[_Stretch, ...]:
    """When a clock ran, by the working hours of whoever had the ticket."""
    found: list[tuple[Calendar | None, datetime, datetime]] = []
    for step in steps:
        if step.status not in UNSOLVED - pauses:
            continue
        calendar, end = organisation.calendar(step.tier), step.end or now
        if found and found[-1][2] == step.start and found[-1][0] is calendar:
            found[-1] = (calendar, found[-1][1], end)
        else:
            found.append((calendar, step.start, end))
    return tuple(_Stretch(*each, working_between(*each)) for each in found)
