"""The desk: what the queue and a ticket tell at a glance, and drafts of translations."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.library import PLACEHOLDER
from portal.locales import CODES
from portal.people import Role
from portal.sending import Sending
from portal.services import Services
from portal.storage import gaps
from portal.storage import tickets as store
from portal.storage.queue import Tab
from portal.tickets import Kind, Status
from portal.web.desk import queue
from tests.builders import NOW, PASSWORD, person, ticket
from tests.conftest import hidden, sign_in
from tests.needs import REPOSITORY
from tests.ticketing import act, fill, rows, send, told

NEW_REPLY = {"en": "New reply", "fr": "Nouvelle réponse", "de": "Neue Antwort", "ru": "Новый ответ"}


@pytest.mark.parametrize("language", CODES)
def test_the_queue_says_where_the_requester_has_written_last(
    language: str, agent: FlaskClient, portal_services: Services
) -> None:
    """Until somebody answers; what they wrote first is no reply."""
    services, now = portal_services, portal_services.clock()
    sent = Sending("Anna", "anna@example.org", "", "It does not print.", "en")
    _, token = services.requests.receive(sent, "nonce", now, stems=[])

    first = agent.get(f"/{language}/desk/").text
    services.requests.answer_back(token, "Still white pages.", now)
    replied = agent.get(f"/{language}/desk/").text
    act(agent, 1, "reply", text="Change the cartridge.")
    answered = agent.get(f"/{language}/desk/").text

    assert [NEW_REPLY[language] in page for page in (first, replied, answered)] == [False, True, False]


def test_a_mail_says_what_it_was_about_and_the_trail_says_when(agent: FlaskClient, portal_services: Services) -> None:
    """On the ticket: confirmation and reply, and the time of what had been tried."""
    item = {"kind": "search", "text": "paper jam", "language": "en", "at": "2026-03-02T09:30:00+00:00"}
    sent = Sending("Anna", "anna@example.org", "", "It does not print.", "en", trail=(item,))
    portal_services.requests.receive(sent, "nonce", portal_services.clock(), stems=[])
    act(agent, 1, "reply", text="Change the cartridge.")

    page = agent.get("/en/desk/tickets/1").text

    assert "Confirmation: Waiting" in page
    assert "Reply: Waiting" in page
    assert 'datetime="2026-03-02T09:30:00+00:00">2 Mar 2026, 09:30\u00a0UTC</time>' in page


def test_a_translation_draft_brings_the_text_that_is_to_be_translated(
    agent: FlaskClient, portal_services: Services
) -> None:
    """With its fingerprint, as a draft that cannot be published as it is."""
    gap = ticket(kind=Kind.TRANSLATION, language="ru", query="туннель", slug="vpn-only-english", fingerprint="t" * 32)
    with portal_services.database.write() as connection:
        store.create(connection, gap)
        store.create(connection, replace(gap, query="туннель vpn", occurrences=4, fingerprint="u" * 32))

    draft = agent.get("/ru/desk/tickets/1/draft.md")
    source = portal_services.edition.knowledge.source("vpn-only-english")

    assert source is not None
    assert f'source: "{source.fingerprint}"' in draft.text
    assert "The tunnel opens with your token." in draft.text
    assert PLACEHOLDER in draft.text
    with portal_services.database.read() as connection:
        (wanted,) = gaps.wanted(connection)
    assert (wanted.slug, wanted.occurrences, wanted.number) == ("vpn-only-english", 5, 2)


@pytest.mark.parametrize("language", CODES)
def test_each_part_of_the_queue_counts_and_says_when_it_is_empty(
    language: str, agent: FlaskClient, portal_services: Services
) -> None:
    """Six tabs with figures; a sentence of its own where there is nothing."""
    empty = [agent.get(f"/{language}/desk/?show={show}").text for show in [*queue.TABS, Tab.UNCONFIRMED, Tab.ALL]]
    now = portal_services.clock()
    fill(portal_services, 3, due_at=now + timedelta(minutes=10))
    fill(portal_services, 2, owner_id=1, owner_name="Mia Lindt", status=Status.WAITING_REQUESTER)
    fill(portal_services, 4, status=Status.CLOSED)
    fill(portal_services, 5, tier=2)

    page = agent.get(f"/{language}/desk/").text

    sentences = [text.split('class="empty">', 1)[1].split("<", 1)[0] for text in empty]
    assert len(set(sentences)) == len(sentences)
    assert all('aria-current="page"' in text for text in empty)
    counted = re.findall(r'data-tab="(\w+)">(\d+)<', page)
    assert counted == [("open", "5"), ("mine", "2"), ("unowned", "3"), ("due", "3"), ("waiting", "2"), ("done", "4")]
    assert len(rows(page)) == 5
    assert len(rows(agent.get(f"/{language}/desk/?tier=all").text)) == 10


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["20\xa0mins left", "overdue by 5\xa0mins", "Very high", "Major incident"]),
        ("fr", ["20\xa0min", "5\xa0min"]),
        ("de", ["20\xa0Min.", "5\xa0Min."]),
        ("ru", ["20\xa0мин", "5\xa0мин"]),
    ],
)
def test_a_row_says_when_it_is_due_and_how_important_it_is(
    language: str, words: list[str], agent: FlaskClient, portal_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words, with a time that machines read; what is due first is on top, and above it what is a major incident."""
    monkeypatch.setattr(portal_services, "clock", lambda: NOW)
    fill(portal_services, subject="<script>alert(1)</script>")
    fill(portal_services, due_at=NOW + timedelta(minutes=20), priority=5)
    fill(portal_services, due_at=NOW - timedelta(minutes=5))
    fill(portal_services, is_major=True, due_at=NOW + timedelta(hours=5))

    page = agent.get(f"/{language}/desk/").text

    assert rows(page) == [4, 3, 2, 1]
    plain = page.replace(" min", "\xa0min").replace(" Min", "\xa0Min").replace(" мин", "\xa0мин")
    assert [text for text in words if text not in plain] == []
    assert '<time class="due-overdue" datetime="2026-03-02T09:25:00+00:00"' in page
    assert '<time class="due-soon"' in page
    assert '<time class="due-later"' in page
    assert 'aria-sort="ascending">' in page
    assert "<script>alert" not in page


def test_the_queue_is_sorted_and_goes_on_in_every_order(agent: FlaskClient, portal_services: Services) -> None:
    """Page after page by the link, fifty at a time, none twice."""
    for number in range(60):
        due = portal_services.clock() + timedelta(hours=number % 7) if number % 3 else None
        fill(portal_services, due_at=due, priority=1 + number % 5)

    for sort in ("due", "priority", "age", "number"):
        first = agent.get(f"/en/desk/?sort={sort}").text
        address = unescape(first.split('rel="next" href="')[1].split('"')[0])
        second = agent.get(address).text
        shown = rows(first) + rows(second)

        assert (len(rows(first)), sorted(shown)) == (50, list(range(1, 61))), sort
        assert 'rel="next"' not in second
    assert shown == list(range(60, 0, -1))


def test_filters_narrow_and_are_kept_under_a_name(agent: FlaskClient, portal_services: Services) -> None:
    """What was chosen stays chosen; a saved filter is one link, and can be removed."""
    fill(portal_services, 2)
    (wanted,) = fill(portal_services, language="ru", priority=5, topic="devices")
    address = "/en/desk/?in=ru&priority=5&topic=devices&owner=none&status=new&kind=request&tier=1&sort=age"

    page = agent.get(address).text
    kept = send(agent, "filters", name=" Russian <b> ", back=address.split("?")[1] + "&after=0~~1&rubbish=1")
    link = unescape(kept.split('aria-label="Saved filters">', 1)[1].split('href="', 1)[1].split('"', 1)[0])
    followed = agent.get(link).text
    removed = send(agent, "filters/1/remove", back="")

    assert rows(page) == rows(followed) == [wanted]
    assert page.count(" selected>") >= 8
    assert told(kept) == "The filter “Russian <b>” is saved."
    assert "after" not in link
    assert "rubbish" not in link
    assert 'aria-current="true">Russian &lt;b&gt;</a>' in followed
    assert 'aria-label="Saved filters"' not in removed
    assert told(send(agent, "filters", name="", back="in=ru")) == "Give the filter a name."
    assert "No tickets match" in agent.get("/en/desk/?in=fr").text


@pytest.mark.parametrize("language", CODES)
def test_tickets_are_found_by_words_and_numbers(language: str, agent: FlaskClient, portal_services: Services) -> None:
    """Best first within the part and filter; a number with its sign opens the ticket."""
    fill(portal_services, subject="Принтер", language="ru", tier=2)
    fill(portal_services, subject="Printer, printer", language="en")
    portal_services.finding.index(portal_services.clock())

    def found(query: str) -> list[int]:
        return rows(agent.get(f"/{language}/desk/", query_string={"q": query}).text)

    assert found("printers") == [2]
    assert found("принтеры") == []
    assert found("2") == [2]
    nothing = agent.get(f"/{language}/desk/?q=принтеры").text
    assert f'href="/{language}/desk/?show=all&amp;q=' in nothing
    assert rows(agent.get(f"/{language}/desk/?q=принтеры&show=all").text) == [1]
    answer = agent.get(f"/{language}/desk/?q=%231")
    assert (answer.status_code, answer.location) == (303, f"/{language}/desk/tickets/1")
    assert agent.get(f"/{language}/desk/?q=%23999").status_code == 200
    for hostile in ('"', "a AND", "'; --", "\0", "*", "x" * 5000):
        assert agent.get(f"/{language}/desk/", query_string={"q": hostile}).status_code == 200


def test_counts_and_news_are_asked_for_while_the_page_is_open(agent: FlaskClient, portal_services: Services) -> None:
    """What came since the page was made and fits it; the same once more is answered with nothing."""
    fill(portal_services, 2)
    page = agent.get("/en/desk/?in=en").text
    address = unescape(page.split('data-counts="', 1)[1].split('"', 1)[0])
    before = agent.get(address)
    again = agent.get(address, headers={"If-None-Match": before.headers["ETag"]})
    fill(portal_services, 2)
    fill(portal_services, language="fr")

    after = agent.get(address, headers={"If-None-Match": before.headers["ETag"]})

    assert before.json == {
        "news": "",
        "tabs": {"done": "0", "due": "0", "mine": "0", "open": "2", "unowned": "2", "waiting": "0"},
    }
    assert (again.status_code, again.text) == (304, "")
    assert after.json is not None
    assert (after.json["news"], after.json["tabs"]["open"]) == ("2 new tickets – show", "4")
    assert agent.get("/en/desk/queue/counts?since=rubbish").status_code == 200


def test_writers_read_the_queue_and_change_nothing(app: Flask, portal_services: Services) -> None:
    """They see all tiers, without ticks and buttons; what they send is refused."""
    fill(portal_services, tier=2)
    portal_services.staff.add(person(roles=frozenset({Role.WRITER}), tiers=()), PASSWORD, portal_services.clock())
    client = sign_in(app.test_client(), "mia@example.org")

    page = client.get("/en/desk/").text

    assert rows(page) == [1]
    assert 'type="checkbox"' not in page
    assert "/en/desk/next" not in page
    token = hidden(page, "csrf_token")
    for path in ("next", "bulk"):
        assert client.post(f"/en/desk/{path}", data={"csrf_token": token, "number": "1"}).status_code == 403
    assert client.post("/en/desk/filters", data={"csrf_token": token, "name": "x", "back": "in=en"}).status_code == 303


def test_strangers_learn_nothing_of_the_queue(reader: FlaskClient) -> None:
    """They are asked to sign in; forms without a token are refused."""
    for path in ("queue/counts", "?q=%231"):
        assert reader.get(f"/en/desk/{path}").status_code == 303
    for path in ("next", "bulk", "filters", "filters/1/remove"):
        assert reader.post(f"/en/desk/{path}").status_code in {400, 401}


def test_the_queue_works_without_its_script_which_is_small(agent: FlaskClient, portal_services: Services) -> None:
    """Every key has a button that says it; the script stays below five kilobytes."""
    fill(portal_services)

    page = agent.get("/en/desk/").text

    for key in ("j", "k", "x", "t", "/", "?"):
        assert f'data-key="{key}"' in page, key
    assert 'class="row-keys" hidden' in page
    assert (REPOSITORY / "portal" / "static" / "queue.js").stat().st_size <= 5 * 1024
