"""What the tests of forgetting share: rows of every table, requests, mails, events, and what counts must be."""

import json
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from portal import chains
from portal.budgets import Budgets
from portal.chains import SearchEvent
from portal.daily import Daily
from portal.gaps import GapRules, Gaps
from portal.locales import CODES
from portal.queries import Verdict
from portal.storage import Database, facts, searches
from portal.storage import schema as s
from portal.storage import tickets as ticket_store
from portal.storage.summed import Narrowed
from portal.tickets import Action, Actor, Callback, Event, Kind, Resolution, Status
from tests.builders import NOW, ticket

OLD, YOUNG = NOW - timedelta(days=40), NOW - timedelta(days=3)
FORM_OUTCOMES = ("shown", "solved", "sent")


@dataclass
class Periods:
    """How long things are kept."""

    event_days: int = 30
    doubt_days: int = 7
    unconfirmed_days: int = 14
    request_months: int = 12


@dataclass
class Parts:
    """The parts of a portal that forgetting needs."""

    database: Database
    settings: Periods = field(default_factory=Periods)

    @property
    def daily(self) -> Daily:
        return Daily(self.database, dict)

    @property
    def gaps(self) -> Gaps:
        budgets = Budgets("memory://", session=1, network=1, anonymous=1, total=1)
        return Gaps(self.database, b"s" * 32, budgets, GapRules(unconfirmed_days=self.settings.unconfirmed_days))


def rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Everything in every table."""
    with database.read() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in s.metadata.sorted_tables
        }


def dump(database: Database) -> str:
    """Every text of every table, in lower case."""
    return json.dumps(rows(database), ensure_ascii=False, default=str).lower()


def put(database: Database, table: Any, **values: Any) -> int:
    """A row; its number."""
    with database.write() as connection:
        key = connection.execute(insert(table).values(**values)).inserted_primary_key
        assert key is not None
        return key[0]  # type: ignore[no-any-return]


def request(database: Database, **changes: Any) -> int:
    """A stored request of Zoé Dupont with a history; her name and address stand everywhere."""
    made = ticket(
        **{
            "subject": "Zoé Dupont cannot print",
            "query": "imprimante zoé dupont",
            "page": "/fr/search",
            "description": "I am Zoé Dupont, ZOE@example.org",
            "requester_name": "Zoé Dupont",
            "requester_email": "zoe@example.org",
            "phone": "01 23 45 67 89",
            "callback": Callback.MORNING,
            "resolution_text": "Dear Zoé Dupont, done",
            "trail": ({"kind": "search", "text": "zoé dupont drucker", "language": "fr", "at": NOW.isoformat()},),
            **changes,
        }
    )
    with database.write() as connection:
        number = ticket_store.create(connection, made, f"{random.randrange(16**12):064x}") or 0
        opened = Event(NOW, Action.OPENED, Actor(name=made.requester_name), None, Status.NEW, "I am Zoé Dupont", True)
        failed = {"recipient": "zoe@example.org", "language": "fr"}
        for event in (
            replace(opened, details={"language": "fr"}),
            replace(opened, action=Action.REPLY, actor=Actor(None, "Mia Lindt"), text="Dear Zoé Dupont"),
            replace(opened, action=Action.MAIL_FAILED, actor=Actor(), text="", details=failed),
            replace(opened, action=Action.RATE, text="zoe@example.org is glad", details={"stars": "5"}),
        ):
            ticket_store.record(connection, number, event)
    return number


def posted(database: Database, key: str, **changes: Any) -> int:
    """A stored mail."""
    values: dict[str, Any] = {
        "ticket_id": None, "recipient": "other@example.org", "recipient_name": "", "language": "fr",
        "message_id": f"<{key}@localhost>", "headers": {}, "subject": "s", "text": "", "html": "", "created_at": OLD,
        "state": "sent", "due_at": OLD, "attempts": 1, "ended_at": OLD, "fault": "",
    }  # fmt: skip
    return put(database, s.outbox, key=key, **{**values, **changes})


def happened(at: datetime, kind: chains.Kind, language: str = "en", **changes: Any) -> SearchEvent:
    """An event."""
    return SearchEvent(at, kind, language, **changes)


def random_events(seed: int, days: int, chosen: int) -> list[tuple[SearchEvent, str | None]]:
    """Events with their chains, of some days that end a month ago; chains may run over midnight."""
    draw = random.Random(seed)
    made: list[tuple[SearchEvent, str | None]] = []
    for number in range(chosen):
        at = NOW.replace(hour=0, minute=0) - timedelta(days=32 + draw.randrange(days), minutes=-draw.randrange(1440))
        language, chain = draw.choice(CODES), draw.choice((f"{seed:016x}{number:016x}", None))
        verdict = draw.choice(list(Verdict))
        code = draw.choice(("U0", "U1")) if verdict is Verdict.UNANSWERED else ""
        search = happened(at, chains.Kind.SEARCH, language, query=f"q{number}", fingerprint=f"{number:032x}",
                          verdict=verdict, total=draw.choice((0, 3)), code=code)  # fmt: skip
        made.append((search, chain))
        for kind in draw.sample(list(chains.Kind)[1:5], draw.randrange(4)):
            at += timedelta(seconds=draw.randrange(1, 1500))
            made.append(
                (
                    happened(at, kind, language, slug="vpn", seconds=draw.choice((5, 30, 90)),
                             is_helpful=draw.choice((True, False))),
                    chain,
                )
            )  # fmt: skip
    return made


def keep(database: Database, made: list[tuple[SearchEvent, str | None]]) -> None:
    """Store events with their chains."""
    with database.write() as connection:
        searches.add(connection, [event for event, _ in made])
        numbers = connection.execute(select(s.search_events.c.id).order_by(s.search_events.c.id)).scalars().all()
        for number, (_, chain) in zip(numbers[-len(made) :], made, strict=True):
            connection.execute(update(s.search_events).where(s.search_events.c.id == number).values(chain=chain))


def counted(made: list[tuple[SearchEvent, str | None]]) -> Counter[tuple[date, str, str]]:
    """What daily counts must be, worked out anew."""
    sums: Counter[tuple[date, str, str]] = Counter()
    grouped: dict[str, list[SearchEvent]] = {}
    for event, chain in made:
        names = {
            chains.Kind.SEARCH: ["searches", f"searches.{event.verdict}", f"searches.{event.code}"],
            chains.Kind.OPEN: ["opens"],
            chains.Kind.READ: ["reads_30s"] if (event.seconds or 0) >= 30 else [],
            chains.Kind.VOTE: [],
            chains.Kind.REQUEST: [],
        }[event.kind]
        names += ["searches.no_hit"] if event.kind is chains.Kind.SEARCH and event.total == 0 else []
        for name in names:
            if name not in {"searches.", "searches.empty"}:
                sums[event.at.date(), event.language, name] += 1
        if chain:
            grouped.setdefault(chain, []).append(event)
    for chain_events in grouped.values():
        ordered = sorted(chain_events, key=lambda event: event.at)
        for name in came_to(ordered):
            sums[ordered[0].at.date(), ordered[0].language, name] += 1
    return sums


def came_to(chain: list[SearchEvent], is_requested: bool = False) -> list[str]:
    """What an attempt counts as, worked out anew."""
    kinds = {event.kind for event in chain}
    opened = {(event.slug, event.language) for event in chain if event.kind is chains.Kind.OPEN}
    last = {(event.slug, event.language): event.is_helpful for event in chain if event.kind is chains.Kind.VOTE}
    is_refused = any(last.get(article) is False for article in opened)
    is_read = any(event.kind is chains.Kind.READ and (event.seconds or 0) >= 30 for event in chain)
    is_helped = (
        bool(opened)
        and not is_refused
        and (is_read or any(event.is_helpful for event in chain if event.kind is chains.Kind.VOTE))
    )
    is_requested |= chains.Kind.REQUEST in kinds
    outcome = "failure" if is_requested else chains.judge(chain).outcome.value
    names = {"opened": bool(opened), "no": is_refused, "helped": is_helped, "request": is_requested}
    return ["chains", f"chains.{outcome}", *(f"chains.{name}" for name, is_so in names.items() if is_so)]


def daily(database: Database) -> dict[tuple[date, str, str], int]:
    """The sums by language of the days whose searches are old."""
    columns = [s.daily_facts.c[name] for name in ("day", "language", "measure", "value")]
    with database.read() as connection:
        is_old = s.daily_facts.c.day < (NOW - timedelta(days=30)).date()
        query = select(*columns).where(*Narrowed(apart="language").conditions(s.daily_facts), is_old)
        rows = connection.execute(query).all()
    return {(row[0], row[1], row[2]): row[3] for row in rows if not row[2].endswith(facts.WEEK)}


def everything(database: Database) -> None:
    """Something old and something young of each kind."""
    keep(database, random_events(1, 5, 60))
    keep(database, [(happened(YOUNG, chains.Kind.SEARCH, query="young", verdict=Verdict.ANSWERED, total=1), None)])
    for at in (OLD, YOUNG):
        for outcome in FORM_OUTCOMES:
            put(database, s.form_sessions, form_hash=f"{at}{outcome}", at=at, language="de", outcome=outcome, slug="")
        doubt = {"fingerprint": "f", "code": "U2", "language": "en", "query": "q", "topic": ""}
        put(database, s.doubts, session_hash=str(at), at=at, **doubt)
        posted(database, f"sent {at}", ended_at=at)
        posted(database, f"waiting {at}", state="waiting", created_at=at, ended_at=None, text="token")
        put(database, s.link_requests, number=1, email="a@example.org", language="en", at=at)
        failure = {"account_hash": "a" * 64}
        put(database, s.sign_in_failures, at=at if at == OLD else NOW, **failure)
        query = {"language": "en", "key": str(at), "text": "q", "times": 0, "is_answered": True}
        put(database, s.frequent_queries, last_day=at.date(), **query)
    person = {"name": "Mia", "email": "mia@example.org", "password_hash": "", "roles": [], "tiers": [], "languages": []}
    mia = put(database, s.people, **person, created_at=OLD)
    for hours in (-1, 1):
        ends = NOW + timedelta(hours=hours)
        put(database, s.sessions, key_hash=f"{hours}", person_id=mia, created_at=OLD, expires_at=ends)
    gap = ticket(kind=Kind.GAP, is_confirmed=False, created_at=OLD, updated_at=OLD)
    with database.write() as connection:
        lonely, asked, waited = (ticket_store.create(connection, replace(gap, fingerprint=x)) or 0 for x in "abc")
    subscription = {"email": "sub@example.org", "language": "fr", "created_at": OLD}
    put(database, s.subscriptions, gap_id=asked, token_hash="a", **subscription)
    put(database, s.subscriptions, gap_id=waited, token_hash="b", confirmed_at=OLD, **subscription)
    put(database, s.gap_sessions, session_hash="old", ticket_id=waited, at=OLD)
    put(database, s.gap_sessions, session_hash="young", ticket_id=waited, at=YOUNG)
    assert lonely
    year, month = NOW - timedelta(days=366), NOW - timedelta(days=30)
    for at in (year, month):
        for status, times in (
            (Status.CLOSED, {"closed_at": at}),
            (Status.SOLVED, {"solved_at": at, "resolution": Resolution.ANSWERED}),
            (Status.SPAM, {"updated_at": at}),
            (Status.OPEN, {"updated_at": at}),
        ):
            request(database, status=status, **times)
