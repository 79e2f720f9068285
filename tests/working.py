"""What the tests of agents at work share: staff, tickets, and what the database says of them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from portal.desk.posting import Posting
from portal.desk.work import Desk
from portal.letters import Letters
from portal.people import Person
from portal.storage import Database, notices, outbox
from portal.storage import people as people_store
from portal.storage import tickets as store
from portal.tickets import Action, Actor, Event, Ticket
from tests.builders import NOW, person, ticket


def desk(database: Database) -> Desk:
    """A desk on a database."""
    return Desk(database, Posting(Letters("https://help.example.org", "Help", "UTC"), "help.example.org"))


def at(seconds: float) -> datetime:
    """Some seconds after the beginning."""
    return NOW + timedelta(seconds=seconds)


def hire(database: Database, name: str = "Mia Lindt", **changes: Any) -> Person:
    """A stored agent; the address is the first name's unless given."""
    made = person(name=name, **{"email": f"{name.partition(' ')[0].lower()}@example.org", **changes})
    with database.write() as connection:
        number = people_store.add(connection, made, "hash", NOW)
    assert number is not None
    return replace(made, id=number)


def opened(database: Database, **changes: Any) -> int:
    """The number of a stored ticket; a request with a requester unless given."""
    made = ticket(**{"requester_name": "Léa Martin", "requester_email": "lea@example.com", **changes})
    with database.write() as connection:
        number = store.create(connection, made)
        assert number is not None
        store.record(
            connection,
            number,
            Event(made.created_at, Action.OPENED, Actor(name=made.requester_name), None, made.status),
        )
    return number


def found(database: Database, number: int) -> Ticket:
    """A ticket as it is stored."""
    with database.read() as connection:
        return store.get(connection, number)


def history(database: Database, number: int) -> list[Event]:
    """A ticket's events, without its opening."""
    with database.read() as connection:
        return store.history(connection, number)[1:]


def told(database: Database, who: Person) -> list[tuple[str, str]]:
    """What somebody was told, oldest first: about what, and by whom."""
    with database.read() as connection:
        newest = notices.newest(connection, who.id)
    return [(notice.about.value, notice.actor_name) for notice in reversed(newest)]


def posted(database: Database, number: int) -> list[str]:
    """The states of a ticket's mails, oldest first."""
    with database.read() as connection:
        return [mail.state.value for mail in outbox.of_ticket(connection, number)]


def claimed(database: Database, now: datetime) -> bool:
    """Whether a mail is due and now claimed by a sender."""
    with database.write() as connection:
        return outbox.claim(connection, now, 60) is not None
