"""Mails leave the outbox at least once, and never again once a server has acknowledged them."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from portal.commands.mail import mail as mail_commands
from portal.delivery import CLAIM, Delivered, open_delivery
from portal.settings import Settings
from portal.storage import Database, outbox
from portal.storage import tickets as store
from portal.storage.outbox import State
from portal.storage.schema import outbox as table
from portal.tickets import Action
from tests.builders import NOW
from tests.delivering import delivery, request, states, texts, write
from tests.mailing import MailServer, mail


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
