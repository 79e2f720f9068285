"""The journal: what people do is written down in batches, so that no page waits for the database."""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError, StatementError

from portal.faults import FaultLog

log = logging.getLogger(__name__)

#: Events that are written together at most.
BATCH = 1000
#: How long the end of the process waits for the last batches, in seconds.
CLOSING = 5.0
_journals: WeakSet["Journal[Any]"] = WeakSet()

_Event = TypeVar("_Event")


class Journal(Generic[_Event]):
    """Collects events and has them written by a thread of its own; safe to use from several threads.

    A process that ends by force loses what was added since the last writing. A process that is forked leaves what was
    added before to its parent.

    Args:
        sink: writes a batch, wholly or not at all.
        every: how often it is written, in seconds.
        most: events that are kept while they cannot be written; beyond, the oldest are dropped.
        what: what the events are called in the log.
    """

    def __init__(
        self,
        sink: Callable[[Sequence[_Event]], None],
        every: float = 1.0,
        most: int = 20_000,
        *,
        what: str = "search events",
    ) -> None:
        self._sink = sink
        self._what = what
        self._every = every
        self._most = most
        self._begin()
        _journals.add(self)

    def _begin(self) -> None:
        """Begin with nothing: a new journal, or that of a new process, in which no other thread runs yet."""
        self._events: deque[_Event] = deque()
        self._dropped = 0
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._faults = FaultLog(log)

    def add(self, event: _Event) -> None:
        """Note an event; it waits for nothing and nothing fails."""
        self._events.append(event)
        self._trim()
        self._start()

    def flush(self) -> bool:
        """Write all that was added before; whether nothing is left of it.

        What could not be written is kept, except an event that the database refuses for what it is.
        """
        with self._writing:
            for _ in range(-(-len(self._events) // BATCH)):
                if not self._write(self._take()):
                    return False
        return True

    def close(self) -> None:
        """Write what is left and end the thread, within `CLOSING` seconds; what comes later begins a new one."""
        if self._events:
            self._start()
        thread = self._thread
        if thread is not None and thread.is_alive():
            self._ending.set()
            thread.join(CLOSING)
        self._report_dropped()
        if self._events or (thread is not None and thread.is_alive()):
            log.error("%s may be lost, because they could not be written before the end", self._what)

    def _start(self) -> None:
        """Start the thread, unless it runs or there can be none; then the next event tries again."""
        if self._is_running() or not self._starting.acquire(blocking=False):
            return
        try:
            if not self._is_running():
                self._ending.clear()
                self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
                self._thread.start()
        except RuntimeError:  # No more threads, or the process is ending.
            pass
        finally:
            self._starting.release()

    def _is_running(self) -> bool:
        """Whether there is a thread that will write what is there now."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _run(self) -> None:
        """Write until told to end."""
        while not self._ending.wait(self._every):
            self.flush()
        self._thread = None
        self.flush()

    def _take(self) -> list[_Event]:
        """The oldest events, which are then here alone."""
        taken: list[_Event] = []
        try:
            while len(taken) < BATCH:
                taken.append(self._events.popleft())
        except IndexError:
            pass
        return taken

    def _write(self, batch: list[_Event]) -> bool:
        """Write a batch; whether nothing is left of it.

        A batch that is refused for what is in it is halved until the event is found, so that one bad event does not
        keep all others from being written.
        """
        parts = [batch] if batch else []
        while parts:
            part = parts.pop()
            try:
                self._sink(part)
            except Exception as fault:
                if not _is_refusal(fault):
                    self._events.extendleft(event for kept in (*parts, part) for event in reversed(kept))
                    self._trim()
                    self._faults.report(f"{self._what} cannot be written", _reason(fault))
                    return False
                half = len(part) // 2
                parts += [part[half:], part[:half]] if half else []
                if not half:
                    log.error("one of the %s was refused: %s", self._what, type(fault).__name__)
        self._faults.works(f"{self._what} cannot be written")
        self._report_dropped()
        return True

    def _trim(self) -> None:
        """Drop the oldest events of too many."""
        while len(self._events) > self._most:
            try:
                self._events.popleft()
            except IndexError:  # Another thread was faster.
                return
            self._dropped += 1

    def _report_dropped(self) -> None:
        """Say how many events were dropped since it was last said."""
        dropped, self._dropped = self._dropped, 0
        if dropped:
            log.error("%s dropped, because too many could not be written: %d", self._what, dropped)


def _is_refusal(fault: Exception) -> bool:
    """Whether writing failed because of what was to be written, and will always fail."""
    if isinstance(fault, DataError | IntegrityError):
        return True
    # A statement that never reached the driver: a value of the wrong kind.
    is_unsent = isinstance(fault, StatementError) and not isinstance(fault, DBAPIError)
    return is_unsent or not isinstance(fault, SQLAlchemyError | OSError)


def _reason(fault: Exception) -> str:
    """Why writing failed, without anything that was to be written."""
    said = str(fault.orig).strip().partition("\n")[0] if isinstance(fault, OperationalError) else ""
    return f"{type(fault).__name__}: {said}" if said else type(fault).__name__


def _begin_all() -> None:
    """In a new process: its locks may have been held, its threads are gone, and its events are the parent's."""
    for journal in list(_journals):
        journal._begin()  # noqa: SLF001 (of this module)


os.register_at_fork(after_in_child=_begin_all)
