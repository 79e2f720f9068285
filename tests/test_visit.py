"""Cookies of the public pages: none to read, and to search one that says nothing of anybody."""

from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.http import parse_cookie
from werkzeug.test import TestResponse

from portal.locales import CODES
from portal.services import Services
from portal.storage import frequent
from portal.storage.schema import frequent_queries, frequent_query_sessions

#: What can be opened without an act: an empty field, the next page or a change of the filter submit no search.
READ = (
    "/{}/", "/{}/topics/accounts", "/{}/articles/reset-password", "/{}/articles/reset-password?vote=yes",
    "/{}/articles/nothing", "/{}/requests/new", "/{}/requests/new?query=vpn", "/{}/search", "/{}/search?q=",
    "/{}/search?q=%00", "/{}/search?q=password&topic=accounts", "/{}/search?q=vpn&page=0", "/{}/search?q=zxqv+blorp&page=2", "/{}/suggest?q=pass", "/",
    "/sitemap.xml", "/robots.txt", "/healthz", "/readyz",
)  # fmt: skip
TITLES = {
    "en": "Reset a forgotten password", "fr": "Réinitialiser un mot de passe oublié",
    "de": "Vergessenes Passwort zurücksetzen", "ru": "Сбросить забытый пароль",
}  # fmt: skip
NONSENSE = "zxqv blorp"


def search(client: FlaskClient, text: str = NONSENSE, language: str = "en", **options: object) -> TestResponse:
    """Submit a search."""
    return client.get(f"/{language}/search?q={quote(text)}", **options)


def set_by(answer: TestResponse) -> list[str]:
    """The cookies that an answer sets."""
    return answer.headers.getlist("Set-Cookie")


def counted(services: Services) -> tuple[int, int]:
    """How many queries are counted, and for how many sessions."""
    assert services.queries.flush()
    with services.database.read() as connection:
        queries, sessions = (
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (frequent_queries, frequent_query_sessions)
        )
    return queries, sessions


@pytest.mark.parametrize("language", CODES)
def test_who_only_reads_gets_no_cookie(language: str, reader: FlaskClient) -> None:
    """Not even where there is no such page."""
    answers = [reader.get(page.format(language), headers={"Accept-Language": language}) for page in READ]

    assert {answer.status_code for answer in answers} == {200, 302, 404}
    assert [answer.request.path for answer in answers if set_by(answer)] == []


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("is_answered", [True, False], ids=["answered", "unanswered"])
def test_a_search_sets_one_cookie_for_the_visit(is_answered: bool, language: str, reader: FlaskClient) -> None:
    """Random, out of reach of scripts and other sites, gone with the browser's session, the same for all languages."""
    answer = search(reader, TITLES[language] if is_answered else NONSENSE, language)

    (cookie,) = set_by(answer)
    first, *attributes = cookie.split("; ")
    name, value = first.split("=", 1)
    assert name == "visit"
    assert len(value) == 32
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "password" not in value
    assert value not in answer.text


def test_the_cookie_is_sent_over_https_only_where_it_was_set_so(reader: FlaskClient) -> None:
    """Over HTTPS it is marked."""
    (cookie,) = set_by(search(reader, base_url="https://localhost"))

    assert "Secure" in cookie.split("; ")


def test_each_visit_has_its_own_number_and_keeps_it(reader: FlaskClient) -> None:
    """Two browsers differ; a browser that has one is not given another."""
    values = {parse_cookie(set_by(search(reader.application.test_client()))[0])["visit"] for _ in range(5)}
    search(reader)

    assert len(values) == 5
    assert set_by(search(reader)) == set_by(search(reader, "vpn", "ru")) == []


@pytest.mark.parametrize("value", ["x", "x" * 19, "x" * 65, "x" * 3000], ids=len)
def test_a_number_that_is_none_of_ours_is_replaced(value: str, reader: FlaskClient) -> None:
    """Too short to be random, or too long to be kept."""
    reader.set_cookie("visit", value)

    assert len(set_by(search(reader))) == 1


@pytest.mark.parametrize("header", ["DNT", "Sec-GPC"])
def test_who_asks_not_to_be_counted_is_not(header: str, reader: FlaskClient, portal_services: Services) -> None:
    """No cookie, and no count with a cookie from before."""
    asks = {header: "1"}

    before = set_by(search(reader, headers=asks))
    search(reader)
    after = search(reader, TITLES["en"], headers=asks)

    assert before == []
    assert after.status_code == 200
    assert counted(portal_services) == (0, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
    ],
    ids=["crawler", "prefetch", "older-prefetch"],
)
def test_what_nobody_submitted_sets_none(headers: dict[str, str], reader: FlaskClient) -> None:
    """Robots and pages fetched in advance are no act."""
    assert set_by(search(reader, headers=headers)) == []
    assert set_by(reader.head("/en/search?q=vpn")) == []


def test_an_agent_is_no_visitor(agent: FlaskClient) -> None:
    """Staff who try a search out get no number."""
    assert not [cookie for cookie in set_by(search(agent)) if cookie.startswith("visit=")]


def test_only_a_cookie_that_comes_back_is_counted(reader: FlaskClient, portal_services: Services) -> None:
    """A client that keeps none is nobody; the number itself is never kept."""
    for _ in range(3):
        search(reader.application.test_client(), TITLES["en"])
    nobody = counted(portal_services)
    search(reader, TITLES["en"])
    search(reader, TITLES["en"])
    search(reader, TITLES["en"].upper())

    cookie = reader.get_cookie("visit")
    assert cookie is not None
    assert nobody == (0, 0)
    assert counted(portal_services) == (1, 1)
    with portal_services.database.read() as connection:
        kept = connection.execute(select(frequent_query_sessions)).all()
    assert cookie.value not in str(kept)


@pytest.mark.parametrize("text", [NONSENSE, "password zxqv", "mia@example.org password", ""])
def test_words_that_no_article_has_are_never_counted(text: str, reader: FlaskClient, portal_services: Services) -> None:
    """What is nobody's business cannot be suggested to others."""
    search(reader)

    search(reader, text)

    assert counted(portal_services) == (0, 0)


def test_what_five_visits_asked_is_suggested_in_its_language(reader: FlaskClient, portal_services: Services) -> None:
    """As a search, after five browsers asked it; four are not enough."""
    for number in range(5):
        browser = reader.application.test_client()
        search(browser)
        search(browser, TITLES["en"])
        assert portal_services.queries.flush()
        with portal_services.database.read() as connection:
            popular = frequent.popular(connection, "en")
        assert bool(popular) == (number == 4)

    assert popular == [(TITLES["en"], 5)]
