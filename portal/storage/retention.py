"""What the database forgets in time: it is counted by day first, and then deleted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.exc import IntegrityError

from portal.chains import READ_SECONDS, Kind, SearchEvent, judge
from portal.queries import Verdict
from portal.storage import frequent, gaps, views
from portal.storage.schema import (
    article_views,
    callbacks,
    daily_counts,
    doubts,
    form_sessions,
    frequent_queries,
    gap_sessions,
    incidents,
    link_requests,
    notices,
    outbox,
    received,
    rule_runs,
    search_events,
    sessions,
    sign_in_failures,
    tickets,
)
from portal.tickets import Kind as TicketKind
from portal.tickets import Status

#: Rows that are deleted in one transaction: nobody waits long for it.
SHARE = 2000
#: Chains that are read at once.
_CHAINS = 500
#: Wrong passwords count for minutes; see `people.fail`.
_FAILURES_KEPT = timedelta(days=1)
#: What staff were told, after they have seen it, and at the latest; that a mail came in.
_SEEN_KEPT, _UNSEEN_KEPT, _RECEIVED_KEPT = timedelta(days=90), timedelta(days=365), timedelta(days=90)
#: Pages of the desk's search index that are written anew in one transaction.
_PAGES = 500

_events = search_events.c


@dataclass(frozen=True)
class Limits:
    """Since when each thing is kept; all times are aware."""

    now: datetime
    #: Searches, forms, mails that have ended, who asked a gap, what a closed request needed; the beginning of a day (UTC).
    events: datetime
    doubts: datetime
    #: Links that were asked for and could not be sent.
    links: datetime


def _tally(*conditions: ColumnElement[bool]) -> Any:
    """In how many rows all of some conditions hold."""
    return func.sum(case((and_(*conditions), 1), else_=0))


def _search_measures() -> dict[str, Any]:
    """The measures of a day's events that are sums of rows."""
    is_search, is_vote = _events.kind == Kind.SEARCH.value, _events.kind == Kind.VOTE.value
    verdicts = (Verdict.ANSWERED, Verdict.UNCERTAIN, Verdict.UNANSWERED)
    return {
        "searches": _tally(is_search),
        **{f"searches.{verdict.value}": _tally(is_search, _events.verdict == verdict.value) for verdict in verdicts},
        "searches.no_hit": _tally(is_search, _events.total == 0),
        **{f"searches.{code}": _tally(is_search, _events.code == code) for code in ("U0", "U1")},
        "opens": _tally(_events.kind == Kind.OPEN.value),
        "reads_30s": _tally(_events.kind == Kind.READ.value, _events.seconds >= READ_SECONDS),
        "votes.yes": _tally(is_vote, _events.is_helpful.is_(True)),
        "votes.no": _tally(is_vote, _events.is_helpful.is_(False)),
        "requests": _tally(_events.kind == Kind.REQUEST.value),
    }


#: What is counted of each table that has times.
MEASURES: dict[Table, dict[str, Any]] = {
    search_events: _search_measures(),
    form_sessions: {
        f"forms.{outcome}": _tally(form_sessions.c.outcome == outcome) for outcome in ("shown", "solved", "sent")
    },
}


def start_of(day: date) -> datetime:
    """The beginning of a day, UTC."""
    return datetime.combine(day, time(), UTC)


def _within(table: Table, day: date) -> ColumnElement[bool]:
    """Whether a row is of a day."""
    return (table.c.at >= start_of(day)) & (table.c.at < start_of(day + timedelta(days=1)))


def uncounted(connection: Connection, table: Table, before: datetime) -> list[date]:
    """The days before a time that have rows and have not been counted yet, oldest first."""
    return [day for day in _days(connection, table, before) if not _is_counted(connection, table, day)]


def _days(connection: Connection, table: Table, before: datetime) -> Iterator[date]:
    """The days before a time that have rows."""
    since: datetime | None = None
    while True:
        is_next = (table.c.at < before) if since is None else (table.c.at < before) & (table.c.at >= since)
        first = connection.execute(select(func.min(table.c.at)).where(is_next)).scalar()
        if first is None:
            return
        yield first.date()
        since = start_of(first.date() + timedelta(days=1))


def _is_counted(connection: Connection, table: Table, day: date) -> bool:
    """Whether a day has been counted: it has every measure then, also those that are 0."""
    measure = next(iter(MEASURES[table]))
    mine = (daily_counts.c.day == day) & (daily_counts.c.measure == measure)
    return connection.execute(select(daily_counts.c.day).where(mine).limit(1)).first() is not None


def count_day(connection: Connection, table: Table, day: date) -> None:
    """Keep the sums of a day; one that has been counted stays as it is, whatever of its rows is left.

    Args:
        connection: of a write transaction.
        table: the searches' events or the forms.
        day: UTC.
    """
    if _is_counted(connection, table, day):
        return
    sums = sums_of(connection, table, day)
    rows = [
        {"day": day, "language": language, "measure": measure, "value": value}
        for (language, measure), value in sums.items()
    ]
    if not rows:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(daily_counts), rows)
    except IntegrityError:  # Another process has just counted it.
        return


def sums_of(connection: Connection, table: Table, day: date) -> dict[tuple[str, str], int]:
    """Every measure of a day by language and name, from the rows that are there."""
    measures = MEASURES[table]
    query = select(table.c.language, *measures.values()).where(_within(table, day)).group_by(table.c.language)
    sums = {
        (language, measure): int(value)
        for language, *values in connection.execute(query)
        for measure, value in zip(measures, values, strict=True)
    }
    return sums | _chain_sums(connection, day) if table is search_events else sums


def _chain_sums(connection: Connection, day: date) -> Counter[tuple[str, str]]:
    """What the chains that began on a day came to, by the language of their first search."""
    sums: Counter[tuple[str, str]] = Counter()
    query = select(_events.chain).distinct().where(_within(search_events, day), _events.chain.is_not(None))
    names = sorted(connection.execute(query).scalars())
    for start in range(0, len(names), _CHAINS):
        for chain in _chains(connection, names[start : start + _CHAINS]):
            search = next((event for event in chain if event.kind is Kind.SEARCH), None)
            if search is not None and chain[0].at.date() == day:
                sums[search.language, "chains"] += 1
                sums[search.language, f"chains.{judge(chain).outcome.value}"] += 1
    return sums


def _chains(connection: Connection, names: list[str]) -> list[list[SearchEvent]]:
    """Chains by name, their events oldest first, with what judging the outcome needs."""
    plain = ("id", "at", "language", "query", "fingerprint", "code", "slug", "seconds", "is_helpful")
    columns = [_events[name] for name in (*plain, "chain", "kind", "verdict", "total")]
    query = select(*columns).where(_events.chain.in_(names)).order_by(_events.at, _events.id)
    found: dict[str, list[SearchEvent]] = {}
    for row in connection.execute(query).mappings():
        event = SearchEvent(
            kind=Kind(row["kind"]),
            verdict=Verdict(row["verdict"]) if row["verdict"] else None,
            total=row["total"] or 0,
            **{name: row[name] for name in plain},
        )
        found.setdefault(row["chain"], []).append(event)
    return list(found.values())


def old(limits: Limits) -> dict[str, tuple[Table, ColumnElement[bool]]]:
    """What goes, by the name that it is reported under: table and condition."""
    later = search_events.alias()
    goes_on = exists().where(later.c.chain == _events.chain, later.c.at >= limits.events)
    is_uncounted = (frequent_queries.c.times == 0) & (
        frequent_queries.c.last_day < (limits.now - frequent.KEPT).astimezone(UTC).date()
    )
    closed = select(tickets.c.id).where(tickets.c.status == Status.CLOSED.value, tickets.c.closed_at < limits.events)
    anonymous = select(tickets.c.id).where(tickets.c.kind == TicketKind.REQUEST.value, tickets.c.requester_email == "")
    views_from = gaps.day_of(limits.now - views.KEPT)
    return {
        # A chain goes as a whole, so that what is left of it is not taken for another one.
        "search_events": (search_events, (_events.at < limits.events) & ~goes_on),
        "form_sessions": (form_sessions, form_sessions.c.at < limits.events),
        "article_views": (article_views, article_views.c.day < views_from),
        "doubts": (doubts, doubts.c.at < limits.doubts),
        "gap_sessions": (gap_sessions, gap_sessions.c.at < limits.events),
        "link_requests": (link_requests, link_requests.c.at < limits.links),
        "mails": (outbox, (outbox.c.state != "waiting") & (outbox.c.ended_at < limits.events)),
        "frequent_queries": (frequent_queries, is_uncounted),
        "sessions": (sessions, sessions.c.expires_at < limits.now),
        "sign_in_failures": (sign_in_failures, sign_in_failures.c.at < limits.now - _FAILURES_KEPT),
        "notices": (
            notices,
            or_(notices.c.seen_at < limits.now - _SEEN_KEPT, notices.c.at < limits.now - _UNSEEN_KEPT),
        ),
        "mails_received": (received, received.c.at < limits.now - _RECEIVED_KEPT),
        # A closed request is never opened again: no clock of it runs, and nobody is called.
        "rule_runs": (rule_runs, (rule_runs.c.at < limits.events) & rule_runs.c.ticket_id.in_(closed)),
        "calls": (callbacks, callbacks.c.ticket_id.in_(closed)),
        # Those of erased requests that lasted longer than these: what the portal said was everybody's until then.
        "incidents": (incidents, incidents.c.ended_at.is_not(None) & incidents.c.ticket_id.in_(anonymous)),
    }


def count_old(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    """How many rows would go."""
    return int(connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one())


def delete_old(connection: Connection, table: Table, condition: ColumnElement[bool], limits: Limits) -> int:
    """Delete some of the rows that go; how many, 0 when none is left."""
    if table is frequent_queries:
        return frequent.purge(connection, limits.now)
    key = tuple_(*table.primary_key)
    some = select(*table.primary_key).where(condition).order_by(*table.primary_key).limit(SHARE)
    return connection.execute(delete(table).where(key.in_(some))).rowcount


def tidy(connection: Connection, *, is_first: bool) -> bool:
    """Write a part of the desk's search index anew; whether there is more to do.

    SQLite only marks words as deleted, until it writes their part of the index anew by itself, some day.

    Args:
        connection: of a write transaction.
        is_first: whether to begin, or go on with what was begun.
    """
    driver = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or driver is None:
        return False
    before: int = driver.total_changes
    pages = -_PAGES if is_first else _PAGES
    connection.execute(
        text("INSERT INTO ticket_search (ticket_search, rank) VALUES ('merge', :pages)"), {"pages": pages}
    )
    # The statement itself counts as one; see https://www.sqlite.org/fts5.html#the_merge_command
    return bool(driver.total_changes - before >= 2)
