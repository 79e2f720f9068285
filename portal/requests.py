"""Requests as requesters see them: sent, followed at a private link, answered, closed, opened again and rated."""

import hashlib
import hmac
import re
import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from portal.errors import InvalidInput, NotFound, TransitionRefused
from portal.gaps import Gaps
from portal.letters import Letters
from portal.lifecycle import TEXT_LENGTH, apply
from portal.mail import Mail
from portal.people import clean_email
from portal.queries import gap_fingerprint
from portal.sending import (
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
    PHONE_LENGTH,
    SUBJECT_LENGTH,
    Sending,
    faults,
    multiline,
    one_line,
    request_of,
)
from portal.storage import Database, links, outbox, ratings
from portal.storage import tickets as store
from portal.storage.ratings import Rating
from portal.tickets import Action, Actor, Event, Kind, Status, Ticket

__all__ = [
    "COMMENT_LENGTH",
    "DESCRIPTION_LENGTH",
    "NAME_LENGTH",
    "PHONE_LENGTH",
    "SUBJECT_LENGTH",
    "Rating",
    "Requests",
    "Sending",
]

#: Longest comment to a rating, in characters.
COMMENT_LENGTH = 600
#: Mails about new requests that one address is sent in a day (UTC): nobody floods a stranger's mailbox with the form.
RECEIVED_A_DAY = 10
#: How many mails with a link that was asked for a request causes within `LINKS_WITHIN`.
LINKS_AT_MOST, LINKS_WITHIN = 3, timedelta(hours=1)
#: The same once more within this time is a second press of the button.
SECOND_PRESS = timedelta(minutes=10)


class Requests:
    """The use cases of requesters.

    Args:
        database: where the tickets are.
        secret: key that private links are derived from.
        letters: what is mailed.
        gaps: where searches that nothing answered are.
        link_days: for how long the private link of a closed request works.
        mail_domain: of the numbers of mails.
    """

    def __init__(
        self,
        database: Database,
        secret: bytes,
        letters: Letters,
        gaps: Gaps,
        link_days: int = 90,
        mail_domain: str = "localhost",
    ) -> None:
        self._database = database
        self._secret = secret
        self._letters = letters
        self._gaps = gaps
        self._link_time = timedelta(days=link_days)
        self._domain = mail_domain

    def receive(
        self, sent: Sending, nonce: str, now: datetime, *, stems: list[str], is_spam: bool = False
    ) -> tuple[Ticket, str]:
        """Receive a request, and mail the requester its private link in the same transaction.

        Args:
            sent: what the requester sent; it is checked here.
            nonce: number of the form that was opened; the same texts with it again are the same request, not another.
            now: aware, UTC.
            stems: terms of the search that they came from, by which its gap is found.
            is_spam: whether only a robot fills in a form like this; it is kept, but not in anybody's way.

        Returns:
            The request and the token of its private link.

        Raises:
            InvalidInput: a field is missing, too long or not what it should be.
        """
        if broken := faults(sent):
            raise InvalidInput(*next(iter(broken.items())))
        same = (nonce, sent.name, sent.email, sent.subject, sent.description, sent.phone, sent.callback or "")
        token = self.token("\0".join(same))
        request = request_of(sent, Status.SPAM if is_spam else Status.NEW, now)
        with self._database.write() as connection:
            # The gap first: whoever changes a gap and its requests locks them in this order.
            request = replace(request, gap_id=self._gap(connection, sent.language, stems, is_pressed=not is_spam))
            number = self._create(connection, request, token, now)
            if number is None:
                return links.request(connection, token), token
            return replace(request, id=number), token

    def _gap(self, connection: Connection, language: str, stems: list[str], *, is_pressed: bool) -> int | None:
        """The gap that the requester's search opened."""
        if not stems:
            return None
        try:
            gap = store.by_fingerprint(connection, gap_fingerprint(language, stems, None), lock=True)
        except NotFound:
            return None
        if is_pressed:
            self._gaps.press(connection, gap.id)
        return gap.id

    def _create(self, connection: Connection, request: Ticket, token: str, now: datetime) -> int | None:
        """Store a request with the beginning of its history and the mail; its number, None if the link is there."""
        number = store.create(connection, request, links.token_hash(token))
        if number is None:
            return None
        details = {"language": request.language}
        event = Event(now, Action.OPENED, _actor(request), None, request.status, request.description, True, details)
        store.record(connection, number, event)
        if request.status is not Status.SPAM:
            stored = replace(request, id=number)
            self._confirm(connection, stored, token, now)
        return number

    def _confirm(self, connection: Connection, stored: Ticket, token: str, now: datetime) -> None:
        """Mail a requester that their request is here, unless the address has had its share of such mails today."""
        mail = self._letters.received(stored, token)
        share = self._derived("received", f"{stored.requester_email.lower()}\0{now.date().isoformat()}")[:32]
        for number in range(RECEIVED_A_DAY):
            key = f"received-{share}-{number}"
            if outbox.add(connection, mail, key, now, ticket_id=stored.id, domain=self._domain) is not None:
                return

    def _post(self, connection: Connection, mail: Mail, key: str, ticket_id: int, now: datetime) -> None:
        """Put a mail to a requester into the outbox."""
        outbox.add(connection, mail, key, now, ticket_id=ticket_id, domain=self._domain)

    @staticmethod
    def faults(sent: Sending) -> dict[str, str]:
        """Everything that is wrong with a request, as the code of the broken rule by field."""
        return faults(sent)

    def token(self, sent: str) -> str:
        """The token of the private link of a request, from its form's number and texts: 256 bits, kept nowhere."""
        return self._derived("request", sent)

    def _derived(self, use: str, text: str) -> str:
        """A token that only this instance can make, always the same from the same text; 64 hexadecimal digits."""
        return hmac.new(self._secret, f"{use}\0{text}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def follow(self, token: str, now: datetime) -> tuple[Ticket, list[Event], Rating | None]:
        """The request of a private link with the events that the requester may see, and how they rated it.

        Raises:
            NotFound: no request has this link, or it was closed too long ago.
        """
        with self._database.read() as connection:
            request = self._of_link(connection, token, now)
            events = store.history(connection, request.id, public_only=True)
            return request, events, ratings.of_ticket(connection, request.id)

    def _of_link(self, connection: Connection, token: str, now: datetime, lock: bool = False) -> Ticket:
        """The request of a private link; see `follow`."""
        request = links.request(connection, token, lock)
        if self._is_past(request, now):
            raise NotFound("no such request")
        return request

    def _is_past(self, request: Ticket, now: datetime) -> bool:
        """Whether a request was closed so long ago that its links no longer work."""
        return request.closed_at is not None and now - request.closed_at > self._link_time

    def answer_back(self, token: str, text: str, now: datetime) -> tuple[Ticket, str | None]:
        """Add the requester's own reply; to a closed request, it opens another one that goes on with it.

        Returns:
            The request that has the reply now, and the token of its private link where that is another request.

        Raises:
            NotFound: no request has this link, or it was closed too long ago.
            InvalidInput: the text is missing or too long.
        """
        link = None
        with self._database.write() as connection:
            request = self._of_link(connection, token, now, lock=True)
            while request.status is Status.CLOSED:
                link = self._derived("following", str(request.id))
                number = links.following(connection, request.id)
                if number is None:
                    return self._go_on(connection, request, text, link, now), link
                request = store.get(connection, number, lock=True)
            return self._act(connection, request, Action.REQUESTER_REPLY, text, now), link

    def _go_on(self, connection: Connection, closed: Ticket, text: str, token: str, now: datetime) -> Ticket:
        """Open the one request that goes on with a closed one, which is locked."""
        description = multiline(text)
        if not one_line(description):
            raise InvalidInput("text", "missing")
        if len(description) > TEXT_LENGTH:
            raise InvalidInput("text", "too_long")
        request = Ticket(
            0, Kind.REQUEST, Status.NEW, 1, closed.language, closed.subject, now, now, closed.query, description,
            requester_name=closed.requester_name, requester_email=closed.requester_email, gap_id=closed.gap_id,
            follows_id=closed.id,
        )  # fmt: skip
        return replace(request, id=self._create(connection, request, token, now) or 0)

    def close(self, token: str, now: datetime) -> Ticket:
        """Close a request because the requester needs no more help.

        Raises:
            NotFound: no request has this link, or it was closed too long ago.
            TransitionRefused: it cannot be closed now.
        """
        with self._database.write() as connection:
            request = self._of_link(connection, token, now, lock=True)
            return self._act(connection, request, Action.REQUESTER_CLOSE, "", now)

    def reopen(self, token: str, now: datetime, text: str = "") -> Ticket:
        """Open a solved request again because it is not solved for the requester.

        Raises:
            NotFound: no request has this link, or it was closed too long ago.
            TransitionRefused: it is not solved.
            InvalidInput: the text is too long.
        """
        with self._database.write() as connection:
            request = self._of_link(connection, token, now, lock=True)
            return self._act(connection, request, Action.REOPEN, text, now)

    def _act(self, connection: Connection, request: Ticket, action: Action, text: str, now: datetime) -> Ticket:
        """Do something to a request, which is locked, as its requester; a second press of a button changes nothing."""
        text = multiline(text) if one_line(text) else ""
        past = store.history(connection, request.id, public_only=True)
        if past and _is_second_press(past[-1], action, text, now):
            return request
        if action is Action.REOPEN and request.status is not Status.SOLVED:
            raise TransitionRefused(f"a requester cannot open again what is {request.status}")
        changed, event = apply(request, action, now, _actor(request), text)
        store.save(connection, changed)
        store.record(connection, request.id, event)
        return replace(changed, version=request.version + 1)

    def rate(self, token: str, stars: int, comment: str, now: datetime) -> Ticket:
        """Keep how the requester was served; an earlier answer is replaced.

        Args:
            token: of the private link.
            stars: 1 (badly) to 5 (very well); whatever else is taken as none.
            comment: at most `COMMENT_LENGTH` characters; may be empty.
            now: aware, UTC.

        Raises:
            NotFound: no request has this link, or it was closed too long ago.
            TransitionRefused: it is neither solved nor closed.
            InvalidInput: there are no stars, or the comment is too long.
        """
        comment = multiline(comment)
        if stars not in range(1, 6):
            raise InvalidInput("stars", "missing")
        if len(comment) > COMMENT_LENGTH:
            raise InvalidInput("comment", "too_long")
        with self._database.write() as connection:
            request = self._of_link(connection, token, now, lock=True)
            changed, event = apply(request, Action.RATE, now, _actor(request), comment)
            known = ratings.of_ticket(connection, request.id)
            if known is not None and (known.stars, known.comment) == (stars, comment):
                return request
            ratings.put(connection, request.id, Rating(stars, comment, now))
            store.save(connection, changed)
            store.record(connection, request.id, replace(event, details={"stars": str(stars)}))
            return replace(changed, version=request.version + 1)

    def ask_link(self, number: str, email: str, language: str, now: datetime) -> None:
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

    def send_links(self, now: datetime, limit: int = 100) -> int:
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
        if not is_theirs or request.status is Status.SPAM or self._is_past(request, now):
            return False
        if links.mailed(connection, request.id, now - LINKS_WITHIN) >= LINKS_AT_MOST:
            return False
        token = self.new_link(connection, request.id, now)
        mail = self._letters.link(replace(request, language=asked.language), token)
        self._post(connection, mail, links.mail_key(request.id, token), request.id, now)
        return True

    def new_link(self, connection: Connection, ticket_id: int, now: datetime) -> str:
        """A further private link of a request, for one mail: its token, of which only the hash is kept."""
        token = secrets.token_hex(32)
        links.add(connection, token, ticket_id, now)
        return token


def _actor(request: Ticket) -> Actor:
    """The requester."""
    return Actor(name=request.requester_name)


def _is_second_press(last: Event, action: Action, text: str, now: datetime) -> bool:
    """Whether the newest event is already what is about to be done."""
    same = {Action.REQUESTER_REPLY, Action.OPENED} if action is Action.REQUESTER_REPLY else {action}
    is_requester = last.actor.person_id is None and last.actor.name != ""
    return is_requester and last.action in same and last.text == text and now - last.at <= SECOND_PRESS
