"""Reports of failed deliveries: what they say, how broken they may be, and what becomes of the mail and its ticket."""

from base64 import encodebytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.bounces import MAX_BYTES, Bounce, read_bounce
from portal.delivery import Delivery
from portal.mail import compose
from portal.storage import Database, outbox
from portal.storage import tickets as store
from portal.storage.outbox import State
from portal.tickets import Action, Kind
from portal.transports import ConsoleTransport
from tests.builders import NOW, ticket
from tests.mailing import mail

MESSAGE_ID = "<request-42.0123456789abcdef@example.org>"
STATUS = (
    "Reporting-MTA: dns; mx.example.net\n\n"
    "Original-Recipient: rfc822;anna@example.org\nFinal-Recipient: rfc822; a.kuehn@example.net\nAction: failed\n"
    "Status: 5.1.1\nRemote-MTA: dns; mx.example.net\n"
    "Diagnostic-Code: smtp; 550 5.1.1 <a.kuehn@example.net>: user\n unknown\n\n"
)
#: As Exchange and Postfix write them; the original as a whole, or its headers alone.
ORIGINAL = compose(mail(), MESSAGE_ID, "support@example.org", NOW).as_bytes()
HEADERS = ORIGINAL.partition(b"\r\n\r\n")[0]


def report(
    status: str = STATUS, original: bytes = ORIGINAL, kind: str = "message/rfc822", outer: str = "report"
) -> bytes:
    """A report as a mail server writes it."""
    parts = (
        ("text/plain; charset=utf-8", "Ваше сообщение не доставлено.".encode()),
        ("message/delivery-status", status.encode()),
        (kind, original),
    )
    head = f'From: <>\nTo: support@example.org\nContent-Type: multipart/{outer}; report-type=delivery-status; boundary="b"\n'
    body = b"".join(b"\n--b\nContent-Type: " + name.encode() + b"\n\n" + content for name, content in parts)
    return head.encode() + b"\n" + body + b"\n--b--\n"


@pytest.mark.parametrize(
    ("kind", "original"), [("message/rfc822", ORIGINAL), ("text/rfc822-headers", HEADERS), ("message/global", ORIGINAL)]
)
def test_a_report_names_the_mail_and_the_reason(kind: str, original: bytes) -> None:
    """Whether it brings the mail back whole or only its headers."""
    assert read_bounce(report(kind=kind, original=original)) == Bounce(
        MESSAGE_ID, "anna@example.org", "5.1.1", True, "550 5.1.1 <a.kuehn@example.net>: user unknown"
    )


def test_a_report_with_other_line_ends_and_encoded_parts_is_read() -> None:
    """Lines end in CR LF on the way, and a server may encode what it brings back."""
    kind = "text/rfc822-headers; charset=us-ascii\nContent-Transfer-Encoding: base64"

    found = read_bounce(report(original=encodebytes(HEADERS), kind=kind).replace(b"\n", b"\r\n"))

    assert found is not None
    assert (found.message_id, found.status, found.is_permanent) == (MESSAGE_ID, "5.1.1", True)


@pytest.mark.parametrize(
    ("before", "after", "is_permanent"),
    [
        ("Action: failed", "Action: Failed", True),
        ("Status: 5.1.1\n", "", True),
        ("Status: 5.1.1", "Status: 4.4.7", False),
        ("Action: failed", "Action: delayed", False),
    ],
)
def test_only_what_will_not_change_is_permanent(before: str, after: str, is_permanent: bool) -> None:
    """A server that still tries says so."""
    found = read_bounce(report(STATUS.replace(before, after)))

    assert found is not None
    assert found.is_permanent is is_permanent


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 1000,
        ORIGINAL,
        report(STATUS.replace("Action: failed", "Action: delivered")),
        report(STATUS.replace("Action: failed", "Action: relayed").replace("5.1.1", "2.0.0")),
        report(STATUS.replace("Action: failed\n", "")),
        report(original=HEADERS.replace(b"Message-ID", b"X-Other")),
        report(outer="mixed"),
        report(status=""),
        b"Content-Type: multipart/report\n\nno boundary",
        report()[:400],
        (b"Content-Type: message/rfc822\n\n" * 5000),
    ],
)
def test_everything_else_is_no_report(content: bytes) -> None:
    """Delivered, relayed, cut off, of no mail that can be named, or not a report at all."""
    assert read_bounce(content) is None


@given(st.data())
def test_no_damage_makes_reading_fail(data: st.DataObject) -> None:
    """Pieces cut out, doubled and overwritten: something is read or nothing, and never an error."""
    content = report()
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 200)))
        piece = data.draw(
            st.one_of(st.binary(max_size=40), st.sampled_from([b"--b\n", b"\n\n", content[start:end] * 2, b";*0="]))
        )
        content = content[:start] + piece + content[end:]

    found = read_bounce(content)

    assert found is None or (found.message_id.startswith("<") and len(found.message_id) < 300)


def test_a_huge_report_is_read_to_a_bound() -> None:
    """What comes after a million bytes is not looked at; nor do parts within parts without end matter."""
    padded = report(original=HEADERS + b"\r\n\r\n" + b"x" * 70 * 20_000)
    nested = b"".join(b'Content-Type: multipart/report; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3000))

    found = read_bounce(padded)

    assert len(padded) > MAX_BYTES
    assert found is not None
    assert found.message_id == MESSAGE_ID
    assert read_bounce(nested + report()) is None


def delivery(database: Database) -> Delivery:
    """A delivery that is not asked to send."""
    return Delivery(database, ConsoleTransport(), "support@example.org")


def test_a_mail_that_comes_back_is_told_on_its_ticket(database: Database) -> None:
    """Once, with the server's words and without addresses; the second report is no news."""
    with database.write() as connection:
        number = store.create(connection, ticket()) or 0
        message_id = outbox.add(connection, mail(), "key", NOW, ticket_id=number) or ""
        claimed = outbox.claim(connection, NOW, 60)
        assert claimed is not None
        outbox.sent(connection, claimed, NOW)
    bounce = Bounce(message_id, "anna@example.org", "5.1.1", True, "550 anna@example.org unknown")

    told = [delivery(database).bounced(bounce, NOW) for _ in range(2)]

    with database.read() as connection:
        (posted,) = outbox.of_ticket(connection, number)
        events = store.history(connection, number)
    assert told == [True, False]
    assert (posted.state, posted.fault) == (State.BOUNCED, "5.1.1 550 [e-mail] unknown")
    assert [(event.action, event.text, event.is_public) for event in events] == [
        (Action.MAIL_FAILED, "5.1.1 550 [e-mail] unknown", False)
    ]


def test_other_reports_change_nothing(database: Database) -> None:
    """Of mails that are not ours, and of those that are still being tried."""
    with database.write() as connection:
        message_id = outbox.add(connection, mail(), "key", NOW) or ""

    told = [
        delivery(database).bounced(Bounce("<other@example.org>", "", "5.1.1", True), NOW),
        delivery(database).bounced(Bounce(message_id, "", "4.4.7", False), NOW),
    ]

    with database.read() as connection:
        assert outbox.waiting(connection) == 1
    assert told == [False, False]


def test_a_mail_without_a_requester_comes_back_quietly(database: Database) -> None:
    """A gap has nobody who waits, and a subscription no ticket of its own."""
    with database.write() as connection:
        gap = store.create(connection, ticket(kind=Kind.GAP)) or 0
        ids = [outbox.add(connection, mail(), str(of), NOW, ticket_id=of) or "" for of in (gap, None)]

    told = [delivery(database).bounced(Bounce(message_id, "", "5.0.0", True), NOW) for message_id in ids]

    with database.read() as connection:
        assert store.history(connection, gap) == []
        assert {posted.state for posted in outbox.newest(connection)} == {State.BOUNCED}
    assert told == [True, True]
