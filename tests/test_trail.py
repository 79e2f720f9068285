"""The trail: what a requester has tried is shown before it is sent, and stored exactly as it was shown."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from portal.services import Services
from tests.conftest import hidden
from tests.test_request_suggestions import NONSENSE, TITLES, items, opened, requests, send


def visit(client: FlaskClient, services: Services, *addresses: str) -> None:
    """Search and read as a person with a browser does, who has been here a moment ago."""
    client.get("/en/search?q=hello+again")
    for address in addresses:
        assert client.get(address).status_code == 200
    services.journal.flush()


def test_the_receipt_names_what_was_tried(reader: FlaskClient, portal_services: Services) -> None:
    """Searches with what they found, articles, oldest first, each once, all ticked."""
    visit(
        reader, portal_services, "/en/search?q=printer", "/en/articles/printer-offline", "/en/search?q=printer",
        "/en/search?q=zxqv+blorp",
    )  # fmt: skip

    page = opened(reader, NONSENSE)

    assert items(page)[-3:] == [
        "Article read: “The printer is offline”",
        "Search: “printer” Found: The printer is offline",
        "Search: “zxqv blorp” Nothing found",
    ]
    assert page.count('name="attach"') == page.count(" checked>")


def test_the_search_that_somebody_comes_from_is_there_without_a_session(reader: FlaskClient) -> None:
    """With what it finds now; also of somebody who asks not to be followed."""
    page = reader.get("/en/requests/new?query=printer", headers={"DNT": "1"}).text

    assert items(page) == ["Search: “printer” Found: The printer is offline"]


def test_who_has_tried_nothing_attaches_nothing(reader: FlaskClient) -> None:
    """No empty box."""
    assert 'name="trail"' not in opened(reader)


def test_what_is_left_ticked_is_stored_as_it_was_shown(reader: FlaskClient, portal_services: Services) -> None:
    """The unticked item is nowhere."""
    visit(reader, portal_services, "/en/search?q=printer", "/en/articles/printer-offline")
    page = opened(reader, NONSENSE)
    count = len(items(page))

    send(reader, stamp=hidden(page, "stamp"), trail=hidden(page, "trail"), attach=["1", str(count - 1)], suggested="1")

    (request,) = requests(portal_services)
    assert [item["text"] for item in request.trail] == ["printer", NONSENSE]
    assert request.trail[0]["results"] == "The printer is offline"
    assert {item["kind"] for item in request.trail} == {"search"}
    assert "printer-offline" not in json.dumps(request.trail)


def test_what_was_unticked_stays_unticked(reader: FlaskClient, portal_services: Services) -> None:
    """Through a fault and through the suggestions."""
    visit(reader, portal_services, "/en/search?q=printer")
    page = opened(reader, NONSENSE)
    fields: dict[str, Any] = {name: hidden(page, name) for name in ("stamp", "trail")} | {"attach": ["0"]}

    fault = send(reader, **fields, name="").text
    step = send(reader, **fields, description=TITLES["en"]).text

    for answer in (fault, step):
        assert items(answer) == items(page)
        assert re.findall(r'name="attach" value="(\d+)" checked', answer) == ["0"]


@pytest.mark.parametrize("case", ["changed", "other", "none", "numbers"])
def test_a_trail_cannot_be_forged(case: str, reader: FlaskClient, portal_services: Services) -> None:
    """What this portal has not shown is not attached; the request is received."""
    page = opened(reader, "printer")
    signed = hidden(page, "trail")
    trail = {"changed": "W10" + signed[3:], "other": hidden(page, "stamp"), "none": "", "numbers": signed}[case]

    answer = send(reader, trail=trail, attach=["7", "-1", "x", "²"] if case == "numbers" else ["0"], suggested="1")

    assert answer.status_code == 303
    assert [request.trail for request in requests(portal_services)] == [()]


def test_personal_data_is_masked_in_the_receipt_already(reader: FlaskClient) -> None:
    """What is shown is what is stored: nobody's address, nobody's number."""
    page = opened(reader, "mail to mia@example.org bounces 4111 1111 1111 1111")

    (item,) = items(page)
    assert "mia@example.org" not in item
    assert "4111" not in item


def test_another_browser_sees_nothing_of_it(reader: FlaskClient, portal_services: Services) -> None:
    """The trail is the session's own."""
    visit(reader, portal_services, "/en/search?q=printer")

    assert items(opened(reader.application.test_client())) == []


def test_no_more_than_twenty_items(reader: FlaskClient, portal_services: Services) -> None:
    """The newest ones."""
    visit(reader, portal_services, *(f"/en/search?q=printer+{'ab' * number}" for number in range(1, 26)))

    shown = items(opened(reader))

    assert len(shown) == 20
    assert "ab" * 25 in shown[-1]


def test_hostile_words_are_text_in_the_receipt(reader: FlaskClient, portal_services: Services) -> None:
    """Markup in a search stays text."""
    visit(reader, portal_services, "/en/search?q=" + quote('<b>printer</b> " onload=x'))

    page = opened(reader)

    assert "<b>printer" not in page
    assert "&lt;b&gt;printer" in page
