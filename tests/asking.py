"""What the tests of gaps share: visitors, searches that nothing answered, and what the database says of them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from portal.budgets import Budgets
from portal.chains import Kind as Deed
from portal.chains import SearchEvent, Visitor
from portal.gaps import Failed, GapRules, Gaps, Opened
from portal.lifecycle import apply
from portal.people import Person
from portal.queries import Query, Verdict, gap_fingerprint
from portal.staff import Staff
from portal.storage import Database
from portal.storage import gaps as known
from portal.storage import tickets as store
from portal.storage.schema import subscriptions
from portal.tickets import Action, Actor, Kind, Resolution, Ticket
from tests.builders import NOW, PASSWORD, person, ticket
from tests.processes import context

SECRET = b"s" * 32
PLENTY = {"session": 10_000, "network": 10_000, "anonymous": 10_000, "total": 10_000}


def gaps(database: Database, rules: GapRules | None = None, **limits: int) -> Gaps:
    """The gaps of a database, with budgets that are not used up unless a test says so."""
    return Gaps(database, SECRET, Budgets("memory://", **PLENTY | limits), rules or GapRules())


def visitor(name: str = "anna", *, is_returning: bool = True, network: str = "") -> Visitor:
    """A person of this name, whose browser has sent its cookie."""
    return Visitor(name * 8, is_returning, network or f"10.{sum(name.encode()) % 250}.{len(name)}.0/24")


def failed(text: str = "kazoo", language: str = "en", code: str = "U0", **changes: Any) -> Failed:
    """A search that nothing answered."""
    return Failed(Query(language, text), sorted(text.lower().split()), code, f"/{language}/search", **changes)


def told(asked: Gaps, who: Visitor, search: Failed | None = None, now: datetime = NOW) -> Opened:
    """What comes of a report."""
    opened = asked.report(search or failed(), who, now)
    assert opened is not None
    return opened


def did(name: str, minutes: float, kind: Deed = Deed.SEARCH, **changes: Any) -> SearchEvent:
    """What a session of this name did some minutes after the beginning."""
    made = SearchEvent(
        NOW + timedelta(minutes=minutes), kind, "en", Gaps.session_hash(HASHING, name * 8), is_returning=True
    )
    return replace(made, **changes)


def searched(name: str, minutes: float, text: str = "kazoo", **changes: Any) -> SearchEvent:
    """A search that had some results."""
    facts: dict[str, Any] = {
        "query": text,
        "fingerprint": gap_fingerprint("en", sorted(text.split()), None),
        "verdict": Verdict.UNCERTAIN,
        "confidence": 0.4,
        "total": 3,
        "results": (("vpn", "en", "r" * 16), ("vpn-setup", "en", "q" * 16)),
    }
    return did(name, minutes, **facts | changes)


class _NoDatabase(Database):
    """For what needs none."""

    def __init__(self) -> None:
        pass


HASHING = Gaps(_NoDatabase(), SECRET, Budgets("memory://", **PLENTY), GapRules())


def over(name: str, minutes: float, text: str, **changes: Any) -> SearchEvent:
    """A search without any result that was over the budgets."""
    facts: dict[str, Any] = {
        "verdict": Verdict.UNANSWERED,
        "total": 0,
        "results": (),
        "code": "U0",
        "is_overflow": True,
    }
    return searched(name, minutes, text, **{"is_returning": False} | facts | changes)


def ticket_of(database: Database, number: int) -> Ticket:
    """A ticket as it stands."""
    with database.read() as connection:
        return store.get(connection, number)


def find(database: Database, kind: Kind | None = None) -> list[Ticket]:
    """All tickets of a kind, whatever their status."""
    with database.read() as connection:
        return store.find(connection, store.Filter(kind=kind, is_unsolved=None), limit=10_000)


def wordings(database: Database, number: int) -> list[tuple[str, int]]:
    """By what words a gap was asked, and how often."""
    with database.read() as connection:
        return [(wording, times) for _, _, wording, times in known.occurrences(connection, number)]


def actions(database: Database, number: int) -> list[Action]:
    """What was done to a ticket."""
    with database.read() as connection:
        return [event.action for event in store.history(connection, number)]


def rows(database: Database, table: Any) -> int:
    """How many rows a table has."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def add_agent(database: Database) -> Person:
    """A stored agent."""
    return Staff(database, 10, timedelta(hours=1)).add(person(), PASSWORD, NOW)


def solve(database: Database, number: int, now: datetime, action: Action = Action.SOLVE) -> None:
    """Solve or close a ticket."""
    with database.write() as connection:
        read = store.get(connection, number, lock=True)
        changed, event = apply(read, action, now, Actor(name="Mia"), "written", Resolution.ARTICLE_WRITTEN)
        store.save(connection, changed)
        store.record(connection, number, event)


def taken(asked: Gaps, database: Database, gap: Ticket) -> None:
    """An agent works on it."""
    agent = add_agent(database)
    with database.write() as connection:
        changed, event = apply(store.get(connection, gap.id), Action.TAKE, NOW, Actor(agent.id, agent.name))
        store.save(connection, changed)
        store.record(connection, gap.id, event)


def requested(asked: Gaps, database: Database, gap: Ticket) -> None:
    """A request waits for it."""
    with database.write() as connection:
        store.create(connection, ticket(gap_id=gap.id))


def subscribed(asked: Gaps, database: Database, gap: Ticket) -> None:
    """Somebody wants to be told."""
    facts: dict[str, Any] = {"email": "a@example.org", "language": "en", "token_hash": "t" * 64, "created_at": NOW}
    with database.write() as connection:
        connection.execute(insert(subscriptions).values(gap_id=gap.id, **facts))


def in_processes(count: int, target: Any, *arguments: Any) -> tuple[list[Any], Any, Any]:
    """Processes that begin at once, their results, and what must be kept until they have begun."""
    start, results = context.Barrier(count), context.Queue()
    workers = [
        context.Process(target=target, args=(arguments[0], start, results, *arguments[1:])) for _ in range(count)
    ]
    for worker in workers:
        worker.start()
    return workers, results, start
