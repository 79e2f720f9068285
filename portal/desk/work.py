"""Agents take, answer and solve tickets."""

import secrets
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from portal.errors import NotAllowed, StaleTicket, TransitionRefused
from portal.letters import Letters
from portal.lifecycle import apply
from portal.people import Person, Right, may
from portal.storage import Database, links, outbox
from portal.storage import tickets as store
from portal.tickets import GAPS, Action, Actor, Event, Kind, Resolution, Ticket

#: What an agent does that the requester is mailed.
MAILED = frozenset({Action.REPLY, Action.ASK_REQUESTER, Action.SOLVE})


class Desk:
    """The use cases of the desk.

    Args:
        database: where the tickets are.
        letters: what requesters are mailed.
        mail_domain: of the numbers of mails.
    """

    def __init__(self, database: Database, letters: Letters, mail_domain: str) -> None:
        self._database = database
        self._letters = letters
        self._domain = mail_domain

    def work(
        self,
        person: Person,
        number: int,
        action: Action,
        now: datetime,
        *,
        version: int | None = None,
        text: str = "",
        resolution: Resolution | None = None,
    ) -> Ticket:
        """Do something to a ticket as an agent.

        Args:
            person: who does it.
            number: of the ticket.
            action: what is done.
            now: aware, UTC.
            version: the ticket's when the agent looked at it; None where what has happened since does not matter.
            text: reply, note, resolution or reason.
            resolution: how it was solved.

        Returns:
            The ticket afterwards.

        Raises:
            NotAllowed: the person may not work on tickets.
            NotFound: there is no such ticket.
            StaleTicket: somebody has changed it since.
            AlreadyTaken, TransitionRefused, InvalidInput: see `tickets.apply`.
        """
        if not may(person, Right.WORK_TICKETS):
            raise NotAllowed("this role does not work on tickets")
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            if action is Action.TAKE and ticket.owner_id == person.id:
                return ticket  # A second click on the same button.
            if action is Action.SOLVE and ticket.kind in GAPS:
                raise TransitionRefused("a gap is solved with a proof, see portal.closing")
            changed, event = apply(ticket, action, now, Actor(person.id, person.name), text, resolution)
            if version is not None and version != ticket.version:
                raise StaleTicket(f"ticket {number} has changed")
            store.save(connection, changed)
            store.record(connection, number, event)
            if ticket.kind is Kind.REQUEST and action in MAILED:
                self._mail(connection, changed, event, now)
            return replace(changed, version=ticket.version + 1)

    def _mail(self, connection: Connection, ticket: Ticket, event: Event, now: datetime) -> None:
        """Write to the requester what an agent has written, with a private link of its own."""
        token = secrets.token_hex(32)
        links.add(connection, token, ticket.id, now)
        letter = self._letters.solved if event.action is Action.SOLVE else self._letters.replied
        key = f"event-{ticket.id}-{ticket.version}"
        outbox.add(connection, letter(ticket, event, token), key, now, ticket_id=ticket.id, domain=self._domain)
