"""How the desk stands at one moment, in the database: few statements, along the indexes of the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, case, column, func, or_, select, text

from portal.storage import queue
from portal.storage.outbox import State
from portal.storage.presence import REQUESTER
from portal.storage.queue import SOON
from portal.storage.schema import cases, events, outbox, presence, tickets
from portal.storage.schema.tickets import IS_UNSOLVED
from portal.tickets import GAPS, PROVEN, Action, Kind, Status

#: What is said in a conversation; who has spoken last waits, or is waited for.
_TALK = tuple(action.value for action in (Action.REPLY, Action.ASK_REQUESTER, Action.REQUESTER_REPLY, Action.SOLVE))


@dataclass(frozen=True)
class Narrowed:
    """Which tickets a board is about; what is empty does not narrow."""

    tiers: tuple[int, ...] = ()
    #: Language of the page that a ticket came from.
    language: str | None = None


@dataclass(frozen=True)
class Group:
    """Unsolved tickets that have much in common."""

    tier: int
    language: str
    priority: int
    status: Status
    kind: Kind
    is_confirmed: bool
    is_major: bool
    tickets: int
    unowned: int
    #: Whose time has run out, and whose time runs out within `queue.SOON`.
    overdue: int
    soon: int
    #: The lowest number of those that nobody has; None where somebody has each.
    first_unowned: int | None


class Waiting(NamedTuple):
    """A requester who waits for our answer."""

    number: int
    #: When they wrote last.
    since: datetime
    #: Whether they have the page of their request open.
    is_here: bool


@dataclass(frozen=True)
class Today:
    """What has happened since a moment; what is taken for spam has not."""

    #: Requests that came in, and that were solved.
    requests: int = 0
    solved: int = 0
    #: Unanswered searches that became tickets, and that were answered with proof.
    gaps: int = 0
    answered: int = 0


@dataclass(frozen=True)
class Stuck:
    """Mails that do not leave."""

    #: Those that wait although they have been tried, and those given up or sent back since a moment.
    delayed: int = 0
    failed: int = 0


def _c(name: str) -> ColumnElement[Any]:
    """A column of the tickets that leaves open where they are read from; see `storage.queue`."""
    return column(name, tickets.c[name].type)


def _unsolved(connection: Connection, narrowed: Narrowed, index: str, *columns: Any) -> Select[Any]:
    """A query of unsolved tickets; SQLite, which has no statistics, is told which index holds all that it needs."""
    source = f"tickets INDEXED BY {index}" if connection.dialect.name == "sqlite" else "tickets"
    return select(*columns).select_from(text(source)).where(text(IS_UNSOLVED), *_where(narrowed))


def _where(narrowed: Narrowed) -> list[ColumnElement[bool]]:
    """A filter's conditions."""
    found: list[ColumnElement[bool]] = [_c("tier").in_(narrowed.tiers)] if narrowed.tiers else []
    return [*found, _c("language") == narrowed.language] if narrowed.language else found


def groups(connection: Connection, narrowed: Narrowed, now: datetime) -> list[Group]:
    """All unsolved tickets, counted by what they have in common."""

    def times(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    common = [_c(name) for name in ("tier", "language", "priority", "status", "kind", "is_confirmed", "is_major")]
    is_unowned, is_overdue = _c("owner_id").is_(None), _c("due_at") < now
    query = _unsolved(
        connection,
        narrowed,
        "ix_tickets_unsolved",
        *common,
        func.count(),
        times(is_unowned),
        times(is_overdue),
        times((_c("due_at") >= now) & (_c("due_at") <= now + SOON)),
        func.min(case((is_unowned, _c("id")))),
    ).group_by(*common)
    return [
        Group(row[0], row[1], row[2], Status(row[3]), Kind(row[4]), bool(row[5]), bool(row[6]), *row[7:])
        for row in connection.execute(query)
    ]


def overdue(connection: Connection, narrowed: Narrowed, now: datetime, limit: int) -> list[int]:
    """The tickets whose time ran out first."""
    query = _unsolved(connection, narrowed, "ix_tickets_due", _c("id")).where(_c("due_at") < now)
    return list(connection.execute(query.order_by(_c("due_at"), _c("id")).limit(limit)).scalars())


def breached(connection: Connection, narrowed: Narrowed, since: datetime, now: datetime, limit: int) -> list[int]:
    """The tickets whose time has run out since a moment, the last one first."""
    query = _unsolved(connection, narrowed, "ix_tickets_due", _c("id"))
    query = query.where(_c("due_at") < now, _c("due_at") >= since).order_by(_c("due_at").desc(), _c("id").desc())
    return list(connection.execute(query.limit(limit)).scalars())


def next_due(connection: Connection, narrowed: Narrowed, now: datetime, limit: int) -> list[int]:
    """The tickets whose time runs out next."""
    query = _unsolved(connection, narrowed, "ix_tickets_due", _c("id")).where(_c("due_at") >= now)
    return list(connection.execute(query.order_by(_c("due_at"), _c("id")).limit(limit)).scalars())


def here(connection: Connection, since: datetime, until: datetime) -> set[int]:
    """The requests whose requester had their page open between two moments."""
    query = select(presence.c.ticket_id).where(
        presence.c.person_id == REQUESTER, presence.c.at.between(since, until)
    )  # fmt: skip
    return set(connection.execute(query).scalars())


def waiting(connection: Connection, narrowed: Narrowed, present: set[int]) -> list[Waiting]:
    """The requesters who wait for our answer, the longest first.

    They have written last, and not for the first time; or they are on the page of a request that nobody has answered.
    """
    talk, later = events.alias("talk"), events.alias("later")
    following = select(later.c.action).where(later.c.ticket_id == talk.c.ticket_id, later.c.id > talk.c.id)
    taken_back = following.order_by(later.c.id).limit(1).scalar_subquery() == Action.RETRACT.value
    number: ColumnElement[int] = column("number", tickets.c.id.type)
    is_theirs = talk.c.action == Action.REQUESTER_REPLY.value
    is_talk = (talk.c.ticket_id == number) & talk.c.action.in_(_TALK)
    is_talk &= or_(is_theirs, func.coalesce(~taken_back, True))
    last = select(talk.c.id).where(is_talk).order_by(talk.c.id.desc()).limit(1)
    asked = _unsolved(connection, narrowed, "ix_tickets_unsolved", _c("id").label("number"))
    # What waits for the requester is not waiting for us; a reply of theirs ends that.
    ours = asked.where(_c("kind") == Kind.REQUEST.value, _c("status") != Status.WAITING_REQUESTER.value).subquery(
        "ours"
    )
    spoken = select(ours.c.number, last.correlate(ours).scalar_subquery().label("event")).select_from(ours)
    found = spoken.subquery("spoken")
    query = (
        select(found.c.number, events.c.at, tickets.c.created_at)
        .join(tickets, tickets.c.id == found.c.number)
        .outerjoin(events, events.c.id == found.c.event)
    )
    query = query.where(
        or_(
            events.c.action == Action.REQUESTER_REPLY.value,
            and_(events.c.id.is_(None), found.c.number.in_(present)),
        )
    )
    rows = [Waiting(row[0], row[1] or row[2], row[0] in present) for row in connection.execute(query)]
    return sorted(rows, key=lambda each: (each.since, each.number))


def today(connection: Connection, narrowed: Narrowed, since: datetime) -> Today:
    """What has happened since a moment."""
    statuses = [status.value for status in Status if status is not Status.SPAM]
    gap_kinds = sorted(kind.value for kind in GAPS - {Kind.OVERFLOW})
    opened = select(tickets.c.kind, func.count()).where(
        tickets.c.status.in_(statuses),
        tickets.c.language.in_([narrowed.language] if narrowed.language else ["de", "en", "fr", "ru"]),
        tickets.c.created_at >= since,
    )
    solved = select(tickets.c.kind, tickets.c.resolution, func.count()).where(
        tickets.c.status.in_([Status.SOLVED.value, Status.CLOSED.value]), tickets.c.solved_at >= since
    )
    if narrowed.language:
        solved = solved.where(tickets.c.language == narrowed.language)
    if narrowed.tiers:
        opened, solved = (query.where(tickets.c.tier.in_(narrowed.tiers)) for query in (opened, solved))
    made = {row[0]: row[1] for row in connection.execute(opened.group_by(tickets.c.kind))}
    done = list(connection.execute(solved.group_by(tickets.c.kind, tickets.c.resolution)))
    proven = {way.value for way in PROVEN}
    return Today(
        made.get(Kind.REQUEST.value, 0),
        sum(number for kind, _way, number in done if kind == Kind.REQUEST.value),
        sum(made.get(kind, 0) for kind in gap_kinds),
        sum(number for kind, way, number in done if kind in gap_kinds and way in proven),
    )


def awaited(connection: Connection, now: datetime) -> int:
    """How many suppliers have not answered in time."""
    query = select(func.count()).select_from(cases).where(cases.c.is_open, cases.c.remind_at <= now)
    return int(connection.execute(query).scalar_one())


def stuck(connection: Connection, since: datetime) -> Stuck:
    """The mails that do not leave."""
    is_delayed = (outbox.c.state == State.WAITING.value) & (outbox.c.fault != "")
    is_lost = outbox.c.state.in_([State.FAILED.value, State.BOUNCED.value]) & (outbox.c.ended_at >= since)
    counts = [select(func.count()).select_from(outbox).where(each).scalar_subquery() for each in (is_delayed, is_lost)]
    return Stuck(*connection.execute(select(*counts)).one())


def cards(connection: Connection, numbers: Sequence[int]) -> dict[int, queue.Card]:
    """What the queue shows of some tickets, by number."""
    return queue.cards(connection, list(dict.fromkeys(numbers)))
