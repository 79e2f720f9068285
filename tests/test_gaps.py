"""Gaps: one ticket for each question that nothing answers, on each of the databases, whoever asks at once."""

import json
import os
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from portal import gaps as gap_rules
from portal.asking import ASKED_AFTER_ANSWER
from portal.budgets import REPEATS
from portal.chains import Kind as Deed
from portal.chains import Visitor
from portal.gaps import Failed
from portal.queries import Query
from portal.storage import Database
from portal.storage import gaps as known
from portal.storage import tickets as store
from portal.tickets import Action, Kind, Status
from tests.asking import (
    actions,
    did,
    failed,
    find,
    gaps,
    in_processes,
    over,
    solve,
    ticket_of,
    told,
    visitor,
    wordings,
)
from tests.builders import NOW

# Opening and counting


def test_the_ticket_holds_what_l1_needs_to_know(database: Database) -> None:
    """Code, language, masked query, page, repairs and results; the history keeps them as they were."""
    search = failed("kazoo me@example.org", "de", repairs=(("spelling", "kazu ё"),), results=(("vpn", "de", "r" * 16),))

    opened = told(gaps(database), visitor(), search)

    gap = ticket_of(database, opened.ticket.id)
    assert opened.ticket == gap
    assert opened.is_new
    assert (gap.kind, gap.status, gap.tier, gap.code, gap.occurrences) == (Kind.GAP, Status.NEW, 1, "U0", 1)
    assert (gap.language, gap.query, gap.page, gap.is_confirmed) == ("de", "kazoo [e-mail]", "/de/search", True)
    with database.read() as connection:
        (event,) = store.history(connection, gap.id)
    assert event.action is Action.OPENED
    assert event.details == {
        "language": "de",
        "topic": "",
        "query": "kazoo [e-mail]",
        "page": "/de/search",
        "code": "U0",
        "repairs": '[["spelling", "kazu ё"]]',
        "results": json.dumps([["vpn", "de", "r" * 16]]),
    }


def test_what_exists_in_other_languages_only_is_a_translation_gap(database: Database) -> None:
    """U1 says which article is wanted in which language; writers have a list of them."""
    asked = gaps(database)
    opened = told(asked, visitor(), failed("tunnel", "ru", "U1", slug="vpn"))
    told(asked, visitor("boris"), failed("tunnel", "ru", "U1", slug="vpn"))
    told(asked, visitor(), failed("other", "ru"))

    gap = ticket_of(database, opened.ticket.id)
    with database.read() as connection:
        wanted = known.wanted(connection)

    assert (gap.kind, gap.code, gap.slug) == (Kind.TRANSLATION, "U1", "vpn")
    assert wanted == [known.Wanted("ru", "vpn", "tunnel", 2, gap.id)]


def test_the_second_asking_counts_and_opens_no_other_ticket(database: Database) -> None:
    """Word order and inflection do not matter; occurrences and wordings are kept, masked; the history stays short."""
    asked = gaps(database)

    first = told(asked, visitor("anna"), Failed(Query("en", "kazoo tuning"), ["kazoo", "tune"], "U0", "/en/search"))
    query = Query("en", "tuning kazoo me@example.org")
    second = told(asked, visitor("boris"), Failed(query, ["tune", "kazoo"], "U0", "/en/search"))

    assert (first.is_new, second.is_new) == (True, False)
    assert second.ticket.id == first.ticket.id
    assert second.ticket.occurrences == ticket_of(database, first.ticket.id).occurrences == 2
    assert set(wordings(database, first.ticket.id)) == {("kazoo tuning", 1), ("tuning kazoo [e-mail]", 1)}
    assert actions(database, first.ticket.id) == [Action.OPENED]


def test_a_search_without_words_is_nothing(database: Database) -> None:
    """Nothing to know it by."""
    assert gaps(database).report(replace(failed(), stems=[]), visitor(), NOW) is None


def test_the_same_session_asking_again_at_once_is_no_further_occurrence(database: Database) -> None:
    """Reloading the page, or searching the same in other words, is the same attempt; an hour later it is another."""
    asked = gaps(database)
    first = told(asked, visitor(is_returning=False)).ticket

    for minutes in (1, 10, 29):
        told(asked, visitor(), now=NOW + timedelta(minutes=minutes))
    reloaded = ticket_of(database, first.id)
    later = told(asked, visitor(), now=NOW + timedelta(minutes=31)).ticket

    assert (reloaded.occurrences, reloaded.is_confirmed) == (1, True)
    assert later.occurrences == 2


def test_who_asks_not_to_be_followed_counts_once_in_a_while_and_confirms_nothing(database: Database) -> None:
    """Without a session only the network tells repeats apart, for half an hour, and nothing of it is stored."""
    asked = gaps(database)
    nobody = Visitor("", False, "192.0.2.0/24")

    opened = [told(asked, nobody) for _ in range(REPEATS + 5)]
    told(asked, replace(nobody, network="203.0.113.0/24"))

    gap = ticket_of(database, opened[0].ticket.id)
    # The one that opened it, the repeats of its network up to the bound, and another network's.
    assert (gap.occurrences, gap.is_confirmed) == (REPEATS + 2, False)
    assert {found.ticket.id for found in opened} == {gap.id}


def test_very_many_wordings_are_counted_under_the_tickets_own(database: Database) -> None:
    """No gap fills the table; no occurrence is lost."""
    asked = gaps(database)
    for n in range(known.MOST_WORDINGS + 20):
        search = Failed(Query("en", f"kazoo {n:03}" if n else "kazoo"), ["kazoo"], "U0", "/en/search")
        told(asked, visitor(f"p{n:04}"), search)
    told(asked, visitor("again"), Failed(Query("en", "kazoo 007"), ["kazoo"], "U0", "/en/search"))

    (gap,) = find(database)
    counted = dict(wordings(database, gap.id))
    assert gap.occurrences == sum(counted.values()) == known.MOST_WORDINGS + 21
    assert len(counted) == known.MOST_WORDINGS
    assert (counted["kazoo"], counted["kazoo 007"]) == (21, 2)


def test_occurrences_are_told_by_day_language_and_wording(database: Database) -> None:
    """Newest day first."""
    asked = gaps(database)
    number = told(asked, visitor()).ticket.id
    for n in range(3):
        told(asked, visitor(f"n{n}"), now=NOW + timedelta(days=1))

    with database.read() as connection:
        found = known.occurrences(connection, number)

    today = NOW.date()
    assert found == [(today + timedelta(days=1), "en", "kazoo", 3), (today, "en", "kazoo", 1)]


# Opening again


def test_a_solved_gap_asked_again_opens_again_with_a_note(database: Database) -> None:
    """Within thirty days the same ticket re-opens; later the search is a new gap."""
    asked = gaps(database)
    gap = told(asked, visitor()).ticket
    solve(database, gap.id, NOW)

    again = told(asked, visitor(), now=NOW + timedelta(days=29)).ticket
    solve(database, gap.id, NOW + timedelta(days=30))
    later = told(asked, visitor(), now=NOW + timedelta(days=61))

    assert (again.id, again.status, again.occurrences) == (gap.id, Status.OPEN, 2)
    assert later.is_new
    assert later.ticket.id != gap.id
    with database.read() as connection:
        (event,) = [event for event in store.history(connection, gap.id) if event.action is Action.REOPEN]
    assert (event.text, event.is_public) == (ASKED_AFTER_ANSWER, False)
    assert wordings(database, later.ticket.id) == [("kazoo", 1)]


def test_who_asks_again_at_once_after_the_answer_opens_the_gap_again(database: Database) -> None:
    """The answer did not reach them: that is news, however short ago they asked."""
    asked = gaps(database)
    gap = told(asked, visitor()).ticket
    solve(database, gap.id, NOW + timedelta(minutes=5))

    again = told(asked, visitor(), now=NOW + timedelta(minutes=10)).ticket

    assert (again.id, again.status, again.occurrences) == (gap.id, Status.OPEN, 2)
    assert again == ticket_of(database, gap.id)


def test_a_closed_gap_asked_again_is_a_new_one(database: Database) -> None:
    """Closed is closed."""
    asked = gaps(database)
    gap = told(asked, visitor()).ticket
    solve(database, gap.id, NOW)
    solve(database, gap.id, NOW, Action.CLOSE)

    again = told(asked, visitor())

    assert again.is_new
    assert ticket_of(database, gap.id).fingerprint is None


# Several processes


def _ask_in_a_process(url: str, start: Any, results: Any) -> None:
    """Ten sessions ask the same, beginning with the others; some ask twice."""
    gap_rules.GAP_PATIENCE = 60.0  # What is not counted at once is left to the journal, which is not here.
    database = Database(url)
    asked = gaps(database)
    start.wait()
    for n in range(10):
        who = visitor(f"{os.getpid()}-{n}")
        opened = told(asked, who)
        told(asked, who)
        results.put((opened.ticket.id, opened.is_new))
    database.close()


def test_processes_that_ask_at_once_open_one_gap_and_count_every_session(database: Database) -> None:
    """Four processes, ten sessions each: one ticket, forty occurrences, one line of history."""
    workers, results, _start = in_processes(4, _ask_in_a_process, database.url)
    answers = [results.get(timeout=300) for _ in range(40)]
    for worker in workers:
        worker.join(30)

    assert len({number for number, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1
    assert ticket_of(database, answers[0][0]).occurrences == 40
    assert sum(times for _, times in wordings(database, answers[0][0])) == 40
    assert actions(database, answers[0][0]) == [Action.OPENED]


def _record_in_a_process(url: str, start: Any, results: Any) -> None:
    """Record overflow, and come back to it."""
    database = Database(url)
    asked = gaps(database)
    start.wait()
    for n in range(10):
        name = f"{os.getpid()}-{n}"
        asked.record([over(name, 0, f"kazoo{k}") for k in random.sample(range(6), 6)])
        asked.record([did(name, 1, Deed.SEEN)])
    results.put(True)
    database.close()


def test_processes_that_record_at_once_lose_nothing_and_wait_for_nobody_for_ever(database: Database) -> None:
    """Four processes, forty sessions, six gaps that all of them ask, in any order."""
    workers, results, _start = in_processes(4, _record_in_a_process, database.url)
    for worker in workers:
        assert results.get(timeout=300)
        worker.join(30)

    (overflow,) = find(database, Kind.OVERFLOW)
    assert sorted(gap.occurrences for gap in find(database, Kind.GAP)) == [40] * 6
    assert overflow.occurrences == 0
    assert overflow.is_confirmed
