"""What the tests of the desk's pages share: the address of a ticket, forms that are sent, and a hostile text."""

from typing import Any

from flask.testing import FlaskClient

from portal.tickets import Ticket
from tests.conftest import hidden

HOSTILE = '<script>alert(1)</script>" onload="x'


def post(client: FlaskClient, path: str, page: str, **sent: Any) -> Any:
    """Send a form of a page."""
    return client.post(path, data={"csrf_token": hidden(client.get(page).text, "csrf_token"), **sent})


def at(found: Ticket, language: str = "en") -> str:
    """The page of a ticket."""
    return f"/{language}/desk/tickets/{found.id}"
