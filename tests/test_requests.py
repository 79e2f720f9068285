"""Asking a person: the form, what may go wrong with it, and the private page."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from portal.app import create_app
from portal.locales import CODES
from portal.services import Services
from portal.settings import Settings
from portal.storage import tickets as store
from portal.tickets import Callback, Kind, Status, Ticket
from tests.builders import settings
from tests.conftest import hidden
from tests.postgres import locked

#: As a person sends it who has been shown articles already; see `test_request_suggestions` for what comes before.
GOOD = {
    "name": "Анна Kühn", "email": "anna@example.org", "description": "Der Drucker druckt nicht.\nSeit Montag.",
    "suggested": "1",
}  # fmt: skip


def stamp(client: FlaskClient, language: str = "en") -> str:
    """The stamp of a form that was just opened."""
    return hidden(client.get(f"/{language}/requests/new").text, "stamp")


def requests(services: Services) -> list[Ticket]:
    """All requests, oldest first."""
    with services.database.read() as connection:
        return store.find(connection, store.Filter(kind=Kind.REQUEST, is_unsolved=None))


@pytest.mark.parametrize("language", CODES)
def test_the_form_is_filled_in_with_the_search(language: str, reader: FlaskClient) -> None:
    """Nobody retypes what they searched for."""
    text = reader.get(f"/{language}/requests/new?query=zyxomat+%3Cb%3E&page=/{language}/search").text

    assert re.search(r"<textarea[^>]*>zyxomat &lt;b&gt;</textarea>", text)
    assert hidden(text, "query") == "zyxomat &lt;b&gt;"
    assert hidden(text, "page") == f"/{language}/search"
    fields = ("name", "email", "subject", "description", "callback", "phone", "window")
    assert all(f'name="{name}"' in text for name in fields)


@pytest.mark.parametrize("language", CODES)
def test_sending_gives_a_number_and_a_private_page(
    language: str, reader: FlaskClient, portal_services: Services
) -> None:
    """The request is at L1, linked to its gap; the page is the requester's alone and says what happens next."""
    reader.get(f"/{language}/search?q=zyxomat")

    answer = reader.post(f"/{language}/requests/new", data={**GOOD, "stamp": stamp(reader), "query": "zyxomat"})
    page = reader.get(answer.location)

    (request,) = requests(portal_services)
    assert answer.status_code == 303
    assert re.fullmatch(rf"/{language}/requests/[0-9a-f]{{64}}\?sent=yes", answer.location)
    assert (request.tier, request.status, request.language) == (1, Status.NEW, language)
    assert request.subject == "Der Drucker druckt nicht."
    assert request.gap_id == 1
    assert str(request.id) in page.text
    assert "Анна Kühn" in page.text
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert page.headers["Cache-Control"] == "no-store"


FAULTS = [
    ("name", ""),
    ("name", "x" * 101),
    ("name", "\u202e\u200b"),
    ("email", ""),
    ("email", "anna"),
    ("email", "anna@example.org, evil@example.org"),
    ("email", "anna@example.org\r\nBcc: evil@example.org"),
    ("email", "a" * 250 + "@example.org"),
    ("description", "  \n "),
    ("description", "x" * 5001),
    ("subject", "x" * 121),
    ("phone", "12"),
    ("phone", "call me"),
    ("phone", "1" * 41),
    ("phone", "+49 30 1234<script>"),
]


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize(("field", "value"), FAULTS, ids=[f"{name}: {value[:20]!a}" for name, value in FAULTS])
def test_a_fault_is_named_at_its_field_and_nothing_is_lost(
    field: str, value: str, language: str, reader: FlaskClient, portal_services: Services
) -> None:
    """A summary that leads to the field, the message beside it, everything else as it was typed."""
    sent = {**GOOD, field: value, "stamp": stamp(reader)}

    answer = reader.post(f"/{language}/requests/new", data=sent)

    assert answer.status_code == 400
    assert f'<a href="#ui-{field}">' in answer.text
    assert f'id="ui-{field}-fault"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    for name in GOOD.keys() - {field}:
        assert GOOD[name].split("\n")[0] in answer.text
    assert requests(portal_services) == []


def test_all_faults_are_named_at_once(reader: FlaskClient) -> None:
    """Nobody mends one thing only to be told of the next."""
    answer = reader.post("/en/requests/new", data={"stamp": stamp(reader), "callback": "1"})

    summary = answer.text.split('class="summary"', 1)[1].split("</div>", 1)[0]
    assert re.findall(r'<a href="#ui-(\w+)">', summary) == ["description", "name", "email", "phone"]


def _forged(app: Flask) -> str:
    """A stamp that was signed with another key."""
    return str(URLSafeTimedSerializer("another key", salt="portal-form").dumps("nonce"))


@pytest.mark.parametrize("case", ["none", "rubbish", "forged"])
def test_a_form_that_was_not_opened_here_is_refused_and_kept(
    case: str, app: Flask, reader: FlaskClient, portal_services: Services
) -> None:
    """What was typed comes back with a fresh stamp, which can be sent."""
    bad = {"none": "", "rubbish": "x.y.z", "forged": _forged(app)}[case]

    answer = reader.post("/de/requests/new", data={**GOOD, "stamp": bad})
    again = reader.post("/de/requests/new", data={**GOOD, "stamp": hidden(answer.text, "stamp")})

    assert answer.status_code == 400
    assert "Der Drucker druckt nicht." in answer.text
    assert again.status_code == 303
    assert len(requests(portal_services)) == 1


def test_a_form_is_too_old_or_too_fast(instance: Settings, portal_services: Services) -> None:
    """A day later, or within a second, what was typed is kept and can be sent again."""
    strict = settings(instance.articles, instance.data, form_min_seconds=60)
    portal_services.settings = strict
    client = create_app(strict, portal_services).test_client()
    opened = stamp(client)

    too_fast = client.post("/fr/requests/new", data={**GOOD, "stamp": opened})
    now = portal_services.clock
    portal_services.clock = lambda: now() + timedelta(hours=strict.form_max_hours, seconds=5)
    too_old = client.post("/fr/requests/new", data={**GOOD, "stamp": opened})
    portal_services.clock = lambda: now() + timedelta(seconds=90)
    in_time = client.post("/fr/requests/new", data={**GOOD, "stamp": opened})

    assert too_fast.status_code == too_old.status_code == 400
    assert "anna@example.org" in too_fast.text
    assert "anna@example.org" in too_old.text
    assert in_time.status_code == 303


def test_a_subject_is_taken_and_else_made_of_the_description(reader: FlaskClient, portal_services: Services) -> None:
    """One line for the queue either way."""
    reader.post("/en/requests/new", data={**GOOD, "stamp": stamp(reader), "subject": "  Toner\n is empty "})
    reader.post("/en/requests/new", data={**GOOD, "stamp": stamp(reader)})

    assert [request.subject for request in requests(portal_services)] == ["Toner is empty", "Der Drucker druckt nicht."]


CALLS = [
    ({"callback": "1", "phone": "+49 (30) 1234-567", "window": "morning"}, ("+49 (30) 1234-567", Callback.MORNING)),
    ({"callback": "1", "phone": "030 1234567"}, ("030 1234567", Callback.ANY)),
    ({"callback": "1", "phone": "030 1234567", "window": "at night"}, ("030 1234567", Callback.ANY)),
    ({"phone": "030 1234567", "window": "afternoon"}, ("030 1234567", Callback.AFTERNOON)),
    ({"window": "afternoon"}, ("", None)),
]


@pytest.mark.parametrize(("fields", "kept"), CALLS)
def test_a_call_is_asked_for(
    fields: dict[str, str], kept: tuple[str, Callback | None], reader: FlaskClient, portal_services: Services
) -> None:
    """By ticking the box or, where no script hides the field, by typing a number."""
    answer = reader.post("/de/requests/new", data={**GOOD, **fields, "stamp": stamp(reader)})

    (request,) = requests(portal_services)
    assert answer.status_code == 303
    assert (request.phone, request.callback) == kept


def test_a_call_without_a_number_is_told_at_its_field(reader: FlaskClient) -> None:
    """The box stays ticked and the window chosen."""
    sent = {**GOOD, "stamp": stamp(reader), "callback": "1", "window": "afternoon"}

    answer = reader.post("/fr/requests/new", data=sent)

    assert answer.status_code == 400
    assert 'id="ui-phone-fault"' in answer.text
    assert re.search(r'name="callback" value="1" checked', answer.text)
    assert '<option value="afternoon" selected>' in answer.text


def test_the_stamp_of_a_form_with_faults_stays(reader: FlaskClient) -> None:
    """It is the same form until it is sent."""
    opened = stamp(reader)

    answer = reader.post("/en/requests/new", data={**GOOD, "name": "", "stamp": opened})

    assert hidden(answer.text, "stamp") == opened


def test_sending_twice_is_one_request(reader: FlaskClient, portal_services: Services) -> None:
    """A double click or a replay leads to the same private page; another text is another request."""
    sent = {**GOOD, "stamp": stamp(reader)}

    first = reader.post("/en/requests/new", data=sent)
    second = reader.post("/en/requests/new", data=sent)
    other = reader.post("/en/requests/new", data={**sent, "description": "Something else"})

    assert first.location == second.location != other.location
    assert [request.subject for request in requests(portal_services)] == ["Der Drucker druckt nicht.", "Something else"]


def test_a_robot_sees_the_normal_page_and_bothers_nobody(reader: FlaskClient, portal_services: Services) -> None:
    """Who fills in the field that no person sees is kept out of the queue; nothing is lost."""
    answer = reader.post("/en/requests/new", data={**GOOD, "stamp": stamp(reader), "fax_extension": "12"})

    (request,) = requests(portal_services)
    assert answer.status_code == 303
    assert "sent=yes" in answer.location
    assert request.status is Status.SPAM
    assert "status-new" in reader.get(answer.location).text


def test_too_many_requests_from_one_network_are_kept_and_told(instance: Settings, portal_services: Services) -> None:
    """The form comes back with what was typed and says to wait."""
    strict = settings(instance.articles, instance.data, requests_per_hour=2)
    portal_services.settings = strict
    client = create_app(strict, portal_services).test_client()

    codes = [client.post("/ru/requests/new", data={**GOOD, "stamp": stamp(client)}).status_code for _ in range(2)]
    answer = client.post("/ru/requests/new", data={**GOOD, "stamp": stamp(client)})

    assert codes == [303, 303]
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert "Der Drucker druckt nicht." in answer.text
    assert '<html lang="ru"' in answer.text


def test_requester_and_agent_talk(reader: FlaskClient, agent: FlaskClient, portal_services: Services) -> None:
    """The reply is on the private page, the note is not; the requester's answer comes back, and solved re-opens."""
    link = reader.post("/de/requests/new", data={**GOOD, "stamp": stamp(reader)}).location.split("?")[0]
    number = requests(portal_services)[0].id

    def work(action: str, **fields: str) -> int:
        page = agent.get(f"/en/desk/tickets/{number}").text
        data = {"csrf_token": hidden(page, "csrf_token"), "version": hidden(page, "version"), **fields}
        return agent.post(f"/en/desk/tickets/{number}/{action}", data=data).status_code

    assert work("take") == 303
    assert work("note", text="Toner <b>again</b>") == 303
    assert work("ask_requester", text="Leuchtet die Lampe?") == 303
    waiting = reader.get(link).text
    answered = reader.post(f"{link}/reply", data={"text": "Ja, rot."})
    assert work("solve", text="Papier war leer.", resolution="answered") == 303
    solved = reader.get(link).text
    reader.post(f"{link}/reply", data={"text": "Leider nicht."})

    assert "Leuchtet die Lampe?" in waiting
    assert "Mia Lindt" in waiting
    assert "Toner" not in waiting
    assert "Wartet auf Ihre Antwort" in waiting
    assert answered.status_code == 303
    assert "Papier war leer." in solved
    (request,) = requests(portal_services)
    assert request.status is Status.OPEN
    assert request.resolution is None


def test_nothing_is_lost_when_the_database_is_locked(
    reader: FlaskClient, portal_services: Services, tmp_path: Path
) -> None:
    """The form comes back with what was typed, and can be sent a moment later."""
    sent = {**GOOD, "stamp": stamp(reader)}
    with locked(portal_services.database.url):
        refused = reader.post("/fr/requests/new", data=sent)

    again = reader.post("/fr/requests/new", data={**sent, "stamp": hidden(refused.text, "stamp")})

    assert refused.status_code == 503
    assert "Seit Montag." in refused.text
    assert again.status_code == 303
    assert len(requests(portal_services)) == 1


@pytest.mark.parametrize("page", ["//evil.example/x", "/\\evil.example", "https://evil.example", "/" + "x" * 600])
def test_the_page_that_a_form_names_is_one_of_ours(page: str, reader: FlaskClient, portal_services: Services) -> None:
    """An address that leads elsewhere is not shown to agents."""
    reader.post("/en/requests/new", data={**GOOD, "stamp": stamp(reader), "page": page})

    assert [request.page for request in requests(portal_services)] == [""]


def test_invisible_text_is_no_description(reader: FlaskClient, portal_services: Services) -> None:
    """Zero-width signs alone are nothing; before a text they do not make its subject."""
    nothing = reader.post("/en/requests/new", data={**GOOD, "stamp": stamp(reader), "description": "\u200b\n\u200b"})
    reader.post("/en/requests/new", data={**GOOD, "stamp": stamp(reader), "description": "\u200b\nToner"})

    assert nothing.status_code == 400
    assert [request.subject for request in requests(portal_services)] == ["Toner"]
