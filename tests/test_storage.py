"""What every database must do: the same on SQLite and on PostgreSQL, also when several processes come at once."""

import multiprocessing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from portal.desk import Desk, Sending
from portal.errors import AlreadyTaken, NotFound, StaleTicket
from portal.people import Person
from portal.queries import Query
from portal.staff import SignInRefused, Staff, TooManyAttempts
from portal.storage import Database, feedback, migration
from portal.storage import people as people_store
from portal.storage import tickets as store
from portal.storage.schema import metadata
from portal.tickets import Action, Kind, Resolution, Status
from tests.builders import NOW, PASSWORD, person, ticket

SECRET = b"s" * 32


def desk(database: Database) -> Desk:
    """A desk on a database."""
    return Desk(database, SECRET, reopen_days=30)


def add_agent(database: Database, email: str = "mia@example.org") -> Person:
    """A stored agent."""
    staff = Staff(database, 10, timedelta(hours=1))
    return staff.add(person(email=email), PASSWORD, NOW)


def test_migrations_make_the_schema_that_the_code_expects(database: Database) -> None:
    """Nothing differs between the migrated database and the tables in the code."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
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

    assert tallies == {("en", "vpn"): (2, 2)}


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
        assert people_store.of_session(connection, first, NOW) is None, "the key itself must not be stored"


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


def test_the_second_asking_counts_and_opens_no_other_ticket(database: Database) -> None:
    """Word order and inflection do not matter; occurrences and wordings are kept, masked."""
    asked = desk(database)

    first = asked.open_gap(Query("en", "kazoo tuning"), ["kazoo", "tune"], "/en/search", NOW)
    second = asked.open_gap(Query("en", "tuning kazoo me@example.org"), ["tune", "kazoo"], "/en/search", NOW)

    assert (first.is_new, second.is_new) == (True, False)
    assert second.ticket.id == first.ticket.id
    assert second.ticket.occurrences == 2
    with database.read() as connection:
        wordings = {wording for _, _, wording, _ in store.occurrences(connection, first.ticket.id)}
    assert wordings == {"kazoo tuning", "tuning kazoo [e-mail]"}


def test_a_solved_gap_asked_again_opens_again_with_a_note(database: Database) -> None:
    """Within thirty days the same ticket re-opens; later the search is a new gap."""
    asked = desk(database)
    gap = asked.open_gap(Query("de", "kazoo"), ["kazoo"], "/de/search", NOW).ticket
    agent = add_agent(database)
    asked.work(agent, gap.id, Action.SOLVE, NOW, text="written", resolution=Resolution.ARTICLE_WRITTEN)

    again = asked.open_gap(Query("de", "kazoo"), ["kazoo"], "/de/search", NOW + timedelta(days=29))
    asked.work(agent, gap.id, Action.SOLVE, NOW + timedelta(days=30), text="again", resolution=Resolution.ANSWERED)
    later = asked.open_gap(Query("de", "kazoo"), ["kazoo"], "/de/search", NOW + timedelta(days=61))

    assert again.ticket.id == gap.id
    assert again.ticket.status is Status.OPEN
    assert later.is_new
    assert later.ticket.id != gap.id
    with database.read() as connection:
        texts = [event.text for event in store.history(connection, gap.id)]
    assert "asked again after answer" in texts


def test_a_request_sent_twice_is_one_request(database: Database) -> None:
    """The form's number makes a second click, or a replay, the same request with the same link."""
    asked = desk(database)
    sent = Sending("Anna Kühn", "anna@example.org", "It does not print.\nSince Monday.", "de")

    first, link = asked.receive(sent, "nonce", NOW, stems=[])
    second, same = asked.receive(sent, "nonce", NOW, stems=[])

    assert (first.id, link) == (second.id, same)
    assert first.subject == "It does not print."
    with pytest.raises(NotFound):
        asked.follow("0" * 64)
    assert asked.follow(link)[0].requester_name == "Anna Kühn"


def test_a_request_is_linked_to_the_gap_of_its_search(database: Database) -> None:
    """Who found nothing and then asks is joined to the gap that their search opened."""
    asked = desk(database)
    gap = asked.open_gap(Query("en", "kazoo"), ["kazoo"], "/en/search", NOW).ticket

    request, _ = asked.receive(Sending("A", "a@example.org", "kazoo?", "en", "kazoo"), "n", NOW, stems=["kazoo"])

    assert request.gap_id == gap.id


def _ask_in_a_process(url: str, start: Any, results: Any) -> None:
    """Ask the same ten times, beginning with the others."""
    database = Database(url)
    start.wait()
    for _ in range(10):
        opened = desk(database).open_gap(Query("en", "kazoo"), ["kazoo"], "/en/search", NOW)
        results.put((opened.ticket.id, opened.is_new))
    database.close()


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


def test_processes_that_ask_at_once_open_one_gap_and_count_every_asking(database: Database) -> None:
    """Four processes, ten askings each: one ticket, forty occurrences."""
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(4), context.Queue()
    workers = [context.Process(target=_ask_in_a_process, args=(database.url, start, results)) for _ in range(4)]

    for worker in workers:
        worker.start()
    answers = [results.get(timeout=60) for _ in range(40)]
    for worker in workers:
        worker.join(30)

    assert len({number for number, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1
    with database.read() as connection:
        gap = store.get(connection, answers[0][0])
        assert gap.occurrences == 40
        assert len(store.history(connection, gap.id)) == 40


def test_two_agents_cannot_take_the_same_ticket(database: Database) -> None:
    """Of four who try at once, exactly one has it."""
    with database.write() as connection:
        number = store.create(connection, ticket()) or 0
    agents = [add_agent(database, f"agent{n}@example.org") for n in range(4)]
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(4), context.Queue()
    workers = [
        context.Process(target=_take_in_a_process, args=(database.url, number, agent, start, results))
        for agent in agents
    ]

    for worker in workers:
        worker.start()
    taken = [results.get(timeout=60) for _ in range(4)]
    for worker in workers:
        worker.join(30)

    assert sum(email is not None for email in taken) == 1
