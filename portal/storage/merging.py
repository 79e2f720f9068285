"""Tickets that ask the same as another, in the database: which stands for which, and what moves from one to the other."""

from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from portal.errors import NotFound
from portal.storage import gaps
from portal.storage import tickets as store
from portal.storage.schema import events, gap_sessions, occurrences, outbox, subscriptions, tickets
from portal.tickets import Action, Kind, Status, Ticket


def master(connection: Connection, ticket: Ticket, lock: bool = False) -> Ticket:
    """The ticket that a duplicate stands behind, however many are between; the ticket itself where it is none."""
    seen = {ticket.id}
    while ticket.status is Status.DUPLICATE and ticket.duplicate_of is not None and ticket.duplicate_of not in seen:
        seen.add(ticket.duplicate_of)
        try:
            ticket = store.get(connection, ticket.duplicate_of, lock)
        except NotFound:
            break
    return ticket


def duplicates(connection: Connection, number: int, status: Status = Status.DUPLICATE) -> list[int]:
    """The tickets that are duplicates of one, oldest first; or those that were, and now have another status."""
    is_one = (tickets.c.duplicate_of == number) & (tickets.c.status == status.value)
    return list(connection.execute(select(tickets.c.id).where(is_one).order_by(tickets.c.id)).scalars())


def left_behind(connection: Connection, before: datetime, limit: int) -> list[int]:
    """Requests that are duplicates of a ticket that ended before a time, oldest first."""
    other = tickets.alias()
    ended = [Status.SOLVED.value, Status.CLOSED.value, Status.SPAM.value]
    is_left = and_(
        tickets.c.kind == Kind.REQUEST.value,
        tickets.c.status == Status.DUPLICATE.value,
        other.c.status.in_(ended),
        other.c.updated_at < before,
    )
    query = select(tickets.c.id).join(other, other.c.id == tickets.c.duplicate_of).where(is_left)
    return list(connection.execute(query.order_by(tickets.c.id).limit(limit)).scalars())


def newest_action(connection: Connection, number: int) -> tuple[Action, datetime] | None:
    """What was done to a ticket last, and when."""
    query = select(events.c.action, events.c.at).where(events.c.ticket_id == number).order_by(events.c.id.desc())
    row = connection.execute(query.limit(1)).first()
    return (Action(row.action), row.at) if row else None


def withdraw_mail(connection: Connection, key: str) -> bool:
    """Take back a mail that no process has begun to send; whether there was one."""
    is_waiting = (outbox.c.state == "waiting") & outbox.c.claimed_until.is_(None) & (outbox.c.attempts == 0)
    return connection.execute(delete(outbox).where((outbox.c.key == key) & is_waiting)).rowcount == 1


def move_gap(connection: Connection, source: Ticket, target: Ticket) -> None:
    """Everything that hangs on a gap hangs on another from now on; both are locked.

    Occurrences keep their days, languages and wordings; who subscribed to both is told once; requests that came from
    the one belong to the other.
    """
    for day, language, wording, times in gaps.occurrences(connection, source.id):
        gaps.count_occurrence(connection, target.id, day, language, wording, target.query, times)
    connection.execute(delete(occurrences).where(occurrences.c.ticket_id == source.id))
    connection.execute(
        update(gap_sessions).where(gap_sessions.c.ticket_id == source.id).values(ticket_id=target.id)
    )  # fmt: skip
    _move_subscriptions(connection, source.id, target.id)
    # In the order of their numbers, as everybody locks requests after their gap.
    theirs = select(tickets.c.id).where(tickets.c.gap_id == source.id).order_by(tickets.c.id).with_for_update()
    if numbers := connection.execute(theirs).scalars().all():
        moved = {"gap_id": target.id, "version": tickets.c.version + 1}
        connection.execute(update(tickets).where(tickets.c.id.in_(numbers)).values(**moved))


def _move_subscriptions(connection: Connection, source: int, target: int) -> None:
    """Move the subscriptions of a gap; of two of one address a confirmed one stays."""
    mine = subscriptions.alias()
    twice = and_(mine.c.gap_id == target, func.lower(mine.c.email) == func.lower(subscriptions.c.email))
    is_settled = or_(mine.c.confirmed_at.is_not(None), subscriptions.c.confirmed_at.is_(None))
    is_source = subscriptions.c.gap_id == source
    # Those whose wish the target knows as well go; then what the target knows only unconfirmed.
    needless = select(subscriptions.c.id).join(mine, twice).where(is_source, is_settled)
    connection.execute(delete(subscriptions).where(subscriptions.c.id.in_(needless)))
    worse = select(mine.c.id).select_from(subscriptions).join(mine, twice).where(is_source)
    if ids := connection.execute(worse).scalars().all():
        connection.execute(delete(subscriptions).where(subscriptions.c.id.in_(ids)))
    connection.execute(update(subscriptions).where(is_source).values(gap_id=target))
