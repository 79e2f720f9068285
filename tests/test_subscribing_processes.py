"""Subscribers of a gap that several processes tell at once, or one that dies: each hears once."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from portal.storage import Database
from portal.storage import tickets as store
from tests.builders import NOW
from tests.processes import context
from tests.test_subscribing import LATER, add_gap, close, close_in, mails, rows, subscribe, subscriptions_on


def _in_process(work: Any, *arguments: Any) -> Iterator[Any]:
    """What two processes answer that begin together."""
    start, results = context.Barrier(2), context.Queue()
    workers = [context.Process(target=work, args=(*arguments, start, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    yield from [results.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join(30)


def _tell_at_once(url: str, number: int, start: Any, results: Any) -> None:
    """Tell the subscribers of a gap, whoever else does."""
    database = Database(url)
    start.wait()
    with database.write() as connection:
        gap = store.get(connection, number)
        results.put(subscriptions_on(database).tell(connection, gap, "printer", "Drucker offline", "de", LATER))
    database.close()


def test_of_two_processes_that_tell_at_once_each_subscriber_hears_one(database: Database) -> None:
    """Without any lock around them."""
    gap = add_gap(database)
    people = [f"person{number}@example.org" for number in range(10)]
    for email in people:
        subscribe(database, gap, email)

    counts = list(_in_process(_tell_at_once, database.url, gap.id))

    assert sum(counts) == 10
    assert sorted(mail.recipient for mail in mails(database)[10:]) == sorted(people)


def _confirm_at_once(url: str, number: int, token: str, start: Any, results: Any) -> None:
    """Close the gap, or confirm: the first of the two processes closes."""
    database = Database(url)
    if start.wait() == 0:
        results.put(close(database, number))
    else:
        results.put(subscriptions_on(database).confirm(token, LATER) is not None)
    database.close()


def test_confirming_while_the_gap_is_closed_is_told_once(database: Database) -> None:
    """By the one or by the other."""
    gap = add_gap(database)
    use = subscriptions_on(database)
    use.subscribe(gap.id, "anna@example.org", "de", NOW)

    list(_in_process(_confirm_at_once, database.url, gap.id, use.token(gap.id, "anna@example.org")))

    assert [mail.key.split("-")[0] for mail in mails(database)] == ["confirm", "answered"]


def _die(url: str, number: int, is_late: bool) -> None:
    """Close a gap, and be killed before or after the transaction has ended."""
    database = Database(url)
    with database.write() as connection:
        close_in(connection, database, number, "printer", LATER)
        if not is_late:
            os.kill(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("is_late", [False, True])
def test_a_process_that_dies_between_tells_everybody_or_nobody(is_late: bool, database: Database) -> None:
    """The next one that closes the gap tells whoever has not been told."""
    gap = add_gap(database)
    for email in ("anna@example.org", "luc@example.org"):
        subscribe(database, gap, email)
    process = context.Process(target=_die, args=(database.url, gap.id, is_late))
    process.start()
    process.join(60)

    told = close(database, gap.id)

    assert process.exitcode == -signal.SIGKILL
    assert told == (0 if is_late else 2)
    assert [mail.recipient for mail in mails(database)[2:]] == ["anna@example.org", "luc@example.org"]
    assert rows(database) == 0
