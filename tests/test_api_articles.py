"""Articles through the API: all languages, fallback, ETags, what is hidden from readers, and opinions."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal.chains import Outcome, judge
from portal.storage import feedback
from portal.web.api.articles import absolutely
from portal.web.visits import LONGEST_READ
from tests.api import ROOT, Api, open_api
from tests.builders import SMALL_LIBRARY, write_article
from tests.visiting import recorded

VOTER = "one-person-of-the-shop"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    articles = folder / "articles"
    write_article(articles, slug="not-yet", title="Not yet published", status="draft", topic="devices")
    write_article(articles, slug="house-rules", title="House rules of writers", topic="house")
    write_article(articles, slug="moved-here", title="It was elsewhere", aliases="[was-there]", updated="2026-04-01")
    made = open_api(folder, topics="house:\n  name: {en: House}\n  audience: writers\n")
    yield made
    made.close()


def everything(api: Api, **query: Any) -> list[dict[str, Any]]:
    """All pages of the list."""
    items, cursor = [], None
    while True:
        page = api.get("/articles", **query, **({"cursor": cursor} if cursor else {})).json or {}
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


def test_the_list_has_every_text_of_every_language_once(api: Api) -> None:
    found = [(each["language"], each["slug"]) for each in everything(api, limit=3)]

    assert sorted(found) == sorted([*SMALL_LIBRARY, ("en", "moved-here")])
    assert found == sorted(found, key=lambda each: (each[1], each[0]))


def test_the_list_is_narrowed(api: Api) -> None:
    assert {each["language"] for each in everything(api, language="de")} == {"de"}
    assert {each["slug"] for each in everything(api, topic="devices")} == {"printer-offline"}
    assert {each["slug"] for each in everything(api, updated_since="2026-02-01")} == {"moved-here"}
    assert everything(api, updated_since=date.max.isoformat()) == []


@pytest.mark.parametrize("slug", ["not-yet", "house-rules"])
def test_drafts_and_writers_articles_are_not_there(api: Api, slug: str) -> None:
    assert api.get(f"/articles/en/{slug}").status_code == 404
    assert api.post(f"/articles/en/{slug}/feedback", {"is_helpful": True}).status_code == 404
    words = slug.replace("-", " ")
    for path in ("/articles", f"/search?submitted=false&q={words}", f"/suggest?q={words}"):
        assert slug not in api.client.get(f"{ROOT}{path}").text
    assert [each["slug"] for each in (api.get("/topics").json or {})["items"]] == ["accounts", "devices"]


def test_an_article_comes_with_all_that_its_page_shows(api: Api) -> None:
    found = api.get("/articles/en/reset-password").json or {}

    assert found["title"] == "Reset a forgotten password"
    assert [each["anchor"] for each in found["sections"]] == ["reset", "phone", "fails"]
    assert [each["language"] for each in found["languages"]] == ["de", "en", "fr", "ru"]
    assert (found["shown_in"], found["freshness"], found["tags"]) == (None, "source", ["sign-in"])
    assert found["url"] == "http://localhost/en/articles/reset-password"
    assert '<a href="http://localhost/en/articles/reset-password#reset"' in (
        api.get("/articles/en/printer-offline").json or {}
    ).get("html", "")


def test_what_is_not_translated_is_shown_in_another_language_and_says_so(api: Api) -> None:
    found = api.get("/articles/ru/vpn-only-english").json or {}

    assert (found["language"], found["shown_in"], found["title"]) == ("ru", "en", "Connect to the VPN")
    assert [each["language"] for each in found["languages"]] == ["en"]


def test_an_earlier_slug_leads_to_the_article(api: Api) -> None:
    assert (api.get("/articles/en/was-there").json or {})["slug"] == "moved-here"


def test_what_has_not_changed_is_not_sent_again(api: Api) -> None:
    for path in ("/articles/de/reset-password", "/articles?limit=2"):
        first = api.client.get(ROOT + path)
        again = api.client.get(ROOT + path, headers={"If-None-Match": first.headers["ETag"]})
        assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    etags = {api.get(f"/articles/{code}/reset-password").headers["ETag"] for code in ("en", "fr", "de", "ru")}
    assert len(etags) == 4


def test_a_new_publication_changes_the_etag(tmp_path: Path) -> None:
    api = open_api(tmp_path)
    before = api.get("/articles/en/vpn-only-english").headers["ETag"]
    write_article(tmp_path / "articles", slug="vpn-only-english", title="Connect to the VPN", body="Another text.")
    api.publish()
    after = api.get("/articles/en/vpn-only-english", {"If-None-Match": before})
    api.close()

    assert after.status_code == 200
    assert "Another text." in (after.json or {})["html"]


@pytest.mark.parametrize(
    ("html", "full"),
    [
        ('<a href="x#y">z</a>', '<a href="https://h/en/articles/x#y">z</a>'),
        ('<a title="a > b" href="x">', '<a title="a > b" href="https://h/en/articles/x">'),
        ('<a href="#here">', '<a href="#here">'),
        ('<a href="mailto:a@b.org">', '<a href="mailto:a@b.org">'),
        ('<a href="https://other.org/x">', '<a href="https://other.org/x">'),
        ('<img loading="lazy" alt=" src=" src="../../images/a.png">', None),
        ('<code>&lt;a href="x"&gt;</code> href="x"', '<code>&lt;a href="x"&gt;</code> href="x"'),
    ],
)
def test_addresses_lead_to_the_same_place_from_anywhere(html: str, full: str | None) -> None:
    expected = full or '<img loading="lazy" alt=" src=" src="https://h/images/a.png">'

    assert absolutely(html, "https://h/en/articles/me") == expected


def test_topics_are_named_in_the_language(api: Api) -> None:
    items = (api.get("/topics", language="de").json or {})["items"]

    assert [(each["slug"], each["title"]) for each in items] == [("accounts", "Konten"), ("devices", "Geräte")]
    assert items[0]["url"] == "http://localhost/de/topics/accounts"


def test_the_language_of_the_browser_counts_where_none_is_named(api: Api) -> None:
    items = (api.get("/topics", {"Accept-Language": "fr-CH, en;q=0.5", "Cookie": "language=ru"}).json or {})["items"]

    assert items[0]["title"] == "Comptes"


def votes(api: Api) -> dict[tuple[str, str], tuple[int, int]]:
    with api.services.database.read() as connection:
        return {(code, slug): counts for (code, slug, _), counts in feedback.tallies(connection).items()}


def test_a_voter_may_change_their_mind_and_others_are_others(api: Api) -> None:
    path = "/articles/fr/printer-offline/feedback"
    for is_helpful in (True, False):
        sent = {"is_helpful": is_helpful, "voter": VOTER, "comment": "call +49 30 901820 at once", "reason": "unclear"}
        assert api.post(path, sent).status_code == 204
    api.post(path, {"is_helpful": True})
    api.post(path, {"is_helpful": True, "voter": VOTER}, api.token())

    assert votes(api)["en", "printer-offline"] == (2, 3)
    with api.services.database.read() as connection:
        (said,) = feedback.comments(connection, "en", ["printer-offline"])
    assert said.comment == "call [phone] at once"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "is_helpful", "missing"),
        ({"is_helpful": "yes"}, "is_helpful", "wrong_type"),
        ({"is_helpful": False, "reason": "bored"}, "reason", "unknown"),
        ({"is_helpful": False, "comment": "x" * 601}, "comment", "too_long"),
        ({"is_helpful": True, "voter": "me"}, "voter", "too_short"),
        ({"is_helpful": True, "stars": 5}, "stars", "unknown"),
        ({"is_helpful": True, "comment": "a\0b"}, "comment", "not_printable"),
    ],
)
def test_bad_opinions_are_refused(api: Api, body: dict[str, Any], field: str, code: str) -> None:
    before = votes(api)
    refused = api.post("/articles/en/reset-password/feedback", body)

    assert refused.status_code == 400
    assert (field, code) in [(each["field"], each["code"]) for each in (refused.json or {})["errors"]]
    assert votes(api) == before


@pytest.mark.parametrize(
    "path",
    ["/articles/tlh/reset-password", "/articles/en/nowhere", "/articles/en/" + "x" * 10_000, "/articles/en/%00"],
)
def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    assert api.get(path).status_code == 404


@pytest.mark.parametrize(
    "query", [{"updated_since": "yesterday"}, {"language": "xx"}, {"topic": "x"}, {"limit": "101"}]
)
def test_bad_filters_are_refused(api: Api, query: dict[str, Any]) -> None:
    assert api.get("/articles", **query).status_code == 400


def test_a_search_that_led_to_an_article_that_was_read_has_helped(tmp_path: Path) -> None:
    """As on the pages; without a visit, or where nobody wants to be followed, nothing is kept."""
    api = open_api(tmp_path)
    visit, path = "one-visit-of-somebody", "/articles/ru/vpn-only-english"
    api.get("/search", q="VPN", language="ru", visit=visit)
    api.get(path, visit=visit)
    assert api.post(f"{path}/reading", {"seconds": 4000, "visit": visit}).status_code == 204
    assert api.post(f"{path}/reading", {"seconds": 45, "visit": visit}, {"DNT": "1"}).status_code == 204
    events = recorded(api.services)
    refused = [
        api.post(f"{path}/reading", body).status_code
        for body in ({"seconds": 45}, {"visit": visit}, {"seconds": -1, "visit": visit}, {"seconds": 9, "visit": "x"})
    ]
    nowhere = api.post("/articles/ru/nowhere/reading", {"seconds": 45, "visit": visit}).status_code
    api.close()

    assert [each.kind for each in events] == ["search", "open", "read"]
    assert (events[-1].slug, events[-1].language, events[-1].seconds) == ("vpn-only-english", "en", LONGEST_READ)
    assert judge(events).outcome is Outcome.SUCCESS
    assert refused == [400] * 4
    assert nowhere == 404


def test_votes_on_the_pages_and_through_the_api_count_together(tmp_path: Path) -> None:
    api = open_api(tmp_path)
    page = {"data": {"helpful": "yes"}, "environ_base": {"REMOTE_ADDR": "198.51.100.8"}}
    sent = {"json": {"is_helpful": True}, "environ_base": page["environ_base"]}
    statuses = [api.client.post("/en/articles/reset-password/vote", **page).status_code for _ in range(59)]
    statuses += [api.client.post("/api/v1/articles/en/reset-password/feedback", **sent).status_code for _ in range(2)]
    api.close()

    assert statuses == [303] * 59 + [204, 429]


def test_too_many_votes_of_one_client_wait(tmp_path: Path) -> None:
    api = open_api(tmp_path)
    path, sent = "/articles/en/reset-password/feedback", {"is_helpful": True}
    environ = {"REMOTE_ADDR": "198.51.100.7"}
    statuses = [api.client.post(f"/api/v1{path}", json=sent, environ_base=environ).status_code for _ in range(61)]
    with_token = api.post(path, sent, api.token()).status_code
    api.close()

    assert statuses == [204] * 60 + [429]
    assert with_token == 204
