"""What the database forgets in time; what is counted by day, only when that is final."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    tuple_,
)

from portal.storage import frequent, gaps, idempotency, views
from portal.storage.schema import (
    article_views,
    callbacks,
    deliveries,
    doubts,
    form_sessions,
    frequent_queries,
    gap_sessions,
    idempotency_keys,
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
#: Beyond the time of other things, what was never delivered.
_DELIVERIES_WAIT = timedelta(days=7)
#: Pages of the desk's search index that are written anew in one transaction.
_PAGES = 500

_events = search_events.c


@dataclass(frozen=True)
class Limits:
    """Since when each thing is kept; all times are aware."""

    now: datetime
    #: Mails that have ended, who asked a gap, what a closed request needed; the beginning of a day (UTC).
    events: datetime
    #: Searches and forms: no later than `events`, and than the first day that is still to be counted.
    searches: datetime
    forms: datetime
    doubts: datetime
    #: Links that were asked for and could not be sent.
    links: datetime


def old(limits: Limits) -> dict[str, tuple[Table, ColumnElement[bool]]]:
    """What goes, by the name that it is reported under: table and condition."""
    later = search_events.alias()
    goes_on = exists().where(later.c.chain == _events.chain, later.c.at >= limits.searches)
    is_uncounted = (frequent_queries.c.times == 0) & (
        frequent_queries.c.last_day < (limits.now - frequent.KEPT).astimezone(UTC).date()
    )
    closed = select(tickets.c.id).where(tickets.c.status == Status.CLOSED.value, tickets.c.closed_at < limits.events)
    anonymous = select(tickets.c.id).where(tickets.c.kind == TicketKind.REQUEST.value, tickets.c.requester_email == "")
    views_from = gaps.day_of(limits.now - views.KEPT)
    return {
        # A chain goes as a whole, so that what is left of it is not taken for another one.
        "search_events": (search_events, (_events.at < limits.searches) & ~goes_on),
        "form_sessions": (form_sessions, form_sessions.c.at < limits.forms),
        "article_views": (article_views, article_views.c.day < views_from),
        "doubts": (doubts, doubts.c.at < limits.doubts),
        "gap_sessions": (gap_sessions, gap_sessions.c.at < limits.events),
        "link_requests": (link_requests, link_requests.c.at < limits.links),
        "mails": (outbox, (outbox.c.state != "waiting") & (outbox.c.ended_at < limits.events)),
        "frequent_queries": (frequent_queries, is_uncounted),
        "sessions": (sessions, sessions.c.expires_at < limits.now),
        "idempotency_keys": (idempotency_keys, idempotency_keys.c.at < limits.now - idempotency.KEPT),
        "sign_in_failures": (sign_in_failures, sign_in_failures.c.at < limits.now - _FAILURES_KEPT),
        "notices": (
            notices,
            or_(notices.c.seen_at < limits.now - _SEEN_KEPT, notices.c.at < limits.now - _UNSEEN_KEPT),
        ),
        # What waits longer than anything is tried belongs to webhooks that are turned off.
        "deliveries": (
            deliveries,
            or_(deliveries.c.ended_at < limits.events, deliveries.c.created_at < limits.events - _DELIVERIES_WAIT),
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
