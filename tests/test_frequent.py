"""Frequent queries on SQLite and on PostgreSQL: counted by session, shown only when many asked, forgotten otherwise."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.privacy import mask
from portal.search.analyzers import fold
from portal.storage import Database, frequent
from portal.storage.schema import frequent_queries, frequent_query_sessions
from tests.builders import NOW
from tests.processes import context


def ask(database: Database, text: str, *numbers: int, language: str = "en", **changes: Any) -> None:
    """Note a query of sessions, masked and folded as the portal does it."""
    values: dict[str, Any] = {"is_answered": True, "at": NOW} | changes
    for number in numbers:
        asked = frequent.Asked(language, fold(text), mask(text), f"session-{number}", **values)
        with database.write() as connection:
            frequent.note_all(connection, [asked])


def popular(database: Database, language: str = "en", **options: int) -> list[tuple[str, int]]:
    """What is shown."""
    with database.read() as connection:
        return frequent.popular(connection, language, **options)


def rows(database: Database) -> tuple[int, int]:
    """How many queries are kept, and how many hashes of sessions."""
    with database.read() as connection:
        counts = [select(func.count()).select_from(table) for table in (frequent_queries, frequent_query_sessions)]
        queries, sessions = (connection.execute(count).scalar_one() for count in counts)
    return queries, sessions


def test_a_query_is_shown_when_five_sessions_have_asked_it(database: Database) -> None:
    """One session counts once, however often it asks; in the first form seen, for its language alone."""
    ask(database, "VPN  Passwort", 1, 1, 1, 2, 3, 4, language="de")
    before = popular(database, "de")
    ask(database, "vpn passwort", 5, language="de")

    assert before == []
    assert popular(database, "de") == [("VPN Passwort", 5)]
    assert popular(database, "en") == []


def test_nothing_of_a_session_stays_when_enough_have_asked(database: Database) -> None:
    """The hashes go with the fifth session; from then on uses are counted without any."""
    ask(database, "vpn", 1, 2, 3, 4)
    before = rows(database)
    ask(database, "vpn", 5, 1, 6)

    assert before == (1, 4)
    assert rows(database) == (1, 0)
    assert popular(database) == [("vpn", 7)]


def test_two_queries_of_one_session_cannot_be_linked(database: Database) -> None:
    """The hashes of one session differ from query to query, and the same query's from language to language."""
    ask(database, "vpn", 1)
    ask(database, "printer", 1)
    ask(database, "vpn", 1, language="de")

    with database.read() as connection:
        kept = connection.execute(select(frequent_query_sessions)).all()
    assert len({row.session_hash for row in kept}) == 3
    assert all("session" not in row.session_hash for row in kept)


def test_what_is_no_longer_answered_is_not_shown(database: Database) -> None:
    """The last use decides; a query that was never answered is not kept at all."""
    ask(database, "vpn", *range(6))
    ask(database, "vpn", 7, is_answered=False)
    hidden = popular(database)
    ask(database, "vpn", 8)
    ask(database, "kazoo", *range(9), is_answered=False)

    assert hidden == []
    assert popular(database) == [("vpn", 8)]


@pytest.mark.parametrize(
    "text",
    [
        "mail of anna@example.org", "call 0151 234 5678", "invoice 48213", "card 4111 1111 1111 1111", "a @ home", "x" * 81,
        "DE89 3704 0044 0532 0130 00", "key 8f14e45fceea167a5a36dedd4bea2543", "", "  ", "a\x00b", "pin ١٢٣٤٥",
        "reset at WWW.example.org", "http://example.org",
    ],
)  # fmt: skip
def test_what_may_be_personal_is_never_noted(database: Database, text: str) -> None:
    """Nothing that was masked, no address, no long number, no long text, nothing that cannot be seen."""
    ask(database, text, *range(6))

    assert rows(database) == (0, 0)


def test_a_session_without_a_number_is_not_counted(database: Database) -> None:
    """Who keeps no cookie could otherwise be any number of sessions, or one."""
    with database.write() as connection:
        frequent.note_all(connection, [frequent.Asked("en", "vpn", "vpn", "", is_answered=True, at=NOW)])

    assert rows(database) == (0, 0)


def test_popular_ones_first_and_no_more_than_wanted(database: Database) -> None:
    """Ordered by how often, then as they came."""
    for text, times in (("vpn", 6), ("printer", 8), ("wlan", 6), ("rare", 4)):
        ask(database, text, *range(times))

    assert popular(database) == [("printer", 8), ("vpn", 6), ("wlan", 6)]
    assert popular(database, limit=1) == [("printer", 8)]


def test_what_too_few_asked_is_forgotten_after_thirty_days(database: Database) -> None:
    """Hashes go by their own day, queries by that of their last use; what is counted stays."""
    ask(database, "counted", *range(5))
    ask(database, "old", 1)
    ask(database, "again", 1, 2, 3)
    ask(database, "again", 4, at=NOW + timedelta(days=20))

    with database.write() as connection:
        early = frequent.purge(connection, NOW + timedelta(days=30))
    kept = rows(database)
    with database.write() as connection:
        late = frequent.purge(connection, NOW + timedelta(days=31))
    ask(database, "again", 5, at=NOW + timedelta(days=31))

    assert (early, kept) == (0, (3, 5))
    assert late == 1
    assert rows(database) == (2, 2)
    assert popular(database) == [("counted", 5)], "sessions of more than thirty days ago count no longer"


def test_a_flood_fills_no_more_than_its_place(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all rows are taken, new queries are ignored and known ones still counted, until some are forgotten."""
    monkeypatch.setattr(frequent, "MOST", 2)
    ask(database, "vpn", 1, 2, 3, 4)
    ask(database, "made up", 1)
    ask(database, "too many", *range(6))
    ask(database, "vpn", 5)
    full = popular(database)
    with database.write() as connection:
        frequent.purge(connection, NOW + timedelta(days=31))
    ask(database, "too many", *range(6), at=NOW + timedelta(days=31))

    assert full == [("vpn", 5)]
    assert popular(database) == [("too many", 6), ("vpn", 5)]


def _note_in_a_process(url: str, number: int, start: Any, results: Any) -> None:
    """Note the same new queries, beginning with the others: each process is five sessions."""
    database = Database(url)
    start.wait()
    for session in range(5 * number, 5 * number + 5):
        texts = ("vpn", "printer", "wlan")[:: 1 if session % 2 else -1]
        asked = [frequent.Asked("en", text, text, f"session-{session}", is_answered=True, at=NOW) for text in texts]
        with database.write() as connection:
            frequent.note_all(connection, asked)
    results.put(number)
    database.close()


def test_processes_that_note_at_once_lose_no_count(database: Database) -> None:
    """Four processes with five sessions each: one row for each query, twenty of each."""
    start, results = context.Barrier(4), context.Queue()
    workers = [context.Process(target=_note_in_a_process, args=(database.url, n, start, results)) for n in range(4)]

    for worker in workers:
        worker.start()
    ended = sorted(results.get(timeout=300) for _ in range(4))
    for worker in workers:
        worker.join(30)

    assert ended == [0, 1, 2, 3]
    assert sorted(popular(database)) == [("printer", 20), ("vpn", 20), ("wlan", 20)]
    assert rows(database) == (3, 0)
