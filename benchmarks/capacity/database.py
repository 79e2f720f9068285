"""What the shared database manages: the portal's own transactions from several processes at once, without pages."""

import multiprocessing
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Barrier
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Connection, event, select

from benchmarks.capacity.meters import spent
from benchmarks.desk import PASSWORD, hidden
from benchmarks.report import Row, percentile
from benchmarks.resilience.crowd import MIX
from benchmarks.resilience.parts import Part
from benchmarks.year import SUPERVISOR
from portal.app import create_app
from portal.chains import Kind as Deed
from portal.chains import SearchEvent
from portal.people import Person, Role
from portal.sending import Sending
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import feedback, searches, tickets, views
from portal.storage.schema import tickets as rows_of_tickets
from portal.storage.views import View
from portal.tickets import Action

#: What a busy worker process writes each second: readings, and searches with what was opened after them.
READINGS, SEARCHES = 35, 15
#: Searches of each visit.
EACH = 3
#: A thousand deeds of readers come to so many of these seconds.
SECONDS = 20
#: Pages of each kind whose statements are taken down and asked again and again, and tickets that are chosen from.
PAGES, LATEST = 20, 3000
READ, REQUEST, VOTE = "1,000 deeds of readers", "a request", "a vote"
#: How long each deed is done before it is measured, in seconds.
WARM_UP = 1.0

#: Statements of one transaction with their parameters, and whether it writes.
Transaction = tuple[list[tuple[str, Any]], bool]


def taken_down(services: Services, ask: Callable[[], object]) -> list[Transaction]:
    """The transactions with which a page is made, as this thread has them done."""
    found: list[Transaction] = []
    thread, engine = threading.get_ident(), services.database.engine

    def begun(connection: Connection) -> None:
        if threading.get_ident() == thread:
            found.append(([], bool(connection.get_execution_options().get("portal_write"))))

    def asked(_connection: Connection, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if threading.get_ident() == thread and found and not many:
            found[-1][0].append((statement, values))

    event.listen(engine, "begin", begun)
    event.listen(engine, "before_cursor_execute", asked)
    try:
        ask()
    finally:
        event.remove(engine, "begin", begun)
        event.remove(engine, "before_cursor_execute", asked)
    return [each for each in found if each[0]]


def _again(services: Services, transactions: list[Transaction]) -> None:
    """Do transactions once more."""
    for statements, is_write in transactions:
        with services.database.engine.connect() as connection, connection.begin() as whole:
            for statement, values in statements:
                answer = connection.exec_driver_sql(statement, values)
                if answer.returns_rows:
                    answer.fetchall()
            if not is_write:
                whole.rollback()  # As it ends in the portal.


def _pages(services: Services, numbers: list[int]) -> dict[str, list[list[Transaction]]]:
    """The transactions of an agent's pages, by name."""
    client = _signed_in(services)
    client.get(f"/en/desk/tickets/{numbers[0]}")  # What is read once and kept.

    def of(path: str) -> list[Transaction]:
        return taken_down(services, partial(client.get, path))

    return {
        "agent: the queue": [of(f"/en/desk/?tier=all&page={number}") for number in range(PAGES)],
        "agent: the queue asks": [of(f"/en/desk/queue/counts?since={number}") for number in numbers[:PAGES]],
        "agent: a ticket": [of(f"/en/desk/tickets/{number}") for number in numbers[:PAGES]],
    }


def _signed_in(services: Services) -> FlaskClient:
    """A browser of the supervisor of `benchmarks.year`."""
    client = create_app(services.settings, services).test_client()
    token = hidden(client.get("/en/sign-in").text)
    client.post("/en/sign-in", data={"email": SUPERVISOR, "password": PASSWORD, "csrf_token": token})
    return client


def deeds(services: Services, seed: int) -> dict[str, Callable[[int], None]]:
    """What people cause, by name; each is done for the n-th time."""
    chooser = random.Random(seed)
    articles = sorted(services.edition.knowledge.articles)
    with services.database.read() as connection:
        latest = select(rows_of_tickets.c.id).order_by(rows_of_tickets.c.id.desc()).limit(LATEST)
        numbers = list(connection.scalars(latest))
    chooser.shuffle(numbers)
    agent = Person(chooser.randrange(2, 20), "", "Agent", frozenset({Role.AGENT}), (1, 2, 3, 4))

    def read(_number: int) -> None:
        now = services.clock()
        for _ in range(SECONDS):
            opened = [View(now.date(), *chooser.choice(articles)) for _ in range(READINGS)]
            sessions = [f"{chooser.getrandbits(128):032x}" for _ in range(SEARCHES // EACH)] * EACH
            events = [SearchEvent(now, Deed.SEARCH, "en", session, "printer offline", total=4) for session in sessions]
            for add in (partial(views.add, views=opened), partial(searches.add, added=events)):
                with services.database.write() as connection:
                    add(connection)

    def ask(number: int) -> None:
        mark = f"{seed}-{number}-{chooser.getrandbits(64):x}"
        sent = Sending("Lea Martin", f"{mark}@example.org", f"Printer {mark}", "It does not print.", "en")
        services.requests.receive(sent, mark, services.clock(), stems=["printer", mark])

    def vote(number: int) -> None:
        language, slug = chooser.choice(articles)
        mark = f"{seed}-{number}-{chooser.getrandbits(64):x}"
        given = feedback.Vote(slug, language, mark, is_helpful=True, revision="r")
        with services.database.write() as connection:
            feedback.vote(connection, given, services.clock())

    def note(number: int) -> None:
        text = f"Looked at it, {seed}-{number}."
        services.desk.work(agent, chooser.choice(numbers), Action.NOTE, services.clock(), text=text)

    def look(_number: int) -> None:
        chosen = chooser.choice(numbers)
        services.presence.here(chosen, agent.id, services.clock())
        with services.database.read() as connection:
            tickets.get(connection, chosen)

    pages = _pages(services, numbers)
    shown = {name: partial(_page, services, kept) for name, kept in pages.items()}
    own = {READ: read, REQUEST: ask, VOTE: vote, "agent: a note": note}
    return {**own, "agent: an open ticket asks": look, **shown}


def _page(services: Services, kept: list[list[Transaction]], number: int) -> None:
    """What the n-th page asks of the database."""
    _again(services, kept[number % len(kept)])


@dataclass(frozen=True)
class Done:
    """What one client did."""

    #: Milliseconds of each time.
    taken: list[float]
    #: Processor seconds of the client.
    spent: float
    transactions: int


def _client(settings: Settings, seed: int, names: list[str], seconds: float, gate: Barrier, told: Any) -> None:
    """A process that does each deed for a while, as all others do at the same time."""
    services = open_services(settings)
    chosen = deeds(services, seed)
    begun: list[None] = []
    event.listen(services.database.engine, "begin", lambda _connection: begun.append(None))
    for name in names:
        gate.wait(300)
        _for(WARM_UP, chosen[name])
        gate.wait(300)
        before, at = time.process_time(), len(begun)
        taken = _for(seconds, chosen[name])
        told.put(Done(taken, time.process_time() - before, len(begun) - at))
        gate.wait(300)
    services.close()


def _for(seconds: float, do: Callable[[int], None]) -> list[float]:
    """Do something again and again; milliseconds of each time."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end or not taken:
        do(len(taken))
        taken.append(1000 * (time.perf_counter() - begin))
    return taken


def measured(settings: Settings, server: Part, clients: int, seconds: float) -> list[Row]:
    """Let clients do each deed as fast as they can; a row for each."""
    context = multiprocessing.get_context("spawn")
    services = open_services(settings)
    names = list(deeds(services, 0))
    services.close()
    gate, told = context.Barrier(clients + 1), context.Queue()
    processes = [
        context.Process(target=_client, args=(settings, number, names, seconds, gate, told), daemon=True)
        for number in range(1, clients + 1)
    ]
    for process in processes:
        process.start()
    rows = []
    for name in names:
        gate.wait(300)
        gate.wait(300)
        before, begin = spent(server), time.perf_counter()
        done = [told.get(timeout=seconds + 120) for _ in range(clients)]
        elapsed, used = time.perf_counter() - begin, spent(server) - before
        rows.append(_row(name, done, elapsed, used))
        gate.wait(300)
    for process in processes:
        process.join(30)
    return rows


def of_deed(rows: list[Row]) -> float:
    """Processor seconds that a reader's deed costs the database at least, by the transactions of the mix alone."""
    cost = {row["deed"]: float(row["database CPU ms"] or 0) / 1000 for row in rows}
    return cost[READ] / 1000 + MIX["request"] * cost[REQUEST] + MIX["feedback"] * 2 * cost[VOTE]


def _row(name: str, done: list[Done], elapsed: float, used: float) -> Row:
    """What all clients came to."""
    taken = [each for one in done for each in one.taken]
    transactions = sum(one.transactions for one in done)
    return {
        "deed": name,
        "a second": len(taken) / elapsed,
        "transactions a second": transactions / elapsed,
        "p50 ms": percentile(taken, 0.5),
        "p95 ms": percentile(taken, 0.95),
        "client CPU ms": 1000 * sum(one.spent for one in done) / len(taken),
        "database CPU ms": 1000 * used / len(taken),
        "database CPU ms a transaction": 1000 * used / transactions,
    }
