"""What the tests of daily sums share: a made-up world that happens little by little, and what it must come to."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from portal.chains import Kind as Deed
from portal.chains import SearchEvent
from portal.daily.sources import closing
from portal.histories import standing
from portal.lifecycle import TRANSITIONS
from portal.metrics import ESCALATIONS, RECIPROCAL
from portal.queries import Verdict
from portal.storage import Database, facts, form_sessions, searches
from portal.storage import schema as s
from portal.storage import tickets as ticket_store
from portal.tickets import Action, Actor, Event, Kind, Status
from tests.builders import ticket
from tests.forgetting import came_to, happened

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
#: When an attempt that has ended is judged.
PAUSE = timedelta(minutes=30)


@dataclass
class World:
    """What happened in a fortnight: attempts, forms, and tickets with their histories."""

    attempts: list[list[SearchEvent]]
    forms: list[tuple[datetime, str]]
    tickets: list[tuple[Kind, list[Event]]]


def made(draw: random.Random) -> World:
    """Some of everything."""
    sent = [(moment(draw), draw.choice(("shown", "solved", "sent"))) for _ in range(draw.randrange(4))]
    tried = [attempt(draw, number) for number in range(draw.randrange(2, 12))]
    return World(tried, sent, [course(draw) for _ in range(draw.randrange(1, 6))])


def moment(draw: random.Random) -> datetime:
    """Some time, often around midnight."""
    minutes = draw.choice((draw.randrange(1440), draw.randrange(1410, 1440), draw.randrange(30)))
    return BEGIN + timedelta(days=draw.randrange(10), minutes=minutes)


def attempt(draw: random.Random, number: int) -> list[SearchEvent]:
    """What one of three people did; they do nothing else at that time."""
    at, session, language = moment(draw) + timedelta(seconds=number), draw.choice("abc") * 64, draw.choice(("de", "fr"))
    shown = tuple((slug, language, "") for slug in draw.sample(("vpn", "mail", "wlan"), 2))
    found = []
    for kind in (Deed.SEARCH, *draw.choices(list(Deed)[:5], (3, 5, 4, 2, 1), k=draw.randrange(5))):
        event = happened(at, kind, language, session=session)
        if kind is Deed.SEARCH:
            event = replace(event, query=f"q{draw.randrange(3)}", verdict=draw.choice(list(Verdict)[:3]), results=shown)
            event = replace(event, total=draw.choice((0, 2)), topic=draw.choice(("", "mail")))
        else:
            event = replace(event, slug=draw.choice(("vpn", "wlan")), seconds=draw.choice((5, 40)))
            event = replace(event, is_helpful=draw.random() < 0.5)
        found.append(event)
        at += timedelta(seconds=draw.randrange(1, 600))
    return found


def course(draw: random.Random) -> tuple[Kind, list[Event]]:
    """A ticket's history, by the table of the lifecycle."""
    kind = draw.choice((Kind.REQUEST, Kind.REQUEST, Kind.GAP))
    at, status, tier = moment(draw), Status.NEW, 1
    found = [Event(at, Action.OPENED, Actor(), None, status, details={"language": "de", "topic": "mail"})]
    for _ in range(draw.randrange(9)):
        action = draw.choice(
            (Action.REPLY, Action.ASK_REQUESTER, Action.REQUESTER_REPLY, Action.SOLVE, Action.ESCALATE, Action.NOTE,
             Action.REOPEN, Action.CLOSE, Action.SURVEY, Action.RATE, Action.MARK_SPAM, Action.RETRACT,
             Action.CLASSIFY, Action.SUPPLIER_SENT, Action.SUPPLIER_REPLY)
        )  # fmt: skip
        at += timedelta(minutes=draw.choice((1, 50, 700, 3000)))
        if (status, action) not in TRANSITIONS or (action is Action.RATE and any(e.action is action for e in found)):
            continue
        details: dict[str, str] = {}
        if action is Action.ESCALATE:
            tier, details = tier % 4 + 1, {"from": str(tier), "to": str(tier % 4 + 1)}
        if action is Action.CLASSIFY:
            details = {"topic": draw.choice(("", "wlan"))} | draw.choice(({}, {"language": "fr"}))
        if action is Action.SOLVE:
            details = {"resolution": draw.choice(("article_written", "answered")), "slug": "vpn"}
        if action is Action.RATE:
            details = {"stars": str(draw.randrange(1, 6))}
        after = TRANSITIONS[status, action]
        person = None if action in {Action.REQUESTER_REPLY, Action.SURVEY, Action.RATE} else 1
        found.append(Event(at, action, Actor(person, "Mia" if person else ""), status, after, details=details))
        status = after
    return kind, found


class Life:
    """A database in which a world happens little by little.

    Args:
        database: empty.
        world: what happens.
    """

    def __init__(self, database: Database, world: World) -> None:
        self.database = database
        self._world = world
        self._at = BEGIN
        self._numbers: dict[int, int] = {}
        with database.write() as connection:
            person = {"name": "Mia", "email": "mia@example.org", "password_hash": "", "created_at": BEGIN}
            nothing: dict[str, Any] = {"roles": [], "tiers": [], "languages": []}
            connection.execute(s.people.insert().values(id=1, **person, **nothing))

    def until(self, now: datetime) -> None:
        """Let everything happen up to a time, and be judged."""
        since, self._at = self._at, now
        with self.database.write() as connection:
            for events in self._world.attempts:
                searches.add(connection, [event for event in events if since <= event.at < now])
            for number, (at, outcome) in enumerate(self._world.forms):
                if since <= at < now:
                    form_sessions.put(connection, f"{number}", "de", outcome, "", at, ())
            for number, (kind, history) in enumerate(self._world.tickets):
                for line in history:
                    if since <= line.at < now:
                        self._happens(connection, number, kind, line)
            for number, events in enumerate(self._world.attempts):
                if events[-1].at + PAUSE < now:
                    ours = (s.search_events.c.at >= events[0].at) & (s.search_events.c.at <= events[-1].at)
                    ours &= s.search_events.c.session == events[0].session
                    connection.execute(update(s.search_events).where(ours).values(chain=f"{number:032}"))

    def _happens(self, connection: Any, number: int, kind: Kind, event: Event) -> None:
        """One line of a ticket's history."""
        if event.action is Action.OPENED:
            trail = ({"kind": "article", "text": "", "slug": "vpn", "language": "de", "at": event.at.isoformat()},)
            new = ticket(kind=kind, created_at=event.at, updated_at=event.at, language="de", topic="mail",
                         requester_email=f"p{number % 2}@example.org", trail=trail if number % 2 else ())  # fmt: skip
            self._numbers[number] = ticket_store.create(connection, new) or 0
        ticket_store.record(connection, self._numbers[number], event)
        if event.action is Action.CLASSIFY:
            ours = s.tickets.c.id == self._numbers[number]
            connection.execute(update(s.tickets).where(ours).values(**event.details))

    def sums(self) -> list[tuple[Any, ...]]:
        """All sums, without those over everything."""
        found: list[tuple[Any, ...]] = []
        with self.database.read() as connection:
            for table in (s.daily_facts, s.daily_times, s.daily_articles):
                found += [(table.name, *row) for row in connection.execute(select(table).order_by(*table.primary_key))]
        return found


def fine(life: Life, table: str) -> Counter[tuple[Any, ...]]:
    """The sums themselves by measure, day, and the rest of the key."""
    rows = [row[1:] for row in life.sums() if row[0] == table and facts.ALL not in row]
    return Counter({row[:-1]: row[-1] for row in rows if not row[0].endswith(facts.WEEK)})


def restated(world: World) -> Counter[tuple[Any, ...]]:
    """What most sums of attempts and tickets must be, worked out slowly."""
    sums: Counter[tuple[Any, ...]] = Counter()
    sent = [(e.session, e.at) for events in world.attempts for e in events if e.kind is Deed.REQUEST]
    readers: dict[tuple[Any, ...], str] = {}
    for events in sorted(world.attempts, key=lambda each: each[0].at):
        day, end = events[0].at.date(), events[-1].at
        in_vain = any(who == events[0].session and end <= at <= end + timedelta(hours=72) for who, at in sent)
        for name in came_to(events, is_requested=in_vain):
            sums[name, day, events[0].language, "", 0] += 1
        for event in events:
            if event.kind is Deed.SEARCH:
                sums["searches", event.at.date(), event.language, event.topic, 0] += 1
            if event.kind is Deed.READ and (event.seconds or 0) >= 30:
                readers.setdefault((event.at.date(), event.session), event.language)
    for (on, _session), language in readers.items():
        sums["readers", on, language, "", 0] += 1
    for search, share in clicks(world):
        sums["clicks", *search, "", 0] += 1
        sums["clicks.reciprocal", *search, "", 0] += share
    for kind, history in world.tickets:
        for day in {event.at.date() for event in history} if kind is Kind.REQUEST else ():
            known = standing([event for event in history if event.at < closing(day)])
            sums.update(handed_over(known, day))
    return sums


def handed_over(known: list[Event], day: date) -> Iterator[tuple[Any, ...]]:
    """The keys of what a day brought of a request that it came and was passed on, from its history until it closed."""
    found, status, tier, now = [], Status.NEW, 1, {"language": "", "topic": ""}
    for event in known:
        before, former = status, tier
        status = event.after if event.before is not event.after else status
        if event.action in {Action.OPENED, Action.CLASSIFY}:
            now |= event.details
        if event.action is Action.ESCALATE:
            tier = int(event.details["to"])
        there = [4 if which is Status.WAITING_SUPPLIER else tier for which in (before, status)]
        ways = [(former, tier), (there[0], there[1])]
        if event.at.date() == day:
            found += [("requests", 1)] if event.action is Action.OPENED else []
            found += [(f"escalations.{a}-{b}", a) for a, b in ways if f"escalations.{a}-{b}" in ESCALATIONS]
    if status is not Status.SPAM:
        yield from ((name, day, now["language"], now["topic"], at_tier) for name, at_tier in found)


def clicks(world: World) -> Iterator[tuple[tuple[date, str], int]]:
    """Day and language of each search from which a result was opened, and the share of its rank."""
    for events in world.attempts:
        for place, event in enumerate(events):
            if event.kind is Deed.SEARCH:
                later = [e.kind is Deed.SEARCH for e in events[place + 1 :]]
                following = events[place + 1 :][: later.index(True) if True in later else None]
                ranks = [
                    [slug for slug, _, _ in event.results].index(e.slug) + 1
                    for e in following
                    if e.kind is Deed.OPEN and e.slug in [slug for slug, _, _ in event.results]
                ]
                if ranks:
                    yield (event.at.date(), event.language), RECIPROCAL // ranks[0]
