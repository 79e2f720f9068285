"""Daily counts of what is forgotten, beside an independent count."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Connection, delete, select, text

from portal import chains, retention
from portal.daily import counting, searches
from portal.daily.sources import Source
from portal.metrics import Period
from portal.queries import Verdict
from portal.reporting import history
from portal.reporting.reading import totals
from portal.storage import Database, facts, migration
from portal.storage import schema as s
from portal.storage import tickets as store
from portal.storage.summed import Narrowed
from portal.tickets import Action, Actor, Event, Status
from tests.builders import NOW, ticket
from tests.forgetting import OLD, Parts, counted, daily, happened, keep, put, random_events, rows


def test_daily_counts_are_what_an_independent_count_gives(database: Database) -> None:
    """Every measure by day and language, also of chains that run over midnight, in one run or day by day."""
    made = random_events(2, 6, 150)
    keep(database, made)

    for earlier in range(8, -1, -1):  # Each run finds one more day that is old enough.
        retention.run(Parts(database), NOW - timedelta(days=earlier))

    assert daily(database) == counted(made)
    assert rows(database)["search_events"] == []


def test_daily_counts_of_forms(database: Database) -> None:
    """By how each form ended."""
    for number, (language, outcome) in enumerate((("de", "sent"), ("de", "sent"), ("ru", "solved"), ("de", "shown"))):
        values = {"at": OLD, "language": language, "outcome": outcome, "slug": ""}
        put(database, s.form_sessions, form_hash=str(number), **values)

    retention.run(Parts(database), NOW)

    day = OLD.date()
    assert daily(database) == {
        (day, "de", "forms.sent"): 2, (day, "de", "forms.shown"): 1, (day, "ru", "forms.solved"): 1
    }  # fmt: skip


def test_a_final_day_is_counted_once(database: Database) -> None:
    """Neither what is left of its events nor one that comes late changes its sums, also not from scratch."""
    made = random_events(3, 4, 60)
    keep(database, made)
    parts = Parts(database)
    parts.daily.count_all(NOW)
    assert parts.daily.seal(NOW - timedelta(days=30), NOW) > 0
    with database.write() as connection:
        numbers = connection.execute(select(s.search_events.c.id)).scalars().all()
        connection.execute(delete(s.search_events).where(s.search_events.c.id.in_(numbers[::2])))

    parts.daily.count_all(NOW)
    parts.daily.recount(NOW)
    retention.run(parts, NOW)
    keep(database, [made[0]])
    retention.run(parts, NOW)

    assert daily(database) == counted(made)
    assert rows(database)["search_events"] == []


def test_a_chain_that_is_not_old_yet_stays_whole(database: Database) -> None:
    """It is counted for the day on which it began, and for that day alone."""
    begin = (NOW - timedelta(days=31)).replace(hour=23, minute=50)
    search = happened(begin, chains.Kind.SEARCH, verdict=Verdict.ANSWERED, total=1)
    opened = happened(begin + timedelta(minutes=20), chains.Kind.OPEN, slug="vpn")
    keep(database, [(search, "c" * 32), (opened, "c" * 32)])

    first = retention.run(Parts(database), NOW)
    second = retention.run(Parts(database), NOW + timedelta(days=1))

    assert (first["search_events"], second["search_events"]) == (0, 2)
    assert sum(value for (_, _, measure), value in daily(database).items() if measure == "chains") == 1


def test_what_older_versions_counted_is_kept_and_given_back(database: Database) -> None:
    """Sums by day of searches and forms come along, final, and go back without the sums over them."""
    rows = [
        (date(2026, 3, 1), "de", "searches", 7),
        (date(2026, 3, 1), "fr", "searches", 2),
        (date(2026, 3, 1), "de", "forms.shown", 3),
        (date(2026, 3, 1), "de", "chains", 4),
    ]
    insert = "INSERT INTO daily_counts (day, language, measure, value) VALUES ('{}', '{}', '{}', {})"
    migration.downgrade(database, "0007")
    with database.write() as connection:
        for row in rows:
            connection.exec_driver_sql(insert.format(*row))

    migration.upgrade(database)
    with database.write() as connection:
        counted = connection.execute(
            select(s.counted_days.c.source, s.counted_days.c.day, s.counted_days.c.is_final)
        ).all()
        facts.complete(connection)
    migration.downgrade(database, "0007")
    with database.read() as connection:
        back = connection.execute(text("SELECT measure, language, value FROM daily_counts ORDER BY 1, 2")).all()

    assert sorted(counted) == [(source, date(2026, 3, 1), True) for source in ("forms", "searches", "visits")]
    assert [tuple(row) for row in back] == [
        ("chains", "de", 4), ("forms.shown", "de", 3), ("searches", "de", 7), ("searches", "fr", 2)
    ]  # fmt: skip


def test_from_scratch_after_an_upgrade_keeps_the_totals(database: Database) -> None:
    """What was counted by language alone is summed up first; also by several at once."""
    day = OLD.date() - timedelta(days=60)
    old = {"measure": "searches", "topic": "", "tier": 0, "language": "de", "value": 3}
    with database.write() as connection:
        connection.execute(s.daily_facts.insert(), [old | {"day": day + timedelta(days=past)} for past in range(30)])
    keep(database, random_events(3, 2, 5))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: Parts(database).daily.recount(NOW), range(3)))

    with database.read() as connection:
        asked = history.Asked(Period(day, day + timedelta(days=29)))
        assert totals(connection, s.daily_facts, ["searches"], asked.period, Narrowed())["searches"] == 90


def test_a_clock_that_was_ahead_ends_no_day(database: Database) -> None:
    """What comes after it was put right is counted, also of what is never counted again later."""
    day = NOW.date()

    def ask(minutes: int, email: str) -> None:
        at = NOW + timedelta(minutes=minutes)
        put(database, s.form_sessions, form_hash=email, at=at, language="de", outcome="sent", slug="")
        with database.write() as connection:
            number = store.create(connection, ticket(created_at=at, updated_at=at, requester_email=email)) or 0
            store.record(connection, number, Event(at, Action.OPENED, Actor(), None, Status.NEW))

    ask(0, "a@example.org")
    Parts(database).daily.count_all(NOW + timedelta(days=30))
    ask(1, "b@example.org")
    for days in (0.1, 5, 6):
        Parts(database).daily.count_all(NOW + timedelta(days=days))

    with database.read() as connection:
        names = ["requests", "requesters", "forms.sent"]
        found = totals(connection, s.daily_facts, names, Period(day, day), Narrowed())
        assert not any(mark.is_final for source in Source for mark in facts.marks(connection, source))
    assert found == {"requests": 2, "requesters": 2, "forms.sent": 2}
    assert Parts(database).daily.count_all(NOW + timedelta(days=7)) == 0


def test_a_day_that_cannot_be_counted_keeps_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It stays open and is said; what is older is counted and forgotten."""
    for days in (31, 32, 33):
        at = NOW - timedelta(days=days)
        put(database, s.form_sessions, form_hash=f"{days}", at=at, language="de", outcome="sent", slug="")
    bad, whole = (NOW - timedelta(days=32)).date(), searches.count_forms

    def count(connection: Connection, day: date) -> dict[Source, facts.Counted]:
        if day == bad:
            raise ValueError(day)
        return whole(connection, day)

    monkeypatch.setattr(counting, "count_forms", count)
    report = retention.run(Parts(database), NOW)
    assert (report["days"], report["form_sessions"]) == (1, 1)
    assert f"{bad} cannot be counted" in caplog.text
    monkeypatch.undo()
    assert retention.run(Parts(database), NOW)["form_sessions"] == 2


def test_whether_a_week_is_counted(database: Database) -> None:
    """Once each of its days was counted after it had ended, the newest first; forgetting counts only what is old."""
    for days in (0, 1, 2, 45):
        at = NOW - timedelta(days=days)
        put(database, s.form_sessions, form_hash=f"{days}", at=at, language="de", outcome="sent", slug="")
    parts, midnight = Parts(database), facts.start_of(NOW.date() + timedelta(days=1))
    counts = parts.daily

    def told(now: datetime) -> bool:
        return counts.is_counted(NOW.date(), now)

    retention.run(parts, NOW)
    with database.read() as connection:
        assert {mark.day for mark in facts.marks(connection, Source.FORMS)} == {(NOW - timedelta(days=45)).date()}
    counts.run(NOW, limit=1)
    with database.read() as connection:
        assert facts.marks(connection, Source.FORMS)[-1].day == NOW.date()
    counts.count_all(NOW)
    assert not told(NOW)
    assert not told(midnight)
    counts.count_all(midnight)
    assert told(midnight)
    assert not told(midnight - timedelta(seconds=1))
