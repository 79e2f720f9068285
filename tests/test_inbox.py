"""Mails become requests or nothing, on every database: once each, and never in a loop."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from portal.desk import inbox as inboxes
from portal.desk.inbox import REQUESTS_AT_MOST, Outcome, Taken
from portal.requests import RECEIVED_A_DAY
from portal.storage import Database, links, schema
from portal.tickets import Action, Kind, Status
from tests.asking import rows, ticket_of
from tests.builders import NOW
from tests.receiving import ADDRESSES, LATER, MAILS, SENDER, inbox_on, mails, raw, request_in
from tests.requesting import count, events, in_processes


def test_a_mail_becomes_a_request(database: Database) -> None:
    """With name, subject, text and the language that it is written in; its sender is mailed a link in that language."""
    taken = inbox_on(database).receive(raw(Subject="Re: [#99] Drucker"), NOW)

    found = ticket_of(database, taken.ticket_id or 0)
    assert taken.outcome is Outcome.CREATED
    assert (found.kind, found.status, found.channel, found.language) == (Kind.REQUEST, Status.NEW, "mail", "de")
    assert (found.subject, found.description) == ("Drucker", "Der Drucker druckt nicht mehr.")
    assert (found.requester_name, found.requester_email) == ("Anna Kühn", "anna@example.org")
    (mail,) = mails(database)
    assert (mail.recipient, mail.language) == ("anna@example.org", "de")
    assert mail.headers["Reply-To"] == ADDRESSES.of(found.id)
    assert "antworten" in mail.text
    token = mail.text.split("/de/requests/")[1][:64]
    with database.read() as connection:
        assert links.request(connection, token).id == found.id


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The printer does not work.", "en"),
        ("L’imprimante ne marche pas.", "fr"),
        ("Der Drucker geht nicht.", "de"),
        ("Принтер не работает.", "ru"),
        ("12345", "en"),
    ],
)
def test_each_is_answered_in_their_language(database: Database, text: str, language: str) -> None:
    """Recognised from the text, else the default."""
    taken = inbox_on(database).receive(raw(text, Subject="HP 4200"), NOW)

    assert ticket_of(database, taken.ticket_id or 0).language == language


def test_the_same_mail_twice_is_taken_once(database: Database) -> None:
    """By its number and sender, or, without a number, by all of it."""
    inbox = inbox_on(database)

    first, again = inbox.receive(raw(), NOW), inbox.receive(raw("Changed on its way."), LATER)
    bare, same = inbox.receive(raw(Message_ID=""), NOW), inbox.receive(raw(Message_ID=""), LATER)
    other = inbox.receive(raw(From="bob@example.net"), NOW)

    assert again == Taken(Outcome.DUPLICATE, first.ticket_id)
    assert same == Taken(Outcome.DUPLICATE, bare.ticket_id)
    assert other.outcome is Outcome.CREATED
    assert count(database, "tickets") == 3


def _take(url: str, content: bytes, start: Any, results: Any) -> None:
    """Take a mail in a process of its own."""
    database = Database(url)
    start.wait(300)
    results.put(inbox_on(database).receive(content, NOW).outcome.value)
    database.close()


def test_a_mail_in_four_processes_at_once_is_taken_once(database: Database) -> None:
    """Whichever comes first; the others see that."""
    outcomes = in_processes(_take, database.url, raw())

    assert sorted(outcomes) == ["created", "duplicate", "duplicate", "duplicate"]
    assert count(database, "tickets") == count(database, "outbox") == 1


def test_a_mail_that_could_not_be_taken_is_taken_later(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks off leaves nothing behind, also not that it was here."""
    inbox = inbox_on(database)
    with monkeypatch.context() as broken:
        broken.setattr(inbox, "_create", lambda *_: (_ for _ in ()).throw(OperationalError("", {}, Exception())))
        with pytest.raises(OperationalError):
            inbox.receive(raw(), NOW)
    assert rows(database, schema.received) == rows(database, schema.tickets) == 0

    assert inbox.receive(raw(), NOW).outcome is Outcome.CREATED


@pytest.mark.parametrize("name", sorted(path.stem for path in MAILS.glob("auto-*.eml")))
def test_automata_cause_nothing(database: Database, name: str) -> None:
    """No request, no reply, no mail: also not where they answer a request of ours."""
    request = request_in(database)
    content = (
        (MAILS / f"{name}.eml")
        .read_bytes()
        .replace(b"To: support@help.example.org", f"To: {ADDRESSES.of(request.id)}".encode(), 1)
    )

    taken = inbox_on(database).receive(content, LATER)

    assert taken.outcome in {Outcome.AUTOMATIC, Outcome.BOUNCE}
    assert (count(database, "tickets"), count(database, "outbox"), count(database, "events")) == (1, 1, 0)


def test_our_own_mails_cause_nothing(database: Database) -> None:
    """Neither what we sent, whoever sends it back, nor anything from our own addresses."""
    request = request_in(database)
    number = mails(database)[0].message_id
    inbox = inbox_on(database)

    taken = [
        inbox.receive(raw(Message_ID=number), LATER),
        inbox.receive(raw(From=f"Help <{SENDER}>", Message_ID="<2@x.example>"), LATER),
        inbox.receive(raw(From=ADDRESSES.of(request.id), Message_ID="<3@x.example>"), LATER),
    ]

    assert [one.outcome for one in taken] == [Outcome.LOOP] * 3
    assert count(database, "tickets") == 1


def test_two_desks_do_not_write_forever(database: Database) -> None:
    """Another desk that answers our mails by mails without any sign of it is answered a few times in all."""
    inbox = inbox_on(database)

    for number in range(REQUESTS_AT_MOST + 5):
        inbox.receive(raw("We received your mail.", From="desk@example.net", Message_ID=f"<{number}@example.net>"), NOW)
    last = inbox.receive(raw("We received your mail.", From="Desk@example.net", Message_ID="<last@example.net>"), LATER)
    other = inbox.receive(raw(), LATER)
    next_day = inbox.receive(raw("Hi.", From="desk@example.net", Message_ID="<n@example.net>"), NOW + timedelta(days=2))

    assert (last.outcome, other.outcome, next_day.outcome) == (Outcome.REFUSED, Outcome.CREATED, Outcome.CREATED)
    assert count(database, "tickets") == REQUESTS_AT_MOST + 2
    assert len([mail for mail in mails(database) if mail.created_at == NOW]) == RECEIVED_A_DAY


def test_a_report_marks_the_mail_that_came_back(database: Database) -> None:
    """And is no request."""
    request = request_in(database)
    content = (MAILS / "auto-bounce.eml").read_bytes()
    number = mails(database)[0].message_id
    report = content.replace(b"<request-1.MESSAGE@help.example.org>", number.encode())

    first, again = inbox_on(database).receive(report, LATER), inbox_on(database).receive(report, LATER)

    assert (first.outcome, again.outcome) == (Outcome.BOUNCE, Outcome.DUPLICATE)
    assert mails(database)[0].state == "bounced"
    assert [action for action, _text in events(database, request.id)] == [Action.MAIL_FAILED]


def test_what_a_filter_calls_spam_is_kept_apart(database: Database) -> None:
    """It is in nobody's way, and nobody is written to whose address was used."""
    taken = inbox_on(database).receive((MAILS / "spam.eml").read_bytes(), NOW)

    assert ticket_of(database, taken.ticket_id or 0).status is Status.SPAM
    assert count(database, "outbox") == 0


def test_logs_name_nobody(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what is written nor by whom."""
    monkeypatch.setattr(inboxes, "REQUESTS_AT_MOST", 1)
    caplog.set_level("DEBUG")
    inbox = inbox_on(database)

    for number in range(3):
        inbox.receive(raw("Geheim.", Message_ID=f"<{number}@mail.example.org>"), NOW)

    assert "more than 1 requests by mail" in caplog.text
    assert not any(word in caplog.text for word in ("anna", "Kühn", "Geheim", "Drucker"))


@pytest.mark.parametrize("local", ["postmaster", "bounce", "bounces+7", "MAILER-DAEMON"])
def test_people_write_from_addresses_of_servers_too(database: Database, local: str) -> None:
    """Whoever looks after a small firm; with a sign of a program it is a server's."""
    inbox, sender = inbox_on(database), f"Paul <{local}@customer.example>"
    report = raw(From=sender, Message_ID="<r@x.example>").replace(b"text/plain", b"multipart/report; boundary=b")
    signed = [
        raw(From=sender, Return_Path="<>", Message_ID="<1@x.example>"),
        raw(From=sender, Auto_Submitted="auto-replied", Message_ID="<2@x.example>"),
        report,
    ]

    written = [
        inbox.receive(raw(From=sender, Message_ID="<3@x.example>"), NOW),
        inbox.receive(raw(From=sender, Auto_Submitted="no", Return_Path="<a@b.example>", Message_ID="<4@x>"), NOW),
    ]

    assert [one.outcome for one in written] == [Outcome.CREATED] * 2
    assert [inbox.receive(content, NOW).outcome for content in signed] == [Outcome.BOUNCE] * 3
