"""Mails that answer one of ours, on every database: whose they are, and what they are added to."""

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from portal.delivery import Delivery
from portal.desk.inbox import REPLIES_AT_MOST, REPLIES_WITHIN, Outcome, Taken
from portal.desk.suppliers import Suppliers
from portal.letters import Letters
from portal.locales import CODES
from portal.mail import compose
from portal.organisation import Supplier
from portal.reply_address import ReplyAddress
from portal.storage import Database, organisation
from portal.storage import tickets as store
from portal.supplier_letters import SupplierLetters
from portal.tickets import Action, Kind, Status
from portal.transports import transport
from tests.asking import ticket_of
from tests.builders import NOW, ticket
from tests.mailing import MailServer
from tests.receiving import (
    ADDRESSES,
    LATER,
    LETTERS,
    MAILS,
    SECRET,
    SENDER,
    Case,
    history,
    inbox_on,
    mails,
    raw,
    request_in,
)
from tests.requesting import work
from tests.working import hire, opened


def test_a_reply_to_the_address_of_the_request(database: Database) -> None:
    """Only the own words are kept, and a solved request is open again."""
    request = request_in(database)
    work(database, request.id, Action.SOLVE)

    text = "Geht doch nicht.\n\nAm 02.03.26 um 10:30 schrieb Help:\n> Guten Tag"
    taken = inbox_on(database).receive(raw(text, To=ADDRESSES.of(request.id).upper()), LATER)

    assert taken == Taken(Outcome.REPLIED, request.id)
    assert ticket_of(database, request.id).status is Status.OPEN
    last = history(database, request.id)[-1]
    assert (last.action, last.text, last.is_public) == (Action.REQUESTER_REPLY, "Geht doch nicht.", True)
    assert (last.actor.name, last.details) == ("Anna Kühn", {"channel": "mail"})


def test_a_reply_by_the_number_of_our_mail(database: Database) -> None:
    """Where a program has lost the address, what it answers tells, in either header; capitals do not matter."""
    request = request_in(database)
    number = mails(database)[0].message_id
    inbox = inbox_on(database)

    by_reply = inbox.receive(raw("Eins.", In_Reply_To=number), LATER)
    by_reference = inbox.receive(
        raw("Zwei.", Message_ID="<b@example.org>", References=f"<x@y> {number} <z@y>", From="ANNA@Example.org"), LATER
    )

    assert by_reply == by_reference == Taken(Outcome.REPLIED, request.id)


def test_a_colleague_with_the_address_may_answer(database: Database) -> None:
    """Whoever has the address of a request has been given it; who wrote is recorded."""
    request = request_in(database)

    taken = inbox_on(database).receive(raw("Ich war es.", To=ADDRESSES.of(request.id), From="bob@example.net"), LATER)

    assert taken == Taken(Outcome.REPLIED, request.id)
    assert history(database, request.id)[-1].details == {"channel": "mail", "from": "bob@example.net"}


def test_nobody_answers_with_a_number_alone(database: Database) -> None:
    """Neither the number in a subject, nor one of our mails from another address, nor a made up proof."""
    request = request_in(database)
    number = mails(database)[0].message_id
    inbox = inbox_on(database)
    forged = [
        raw(Subject=f"Re: [#{request.id}] Drucker", Message_ID="<1@x.example>"),
        raw(In_Reply_To=number, From="eve@example.net", Message_ID="<2@x.example>"),
        raw(To=f"support+r{request.id}.{'0' * 20}@help.example.org", Message_ID="<3@x.example>"),
        raw(To=ADDRESSES.of(request.id).replace("help.", "evil."), Message_ID="<4@x.example>"),
        raw(To=ADDRESSES.of(request.id + 1000), Message_ID="<5@x.example>"),
        raw(To=ReplyAddress(b"other" * 8, SENDER).of(request.id), Message_ID="<6@x.example>"),
    ]

    outcomes = [inbox.receive(content, LATER).outcome for content in forged]

    assert outcomes == [Outcome.CREATED] * 6
    assert history(database, request.id) == []


def test_a_reply_to_a_closed_request_goes_on_with_it(database: Database) -> None:
    """In one new request, however many replies; long after, it is a request of its own."""
    request = request_in(database)
    work(database, request.id, Action.SOLVE, Action.CLOSE)
    inbox, to = inbox_on(database), ADDRESSES.of(request.id)

    first = inbox.receive(raw("Wieder kaputt.", To=to), LATER)
    second = inbox.receive(raw("Immer noch.", To=to, Message_ID="<b@example.org>"), LATER)
    late = inbox.receive(raw("Neu.", To=to, Message_ID="<c@example.org>"), NOW + timedelta(days=91))

    following = ticket_of(database, first.ticket_id or 0)
    assert (first.outcome, second.outcome, late.outcome) == (Outcome.FOLLOW_UP, Outcome.FOLLOW_UP, Outcome.CREATED)
    assert first.ticket_id == second.ticket_id != late.ticket_id
    assert (following.follows_id, following.language, following.channel) == (request.id, "de", "mail")


def test_to_a_gap_or_an_anonymous_request_nobody_replies(database: Database) -> None:
    """Where nobody waits, a mail is a request of its own."""
    with database.write() as connection:
        gap = store.create(connection, ticket(kind=Kind.GAP)) or 0
    forgotten = request_in(database, status=Status.CLOSED)
    with database.write() as connection:
        store.save(connection, replace(store.get(connection, forgotten.id), requester_email=""))
    inbox = inbox_on(database)

    taken = [
        inbox.receive(raw(To=ADDRESSES.of(number), Message_ID=f"<{number}@x.example>"), LATER)
        for number in (gap, forgotten.id)
    ]

    assert [one.outcome for one in taken] == [Outcome.CREATED] * 2


def test_an_empty_reply_causes_nothing(database: Database) -> None:
    """Only what it answers stands there."""
    request = request_in(database)
    content = (MAILS / "reply-nothing.eml").read_bytes()

    taken = inbox_on(database).receive(content.replace(SENDER.encode(), ADDRESSES.of(request.id).encode(), 1), LATER)

    assert taken == Taken(Outcome.EMPTY, request.id)
    assert history(database, request.id) == []


def test_suppliers_answers_are_theirs(database: Database) -> None:
    """By the address or the number of our mail, also where their system calls it automatic; not while they are away."""
    suppliers = Case()
    inbox = inbox_on(database, suppliers=suppliers)
    to = f"support+s7.{'a' * 24}@help.example.org"
    number = f"<case-7.{'a' * 24}.1@help.example.org>"

    outcomes = [
        inbox.receive(raw("Done.", To=to, Auto_Submitted="auto-generated", Message_ID="<1@x.example>"), NOW).outcome,
        inbox.receive(raw("Done.", In_Reply_To=number, Message_ID="<2@x.example>"), NOW).outcome,
        inbox.receive(raw("Away.", To=to, Auto_Submitted="auto-replied", Message_ID="<3@x.example>"), NOW).outcome,
        inbox.receive(raw("Hm.", To=to.replace("s7", "s8"), Message_ID="<4@x.example>"), NOW).outcome,
    ]
    suppliers.reference = 7
    outcomes += [
        inbox.receive(raw("Done.", Subject="CASE-123", Message_ID="<5@x.example>"), NOW).outcome,
        inbox.receive(raw("Done.", Subject="CASE-123", Precedence="bulk", Message_ID="<6@x.example>"), NOW).outcome,
    ]

    assert outcomes == [
        Outcome.SUPPLIER, Outcome.SUPPLIER, Outcome.AUTOMATIC, Outcome.CREATED, Outcome.SUPPLIER, Outcome.AUTOMATIC,
    ]  # fmt: skip
    assert suppliers.taken[0] == (7, "a" * 24, "anna@example.org", "Done.")


def test_a_case_of_a_supplier_goes_on_by_mail(database: Database) -> None:
    """To the address in our mail to them; the requester's ticket has it, and nothing else is made of it."""
    number, agent = opened(database), hire(database)
    suppliers = Suppliers(
        database, SupplierLetters("https://help.example.org", "Help", "UTC"), SECRET, "help.example.org"
    )
    with database.write() as connection:
        acme = organisation.add(connection, Supplier(0, "Acme", "help@acme.example", "Jo Park", ("de",)))
    suppliers.send(agent, number, int(acme), "Bitte prüfen Sie den Pumpenkopf.", NOW)
    mail = mails(database)[-1]
    inbox = inbox_on(database, suppliers=suppliers)

    text = "Kommt morgen.\n\nAm 02.03.26 um 10:30 schrieb Help:\n> Bitte prüfen"
    answer = raw(text, To=mail.headers["Reply-To"], From="Jo Park <help@acme.example>", In_Reply_To=mail.message_id)
    forged = raw(
        "Hm.", To=mail.headers["Reply-To"].replace(".", ".0", 1), From="eve@example.net", Message_ID="<e@x.example>"
    )

    assert inbox.receive(answer, LATER).outcome is Outcome.SUPPLIER
    assert inbox.receive(forged, LATER).outcome is Outcome.CREATED
    last = history(database, number)[-1]
    assert (last.action, last.text, last.is_public) == (Action.SUPPLIER_REPLY, "Kommt morgen.", False)


@pytest.mark.parametrize("language", CODES)
def test_letters_can_be_answered(language: str) -> None:
    """All letters about a request carry its address, and say so in their language; what they say elsewhere is not said."""
    made = ticket(language=language, requester_email="anna@example.org", requester_name="Anna")
    plain = Letters("https://help.example.org", "Help", "UTC").received(made, "t" * 64)

    letters = [
        LETTERS.received(made, "t" * 64), LETTERS.received_without(made, "t" * 64, ["a.pdf"] * 20),
        LETTERS.answered_without(made, "t" * 64, ["a.pdf"]), LETTERS.link(made, "t" * 64),
    ]  # fmt: skip

    assert {mail.headers["Reply-To"] for mail in letters} == {ADDRESSES.of(made.id)}
    assert len({mail.text for mail in letters} | {plain.text}) == 5
    message = compose(letters[0], "<1@help.example.org>", SENDER, NOW, "Help")
    assert message_from_bytes(message.as_bytes(), policy=policy.default)["Reply-To"] == ADDRESSES.of(made.id)


def test_addresses() -> None:
    """The proof is another for each request and instance; other shapes of our address are no request's."""
    address = ADDRESSES.of(42)

    assert ADDRESSES.number(["a@b.example", address.upper()]) == 42
    assert (
        ADDRESSES.number(
            [address.replace("r42", "r43"), address.replace("support", "other"), "support+r42@help.example.org"]
        )
        is None
    )
    assert (
        ReplyAddress(SECRET, "hilfe@münchen.example").number([ReplyAddress(SECRET, "hilfe@münchen.example").of(1)]) == 1
    )
    assert ReplyAddress(SECRET, f"{'a' * 40}@example.org").of(42) == ""
    assert ADDRESSES.is_own("Support+x@HELP.example.org")
    assert not ADDRESSES.is_own("support@example.org")


def test_a_whole_round_with_a_mail_server(database: Database) -> None:
    """A request by mail, its confirmation through a real mail server, and the answer to that: one request."""
    with MailServer() as server:
        inbox = inbox_on(database)
        taken = inbox.receive(raw(), NOW)
        delivery = Delivery(database, transport(server.url, Path("unused")), SENDER, "Help")
        assert delivery.deliver(NOW).sent == 1
    (message,) = server.messages
    quoted = "\n".join(f"> {line}" for line in message.get_body(("plain",)).get_content().splitlines())  # type: ignore[union-attr]
    answer = raw(
        f"Danke, es geht wieder.\n\nAm 02.03.26 um 10:30 schrieb Help:\n{quoted}",
        To=str(message["Reply-To"]), In_Reply_To=str(message["Message-ID"]), Subject=f"AW: {message['Subject']}",
        Message_ID="<b2@mail.example.org>",
    )  # fmt: skip

    replied, own = inbox.receive(answer, LATER), inbox.receive(server.taken[0][1], LATER)

    assert replied == Taken(Outcome.REPLIED, taken.ticket_id)
    assert history(database, taken.ticket_id or 0)[-1].text == "Danke, es geht wieder."
    assert own.outcome is Outcome.LOOP


def test_an_acknowledgement_of_a_supplier_is_passed_on_as_automatic(database: Database) -> None:
    """Their owner goes on being reminded."""
    suppliers = Case()
    inbox = inbox_on(database, suppliers=suppliers)
    to = f"support+s7.{'a' * 24}@help.example.org"

    inbox.receive(raw("Received.", To=to, Auto_Submitted="auto-generated", Message_ID="<1@x.example>"), NOW)
    inbox.receive(raw("Done.", To=to, Message_ID="<2@x.example>"), NOW)

    assert suppliers.automatic == [True, False]


@pytest.mark.parametrize("ended", [(), (Action.SOLVE, Action.CLOSE)], ids=["open", "closed"])
def test_a_request_gets_only_so_many_replies_an_hour(
    ended: tuple[Action, ...], database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever sends them, also where they open another request; others have theirs, and later there is room again."""
    request, other = request_in(database), request_in(database)
    work(database, request.id, *ended)
    inbox, to = inbox_on(database), ADDRESSES.of(request.id)
    flood = [
        raw(f"Wort {step}.", To=to, From=f"eve{step}@example.net", Message_ID=f"<{step}@x.example>")
        for step in range(REPLIES_AT_MOST + 2)
    ]

    taken = [inbox.receive(content, LATER) for content in flood]
    elsewhere = inbox.receive(raw("Eins.", To=ADDRESSES.of(other.id), Message_ID="<o@x.example>"), LATER)
    later = inbox.receive(raw("Zwei.", To=to, Message_ID="<l@x.example>"), LATER + REPLIES_WITHIN)

    kind = Outcome.FOLLOW_UP if ended else Outcome.REPLIED
    assert [one.outcome for one in taken] == [kind] * REPLIES_AT_MOST + [Outcome.REFUSED] * 2
    assert (elsewhere.outcome, later.outcome) == (Outcome.REPLIED, kind)
    assert f"more than {REPLIES_AT_MOST} replies by mail" in caplog.text
    assert "eve" not in caplog.text
