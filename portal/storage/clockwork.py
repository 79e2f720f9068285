"""What tickets' clocks need of the database: which are to be computed anew, which rules have run, and who is due."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from portal.storage.schema import events, rule_runs, tickets
from portal.tickets import UNSOLVED, Action, Actor, Event, Kind, Status

_UNSOLVED = sorted(status.value for status in UNSOLVED)
#: Whose clocks run.
_TIMED = (tickets.c.kind == Kind.REQUEST.value) & tickets.c.status.in_(_UNSOLVED)
_STALE = tickets.c.clocked != tickets.c.version


@dataclass(frozen=True)
class Timed:
    """What is known of a request whose clocks are computed."""

    id: int
    tier: int
    #: 1–5, 6 for a major incident.
    priority: int
    language: str
    is_owned: bool
    version: int
    clocked: int
    #: Its history, without texts.
    events: list[Event] = field(default_factory=list)
    #: Rules that have been applied, each with the running of the clock.
    runs: set[tuple[int, str]] = field(default_factory=set)


@dataclass(frozen=True)
class Times:
    """What the clocks of a request came to."""

    due_at: datetime | None
    due_clock: str
    rule_at: datetime | None


def stale(connection: Connection, limit: int) -> list[int]:
    """Tickets whose clocks are to be computed anew."""
    return list(connection.execute(select(tickets.c.id).where(_STALE).order_by(tickets.c.id).limit(limit)).scalars())


def still(connection: Connection, numbers: Collection[int]) -> int:
    """Note of those tickets whose clocks stand still that they do; how many there are."""
    chosen = tickets.c.id.in_(list(numbers)) & _STALE & ~_TIMED
    values = {"due_at": None, "due_clock": "", "rule_at": None, "clocked": tickets.c.version}
    return connection.execute(update(tickets).where(chosen).values(**values)).rowcount


def timed(connection: Connection, numbers: Collection[int]) -> list[Timed]:
    """Of some tickets those whose clocks run, with their histories."""
    columns = ("id", "tier", "priority", "is_major", "language", "owner_id", "version", "clocked")
    query = select(*(tickets.c[name] for name in columns)).where(tickets.c.id.in_(list(numbers)) & _TIMED)
    found = {row["id"]: _timed(row) for row in connection.execute(query.order_by(tickets.c.id)).mappings()}
    # Texts are long and say nothing of time.
    lines = select(*(column for column in events.c if column.name != "text"))
    for row in connection.execute(lines.where(events.c.ticket_id.in_(list(found))).order_by(events.c.id)).mappings():
        found[row["ticket_id"]].events.append(_event(row))
    runs = select(rule_runs.c.ticket_id, rule_runs.c.rule_id, rule_runs.c.running)
    for number, rule, running in connection.execute(runs.where(rule_runs.c.ticket_id.in_(list(found)))):
        found[number].runs.add((rule, running))
    return list(found.values())


def _timed(row: RowMapping) -> Timed:
    """A request from its row."""
    priority = 6 if row["is_major"] else row["priority"]
    is_owned = row["owner_id"] is not None
    return Timed(row["id"], row["tier"], priority, row["language"], is_owned, row["version"], row["clocked"])


def _event(row: RowMapping) -> Event:
    """An event from its row."""
    return Event(
        row["at"],
        Action(row["action"]),
        Actor(row["person_id"], row["actor_name"]),
        Status(row["before"]) if row["before"] else None,
        Status(row["after"]),
        is_public=row["is_public"],
        details=row["details"],
    )


def put(connection: Connection, ticket: Timed, times: Times) -> bool:
    """Store what the clocks came to; whether nobody has changed the ticket, or what is promised, since it was read."""
    same = (
        (tickets.c.id == ticket.id)
        & (tickets.c.version == ticket.version)
        & (tickets.c.clocked == ticket.clocked)
    )  # fmt: skip
    values = {"due_at": times.due_at, "due_clock": times.due_clock, "rule_at": times.rule_at, "clocked": ticket.version}
    return connection.execute(update(tickets).where(same).values(**values)).rowcount == 1


def restart(connection: Connection, mark: int) -> None:
    """Have all clocks that run computed anew.

    Args:
        connection: of a write transaction.
        mark: negative; what is noted instead of a version. With a new one each time, whoever began to compute before
            cannot store what no longer holds.
    """
    connection.execute(update(tickets).where(_TIMED).values(clocked=mark))


def due(connection: Connection, now: datetime, limit: int) -> list[int]:
    """Requests to which a rule may apply, the longest due first."""
    query = select(tickets.c.id).where(tickets.c.rule_at <= now).order_by(tickets.c.rule_at, tickets.c.id)
    return list(connection.execute(query.limit(limit)).scalars())


def lock_due(connection: Connection, number: int, now: datetime) -> bool:
    """Lock a request to which a rule may apply; False where another process has it or has been quicker."""
    return _lock(connection, (tickets.c.id == number) & _TIMED & (tickets.c.rule_at <= now))


def ran(connection: Connection, ticket_id: int, rule_id: int, running: str, now: datetime) -> None:
    """Note that a rule has been applied; a second time is an error."""
    connection.execute(insert(rule_runs).values(ticket_id=ticket_id, rule_id=rule_id, running=running, at=now))


def solved(connection: Connection, until: datetime, limit: int) -> list[int]:
    """Requests that were solved before a time, the longest solved first."""
    query = select(tickets.c.id).where(_solved(until)).order_by(tickets.c.solved_at, tickets.c.id)
    return list(connection.execute(query.limit(limit)).scalars())


def lock_solved(connection: Connection, number: int, until: datetime) -> bool:
    """Lock a request that was solved before a time; False where another process has it or has been quicker."""
    return _lock(connection, (tickets.c.id == number) & _solved(until))


def _solved(until: datetime) -> ColumnElement[bool]:
    """Requests that were solved until a time."""
    is_solved = (tickets.c.status == Status.SOLVED.value) & (tickets.c.kind == Kind.REQUEST.value)
    return is_solved & (tickets.c.solved_at <= until)


def _lock(connection: Connection, where: ColumnElement[bool]) -> bool:
    """Lock a ticket until the transaction ends, without waiting for others."""
    query = select(tickets.c.id).where(where).with_for_update(skip_locked=True)
    return connection.execute(query).first() is not None
