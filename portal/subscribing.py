"""Subscribing: whoever asked in vain is told once, in their language, when there is an answer."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from portal import keys
from portal.errors import NotFound
from portal.gaps import Gaps
from portal.letters import Letters
from portal.lifecycle import apply
from portal.people import clean_email
from portal.storage import Database, links, merging, outbox
from portal.storage import subscriptions as store
from portal.storage import tickets as ticket_store
from portal.storage.subscriptions import Subscription
from portal.tickets import PROVEN, SYSTEM, UNSOLVED, Action, Kind, Ticket

#: Confirmations that one address is sent in a day (UTC), for whatever gaps, so that nobody floods a stranger's mailbox.
CONFIRMATIONS = 3
#: A second wish for the same gap within this time is a second click, not a lost mail.
SECOND_CLICK = timedelta(minutes=10)
#: How long an address is kept after its gap has ended without an answer.
KEEP_ENDED = timedelta(days=30)


class Subscriptions:
    """Who wants to be told of an answer.

    Args:
        database: where they are.
        secret: key that the links are derived from.
        letters: that are sent.
        gaps: that are asked about.
        mail_domain: of the mails' numbers.
    """

    def __init__(self, database: Database, secret: bytes, letters: Letters, gaps: Gaps, mail_domain: str) -> None:
        self._database = database
        self._secret = secret
        self._letters = letters
        self._gaps = gaps
        self._domain = mail_domain

    def subscribe(self, gap_id: int, email: str, language: str, now: datetime) -> None:
        """Ask the owner of an address whether they want to be told of the answer to a gap.

        A gap that does not exist, one that was closed otherwise than by an article, an address that has subscribed
        already and one that has had its share of mails are not told apart from the others.

        Args:
            gap_id: number of the gap.
            email: as typed.
            language: that they are written to in.
            now: aware, UTC.

        Raises:
            InvalidInput: it is no address.
        """
        email = clean_email(email)
        with self._database.write() as connection:
            token = self._token_in_force(connection, gap_id, email)
            gap = _gap(connection, gap_id)
            # Written in any case, so that the times differ by little; a mail of its own is needed to measure them.
            mail = self._letters.confirm_subscription(email, language, gap.query if gap else "", token)
            if gap is None or not (gap.status in UNSOLVED or gap.resolution in PROVEN):
                return
            is_new = store.add(connection, gap.id, email, language, token, now)
            if not is_new and not store.renew(connection, token, language, now, now - SECOND_CLICK):
                return
            share = self._mac("confirmations", email.lower(), now.date().isoformat())[:32]
            for number in range(CONFIRMATIONS):
                if outbox.add(connection, mail, f"confirm-{share}-{number}", now, domain=self._domain) is not None:
                    return

    def token(self, gap_id: int, email: str) -> str:
        """The token of a subscription's link: 256 bits that nobody can guess, kept nowhere."""
        return self._mac("subscription", str(gap_id), email)

    def _mac(self, *parts: str) -> str:
        """A keyed hash."""
        return keys.mac(self._secret, "\0".join(parts).encode()).hex()

    def _token_in_force(self, connection: Connection, gap_id: int, email: str) -> str:
        """The token of a subscription: the one that it was made with before the secret was changed, if it was."""
        token, *earlier = (each.hex() for each in keys.macs(self._secret, f"subscription\0{gap_id}\0{email}".encode()))
        return next((old for old in earlier if store.by_token(connection, old)), token)

    def look(self, token: str) -> Subscription | None:
        """What a link leads to, unchanged; None where nothing more will be sent."""
        with self._database.read() as connection:
            return store.by_token(connection, token)

    def confirm(self, token: str, now: datetime) -> Subscription | None:
        """The owner of the address says yes; where the answer is there by now, it is sent at once.

        Returns:
            What was confirmed, now or before; None where nothing more will be sent.
        """
        with self._database.write() as connection:
            found = store.by_token(connection, token)
            if found is None:
                return None
            # Whoever closes the gap locks it first as well: the answer is sent either here or there.
            gap = ticket_store.get(connection, found.gap_id, lock=True)
            found = store.by_token(connection, token)
            if found is None:
                return None
            if store.confirm(connection, found.id, now):
                self._gaps.press(connection, gap.id, now)
                found = replace(found, confirmed_at=now)
            if (answer := _answer(connection, gap)) is not None:
                slug, titles = answer
                self._send(connection, found, slug, titles, gap.language, now)
            return found

    def stop(self, token: str) -> bool:
        """Send nothing more; whether there was anything to stop. Once is as good as twice."""
        with self._database.write() as connection:
            found = store.by_token(connection, token)
            return found is not None and store.remove(connection, found.id)

    def tell(
        self,
        connection: Connection,
        gap: Ticket,
        slug: str,
        title: str,
        article_language: str,
        now: datetime,
        titles: Mapping[str, str] | None = None,
    ) -> int:
        """Tell everybody who waits for the answer to a gap, each once, in their own language.

        Subscribers get a mail and are forgotten; requests that came from the gap and are not solved get a line in
        their history and a mail.

        Args:
            connection: of the write transaction that closes the gap and has it locked.
            gap: that is closed.
            slug: of the article that answers it.
            title: of the article, in `article_language`.
            article_language: the gap's.
            now: aware, UTC.
            titles: of the article in every language that it exists in.

        Returns:
            How many were told.
        """
        known = {article_language: title, **(titles or {})}
        waiting = store.confirmed(connection, gap.id)
        told = sum(self._send(connection, found, slug, known, article_language, now) for found in waiting)
        asked = ticket_store.find(connection, ticket_store.Filter(kind=Kind.REQUEST, gap_id=gap.id), limit=1000)
        return told + sum(self._tell(connection, found.id, slug, known, article_language, now) for found in asked)

    def _send(
        self,
        connection: Connection,
        found: Subscription,
        slug: str,
        titles: Mapping[str, str],
        first: str,
        now: datetime,
    ) -> bool:
        """Send a subscriber the answer and forget them; False where another process has."""
        if not store.remove(connection, found.id):
            return False
        language = found.language if found.language in titles else first
        token = self.token(found.gap_id, found.email)
        path = f"/{found.language}/articles/{slug}"
        mail = self._letters.answered(found.email, found.language, found.query, titles[language], language, path, token)
        # One key for each wish: who subscribes again later is told again.
        moment = int((found.confirmed_at or now).timestamp())
        key = f"answered-{store.token_hash(token)[:40]}-{moment}"
        outbox.add(connection, mail, key, now, domain=self._domain)
        return True

    def _tell(
        self, connection: Connection, number: int, slug: str, titles: Mapping[str, str], first: str, now: datetime
    ) -> bool:
        """Tell a requester that an article may answer them; False where they know, or need it no more."""
        asked = ticket_store.get(connection, number, lock=True)
        history = ticket_store.history(connection, number)
        knows = any(event.action is Action.TELL and event.details.get("slug") == slug for event in history)
        if asked.status not in UNSOLVED or knows:
            return False
        changed, event = apply(asked, Action.TELL, now, SYSTEM)
        language = asked.language if asked.language in titles else first
        details = {"slug": slug, "language": language, "title": titles[language]}
        ticket_store.save(connection, changed)
        ticket_store.record(connection, number, replace(event, details=details))
        token = secrets.token_hex(32)
        links.add(connection, token, number, now)
        mail = self._letters.told(changed, titles[language], language, f"/{asked.language}/articles/{slug}", token)
        outbox.add(connection, mail, f"told-{number}-{asked.version}", now, ticket_id=number, domain=self._domain)
        return True

    def purge(self, now: datetime, days: int = 7, *, dry_run: bool = False) -> int:
        """Forget the addresses that nobody has confirmed for some days, and those whose gap ended unanswered.

        Returns:
            How many, also where nothing is done.
        """
        with self._database.write() as connection:
            numbers = store.stale(connection, now - timedelta(days=days), now - KEEP_ENDED)
            return len(numbers) if dry_run else sum(store.remove(connection, number) for number in numbers)


def _gap(connection: Connection, number: int) -> Ticket | None:
    """A gap that somebody can wait for; None for anything else."""
    try:
        found = merging.master(connection, ticket_store.get(connection, number))
    except NotFound:
        return None
    return found if found.kind in {Kind.GAP, Kind.TRANSLATION} else None


def _answer(connection: Connection, gap: Ticket) -> tuple[str, dict[str, str]] | None:
    """The article that has closed a gap: slug, and titles by language; None while it is not closed by one."""
    if gap.status in UNSOLVED or gap.resolution not in PROVEN:
        return None
    for event in reversed(ticket_store.history(connection, gap.id)):
        if event.action is Action.SOLVE and "titles" in event.details:
            return event.details["slug"], json.loads(event.details["titles"])
    return None
