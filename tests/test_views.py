"""How often articles are opened: a bare count by day and language, of every reader, written in batches."""

import threading
from collections.abc import Sequence
from datetime import date, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal import retention
from portal.locales import CODES
from portal.services import Services
from portal.storage import Database, views
from portal.storage.schema import article_views
from portal.storage.views import View
from tests.builders import NOW, write_article
from tests.forgetting import Parts

DAY = date(2026, 3, 1)
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def rows(services: Services) -> dict[tuple[str, str], int]:
    """What is stored, by language and slug."""
    with services.database.read() as connection:
        return {(row.language, row.slug): row.views for row in connection.execute(select(article_views))}


def counted(services: Services) -> dict[tuple[str, str], int]:
    """What is stored once all is written."""
    assert services.views.flush()
    return rows(services)


def test_a_view_counts_for_the_language_of_the_page(reader: FlaskClient, portal_services: Services) -> None:
    """Also where the article is shown in another language: that is what readers of this one wanted."""
    for language in CODES:
        for slug in ("reset-password", "vpn-only-english", "vpn-only-english"):
            assert reader.get(f"/{language}/articles/{slug}").status_code == 200

    expected = {"reset-password": 1, "vpn-only-english": 2}
    assert counted(portal_services) == {(code, slug): times for code in CODES for slug, times in expected.items()}


def test_only_a_page_after_a_vote_is_no_view(reader: FlaskClient, portal_services: Services) -> None:
    """Not whatever an address says of one."""
    for vote in ("zzz", "yes", "no", "done", ""):
        assert reader.get(f"/en/articles/reset-password?vote={vote}").status_code == 200

    assert counted(portal_services) == {("en", "reset-password"): 2}


def test_a_page_writes_nothing_and_the_journal_writes_once(reader: FlaskClient, portal_services: Services) -> None:
    """However many pages are opened, each article is one row of one transaction."""
    batches: list[int] = []
    sink = portal_services.views._sink

    def write(batch: Sequence[View]) -> None:
        batches.append(len(batch))
        sink(batch)

    portal_services.views._every = 3600.0
    portal_services.views._sink = write

    for _ in range(20):
        reader.get("/en/articles/reset-password")
    before = rows(portal_services)

    assert before == {}
    assert counted(portal_services) == {("en", "reset-password"): 20}
    assert batches == [20]


def test_a_page_that_the_browser_has_already_is_a_view(reader: FlaskClient, portal_services: Services) -> None:
    """The answer is 304, and somebody reads it all the same."""
    tag = reader.get("/en/articles/reset-password").headers["ETag"]

    again = reader.get("/en/articles/reset-password", headers={"If-None-Match": tag})

    assert again.status_code == 304
    assert counted(portal_services) == {("en", "reset-password"): 2}


def test_what_no_reader_opens_is_no_view(agent: FlaskClient, app: Flask, portal_services: Services) -> None:
    """Robots, pages fetched in advance, the head alone, staff, what is not there, and the page after a vote."""
    reader = app.test_client()
    for headers in ({"User-Agent": ROBOT}, {"Sec-Purpose": "prefetch;prerender"}):
        reader.get("/en/articles/reset-password", headers=headers)
    reader.head("/en/articles/reset-password")
    agent.get("/en/articles/reset-password")
    voted = reader.post("/en/articles/printer-offline/vote", data={"helpful": "yes"})
    reader.get(voted.headers["Location"])
    reader.get("/en/articles/no-such-article")

    assert counted(portal_services) == {}


def test_who_asks_not_to_be_followed_is_counted_and_not_known(reader: FlaskClient, portal_services: Services) -> None:
    """The row has a day, a language and a slug: the same as everybody's."""
    for headers in ({"DNT": "1"}, {"Sec-GPC": "1"}):
        reader.get("/en/articles/reset-password", headers=headers)

    assert counted(portal_services) == {("en", "reset-password"): 2}
    assert set(article_views.c.keys()) == {"day", "language", "slug", "views"}


def test_many_who_count_at_once_lose_nothing(database: Database) -> None:
    """Writers of several processes add to the same rows, in whatever order they have them."""
    batch = [View(DAY, code, slug) for code in CODES for slug in ("a", "b", "c")]
    start = threading.Barrier(4)

    def write(turn: int) -> None:
        start.wait()
        for _ in range(5):
            with database.write() as connection:
                views.add(connection, batch[turn:] + batch[:turn] + batch[:1])

    threads = [threading.Thread(target=write, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    with database.read() as connection:
        found = views.totals(connection, DAY)
        later = views.totals(connection, DAY + timedelta(days=1))
    assert found == {(view.language, view.slug): 40 if view == batch[0] else 20 for view in batch}
    assert later == {}


def test_old_counts_go(database: Database) -> None:
    """After some more than a year; what is younger stays."""
    today = NOW.date()
    with database.write() as connection:
        views.add(connection, [View(today - timedelta(days=days), "en", "vpn") for days in (399, 400, 401, 800)])
        views.add(connection, [])

    promised = retention.run(Parts(database), NOW, dry_run=True)["article_views"]
    gone = retention.run(Parts(database), NOW)["article_views"]

    assert (promised, gone) == (2, 2)
    with database.read() as connection:
        kept = connection.execute(select(article_views.c.day)).scalars().all()
    assert sorted((today - day).days for day in kept) == [399, 400]


def test_visits_are_read_once_a_minute_and_kept_while_the_database_is_gone(
    reader: FlaskClient, portal_services: Services
) -> None:
    """Nobody's page fails for the want of them."""
    write_article(portal_services.settings.articles)
    reader.get("/en/articles/reset-password")
    counted(portal_services)
    first = portal_services.visits()
    reader.get("/en/articles/reset-password")
    counted(portal_services)

    same = portal_services.visits()
    portal_services._visits._read_at = float("-inf")
    fresh = portal_services.visits()
    with portal_services.database.write() as connection:
        article_views.drop(connection)
    portal_services._visits._read_at = float("-inf")

    assert first is same
    assert (first.views, fresh.views) == ({("en", "reset-password"): 1}, {("en", "reset-password"): 2})
    assert portal_services.visits() is fresh
