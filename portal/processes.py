"""What several processes share: one does a duty for all of them, and helpers end with whom they help."""

import fcntl
import os
import threading
import time
from pathlib import Path
from typing import IO

#: How often is looked whether the other is still there, in seconds.
LOOK_EVERY = 0.5
#: How often the other processes try whether the one on duty is gone, in seconds.
STAND_BY = 2.0
#: How long a new process lets something else go ahead of its duties, in seconds.
GIVES_WAY = 5.0


class Duty(threading.Thread):
    """What one process of several does; another takes over when that process ends, however it ends.

    Args:
        name: of the thread.
        lock: file that the process on duty holds.
    """

    def __init__(self, name: str, lock: Path) -> None:
        super().__init__(name=name, daemon=True)
        self._lock_path = lock
        self._ending = threading.Event()
        #: What goes ahead, for so many seconds at most: who asks first waits for that, and not for a duty.
        self.ahead: threading.Thread | None = None

    def run(self) -> None:
        """Wait for the duty, then do it until told to end."""
        if self.ahead is not None:
            self.ahead.join(GIVES_WAY)
        while not self._ending.is_set():
            lock = self._taken()
            if lock is None:
                self._ending.wait(STAND_BY)
                continue
            with lock:
                while not self._ending.is_set():
                    self.work()

    def _taken(self) -> IO[str] | None:
        """The lock, if nobody else holds it and its folder can be written."""
        try:
            lock = self._lock_path.open("w")
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return None
        return lock

    def work(self) -> None:
        """Do the duty; return soon after `_ending` is set, or to begin anew."""
        raise NotImplementedError

    def stop(self) -> None:
        """End soon."""
        self._ending.set()


def end_with(parent: int) -> None:
    """Let this process end when another has gone, however that went.

    Args:
        parent: number of the process that started this one.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """End when the parent is another."""
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os._exit(1)
