"""Delivery by several processes, also killed ones: every mail arrives, and twice only where nobody can prevent it."""

import os
import random
import signal
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from portal.delivery import CLAIM, Delivered, Delivery
from portal.storage import Database
from portal.storage.outbox import State
from portal.transports import SmtpTransport
from tests.builders import NOW
from tests.delivering import delivery, states, texts, write
from tests.mailing import SENDER, MailServer
from tests.processes import context

#: Rounds of the run with faults; each is seven hours later, when every pause has passed.
ROUNDS = 6


def _deliver_in_a_process(url: str, server_url: str, barrier: Any, results: Any) -> None:
    """Deliver what is due, round by round, beside others who do the same."""
    database = Database(url)
    sends = Delivery(database, SmtpTransport(server_url, 20.0), SENDER)
    for number in range(ROUNDS):
        barrier.wait(300)
        while (done := sends.deliver(NOW + number * timedelta(hours=7), limit=5)) != Delivered():
            results.put((done.sent, done.retried, done.failed))
        barrier.wait(300)
    results.put(None)
    database.close()


def test_fifty_mails_by_two_processes_over_a_failing_server(database: Database) -> None:
    """Faults at random, in every step: every message id arrives once; those of refused recipients never."""
    dice = random.Random(7)
    names = [f"u{number}@example.org" for number in range(50)]
    kinds = ["greylist", "full", "die", "drop", "lose"]
    faults = {name: dice.choices(kinds, k=dice.randint(0, 3)) for name in names}
    # An acknowledged mail is not attempted again: nothing is planned for it after that.
    faults = {name: plan[: plan.index("lose") + 1] if "lose" in plan else plan for name, plan in faults.items()}
    refused = set(names[::10])
    faults |= {name: ["refuse"] for name in refused}
    ids = dict(zip(names, write(database, *names), strict=True))
    barrier, results = context.Barrier(2), context.Queue()

    with MailServer(faults) as server:
        workers = [
            context.Process(target=_deliver_in_a_process, args=(database.url, server.url, barrier, results))
            for _ in "ab"
        ]
        for worker in workers:
            worker.start()
        told, ended = [], 0
        while ended < 2:
            one = results.get(timeout=300)
            told.append(one) if one else None
            ended += one is None
        for worker in workers:
            worker.join(30)

    assert Counter(server.ids) == Counter(made for name, made in ids.items() if name not in refused)
    assert states(database) == {State.SENT: 45, State.FAILED: 5}
    assert sum(sent for sent, _, _ in told) == 45
    assert sum(failed for _, _, failed in told) == 5
    assert texts(database) == {""}


def _deliver_once(url: str, server_url: str) -> None:
    """Deliver what is due."""
    Delivery(Database(url), SmtpTransport(server_url, 20.0), SENDER).deliver(NOW)


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_a_killed_process_loses_no_mail(database: Database, step: str) -> None:
    """Killed before a mail is taken, each arrives once; killed between taking and acknowledging, that one mail comes
    twice with the same message id, which nobody can prevent who must not lose it.
    """
    names = [f"u{number}@example.org" for number in range(10)]
    ids = write(database, *names)
    worker = context.Process

    with MailServer() as server:
        process = worker(target=_deliver_once, args=(database.url, server.url))

        def kill(at: str, recipient: str) -> None:
            if at == step and recipient == names[4] and server.attempts[recipient] == 1:
                # It waits for this answer, and is gone before it could read it.
                os.kill(process.pid or 0, signal.SIGKILL)

        server.before = kill
        process.start()
        process.join(60)
        exit_code = process.exitcode
        before = delivery(database, server).deliver(NOW)
        after = delivery(database, server).deliver(NOW + timedelta(seconds=CLAIM))

    assert exit_code == -signal.SIGKILL
    assert (before, after) == (Delivered(sent=5), Delivered(sent=1))
    twice = {ids[4]} if step == "DATA" else set()
    assert Counter(server.ids) == Counter([*ids, *twice])
    assert states(database) == {State.SENT: 10}
