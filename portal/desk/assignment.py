"""Who gets a new request: somebody who serves its tier, speaks its language, is at work and has room."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from portal.desk.acting import act
from portal.organisation import Calendar, Organisation, Policy
from portal.people import Person, Right, may
from portal.storage import Database, assignment
from portal.storage import organisation as organisation_store
from portal.storage import people as people_store
from portal.storage import tickets as ticket_store
from portal.storage.notices import About
from portal.telling import of_change
from portal.tickets import SYSTEM, Action, Actor, Kind, Status, Ticket

#: Statuses in which a request without an owner waits for one.
_WAITING = frozenset({Status.NEW, Status.OPEN})
#: How many tickets are looked at for each that is given to somebody.
_LOOK = 5


@dataclass(frozen=True)
class Candidate:
    """Somebody who might get a ticket."""

    person: Person
    #: Unsolved tickets that they have.
    open_tickets: int = 0
    #: When they were last given one; None: never.
    given_at: datetime | None = None


def is_working(calendar: Calendar | None, now: datetime) -> bool:
    """Whether a moment (aware) is within working hours; without a calendar they never end."""
    if calendar is None:
        return True
    local = now.astimezone(ZoneInfo(calendar.time_zone or "UTC"))
    if local.date() in calendar.holidays:
        return False
    return any(hours.start <= local.time() < hours.end for hours in calendar.week[local.weekday()])


def suits(person: Person, ticket: Ticket) -> bool:
    """Whether a ticket is for somebody: their tier, a language that they speak, and a topic of theirs if they have any.

    A ticket whose topic nobody knows is for everybody.
    """
    speaks = ticket.tier in person.tiers and ticket.language in person.languages
    return speaks and (not person.topics or not ticket.topic or ticket.topic in person.topics)


def is_available(candidate: Candidate, tier: int, organisation: Organisation, now: datetime) -> bool:
    """Whether somebody may be given a ticket of a tier now: active, at work, and with room."""
    person = candidate.person
    own = organisation.calendars.get(person.calendar_id) if person.calendar_id is not None else None
    calendar = own or organisation.calendar(tier)
    has_room = candidate.open_tickets < organisation.policy.most_open
    return person.is_active and may(person, Right.WORK_TICKETS) and has_room and is_working(calendar, now)


def choose(ticket: Ticket, agents: Sequence[Candidate], organisation: Organisation, now: datetime) -> Person | None:
    """Who is to get a ticket: of those whom it suits who has least to do, then who was given one longest ago.

    Args:
        ticket: without an owner.
        agents: everybody who might get it.
        organisation: working hours, and how many tickets one may have.
        now: aware, UTC.

    Returns:
        None where nobody is at work who serves the tier, speaks the language, knows the topic and has room.
    """
    never = datetime.min.replace(tzinfo=UTC)
    fit = [each for each in agents if suits(each.person, ticket) and is_available(each, ticket.tier, organisation, now)]
    best = min(fit, key=lambda each: (each.open_tickets, each.given_at or never, each.person.id), default=None)
    return best.person if best else None


class Assigner:
    """Gives new requests to agents by itself, where the desk has chosen so.

    Args:
        database: where the tickets are.
        time_zone: IANA name, of calendars that name none.
    """

    def __init__(self, database: Database, time_zone: str = "UTC") -> None:
        self._database = database
        self._time_zone = time_zone

    def run(self, now: datetime, limit: int = 200) -> int:
        """Give the requests that wait to those who have room; safe in several processes at once.

        Args:
            now: aware, UTC.
            limit: how many at most.

        Returns:
            How many were given to somebody.
        """
        with self._database.read() as connection:
            organisation = organisation_store.load(connection, self._time_zone)
            if not organisation.policy.is_automatic:
                return 0
            agents = [
                each.person
                for each in candidates(connection)
                if any(is_available(each, tier, organisation, now) for tier in each.person.tiers)
            ]
            waiting = assignment.unowned(connection, agents, limit * _LOOK)
        done = 0
        for number in waiting:
            if done == limit:
                break
            with self._database.write() as connection:
                done += self._give(connection, number, organisation, now)
        return done

    @staticmethod
    def _give(connection: Connection, number: int, organisation: Organisation, now: datetime) -> bool:
        """Give one request to somebody; False where nobody can have it, or somebody has."""
        # One at a time in all processes, so that nobody gets more than they have room for.
        policy = organisation_store.get(connection, Policy, 1, lock=True)
        ticket = ticket_store.get(connection, number, lock=True)
        is_waiting = ticket.owner_id is None and ticket.status in _WAITING and ticket.kind is Kind.REQUEST
        if not (policy.is_automatic and is_waiting):
            return False
        refused = assignment.gave_back(connection, number)
        agents = [each for each in candidates(connection) if each.person.id not in refused]
        person = choose(ticket, agents, organisation, now)
        if person is None:
            return False
        give(connection, ticket, person, now)
        return True


def candidates(connection: Connection) -> list[Candidate]:
    """Everybody with what they have to do."""
    loads, given = assignment.loads(connection), assignment.given(connection)
    return [
        Candidate(person, loads.get(person.id, 0), given.get(person.id))
        for person in people_store.everybody(connection)
    ]


def give(connection: Connection, ticket: Ticket, person: Person, now: datetime, actor: Actor = SYSTEM) -> Ticket:
    """Make somebody the owner of a ticket, which is locked; they are told, and so is whoever had it and works here."""
    changes = {"owner_id": person.id, "owner_name": person.name}
    details = {"to": str(person.id), "name": person.name}
    changed, event = act(connection, ticket, Action.ASSIGN, now, actor, changes=changes, details=details)
    of_change(connection, person.id, About.ASSIGNED, changed, event, now)
    former = people_store.get(connection, ticket.owner_id) if ticket.owner_id is not None else None
    if former is not None and former.is_active:
        of_change(connection, former.id, About.ESCALATED, changed, event, now)
    return changed
