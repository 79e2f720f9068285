"""Answers of suppliers: whose they are, which case they belong to, and what they do."""

import pytest
from sqlalchemy import update

from portal.desk.bundles import thread
from portal.desk.case_mail import CaseMail
from portal.desk.suppliers import match
from portal.errors import InvalidInput
from portal.lifecycle import TEXT_LENGTH
from portal.people import Person
from portal.storage import Database
from portal.storage.schema import tickets as ticket_table
from portal.tickets import Action, Resolution, Status
from tests.builders import NOW
from tests.supplying import ACME, DAY, SECRET, mails, receive, sent, suppliers, the_case
from tests.working import desk, found, hire, history, told


@pytest.fixture
def mia(database: Database) -> Person:
    """An agent."""
    return hire(database)


def test_an_answer_with_the_token_reopens_the_ticket_and_tells_the_owner(database: Database, mia: Person) -> None:
    """And nobody is reminded of what has come."""
    number, case = sent(database, mia)

    assert receive(database, case, text="Die Pumpe ist getauscht.\n")

    changed, event = found(database, number), history(database, number)[-1]
    assert changed.status is Status.OPEN
    assert (event.action, event.text, event.is_public) == (Action.SUPPLIER_REPLY, "Die Pumpe ist getauscht.", False)
    assert event.details == {"case": str(case.id), "supplier": "Acme Print"}
    assert told(database, mia) == [("supplier", "Acme Print")]
    assert the_case(database, number).remind_at is None
    assert suppliers(database).remind(NOW + 90 * DAY) == 0


@pytest.mark.parametrize(
    ("sender", "token", "details"),
    [
        ("Help@Acme.example", None, {}),
        ("kim@acme.example", None, {"from": "kim@acme.example"}),
        ("kim@elsewhere.example", None, {"from": "kim@elsewhere.example"}),
        ("kim@acme.example", "", {"from": "kim@acme.example", "unverified": "yes"}),
        ("help@acme.example", "", {"unverified": "yes", "from": "help@acme.example"}),
        ("help@elsewhere.example", "", None),
        ("help@acme.example.evil.example", "", None),
        ("evil-acme.example", "", None),
        ("help@acme.example", "0" * 24, None),
        ("help@acme.example", "ключ", None),
    ],
)
def test_only_who_has_the_token_proves_anything(
    sender: str, token: str | None, details: dict[str, str] | None, database: Database, mia: Person
) -> None:
    """Without it the sender's domain is believed and marked; with a wrong one nothing is."""
    number, case = sent(database, mia)

    taken = receive(database, case, sender, **({} if token is None else {"token": token}))

    assert taken is (details is not None)
    if details is None:
        assert found(database, number).status is Status.WAITING_SUPPLIER
    else:
        assert history(database, number)[-1].details == {"case": str(case.id), "supplier": "Acme Print"} | details


def test_a_reference_to_our_mail_proves_as_much(database: Database, mia: Person) -> None:
    """The message id that is answered holds the token."""
    number, case = sent(database, mia)
    message_id = mails(database)[0].message_id

    assert receive(database, case, "kim@elsewhere.example", token="", message_refs=["<x@y>", message_id])
    assert "unverified" not in history(database, number)[-1].details


def test_a_mail_is_matched_by_address_or_by_what_it_answers(database: Database, mia: Person) -> None:
    """In any case and among others; nothing else matches."""
    _number, case = sent(database, mia)
    mail = mails(database)[0]
    token = CaseMail(SECRET, "", "").token(case.id)
    address = mail.mail.headers["Reply-To"]

    assert address == f"support+s{case.id}.{token}@help.example.org"
    assert len(address.partition("@")[0]) <= 64
    assert match(["boss@acme.example", address.upper()], []) == (case.id, token)
    assert match(["support@help.example.org"], ["<other@x>", mail.message_id]) == (case.id, token)
    for recipients, references in (
        ([], []),
        (["support+s0.abc@help.example.org"], []),
        ([f"support+s{10**9}.{token}@x"], []),
        ([f"support+r1.{token}@x"], [f"<request-1.{token}@x>"]),
        (["support+s1.é@x"], ["\0"]),
    ):
        assert match(recipients, references) is None


def test_an_unknown_case_takes_nothing(database: Database) -> None:
    """Whatever is in the mail."""
    with database.write() as connection:
        assert not suppliers(database).receive(connection, 77, "", ACME.email, "x", NOW)
        assert not suppliers(database).receive(connection, 999_999_999, "", ACME.email, "x", NOW)


def test_their_reference_in_a_subject_finds_the_case(database: Database, mia: Person) -> None:
    """Only as a whole word, from their domain, in an open case, and long enough not to stand there by chance."""
    _number, case = sent(database, mia)
    use = suppliers(database)
    with database.read() as connection:
        assert use.by_reference(connection, "kim@acme.example", "Re: AP-5531") is None
    use.set_reference(mia, case.id, " AP-5531 ", NOW)

    with database.read() as connection:
        assert use.by_reference(connection, "kim@ACME.example", "Re: [ap-5531] pump") == case.id
        assert use.by_reference(connection, "kim@acme.example", "Re: AP-55310") is None
        assert use.by_reference(connection, "kim@notacme.example", "AP-5531") is None
        assert use.by_reference(connection, "kim@sub.acme.example", "AP-5531") is None
        assert use.by_reference(connection, "nobody", "AP-5531") is None
        assert use.by_reference(connection, "kim@%", "AP-5531") is None
    use.set_reference(mia, case.id, "55", NOW)
    with database.read() as connection:
        assert use.by_reference(connection, "kim@acme.example", "55") is None
    use.set_reference(mia, case.id, "AP-5531", NOW)
    use.close_case(mia, case.id, NOW)
    with database.read() as connection:
        assert use.by_reference(connection, "kim@acme.example", "AP-5531") is None


@pytest.mark.parametrize("text", ["", " \n", "\0\x07", "x" * 50_000, "<script>alert(1)</script>"])
def test_any_answer_is_kept_within_bounds(text: str, database: Database, mia: Person) -> None:
    """Empty, endless or hostile."""
    number, case = sent(database, mia)

    assert receive(database, case, text=text)

    said = history(database, number)[-1].text
    assert 0 < len(said) <= TEXT_LENGTH
    assert "\0" not in said


def test_a_late_answer_is_kept_without_opening_anything(database: Database, mia: Person) -> None:
    """After the ticket was solved and the case closed; but not once the requester has been forgotten."""
    number, case = sent(database, mia)
    desk(database).work(mia, number, Action.SOLVE, NOW, text="Fait", resolution=Resolution.ANSWERED)
    suppliers(database).close_case(mia, case.id, NOW)

    assert receive(database, case)
    assert found(database, number).status is Status.SOLVED
    assert history(database, number)[-1].action is Action.SUPPLIER_REPLY

    with database.write() as connection:
        connection.execute(update(ticket_table).values(subject="[erased]", requester_email=""))
    assert not receive(database, case)


def test_an_answer_that_came_by_telephone_is_entered(database: Database, mia: Person) -> None:
    """By the agent; once, however often the button is pressed."""
    number, case = sent(database, mia)
    for _ in range(2):
        suppliers(database).record(mia, case.id, "They send a part.", NOW + DAY)

    events = thread(history(database, number), case.id)
    assert [event.action for event in events] == [Action.SUPPLIER_SENT, Action.SUPPLIER_REPLY]
    assert (events[1].actor.person_id, events[1].details["entered"]) == (mia.id, "yes")
    assert found(database, number).status is Status.OPEN
    assert told(database, mia) == []
    with pytest.raises(InvalidInput):
        suppliers(database).record(mia, case.id, " ", NOW)
