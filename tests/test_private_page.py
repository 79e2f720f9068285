"""The private page of a request: what it says and what can be done on it."""

import re
from datetime import timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.lifecycle import apply
from portal.locales import CODES
from portal.people import Person
from portal.services import Services
from portal.storage import tickets as store
from portal.storage.schema import events as event_table
from portal.storage.schema import metadata
from portal.tickets import SYSTEM, Action, Kind, Resolution, Status, Ticket
from tests.builders import PASSWORD, person
from tests.conftest import hidden

GOOD = {"name": "Анна Kühn", "email": "anna@example.org", "description": "It does not print.", "suggested": "1"}


def send(client: FlaskClient, language: str = "en", **fields: str) -> str:
    """Send a request; the address of its private page."""
    stamp = hidden(client.get(f"/{language}/requests/new").text, "stamp")
    answer = client.post(f"/{language}/requests/new", data={**GOOD, "stamp": stamp, **fields})
    assert answer.status_code == 303
    return str(answer.location).split("?")[0]


def the_request(services: Services, number: int = -1) -> Ticket:
    """The newest request, or another one."""
    with services.database.read() as connection:
        return store.find(connection, store.Filter(kind=Kind.REQUEST, is_unsolved=None))[number]


@pytest.fixture
def mia(portal_services: Services) -> Person:
    """An agent."""
    portal_services.staff.add(person(), PASSWORD, portal_services.clock())
    found, _key = portal_services.staff.sign_in("mia@example.org", PASSWORD, portal_services.clock())
    return found


def work(services: Services, by: Person, action: Action, **fields: object) -> None:
    """Do something to the newest request as an agent."""
    services.desk.work(by, the_request(services).id, action, services.clock(), **fields)  # type: ignore[arg-type]


def solve(services: Services, by: Person) -> None:
    """Solve the newest request."""
    work(services, by, Action.SOLVE, text="The paper was empty.", resolution=Resolution.ANSWERED)


def said(page: str) -> list[str]:
    """What has happened, in the page's words."""
    return [unescape(text).strip() for text in re.findall(r'<strong class="did">(.*?)</strong>', page, re.DOTALL)]


def dump(services: Services) -> str:
    """Everything in the database."""
    with services.database.read() as connection:
        return str([connection.execute(select(table)).all() for table in metadata.sorted_tables])


def test_the_timeline_says_who_did_what(reader: FlaskClient, portal_services: Services, mia: Person) -> None:
    """In plain sentences, with the texts; what is not the requester's is not there."""
    link = send(reader)
    work(portal_services, mia, Action.TAKE)
    work(portal_services, mia, Action.NOTE, text="Toner again")
    work(portal_services, mia, Action.ASK_REQUESTER, text="Is the lamp on?")
    reader.post(f"{link}/reply", data={"text": "It is red."})
    work(portal_services, mia, Action.REPLY, text="I see.")
    solve(portal_services, mia)
    reader.post(f"{link}/reopen")
    reader.post(f"{link}/close")

    page = reader.get(link).text

    assert said(page) == [
        "You wrote", "Mia Lindt needs an answer from you", "You wrote", "Mia Lindt replied",
        "We have solved your request", "You opened the request again", "You closed the request",
    ]  # fmt: skip
    assert all(text in page for text in ("It does not print.", "Is the lamp on?", "It is red.", "The paper was empty."))
    assert "Toner again" not in page
    assert "Your request is closed." in page


@pytest.mark.parametrize("language", CODES)
def test_every_public_event_has_its_sentence(language: str, reader: FlaskClient, portal_services: Services) -> None:
    """None is empty; a language shows no other's."""
    link = send(reader, language)
    request = the_request(portal_services)
    with portal_services.database.write() as connection:
        for action, after in ((Action.TELL, Status.NEW), (Action.SOLVE, Status.SOLVED), (Action.CLOSE, Status.CLOSED)):
            changed, event = apply(request, action, portal_services.clock(), SYSTEM, "x", Resolution.ANSWERED)
            store.save(connection, changed)
            store.record(connection, request.id, event)
            request = store.get(connection, request.id)
            assert request.status is after

    sentences = said(reader.get(link).text)

    assert len(sentences) == 4
    assert all(sentences)


def test_an_article_that_may_help_is_named(reader: FlaskClient, portal_services: Services) -> None:
    """With a link in the reader's language, or its title where it has gone."""
    link = send(reader, "de")
    request = the_request(portal_services)
    with portal_services.database.write() as connection:
        for slug in ("printer-offline", "gone"):
            changed, event = apply(request, Action.TELL, portal_services.clock(), SYSTEM)
            event.details.update(slug=slug, language="de", title=f"Titel {slug}")
            store.save(connection, changed)
            store.record(connection, request.id, event)
            request = store.get(connection, request.id)

    page = reader.get(link).text

    assert '<a href="/de/articles/printer-offline">Der Drucker ist offline</a>' in page
    assert "<p>Titel gone</p>" in page


@pytest.mark.parametrize("status", ["new", "solved", "closed", "rated"])
def test_opening_the_page_changes_nothing(
    status: str, reader: FlaskClient, portal_services: Services, mia: Person
) -> None:
    """Mail programs and robots open links to look at them."""
    link = send(reader)
    if status != "new":
        solve(portal_services, mia)
    if status in {"closed", "rated"}:
        reader.post(f"{link}/close")
    if status == "rated":
        reader.post(f"{link}/rate", data={"stars": "4"})
    before = dump(portal_services)

    answers = [reader.get(link), reader.get(f"{link}?sent=yes"), reader.get(f"{link}/thread"), reader.head(link)]
    refused = [reader.get(f"{link}/{act}").status_code for act in ("close", "reopen", "rate", "reply")]

    assert {answer.status_code for answer in answers} == {200}
    assert set(refused) == {405}
    assert dump(portal_services) == before


def buttons(page: str, link: str) -> set[str]:
    """What can be done on a page."""
    return set(re.findall(rf'action="{link}/(\w+)"', page))


def test_what_can_be_done_depends_on_how_it_stands(reader: FlaskClient, portal_services: Services, mia: Person) -> None:
    """Replying always; closing while it is not closed; opening again and rating when it is solved."""
    link = send(reader)
    new = buttons(reader.get(link).text, link)
    solve(portal_services, mia)
    solved = buttons(reader.get(link).text, link)
    reader.post(f"{link}/close")
    closed = buttons(reader.get(link).text, link)
    reader.post(f"{link}/rate", data={"stars": "5"})
    rated = buttons(reader.get(link).text, link)

    assert new == {"reply", "close"}
    assert solved == {"reply", "close", "reopen", "rate"}
    assert closed == {"reply", "rate"}
    assert rated == {"reply"}


def test_a_second_click_does_nothing_more(reader: FlaskClient, portal_services: Services, mia: Person) -> None:
    """Nor does what another window has done already: the page shows how it stands."""
    link = send(reader)

    first, second, late = reader.post(f"{link}/close"), reader.post(f"{link}/close"), reader.post(f"{link}/reopen")

    assert [answer.status_code for answer in (first, second, late)] == [303, 303, 303]
    assert the_request(portal_services).status is Status.CLOSED
    with portal_services.database.read() as connection:
        done = list(connection.execute(select(event_table.c.action)).scalars())
    assert done == ["opened", "requester_close"]


def test_a_reply_to_a_closed_request_opens_another_one(reader: FlaskClient, portal_services: Services) -> None:
    """It goes on with the first, has a page of its own, and the closed one stays closed."""
    link = send(reader)
    reader.post(f"{link}/close")

    answer = reader.post(f"{link}/reply", data={"text": "It is back."})
    page = reader.get(answer.location)

    first, second = (the_request(portal_services, number) for number in (0, 1))
    assert answer.location != f"{link}?sent=yes"
    assert answer.location.endswith("?sent=yes")
    assert (first.status, second.status, second.follows_id) == (Status.CLOSED, Status.NEW, first.id)
    assert "It is back." in page.text
    assert f"It goes on with request {first.id}." in page.text


def test_an_empty_or_long_reply_is_told_and_kept(reader: FlaskClient) -> None:
    """The private page comes back with what was typed."""
    link = send(reader)

    empty = reader.post(f"{link}/reply", data={"text": " "})
    long = reader.post(f"{link}/reply", data={"text": "y" * 10_001})

    assert empty.status_code == long.status_code == 400
    assert "yyyy" in long.text
    assert 'id="ui-text-fault"' in empty.text


def test_how_it_was_is_said_in_words(reader: FlaskClient, portal_services: Services, mia: Person) -> None:
    """Five words to choose from, a comment if wanted; afterwards the page says what was answered."""
    link = send(reader)
    solve(portal_services, mia)

    words = re.findall(r'name="stars" value="(\d)"> ([^<]+)</label>', reader.get(link).text)
    answer = reader.post(f"{link}/rate", data={"stars": "4", "comment": "Fast <b>"})
    page = reader.get(link).text

    assert [number for number, _ in words] == ["5", "4", "3", "2", "1"]
    assert len({text for _, text in words}) == 5
    assert answer.status_code == 303
    assert f"Your answer: {words[1][1]}." in page
    assert "Fast" not in page


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "stars"),
        ({"stars": "6"}, "stars"),
        ({"stars": "²"}, "stars"),
        ({"stars": "3", "comment": "c" * 601}, "comment"),
    ],
)
def test_a_rating_with_a_fault_is_told_and_kept(
    fields: dict[str, str], field: str, reader: FlaskClient, portal_services: Services, mia: Person
) -> None:
    """The message is at its field, which the summary leads to."""
    link = send(reader)
    solve(portal_services, mia)

    answer = reader.post(f"{link}/rate", data=fields)

    assert answer.status_code == 400
    assert f'<a href="#ui-{field}">' in answer.text
    assert f'id="ui-{field}"' in answer.text
    assert f'id="ui-{field}-fault"' in answer.text
    assert fields.get("comment", "") in answer.text


def test_the_script_is_told_only_of_news(reader: FlaskClient, portal_services: Services, mia: Person) -> None:
    """Nothing while the page is as it was; the two parts that change when it is not."""
    link = send(reader)
    known = '"' + re.search(r'data-version="([^"]+)"', reader.get(link).text)[1] + '"'  # type: ignore[index]

    same = reader.get(f"{link}/thread", headers={"If-None-Match": known})
    work(portal_services, mia, Action.REPLY, text="I see.")
    news = reader.get(f"{link}/thread", headers={"If-None-Match": known})
    again = reader.get(f"{link}/thread", headers={"If-None-Match": news.headers["ETag"]})

    assert (same.status_code, same.data) == (304, b"")
    assert news.status_code == 200
    assert said(news.text) == ["You wrote", "Mia Lindt replied"]
    assert '<div id="ui-thread" data-status="open">' in news.text
    assert '<div id="ui-actions"' in news.text
    assert "<html" not in news.text
    assert "<textarea" not in news.text
    assert again.status_code == 304
    assert news.headers["Cache-Control"] == "no-store"


def test_the_page_with_a_fault_is_as_new_as_any(reader: FlaskClient) -> None:
    """The script does not take what was typed wrongly for news."""
    link = send(reader)

    page = reader.post(f"{link}/reply", data={"text": ""}).text

    version = re.search(r'data-version="([^"]+)"', page)[1]  # type: ignore[index]
    assert reader.get(f"{link}/thread", headers={"If-None-Match": f'"{version}"'}).status_code == 304


def gone(answer: TestResponse, language: str = "en") -> bool:
    """Whether an answer says that a link leads nowhere any more, and how to go on."""
    ways = (f'href="/{language}/requests/find"', f'href="/{language}/requests/new"')
    return answer.status_code == 404 and all(way in answer.text for way in ways)


@pytest.mark.parametrize("language", CODES)
def test_another_link_opens_nothing(language: str, reader: FlaskClient) -> None:
    """Neither a number nor a changed token leads to a request; the page says how to get the right link."""
    link = send(reader, language)
    changed = link[:-1] + ("0" if link[-1] != "0" else "1")

    assert gone(reader.get(changed), language)
    assert gone(reader.get(f"{changed}/thread"), language)
    assert gone(reader.get(f"/{language}/requests/1"), language)
    assert gone(reader.get(link.upper().replace(f"/{language.upper()}/REQUESTS", f"/{language}/requests")), language)
    assert all(gone(reader.post(f"{changed}/{act}", data={"text": "x", "stars": "1"}), language)
               for act in ("reply", "close", "reopen", "rate"))  # fmt: skip


def test_the_link_of_a_long_closed_request_has_ended(reader: FlaskClient, portal_services: Services) -> None:
    """Ninety days after it was closed."""
    link = send(reader)
    reader.post(f"{link}/close")
    now = portal_services.clock()

    portal_services.clock = lambda: now + timedelta(days=89)
    before = reader.get(link).status_code
    portal_services.clock = lambda: now + timedelta(days=91)

    assert before == 200
    assert gone(reader.get(link))
    assert gone(reader.post(f"{link}/reply", data={"text": "x"}))


def test_hostile_text_is_text(reader: FlaskClient, portal_services: Services, mia: Person) -> None:
    """Of the requester and of the agent, on the page and in what the script is given."""
    attack = "<script>alert(1)</script>\"'>"
    link = send(reader, name=attack, description=attack)
    work(portal_services, mia, Action.REPLY, text=attack)

    for address in (link, f"{link}?sent=yes", f"{link}/thread"):
        assert "<script>alert" not in reader.get(address).text
