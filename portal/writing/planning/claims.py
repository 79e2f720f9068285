"""Claims: a writer takes a gap on, so that two do not write the same article."""

from datetime import datetime

from sqlalchemy import Connection

from portal.desk.acting import act
from portal.errors import AlreadyTaken, NotAllowed, TransitionRefused
from portal.people import Person, Right, may
from portal.storage import Database
from portal.storage import claims as store
from portal.storage import tickets as ticket_store
from portal.storage.claims import Claim
from portal.tickets import UNSOLVED, Action, Actor, Kind, Ticket

#: Kinds of ticket that an article ends.
CLAIMABLE = frozenset({Kind.GAP, Kind.TRANSLATION})
#: What the history says of a claim, in the event's detail `claim`.
TAKEN, GIVEN_BACK = "taken", "given_back"


class Claims:
    """Who writes what: one writer for each gap, until it is solved or given back.

    The ticket keeps its owner and its place in the queue.

    Args:
        database: where the gaps are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, person: Person, number: int, now: datetime) -> Ticket:
        """Take a gap on; of two who do so at once one has it. Who has it already keeps it.

        Raises:
            NotAllowed: the person may not write articles.
            NotFound: there is no such ticket.
            TransitionRefused: it is no gap, or not unsolved any more.
            AlreadyTaken: another writer has it.
        """
        _check(person)
        with self._database.write() as connection:
            # Locked: a second writer waits here, and then sees the first one's claim.
            ticket = ticket_store.get(connection, number, lock=True)
            if ticket.kind not in CLAIMABLE or ticket.status not in UNSOLVED:
                raise TransitionRefused(f"a {ticket.kind} that is {ticket.status} cannot be taken on by a writer")
            held = store.of(connection, [number]).get(number)
            if held is not None and held.person_id != person.id:
                raise AlreadyTaken(held.name)
            if held is not None:
                return ticket
            store.take(connection, number, person.id, now)
            return _noted(connection, ticket, person, person.name, TAKEN, now)

    def release(self, person: Person, number: int, now: datetime) -> Ticket:
        """Give a gap back; nothing happens where nobody has it.

        Raises:
            NotAllowed: another writer has it, and the person does not look after the others.
            NotFound: there is no such ticket.
        """
        _check(person)
        with self._database.write() as connection:
            ticket = ticket_store.get(connection, number, lock=True)
            held: Claim | None = store.of(connection, [number]).get(number)
            if held is None:
                return ticket
            if held.person_id != person.id and not may(person, Right.SUPERVISE):
                raise NotAllowed(f"{held.name} has taken it on")
            store.end(connection, number)
            return _noted(connection, ticket, person, held.name, GIVEN_BACK, now)


def _check(person: Person) -> None:
    """Make sure that somebody may write articles."""
    if not may(person, Right.WRITE_ARTICLES):
        raise NotAllowed("this role does not write articles")


def _noted(connection: Connection, ticket: Ticket, person: Person, writer: str, what: str, now: datetime) -> Ticket:
    """Put a claim, or its end, into the ticket's history."""
    actor = Actor(person.id, person.name)
    changed, _event = act(connection, ticket, Action.NOTE, now, actor, text=writer, details={"claim": what})
    return changed
