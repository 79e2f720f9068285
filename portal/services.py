"""What the doors work with, joined once for each process."""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

import portal
from portal import key_files
from portal.api_tokens import ApiTokens
from portal.budgets import Budgets
from portal.chains import SearchEvent
from portal.closing import Closing
from portal.daily import Daily
from portal.deflection import Deflection
from portal.delivery import Delivery, open_delivery
from portal.desk.inbox import Inbox
from portal.desk.posting import Posting
from portal.desk_services import DeskServices, open_desk
from portal.edition import Edition, Editions, Tallies
from portal.faults import FaultLog
from portal.gaps import GapRules, Gaps
from portal.health import Health, Told
from portal.identity import Provider, open_provider
from portal.imap import Mailbox
from portal.inbound import MAX_BYTES
from portal.inbox_letters import open_letters
from portal.journal import Journal
from portal.keeping import Kept
from portal.letters import Letters
from portal.lost_links import LostLinks
from portal.reply_address import ReplyAddress
from portal.requests import Requests
from portal.settings import Settings
from portal.storage import Database, feedback, frequent, views
from portal.storage.views import View
from portal.subscribing import Subscriptions
from portal.webhooks.articles import Articles
from portal.webhooks.delivering import Dispatch, open_dispatch, rules_of
from portal.webhooks.managing import Webhooks
from portal.writing.planning.claims import Claims
from portal.writing.planning.status import Visits

#: How long tallies of votes and views are used before they are read again, in seconds.
TALLIES_EVERY = 60.0
#: Of which days it counts for writers how often an article was opened.
VISITS_OF = timedelta(days=90)
#: How long the frequent queries are used before they are read again, in seconds.
FREQUENT_EVERY = 600.0
#: Connections of a process beyond one for each thread that answers: journals, and transactions within another.
SPARE_CONNECTIONS = 4
#: How often queries that too few have asked are forgotten, in seconds.
PURGE_EVERY = 86_400.0

_Found = TypeVar("_Found")


def utc_now() -> datetime:
    """The present moment; the only clock of the product."""
    return datetime.now(UTC)


@dataclass
class Services(DeskServices):
    """The parts of one running portal."""

    settings: Settings
    database: Database
    editions: Editions
    gaps: Gaps
    journal: Journal[SearchEvent]
    #: How often articles are opened.
    views: Journal[View]
    #: Queries that sessions asked.
    queries: Journal[frequent.Asked]
    requests: Requests
    lost_links: LostLinks
    subscriptions: Subscriptions
    closing: Closing
    claims: Claims
    deflection: Deflection
    #: Counts the days that reports are about.
    daily: Daily
    delivery: Delivery
    secret: bytes
    #: Where staff can also sign in; None: with passwords alone.
    identity: Provider | None
    #: Takes in mails.
    inbox: Inbox
    #: Where mails are fetched from; None: they are piped in, or not taken.
    mailbox: Mailbox | None
    webhooks: Webhooks
    #: Tells other systems what was announced, and announces what has changed in the articles.
    dispatch: Dispatch
    announced: Articles
    #: Changes with the code, so that no reader keeps a page that an older version made.
    build: str
    clock: Callable[[], datetime] = utc_now
    faults: FaultLog = field(default_factory=lambda: FaultLog(logging.getLogger("portal")))
    _tallies: Kept[Tallies] = field(default_factory=lambda: Kept(Tallies(), TALLIES_EVERY))
    _visits: Kept[Visits] = field(default_factory=lambda: Kept(Visits(), TALLIES_EVERY))
    _frequent: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)
    _purged_at: float = float("-inf")
    #: What probes are told of the parts.
    told: Told = field(default_factory=Told)

    @property
    def health(self) -> Health:
        """Looks after the parts."""
        return Health(self.database, self.editions, self.settings.data, self.faults)

    @property
    def api_tokens(self) -> ApiTokens:
        """The keys to the API."""
        return ApiTokens(self.database)

    def close(self) -> None:
        """Write down what is still only remembered, and close the database."""
        self.journal.close()
        self.views.close()
        self.queries.close()
        self.database.close()

    @property
    def edition(self) -> Edition:
        """What readers see now.

        Raises:
            SearchUnavailable: nothing has been published yet.
        """
        return self.editions.current()

    def frequent(self, language: str) -> tuple[str, ...]:
        """The queries that many readers of a language ask, some minutes ago at most; none where they cannot be read."""
        known = self._frequent.get(language)
        if known is None or time.monotonic() - known[0] > FREQUENT_EVERY:
            try:
                self._purge()
                with self.database.read() as connection:
                    found = tuple(text for text, _ in frequent.popular(connection, language))
            except SQLAlchemyError:
                found = known[1] if known else ()
            self._frequent[language] = known = time.monotonic(), found
        return known[1]

    def _purge(self) -> None:
        """Once a day, forget the queries that too few have asked."""
        if time.monotonic() - self._purged_at > PURGE_EVERY:
            self._purged_at = time.monotonic()
            with self.database.write(patience=0.2) as connection:
                frequent.purge(connection, self.clock())

    def tallies(self) -> Tallies:
        """What readers thought, a minute ago at most."""
        return self._tallies.get(lambda: Tallies(self._read(feedback.tallies)))

    def visits(self) -> Visits:
        """How often articles were opened lately, as of a minute ago at most."""
        since = (self.clock() - VISITS_OF).astimezone(UTC).date()
        return self._visits.get(lambda: Visits(self._read(lambda connection: views.totals(connection, since)), since))

    def _read(self, query: Callable[[Connection], _Found]) -> _Found:
        """What a query finds."""
        with self.database.read() as connection:
            return query(connection)


def open_services(settings: Settings) -> Services:
    """Join the parts; nothing is migrated, indexed or waited for.

    Raises:
        CannotStart: the secret key can be neither read nor made.
    """
    secret = key_files.load(settings)
    database = Database(settings.database, settings.threads + SPARE_CONNECTIONS)
    editions = Editions(settings.data, settings.default_language, settings.cuts, search=settings.search_asked)
    answerable = open_letters(settings, secret)
    letters = answerable if settings.mail_in else Letters(settings.public_url, settings.site_name, settings.time_zone)
    domain = settings.sender.rpartition("@")[2]
    gaps = Gaps(database, secret, _budgets(settings), _rules(settings))
    requests = Requests(database, secret, letters, gaps, settings.link_days, domain)
    posting = Posting(letters, domain)
    subscriptions = Subscriptions(database, secret, letters, gaps, domain)
    delivery = open_delivery(settings, database)
    desk = open_desk(settings, database, editions, posting, secret)
    addresses = ReplyAddress(secret, settings.sender)
    language, suppliers = settings.default_language, desk.suppliers
    return Services(
        settings,
        database,
        editions,
        gaps,
        Journal(gaps.record),
        Journal(partial(_count_views, database), what="views of articles"),
        Journal(partial(_note_queries, database), what="queries that sessions asked"),
        requests,
        LostLinks(database, letters, settings.link_days, domain),
        subscriptions,
        Closing(database, subscriptions),
        Claims(database),
        Deflection(database),
        Daily(database, partial(_topics, editions)),
        delivery,
        secret,
        open_provider(settings),
        Inbox(database, requests, answerable, addresses, delivery, language, domain, suppliers),
        Mailbox(settings.imap_url, MAX_BYTES, settings.imap_every) if settings.imap_url else None,
        Webhooks(database, secret, rules_of(settings)),
        open_dispatch(settings, database, secret),
        Articles(database),
        build_of(Path(portal.__file__).parent),
        **vars(desk),
    )


def _note_queries(database: Database, asked: Sequence[frequent.Asked]) -> None:
    """Write down what sessions asked."""
    with database.write() as connection:
        frequent.note_all(connection, asked)


def _count_views(database: Database, opened: Sequence[View]) -> None:
    """Store how often articles were opened, wholly or not at all."""
    with database.write() as connection:
        views.add(connection, opened)


def _topics(editions: Editions) -> dict[str, str]:
    """The topic of every published article, by slug."""
    articles = editions.current().knowledge.articles
    return {slug: item.article.topic for (_language, slug), item in articles.items()}


def _budgets(settings: Settings) -> Budgets:
    """How many new gaps may be opened."""
    return Budgets(
        settings.redis_url or "memory://",
        session=settings.gaps_per_session,
        network=settings.gaps_per_network,
        anonymous=settings.gaps_anonymous,
        total=settings.gaps_per_hour,
    )


def _rules(settings: Settings) -> GapRules:
    """When gaps are opened, opened again and forgotten."""
    return GapRules(
        settings.reopen_days,
        settings.unconfirmed_days,
        settings.chain_minutes,
        settings.doubt_sessions,
        settings.doubt_days,
    )


@cache
def build_of(package: Path) -> str:
    """What identifies the code and templates that pages are made with: the same on every machine that has the same."""
    facts = hashlib.blake2b(digest_size=6)
    for path in sorted(package.rglob("*")):
        if path.suffix in {".py", ".html", ".css", ".js", ".svg", ".po"}:
            facts.update(f"{path.relative_to(package)}\0".encode() + hashlib.blake2b(path.read_bytes()).digest())
    return facts.hexdigest()
