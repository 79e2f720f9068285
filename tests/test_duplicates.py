"""Duplicates end with the ticket that they stand for, and everybody who waits is told once."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from portal.budgets import Budgets
from portal.chains import Visitor
from portal.desk.acting import act
from portal.desk.merging import Merging
from portal.desk.posting import UNDO
from portal.gaps import Failed, GapRules, Gaps
from portal.locales import CODES
from portal.queries import read_query
from portal.storage import Database, gaps, outbox
from portal.storage import subscriptions as subscription_store
from portal.storage import tickets as store
from portal.storage.schema import subscriptions as subscription_table
from portal.storage.schema import tickets as table
from portal.tickets import Action, Actor, Resolution, Status, Ticket
from tests.builders import NOW
from tests.storing import LATER, MUCH_LATER, POSTING, add, add_gap, agent, get, history, solve
from tests.test_subscribing import SECRET, close, mails, subscriptions_on


@pytest.mark.parametrize("language", CODES)
def test_duplicates_are_solved_with_it_each_in_its_own_language(language: str, database: Database) -> None:
    """The frame is in the requester's language, the agent's words are as they were written; once each."""
    mia, first = agent(database), add(database, language="en", subject="Nothing of this is told")
    other = add(
        database, language=language, subject="Drucker", requester_email="boris@example.org", requester_name="Boris"
    )
    Merging(database, POSTING).merge(mia, other.id, first.id, LATER)

    solved = solve(database, first)

    now = get(database, other)
    assert solved == 1
    assert (now.status, now.resolution, now.resolution_text) == (Status.SOLVED, Resolution.ANSWERED, "Restart it.")
    [mail] = mails(database)
    assert (mail.recipient, mail.language, mail.due_at) == ("boris@example.org", language, LATER + UNDO)
    assert "Restart it." in mail.text
    assert "Drucker" in mail.text
    assert "Nothing of this is told" not in mail.text + mail.subject + mail.html
    event = history(database, other)[-1]
    assert (event.action, event.is_public, event.details["of"]) == (Action.SOLVE_WITH, True, str(first.id))
    assert event.details["language"] == "en"


def test_what_the_duplicate_sees_is_its_own(database: Database) -> None:
    """The master's conversation is not in the duplicate's public history, nor the other way round."""
    mia, first, second = agent(database), add(database), add(database)
    with database.write() as connection:
        act(connection, first, Action.REPLY, NOW, Actor(mia.id, mia.name), text="For the first one alone.")
    Merging(database, POSTING).merge(mia, second.id, first.id, LATER)
    solve(database, first)

    with database.read() as connection:
        seen = store.history(connection, second.id, public_only=True)

    assert [event.action for event in seen] == [Action.SOLVE_WITH]
    assert all("alone" not in event.text for event in seen)


def test_duplicates_of_duplicates_are_solved(database: Database) -> None:
    """First the third was merged into the second, then the second into the first."""
    mia, merging = agent(database), Merging(database, POSTING)
    first, second, third = (add(database) for _ in range(3))
    merging.merge(mia, third.id, second.id, LATER)
    merging.merge(mia, second.id, first.id, LATER)

    assert solve(database, first) == 2
    assert [get(database, each).status for each in (second, third)] == [Status.SOLVED] * 2


def test_into_what_is_solved_already(database: Database) -> None:
    """The requester is told the solution at once."""
    mia, first, second = agent(database), add(database), add(database)
    solve(database, first)

    merged = Merging(database, POSTING).merge(mia, second.id, first.id, MUCH_LATER)

    assert (merged.status, merged.resolution_text) == (Status.SOLVED, "Restart it.")
    assert [mail.recipient for mail in mails(database)] == ["anna@example.org"]


def test_a_solution_that_is_taken_back_is_taken_back_everywhere(database: Database) -> None:
    """While the mails wait; the duplicate is one again, and no mail is left."""
    mia, first, second, third = agent(database), add(database), add(database), add(database)
    merging = Merging(database, POSTING)
    merging.merge(mia, second.id, first.id, LATER)
    merging.merge(mia, third.id, first.id, LATER)
    solve(database, first)
    with database.write() as connection:  # One of the two mails is on its way.
        assert outbox.claim(connection, LATER + UNDO, 60) is not None
    event = history(database, first)[-1]

    with database.write() as connection:
        taken = merging.take_back(connection, store.get(connection, first.id, lock=True), event, LATER)

    assert taken == 1
    assert sorted(get(database, each).status for each in (second, third)) == [Status.DUPLICATE, Status.SOLVED]
    assert [mail.ticket_id for mail in mails(database)] == [
        each.id for each in (second, third) if get(database, each).status is Status.SOLVED
    ]
    [back] = [each for each in (second, third) if get(database, each).status is Status.DUPLICATE]
    assert (get(database, back).resolution, get(database, back).duplicate_of) == (None, first.id)


@pytest.mark.parametrize(
    ("ended", "text", "status"),
    [
        (Status.SPAM, "", Status.OPEN),
        (Status.CLOSED, "", Status.OPEN),
        (Status.SOLVED, "Restart it.", Status.SOLVED),
        (Status.CLOSED, "Restart it.", Status.SOLVED),
        (Status.OPEN, "", Status.DUPLICATE),
    ],
)
def test_nobody_is_left_behind(ended: Status, text: str, status: Status, database: Database) -> None:
    """However the other ticket ended, its duplicates end with it or are worked on again; a second run does nothing."""
    mia, first, second = agent(database), add(database), add(database)
    merging = Merging(database, POSTING)
    merging.merge(mia, second.id, first.id, NOW)
    resolution = Resolution.ANSWERED.value if text else None
    with database.write() as connection:
        gone = {"status": ended.value, "resolution_text": text, "resolution": resolution, "updated_at": LATER}
        connection.execute(table.update().where(table.c.id == first.id).values(**gone))

    runs = [merging.run(LATER + timedelta(seconds=1)), merging.run(MUCH_LATER), merging.run(MUCH_LATER)]

    assert runs == [0, int(status is not Status.DUPLICATE), 0]
    assert get(database, second).status is status
    assert len(mails(database)) == int(status is Status.SOLVED)


def test_all_that_hangs_on_a_gap_moves(database: Database) -> None:
    """Occurrences, sessions, requests; the priority follows from the sum."""
    mia = agent(database)
    first, second = add_gap(database, "drucker offline", 20), add_gap(database, "drucker streikt", 15)
    request = add(database, gap_id=second.id)
    with database.write() as connection:
        gaps.count_occurrence(connection, second.id, date(2026, 3, 1), "de", "drucker offline", second.query, 3)
        gaps.remember(connection, "a" * 64, second.id, NOW)
        gaps.remember(connection, "b" * 64, first.id, NOW)

    Merging(database, POSTING).merge(mia, second.id, first.id, LATER)

    master = get(database, first)
    assert (master.occurrences, master.impact, master.priority, master.status) == (35, 4, 2, Status.NEW)
    assert get(database, request).gap_id == first.id
    assert get(database, request).version == request.version + 1
    with database.read() as connection:
        assert gaps.sessions(connection, first.id) == {"a" * 64, "b" * 64}
        assert gaps.occurrences(connection, second.id) == []
        counts = {wording: times for _, _, wording, times in gaps.occurrences(connection, first.id)}
    assert counts == {"drucker offline": 23, "drucker streikt": 15}


@pytest.mark.parametrize(("of_first", "of_second"), [(True, True), (True, False), (False, True), (False, False)])
def test_who_subscribed_to_both_is_told_once(of_first: bool, of_second: bool, database: Database) -> None:
    """A confirmed wish stays, whichever gap it was for; the addresses of others move along."""
    mia, first, second = agent(database), add_gap(database, "drucker"), add_gap(database, "printer")
    with database.write() as connection:
        for number, (gap, is_confirmed) in enumerate(((first, of_first), (second, of_second))):
            subscription_store.add(connection, gap.id, "anna@example.org", "de", f"token {number}", NOW)
            found = subscription_store.by_token(connection, f"token {number}")
            if is_confirmed:
                subscription_store.confirm(connection, found.id if found else 0, NOW)
        subscription_store.add(connection, second.id, "boris@example.org", "fr", "token of Boris", NOW)

    Merging(database, POSTING).merge(mia, second.id, first.id, LATER)

    with database.read() as connection:
        anna = [subscription_store.by_token(connection, f"token {number}") for number in (0, 1)]
        boris = subscription_store.by_token(connection, "token of Boris")
    [left] = [each for each in anna if each is not None]
    assert left.gap_id == first.id
    assert (left.confirmed_at is not None) == (of_first or of_second)
    assert boris is not None
    assert boris.gap_id == first.id


def test_everybody_is_told_when_the_master_is_closed(database: Database) -> None:
    """Subscribers and requests of the duplicate, each once."""
    mia, first, second = agent(database), add_gap(database, "drucker"), add_gap(database, "printer")
    add(database, gap_id=second.id, language="fr", requester_email="claire@example.org")
    with database.write() as connection:
        subscription_store.add(connection, second.id, "boris@example.org", "de", "token", NOW)
        found = subscription_store.by_token(connection, "token")
        subscription_store.confirm(connection, found.id if found else 0, NOW)
    Merging(database, POSTING).merge(mia, second.id, first.id, LATER)

    told = close(database, first.id)

    assert told == 2
    assert sorted(mail.recipient for mail in mails(database)) == ["boris@example.org", "claire@example.org"]


def test_who_asks_for_a_duplicate_asks_for_its_master(database: Database) -> None:
    """The search counts there, a subscription and a request belong there; solved, the master opens again."""
    mia = agent(database)
    budgets = Budgets("memory://", session=100, network=100, anonymous=100, total=100)
    use_case = Gaps(database, SECRET, budgets, GapRules())

    def ask(stems: list[str], session: str) -> Ticket:
        failed = Failed(read_query("de", " ".join(stems)), stems, "U0", "/de/search")
        found = use_case.report(failed, Visitor(session, True, "10.0.0.1"), LATER)
        assert found is not None
        return found.ticket

    first, second = ask(["drucker"], "a" * 32), ask(["kopierer"], "b" * 32)
    Merging(database, POSTING).merge(mia, second.id, first.id, LATER)

    again = ask(["kopierer"], "c" * 32)
    subscriptions_on(database).subscribe(second.id, "boris@example.org", "de", LATER)
    close(database, first.id, tells=False)
    reopened = ask(["kopierer"], "d" * 32)

    assert (again.id, again.occurrences) == (first.id, 3)
    assert (reopened.id, reopened.status, reopened.occurrences) == (first.id, Status.OPEN, 4)
    with database.read() as connection:
        [day] = {(language, wording) for _, language, wording, _ in gaps.occurrences(connection, first.id)} - {
            ("de", "drucker")
        }
        rows = connection.execute(select(subscription_table.c.gap_id)).scalars().all()
    assert day == ("de", "kopierer")
    assert rows == [first.id]


def test_who_opens_a_solved_duplicate_again_parts_it(database: Database) -> None:
    """It belongs to the other one no more, and is not solved with it again."""
    mia, first, second = agent(database), add(database), add(database)
    Merging(database, POSTING).merge(mia, second.id, first.id, LATER)
    solve(database, first)
    with database.write() as connection:
        solved = store.get(connection, second.id, lock=True)
        opened, _ = act(connection, solved, Action.REQUESTER_REPLY, MUCH_LATER, Actor(name="Anna"), text="It is back.")

    assert (solved.duplicate_of, solved.status) == (first.id, Status.SOLVED)
    assert (opened.duplicate_of, opened.status) == (None, Status.OPEN)
    assert get(database, second) == opened
