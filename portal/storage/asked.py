"""What people have asked, in the database: the wordings of gaps, recent searches, and the tickets that came last."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from portal.chains import Kind as Deed
from portal.storage import tickets as store
from portal.storage.schema import occurrences, search_events, tickets
from portal.tickets import UNSOLVED, Kind, Resolution, Status, Ticket

#: Tickets that nobody is to answer, or that another one stands for.
_NOBODYS = (Status.SPAM.value, Status.DUPLICATE.value)
_GAPS = (Kind.GAP.value, Kind.TRANSLATION.value)


class Wording(NamedTuple):
    """One wording by which a gap was asked."""

    number: int
    is_unsolved: bool
    #: Whether the answer exists in other languages only.
    is_translation: bool
    resolution: Resolution | None
    #: The article that has closed it, or whose translation is wanted, or that somebody plans.
    slug: str
    #: Of the page that it was typed on.
    language: str
    #: Masked.
    query: str
    times: int


def wordings(connection: Connection, limit: int) -> list[Wording]:
    """The wordings of gaps that people have asked, most asked first.

    Left out are spam, duplicates, what is no topic of ours, and gaps that perhaps no person has asked.
    """
    times = func.sum(occurrences.c.times)
    columns = (tickets.c.id, tickets.c.kind, tickets.c.status, tickets.c.resolution, tickets.c.slug)
    wording = (occurrences.c.language, occurrences.c.query)
    is_meant = tickets.c.kind.in_(_GAPS) & tickets.c.status.not_in(_NOBODYS) & tickets.c.is_confirmed
    is_meant &= func.coalesce(tickets.c.resolution, "") != Resolution.OUT_OF_SCOPE.value
    query = (
        select(*columns, *wording, times.label("times"))
        .join(tickets, tickets.c.id == occurrences.c.ticket_id)
        .where(is_meant, occurrences.c.times > 0)
        .group_by(*columns, *wording)
        .order_by(times.desc(), tickets.c.id, *wording)
        .limit(limit)
    )
    return [
        Wording(
            row.id,
            Status(row.status) in UNSOLVED,
            row.kind == Kind.TRANSLATION.value,
            Resolution(row.resolution) if row.resolution else None,
            row.slug,
            row.language,
            row.query,
            int(row.times),
        )
        for row in connection.execute(query)
    ]


def searches(connection: Connection, since: datetime, limit: int) -> list[tuple[str, str, int]]:
    """Language, query (masked) and count of the searches since a time, most frequent first.

    Left out is what was beyond the budgets, which robots are.
    """
    events = search_events.c
    times = func.count()
    is_search = (events.at >= since) & (events.kind == Deed.SEARCH.value) & ~events.is_overflow & (events.query != "")
    query = select(events.language, events.query, times).where(is_search).group_by(events.language, events.query)
    ordered = query.order_by(times.desc(), events.language, events.query).limit(limit)
    return [(language, text, int(count)) for language, text, count in connection.execute(ordered)]


def newest(
    connection: Connection,
    limit: int,
    before: int | None = None,
    language: str | None = None,
    since: datetime | None = None,
) -> list[Ticket]:
    """The gaps and requests that came last, newest first, whatever has become of them.

    Args:
        connection: of any transaction.
        limit: how many at most.
        before: only those with lower numbers.
        language: of the page that they came from; None for all.
        since: only those opened since then, aware.
    """
    query = select(tickets.c.id).where(tickets.c.kind.in_([*_GAPS, Kind.REQUEST.value]))
    if before is not None:
        query = query.where(tickets.c.id < before)
    if language is not None:
        query = query.where(tickets.c.language == language)
    if since is not None:
        query = query.where(tickets.c.created_at >= since)
    numbers = connection.execute(query.order_by(tickets.c.id.desc()).limit(limit)).scalars().all()
    return list(store.several(connection, numbers).values())[::-1]
