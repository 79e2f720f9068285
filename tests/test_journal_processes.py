"""The journal in processes that end, are killed, and are forked: what was written is there, once."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from portal.storage import Database
from portal.storage.schema import search_events
from tests.needs import REPOSITORY
from tests.postgres import database_at

PROGRAM = """
    import os, signal, sys, threading, time
    from portal.journal import Journal
    from portal.storage import Database, searches
    from tests.test_journal import NEVER, event, numbers

    database = Database(sys.argv[1])

    def sink(batch):
        with database.write() as connection:
            searches.add(connection, batch)

    journal = Journal(sink, NEVER)

    def say(word):
        print(word, flush=True)
"""


Run = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def run(url: str) -> Iterator[Run]:
    """Starts processes of their own with a journal on the database and waits for their word; they end with the test."""
    with ExitStack() as ending:

        def start(body: str) -> subprocess.Popen[str]:
            program = textwrap.dedent(PROGRAM) + textwrap.dedent(body)
            command = [sys.executable, "-W", "ignore", "-c", program, url]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
            ending.enter_context(process)
            ending.callback(process.kill)
            assert answer(process) == "ready"
            return process

        yield start


def answer(process: subprocess.Popen[str]) -> str:
    """The next line that a process says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The address of a migrated database in a file."""
    database = database_at(tmp_path / "portal.db")
    database.close()
    return database.url


def written(url: str) -> list[int]:
    """The numbers of the events in a database, which is sound."""
    database = Database(url)
    with database.read() as connection:
        if database.is_sqlite:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        texts = connection.execute(
            select(search_events.c.query).order_by(search_events.c.at, search_events.c.id)
        ).scalars()
        found = [int(text.split()[1]) for text in texts]
    database.close()
    return found


@pytest.mark.parametrize("where", ["in the handler", "after it"])
def test_a_process_that_is_told_to_end_has_written_everything(run: Run, url: str, where: str) -> None:
    """SIGTERM, with the journal closed in the signal's handler or by the main program."""
    end = "journal.close(); os._exit(0)" if where == "in the handler" else "ended.append(1)"
    process = run(
        f"""
        ended = []
        def end(*_):
            {end}
        signal.signal(signal.SIGTERM, end)
        for number in range(3000):
            journal.add(event(number))
        say("ready")
        while not ended:
            time.sleep(0.05)
        journal.close()
        """
    )
    process.terminate()

    assert process.wait(30) == 0
    assert written(url) == list(range(3000))


def test_a_process_that_is_killed_loses_no_more_than_what_was_not_written(run: Run, url: str) -> None:
    """SIGKILL: all that a flush had confirmed is there, and the database is sound."""
    process = run(
        """
        for number in range(1500):
            journal.add(event(number))
        assert journal.flush()
        for number in range(1500, 1600):
            journal.add(event(number))
        say("ready")
        signal.pause()
        """
    )
    process.send_signal(signal.SIGKILL)

    assert process.wait(30) == -signal.SIGKILL
    assert written(url) == list(range(1500))


def test_a_process_that_is_killed_while_writing_has_whole_batches(run: Run, url: str) -> None:
    """SIGKILL at any moment: whole batches, in order, none twice."""
    process = run(
        """
        say("ready")
        number = 0
        while True:
            for number in range(number, number + 100):
                journal.add(event(number))
            number += 1
            journal.flush()
            say(number)
        """
    )
    said = [int(answer(process)) for _ in range(5)]
    process.kill()
    process.wait(30)

    found = written(url)
    assert found == list(range(len(found)))
    assert len(found) % 100 == 0
    assert len(found) >= said[-1]


def test_a_forked_process_writes_its_own_events_and_only_those(run: Run) -> None:
    """Forked with events waiting and a batch being written: no deadlock in the child, nothing lost, nothing doubled."""
    process = run(
        """
        entered, leave = threading.Event(), threading.Event()
        seen = []

        def sink(batch):
            entered.set()
            assert leave.wait(30)
            seen.extend(numbers(batch))

        journal = Journal(sink, 0.001)
        journal.add(event(1))
        assert entered.wait(30)
        journal.add(event(2))
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            came = threading.Event()

            def sink_of_child(batch):
                seen.extend(numbers(batch))
                came.set()

            journal._sink = sink_of_child
            journal.add(event(3))
            assert came.wait(30)
            journal.close()
            os.write(write, repr(seen).encode())
            os._exit(0)
        os.close(write)
        told = os.read(read, 100).decode()
        leave.set()
        assert os.waitpid(child, 0)[1] == 0
        journal.close()
        say("ready")
        say(told)
        say(seen)
        """
    )

    assert [answer(process), answer(process)] == ["[3]", "[1, 2]"]
    assert process.wait(30) == 0
