"""Whether the portal can do its work: database, room on the disk, search, mail; and whether it is about to end."""

import mmap
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from portal.edition import Editions
from portal.errors import SearchUnavailable
from portal.faults import FaultLog, reason
from portal.selfservice import ready
from portal.storage import Database, outbox

#: Room on the disk below which nothing more can be promised, in bytes.
ROOM = 16 * 1024 * 1024
#: How long the check waits for other writers, in seconds.
PATIENCE = 2.0
#: How long it is believed that all is well, in seconds.
FRESH = 1.0


class Ending:
    """Whether this portal is about to end: one byte that the processes forked from this one share."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    @property
    def is_near(self) -> bool:
        """Whether it has been announced."""
        return self._byte[0] == 1

    def announce(self, *, is_near: bool = True) -> None:
        """Let every process know."""
        self._byte[0] = int(is_near)


ENDING = Ending()


class Told:
    """What whoever asks again and again is told: that all is well stays said for a moment, a fault is looked at anew.

    However many ask, and anybody may, parts that are well are looked at once a second; and who asks while somebody
    looks already is told what that comes to, so that slow faults do not make a queue.
    """

    def __init__(self) -> None:
        self._found: dict[str, str] = {}
        self._until = float("-inf")
        #: How many looks have ended.
        self._looks = 0
        self._looking = threading.Lock()

    def get(self, check: Callable[[], dict[str, str]]) -> dict[str, str]:
        """What a check says, or said a moment ago."""
        seen = self._looks
        with self._looking:
            if time.monotonic() < self._until or self._looks != seen:
                return self._found
            self._found = check()
            self._looks += 1
            is_well = set(self._found.values()) == {"ok"}
            self._until = time.monotonic() + FRESH if is_well else float("-inf")
            return self._found


class Health:
    """Looks after the parts, and logs once what is wrong; that mail waits is logged by who sends it.

    Args:
        database: of tickets.
        editions: what is searched.
        data: instance folder.
        faults: where they are logged.
    """

    def __init__(self, database: Database, editions: Editions, data: Path, faults: FaultLog) -> None:
        self._database = database
        self._editions = editions
        self._data = data
        self._faults = faults

    def check(self) -> dict[str, str]:
        """Each part with `ok` or `fails`; `mail` is `waiting` while messages could not be delivered."""
        return {
            "database": self._of("the database cannot be written", self._database_works),
            "disk": self._of("the disk is full", self._has_room),
            "search": self._of("search does not work", self._can_search),
            "mail": self._mail(),
        }

    def _of(self, what: str, look: Callable[[], str]) -> str:
        """Look at one part; `look` gives what is wrong, always in the same words, or nothing."""
        try:
            fault = look()
        except SearchUnavailable as error:
            fault = str(error) or type(error).__name__
        except Exception as error:  # Whatever is wrong with one part, the others are looked at.
            fault = reason(error)
        if fault:
            self._faults.report(what, fault)
            return "fails"
        self._faults.works(what)
        return "ok"

    def _database_works(self) -> str:
        """Whether it can be read and written: a lock, a disk or a right may be missing for one of them only."""
        with self._database.write(PATIENCE) as connection:
            connection.exec_driver_sql("UPDATE tickets SET version = version WHERE id = -1")
        return ""

    def _has_room(self) -> str:
        """Whether something more can be written."""
        free = shutil.disk_usage(self._data).free
        return "" if free >= ROOM else f"less than {ROOM // 2**20} MiB are left"

    def _can_search(self) -> str:
        """Whether every language finds its own article."""
        ready(self._editions.current())
        return ""

    def _mail(self) -> str:
        """Whether a message waits that was tried before, or nobody can tell."""
        try:
            with self._database.read() as connection:
                return "waiting" if outbox.delayed(connection) else "ok"
        except Exception:  # Why is said of the database.
            return "waiting"
