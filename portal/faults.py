"""Faults that last are logged once, not with every request that meets them."""

import logging
import threading
import time
import traceback
from pathlib import Path

from sqlalchemy.exc import InternalError, OperationalError, SQLAlchemyError

#: A fault that lasts is said again after this time, in seconds.
AGAIN_AFTER = 600.0
#: Reasons of one fault that are said; more are the same fault in other words.
REASONS = 5


def reason(fault: BaseException) -> str:
    """Why something failed, for the log: what an operator can act on, and nothing that people typed.

    A database that is locked, full, read-only or gone says so itself; what is wrong with a value could repeat the value.
    Of what nobody foresaw the place is named.
    """
    cause = getattr(fault, "orig", None) or fault
    name = type(cause).__name__
    if isinstance(fault, OperationalError | InternalError):
        return str(cause).strip().partition("\n")[0] or name
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror
    if isinstance(fault, SQLAlchemyError | OSError):
        return name
    places = traceback.extract_tb(fault.__traceback__)
    return f"{name} in {Path(places[-1].filename).name}, line {places[-1].lineno}" if places else name


class FaultLog:
    """Says each fault once as long as it lasts.

    Args:
        log: where to.
        again_after: seconds after which a fault that still lasts is said again.
    """

    def __init__(self, log: logging.Logger, again_after: float = AGAIN_AFTER) -> None:
        self._log = log
        self._again_after = again_after
        #: When each reason of a fault was said.
        self._said: dict[str, dict[str, float]] = {}
        self._lock = threading.Lock()

    def report(self, what: str, reason: str) -> None:
        """Log a fault as an error, unless the same was logged lately.

        Args:
            what: what does not work, for example `the articles could not be published`.
            reason: why; nothing that people typed. Several that take turns are each said once.
        """
        now = time.monotonic()
        with self._lock:
            lately = {why: at for why, at in self._said.get(what, {}).items() if now - at < self._again_after}
            if reason in lately or len(lately) >= REASONS:
                return
            self._said[what] = lately | {reason: now}
        self._log.error("%s: %s", what, reason)

    def works(self, what: str) -> None:
        """What did not work works; its next fault is a new one."""
        if what in self._said:
            with self._lock:
                if self._said.pop(what, None):
                    self._log.info("works again: %s", what)
