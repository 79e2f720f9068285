"""What the tests of merging, incidents and surveys share: staff and tickets that are stored, and their histories."""

from datetime import date, timedelta
from typing import Any

from portal.desk.acting import act
from portal.desk.merging import Merging
from portal.desk.posting import Posting
from portal.letters import Letters
from portal.people import Person
from portal.staff import Staff
from portal.storage import Database, gaps
from portal.storage import tickets as store
from portal.tickets import Action, Actor, Event, Kind, Resolution, Ticket
from tests.builders import NOW, PASSWORD, person, ticket

LATER = NOW + timedelta(minutes=5)
MUCH_LATER = NOW + timedelta(hours=2)
POSTING = Posting(Letters("https://help.example.org", "", "Europe/Berlin"), "help.example.org")


def agent(database: Database, email: str = "mia@example.org", **changes: object) -> Person:
    """A stored member of the staff."""
    return Staff(database, 10, timedelta(hours=1)).add(person(email=email, **changes), PASSWORD, NOW)


def add(database: Database, **changes: Any) -> Ticket:
    """A stored request of Anna's, or what the changes make of it."""
    fields = {"requester_name": "Anna Kühn", "requester_email": "anna@example.org"} | changes
    with database.write() as connection:
        number = store.create(connection, ticket(**fields)) or 0
        made = store.get(connection, number)
        store.record(connection, number, Event(NOW, Action.OPENED, Actor(name=made.requester_name), None, made.status))
        return made


def add_gap(database: Database, query: str, times: int = 1, **changes: Any) -> Ticket:
    """A stored gap that was asked so often on one day."""
    fields = {"language": "de", "requester_email": "", "requester_name": "", "description": ""} | changes
    made = add(
        database, kind=Kind.GAP, query=query, subject=query, occurrences=times, code="U0", urgency=1, last_asked_at=NOW,
        **fields,
    )  # fmt: skip
    with database.write() as connection:
        gaps.count_occurrence(connection, made.id, date(2026, 3, 1), "de", query, query, times)
    return made


def get(database: Database, found: Ticket | int) -> Ticket:
    """A ticket as it is now."""
    with database.read() as connection:
        return store.get(connection, found if isinstance(found, int) else found.id)


def history(database: Database, found: Ticket) -> list[Event]:
    """What happened to a ticket."""
    with database.read() as connection:
        return store.history(connection, found.id)


def solve(database: Database, found: Ticket, now: Any = LATER, text: str = "Restart it.", **more: Any) -> int:
    """Solve a ticket as `Desk.work` does; how many duplicates were solved with it."""
    values = {"resolution": Resolution.ANSWERED} | more
    with database.write() as connection:
        current = store.get(connection, found.id, lock=True)
        changed, event = act(connection, current, Action.SOLVE, now, Actor(1, "Mia Lindt"), text=text, **values)
        return Merging(database, POSTING).solve_duplicates(connection, changed, event, now)
