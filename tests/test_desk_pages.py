"""The desk: who gets in, the queue, and tickets that two people work on at once."""

import re
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.chains import Kind as Deed
from portal.chains import SearchEvent, Visitor
from portal.edition import Editions
from portal.errors import SearchUnavailable
from portal.gaps import Failed
from portal.library import parse
from portal.locales import CODES
from portal.mail import Mail
from portal.people import Role
from portal.publishing import Publisher
from portal.queries import Query
from portal.services import Services
from portal.storage import outbox, ratings, searches
from portal.storage import tickets as store
from portal.tickets import Action, Callback, Status
from tests.builders import NOW, PASSWORD, person, ticket
from tests.conftest import hidden, sign_in


def open_gap(
    services: Services, text: str = "zyxomat", language: str = "en", *, is_returning: bool = True, **facts: Any
) -> int:
    """The number of a gap that one more session has asked."""
    failed = Failed(Query(language, text), [text], facts.pop("code", "U0"), "/en/search", **facts)
    visitor = Visitor(secrets.token_hex(8), is_returning, f"10.{secrets.randbelow(255)}.{secrets.randbelow(255)}.0/24")
    opened = services.gaps.report(failed, visitor, services.clock())
    assert opened is not None
    return opened.ticket.id


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
    assert act(agent, request, "solve", text="x", resolution="article_written")[0] == 303


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


def test_requests_and_strangers_have_no_drafts(
    agent: FlaskClient, reader: FlaskClient, portal_services: Services
) -> None:
    """404 and the way to sign in."""
    with portal_services.database.write() as connection:
        request = store.create(connection, ticket()) or 0

    assert agent.get(f"/en/desk/tickets/{request}/draft.md").status_code == 404
    assert reader.get("/en/desk/tickets/1/draft.md").status_code == 303


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
    assert "<details" not in agent.get(f"/{language}/desk/?in=de").text


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
