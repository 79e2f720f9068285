"""Forgetting a person that is killed in the middle, or done by several processes at once."""

import multiprocessing
import os
import signal
from typing import Any

import pytest

from portal import retention
from portal.storage import Database
from portal.tickets import Action
from tests.builders import NOW
from tests.forgetting import dump, posted
from tests.full_requests import everywhere
from tests.test_erasure import NEEDLES, person_everywhere
from tests.working import history


def _die(url: str, when: int) -> None:
    """Forget a person, and be killed before a transaction; `when` says which."""
    database = Database(url)
    commits = 0
    whole = database.write

    def write(patience: float | None = None) -> Any:
        nonlocal commits
        commits += 1
        if commits > when:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(patience)

    database.write = write  # type: ignore[method-assign]
    retention.erase(database, "zoe@example.org", NOW)


@pytest.mark.parametrize("when", [0, 1, 4, 7, 10, 13, 14, 15, 16])
def test_killed_in_the_middle_doing_it_again_ends_it(
    when: int, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that only anonymous requests could tell are gone by then; each open request is closed once."""
    monkeypatch.setattr(retention, "SHARE", 1)
    closed, waiting = person_everywhere(database)
    posted(database, "late", recipient="zoe@example.org", recipient_name="Zoé Late Dupont", subject="Zoé Late Dupont")
    database.close()

    process = multiprocessing.get_context("fork").Process(target=_die, args=(database_url, when))
    process.start()
    process.join(60)

    assert process.exitcode == -signal.SIGKILL
    retention.erase(database, "zoe@example.org", NOW)
    assert NEEDLES.findall(everywhere(database)) == []
    assert "ben roth" in dump(database)
    assert [event.action for event in history(database, waiting)].count(Action.ERASE) == 1
    assert Action.ERASE not in [event.action for event in history(database, closed)]
    assert set(retention.erase(database, "zoe@example.org", NOW).values()) == {0}


def _erase_with_others(url: str, begin: Any) -> None:
    """Forget a person at the same moment as others."""
    database = Database(url)
    begin.wait(30)
    retention.erase(database, "zoe@example.org", NOW)


def test_several_processes_at_once_erase_once(database: Database, database_url: str) -> None:
    """None fails, also beside what forgets old requests; each open request is closed once."""
    _closed, waiting = person_everywhere(database)
    context = multiprocessing.get_context("fork")
    begin = context.Barrier(3)
    database.close()

    processes = [context.Process(target=_erase_with_others, args=(database_url, begin)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert NEEDLES.findall(everywhere(database)) == []
    assert [event.action for event in history(database, waiting)].count(Action.ERASE) == 1
