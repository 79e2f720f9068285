"""The ticket's page over HTTP: what it shows, what is inserted and previewed, drafts, who is there, and taking back."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.locales import CODES
from portal.organisation import SavedReply, Supplier
from portal.people import Person
from portal.services import Services
from portal.storage import organisation, outbox
from portal.tickets import Action, Status, Ticket
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in
from tests.counting import connections
from tests.ticketing import SENT, found, post


@pytest.fixture
def request_and_link(portal_services: Services) -> tuple[Ticket, str]:
    """A request in German, and the token of its private page."""
    return portal_services.requests.receive(SENT, "form", portal_services.clock(), stems=[])


@pytest.fixture
def number(request_and_link: tuple[Ticket, str]) -> int:
    """The request's number."""
    return request_and_link[0].id


@pytest.fixture
def colleague(app: Flask, portal_services: Services) -> Person:
    """A second agent."""
    made = person(name="Boris Orlov", email="boris@example.org", tiers=(1, 2), languages=("en", "ru"))
    return portal_services.staff.add(made, PASSWORD, portal_services.clock())


def save_reply(services: Services, **changes: Any) -> SavedReply:
    """A stored saved reply."""
    texts = {"de": "Guten Tag {name}, Nummer {number}.\n{agent}", "en": "Hello {name}."}
    made = SavedReply(0, "Greeting", texts, {"de": "Name geprüft?\nKonto gesperrt?"})
    made = replace(made, **changes)
    with services.database.write() as connection:
        return replace(made, id=int(organisation.add(connection, made)))


@pytest.mark.parametrize("language", CODES)
def test_the_page_shows_priority_clocks_and_ways_to_handle(language: str, number: int, agent: FlaskClient) -> None:
    """In each language: urgency 4 and impact 3 by the matrix, the clocks with what is left, and every way on."""
    page = agent.get(f"/{language}/desk/tickets/{number}").text

    words = {"en": "High", "fr": "Haute", "de": "Hoch", "ru": "Высокий"}
    assert f'<span class="priority priority-4">{words[language]}</span>' in page
    assert page.count('<li class="clock clock-') == 3
    for way in ("assign", "swarm", "classify", "preview", "note", "solve"):
        assert f"/desk/tickets/{number}/{way}" in page
    assert '<rect class="bar bar-1"' in page


def test_an_article_is_inserted_in_the_requesters_language(number: int, agent: FlaskClient) -> None:
    """Its title and address go below what had been typed; nothing is sent."""
    page = agent.get(f"/en/desk/tickets/{number}").text
    assert 'value="reset-password"' in page.replace("\n", "")

    answer = post(agent, f"{number}/insert", text="Guten Tag,", article="reset-password")

    written = re.search(r'<textarea id="ui-text"[^>]*>(.*?)</textarea>', answer.text, re.DOTALL)
    assert written is not None
    assert written[1].split("\n") == [
        "Guten Tag,",
        "",
        "Vergessenes Passwort zurücksetzen",
        "http://localhost/de/articles/reset-password",
    ]
    assert "Replied" not in answer.text


def test_an_article_of_another_language_is_labelled(number: int, agent: FlaskClient) -> None:
    """The requester is told in their language that it is in another one."""
    answer = post(agent, f"{number}/insert", text="", article="vpn-only-english")

    assert "Diesen Artikel gibt es in Ihrer Sprache noch nicht. Er ist auf Englisch." in answer.text


def test_a_saved_reply_is_filled_in_with_its_checklist(
    number: int, agent: FlaskClient, portal_services: Services
) -> None:
    """In the requester's language, addressed by name, with what is to be checked."""
    reply = save_reply(portal_services)

    answer = post(agent, f"{number}/insert", text="", saved=str(reply.id))

    assert f"Guten Tag Léa Martin, Nummer {number}.\nMia Lindt</textarea>" in answer.text
    assert "Konto gesperrt?" in answer.text
    assert re.search(r'<fieldset class="checklist" id="ui-checklist">', answer.text)


@pytest.mark.parametrize(
    ("changes", "is_offered"),
    [({}, True), ({"is_active": False}, False), ({"topic": "accounts"}, True), ({"topic": "devices"}, False)],
    ids=["any", "retired", "its topic", "another topic"],
)
def test_saved_replies_that_fit_are_offered(
    changes: dict[str, Any], is_offered: bool, number: int, agent: FlaskClient, portal_services: Services
) -> None:
    """Those about another topic and those that are no longer used are not."""
    post(agent, f"{number}/classify", urgency="4", impact="3", topic="accounts", language="de")
    reply = save_reply(portal_services, **changes)

    page = agent.get(f"/en/desk/tickets/{number}").text

    assert (f'<option value="{reply.id}">Greeting' in page) is is_offered


def test_the_preview_is_the_mail_and_sends_nothing(number: int, agent: FlaskClient, portal_services: Services) -> None:
    """In the requester's language, with the agent's words; the link in it leads nowhere."""
    answer = post(agent, f"{number}/preview", text="Bitte starten Sie neu. <b>")

    assert "Guten Tag Léa Martin," in answer.text
    assert "Bitte starten Sie neu. &lt;b&gt;" in answer.text
    assert "/de/requests/" + "0" * 64 in answer.text
    assert found(portal_services, number).status is Status.NEW
    with portal_services.database.read() as connection:
        assert len(outbox.of_ticket(connection, number)) == 1


def test_what_was_sent_is_taken_back(
    request_and_link: tuple[Ticket, str], agent: FlaskClient, reader: FlaskClient, portal_services: Services
) -> None:
    """Within ten seconds: the requester no longer sees it, no mail leaves, and the text is back in the field."""
    number, link = request_and_link[0].id, request_and_link[1]
    post(agent, f"{number}/reply", text="Too soon")
    assert "Too soon" in reader.get(f"/de/requests/{link}").text
    assert f"/desk/tickets/{number}/undo" in agent.get(f"/en/desk/tickets/{number}").text

    answer = post(agent, f"{number}/undo")

    assert answer.status_code == 200
    assert ">Too soon</textarea>" in answer.text
    assert "Too soon" not in reader.get(f"/de/requests/{link}").text
    assert "taken back, not shown to the requester" in answer.text
    assert found(portal_services, number).status is Status.NEW
    with portal_services.database.read() as connection:
        assert [mail.about for mail in outbox.of_ticket(connection, number)] == ["received"]


def test_after_ten_seconds_nothing_is_taken_back(
    request_and_link: tuple[Ticket, str],
    agent: FlaskClient,
    reader: FlaskClient,
    portal_services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page says so, and the requester keeps what they have read."""
    number, link = request_and_link[0].id, request_and_link[1]
    post(agent, f"{number}/reply", text="Said")
    later = portal_services.clock() + timedelta(seconds=11)
    monkeypatch.setattr(portal_services, "clock", lambda: later)

    answer = post(agent, f"{number}/undo")

    assert answer.status_code == 409
    assert "It is too late to take that back" in answer.text
    assert "Said" in reader.get(f"/de/requests/{link}").text
    assert f"/desk/tickets/{number}/undo" not in agent.get(f"/en/desk/tickets/{number}").text


def test_a_draft_is_kept_until_it_is_sent(number: int, agent: FlaskClient) -> None:
    """Closing the window loses nothing."""
    assert post(agent, f"{number}/draft", field="reply", text="Half a sen").status_code == 204
    assert ">Half a sen</textarea>" in agent.get(f"/en/desk/tickets/{number}").text

    post(agent, f"{number}/reply", text="Half a sentence.")

    assert ">Half a sen</textarea>" not in agent.get(f"/en/desk/tickets/{number}").text


def test_only_texts_of_the_page_are_kept(number: int, agent: FlaskClient) -> None:
    """A field or a ticket that does not exist is none."""
    assert post(agent, f"{number}/draft", field="other", text="x").status_code == 404
    assert post(agent, "99999/draft", field="reply", text="x").status_code == 404


def test_others_are_seen_while_they_have_it_open(
    request_and_link: tuple[Ticket, str], colleague: Person, app: Flask, agent: FlaskClient, reader: FlaskClient
) -> None:
    """A colleague who is replying, and the requester on their page; nothing changed is no content."""
    number, link = request_and_link[0].id, request_and_link[1]
    other = sign_in(app.test_client(), colleague.email)
    post(other, f"{number}/here", state="", writing="yes")
    assert reader.post(f"/de/requests/{link}/here", data={"writing": "no"}).status_code == 204

    first = post(agent, f"{number}/here", state="", writing="no")
    second = post(agent, f"{number}/here", state=first.headers["X-State"], writing="no")

    assert "Boris Orlov is replying" in first.text
    assert "Léa Martin has the page open" in first.text
    assert (first.status_code, second.status_code, second.text) == (200, 204, "")


def test_what_is_shown_has_one_version(
    request_and_link: tuple[Ticket, str],
    colleague: Person,
    agent: FlaskClient,
    portal_services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A note that comes while an open page is being answered is not shown under a version that does not know it."""
    number = request_and_link[0].id
    others = portal_services.presence.others

    def meanwhile(*args: Any) -> Any:
        monkeypatch.setattr(portal_services.presence, "others", others)
        portal_services.desk.work(colleague, number, Action.NOTE, portal_services.clock(), text="Seen before.")
        return others(*args)

    monkeypatch.setattr(portal_services.presence, "others", meanwhile)
    for _ in range(2):
        shown = post(agent, f"{number}/here", state="", writing="no").text
        version = re.search('data-version="([0-9]+)"', shown)
        assert version is not None
        assert int(version[1]) == request_and_link[0].version + ("Seen before." in shown)
    assert "Seen before." in shown


def test_the_requester_sees_that_somebody_is_writing(
    request_and_link: tuple[Ticket, str], agent: FlaskClient, reader: FlaskClient
) -> None:
    """The page's script is told nothing while nothing changes, and everything at once when it does."""
    number, link = request_and_link[0].id, request_and_link[1]
    thread = f"/de/requests/{link}/thread"
    tag = reader.get(thread).headers["ETag"]
    assert reader.get(thread, headers={"If-None-Match": tag}).status_code == 304

    post(agent, f"{number}/here", state="", writing="yes")
    writing = reader.get(thread, headers={"If-None-Match": tag})
    post(agent, f"{number}/reply", text="Neu starten.")
    replied = reader.get(thread, headers={"If-None-Match": writing.headers["ETag"]})

    assert "Jemand aus dem Support-Team schreibt Ihnen gerade." in writing.text
    assert "Neu starten." in replied.text


def test_the_private_pages_first_tag_is_the_one_its_script_is_given(
    request_and_link: tuple[Ticket, str], reader: FlaskClient
) -> None:
    """An open page is not sent again what it shows already."""
    link = request_and_link[1]
    version = re.search('data-version="([^"]+)"', reader.get(f"/de/requests/{link}").text)
    assert version is not None

    answer = reader.get(f"/de/requests/{link}/thread", headers={"If-None-Match": f'"{version[1]}"'})

    assert answer.status_code == 304


def test_no_page_holds_two_connections(number: int, agent: FlaskClient, portal_services: Services) -> None:
    """As many threads as the pool has connections would each wait for a second one, which nobody gives back."""
    with portal_services.database.write() as connection:
        supplier = str(organisation.add(connection, Supplier(0, "Acme", "help@acme.example", languages=("en",))))
    path = f"/en/desk/tickets/{number}"
    token = hidden(agent.get(path).text, "csrf_token")
    preview = {"supplier": supplier, "supplier_text": "Look at it"}

    with connections(portal_services.database) as held:
        shown = [agent.get(path)] + [
            agent.post(f"{path}/{form}", data={"csrf_token": token, **fields})
            for form, fields in (
                ("here", {"state": "old"}),
                ("supplier/preview", preview),
                ("supplier/preview", preview | {"supplier": "99"}),
                ("supplier/preview", preview | {"supplier_text": ""}),
            )
        ]

    assert [answer.status_code for answer in shown] == [200, 200, 200, 400, 400]
    assert max(held) == 1
