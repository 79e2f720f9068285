"""What leaves to a supplier and what does not, and who owns the ticket then."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from portal.desk.bundles import MESSAGE_LENGTH
from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket, TransitionRefused
from portal.lifecycle import TEXT_LENGTH
from portal.organisation import SHARED, Supplier
from portal.people import Person, Role
from portal.storage import Database, cases, organisation
from portal.tickets import Action, Actor, Kind, Status
from tests.builders import NOW
from tests.supplying import ACME, DAY, REQUEST, add_supplier, mails, preview, say, sent, suppliers, the_case
from tests.working import found, hire, history, opened


@pytest.fixture
def mia(database: Database) -> Person:
    """An agent."""
    return hire(database)


# What leaves


def test_nothing_personal_leaves_unless_it_is_shared(database: Database, mia: Person) -> None:
    """Neither as a fact nor in anybody's words; what is withheld is listed."""
    number = opened(database, **REQUEST)
    say(database, number, Action.REPLY, "Bonjour Léa, est-ce urgent ?", Actor(mia.id, mia.name))
    say(database, number, Action.NOTE, "She is always in a hurry.", Actor(mia.id, mia.name))
    shown = preview(database, number, add_supplier(database))

    assert shown.subject == f"[#{number}] Printer of [name]"
    assert shown.withheld == [
        "name",
        "email",
        "phone",
        "trail",
        "conversation",
        "notes",
        "signature",
        "names",
        "numbers",
    ]
    assert "l’imprimante de [name] ne marche pas ([e-mail])." in shown.text
    for secret in (
        "Léa",
        "Martin",
        "lea@",
        "example.com",
        "1 23 45",
        "rue Haute",
        "hurry",
        "urgent",
        "imprimante [name]",
    ):
        assert secret not in shown.text, secret


def test_what_is_shared_leaves_and_only_that(database: Database, mia: Person) -> None:
    """Each permission brings its own part; internal notes and what was taken back never leave."""
    number = opened(database, **REQUEST)
    agent = Actor(mia.id, mia.name)
    say(database, number, Action.REPLY, "Bonjour Léa, est-ce urgent ?", agent)
    say(database, number, Action.REPLY, "Wrong ticket, sorry", agent)
    say(database, number, Action.RETRACT, "", agent)
    say(database, number, Action.REQUESTER_REPLY, "Oui, très !", Actor(name="Léa Martin"))
    say(database, number, Action.NOTE, "She is always in a hurry.", agent)
    parts = {
        "name": ("Léa Martin",),
        "email": ("lea@example.com",),
        "phone": ("+33 1 23 45 67 89",),
        "trail": ("imprimante",),
        "conversation": ("est-ce urgent ?", "Oui, très !"),
    }

    for number_of, shared in enumerate(SHARED):
        shown = preview(database, number, add_supplier(database, name=f"S{number_of}", shared=frozenset({shared})))
        text = shown.text.partition("Bitte prüfen.")[2].replace("l’imprimante", "")
        for name, marks in parts.items():
            assert all(mark in text for mark in marks) is (name == shared), (shared, name)
        assert "hurry" not in text
        assert "Wrong" not in text
        assert shared not in shown.withheld


def test_the_frame_is_the_suppliers_and_the_words_are_the_requesters(database: Database) -> None:
    """The letter is in the supplier's first language and says in which the request was written."""
    number = opened(database, **REQUEST)

    english = preview(database, number, add_supplier(database, languages=("en", "de")))

    assert english.text.startswith("Hello Jo Park,\n\nMia Lindt asks you for help with our case")
    assert "What was reported to us, in French:" in english.text


def test_what_is_previewed_is_what_leaves(database: Database, mia: Person) -> None:
    """Subject and text to the letter; the history keeps the same, and it is not public."""
    number = opened(database, **REQUEST)
    supplier_id = add_supplier(database, shared=frozenset(SHARED))
    shown = preview(database, number, supplier_id)

    changed = suppliers(database).send(
        mia, number, supplier_id, "Bitte prüfen.", NOW, found(database, number).version, shown.fingerprint
    )

    (mail,) = mails(database)
    assert (mail.mail.subject, mail.mail.text) == (shown.subject, shown.text)
    assert (mail.mail.recipient, mail.mail.recipient_name, mail.mail.language) == (ACME.email, "Jo Park", "de")
    event = history(database, number)[-1]
    assert (event.action, event.text, event.is_public) == (Action.SUPPLIER_SENT, shown.text.strip(), False)
    assert changed.status is Status.WAITING_SUPPLIER
    assert changed == found(database, number)


@pytest.mark.parametrize("change", ["conversation", "settings", "version"])
def test_what_is_no_longer_as_previewed_does_not_leave(change: str, database: Database, mia: Person) -> None:
    """The requester wrote meanwhile, somebody changed what the supplier may know, or another agent did something."""
    number = opened(database, **REQUEST)
    supplier_id = add_supplier(database, shared=frozenset({"conversation"}))
    version, seen = found(database, number).version, preview(database, number, supplier_id).fingerprint
    if change == "conversation":
        say(database, number, Action.REQUESTER_REPLY, "Autre chose", Actor(name="Léa"))
        version = found(database, number).version
    elif change == "settings":
        with database.write() as connection:
            known = organisation.get(connection, Supplier, supplier_id)
            organisation.save(connection, replace(known, shared=frozenset(SHARED)))
    else:
        say(database, number, Action.NOTE, "Hm", Actor(mia.id, mia.name))

    with pytest.raises(StaleTicket):
        suppliers(database).send(mia, number, supplier_id, "Bitte prüfen.", NOW, version, seen)

    assert mails(database) == []
    assert found(database, number).owner_id is None


def test_long_conversations_are_cut_at_their_beginning(database: Database, mia: Person) -> None:
    """A letter stays a letter: the newest messages leave, and the history keeps what it can hold."""
    number = opened(database, **REQUEST)
    for count in range(30):
        say(database, number, Action.REQUESTER_REPLY, f"No.{count}; " + "x" * 1500, Actor(name="Léa"))
    supplier_id = add_supplier(database, shared=frozenset(SHARED))

    shown = preview(database, number, supplier_id)
    suppliers(database).send(mia, number, supplier_id, "Bitte prüfen.", NOW)

    assert "No.29;" in shown.text
    assert "No.1;" not in shown.text
    assert len(shown.text) < 30_000
    assert len(history(database, number)[-1].text) <= TEXT_LENGTH


# Sending


def test_who_writes_owns_what_nobody_had_and_nobody_loses_a_ticket(database: Database, mia: Person) -> None:
    """An unowned ticket is its sender's; an owner stays responsible; the tier stays ours."""
    boris = hire(database, "Boris Ott")
    number, _case = sent(database, mia)
    other = opened(database, tier=2, status=Status.OPEN, owner_id=boris.id, owner_name=boris.name)
    suppliers(database).send(mia, other, add_supplier(database, name="Beta"), "x", NOW)

    first, second = found(database, number), found(database, other)
    assert (first.owner_id, first.owner_name, first.tier) == (mia.id, mia.name, 1)
    assert (second.owner_id, second.tier, second.status) == (boris.id, 2, Status.WAITING_SUPPLIER)
    assert [event.action for event in history(database, number)] == [Action.TAKE, Action.SUPPLIER_SENT]


def test_writing_again_goes_on_with_the_case(database: Database, mia: Person) -> None:
    """One case and one thread; what the supplier knows is not said again, what is new is."""
    number, case = sent(database, mia, shared=frozenset({"conversation", "name"}))
    suppliers(database).set_reference(mia, case.id, "AP-5531", NOW)
    say(database, number, Action.REQUESTER_REPLY, "Toujours rien", Actor(name="Léa"), NOW + DAY)

    suppliers(database).send(mia, number, case.supplier_id, "Gibt es Neues?", NOW + 2 * DAY)

    first, second = mails(database)
    assert the_case(database, number).id == case.id
    assert second.mail.headers["In-Reply-To"] == second.mail.headers["References"] == first.message_id
    assert "In-Reply-To" not in {name for name, value in first.mail.headers.items() if value}
    assert first.mail.headers["Reply-To"] == second.mail.headers["Reply-To"]
    assert second.mail.subject.endswith("(AP-5531)")
    assert "Gibt es Neues?" in second.mail.text
    assert "Toujours rien" in second.mail.text
    assert "imprimante" not in second.mail.text
    assert "Léa Martin" not in second.mail.text


def test_a_reply_that_waited_for_the_letter_is_in_the_next_one(database: Database, mia: Person) -> None:
    """Its time is before that of the letter, and its place in the history behind."""
    number, case = sent(database, mia, shared=frozenset({"conversation"}))
    before = NOW - timedelta(seconds=1)
    say(database, number, Action.REQUESTER_REPLY, "Toujours rien", Actor(name="Léa"), before)

    shown = preview(database, number, case.supplier_id)

    assert "Toujours rien" in shown.text


def test_two_presses_of_the_button_are_one_mail(database: Database, mia: Person) -> None:
    """Within seconds the same text by the same agent is a second press; later it is meant."""
    number, case = sent(database, mia, "Bitte prüfen.")
    again = suppliers(database).send(mia, number, case.supplier_id, "Bitte prüfen.", NOW + timedelta(seconds=3))
    suppliers(database).send(mia, number, case.supplier_id, "Bitte prüfen.", NOW + DAY)

    assert again.status is Status.WAITING_SUPPLIER
    assert len(mails(database)) == 2


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"text": "  "}, InvalidInput("text", "missing")),
        ({"text": "x" * (MESSAGE_LENGTH + 1)}, InvalidInput("text", "too_long")),
        ({"supplier": 999}, InvalidInput("supplier", "missing")),
        ({"supplier": 2**40}, InvalidInput("supplier", "missing")),
        ({"active": False}, InvalidInput("supplier", "invalid")),
        ({"status": Status.SOLVED}, TransitionRefused("")),
        ({"kind": Kind.GAP}, TransitionRefused("")),
        ({"role": Role.WRITER}, NotAllowed("")),
        ({"number": 4040}, NotFound("")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_sent_is_refused_and_leaves_nothing(
    change: dict[str, Any], error: Exception, database: Database, mia: Person
) -> None:
    """Not a case, not a mail, not an owner."""
    number = opened(database, **REQUEST | {name: change[name] for name in ("status", "kind") if name in change})
    supplier_id = change.get("supplier", add_supplier(database, is_active=change.get("active", True)))
    who = replace(mia, roles=frozenset({change.get("role", Role.AGENT)}))

    with pytest.raises(type(error)) as raised:
        suppliers(database).send(who, change.get("number", number), supplier_id, change.get("text", "Please"), NOW)

    if isinstance(error, InvalidInput):
        assert str(raised.value) == str(error)
    with database.read() as connection:
        assert cases.of_ticket(connection, number) == []
    assert mails(database) == []
    assert found(database, number).owner_id is None


def test_where_no_mail_comes_in_answers_go_to_the_agent(database: Database, mia: Person) -> None:
    """The agent then enters them by hand."""
    number = opened(database, **REQUEST)
    suppliers(database, local="").send(mia, number, add_supplier(database), "Bitte prüfen.", NOW)

    assert mails(database)[0].mail.headers["Reply-To"] == mia.email
