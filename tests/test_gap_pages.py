"""Gaps at the desk: solved by articles with proof, shown with their kin, drafted."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from portal.chains import Kind as Deed
from portal.chains import SearchEvent
from portal.edition import Editions
from portal.errors import SearchUnavailable
from portal.library import parse
from portal.locales import CODES
from portal.publishing import Publisher
from portal.services import Services
from portal.storage import searches
from portal.storage import tickets as store
from portal.tickets import Kind, Status
from tests.builders import NOW, ticket
from tests.conftest import hidden
from tests.ticketing import act, open_gap


def test_a_gap_is_solved_by_the_article_that_its_search_finds(agent: FlaskClient, portal_services: Services) -> None:
    """The page offers what the search finds; slug or address, a text is not needed."""
    number = open_gap(portal_services, "printer offline")
    page = agent.get(f"/en/desk/tickets/{number}").text

    answer = act(
        agent, number, "solve", resolution="article_improved", slug="https://x.org/en/articles/printer-offline#a"
    )  # fmt: skip

    assert '<option value="printer-offline">1. The printer is offline</option>' in page
    assert answer[0] == 303
    solved = agent.get(f"/en/desk/tickets/{number}").text
    assert '<dt>Article</dt><dd><a href="/en/articles/printer-offline">The printer is offline</a>' in solved
    with portal_services.database.read() as connection:
        found = store.get(connection, number)
    assert (found.status, found.slug, found.resolution_text) == (
        Status.SOLVED,
        "printer-offline",
        "The printer is offline",
    )


@pytest.mark.parametrize("language", CODES)
def test_what_is_not_proven_is_refused_with_the_reason_and_kept(
    language: str, agent: FlaskClient, portal_services: Services
) -> None:
    """409, the way to the explanation, and everything that was typed; the gap is as it was."""
    number = open_gap(portal_services, "kazoo tuning")
    page = agent.get(f"/{language}/desk/tickets/{number}").text
    data = {
        "csrf_token": hidden(page, "csrf_token"),
        "version": hidden(page, "version"),
        "resolution": "synonym_added",
        "slug": "printer-offline",
        "text": "my <long> text",
    }

    answer = agent.post(f"/{language}/desk/tickets/{number}/solve", data=data)

    assert answer.status_code == 409
    assert f'href="/{language}/desk/explain?q=kazoo+tuning&amp;in=en"' in answer.text
    assert "my &lt;long&gt; text</textarea>" in answer.text
    assert 'name="slug" list="ui-candidates" value="printer-offline"' in answer.text
    assert '<option value="synonym_added" selected>' in answer.text
    with portal_services.database.read() as connection:
        assert (store.get(connection, number).version, len(store.history(connection, number))) == (1, 1)


def test_gaps_and_requests_are_solved_in_their_own_ways(agent: FlaskClient, portal_services: Services) -> None:
    """A gap by an article or as out of scope, a request by anything but what is the system's."""
    number = open_gap(portal_services)
    with portal_services.database.write() as connection:
        request = store.create(connection, ticket()) or 0

    def ways(page: str) -> list[str]:
        select = page.split('id="ui-resolution"')[1].split("</select>", maxsplit=1)[0]
        return re.findall(r'value="([a-z_]+)"', select)

    proven = ["article_written", "article_improved", "translated", "synonym_added"]
    assert ways(agent.get(f"/en/desk/tickets/{number}").text) == [*proven, "out_of_scope"]
    page = agent.get(f"/en/desk/tickets/{request}").text
    assert ways(page) == ["answered", *proven, "out_of_scope"]
    assert "ui-candidates" not in page
    assert act(agent, request, "solve", text="x", resolution="withdrawn")[0] == 400
    assert act(agent, request, "solve", text="x", resolution="article_written")[0] == 400
    proof = {"resolution": "article_written", "slug": "reset-password"}
    assert act(agent, request, "solve", text="x", **proof)[0] == 303


def test_a_gap_shows_all_that_is_known_of_it(agent: FlaskClient, portal_services: Services) -> None:
    """Why, how sure, what was repaired and shown, what people did next, what is like it, who waits."""
    text = "printer kazoo"
    revision = portal_services.edition.knowledge.articles["en", "printer-offline"].fingerprint
    shown = (("printer-offline", "en", revision), ("gone", "en", "0" * 16))
    number = open_gap(portal_services, text, repairs=(("spelling", "printer kazoos"),), results=shown)
    open_gap(portal_services, text)
    open_gap(portal_services, text)
    alike, other = open_gap(portal_services, "kazoo printer broken"), open_gap(portal_services, "Drucker Kazoo", "de")
    now = portal_services.clock()
    search = SearchEvent(now, Deed.SEARCH, "en", "s" * 64, query=text, gap_id=number)
    after = [
        replace(search, kind=Deed.OPEN, query="", gap_id=None, slug="printer-offline"),
        replace(search, kind=Deed.READ, query="", gap_id=None, slug="printer-offline", seconds=41),
        replace(search, kind=Deed.VOTE, query="", gap_id=None, slug="printer-offline", is_helpful=False),
    ]
    events = [replace(event, at=now + timedelta(seconds=place)) for place, event in enumerate([search, *after])]
    with portal_services.database.write() as connection:
        searches.add(connection, events)
    use = portal_services.subscriptions
    use.subscribe(number, "anna@example.org", "en", now)
    use.confirm(use.token(number, "anna@example.org"), now)

    page = agent.get(f"/en/desk/tickets/{number}").text

    assert "No article in any language answered it. (U0)" in page
    assert "<dt>Impact</dt><dd>2 of 5</dd>" in page
    assert "<dt>Confirmed</dt><dd>Yes</dd>" in page
    assert "<dt>Spelling</dt><dd>→ printer kazoos</dd>" in page
    assert f"<code>{revision[:8]}</code></li>" in page
    assert '<code>00000000</code> <span class="change">(changed since)</span>' in page
    assert "Read for 41 seconds: " in page
    assert "Found not helpful: " in page
    assert "1 subscriber" in page
    similar = page.split("Similar tickets")[1].split("</ul>")[0]
    assert re.findall(r"tickets/(\d+)", similar) == [str(alike)]
    assert "kazoo printer broken" in similar
    assert "anna@example.org" not in page
    assert agent.get(f"/en/desk/tickets/{other}").status_code == 200


def test_a_gap_shows_its_kin_in_other_languages(agent: FlaskClient, portal_services: Services) -> None:
    """With how often it is asked there."""
    (portal_services.settings.articles / "glossary.yml").write_text(
        "printer:\n  en: [printer]\n  fr: [imprimante]\n  de: [Drucker]\n  ru: [принтер]\n"
        "cable:\n  en: [cable]\n  fr: [câble]\n  de: [Kabel]\n  ru: [кабель]\n",
        encoding="utf-8",
    )
    Publisher(portal_services.settings.articles, portal_services.settings.data).publish(NOW)
    portal_services.editions._looked = float("-inf")
    english, german = (
        open_gap(portal_services, "printer cable kazoo"),
        open_gap(portal_services, "Drucker Kabel Kazoo", "de"),
    )
    open_gap(portal_services, "Drucker Kabel Kazoo", "de")

    page = agent.get(f"/fr/desk/tickets/{english}").text

    assert f'/fr/desk/tickets/{german}">' in page
    assert 'lang="de">Drucker Kabel Kazoo' in page


def test_a_missing_translation_names_the_article(agent: FlaskClient, portal_services: Services) -> None:
    """With its topic and slug in the draft."""
    number = open_gap(portal_services, "tunnel", "fr", code="U1", slug="vpn-only-english")

    page = agent.get(f"/en/desk/tickets/{number}").text
    answer = agent.get(f"/en/desk/tickets/{number}/draft.md")

    assert "Translation wanted of" in page
    assert "Connect to the VPN" in page
    assert 'name="slug" list="ui-candidates" value="vpn-only-english"' in page
    assert "Only an article in another language answers it. (U1)" in page
    assert answer.headers["Content-Disposition"] == 'attachment; filename="vpn-only-english.md"'


QUERIES = [
    "Wie stimme ich ein „Kazoo“?",
    'say "hi": #1',
    "- [x] {y}: &z *a",
    "настройка казу",
    "a\\b\\u0041 'c'",
    "null",
]


@pytest.mark.parametrize("text", QUERIES)
def test_the_draft_of_a_gap_is_an_article_without_faults(
    text: str, agent: FlaskClient, portal_services: Services
) -> None:
    """Title and answer are the query; the language is the folder's, the rest is filled in."""
    number = open_gap(portal_services, text, "de")

    answer = agent.get(f"/en/desk/tickets/{number}/draft.md")
    read = parse(answer.data, "de", "draft", "de/draft.md")

    assert answer.mimetype == "text/markdown"
    assert read.problems == ()
    assert read.article is not None
    assert (read.article.title, read.article.answers, read.article.status.value) == (text, (text,), "draft")
    assert read.article.topic == "accounts"
    assert read.article.updated == portal_services.clock().date()
    assert f"/en/desk/tickets/{number}/draft.md" in agent.get(f"/en/desk/tickets/{number}").text


def test_the_counter_of_floods_and_strangers_have_no_drafts(
    agent: FlaskClient, reader: FlaskClient, portal_services: Services
) -> None:
    """404 and the way to sign in."""
    with portal_services.database.write() as connection:
        overflow = store.create(connection, ticket(kind=Kind.OVERFLOW)) or 0

    assert agent.get(f"/en/desk/tickets/{overflow}/draft.md").status_code == 404
    assert reader.get("/en/desk/tickets/1/draft.md").status_code == 303


def test_a_ticket_is_shown_when_nothing_can_be_searched(
    agent: FlaskClient, portal_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its candidates; solving by an article says why it cannot be done, and keeps what was typed."""
    number = open_gap(portal_services)
    agent.get(f"/en/desk/tickets/{number}")

    def unavailable(_self: Editions) -> None:
        raise SearchUnavailable("broken")

    monkeypatch.setattr(Editions, "current", unavailable)
    answer = act(agent, number, "solve", resolution="article_written", slug="printer-offline", text="kept text")

    assert agent.get(f"/en/desk/tickets/{number}").status_code == 200
    assert answer[0] == 503
    assert "kept text" in answer[1]
    assert act(agent, number, "solve", resolution="out_of_scope", text="no")[0] == 303
