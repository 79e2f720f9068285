"""Gaps that a person is known to have asked, confirmed in each of three ways, and the others, which are purged."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal.budgets import Budgets
from portal.chains import Kind as Deed
from portal.gaps import GapRules, Gaps
from portal.storage import Database
from portal.storage.schema import events, gap_sessions, occurrences, search_events
from portal.tickets import Ticket
from tests.asking import (
    PLENTY,
    did,
    failed,
    find,
    gaps,
    requested,
    rows,
    searched,
    subscribed,
    taken,
    ticket_of,
    told,
    visitor,
)
from tests.builders import NOW

# Confirmation, in each of the three ways


def test_a_cookie_that_comes_back_confirms(database: Database) -> None:
    """The first search of a browser has none to send; whatever it does next shows that it keeps cookies."""
    asked = gaps(database)
    first = told(asked, visitor("anna", is_returning=False)).ticket
    other = told(asked, visitor("boris", is_returning=False), failed("zither")).ticket
    facts: dict[str, Any] = {"code": "U0", "is_returning": False}
    asked.record(
        [searched("anna", 0, gap_id=first.id, **facts), searched("boris", 0, "zither", gap_id=other.id, **facts)]
    )
    before = ticket_of(database, first.id).is_confirmed

    asked.record([did("anna", 1, Deed.SEEN)])

    assert not before
    assert ticket_of(database, first.id).is_confirmed
    assert not ticket_of(database, other.id).is_confirmed
    with database.read() as connection:
        kinds = connection.execute(select(search_events.c.kind)).scalars().all()
    assert kinds == ["search", "search"], "that a page was seen is not kept"


def test_a_cookie_that_comes_back_a_day_later_confirms_nothing(database: Database) -> None:
    """By then nobody knows whose the search was."""
    asked = gaps(database)
    gap = told(asked, visitor(is_returning=False)).ticket
    asked.record([searched("anna", 0, gap_id=gap.id, code="U0", is_returning=False)])

    asked.record([did("anna", 24 * 60 + 1, Deed.OPEN, slug="vpn")])

    assert not ticket_of(database, gap.id).is_confirmed


def test_a_second_session_confirms(database: Database) -> None:
    """Another person asks the same."""
    asked = gaps(database)
    first = told(asked, visitor("anna", is_returning=False))

    second = told(asked, visitor("boris"))

    assert not first.ticket.is_confirmed
    assert second.ticket.is_confirmed
    assert ticket_of(database, first.ticket.id).is_confirmed


def test_a_button_confirms(database: Database) -> None:
    """Who sends a request, or wants to be told, is a person; a gap that has gone is no fault."""
    asked = gaps(database)
    number = told(asked, visitor(is_returning=False)).ticket.id

    with database.write() as connection:
        asked.press(connection, number, NOW)
        asked.press(connection, number + 1000, NOW)

    assert ticket_of(database, number).is_confirmed


def test_robots_that_keep_no_cookie_do_not_confirm_what_they_repeat(database: Database) -> None:
    """Each of their searches looks like a new session; none has ever come back."""
    asked = gaps(database)

    for n in range(10):
        told(asked, visitor(f"robot{n}", is_returning=False, network=f"10.0.{n}.0/24"))

    (gap,) = find(database)
    assert (gap.occurrences, gap.is_confirmed) == (10, False)


# Purging


def test_gaps_that_no_person_is_known_to_have_asked_are_purged(database: Database) -> None:
    """With their histories and all; a dry run says how many and changes nothing."""
    asked = gaps(database)
    robots = [told(asked, visitor(f"r{n}", is_returning=False), failed(f"noise{n}")).ticket for n in range(3)]
    told(asked, visitor("anna"), failed("kazoo"))
    told(asked, visitor("r", is_returning=False), failed("young"), NOW + timedelta(days=2))
    day = NOW + timedelta(days=14, minutes=1)

    said = asked.purge(day, dry_run=True)
    untouched = len(find(database))
    done = asked.purge(day)

    assert (said, untouched, done) == (3, 5, 3)
    assert [gap.query for gap in find(database)] == ["kazoo", "young"]
    assert asked.purge(day) == 0
    for table in (occurrences, gap_sessions, events):
        assert rows(database, table) == 2
    assert told(asked, visitor("r0"), failed("noise0"), day).is_new
    assert robots[0].id not in {gap.id for gap in find(database) if gap.query != "noise0"}


@pytest.mark.parametrize("meanwhile", [taken, requested, subscribed])
def test_what_somebody_waits_for_or_works_on_is_not_purged(
    meanwhile: Callable[[Gaps, Database, Ticket], None], database: Database
) -> None:
    """Confirmed or not."""
    asked = gaps(database)
    gap = told(asked, visitor(is_returning=False)).ticket
    meanwhile(asked, database, gap)

    assert asked.purge(NOW + timedelta(days=100)) == 0
    assert not ticket_of(database, gap.id).is_confirmed


def test_more_than_one_transaction_is_purged(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until nothing is left."""
    monkeypatch.setattr("portal.gaps._PURGED_AT_ONCE", 2)
    asked = gaps(database)
    for n in range(5):
        told(asked, visitor(f"r{n}", is_returning=False), failed(f"noise{n}"))

    assert asked.purge(NOW + timedelta(days=15)) == 5
    assert find(database) == []


# What is kept of sessions


def test_nothing_links_two_gaps_of_a_session(database: Database) -> None:
    """The session's number is stored nowhere, and its hash differs for each gap."""
    asked = gaps(database)
    told(asked, visitor(), failed("kazoo"))
    told(asked, visitor(), failed("zither"))

    with database.read() as connection:
        kept = connection.execute(select(gap_sessions.c.session_hash)).scalars().all()
    own = asked.session_hash(visitor().session)
    assert len(set(kept)) == 2
    assert not {own, visitor().session} & set(kept)
    assert asked.session_hash("") is None
    assert own != Gaps(database, b"t" * 32, Budgets("memory://", **PLENTY), GapRules()).session_hash(visitor().session)
