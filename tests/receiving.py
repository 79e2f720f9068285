"""What the tests of mails that come in share: an inbox, mails from Anna, and what the database says of them."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from portal.delivery import Delivery
from portal.desk.inbox import Inbox
from portal.inbox_letters import InboxLetters
from portal.reply_address import ReplyAddress
from portal.requests import Requests
from portal.storage import Database, outbox, schema
from portal.storage import tickets as store
from portal.tickets import Event, Ticket
from portal.transports import transport
from tests.asking import gaps
from tests.builders import NOW, ticket

MAILS = Path(__file__).parent / "mails"
SECRET = b"s" * 32
SENDER = "support@help.example.org"
ADDRESSES = ReplyAddress(SECRET, SENDER)
LETTERS = InboxLetters("https://help.example.org", "Help", "Europe/Berlin", ADDRESSES)
LATER = NOW + timedelta(hours=1)


class Case:
    """A supplier whose case is 7."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, str, str, str]] = []
        self.automatic: list[bool] = []
        self.reference: int | None = None

    def receive(
        self,
        connection: Any,
        case_id: int,
        token: str,
        sender: str,
        text: str,
        now: datetime,
        refs: Any = (),
        *,
        is_automatic: bool = False,
    ) -> bool:
        """Take what is for the case."""
        self.taken.append((case_id, token, sender, text))
        self.automatic.append(is_automatic)
        return case_id == 7

    def by_reference(self, connection: Any, sender: str, subject: str) -> int | None:
        """The case of a reference."""
        return self.reference


def inbox_on(database: Database, url: str = "console:", **changes: Any) -> Inbox:
    """The inbox of a database."""
    requests = Requests(database, SECRET, LETTERS, gaps(database), 90, "help.example.org")
    delivery = Delivery(database, transport(url, Path("unused")), SENDER, "Help")
    return Inbox(database, requests, LETTERS, ADDRESSES, delivery, "en", "help.example.org", **changes)


def raw(text: str = "Der Drucker druckt nicht mehr.", **headers: str) -> bytes:
    """A mail from Anna."""
    known = {
        "From": "Anna Kühn <anna@example.org>",
        "To": SENDER,
        "Subject": "Drucker",
        "Message-ID": "<a1@mail.example.org>",
    }
    lines = {**known, **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\n" for name, value in lines.items() if value)
    return f"{head}Content-Type: text/plain; charset=utf-8\n\n{text}\n".encode()


def mails(database: Database) -> list[Any]:
    """The outbox, oldest first."""
    with database.read() as connection:
        return list(connection.execute(select(schema.outbox).order_by(schema.outbox.c.id)))


def history(database: Database, number: int) -> list[Event]:
    """The events of a ticket."""
    with database.read() as connection:
        return store.history(connection, number)


def request_in(database: Database, **changes: Any) -> Ticket:
    """A request of Anna's, with one mail to her."""
    made = ticket(requester_email="anna@example.org", requester_name="Anna Kühn", language="de", **changes)
    with database.write() as connection:
        made = replace(made, id=store.create(connection, made) or 0)
        if made.requester_email:
            letter = LETTERS.received(made, "t" * 64)
            outbox.add(connection, letter, f"received-{made.id}", NOW, ticket_id=made.id, domain="help.example.org")
    return made
