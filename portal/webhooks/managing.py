"""Webhooks are added, changed, tried and removed: checked as a whole, audited, in one transaction each."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from portal.announcements import TEST, About
from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket
from portal.locales import CODES
from portal.people import Person, Right, may
from portal.storage import Database, announcing, audit
from portal.storage import webhooks as store
from portal.storage.announcing import State
from portal.storage.audit import Entry
from portal.storage.webhooks import Delivery, Webhook
from portal.webhooks import signing, targets
from portal.webhooks.signing import Salts
from portal.webhooks.targets import Rules

#: Longest name, in characters, and how many webhooks there may be.
NAME_LENGTH, MOST = 100, 50
#: What they are called in the audit log.
SUBJECT = "webhook"


class Webhooks:
    """The use cases of administering webhooks.

    Args:
        database: where they are.
        secret: of the instance, from which their keys follow.
        rules: where they may lead.
    """

    def __init__(self, database: Database, secret: bytes, rules: Rules) -> None:
        self._database = database
        self._secret = secret
        self.rules = rules

    def everything(self) -> list[Webhook]:
        """All webhooks by name."""
        with self._database.read() as connection:
            return store.everything(connection)

    def counts(self) -> dict[int, dict[State, int]]:
        """How many deliveries of each are where."""
        with self._database.read() as connection:
            return store.counts(connection)

    def get(self, number: int) -> Webhook:
        """One webhook.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as connection:
            return _there(store.get(connection, number))

    def faults(self, webhook: Webhook) -> dict[str, str]:
        """Everything that is wrong with a webhook, as the code of the broken rule by field."""
        found: dict[str, str] = {}
        name = webhook.name.strip()
        if not name or len(name) > NAME_LENGTH or not name.isprintable():
            found["name"] = "missing" if not name else "too_long" if len(name) > NAME_LENGTH else "invalid"
        try:
            targets.read(webhook.url, self.rules)
        except InvalidInput as error:
            found["url"] = error.code
        if not webhook.events:
            found["events"] = "missing"
        if not set(webhook.languages) <= set(CODES):
            found["languages"] = "invalid"
        return found

    def _clean(self, webhook: Webhook) -> Webhook:
        """A webhook with its texts tidied.

        Raises:
            InvalidInput: for the first thing that is wrong.
        """
        for field, code in self.faults(webhook).items():
            raise InvalidInput(field, code)
        languages = tuple(code for code in CODES if code in webhook.languages)
        # All four are the same as no choice.
        languages = () if len(languages) == len(CODES) else languages
        # A name of another script is kept and shown as it is called.
        url = webhook.url.strip()
        url = url if url.isascii() else targets.read(url, self.rules).url
        return replace(webhook, name=webhook.name.strip(), url=url, languages=languages)

    def add(self, by: Person | None, webhook: Webhook, now: datetime, actor_name: str = "portal") -> Webhook:
        """Add a webhook with a key of its own.

        Args:
            by: who does it; None for the command line.
            webhook: without a number.
            now: aware, UTC.
            actor_name: what stands for a name where there is nobody.

        Raises:
            NotAllowed: they have no right to.
            InvalidInput: see `faults`; or there are `too_many`.
        """
        _let(by)
        webhook = replace(self._clean(webhook), salt=str(Salts.make()), failing_since=None, version=1)
        with self._database.write() as connection:
            if len(store.everything(connection)) >= MOST:
                raise InvalidInput("name", "too_many")
            made = replace(webhook, id=store.add(connection, webhook, now))
            audit.record(connection, now, by, "add", SUBJECT, made.id, {}, _plain(made), actor_name=actor_name)
            return made

    def change(self, by: Person | None, webhook: Webhook, now: datetime, actor_name: str = "portal") -> Webhook:
        """Change name, address, events, languages, or whether it is told at all; see `add`.

        Raises:
            NotFound: it is not there any more.
            StaleTicket: somebody has changed it since it was read.
        """
        _let(by)
        webhook = self._clean(webhook)
        with self._database.write() as connection:
            before = _there(store.get(connection, webhook.id, lock=True))
            if before.version != webhook.version:
                raise StaleTicket(f"webhook {webhook.id} has changed")
            # Another address, or one that is turned on again, has not failed yet.
            begins = before.url != webhook.url or (webhook.is_active and not before.is_active)
            wanted = replace(
                webhook,
                salt=before.salt,
                failing_since=None if begins else before.failing_since,
                version=before.version,
            )
            if wanted == before:
                return before
            store.save(connection, wanted)
            audit.record(
                connection,
                now,
                by,
                "change",
                SUBJECT,
                webhook.id,
                _plain(before),
                _plain(wanted),
                actor_name=actor_name,
            )
            return replace(wanted, version=wanted.version + 1)

    def remove(self, by: Person | None, number: int, now: datetime, actor_name: str = "portal") -> None:
        """Delete a webhook with its log.

        Raises:
            NotAllowed: they have no right to.
            NotFound: it is not there any more.
        """
        _let(by)
        with self._database.write() as connection:
            before = _there(store.get(connection, number, lock=True))
            store.remove(connection, number)
            audit.record(connection, now, by, "remove", SUBJECT, number, _plain(before), {}, actor_name=actor_name)

    def reveal(self, by: Person | None, number: int, now: datetime, actor_name: str = "portal") -> str:
        """The key that a receiver checks signatures with; that somebody has looked is recorded.

        Raises:
            NotAllowed: they have no right to.
            NotFound: there is no such webhook.
        """
        _let(by)
        with self._database.write() as connection:
            webhook = _there(store.get(connection, number))
            audit.record(connection, now, by, "reveal", SUBJECT, number, {}, {}, actor_name=actor_name)
        return self.key_of(webhook)

    def key_of(self, webhook: Webhook) -> str:
        """The key of a webhook, as receivers are given it."""
        return signing.shown(signing.key(self._secret, Salts.read(webhook.salt).new))

    def rotate(self, by: Person | None, number: int, now: datetime, actor_name: str = "portal") -> str:
        """Give a webhook a new key; the one before signs, too, for a day. The new one.

        Raises:
            NotAllowed: they have no right to.
            NotFound: there is no such webhook.
        """
        _let(by)
        with self._database.write() as connection:
            before = _there(store.get(connection, number, lock=True))
            changed = replace(before, salt=str(Salts.read(before.salt).change(now)))
            store.save(connection, changed)
            audit.record(connection, now, by, "new_secret", SUBJECT, number, {}, {}, actor_name=actor_name)
        return self.key_of(changed)

    def test(self, by: Person | None, number: int, now: datetime) -> int:
        """Put an event of its own into the outbox of a webhook, also of one that is turned off; the delivery's number.

        Raises:
            NotAllowed: they have no right to.
            NotFound: there is no such webhook.
        """
        _let(by)
        with self._database.write() as connection:
            _there(store.get(connection, number, lock=True))
            return announcing.test(connection, number, now)

    def replay(self, by: Person | None, delivery: int, now: datetime, actor_name: str = "portal") -> Delivery:
        """Tell something once more, with the same id.

        Raises:
            NotAllowed: they have no right to.
            NotFound: there is no such delivery.
            InvalidInput: its webhook is `off`, and would be told of it when it is on again.
        """
        _let(by)
        with self._database.write() as connection:
            found = self._delivery(connection, delivery)
            webhook = _there(store.get(connection, found.webhook_id, lock=True))
            if not webhook.is_active and found.event != TEST:
                raise InvalidInput("delivery", "off")
            store.again(connection, found.id, now)
            audit.record(
                connection,
                now,
                by,
                "replay",
                SUBJECT,
                found.webhook_id,
                {},
                {"delivery": found.id},
                actor_name=actor_name,
            )
            return found

    def delivery(self, number: int) -> Delivery:
        """One delivery.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as connection:
            return self._delivery(connection, number)

    @staticmethod
    def _delivery(connection: Connection, number: int) -> Delivery:
        """One delivery."""
        found = store.delivery(connection, min(number, 2**31 - 1))
        if found is None:
            raise NotFound("no such delivery")
        return found

    def deliveries(
        self, number: int | None = None, state: State | None = None, before: int | None = None, limit: int = 50
    ) -> list[Delivery]:
        """Deliveries, newest first; of one webhook, in one state, older than another one, or all."""
        with self._database.read() as connection:
            return store.newest(connection, number, state, before, limit)

    def since(self, webhook: Webhook) -> list[Entry]:
        """What others have made of a webhook since it was read, newest first."""
        with self._database.read() as connection:
            return audit.newest(connection, SUBJECT, limit=5, key=webhook.id)


def _let(by: Person | None) -> None:
    """Refuse who may not."""
    if by is not None and not may(by, Right.ADMINISTER):
        raise NotAllowed(f"{by.email} may not set up webhooks")


def _there(found: Webhook | None) -> Webhook:
    """A webhook that is there."""
    if found is None:
        raise NotFound("no such webhook")
    return found


def _plain(webhook: Webhook) -> dict[str, Any]:
    """What the audit log keeps of a webhook: neither its salt, nor what only the machinery knows, nor a token in its query."""
    return {
        "name": webhook.name,
        "url": _address(webhook.url),
        "events": [about.value for about in About if about in webhook.events],
        "languages": list(webhook.languages),
        "is_active": webhook.is_active,
    }


def _address(url: str) -> str:
    """An address without its query, in which there may be a token."""
    return re.split(r"[?#]", url, maxsplit=1)[0]
