"""A portal that is told to end says so first, and serves on while its load balancer turns to others."""

import logging
import time
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from portal.health import ENDING

log = logging.getLogger("portal")


def run(server: BaseApplication, seconds: int) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        server: gunicorn's application.
        seconds: how long it serves on after a first SIGTERM, while `/readyz` answers 503; 0 ends at once.
    """
    _Draining(server, seconds).run()


class _Draining(Arbiter):  # type: ignore[misc]  # gunicorn has no types.
    """gunicorn's first process, which takes its time to end."""

    def __init__(self, server: BaseApplication, seconds: int) -> None:
        self._seconds = seconds
        self._end: float | None = None
        super().__init__(server)

    def handle_term(self) -> None:
        """Begin to end; asked once more, or where no time is set, end now."""
        if self._end is None and self._seconds:
            self._end = time.monotonic() + self._seconds
            ENDING.announce()
            log.info("ending in %s s; /readyz says so", self._seconds)
            return
        super().handle_term()

    def manage_workers(self) -> Any:
        """Keep the processes going, as gunicorn does at least once a second, until the time is over."""
        super().manage_workers()
        if self._end is not None and time.monotonic() >= self._end:
            raise StopIteration
