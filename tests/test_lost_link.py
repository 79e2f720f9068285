"""Who has lost the link of a request is sent another one, and nobody learns who has requests."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.locales import CODES
from portal.services import Services
from portal.storage.schema import link_requests, outbox
from tests.conftest import hidden
from tests.test_private_page import send, the_request


def ask(client: FlaskClient, language: str = "en", **fields: str) -> TestResponse:
    """Ask for a link."""
    stamp = hidden(client.get(f"/{language}/requests/find").text, "stamp")
    return client.post(f"/{language}/requests/find", data={"stamp": stamp, **fields})


def wishes(services: Services) -> list[tuple[int, str, str]]:
    """The links that are asked for."""
    with services.database.read() as connection:
        return [(row.number, row.email, row.language) for row in connection.execute(select(link_requests))]


@pytest.mark.parametrize("language", CODES)
def test_everybody_is_told_the_same(language: str, reader: FlaskClient, portal_services: Services) -> None:
    """Whether there is such a request, whether it is theirs, whether a robot asks."""
    send(reader)
    number = str(the_request(portal_services).id)

    answers = [
        ask(reader, language, number=number, email="anna@example.org"),
        ask(reader, language, number=number, email="evil@example.org"),
        ask(reader, language, number="999999", email="anna@example.org"),
        ask(reader, language, number=f" #{number}", email="anna@example.org", fax_extension="1"),
    ]

    assert {(answer.status_code, answer.location) for answer in answers} == {
        (303, f"/{language}/requests/find?sent=yes")
    }
    assert len(wishes(portal_services)) == 3
    assert reader.get(answers[0].location).status_code == 200


def test_the_link_is_mailed_to_whom_it_belongs(reader: FlaskClient, portal_services: Services) -> None:
    """The link in the mail opens the request."""
    send(reader)
    number = str(the_request(portal_services).id)
    ask(reader, "fr", number=number, email="ANNA@example.org")
    ask(reader, "fr", number=number, email="evil@example.org")

    sent = portal_services.lost_links.send(portal_services.clock())

    with portal_services.database.read() as connection:
        mail = connection.execute(select(outbox).order_by(outbox.c.id.desc())).mappings().first()
    assert mail is not None
    path = re.search(r"/fr/requests/[0-9a-f]{64}", mail["text"])
    assert sent == 1
    assert mail["recipient"] == "anna@example.org"
    assert path is not None
    assert reader.get(path[0]).status_code == 200
    assert wishes(portal_services) == []


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({}, ["number", "email"]),
        ({"number": "12a", "email": "anna@example.org"}, ["number"]),
        ({"number": "1" * 13, "email": "anna@example.org"}, ["number"]),
        ({"number": "²", "email": "anna"}, ["number", "email"]),
    ],
)
def test_what_cannot_be_a_number_or_an_address_is_told(
    fields: dict[str, str], faults: list[str], reader: FlaskClient, portal_services: Services
) -> None:
    """That says nothing of anybody's requests."""
    answer = ask(reader, **fields)

    assert answer.status_code == 400
    assert re.findall(r'<a href="#ui-(\w+)">', answer.text) == faults
    assert wishes(portal_services) == []


def test_the_way_back_is_linked_from_everywhere(reader: FlaskClient) -> None:
    """From the footer of every page, and from the form itself."""
    assert '<a href="/en/requests/find">' in reader.get("/en/").text.split("<footer")[1]
    assert '<a href="/en/requests/find">' in reader.get("/en/requests/new").text.split("<footer")[0]
