"""The parts are looked after one by one; what fails is said once and keeps no other from being done."""

import contextlib
import errno
import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DataError, OperationalError

from portal import health
from portal.faults import AGAIN_AFTER, REASONS, FaultLog, reason
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import outbox
from portal.storage.schema import outbox as outbox_table
from tests.builders import NOW
from tests.mailing import mail
from tests.postgres import locked as held

SECRET = "zyxomat@example.org"
OK = {"database": "ok", "disk": "ok", "search": "ok", "mail": "ok"}
#: What makes a connection one that only reads, and how the engines say so and that somebody else writes.
ONLY_READ = {
    "sqlite": ("PRAGMA query_only = ON", "attempt to write a readonly database"),
    "postgresql": ("SET default_transaction_read_only = on", "cannot execute UPDATE in a read-only transaction"),
}
LOCKED = {"sqlite": "database is locked", "postgresql": "canceling statement due to lock timeout"}


class Broken(Exception):
    """Nobody foresaw it."""


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the log says."""
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


def locked(services: Services) -> contextlib.AbstractContextManager[None]:
    """Somebody else writes, and does not end."""
    return held(services.database.url)


def post(services: Services, name: str, now: datetime = NOW) -> None:
    """Put a mail into the outbox."""
    with services.database.write() as connection:
        outbox.add(connection, mail(recipient=f"{name}@example.org"), name, now)


# The log of faults


def test_a_fault_is_said_once_while_it_lasts(said: Callable[[], list[str]]) -> None:
    """Then that it is over, and the next one is new."""
    faults = FaultLog(logging.getLogger("portal"))

    for _ in range(50):
        faults.report("the oven", "cold")
    faults.works("the oven")
    faults.works("the oven")
    faults.report("the oven", "cold")

    assert said() == ["the oven: cold", "works again: the oven", "the oven: cold"]


def test_a_fault_that_changes_or_lasts_long_is_said_again(
    said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another reason at once, the same one after a while; one part says nothing about another."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    faults = FaultLog(logging.getLogger("portal"))

    for second in (0, 1, AGAIN_AFTER - 1, AGAIN_AFTER + 1):
        clock[0] = second
        faults.report("the oven", "cold")
    for _ in range(20):  # Taking turns, as readers of several languages do.
        faults.report("the oven", "gone")
        faults.report("the oven", "cold")
    faults.report("the tap", "dry")
    faults.works("the door")

    assert said() == ["the oven: cold", "the oven: cold", "the oven: gone", "the tap: dry"]


def test_a_fault_in_ever_other_words_fills_no_log(said: Callable[[], list[str]]) -> None:
    """A few of its reasons are said."""
    faults = FaultLog(logging.getLogger("portal"))

    for number in range(100):
        faults.report("the oven", f"{number} degrees")

    assert len(said()) == REASONS


def test_threads_say_a_fault_once_together(said: Callable[[], list[str]]) -> None:
    """Forty requests that meet it at the same moment are one line."""
    faults, together = FaultLog(logging.getLogger("portal")), threading.Barrier(8)

    def meet() -> None:
        together.wait(60)
        for _ in range(5):
            faults.report("the oven", "cold")

    threads = [threading.Thread(target=meet) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert said() == ["the oven: cold"]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (OperationalError(SECRET, {"q": SECRET}, sqlite3.OperationalError("database is locked")), "database is locked"),
        (OperationalError(SECRET, {}, Exception(f"disk full\nDETAIL: {SECRET}")), "disk full"),
        (OperationalError(SECRET, {}, Exception("")), "Exception"),
        (DataError(SECRET, {"q": SECRET}, ValueError(SECRET)), "ValueError"),
        (OSError(errno.ENOSPC, "No space left on device", SECRET), "No space left on device"),
        (OSError(SECRET), "OSError"),
        (ValueError(SECRET), "ValueError"),
    ],
    ids=["locked", "with details", "without words", "a value", "a file", "an odd one", "a fault of ours"],
)
def test_why_something_failed_says_nothing_that_people_typed(fault: BaseException, why: str) -> None:
    """What an operator can act on, and no more."""
    assert reason(fault) == why


def test_the_place_of_an_unforeseen_fault_is_named() -> None:
    """File and line, not the value that caused it."""
    try:
        int(SECRET)
    except ValueError as fault:
        why = reason(fault)

    assert why.startswith("ValueError in test_health.py, line ")


# Whether the portal can do its work


def test_a_healthy_portal_says_so(portal_services: Services, said: Callable[[], list[str]]) -> None:
    """Every part, and nothing in the log."""
    assert portal_services.health.check() == OK
    assert said() == []


def test_who_asks_while_somebody_looks_is_told_what_it_comes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow faults do not make a queue of all who ask; who asks afterwards has it looked at anew."""
    told, looks, asked = health.Told(), [], threading.Semaphore(0)
    looking = told._looking

    class Queue:
        """The lock, which counts who comes to it."""

        def __enter__(self) -> None:
            asked.release()
            looking.acquire()

        def __exit__(self, *_: object) -> None:
            looking.release()

    def check() -> dict[str, str]:
        looks.append(1)
        if len(looks) == 1:
            for _ in range(6):
                assert asked.acquire(timeout=60)
        return {"database": "failing"}

    monkeypatch.setattr(told, "_looking", Queue())
    with ThreadPoolExecutor(6) as people:
        found = list(people.map(lambda _: told.get(check), range(6)))

    assert (found, len(looks)) == ([{"database": "failing"}] * 6, 1)
    assert told.get(check) == {"database": "failing"}
    assert len(looks) == 2


def test_a_locked_database_is_red_until_it_is_free(
    portal_services: Services, said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that part; the log says it once, and that it works again."""
    monkeypatch.setattr(health, "PATIENCE", 0.01)
    with locked(portal_services):
        checks = [portal_services.health.check() for _ in range(3)]

    assert checks == [OK | {"database": "fails"}] * 3
    assert portal_services.health.check() == OK
    words = LOCKED[portal_services.database.engine.name]
    assert said() == [f"the database cannot be written: {words}", "works again: the database cannot be written"]


def test_a_database_that_can_only_be_read_is_red(portal_services: Services, said: Callable[[], list[str]]) -> None:
    """Reading alone serves nobody who asks for help."""
    statement, words = ONLY_READ[portal_services.database.engine.name]
    with portal_services.database.engine.connect() as connection:
        connection.exec_driver_sql(statement)
        connection.commit()
    with contextlib.suppress(OperationalError):
        checks = portal_services.health.check()

    assert checks == OK | {"database": "fails"}
    assert said() == [f"the database cannot be written: {words}"]


def test_a_database_without_its_tables_is_red_and_mail_is_not_known(
    instance: Settings, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """An empty file in its place."""
    services = open_services(replace(instance, database_url=f"sqlite:///{tmp_path / 'empty.db'}"))

    checks = services.health.check()
    services.close()

    assert checks == OK | {"database": "fails", "mail": "waiting"}
    assert said() == ["the database cannot be written: no such table: tickets"]


def test_a_disk_that_fills_up_is_red_and_said_once(
    portal_services: Services, said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many bytes are left each time."""
    left = iter([health.ROOM - 1, 4096, 0])
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=next(left)))

    checks = [portal_services.health.check() for _ in range(3)]

    assert checks == [OK | {"disk": "fails"}] * 3
    assert said() == ["the disk is full: less than 16 MiB are left"]


def test_an_index_that_is_gone_is_red(instance: Settings, said: Callable[[], list[str]]) -> None:
    """Articles alone are not enough."""
    shutil.rmtree(instance.data / "index")
    services = open_services(instance)

    checks = [services.health.check() for _ in range(2)]
    before = said()
    checks += [services.health.check() for _ in range(8)]
    services.close()

    assert checks == [OK | {"search": "fails"}] * 10
    assert {line.partition(": ")[0] for line in before} == {"search does not work"}
    assert said() == before


def test_an_instance_without_its_folder_is_red_in_every_part_that_was_in_it(
    instance: Settings, said: Callable[[], list[str]]
) -> None:
    """Nothing is left, and the check still answers."""
    services = open_services(instance)
    shutil.rmtree(instance.data)

    checks = services.health.check()
    services.close()

    gone = {"disk": "fails", "search": "fails"}
    gone |= {"database": "fails", "mail": "waiting"} if services.database.is_sqlite else {}  # A server keeps its own.
    assert checks == OK | gone
    assert len(said()) == list(checks.values()).count("fails")


def test_a_part_that_fails_as_nobody_foresaw_is_red(
    portal_services: Services, said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are looked at all the same, and nothing of the fault's words is logged."""

    def fail(_edition: object) -> None:
        raise Broken(SECRET)

    monkeypatch.setattr(health, "ready", fail)

    assert portal_services.health.check() == OK | {"search": "fails"}
    assert SECRET not in str(said())
    assert said()[0].startswith("search does not work: Broken in test_health.py, line ")


def test_mail_that_waits_is_told_and_logged_by_nobody_who_only_looks(
    portal_services: Services, said: Callable[[], list[str]]
) -> None:
    """A message that was never tried is only on its way."""
    post(portal_services, "anna")
    fresh = portal_services.health.check()["mail"]
    with portal_services.database.write() as connection:
        connection.execute(update(outbox_table).values(fault="the mail server does not answer"))

    assert (fresh, portal_services.health.check()["mail"]) == ("ok", "waiting")
    assert said() == []
