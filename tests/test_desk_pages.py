"""The desk's queue and tickets over HTTP: what two people do at once, and what a page shows."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.locales import CODES
from portal.mail import Mail
from portal.services import Services
from portal.storage import outbox, ratings
from portal.storage import tickets as store
from portal.tickets import Action, Callback, Kind, Status
from portal.web.labels import CHANNEL
from tests.builders import NOW, PASSWORD, person, ticket
from tests.conftest import hidden, sign_in
from tests.ticketing import act, open_gap


@pytest.mark.parametrize("language", CODES)
def test_the_queue_shows_gaps_and_requests_oldest_first(
    language: str, agent: FlaskClient, portal_services: Services
) -> None:
    """With filters by kind and language, and an empty state that says what to do."""
    empty = agent.get(f"/{language}/desk/").text
    for text, spoken in (("primus", "en"), ("zweite", "de"), ("third", "en")):
        open_gap(portal_services, text, spoken)

    everything = agent.get(f"/{language}/desk/").text
    german = agent.get(f"/{language}/desk/?in=de&kind=gap").text
    requests = agent.get(f"/{language}/desk/?kind=request").text
    rubbish = agent.get(f"/{language}/desk/?in=xx&kind=yy&show=zz&after=rubbish").text

    assert 'class="empty"' in empty
    assert everything.index("primus") < everything.index("zweite") < everything.index("third")
    assert "zweite" in german
    assert "primus" not in german
    assert 'class="empty"' in requests
    assert "third" in rubbish


def test_the_queue_goes_on_page_by_page(agent: FlaskClient, portal_services: Services) -> None:
    """Fifty a page, none twice, none left out."""
    for number in range(53):
        open_gap(portal_services, f"word{number}")
    first = agent.get("/en/desk/").text
    address = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")

    second = agent.get(address).text

    assert first.count('class="subject"') == 50
    assert second.count('class="subject"') == 3
    assert 'rel="next"' not in second


def test_a_second_agent_cannot_take_what_is_taken(agent: FlaskClient, app: Flask, portal_services: Services) -> None:
    """409, with the name of who has it."""
    number = open_gap(portal_services)
    portal_services.staff.add(person(email="ben@example.org", name="Ben Ohm"), PASSWORD, portal_services.clock())
    other = sign_in(app.test_client(), "ben@example.org")
    other.get(f"/en/desk/tickets/{number}")

    first = act(agent, number, "take")
    second = act(other, number, "take")

    assert first[0] == 303
    assert second[0] == 409
    assert "Mia Lindt has already taken this ticket" in second[1]


def test_solving_what_has_changed_is_refused_and_the_text_is_kept(
    agent: FlaskClient, portal_services: Services
) -> None:
    """The agent sees the ticket as it is now, with what they had typed."""
    number = open_gap(portal_services)
    page = agent.get(f"/en/desk/tickets/{number}").text
    act(agent, number, "note", text="a colleague was here")
    data = {
        "csrf_token": hidden(page, "csrf_token"),
        "version": hidden(page, "version"),
        "text": "my long resolution",
        "resolution": "article_written",
    }

    answer = agent.post(f"/en/desk/tickets/{number}/solve", data=data)

    assert answer.status_code == 409
    assert "my long resolution" in answer.text
    assert "a colleague was here" in answer.text


FAULTS = [
    ("solve", {"text": "done"}, 400, "Choose how it was solved."),
    ("solve", {"resolution": "out_of_scope"}, 400, "Enter a text."),
    ("solve", {"text": "x", "resolution": "magic"}, 400, "Choose how it was solved."),
    ("solve", {"text": "x", "resolution": "answered"}, 400, "Choose how it was solved."),
    ("solve", {"text": "x", "resolution": "withdrawn"}, 400, "Choose how it was solved."),
    ("solve", {"text": "x", "resolution": "translated"}, 400, "Enter the article that answers it."),
    ("solve", {"text": "x", "resolution": "translated", "slug": "No!"}, 400, "paste the whole address"),
    ("solve", {"text": "x", "resolution": "article_written", "slug": "printer-offline"}, 409, "It is not found."),
    ("solve", {"resolution": "article_written", "slug": "kazoo"}, 409, "There is no such article in the language"),
    ("note", {"text": "  "}, 400, "Enter a text."),
    ("note", {"text": "n" * 10_001}, 400, "too long"),
    ("reply", {"text": "nobody waits"}, 409, "not possible"),
    ("close", {}, 409, "not possible"),
    ("reopen", {}, 409, "not possible"),
    ("asked_again", {}, 404, "does not exist"),
    ("withdraw", {}, 404, "does not exist"),
    ("requester_close", {}, 404, "does not exist"),
    ("rate", {}, 404, "does not exist"),
    ("tell", {}, 404, "does not exist"),
    ("mail_failed", {}, 404, "does not exist"),
    ("explode", {}, 404, "does not exist"),
]


@pytest.mark.parametrize(
    ("action", "fields", "status", "message"), FAULTS, ids=[f"{row[0]} {row[2]} {row[3]}" for row in FAULTS]
)
def test_only_what_the_lifecycle_allows_is_possible(
    action: str, fields: dict[str, str], status: int, message: str, agent: FlaskClient, portal_services: Services
) -> None:
    """Anything else is refused with its reason, and changes nothing."""
    number = open_gap(portal_services)

    answer = act(agent, number, action, **fields)

    assert answer[0] == status
    assert message in answer[1]
    with portal_services.database.read() as connection:
        assert store.get(connection, number).status is Status.NEW
        assert len(store.history(connection, number)) == 1


def test_a_gaps_whole_life_is_in_its_history(agent: FlaskClient, portal_services: Services) -> None:
    """Taken, noted, solved with a resolution, asked again, opened again: who, when, what."""
    number = open_gap(portal_services)
    for action, fields in (
        ("take", {}),
        ("note", {"text": "see the manual"}),
        ("solve", {"text": "a toy", "resolution": "out_of_scope"}),
    ):
        assert act(agent, number, action, **fields)[0] == 303
    open_gap(portal_services)

    with portal_services.database.read() as connection:
        history = store.history(connection, number)
    page = agent.get(f"/en/desk/tickets/{number}").text

    assert [event.action for event in history] == [
        Action.OPENED,
        Action.TAKE,
        Action.NOTE,
        Action.SOLVE,
        Action.REOPEN,
    ]
    assert {event.actor.name for event in history} == {"", "Mia Lindt"}
    assert "asked again after the answer" in page
    assert "2 times" in page


def test_an_unknown_ticket_is_a_polite_404(agent: FlaskClient) -> None:
    """Also a number that no database could hold."""
    assert agent.get("/en/desk/tickets/99").status_code == 404
    assert agent.get("/en/desk/tickets/99999999999999999999").status_code == 404


def test_everything_from_outside_is_shown_as_text(agent: FlaskClient, portal_services: Services) -> None:
    """Markup in a query is no markup on the desk."""
    number = open_gap(portal_services, "<img src=x onerror=alert(1)>")

    for page in (agent.get("/en/desk/").text, agent.get(f"/en/desk/tickets/{number}").text):
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


def test_others_who_ask_do_not_keep_an_agent_from_solving(agent: FlaskClient, portal_services: Services) -> None:
    """A gap that is asked again while it is being solved is solved."""
    number = open_gap(portal_services)
    page = agent.get(f"/en/desk/tickets/{number}").text
    open_gap(portal_services)
    data = {"csrf_token": hidden(page, "csrf_token"), "version": hidden(page, "version")}

    answer = agent.post(f"/en/desk/tickets/{number}/solve", data={**data, "text": "x", "resolution": "out_of_scope"})

    assert answer.status_code == 303
    with portal_services.database.read() as connection:
        assert store.get(connection, number).occurrences == 2


def test_what_was_typed_is_kept_when_the_session_has_ended(agent: FlaskClient, portal_services: Services) -> None:
    """The text is there to be copied, with the way to sign in and back to the ticket."""
    number = open_gap(portal_services)
    page = agent.get(f"/de/desk/tickets/{number}").text
    now = portal_services.clock
    portal_services.clock = lambda: now() + timedelta(hours=13)

    answer = agent.post(
        f"/de/desk/tickets/{number}/note", data={"csrf_token": hidden(page, "csrf_token"), "text": "my <long> note"}
    )

    assert answer.status_code == 401
    assert "my &lt;long&gt; note</textarea>" in answer.text
    assert f"next=/de/desk/tickets/{number}" in answer.text


def test_a_version_that_is_no_number_is_no_fault(agent: FlaskClient, portal_services: Services) -> None:
    """Thousands of digits are nothing that a ticket could have."""
    number = open_gap(portal_services)

    assert act(agent, number, "solve", text="x", resolution="out_of_scope", version="9" * 5000)[0] == 303


def test_taking_twice_is_taking_once(agent: FlaskClient, portal_services: Services) -> None:
    """A second click on the same button is no conflict."""
    number = open_gap(portal_services)

    assert [act(agent, number, "note", text="n")[0], act(agent, number, "take")[0]] == [303, 303]
    assert (
        agent.post(
            f"/en/desk/tickets/{number}/take", data={"csrf_token": hidden(agent.get("/en/desk/").text, "csrf_token")}
        ).status_code
        == 303
    )


@pytest.mark.parametrize("language", CODES)
def test_unconfirmed_gaps_are_folded_away(language: str, agent: FlaskClient, portal_services: Services) -> None:
    """They are counted and at hand, not in the queue; on a page of their own where they are many."""
    open_gap(portal_services, "real")
    for number in range(22):
        open_gap(portal_services, f"machine{number}", is_returning=False)

    page = agent.get(f"/{language}/desk/").text
    queue, lane = page.split('<details class="lane">')
    everything = agent.get(f"/{language}/desk/?show=unconfirmed").text

    assert "machine" not in queue
    assert ">real</a>" in queue
    assert ">real</a>" not in lane
    assert lane.count('class="subject"') == 20
    assert "show=unconfirmed" in lane
    assert everything.count('class="subject"') == 22
    assert 'aria-current="page"' in everything
    assert 'class="lane"' not in agent.get(f"/{language}/desk/?in=de").text


@pytest.mark.parametrize("language", CODES)
def test_a_request_shows_what_was_tried_mailed_and_thought(
    language: str, agent: FlaskClient, portal_services: Services
) -> None:
    """Trail, callback, rating, the mail server's words, and the request that it goes on with."""
    trail = (
        {
            "kind": "search",
            "text": "printer <b>",
            "language": "en",
            "at": NOW.isoformat(),
            "results": "The printer is offline",
        },
        {"kind": "article", "text": "The printer", "language": "en", "at": NOW.isoformat(), "slug": "printer-offline"},
        {"kind": "article", "text": "Gone", "language": "en", "at": NOW.isoformat()},
    )
    with portal_services.database.write() as connection:
        first = store.create(connection, ticket(subject="The first one")) or 0
        number = store.create(
            connection, ticket(trail=trail, phone="+44 20 7946 0018", callback=Callback.MORNING, follows_id=first)
        ) or 0  # fmt: skip
        ratings.put(connection, number, ratings.Rating(2, "slow <i>", NOW))
        mail = Mail("a@example.org", "A", "en", "Re", "text", "html", {})
        message = outbox.add(connection, mail, "k", NOW, ticket_id=number)
        outbox.bounced(connection, message or "", NOW, "550 5.1.1 no such user")

    page = agent.get(f"/{language}/desk/tickets/{number}").text

    assert "printer &lt;b&gt;" in page
    assert 'href="/en/articles/printer-offline" lang="en">The printer</a>' in page
    assert 'href="tel:' in page
    assert "slow &lt;i&gt;" in page
    assert f"/{language}/desk/tickets/{first}" in page
    assert "The first one" in page


@pytest.mark.parametrize("channel", ["web", "mail", "phone", "api"])
def test_a_ticket_says_how_it_came(agent: FlaskClient, portal_services: Services, channel: str) -> None:
    """A person who wrote a mail is answered otherwise than a program that watches a disk."""
    with portal_services.database.write() as connection:
        number = store.create(connection, ticket(kind=Kind.REQUEST, channel=channel))
    shown = agent.get(f"/en/desk/tickets/{number}").text

    assert f"<dt>Came by</dt><dd>{CHANNEL[channel]}</dd>" in shown
    assert "Came by" not in agent.get(f"/en/desk/tickets/{open_gap(portal_services)}").text
