"""Suppliers' cases: references, ends, new questions, and reminders that leave the owner responsible."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.desk.bundles import thread
from portal.errors import InvalidInput, NotAllowed, NotFound
from portal.people import Person, Role
from portal.storage import Database, cases, outbox
from portal.storage.schema import outbox as outbox_table
from portal.tickets import SYSTEM, Action, Event, Resolution, Status
from tests.asking import in_processes
from tests.builders import NOW
from tests.mailing import mail as a_mail
from tests.supplying import (
    ACME,
    DAY,
    REQUEST,
    add_supplier,
    mails,
    receive,
    say,
    sent,
    suppliers,
    the_case,
)
from tests.working import desk, found, hire, history, opened, told


@pytest.fixture
def mia(database: Database) -> Person:
    """An agent."""
    return hire(database)


def test_the_reference_is_typed_by_our_owner_and_recorded(database: Database, mia: Person) -> None:
    """Who, when, from what to what; the same again changes nothing."""
    number, case = sent(database, mia)
    use = suppliers(database)
    use.set_reference(mia, case.id, "AP-1", NOW)
    use.set_reference(mia, case.id, "AP-1", NOW)
    use.set_reference(mia, case.id, "AP-2\n", NOW)

    notes = [event.text for event in history(database, number) if event.action is Action.NOTE]
    assert notes == ["Acme Print: – → AP-1", "Acme Print: AP-1 → AP-2"]
    assert the_case(database, number).reference == "AP-2"
    with pytest.raises(InvalidInput):
        use.set_reference(mia, case.id, "x" * 101, NOW)
    with pytest.raises(NotFound):
        use.set_reference(mia, 999, "x", NOW)
    with pytest.raises(NotAllowed):
        use.set_reference(replace(mia, roles=frozenset({Role.WRITER})), case.id, "x", NOW)


def test_closing_the_last_case_resumes_the_work(database: Database, mia: Person) -> None:
    """While another supplier is awaited the ticket waits on; a second press changes nothing."""
    number, first = sent(database, mia)
    use = suppliers(database)
    use.send(mia, number, add_supplier(database, name="Beta"), "x", NOW)
    second = the_case(database, number)

    assert use.close_case(mia, first.id, NOW).status is Status.WAITING_SUPPLIER
    assert use.close_case(mia, second.id, NOW).status is Status.OPEN
    assert use.close_case(mia, second.id, NOW).status is Status.OPEN
    assert [event.action for event in history(database, number)][-2:] == [Action.NOTE, Action.RESUME]


def test_a_new_question_after_closing_is_a_new_case(database: Database, mia: Person) -> None:
    """With an address and a thread of its own."""
    number, first = sent(database, mia)
    suppliers(database).close_case(mia, first.id, NOW)
    suppliers(database).send(mia, number, first.supplier_id, "Wieder kaputt.", NOW + DAY)

    old, new = mails(database)
    assert the_case(database, number).id != first.id
    assert old.mail.headers["Reply-To"] != new.mail.headers["Reply-To"]
    assert not new.mail.headers["In-Reply-To"]


def test_the_owner_is_reminded_after_working_days(database: Database, mia: Person) -> None:
    """Asked on a Friday, two working days are Tuesday at the same time of day, also across the change of clocks."""
    friday = datetime(2026, 3, 27, 13, 0, tzinfo=UTC)
    number = opened(database, **REQUEST)
    use = suppliers(database)
    use.send(mia, number, add_supplier(database), "Bitte prüfen.", friday)

    tuesday = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
    assert the_case(database, number).remind_at == tuesday
    assert use.remind(tuesday - timedelta(minutes=1)) == 0
    assert use.remind(tuesday) == 1
    assert use.remind(tuesday) == 0
    assert told(database, mia) == [("supplier", "")]
    event = history(database, number)[-1]
    assert (event.action, event.actor, event.after) == (Action.SUPPLIER_DUE, SYSTEM, Status.WAITING_SUPPLIER)
    assert the_case(database, number).remind_at == tuesday + 2 * DAY
    assert use.remind(tuesday + 30 * DAY) == 1
    assert the_case(database, number).reminders == 2


def test_nobody_is_reminded_of_what_is_solved_until_it_is_open_again(database: Database, mia: Person) -> None:
    """A solved ticket may come back; a closed one does not."""
    number, _case = sent(database, mia)
    use = suppliers(database)
    desk(database).work(mia, number, Action.SOLVE, NOW, text="Fait", resolution=Resolution.ANSWERED)
    assert use.remind(NOW + 10 * DAY) == 0
    say(database, number, Action.REOPEN, "", SYSTEM, NOW + 11 * DAY)
    assert use.remind(NOW + 20 * DAY) == 1
    desk(database).work(mia, number, Action.SOLVE, NOW + 21 * DAY, text="Fait", resolution=Resolution.ANSWERED)
    say(database, number, Action.CLOSE, "", SYSTEM)
    assert use.remind(NOW + 40 * DAY) == 0
    assert the_case(database, number).remind_at is None


def test_reminders_are_bounded_and_go_on(database: Database, mia: Person) -> None:
    """After downtime, a few at a time, the longest due first."""
    supplier_id = add_supplier(database)
    use = suppliers(database)
    for day in range(5):
        use.send(mia, opened(database, **REQUEST), supplier_id, "x", NOW + day * DAY)

    assert [use.remind(NOW + 30 * DAY, limit=2) for _ in range(4)] == [2, 2, 1, 0]


def _remind(url: str, start: Any, results: Any) -> None:
    """One process of several that reminds."""
    database = Database(url)
    start.wait()
    results.put(suppliers(database).remind(NOW + 30 * DAY))
    database.close()


def test_several_processes_remind_once(database: Database, mia: Person) -> None:
    """Each case is one event and one notice."""
    supplier_id = add_supplier(database)
    numbers = [opened(database, **REQUEST) for _ in range(12)]
    for number in numbers:
        suppliers(database).send(mia, number, supplier_id, "x", NOW)

    workers, results, _start = in_processes(3, _remind, str(database.url))
    counted = [results.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join(30)

    assert sum(counted) == 12
    assert len(told(database, mia)) == 12
    assert all(
        [event.action for event in history(database, number)].count(Action.SUPPLIER_DUE) == 1 for number in numbers
    )


def test_a_mail_of_the_case_is_no_mail_of_the_requester(database: Database, mia: Person) -> None:
    """It answers nothing that the requester got, and its message id is its own."""
    number = opened(database, **REQUEST)
    with database.write() as connection:
        first = outbox.add(connection, a_mail(), "received-1", NOW, ticket_id=number, domain="help.example.org")
    suppliers(database).send(mia, number, add_supplier(database), "x", NOW)

    letter = next(each for each in mails(database) if each.mail.recipient == ACME.email)
    assert first
    assert first not in str(letter.mail.headers)
    assert re.fullmatch(r"<case-\d+\.[0-9a-f]{24}\.1@help\.example\.org>", letter.message_id)
    with database.read() as connection:
        keys = connection.execute(outbox_table.select().with_only_columns(outbox_table.c.key)).scalars().all()
    assert {key.partition("-")[0] for key in keys} == {"received", "supplier"}


def test_events_say_who_and_when(database: Database, mia: Person) -> None:
    """The thread of a case has what was said in it and nothing of another."""
    number, case = sent(database, mia)
    receive(database, case)
    suppliers(database).send(mia, number, add_supplier(database, name="Beta"), "Andere Sache", NOW)

    said: Callable[[Event], tuple[str, str]] = lambda event: (event.action.value, event.actor.name)  # noqa: E731
    assert [said(event) for event in thread(history(database, number), case.id)] == [
        ("supplier_sent", "Mia Lindt"),
        ("supplier_reply", "Acme Print"),
    ]


@pytest.mark.parametrize(
    "doubt",
    [{"is_automatic": True}, {"token": ""}, {"token": "", "is_automatic": True}],
    ids=["automatic", "unverified", "both"],
)
def test_what_is_no_answer_for_sure_leaves_the_reminder(doubt: dict[str, Any], database: Database, mia: Person) -> None:
    """An acknowledgement of receipt, or somebody who only says that they are the supplier."""
    number, case = sent(database, mia)

    assert receive(database, case, text="We have received your message.", **doubt)

    assert found(database, number).status is Status.OPEN
    assert the_case(database, number).remind_at == case.remind_at is not None
    assert suppliers(database).remind(case.remind_at) == 1


def test_an_automatic_mail_brings_no_reminder_back(database: Database, mia: Person) -> None:
    """Nothing is awaited any more after the answer."""
    number, case = sent(database, mia)
    receive(database, case)
    receive(database, case, text="Your ticket has been closed.", is_automatic=True)

    assert the_case(database, number).remind_at is None


def test_whoever_waits_on_after_an_answer_is_reminded_again(database: Database, mia: Person) -> None:
    """It was only half of one; the days count from then, and a date that is there stays."""
    number, case = sent(database, mia)
    receive(database, case, text="We are working on it.")
    monday = NOW + 7 * DAY
    desk(database).work(mia, number, Action.WAIT_SUPPLIER, monday)
    due = the_case(database, number).remind_at
    desk(database).work(mia, number, Action.WAIT_SUPPLIER, monday + DAY)

    assert due == monday + 2 * DAY
    assert the_case(database, number).remind_at == due
    assert suppliers(database).remind(due) == 1


def test_waiting_again_is_for_open_cases(database: Database, mia: Person) -> None:
    """Writing to one supplier is waiting for the others that have a case too; what was closed stays so."""
    number, first = sent(database, mia)
    use = suppliers(database)
    use.send(mia, number, closed := add_supplier(database, name="Old", email="a@old.example"), "Hilfe?", NOW)
    use.close_case(mia, the_case(database, number).id, NOW)
    receive(database, first)
    use.send(mia, number, add_supplier(database, name="New", email="a@new.example"), "Hilfe?", NOW + 7 * DAY)

    with database.read() as connection:
        dates = {case.supplier_id: case.remind_at for case in cases.of_ticket(connection, number)}
    assert dates.pop(closed) is None
    assert set(dates.values()) == {NOW + 9 * DAY}


@pytest.mark.parametrize("action", [Action.MARK_DUPLICATE, Action.MARK_SPAM])
def test_the_case_of_what_may_be_opened_again_goes_on(action: Action, database: Database, mia: Person) -> None:
    """Nobody is reminded of a duplicate or of spam, until it turns out to be neither."""
    number, _case = sent(database, mia)
    use = suppliers(database)
    say(database, number, action, "", SYSTEM)
    assert use.remind(NOW + 30 * DAY) == 0
    assert the_case(database, number).remind_at is not None
    desk(database).work(mia, number, Action.REOPEN, NOW + 31 * DAY)

    assert use.remind(NOW + 60 * DAY) == 1
