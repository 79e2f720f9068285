"""What every database must do: the same on SQLite and on PostgreSQL, also when several processes come at once."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from portal.desk.posting import Posting
from portal.desk.work import Desk
from portal.errors import AlreadyTaken, SignInRefused, StaleTicket, TooManyAttempts
from portal.letters import Letters
from portal.people import Person
from portal.staff import Staff
from portal.storage import Database, feedback, gaps, migration
from portal.storage import people as people_store
from portal.storage import tickets as store
from portal.storage.schema import metadata
from portal.tickets import Action, Kind, Resolution, Status
from tests.builders import NOW, PASSWORD, person, ticket
from tests.processes import context


def desk(database: Database) -> Desk:
    """A desk on a database."""
    return Desk(database, Posting(Letters("https://help.example.org", "Help", "UTC"), "help.example.org"))


def add_agent(database: Database, email: str = "mia@example.org") -> Person:
    """A stored agent."""
    staff = Staff(database, 10, timedelta(hours=1))
    return staff.add(person(email=email), PASSWORD, NOW)


def is_ours(_item: object, name: str | None, _kind: str, is_reflected: bool, _other: object) -> bool:
    """Whether a part of the schema is compared: not what the engines keep for the search of the desk."""
    return not (is_reflected and (name or "").startswith(("ticket_search", "vector")))


def test_migrations_make_the_schema_that_the_code_expects(database: Database) -> None:
    """Nothing differs between the migrated database and the tables in the code."""
    with database.read() as connection:
        options = {"compare_type": True, "include_object": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, metadata)

    assert differences == []
    assert migration.revision(database) == migration.newest()


def test_migrations_go_down_and_up_again(database: Database) -> None:
    """A database can go back to nothing and forward again."""
    migration.downgrade(database, "base")
    emptied = migration.revision(database)
    migration.upgrade(database)

    assert emptied is None
    assert migration.revision(database) == migration.newest()


def test_occurrences_that_older_versions_wrote_into_the_history_are_counted(database: Database) -> None:
    """What a gap was asked before is in the table of occurrences afterwards, by day, language and wording."""
    migration.downgrade(database, "0002")
    old = (
        "INSERT INTO tickets (id, kind, status, tier, language, subject, query, description, page, occurrences, "
        "requester_name, requester_email, owner_name, resolution_text, created_at, updated_at, version) VALUES "
        "(1, 'gap', 'new', 1, 'en', 'vpn', 'vpn', '', '', 3, '', '', '', '', '{0}', '{0}', 1)"
    )
    event = (
        "INSERT INTO events (ticket_id, at, action, actor_name, after, text, is_public, details) VALUES "
        "(1, '{}', '{}', '', 'new', '', false, '{{\"language\": \"en\", \"query\": \"{}\"}}')"
    )
    with database.write() as connection:
        connection.exec_driver_sql(old.format("2026-03-01 09:00:00.000000"))
        for at, action, words in (
            ("2026-03-01 09:00:00.000000", "opened", "vpn"),
            ("2026-03-01 10:00:00.000000", "asked_again", "the vpn"),
            ("2026-03-02 10:00:00.000000", "asked_again", "vpn"),
        ):
            connection.exec_driver_sql(event.format(at, action, words))

    migration.upgrade(database)

    with database.read() as connection:
        gap = store.get(connection, 1)
        counted = gaps.occurrences(connection, 1)
    assert (gap.code, gap.is_confirmed, gap.trail, gap.callback) == ("U0", True, (), None)
    assert counted == [
        (date(2026, 3, 2), "en", "vpn", 1),
        (date(2026, 3, 1), "en", "vpn", 1),
        (date(2026, 3, 1), "en", "the vpn", 1),
    ]


def test_a_ticket_comes_back_as_it_was_stored(database: Database) -> None:
    """Every field survives the way into the database and back, times in UTC."""
    made = ticket(
        kind=Kind.GAP, fingerprint="f" * 32, last_asked_at=NOW, query="тест ё", resolution=Resolution.ANSWERED
    )

    with database.write() as connection:
        number = store.create(connection, made)
    with database.read() as connection:
        found = store.get(connection, number or 0)

    assert found == replace(made, id=number or 0)


def test_a_save_with_an_old_version_is_refused(database: Database) -> None:
    """Of two who read the same ticket, the second to save is told."""
    with database.write() as connection:
        number = store.create(connection, ticket()) or 0
        read = store.get(connection, number)
        store.save(connection, replace(read, subject="first"))

    with pytest.raises(StaleTicket), database.write() as connection:
        store.save(connection, replace(read, subject="second"))
    with database.read() as connection:
        assert store.get(connection, number).subject == "first"


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    """What is written before an error is not kept."""

    def write_and_fail() -> None:
        with database.write() as connection:
            store.create(connection, ticket())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()

    with database.read() as connection:
        assert store.count(connection, store.Filter()) == 0


def test_what_is_read_is_of_one_moment_and_stays(database: Database) -> None:
    """A ticket and what comes after it are as when the reading began; nothing is changed by it."""
    with database.write() as connection:
        number = store.create(connection, ticket()) or 0
    with database.read() as connection:
        found = store.get(connection, number)
        with database.write() as other:
            store.create(other, ticket(subject="meanwhile"))
            store.save(other, replace(found, subject="meanwhile"))
        assert store.get(connection, number) == found
        assert store.count(connection, store.Filter()) == 1
    with database.read() as connection:
        store.create(connection, ticket())

    with database.read() as connection:
        assert store.count(connection, store.Filter()) == 2


def test_the_queue_is_oldest_first_and_goes_on_where_a_page_ended(database: Database) -> None:
    """Pages by cursor show every ticket once, in order, within the filter."""
    with database.write() as connection:
        for minutes in (5, 1, 3, 2, 4):
            store.create(connection, ticket(created_at=NOW + timedelta(minutes=minutes), subject=str(minutes)))
        store.create(connection, ticket(language="ru", subject="другой"))
        store.create(connection, ticket(status=Status.SOLVED, subject="solved"))

    chosen = store.Filter(tier=1, language="en", kind=Kind.REQUEST)
    with database.read() as connection:
        first = store.find(connection, chosen, limit=2)
        rest = store.find(connection, chosen, after=(first[-1].created_at, first[-1].id))

    assert [found.subject for found in first + rest] == ["1", "2", "3", "4", "5"]


def test_a_vote_replaces_the_same_persons_earlier_one(database: Database) -> None:
    """One vote per person and article, changeable."""
    no = feedback.Vote("vpn", "en", "v" * 64, False, "r" * 16, feedback.Reason.UNCLEAR, "why?")
    other = replace(no, voter_hash="w" * 64, is_helpful=True, reason=None)

    with database.write() as connection:
        for given in (no, other, replace(no, is_helpful=True, reason=None, comment="")):
            feedback.vote(connection, given, NOW)
        tallies = feedback.tallies(connection)

    assert tallies == {("en", "vpn", "r" * 16): (2, 2)}


def test_a_session_ends_by_time_and_by_signing_out(database: Database) -> None:
    """A key opens nothing after its time, nor after it was given back."""
    staff = Staff(database, 10, timedelta(hours=1))
    added = staff.add(person(), PASSWORD, NOW)
    _, first = staff.sign_in("MIA@example.org", PASSWORD, NOW)
    _, second = staff.sign_in("mia@example.org", PASSWORD, NOW)

    staff.sign_out(second)

    assert staff.of_session(first, NOW) == added
    assert staff.of_session(second, NOW) is None
    assert staff.of_session(first, NOW + timedelta(hours=2)) is None
    with database.read() as connection:
        assert people_store.of_session(connection, first, NOW, timedelta(hours=1)) is None, (
            "the key itself must not be stored"
        )


def test_an_account_is_closed_after_too_many_wrong_passwords(database: Database) -> None:
    """After the limit even the right password is refused, until a quarter of an hour has passed."""
    staff = Staff(database, 3, timedelta(hours=1))
    staff.add(person(), PASSWORD, NOW)

    for _ in range(3):
        with pytest.raises(SignInRefused):
            staff.sign_in("mia@example.org", "wrong", NOW)

    with pytest.raises(TooManyAttempts):
        staff.sign_in("mia@example.org", PASSWORD, NOW)
    assert staff.sign_in("mia@example.org", PASSWORD, NOW + timedelta(minutes=16))[0].name == "Mia Lindt"


def _take_in_a_process(url: str, number: int, agent: Person, start: Any, results: Any) -> None:
    """Try to take a ticket, beginning with the others."""
    database = Database(url)
    start.wait()
    try:
        desk(database).work(agent, number, Action.TAKE, NOW)
        results.put(agent.email)
    except AlreadyTaken:
        results.put(None)
    database.close()


def test_two_agents_cannot_take_the_same_ticket(database: Database) -> None:
    """Of four who try at once, exactly one has it."""
    with database.write() as connection:
        number = store.create(connection, ticket()) or 0
    agents = [add_agent(database, f"agent{n}@example.org") for n in range(4)]
    start, results = context.Barrier(4), context.Queue()
    workers = [
        context.Process(target=_take_in_a_process, args=(database.url, number, agent, start, results))
        for agent in agents
    ]

    for worker in workers:
        worker.start()
    taken = [results.get(timeout=300) for _ in range(4)]
    for worker in workers:
        worker.join(30)

    assert sum(email is not None for email in taken) == 1
