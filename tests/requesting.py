"""What the tests of requests share: requests that are sent, what is done with them, and what the database says."""

from dataclasses import replace
from typing import Any

from sqlalchemy import func, select

from portal.budgets import Budgets
from portal.gaps import GapRules, Gaps
from portal.letters import Letters
from portal.lifecycle import apply
from portal.lost_links import LostLinks
from portal.requests import Requests, Sending
from portal.storage import Database, schema
from portal.storage import tickets as store
from portal.tickets import Action, Actor, Resolution, Ticket
from tests.builders import NOW
from tests.processes import context

SECRET = b"s" * 32
LETTERS = Letters("https://help.example.org", "Help", "Europe/Berlin")
SENT = Sending("Anna Kühn", "anna@example.org", "", "It does not print.\nSince Monday.", "de")
MIA = Actor(None, "Mia Lindt")


def requests_on(database: Database, letters: Letters = LETTERS) -> Requests:
    """The use cases on a database."""
    budgets = Budgets("memory://", session=100, network=100, anonymous=100, total=100)
    return Requests(database, SECRET, letters, Gaps(database, SECRET, budgets, GapRules()), 90, "help.example.org")


def links_on(database: Database, letters: Letters = LETTERS) -> LostLinks:
    """Lost links on a database."""
    return LostLinks(database, letters, 90, "help.example.org")


def receive(database: Database, **changes: Any) -> tuple[Ticket, str]:
    """A request that was sent, and its link."""
    return requests_on(database).receive(replace(SENT, **changes), "nonce", NOW, stems=[])


def work(database: Database, number: int, *actions: Action) -> None:
    """What an agent does."""
    with database.write() as connection:
        for action in actions:
            found = store.get(connection, number)
            changed, event = apply(found, action, NOW, MIA, "Fertig.", Resolution.ANSWERED)
            store.save(connection, changed)
            store.record(connection, number, event)


def count(database: Database, table: str) -> int:
    """How many rows a table has."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(schema.metadata.tables[table])).scalar_one())


def events(database: Database, number: int) -> list[tuple[Action, str]]:
    """A request's history."""
    with database.read() as connection:
        return [(event.action, event.text) for event in store.history(connection, number)]


def in_processes(work: Any, *arguments: Any) -> list[Any]:
    """What four processes answer that do the same at once."""
    start, results = context.Barrier(4), context.Queue()
    workers = [context.Process(target=work, args=(*arguments, start, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    answers = [results.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join(30)
    return answers
