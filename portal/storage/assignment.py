"""Which tickets nobody has yet, for whom they are, and how much everybody has to do, in the database."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, or_, select, text

from portal.people import Person
from portal.storage import tickets as store
from portal.storage.notices import About
from portal.storage.schema import events, notices, tickets
from portal.storage.schema.tickets import IS_UNSOLVED
from portal.tickets import UNSOLVED, Action, Kind, Status, Ticket

#: Kinds that are somebody's work; what overflowed is only counted.
_WORK = (Kind.REQUEST.value, Kind.GAP.value, Kind.TRANSLATION.value)
_UNSOLVED = sorted(status.value for status in UNSOLVED)


def _is_for(tiers: Collection[int], languages: Collection[str], topics: Collection[str]) -> ColumnElement[bool]:
    """Tickets for somebody of these tiers, languages and topics; see `assignment.suits`."""
    suited = tickets.c.tier.in_(tiers) & tickets.c.language.in_(languages)
    return suited & tickets.c.topic.in_(["", *topics]) if topics else suited


def _urgent_first(query: Select[Any]) -> Select[Any]:
    """Requests before gaps; of each what is due first, then what has no time, by priority and age."""
    return query.order_by(
        case((tickets.c.kind == Kind.REQUEST.value, 0), else_=1),
        tickets.c.due_at.is_(None),
        tickets.c.due_at,
        tickets.c.is_major.desc(),
        tickets.c.priority.desc(),
        tickets.c.created_at,
        tickets.c.id,
    )


def _gave_back() -> ColumnElement[bool]:
    """Events by which somebody gave back what was their own, not that of somebody who left."""
    return and_(events.c.action == Action.GIVE_BACK.value, events.c.details["left"].as_string().is_(None))


def next_for(connection: Connection, person: Person) -> int | None:
    """The number of the ticket that somebody is to work on next, locked; None where there is none.

    What they gave back is left to others. On PostgreSQL a ticket that another transaction has locked is passed over.
    """
    gave_back = exists().where(events.c.ticket_id == tickets.c.id, events.c.person_id == person.id, _gave_back())
    query = select(tickets.c.id).where(
        # Most tickets without an owner are solved gaps: no way to begin.
        text("+tickets.owner_id IS NULL"),
        text(f"tickets.{IS_UNSOLVED}"),
        tickets.c.kind.in_(_WORK),
        tickets.c.is_confirmed,
        _is_for(person.tiers, person.languages, person.topics),
        # What is new was never anybody's; its history need not be read.
        or_(tickets.c.status == Status.NEW.value, ~gave_back),
    )
    first = _urgent_first(query).limit(1).with_for_update(skip_locked=True, of=tickets)
    return connection.execute(first).scalar_one_or_none()


def unowned(connection: Connection, agents: Iterable[Person], limit: int) -> list[int]:
    """The numbers of requests that wait for somebody and that one of some agents could have, most urgent first."""
    skills = {(agent.tiers, agent.languages, agent.topics) for agent in agents}
    if not skills:
        return []
    query = select(tickets.c.id).where(
        text("+tickets.owner_id IS NULL"),
        tickets.c.status.in_([Status.NEW.value, Status.OPEN.value]),
        tickets.c.kind == Kind.REQUEST.value,
        or_(*(_is_for(*each) for each in sorted(skills))),
    )
    return list(connection.execute(_urgent_first(query).limit(limit)).scalars())


def gave_back(connection: Connection, number: int) -> set[int]:
    """Who has given a ticket back."""
    mine = (events.c.ticket_id == number) & _gave_back()
    return set(connection.execute(select(events.c.person_id).where(mine, events.c.person_id.is_not(None))).scalars())


def owned(connection: Connection, person_id: int) -> list[Ticket]:
    """Somebody's unsolved tickets by number, locked."""
    mine = select(tickets.c.id).where(tickets.c.owner_id == person_id, tickets.c.status.in_(_UNSOLVED))
    found = store.several(connection, connection.execute(mine).scalars().all(), lock=True).values()
    return [each for each in found if each.owner_id == person_id and each.status in UNSOLVED]


def loads(connection: Connection) -> dict[int, int]:
    """How many unsolved tickets each person has; who has none is not in it."""
    mine = tickets.c.owner_id.is_not(None) & tickets.c.status.in_(_UNSOLVED)
    query = select(tickets.c.owner_id, func.count()).where(mine).group_by(tickets.c.owner_id)
    return {person_id: count for person_id, count in connection.execute(query)}  # noqa: C416


def given(connection: Connection) -> dict[int, datetime]:
    """When each person was last given a ticket; who never was is not in it."""
    query = select(notices.c.person_id, func.max(notices.c.at)).where(notices.c.about == About.ASSIGNED.value)
    return {person_id: at for person_id, at in connection.execute(query.group_by(notices.c.person_id))}  # noqa: C416
