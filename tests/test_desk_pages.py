"""The desk: who gets in, the queue, and tickets that two people work on at once."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.locales import CODES
from portal.people import Role
from portal.queries import Query
from portal.services import Services
from portal.storage import tickets as store
from portal.tickets import Action, Status
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in


def open_gap(services: Services, text: str = "zyxomat", language: str = "en") -> int:
    """The number of a new gap."""
    return services.desk.open_gap(Query(language, text), [text], "/en/search", services.clock()).ticket.id


def act(client: FlaskClient, number: int, action: str, **fields: str) -> "tuple[int, str]":
    """Press a ticket's button; status and page."""
    page = client.get(f"/en/desk/tickets/{number}").text
    data = {"csrf_token": hidden(page, "csrf_token"), "version": hidden(page, "version")} | fields
    answer = client.post(f"/en/desk/tickets/{number}/{action}", data=data)
    return answer.status_code, answer.text


DESK = ["/{}/desk/", "/{}/desk/tickets/1"]


@pytest.mark.parametrize("path", DESK)
def test_strangers_are_asked_to_sign_in_and_led_back(path: str, reader: FlaskClient) -> None:
    """Nothing of the desk is shown; after signing in the page is there."""
    answer = reader.get(path.format("de"))

    assert answer.status_code == 303
    assert answer.location == f"/de/sign-in?next={path.format('de')}"
    assert reader.post("/de/desk/tickets/1/take").status_code in {303, 400}


@pytest.mark.parametrize(
    ("roles", "reads", "works"),
    [
        ({Role.AGENT}, 200, 303),
        ({Role.SUPERVISOR}, 200, 303),
        ({Role.ADMINISTRATOR}, 200, 303),
        ({Role.WRITER}, 200, 403),
    ],
    ids=["agent", "supervisor", "administrator", "writer"],
)
def test_each_role_may_do_its_part(
    roles: set[Role], reads: int, works: int, app: Flask, portal_services: Services
) -> None:
    """Writers see what people asked in vain, and leave the answering to agents."""
    number = open_gap(portal_services)
    portal_services.staff.add(person(roles=frozenset(roles)), PASSWORD, portal_services.clock())
    client = sign_in(app.test_client(), "mia@example.org")

    assert client.get("/en/desk/").status_code == reads
    assert (">Take it<" in client.get(f"/en/desk/tickets/{number}").text) == (works == 303)
    data = {"csrf_token": hidden(client.get("/en/desk/").text, "csrf_token"), "version": "1"}
    assert client.post(f"/en/desk/tickets/{number}/take", data=data).status_code == works


@pytest.mark.parametrize("language", CODES)
def test_a_wrong_password_is_told_without_saying_which_half_is_wrong(
    language: str, agent: FlaskClient, app: Flask
) -> None:
    """An unknown address and a wrong password look alike."""
    client = app.test_client()
    token = hidden(client.get(f"/{language}/sign-in").text, "csrf_token")

    pages = []
    for email in ("mia@example.org", "nobody@example.org"):
        sent = {"email": email, "password": "wrong", "csrf_token": token}
        answer = client.post(f"/{language}/sign-in", data=sent)
        assert answer.status_code == 403
        pages.append(answer.text.replace(email, "").replace(hidden(answer.text, "csrf_token"), ""))

    assert pages[0] == pages[1]


def test_after_ten_wrong_passwords_the_account_waits(agent: FlaskClient, app: Flask) -> None:
    """Also the right one is refused, with the time to wait."""
    client = app.test_client()
    token = hidden(client.get("/fr/sign-in").text, "csrf_token")
    for _ in range(10):
        client.post("/fr/sign-in", data={"email": "mia@example.org", "password": "wrong", "csrf_token": token})

    answer = client.post("/fr/sign-in", data={"email": "mia@example.org", "password": PASSWORD, "csrf_token": token})

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert "15" in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:x",
    ],
)
def test_signing_in_leads_nowhere_else(target: str, agent: FlaskClient, app: Flask) -> None:
    """A forged `next` is not followed."""
    client = app.test_client()
    token = hidden(client.get("/en/sign-in").text, "csrf_token")
    sent = {"email": "mia@example.org", "password": PASSWORD, "csrf_token": token, "next": target}

    assert client.post("/en/sign-in", data=sent).location == "/en/desk/"


def test_a_form_of_the_desk_needs_its_token(agent: FlaskClient, portal_services: Services) -> None:
    """Another site cannot press an agent's buttons."""
    number = open_gap(portal_services)

    answer = agent.post(f"/ru/desk/tickets/{number}/take", data={"csrf_token": "forged"})

    assert answer.status_code == 400
    assert '<html lang="ru"' in answer.text
    with portal_services.database.read() as connection:
        assert store.get(connection, number).owner_id is None


def test_signing_out_ends_the_session_everywhere(agent: FlaskClient, app: Flask) -> None:
    """A copy of the cookie is worth nothing afterwards."""
    cookie = agent.get_cookie("staff")
    assert cookie is not None
    thief = app.test_client()
    thief.set_cookie("staff", cookie.value)
    before = thief.get("/en/desk/").status_code

    agent.post("/en/sign-out", data={"csrf_token": hidden(agent.get("/en/desk/").text, "csrf_token")})

    assert (before, thief.get("/en/desk/").status_code) == (200, 303)


def test_a_session_ends_after_its_hours(agent: FlaskClient, portal_services: Services) -> None:
    """Twelve hours later the agent signs in again."""
    now = portal_services.clock
    portal_services.clock = lambda: now() + timedelta(hours=13)

    assert agent.get("/en/desk/").status_code == 303


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
    ("solve", {"resolution": "answered"}, 400, "Enter a text."),
    ("solve", {"text": "x", "resolution": "magic"}, 400, "Choose how it was solved."),
    ("note", {"text": "  "}, 400, "Enter a text."),
    ("note", {"text": "n" * 10_001}, 400, "too long"),
    ("reply", {"text": "nobody waits"}, 409, "not possible"),
    ("close", {}, 409, "not possible"),
    ("reopen", {}, 409, "not possible"),
    ("asked_again", {}, 404, "does not exist"),
    ("explode", {}, 404, "does not exist"),
]


@pytest.mark.parametrize(
    ("action", "fields", "status", "message"), FAULTS, ids=[f"{row[0]} {row[2]}" for row in FAULTS]
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
        ("solve", {"text": "article is there", "resolution": "article_written"}),
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
        Action.ASKED_AGAIN,
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

    answer = agent.post(f"/en/desk/tickets/{number}/solve", data={**data, "text": "x", "resolution": "answered"})

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

    assert act(agent, number, "solve", text="x", resolution="answered", version="9" * 5000)[0] == 303


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
