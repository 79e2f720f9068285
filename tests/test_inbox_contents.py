"""What mails hold, on every database: attachments, nothing, too much, and what is not kept."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from portal.desk.inbox import Inbox, Outcome, Taken
from portal.inbound import MAX_BYTES
from portal.storage import Database
from tests.asking import ticket_of
from tests.builders import NOW, ticket
from tests.postgres import database_at
from tests.receiving import ADDRESSES, LATER, LETTERS, MAILS, history, inbox_on, mails, raw
from tests.requesting import count


def test_attachments_are_declined_with_a_word(database: Database) -> None:
    """The text names them, and the mail says so in the sender's language, for a reply as well, once a day."""
    inbox = inbox_on(database)
    content = (MAILS / "attachments.eml").read_bytes()

    taken = inbox.receive(content, NOW)
    number = taken.ticket_id or 0
    to = f"To: {ADDRESSES.of(number)}".encode()
    for step in range(2):
        inbox.receive(content.replace(b"To: support@help.example.org", to).replace(b"<a1@", b"<r%d@" % step), LATER)

    found = ticket_of(database, number)
    assert found.description == "See the files.\n\n[Attachments that were not taken: Отчёт.pdf, Grüße.txt, passwd]"
    confirmation, answer = mails(database)
    assert "Отчёт.pdf, Grüße.txt, passwd" in " ".join(confirmation.text.split())
    assert confirmation.key.startswith("received-")
    assert "has become part of your request" in answer.text
    assert "Отчёт.pdf" in history(database, number)[-1].text


def test_names_of_attachments_advertise_nothing() -> None:
    """Whoever forges a sender cannot have us write addresses to strangers; names of files are told."""
    names = [
        "Отчёт (1).pdf",
        "photo.HEIC",
        "evil.example.com",
        "www.evil.pdf",
        "me@evil.example",
        "https://evil.example",
    ]

    mail = LETTERS.received_without(ticket(requester_email="anna@example.org"), "t" * 64, names)
    large = LETTERS.too_large("anna@example.org", "en", "Buy at www.evil.example today")

    assert "Отчёт (1).pdf, photo.HEIC, …" in " ".join(mail.text.split())
    assert "evil" not in mail.text + mail.html + large.text + large.html + large.subject


def test_a_mail_with_attachments_only_is_a_request(database: Database) -> None:
    """An encrypted mail says nothing else; its sender learns that nobody can read it."""
    taken = inbox_on(database).receive((MAILS / "smime-encrypted.eml").read_bytes(), NOW)

    found = ticket_of(database, taken.ticket_id or 0)
    assert (found.subject, found.description) == ("Secret", "Secret\n\n[Attachments that were not taken: smime.p7m]")


@pytest.mark.parametrize(
    ("name", "outcome"), [("empty-all", Outcome.EMPTY), ("no-from", Outcome.REFUSED), ("no-headers", Outcome.REFUSED)]
)
def test_what_is_nothing_causes_nothing(database: Database, name: str, outcome: Outcome) -> None:
    """Without words or without a sender there is nobody to help."""
    assert inbox_on(database).receive((MAILS / f"{name}.eml").read_bytes(), NOW) == Taken(outcome)
    assert count(database, "tickets") == count(database, "outbox") == 0


def test_a_mail_without_words_but_with_a_subject_is_a_request(database: Database) -> None:
    """The subject is all that there is to say."""
    taken = inbox_on(database).receive((MAILS / "empty-body.eml").read_bytes(), NOW)

    assert ticket_of(database, taken.ticket_id or 0).description == "Printer"


def test_a_mail_that_is_too_large_is_declined_once_a_day(database: Database) -> None:
    """Politely, in the sender's language; an automaton is not told."""
    inbox, padding = inbox_on(database), "x" * MAX_BYTES
    subject = "=?utf-8?Q?Der_Drucker_druckt_nicht?="

    outcomes = [
        inbox.receive(raw(padding, Subject=subject, Message_ID=f"<{number}@x.example>"), NOW).outcome
        for number in range(3)
    ]
    automatic = inbox.receive(raw(padding, Precedence="bulk", From="b@example.net", Message_ID="<b@example.net>"), NOW)

    assert outcomes == [Outcome.TOO_LARGE] * 3
    assert automatic.outcome is Outcome.AUTOMATIC
    (mail,) = mails(database)
    assert (mail.recipient, mail.language, count(database, "tickets")) == ("anna@example.org", "de", 0)
    assert "Der Drucker druckt nicht" in mail.text


def test_long_texts_are_cut_where_it_is_seen(database: Database) -> None:
    """Neither a request nor a reply is refused because somebody writes much."""
    inbox = inbox_on(database)

    taken = inbox.receive(raw("Wort " * 20_000, Subject="S" * 900, From=f"{'N' * 300} <anna@example.org>"), NOW)
    number = taken.ticket_id or 0
    inbox.receive(raw("Wort " * 20_000, To=ADDRESSES.of(number), Message_ID="<b@example.org>"), LATER)

    found, reply = ticket_of(database, number), history(database, number)[-1].text
    assert len(found.description) <= 5_000
    assert len(reply) <= 10_000
    assert found.description.endswith("\n[…]")
    assert reply.endswith("\n[…]")


def test_private_links_do_not_get_into_texts(database: Database) -> None:
    """Who forwards a mail of ours forwards its proofs; a ticket keeps none."""
    text = f"Siehe https://help.example.org/de/requests/{'a1' * 32} und {ADDRESSES.of(3)}."

    taken = inbox_on(database).receive(raw(text), NOW)

    stored = ticket_of(database, taken.ticket_id or 0).description
    assert stored == "Siehe https://help.example.org/de/requests/… und support+…@help.example.org."


@pytest.mark.parametrize("name", sorted(path.stem for path in MAILS.glob("*.eml")))
def test_every_shape_is_taken(tmp_path: Path, name: str, small: Inbox) -> None:
    """No mail of the corpus is refused by the database or the rules of requests."""
    content = (MAILS / f"{name}.eml").read_bytes()

    assert small.receive(content, NOW).outcome in set(Outcome)


@pytest.fixture
def small(tmp_path: Path) -> Inbox:
    """An inbox on a database of its own."""
    return _inbox_of(tmp_path)


def _inbox_of(folder: Path) -> Inbox:
    """An inbox on a new SQLite database."""
    return inbox_on(database_at(folder / "inbox.db"))


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Inbox:
    """An inbox that many mails go into."""
    return _inbox_of(tmp_path_factory.mktemp("inbox"))


@examples(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(max_size=20), subject=st.text(max_size=60), text=st.text(max_size=200), number=st.integers(0, 2**40),
)  # fmt: skip
def test_any_text_is_taken(lasting: Inbox, name: str, subject: str, text: str, number: int) -> None:
    """Whatever people write, the mail is not handed over again for ever."""
    encoded = [
        part.encode("utf-8", "surrogatepass").replace(b"\n", b" ").replace(b"\r", b" ") for part in (name, subject)
    ]
    content = b"From: %s <anna%d@example.org>\nSubject: %s\n\n%s" % (
        encoded[0],
        number,
        encoded[1],
        text.encode("utf-8", "surrogatepass"),
    )

    assert lasting.receive(content, NOW).outcome in set(Outcome)
