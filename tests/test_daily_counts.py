"""Daily counts of what is forgotten, beside an independent count."""

from datetime import date, timedelta

from sqlalchemy import delete, select, text

from portal import chains, retention
from portal.queries import Verdict
from portal.storage import Database, facts, migration
from portal.storage import schema as s
from tests.builders import NOW
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
    assert parts.daily.seal(NOW - timedelta(days=30)) > 0
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

    assert sorted(counted) == [("forms", date(2026, 3, 1), True), ("searches", date(2026, 3, 1), True)]
    assert [tuple(row) for row in back] == [("forms.shown", "de", 3), ("searches", "de", 7), ("searches", "fr", 2)]
