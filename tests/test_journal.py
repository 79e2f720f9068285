"""The journal: pages wait for nothing, and what was added is written, whatever happens to database and process."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from portal import journal as module
from portal.chains import Kind, SearchEvent
from portal.journal import BATCH, Journal
from portal.storage import Database, migration, searches
from tests.builders import NOW

NEVER = 3600.0
SECRET = "bumblebee"
Journals = list[Journal[SearchEvent]]


def event(number: int = 0) -> SearchEvent:
    """A search, told from others by its number."""
    return SearchEvent(NOW + timedelta(seconds=number), Kind.SEARCH, "en", "s" * 64, f"{SECRET} {number}")


def numbers(events: Sequence[SearchEvent]) -> list[int]:
    """The numbers of events."""
    return [int(one.query.split()[1]) for one in events]


class Sink:
    """Keeps what it is given; fails as it is told to."""

    def __init__(self, fault: Callable[[Sequence[SearchEvent]], Exception | None] = lambda _: None) -> None:
        self.batches: list[list[int]] = []
        self.fault = fault
        self.came = threading.Event()

    def __call__(self, batch: Sequence[SearchEvent]) -> None:
        """One batch."""
        if fault := self.fault(batch):
            raise fault
        self.batches.append(numbers(batch))
        self.came.set()

    @property
    def written(self) -> list[int]:
        """All that came, in order."""
        return [number for batch in self.batches for number in batch]


@pytest.fixture
def journals() -> Iterator[Journals]:
    """Journals to be closed with the test."""
    made: Journals = []
    yield made
    for one in made:
        one.close()


def locked(*_: object) -> Exception:
    """What a database says that another process is writing to."""
    return OperationalError(f"INSERT {SECRET}", {"query": SECRET}, Exception(f"database is locked\n{SECRET}"))


def test_events_are_written_by_themselves_within_the_second(journals: Journals) -> None:
    """Nobody asks for it: the thread begins with the first event and writes as often as it should."""
    sink = Sink()
    journals.append(journal := Journal(sink))
    before = threading.active_count()

    journal.add(event(1))

    assert threading.active_count() == before + 1
    assert sink.came.wait(60)
    assert sink.written == [1]
    assert Journal.__init__.__defaults__ == (1.0, 20_000)


def test_the_thread_goes_on_after_each_batch(journals: Journals) -> None:
    """Every batch is written, not only the first."""
    sink = Sink()
    journals.append(journal := Journal(sink, every=0.001))

    for number in range(5):
        sink.came.clear()
        journal.add(event(number))
        assert sink.came.wait(60)

    assert sink.written == [0, 1, 2, 3, 4]


def test_flushing_writes_at_once_in_order_and_in_bounded_batches(journals: Journals) -> None:
    """Each event once; an empty journal writes nothing and all is well."""
    sink = Sink()
    journals.append(journal := Journal(sink, NEVER))
    for number in range(2 * BATCH + 1):
        journal.add(event(number))

    assert (journal.flush(), journal.flush()) == (True, True)
    assert sink.written == list(range(2 * BATCH + 1))
    assert [len(batch) for batch in sink.batches] == [BATCH, BATCH, 1]


@pytest.mark.parametrize(
    "fault",
    [
        locked(),
        OSError(28, f"no space for {SECRET}"),
        PoolTimeoutError(SECRET),
        InterfaceError(SECRET, {}, Exception(SECRET)),
        ProgrammingError("no such table", {}, Exception(SECRET)),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_batch_that_cannot_be_written_is_kept(
    fault: Exception, journals: Journals, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again in order; the fault is said once, without a word of what people typed."""
    caplog.set_level(logging.DEBUG)
    sink = Sink(lambda _: fault)
    journals.append(journal := Journal(sink, NEVER))

    for number in range(3):
        journal.add(event(number))
        assert not journal.flush()
    sink.fault = lambda _: None
    journal.add(event(3))

    assert journal.flush()
    assert sink.written == [0, 1, 2, 3]
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert SECRET not in caplog.text
    assert type(fault).__name__ in caplog.text


def test_the_log_says_why_the_database_does_not_work(journals: Journals, caplog: pytest.LogCaptureFixture) -> None:
    """The first line of what the driver said, which is about the database."""
    journals.append(journal := Journal(Sink(locked), NEVER))
    journal.add(event())
    journal.flush()
    journal._sink = Sink()

    assert "database is locked" in caplog.text


@pytest.mark.parametrize(
    "fault",
    [
        DataError(SECRET, {}, Exception(SECRET)),
        IntegrityError(SECRET, {}, Exception(SECRET)),
        StatementError(SECRET, SECRET, {}, Exception(SECRET)),
        ValueError(SECRET),
        KeyError(SECRET),
    ],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize("bad", [{0}, {4}, {9}, {2, 3}, {0, 1, 8, 9}, set(range(10))])
def test_one_event_that_is_refused_does_not_keep_the_others(
    fault: Exception, bad: set[int], journals: Journals, caplog: pytest.LogCaptureFixture
) -> None:
    """All others are written, once and in order; the log counts without quoting."""
    sink = Sink(lambda batch: fault if bad.intersection(numbers(batch)) else None)
    journals.append(journal := Journal(sink, NEVER))
    for number in range(10):
        journal.add(event(number))

    assert journal.flush()
    assert sink.written == [number for number in range(10) if number not in bad]
    assert len([record for record in caplog.records if "refused" in record.message]) == len(bad)
    assert SECRET not in caplog.text


def test_a_database_that_fails_among_refused_events_loses_none(journals: Journals) -> None:
    """What of a halved batch could not be written is kept in order."""
    calls: list[int] = []

    def fault(batch: Sequence[SearchEvent]) -> Exception | None:
        calls.append(len(batch))
        if len(calls) == 3:
            return locked()
        return ValueError() if 5 in numbers(batch) else None

    sink = Sink(fault)
    journals.append(journal := Journal(sink, NEVER))
    for number in range(8):
        journal.add(event(number))

    assert [journal.flush(), journal.flush()] == [False, True]
    assert sink.written == [0, 1, 2, 3, 4, 6, 7]


def test_the_oldest_are_dropped_beyond_the_bound_and_counted(
    journals: Journals, caplog: pytest.LogCaptureFixture
) -> None:
    """Memory is bounded while the database is away; the log says how many were lost."""
    sink = Sink(locked)
    journals.append(journal := Journal(sink, NEVER, most=10))
    for number in range(25):
        journal.add(event(number))
        journal.flush()
    sink.fault = lambda _: None

    assert journal.flush()
    assert sink.written == list(range(15, 25))
    (said,) = [record.message for record in caplog.records if "dropped" in record.message]
    assert said.endswith(": 15")
    assert len(journal._events) == 0


def test_what_fails_outside_does_not_reach_the_page(journals: Journals, monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread can be started: the event is kept, and the next one tries again."""
    sink = Sink()
    journals.append(journal := Journal(sink, every=0.001))

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        journal.add(event(1))
    journal.add(event(2))

    assert sink.came.wait(60)
    journal.flush()
    assert sink.written == [1, 2]


def test_adding_does_not_wait_for_the_database(journals: Journals) -> None:
    """While a batch is being written, however long that takes, events are added."""
    entered, leave = threading.Event(), threading.Event()
    sink = Sink()

    def slow(batch: Sequence[SearchEvent]) -> None:
        entered.set()
        assert leave.wait(60)
        sink(batch)

    journals.append(journal := Journal(slow, every=0.001))
    journal.add(event(1))
    assert entered.wait(60)
    for number in range(2, 50):
        journal.add(event(number))
    assert sink.written == []
    leave.set()

    journal.close()
    assert sink.written == list(range(1, 50))


def test_eight_threads_lose_and_double_nothing(journals: Journals) -> None:
    """Each event is written once while eight threads add, two flush, and the journal writes by itself."""
    sink = Sink(lambda batch: locked() if sum(numbers(batch)) % 3 == 0 else None)
    journals.append(journal := Journal(sink, every=0.0001))
    start = threading.Barrier(10)

    def add(thread: int) -> None:
        start.wait(60)
        for number in range(1000):
            journal.add(event(thread * 1000 + number))

    def flush() -> None:
        start.wait(60)
        for _ in range(50):
            journal.flush()

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    threads += [threading.Thread(target=flush) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    sink.fault = lambda _: None
    journal.close()

    assert sorted(sink.written) == list(range(8000))
    for thread_number in range(8):
        own = [number for number in sink.written if number // 1000 == thread_number]
        assert own == sorted(own)


def test_closing_writes_the_rest_ends_the_thread_and_can_begin_again(journals: Journals) -> None:
    """Twice is once; a request that ends after it is still written."""
    sink = Sink()
    before = threading.active_count()
    journals.append(journal := Journal(sink, NEVER))
    journal.close()
    journal.add(event(1))

    journal.close()
    journal.close()
    assert (sink.written, threading.active_count()) == ([1], before)

    journal.add(event(2))
    journal.close()
    assert (sink.written, threading.active_count()) == ([1, 2], before)


def test_closing_is_bounded(
    journals: Journals, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that never answers does not keep the process from ending; the log says that events may be lost."""
    assert module.CLOSING == 5.0
    monkeypatch.setattr(module, "CLOSING", 0.01)
    leave = threading.Event()

    def hang(_: Sequence[SearchEvent]) -> None:
        leave.wait(60)

    journals.append(journal := Journal(hang, NEVER))
    journal.add(event())
    journal.close()

    assert "may be lost" in caplog.text
    leave.set()
    monkeypatch.undo()
    journal.close()


def test_a_locked_database_gets_its_events_when_it_is_free(tmp_path: Path, journals: Journals) -> None:
    """A real lock on a real file: nothing is lost, nothing is written twice."""
    database = Database(f"sqlite:///{tmp_path / 'portal.db'}")
    migration.upgrade(database)

    def sink(batch: Sequence[SearchEvent]) -> None:
        with database.write(patience=0.01) as connection:
            searches.add(connection, batch)

    journals.append(journal := Journal(sink, NEVER))
    with database.write():
        journal.add(event(1))
        assert not journal.flush()
    journal.add(event(2))

    assert journal.flush()
    with database.read() as connection:
        assert numbers(searches.of_session(connection, "s" * 64, NOW)) == [1, 2]
    database.close()


def test_a_journal_that_nobody_holds_is_forgotten() -> None:
    """What is prepared for forks keeps no journal alive."""
    before = len(module._journals)
    journal = Journal(Sink(), NEVER)
    assert len(module._journals) == before + 1
    del journal
    assert len(module._journals) == before
