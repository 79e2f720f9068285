"""The rounds of what nobody waits for: whatever fails, jumps or was away, each part is done, once, in shares."""

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import func, select

from portal import retention, ticking
from portal.chains import Kind, SearchEvent
from portal.processes import Duty
from portal.queries import Verdict
from portal.server import prepare
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import Database, searches
from portal.storage.schema import outbox as outbox_table
from portal.storage.schema import search_events
from portal.ticking import FORGET_EVERY, JUDGE_EVERY, Ticker, tick
from tests.builders import NOW, settings
from tests.mailing import MailServer
from tests.needs import REPOSITORY
from tests.test_health import LOCKED, SECRET, Broken, locked, post, said

__all__ = ["said"]


def states(services: Services) -> dict[str, int]:
    """How many mails there are, by state."""
    query = select(outbox_table.c.state, func.count()).group_by(outbox_table.c.state)
    with services.database.read() as connection:
        return {row.state: row[1] for row in connection.execute(query)}


def chains(services: Services, count: int, at: datetime = NOW) -> None:
    """Sessions that searched in vain and ended."""
    events = [
        SearchEvent(
            at, Kind.SEARCH, "en", f"{number:064d}", "zxqv", fingerprint=f"{number:032d}", verdict=Verdict.UNANSWERED
        )
        for number in range(count)
    ]
    with services.database.write() as connection:
        searches.add(connection, events)


def unjudged(services: Services) -> int:
    """How many searches are not judged."""
    query = select(func.count()).select_from(search_events).where(search_events.c.chain.is_(None))
    with services.database.read() as connection:
        return int(connection.execute(query).scalar_one())


def fail(*_: object, **__: object) -> None:
    """Fail as nobody foresaw."""
    raise Broken(SECRET)


PARTS: dict[str, Callable[[Services, pytest.MonkeyPatch], None]] = {
    "sending links again": lambda services, patch: patch.setattr(services.lost_links, "send", fail),
    "judging searches": lambda services, patch: patch.setattr(services.gaps, "judge", fail),
    "forgetting": lambda _services, patch: patch.setattr(retention, "run", fail),
    "sending mail": lambda services, patch: patch.setattr(services.delivery, "deliver", fail),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_fails_keeps_no_other_from_being_done(
    part: str, portal_services: Services, said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the four; the fault is said once in many rounds, and its end."""
    now = NOW + timedelta(hours=1)
    chains(portal_services, 2)
    post(portal_services, "anna")
    with monkeypatch.context() as patch:
        PARTS[part](portal_services, patch)
        first = tick(portal_services, now)
        tick(portal_services, now)
    second = tick(portal_services, now)

    assert [fault.partition(":")[0] for fault in first.faults] == [part]
    assert (first.judged, first.sent) == (0 if part == "judging searches" else 2, 0 if part == "sending mail" else 1)
    assert second.faults == ()
    assert (first.judged + second.judged, first.sent + second.sent) == (2, 1)
    lines = [line for line in said() if "could not be done" in line]
    assert len(lines) == 2
    assert lines[1] == f"works again: {part} could not be done"
    assert SECRET not in str(said())


def test_a_locked_database_loses_no_work(
    portal_services: Services, said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that writes fails and is done in the round after."""
    monkeypatch.setattr(Database.write.__wrapped__, "__defaults__", (0.01,))  # type: ignore[attr-defined]
    now = NOW + timedelta(hours=1)
    chains(portal_services, 2)
    post(portal_services, "anna")
    with locked(portal_services):
        rounds = [tick(portal_services, now, forget=False) for _ in range(3)]
    after = tick(portal_services, now, forget=False)

    parts = ("announcing articles", "judging searches", "counting days", "sending mail")
    words = LOCKED[portal_services.database.engine.name]
    assert {done.faults for done in rounds} == {tuple(f"{part}: {words}" for part in parts)}
    assert (after.judged, after.sent, after.faults) == (2, 1, ())
    assert [line for line in said() if words in line] == [f"{part} could not be done: {words}" for part in parts]


def test_a_mail_server_that_is_down_is_said_once_until_all_is_sent(
    instance: Settings, said: Callable[[], list[str]]
) -> None:
    """No line for every attempt; when the last mail has gone, the log says so."""
    post_office = MailServer()
    services = open_services(replace(instance, mail_url=post_office.url))
    for name in ("anna", "boris"):
        post(services, name)

    rounds = [tick(services, NOW + timedelta(hours=hour), judge=False, forget=False) for hour in range(3)]
    waiting = services.health.check()["mail"]
    with post_office:
        done = tick(services, NOW + timedelta(hours=7), judge=False, forget=False)
    well = services.health.check()["mail"]
    services.close()

    assert [each.retried for each in rounds] == [1, 1, 1]
    assert (done.sent, waiting, well) == (2, "waiting", "ok")
    assert sorted(to for to, _ in post_office.taken) == ["anna@example.org", "boris@example.org"]
    assert [line for line in said() if "mail cannot" in line] == [
        "mail cannot be delivered: it waits and is tried again; `portal mail list` says why",
        "works again: mail cannot be delivered",
    ]


def test_hours_of_downtime_are_caught_up_in_bounded_rounds(instance: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round takes a share of each kind; nothing is left in the end, and nothing is done twice."""
    services = open_services(instance)
    monkeypatch.setattr(services.gaps.judge.__func__, "__defaults__", (5,))  # type: ignore[attr-defined]
    monkeypatch.setattr(services.delivery.deliver.__func__, "__defaults__", (4,))  # type: ignore[attr-defined]
    monkeypatch.setattr(ticking, "LONGEST_JUDGING", 0.0)
    now = NOW + timedelta(hours=9)
    chains(services, 12)
    for number in range(10):
        post(services, f"anna{number}")

    rounds = [tick(services, now, forget=False) for _ in range(4)]
    services.close()

    assert [done.judged for done in rounds] == [5, 5, 2, 0]
    assert [done.sent for done in rounds] == [4, 4, 2, 0]


def test_a_busy_minute_is_judged_in_one_round(portal_services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as there is time for it: the next round that judges is a minute later."""
    monkeypatch.setattr(portal_services.gaps.judge.__func__, "__defaults__", (5,))  # type: ignore[attr-defined]
    chains(portal_services, 12)

    assert tick(portal_services, NOW + timedelta(hours=9), forget=False).judged == 12


def test_the_shares_of_a_round_are_bounded() -> None:
    """As they are in the product: no round goes through everything."""
    services = cast(Any, Services)
    annotations = services.__dataclass_fields__

    judged = annotations["gaps"].type.judge.__defaults__
    sent = annotations["delivery"].type.deliver.__defaults__
    links = annotations["lost_links"].type.send.__defaults__

    assert (judged, sent, links) == ((500,), (100,), (100,))


_TICK = """
import sys
from datetime import datetime
from pathlib import Path
from portal.services import open_services
from portal.settings import Settings
from portal.ticking import tick
portal = open_services(Settings(data=Path(sys.argv[1]), database_url=sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
done = tick(portal, datetime.fromisoformat(sys.argv[3]))
print(done.judged, done.sent, len(done.faults), flush=True)
portal.close()
"""


@pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
def test_two_processes_that_do_the_same_round_do_it_once(
    database_url: str, library_folder: Path, tmp_path: Path
) -> None:
    """At the same moment: every chain is judged once, every mail sent once."""
    made = settings(library_folder, tmp_path / "var", database_url=database_url)
    prepare(made)
    services = open_services(made)
    chains(services, 30)
    for number in range(20):
        post(services, f"anna{number}")
    command = [sys.executable, "-c", _TICK, str(made.data), database_url, (NOW + timedelta(hours=1)).isoformat()]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    done = [process.communicate("\n", timeout=60)[0].split() for process in processes]
    mails = list((made.data / "mail" / "new").iterdir())

    assert [sum(int(row[column]) for row in done) for column in range(3)] == [30, 20, 0]
    assert len(mails) == 20
    assert (unjudged(services), states(services)) == (0, {"sent": 20})
    services.close()


# Who does the rounds


class Rounds(Ticker):
    """Does the rounds at once, with a clock and a tick of the test's."""

    def __init__(self, instance: Settings, times: list[datetime]) -> None:
        super().__init__(instance)
        self.times = times
        self.asked: list[tuple[bool, bool]] = []

    def tick(self, _portal: Services, _now: datetime, *, judge: bool, forget: bool) -> ticking.Ticked:
        """Note what was asked for; end with the last time."""
        self.asked.append((judge, forget))
        if not self.times:
            self.stop()
        return ticking.Ticked()


def rounds(instance: Settings, monkeypatch: pytest.MonkeyPatch, *steps: timedelta) -> list[tuple[bool, bool]]:
    """What is asked for in rounds at such distances from the first."""
    times = [NOW + step for step in steps]
    duty = Rounds(instance, times)

    def opened(settings: Settings) -> Services:
        return replace(open_services(settings), clock=lambda: times.pop(0))

    monkeypatch.setattr(ticking, "open_services", opened)
    monkeypatch.setattr(ticking, "tick", duty.tick)
    monkeypatch.setattr(ticking, "EVERY", 0.0)
    duty.work()
    return duty.asked


def test_judging_and_forgetting_come_round_by_the_clock(instance: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once after a start, and then in their time."""
    steps = [timedelta(0), timedelta(seconds=1), JUDGE_EVERY, JUDGE_EVERY * 1.5, FORGET_EVERY]

    asked = rounds(instance, monkeypatch, *steps)

    assert asked == [(True, True), (False, False), (True, False), (False, False), (True, True)]


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)], ids=["forwards", "backwards"])
def test_a_clock_that_jumps_stops_no_round(
    jump: timedelta, instance: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a day forwards or backwards everything is due, and from then on in its time."""
    second = timedelta(seconds=1)

    asked = rounds(instance, monkeypatch, timedelta(0), jump, jump + second, jump + JUDGE_EVERY)

    assert asked == [(True, True), (True, True), (False, False), (True, False)]


def test_rounds_that_break_off_begin_anew_and_say_so_once(
    instance: Settings, said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the parts cannot even be opened; when a round has worked again, the log says so."""
    duty = Ticker(instance)
    monkeypatch.setattr(ticking, "STAND_BY", 0.0)

    def end(*_: object, **__: object) -> ticking.Ticked:
        duty.stop()
        return ticking.Ticked()

    with monkeypatch.context() as patch:
        patch.setattr(ticking, "open_services", fail)
        duty.work()
        duty.work()
    with monkeypatch.context() as patch:
        patch.setattr(ticking, "tick", fail)
        duty.work()
        duty.work()
    monkeypatch.setattr(ticking, "tick", end)
    duty.work()

    assert len(said()) == 2
    assert all(line.startswith("the rounds were broken off: Broken in ") for line in said()[:1])
    assert said()[-1] == "works again: the rounds were broken off"
    assert SECRET not in str(said())


class Counting(Duty):
    """Counts how often it is on duty."""

    def __init__(self, lock: Path) -> None:
        super().__init__("counting", lock)
        self.began = threading.Event()

    def work(self) -> None:
        """Until told to end."""
        self.began.set()
        self._ending.wait(60)


def test_a_duty_waits_for_a_folder_that_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the lock cannot be made the thread stays, and takes the duty when it can."""
    monkeypatch.setattr("portal.processes.STAND_BY", 0.02)
    duty = Counting(tmp_path / "gone" / "duty.lock")
    duty.start()
    before = duty.began.wait(0.1)

    (tmp_path / "gone").mkdir()
    after = duty.began.wait(60)
    duty.stop()
    duty.join(60)

    assert (before, after, duty.is_alive()) == (False, True, False)


def test_a_duty_passes_on_when_its_holder_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time; the next one begins when the first stops."""
    monkeypatch.setattr("portal.processes.STAND_BY", 0.02)
    first, second = Counting(tmp_path / "duty.lock"), Counting(tmp_path / "duty.lock")
    first.start()
    assert first.began.wait(60)
    second.start()
    together = second.began.wait(0.1)

    first.stop()
    after = second.began.wait(60)
    second.stop()
    second.join(60)

    assert (together, after) == (False, True)
