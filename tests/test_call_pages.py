"""The pages of calls: the list, attempts, other times, and the ticket."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import portal.web.desk.calls as pages
from portal.desk.calls import Outcome
from portal.locales import CODES
from portal.people import Person, Role
from portal.services import Services
from portal.storage import people
from portal.storage.callbacks import State, Task
from tests.builders import NOW, PASSWORD, person
from tests.calling import HOUR, WANTS, tasks
from tests.conftest import hidden, sign_in
from tests.working import opened


def request(services: Services, **changes: Any) -> tuple[int, Task]:
    """A request with a planned call in the running portal."""
    number = opened(services.database, **WANTS | changes)
    services.calls.plan_new(NOW)
    return number, tasks(services.database, number)[-1]


@pytest.fixture
def at_ten(portal_services: Services) -> Services:
    """The portal at a known time."""
    portal_services.clock = lambda: NOW
    return portal_services


def post(client: FlaskClient, path: str, **fields: str) -> Any:
    """Send a form of the desk."""
    token = hidden(client.get("/en/desk/calls").text, "csrf_token")
    return client.post(path, data={"csrf_token": token, **fields})


@pytest.mark.parametrize("language", CODES)
def test_the_list_shows_both_zones_where_they_differ(language: str, agent: FlaskClient, at_ten: Services) -> None:
    """In the page's language; the number can be dialled; an hour that is the same is said once."""
    number, _task = request(at_ten)
    mia = hired(at_ten)
    other = opened(at_ten.database, language="de", subject="<b>Pumpe</b>")
    at_ten.calls.schedule(mia, other, "+7 495 1234567", "2026-03-02T15:30", 30, "Europe/Moscow", NOW)

    page = agent.get(f"/{language}/desk/calls").text

    assert page.count("<tr>") == 3
    assert 'href="tel:%2B74951234567"' in page
    assert "&lt;b&gt;Pumpe&lt;/b&gt;" in page
    moscow = {"en": "Moscow", "fr": "Moscou", "de": "Moskau", "ru": "Москва"}[language]
    assert page.count(moscow) == 1
    assert f"/desk/tickets/{number}" in page
    assert "None" not in page


def hired(services: Services) -> Person:
    """The agent who is signed in."""
    with services.database.read() as connection:
        return people.everybody(connection)[0]


def test_attempts_are_written_down_without_script(agent: FlaskClient, at_ten: Services) -> None:
    """By buttons of a form; a failed one stays in the list, and after three giving up leads to the ticket."""
    number, task = request(at_ten)
    path = f"/en/desk/calls/{task.id}"

    page = agent.get("/en/desk/calls").text
    assert "Give up and write instead" not in page
    for hour in range(3):
        at_ten.clock = lambda hour=hour: NOW + (3 + hour) * HOUR  # type: ignore[misc]
        answer = post(agent, path, outcome="no_answer", call_note="Mailbox", back="list")
        assert (answer.status_code, answer.location) == (303, "/en/desk/calls")
    page = agent.get("/en/desk/calls").text
    assert "Give up and write instead" in page
    assert "Tried 3 times" in page

    answer = post(agent, path, outcome="given_up", back="list")

    assert answer.location == f"/en/desk/tickets/{number}"
    assert post(agent, path, outcome="reached", back="list").status_code == 409
    assert post(agent, path, outcome="nonsense").status_code == 400
    assert post(agent, "/en/desk/calls/4040", outcome="reached").status_code == 404


def test_what_is_wrong_with_a_time_is_said_and_kept(agent: FlaskClient, at_ten: Services) -> None:
    """At the field, with what was typed; a good one leads back to the ticket."""
    number, _task = request(at_ten)
    path = f"/en/desk/tickets/{number}/calls"
    good = {"call_phone": "+49 30 7654321", "call_start": "2026-03-05T10:00", "call_minutes": "30", "call_time_zone": "Europe/Paris"}  # fmt: skip

    answer = post(agent, path, **good | {"call_start": "2026-03-01T10:00", "call_time_zone": "Europe/Paris"})
    assert answer.status_code == 400
    assert "This time has passed." in answer.text
    assert 'value="+49 30 7654321"' in answer.text
    for field, value in (("call_minutes", "x"), ("call_time_zone", "<i>"), ("call_phone", ""), ("call_start", "")):
        answer = post(agent, path, **good | {field: value})
        assert answer.status_code == 400
        assert f'id="ui-{field}-fault"' in answer.text
        assert "<i>" not in answer.text

    assert post(agent, path, **good).status_code == 303
    assert tasks(at_ten.database, number)[0].time_zone == "Europe/Paris"


def test_the_ticket_shows_its_call(agent: FlaskClient, at_ten: Services) -> None:
    """With number, time, attempts, and the form for another time."""
    number, _task = request(at_ten)

    page = agent.get(f"/en/desk/tickets/{number}").text

    assert 'id="ui-calls"' in page
    assert "+49 30 1234567" in page
    assert "Agree another time" in page


def test_writers_and_strangers_see_no_calls(app: Flask, at_ten: Services, reader: FlaskClient) -> None:
    """Telephone numbers are for those who call."""
    _number, task = request(at_ten)
    at_ten.staff.add(person(roles=frozenset({Role.WRITER}), email="w@example.org"), PASSWORD, at_ten.clock())
    writer = sign_in(app.test_client(), "w@example.org")

    assert writer.get("/en/desk/calls").status_code == 403
    assert reader.get("/en/desk/calls").status_code == 303
    assert reader.post(f"/en/desk/calls/{task.id}").status_code == 401


def test_times_are_written_as_each_language_does() -> None:
    """The module's own words are there for every outcome and state."""
    assert set(pages.OUTCOME) == set(Outcome)
    assert set(pages.STATE) == set(State)


def test_the_call_of_a_merged_request_is_shown_and_written_down(agent: FlaskClient, at_ten: Services) -> None:
    """On its page and in the list; another time cannot be agreed."""
    number, task = request(at_ten)
    main = opened(at_ten.database)
    at_ten.merging.merge(hired(at_ten), number, main, NOW)

    page = agent.get(f"/en/desk/tickets/{number}").text
    assert f'action="/en/desk/calls/{task.id}"' in page
    assert f'action="/en/desk/tickets/{number}/calls"' not in page
    assert f'action="/en/desk/calls/{task.id}"' in agent.get("/en/desk/calls?show=all").text
    assert post(agent, f"/en/desk/calls/{task.id}", outcome="reached", back="ticket").status_code == 303

    assert tasks(at_ten.database, number)[0].state is State.REACHED
