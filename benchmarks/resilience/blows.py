"""What is done to a running portal: each blow takes a part away and gives it back where the portal cannot do so itself."""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.resilience.parts import Part, descendants, holder

#: How long a part is away, in seconds.
AWAY = 5.0


@dataclass(frozen=True)
class Stage:
    """A portal and all that it stands on."""

    portal: Part
    #: None with SQLite.
    database: Part | None
    redis: Part
    mail: Part
    data: Path
    #: Says by how many seconds the portal's clock is wrong; see `wrong_clock`.
    clock: Path
    #: Whether the instance folder is a disk of its own that can be filled.
    is_small: bool


@dataclass(frozen=True)
class Blow:
    """Something that happens."""

    name: str
    strike: Callable[[Stage], None]
    #: Called after `AWAY`.
    mend: Callable[[Stage], None] = lambda _stage: None
    is_possible: Callable[[Stage], bool] = lambda _stage: True
    needs_clock: bool = False


def _workers(stage: Stage) -> list[int]:
    """The processes that answer."""
    assert stage.portal.process is not None
    return descendants(stage.portal.process.pid)


def _kill_worker(stage: Stage) -> None:
    on_duty = holder(stage.data / "tick.lock")
    others = [number for number in _workers(stage) if number != on_duty]
    os.kill(random.choice(others or _workers(stage)), signal.SIGKILL)


def _kill_on_duty(stage: Stage) -> None:
    if number := holder(stage.data / "tick.lock"):
        os.kill(number, signal.SIGKILL)


def _kill_all(stage: Stage) -> None:
    stage.portal.kill()
    stage.portal.start()


def _database(stage: Stage) -> Part:
    assert stage.database is not None
    return stage.database


def _fill(stage: Stage) -> None:
    """Leave no room, not even what SQLite's log has for itself.

    Raises:
        RuntimeError: there still is some.
    """
    if stage.database is None:
        with contextlib.closing(sqlite3.connect(stage.data / "portal.db", timeout=5)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with contextlib.suppress(OSError), (stage.data / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 65536)
    if left := shutil.disk_usage(stage.data).free:
        raise RuntimeError(f"the disk still has {left} bytes")


def _turn(stage: Stage, seconds: int) -> None:
    draft = stage.clock.with_suffix(".new")
    draft.write_text(str(seconds), encoding="ascii")
    draft.replace(stage.clock)


BLOWS = (
    Blow("a worker is killed", _kill_worker),
    Blow("the worker on duty is killed", _kill_on_duty),
    Blow("the portal is killed and started", _kill_all),
    Blow(
        "PostgreSQL is killed",
        lambda stage: _database(stage).kill(),
        lambda stage: _database(stage).start(),
        lambda stage: stage.database is not None,
    ),
    Blow("Redis is killed", lambda stage: stage.redis.kill(), lambda stage: stage.redis.start()),
    Blow("the mail server is killed", lambda stage: stage.mail.kill(), lambda stage: stage.mail.start()),
    Blow(
        "the disk is full",
        _fill,
        lambda stage: (stage.data / "filler").unlink(),
        lambda stage: stage.is_small,
    ),
    Blow("the index is deleted", lambda stage: shutil.rmtree(stage.data / "index")),
    Blow("the clock jumps ahead by two hours", lambda stage: _turn(stage, 7200), needs_clock=True),
    Blow(
        "the clock jumps back by three hours",
        lambda stage: _turn(stage, -3600),
        lambda stage: _turn(stage, 0),
        needs_clock=True,
    ),
)


@contextlib.contextmanager
def struck(blow: Blow, stage: Stage) -> Iterator[float]:
    """Let something happen; the moment of `time.perf_counter` when the part was given back."""
    blow.strike(stage)
    time.sleep(AWAY)
    blow.mend(stage)
    yield time.perf_counter()
