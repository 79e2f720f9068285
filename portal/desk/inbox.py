"""The inbox: a mail becomes a request, a requester's reply, a supplier's answer, or nothing; each once."""

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection

from portal.bounces import Bounce, read_bounce
from portal.desk.case_mail import match
from portal.desk.posting import Posting
from portal.errors import InvalidInput, NotFound
from portal.inbound import Incoming, bounded, read
from portal.inbox_letters import InboxLetters
from portal.lifecycle import TEXT_LENGTH
from portal.mail import Mail
from portal.people import clean_email
from portal.recognition import language_of
from portal.reply_address import ReplyAddress
from portal.sending import DESCRIPTION_LENGTH, NAME_LENGTH, SUBJECT_LENGTH, Sending, one_line
from portal.storage import Database, outbox, received
from portal.storage import tickets as store
from portal.tickets import Kind, Ticket

log = logging.getLogger(__name__)

#: Requests that one address may make by mail within `REQUESTS_WITHIN`; whoever sends more is a program.
REQUESTS_AT_MOST, REQUESTS_WITHIN = 50, timedelta(days=1)
#: Replies by mail that one request may get within `REPLIES_WITHIN`, whoever sends them.
REPLIES_AT_MOST, REPLIES_WITHIN = 60, timedelta(hours=1)
#: Stands where a text was cut.
CUT = "\n[…]"
#: What proves that somebody has read a mail of ours: kept nowhere, so not in the text of a ticket either.
_PROOFS = re.compile(r"(?<=/requests/)[0-9a-f]{64}|(?<=\+)[rs]\d{1,10}\.[0-9a-f]{20,24}(?=@)", re.IGNORECASE)


class Outcome(StrEnum):
    """What became of a mail."""

    #: It is a new request.
    CREATED = "created"
    #: It is a reply to a request.
    REPLIED = "replied"
    #: It is a reply to a closed request, and so a new one that goes on with it.
    FOLLOW_UP = "follow_up"
    #: It is a supplier's answer.
    SUPPLIER = "supplier"
    #: A mail server reports that something could not be delivered.
    BOUNCE = "bounce"
    #: A program has written it.
    AUTOMATIC = "automatic"
    #: We have written it.
    LOOP = "loop"
    #: It was taken before.
    DUPLICATE = "duplicate"
    #: It says nothing.
    EMPTY = "empty"
    #: It was too large to be read; its sender is told.
    TOO_LARGE = "too_large"
    #: Nobody can be answered who sent it, or too many came from the same address or to the same request.
    REFUSED = "refused"


@dataclass(frozen=True)
class Taken:
    """What became of a mail."""

    outcome: Outcome
    #: The ticket that it belongs to.
    ticket_id: int | None = None


class Receiving(Protocol):
    """What the inbox needs of `portal.requests.Requests`."""

    def receive_on(
        self,
        connection: Connection,
        sent: Sending,
        now: datetime,
        *,
        is_spam: bool = False,
        letter: Callable[[Ticket, str], Mail] | None = None,
    ) -> Ticket:
        """Receive a request."""

    def answer_on(
        self,
        connection: Connection,
        request: Ticket,
        text: str,
        now: datetime,
        details: Mapping[str, str] | None = None,
    ) -> tuple[Ticket, str | None]:
        """Add a requester's reply; with the link of another request where it opened one."""


class Answering(Protocol):
    """What the inbox needs of `portal.desk.suppliers.Suppliers`."""

    def receive(
        self,
        connection: Connection,
        case_id: int,
        token: str,
        sender: str,
        text: str,
        now: datetime,
        message_refs: Iterable[str] = (),
        *,
        is_automatic: bool = False,
    ) -> bool:
        """Take a supplier's mail."""

    def by_reference(self, connection: Connection, sender: str, subject: str) -> int | None:
        """The case whose reference stands in a subject."""


class Bounced(Protocol):
    """What the inbox needs of `portal.delivery.Delivery`."""

    def bounced(self, bounce: Bounce, now: datetime) -> bool:
        """Mark the mail that came back."""


class Inbox:
    """Takes in mails.

    Args:
        database: where the tickets are.
        requests: of the requesters.
        letters: what senders are mailed.
        addresses: that answers go to.
        delivery: of what was mailed.
        default_language: where a text does not tell its own.
        mail_domain: of the numbers of mails.
        suppliers: whose answers are taken; None where there are none.
    """

    def __init__(
        self,
        database: Database,
        requests: Receiving,
        letters: InboxLetters,
        addresses: ReplyAddress,
        delivery: Bounced,
        default_language: str,
        mail_domain: str = "localhost",
        suppliers: Answering | None = None,
    ) -> None:
        self._database = database
        self._requests = requests
        self._letters = letters
        self._addresses = addresses
        self._delivery = delivery
        self._default_language = default_language
        self._domain = mail_domain
        self._posting = Posting(letters, mail_domain)
        self._suppliers = suppliers

    def receive(self, raw: bytes, now: datetime) -> Taken:
        """Take a mail, in one transaction with what it causes.

        Args:
            raw: as a mail server hands it over; of more than `inbound.MAX_BYTES` the beginning is enough.
            now: aware, UTC.

        Returns:
            What became of it; a mail that was taken before changes nothing.

        Raises:
            SQLAlchemyError: the database does not answer; the mail may be handed over again.
        """
        mail = read(raw, self._addresses.sender)
        if mail.is_bounce and (bounce := read_bounce(bounded(raw))) is not None:
            self._delivery.bounced(bounce, now)  # Twice is the same as once.
        key = _key(mail, raw)
        with self._database.write() as connection:
            if not received.claim(connection, key, now):
                known = received.outcome_of(connection, key)
                return Taken(Outcome.DUPLICATE, known[1] if known else None)
            taken = self._take(connection, mail, now)
            received.settle(connection, key, taken.outcome.value, taken.ticket_id)
        return taken

    def _take(self, connection: Connection, mail: Incoming, now: datetime) -> Taken:
        """What a mail that is here for the first time comes to."""
        if mail.is_bounce:
            return Taken(Outcome.BOUNCE)
        if self._is_own(connection, mail):
            return Taken(Outcome.LOOP)
        # A supplier's ticket system calls its mails automatic, also those that a person has written there.
        if not mail.is_away and self._from_supplier(connection, mail, now):
            return Taken(Outcome.SUPPLIER)
        if mail.is_automatic:
            return Taken(Outcome.AUTOMATIC)
        try:
            sender = clean_email(mail.sender_email)
        except InvalidInput:
            return Taken(Outcome.REFUSED)
        if mail.is_too_large:
            self._tell_too_large(connection, mail, sender, now)
            return Taken(Outcome.TOO_LARGE)
        try:
            return self._reply_or_create(connection, mail, sender, now)
        except InvalidInput:  # What is left of it is nothing that a request can be.
            return Taken(Outcome.REFUSED)

    def _reply_or_create(self, connection: Connection, mail: Incoming, sender: str, now: datetime) -> Taken:
        """Add a mail to the request that it answers, or make one of it."""
        request, details = self._answered(connection, mail, sender)
        if request is not None:
            try:
                return self._reply(connection, request, mail, details, now)
            except NotFound:
                pass  # It was closed too long ago: what is written now is a request of its own.
        return self._create(connection, mail, sender, now)

    def _is_own(self, connection: Connection, mail: Incoming) -> bool:
        """Whether we have written a mail ourselves."""
        is_ours = bool(mail.message_id) and received.is_ours(connection, mail.message_id)
        return is_ours or self._addresses.is_own(mail.sender_email)

    def _from_supplier(self, connection: Connection, mail: Incoming, now: datetime) -> bool:
        """Whether a mail was a supplier's answer."""
        if self._suppliers is None or mail.is_too_large:
            return False
        references = (*mail.in_reply_to, *reversed(mail.references))
        case_id, token = match(mail.recipients, references) or (None, "")
        if case_id is None and not mail.is_automatic:
            case_id = self._suppliers.by_reference(connection, mail.sender_email, mail.subject)
        if case_id is None:
            return False
        text = self._with_names(mail, mail.own_text or mail.text, self._default_language)
        return self._suppliers.receive(
            connection, case_id, token, mail.sender_email, text, now, references, is_automatic=mail.is_automatic
        )

    def _answered(self, connection: Connection, mail: Incoming, sender: str) -> tuple[Ticket | None, dict[str, str]]:
        """The request that a mail answers, locked, and what is to be recorded; None where it answers none.

        The address to answer to is a proof like the private link: whoever has it may answer, also from another address,
        which is recorded. The number of a mail of ours is none for others than the requester: it is passed on with every
        answer to it.
        """
        proven = self._addresses.number(mail.recipients)
        for number in (proven, *self._referred(connection, mail)):
            request = self._request(connection, number)
            if request is None:
                continue
            is_theirs = sender.casefold() == request.requester_email.casefold()
            if is_theirs or number == proven:
                return request, {"channel": "mail"} | ({} if is_theirs else {"from": sender})
        return None, {}

    @staticmethod
    def _referred(connection: Connection, mail: Incoming) -> list[int]:
        """The tickets whose mails a mail answers, the newest first."""
        found = (outbox.ticket_of(connection, number) for number in (*mail.in_reply_to, *reversed(mail.references)))
        return list(dict.fromkeys(number for number in found if number is not None))

    @staticmethod
    def _request(connection: Connection, number: int | None) -> Ticket | None:
        """A request that somebody can still answer, locked."""
        if number is None:
            return None
        try:
            ticket = store.get(connection, number, lock=True)
        except NotFound:
            return None
        return ticket if ticket.kind is Kind.REQUEST and ticket.requester_email else None

    def _reply(
        self, connection: Connection, request: Ticket, mail: Incoming, details: dict[str, str], now: datetime
    ) -> Taken:
        """Add a reply to a request."""
        text = self._with_names(mail, mail.own_text, request.language)
        if not one_line(text):
            return Taken(Outcome.EMPTY, request.id)
        replies = {Outcome.REPLIED, Outcome.FOLLOW_UP}
        if received.replied(connection, request.id, replies, now - REPLIES_WITHIN) >= REPLIES_AT_MOST:
            log.warning(
                "a request has got more than %s replies by mail in an hour; the others are not taken", REPLIES_AT_MOST
            )
            return Taken(Outcome.REFUSED)
        changed, link = self._requests.answer_on(connection, request, _cut(text, TEXT_LENGTH), now, details)
        names = [name for name, _size in mail.attachments]
        if names:
            key = f"attached-{changed.id}-{now:%Y-%m-%d}"
            self._posting.letter(
                connection, changed, lambda token: self._letters.answered_without(changed, token, names), key, now
            )
        return Taken(Outcome.FOLLOW_UP if link else Outcome.REPLIED, changed.id)

    def _create(self, connection: Connection, mail: Incoming, sender: str, now: datetime) -> Taken:
        """Make a request of a mail."""
        language = language_of(f"{mail.subject}\n{mail.text}") or mail.language or self._default_language
        text = self._with_names(mail, mail.text or mail.subject, language)
        if not one_line(text):
            return Taken(Outcome.EMPTY)
        if received.created(connection, sender, Outcome.CREATED, now - REQUESTS_WITHIN) >= REQUESTS_AT_MOST:
            log.warning(
                "an address has sent more than %s requests by mail in a day; the others are not taken", REQUESTS_AT_MOST
            )
            return Taken(Outcome.REFUSED)
        name = one_line(mail.sender_name)[:NAME_LENGTH] or sender.partition("@")[0]
        subject, description = one_line(mail.subject)[:SUBJECT_LENGTH], _cut(text, DESCRIPTION_LENGTH)
        sent = Sending(name, sender, subject, description, language, channel="mail")
        names = [name for name, _size in mail.attachments]
        letter = (lambda ticket, token: self._letters.received_without(ticket, token, names)) if names else None
        request = self._requests.receive_on(connection, sent, now, is_spam=mail.is_spam, letter=letter)
        return Taken(Outcome.CREATED, request.id)

    def _with_names(self, mail: Incoming, text: str, language: str) -> str:
        """A text without what must not be kept, and with the names of what was attached."""
        text = _PROOFS.sub("…", text)
        if not mail.attachments:
            return text
        note = self._letters.not_taken(language, [name for name, _size in mail.attachments])
        return f"{_cut(text, DESCRIPTION_LENGTH - len(note) - 2)}\n\n{note}".strip()

    def _tell_too_large(self, connection: Connection, mail: Incoming, sender: str, now: datetime) -> None:
        """Tell a sender that their mail was not read, once a day."""
        share = hashlib.sha256(f"{sender.lower()}\0{now:%Y-%m-%d}".encode()).hexdigest()[:32]
        language = language_of(mail.subject) or mail.language or self._default_language
        letter = self._letters.too_large(sender, language, mail.subject)
        if not mail.is_spam:
            outbox.add(connection, letter, f"too-large-{share}", now, domain=self._domain)


def _key(mail: Incoming, raw: bytes) -> str:
    """By what a mail is known again: its number and sender, or all of it where it has no number."""
    told = f"{mail.message_id}\0{mail.sender_email.lower()}".encode("utf-8", "replace") if mail.message_id else raw
    return hashlib.sha256(told).hexdigest()


def _cut(text: str, longest: int) -> str:
    """A text within bounds; what is cut is seen to be."""
    return text if len(text) <= longest else text[: longest - len(CUT)].rstrip() + CUT
