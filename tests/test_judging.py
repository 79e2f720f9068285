"""Attempts that have ended, judged once on each of the databases: doubts, flags, withdrawals."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.chains import Kind as Deed
from portal.chains import Visitor
from portal.daily import Daily
from portal.gaps import GapRules, Gaps
from portal.queries import Verdict, gap_fingerprint
from portal.storage import Database
from portal.storage import gaps as known
from portal.storage.schema import doubts, search_events
from portal.tickets import Action, Kind, Resolution, Status, Ticket
from tests.asking import (
    actions,
    did,
    find,
    gaps,
    requested,
    rows,
    searched,
    solve,
    subscribed,
    taken,
    ticket_of,
    told,
    visitor,
    wordings,
)
from tests.builders import NOW

LATER = NOW + timedelta(hours=2)

# Doubts


def test_three_sessions_that_doubt_the_results_open_a_gap(database: Database) -> None:
    """U2: uncertain and nothing opened. Each is one occurrence, with its own words; the gap is confirmed."""
    asked = gaps(database)
    same = gap_fingerprint("en", ["kazoo"], None)
    for name, text in (("anna", "kazoo"), ("boris", "the kazoo")):
        asked.record([searched(name, 0, text, fingerprint=same)])
    judged = asked.judge(LATER)
    before = find(database)
    asked.record([searched("clara", 60, "a kazoo", fingerprint=same)])

    asked.judge(LATER)

    (gap,) = find(database)
    assert (judged, before) == (2, [])
    assert (gap.kind, gap.code, gap.query, gap.occurrences, gap.is_confirmed) == (Kind.GAP, "U2", "a kazoo", 3, True)
    assert set(wordings(database, gap.id)) == {("kazoo", 1), ("the kazoo", 1), ("a kazoo", 1)}
    assert rows(database, doubts) == 0
    with database.read() as connection:
        assert len(known.sessions(connection, gap.id)) == 3


def test_one_session_doubts_once_however_often_it_asks(database: Database) -> None:
    """Attempts on three days, for example; the threshold is of sessions."""
    asked = gaps(database)

    for hours in (0, 2, 4, 6):
        asked.record([searched("anna", 60 * hours)])
    judged = asked.judge(NOW + timedelta(hours=8))

    assert judged == 4
    assert find(database) == []
    assert rows(database, doubts) == 1


def test_doubts_are_forgotten_after_their_days(database: Database) -> None:
    """Two a week ago and one today are no gap."""
    asked = gaps(database, GapRules(doubt_days=7))
    day = 24 * 60
    for name, days in (("anna", 0), ("boris", 0), ("clara", 7.1)):
        asked.record([searched(name, days * day)])
        asked.judge(NOW + timedelta(days=days, hours=1))

    assert find(database) == []
    assert rows(database, doubts) == 1


def test_a_doubt_about_a_gap_that_is_there_is_an_occurrence(database: Database) -> None:
    """One is enough then."""
    asked = gaps(database)
    gap = told(asked, visitor("boris")).ticket
    asked.record([searched("anna", 0, "any kazoo", fingerprint=gap.fingerprint)])

    asked.judge(LATER)

    assert ticket_of(database, gap.id).occurrences == 2
    assert set(wordings(database, gap.id)) == {("kazoo", 1), ("any kazoo", 1)}


def test_one_doubt_does_not_open_a_solved_gap_again_but_enough_of_them_do(database: Database) -> None:
    """The answer may be good all the same."""
    asked = gaps(database)
    gap = told(asked, visitor("zoe")).ticket
    solve(database, gap.id, NOW)
    statuses = []
    for name in ("anna", "boris", "clara"):
        asked.record([searched(name, 1)])
        asked.judge(LATER)
        statuses.append(ticket_of(database, gap.id).status)

    assert statuses == [Status.SOLVED, Status.SOLVED, Status.OPEN]
    assert ticket_of(database, gap.id).occurrences == 4


def test_searching_again_differently_and_giving_up_is_u3(database: Database) -> None:
    """Answered, it seemed; nobody looked at it."""
    asked = gaps(database, GapRules(doubt_sessions=1))
    asked.record([searched("anna", 0, "zither"), searched("anna", 1, verdict=Verdict.ANSWERED)])

    asked.judge(LATER)

    (gap,) = find(database)
    assert (gap.code, gap.query) == ("U3", "kazoo")


def test_doubts_beyond_the_budgets_wait_for_the_next(database: Database) -> None:
    """Robots without cookies open no gaps by asking thrice what is uncertain."""
    asked = gaps(database, anonymous=0)
    for n in range(5):
        asked.record([searched(f"robot{n}", n, is_returning=False)])
    asked.judge(LATER)
    before = find(database)
    asked.record([searched("anna", 60)])

    asked.judge(LATER)

    (gap,) = find(database)
    assert before == []
    assert (gap.occurrences, gap.is_confirmed) == (6, True)


def test_a_search_that_nobody_can_mean_doubts_nothing(database: Database) -> None:
    """Without a fingerprint there is no question."""
    asked = gaps(database, GapRules(doubt_sessions=1))
    asked.record([searched("anna", 0, fingerprint=None)])

    assert asked.judge(LATER) == 1
    assert find(database) == []


# Articles that did not help, and words that failed


def test_an_article_that_did_not_help_is_flagged(database: Database) -> None:
    """U4, by revision of the text; with U3 the attempt is one occurrence besides."""
    asked = gaps(database)
    gap = told(asked, visitor("zoe")).ticket
    for name in ("anna", "boris"):
        asked.record(
            [
                searched(name, 0, "open tunnel", verdict=Verdict.ANSWERED),
                did(name, 1, Deed.OPEN, slug="vpn"),
                did(name, 2, Deed.VOTE, slug="vpn", is_helpful=False, revision="r" * 16),
                searched(name, 3, verdict=Verdict.ANSWERED),
            ]
        )

    asked.judge(LATER)

    with database.read() as connection:
        flags = known.flags(connection)
    assert flags == [known.Flag("vpn", "en", "r" * 16, "open tunnel", 2, NOW.date())]
    assert ticket_of(database, gap.id).occurrences == 3


def answered_after(asked: Gaps, gap: Ticket, name: str = "anna") -> None:
    """Record that who asked a gap found an article by other words."""
    facts: dict[str, Any] = {"verdict": Verdict.UNANSWERED, "total": 0, "results": (), "code": "U0", "gap_id": gap.id}
    asked.record(
        [
            searched(name, 0, gap.query, fingerprint=gap.fingerprint, **facts),
            searched(name, 1, "open tunnel", verdict=Verdict.ANSWERED),
            did(name, 2, Deed.OPEN, slug="vpn-setup"),
            did(name, 4, Deed.READ, slug="vpn-setup", seconds=90),
        ]
    )


def test_a_gap_whose_only_asker_found_it_by_other_words_is_withdrawn(database: Database) -> None:
    """The failed words are kept for writers; asked again by somebody else it is open again."""
    asked = gaps(database)
    gap = told(asked, visitor()).ticket
    answered_after(asked, gap)

    asked.judge(LATER)

    withdrawn = ticket_of(database, gap.id)
    assert (withdrawn.status, withdrawn.resolution, withdrawn.slug) == (
        Status.SOLVED,
        Resolution.WITHDRAWN,
        "vpn-setup",
    )
    assert withdrawn.resolution_text == "open tunnel"
    with database.read() as connection:
        assert known.wordings(connection) == [known.Wording("en", "kazoo", "vpn-setup", "open tunnel", 1, NOW.date())]
    again = told(asked, visitor("boris"), now=LATER).ticket
    assert (again.id, again.status) == (gap.id, Status.OPEN)
    assert actions(database, gap.id) == [Action.OPENED, Action.WITHDRAW, Action.REOPEN]


def other_session(asked: Gaps, database: Database, gap: Ticket) -> None:
    """Somebody else asked the same."""
    told(asked, visitor("boris"))


def nobody_known(asked: Gaps, database: Database, gap: Ticket) -> None:
    """Somebody asked who is not followed."""
    told(asked, Visitor("", False, "203.0.113.0/24"))


@pytest.mark.parametrize("meanwhile", [other_session, nobody_known, taken, requested, subscribed])
def test_a_gap_that_matters_to_somebody_else_is_not_withdrawn(
    meanwhile: Callable[[Gaps, Database, Ticket], None], database: Database
) -> None:
    """It stays; the words are a suggestion all the same."""
    asked = gaps(database)
    gap = told(asked, visitor()).ticket
    meanwhile(asked, database, gap)
    answered_after(asked, gap)

    asked.judge(LATER)

    assert ticket_of(database, gap.id).status in (Status.NEW, Status.OPEN)
    with database.read() as connection:
        assert len(known.wordings(connection)) == 1


# When attempts are judged


def test_an_attempt_that_goes_on_is_not_judged(database: Database) -> None:
    """Half an hour without anything ends it; an earlier one of the same session has ended before."""
    asked = gaps(database, GapRules(doubt_sessions=1))
    asked.record([searched("anna", 0), searched("anna", 100, "zither")])

    early = asked.judge(NOW + timedelta(minutes=129))
    late = asked.judge(NOW + timedelta(minutes=131))

    assert (early, late) == (0, 2)
    assert asked.judge(LATER + timedelta(days=1)) == 0
    assert {gap.query for gap in find(database)} == {"kazoo", "zither"}


def test_whose_the_searches_were_is_forgotten_when_the_day_is_counted_for_good(database: Database) -> None:
    """After four days; not before they were judged and counted."""
    asked = gaps(database)
    asked.record([searched("anna", 0), searched("boris", 1)])
    later = NOW + timedelta(days=4)
    left: list[int] = []
    for limit in (1, 10, 10):
        if left:
            Daily(database, dict).count_all(later)
        asked.judge(later, limit=limit)
        with database.read() as connection:
            left.append(connection.execute(select(func.count(search_events.c.session))).scalar_one())

    # The second time one of them had not been judged when it was counted.
    assert left == [2, 2, 0]
    assert rows(database, doubts) == 2
