"""A whole database is moved between engines: every row of every table, checked; what cannot be moved is said, and nothing kept."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, inspect, select

from portal.app import create_app
from portal.errors import CannotStart
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import Database, migration, moving
from portal.storage import schema as s
from portal.storage import tickets as store
from portal.storage.schema import metadata
from tests.builders import NOW, PASSWORD, person, ticket
from tests.conftest import postgres_database, sign_in
from tests.filling import FIRST, NESTED, NOON, TEXT, fill
from tests.forgetting import put
from tests.requesting import SENT
from tests.serving import portal

Open = Callable[[str], Database]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens databases that are closed with the test."""
    made: list[Database] = []

    def start(url: str) -> Database:
        made.append(Database(url))
        return made[-1]

    yield start
    for database in made:
        database.close()


@pytest.fixture
def sides(request: pytest.FixtureRequest, tmp_path: Path, opened: Open) -> Iterator[Callable[[str], Database]]:
    """Empty databases by engine."""
    server = request.getfixturevalue("postgres")
    with postgres_database(server) as url, postgres_database(server) as other:
        urls = {"postgres": [url, other], "sqlite": [f"sqlite:///{tmp_path / name}.db" for name in "ab"]}
        yield lambda engine: opened(urls[engine].pop())


def filled(database: Database) -> Database:
    """A database with three rows in every table."""
    migration.upgrade(database)
    with database.write() as connection:
        fill(connection, metadata)
    return database


def count_tables(database: Database) -> int:
    """How many tables a database has."""
    with database.read() as connection:
        return len(inspect(connection).get_table_names())


@pytest.mark.parametrize("way", ["sqlite postgres", "postgres sqlite", "sqlite sqlite", "postgres postgres"])
def test_every_row_of_every_table_arrives_as_it_was(way: str, sides: Open) -> None:
    """Both ways: texts, times, truths, numbers, JSON, what points forwards; and sums that say so."""
    start, goal = way.split()
    source, target = filled(sides(start)), sides(goal)

    moved = moving.move(source, target)

    assert {table.table for table in moved} == set(metadata.tables)
    assert all(table.is_equal for table in moved)
    assert min(table.source.rows for table in moved) >= 3
    with source.read() as before, target.read() as after:
        for table in metadata.sorted_tables:
            query = select(table).order_by(*table.primary_key.columns)
            assert after.execute(query).all() == before.execute(query).all(), table.name
        kept = after.execute(select(s.audit.c.at, s.audit.c.before).where(s.audit.c.id == FIRST)).one()
        words = after.execute(select(s.tickets.c.description).where(s.tickets.c.id == FIRST)).scalar_one()
    assert (kept.at, kept.before) == (NOON, NESTED)
    assert TEXT in words
    assert migration.revision(target) == migration.newest()


def test_new_rows_get_numbers_that_none_had(sides: Open) -> None:
    """A number that was given to somebody is not given again, even where its row is gone: the sequence is taken along."""
    source, target = filled(sides("postgres")), sides("postgres")
    with source.write() as connection:
        connection.exec_driver_sql("SELECT setval('tickets_id_seq', 5000)")
    moving.move(source, target)
    with target.write() as connection:
        assert put(target, s.suppliers, name="New", email="a@b.example", contact="", languages=[], contract="", shared=[],
                   answer_days=1, is_active=True, version=1) == FIRST + 3  # fmt: skip
        assert store.create(connection, ticket()) == 5001


def test_the_copy_is_of_one_moment_and_in_small_pieces(sides: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that come while it goes on are not in it, whatever table they are in; two rows are in memory at once."""
    monkeypatch.setattr(moving, "BATCH", 2)
    source, target = filled(sides("sqlite")), sides("postgres")
    batches: list[int] = []
    insert = moving._insert

    def note(copy: Any, table: Any, batch: Any) -> None:
        batches.append(len(batch))
        if table.name == "tickets" and len(batches) < 100:
            with source.write() as connection:
                connection.exec_driver_sql("DELETE FROM votes")
        insert(copy, table, batch)

    monkeypatch.setattr(moving, "_insert", note)
    moved = {table.table: table for table in moving.move(source, target)}

    assert max(batches) == 2
    assert all(table.is_equal for table in moved.values())
    assert moved["votes"].target.rows == 3


@pytest.mark.parametrize("change", ["a value", "a row less"])
def test_a_copy_that_differs_is_not_kept(change: str, sides: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums find one changed character and one missing row; the target is as empty as before."""
    source, target = filled(sides("sqlite")), sides("postgres")
    insert = moving._insert

    def wrong(copy: Any, table: Any, batch: list[dict[str, Any]]) -> None:
        if table.name == "votes":
            batch = batch[1:] if change == "a row less" else [batch[0] | {"comment": "x"}, *batch[1:]]
        insert(copy, table, batch)

    monkeypatch.setattr(moving, "_insert", wrong)
    moved = moving.move(source, target)

    assert [table.table for table in moved if not table.is_equal] == ["votes"]
    assert count_tables(target) == 0


@pytest.mark.parametrize(
    ("column", "held", "why", "fits"),
    [
        ("description", "secret\0word", "has a NUL character", "secretword"),
        ("subject", "secret" * 50, "has 300 characters, and 200 is the most", ("secret" * 50)[:200]),
        ("version", 2**40, "is larger than 2147483647", None),
    ],
)
def test_what_the_other_engine_cannot_keep_is_named_or_made_to_fit(
    column: str, held: Any, why: str, fits: str | None, sides: Open
) -> None:
    """Table, row and column, never the text; texts can be made to fit, which is counted."""
    source, target = filled(sides("sqlite")), sides("postgres")
    which = s.tickets.c.id == FIRST + 1
    with source.write() as connection:
        connection.execute(s.tickets.update().where(which).values({column: held}))

    with pytest.raises(CannotStart) as refused:
        moving.move(source, target)

    said = str(refused.value)
    assert f"in table tickets, the row with id = {FIRST + 1} {why} in column {column}" in said
    assert "secret" not in said
    assert ("--clean" in said) == (fits is not None)
    assert count_tables(target) == 0
    if fits is None:
        return
    moved = moving.move(source, target, clean=True)
    assert all(table.is_equal for table in moved)
    assert {table.table: table.cleaned for table in moved if table.cleaned} == {"tickets": 1}
    with target.read() as connection:
        assert connection.execute(select(s.tickets.c[column]).where(which)).scalar_one() == fits


def test_text_that_is_none_is_named_with_its_row(sides: Open) -> None:
    """SQLite keeps any bytes as a text; such a row can be read by nobody."""
    source, target = filled(sides("sqlite")), sides("postgres")
    with source.write() as connection:
        connection.exec_driver_sql(f"UPDATE tickets SET subject = CAST(X'ff41' AS TEXT) WHERE id = {FIRST}")

    with pytest.raises(
        CannotStart, match=rf"table tickets cannot be read at the row with id = {FIRST}: Could not decode"
    ):
        moving.move(source, target)
    assert count_tables(target) == 0


def test_databases_that_do_not_fit_are_refused(sides: Open, tmp_path: Path, opened: Open) -> None:
    """A target with anything in it, a source of another version, a source that is not there, both the same."""
    source, target = filled(sides("sqlite")), sides("postgres")
    migration.upgrade(target)
    early, missing = opened(f"sqlite:///{tmp_path}/early.db"), opened(f"sqlite:///{tmp_path}/none.db")
    migration.migrate(early, "0005")

    for origin, goal, why in (
        (source, target, r"is not empty: it has \d+ tables"),
        (source, source, "is not empty"),
        (early, opened(f"sqlite:///{tmp_path}/new.db"), "is at revision 0005 and not at .*: bring it there first"),
        (missing, target, "There is no database .*none.db"),
    ):
        with pytest.raises(CannotStart, match=why):
            moving.move(origin, goal)
    assert not (tmp_path / "none.db").exists()


def test_every_column_can_be_moved() -> None:
    """JSON that may be absent would come back as JSON's null; there is none, and there must be none."""
    assert [
        str(c) for table in metadata.sorted_tables for c in table.c if isinstance(c.type, JSON) and c.nullable
    ] == []
    assert all(len(table.primary_key.columns) == 1 for table in metadata.sorted_tables if moving._own(table))


def test_the_command_prints_both_sums_and_hides_the_password(sides: Open, tmp_path: Path) -> None:
    """Table by table; the same again is refused, for now the target holds something."""
    source, target = filled(sides("sqlite")), sides("postgres")
    goal = target.url.replace("portal@", "portal:s3cret@")

    done = portal("db", "copy", "--from", source.url, "--to", goal, "--data", str(tmp_path))
    again = portal("db", "copy", "--from", source.url, "--to", goal, "--json", "--data", str(tmp_path))
    wrong = portal("db", "copy", "--to", "mysql://u:s3cret@h/d", "--data", str(tmp_path))

    assert done.returncode == 0, done.stderr
    line = re.search(r"^tickets +3 +3 +([0-9a-f]{32}) +\1 +equal$", done.stdout, re.MULTILINE)
    assert line, done.stdout
    assert f"{len(metadata.tables)} tables are equal" in done.stderr
    assert (again.returncode, again.stdout) == (1, "")
    assert "is not empty" in again.stderr
    assert wrong.returncode == 1
    assert "s3cret" not in "".join((done.stdout, done.stderr, again.stderr, wrong.stderr))
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.stdout)


@pytest.mark.parametrize("goal", ["postgres", "sqlite"])
def test_a_portal_goes_on_with_the_copy(goal: str, instance: Settings, sides: Open) -> None:
    """Whoever had a password signs in, a private link opens its request, the queue lists it, and new ones come after it."""
    with_source = replace(instance, database_url=_prepared(sides("sqlite" if goal == "postgres" else "postgres")))
    before = open_services(with_source)
    before.staff.add(person(), PASSWORD, NOW)
    number, link = _request(before, "first")
    target = sides(goal)

    moving.move(before.database, target)
    before.close()
    settings = replace(instance, database_url=target.url)
    after = open_services(settings)
    app = create_app(settings, after)
    page = app.test_client().get(f"/de/requests/{link}")
    queue = sign_in(app.test_client(), "mia@example.org").get("/en/desk/")
    later, _ = _request(after, "second")

    assert page.status_code == 200
    assert "It does not print." in page.text
    assert f"/en/desk/tickets/{number}" in queue.text
    assert later == number + 1
    after.close()


def _prepared(database: Database) -> str:
    """A migrated database's address."""
    migration.upgrade(database)
    return database.url


def _request(services: Services, nonce: str) -> tuple[int, str]:
    """A request's number and the key of its private link."""
    made, link = services.requests.receive(SENT, nonce, services.clock(), stems=[])
    return made.id, link
