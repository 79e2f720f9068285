"""Articles on a ticket's page: planned, found, drafted."""

import pytest
from flask.testing import FlaskClient

from portal.services import Services
from portal.storage import Database
from portal.tickets import Status
from tests.desk_forms import at, post
from tests.storing import add, get


@pytest.fixture
def database(portal_services: Services) -> Database:
    """Of the instance."""
    return portal_services.database


def test_an_article_is_planned_on_the_page(agent: FlaskClient, database: Database) -> None:
    """And how it stands is shown."""
    found = add(database, query="password")

    assert post(agent, f"{at(found)}/article", at(found), planned="no slug!").status_code == 400
    assert post(agent, f"{at(found)}/article", at(found), planned="kazoo").status_code == 303
    assert "Not published yet." in agent.get(at(found)).text
    assert post(agent, f"{at(found)}/article", at(found), planned="/en/articles/reset-password").status_code == 303

    page = agent.get(at(found)).text
    assert get(database, found).slug == "reset-password"
    assert "finds it at rank 1" in page


def test_a_request_is_solved_by_an_article_that_its_search_finds(agent: FlaskClient, database: Database) -> None:
    """Without one nothing happens; the article is then the ticket's."""
    found, sent = add(database, query="password"), {"resolution": "article_improved", "text": "See the article."}

    refused = [post(agent, f"{at(found)}/solve", at(found), slug=slug, **sent).status_code for slug in ("", "kazoo")]
    other = post(agent, f"{at(found)}/solve", at(found), slug="vpn-only-english", **sent)
    solved = post(agent, f"{at(found)}/solve", at(found), slug="reset-password", version=found.version, **sent)

    assert (refused, other.status_code, solved.status_code) == ([400, 409], 409, 303)
    assert (get(database, found).status, get(database, found).slug) == (Status.SOLVED, "reset-password")


def test_a_draft_of_a_request_is_downloaded(agent: FlaskClient, database: Database) -> None:
    """Without the requester's name."""
    found = add(database, subject="Printer of Anna", query="printer", resolution_text="Hello Anna,\nrestart it.")

    answer = agent.get(f"{at(found)}/draft.md")

    assert (answer.status_code, answer.mimetype) == (200, "text/markdown")
    assert "restart it." in answer.text
    assert "Anna" not in answer.text
