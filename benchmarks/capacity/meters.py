"""How much processor time the parts of a running portal have used, and how many commands its Redis has answered."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.resilience.parts import Part, descendants

_TICK = os.sysconf("SC_CLK_TCK")


def spent(part: Part) -> float:
    """Processor seconds of a part so far, of processes that have ended too."""
    assert part.process is not None
    return _times(part.process.pid, ended=True) + sum(_times(number) for number in descendants(part.process.pid))


def _times(process: int, *, ended: bool = False) -> float:
    """Processor seconds of one process, and of its children that have ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(errors="replace")
    except FileNotFoundError:
        return 0.0
    fields = stat.rpartition(")")[2].split()  # From field 3 of proc(5) on.
    return sum(int(field) for field in fields[11 : 15 if ended else 13]) / _TICK


@dataclass(frozen=True)
class Used:
    """What a while came to."""

    #: Of the wall.
    seconds: float
    #: Processor seconds.
    node: float
    database: float
    #: Commands.
    redis: int


@dataclass(frozen=True)
class Meters:
    """A running portal and what it stands on."""

    portal: Part
    database: Part
    #: A client of its Redis.
    redis: Any

    def during(self, happens: Callable[[], None]) -> Used:
        """What something uses until it is over."""
        before, begin = self._read(), time.perf_counter()
        happens()
        after = self._read()
        node, database, redis = (last - first for first, last in zip(before, after, strict=True))
        return Used(time.perf_counter() - begin, node, database, round(redis))

    def _read(self) -> tuple[float, float, float]:
        commands = self.redis.info("stats")["total_commands_processed"]
        return spent(self.portal), spent(self.database), commands
