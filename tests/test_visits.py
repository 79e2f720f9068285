"""What is recorded of visits: of whom, when, and of whom nothing, while every function works for everybody."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.chains import Kind, SearchEvent
from portal.locales import CODES
from portal.services import Services
from portal.storage import searches
from portal.storage.schema import metadata, search_events, tickets
from portal.web.visits import COOKIE, LONGEST_READ, is_robot
from tests.conftest import hidden

TITLES = {
    "en": "Reset a forgotten password", "fr": "Réinitialiser un mot de passe oublié",
    "de": "Vergessenes Passwort zurücksetzen", "ru": "Сбросить забытый пароль",
}  # fmt: skip
SLUG = "reset-password"
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


def recorded(services: Services) -> list[SearchEvent]:
    """All that is recorded, oldest first."""
    assert services.journal.flush()
    with services.database.read() as connection:
        numbers = connection.execute(select(search_events.c.id).order_by(search_events.c.id)).scalars().all()
        return searches._events(connection, search_events.c.id.in_(numbers))


def kinds(services: Services) -> list[str]:
    """The kinds of all that is recorded."""
    return [event.kind.value for event in recorded(services)]


def search(client: FlaskClient, text: str, language: str = "en", **options: object) -> int:
    """Search; the status."""
    return client.get(f"/{language}/search?q={quote(text)}", **options).status_code


def beacon(client: FlaskClient, language: str = "en", headers: dict[str, str] | None = None, **fields: object) -> int:
    """What a page's script tells; the status."""
    values = {"kind": "read", "slug": SLUG, "language": language, "seconds": "42"} | fields
    return client.post(f"/{language}/visit", data=values, headers=headers).status_code


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


@pytest.fixture
def known(reader: FlaskClient, portal_services: Services) -> FlaskClient:
    """A reader whose browser has a session from an earlier search."""
    search(reader, TITLES["en"])
    portal_services.journal.flush()
    with portal_services.database.write() as connection:
        connection.execute(search_events.delete())
    return reader


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


def test_an_article_in_another_language_is_recorded_as_it_is_read(
    known: FlaskClient, portal_services: Services
) -> None:
    """The language of the text, not of the page."""
    known.get("/ru/articles/vpn-only-english")

    (event,) = recorded(portal_services)
    assert (event.slug, event.language) == ("vpn-only-english", "en")


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


@pytest.mark.parametrize("path", ["/en/search?q=password", f"/en/articles/{SLUG}"])
def test_a_head_request_is_nobodys_act(path: str, known: FlaskClient, portal_services: Services) -> None:
    """Programs that look whether an address works read nothing."""
    assert known.head(path).status_code == 200
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


def test_an_article_from_the_browsers_own_store_is_opened_too(known: FlaskClient, portal_services: Services) -> None:
    """A 304 is a reading like any other."""
    tag = known.get(f"/en/articles/{SLUG}").headers["ETag"]

    known.get(f"/en/articles/{SLUG}", headers={"If-None-Match": tag})

    assert kinds(portal_services) == ["open", "open"]


HOSTILE = {
    "nothing": {},
    "no such kind": {"kind": "search"},
    "a kind of ours that it may not tell": {"kind": "vote", "is_helpful": "0"},
    "no such article": {"slug": "nothing"},
    "a path": {"slug": "../../etc/passwd"},
    "no such language": {"language": "es"},
    "no number": {"seconds": "many"},
    "less than nothing": {"seconds": "-1"},
    "a fraction": {"seconds": "4.2"},
    "not finite": {"seconds": "inf"},
    "a number too long": {"seconds": "9" * 6},
    "other digits": {"seconds": "٤٢"},
    "NUL": {"slug": SLUG + "\0x"},
    "long": {"slug": "z" * 100_000},
}


def test_a_beacon_that_says_nothing_sensible_does_nothing(known: FlaskClient, portal_services: Services) -> None:
    """Quietly: nobody sees the answer."""
    good = {"kind": "read", "slug": SLUG, "language": "en", "seconds": "42"}
    for what, fields in HOSTILE.items():
        answer = known.post("/en/visit", data=good | fields if fields else {})

        assert (answer.status_code, answer.data) == (204, b""), what
        assert recorded(portal_services) == [], what


def test_a_beacon_of_another_kind_of_content_does_nothing(known: FlaskClient, portal_services: Services) -> None:
    """JSON, plain text, a file, fields that come many times."""
    statuses = [
        known.post("/en/visit", json={"kind": "read", "slug": SLUG, "language": "en", "seconds": 42}).status_code,
        known.post("/en/visit", data=b"\xff\xfe" * 500, content_type="text/plain").status_code,
        known.post("/en/visit", data=b"--x\r\nrubbish", content_type="multipart/form-data; boundary=x").status_code,
        known.post("/en/visit", data={"kind": ["seek", "read"], "slug": [SLUG] * 3}).status_code,
    ]

    assert set(statuses) == {204}
    assert recorded(portal_services) == []


def test_a_huge_beacon_is_refused(known: FlaskClient, portal_services: Services) -> None:
    """More than any form of ours has."""
    answer = known.post("/en/visit", data={"kind": "read", "slug": SLUG, "seconds": "1", "language": "en" * 200_000})

    assert answer.status_code == 413
    assert recorded(portal_services) == []


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}],
    ids=["cross-site", "same-site", "older browsers"],
)
def test_a_beacon_from_another_site_is_refused(
    headers: dict[str, str], known: FlaskClient, portal_services: Services
) -> None:
    """Nobody else can make a browser say that an article was read."""
    assert beacon(known, headers=headers) == 403
    assert recorded(portal_services) == []


def test_nobody_reads_for_ever(known: FlaskClient, portal_services: Services) -> None:
    """A page left open over the weekend counts as an hour."""
    beacon(known, seconds="99999")

    assert [event.seconds for event in recorded(portal_services)] == [LONGEST_READ]


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


@pytest.fixture
def gap(known: FlaskClient, portal_services: Services) -> Iterator[int]:
    """A gap that a reader has just been shown."""
    search(known, "zxqv blorp")
    assert kinds(portal_services) == ["search"]
    with portal_services.database.read() as connection:
        yield int(connection.execute(select(tickets.c.id)).scalar_one())


def test_a_page_that_was_seen_is_known_and_not_kept(gap: int, known: FlaskClient, portal_services: Services) -> None:
    """The script of the result page confirms the gap by coming back; its own event is no deed."""
    status = known.post("/en/visit", data={"kind": "seen"}).status_code
    kept = kinds(portal_services)

    with portal_services.database.read() as connection:
        row = connection.execute(select(tickets.c.is_confirmed).where(tickets.c.id == gap)).one()
    assert status == 204
    assert kept == ["search"]
    assert row.is_confirmed
