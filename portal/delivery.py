"""Mails leave the outbox: each at least once, none again that a mail server has acknowledged."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from portal.bounces import Bounce
from portal.catalogues import catalogue
from portal.errors import NotFound, TransitionRefused
from portal.lifecycle import apply
from portal.locales import CODES
from portal.mail import Refused, Transport, Unavailable, compose
from portal.privacy import mask
from portal.settings import Settings
from portal.storage import Database, outbox
from portal.storage import tickets as store
from portal.storage.outbox import FAULT_LENGTH, LONGEST_PAUSE, Claimed
from portal.tickets import SYSTEM, Action
from portal.transports import FolderTransport, transport

log = logging.getLogger(__name__)

#: How long one process may take for one mail before another tries it, in seconds: a pass and the slowest mail server.
CLAIM = 900.0
#: A pass begins no further mail after this, in seconds.
LONGEST_PASS = 60.0
#: Age at which a mail that was tried is given up, and attempts that it has at least: the portal itself may have slept.
GIVEN_UP_AFTER, LEAST_ATTEMPTS = timedelta(hours=72), 4


@dataclass(frozen=True)
class Delivered:
    """What came of one pass."""

    sent: int = 0
    #: To be tried again later.
    retried: int = 0
    #: Given up.
    failed: int = 0


class Delivery:
    """The use cases of sending.

    Args:
        database: where the outbox is.
        transport: the way mails leave.
        sender: address that they come from.
        site_name: name beside it; by the recipient's language, or one for all.
    """

    def __init__(
        self, database: Database, transport: Transport, sender: str, site_name: str | Mapping[str, str] = ""
    ) -> None:
        self._database = database
        self._transport = transport
        self._sender = sender
        self._site_name = site_name
        #: Taken by the mail server, and not marked yet because the database did not answer.
        self._acknowledged: list[Claimed] = []

    def deliver(self, now: datetime, limit: int = 100) -> Delivered:
        """Send what is due, until nothing is left or the mail server does not answer.

        Each mail is claimed in a transaction of its own, sent, and marked in another: a process that dies in between
        leaves it to be tried again with the same message id. Any number of processes may do this at once.

        Args:
            now: aware, UTC.
            limit: how many mails at most.
        """
        started = time.monotonic()
        counted = Delivered()
        self._mark(now)
        try:
            for _ in range(limit):
                claimed = self._claim(now) if time.monotonic() - started < LONGEST_PASS else None
                if claimed is None:
                    break
                counted, is_available = self._try(claimed, now, counted)
                if not is_available:
                    break
        finally:
            self._transport.close()
        return counted

    def _claim(self, now: datetime) -> Claimed | None:
        """The next mail; nobody waits for a transaction where there is none."""
        with self._database.read() as connection:
            if not outbox.has_due(connection, now, CLAIM):
                return None
        with self._database.write() as connection:
            return outbox.claim(connection, now, CLAIM)

    def _try(self, claimed: Claimed, now: datetime, counted: Delivered) -> tuple[Delivered, bool]:
        """Send one mail and write down what came of it; the pass so far, and whether the mail server answers."""
        mail = claimed.mail
        name = self._site_name if isinstance(self._site_name, str) else self._site_name.get(mail.language, "")
        is_available, is_permanent = True, False
        try:
            message = compose(mail, claimed.message_id, self._sender, now, name)
            self._transport.send(message, mail.recipient)
        except Refused as error:
            fault, is_permanent = str(error), error.permanent
        except Unavailable as error:
            fault, is_available = str(error), False
        except Exception as error:  # Whatever one mail does must not keep the others.
            log.error("a mail could not be handed over: %s", type(error).__name__)
            fault = type(error).__name__
        else:
            self._acknowledged.append(claimed)
            self._mark(now)
            return replace(counted, sent=counted.sent + 1), True
        is_old = now - claimed.created_at >= GIVEN_UP_AFTER and claimed.attempts >= LEAST_ATTEMPTS
        fault = mask(fault)[:FAULT_LENGTH]
        if is_permanent or is_old:
            self._give_up(claimed, now, fault)
            return replace(counted, failed=counted.failed + 1), is_available
        with self._database.write() as connection:
            outbox.retry(connection, claimed, now + pause(claimed.attempts), fault)
        return replace(counted, retried=counted.retried + 1), is_available

    def _mark(self, now: datetime) -> None:
        """Mark what has been acknowledged; where that fails it comes first in the next pass, before any other mail."""
        while self._acknowledged:
            with self._database.write() as connection:
                outbox.sent(connection, self._acknowledged[0], now)
            self._acknowledged.pop(0)

    def _give_up(self, claimed: Claimed, now: datetime, fault: str) -> None:
        """Mark a mail as failed, and tell whoever works on its ticket."""
        with self._database.write() as connection:
            _lock(connection, claimed.ticket_id)
            if outbox.failed(connection, claimed, now, fault):
                _tell(connection, claimed.ticket_id, now, fault)

    def forget(self, before: datetime, recipient: str = "") -> int:
        """Delete mails that were written into a folder before a time, and those to an address; how many."""
        if not isinstance(self._transport, FolderTransport):
            return 0
        return self._transport.forget(before.timestamp(), recipient)

    def bounced(self, bounce: Bounce, now: datetime) -> bool:
        """Mark the mail that came back, and tell whoever works on its ticket.

        Args:
            bounce: as read; the message id, which nobody can guess, proves that it is about a mail of ours.
            now: aware, UTC.

        Returns:
            Whether this was news; False also while the reporting server still tries.
        """
        if not bounce.is_permanent:
            return False
        fault = mask(f"{bounce.status} {bounce.diagnostic}".strip())[:FAULT_LENGTH]
        with self._database.write() as connection:
            ticket_id = outbox.ticket_of(connection, bounce.message_id)
            _lock(connection, ticket_id)
            is_news = outbox.bounced(connection, bounce.message_id, now, fault)
            if is_news:
                _tell(connection, ticket_id, now, fault)
        return is_news


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 1, 2, 4, 8 … minutes, at most `LONGEST_PAUSE`."""
    return min(timedelta(minutes=2 ** min(attempts - 1, 20)), LONGEST_PAUSE)


def _lock(connection: Connection, ticket_id: int | None) -> None:
    """Lock a mail's ticket before the mail itself, in the order in which everybody else does."""
    if ticket_id is not None:
        store.get(connection, ticket_id, lock=True)


def _tell(connection: Connection, ticket_id: int | None, now: datetime, fault: str) -> None:
    """Write into a ticket's history that the requester does not get its mail."""
    if ticket_id is None:
        return
    try:
        ticket = store.get(connection, ticket_id, lock=True)
        changed, event = apply(ticket, Action.MAIL_FAILED, now, SYSTEM, fault)
    except (NotFound, TransitionRefused):
        return  # A gap: nobody waits there.
    store.save(connection, changed)
    store.record(connection, ticket_id, event)


def open_delivery(settings: Settings, database: Database) -> Delivery:
    """The delivery of an instance, as its settings say."""
    way = transport(settings.mail_url, settings.data / "mail")
    names = {code: settings.site_name or catalogue(code).gettext("Help centre") for code in CODES}
    return Delivery(database, way, settings.sender, names)
