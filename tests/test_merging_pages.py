"""Merging on a ticket's page."""

import pytest
from flask.testing import FlaskClient

from portal.services import Services
from portal.storage import Database
from portal.tickets import Kind, Status
from tests.desk_forms import HOSTILE, at, post
from tests.storing import add, get


@pytest.fixture
def database(portal_services: Services) -> Database:
    """Of the instance."""
    return portal_services.database


def test_a_ticket_is_merged_on_its_page(agent: FlaskClient, database: Database) -> None:
    """The number may be typed with its sign; both pages say so afterwards."""
    first, second = add(database), add(database, subject=HOSTILE)

    answer = post(agent, f"{at(second)}/merge", at(second), into=f" #{first.id} ", version=second.version)

    assert (answer.status_code, answer.location.split("#")[0]) == (303, at(second))
    assert get(database, second).duplicate_of == first.id
    assert f'href="{at(first)}"' in agent.get(at(second)).text
    page = agent.get(at(first)).text
    assert "1 duplicate" in page
    assert HOSTILE not in page


@pytest.mark.parametrize(
    ("into", "said"),
    [
        ("", "Enter the number of a ticket"),
        ("printer", "Enter the number of a ticket"),
        ("999999", "There is no ticket with this number."),
    ],
)
def test_what_cannot_be_merged_is_explained(into: str, said: str, agent: FlaskClient, database: Database) -> None:
    """At the field, with what was typed."""
    found = add(database)

    answer = post(agent, f"{at(found)}/merge", at(found), into=into)

    assert answer.status_code == 400
    assert said in answer.text
    assert f'value="{into}"' in answer.text


def test_a_stale_page_merges_nothing(agent: FlaskClient, database: Database) -> None:
    """Somebody has done something since."""
    first, second = add(database), add(database)

    answer = post(agent, f"{at(second)}/merge", at(second), into=first.id, version=second.version + 1)

    assert answer.status_code == 409
    assert get(database, second).status is Status.NEW


def test_a_gap_says_what_moves(agent: FlaskClient, database: Database) -> None:
    """Nobody's page is spoken of."""
    page = agent.get(at(add(database, kind=Kind.GAP, query="kazoo", subject="kazoo", code="U0"))).text

    assert "how often it was asked" in page
    assert "ui-incident" not in page
