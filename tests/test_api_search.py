"""Searching through the API: the page's results and verdicts, what is recorded of whom, and bad input."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from portal.api_tokens import Scope
from portal.locales import CODES
from portal.queries import MAX_CHARACTERS
from portal.storage import tickets as store
from portal.storage.schema import article_views, search_events
from tests.api import Api, open_api
from tests.builders import write_article

VISIT = "a-visit-of-one-person"
TITLES = {"en": "forgotten password", "fr": "mot de passe oublié", "de": "vergessenes Passwort", "ru": "забытый пароль"}
SHOP = "https://shop.example"


@pytest.fixture(scope="module")
def module_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    made = open_api(tmp_path_factory.mktemp("api"), embed_origins=(SHOP,))
    yield made
    made.close()


@pytest.fixture
def api(module_api: Api) -> Api:
    """The same for all, of which nothing is recorded yet."""
    module_api.record()
    with module_api.services.database.write() as connection:
        connection.execute(delete(search_events))
        connection.execute(delete(article_views))
    return module_api


def recorded(api: Api) -> list[dict[str, Any]]:
    api.record()
    with api.services.database.read() as connection:
        rows = connection.execute(select(search_events).order_by(search_events.c.id)).mappings()
        return [dict(row) for row in rows]


def opened(api: Api) -> int:
    api.record()
    with api.services.database.read() as connection:
        return len(connection.execute(select(article_views)).all())


def confirmed(api: Api, gap: int) -> bool:
    api.record()
    with api.services.database.read() as connection:
        return store.get(connection, gap).is_confirmed


@pytest.mark.parametrize("language", CODES)
def test_results_are_those_of_the_page(api: Api, language: str) -> None:
    found = api.get("/search", q=TITLES[language], language=language).json
    page = api.client.get(f"/{language}/search?q={TITLES[language]}").text

    assert found
    assert (found["verdict"], found["language"], found["gap"]) == ("answered", language, None)
    assert found["results"][0]["slug"] == "reset-password"
    assert found["results"][0]["url"].removeprefix("http://localhost") in page
    assert re.sub("</?mark>", "", found["results"][0]["snippet_html"]) == found["results"][0]["snippet"]
    assert 0 < found["confidence"] <= 1


def test_what_only_another_language_has_stands_apart_and_is_a_translation_gap(api: Api) -> None:
    found = api.get("/search", q="tunnel", language="de").json

    assert found
    assert (found["verdict"], found["results"], found["total"]) == ("unanswered", [], 0)
    assert [(each["language"], each["results"][0]["slug"]) for each in found["elsewhere"]] == [
        ("en", "vpn-only-english")
    ]
    assert found["gap"] > 0


def test_repairs_are_told_and_can_be_refused(api: Api) -> None:
    repaired = api.get("/search", q="gfhjkm", language="ru").json
    exact = api.get("/search", q="gfhjkm", language="ru", exact="true", submitted="false").json

    assert repaired
    assert exact
    assert repaired["repairs"] == [{"kind": "layout", "text": "пароль"}]
    assert exact["repairs"] == []


def test_typing_is_recorded_nowhere(api: Api) -> None:
    typed = api.get("/search", q="flux capacitor broken", submitted="false", visit=VISIT).json
    api.get("/suggest", q="pass")

    assert typed
    assert (typed["verdict"], typed["gap"]) == ("unanswered", None)
    assert recorded(api) == []


def test_a_submitted_search_is_recorded_without_a_session_and_opens_an_unconfirmed_gap(api: Api) -> None:
    gap = (api.get("/search", q="quantum toaster of ada@example.org", language="en").json or {})["gap"]

    (event,) = recorded(api)
    assert (event["kind"], event["session"], event["gap_id"]) == ("search", None, gap)
    assert event["query"] == "quantum toaster of [e-mail]"
    assert not confirmed(api, gap)


def test_a_visit_ties_what_one_person_does_together_and_confirms_their_gap(api: Api) -> None:
    gap = (api.get("/search", q="hovercraft full of eels", language="en", visit=VISIT).json or {})["gap"]
    api.get("/articles/de/reset-password", visit=VISIT)
    api.post("/articles/de/reset-password/feedback", {"is_helpful": True, "visit": VISIT})
    api.get("/articles/de/reset-password")

    events = recorded(api)
    assert [event["kind"] for event in events] == ["search", "open", "vote"]
    assert len({event["session"] for event in events}) == 1
    assert VISIT not in str(events)
    assert confirmed(api, gap)
    assert opened(api) == 1


def test_the_visit_of_one_token_is_nothing_with_another(api: Api) -> None:
    headers: list[dict[str, str]] = [api.token(name="one"), api.token(name="two"), {}]
    for header in headers:
        api.get("/search", header, q="password", visit=VISIT)

    assert len({event["session"] for event in recorded(api)}) == len(headers)


@pytest.mark.parametrize("header", ["DNT", "Sec-GPC"])
def test_who_asks_not_to_be_followed_is_not(api: Api, header: str) -> None:
    api.get("/search", {header: "1"}, q="password", visit=VISIT)
    api.get("/articles/en/reset-password", {header: "1"}, visit=VISIT)

    (event,) = recorded(api)
    assert (event["session"], event["query"], event["results"]) == (None, "", [])


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"Sec-Purpose": "prefetch"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    ],
)
def test_robots_and_other_sites_are_answered_and_count_for_nothing(api: Api, headers: dict[str, str]) -> None:
    found = api.get("/search", headers, q="zeppelin hangar keys", visit=VISIT)

    assert found.status_code == 200
    assert (found.json or {})["gap"] is None
    assert recorded(api) == []


def test_pages_of_embed_origins_count(api: Api) -> None:
    api.get("/search", {"Sec-Fetch-Site": "cross-site", "Origin": SHOP}, q="password", visit=VISIT)

    assert len(recorded(api)) == 1


def test_pages_follow_each_other_without_gap_or_repeat(tmp_path: Path) -> None:
    for number in range(26):
        write_article(tmp_path / "articles", slug=f"wombat-{number}", title=f"Wombat number {number}")
    api = open_api(tmp_path)
    seen, cursor = [], ""
    while cursor is not None:
        query: dict[str, Any] = {"q": "wombat", "limit": 7, "language": "en"} | ({"cursor": cursor} if cursor else {})
        page = api.get("/search", **query).json or {}
        assert page["total"] == 26
        seen += [each["slug"] for each in page["results"]]
        cursor = page["next"]
    api.record()
    with api.services.database.read() as connection:
        counted = connection.execute(select(search_events)).all()
    api.close()

    assert sorted(seen) == sorted(f"wombat-{number}" for number in range(26))
    assert len(counted) == 1


def test_suggestions_lead_to_pages(api: Api) -> None:
    items = (api.get("/suggest", q="pass", language="de").json or {})["items"]

    assert items[0]["slug"] == "reset-password"
    assert items[0]["url"] == "http://localhost/de/articles/reset-password"
    assert (api.get("/suggest", q="").json or {})["items"] == []


@pytest.mark.parametrize("text", ["password " * 12_000, "x" * 100_000, "пароль" * 20_000, "🦆" * 30_000])
def test_an_over_long_search_is_cut_as_on_the_page(api: Api, text: str) -> None:
    found = api.get("/search", q=text, language="en")

    assert found.status_code == 200
    assert len((found.json or {})["query"]) <= MAX_CHARACTERS
    assert (found.json or {})["gap"] is None
    assert api.get("/suggest", q=text, language="en").status_code == 200


@pytest.mark.parametrize("text", ["", "   ", "\u202e", "?!", "the"])
def test_a_search_without_words_is_empty(api: Api, text: str) -> None:
    assert (api.get("/search", q=text, language="en").json or {})["verdict"] == "empty"


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({}, "q", "missing"),
        ({"q": "a", "language": "tlh"}, "language", "unknown"),
        ({"q": "a", "topic": "nowhere"}, "topic", "unknown"),
        ({"q": "a", "limit": "0"}, "limit", "out_of_range"),
        ({"q": "a", "limit": "many"}, "limit", "wrong_type"),
        ({"q": "a", "submitted": "perhaps"}, "submitted", "wrong_type"),
        ({"q": "a", "visit": "short"}, "visit", "invalid"),
        ({"q": "a", "visit": "x" * 100_000}, "visit", "invalid"),
        ({"q": "a", "colour": "red"}, "colour", "unknown"),
        ({"q": "a\0b"}, "q", "not_printable"),
    ],
)
def test_bad_values_are_named(api: Api, query: dict[str, Any], field: str, code: str) -> None:
    refused = api.get("/search", {"Accept-Language": "fr"}, **query)

    assert (refused.status_code, refused.mimetype) == (400, "application/problem+json")
    assert (field, code) in [(each["field"], each["code"]) for each in (refused.json or {})["errors"]]


@pytest.mark.parametrize("cursor", ["x", "x" * 1000, "🦆", "W10"])
def test_a_bad_cursor_is_refused(api: Api, cursor: str) -> None:
    assert api.get("/search", q="password", cursor=cursor).status_code == 400


def test_a_token_of_no_scope_searches_too(api: Api) -> None:
    assert api.get("/search", api.token(), q="password").status_code == 200
    assert api.get("/gaps", api.token(Scope.GAPS_READ)).status_code == 200
