"""What happens on a ticket's page when somebody else, or the same person twice, has been at it meanwhile."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.desk.telling import Telling
from portal.errors import StaleTicket
from portal.people import Person, Role
from portal.services import Services
from portal.storage import outbox
from portal.storage import tickets as store
from portal.tickets import Action, Status
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in
from tests.ticketing import SENT, found, post


@pytest.fixture
def number(portal_services: Services) -> int:
    """A request in German."""
    return portal_services.requests.receive(SENT, "form", portal_services.clock(), stems=[])[0].id


@pytest.fixture
def supervisor(app: Flask, portal_services: Services) -> tuple[Person, FlaskClient]:
    """A supervisor, signed in."""
    made = person(email="sue@example.org", name="Sue Kent", roles=frozenset({Role.SUPERVISOR}))
    added = portal_services.staff.add(made, PASSWORD, portal_services.clock())
    return added, sign_in(app.test_client(), "sue@example.org")


def draft_in(page: str) -> str:
    """What stands in the field for a reply."""
    written = re.search(r'<textarea id="ui-text-reply"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert written is not None
    return written[1]


def test_who_classifies_with_an_old_page_puts_nothing_back(
    number: int, agent: FlaskClient, portal_services: Services
) -> None:
    """The colleague's urgency stays; the page says that it has changed."""
    version = hidden(agent.get(f"/en/desk/tickets/{number}").text, "version")
    post(agent, f"{number}/classify", urgency="5", impact="5", topic="", version=version)

    late = post(agent, f"{number}/classify", urgency="4", impact="3", topic="accounts", version=version)

    assert late.status_code == 409
    assert "The ticket has changed since you opened it." in late.text
    assert (found(portal_services, number).urgency, found(portal_services, number).topic) == (5, "")


def test_undo_in_time_keeps_what_was_begun_since(number: int, agent: FlaskClient) -> None:
    """What is taken back stands above it."""
    post(agent, f"{number}/reply", text="First answer")
    post(agent, f"{number}/draft", field="reply", text="Second answer")

    answer = post(agent, f"{number}/undo")

    assert draft_in(answer.text) == "First answer\n\nSecond answer"


def test_undo_too_late_keeps_what_was_begun_since(
    number: int, agent: FlaskClient, portal_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The field shows the draft, so that the next key does not write over it."""
    post(agent, f"{number}/reply", text="First answer")
    post(agent, f"{number}/draft", field="reply", text="Second answer")
    later = portal_services.clock() + timedelta(seconds=11)
    monkeypatch.setattr(portal_services, "clock", lambda: later)

    answer = post(agent, f"{number}/undo")

    assert answer.status_code == 409
    assert draft_in(answer.text) == "Second answer"


def test_pressing_again_after_a_refusal_writes_to_nobody_twice(
    supervisor: tuple[Person, FlaskClient], number: int, portal_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was left out the first time is written to; the texts stand in the form."""
    boss, client = supervisor
    now = portal_services.clock()
    others = [portal_services.requests.receive(SENT, f"n{each}", now, stems=[])[0].id for each in range(3)]
    portal_services.incidents.declare(boss, number, {"en": "VPN is down"}, now)
    portal_services.incidents.link(boss, number, others, now)
    stamp = hidden(client.get(f"/en/desk/tickets/{number}").text, "stamp")
    real = Telling._tell_one

    def busy(self: Telling, each: int, *more: Any) -> Any:
        if each == others[2]:
            raise StaleTicket("busy")
        return real(self, each, *more)

    with monkeypatch.context() as patch:
        patch.setattr(Telling, "_tell_one", busy)
        first = post(client, f"{number}/incident/tell", do="tell", stamp=stamp, message_en="We work on it.")
    again = hidden(first.text, "stamp")
    post(client, f"{number}/incident/tell", do="tell", stamp=again, message_en="We work on it.")

    assert "Press the button again: nobody is written to twice." in first.text
    assert "We work on it.</textarea>" in first.text
    with portal_services.database.read() as connection:
        replies = [
            [event.action for event in store.history(connection, each)].count(Action.REPLY)
            for each in [*others, number]
        ]
        mails = [
            [mail.about for mail in outbox.of_ticket(connection, each)].count("event") for each in [*others, number]
        ]
    assert (replies, mails) == ([1, 1, 1, 1], [1, 1, 1, 1])


def test_enter_in_a_form_of_several_buttons_sends_nothing_and_loses_nothing(
    supervisor: tuple[Person, FlaskClient], number: int, portal_services: Services
) -> None:
    """Nobody knows which was meant."""
    boss, client = supervisor
    portal_services.incidents.declare(boss, number, {"en": "VPN is down"}, portal_services.clock())
    stamp = hidden(client.get(f"/en/desk/tickets/{number}").text, "stamp")

    answer = post(client, f"{number}/incident/tell", stamp=stamp, message_en="We work on it.")

    assert answer.status_code == 400
    assert "Press one of the buttons. Nothing has been sent yet." in answer.text
    assert "We work on it.</textarea>" in answer.text
    assert found(portal_services, number).status is Status.NEW


def test_a_major_incident_is_ended_before_it_is_anything_else(
    supervisor: tuple[Person, FlaskClient], number: int, portal_services: Services
) -> None:
    """Neither spam nor a duplicate as long as everybody is told of it."""
    boss, client = supervisor
    portal_services.incidents.declare(boss, number, {"en": "VPN is down"}, portal_services.clock())

    refused = post(client, f"{number}/mark_spam")
    ended = post(client, f"{number}/incident", do="end")
    spam = post(client, f"{number}/mark_spam")

    assert (refused.status_code, ended.status_code, spam.status_code) == (409, 303, 303)
    assert not portal_services.incidents.banner("en")


def test_what_came_from_another_address_says_so(number: int, agent: FlaskClient, portal_services: Services) -> None:
    """Whoever was given the requester's mail may answer it, and is not taken for them."""
    now = portal_services.clock()
    with portal_services.database.write() as connection:
        request = store.get(connection, number, lock=True)
        details = {"from": "mallory@example.net"}
        portal_services.requests.answer_on(connection, request, "Send it to me.", now, details=details)

    page = agent.get(f"/en/desk/tickets/{number}").text

    assert '<span class="tag">from another address: mallory@example.net</span>' in page
