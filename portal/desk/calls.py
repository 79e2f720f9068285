"""Calls to requesters: planned from what they asked, agreed by agents, tried, and reached or given up."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection

from portal.desk.acting import act
from portal.desk.workdays import days_later, next_window
from portal.errors import InvalidInput, NotAllowed, TransitionRefused
from portal.histories import is_second_press
from portal.lifecycle import allowed
from portal.mail import lines, one_line
from portal.organisation import Organisation
from portal.people import Person, Right, may
from portal.storage import Database, callbacks, notices, organisation
from portal.storage import tickets as store
from portal.storage.callbacks import PHONE_LENGTH, ZONE_LENGTH, State, Task
from portal.storage.notices import About
from portal.tickets import UNSOLVED, Action, Actor, Callback, Kind, Ticket

#: Hours of the day between which somebody wants to be called.
HOURS = {Callback.ANY: (8, 18), Callback.MORNING: (8, 12), Callback.AFTERNOON: (12, 17)}
#: What must be left of a window for a call to be planned in it.
LEAST = timedelta(minutes=15)
#: After how many attempts in vain giving up is offered.
ATTEMPTS = 3
#: Shortest and longest time for an agreed call, in minutes, and how far ahead one can be agreed.
MINUTES, AHEAD = (5, 600), timedelta(days=366)
#: Longest note about an attempt, in characters.
NOTE_LENGTH = 1_000
#: Most calls in a list.
LISTED = 500
#: Owners are told of calls whose time began no longer ago than this.
TOLD_WITHIN = timedelta(days=1)
_PHONE = re.compile(rf"[0-9 +()./-]{{3,{PHONE_LENGTH}}}")
_MINUTE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")


class Outcome(StrEnum):
    """What came of an attempt."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    WRONG_NUMBER = "wrong_number"
    #: No attempt: nobody is going to call any more.
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Due:
    """A call to make today, with its ticket."""

    task: Task
    ticket: Ticket
    #: Whether its time has passed.
    is_overdue: bool


class Calls:
    """The use cases of calls.

    Args:
        database: where the tickets are.
        time_zone: of the desk where its calendar names none.
    """

    def __init__(self, database: Database, time_zone: str = "UTC") -> None:
        self._database = database
        self._time_zone = time_zone

    def zone(self, setup: Organisation) -> ZoneInfo:
        """The desk's own time zone."""
        calendar = setup.calendar()
        return ZoneInfo(calendar.time_zone if calendar else self._time_zone)

    def plan(self, connection: Connection, ticket: Ticket, now: datetime, setup: Organisation) -> Task | None:
        """Plan the call that a requester asked for, at the next such time of a working day; once for each request.

        Args:
            connection: of a write transaction in which the ticket is locked or new.
            ticket: a request; without a telephone number there is no call.
            now: aware, UTC.
            setup: of the desk.
        """
        if not ticket.phone or ticket.kind is not Kind.REQUEST or callbacks.of_ticket(connection, ticket.id):
            return None
        zone = self.zone(setup)
        start, end = next_window(setup.calendar(), zone, HOURS[ticket.callback or Callback.ANY], now, LEAST)
        return callbacks.add(connection, Task(0, ticket.id, ticket.phone, start, end, zone.key))

    def plan_new(self, now: datetime, limit: int = 100) -> int:
        """Plan the calls that requesters have asked for; how many. Any number of processes may do this at once."""
        with self._database.read() as connection:
            found = callbacks.unplanned(connection, limit)
            setup = organisation.load(connection, self._time_zone) if found else None
        planned = 0
        for number in found:
            with self._database.write() as connection:
                ticket = store.get(connection, number, lock=True)
                if setup is not None and ticket.status in UNSOLVED:
                    planned += self.plan(connection, ticket, now, setup) is not None
        return planned

    def schedule(
        self, person: Person, number: int, phone: str, start_local: str, minutes: int, time_zone: str, now: datetime
    ) -> Ticket:
        """Agree a time for a call; it takes the place of one that is open.

        Args:
            person: an agent.
            number: of the ticket.
            phone: to be called.
            start_local: `YYYY-MM-DDTHH:MM` in `time_zone`.
            minutes: for how long the requester can be called, within `MINUTES`.
            time_zone: IANA name.
            now: aware, UTC.

        Raises:
            NotAllowed: the person may not work on tickets.
            NotFound: there is no such ticket.
            TransitionRefused: the ticket is solved, or nobody waits.
            InvalidInput: `phone`, `start`, `minutes` or `time_zone` is not what it should be; a start is `past`.
        """
        _check(person)
        phone, start = _phone(phone), _start(start_local, time_zone, now)
        if not MINUTES[0] <= minutes <= MINUTES[1]:
            raise InvalidInput("minutes", "out_of_range")
        end = start + timedelta(minutes=minutes)
        if end <= now:
            raise InvalidInput("start", "past")
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            if Action.PLAN_CALL not in allowed(ticket):
                raise TransitionRefused(f"no call is planned while a {ticket.kind} is {ticket.status}")
            known = open_call(callbacks.of_ticket(connection, number))
            task = Task(0, number, phone, start, end, time_zone, person_id=person.id)
            if known is None:
                callbacks.add(connection, task)
            elif (known.start_at, known.end_at, known.phone, known.time_zone) == (start, end, phone, time_zone):
                return ticket
            else:
                callbacks.save(connection, replace(task, id=known.id, version=known.version))
            details = {"start": start.isoformat(), "end": end.isoformat(), "time_zone": time_zone}
            return act(connection, ticket, Action.PLAN_CALL, now, Actor(person.id, person.name), details=details)[0]

    def attempt(self, person: Person, task_id: int, outcome: Outcome, note: str, now: datetime) -> Ticket:
        """Write down what came of a call.

        Reached ends it; a wrong number gives it up; otherwise it stays, from the end of its time on for the same hours
        of the next working day.

        Args:
            person: who called.
            task_id: of the call.
            outcome: what came of it; see also `give_up`.
            note: for colleagues; may be empty.
            now: aware, UTC.

        Raises:
            NotAllowed, NotFound: see `schedule`.
            TransitionRefused: the call has been made or given up, or the ticket is closed.
            InvalidInput: the note is too long.
        """

        def changed(task: Task, setup: Organisation) -> Task:
            tried = replace(task, attempts=task.attempts + 1)
            match outcome:
                case Outcome.REACHED:
                    return replace(tried, state=State.REACHED)
                case Outcome.WRONG_NUMBER:
                    return replace(tried, state=State.GIVEN_UP)
            return self._again(tried, setup, now)

        return self._do(person, task_id, outcome, note, now, changed)

    def give_up(self, person: Person, task_id: int, now: datetime) -> Ticket:
        """Nobody is going to call any more: it was in vain, or is not needed.

        Raises:
            NotAllowed, NotFound, TransitionRefused: see `attempt`.
        """
        return self._do(
            person, task_id, Outcome.GIVEN_UP, "", now, lambda task, _setup: replace(task, state=State.GIVEN_UP)
        )

    def due(self, connection: Connection, person: Person, now: datetime, *, everybody: bool = False) -> list[Due]:
        """The calls of today and the overdue ones, earliest first: of one's own tickets, and those one could take.

        Args:
            connection: of any transaction.
            person: who asks.
            now: aware, UTC.
            everybody: all calls instead.
        """
        zone = self.zone(organisation.load(connection, self._time_zone))
        tomorrow = datetime.combine(now.astimezone(zone).date() + timedelta(days=1), datetime.min.time(), zone)
        found = callbacks.beginning(
            connection, tomorrow.astimezone(UTC), LISTED, owner_id=None if everybody else person.id
        )
        about = store.several(connection, {task.ticket_id for task in found})
        calls = [Due(task, about[task.ticket_id], task.end_at < now) for task in found if task.ticket_id in about]
        return [call for call in calls if everybody or _is_for(person, call.ticket)]

    def remind(self, now: datetime) -> int:
        """Tell the owners of tickets that the time for a call has come, once for each time; how many."""
        with self._database.read() as connection:
            opened = callbacks.opened(connection, now - TOLD_WITHIN, now)
            known = callbacks.told(connection, {_key(task) for task, _owner in opened})
            found = [(task, owner) for task, owner in opened if (owner, _key(task)) not in known]
        told = 0
        for task, owner in found:
            with self._database.write() as connection:
                told += notices.tell(connection, owner, About.CALL, _key(task), now, ticket_id=task.ticket_id)
        return told

    def _again(self, task: Task, setup: Organisation, now: datetime) -> Task:
        """When a requester who was not reached is called next: while the time lasts, or on the next working day."""
        if now < task.end_at:
            return task
        zone = ZoneInfo(task.time_zone)
        length = task.end_at - task.start_at
        start = task.start_at
        while start + length <= now:
            start = days_later(setup.calendar(), zone, start, 1)
        return replace(task, start_at=start, end_at=start + length)

    def _do(
        self,
        person: Person,
        task_id: int,
        outcome: Outcome,
        note: str,
        now: datetime,
        change: Callable[[Task, Organisation], Task],
    ) -> Ticket:
        """Change a call and record it."""
        _check(person)
        note = lines(note).strip()
        if len(note) > NOTE_LENGTH:
            raise InvalidInput("note", "too_long")
        with self._database.write() as connection:
            ticket = store.get(connection, callbacks.get(connection, task_id).ticket_id, lock=True)
            task = callbacks.get(connection, task_id, lock=True)
            history = store.history(connection, ticket.id)
            last = history[-1].details if history else {}
            said = {"outcome": outcome.value, "call": str(task_id)}
            if last == said and is_second_press(history, person.id, Action.CALL, note, now):
                return ticket
            if task.state is not State.OPEN or Action.CALL not in allowed(ticket):
                raise TransitionRefused(f"call {task_id} is {task.state}")
            changed = change(task, organisation.load(connection, self._time_zone))
            callbacks.save(connection, replace(changed, person_id=person.id))
            return act(
                connection, ticket, Action.CALL, now, Actor(person.id, person.name), text=note, details=said
            )[0]  # fmt: skip


def open_call(tasks: list[Task]) -> Task | None:
    """The call of a ticket that is still to be made."""
    return next((task for task in tasks if task.state is State.OPEN), None)


def _check(person: Person) -> None:
    """Refuse whoever may not work on tickets."""
    if not may(person, Right.WORK_TICKETS):
        raise NotAllowed("this role does not work on tickets")


def _is_for(person: Person, ticket: Ticket) -> bool:
    """Whether somebody would make the call: the owner, or where there is none, who could take the ticket."""
    if ticket.owner_id is not None:
        return ticket.owner_id == person.id
    return ticket.tier in person.tiers and (ticket.language in person.languages or not person.languages)


def _key(task: Task) -> str:
    """What the notice that a call's time has come is known by."""
    return f"call-{task.id}-{task.start_at:%Y%m%dT%H%M}"


def _phone(text: str) -> str:
    """A telephone number that can be dialled."""
    text = one_line(text, PHONE_LENGTH + 1)
    if not text:
        raise InvalidInput("phone", "missing")
    if not _PHONE.fullmatch(text) or sum(sign.isdigit() for sign in text) < 5:
        raise InvalidInput("phone", "invalid_phone")
    return text


def _start(text: str, time_zone: str, now: datetime) -> datetime:
    """A local time as a moment in UTC; one that the clocks leap over is none."""
    try:
        zone = ZoneInfo(time_zone) if 0 < len(time_zone) <= ZONE_LENGTH else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = None
    if zone is None:
        raise InvalidInput("time_zone", "invalid")
    if not text:
        raise InvalidInput("start", "missing")
    try:
        local = datetime.fromisoformat(text if _MINUTE.fullmatch(text) else "")
        moment = local.replace(tzinfo=zone).astimezone(UTC)
        is_real = moment.astimezone(zone).replace(tzinfo=None) == local
    except (ValueError, OverflowError):
        raise InvalidInput("start", "invalid") from None
    if not is_real or moment > now + AHEAD:
        raise InvalidInput("start", "invalid")
    return moment
