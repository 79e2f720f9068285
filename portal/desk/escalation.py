"""Clocks that end: the rules warn of them, and pass requests on to the next tier."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from portal.desk import clockwork
from portal.desk.acting import act
from portal.desk.clockwork import Pending
from portal.organisation import Effect, Organisation
from portal.people import Person, Right, may
from portal.storage import Database, notices, organisation, people
from portal.storage import clockwork as store
from portal.storage import tickets as ticket_store
from portal.storage.notices import About
from portal.telling import MOST_TOLD, concerned
from portal.tickets import SYSTEM, Action, Ticket


class Escalation:
    """Applies the organisation's rules, each once for each running of a ticket's clock.

    Args:
        database: where the tickets are.
        time_zone: of calendars that name none.
    """

    def __init__(self, database: Database, time_zone: str = "UTC") -> None:
        self._database = database
        self._time_zone = time_zone

    def run(self, now: datetime, limit: int = 200) -> int:
        """Apply every rule that is due; several processes may do it at once.

        Args:
            now: aware, UTC.
            limit: how many requests at most, the longest due first; what is left waits for the next run.

        Returns:
            To how many requests a rule was applied.
        """
        clockwork.refresh_stale(self._database, self._time_zone, now)
        with self._database.read() as connection:
            numbers = store.due(connection, now, limit)
        return sum(self._apply(number, now) for number in numbers)

    def _apply(self, number: int, now: datetime) -> bool:
        """Apply the rules that are due to one request; whether there was one.

        A request rises one tier at most: the clock of the next one begins now, and what else is due is looked at in the
        next run, as things are then.
        """
        with self._database.write() as connection:
            if not store.lock_due(connection, number, now):
                return False
            ticket = ticket_store.get(connection, number)
            setup = organisation.load(connection, self._time_zone)
            timed = store.timed(connection, [number])[0]
            due = [each for each in clockwork.pending(timed, setup, now) if each.at <= now]
            for each in due:
                store.ran(connection, number, each.rule.id, each.reading.running, now)
                if each.rule.effect is Effect.ESCALATE:
                    ticket = _escalate(connection, ticket, each, setup, now)
                    break
                _warn(connection, ticket, each, concerned(connection, ticket), now)
            clockwork.refresh(connection, ticket, setup, now)
            return bool(due)


def _escalate(connection: Connection, ticket: Ticket, due: Pending, setup: Organisation, now: datetime) -> Ticket:
    """Pass a request on to the next tier at which somebody works; where there is none, supervisors are told."""
    staff = [person for person in people.everybody(connection) if person.is_active]
    tier = setup.above(ticket.tier)
    while tier is not None and not any(tier in person.tiers for person in staff):
        tier = setup.above(tier)
    if tier is None:
        _warn(connection, ticket, due, [person for person in staff if may(person, Right.SUPERVISE)], now)
        return ticket
    details = {"from": str(ticket.tier), "to": str(tier), "rule": str(due.rule.id), "clock": str(due.rule.clock)}
    changes = {"tier": tier, "owner_id": None, "owner_name": ""}
    changed, _ = act(connection, ticket, Action.ESCALATE, now, SYSTEM, changes=changes, details=details)
    if ticket.owner_id is not None:
        key, text = f"escalated-{changed.id}-{changed.version}", f"L{ticket.tier} → L{tier}"
        notices.tell(connection, ticket.owner_id, About.ESCALATED, key, now, ticket_id=ticket.id, text=text)
    return changed


def _warn(connection: Connection, ticket: Ticket, due: Pending, told: Collection[Person], now: datetime) -> None:
    """Tell some people that a clock ends."""
    key = f"rule-{due.rule.id}-{ticket.id}-{due.reading.running}"
    for person in list(told)[:MOST_TOLD]:
        notices.tell(connection, person.id, About.WARNING, key, now, ticket_id=ticket.id, text=due.rule.name)
