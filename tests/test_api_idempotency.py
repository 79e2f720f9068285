"""Idempotency keys of the API: what is sent twice is done once, whatever breaks on the way, and told as things stand."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from portal.storage.idempotency import KEPT, TAKEN_OVER
from portal.web.api.endpoints import Call, endpoint
from portal.web.api.problems import Problem
from tests.api_frame import NoteShown, World, world

NOTES = "/api/v1/try/notes"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One application for all tests."""
    with world(tmp_path_factory.mktemp("frame"), api_per_minute=100_000) as made:
        yield made


@pytest.fixture
def frame(whole: World) -> World:
    """The same with nothing done yet."""
    whole.done.clear()
    with whole.services.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM idempotency_keys")
    whole.passed = timedelta(0)
    whole.surprise = whole.trouble = lambda: None
    return whole


def told(answer: TestResponse) -> Any:
    """What an answer says."""
    return answer.json


def test_the_same_request_is_done_once(frame: World) -> None:
    """It is answered as things stand; the key with another request is refused, that of another caller is another."""
    key = {"Idempotency-Key": "order 66"}
    first = frame.client.post(NOTES, json={"text": "x", "language": "de"}, headers=key)
    again = frame.client.post(NOTES, json={"text": "x", "language": "de"}, headers=key)
    assert (again.status_code, told(again), again.headers["Idempotent-Replayed"]) == (201, told(first), "true")
    assert frame.done == ["x"]
    assert "Idempotent-Replayed" not in first.headers
    with frame.services.database.read() as connection:
        kept = connection.exec_driver_sql("SELECT status FROM idempotency_keys").all()
    assert [tuple(row) for row in kept] == [(201,)]
    assert frame.client.post(NOTES, json={"text": "y"}, headers=key).status_code == 422
    assert (
        frame.client.post(NOTES, json={"text": "x", "language": "de"}, headers=key | frame.token()).status_code == 201
    )
    frame.done.append("of another request")
    assert told(frame.client.post(NOTES, json={"text": "x", "language": "de"}, headers=key))["number"] == 3
    frame.passed = KEPT
    later = frame.client.post(NOTES, json={"text": "x", "language": "de"}, headers=key)
    assert "Idempotent-Replayed" not in later.headers
    assert told(later)["by"] != told(first)["by"]
    for bad in ("", "x" * 65, "ключ", " x"):
        sent = {"HTTP_IDEMPOTENCY_KEY": bad.encode().decode("latin-1")}
        answer = frame.client.post(NOTES, json={"text": "x"}, environ_overrides=sent)
        assert told(answer)["errors"][0]["field"] == "Idempotency-Key", bad


def test_what_was_not_done_can_be_sent_again(frame: World) -> None:
    """A refused request gives its key back; one whose process died does after a minute."""
    key = {"Idempotency-Key": "once"}

    def refuse() -> None:
        raise Problem("not-allowed")

    frame.surprise = refuse
    assert frame.client.post(NOTES, json={"text": "z"}, headers=key).status_code == 403
    inside: list[int] = []
    frame.surprise = lambda: inside.append(again()) if not inside else None

    def again() -> int:
        inside.append(0)
        return frame.client.post(NOTES, json={"text": "z"}, headers=key).status_code

    # While it is being done, the same is not begun; after a minute whoever began it is taken for dead.
    assert frame.client.post(NOTES, json={"text": "z"}, headers=key).status_code == 201
    assert inside == [0, 409]

    def late() -> None:
        frame.surprise = lambda: None
        frame.passed = TAKEN_OVER
        inside.append(again())

    frame.surprise = late
    other = {"Idempotency-Key": "twice"}
    key.update(other)
    assert frame.client.post(NOTES, json={"text": "z"}, headers=other).status_code == 201
    assert inside[-1] == 201


def test_what_was_done_is_not_done_again_where_telling_it_failed(frame: World) -> None:
    """A refused deed gives its key back, a told one never; a dead process's request keeps what makes it the same."""
    key, note = {"Idempotency-Key": "k"}, {"text": "x"}

    def fail() -> None:
        raise Problem("unavailable")

    frame.trouble = fail
    assert frame.client.post(NOTES, json=note, headers=key).status_code == 503
    frame.trouble = lambda: None
    answer = frame.client.post(NOTES, json=note, headers=key)
    assert (answer.status_code, answer.headers["Idempotent-Replayed"], frame.done) == (201, "true", ["x"])
    with frame.services.database.write() as connection:
        connection.exec_driver_sql("UPDATE idempotency_keys SET status = NULL")
    frame.passed = TAKEN_OVER
    again = frame.client.post(NOTES, json=note, headers=key)
    assert (told(again)["by"], frame.done) == (told(answer)["by"], ["x", "x"])


def test_whoever_takes_a_request_over_knows_it_as_the_same(frame: World) -> None:
    """However many die over it, and also where one of them is refused; a day later it is another."""
    key, note = {"Idempotency-Key": "lives"}, {"text": "x"}

    def die(after: timedelta) -> None:
        with frame.services.database.write() as connection:
            connection.exec_driver_sql("UPDATE idempotency_keys SET status = NULL")
        frame.passed += after

    def refuse() -> None:
        raise Problem("not-allowed")

    known = set()
    for _ in range(3):
        known.add(told(frame.client.post(NOTES, json=note, headers=key))["by"])
        die(TAKEN_OVER)
    frame.surprise = refuse
    refused = frame.client.post(NOTES, json=note, headers=key)
    frame.surprise = lambda: None
    for _ in range(2):
        answer = frame.client.post(NOTES, json=note, headers=key)
        known.add(told(answer)["by"])

    assert (refused.status_code, answer.headers["Idempotent-Replayed"]) == (403, "true")
    assert len(known) == 1
    die(KEPT)
    assert told(frame.client.post(NOTES, json=note, headers=key))["by"] not in known


def test_what_broke_off_after_something_was_kept_is_gone_on_with(frame: World) -> None:
    """It may be done already: nobody begins it anew at once, and later it is known as the same."""
    key, note = {"Idempotency-Key": "half"}, {"text": "x"}

    def break_off() -> None:
        with frame.services.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM outbox")
        raise Problem("unavailable")

    frame.surprise = break_off
    answers = [frame.client.post(NOTES, json=note, headers=key).status_code for _ in range(2)]
    frame.surprise, frame.passed = lambda: None, TAKEN_OVER
    later = frame.client.post(NOTES, json=note, headers=key)

    assert (answers, later.status_code, frame.done) == ([503, 409], 201, ["x", "x"])


def test_what_does_something_says_how_it_is_told(frame: World) -> None:
    """Else it could not be told again."""

    def try_bad(call: Call) -> NoteShown:
        raise AssertionError(call)

    with pytest.raises(ValueError, match="try_bad"):
        endpoint("POST", "/try/bad", summary="", tag="try", where=frame.app)(try_bad)
