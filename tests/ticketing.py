"""What the tests of a ticket's page share: a request, forms that are sent, and what is stored."""

import re
import secrets
from html import unescape
from typing import Any

from flask.testing import FlaskClient

from portal.chains import Visitor
from portal.gaps import Failed
from portal.queries import Query
from portal.sending import Sending
from portal.services import Services
from portal.storage import tickets as store
from portal.tickets import Ticket
from tests.builders import ticket
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


def fill(services: Services, count: int = 1, **fields: Any) -> list[int]:
    """The numbers of new tickets."""
    with services.database.write() as connection:
        numbers = [store.create(connection, ticket(**fields)) for _ in range(count)]
    return [number for number in numbers if number is not None]


def rows(page: str) -> list[int]:
    """The numbers of a page's rows."""
    return [int(number) for number in re.findall(r'class="figure number">(\d+)<', page)]


def send(client: FlaskClient, path: str, **fields: Any) -> str:
    """Send one of the queue's forms; the page that follows."""
    token = hidden(client.get("/en/desk/").text, "csrf_token")
    answer = client.post(f"/en/desk/{path}", data={"csrf_token": token, **fields})
    assert answer.status_code == 303, answer.text
    return client.get(answer.location).text


def told(page: str) -> str:
    """The banner of a page."""
    return unescape(page.split('<p class="banner', 1)[1].split(">", 1)[1].split("<", 1)[0])
