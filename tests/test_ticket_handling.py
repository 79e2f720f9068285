"""Handling a ticket over HTTP: priority, escalation, assignment, swarms, mentions, and what writers may not."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.people import Person, Role
from portal.services import Services
from portal.storage import notices
from portal.storage import tickets as store
from portal.storage.notices import About
from portal.tickets import Action, Status, Ticket
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in
from tests.ticketing import SENT, found, post


@pytest.fixture
def request_and_link(portal_services: Services) -> tuple[Ticket, str]:
    """A request in German, and the token of its private page."""
    return portal_services.requests.receive(SENT, "form", portal_services.clock(), stems=[])


@pytest.fixture
def number(request_and_link: tuple[Ticket, str]) -> int:
    """The request's number."""
    return request_and_link[0].id


@pytest.fixture
def colleague(app: Flask, portal_services: Services) -> Person:
    """A second agent."""
    made = person(name="Boris Orlov", email="boris@example.org", tiers=(1, 2), languages=("en", "ru"))
    return portal_services.staff.add(made, PASSWORD, portal_services.clock())


def test_priority_and_topic_are_put_right(number: int, agent: FlaskClient, portal_services: Services) -> None:
    """By the matrix; the language decides how the requester is written to from then on."""
    answer = post(agent, f"{number}/classify", urgency="5", impact="4", topic="accounts", language="fr")

    changed = found(portal_services, number)
    assert answer.status_code == 303
    assert (changed.priority, changed.topic, changed.language) == (5, "accounts", "fr")


def test_escalating_needs_a_reason_and_frees_it(number: int, agent: FlaskClient, portal_services: Services) -> None:
    """Without one the page says so and keeps the choice; with one the other tier has it."""
    post(agent, f"{number}/take")
    refused = post(agent, f"{number}/escalate", tier="2", text=" ")
    passed = post(agent, f"{number}/escalate", tier="2", text="Needs the server log")

    changed = found(portal_services, number)
    assert (refused.status_code, passed.status_code) == (400, 303)
    assert "Enter a text." in refused.text
    assert (changed.tier, changed.owner_id) == (2, None)
    assert "Needs the server log" in agent.get(f"/en/desk/tickets/{number}").text


@pytest.mark.parametrize("tier", ["", "1", "4", "9", "x"])
def test_there_is_no_escalating_to_nowhere(tier: str, number: int, agent: FlaskClient) -> None:
    """Its own tier, the suppliers and what is no tier are refused."""
    answer = post(agent, f"{number}/escalate", tier=tier, text="Because")

    assert answer.status_code == 400
    assert 'id="ui-tier-fault"' in answer.text


def test_assigning_tells_the_other(
    number: int, colleague: Person, agent: FlaskClient, portal_services: Services
) -> None:
    """They own it and are told; nobody chosen is said at the field."""
    nobody = post(agent, f"{number}/assign", person="")
    given = post(agent, f"{number}/assign", person=str(colleague.id))

    assert (nobody.status_code, given.status_code) == (400, 303)
    assert 'id="ui-person-fault"' in nobody.text
    assert found(portal_services, number).owner_name == "Boris Orlov"
    with portal_services.database.read() as connection:
        told = notices.newest(connection, colleague.id)
    assert [(each.about, each.ticket_id) for each in told] == [(About.ASSIGNED, number)]


@pytest.mark.parametrize("action", ["assign", "escalate"])
def test_who_passes_it_on_with_an_old_page_takes_it_from_nobody(
    action: str, number: int, colleague: Person, agent: FlaskClient, portal_services: Services
) -> None:
    """A colleague has taken it meanwhile: the page says so, and keeps the reason."""
    version = hidden(agent.get(f"/en/desk/tickets/{number}").text, "version")
    portal_services.desk.work(colleague, number, Action.TAKE, portal_services.clock())
    (mia,) = (each for each in portal_services.staff.everybody() if each.id != colleague.id)

    late = post(agent, f"{number}/{action}", person=str(mia.id), tier="2", text="Server log", version=version)

    assert late.status_code == 409
    assert "The ticket has changed since you opened it." in late.text
    assert ("Server log" in late.text) is (action == "escalate")
    assert (found(portal_services, number).owner_id, found(portal_services, number).tier) == (colleague.id, 1)


def test_a_swarm_keeps_its_owner(
    number: int, colleague: Person, app: Flask, agent: FlaskClient, portal_services: Services
) -> None:
    """Who is invited is told, is named on the page, and can leave."""
    post(agent, f"{number}/take")
    empty = post(agent, f"{number}/swarm", text="Help")
    invited = post(agent, f"{number}/swarm", invite=str(colleague.id), text="Help")
    page = agent.get(f"/en/desk/tickets/{number}").text
    other = sign_in(app.test_client(), colleague.email)
    assert "You were invited to help" in other.get("/en/desk/notices").text
    left = post(other, f"{number}/leave")

    assert (empty.status_code, invited.status_code, left.status_code) == (400, 303, 303)
    assert found(portal_services, number).owner_name == "Mia Lindt"
    assert "helped by Boris Orlov" in page
    assert "helped by" not in agent.get(f"/en/desk/tickets/{number}").text


def test_a_mention_is_told_until_it_is_seen(number: int, colleague: Person, app: Flask, agent: FlaskClient) -> None:
    """The head of each page counts it; opening the ticket with script, or the list's button, ends that."""
    post(agent, f"{number}/note", text="@Boris Orlov, can you look?")
    other = sign_in(app.test_client(), colleague.email)
    badge = '<span class="badge">1</span>'
    assert badge in other.get("/en/desk/").text
    assert "can you look?" in other.get("/en/desk/notices").text

    assert post(other, f"{number}/seen").status_code == 204

    assert badge not in other.get("/en/desk/").text


def test_the_requesters_reply_is_told_to_the_owner(
    request_and_link: tuple[Ticket, str], agent: FlaskClient, reader: FlaskClient
) -> None:
    """Whoever has it need not watch it."""
    number, link = request_and_link[0].id, request_and_link[1]
    post(agent, f"{number}/take")

    reader.post(f"/de/requests/{link}/reply", data={"text": "Noch nicht."})

    assert "The requester has replied" in agent.get("/en/desk/notices").text


def test_writers_read_and_do_nothing(number: int, app: Flask, portal_services: Services) -> None:
    """Every way of working on a ticket is closed to them."""
    writer = person(email="wera@example.org", name="Wera", roles=frozenset({Role.WRITER}), tiers=())
    portal_services.staff.add(writer, PASSWORD, portal_services.clock())
    client = sign_in(app.test_client(), "wera@example.org")

    assert client.get(f"/en/desk/tickets/{number}").status_code == 200
    for action in ("reply", "classify", "escalate", "assign", "swarm", "undo", "insert", "preview", "draft"):
        assert post(client, f"{number}/{action}", text="x").status_code == 403
    assert found(portal_services, number).version == 1


def test_the_solution_tells_who_acts_next(
    request_and_link: tuple[Ticket, str], agent: FlaskClient, reader: FlaskClient, portal_services: Services
) -> None:
    """Solved by an agent, opened again by the requester's reply: the owner keeps it."""
    number, link = request_and_link[0].id, request_and_link[1]
    post(agent, f"{number}/take")
    post(agent, f"{number}/solve", text="Gelöst.", resolution="answered")
    reader.post(f"/de/requests/{link}/reply", data={"text": "Doch nicht."})

    again = found(portal_services, number)
    assert (again.status, again.owner_name, again.resolution) == (Status.OPEN, "Mia Lindt", None)
    with portal_services.database.read() as connection:
        actions = [event.action for event in store.history(connection, number)]
    assert actions == [Action.OPENED, Action.TAKE, Action.SOLVE, Action.REQUESTER_REPLY]
