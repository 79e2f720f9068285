"""What the tests of delivery share: mails written into the outbox, sent to a server, and where they are."""

from collections import Counter
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from portal.delivery import Delivery
from portal.storage import Database, outbox
from portal.storage import tickets as store
from portal.storage.outbox import State
from portal.storage.schema import outbox as table
from portal.transports import SmtpTransport
from tests.builders import NOW, ticket
from tests.mailing import SENDER, MailServer, mail

MINUTE = timedelta(minutes=1)


def delivery(database: Database, server: MailServer, timeout: float = 10.0) -> Delivery:
    """A delivery to a server."""
    return Delivery(database, SmtpTransport(server.url, timeout), SENDER, "Help")


def write(database: Database, *recipients: str, ticket_id: int | None = None, **changes: Any) -> list[str]:
    """Write a mail for each recipient; their message ids."""
    with database.write() as connection:
        ids = [
            outbox.add(connection, mail(recipient=name, **changes), f"key-{name}", NOW, ticket_id=ticket_id, domain="example.org")
            for name in recipients
        ]  # fmt: skip
    assert None not in ids
    return [made for made in ids if made]


def request(database: Database, **changes: Any) -> int:
    """A stored request."""
    with database.write() as connection:
        return store.create(connection, ticket(**changes)) or 0


def states(database: Database) -> Counter[State]:
    """How many mails are where."""
    with database.read() as connection:
        return Counter(posted.state for posted in outbox.newest(connection))


def texts(database: Database) -> set[str]:
    """All texts in the outbox."""
    with database.read() as connection:
        return {text for row in connection.execute(select(table.c.text, table.c.html)) for text in row}
