"""What the tests of a ticket's page share: a request, forms that are sent, and what is stored."""

import secrets
from typing import Any

from flask.testing import FlaskClient

from portal.chains import Visitor
from portal.gaps import Failed
from portal.queries import Query
from portal.sending import Sending
from portal.services import Services
from portal.storage import tickets as store
from portal.tickets import Ticket
from tests.conftest import hidden

SENT = Sending("Léa Martin", "lea@example.com", "Password forgotten", "I cannot reset my password.", "de", urgency=4)


def post(client: FlaskClient, path: str, **fields: Any) -> Any:
    """Send a form of a ticket's page."""
    token = hidden(client.get("/en/desk/notices").text, "csrf_token")
    return client.post(f"/en/desk/tickets/{path}", data={"csrf_token": token, **fields})


def found(services: Services, number: int) -> Ticket:
    """A ticket as it is stored."""
    with services.database.read() as connection:
        return store.get(connection, number)


def open_gap(
    services: Services, text: str = "zyxomat", language: str = "en", *, is_returning: bool = True, **facts: Any
) -> int:
    """The number of a gap that one more session has asked."""
    failed = Failed(Query(language, text), [text], facts.pop("code", "U0"), "/en/search", **facts)
    visitor = Visitor(secrets.token_hex(8), is_returning, f"10.{secrets.randbelow(255)}.{secrets.randbelow(255)}.0/24")
    opened = services.gaps.report(failed, visitor, services.clock())
    assert opened is not None
    return opened.ticket.id


def act(client: FlaskClient, number: int, action: str, **fields: str) -> "tuple[int, str]":
    """Press a ticket's button; status and page."""
    page = client.get(f"/en/desk/tickets/{number}").text
    data = {"csrf_token": hidden(page, "csrf_token"), "version": hidden(page, "version")} | fields
    answer = client.post(f"/en/desk/tickets/{number}/{action}", data=data)
    return answer.status_code, answer.text
