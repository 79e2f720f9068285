"""Forgetting: what is older than the settings allow, and everything of one person; and telling what is known of them."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection

from portal.daily import Daily
from portal.daily.sources import Source
from portal.desk.acting import act
from portal.lifecycle import allowed
from portal.people import clean_email
from portal.storage import Database, facts, mentions, personal, subscriptions
from portal.storage import gaps as gap_store
from portal.storage import retention as store
from portal.storage import tickets as ticket_store
from portal.storage.mentions import Needles
from portal.storage.schema import events, form_sessions, search_events
from portal.subscribing import KEEP_ENDED
from portal.tickets import SYSTEM, Action, Event, Ticket

#: Requests that are made anonymous in one transaction, and texts of others in which somebody is no longer named.
SHARE = 100
#: An address that nobody has confirmed is kept no longer than this.
UNCONFIRMED_KEPT = timedelta(days=7)
#: A link that was asked for waits no longer than this for the worker.
LINKS_KEPT = timedelta(days=1)

#: What was forgotten or would be, and how much of it.
Report = dict[str, int]


class Periods(Protocol):
    """The settings that say how long things are kept."""

    @property
    def event_days(self) -> int:
        """Single searches."""

    @property
    def doubt_days(self) -> int:
        """Searches that were perhaps not answered."""

    @property
    def unconfirmed_days(self) -> int:
        """Gaps that perhaps no person asked."""

    @property
    def request_months(self) -> int:
        """Requests that have ended."""


class Purges(Protocol):
    """What forgets its own."""

    def purge(self, now: datetime, /) -> int:
        """Forget what is old; how much."""


class Parts(Protocol):
    """What is needed of the portal."""

    @property
    def database(self) -> Database:
        """Of the tickets."""

    @property
    def settings(self) -> Periods:
        """In force."""

    @property
    def daily(self) -> Daily:
        """Counts what is forgotten."""

    @property
    def gaps(self) -> Purges:
        """Forgets those that no person asked."""


def run(parts: Parts, now: datetime, *, dry_run: bool = False) -> Report:
    """Forget what is older than the settings allow, and has been counted for good.

    Each part is a transaction of its own, and a long one several: whenever it is broken off, the next run goes on.

    Args:
        parts: of the portal.
        now: aware, UTC.
        dry_run: only say what would be done.

    Returns:
        How many days will not be counted again, requests made anonymous, and rows of each kind deleted.
    """
    database, before = parts.database, facts.start_of((now - timedelta(days=parts.settings.event_days)).date())
    report = {"days": parts.daily.sealable(before) if dry_run else _count_for_good(parts, before, now)}
    limits = _limits(database, parts.settings, before, now, dry_run=dry_run)
    for what, (table, condition) in store.old(limits).items():
        if dry_run:
            with database.read() as connection:
                report[what] = store.count_old(connection, table, condition)
        else:
            report[what] = _until_done(
                database,
                lambda connection, table=table, condition=condition: store.delete_old(
                    connection, table, condition, limits
                ),  # type: ignore[misc]
            )
    days = parts.settings.unconfirmed_days
    with database.read() as connection:
        gaps, read = (
            None if dry_run else facts.first_open(connection, events.c.at, source)
            for source in (Source.GAPS, Source.REQUESTERS)
        )
    # What is not counted for good stays for another time.
    before = min(_months_before(now, parts.settings.request_months), read or now)
    gaps_at = min(now, (gaps or now) + timedelta(days=days))
    if dry_run:
        with database.read() as connection:
            report["requests"] = len(personal.ended(connection, before))
        return report | _unconfirmed(database, gaps_at - timedelta(days=days), now)
    report["requests"] = _until_done(database, lambda connection: _anonymise_some(connection, before))
    if report["requests"]:
        _tidy(database)
    with database.write() as connection:
        report["subscriptions"] = _forget_subscriptions(connection, now)
    return report | {"gaps": parts.gaps.purge(gaps_at)}


def _count_for_good(parts: Parts, before: datetime, now: datetime) -> int:
    """Seal the days whose events are about to be forgotten; how many of those that single searches belong to."""
    unconfirmed = now - timedelta(days=parts.settings.unconfirmed_days)
    parts.daily.count_old(now, max(before, unconfirmed))
    days = parts.daily.seal(before, now)
    parts.daily.seal(unconfirmed, now, [Source.GAPS])
    parts.daily.seal(_months_before(now, parts.settings.request_months), now, [Source.REQUESTERS])
    return days


def _limits(database: Database, periods: Periods, before: datetime, now: datetime, *, dry_run: bool) -> store.Limits:
    """Since when each thing is kept; of what is counted by day whole days go, and only days that are final."""
    with database.read() as connection:
        searches = facts.first_open(connection, search_events.c.at, Source.SEARCHES) or before
        forms = facts.first_open(connection, form_sessions.c.at, Source.FORMS) or before
    return store.Limits(
        now=now,
        events=before,
        # A dry run has made nothing final; the real one will, unless something keeps it from being counted.
        searches=before if dry_run else min(before, searches),
        forms=before if dry_run else min(before, forms),
        doubts=now - timedelta(days=periods.doubt_days),
        links=now - LINKS_KEPT,
    )


def _months_before(now: datetime, months: int) -> datetime:
    """The same day some months ago, or the last one of a shorter month."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    for day in range(now.day, 27, -1):
        try:
            return now.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return now.replace(year=year, month=month + 1)


def _until_done(database: Database, some: Callable[[Connection], int]) -> int:
    """Do something in one transaction after another until nothing is left to do; how much it was."""
    done = 0
    while True:
        with database.write() as connection:
            last = some(connection)
        if not last:
            return done
        done += last


def _anonymise_some(connection: Connection, before: datetime) -> int:
    """Take from some requests whose they were; how many."""
    numbers = personal.ended(connection, before, SHARE)
    personal.anonymise(connection, numbers)
    return len(numbers)


def _tidy(database: Database) -> None:
    """Leave nothing in the desk's search index of words that are no longer there."""
    is_first = is_more = True
    while is_more:
        with database.write() as connection:
            is_more = store.tidy(connection, is_first=is_first)
        is_first = False


def _forget_subscriptions(connection: Connection, now: datetime) -> int:
    """Delete addresses that nobody has confirmed, and those whose gap ended without an answer; how many."""
    numbers = subscriptions.stale(connection, now - UNCONFIRMED_KEPT, now - KEEP_ENDED)
    return sum(subscriptions.remove(connection, number) for number in numbers)


def _unconfirmed(database: Database, before: datetime, now: datetime) -> Report:
    """How many subscriptions and gaps would go; a subscription that goes keeps no gap."""
    with database.write() as connection:
        trial = connection.begin_nested()
        gone = _forget_subscriptions(connection, now)
        gaps = gap_store.purgeable(connection, before)
        trial.rollback()
    return {"subscriptions": gone, "gaps": gaps}


def export(database: Database, email: str) -> dict[str, Any]:
    """Everything that is kept of a person outside the staff.

    Args:
        database: of the tickets.
        email: their address.

    Returns:
        By kind, as it is stored; times are ISO 8601. Who of the staff did something is not told.

    Raises:
        InvalidInput: it is no address.
    """
    email = clean_email(email)
    with database.read() as connection:
        numbers = personal.requests_of(connection, email)
        requests = [
            _told(ticket_store.get(connection, number), ticket_store.history(connection, number)) for number in numbers
        ]
        stored = personal.of_address(connection, email, numbers)
    return {"email": email, "requests": requests, **stored}


def _told(ticket: Ticket, history: list[Event]) -> dict[str, Any]:
    """A request and its history, without the staff's names."""
    hidden = {"owner_id", "owner_name", "fingerprint", "version", "clocked", "rule_at"}
    return {
        **{name: value for name, value in asdict(ticket).items() if name not in hidden},
        "history": [
            {
                "at": event.at,
                "action": event.action.value,
                "by": _by(event),
                "after": event.after.value,
                "text": event.text,
                "details": {name: value for name, value in event.details.items() if name not in _STAFF_DETAILS},
            }
            for event in history
        ],
    }


#: What an event's details say of the staff, and the marks by which a text is known again.
_STAFF_DETAILS = frozenset({"name", "invited", "left", "message", "told"})


def _by(event: Event) -> str:
    """Who has done something: `staff`, `supplier`, `requester` or `system`."""
    if event.actor.person_id is not None:
        return "staff"
    if event.action is Action.SUPPLIER_REPLY:
        return "supplier"
    return "requester" if event.actor.name else "system"


def erase(database: Database, email: str, now: datetime, *, dry_run: bool = False) -> Report:
    """Forget a person outside the staff: their address, names and words.

    Requests that have not ended are closed: nobody could be answered. An account of the staff with the same address
    stays. Each request is a transaction of its own, and so are some texts of others at a time; whenever it is broken
    off, doing it once more ends it.

    Args:
        database: of the tickets.
        email: their address.
        now: aware, UTC.
        dry_run: only say what would be done.

    Returns:
        How many requests were made anonymous, rows deleted, and texts of others changed that named them.

    Raises:
        InvalidInput: it is no address.
    """
    email = clean_email(email)
    with database.read() as connection:
        # A single name is too many people's.
        names = {name for name in personal.names_of(connection, email) if " " in name}
        needles = Needles(email, frozenset(names))
        found = mentions.find(connection, needles)
        report = {
            "requests": len(personal.requests_of(connection, email)),
            **personal.count_address(connection, email),
            "mentions": sum(map(len, found.values())),
        }
    if dry_run:
        return report
    # The words of others first: when the requests are anonymous, nothing tells the names any more.
    erased = 0
    for place, keys in found.items():
        for start in range(0, len(keys), SHARE):
            with database.write() as connection:
                erased += mentions.erase(connection, place, keys[start : start + SHARE], needles)
    report = {"requests": _erase_requests(database, email, now)}
    with database.write() as connection:
        report |= personal.forget_address(connection, email)
    _tidy(database)
    return report | {"mentions": erased}


def _erase_requests(database: Database, email: str, now: datetime) -> int:
    """Close the requests of an address and make them anonymous, until there are none; how many."""
    erased = 0
    while True:
        with database.read() as connection:
            numbers = personal.requests_of(connection, email)
        if not numbers:
            return erased
        for number in numbers:
            with database.write() as connection:
                erased += _erase_request(connection, number, email, now)


def _erase_request(connection: Connection, number: int, email: str, now: datetime) -> bool:
    """Close a request and make it anonymous; whether another process has left that to do."""
    if not personal.requests_of(connection, email, number):
        return False
    ticket = ticket_store.get(connection, number)
    if Action.ERASE in allowed(ticket):
        act(connection, ticket, Action.ERASE, now, SYSTEM, details={"erased": "yes"})
    personal.anonymise(connection, [number])
    return True
