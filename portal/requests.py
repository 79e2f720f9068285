"""Requests as requesters see them: sent, followed at a private link, answered, closed, opened again and rated."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from portal.errors import InvalidInput, NotFound
from portal.gaps import Gaps
from portal.histories import standing
from portal.letters import Letters
from portal.lifecycle import TEXT_LENGTH
from portal.lost_links import is_past
from portal.mail import Mail
from portal.queries import gap_fingerprint
from portal.request_tokens import RequestTokens
from portal.requester_acts import COMMENT_LENGTH, act, is_kept, rate, requester
from portal.routing import route
from portal.sending import (
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
    PHONE_LENGTH,
    SUBJECT_LENGTH,
    Sending,
    faults,
    multiline,
    one_line,
    read_before,
    request_of,
)
from portal.storage import Database, links, merging, organisation, outbox, ratings
from portal.storage import tickets as store
from portal.storage.ratings import Rating
from portal.tickets import Action, Event, Kind, Status, Ticket

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

#: Mails about new requests that one address is sent in a day (UTC): nobody floods a stranger's mailbox with the form.
RECEIVED_A_DAY = 10


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
        self._tokens = RequestTokens(secret)
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
        token, *earlier = self._tokens.of_form(sent, nonce)
        with self._database.write() as connection:
            if old := self._tokens.known(connection, earlier):  # It was sent before the secret was changed.
                return links.request(connection, old), old
            tier, impact = route(organisation.load(connection), sent.topic)
            request = request_of(sent, Status.SPAM if is_spam else Status.NEW, now, tier, impact)
            # The gap first: whoever changes a gap and its requests locks them in this order.
            request = replace(request, gap_id=self._gap(connection, sent.language, stems, now, is_pressed=not is_spam))
            number = self._create(connection, request, token, now)
            if number is None:
                return links.request(connection, token), token
            return replace(request, id=number), token

    def receive_on(
        self,
        connection: Connection,
        sent: Sending,
        now: datetime,
        *,
        is_spam: bool = False,
        letter: Callable[[Ticket, str], Mail] | None = None,
    ) -> Ticket:
        """Receive a request that came by another way than the form.

        Args:
            connection: of the write transaction in which it comes.
            sent: what the requester sent; it is checked here.
            now: aware, UTC.
            is_spam: see `receive`.
            letter: writes to the requester that it is here; `Letters.received` when None.

        Raises:
            InvalidInput: see `receive`.
        """
        if broken := faults(sent):
            raise InvalidInput(*next(iter(broken.items())))
        tier, impact = route(organisation.load(connection), sent.topic)
        request = request_of(sent, Status.SPAM if is_spam else Status.NEW, now, tier, impact)
        return replace(request, id=self._create(connection, request, secrets.token_hex(32), now, letter) or 0)

    def _gap(
        self, connection: Connection, language: str, stems: list[str], now: datetime, *, is_pressed: bool
    ) -> int | None:
        """The gap that the requester's search opened."""
        if not stems:
            return None
        try:
            gap = store.by_fingerprint(connection, gap_fingerprint(language, stems, None), lock=True)
        except NotFound:
            return None
        gap = merging.master(connection, gap, lock=True)
        if is_pressed:
            self._gaps.press(connection, gap.id, now)
        return gap.id

    def _create(
        self,
        connection: Connection,
        request: Ticket,
        token: str,
        now: datetime,
        letter: Callable[[Ticket, str], Mail] | None = None,
        details: Mapping[str, str] | None = None,
    ) -> int | None:
        """Store a request with the beginning of its history and the mail; its number, None if the link is there."""
        number = store.create(connection, request, links.token_hash(token))
        if number is None:
            return None
        named = ("language", "tier", "urgency", "impact", "priority", "topic")
        facts = {name: str(getattr(request, name)) for name in named} | dict(details or {})
        if read_before(request.trail, now):
            facts["read"] = "yes"  # Stays when the trail is forgotten.
        event = Event(now, Action.OPENED, requester(request), None, request.status, request.description, True, facts)
        store.record(connection, number, event)
        if request.status is not Status.SPAM:
            stored = replace(request, id=number)
            self._confirm(connection, stored, (letter or self._letters.received)(stored, token), now)
        return number

    def _confirm(self, connection: Connection, stored: Ticket, mail: Mail, now: datetime) -> None:
        """Mail a requester that their request is here, unless the address has had its share of such mails today."""
        share = self._tokens.share(stored.requester_email, now.date())
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

    def token(self, sent: Sending, nonce: str) -> str:
        """The token of the private link of a request, from its form's number and texts; see `RequestTokens`."""
        token, *earlier = self._tokens.of_form(sent, nonce)
        if not earlier:
            return token
        with self._database.read() as connection:
            return self._tokens.known(connection, earlier) or token

    def follow(self, token: str, now: datetime) -> tuple[Ticket, list[Event], Rating | None]:
        """The request of a private link with the events that the requester may see, and how they rated it.

        Raises:
            NotFound: no request has this link, or it was closed too long ago.
        """
        with self._database.read() as connection:
            request = self._of_link(connection, token, now)
            events = [event for event in standing(store.history(connection, request.id)) if event.is_public]
            return request, events, ratings.of_ticket(connection, request.id)

    def stands(self, token: str, now: datetime) -> Ticket:
        """The request of a private link, without its history; see `follow`."""
        with self._database.read() as connection:
            return self._of_link(connection, token, now)

    def latest(self, token: str, now: datetime) -> str:
        """The token of the last request that goes on with this one, if it is closed; else its own. See `follow`."""
        with self._database.read() as connection:
            request = self._of_link(connection, token, now)
            while request.status is Status.CLOSED and (number := links.following(connection, request.id)) is not None:
                token, request = self._tokens.following(connection, request.id), store.get(connection, number)
        return token

    def _of_link(self, connection: Connection, token: str, now: datetime, lock: bool = False) -> Ticket:
        """The request of a private link; see `follow`."""
        request = links.request(connection, token, lock)
        if is_past(request, self._link_time, now):
            raise NotFound("no such request")
        return request

    def answer_back(
        self, token: str, text: str, now: datetime, details: Mapping[str, str] | None = None
    ) -> tuple[Ticket, str | None]:
        """Add the requester's own reply; to a closed request, it opens another one that goes on with it.

        Args:
            token: of the private link.
            text: the reply.
            now: aware, UTC.
            details: what else is to be recorded, such as the `channel`.

        Returns:
            The request that has the reply now, and the token of its private link where that is another request.

        Raises:
            NotFound: no request has this link, or it was closed too long ago.
            InvalidInput: the text is missing or too long.
        """
        with self._database.write() as connection:
            return self.answer_on(connection, self._of_link(connection, token, now, lock=True), text, now, details)

    def answer_on(
        self,
        connection: Connection,
        request: Ticket,
        text: str,
        now: datetime,
        details: Mapping[str, str] | None = None,
    ) -> tuple[Ticket, str | None]:
        """The same for a request that was read locked, however the reply came; it returns the same.

        Args:
            connection: of the write transaction in which it comes.
            request: whatever its status.
            text: the requester's.
            now: aware, UTC.
            details: what else is to be recorded.

        Raises:
            NotFound: it was closed too long ago.
            InvalidInput: the text is missing or too long.
        """
        if is_past(request, self._link_time, now):
            raise NotFound("no such request")
        link = None
        while request.status is Status.CLOSED and not is_kept(connection, request, text, details):
            link = self._tokens.following(connection, request.id)
            number = links.following(connection, request.id)
            if number is None:
                return self._go_on(connection, request, text, link, now, details), link
            request = store.get(connection, number, lock=True)
        return act(connection, request, Action.REQUESTER_REPLY, text, now, details), link

    def _go_on(
        self,
        connection: Connection,
        closed: Ticket,
        text: str,
        token: str,
        now: datetime,
        details: Mapping[str, str] | None,
    ) -> Ticket:
        """Open the one request that goes on with a closed one, which is locked."""
        description = multiline(text)
        if not one_line(description):
            raise InvalidInput("text", "missing")
        if len(description) > TEXT_LENGTH:
            raise InvalidInput("text", "too_long")
        request = Ticket(
            0, Kind.REQUEST, Status.NEW, 1, closed.language, closed.subject, now, now, closed.query, description,
            requester_name=closed.requester_name, requester_email=closed.requester_email, gap_id=closed.gap_id,
            follows_id=closed.id, channel=(details or {}).get("channel", "web"),
        )  # fmt: skip
        return replace(request, id=self._create(connection, request, token, now, details=details) or 0)

    def close(self, token: str, now: datetime) -> Ticket:
        """Close a request because the requester needs no more help.

        Raises:
            NotFound: no request has this link, or it was closed too long ago.
            TransitionRefused: it cannot be closed now.
        """
        with self._database.write() as connection:
            request = self._of_link(connection, token, now, lock=True)
            return act(connection, request, Action.REQUESTER_CLOSE, "", now)

    def reopen(self, token: str, now: datetime, text: str = "") -> Ticket:
        """Open a solved request again because it is not solved for the requester.

        Raises:
            NotFound: no request has this link, or it was closed too long ago.
            TransitionRefused: it is not solved.
            InvalidInput: the text is too long.
        """
        with self._database.write() as connection:
            request = self._of_link(connection, token, now, lock=True)
            return act(connection, request, Action.REOPEN, text, now)

    def rate(self, token: str, stars: int, comment: str, now: datetime) -> Ticket:
        """Keep how the requester was served; the first answer counts, and a second one changes nothing.

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
        with self._database.write() as connection:
            request = self._of_link(connection, token, now, lock=True)
            return rate(connection, request, stars, comment, now)
