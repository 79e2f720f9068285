"""Reports through the API: the figures of the pages with definitions in the caller's language, and the live board."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from portal.api_tokens import Scope
from portal.locales import CODES
from portal.metrics import METRICS
from portal.people import Role
from portal.storage.facts import Key
from portal.web.reports.words import DEFINITION
from tests.api import REQUEST, Api, open_api
from tests.reported import report


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    made = open_api(tmp_path_factory.mktemp("api"))
    today = made.services.clock().date()
    earlier = today - timedelta(days=30)
    days = {
        today: {
            Key("searches", "de"): 40,
            Key("searches.no_hit", "de"): 10,
            Key("searches", "fr"): 10,
            Key("chains.success", "de"): 6,
            Key("chains.failure", "de"): 2,
            Key("chains.unknown", "de"): 5,
        },
        earlier: {Key("searches", "de"): 4, Key("searches.no_hit", "de"): 3},
    }
    for day, sums in days.items():
        report(made.services.database, day, sums)
    yield made
    made.close()


@pytest.fixture(scope="module")
def head(api: Api) -> dict[str, str]:
    return api.token(Scope.REPORTS_READ, Scope.TICKETS_READ)


def metrics(api: Api, head: dict[str, str], **query: Any) -> dict[str, Any]:
    answered = api.get("/reports/metrics", head, **query)
    assert answered.status_code == 200, answered.text
    return answered.json or {}


def test_every_metric_comes_with_unit_definition_and_a_point_for_each_day(api: Api, head: dict[str, str]) -> None:
    found = metrics(api, head)

    assert [each["key"] for each in found["metrics"]] == list(METRICS)
    for each in found["metrics"]:
        assert each["unit"] == METRICS[each["key"]].unit
        assert each["definition"]
        assert len(each["points"]) == 30
        if each["unit"] == "count":
            told = [each["value"], each["previous"]["value"], *(point["value"] for point in each["points"])]
            assert {type(value) for value in told} == {int}
    assert date.fromisoformat(found["last"]) == api.services.clock().date()


def test_a_figure_is_told_with_what_it_was_made_of_and_the_time_before(api: Api, head: dict[str, str]) -> None:
    (rate, success) = metrics(api, head, keys=["zero_result_rate", "search_success"], language="de")["metrics"]

    assert (rate["value"], rate["count"], rate["over"]) == (0.25, 10, 40)
    assert (rate["previous"]["value"], rate["previous"]["count"]) == (0.75, 3)
    assert (rate["points"][-1]["value"], rate["points"][0]["value"]) == (0.25, None)
    assert (success["value"], success["unknown"]) == (0.75, 5)


def test_figures_are_told_apart(api: Api, head: dict[str, str]) -> None:
    found = metrics(api, head, keys="searches", apart="language")

    assert found["apart"] == "language"
    assert {part["name"]: part["metrics"][0]["count"] for part in found["parts"]} == {"de": 40, "fr": 10}
    assert metrics(api, head, keys="searches", apart="tier")["parts"] == []


def test_what_a_figure_cannot_be_told_apart_by_is_said(api: Api, head: dict[str, str]) -> None:
    (searches,) = metrics(api, head, keys="searches", tier=1)["metrics"]

    assert (searches["not_by"], searches["value"]) == (["tier"], None)


@pytest.mark.parametrize("code", CODES)
def test_definitions_are_in_the_language_of_the_caller(api: Api, head: dict[str, str], code: str) -> None:
    (shown,) = metrics(api, head | {"Accept-Language": code}, keys="wait", language="de")["metrics"]

    with api.app.test_request_context(f"/{code}/"):
        assert shown["definition"] == str(DEFINITION["wait"])


@pytest.mark.parametrize(("step", "points"), [("day", 28), ("week", 4), ("month", 1)])
def test_points_follow_the_step(api: Api, head: dict[str, str], step: str, points: int) -> None:
    found = metrics(api, head, keys="requests", first="2026-02-02", last="2026-03-01", step=step)

    assert len(found["metrics"][0]["points"]) == (points if step != "month" else 2)


@pytest.mark.parametrize("report", ["funnel", "survey", "escalations", "articles"])
def test_the_other_reports_have_what_there_is(api: Api, head: dict[str, str], report: str) -> None:
    found = api.get(f"/reports/{report}", head, first="2026-01-01", last="2026-01-31", language="ru")

    assert found.status_code == 200
    assert ((found.json or {})["first"], (found.json or {})["last"]) == ("2026-01-01", "2026-01-31")


def test_the_board_tells_how_the_desk_stands(api: Api, head: dict[str, str]) -> None:
    number = (api.post("/requests", REQUEST).json or {})["number"]
    found = api.get("/reports/board", head).json or {}
    elsewhere = api.get("/reports/board", head, language="ru", tier=2).json or {}

    assert found["open"] == [{"tier": 1, "language": "de", "priority": 3, "tickets": 1}]
    assert (found["total"], found["unowned"], found["oldest_unowned"]["number"]) == (1, 1, number)
    assert found["today"]["requests"] == 1
    assert (elsewhere["total"], elsewhere["open"]) == (0, [])
    assert "Ada" not in api.get("/reports/board", head).text
    assert found["breached_tickets"] == []


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"keys": "happiness"}, "keys", "unknown"),
        ({"step": "decade"}, "step", "unknown"),
        ({"apart": "mood"}, "apart", "unknown"),
        ({"tier": "5"}, "tier", "out_of_range"),
        ({"first": "soon"}, "first", "invalid"),
        ({"first": "2026-02-02", "last": "2026-02-01"}, "first", "order"),
        ({"first": "2020-01-01", "last": "2026-01-01"}, "first", "too_long"),
        ({"first": "9999-01-01"}, "first", "future"),
        ({"last": "0001-01-01"}, "last", "early"),
        ({"language": "xx"}, "language", "unknown"),
        ({"topic": "x" * 100_000}, "topic", "too_long"),
        ({"topic": "*"}, "topic", "invalid"),
    ],
)
def test_bad_questions_are_refused(
    api: Api, head: dict[str, str], query: dict[str, str], field: str, code: str
) -> None:
    refused = api.get("/reports/metrics", head, **query)

    assert refused.status_code == 400
    assert (field, code) in [(each["field"], each["code"]) for each in (refused.json or {})["errors"]]


def test_an_agents_token_reads_no_reports(api: Api) -> None:
    agent = api.token(Scope.TICKETS_READ, roles=frozenset({Role.AGENT}))

    for path in ("metrics", "funnel", "survey"):
        assert api.get(f"/reports/{path}", agent).status_code == 403


def test_the_board_is_for_whoever_may_read_tickets(api: Api) -> None:
    """As its page is: it names tickets, which the reports never do."""
    writer = api.token(Scope.TICKETS_READ, roles=frozenset({Role.WRITER}))
    refused = api.get("/reports/board", api.token(Scope.REPORTS_READ))

    assert api.get("/reports/board", writer).status_code == 200
    assert (refused.status_code, (refused.json or {})["scope"]) == (403, "tickets:read")
