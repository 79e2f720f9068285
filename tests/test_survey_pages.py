"""The pages of surveys: figures, answers, and rating on the private page."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.locales import CODES
from portal.people import Person, Role
from portal.services import Services
from portal.storage import Database, ratings
from portal.storage import tickets as store
from portal.storage.ratings import Rating
from portal.tickets import Action, Status
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in
from tests.desk_forms import HOSTILE
from tests.storing import add, history


@pytest.fixture
def database(portal_services: Services) -> Database:
    """Of the instance."""
    return portal_services.database


@pytest.fixture
def sue(portal_services: Services) -> Person:
    """A supervisor."""
    made = person(email="sue@example.org", name="Sue Hart", roles=frozenset({Role.SUPERVISOR}))
    return portal_services.staff.add(made, PASSWORD, portal_services.clock())


@pytest.fixture
def supervisor(app: Flask, sue: Person) -> FlaskClient:
    """A supervisor who is signed in."""
    return sign_in(app.test_client(), sue.email)


@pytest.fixture
def now(portal_services: Services) -> Any:
    """The present moment."""
    return portal_services.clock()


@pytest.mark.parametrize("language", CODES)
def test_the_survey_page(language: str, supervisor: FlaskClient, database: Database, now: Any) -> None:
    """Figures, what several say, every answer; escaped; narrowed by language, tier and stars."""
    texts = {"en": "Answer faster please", "de": HOSTILE}
    for number in range(3):
        for code, text in texts.items():
            found = add(database, status=Status.CLOSED, closed_at=now, language=code)
            with database.write() as connection:
                ratings.put(connection, found.id, Rating(1 + 2 * number, text, now - timedelta(days=number)))

    page = supervisor.get(f"/{language}/desk/surveys").text
    bad = supervisor.get(f"/{language}/desk/surveys?show=bad&in=en&tier=1&days=30").text
    nothing = supervisor.get(f"/{language}/desk/surveys?in=fr&show=comments&days=x&tier=9&after=x").text

    assert HOSTILE not in page
    assert page.count("Answer faster please") == 2 + 3
    assert "ui-wishes" in page
    answers = [text.split('id="ui-answers"')[1] for text in (page, bad, nothing)]
    assert [text.count('<td class="figure"><a') for text in answers] == [6, 1, 0]


def test_surveys_are_for_supervisors(agent: FlaskClient, reader: FlaskClient) -> None:
    """Agents are refused, others sign in."""
    assert agent.get("/en/desk/surveys").status_code == 403
    assert reader.get("/en/desk/surveys").status_code in {302, 303}


def test_very_many_answers_are_paged(supervisor: FlaskClient, database: Database, now: Any) -> None:
    """The next page goes on where this one ends."""
    for number in range(60):
        found = add(database, status=Status.CLOSED, closed_at=now)
        with database.write() as connection:
            ratings.put(connection, found.id, Rating(4, "", now - timedelta(minutes=number)))
    first = supervisor.get("/en/desk/surveys").text
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more is not None

    second = supervisor.get(more[1].replace("&amp;", "&")).text

    numbers = [set(re.findall(r'class="figure"><a href="[^"]*/(\d+)"', text)) for text in (first, second)]
    assert [len(each) for each in numbers] == [50, 10]
    assert not numbers[0] & numbers[1]


def test_a_first_answer_counts(app: Flask, database: Database, portal_services: Services) -> None:
    """A second one changes nothing; the page says thanks."""
    client = app.test_client()
    stamp = hidden(client.get("/en/requests/new").text, "stamp")
    data = {"name": "Anna", "email": "anna@example.org", "description": "zzz", "suggested": "1", "stamp": stamp}
    path = client.post("/en/requests/new", data=data).location.split("?")[0]
    with database.write() as connection:
        found = store.recent(connection, "en", 1)[0]
    portal_services.requests.close(path.rsplit("/", 1)[1], portal_services.clock())

    for stars in ("2", "5"):
        assert client.post(f"{path}/rate", data={"stars": stars, "comment": ""}).status_code == 303

    with database.read() as connection:
        rating = ratings.of_ticket(connection, found.id)
    assert rating is not None
    assert rating.stars == 2
    assert [event.action for event in history(database, found)].count(Action.RATE) == 1
    assert "Thank you." in client.get(path).text
