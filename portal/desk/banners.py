"""What the portal says of major incidents to everybody who reads: fetched now and then, in the reader's language."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from portal.locales import choices
from portal.storage import Database
from portal.storage import incidents as known
from portal.storage.incidents import Incident

#: How long a process shows notices before it reads them again, in seconds; and how many it shows.
KEPT, MOST_SHOWN = 10.0, 3


@dataclass(frozen=True)
class Banner:
    """What the portal says of a major incident."""

    #: Of its ticket.
    number: int
    text: str
    #: Of the text; another than the reader's where it does not exist in theirs.
    language: str
    began_at: datetime


class Banners:
    """The present notices; one for each process, for all its threads.

    Args:
        database: where they are.
        clock: seconds that only grow.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._shown: tuple[Incident, ...] = ()
        self._looked = float("-inf")
        self._looking = threading.Lock()

    def of(self, language: str) -> tuple[Banner, ...]:
        """The notices for the readers of a language, newest first; `KEPT` seconds old at most.

        Where the database does not answer, the last ones are given: nobody's page fails for the want of them.
        """
        found = []
        for each in self._current():
            if written := choices(language, each.texts):
                found.append(Banner(each.ticket_id, each.texts[written[0]], written[0], each.began_at))
        return tuple(found)

    def edition(self) -> str:
        """What changes when the notices do; for copies that readers keep."""
        return " ".join(f"{each.ticket_id}.{each.version}" for each in self._current())

    def forget(self) -> None:
        """Read the notices again for the next page."""
        self._looked = float("-inf")

    def _current(self) -> tuple[Incident, ...]:
        """The incidents that are shown, read again where that is long ago."""
        if self._clock() - self._looked > KEPT and self._looking.acquire(blocking=False):
            try:
                with suppress(SQLAlchemyError), self._database.read() as connection:
                    self._shown = tuple(known.shown(connection, MOST_SHOWN))
            finally:
                self._looked = self._clock()
                self._looking.release()
        return self._shown
