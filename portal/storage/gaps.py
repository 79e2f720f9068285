"""What is known of gaps beside their tickets, in the database: occurrences, who asked, doubts, and what writers are told."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from portal.chains import Finding, Kind, Withdrawal
from portal.storage import announcing
from portal.storage.schema import doubts, events, gap_sessions, needs_change, search_events, subscriptions, tickets
from portal.storage.schema import occurrences as counts
from portal.storage.schema import wordings as failed_wordings
from portal.tickets import UNSOLVED
from portal.tickets import Kind as TicketKind

#: Wordings that are kept of a gap; what else it was asked by counts under its own.
MOST_WORDINGS = 200
#: Rows in one statement.
_SHARE = 500
#: Names the lock of `alone` on PostgreSQL.
_ALONE = 0x67617073

#: Doubts about one question that are looked at: more make no difference.
_MOST_DOUBTS = 1000
#: Gaps among which the wanted translations are looked for: the most asked.
_MOST_WANTED = 5000


class Doubt(NamedTuple):
    """A search that was perhaps not answered."""

    session_hash: str
    at: datetime
    code: str
    query: str


class Wording(NamedTuple):
    """Words that failed where the person then found an article by others."""

    language: str
    failed: str
    slug: str
    found_by: str
    times: int
    last_day: date


class Flag(NamedTuple):
    """An article that did not help people who had searched for it."""

    slug: str
    language: str
    revision: str
    query: str
    times: int
    last_day: date


class Wanted(NamedTuple):
    """An article that is searched for in a language that it does not exist in."""

    language: str
    slug: str
    query: str
    occurrences: int
    number: int


def day_of(moment: datetime) -> date:
    """The day that something counts for, UTC."""
    return moment.astimezone(UTC).date()


def count_occurrence(
    connection: Connection, number: int, day: date, language: str, wording: str, own: str, times: int = 1
) -> None:
    """Count that a gap was asked, in a transaction that has its ticket locked.

    Args:
        connection: of a write transaction.
        number: of the ticket.
        day: UTC.
        language: of the page.
        wording: as it was asked, masked.
        own: the ticket's query, which further wordings count under when there are many.
        times: how often.
    """
    mine = counts.c.ticket_id == number
    wording = wording[:200]
    if (
        wording != own
        and connection.execute(select(counts.c.day).where(mine & (counts.c.query == wording))).first() is None
    ):
        different = select(func.count(counts.c.query.distinct())).where(mine)
        wording = wording if connection.execute(different).scalar_one() < MOST_WORDINGS else own
    key = {"ticket_id": number, "day": day, "language": language, "query": wording}
    _add_to(connection, counts, key, times, {})


def uncount(connection: Connection, fingerprint: str, day: date, language: str) -> None:
    """Take one occurrence back that was counted for a ticket's own wording; no more than are there."""
    row = connection.execute(
        select(tickets.c.id, tickets.c.query).where(tickets.c.fingerprint == fingerprint).with_for_update()
    ).first()
    if row is None:
        return
    same = (counts.c.ticket_id == row.id) & (counts.c.day == day) & (counts.c.language == language)
    same &= (counts.c.query == row.query) & (counts.c.times > 0)
    if connection.execute(update(counts).where(same).values(times=counts.c.times - 1)).rowcount:
        less = {"occurrences": tickets.c.occurrences - 1}
        connection.execute(update(tickets).where(tickets.c.id == row.id).values(**less))


def _add_to(connection: Connection, table: Table, key: dict[str, Any], times: int, last: dict[str, Any]) -> None:
    """Raise a counter, which begins where there is none; what is `last` is kept of the newest."""
    same = and_(*(table.c[name] == value for name, value in key.items()))
    raised = update(table).where(same).values(times=table.c.times + times, **last)
    if connection.execute(raised).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(table).values(**key, times=times, **last))
    except IntegrityError:  # Another process has just made it.
        connection.execute(raised)


def occurrences(connection: Connection, number: int) -> list[tuple[date, str, str, int]]:
    """How often a gap was asked: day (UTC), language, wording and count, newest day first."""
    columns = (counts.c.day, counts.c.language, counts.c.query, counts.c.times)
    query = select(*columns).where((counts.c.ticket_id == number) & (counts.c.times > 0))
    return [tuple(row) for row in connection.execute(query.order_by(*(column.desc() for column in columns)))]


def asked_at(connection: Connection, session_hash: str) -> tuple[int, datetime] | None:
    """Of which ticket a session's asking was counted last, and when."""
    columns = (gap_sessions.c.ticket_id, gap_sessions.c.at)
    row = connection.execute(select(*columns).where(gap_sessions.c.session_hash == session_hash)).first()
    return (row.ticket_id, row.at) if row else None


def remember(connection: Connection, session_hash: str, number: int, at: datetime) -> None:
    """Remember that a session asked a gap whose ticket is locked."""
    same = gap_sessions.c.session_hash == session_hash
    if not connection.execute(update(gap_sessions).where(same).values(ticket_id=number, at=at)).rowcount:
        connection.execute(insert(gap_sessions).values(session_hash=session_hash, ticket_id=number, at=at))


def sessions(connection: Connection, number: int) -> set[str]:
    """Hashes of the sessions that asked a gap."""
    query = select(gap_sessions.c.session_hash).where(gap_sessions.c.ticket_id == number)
    return set(connection.execute(query).scalars())


def is_awaited(connection: Connection, number: int) -> bool:
    """Whether somebody waits for the answer: with a request or a subscription."""
    return bool(connection.execute(select(_is_awaited(number))).scalar_one())


def _is_awaited(number: Any) -> ColumnElement[bool]:
    """The same as a condition; the number may be a column."""
    request = tickets.alias()
    return or_(exists().where(request.c.gap_id == number), exists().where(subscriptions.c.gap_id == number))


def confirm(connection: Connection, where: ColumnElement[bool], now: datetime) -> None:
    """Mark gaps as asked by a person; always in the same order, so that two processes do not lock each other."""
    unconfirmed = select(tickets.c.id).where(where, ~tickets.c.is_confirmed).order_by(tickets.c.id)
    # Who sends a request for the gap in this transaction has its key locked, and another one may have, too.
    ids = connection.execute(unconfirmed.with_for_update(key_share=True)).scalars().all()
    if ids:
        connection.execute(update(tickets).where(tickets.c.id.in_(ids)).values(is_confirmed=True))
        announcing.tell_confirmed(connection, ids, now)


def confirm_one(connection: Connection, number: int, now: datetime) -> None:
    """Mark a gap as asked by a person."""
    confirm(connection, tickets.c.id == number, now)


def confirm_asked_by(connection: Connection, session_names: Collection[str], since: datetime, now: datetime) -> None:
    """Mark the gaps that some sessions have asked since a time as asked by persons."""
    for share in _shares(sorted(session_names)):
        asked = select(search_events.c.gap_id).where(_is_search(share, since), search_events.c.gap_id.is_not(None))
        confirm(connection, tickets.c.id.in_(asked), now)


def overflowed(connection: Connection, session_names: Collection[str], since: datetime, limit: int) -> list[str]:
    """Those of some sessions of whose searches since a time some were over the budgets and have no gap yet."""
    found: list[str] = []
    for share in _shares(sorted(session_names)):
        is_left = search_events.c.is_overflow & search_events.c.gap_id.is_(None)
        query = select(search_events.c.session).distinct().where(_is_search(share, since), is_left)
        found += connection.execute(query.order_by(search_events.c.session).limit(limit)).scalars()
    return found[:limit]


def _is_search(session_names: Sequence[str], since: datetime) -> ColumnElement[bool]:
    """Searches of some sessions since a time."""
    is_theirs = search_events.c.session.in_(session_names) & (search_events.c.at >= since)
    return is_theirs & (search_events.c.kind == Kind.SEARCH.value)


def _shares(values: Sequence[Any]) -> list[Sequence[Any]]:
    """Values in parts that a statement takes."""
    return [values[start : start + _SHARE] for start in range(0, len(values), _SHARE)]


def alone(connection: Connection) -> None:
    """Wait until no other process is in such a transaction; on SQLite that is so in every one that writes.

    Of two that count doubts at once neither would see the other's, and two that lock many gaps might wait for each
    other for ever.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_ALONE)))


def doubt(connection: Connection, fingerprint: str, added: Doubt, language: str, topic: str) -> None:
    """Remember that a search was perhaps not answered; one for each session, the newest."""
    same = (doubts.c.fingerprint == fingerprint) & (doubts.c.session_hash == added.session_hash)
    connection.execute(delete(doubts).where(same))
    connection.execute(
        insert(doubts).values(fingerprint=fingerprint, language=language, topic=topic, **added._asdict())
    )


def doubted(connection: Connection, fingerprint: str, since: datetime) -> list[Doubt]:
    """The doubts about a question since a time, oldest first, one for each session; of very many the newest."""
    query = select(*(doubts.c[name] for name in Doubt._fields))
    query = query.where((doubts.c.fingerprint == fingerprint) & (doubts.c.at >= since))
    newest = query.order_by(doubts.c.at.desc(), doubts.c.session_hash.desc()).limit(_MOST_DOUBTS)
    return [Doubt(*row) for row in connection.execute(newest)][::-1]


def settle_doubts(connection: Connection, fingerprint: str) -> None:
    """Forget the doubts about a question, which are now occurrences of its gap."""
    connection.execute(delete(doubts).where(doubts.c.fingerprint == fingerprint))


def forget_doubts(connection: Connection, before: datetime) -> None:
    """Forget the doubts that are too old to count."""
    connection.execute(delete(doubts).where(doubts.c.at < before))


def flag(connection: Connection, finding: Finding) -> None:
    """Remember an article that did not help who had searched for it."""
    key = {"slug": finding.slug, "language": finding.language, "revision": finding.revision[:16]}
    last = {"query": finding.search.query[:200], "last_day": day_of(finding.search.at)}
    _add_to(connection, needs_change, key, 1, last)


def keep_wording(connection: Connection, withdrawal: Withdrawal) -> None:
    """Remember the words that failed where others found the article."""
    key = {"language": withdrawal.failed.language, "failed": withdrawal.failed.query[:200], "slug": withdrawal.slug}
    last = {"found_by": withdrawal.found.query[:200], "last_day": day_of(withdrawal.found.at)}
    _add_to(connection, failed_wordings, key, 1, last)


def wordings(connection: Connection, limit: int = 100) -> list[Wording]:
    """Words that failed where others found an article, most frequent first."""
    table = failed_wordings.c
    query = select(*(table[name] for name in Wording._fields))
    ordered = query.order_by(table.times.desc(), table.last_day.desc(), table.language, table.failed, table.slug)
    return [Wording(*row) for row in connection.execute(ordered.limit(limit))]


def flags(connection: Connection, limit: int = 100) -> list[Flag]:
    """Articles that did not help who had searched for them, most frequent first."""
    table = needs_change.c
    query = select(*(table[name] for name in Flag._fields))
    ordered = query.order_by(table.times.desc(), table.last_day.desc(), table.slug, table.language, table.revision)
    return [Flag(*row) for row in connection.execute(ordered.limit(limit))]


def wanted(connection: Connection, limit: int = 100) -> list[Wanted]:
    """The articles whose translation unsolved gaps want, most asked first; each with the gap that is asked most."""
    is_wanted = (tickets.c.kind == TicketKind.TRANSLATION.value) & tickets.c.status.in_(sorted(UNSOLVED))
    columns = (tickets.c.language, tickets.c.slug, tickets.c.query, tickets.c.occurrences, tickets.c.id)
    ordered = select(*columns).where(is_wanted).order_by(tickets.c.occurrences.desc(), tickets.c.id).limit(_MOST_WANTED)
    found: dict[tuple[str, str], Wanted] = {}
    for each in (Wanted(*row) for row in connection.execute(ordered)):
        first = found.setdefault((each.language, each.slug), each)
        if first is not each:
            times = first.occurrences + each.occurrences
            found[each.language, each.slug] = first._replace(occurrences=times)
    return sorted(found.values(), key=lambda each: (-each.occurrences, each.number))[:limit]


def purge(connection: Connection, before: datetime, limit: int | None = None) -> int:
    """Delete gaps that were opened before a time, that no person is known to have asked and no agent has touched.

    Args:
        connection: of a write transaction.
        before: aware.
        limit: how many at most; None for all.

    Returns:
        How many; they go with their histories, occurrences and sessions.
    """
    query = select(tickets.c.id).where(_is_purgeable(before)).order_by(tickets.c.id).limit(limit).with_for_update()
    ids = connection.execute(query).scalars().all()
    for share in _shares(ids):
        connection.execute(delete(events).where(events.c.ticket_id.in_(share)))
        connection.execute(delete(tickets).where(tickets.c.id.in_(share)))
    return len(ids)


def purgeable(connection: Connection, before: datetime) -> int:
    """How many `purge` would delete."""
    return int(connection.execute(select(func.count()).select_from(tickets).where(_is_purgeable(before))).scalar_one())


def _is_purgeable(before: datetime) -> ColumnElement[bool]:
    """The gaps that nobody needs."""
    is_gap = tickets.c.kind.in_([TicketKind.GAP.value, TicketKind.TRANSLATION.value])
    is_touched = exists().where((events.c.ticket_id == tickets.c.id) & events.c.person_id.is_not(None))
    is_old = is_gap & ~tickets.c.is_confirmed & (tickets.c.created_at < before)
    return is_old & tickets.c.owner_id.is_(None) & ~is_touched & ~_is_awaited(tickets.c.id)
