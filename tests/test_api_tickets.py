"""Tickets and unanswered searches through the API: what agents see and do, with the rights of the token's person."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

import pytest

from portal.api_tokens import Scope
from portal.people import Role
from portal.storage import Database, changed, queue
from portal.storage import tickets as store
from portal.tickets import Ticket
from portal.web.api import actions, deeds
from tests.api import REQUEST, Api, open_api
from tests.builders import NOW, ticket

OF_TICKETS = (Scope.TICKETS_READ, Scope.TICKETS_WRITE)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    made = open_api(tmp_path_factory.mktemp("api"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def head(api: Api) -> dict[str, str]:
    """A supervisor's token."""
    return api.token(*Scope)


@pytest.fixture
def number(api: Api, request: pytest.FixtureRequest) -> int:
    """A new request."""
    sent = api.post("/requests", REQUEST | {"description": f"About {request.node.name}"[:200]}).json
    return int((sent or {})["number"])


def read(api: Api, head: dict[str, str], number: int) -> dict[str, Any]:
    return api.get(f"/tickets/{number}", head).json or {}


def act(api: Api, head: dict[str, str], number: int, action: str, **fields: Any) -> dict[str, Any]:
    """Do something; what is answered, with its status. What needs a version gets the present one."""
    if action in {"reply", "ask_requester", "solve"} and "version" not in fields:
        with api.services.database.read() as connection:
            fields["version"] = store.get(connection, number).version
    answered = api.post(f"/tickets/{number}/actions", {"action": action} | fields, head)
    return (answered.json or {}) | {"code": answered.status_code}


def test_every_action_has_a_use_case_and_can_be_possible() -> None:
    named = {kind.__struct_config__.tag for kind in get_args(deeds.Act)}

    assert set(get_args(deeds.Act)) == set(actions._ACTS)
    assert set(actions._NEEDS) | actions._OF_CASES | {"plan_article", "claim", "release", "called"} == named


def test_an_agents_work_from_the_first_to_the_last(api: Api, head: dict[str, str], number: int) -> None:
    taken = act(api, head, number, "take", version=read(api, head, number)["version"])
    assert (taken["code"], taken["status"], taken["owner"]["name"]) == (200, "open", "Person 1")
    assert "take" not in taken["actions"]
    assert {"reply", "solve", "escalate", "merge", "plan_call", "declare_major"} <= set(taken["actions"])

    for step, fields, status in (
        ("classify", {"urgency": 5, "impact": 4, "topic": "devices"}, "open"),
        ("note", {"text": "Only for colleagues."}, "open"),
        ("ask_requester", {"text": "Which printer?"}, "waiting_requester"),
        ("resume", {}, "open"),
        ("plan", {"text": "On Monday."}, "planned"),
        ("resume", {}, "open"),
        ("wait_supplier", {}, "waiting_supplier"),
        ("resume", {}, "open"),
        ("plan_article", {"article": "http://localhost/de/articles/printer-offline"}, "open"),
        ("give_back", {}, "open"),
        ("escalate", {"tier": 2, "text": "It is the network."}, "open"),
        ("reply", {"text": "It prints again."}, "open"),
        ("solve", {"resolution": "answered", "text": "A new cable."}, "solved"),
        ("reopen", {}, "open"),
    ):
        done = act(api, head, number, step, **fields)
        assert (step, done["code"], done["status"]) == (step, 200, status), done
    assert (done["tier"], done["priority"], done["topic"], done["article"]) == (2, 5, "devices", "printer-offline")
    assert [each["action"] for each in done["history"]][:4] == ["opened", "take", "classify", "note"]
    assert next(each["text"] for each in done["history"] if each["action"] == "note") == "Only for colleagues."


def test_what_somebody_else_has_changed_is_not_overwritten(api: Api, head: dict[str, str], number: int) -> None:
    seen = read(api, head, number)["version"]
    act(api, head, number, "note", text="Faster.")

    for action, fields in (("take", {}), ("swarm", {"invite": [1]}), ("mark_spam", {}), ("leave", {})):
        refused = act(api, head, number, action, version=seen, **fields)
        assert (refused["code"], refused["type"].rpartition("/")[2]) == (409, "stale")
    assert len(read(api, head, number)["history"]) == 2


def test_a_ticket_that_another_has_is_not_taken(api: Api, head: dict[str, str], number: int) -> None:
    act(api, api.token(*OF_TICKETS, roles=frozenset({Role.AGENT})), number, "take")
    refused = act(api, head, number, "take")

    assert (refused["code"], refused["type"].rpartition("/")[2]) == (409, "taken")
    assert refused["owner"].startswith("Person")


def test_what_the_lifecycle_refuses_is_a_conflict(api: Api, head: dict[str, str], number: int) -> None:
    act(api, head, number, "mark_spam")

    for action, fields in (("reply", {"text": "a"}), ("close", {}), ("claim", {}), ("undo", {}), ("end_major", {})):
        assert act(api, head, number, action, **fields)["code"] == 409, action
    assert act(api, head, number, "called", outcome="reached")["code"] == 409


def test_what_was_sent_is_taken_back(api: Api, head: dict[str, str], number: int) -> None:
    act(api, head, number, "reply", text="Too soon.")
    undone = act(api, head, number, "undo")

    assert undone["code"] == 200
    assert [each["text"] for each in undone["history"] if each["is_retracted"]] == ["Too soon."]


def test_duplicates_calls_incidents_and_colleagues(api: Api, head: dict[str, str], number: int) -> None:
    other = (api.post("/requests", REQUEST | {"description": f"Much as {number}"}).json or {})["number"]
    agent = api.token(roles=frozenset({Role.AGENT})) and api.services.staff.everybody()[-1].id

    assert act(api, head, other, "merge", into=number)["duplicate_of"] == number
    assert act(api, head, number, "assign", person=agent)["owner"]["id"] == agent
    start = f"{api.services.clock().date() + timedelta(days=9)}T10:00"
    call = act(api, head, number, "plan_call", phone="+49 30 901820", start=start, time_zone="Europe/Berlin")
    assert call["code"] == 200, call
    assert act(api, head, number, "called", outcome="no_answer")["call"] == call["call"]
    declared = act(api, head, number, "declare_major", texts={"en": "Printers are down.", "de": "Drucker gestört."})
    assert declared["is_major"], declared
    both = {"texts": {"en": "All is well."}, "is_shown": False}
    changed = act(api, head, number, "change_major", **both)
    assert [each["details"].get("banner") for each in changed["history"][-2:]] == ["changed", "hidden"]
    assert act(api, head, other, "reopen")["code"] == 200
    linked = act(api, head, other, "link_incident", incident=number)
    assert (linked["incident"], "telling" in linked) == (number, False)
    assert act(api, head, number, "tell_affected", texts={"en": "Soon."}, key="once")["telling"] == {
        "told": [other, number], "known": [], "refused": [],
    }  # fmt: skip
    again = act(api, api.token(Scope.TICKETS_WRITE), number, "tell_affected", texts={"en": "Soon."}, key="once")
    assert again["telling"] == {"told": [], "known": [other, number], "refused": []}
    assert act(api, head, other, "unlink_incident", incident=number)["incident"] is None
    assert not act(api, head, number, "end_major")["is_major"]


@pytest.mark.parametrize(
    ("action", "fields", "field", "code"),
    [
        ("dance", {}, "action", "invalid"),
        ("reply", {}, "text", "missing"),
        ("reply", {"text": "x" * 10_001}, "text", "too_long"),
        ("reply", {"text": "   "}, "text", "missing"),
        ("take", {"text": "a"}, "text", "unknown"),
        ("take", {"version": "1"}, "version", "wrong_type"),
        ("classify", {"urgency": 6}, "urgency", "out_of_range"),
        ("escalate", {"tier": 1, "text": "why"}, "tier", "invalid"),
        ("assign", {"person": 424_242}, "person", "invalid"),
        ("swarm", {"invite": []}, "invite", "too_short"),
        ("merge", {"into": 424_242}, "into", "not_found"),
        ("solve", {"resolution": "magic"}, "resolution", "unknown"),
        ("solve", {"resolution": "withdrawn", "text": "a"}, "resolution", "invalid"),
        ("solve", {"resolution": "article_written", "text": "a"}, "article", "missing"),
        ("plan_article", {"article": "?!"}, "article", "invalid"),
        ("declare_major", {"texts": {"de": "Nur deutsch."}}, "texts.en", "missing"),
        ("change_major", {}, "texts", "missing"),
        ("plan_call", {"phone": "+49 30 901820", "start": "soon", "time_zone": "UTC"}, "start", "invalid"),
    ],
)
def test_bad_actions_are_refused_and_change_nothing(
    api: Api, head: dict[str, str], number: int, action: str, fields: dict[str, Any], field: str, code: str
) -> None:
    before = read(api, head, number)
    refused = act(api, head, number, action, **fields)

    assert refused["code"] == 400
    assert (field, code) in [(each["field"], each["code"]) for each in refused["errors"]]
    assert read(api, head, number) == before


def test_a_gap_is_solved_only_by_what_answers_it(api: Api, head: dict[str, str]) -> None:
    gap = (api.get("/search", q="tunnel token", language="de", visit="who-asks-in-german").json or {})["gap"]
    way = {"resolution": "translated", "article": "vpn-only-english"}
    refused = act(api, head, gap, "solve", **way)

    assert (refused["code"], refused["type"].rpartition("/")[2], refused["rank"]) == (409, "not-proven", None)
    assert act(api, head, gap, "claim")["code"] == 200
    assert act(api, head, gap, "solve", resolution="out_of_scope", text="Not ours.")["status"] == "solved"


def test_a_token_can_do_no_more_than_its_person(api: Api, number: int) -> None:
    agent = api.token(*OF_TICKETS, roles=frozenset({Role.AGENT}))
    writer = api.token(Scope.TICKETS_READ, roles=frozenset({Role.WRITER}))

    assert act(api, agent, number, "declare_major", texts={"en": "a"})["code"] == 403
    assert act(api, agent, number, "change_major")["code"] == 403
    assert "declare_major" not in read(api, agent, number)["actions"]
    assert act(api, writer, number, "take")["code"] == 403
    assert read(api, writer, number)["actions"] == []


def test_who_may_not_read_tickets_is_told_nothing_of_what_is_in_them(api: Api, number: int) -> None:
    """Whatever is done, a token that only writes learns that it was, and no text."""
    blind = api.token(Scope.TICKETS_WRITE)
    for action, fields in (("leave", {}), ("classify", {}), ("take", {}), ("note", {"text": "Seen."})):
        told = act(api, blind, number, action, **fields)
        assert (told["code"], set(told)) == (200, {"number", "status", "version", "code"}), action
    previewed = api.post(f"/tickets/{number}/supplier-preview", {"supplier": 1, "text": "a"}, blind)
    assert (previewed.status_code, (previewed.json or {})["scope"]) == (403, "tickets:read")


def test_writers_take_gaps_on_give_them_back_and_close_them(api: Api) -> None:
    """As on their pages; nothing else, and nothing but gaps."""
    writer = api.token(Scope.GAPS_READ, Scope.GAPS_WRITE, roles=frozenset({Role.WRITER}))
    gap = (api.get("/search", q="zeppelin hangar", language="en", visit="who-asks-of-airships").json or {})["gap"]
    version = (api.get(f"/gaps/{gap}", writer).json or {})["version"]

    def step(number: int, action: str, **fields: Any) -> tuple[int, Any]:
        answered = api.post(f"/gaps/{number}/actions", {"action": action} | fields, writer)
        return answered.status_code, answered.json

    code, taken = step(gap, "claim", version=version)
    assert (code, set(taken), taken["version"]) == (200, {"number", "status", "version"}, version + 1)
    assert step(gap, "claim", version=version)[0] == 409
    assert step(gap, "release", version=taken["version"])[1]["version"] == version + 2
    proof = {"resolution": "article_improved", "article": "reset-password", "version": version + 2}
    assert step(gap, "solve", **proof)[1]["type"].endswith("/not-proven")
    assert step(gap, "solve", **proof | {"resolution": "out_of_scope"})[0] == 403
    assert step(gap, "note", text="a")[0] == 400
    request = (api.post("/requests", REQUEST | {"description": "No gap at all."}).json or {})["number"]
    assert step(request, "claim")[0] == step(424_242, "claim")[0] == 404


def test_staff_see_that_a_request_came_by_the_api(api: Api, head: dict[str, str], number: int) -> None:
    assert read(api, head, number)["channel"] == "api"


def test_an_action_with_a_key_is_done_once(api: Api, head: dict[str, str], number: int) -> None:
    key = head | {"Idempotency-Key": "note-1"}
    first, again = (act(api, key, number, "note", text="Said once.") for _ in range(2))

    assert first == again
    assert len(read(api, head, number)["history"]) == 2


def test_tickets_are_found_by_every_filter(api: Api, head: dict[str, str], number: int) -> None:
    taken = act(api, head, number, "take")

    def found(**query: Any) -> list[int]:
        answered = api.get("/tickets", head, limit=100, **query)
        assert answered.status_code == 200, answered.text
        return [each["number"] for each in (answered.json or {})["items"]]

    fits = {"status": "open", "tier": 1, "language": "de", "kind": "request", "owner": "me"}
    for name, value in fits.items():
        assert number in found(**{name: value}), name
    for name, value in {"status": "closed", "tier": 3, "language": "ru", "kind": "gap", "owner": "none"}.items():
        assert number not in found(**{name: value}), name
    assert found(owner=taken["owner"]["id"], updated_since=taken["updated"]) == [number]
    assert found() == sorted(found(), reverse=True)
    api.services.finding.index(api.services.clock())
    assert found(q=f"#{number}") == [number]
    assert number in found(q="ada@example.org")


@pytest.mark.parametrize("query", [{}, {"updated_since": "2020-01-01T00:00:00Z"}, {"q": "ada@example.org"}])
def test_pages_of_tickets_follow_each_other(api: Api, head: dict[str, str], number: int, query: dict[str, str]) -> None:
    assert number
    api.services.finding.index(api.services.clock())
    whole = (api.get("/tickets", head, limit=100, **query).json or {})["items"]
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while cursor is not None:
        page = api.get("/tickets", head, limit=2, **query, **cursor).json or {}
        seen += [each["number"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [each["number"] for each in whole]
    assert number in seen


def test_unanswered_searches_are_masked_and_tell_nothing_of_who_asked(api: Api) -> None:
    words = "Yeti-Zähmung ada.berg@example.com"
    for visit in ("first-visitor-asks", "second-visitor-asks"):
        found = api.get("/search", q=words, language="de", visit=visit).json or {}
    api.record()
    reader = api.token(Scope.GAPS_READ, roles=frozenset({Role.WRITER}))
    listed = api.get("/gaps", reader, language="de").json or {}
    shown = api.get(f"/gaps/{found['gap']}", reader)

    (gap,) = [each for each in listed["items"] if each["number"] == found["gap"]]
    assert (gap["query"], gap["occurrences"], gap["code"]) == ("Yeti-Zähmung [e-mail]", 2, "U0")
    assert "ada.berg" not in shown.text
    assert (shown.json or {})["days"][0]["times"] == 2
    assert (api.get("/gaps", reader, language="fr").json or {})["items"] == []
    assert api.get("/gaps/424242", reader).status_code == 404
    assert api.get(f"/gaps/{10**12}", reader).status_code == 404
    assert api.get("/gaps/two", reader).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        {"status": "lost"},
        {"tier": "9"},
        {"owner": "everybody"},
        {"updated_since": "2020-01-01"},
        {"updated_since": "9999-12-31T23:59:59-12:00"},
        {"updated_since": "0001-01-01T00:00:00+14:00"},
        {"q": "a\0"},
    ],
)
def test_bad_filters_are_refused(api: Api, head: dict[str, str], query: dict[str, str]) -> None:
    assert api.get("/tickets", head, **query).status_code == 400


def test_a_query_of_any_length_finds_nothing_rather_than_failing(api: Api, head: dict[str, str]) -> None:
    assert (api.get("/tickets", head, q="x" * 100_000).json or {})["items"] == []


def test_a_copy_follows_every_change_once_on_both_databases(database: Database) -> None:
    with database.write() as connection:
        for minute in (3, 1, 2, 2):
            store.create(connection, ticket(updated_at=NOW + timedelta(minutes=minute)))
    everything = queue.Wanted(queue.Tab.ALL, 1, NOW)
    seen: list[Ticket] = []
    with database.read() as connection:
        while found := changed.page(
            connection, everything, NOW, (seen[-1].updated_at, seen[-1].id) if seen else None, limit=2
        ):
            seen += found
        assert [each.id for each in changed.newest(connection, everything, before=4, limit=2)] == [3, 2]
        late = changed.page(connection, everything, NOW + timedelta(minutes=2, seconds=1))

    assert [each.id for each in seen] == [2, 3, 4, 1]
    assert [each.id for each in late] == [1]
