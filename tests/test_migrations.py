"""Migrations with rows in every table: forwards from every earlier revision, back again, and back from the newest."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData

from portal.errors import CannotStart
from portal.storage import Database, migration
from tests.filling import FIRST, fill, rows
from tests.needs import REPOSITORY
from tests.postgres import postgres_database
from tests.serving import portal

REVISIONS = migration.revisions()
Held = dict[str, list[dict[str, Any]]]
#: What a migration empties on purpose, by the revision that does so: everybody signs in anew, words are read anew.
EMPTIED = {"0004": {"sessions"}, "0006": {"ticket_texts"}}
#: Tables that became others.
RENAMED = {"0008": {"daily_counts"}}
#: Columns that a migration works out for the rows that are there.
WORKED_OUT = {
    "0003": {"tickets.code", "tickets.closed_at"},
    "0004": {"tickets.urgency", "tickets.impact", "tickets.priority"},
}
#: Rows that a migration makes, for a new desk or from others: they are more than were there.
MADE = {"calendars", "tiers", "targets", "rules", "policy", "occurrences", "daily_facts", "counted_days"}


def reflected(database: Database) -> MetaData:
    """The tables that a database has now."""
    metadata = MetaData()
    with database.read() as connection:
        metadata.reflect(connection, only=lambda name, _: name != "alembic_version" and "ticket_search" not in name)
    return metadata


def everything(database: Database) -> Held:
    """All that is in it, by table."""
    metadata = reflected(database)
    with database.read() as connection:
        return {table.name: rows(connection, table) for table in metadata.sorted_tables}


def at(database: Database, revision: str) -> Held:
    """A database at a revision with rows in every table; what it holds."""
    migration.migrate(database, revision)
    metadata = reflected(database)
    with database.write() as connection:
        fill(connection, metadata)
    return everything(database)


def of(steps: list[str], what: dict[str, set[str]]) -> set[str]:
    """What one of some migrations does."""
    return {name for step in steps for name in what.get(step, set())}


def check_kept(before: Held, now: Held, excused: set[str], worked_out: set[str]) -> None:
    """Every row of every table is there with all that is in the columns that both have."""
    for name, held in before.items():
        if name in excused:
            continue
        assert name in now, f"the table {name} is gone"
        columns = {key for key in held[0] if now[name] and key in now[name][0] and f"{name}.{key}" not in worked_out}
        assert columns, name
        kept = [{key: each[key] for key in columns} for each in now[name]]
        for each in held:
            assert {key: each[key] for key in columns} in kept, (name, each)
        assert len(kept) == len(held) or name in MADE, name


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table, on each of the engines."""
    with ExitStack() as ends:
        url = f"sqlite:///{tmp_path / 'portal.db'}"
        if request.param == "postgres":
            url = ends.enter_context(postgres_database(request.getfixturevalue("postgres")))
        made = Database(url)
        ends.callback(made.close)
        yield made


@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_of_every_revision_survive_the_way_up_and_down(empty: Database, revision: str) -> None:
    """From each earlier revision with data to the newest, and back to it: nothing is lost that the text does not name."""
    before = at(empty, revision)
    later = REVISIONS[REVISIONS.index(revision) + 1 :]
    excused, worked_out = of(later, EMPTIED), of(later, WORKED_OUT)

    migration.upgrade(empty)
    newest = everything(empty)
    migration.downgrade(empty, revision)
    again = everything(empty)

    assert migration.revision(empty) == revision
    check_kept(before, newest, excused | of(later, RENAMED), worked_out)
    check_kept(before, again, excused, worked_out)
    assert set(again) == set(before)
    assert not any(newest.get(name) for name in excused)


def test_the_newest_goes_back_step_by_step_with_its_rows(empty: Database) -> None:
    """What an earlier revision has tables and columns for is kept by every step; forward again works from each."""
    before = at(empty, "head")

    for number in reversed(range(1, len(REVISIONS))):
        migration.migrate(empty, REVISIONS[number - 1])
        known = everything(empty)
        kept = {name: held for name, held in before.items() if name in known}
        check_kept(kept, known, set(), set())
    migration.upgrade(empty)

    assert migration.revision(empty) == migration.newest()
    assert {each["id"] for each in everything(empty)["tickets"]} >= {FIRST, FIRST + 1, FIRST + 2}
    migration.downgrade(empty, "base")
    assert set(everything(empty)) == set()


def test_what_was_counted_by_day_is_counted_after_the_change_of_tables(empty: Database) -> None:
    """Sums that only the reports know are in the new tables, and in the old ones after going back."""
    before = at(empty, "0007")["daily_counts"]

    migration.upgrade(empty)
    facts = everything(empty)["daily_facts"]
    migration.downgrade(empty, "0007")

    def told(held: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
        return {(each["day"], each["language"], each["measure"], each["value"]) for each in held}

    assert told(facts) == told(before)
    assert told(everything(empty)["daily_counts"]) == told(before)


def test_revisions_are_those_of_the_library() -> None:
    """They are read from the names of the files, for most starts need nothing else of it."""
    config = Config()
    config.set_main_option("script_location", str(REPOSITORY / "portal" / "storage" / "migrations"))
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert known[::-1] == REVISIONS


def test_a_database_that_is_up_to_date_is_left_alone(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start must not wait for the library of migrations; one revision earlier, it has work to do."""
    at(empty, REVISIONS[-2])
    asked: list[str] = []
    upgrade = command.upgrade

    def note(config: Config, to: str) -> None:
        asked.append(to)
        upgrade(config, to)

    monkeypatch.setattr(command, "upgrade", note)
    for _ in range(2):
        migration.upgrade(empty)

    assert asked == ["head"]
    assert migration.revision(empty) == migration.newest()


def test_a_migration_that_fails_leaves_everything_as_it_was(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one transaction, on both engines, tables included."""
    before = at(empty, "0003")
    upgrade = command.upgrade

    def fail(*arguments: Any) -> None:
        upgrade(*arguments)
        raise ZeroDivisionError

    monkeypatch.setattr(command, "upgrade", fail)
    with pytest.raises(ZeroDivisionError):
        migration.upgrade(empty)

    assert migration.revision(empty) == "0003"
    assert everything(empty) == before


def test_the_command_goes_both_ways_and_says_where_it_is(empty: Database, tmp_path: Path) -> None:
    """Forwards, backwards, to nowhere; the status tells revision, engine, size and rows, and ends with 1 before the newest."""
    at(empty, "0005")
    options = {"PORTAL_DATABASE_URL": empty.url, "PORTAL_DATA": str(tmp_path / "var")}
    (tmp_path / "var").mkdir()

    early = portal("db", "status", **options)
    forwards = portal("db", "migrate", "0006", **options)
    nowhere = portal("db", "migrate", "4711", **options)
    newest = portal("db", "migrate", **options)
    late = portal("db", "status", "--json", **options)

    assert early.returncode == 1
    assert f"0005, and {migration.newest()} is the newest: portal db migrate" in early.stdout
    assert ("SQLite" if empty.is_sqlite else "PostgreSQL") in early.stdout
    assert "tickets" in early.stdout
    assert forwards.stdout == "The database is at revision 0006.\n"
    assert (nowhere.returncode, nowhere.stdout) == (1, "")
    assert "there is no revision 4711" in nowhere.stderr
    assert newest.stdout == f"The database is at revision {migration.newest()}.\n"
    assert late.returncode == 0, late.stderr
    assert '"rows": 3' in late.stdout


def test_an_unknown_revision_in_the_database_is_said(empty: Database) -> None:
    """A newer version's database is neither changed nor taken for another."""
    migration.upgrade(empty)
    with empty.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(CannotStart, match="another version of the portal, or there is no revision 9999"):
        migration.migrate(empty, "head")
