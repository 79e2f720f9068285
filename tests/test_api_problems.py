"""Errors of the API: documents of RFC 9457 in the caller's language, which repeat nothing of what was sent."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from portal.api_tokens import Scope
from portal.errors import (
    AlreadyTaken,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotProven,
    SearchUnavailable,
    StaleTicket,
    TransitionRefused,
)
from portal.locales import CODES
from portal.people import Role
from portal.web.api.meanings import FAULTS, MEANINGS, fault
from portal.web.forms import MESSAGES
from tests.api_frame import World, world
from tests.builders import PASSWORD, person

NOTES, FORGET = "/api/v1/try/notes", "/api/v1/try/notes/3/forget"
SECRET = "correct horse battery staple"


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One application for all tests, with limits that they do not reach."""
    with world(tmp_path_factory.mktemp("problems"), api_per_minute=100_000) as made:
        yield made


def told(answer: TestResponse) -> Any:
    """What a problem says, once it is one; without its address."""
    document: Any = answer.json
    assert answer.mimetype == "application/problem+json"
    assert (document["status"], document["title"] != "", document["detail"] != "") == (answer.status_code, True, True)
    assert document["type"].startswith("http://localhost/api/v1/problems/")
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    return document | {"type": document["type"].rpartition("/")[2]}


def test_every_refusal_is_a_problem(frame: World) -> None:
    """Also where there is no such address, or no such method."""
    client = frame.client
    assert told(client.get("/api/v1/nowhere"))["type"] == "not-found"
    assert told(client.get("/api/v2/"))["type"] == "not-found"
    refused = client.delete(NOTES)
    assert told(refused)["type"] == "method-not-allowed"
    assert refused.headers["Allow"] == "GET, HEAD, POST"
    assert told(client.post(NOTES, data=SECRET))["type"] == "wrong-media-type"
    assert told(client.post(NOTES, json={"text": SECRET * 5000}))["type"] == "too-large"
    assert told(client.get(NOTES, headers={"Host": "evil.example"}))["type"] == "bad-request"
    wrong = told(client.post(NOTES, json={"text": SECRET * 10, SECRET[:7]: 1}))
    assert wrong["type"] == "invalid-input"
    assert [each["code"] for each in wrong["errors"]] == ["too_long", "unknown"]
    assert client.get("/en/nowhere").mimetype == "text/html"


@pytest.mark.parametrize(
    ("error", "code", "more"),
    [
        (InvalidInput("email", "invalid_email"), "invalid-input", {}),
        (NotFound(SECRET), "not-found", {}),
        (NotAllowed(SECRET), "not-allowed", {}),
        (StaleTicket(SECRET), "stale", {}),
        (AlreadyTaken("Mia Lindt"), "taken", {"owner": "Mia Lindt"}),
        (TransitionRefused(SECRET), "not-possible-now", {}),
        (NotProven(7, "reset-password"), "not-proven", {"rank": 7, "slug": "reset-password"}),
        (SearchUnavailable(SECRET), "unavailable", {}),
        (OperationalError(SECRET, {}, Exception(SECRET)), "unavailable", {}),
        (RuntimeError(SECRET), "fault", {}),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_errors_of_the_domain_are_problems(frame: World, error: Exception, code: str, more: dict[str, Any]) -> None:
    """With what the caller can use, and without what the error says itself."""

    def fail() -> None:
        raise error

    frame.surprise = fail
    answer = frame.client.post(NOTES, json={"text": "x"})
    document = told(answer)
    assert document["type"] == code
    assert more.items() <= document.items()
    is_ours = answer.status_code >= 500
    assert ("Retry-After" in answer.headers) == (code == "unavailable")
    assert document.get("instance") == (f"urn:request:{answer.headers['X-Request-Id']}" if is_ours else None)
    if code == "invalid-input":
        assert document["errors"][0]["field"] == "email"


def test_a_token_opens_no_more_than_its_person_may_now(frame: World) -> None:
    """A role that is taken away closes its scopes at once, and leaving closes everything."""
    people, now = frame.services.administration, frame.services.clock()
    somebody = person(email="sue@example.org", roles=frozenset({Role.SUPERVISOR}))
    frame.services.staff.add(somebody, PASSWORD, now)
    known = next(each for each in frame.services.staff.everybody() if each.email == somebody.email)
    _, secret = frame.services.api_tokens.make(None, "all", list(Scope), known.id, now)
    header = {"Authorization": f"Bearer {secret}"}
    assert frame.client.post(FORGET, headers=header).status_code == 204
    people.change_person(None, replace(known, roles=frozenset({Role.WRITER})), now)
    assert told(frame.client.post(FORGET, headers=header))["type"] == "missing-scope"
    people.change_person(None, replace(people.person(known.id), is_active=False), now)
    assert told(frame.client.post(FORGET, headers=header))["type"] == "invalid-token"


def test_a_token_that_cannot_be_looked_up_is_not_taken_for_wrong(frame: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database does not answer: that is 503, and passes."""
    header = frame.token(Scope.TICKETS_WRITE)

    def fail(*_arguments: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    with monkeypatch.context() as patched:
        patched.setattr("portal.storage.api_tokens.by_hash", fail)
        assert told(frame.client.post(FORGET, headers=header))["type"] == "unavailable"
    assert frame.client.post(FORGET, headers=header).status_code == 204


def test_the_language_is_what_the_request_says(frame: World) -> None:
    """Named in the query or the body, else asked for by the header, else the portal's; never another."""
    client, french = frame.client, {"Accept-Language": "fr-CA,de;q=0.5"}

    def language(answer: TestResponse) -> str:
        told(answer)
        return answer.headers["Content-Language"]

    def fail() -> None:
        raise NotFound("x")

    frame.surprise = fail
    assert language(client.get("/api/v1/nowhere", headers=french)) == "fr"
    assert language(client.get(NOTES + "?x=1&language=ru", headers=french)) == "ru"
    assert language(client.get(NOTES + "?language=xx", headers=french)) == "fr"
    assert language(client.post(NOTES, json={"text": "x", "language": "de"}, headers=french)) == "de"
    assert language(client.post(NOTES, json={"text": "x"}, headers={"Accept-Language": "tlh"})) == "en"


def test_refusals_speak_the_readers_language_from_the_first_one_on(frame: World) -> None:
    """That of the address or the body, whatever is wrong with the rest of it; a condition or a value names nobody's."""
    client, french = frame.client, {"Accept-Language": "fr"}
    sent = {"name": "Ada", "email": "ada", "description": "x", "language": "de"}
    lacking = {name: sent[name] for name in ("email", "language")}
    article = "/api/v1/articles/ru/reset-password"
    opened = [
        (client.post("/api/v1/requests", json=lacking, headers=french), "de"),
        (client.post("/api/v1/requests", json=sent, headers=french), "de"),
        (client.post("/api/v1/requests", json=sent | {"language": ["de"]}, headers=french), "fr"),
        (client.get(article + "?x=1", headers=french), "ru"),
        (client.post(article + "/feedback", json={}, headers=french), "ru"),
        (client.get("/api/v1/search?language=de", headers=french), "de"),
        (client.get("/api/v1/articles?language=de&x=1", headers=french), "fr"),
    ]
    token = french | frame.token(Scope.TICKETS_READ, Scope.TICKETS_WRITE, Scope.GAPS_READ)
    classify = {"action": "classify", "language": "de"}
    at_the_desk = [
        client.get("/api/v1/tickets?language=de&x=1", headers=token),
        client.get("/api/v1/gaps?language=de&limit=0", headers=token),
        client.get("/api/v1/tickets?language=de", headers=french),
        client.post("/api/v1/tickets/99/actions", json=classify, headers=token),
        client.post("/api/v1/tickets/99/actions", json=classify | {"impact": 9}, headers=token),
    ]
    assert [told(answer) and answer.headers["Content-Language"] for answer, _ in opened] == [code for _, code in opened]
    assert {told(answer) and answer.headers["Content-Language"] for answer in at_the_desk} == {"fr"}


@pytest.mark.parametrize("language", CODES)
def test_every_type_says_what_it_means(frame: World, language: str) -> None:
    """At its own address, as a page for people and JSON for programs."""
    wish = {"Accept-Language": language}
    for code, meaning in MEANINGS.items():
        answer = frame.client.get(f"/api/v1/problems/{code}", headers=wish)
        document: Any = answer.json
        assert (document["status"], document["type"]) == (meaning.status, f"http://localhost/api/v1/problems/{code}")
        assert document["remedy"]
        assert answer.headers["Content-Language"] == language
    page = frame.client.get("/api/v1/problems/stale", headers=wish | {"Accept": "text/html,*/*;q=0.8"})
    assert page.mimetype == "text/html"
    assert f'<html lang="{language}"' in page.text
    assert {"Accept", "Accept-Language"} <= set(page.vary)
    assert told(frame.client.get("/api/v1/problems/none"))["type"] == "not-found"


def test_every_code_has_its_own_words() -> None:
    """No two problems say the same, and what is wrong with a value is said in words."""
    titles = [str(meaning.title._args[0]) for meaning in MEANINGS.values()]
    assert len(set(titles)) == len(titles)
    assert all(
        str(text._args[0]).endswith(".") for meaning in MEANINGS.values() for text in (meaning.detail, meaning.remedy)
    )
    assert {"missing", "too_long", "wrong_type", "unknown", "out_of_range", "invalid_email"} <= set(FAULTS)


def test_a_value_is_faulted_in_the_words_of_the_pages(frame: World) -> None:
    """Where the code alone would say too little; never with a gap where a number should stand."""
    with frame.app.test_request_context("/api/v1/"):
        assert fault("into", "itself") == str(MESSAGES["into", "itself"])
        assert fault("colour", "itself") == "This value is not possible."
        assert all("%" not in fault(*known) for known in MESSAGES)


def test_no_address_of_the_api_has_a_page(frame: World) -> None:
    """Also where a slash is missing or one too many."""
    for method, address, status in (
        ("GET", "/api/v1", 200),
        ("OPTIONS", "/api/v1", 204),
        ("GET", "/api/v1//", 308),
        ("GET", "/api", 404),
        ("GET", "/api/v1/try/notes/", 404),
    ):
        answer = frame.client.open(address, method=method)
        assert (answer.status_code, b"<" in answer.data) == (status, False), address
        assert answer.mimetype in {None, "", "application/json", "application/problem+json"}, address
