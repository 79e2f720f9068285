"""A supplier is written to over a real mail server and answers; the requester learns nothing of it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.policy import default
from email.utils import getaddresses
from smtplib import SMTP
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.delivery import Delivery
from portal.desk.suppliers import Suppliers, match
from portal.locales import CODES
from portal.organisation import SHARED, Supplier
from portal.people import Person
from portal.services import Services, utc_now
from portal.storage import cases, organisation, outbox, people
from portal.storage import tickets as store
from portal.supplier_letters import SupplierLetters
from portal.tickets import Action, Event, Resolution, Status
from portal.transports import SmtpTransport
from tests.builders import NOW
from tests.conftest import hidden
from tests.mailing import MailServer
from tests.working import history, opened, told

SECRETS = ("Acme", "acme.example", "AP-5531", "Pumpenkopf", "Bitte prüfen", "Jo Park", "Ersatzteil")
GOOD = {
    "name": "Léa Martin",
    "email": "lea@example.com",
    "description": "L’imprimante de Léa est noire.",
    "suggested": "1",
}


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A real mail server."""
    with MailServer() as made:
        yield made


@pytest.fixture
def portal_at_ten(portal_services: Services) -> Services:
    """The portal at a known time; it takes mail."""
    letters = SupplierLetters("https://help.example.org", "Help", "Europe/Berlin")
    secret, database = portal_services.secret, portal_services.database
    portal_services.suppliers = Suppliers(database, letters, secret, "help.example.org", "support")
    portal_services.clock = lambda: NOW
    return portal_services


def acme(services: Services, **changes: Any) -> int:
    """A stored supplier."""
    made = Supplier(0, "Acme Print", "help@acme.example", "Jo Park", ("de",), shared=frozenset(SHARED))
    with services.database.write() as connection:
        return int(organisation.add(connection, replace(made, **changes)))


def staff(services: Services) -> Person:
    """The agent who is signed in."""
    with services.database.read() as connection:
        return people.everybody(connection)[0]


def deliver(services: Services, server: MailServer) -> list[EmailMessage]:
    """Send what waits; everything that arrived so far."""
    Delivery(services.database, SmtpTransport(server.url), "support@help.example.org", "Help").deliver(services.clock())
    return server.messages


def answer(server: MailServer, to: EmailMessage, text: str, **headers: str) -> EmailMessage:
    """What a supplier's mail program makes of an answer, after it went over the wire."""
    made = EmailMessage(policy=WIRE)
    given = {
        "From": "Jo Park <help@acme.example>",
        "To": str(to["Reply-To"]),
        "Subject": f"AW: {to['Subject']}",
        "In-Reply-To": str(to["Message-ID"]),
        "References": str(to["Message-ID"]),
    }
    for name, value in (given | headers).items():
        if value:
            made[name] = value
    made.set_content(text)
    with SMTP("127.0.0.1", server.port) as client:
        client.send_message(made, "help@acme.example", ["support@help.example.org"])
    arrived = message_from_bytes(server.taken[-1][1], policy=default)
    assert isinstance(arrived, EmailMessage)
    return arrived


def take(services: Services, mail: EmailMessage) -> bool:
    """What the inbox does with a mail that may be a supplier's."""
    recipients = [address for _name, address in getaddresses([str(mail["To"]), str(mail.get("Cc", ""))])]
    references = re.findall(r"<[^>]+>", f"{mail.get('In-Reply-To', '')} {mail.get('References', '')}")
    sender = getaddresses([str(mail["From"])])[0][1]
    body = mail.get_body(("plain",))
    assert body is not None
    with services.database.write() as connection:
        found = match(recipients, references)
        if found is None and (case := services.suppliers.by_reference(connection, sender, str(mail["Subject"]))):
            found = case, ""
        if found is None:
            return False
        return services.suppliers.receive(connection, *found, sender, body.get_content(), services.clock(), references)


def page_form(client: FlaskClient, number: int, path: str, **fields: str) -> Any:
    """Send a form of a ticket's page."""
    token = hidden(client.get("/en/desk/calls").text, "csrf_token")
    return client.post(f"/en/desk/tickets/{number}/{path}", data={"csrf_token": token, **fields})


def write(client: FlaskClient, number: int, supplier: int, text: str) -> Any:
    """Preview and send, as an agent does."""
    shown = page_form(client, number, "supplier/preview", supplier=str(supplier), supplier_text=text)
    assert shown.status_code == 200
    fields = {name: hidden(shown.text, name) for name in ("supplier", "supplier_text", "version", "seen")}
    return page_form(client, number, "supplier/send", **fields)


def events(services: Services, number: int) -> list[Event]:
    """A ticket's history."""
    return history(services.database, number)


def test_a_case_goes_out_and_comes_back(agent: FlaskClient, portal_at_ten: Services, server: MailServer) -> None:
    """Page, outbox, mail server, the supplier's answer to the address in it, event, notice, status."""
    number = opened(portal_at_ten.database, language="fr", description="L’imprimante de Léa est noire.")
    assert write(agent, number, acme(portal_at_ten), "Bitte prüfen Sie\nden Pumpenkopf.").status_code == 303
    (mail,) = deliver(portal_at_ten, server)

    assert mail["To"].addresses[0].addr_spec == "help@acme.example"
    assert mail["Auto-Submitted"] == "no"
    assert (mail["In-Reply-To"], mail["References"]) == (None, None)
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "    Bitte prüfen Sie\n    den Pumpenkopf." in text.replace("\r\n", "\n")
    assert "/requests/" not in text  # No private link ever goes to a supplier.

    assert take(portal_at_ten, answer(server, mail, "Das Ersatzteil kommt morgen."))

    last = events(portal_at_ten, number)[-1]
    assert (last.action, last.text, last.details.get("unverified")) == (
        Action.SUPPLIER_REPLY, "Das Ersatzteil kommt morgen.", None
    )  # fmt: skip
    with portal_at_ten.database.read() as connection:
        assert store.get(connection, number).status is Status.OPEN
    assert told(portal_at_ten.database, staff(portal_at_ten))[-1] == ("supplier", "Acme Print")


@pytest.mark.parametrize(
    ("headers", "is_taken", "is_verified"),
    [
        ({"In-Reply-To": "", "References": ""}, True, True),
        ({"To": "support@help.example.org"}, True, True),
        ({"To": "Desk <support@help.example.org>", "In-Reply-To": "", "References": "", "Subject": "Ticket AP-5531"}, True, False),
        ({"To": "support@help.example.org", "In-Reply-To": "", "References": "", "Subject": "Hello"}, False, False),
        ({"To": "support@help.example.org", "In-Reply-To": "", "References": "", "Subject": "AP-5531", "From": "x@evil.example"}, False, False),
        ({"From": "colleague@acme.example"}, True, True),
    ],
    ids=["address", "references", "reference", "nothing", "stranger", "colleague"],
)  # fmt: skip
def test_answers_find_their_case_as_mail_programs_send_them(
    headers: dict[str, str],
    is_taken: bool,
    is_verified: bool,
    agent: FlaskClient,
    portal_at_ten: Services,
    server: MailServer,
) -> None:
    """Some drop the thread, some the address, and ticket systems keep neither but name their own number."""
    number = opened(portal_at_ten.database)
    write(agent, number, acme(portal_at_ten), "Bitte prüfen.")
    with portal_at_ten.database.read() as connection:
        case = cases.of_ticket(connection, number)[0].id
    answered = page_form(agent, number, "supplier/reference", case=str(case), reference="AP-5531")
    assert answered.status_code == 303
    (mail,) = deliver(portal_at_ten, server)

    assert take(portal_at_ten, answer(server, mail, "Erledigt.", **headers)) is is_taken

    last = events(portal_at_ten, number)[-1]
    assert (last.action is Action.SUPPLIER_REPLY) is is_taken
    if is_taken:
        assert ("unverified" not in last.details) is is_verified
        page = agent.get(f"/en/desk/tickets/{number}").text
        assert ("without proof" in page) is not is_verified


def test_a_supplier_who_cannot_be_reached_is_told_to_the_owner(agent: FlaskClient, portal_at_ten: Services) -> None:
    """A refused mail stands in the ticket's history."""
    number = opened(portal_at_ten.database)
    write(agent, number, acme(portal_at_ten, email="gone@acme.example"), "Bitte prüfen.")

    with MailServer({"gone@acme.example": ["refuse"]}) as server:
        deliver(portal_at_ten, server)

    assert events(portal_at_ten, number)[-1].action is Action.MAIL_FAILED


@pytest.mark.parametrize("language", CODES)
def test_the_requester_sees_the_status_and_nothing_else(
    language: str, agent: FlaskClient, reader: FlaskClient, portal_at_ten: Services, server: MailServer
) -> None:
    """No text, name or number of the supplier on the private page, in what its script fetches, or in any mail."""
    portal_at_ten.clock = utc_now  # The form's stamp is signed at the real time.
    now = utc_now()
    stamp = hidden(reader.get(f"/{language}/requests/new").text, "stamp")
    sent = reader.post(f"/{language}/requests/new", data={**GOOD, "stamp": stamp})
    link = str(sent.location).split("?")[0]
    with portal_at_ten.database.read() as connection:
        number = store.find(connection, store.Filter())[0].id
    mia = staff(portal_at_ten)

    write(agent, number, acme(portal_at_ten), "Bitte prüfen Sie den Pumpenkopf.")
    waiting = reader.get(link).text
    letter = next(mail for mail in deliver(portal_at_ten, server) if mail["To"].addresses[0].domain == "acme.example")
    take(portal_at_ten, answer(server, letter, "Ersatzteil AP-5531 kommt."))
    with portal_at_ten.database.read() as connection:
        case = cases.of_ticket(connection, number)[0].id
    portal_at_ten.suppliers.set_reference(mia, case, "AP-5531", now)
    portal_at_ten.suppliers.remind(now)
    portal_at_ten.desk.work(mia, number, Action.REPLY, now, text="Demain.")
    portal_at_ten.suppliers.close_case(mia, case, now)
    portal_at_ten.desk.work(mia, number, Action.SOLVE, now, text="Réparé.", resolution=Resolution.ANSWERED)
    server.taken[:] = []
    portal_at_ten.clock = lambda: now + timedelta(hours=1)
    Delivery(portal_at_ten.database, SmtpTransport(server.url), "support@help.example.org").deliver(
        portal_at_ten.clock()
    )

    status = {"en": "supplier", "fr": "fournisseur", "de": "Lieferanten", "ru": "поставщик"}[language]
    assert status in waiting
    assert "Demain." in reader.get(link).text
    shown = [waiting, reader.get(link).text, reader.get(f"{link}/thread").text]
    mails = [mail for mail in server.messages if mail["To"].addresses[0].addr_spec == "lea@example.com"]
    assert len(mails) == 2
    for mail in mails:
        shown.append(str(mail.items()))
        shown += [part.get_content() for part in mail.walk() if not part.is_multipart()]
    for secret in (*SECRETS, f"case-{case}", str(letter["Message-ID"]), "+s"):
        assert not [text for text in shown if secret in text], secret


# The agent's pages


def test_the_preview_shows_what_leaves_and_what_does_not(agent: FlaskClient, portal_at_ten: Services) -> None:
    """Word for word; nothing has been sent until the second button."""
    number = opened(portal_at_ten.database, description="Léa here: the printer of Léa is <b>black</b>.", language="en")
    supplier = acme(portal_at_ten, shared=frozenset(), languages=("en",))

    page = page_form(agent, number, "supplier/preview", supplier=str(supplier), supplier_text="Look at <i>it</i>.").text

    assert "[name] here: the printer of [name] is &lt;b&gt;black&lt;/b&gt;." in re.sub(r"\s+", " ", page)
    assert "Look at &lt;i&gt;it&lt;/i&gt;." in page
    assert "the requester’s name" in page
    assert "names in the texts" in page
    assert "Léa here" not in page
    with portal_at_ten.database.read() as connection:
        assert outbox.of_ticket(connection, number) == []
    assert not [event for event in events(portal_at_ten, number) if event.action is Action.SUPPLIER_SENT]


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    agent: FlaskClient, portal_at_ten: Services
) -> None:
    """No supplier, no text, too long a text, a case of another ticket."""
    number, supplier = opened(portal_at_ten.database), acme(portal_at_ten)
    acme(portal_at_ten, name="Beta", is_active=False)

    missing = page_form(agent, number, "supplier/preview", supplier="", supplier_text="Typed text")
    empty = page_form(agent, number, "supplier/preview", supplier=str(supplier), supplier_text=" ")
    long = page_form(agent, number, "supplier/preview", supplier=str(supplier), supplier_text="x" * 5001)
    gone = page_form(
        agent, number, "supplier/send", supplier=str(supplier + 1), supplier_text="x", version="1", seen="x"
    )

    assert [answer.status_code for answer in (missing, empty, long, gone)] == [400] * 4
    assert "Typed text</textarea>" in missing.text
    assert 'id="ui-supplier-fault"' in missing.text
    assert 'id="ui-supplier_text-fault"' in empty.text
    assert "at most 5000 characters" in long.text.replace("5,000", "5000")
    assert "no longer written to" in gone.text
    write(agent, number, supplier, "Bitte prüfen.")
    with portal_at_ten.database.read() as connection:
        case = str(cases.of_ticket(connection, number)[0].id)
    other = opened(portal_at_ten.database)
    for path in ("reference", "answer", "close"):
        fields = {"case": case, "reference": "x", "answer": "x"}
        assert page_form(agent, other, f"supplier/{path}", **fields).status_code == 404
    assert page_form(agent, number, "supplier/answer", case=case, answer=" ").status_code == 400
    assert page_form(agent, number, "supplier/reference", case=case, reference="x" * 101).status_code == 400
    assert page_form(agent, number, "supplier/answer", case=case, answer="Rang us").status_code == 303
    assert page_form(agent, number, "supplier/close", case=case).status_code == 303


def test_what_changed_since_the_preview_is_shown_before_it_leaves(agent: FlaskClient, portal_at_ten: Services) -> None:
    """The requester wrote between the two buttons."""
    number, supplier = opened(portal_at_ten.database), acme(portal_at_ten)
    shown = page_form(agent, number, "supplier/preview", supplier=str(supplier), supplier_text="Bitte prüfen.")
    portal_at_ten.desk.work(staff(portal_at_ten), number, Action.REPLY, NOW, text="Eine Frage")
    fields = {name: hidden(shown.text, name) for name in ("supplier", "supplier_text", "version", "seen")}

    answered = page_form(agent, number, "supplier/send", **fields)

    assert answered.status_code == 409
    assert "This is what would leave now." in answered.text
    assert "Eine Frage" in answered.text
    with portal_at_ten.database.read() as connection:
        assert cases.of_ticket(connection, number) == []


@pytest.mark.parametrize("language", CODES)
def test_the_ticket_shows_its_cases(language: str, agent: FlaskClient, portal_at_ten: Services) -> None:
    """With the supplier, their number, and when the owner is reminded; nothing is left unfilled."""
    number = opened(portal_at_ten.database)
    write(agent, number, acme(portal_at_ten), "Bitte prüfen.")

    page = agent.get(f"/{language}/desk/tickets/{number}").text

    assert 'id="ui-suppliers" open' in page
    assert "Acme Print" in page
    assert "None" not in page.partition('id="ui-suppliers"')[2].partition("</details>")[0]


def test_a_desk_without_suppliers_shows_nothing_of_them(agent: FlaskClient, portal_at_ten: Services) -> None:
    """No empty form."""
    number = opened(portal_at_ten.database)

    assert 'id="ui-suppliers"' not in agent.get(f"/en/desk/tickets/{number}").text
