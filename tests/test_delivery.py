"""Mails leave the outbox at least once, and never again once a server has acknowledged them, whatever happens."""

import multiprocessing
import os
import random
import signal
from collections import Counter
from datetime import timedelta
from email.message import EmailMessage
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from portal.commands.mail import mail as mail_commands
from portal.delivery import CLAIM, Delivered, Delivery, open_delivery, pause
from portal.mail import Unavailable
from portal.settings import Settings
from portal.storage import Database, outbox
from portal.storage import tickets as store
from portal.storage.outbox import State
from portal.storage.schema import outbox as table
from portal.tickets import Action, Kind
from portal.transports import SmtpTransport
from tests.builders import NOW, ticket
from tests.mailing import MailServer, mail

SENDER = "support@example.org"
MINUTE = timedelta(minutes=1)


def delivery(database: Database, server: MailServer, timeout: float = 10.0) -> Delivery:
    """A delivery to a server."""
    return Delivery(database, SmtpTransport(server.url, timeout), SENDER, "Help")


def write(database: Database, *recipients: str, ticket_id: int | None = None, **changes: Any) -> list[str]:
    """Write a mail for each recipient; their message ids."""
    with database.write() as connection:
        ids = [
            outbox.add(connection, mail(recipient=name, **changes), f"key-{name}", NOW, ticket_id=ticket_id, domain="example.org")
            for name in recipients
        ]  # fmt: skip
    assert None not in ids
    return [made for made in ids if made]


def request(database: Database, **changes: Any) -> int:
    """A stored request."""
    with database.write() as connection:
        return store.create(connection, ticket(**changes)) or 0


def states(database: Database) -> Counter[State]:
    """How many mails are where."""
    with database.read() as connection:
        return Counter(posted.state for posted in outbox.newest(connection))


def texts(database: Database) -> set[str]:
    """All texts in the outbox."""
    with database.read() as connection:
        return {text for row in connection.execute(select(table.c.text, table.c.html)) for text in row}


def test_a_mail_is_sent_once_and_its_text_goes(database: Database) -> None:
    """What was written is what arrives; the private link stays nowhere."""
    (message_id,) = write(database, "anna@example.org", ticket_id=request(database))

    with MailServer() as server:
        sends = delivery(database, server)
        passes = [sends.deliver(NOW), sends.deliver(NOW + timedelta(days=1))]

    assert passes == [Delivered(sent=1), Delivered()]
    assert server.ids == [message_id]
    assert server.messages[0]["From"].addresses[0].display_name == "Help"
    assert states(database) == {State.SENT: 1}
    assert texts(database) == {""}


def test_the_same_key_is_one_mail(database: Database) -> None:
    """Also in a transaction that goes on; another key is another mail."""
    with database.write() as connection:
        first, same, other = (outbox.add(connection, mail(), key, NOW) for key in ("a", "a", "b"))

    assert first is not None
    assert same is None
    assert other not in {None, first}
    assert states(database) == {State.WAITING: 2}


def test_a_failed_transaction_leaves_no_mail(database: Database) -> None:
    """No mail says that something happened which did not."""

    def write_and_fail() -> None:
        with database.write() as connection:
            outbox.add(connection, mail(), "key", NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()

    assert states(database) == {}


def test_hostile_mails_are_stored_and_sent_or_refused(database: Database) -> None:
    """Signs that databases or headers do not take hurt neither the transaction nor the other mails."""
    evil = "\0\r\nBcc: eve@example.org\ud800" + "x" * 400
    number = request(database)
    write(database, "a@example.org", recipient_name=evil, subject=evil, text=evil, html=evil)
    write(database, "b\r\nTo: eve@example.org", ticket_id=number)
    write(database, "c@example.org", headers={"Bcc": "eve@example.org"})
    write(database, "d@example.org")

    with MailServer() as server:
        passed = delivery(database, server).deliver(NOW)

    assert passed == Delivered(sent=2, failed=2)
    assert [recipient for recipient, _ in server.taken] == ["a@example.org", "d@example.org"]
    assert all("Bcc" not in message for message in server.messages)
    with database.read() as connection:
        assert [event.action for event in store.history(connection, number)] == [Action.MAIL_FAILED]


def test_the_mails_of_a_ticket_hang_together(database: Database) -> None:
    """Each later one answers the first; ids name the ticket and cannot be guessed."""
    number = request(database)
    first, second, third = (write(database, f"{name}@example.org", ticket_id=number)[0] for name in "abc")
    (alone,) = write(database, "d@example.org")

    with MailServer() as server:
        delivery(database, server).deliver(NOW)

    assert first.startswith(f"<request-{number}.")
    assert first.endswith("@example.org>")
    assert len({first, second, third, alone}) == 4
    assert [message["In-Reply-To"] for message in server.messages] == [None, first, first, None]
    assert [message["References"] for message in server.messages] == [None, first, first, None]


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
        sends = delivery(database, server, timeout=0.5 if fault == "late" else 10.0)
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


def test_a_claimed_mail_is_nobody_elses_until_the_claim_ends(database: Database) -> None:
    """Then somebody else may try; the first one's failure no longer counts, its success does."""
    write(database, "anna@example.org")
    with database.write() as connection:
        mine = outbox.claim(connection, NOW, CLAIM)
        theirs = outbox.claim(connection, NOW, CLAIM)
    assert mine is not None
    assert theirs is None

    with database.write() as connection:
        later = outbox.claim(connection, NOW + timedelta(seconds=CLAIM), CLAIM)
        assert later is not None
        outbox.retry(connection, mine, NOW + timedelta(days=1), "slow")
        was_mine = outbox.failed(connection, mine, NOW, "slow")
        outbox.sent(connection, mine, NOW)
        was_theirs = outbox.failed(connection, later, NOW, "slow")

    assert (later.attempts, was_mine, was_theirs) == (2, False, False)
    assert states(database) == {State.SENT: 1}


def test_a_clock_that_was_wrong_keeps_no_mail(database: Database) -> None:
    """A due time or a claim in the far future is one of a clock that has been set back since."""
    write(database, "a@example.org", "b@example.org")
    with database.write() as connection:
        connection.execute(
            update(table).values(due_at=NOW + timedelta(days=300), claimed_until=NOW + timedelta(days=300))
        )

    with MailServer() as server:
        assert delivery(database, server).deliver(NOW) == Delivered(sent=2)


def test_the_folder_takes_mails_of_an_instance_without_a_server(tmp_path: Path, database: Database) -> None:
    """As the settings say; the site's name is in the recipient's language."""
    write(database, "anna@example.org")

    passed = open_delivery(Settings(data=tmp_path), database).deliver(NOW)

    (path,) = (tmp_path / "mail" / "new").iterdir()
    assert passed == Delivered(sent=1)
    assert b"From: =?utf-8?" in path.read_bytes() or b"From: Hilfe" in path.read_bytes()
    assert b"<support@127.0.0.1>" in path.read_bytes()


#: Rounds of the run with faults; each is seven hours later, when every pause has passed.
ROUNDS = 6


def _deliver_in_a_process(url: str, server_url: str, barrier: Any, results: Any) -> None:
    """Deliver what is due, round by round, beside others who do the same."""
    database = Database(url)
    sends = Delivery(database, SmtpTransport(server_url, 20.0), SENDER)
    for number in range(ROUNDS):
        barrier.wait(60)
        while (done := sends.deliver(NOW + number * timedelta(hours=7), limit=5)) != Delivered():
            results.put((done.sent, done.retried, done.failed))
        barrier.wait(60)
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
    context = multiprocessing.get_context("spawn")
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
            one = results.get(timeout=90)
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
    worker = multiprocessing.get_context("spawn").Process

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


def run(instance: Settings, *arguments: str, content: bytes = b"") -> Result:
    """Run a command on an instance."""
    options = ["--articles", str(instance.articles), "--data", str(instance.data)]
    return CliRunner().invoke(mail_commands, [*arguments, *options], input=content)


def test_the_commands_send_list_and_take_bounces(instance: Settings) -> None:
    """For scripts and mail servers; never who gets what."""
    database = Database(instance.database)
    (message_id,) = write(database, "anna@example.org", ticket_id=request(database))
    status = "Action: failed\nStatus: 5.2.2\nFinal-Recipient: rfc822; anna@example.org\n"
    report = (
        'Content-Type: multipart/report; boundary="b"\n\n--b\nContent-Type: message/delivery-status\n\n'
        f"Reporting-MTA: dns; mx\n\n{status}\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\n--b--\n"
    ).encode()

    sent = run(instance, "send")
    listed = run(instance, "list")
    noted, again = (run(instance, "bounce", content=report) for _ in range(2))
    none = run(instance, "bounce", content=b"Subject: Hello\n\nThank you.")
    told = run(instance, "list", "--json", "--state", "bounced")

    assert (sent.exit_code, sent.output) == (0, "1 sent, 0 to be tried again, 0 given up.\n")
    assert listed.output.endswith("1 sent\n")
    assert noted.output == "Noted.\n"
    assert again.output.startswith("Nothing to note")
    assert none.exit_code == 1
    assert '"fault": "5.2.2"' in told.output
    assert "anna" not in (listed.output + told.output).lower()
    assert states(database) == {State.BOUNCED: 1}
    database.close()
