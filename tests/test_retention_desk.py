"""What the desk writes without end is forgotten in time: seen notices, mails that came, rules that ran, calls."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from portal import retention
from portal.storage import Database
from portal.storage import retention as store
from portal.storage import schema as s
from portal.tickets import Status
from tests.builders import NOW
from tests.forgetting import OLD, YOUNG, Parts, put, request, rows
from tests.working import hire

DAY = timedelta(days=1)
#: What is counted of the desk's tables, by the name that a report has for it.
DESK = {
    "notices": "notices", "mails_received": "received", "rule_runs": "rule_runs", "calls": "callbacks",
    "incidents": "incidents",
}  # fmt: skip


def rule(database: Database) -> int:
    """A rule of escalation."""
    plain = {"name": "", "clock": "tier", "offset": 0, "effect": "warn", "is_unowned": False, "is_active": True}
    return put(database, s.rules, **plain, tiers=[], priorities=[], languages=[], version=1)


def told(database: Database, person: int, key: str, at: datetime, seen_at: datetime | None) -> None:
    """Something that somebody was told."""
    plain = {"ticket_id": None, "about": "assigned", "actor_name": "", "text": ""}
    put(database, s.notices, person_id=person, key=key, at=at, seen_at=seen_at, **plain)


def call(database: Database, number: int, at: datetime) -> None:
    """A call that somebody waits for."""
    plain = {"phone": "0123456", "time_zone": "UTC", "state": "open", "attempts": 0, "version": 1}
    put(database, s.callbacks, ticket_id=number, start_at=at, end_at=at, **plain)


def kept(database: Database) -> Counter[str]:
    """How many rows each of the desk's tables has."""
    found = rows(database)
    return Counter({what: len(found[table]) for what, table in DESK.items()})


def desk(database: Database) -> None:
    """Of each kind something to forget and something to keep."""
    mia = hire(database).id
    ran = rule(database)
    told(database, mia, "seen long ago", NOW - 200 * DAY, NOW - 91 * DAY)
    told(database, mia, "seen", NOW - 200 * DAY, NOW - 89 * DAY)
    told(database, mia, "never seen", NOW - 366 * DAY, None)
    told(database, mia, "not seen yet", NOW - 364 * DAY, None)
    states: list[dict[str, Any]] = [
        {"status": Status.CLOSED, "closed_at": OLD}, {"status": Status.CLOSED, "closed_at": YOUNG},
        {"status": Status.SOLVED, "solved_at": OLD}, {"status": Status.OPEN}, {"status": Status.SPAM, "updated_at": OLD},
    ]  # fmt: skip
    for number in [request(database, **{"phone": "", "callback": None, **state}) for state in states]:
        call(database, number, OLD)
        put(database, s.rule_runs, ticket_id=number, rule_id=ran, running="tier 1", at=OLD)
        put(database, s.rule_runs, ticket_id=number, rule_id=ran, running="tier 2", at=YOUNG)
    for age, ticket_id in ((91, None), (91, 1), (89, None)):
        hashed = f"{age}{ticket_id}"
        put(database, s.received, message_hash=hashed, at=NOW - age * DAY, outcome="created", ticket_id=ticket_id)
    nameless = {"requester_name": "", "requester_email": "", "status": Status.CLOSED, "closed_at": YOUNG}
    for state, ended_at in ((nameless, OLD), (nameless, None), ({"status": Status.CLOSED, "closed_at": YOUNG}, OLD)):
        incident = {"texts": {"en": "No mail"}, "is_shown": ended_at is None, "began_at": OLD, "version": 1}
        put(database, s.incidents, ticket_id=request(database, **state), ended_at=ended_at, **incident)


def test_what_the_desk_needs_no_more_goes(database: Database) -> None:
    """What is old and ended; a dry run says the same numbers and changes nothing; twice is once."""
    desk(database)
    before, untold = kept(database), rows(database)

    promised = retention.run(Parts(database), NOW, dry_run=True)
    untouched = rows(database)
    done = retention.run(Parts(database), NOW)
    again = retention.run(Parts(database), NOW)

    assert untouched == untold
    assert promised == done
    assert set(again.values()) == {0}
    assert {what: done[what] for what in DESK} == {
        "notices": 2, "mails_received": 2, "rule_runs": 1, "calls": 1, "incidents": 1
    }  # fmt: skip
    assert kept(database) == before - Counter({what: done[what] for what in DESK})
    assert {row["key"] for row in rows(database)["notices"]} == {"seen", "not seen yet"}
    assert {row["running"] for row in rows(database)["rule_runs"] if row["ticket_id"] == 1} == {"tier 2"}
    assert {row["message_hash"] for row in rows(database)["received"]} == {"89None"}


def test_what_is_old_goes_in_shares(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a long transaction; also where a row has several keys."""
    ran = rule(database)
    number = request(database, status=Status.CLOSED, closed_at=NOW - 40 * DAY)
    for start in range(7):
        put(database, s.rule_runs, ticket_id=number, rule_id=ran, running=f"tier {start}", at=OLD)
        put(database, s.received, message_hash=f"{start}", at=NOW - 91 * DAY, outcome="empty", ticket_id=None)
    monkeypatch.setattr(store, "SHARE", 3)
    shares: list[int] = []
    whole = store.delete_old

    def counted(*arguments: Any) -> int:
        shares.append(whole(*arguments))
        return shares[-1]

    monkeypatch.setattr(store, "delete_old", counted)

    done = retention.run(Parts(database), NOW)

    assert (done["rule_runs"], done["mails_received"]) == (7, 7)
    assert max(shares) == 3
    assert sum(shares) == 14


def test_the_index_is_written_anew_in_parts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where there is something to do, and to its end."""
    monkeypatch.setattr(store, "_PAGES", 1)
    with database.write() as connection:
        assert store.tidy(connection, is_first=True) is False
    for number in [request(database) for _ in range(40)]:
        terms = " ".join(f"w{number}x{each}" for each in range(200))
        put(database, s.ticket_texts, ticket_id=number, version=1, terms=terms)
    with database.write() as connection:
        connection.execute(s.ticket_texts.delete())

    parts = 0
    is_more = True
    while is_more:
        with database.write() as connection:
            is_more = store.tidy(connection, is_first=parts == 0)
        parts += 1

    with database.write() as connection:
        assert store.tidy(connection, is_first=True) is False
        if database.is_sqlite:
            blocks = connection.exec_driver_sql("SELECT block FROM ticket_search_data").scalars().all()
            assert not any(b"x19" in block for block in blocks)
    assert parts > 1 or not database.is_sqlite
