"""Who gets into the desk, and for how long."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.locales import CODES
from portal.people import Role
from portal.services import Services
from portal.storage import tickets as store
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in
from tests.ticketing import open_gap

DESK = ["/{}/desk/", "/{}/desk/tickets/1"]


@pytest.mark.parametrize("path", DESK)
def test_strangers_are_asked_to_sign_in_and_led_back(path: str, reader: FlaskClient) -> None:
    """Nothing of the desk is shown; after signing in the page is there."""
    answer = reader.get(path.format("de"))

    assert answer.status_code == 303
    assert answer.location == f"/de/sign-in?next={path.format('de')}"
    assert reader.post("/de/desk/tickets/1/take").status_code == 401


@pytest.mark.parametrize(
    ("roles", "reads", "works"),
    [
        ({Role.AGENT}, 200, 303),
        ({Role.SUPERVISOR}, 200, 303),
        ({Role.ADMINISTRATOR}, 200, 303),
        ({Role.WRITER}, 200, 403),
    ],
    ids=["agent", "supervisor", "administrator", "writer"],
)
def test_each_role_may_do_its_part(
    roles: set[Role], reads: int, works: int, app: Flask, portal_services: Services
) -> None:
    """Writers see what people asked in vain, and leave the answering to agents."""
    number = open_gap(portal_services)
    portal_services.staff.add(person(roles=frozenset(roles)), PASSWORD, portal_services.clock())
    client = sign_in(app.test_client(), "mia@example.org")

    assert client.get("/en/desk/").status_code == reads
    assert (">Take it<" in client.get(f"/en/desk/tickets/{number}").text) == (works == 303)
    data = {"csrf_token": hidden(client.get("/en/desk/").text, "csrf_token"), "version": "1"}
    assert client.post(f"/en/desk/tickets/{number}/take", data=data).status_code == works


@pytest.mark.parametrize("language", CODES)
def test_a_wrong_password_is_told_without_saying_which_half_is_wrong(
    language: str, agent: FlaskClient, app: Flask
) -> None:
    """An unknown address and a wrong password look alike."""
    client = app.test_client()
    token = hidden(client.get(f"/{language}/sign-in").text, "csrf_token")

    pages = []
    for email in ("mia@example.org", "nobody@example.org"):
        sent = {"email": email, "password": "wrong", "csrf_token": token}
        answer = client.post(f"/{language}/sign-in", data=sent)
        assert answer.status_code == 403
        pages.append(answer.text.replace(email, "").replace(hidden(answer.text, "csrf_token"), ""))

    assert pages[0] == pages[1]


def test_after_ten_wrong_passwords_the_account_waits(agent: FlaskClient, app: Flask) -> None:
    """Also the right one is refused, with the time to wait."""
    client = app.test_client()
    token = hidden(client.get("/fr/sign-in").text, "csrf_token")
    for _ in range(10):
        client.post("/fr/sign-in", data={"email": "mia@example.org", "password": "wrong", "csrf_token": token})

    answer = client.post("/fr/sign-in", data={"email": "mia@example.org", "password": PASSWORD, "csrf_token": token})

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert "15" in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:x",
    ],
)
def test_signing_in_leads_nowhere_else(target: str, agent: FlaskClient, app: Flask) -> None:
    """A forged `next` is not followed."""
    client = app.test_client()
    token = hidden(client.get("/en/sign-in").text, "csrf_token")
    sent = {"email": "mia@example.org", "password": PASSWORD, "csrf_token": token, "next": target}

    assert client.post("/en/sign-in", data=sent).location == "/en/desk/"


def test_a_form_of_the_desk_needs_its_token(agent: FlaskClient, portal_services: Services) -> None:
    """Another site cannot press an agent's buttons."""
    number = open_gap(portal_services)

    answer = agent.post(f"/ru/desk/tickets/{number}/take", data={"csrf_token": "forged"})

    assert answer.status_code == 400
    assert '<html lang="ru"' in answer.text
    with portal_services.database.read() as connection:
        assert store.get(connection, number).owner_id is None


def test_signing_out_ends_the_session_everywhere(agent: FlaskClient, app: Flask) -> None:
    """A copy of the cookie is worth nothing afterwards."""
    cookie = agent.get_cookie("staff")
    assert cookie is not None
    thief = app.test_client()
    thief.set_cookie("staff", cookie.value)
    before = thief.get("/en/desk/").status_code

    agent.post("/en/sign-out", data={"csrf_token": hidden(agent.get("/en/desk/").text, "csrf_token")})

    assert (before, thief.get("/en/desk/").status_code) == (200, 303)


def test_a_session_ends_after_its_hours(agent: FlaskClient, portal_services: Services) -> None:
    """Twelve hours later the agent signs in again."""
    now = portal_services.clock
    portal_services.clock = lambda: now() + timedelta(hours=13)

    assert agent.get("/en/desk/").status_code == 303
