"""Mails while recipients, servers, networks and the database fail: tried again, given up and told, never sent twice."""

from datetime import timedelta
from email.message import EmailMessage
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from portal.delivery import Delivered, Delivery, pause
from portal.mail import Unavailable
from portal.storage import Database, outbox
from portal.storage import tickets as store
from portal.storage.outbox import State
from portal.storage.schema import outbox as table
from portal.tickets import Action, Kind
from tests.builders import NOW
from tests.delivering import MINUTE, delivery, request, states, texts, write
from tests.mailing import SENDER, MailServer


def test_a_refused_recipient_is_told_on_the_ticket(database: Database) -> None:
    """At once, with the server's words, and without the address; the others get their mails."""
    number = request(database)
    write(database, "no@example.org", "spam@example.org", ticket_id=number)
    write(database, "yes@example.org")

    with MailServer({"no@example.org": ["refuse"], "spam@example.org": ["spam"]}) as server:
        passed = delivery(database, server).deliver(NOW)

    with database.read() as connection:
        posted = outbox.of_ticket(connection, number)
        events = store.history(connection, number)
    assert passed == Delivered(sent=1, failed=2)
    assert [(one.state, one.attempts, one.ended_at) for one in posted] == [(State.FAILED, 1, NOW)] * 2
    assert [(event.action, event.text, event.is_public) for event in events] == [
        (Action.MAIL_FAILED, "550 5.1.1 <[e-mail]> is not known here", False),
        (Action.MAIL_FAILED, "554 5.7.1 This looks like spam", False),
    ]
    assert texts(database) == {""}


def test_a_gap_is_told_nothing(database: Database) -> None:
    """Nobody waits there; the mail is given up all the same."""
    number = request(database, kind=Kind.GAP)
    write(database, "no@example.org", ticket_id=number)

    with MailServer({"no@example.org": ["refuse"]}) as server:
        delivery(database, server).deliver(NOW)

    with database.read() as connection:
        assert store.history(connection, number) == []
    assert states(database) == {State.FAILED: 1}


def test_a_greylisted_mail_is_tried_again_a_minute_later(database: Database) -> None:
    """Not before; meanwhile the others go, and the portal knows that one is delayed."""
    write(database, "grey@example.org", "yes@example.org")

    with MailServer({"grey@example.org": ["greylist"]}) as server:
        sends = delivery(database, server)
        first, early = sends.deliver(NOW), sends.deliver(NOW + 0.9 * MINUTE)
        with database.read() as connection:
            delayed = outbox.delayed(connection), outbox.waiting(connection)
        later = sends.deliver(NOW + MINUTE)

    assert (first, early, later) == (Delivered(sent=1, retried=1), Delivered(), Delivered(sent=1))
    assert delayed == (1, 1)
    assert len(server.taken) == 2


@pytest.mark.parametrize("fault", ["die", "drop", "late"])
def test_a_server_that_fails_gets_the_mail_later(database: Database, fault: str) -> None:
    """The pass ends, the others stay due, and every mail arrives exactly once."""
    write(database, "a@example.org", "b@example.org")

    with MailServer({"a@example.org": [fault]}) as server:
        sends = delivery(database, server, timeout=4.0 if fault == "late" else 10.0)
        passes = [sends.deliver(NOW), sends.deliver(NOW), sends.deliver(NOW + MINUTE)]

    assert passes == [Delivered(retried=1), Delivered(sent=1), Delivered(sent=1)]
    assert sorted(recipient for recipient, _ in server.taken) == ["a@example.org", "b@example.org"]


def test_a_server_that_dies_and_comes_back_gets_every_mail(database: Database) -> None:
    """In the middle of a session; while it is away nothing is lost."""
    names = [f"{name}@example.org" for name in "abcd"]
    write(database, *names)
    server = MailServer({"c@example.org": ["die"]}).start()
    sends = delivery(database, server)

    first = sends.deliver(NOW)
    server.stop()
    away = sends.deliver(NOW)
    server.start()
    back = sends.deliver(NOW + MINUTE)
    server.stop()

    assert (first, away, back) == (Delivered(sent=2, retried=1), Delivered(retried=1), Delivered(sent=2))
    assert sorted(recipient for recipient, _ in server.taken) == names


def test_a_connection_lost_after_the_acknowledgement_sends_nothing_twice(database: Database) -> None:
    """The mail was taken; that the farewell fails changes nothing."""
    names = [f"{name}@example.org" for name in "abc"]
    write(database, *names)

    with MailServer({name: ["lose"] for name in names}) as server:
        sends = delivery(database, server)
        passes = [sends.deliver(NOW), sends.deliver(NOW + timedelta(days=2))]

    assert passes == [Delivered(sent=3), Delivered()]
    assert [recipient for recipient, _ in server.taken] == names


def test_a_database_that_fails_after_the_acknowledgement_sends_nothing_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process remembers what was taken, and marks it before anything else."""
    write(database, "a@example.org", "b@example.org")
    real = outbox.sent

    def fail(*_arguments: Any) -> None:
        raise OperationalError("UPDATE", {}, Exception("locked"))

    with MailServer() as server:
        sends = delivery(database, server)
        monkeypatch.setattr(outbox, "sent", fail)
        for _ in range(2):
            with pytest.raises(OperationalError):
                sends.deliver(NOW)
        monkeypatch.setattr(outbox, "sent", real)
        later = sends.deliver(NOW + timedelta(days=1))

    assert later == Delivered(sent=1)
    assert [recipient for recipient, _ in server.taken] == ["a@example.org", "b@example.org"]
    assert states(database) == {State.SENT: 2}


class Nobody:
    """A way that leads nowhere."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.tried = 0

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Fail."""
        self.tried += 1
        raise self.error

    def close(self) -> None:
        """Nothing is open."""


def test_pauses_double_and_a_mail_is_given_up_after_three_days(database: Database) -> None:
    """1, 2, 4 … minutes up to six hours; then the ticket is told."""
    number = request(database)
    write(database, "anna@example.org", ticket_id=number)
    way = Nobody(Unavailable("nobody listens"))
    sends = Delivery(database, way, SENDER)

    moments, now = [], NOW
    while states(database)[State.WAITING]:
        if sends.deliver(now) != Delivered():
            moments.append(now)
        with database.read() as connection:
            now = connection.execute(select(table.c.due_at)).scalar_one()

    pauses = [(late - early) / MINUTE for early, late in pairwise(moments)]
    assert pauses[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert set(pauses[9:]) == {360}
    assert timedelta(hours=72) <= moments[-1] - NOW < timedelta(hours=78)
    with database.read() as connection:
        assert [event.action for event in store.history(connection, number)] == [Action.MAIL_FAILED]
        assert [posted.fault for posted in outbox.of_ticket(connection, number)] == ["nobody listens"]
    assert pause(10_000) == timedelta(hours=6)


def test_a_portal_that_slept_gives_nothing_up_at_its_first_attempt(database: Database) -> None:
    """After a week without power a greylisting server still gets its second attempt."""
    write(database, "anna@example.org")
    late = NOW + timedelta(days=7)

    with MailServer({"anna@example.org": ["greylist"]}) as server:
        sends = delivery(database, server)
        passes = [sends.deliver(late), sends.deliver(late + MINUTE)]

    assert passes == [Delivered(retried=1), Delivered(sent=1)]


def test_an_unexpected_error_of_one_mail_does_not_keep_the_others(database: Database) -> None:
    """It waits for its next attempt, and the fault does not say what is in the mail."""
    write(database, "a@example.org", "b@example.org")
    way = Nobody(RuntimeError("anna@example.org"))

    passed = Delivery(database, way, SENDER).deliver(NOW)

    assert passed == Delivered(retried=2)
    with database.read() as connection:
        assert {posted.fault for posted in outbox.newest(connection)} == {"RuntimeError"}
