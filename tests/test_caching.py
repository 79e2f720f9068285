"""Kept pages: the same answer as a page that is made anew, for everybody, as long as nothing has changed."""

import errno
import gzip
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.edition import Edition, Editions
from portal.publishing import Publisher
from portal.services import Services
from portal.settings import Settings
from portal.storage.schema import article_views, search_events
from portal.web.kept_pages import EACH, KeptPages
from tests.builders import write_article

PAGES = (
    "/en/",
    "/de/topics/accounts",
    "/en/articles/reset-password",
    "/fr/articles/vpn-only-english",
    "/en/search?q=password",
)
#: What differs from one answer to the next.
OWN = {"X-Request-Id", "Set-Cookie", "Date"}
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture
def made(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The endpoints of pages that the application has made, in their order."""
    endpoints: list[str] = []

    def counted(name: str, view: Callable[..., Any]) -> Callable[..., Any]:
        def call(**values: Any) -> Any:
            endpoints.append(name)
            return view(**values)

        return call

    for name in ("help.home", "help.topic", "help.article", "help.search"):
        monkeypatch.setitem(app.view_functions, name, counted(name, app.view_functions[name]))
    return endpoints


def shown(answer: TestResponse) -> tuple[int, bytes, set[tuple[str, str]]]:
    """An answer without what is its receiver's alone."""
    return answer.status_code, answer.data, {pair for pair in answer.headers if pair[0] not in OWN}


@pytest.mark.parametrize("more", [{}, GZIP])
@pytest.mark.parametrize("path", PAGES)
def test_a_kept_page_is_the_page(path: str, more: dict[str, str], reader: FlaskClient, made: list[str]) -> None:
    """To the byte and to the header, for somebody else as well; and it is made once."""
    first = reader.get(path, headers=more)
    again = reader.application.test_client().get(path, headers=more)

    assert shown(again) == shown(first)
    assert first.status_code == 200
    assert len(made) == 1
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]


def test_each_form_is_for_who_can_read_it(reader: FlaskClient) -> None:
    """Packed for who allows it, whichever way; its tag is its own, and both are confirmed."""
    path = "/en/articles/reset-password"
    packed, plain = reader.get(path, headers=GZIP), reader.get(path)

    assert gzip.decompress(packed.data) == plain.data
    assert {answer.headers["Vary"] for answer in (packed, plain)} == {"Accept-Encoding"}
    assert packed.headers["ETag"] != plain.headers["ETag"]
    for refused in ("gzip;q=0", "br", "identity", ""):
        assert reader.get(path, headers={"Accept-Encoding": refused}).data == plain.data
    assert reader.get(path, headers={"Accept-Encoding": "*"}).data == packed.data
    for answer, more in ((packed, GZIP), (plain, {})):
        for known in (answer.headers["ETag"], f'"other", W/{answer.headers["ETag"]}'):
            same = reader.get(path, headers={**more, "If-None-Match": known})
            assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", answer.headers["ETag"])


def test_a_tag_of_a_page_that_is_not_kept_is_confirmed(app: Flask, instance: Settings) -> None:
    """By another process, which has never made the page."""
    from portal.app import create_app  # noqa: PLC0415

    tag = app.test_client().get("/de/articles/reset-password", headers=GZIP).headers["ETag"]
    other = create_app(instance).test_client()

    answer = other.get("/de/articles/reset-password", headers={**GZIP, "If-None-Match": tag})

    assert (answer.status_code, answer.headers["ETag"]) == (304, tag)


@pytest.mark.parametrize("is_kept", [False, True], ids=["made", "kept"])
@pytest.mark.parametrize("path", ["/en/", "/en/articles/reset-password", "/en/feed.xml", "/static/portal.css"])
def test_who_cannot_read_the_packed_form_is_not_told_that_they_have_it(
    path: str, is_kept: bool, reader: FlaskClient
) -> None:
    """A cache that has it for others asks for somebody who takes none, and the other way round."""
    packed = reader.get(path, headers=GZIP).headers["ETag"]
    plain = packed.replace("-gz", "")
    if is_kept:
        reader.get(path)

    for known, expected in ((packed, 200), (f"{packed}, {plain}", 304), ("*", 304)):
        told = reader.get(path, headers={"If-None-Match": known})
        assert (told.status_code, told.headers["ETag"]) == (expected, plain)
    for known in (f"{plain}, {packed}", "*"):
        told = reader.get(path, headers={**GZIP, "If-None-Match": known})
        assert (told.status_code, told.headers["ETag"]) == (304, packed)


@pytest.mark.parametrize("readable", ["gzip", "identity"])
def test_a_page_that_everybody_has_already_is_kept_all_the_same(
    app: Flask, instance: Settings, portal_services: Services, made: list[str], readable: str
) -> None:
    """Who only asks whether it is still the same page has it made once, and not each time."""
    elsewhere = create_app(instance, portal_services).test_client()
    tag = elsewhere.get("/en/", headers={"Accept-Encoding": readable}).headers["ETag"]
    made.clear()

    known = {"Accept-Encoding": readable, "If-None-Match": tag}
    told = [app.test_client().get("/en/", headers=known) for _ in range(3)]
    new = app.test_client().get("/en/", headers={"Accept-Encoding": readable})

    assert {(each.status_code, each.data, each.headers["ETag"]) for each in told} == {(304, b"", tag)}
    assert (new.status_code, new.headers["ETag"]) == (200, tag)
    assert new.data
    assert len(made) == 1


def test_who_has_the_plain_form_keeps_it(reader: FlaskClient) -> None:
    """Whoever reads packed ones can read this one: either it is confirmed under its name, or the other one is sent."""
    tag = reader.get("/en/").headers["ETag"]
    packed = tag.removesuffix('"') + '-gz"'
    made, kept = (reader.get("/en/", headers={**GZIP, "If-None-Match": tag}) for _ in range(2))

    assert (made.status_code, made.data, made.headers["ETag"]) == (304, b"", tag)
    assert (kept.status_code, kept.headers["ETag"]) == (200, packed)


def test_head_has_the_length_and_no_text(reader: FlaskClient) -> None:
    """Of the kept page."""
    whole = reader.get("/en/")
    head = reader.head("/en/")

    assert (head.data, head.headers["Content-Length"]) == (b"", str(len(whole.data)))


def test_nobody_is_given_somebody_elses_cookie(reader: FlaskClient) -> None:
    """Each new browser has a visit of its own; one that has it keeps it; one that refuses gets none."""
    app = reader.application
    visits = [app.test_client().get("/en/search?q=password").headers["Set-Cookie"] for _ in range(3)]

    assert len({visit.split(";")[0] for visit in visits}) == 3
    assert all("HttpOnly; Path=/; SameSite=Lax" in visit for visit in visits)
    reader.get("/en/search?q=password")
    assert "Set-Cookie" not in reader.get("/en/search?q=password").headers
    assert "Set-Cookie" not in app.test_client().get("/en/search?q=password", headers={"DNT": "1"}).headers
    secure = [app.test_client().get("/en/search?q=password", base_url="https://localhost") for _ in range(2)]
    assert all("Secure" in answer.headers["Set-Cookie"].split("; ") for answer in secure)
    robot = app.test_client().get("/en/search?q=password", headers={"User-Agent": "Googlebot/2.1"})
    assert (robot.status_code, robot.headers.get("Set-Cookie")) == (200, None)


def test_each_search_and_each_opening_is_recorded(reader: FlaskClient, portal_services: Services) -> None:
    """Also of a page that was kept; robots and what is fetched in advance are not."""
    for _ in range(3):
        reader.get("/en/search?q=password")
        reader.get("/en/articles/reset-password")
    reader.get("/en/search?q=password", headers={"User-Agent": "Googlebot/2.1"})
    reader.get("/en/articles/reset-password", headers={"Sec-Purpose": "prefetch"})
    portal_services.journal.flush()
    portal_services.views.flush()

    with portal_services.database.read() as connection:
        kinds = connection.execute(
            select(search_events.c.kind, func.count(), func.count(search_events.c.session.distinct())).group_by("kind")
        ).all()
        opened = connection.execute(select(func.sum(article_views.c.views))).scalar_one()
    assert sorted(map(tuple, kinds)) == [("open", 3, 1), ("search", 3, 1)]
    assert opened == 3


def test_what_is_unanswered_reaches_the_desk_each_time(reader: FlaskClient, made: list[str]) -> None:
    """Its page is the desk's business, and never kept."""
    for _ in range(2):
        assert "has been told" in reader.get("/en/search?q=zyxomat").text

    assert made == ["help.search"] * 2


def test_who_is_signed_in_is_nobodys_reader(agent: FlaskClient, made: list[str]) -> None:
    """Their pages are made for them, and nobody else is given them."""
    agent.get("/en/")
    agent.get("/en/")
    agent.application.test_client().get("/en/")

    assert made == ["help.home"] * 3


@pytest.mark.parametrize("place", [{"base_url": "https://localhost"}, {"base_url": "http://127.0.0.1"}])
def test_another_address_of_the_portal_has_pages_of_its_own(place: dict[str, str], reader: FlaskClient) -> None:
    """They name it in their links."""
    reader.get("/en/")
    other = reader.get("/en/", **place)

    assert f'rel="canonical" href="{place["base_url"]}/en/"' in other.text


def test_a_forged_host_is_refused_as_ever(reader: FlaskClient) -> None:
    """Whatever is kept."""
    reader.get("/en/")

    assert reader.get("/en/", headers={"Host": "evil.example"}).status_code == 400


def test_who_searches_suffers_nothing_where_the_search_cannot_be_counted(
    reader: FlaskClient, portal_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No connection is free: neither for a page that is kept nor for one that is made."""
    engine = portal_services.database.engine
    reader.get("/en/search?q=password")
    monkeypatch.setattr(engine.pool, "_timeout", 0.01)
    with ExitStack() as all_taken:
        for _ in range(engine.pool.size()):  # type: ignore[attr-defined]
            all_taken.enter_context(engine.connect())
        kept, made = (reader.get(f"/en/search?q={words}") for words in ("password", "reset+password"))

    assert (kept.status_code, made.status_code) == (200, 200)


def test_what_is_saved_is_seen(
    app: Flask, instance: Settings, portal_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new generation changes every page that was kept."""
    reader = app.test_client()
    monkeypatch.setattr("portal.edition.LOOK_EVERY", 0.0)
    before = reader.get("/en/articles/reset-password").text
    write_article(Path(instance.articles), "en", "reset-password", body="Now it is done by telephone.")
    Publisher(instance.articles, instance.data).publish(portal_services.clock())

    after = reader.get("/en/articles/reset-password").text

    assert "by telephone" in after
    assert "by telephone" not in before


def test_where_the_disk_fails_the_application_says_so(reader: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a page, as for everything that nobody foresaw."""

    def fail(_editions: Editions) -> Edition:
        raise OSError(errno.EIO, "the disk is broken")

    reader.get("/fr/")
    monkeypatch.setattr(Editions, "current", fail)

    assert "Une erreur s’est produite" in reader.get("/fr/").text


def test_pages_take_a_bounded_room(app: Flask, reader: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go; their addresses work as before."""
    monkeypatch.setattr("portal.web.kept_pages.ROOM", 60_000)
    for number in range(30):
        reader.get(f"/en/?utm={number}{'x' * 500 * number}")

    pages: Any = app.wsgi_app
    assert isinstance(pages, KeptPages)
    addresses = sum(len(part) for key in pages._pages for part in key if isinstance(part, str))
    held = sum(len(kept.body) + EACH for kept in pages._pages.values()) + addresses
    assert 0 < held == pages._size <= 60_000
    assert reader.get("/en/?utm=0").status_code == 200
