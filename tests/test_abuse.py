"""What strangers may try with forms, mails and limits: none of it gets further than it should."""

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from portal.letters import Letters
from portal.library import PLACEHOLDER, parse
from portal.sending import Sending, request_of
from portal.services import Services
from portal.storage import outbox
from portal.storage.schema import metadata
from portal.tickets import Status
from portal.transports import FolderTransport
from tests.builders import NOW, ticket
from tests.conftest import hidden

LETTERS = Letters("https://help.example.org", "Help", "UTC")
TOKEN = "a" * 64
BAIT = "Your account is blocked, sign in at https://evil.example/login or evil.example or www.evil.test now"


@pytest.mark.parametrize("language", ["en", "fr", "de", "ru"])
def test_a_form_that_mails_strangers_does_not_advertise(language: str) -> None:
    """No address that anybody typed as query or subject stands in a mail, neither in its subject nor in its parts."""
    mails = [
        LETTERS.confirm_subscription("a@example.org", language, BAIT, TOKEN),
        LETTERS.received(ticket(subject=BAIT, language=language, requester_name="Anna"), TOKEN),
        LETTERS.answered("a@example.org", language, BAIT, "Reset", language, "/en/articles/reset-password", TOKEN),
    ]

    for mail in mails:
        assert "evil" not in mail.subject + mail.text + mail.html


def test_names_of_files_stay_in_subjects() -> None:
    """A request about `report.docx` is still told by its subject."""
    assert "report.docx" in LETTERS.received(ticket(subject="report.docx does not open"), TOKEN).subject


def test_a_mail_that_is_gone_leaves_no_link(portal_services: Services) -> None:
    """Neither its text nor its headers, where the link for stopping is."""
    mail = LETTERS.confirm_subscription("a@example.org", "en", "vpn", TOKEN)
    with portal_services.database.write() as connection:
        outbox.add(connection, mail, "key", NOW)

    portal_services.delivery.deliver(NOW)

    with portal_services.database.read() as connection:
        left = str(connection.execute(metadata.tables["outbox"].select()).all())
    assert "sent" in left
    assert TOKEN not in left


def test_one_customers_network_is_one_sender(reader: FlaskClient) -> None:
    """All of an IPv6 /64 share a limit, as one IPv4 address does; another network has its own."""
    fields = {"name": "Anna", "email": "anna@example.org", "description": "It does not print.", "suggested": "1"}

    def send(address: str) -> int:
        where = {"REMOTE_ADDR": address}
        stamp = hidden(reader.get("/en/requests/new", environ_base=where).text, "stamp")
        return reader.post("/en/requests/new", data={**fields, "stamp": stamp}, environ_base=where).status_code

    sent = [send(f"2001:db8:1:2::{number:x}") for number in range(1, 33)]

    assert sent == [303] * 30 + [429] * 2
    assert send("2001:db8:1:3::1") == 303


def test_mails_in_the_folder_are_forgotten_too(tmp_path: Path) -> None:
    """In time, and those to somebody at once."""
    folder = FolderTransport(tmp_path / "mail")
    for recipient in ("anna@example.org", "boris@example.org"):
        message = EmailMessage()
        message["To"] = f"Somebody <{recipient}>"
        message["From"], message["Subject"] = "support@example.org", "Hello"
        message.set_content("A private link.")
        folder.send(message, recipient)
    soon = (NOW + timedelta(days=36_500)).timestamp()

    assert folder.forget(0, "Anna@example.org") == 1
    assert [folder.forget(0), folder.forget(soon), folder.forget(soon)] == [0, 1, 0]


@pytest.mark.parametrize(
    ("first", "subject"),
    [
        ("Bonjour,", "L’imprimante clignote"),
        ("Здравствуйте!", "L’imprimante clignote"),
        ("Guten Tag Frau Müller,", "L’imprimante clignote"),
        ("Hello, my printer blinks.", "Hello, my printer blinks."),
        ("Hi team", "L’imprimante clignote"),
    ],
)
def test_a_greeting_is_no_subject(first: str, subject: str) -> None:
    """The first line that says something is."""
    sent = Sending("Anna", "anna@example.org", "", f"{first}\n\nL’imprimante clignote", "fr")

    assert request_of(sent, Status.NEW, NOW).subject == subject


def test_a_draft_that_nobody_filled_in_is_not_published() -> None:
    """As a draft it may stay; published it is an error, with its line."""
    text = f'---\ntitle: "A"\ntopic: devices\nupdated: 2026-01-01\nstatus: {{}}\n---\n\n{PLACEHOLDER}\n\nWrite here.\n'

    draft = parse(text.format("draft").encode(), "en", "a", "en/a.md")
    published = parse(text.format("published").encode(), "en", "a", "en/a.md")

    assert draft.problems == ()
    assert published.article is None
    assert [(problem.code, problem.line) for problem in published.problems] == [("draft-placeholder", 8)]
