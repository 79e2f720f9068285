"""What the tests of suppliers share: suppliers, requests with an open case, and mails there and back."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from portal.desk.acting import act
from portal.desk.bundles import Bundle
from portal.desk.case_mail import CaseMail
from portal.desk.suppliers import Suppliers
from portal.organisation import Supplier
from portal.people import Person
from portal.storage import Database, cases, organisation, outbox
from portal.storage import tickets as store
from portal.storage.cases import Case
from portal.supplier_letters import SupplierLetters
from portal.tickets import Action, Actor
from tests.builders import NOW
from tests.working import opened

SECRET = b"s" * 32
DAY = timedelta(days=1)
ACME = Supplier(0, "Acme Print", "help@acme.example", "Jo Park", ("de", "en"), shared=frozenset())
REQUEST: dict[str, Any] = {
    "subject": "Printer of Léa Martin",
    "description": "Bonjour,\nl’imprimante de Léa ne marche pas (lea@example.com).\n\nCordialement,\nLéa\n5 rue Haute",
    "language": "fr",
    "phone": "+33 1 23 45 67 89",
    "trail": ({"kind": "search", "text": "imprimante Léa", "language": "fr", "at": NOW.isoformat()},),
}


def suppliers(database: Database, local: str = "support") -> Suppliers:
    """The use cases on a database."""
    letters = SupplierLetters("https://help.example.org", "Help", "Europe/Berlin")
    return Suppliers(database, letters, SECRET, "help.example.org", local)


def add_supplier(database: Database, **changes: Any) -> int:
    """The number of a stored supplier."""
    with database.write() as connection:
        return int(organisation.add(connection, replace(ACME, **changes)))


def sent(database: Database, mia: Person, text: str = "Bitte die Pumpe prüfen.", **changes: Any) -> tuple[int, Case]:
    """A request with an open case."""
    number = opened(database, **REQUEST)
    suppliers(database).send(mia, number, add_supplier(database, **changes), text, NOW)
    return number, the_case(database, number)


def the_case(database: Database, number: int) -> Case:
    """The newest case of a ticket."""
    with database.read() as connection:
        return cases.of_ticket(connection, number)[-1]


def say(database: Database, number: int, action: Action, text: str, actor: Actor, now: datetime = NOW) -> None:
    """Somebody does something to a ticket."""
    with database.write() as connection:
        act(connection, store.get(connection, number, lock=True), action, now, actor, text=text)


def preview(database: Database, number: int, supplier_id: int, text: str = "Bitte prüfen.") -> Bundle:
    """What would leave."""
    with database.read() as connection:
        supplier = organisation.get(connection, Supplier, supplier_id)
        return suppliers(database).preview(connection, store.get(connection, number), supplier, text, "Mia Lindt")


def mails(database: Database) -> list[outbox.Claimed]:
    """Everything in the outbox, oldest first."""
    found = []
    with database.write() as connection:
        while claimed := outbox.claim(connection, NOW + timedelta(days=400), 60):
            found.append(claimed)
    return found


def receive(database: Database, case: Case, sender: str = ACME.email, text: str = "Done.", **changes: Any) -> bool:
    """A mail of the supplier, with the token unless changed."""
    token = changes.pop("token", CaseMail(SECRET, "", "").token(case.id))
    with database.write() as connection:
        return suppliers(database).receive(
            connection, case.id, token, sender, text, changes.pop("now", NOW + DAY), **changes
        )
