"""Requests on every database: sent once however often, told by mail, linked to their gap."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from portal.errors import InvalidInput
from portal.letters import Letters
from portal.mail import Mail
from portal.queries import gap_fingerprint
from portal.requests import RECEIVED_A_DAY, Requests
from portal.storage import Database, outbox
from portal.storage import tickets as store
from portal.tickets import Action, Callback, Kind, Status, Ticket
from tests.builders import NOW, ticket
from tests.requesting import SENT, count, events, in_processes, links_on, receive, requests_on


def test_a_request_sent_twice_is_one_request(database: Database) -> None:
    """The form's number makes a second click, or a replay, the same request with the same link and one mail."""
    (first, link), (second, same) = receive(database), receive(database)
    other, another = requests_on(database).receive(SENT, "another form", NOW, stems=[])

    assert (first.id, link) == (second.id, same)
    assert (other.id, another) != (first.id, link)
    assert first.subject == "It does not print."
    assert (count(database, "tickets"), count(database, "outbox")) == (2, 2)
    assert events(database, first.id) == [(Action.OPENED, SENT.description)]


def _send(url: str, start: Any, results: Any) -> None:
    """Send the same request as the others."""
    database = Database(url)
    start.wait()
    request, link = receive(database)
    results.put((request.id, link))
    database.close()


def test_processes_that_send_at_once_make_one_request(database: Database) -> None:
    """Four processes with the same form: one request, one link, one mail, one line of history."""
    answers = in_processes(_send, database.url)

    assert len(set(answers)) == 1
    assert [count(database, table) for table in ("tickets", "events", "outbox")] == [1, 1, 1]


def test_what_was_sent_comes_back(database: Database) -> None:
    """Every field survives the way into the database, and the link leads to it."""
    trail = ({"kind": "article", "text": "Der Drucker", "language": "de", "at": NOW.isoformat(), "slug": "printer"},)

    sent, link = receive(
        database, subject="Drucker", page="/de/search", query="drucker", phone="+49 30 1234567",
        callback=Callback.MORNING, trail=trail,
    )  # fmt: skip
    found, shown, rating = requests_on(database).follow(link, NOW)

    assert found == sent
    assert (found.phone, found.callback, found.trail) == ("+49 30 1234567", Callback.MORNING, trail)
    assert (found.kind, found.status, found.tier, found.language) == (Kind.REQUEST, Status.NEW, 1, "de")
    assert [(event.action, event.actor.name, event.text) for event in shown] == [
        (Action.OPENED, "Anna Kühn", SENT.description)
    ]
    assert rating is None


def test_a_broken_rule_is_told_and_nothing_is_kept(database: Database) -> None:
    """The first fault is raised with field and code; all of them can be asked for."""
    with pytest.raises(InvalidInput) as refused:
        receive(database, subject="x" * 121, email="")

    assert (refused.value.field, refused.value.code) == ("subject", "too_long")
    assert Requests.faults(replace(SENT, subject="x" * 121, email="")).keys() == {"subject", "email"}
    assert count(database, "tickets") == 0


def test_hostile_text_is_kept_without_what_no_database_takes(database: Database) -> None:
    """NUL bytes, lone surrogates and other controls go; line breaks and all letters stay."""
    bad = "a\x00b\ud800c\x1b\r\nПривет\u00a0! 👩\u200d💻"

    request, link = receive(database, name=bad, description=bad, subject=bad, query=bad, page=bad)
    requests_on(database).answer_back(link, bad + "?", NOW)
    found, shown, _ = requests_on(database).follow(link, NOW)

    assert found == replace(request, version=2)
    assert [event.text for event in shown] == ["abc\nПривет\u00a0! 👩\u200d💻", "abc\nПривет\u00a0! 👩\u200d💻?"]


def test_the_link_is_mailed_in_the_requesters_language(database: Database) -> None:
    """The mail is in the outbox with the request, to the requester, about it, with the private link."""
    request, link = receive(database)

    with database.write() as connection:
        (posted,) = outbox.of_ticket(connection, request.id)
        claimed = outbox.claim(connection, NOW, 60)

    assert claimed is not None
    assert (posted.recipient, posted.language) == ("anna@example.org", "de")
    assert f"https://help.example.org/de/requests/{link}" in claimed.mail.text
    assert claimed.mail.recipient_name == "Anna Kühn"
    assert claimed.message_id.endswith("@help.example.org>")


def test_an_address_is_sent_no_more_than_its_share_of_mails_about_new_requests(database: Database) -> None:
    """Whoever types a stranger's address all day long fills the queue, not the stranger's mailbox."""
    asked = requests_on(database)

    for number in range(RECEIVED_A_DAY + 3):
        asked.receive(replace(SENT, email="ANNA@example.org" if number % 2 else SENT.email), str(number), NOW, stems=[])
    asked.receive(SENT, "tomorrow", NOW + timedelta(days=1), stems=[])

    assert count(database, "tickets") == RECEIVED_A_DAY + 4
    assert count(database, "outbox") == RECEIVED_A_DAY + 1


def test_a_robots_request_is_kept_out_of_the_way_and_mails_nobody(database: Database) -> None:
    """Whoever fills in what no person sees gets the usual answer, and no mail goes to the address they gave."""
    request, link = requests_on(database).receive(SENT, "nonce", NOW, stems=[], is_spam=True)
    links_on(database).ask(str(request.id), SENT.email, "de", NOW)

    assert request.status is Status.SPAM
    assert requests_on(database).follow(link, NOW)[0].id == request.id
    assert links_on(database).send(NOW) == 0
    assert count(database, "outbox") == 0


class Torn(Letters):
    """Letters of which none is ever finished."""

    def received(self, ticket: Ticket, token: str) -> Mail:
        """Breaks off."""
        raise ZeroDivisionError


class Unstorable(Letters):
    """Letters that the outbox cannot take."""

    def received(self, ticket: Ticket, token: str) -> Mail:
        """Without what every row needs."""
        return replace(super().received(ticket, token), language=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("letters", [Torn, Unstorable])
def test_a_request_and_its_mail_are_kept_together_or_not_at_all(database: Database, letters: type[Letters]) -> None:
    """Where the mail cannot be written, there is no request either, and sending again works."""
    broken = requests_on(database, letters("https://help.example.org", "Help", "UTC"))

    with pytest.raises((ZeroDivisionError, IntegrityError)):
        broken.receive(SENT, "nonce", NOW, stems=[])
    left = [count(database, table) for table in ("tickets", "events", "outbox")]
    receive(database)

    assert left == [0, 0, 0]
    assert [count(database, table) for table in ("tickets", "events", "outbox")] == [1, 1, 1]


@pytest.mark.parametrize("is_spam", [False, True])
def test_a_request_is_linked_to_the_gap_of_its_search_and_confirms_it(database: Database, is_spam: bool) -> None:
    """Who found nothing and then asks is joined to their gap, which then is a person's; a robot confirms nothing."""
    gap = ticket(kind=Kind.GAP, fingerprint=gap_fingerprint("de", ["kazoo"], None), is_confirmed=False)
    with database.write() as connection:
        number = store.create(connection, gap)

    request, _ = requests_on(database).receive(SENT, "nonce", NOW, stems=["kazoo"], is_spam=is_spam)
    unlinked, _ = requests_on(database).receive(SENT, "another", NOW, stems=["ukulele"])

    assert (request.gap_id, unlinked.gap_id) == (number, None)
    with database.read() as connection:
        assert store.get(connection, number or 0).is_confirmed is not is_spam
