"""What readers whose session is known open and read, as pages and beacons tell it; nonsense tells nothing."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.services import Services
from portal.storage.schema import search_events, tickets
from portal.web.security import MAX_BODY
from portal.web.visits import LONGEST_READ
from tests.visiting import SLUG, TITLES, beacon, kinds, recorded, search


@pytest.fixture
def known(reader: FlaskClient, portal_services: Services) -> FlaskClient:
    """A reader whose browser has a session from an earlier search."""
    search(reader, TITLES["en"])
    portal_services.journal.flush()
    with portal_services.database.write() as connection:
        connection.execute(search_events.delete())
    return reader


def test_an_article_in_another_language_is_recorded_as_it_is_read(
    known: FlaskClient, portal_services: Services
) -> None:
    """The language of the text, not of the page."""
    known.get("/ru/articles/vpn-only-english")

    (event,) = recorded(portal_services)
    assert (event.slug, event.language) == ("vpn-only-english", "en")


@pytest.mark.parametrize("path", ["/en/search?q=password", f"/en/articles/{SLUG}"])
def test_a_head_request_is_nobodys_act(path: str, known: FlaskClient, portal_services: Services) -> None:
    """Programs that look whether an address works read nothing."""
    assert known.head(path).status_code == 200
    assert recorded(portal_services) == []


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
    answer = known.post(
        "/en/visit", data={"kind": "read", "slug": SLUG, "seconds": "1", "language": "e" * (MAX_BODY + 1)}
    )

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
