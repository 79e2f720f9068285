"""Of whom visits are recorded, and of whom nothing, while every function works for everybody."""

import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.chains import Kind
from portal.locales import CODES
from portal.services import Services
from portal.storage.schema import metadata
from portal.web.visits import COOKIE, is_robot
from tests.conftest import hidden
from tests.visiting import SLUG, TITLES, beacon, kinds, recorded, search

#: An address of the documentation's network, and what it must not be shortened to either.
ADDRESS, PREFIX = "203.0.113.77", "203.0.113"
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
#: Of whom nothing is to be known.
UNSEEN = {
    "robot": {"User-Agent": GOOGLE},
    "prefetch": {"Sec-Purpose": "prefetch;prerender"},
    "older prefetch": {"Purpose": "prefetch"},
    "do not track": {"DNT": "1"},
    "global privacy control": {"Sec-GPC": "1"},
}


def send_request(client: FlaskClient, language: str = "en", headers: dict[str, str] | None = None) -> int:
    """Send a request; the status."""
    stamp = hidden(client.get(f"/{language}/requests/new").text, "stamp")
    fields = {"name": "Anna", "email": "anna@example.org", "description": "zxqv", "suggested": "1", "stamp": stamp}
    return client.post(f"/{language}/requests/new", data=fields, headers=headers).status_code


def everything(client: FlaskClient, headers: dict[str, str] | None = None) -> list[int]:
    """Use every function once: answered and unanswered searches, an article, a vote, a beacon, a request."""
    return [
        search(client, TITLES["en"], headers=headers),
        search(client, "zxqv blorp", headers=headers),
        client.get(f"/en/articles/{SLUG}", headers=headers).status_code,
        client.post(f"/en/articles/{SLUG}/vote", data={"helpful": "no"}, headers=headers).status_code,
        beacon(client, headers=headers),
        send_request(client, headers=headers),
    ]


WORKS = [200, 200, 200, 303, 204, 303]


@pytest.mark.parametrize("language", CODES)
def test_what_follows_a_search_is_recorded_with_its_session(
    language: str, reader: FlaskClient, portal_services: Services
) -> None:
    """Search, open, read, vote, request: one session, which is not the cookie."""
    search(reader, TITLES[language], language)
    reader.get(f"/{language}/articles/{SLUG}")
    beacon(reader, language)
    reader.post(f"/{language}/articles/{SLUG}/vote", data={"helpful": "no"})
    send_request(reader, language)

    events = recorded(portal_services)
    cookie = reader.get_cookie(COOKIE)
    assert cookie is not None
    assert [event.kind for event in events] == [Kind.SEARCH, Kind.OPEN, Kind.READ, Kind.VOTE, Kind.REQUEST]
    assert {event.session for event in events} == {portal_services.gaps.session_hash(cookie.value)}
    assert cookie.value not in str(events)
    assert events[0].query == TITLES[language]
    assert {(event.slug, event.language) for event in events[1:4]} == {(SLUG, language)}
    assert events[2].seconds == 42
    assert (events[3].is_helpful, bool(events[3].revision)) == (False, True)
    assert not events[0].is_returning


def test_who_has_not_searched_is_not_recorded(reader: FlaskClient, portal_services: Services) -> None:
    """Reading, voting and asking for help alone leave nothing behind."""
    reader.get(f"/en/articles/{SLUG}")
    vote = reader.post(f"/en/articles/{SLUG}/vote", data={"helpful": "yes"})
    read = beacon(reader)
    sent = send_request(reader)

    assert (vote.status_code, read, sent) == (303, 204, 303)
    assert recorded(portal_services) == []
    assert reader.get_cookie(COOKIE) is None


def test_a_cookie_that_does_not_come_back_is_nobody(app: Flask, portal_services: Services) -> None:
    """A client without a memory searches; what it does next has no session."""
    for path in ("/en/search?q=zxqv", f"/en/articles/{SLUG}", "/en/search?q=zxqv"):
        app.test_client(use_cookies=False).get(path)

    events = recorded(portal_services)
    assert [event.kind for event in events] == [Kind.SEARCH, Kind.SEARCH]
    assert events[0].session != events[1].session
    assert not any(event.is_returning for event in events)


@pytest.mark.parametrize("headers", UNSEEN.values(), ids=UNSEEN)
@pytest.mark.parametrize("has_cookie", [False, True], ids=["new", "with an old cookie"])
def test_of_some_nothing_is_recorded_and_everything_works(
    has_cookie: bool, headers: dict[str, str], reader: FlaskClient, portal_services: Services
) -> None:
    """No session, no words, no new cookie; the vote counts, the request comes, the pages are the same."""
    if has_cookie:
        reader.set_cookie(COOKIE, "c" * 32)

    statuses = everything(reader, headers)

    events = recorded(portal_services)
    assert statuses == WORKS
    assert [event for event in events if event.session or event.query or event.fingerprint or event.results] == []
    assert {event.kind for event in events} <= {Kind.SEARCH}
    cookie = reader.get_cookie(COOKIE)
    assert (cookie.value if cookie else None) == ("c" * 32 if has_cookie else None)


def test_an_agent_who_tries_things_out_is_not_recorded(agent: FlaskClient, portal_services: Services) -> None:
    """Also with a cookie from before signing in."""
    agent.set_cookie(COOKIE, "c" * 32)

    statuses = everything(agent)

    assert statuses == WORKS
    assert recorded(portal_services) == []


@pytest.mark.parametrize("path", ["/{}/", "/{}/topics/accounts", "/{}/articles/" + SLUG])
@pytest.mark.parametrize("language", CODES)
def test_pages_are_kept_by_browsers_whether_one_has_searched_or_not(language: str, path: str, app: Flask) -> None:
    """No cookie, public, the same ETag and 304 with the session's cookie as without."""
    address = path.format(language)
    fresh, searcher = app.test_client(), app.test_client()
    search(searcher, "zxqv", language)

    first, second = fresh.get(address), searcher.get(address)
    tag = {"If-None-Match": first.headers["ETag"]}
    again = [client.get(address, headers=tag).status_code for client in (fresh, searcher)]

    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.text == second.text
    assert again == [304, 304]
    for answer in (first, second):
        assert answer.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
        assert "Set-Cookie" not in answer.headers


def test_a_hostile_cookie_harms_nothing(app: Flask, portal_services: Services) -> None:
    """Whatever it holds, pages work, and what is kept is a hash or nothing."""
    client = app.test_client(use_cookies=False)
    for value in ("x" * 19, "x" * 65, "", "\\udcff" * 9, "я" * 30, "'; DROP TABLE tickets; --" + "x" * 9):
        headers = {"Cookie": f'{COOKIE}="{value}"'.encode().decode("latin-1")}

        search(client, "zxqv", headers=headers)
        assert client.get(f"/en/articles/{SLUG}", headers=headers).status_code == 200, value
        assert beacon(client, headers=headers) == 204, value

    assert all(re.fullmatch("[0-9a-f]{64}", event.session or "0" * 64) for event in recorded(portal_services))


def test_no_network_address_is_in_any_table(reader: FlaskClient, portal_services: Services) -> None:
    """Neither whole nor shortened, whatever a person does; nor what their browser calls itself."""
    from_there = {"REMOTE_ADDR": ADDRESS}
    reader.environ_base.update(from_there)
    reader.environ_base["HTTP_USER_AGENT"] = "Zyxobrowser/4.2 (secret machine)"
    everything(reader)
    everything(reader)
    reader.post("/en/sign-in", data={"email": "mia@example.org", "password": "wrong"})
    recorded(portal_services)

    with portal_services.database.read() as connection:
        rows = {table.name: connection.execute(select(table)).all() for table in metadata.sorted_tables}
    kept = json.dumps({name: [list(row) for row in found] for name, found in rows.items()}, default=str)

    assert len(rows["search_events"]) == 12
    assert rows["tickets"]
    assert PREFIX not in kept
    assert "Zyxobrowser" not in kept


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        (GOOGLE, True),
        ("Mozilla/5.0 (compatible; YandexBot/3.0)", True),
        ("facebookexternalhit/1.1", True),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 Chrome/90 Mobile Safari/537.36", False),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", False),
        ("", False),
    ],
)
def test_robots_are_known_by_their_names(name: str, is_one: bool) -> None:
    """Who says that it crawls does; a telephone called Cubot does not."""
    assert is_robot(name) is is_one


def test_a_long_name_is_looked_at_in_short(reader: FlaskClient, portal_services: Services) -> None:
    """A browser's name of any length is read to a bound, and pages come."""
    headers = {"User-Agent": "(" * 100_000 + "bot"}

    assert search(reader, "zxqv", headers=headers) == 200
    assert kinds(portal_services) == ["search"]
