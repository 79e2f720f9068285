"""What is written to requesters leaves by mail, with a private link of its own."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from portal.letters import Letters
from portal.lifecycle import SOLVING
from portal.mail import Mail
from portal.storage import links, outbox
from portal.tickets import Event, Ticket

#: How long an agent can take back what was sent; the mail waits as long.
UNDO = timedelta(seconds=10)


class Posting:
    """Puts mails to requesters into the outbox.

    Args:
        letters: what they say.
        mail_domain: of the numbers of mails.
    """

    def __init__(self, letters: Letters, mail_domain: str) -> None:
        self.letters = letters
        self._domain = mail_domain

    def event(self, connection: Connection, ticket: Ticket, event: Event, now: datetime) -> None:
        """Write to the requester what an agent has written; it leaves when it can no longer be taken back.

        Args:
            connection: of the transaction of the event.
            ticket: as it is after the event and after it was saved.
            event: a reply, a question or a solution.
            now: aware, UTC.
        """
        letter = self.letters.solved if event.action in SOLVING else self.letters.replied
        self.letter(connection, ticket, lambda token: letter(ticket, event, token), key(ticket), now, UNDO)

    def letter(
        self,
        connection: Connection,
        ticket: Ticket,
        write: Callable[[str], Mail],
        about: str,
        now: datetime,
        delay: timedelta = timedelta(0),
    ) -> None:
        """Write a letter with a private link.

        Args:
            connection: of the transaction of what causes it.
            ticket: the request.
            write: makes the letter from the link's token.
            about: the mail's key; a second one with the same key is not written.
            now: aware, UTC.
            delay: how long it waits.
        """
        token = links.new(connection, ticket.id, now)
        outbox.add(connection, write(token), about, now, ticket_id=ticket.id, domain=self._domain, delay=delay)


def key(ticket: Ticket) -> str:
    """The key of the mail about a ticket's newest event."""
    return f"event-{ticket.id}-{ticket.version}"
