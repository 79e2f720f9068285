"""What is forgotten in time, once, whoever dies or runs beside it; everything of one person, told and forgotten."""

import json
import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from portal import retention
from portal.cli import main
from portal.settings import Settings
from portal.storage import Database, personal
from portal.storage import retention as store
from portal.storage import schema as s
from portal.storage import tickets as ticket_store
from portal.tickets import Action, Status
from tests.builders import NOW
from tests.forgetting import (
    OLD,
    Parts,
    counted,
    daily,
    dump,
    everything,
    random_events,
    request,
    rows,
)


def test_what_is_old_goes_and_what_is_young_stays(database: Database) -> None:
    """Of each kind as the settings say; a dry run says the same numbers and changes nothing; twice is once."""
    everything(database)
    before = rows(database)

    promised = retention.run(Parts(database), NOW, dry_run=True)
    untouched = rows(database)
    done = retention.run(Parts(database), NOW)
    after = rows(database)
    promised_again = retention.run(Parts(database), NOW, dry_run=True)
    again = retention.run(Parts(database), NOW)

    assert untouched == before
    assert promised == done
    assert set(promised_again.values()) == {0}
    assert set(again.values()) == {0}
    assert rows(database) == after
    assert done.pop("search_events") == len(before["search_events"]) - 1
    assert {what: count for what, count in done.items() if count} == {
        "days": 6, "form_sessions": 3, "doubts": 1, "gap_sessions": 1, "link_requests": 2, "mails": 1,
        "frequent_queries": 1, "sessions": 1, "sign_in_failures": 1, "requests": 3, "subscriptions": 1, "gaps": 2,
    }  # fmt: skip
    assert [row["query"] for row in after["search_events"]] == ["young"]
    assert {row["state"] for row in after["outbox"] if row["ended_at"] == OLD} == set()
    assert sum(row["state"] == "waiting" for row in after["outbox"]) == 2


def test_old_requests_forget_whose_they_were(database: Database) -> None:
    """Those that ended more than a year ago, once; the course of events stays, and others stay whole."""
    everything(database)
    retention.run(Parts(database), NOW)

    with database.read() as connection:
        requests = [
            ticket_store.get(connection, number)
            for number in connection.execute(select(s.tickets.c.id).where(s.tickets.c.kind == "request")).scalars()
        ]
        histories = {found.id: ticket_store.history(connection, found.id) for found in requests}
    nameless = [found for found in requests if not found.requester_email]

    assert sorted(found.status for found in nameless) == [Status.CLOSED, Status.SOLVED, Status.SPAM]
    for found in nameless:
        told = json.dumps([str(found), str(histories[found.id])], ensure_ascii=False).lower()
        assert "zoé" not in told
        assert "dupont" not in told
        assert (found.phone, found.callback, found.trail, found.subject) == ("", None, (), personal.ERASED)
        assert [event.action for event in histories[found.id]][:2] == [Action.OPENED, Action.REPLY]
        assert histories[found.id][3].details == {"stars": "5"}
    assert {found.requester_name for found in requests if found not in nameless} == {"Zoé Dupont"}


def test_a_ticket_that_somebody_works_on_is_not_overwritten(database: Database) -> None:
    """Who read a request before it forgot its requester cannot save that again."""
    number = request(database, status=Status.CLOSED, closed_at=NOW - timedelta(days=400))
    with database.read() as connection:
        read = ticket_store.get(connection, number)

    retention.run(Parts(database), NOW)

    with pytest.raises(Exception, match="has changed"), database.write() as connection:
        ticket_store.save(connection, read)


def _die(url: str, when: int) -> None:
    """Forget, and be killed before a transaction commits; `when` says which."""
    database = Database(url)
    commits = 0
    whole = database.write

    def write(patience: float | None = None) -> Any:
        nonlocal commits
        commits += 1
        if commits > when:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(patience)

    database.write = write  # type: ignore[method-assign]
    retention.run(Parts(database), NOW)


@pytest.mark.parametrize("when", [0, 1, 3, 6, 8, 12, 20])
def test_killed_in_the_middle_the_next_run_ends_it(
    when: int, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever transactions were done, in the end everything is as after one run."""
    monkeypatch.setattr(store, "SHARE", 20)
    monkeypatch.setattr(retention, "SHARE", 1)
    everything(database)
    made = random_events(1, 5, 60)
    database.close()

    process = multiprocessing.get_context("fork").Process(target=_die, args=(database_url, when))
    process.start()
    process.join(60)

    assert process.exitcode == -signal.SIGKILL
    retention.run(Parts(database), NOW)
    sums = {key: value for key, value in daily(database).items() if not key[2].startswith("forms.")}
    assert sums == counted(made)
    assert set(retention.run(Parts(database), NOW, dry_run=True).values()) == {0}
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(s.search_events)).scalar_one() == 1


def _run_with_others(url: str, begin: Any) -> None:
    """Forget at the same moment as others."""
    parts = Parts(Database(url))
    begin.wait(30)
    retention.run(parts, NOW)


def test_several_processes_at_once_count_once(database: Database, database_url: str) -> None:
    """None fails, and the sums are those of one."""
    everything(database)
    made = random_events(1, 5, 60)
    context = multiprocessing.get_context("fork")
    begin = context.Barrier(3)
    database.close()

    processes = [context.Process(target=_run_with_others, args=(database_url, begin)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    sums = {key: value for key, value in daily(database).items() if not key[2].startswith("forms.")}
    assert sums == counted(made)
    assert set(retention.run(Parts(database), NOW, dry_run=True).values()) == {0}


@pytest.mark.parametrize(
    ("now", "months", "expected"),
    [
        (datetime(2026, 3, 31, 9, tzinfo=UTC), 1, datetime(2026, 2, 28, 9, tzinfo=UTC)),
        (datetime(2026, 3, 2, tzinfo=UTC), 12, datetime(2025, 3, 2, tzinfo=UTC)),
        (datetime(2024, 2, 29, tzinfo=UTC), 12, datetime(2023, 2, 28, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 1, datetime(2025, 12, 15, tzinfo=UTC)),
        (datetime(2026, 5, 31, tzinfo=UTC), 120, datetime(2016, 5, 31, tzinfo=UTC)),
    ],
)
def test_months_of_any_length(now: datetime, months: int, expected: datetime) -> None:
    """The same day, or the last one of a shorter month."""
    assert retention._months_before(now, months) == expected


def test_the_commands(instance: Settings) -> None:
    """They say what they did, for people and for scripts, and refuse what is no address in one sentence."""
    database = Database(instance.database)
    number = request(database, status=Status.CLOSED, closed_at=NOW - timedelta(days=4000))
    where = ("--data", str(instance.data), "--articles", str(instance.articles))

    def portal(*arguments: str) -> str:
        done = CliRunner().invoke(main, [*arguments, *where])
        return f"{done.exit_code}\n{done.output}"

    exported = json.loads(portal("privacy", "export", "zoe@example.org").partition("\n")[2])
    promised = portal("privacy", "erase", "zoe@example.org", "--dry-run")
    assert [item["id"] for item in exported["requests"]] == [number]
    assert "         1  requests" in promised
    assert json.loads(portal("privacy", "run", "--dry-run", "--json").partition("\n")[2])["requests"] == 1
    assert portal("privacy", "run").startswith("0\n")
    assert json.loads(portal("privacy", "run", "--json").partition("\n")[2])["requests"] == 0
    assert portal("privacy", "erase", "nobody").startswith("1\nportal: email: invalid_email")
    assert portal("privacy", "erase", "zoe@example.org").startswith("1\n")  # Nobody said yes.
    assert "Nothing is kept" in portal("privacy", "erase", "stranger@example.org", "--yes")
    assert "dupont" not in dump(database)
    database.close()
