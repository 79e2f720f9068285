"""Requests through the API: sent once, followed by their token, answered, closed, opened again, rated."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from portal.api_tokens import Scope
from portal.storage import tickets as store
from portal.storage.schema import search_events, tickets
from portal.tickets import Action, Callback, Resolution, Ticket
from tests.api import REQUEST, Api, open_api
from tests.builders import person
from tests.conftest import hidden

GONE = "0" * 64


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    made = open_api(tmp_path_factory.mktemp("api"))
    made.token(Scope.TICKETS_WRITE)
    yield made
    made.close()


def send(api: Api, headers: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    sent = api.post("/requests", REQUEST | changes, headers)
    assert sent.status_code == 201, sent.text
    return sent.json or {}


def stored(api: Api, number: int) -> Ticket:
    with api.services.database.read() as connection:
        return store.get(connection, number)


def solve(api: Api, number: int) -> None:
    now = api.services.clock()
    agent = person(id=api.services.staff.everybody()[0].id)
    api.services.desk.work(agent, number, Action.SOLVE, now, text="Done.", resolution=Resolution.ANSWERED)


def count(api: Api) -> int:
    with api.services.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(tickets)).scalar_one())


def test_a_request_arrives_as_from_the_form(api: Api) -> None:
    gap = (api.get("/search", q="moon ladder", language="de").json or {})["gap"]
    received = send(api, query="moon ladder", phone="+49 30 901820", callback="morning", urgency=5, description="Mond")

    ticket = stored(api, received["number"])
    assert (ticket.requester_name, ticket.requester_email, ticket.language) == ("Ada Berg", "ada@example.org", "de")
    assert (ticket.gap_id, ticket.urgency, ticket.callback, ticket.phone) == (gap, 5, Callback.MORNING, "+49 30 901820")
    assert (ticket.status, received["status"]) == ("new", "new")
    assert received["status_text"].startswith("Ihre Anfrage ist bei uns eingegangen.")
    assert received["url"] == f"http://localhost/de/requests/{received['token']}"
    assert api.client.get(received["url"]).status_code == 200
    assert stored(api, gap).is_confirmed


def test_the_likeliest_topic_is_found(api: Api) -> None:
    found = stored(api, send(api, subject="Der Drucker ist offline", description="Seit gestern.")["number"])

    assert found.topic == "devices"
    assert stored(api, send(api, topic="accounts", description="Other.")["number"]).topic == "accounts"


def test_the_same_key_again_is_the_same_request(api: Api) -> None:
    key = {"Idempotency-Key": "one-of-the-shop"}
    before = count(api)
    with_key, without = ([send(api, header, description="Again.") for _ in range(2)] for header in (key, {}))

    assert with_key[0] == with_key[1]
    assert without[0] != without[1]
    assert count(api) == before + 3


def test_a_key_is_one_request_for_a_day_and_no_longer(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    key, now = {"Idempotency-Key": "disk-full"}, api.services.clock()
    first = send(api, key, description="The disk is full.")
    api.post(f"/requests/{first['token']}/close", {})
    assert send(api, key, description="The disk is full.") | {"status_text": ""} == first | {
        "status": "closed",
        "status_text": "",
    }
    monkeypatch.setattr(api.services, "clock", lambda: now + timedelta(days=2))
    later = send(api, key, description="The disk is full.")

    assert (later["number"] != first["number"], later["status"]) == (True, "new")


def test_a_reply_with_a_key_is_written_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    path, now = f"/requests/{send(api, description='Reply once.')['token']}", api.services.clock()
    for close in (False, True):
        if close:
            api.post(f"{path}/close", {})
        key = {"Idempotency-Key": f"reply {close}"}
        first = api.post(f"{path}/replies", {"text": "Hello."}, key)
        monkeypatch.setattr(api.services, "clock", lambda: now + timedelta(minutes=10))
        again = api.post(f"{path}/replies", {"text": "Hello."}, key)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert (again.status_code, again.json) == (201, first.json)


def test_the_same_of_somebody_else_is_another_request_with_another_key(api: Api) -> None:
    received = [send(api, header, description="The same.") for header in ({}, api.token(), api.token())]
    elsewhere = api.client.post(
        "/api/v1/requests", json=REQUEST | {"description": "The same."}, environ_base={"REMOTE_ADDR": "198.51.100.9"}
    )

    assert len({each["token"] for each in [*received, elsewhere.json or {}]}) == 4


def test_a_key_for_another_request_is_refused(api: Api) -> None:
    send(api, {"Idempotency-Key": "key"}, description="First.")

    assert api.post("/requests", REQUEST | {"description": "Second."}, {"Idempotency-Key": "key"}).status_code == 422


def test_the_whole_of_a_request_is_followed_by_its_token(api: Api) -> None:
    received = send(api, description="A long story.")
    token, number = received["token"], received["number"]
    path = f"/requests/{token}"
    assert (api.get(path).json or {})["can"] == ["reply", "close"]

    answered = api.post(f"{path}/replies", {"text": "One more thing."})
    assert answered.status_code == 201
    assert [each["text"] for each in (answered.json or {})["messages"]] == ["A long story.", "One more thing."]

    solve(api, number)
    solved = api.get(path).json or {}
    assert (solved["status"], solved["can"]) == ("solved", ["reply", "close", "reopen", "rate"])
    assert (solved["messages"][-1]["by"], solved["messages"][-1]["action"]) == ("support", "solve")

    assert (api.post(f"{path}/rating", {"stars": 4, "comment": "Quick."}).json or {})["rating"]["stars"] == 4
    assert (api.post(f"{path}/rating", {"stars": 1}).json or {})["rating"]["stars"] == 4
    assert (api.post(f"{path}/reopen", {"text": "Not yet."}).json or {})["status"] == "open"
    assert api.post(f"{path}/reopen", {}).status_code == 409
    assert (api.post(f"{path}/close", {}).json or {})["status"] == "closed"


def test_a_reply_to_a_closed_request_is_a_new_one_with_a_key_of_its_own(api: Api) -> None:
    received = send(api, description="To be closed.")
    api.post(f"/requests/{received['token']}/close", {})
    further = api.post(f"/requests/{received['token']}/replies", {"text": "It is back."}).json or {}

    assert further["number"] != received["number"]
    assert further["token"] != received["token"]
    assert (api.get(f"/requests/{further['token']}").json or {})["status"] == "new"


def test_nobody_learns_that_they_are_taken_for_spam_nor_sees_notes(api: Api) -> None:
    received = send(api, description="Buy now.")
    agent = person(id=api.services.staff.everybody()[0].id)
    for action in (Action.NOTE, Action.MARK_SPAM):
        api.services.desk.work(agent, received["number"], action, api.services.clock(), text="for colleagues")

    shown = api.get(f"/requests/{received['token']}")
    assert (shown.json or {})["status"] == "new"
    assert "spam" not in shown.text
    assert "colleagues" not in shown.text


def test_a_request_of_a_visit_is_part_of_it(api: Api) -> None:
    visit = "visit-with-a-request"
    api.get("/search", q="password", visit=visit)
    send(api, description="Of a visit.", visit=visit)
    api.record()

    with api.services.database.read() as connection:
        sessions = connection.execute(select(search_events.c.session, search_events.c.kind)).all()
    own = {session for session, kind in sessions if kind == "request"}
    assert len(own) == 1
    assert [kind for session, kind in sessions if session in own] == ["search", "request"]


@pytest.mark.parametrize("token", [GONE, "x", "%00", "A" * 64, "x" * 10_000])
def test_another_key_opens_nothing(api: Api, token: str) -> None:
    assert api.get(f"/requests/{token}").status_code == 404
    assert api.post(f"/requests/{token}/replies", {"text": "a"}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": None}, "name", "wrong_type"),
        ({"name": "\u200b"}, "name", "missing"),
        ({"email": "ada"}, "email", "invalid_email"),
        ({"email": "ada@example.org, eve@example.org"}, "email", "invalid_email"),
        ({"language": "tlh"}, "language", "unknown"),
        ({"description": "x" * 5_001}, "description", "too_long"),
        ({"topic": "nowhere"}, "topic", "unknown"),
        ({"callback": "morning"}, "phone", "missing"),
        ({"callback": "morning", "phone": "call me"}, "phone", "invalid_phone"),
        ({"urgency": 6}, "urgency", "out_of_range"),
        ({"urgency": "5"}, "urgency", "wrong_type"),
        ({"is_spam": True}, "is_spam", "unknown"),
        ({"subject": "a\0"}, "subject", "not_printable"),
        ({"query": "x" * 501}, "query", "too_long"),
    ],
)
def test_bad_requests_are_refused_and_leave_nothing(api: Api, changes: dict[str, Any], field: str, code: str) -> None:
    before = count(api)
    refused = api.post("/requests", REQUEST | changes)

    assert refused.status_code == 400
    assert (field, code) in [(each["field"], each["code"]) for each in (refused.json or {})["errors"]]
    assert count(api) == before


def test_what_is_too_large_is_refused(api: Api) -> None:
    assert api.post("/requests", REQUEST | {"description": "x" * 100_000}).status_code == 413


@pytest.mark.parametrize("body", [{"stars": 0}, {"stars": 6}, {"stars": 4.5}, {"comment": "no stars"}, []])
def test_bad_ratings_are_refused(api: Api, body: object) -> None:
    assert api.post(f"/requests/{GONE}/rating", body).status_code == 400


def few(folder: Path) -> tuple[Api, Callable[..., TestResponse]]:
    """The API where a client may send two requests in an hour, and how one does."""
    api = open_api(folder, requests_per_hour=2)

    def send_one(headers: dict[str, str] | None = None, **changes: Any) -> TestResponse:
        environ = {"REMOTE_ADDR": "198.51.100.20"}
        return api.client.post("/api/v1/requests", json=REQUEST | changes, headers=headers, environ_base=environ)

    return api, send_one


def test_one_client_sends_no_more_than_the_form_would_take(tmp_path: Path) -> None:
    """What is refused costs nothing, nor does what has been done; without the limit of all requests being told."""
    api, send_one = few(tmp_path)
    refused = [send_one(email="ada").status_code for _ in range(3)]
    key = {"Idempotency-Key": "a-key"}
    statuses = [send_one(key, subject="1").status_code for _ in range(3)]
    statuses += [send_one(subject=subject).status_code for subject in "23"]
    again, last = send_one(key, subject="1"), send_one(subject="4")
    api.close()

    assert refused == [400] * 3
    assert statuses == [201, 201, 201, 201, 429]
    assert again.status_code == 201
    assert "RateLimit" not in last.headers
    assert "RateLimit" in again.headers
    assert int(last.headers["Retry-After"]) > 60


def test_a_token_has_a_share_of_its_own(tmp_path: Path) -> None:
    """Every request is a mail to whatever address is given."""
    api, send_one = few(tmp_path)
    one, other = api.token(), api.token()
    statuses = [send_one(header, subject=subject).status_code for header in (one, other, {}) for subject in "123"]
    api.close()

    assert statuses == [201, 201, 429] * 3


def test_the_form_and_the_api_count_together(tmp_path: Path) -> None:
    """Whoever has sent what they may in one way cannot go on in the other."""
    api, send_one = few(tmp_path)
    environ = {"REMOTE_ADDR": "198.51.100.20"}

    def by_form() -> int:
        page = api.client.get("/en/requests/new", environ_base=environ).text
        fields = {"name": "Ada", "email": "ada@example.org", "description": "zxqv", "suggested": "1"}
        sent = fields | {"stamp": hidden(page, "stamp")}
        return api.client.post("/en/requests/new", data=sent, environ_base=environ).status_code

    statuses = [send_one(subject="1").status_code, by_form(), send_one(subject="2").status_code, by_form()]
    api.close()

    assert statuses == [201, 303, 429, 429]
