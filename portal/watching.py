"""Keeps the published articles up to date while the portal runs: one process of several watches the folder."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from watchfiles import watch

from portal.faults import FaultLog
from portal.learning import Learner
from portal.processes import STAND_BY, Duty
from portal.publishing import Publisher

log = logging.getLogger(__name__)

#: Changes that come together are published together, in milliseconds.
SETTLE = 50
#: How often the files are looked at even where the system reported no change, in seconds; network folders report none.
LOOK_EVERY = 60.0
#: How often is asked whether it is time to look, in seconds; the first time what was saved just before the watch is seen.
ASK_EVERY = 1.0
_WHAT = "the articles could not be published"


class Watcher(Duty):
    """Publishes changes, if no other process does; takes over when that process ends, however it ends.

    Args:
        publisher: publishes.
        data: instance folder.
        clock: the present moment.
    """

    def __init__(self, publisher: Publisher, data: Path, clock: Callable[[], datetime]) -> None:
        super().__init__("watcher", data / "watch.lock")
        self._publisher = publisher
        self._clock = clock
        self._learner = Learner(data)
        self._faults = FaultLog(log)

    def work(self) -> None:
        """Publish what changed while nobody watched, then watch."""
        if not self._learner.is_alive():
            self._learner.start()
        self._publish()
        self._learner.wake()
        self._watch()

    def stop(self) -> None:
        """End soon; a publication under way ends first."""
        super().stop()
        self._learner.stop()

    def _watch(self) -> None:
        """Publish at every change."""
        looked = float("-inf")
        changes = watch(
            self._publisher.root,
            debounce=SETTLE * 4,
            step=SETTLE,
            stop_event=self._ending,
            rust_timeout=int(ASK_EVERY * 1000),
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        try:
            for changed in changes:
                if changed or time.monotonic() - looked >= LOOK_EVERY:
                    looked = time.monotonic()
                    self._publish()
        except Exception as fault:  # The folder itself may go and come back; the portal serves on meanwhile.
            self._report(fault)
            self._ending.wait(STAND_BY)

    def _publish(self) -> None:
        """Publish; a fault is reported once and tried again at the next change."""
        try:
            report = self._publisher.publish(self._clock(), verify=False)
        except Exception as fault:  # A full disk or a vanished folder must not end the watch.
            self._report(fault)
            return
        self._faults.works(_WHAT)
        if report.changed or report.removed or report.rebuilt:
            self._learner.wake()
            log.info("published %s: %d changed, %d removed", report.generation, report.changed, report.removed)
            for problem in report.problems:
                log.warning("%s", problem)

    def _report(self, fault: Exception) -> None:
        """Log a fault, once as long as it stays the same."""
        self._faults.report(_WHAT, f"{type(fault).__name__}: {fault}")
