"""What is done from the queue, to many tickets at once and to the next one, over HTTP."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.services import Services
from portal.storage import tickets as store
from portal.tickets import Status
from portal.web.desk import queue
from tests.builders import PASSWORD, person
from tests.conftest import hidden
from tests.ticketing import fill, rows, send, told


def test_many_tickets_are_worked_on_at_once(agent: FlaskClient, portal_services: Services) -> None:
    """Each for itself; a line says what was done, and what was not and why."""
    portal_services.staff.add(person(email="ben@example.org", name="Ben Ohm"), PASSWORD, portal_services.clock())
    fill(portal_services, 4)
    fill(portal_services, owner_id=2, owner_name="Ben Ohm", status=Status.OPEN)

    taken = send(agent, "bulk", action="take", number=["1", "2", "5", "99", "x"], back="sort=age&owner=me")
    assigned = send(agent, "bulk", action="assign", to="2", number=["3"])
    escalated = send(agent, "bulk", action="escalate", tier="2", reason="Needs a specialist", number=["3", "4"])
    classified = send(agent, "bulk", action="classify", urgency="5", impact="5", number=["1"])
    spam = send(agent, "bulk", action="spam", number=["2"])
    closed = send(agent, "bulk", action="close", number=["1", "2"])

    assert told(taken) == ("2 tickets done · not done: 99 (it is no longer there) · not done: 5 (somebody else has it)")
    assert rows(taken) == [1, 2], "and one is where one was"
    assert told(assigned) == told(classified) == told(spam) == "1 ticket done"
    assert told(escalated) == "2 tickets done"
    assert told(closed) == "0 tickets done · not done: 1, 2 (not possible in its present status)"
    with portal_services.database.read() as connection:
        found = {number: store.get(connection, number) for number in range(1, 6)}
    assert (found[1].owner_name, found[1].priority) == ("Mia Lindt", 5)
    assert found[2].status is Status.SPAM
    assert (found[3].tier, found[4].tier) == (2, 2)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"action": "take"}, "Tick at least one ticket."),
        ({"action": "take", "number": [str(n) for n in range(1, 202)]}, "Tick at most 200 tickets."),
        ({"action": "", "number": "1"}, "Choose what to do with the ticked tickets."),
        ({"action": "delete", "number": "1"}, "Choose what to do with the ticked tickets."),
        ({"action": "assign", "number": "1"}, "Choose who is to have the tickets."),
        ({"action": "escalate", "number": "1", "reason": "x"}, "Choose the tier that the tickets go to."),
        ({"action": "escalate", "number": "1", "tier": "2", "reason": " "}, "Say why you escalate the tickets."),
        ({"action": "classify", "number": "1"}, "Choose an urgency or an impact."),
    ],
)
def test_what_is_missing_is_said_and_nothing_done(
    fields: dict[str, Any], words: str, agent: FlaskClient, portal_services: Services
) -> None:
    """No ticket changes."""
    fill(portal_services)
    token = hidden(agent.get("/en/desk/").text, "csrf_token")

    answer = agent.post("/en/desk/bulk", data={"csrf_token": token, **fields})

    assert (answer.status_code, told(answer.text)) == (400, words)
    with portal_services.database.read() as connection:
        assert store.get(connection, 1).version == 1


def test_what_could_not_be_done_is_shown_as_it_was_sent(agent: FlaskClient, portal_services: Services) -> None:
    """The ticks, the action and its fields, in the queue and on the page of it where they were made."""
    fill(portal_services, queue.PAGE_SIZE + 2)
    first = agent.get("/en/desk/?sort=age").text
    second = agent.get(unescape(first.split('rel="next" href="')[1].split('"')[0])).text
    fields = {"action": "escalate", "reason": "<Needs> “him”", "number": ["52"], "back": "sort=age"}
    sent = {"csrf_token": hidden(second, "csrf_token"), "after": hidden(second, "after"), **fields}

    page = agent.post("/en/desk/bulk", data=sent).text

    assert rows(second) == rows(page) == [51, 52]
    assert re.findall(r'name="number" value="(\d+)" checked', page) == ["52"]
    assert '<option value="escalate" selected>' in page
    assert 'name="reason" value="&lt;Needs&gt; “him”"' in page
    done = agent.post("/en/desk/bulk", data={**sent, "tier": "2"})
    assert told(agent.get(done.location).text) == "1 ticket done"


def test_the_next_ticket_is_taken_and_opened(agent: FlaskClient, portal_services: Services) -> None:
    """What is due first; where nothing waits, the queue says so."""
    now = portal_services.clock()
    fill(portal_services, due_at=now + timedelta(hours=2))
    fill(portal_services, due_at=now + timedelta(hours=1))
    token = hidden(agent.get("/en/desk/").text, "csrf_token")

    places = [agent.post("/en/desk/next", data={"csrf_token": token}).location for _ in range(3)]

    assert places == ["/en/desk/tickets/2", "/en/desk/tickets/1", "/en/desk/"]
    assert told(agent.get(places[2]).text).startswith("There is nothing to take")
