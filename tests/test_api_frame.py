"""The frame of the API: what is read, who asks, how often, once, page by page, from where, and how it is told."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from werkzeug.test import TestResponse

from portal.api_tokens import PREFIX, Scope
from portal.web.api import paging
from portal.web.api.problems import Problem
from tests.api_frame import ELSEWHERE, World, world

NOTES, FORGET = "/api/v1/try/notes", "/api/v1/try/notes/3/forget"


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One application for all tests, with limits that they do not reach."""
    folder = tmp_path_factory.mktemp("frame")
    with world(folder, api_per_minute=100_000, embed_origins=(ELSEWHERE,)) as made:
        yield made


@pytest.fixture(autouse=True)
def _afresh(frame: World) -> None:
    frame.done.clear()
    with frame.services.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM idempotency_keys")
    frame.passed = timedelta(0)
    frame.surprise = frame.trouble = lambda: None


def told(answer: TestResponse) -> Any:
    """What an answer says."""
    return answer.json


def codes(answer: TestResponse) -> set[tuple[str, str]]:
    """Field and code of everything that is wrong."""
    assert answer.status_code == 400, answer.text
    return {(each["field"], each["code"]) for each in told(answer).get("errors", [])}


def test_a_query_is_read_and_every_fault_of_it_named(frame: World) -> None:
    """Texts become numbers and truths; what is unknown, repeated or beyond its bounds is refused, all at once."""
    asked = {"word": "null", "stars": ["1", "5"], "is_new": "true", "language": "fr", "limit": "3"}
    answer = frame.client.get(NOTES, query_string=asked)
    assert told(answer)["items"][0]["text"] == "fr null [1, 5] True"

    wrong = "?word=" + "x" * 21 + "&stars=6&is_new=maybe&limit=0&limit=2&colour=red&language=xx&cursor=a%00"
    assert codes(frame.client.get(NOTES + wrong)) == {
        ("word", "too_long"),
        ("stars.0", "out_of_range"),
        ("is_new", "wrong_type"),
        ("limit", "repeated"),
        ("colour", "unknown"),
        ("language", "unknown"),
        ("cursor", "not_printable"),
    }
    assert codes(frame.client.get(NOTES + "?language=null")) == {("language", "unknown")}
    assert told(frame.client.get(NOTES + "?word=%ff"))["type"].endswith("/bad-request")


@pytest.mark.parametrize("number", ["0", "101", "x", "1.5", "9" * 400, "%00", "1%2F2"])
def test_a_part_of_the_address_that_does_not_fit_is_not_found(frame: World, number: str) -> None:
    """Nothing can be there."""
    answer = frame.client.get(f"{NOTES}/{number}")
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("", {("", "not_json")}),
        ("[]", {("", "wrong_type")}),
        ("[" * 60_000, {("", "too_deep")}),
        ('{"text": "\\ud800"}', {("", "not_json")}),
        ('{"text": "a\\u0000b"}', {("text", "not_printable")}),
        (b'{"text": "\xff"}', {("", "not_json")}),
        ('{"text": NaN}', {("", "not_json")}),
        ('{"text": ' + "9" * 5000 + "}", {("", "not_json")}),
        ('{"text": ""}', {("text", "too_short")}),
        ('{"text": "x", "stars": "3"}', {("stars", "wrong_type")}),
        (
            '{"stars": 0, "names": ["ok", "too long"], "by": 1}',
            {("text", "missing"), ("stars", "out_of_range"), ("names.1", "too_long"), ("by", "unknown")},
        ),
        ('{"text": "x", "by": ' + "[" * 20 + "]" * 20 + "}", {("by" + ".0" * 7, "too_deep")}),
    ],
)
def test_a_body_is_read_strictly(frame: World, body: str | bytes, wrong: set[tuple[str, str]]) -> None:
    """Nothing of it is guessed, and nothing done where it is wrong."""
    answer = frame.client.post(NOTES, data=body, content_type="application/json")
    assert codes(answer) == wrong
    assert frame.done == []


@settings(max_examples=25, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)))  # fmt: skip
def test_no_json_is_a_fault_of_ours(frame: World, value: Any) -> None:
    """Whatever is sent is taken or refused."""
    answer = frame.client.post(NOTES, data=json.dumps({"text": value}), content_type="application/json")
    assert answer.status_code in {201, 400}


def test_only_json_of_64_kib_is_taken(frame: World) -> None:
    """Other types and larger bodies are refused, also where nothing is read."""
    client = frame.client
    assert client.post(NOTES, data="text=x", content_type="application/x-www-form-urlencoded").status_code == 415
    assert client.post(NOTES, data='{"text":"x"}', content_type="application/json; charset=latin-1").status_code == 415
    assert client.post(NOTES, json={"text": "x" * 70_000}).status_code == 413
    write = frame.token(Scope.TICKETS_WRITE)
    assert client.post(FORGET, json={}, headers=write).status_code == 204
    assert client.post(FORGET, json={"x": 1}, headers=write).status_code == 400
    assert client.post(FORGET, data=b" " * 70_000, headers=write).status_code == 413


@pytest.mark.parametrize(("size", "status"), [(64 * 1024, 201), (64 * 1024 + 1, 413), (200_000, 413)])
def test_a_body_in_chunks_is_read_whole_or_refused(frame: World, size: int, status: int) -> None:
    """It says nothing of its length; what is cut off might be what matters."""
    sent = b'{"text":"x"}'.ljust(64 * 1024) + b"garbage" * 20_000
    chunks = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    answer = frame.client.post(
        NOTES, input_stream=io.BytesIO(sent[:size]), content_type="application/json", environ_overrides=chunks
    )
    assert (answer.status_code, len(frame.done)) == (status, int(status == 201))


def test_who_asks_is_the_token_or_nobody(frame: World) -> None:
    """A token with the scope is let in; without one, with another, or a wrong one, it is said what is needed."""
    client = frame.client
    assert client.post(FORGET).headers["WWW-Authenticate"] == 'Bearer realm="api"'
    lacking = client.post(FORGET, headers=frame.token(Scope.TICKETS_READ))
    assert (lacking.status_code, told(lacking)["scope"]) == (403, "tickets:write")
    assert 'scope="tickets:write"' in lacking.headers["WWW-Authenticate"]
    assert client.post(FORGET, headers=frame.token(Scope.TICKETS_WRITE)).status_code == 204
    assert frame.done == ["root@example.org forgets 3"]
    for wrong in (f"Bearer {PREFIX}{'x' * 43}", "Bearer x", "bearer", "Bearer a b"):
        answer = client.get(NOTES, headers={"Authorization": wrong})
        assert answer.status_code == 401, wrong
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    # What a proxy in front asks for is none of our business.
    assert client.get(NOTES, headers={"Authorization": "Basic eDp5"}).status_code == 200


def test_a_token_in_the_address_is_refused_and_not_repeated(frame: World) -> None:
    """Under whatever name."""
    secret = frame.token()["Authorization"].split()[1]
    answer = frame.client.get(f"{NOTES}?word={secret}")
    assert told(answer)["type"].endswith("/token-in-address")
    assert secret not in answer.text


def test_no_cookie_is_read_or_set(frame: World) -> None:
    """Whoever is signed in is nobody here, no answer differs by cookies, and forms of other sites are no danger."""
    client = frame.client
    key = frame.services.staff.open(frame.services.administration.person(1), frame.services.clock())
    with client.session_transaction() as kept:
        kept["_user_id"] = key
    client.set_cookie("language", "ru")
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    for answer in (
        client.get(NOTES),
        client.post(FORGET),
        client.post(NOTES, json={"text": "x"}, headers=foreign),
        client.get("/api/v1/nowhere"),
        client.get("/api/v1/problems/stale", headers={"Accept": "text/html"}),
        client.get("/api/v1/openapi.json"),
    ):
        assert "Set-Cookie" not in answer.headers
        assert "cookie" not in answer.headers.get("Vary", "").lower()
        assert answer.headers.get("Content-Language", "en") == "en"
    assert client.post(FORGET).status_code == 401
    assert client.post(NOTES, json={"text": "x"}, headers=foreign).status_code == 201


def test_other_sites_read_only_what_is_open_and_allowed(frame: World) -> None:
    """Preflight and answers, also errors; never credentials, never a token."""
    client = frame.client
    ask = {"Origin": ELSEWHERE, "Access-Control-Request-Method": "POST"}
    allowed = client.options(NOTES, headers=ask)
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == ELSEWHERE
    assert allowed.headers["Access-Control-Allow-Methods"] == "POST"
    assert "authorization" not in allowed.headers["Access-Control-Allow-Headers"].lower()
    assert allowed.headers["Access-Control-Max-Age"] == "86400"
    for answer in (client.get(NOTES, headers=ask), client.get(NOTES + "?x=1", headers=ask)):
        assert answer.headers["Access-Control-Allow-Origin"] == ELSEWHERE
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
    for refused in (
        client.options(NOTES, headers=ask | {"Origin": "https://evil.example"}),
        client.options(FORGET, headers=ask),
        client.get(NOTES, headers={"Origin": "null"}),
        client.post(FORGET, headers=ask),
    ):
        assert "Access-Control-Allow-Origin" not in refused.headers
    assert client.options("/api/v1/nowhere").status_code == 404


def test_a_page_leads_to_the_next_and_to_no_other_list(frame: World) -> None:
    """Cursors are bound to list and conditions, and nobody makes one."""
    first = told(frame.client.get(f"{NOTES}?limit=2&word=a"))
    second = told(frame.client.get(NOTES, query_string={"limit": 3, "word": "a", "cursor": first["next"]}))
    assert [each["number"] for each in first["items"] + second["items"]] == [1, 2, 3, 4, 5]
    assert second["next"] is None
    for cursor, word in ((first["next"], "b"), (first["next"][:-1], "a"), ("é", "a"), ("", "a"), ("!", "a")):
        answer = frame.client.get(NOTES, query_string={"word": word, "cursor": cursor})
        assert told(answer)["type"].endswith("/invalid-cursor"), cursor


@given(st.text(max_size=60))
def test_no_text_is_a_cursor_by_chance(frame: World, text: str) -> None:
    """And none is a fault."""
    with frame.app.test_request_context(), pytest.raises(Problem):
        paging.decode("notes", text, int)


def test_what_has_not_changed_is_not_sent_again(frame: World) -> None:
    """Shared copies only of what everybody may read."""
    answer = frame.client.get(f"{NOTES}/7")
    assert answer.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    again = frame.client.get(f"{NOTES}/7", headers={"If-None-Match": answer.headers["ETag"]} | frame.token())
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"].startswith("private")


def test_limits_count_by_token_or_client(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wrong tokens count for their sender, but lock nobody else out; every answer says what is left."""
    with world(tmp_path_factory.mktemp("limits"), api_per_minute=3, api_token_per_minute=9) as made:
        client, wrong = made.client, {"Authorization": "Bearer x"}
        answer = client.get(NOTES)
        assert answer.headers["RateLimit-Policy"] == '"minute";q=3;w=60'
        assert answer.headers["RateLimit"].startswith('"minute";r=2;t=')
        assert [client.get(NOTES, headers=wrong).status_code for _ in range(4)] == [401, 401, 401, 429]
        assert [client.get(NOTES).status_code for _ in range(2)] == [200, 200]
        full = client.get(NOTES)
        assert (full.status_code, full.headers["RateLimit"][:12]) == (429, '"minute";r=0')
        assert 1 <= int(full.headers["Retry-After"]) <= 61
        assert told(full)["type"].endswith("/too-many-requests")
        own, other = made.token(per_minute=2), made.token()
        assert [client.get(NOTES, headers=own).status_code for _ in range(3)] == [200, 200, 429]
        assert client.get(NOTES, headers=other).headers["RateLimit-Policy"] == '"minute";q=9;w=60'


def test_the_document_is_openapi_and_tells_everything(frame: World) -> None:
    """Valid against the schema of OpenAPI 3.1; one source for what is checked and what is told."""
    answer = frame.client.get("/api/v1/openapi.json")
    document = told(answer)
    OPENAPI_31_VALIDATOR.validate(document)
    assert (
        frame.client.get("/api/v1/openapi.json", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    )
    read = document["paths"]["/try/notes"]["get"]
    assert {each["name"] for each in read["parameters"]} >= {"word", "stars", "is_new", "limit", "cursor"}
    assert read["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/NoteShownPage")
    assert "is not told" not in read["description"]
    write = document["paths"]["/try/notes"]["post"]
    assert write["requestBody"]["content"]["application/json"]["example"]["text"] == "x"
    assert {"201", "400", "401", "409", "413", "415", "422", "429", "500", "503"} == set(write["responses"])
    forget = document["paths"]["/try/notes/{number}/forget"]["post"]
    assert forget["security"] == [{"token": ["tickets:write"]}]
    assert "content" not in forget["responses"]["204"]
    names = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))
    known = {each["name"] for each in told(frame.client.get("/api/v1/"))["resources"]}
    assert set(names) == known
