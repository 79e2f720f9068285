"""Private links that requesters have lost: asked for by number and address, and mailed once more by the worker."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from portal.errors import InvalidInput, NotFound
from portal.letters import Letters
from portal.people import clean_email
from portal.storage import Database, links, outbox
from portal.storage import tickets as store
from portal.tickets import Status, Ticket

#: How many mails with a link that was asked for a request causes within `LINKS_WITHIN`.
LINKS_AT_MOST, LINKS_WITHIN = 3, timedelta(hours=1)


def is_past(request: Ticket, link_time: timedelta, now: datetime) -> bool:
    """Whether a request was closed so long ago that its links no longer work."""
    return request.closed_at is not None and now - request.closed_at > link_time


class LostLinks:
    """Sends private links again.

    Args:
        database: where the requests are.
        letters: what is mailed.
        link_days: for how long the private link of a closed request works.
        mail_domain: of the numbers of mails.
    """

    def __init__(self, database: Database, letters: Letters, link_days: int, mail_domain: str) -> None:
        self._database = database
        self._letters = letters
        self._link_time = timedelta(days=link_days)
        self._domain = mail_domain

    def ask(self, number: str, email: str, language: str, now: datetime) -> None:
        """Keep that somebody wants a private link once more; it takes the same whoever asks, and tells nothing.

        Args:
            number: of the request, as typed.
            email: as typed.
            language: of the page.
            now: aware, UTC.
        """
        digits = re.search(r"(?<![0-9])[0-9]{1,9}(?![0-9])", number[:100])
        try:
            address = clean_email(email)
        except InvalidInput:
            address = ""
        with self._database.write() as connection:
            links.ask(connection, int(digits[0]) if digits else 0, address, language, now)

    def send(self, now: datetime, limit: int = 100) -> int:
        """Mail the links that were asked for, to whom the number and the address are of the same request.

        Args:
            now: aware, UTC.
            limit: how many wishes are looked at.

        Returns:
            How many mails were put into the outbox.
        """
        sent = 0
        with self._database.read() as connection:
            if not links.is_asked(connection):
                return 0
        for _ in range(limit):
            with self._database.write() as connection:
                asked = links.take_asked(connection)
                if asked is None:
                    break
                sent += self._send_link(connection, asked, now)
        return sent

    def _send_link(self, connection: Connection, asked: links.Asked, now: datetime) -> bool:
        """Mail a link if it is the asker's and not too many were mailed."""
        try:
            request = store.get(connection, asked.number, lock=True)
        except NotFound:
            return False
        is_theirs = bool(asked.email) and asked.email.casefold() == request.requester_email.casefold()
        # What a robot sent was never mailed: it would make anybody's address ours to write to.
        if not is_theirs or request.status is Status.SPAM or is_past(request, self._link_time, now):
            return False
        if links.mailed(connection, request.id, now - LINKS_WITHIN) >= LINKS_AT_MOST:
            return False
        token = links.new(connection, request.id, now)
        mail = self._letters.link(replace(request, language=asked.language), token)
        key = links.mail_key(request.id, token)
        outbox.add(connection, mail, key, now, ticket_id=request.id, domain=self._domain)
        return True
