"""What is over the budgets: one ticket for all of it, nothing lost, and people's searches come through."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal.chains import Kind as Deed
from portal.chains import SearchEvent
from portal.gaps import OVERFLOW
from portal.storage import Database, searches
from portal.storage import gaps as known
from portal.storage.schema import events, search_events
from portal.tickets import Kind
from tests.asking import HASHING, did, failed, find, gaps, over, rows, searched, ticket_of, told, visitor, wordings
from tests.builders import NOW


def test_what_is_over_the_budgets_is_one_ticket_and_nothing_is_lost(database: Database) -> None:
    """Opened, counted and coalesced are together what was asked."""
    asked = gaps(database, network=7, anonymous=20, total=40)
    draw = random.Random(7)
    batch: list[SearchEvent] = []
    opened = counted = 0
    for n in range(300):
        name, text = f"r{n:04}", f"kazoo{draw.randrange(120)}"
        is_returning = n % 3 == 0
        network = f"10.0.{n % 10}.0/24" if is_returning else f"10.{n // 100 + 1}.{n % 100}.0/24"
        who = visitor(name, is_returning=is_returning, network=network)
        result = told(asked, who, failed(text))
        opened += result.is_new
        counted += not (result.is_new or result.is_overflow)
        facts: dict[str, Any] = {"is_overflow": result.is_overflow, "is_returning": False, "code": "U0"}
        batch.append(searched(name, n / 100, text, gap_id=result.ticket.id or None, **facts))
    asked.record(batch[:200])
    asked.record(batch[200:])

    (overflow,) = find(database, Kind.OVERFLOW)
    tickets = find(database, Kind.GAP)
    assert len(tickets) == opened
    assert overflow.occurrences == sum(event.is_overflow for event in batch) > 0
    # An anonymous repeat is counted once for each network and gap; here no two are the same.
    assert opened + counted + overflow.occurrences == 300
    assert sum(gap.occurrences for gap in tickets) + overflow.occurrences == 300
    assert rows(database, search_events) == 300


def test_what_no_transaction_was_free_for_is_counted_for_its_gap(database: Database) -> None:
    """Where there is one by the time it is recorded; else it is told with what was over the budgets."""
    asked = gaps(database)
    opened = told(asked, visitor("anna"), failed("kazoo"))
    missed: dict[str, Any] = {"gap_id": None, "code": "U0"}

    eva = searched("eva", 2, "zither", is_returning=False, **missed)
    asked.record([searched("ben", 1, "kazoo", **missed), eva])

    (gap,), (overflow,) = find(database, Kind.GAP), find(database, Kind.OVERFLOW)
    with database.read() as connection:
        recorded = connection.execute(select(search_events.c.query, search_events.c.gap_id)).all()
    assert (gap.id, gap.occurrences, overflow.occurrences) == (opened.ticket.id, 2, 1)
    assert dict(map(tuple, recorded)) == {"kazoo": gap.id, "zither": None}


def test_over_the_budgets_nothing_is_written_by_the_page(database: Database) -> None:
    """A flood costs no transaction for each of its searches."""
    asked = gaps(database, total=1)
    told(asked, visitor("robot", is_returning=False))

    refused = told(asked, visitor("robot", is_returning=False), failed("zither"))

    assert (refused.is_overflow, refused.is_new, refused.ticket.id) == (True, False, 0)
    assert len(find(database)) == 1
    assert rows(database, events) == 1


def test_the_overflow_is_told_by_day_and_language(database: Database) -> None:
    """And belongs to no language more than to another."""
    asked = gaps(database)
    asked.record([over("a", 0, "x1"), over("b", 0, "x2", language="de"), over("c", 24 * 60, "x3")])
    asked.record([over("d", 1, "x4")])

    (overflow,) = find(database)
    with database.read() as connection:
        found = known.occurrences(connection, overflow.id)
    today = NOW.date()
    assert (overflow.kind, overflow.fingerprint, overflow.is_confirmed) == (Kind.OVERFLOW, OVERFLOW, True)
    assert overflow.occurrences == 4
    assert overflow.last_asked_at == NOW + timedelta(days=1)
    assert found == [(today + timedelta(days=1), "en", "", 1), (today, "en", "", 2), (today, "de", "", 1)]


def test_an_overflowed_search_of_a_session_that_comes_back_opens_its_own(database: Database) -> None:
    """During a flood of robots without cookies people's first searches are theirs after all, and not counted twice."""
    asked = gaps(database, anonymous=0)
    refused = told(asked, visitor("anna", is_returning=False))
    asked.record([over("anna", 0, "kazoo"), over("robot", 0, "zither")])

    asked.record([did("anna", 1, Deed.SEEN)])
    asked.record([did("anna", 2, Deed.SEEN)])

    assert refused.is_overflow
    (overflow,) = find(database, Kind.OVERFLOW)
    (gap,) = find(database, Kind.GAP)
    assert (gap.query, gap.code, gap.occurrences, gap.is_confirmed) == ("kazoo", "U0", 1, True)
    assert overflow.occurrences == 1
    assert sum(times for _, times in wordings(database, overflow.id)) == 1
    with database.read() as connection:
        (event,) = [event for event in searches.of_gap(connection, gap.id) if event.kind is Deed.SEARCH]
    assert event.query == "kazoo"


def test_robots_that_keep_cookies_open_no_more_than_their_budget(database: Database) -> None:
    """Coming back is no way around the limits."""
    asked = gaps(database, session=3)
    asked.record([over("robot", n / 10, f"kazoo{n}") for n in range(9)])

    for minutes in range(5):
        asked.record([did("robot", 2 + minutes, Deed.SEEN)])

    assert len(find(database, Kind.GAP)) == 3
    assert find(database, Kind.OVERFLOW)[0].occurrences == 6


def test_an_overflowed_search_counts_for_the_gap_that_is_there_by_now(database: Database) -> None:
    """Somebody else had room meanwhile."""
    asked = gaps(database)
    asked.record([over("anna", 0, "kazoo")])
    gap = told(asked, visitor("boris")).ticket

    asked.record([did("anna", 1, Deed.SEEN)])

    assert ticket_of(database, gap.id).occurrences == 2
    assert len(find(database, Kind.GAP)) == 1


def test_what_could_not_be_counted_when_it_was_asked_is_counted_later(database: Database) -> None:
    """A database that was locked loses nothing: a person's search becomes a gap, a robot's one of many."""
    asked = gaps(database)
    asked.record([over("anna", 0, "kazoo", is_overflow=False, is_returning=True)])
    asked.record([over("robot", 0, "zither", is_overflow=False), over("robot", 1, "no words", fingerprint=None)])

    assert [(gap.query, gap.occurrences) for gap in find(database, Kind.GAP)] == [("kazoo", 1)]
    assert find(database, Kind.OVERFLOW)[0].occurrences == 2


def test_a_batch_that_fails_leaves_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal writes it again later; nothing is counted twice."""
    asked = gaps(database)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(known, "overflowed", fail)
        with pytest.raises(ZeroDivisionError):
            asked.record([over("anna", 0, "kazoo")])
    left = rows(database, search_events), len(find(database))
    asked.record([over("anna", 0, "kazoo")])

    assert left == (0, 0)
    assert find(database)[0].occurrences == 1


def test_nothing_to_record_is_no_transaction() -> None:
    """Nor a fault."""
    HASHING.record([])
