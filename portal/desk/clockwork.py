"""The clocks of tickets are computed anew whenever something has changed: when each is due, and when a rule applies."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from portal.clocks import Reading, readings
from portal.organisation import Organisation, Rule
from portal.storage import Database, organisation
from portal.storage import clockwork as store
from portal.storage.clockwork import Timed, Times
from portal.tickets import Ticket

#: How many tickets one transaction computes.
BATCH = 100
_MARKS = 2**31 - 1


@dataclass(frozen=True)
class Pending:
    """A rule that will apply to a running clock, and when."""

    at: datetime
    rule: Rule
    reading: Reading


def pending(ticket: Timed, setup: Organisation, now: datetime) -> list[Pending]:
    """The rules that have not been applied to a request's running clocks, the soonest first."""
    return _pending(ticket, setup, readings(ticket.events, setup, now))


def _pending(ticket: Timed, setup: Organisation, found: list[Reading]) -> list[Pending]:
    """See `pending`."""
    waiting = []
    for rule in setup.rules:
        if not rule.is_active or not _concerns(rule, ticket):
            continue
        for reading in found:
            is_running = reading.stopped_at is None and not reading.is_paused
            if reading.clock is rule.clock and is_running and (rule.id, reading.running) not in ticket.runs:
                at = reading.reaches(reading.target + timedelta(minutes=rule.offset))
                waiting += [Pending(at, rule, reading)] if at else []
    return sorted(waiting, key=lambda each: (each.at, each.rule.id))


def _concerns(rule: Rule, ticket: Timed) -> bool:
    """Whether a rule's conditions hold."""
    return (
        (not rule.tiers or ticket.tier in rule.tiers)
        and (not rule.priorities or ticket.priority in rule.priorities)
        and (not rule.languages or ticket.language in rule.languages)
        and not (rule.is_unowned and ticket.is_owned)
    )


def _times(ticket: Timed, setup: Organisation, now: datetime) -> Times:
    """What the clocks of a request come to."""
    found = readings(ticket.events, setup, now)
    running = [(each.due_at, each.clock) for each in found if each.stopped_at is None and each.due_at]
    due_at, due_clock = min(running, default=(None, ""))
    waiting = _pending(ticket, setup, found)
    return Times(due_at, str(due_clock), waiting[0].at if waiting else None)


def refresh(connection: Connection, ticket: Ticket, setup: Organisation, now: datetime) -> Ticket:
    """Compute the clocks of one ticket anew; its version stays.

    Args:
        connection: of a write transaction.
        ticket: as it is stored.
        setup: what is promised, read in this transaction after the ticket was locked.
        now: aware, UTC.

    Returns:
        The ticket with its new times; as it was where somebody has changed it since.
    """
    found = store.timed(connection, [ticket.id])
    if not found:
        store.still(connection, [ticket.id])
        return replace(ticket, due_at=None, due_clock="", rule_at=None, clocked=ticket.version)
    times = _times(found[0], setup, now)
    if found[0].version != ticket.version or not store.put(connection, found[0], times):
        return ticket
    return replace(
        ticket, due_at=times.due_at, due_clock=times.due_clock, rule_at=times.rule_at, clocked=ticket.version
    )


def refresh_stale(database: Database, time_zone: str, now: datetime, limit: int = 500) -> int:
    """Compute the clocks of tickets that have changed since they were computed last.

    Args:
        database: where the tickets are.
        time_zone: of calendars that name none.
        now: aware, UTC.
        limit: how many tickets at most.

    Returns:
        How many were computed. What somebody changes meanwhile is left for the next time.
    """
    with database.read() as connection:
        numbers = store.stale(connection, limit)
    done = 0
    for batch in (numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)):
        # Nothing is locked while it is computed: what was read is compared when it is stored. The set-up is read
        # after the tickets, so that a change of it which is not seen here has marked them before they are stored.
        with database.read() as connection:
            found = store.timed(connection, batch)
            setup = organisation.load(connection, time_zone)
        times = [(ticket, _times(ticket, setup, now)) for ticket in found]
        with database.write() as connection:
            done += store.still(connection, batch)
            done += sum(store.put(connection, *each) for each in times)
    return done


def restart(connection: Connection) -> None:
    """Have all clocks computed anew, after what is promised has changed in this transaction."""
    store.restart(connection, -1 - secrets.randbelow(_MARKS))
