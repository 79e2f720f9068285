"""What the tests of working time and clocks share: calendars, moments, and requests to which things happen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from hypothesis import strategies as some

from portal.clocks import Reading, readings
from portal.lifecycle import apply
from portal.organisation import Calendar, Clock, Hours, Organisation, Policy, Target, Tier
from portal.tickets import Action, Actor, Event, Resolution, Status, Ticket
from tests.builders import ticket

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
#: Days on which clocks are changed, and others near them.
STARTS = [
    datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 6), (3, 27), (6, 1), (10, 23), (10, 30), (12, 30))
]
ZONES = ["Europe/Berlin", "America/New_York", "Africa/Cairo", "Asia/Kathmandu", "UTC"]


def hours(*edges: str) -> tuple[Hours, ...]:
    """Stretches from pairs of times; 24:00 is the end of the day."""
    times = [time.max if edge == "24:00" else time.fromisoformat(edge) for edge in edges]
    return tuple(Hours(*pair) for pair in zip(times[::2], times[1::2], strict=True))


def calendar(
    *day: str,
    zone: str = "Europe/Berlin",
    weekend: tuple[Hours, ...] = (),
    holidays: Sequence[date] = (),
    number: int = 1,
) -> Calendar:
    """The same hours from Monday to Friday."""
    return Calendar(number, "Desk", zone, (hours(*day),) * 5 + (weekend,) * 2, frozenset(holidays))


OFFICE = calendar("09:00", "12:00", "13:00", "17:00")


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    """A moment by the wall clock."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@some.composite
def calendars(draw: some.DrawFn, zones: Sequence[str] = tuple(ZONES)) -> Calendar:
    """Any week, in quarters of an hour; some days off."""
    week = []
    for _ in range(7):
        edges = sorted(draw(some.sets(some.integers(0, 96), max_size=6)))
        texts = [f"{edge // 4:02}:{edge % 4 * 15:02}" for edge in edges[: len(edges) // 2 * 2]]
        week.append(hours(*texts))
    holidays = draw(
        some.frozensets(some.sampled_from([start.date() + timedelta(days=n) for start in STARTS for n in range(4)]))
    )
    return Calendar(1, "Any", draw(some.sampled_from(zones)), tuple(week), holidays)


#: Whole minutes near a change of clocks.
moments = some.builds(
    lambda start, minutes: start + minutes * MINUTE, some.sampled_from(STARTS), some.integers(0, 5 * 1440)
)


def worked_minutes(calendar: Calendar | None, start: datetime, end: datetime) -> list[bool]:
    """Of each minute whether it is worked: whether the furthest that the wall clock has come lies in a stretch.

    In an hour that comes twice the clock has come to its end before it comes again.
    """
    count = int((end - start) / MINUTE)
    if calendar is None:
        return [True] * count
    zone, earlier = ZoneInfo(calendar.time_zone), 180
    clock = ((start + n * MINUTE).astimezone(zone).replace(tzinfo=None) for n in range(-earlier, count))
    return [_is_worked(calendar, shown) for shown in accumulate(clock, max)][earlier:]


def _is_worked(calendar: Calendar, shown: datetime) -> bool:
    """Whether a time on the wall is worked."""
    if shown.date() in calendar.holidays:
        return False
    return any(stretch.start <= shown.time() < stretch.end for stretch in calendar.week[shown.weekday()])


MIA, PAUL = Actor(1, "Mia Lindt"), Actor(2, "Paul Roth")
REQUESTER = Actor(None, "Anna")
OPENED = at("2026-03-02 09:00")


def organisation(*by_tier: Calendar | None, minutes: tuple[int | None, ...] = (15, 120, 240)) -> Organisation:
    """Three tiers of the desk's calendar or their own; targets in whole hours."""
    own = {each.id: each for each in by_tier if each}
    tiers = {
        number: Tier(
            number,
            minutes=minutes[number - 1],
            calendar_id=each.id if (each := dict(enumerate(by_tier, 1)).get(number)) else None,
        )
        for number in (1, 2, 3)
    }
    targets = {
        number: Target(number, first_reply=60 * (8 - number), resolution=60 * (24 - 3 * number))
        for number in range(1, 7)
    }
    return Organisation(tiers, own, targets, (), {}, Policy(calendar_id=None))


OFFICE_ORGANISATION = organisation(OFFICE, OFFICE, OFFICE)


@dataclass
class Story:
    """A request and what happens to it; some of it is taken back."""

    start: datetime = OPENED
    events: list[Event] = field(default_factory=list)
    #: Without what was taken back.
    standing: list[Event] = field(default_factory=list)
    ticket: Ticket = field(init=False)
    before: Ticket = field(init=False)

    def __post_init__(self) -> None:
        opened = Event(self.start, Action.OPENED, REQUESTER, None, Status.NEW, details={"tier": "1", "priority": "3"})
        self.events, self.standing = [opened], [opened]
        self.ticket = self.before = ticket()

    def then(self, when: datetime, action: Action, actor: Actor = MIA, **details: str) -> "Story":
        """Something is done to it."""
        changes = (
            {"owner_id": 1} if action is Action.ASSIGN else {"owner_id": None} if action is Action.ESCALATE else {}
        )
        self.before = self.ticket
        self.ticket, event = apply(
            self.ticket, action, when, actor, "Text", Resolution.ANSWERED, changes | self._major(action), details
        )
        self.events.append(event)
        self.standing.append(event)
        return self

    def _major(self, action: Action) -> dict[str, bool]:
        """Of a major incident."""
        return (
            {"is_major": action is Action.DECLARE_MAJOR} if action in {Action.DECLARE_MAJOR, Action.END_MAJOR} else {}
        )

    def taken_back(self, when: datetime) -> "Story":
        """The last event is taken back."""
        status = self.ticket.status
        self.events.append(Event(when, Action.RETRACT, self.standing.pop().actor, status, status))
        self.ticket = self.before
        return self

    def read(self, now: datetime, promised: Organisation = OFFICE_ORGANISATION) -> dict[Clock, Reading]:
        """What the clocks show; of those of tiers the last."""
        return {reading.clock: reading for reading in readings(self.events, promised, now)}
