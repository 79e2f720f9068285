"""Attempts that several processes judge at once, or one that is killed: each is judged once."""

import os
import signal
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.chains import Kind as Deed
from portal.gaps import Gaps
from portal.queries import Verdict
from portal.storage import Database, searches
from portal.storage import gaps as known
from portal.storage import tickets as store
from portal.storage.schema import doubts, search_events
from tests.asking import (
    did,
    gaps,
    in_processes,
    searched,
)
from tests.builders import NOW

LATER = NOW + timedelta(hours=2)


def sessions_to_judge(asked: Gaps, count: int) -> None:
    """Record as many sessions that each leave a doubt, a flag and a wording."""
    for n in range(count):
        name = f"s{n:03}"
        asked.record(
            [
                searched(name, 0, f"first {n}", code="U0", gap_id=10_000 + n, verdict=Verdict.UNANSWERED),
                searched(name, 1, "open tunnel", verdict=Verdict.ANSWERED),
                did(name, 2, Deed.OPEN, slug="vpn"),
                did(name, 3, Deed.OPEN, slug="vpn-setup"),
                did(name, 4, Deed.VOTE, slug="vpn-setup", is_helpful=False, revision="q" * 16),
                searched(name, 5),
            ]
        )


def judged_state(database: Database) -> dict[str, Any]:
    """What judging has left, as numbers."""
    with database.read() as connection:
        chains = connection.execute(select(search_events.c.chain, func.count()).group_by(search_events.c.chain)).all()
        return {
            "chains": sorted(count for chain, count in chains if chain),
            "left": sum(count for chain, count in chains if not chain),
            "doubts": connection.execute(select(func.count()).select_from(doubts)).scalar_one(),
            "flags": [found.times for found in known.flags(connection)],
            "wordings": sum(found.times for found in known.wordings(connection)),
            "occurrences": [gap.occurrences for gap in store.find(connection, store.Filter())],
        }


def _judge_in_a_process(url: str, start: Any, results: Any, dies_at: int) -> None:
    """Judge with the others; where told so, be killed within a transaction."""
    database = Database(url)
    if dies_at:
        close, calls = searches.close, []

        def close_or_die(*given: Any) -> None:
            calls.append(1)
            if len(calls) == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            close(*given)

        pytest.MonkeyPatch().setattr(searches, "close", close_or_die)
    start.wait()
    results.put(gaps(database).judge(LATER))
    database.close()


def test_processes_that_judge_at_once_judge_each_attempt_once(database: Database) -> None:
    """Three processes, forty sessions; doubts of all of them are seen together."""
    sessions_to_judge(gaps(database), 40)

    workers, results, _start = in_processes(3, _judge_in_a_process, database.url, 0)
    judged = [results.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join(30)

    assert sum(judged) == 40
    assert judged_state(database) == {
        "chains": [6] * 40, "left": 0, "doubts": 0, "flags": [40], "wordings": 40, "occurrences": [40],
    }  # fmt: skip


def test_killed_while_judging_everything_is_whole_and_the_next_goes_on(database: Database) -> None:
    """The attempt that was being judged is judged again, from the beginning; none is judged twice."""
    sessions_to_judge(gaps(database), 10)

    (worker,), _, _start = in_processes(1, _judge_in_a_process, database.url, 6)
    worker.join(120)
    after = judged_state(database)
    rest = gaps(database).judge(LATER)

    assert worker.exitcode == -signal.SIGKILL
    assert after == {
        "chains": [6] * 5, "left": 30, "doubts": 0, "flags": [5], "wordings": 5, "occurrences": [5],
    }  # fmt: skip
    assert rest == 5
    assert judged_state(database) == {
        "chains": [6] * 10, "left": 0, "doubts": 0, "flags": [10], "wordings": 10, "occurrences": [10],
    }  # fmt: skip
