"""The desk: gaps and requests are opened, and agents take, answer and solve them."""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket
from portal.people import Person, Right, clean_email, may
from portal.privacy import mask
from portal.queries import MAX_CHARACTERS, Query, gap_fingerprint
from portal.storage import Database
from portal.storage import tickets as store
from portal.tickets import SYSTEM, Action, Actor, Event, Kind, Resolution, Status, Ticket, apply

#: Longest values of the request form, in characters.
NAME_LENGTH, DESCRIPTION_LENGTH = 100, 5_000
SUBJECT_LENGTH = 120
#: A reader waits no longer than this for their search to be counted, in seconds.
GAP_PATIENCE = 1.0
#: Written into the history when a solved gap is asked again; pages show it in the reader's language.
ASKED_AFTER_ANSWER = "asked again after answer"


@dataclass(frozen=True)
class Opened:
    """What came of a search that nobody could answer."""

    ticket: Ticket
    #: Whether it was the first time.
    is_new: bool


@dataclass(frozen=True)
class Sending:
    """What a requester sends."""

    name: str
    email: str
    description: str
    #: Language that they are answered in.
    language: str
    #: The search that they came from; empty without one.
    query: str = ""
    #: Address of the page that they came from, without host.
    page: str = ""


class Desk:
    """The use cases of the desk.

    Args:
        database: where the tickets are.
        secret: key that private links are derived from.
        reopen_days: a solved gap asked again within this time re-opens; later it is a new gap.
    """

    def __init__(self, database: Database, secret: bytes, reopen_days: int) -> None:
        self._database = database
        self._secret = secret
        self._reopen = timedelta(days=reopen_days)

    def open_gap(self, query: Query, stems: list[str], page: str, now: datetime) -> Opened:
        """Open a gap at L1 for an unanswered search, or count that it was asked again.

        The unique fingerprint makes it one ticket also when several processes ask at once.

        Args:
            query: what was searched; it is masked before anything is stored.
            stems: its terms, without stop words.
            page: address of the page, without host and query.
            now: aware, UTC.
        """
        masked = mask(query.text)[:MAX_CHARACTERS]
        fingerprint = gap_fingerprint(query.language, stems, query.topic)
        details = {"language": query.language, "query": masked, "page": page}
        ticket = Ticket(
            0, Kind.GAP, Status.NEW, 1, query.language, masked, now, now, masked, page=page, fingerprint=fingerprint,
            last_asked_at=now,
        )  # fmt: skip
        with self._database.write(patience=GAP_PATIENCE) as connection:
            number = store.create(connection, ticket)
            if number is None:
                asked = store.by_fingerprint(connection, fingerprint, lock=True)
                if asked.status is Status.CLOSED or self._is_long_solved(asked, now):
                    store.save(connection, replace(asked, fingerprint=None))
                    number = store.create(connection, ticket)
            if number is not None:
                event = Event(now, Action.OPENED, SYSTEM, None, Status.NEW, details=details)
                store.record(connection, number, event)
                return Opened(replace(ticket, id=number), True)
            counted, event = apply(asked, Action.ASKED_AGAIN, now, SYSTEM)
            events = [replace(event, details=details)]
            if counted.status is Status.SOLVED:
                counted, event = apply(counted, Action.REOPEN, now, SYSTEM, ASKED_AFTER_ANSWER)
                events.append(event)
                store.save(connection, counted)
            else:
                store.count_again(connection, counted)
            for event in events:
                store.record(connection, asked.id, event)
            return Opened(counted, False)

    def _is_long_solved(self, gap: Ticket, now: datetime) -> bool:
        """Whether a gap was solved so long ago that asking again is a new gap."""
        return gap.status is Status.SOLVED and gap.solved_at is not None and now - gap.solved_at > self._reopen

    def receive(
        self, sent: Sending, nonce: str, now: datetime, *, stems: list[str], is_spam: bool = False
    ) -> tuple[Ticket, str]:
        """Receive a request.

        Args:
            sent: what the requester sent; it is checked here.
            nonce: number of the form that was opened; the same text with it again is the same request, not another.
            now: aware, UTC.
            stems: terms of the search that they came from, by which its gap is found.
            is_spam: whether only a robot fills in a form like this; it is kept, but not in anybody's way.

        Returns:
            The request and the token of its private link.

        Raises:
            InvalidInput: a field is missing, too long or not an address.
        """
        if faults := self.faults(sent):
            raise InvalidInput(*next(iter(faults.items())))
        description = sent.description.strip()
        subject = next(line for line in map(_one_line, description.splitlines()) if line)
        subject = subject if len(subject) <= SUBJECT_LENGTH else subject[: SUBJECT_LENGTH - 1].rstrip() + "…"
        status = Status.SPAM if is_spam else Status.NEW
        token = self.token("\0".join((nonce, sent.name, sent.email, description)))
        ticket = Ticket(
            0, Kind.REQUEST, status, 1, sent.language, subject, now, now, mask(sent.query)[:MAX_CHARACTERS], description, sent.page,
            requester_name=_one_line(sent.name), requester_email=clean_email(sent.email),
        )  # fmt: skip
        with self._database.write() as connection:
            if stems:
                try:
                    gap = store.by_fingerprint(connection, gap_fingerprint(sent.language, stems, None))
                    ticket = replace(ticket, gap_id=gap.id)
                except NotFound:
                    pass
            number = store.create(connection, ticket, _hash(token))
            if number is None:
                return store.by_token(connection, _hash(token)), token
            requester = Actor(name=ticket.requester_name)
            event = Event(now, Action.OPENED, requester, None, status, description, True, {"language": sent.language})
            store.record(connection, number, event)
            return replace(ticket, id=number), token

    @staticmethod
    def faults(sent: Sending) -> dict[str, str]:
        """Everything that is wrong with a request, as the code of the broken rule by field."""
        faults: dict[str, str] = {}
        for field, value, longest in (
            ("name", _one_line(sent.name), NAME_LENGTH),
            ("description", sent.description.strip(), DESCRIPTION_LENGTH),
        ):
            if not _one_line(value):
                faults[field] = "missing"
            elif len(value) > longest:
                faults[field] = "too_long"
        try:
            clean_email(sent.email)
        except InvalidInput as error:
            faults[error.field] = error.code
        return faults

    def token(self, sent: str) -> str:
        """The token of the private link of a request, from its form's number and texts: 256 bits, kept nowhere."""
        return hmac.new(self._secret, b"request\0" + sent.encode(), hashlib.sha256).hexdigest()

    def follow(self, token: str) -> tuple[Ticket, list[Event]]:
        """The request of a private link with the events that the requester may see.

        Raises:
            NotFound: no request has this link.
        """
        with self._database.read() as connection:
            ticket = store.by_token(connection, _hash(token))
            return ticket, store.history(connection, ticket.id, public_only=True)

    def answer_back(self, token: str, text: str, now: datetime) -> Ticket:
        """Add the requester's own reply.

        Raises:
            NotFound: no request has this link.
            TransitionRefused: the request is closed.
            InvalidInput: the text is missing or too long.
        """
        with self._database.write() as connection:
            ticket = store.by_token(connection, _hash(token), lock=True)
            changed, event = apply(ticket, Action.REQUESTER_REPLY, now, Actor(name=ticket.requester_name), text)
            store.save(connection, changed)
            store.record(connection, ticket.id, event)
            return changed

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
            changed, event = apply(ticket, action, now, Actor(person.id, person.name), text, resolution)
            if version is not None and version != ticket.version:
                raise StaleTicket(f"ticket {number} has changed")
            store.save(connection, changed)
            store.record(connection, number, event)
            return replace(changed, version=ticket.version + 1)


def _one_line(text: str) -> str:
    """Text with white space and invisible characters folded."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
