"""A form whose answer was lost and that the browser sends again: kept once and mailed once, whatever came between."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from portal.histories import FORM
from portal.services import Services
from portal.storage import Database
from portal.tickets import Action, Resolution, Status, Ticket
from tests.builders import NOW
from tests.conftest import hidden
from tests.requesting import count, events, receive, requests_on
from tests.working import at, desk, found, hire, history, opened, posted

NUMBER, OTHER = "A" * 22, "B" * 22
HOURS = 3600.0
SENT = [Action.REPLY, Action.ASK_REQUESTER, Action.NOTE]


@pytest.mark.parametrize("action", SENT)
def test_what_an_agent_sends_again_later_is_kept_once(database: Database, action: Action) -> None:
    """Hours later and after other things; another text, another form and another person are others."""
    mia, boris, number = hire(database), hire(database, "Boris Orlow"), opened(database, status=Status.OPEN)
    work = desk(database).work

    work(mia, number, action, NOW, text="Restart it.", form=NUMBER)
    work(mia, number, Action.NOTE, at(60), text="Called.", form=OTHER)
    again = work(mia, number, action, at(HOURS), text=" Restart it.\n", form=NUMBER)

    assert again == found(database, number)
    assert [event.action for event in history(database, number)] == [action, Action.NOTE]
    assert len(posted(database, number)) == (action is not Action.NOTE)
    for who, text, form in [(mia, "Restart it!", NUMBER), (mia, "Restart it.", OTHER), (boris, "Restart it.", NUMBER)]:
        work(who, number, action, at(2 * HOURS), text=text, form=form)
    assert len(history(database, number)) == 5


def test_a_solution_sent_again_is_no_conflict(database: Database) -> None:
    """The version of the page is old by then; what was done is shown as done."""
    mia, number = hire(database), opened(database, status=Status.OPEN)

    def solve(seconds: float) -> Ticket:
        return desk(database).work(
            mia, number, Action.SOLVE, at(seconds), version=1, text="Done.", resolution=Resolution.ANSWERED, form=NUMBER
        )

    assert solve(HOURS) == solve(0)
    assert len(posted(database, number)) == 1


def test_what_was_taken_back_can_be_sent_again(database: Database) -> None:
    """Nobody loses the text that they took back and sent from the page before."""
    mia, number = hire(database), opened(database, status=Status.OPEN)
    desk(database).work(mia, number, Action.REPLY, NOW, text="Restart it.", form=NUMBER)
    desk(database).retract(mia, number, at(5))

    desk(database).work(mia, number, Action.REPLY, at(30), text="Restart it.", form=NUMBER)

    assert [event.action for event in history(database, number)] == [Action.REPLY, Action.RETRACT, Action.REPLY]


@pytest.mark.parametrize("action", SENT)
def test_the_same_form_at_once_is_kept_once(database: Database, action: Action) -> None:
    """The second waits for the first and sees what it kept."""
    mia, number = hire(database), opened(database, status=Status.OPEN)
    together = threading.Barrier(4)

    def send(hours: int) -> Ticket:
        together.wait(60)
        return desk(database).work(mia, number, action, at(hours * HOURS), text="Restart it.", form=NUMBER)

    with ThreadPoolExecutor(4) as pool:
        versions = [each.version for each in pool.map(send, range(4))]

    assert versions == [2] * 4
    assert len(history(database, number)) == 1
    assert len(posted(database, number)) == (action is not Action.NOTE)


def test_a_requesters_reply_sent_again_later_is_kept_once(database: Database) -> None:
    """After others have written, and after the request was closed: it becomes no new request."""
    request, link = receive(database)
    requests, form = requests_on(database), {FORM: NUMBER}

    requests.answer_back(link, "Still not.", NOW, form)
    requests.answer_back(link, "And red.", NOW, {FORM: OTHER})
    again = requests.answer_back(link, " Still not.\r\n", NOW + timedelta(hours=3), form)
    requests.close(link, NOW)
    after = requests.answer_back(link, "Still not.", NOW + timedelta(hours=4), form)

    assert [text for _, text in events(database, request.id)][-3:] == ["Still not.", "And red.", ""]
    assert (again[0].id, again[1], after[0].id, after[1]) == (request.id, None, request.id, None)
    assert (after[0].status, count(database, "tickets")) == (Status.CLOSED, 1)


def test_a_reply_that_opened_a_request_is_sent_again(database: Database) -> None:
    """It leads to the request that it opened, at any time; the next one that is closed as well changes nothing."""
    _, link = receive(database)
    requests, form = requests_on(database), {FORM: NUMBER}
    requests.close(link, NOW)

    first, token = requests.answer_back(link, "Again", NOW, form)
    requests.answer_back(link, "And more", NOW, {FORM: OTHER})
    again = requests.answer_back(link, "Again", NOW + timedelta(hours=3), form)
    requests.close(token or "", NOW)
    after = requests.answer_back(link, "Again", NOW + timedelta(hours=4), form)

    assert (again[0].id, again[1]) == (after[0].id, after[1]) == (first.id, token)
    assert (count(database, "tickets"), count(database, "outbox")) == (2, 2)


def test_the_same_reply_at_once_is_kept_once(database: Database) -> None:
    """Both are answered; one is kept."""
    request, link = receive(database)
    together = threading.Barrier(4)

    def send(hours: int) -> int:
        together.wait(60)
        moment = NOW + timedelta(hours=hours)
        return requests_on(database).answer_back(link, "Still not.", moment, {FORM: NUMBER})[0].id

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(4))) == {request.id}
    assert [text for _, text in events(database, request.id)][1:] == ["Still not."]


@pytest.mark.parametrize("action", SENT)
def test_the_form_of_the_tickets_page(agent: FlaskClient, portal_services: Services, action: Action) -> None:
    """Each opening of the page has forms of its own; one that is sent again leads to the same page and adds nothing."""
    database = portal_services.database
    number = opened(database, status=Status.OPEN)
    page = f"/en/desk/tickets/{number}"
    first, second = agent.get(page).text, agent.get(page).text
    fields = {name: hidden(first, name) for name in ("csrf_token", "form_number")}

    def send(text: str, **changed: str) -> tuple[int, str]:
        answer = agent.post(f"{page}/{action}", data={**fields, "text": text, **changed})
        return answer.status_code, answer.headers["Location"]

    sent = [send("One."), send("Two."), send("One.")]

    assert sent == [(303, f"{page}#ui-last")] * 3
    assert hidden(second, "form_number") != fields["form_number"]
    # What is no number of ours is none: only a second press within seconds is the same.
    assert [send("One.", form_number=wrong) for wrong in ("x" * 23, "é" * 22, "")] == [sent[0]] * 3
    assert [event.text for event in history(database, number)] == ["One.", "Two.", "One."]
    assert [FORM in event.details for event in history(database, number)] == [True, True, False]


def test_the_form_of_the_private_page(reader: FlaskClient, portal_services: Services) -> None:
    """The same for a requester; whoever has written in between."""
    request, link = receive(portal_services.database)
    page = f"/de/requests/{link}"
    fields = {"form_number": hidden(reader.get(page).text, "form_number")}

    answers = [reader.post(f"{page}/reply", data={**fields, "text": text}) for text in ("Eins.", "Zwei.", "Eins.")]

    assert [(each.status_code, each.headers["Location"]) for each in answers] == [(303, f"{page}#ui-last")] * 3
    assert [text for _, text in events(portal_services.database, request.id)][1:] == ["Eins.", "Zwei."]
    assert hidden(reader.get(page).text, "form_number") != fields["form_number"]
