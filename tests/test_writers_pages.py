"""The pages of writers over HTTP: what to do, gaps taken on and closed with proof, figures with their lists, feedback."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert

from portal.locales import CODES
from portal.people import Role
from portal.publishing import Publisher
from portal.services import Services
from portal.storage import feedback
from portal.storage import schema as s
from portal.storage.feedback import Reason, Vote
from portal.tickets import Kind, Resolution, Status
from tests.administering import sound
from tests.builders import NOW, PASSWORD, person, write_article
from tests.conftest import hidden, sign_in
from tests.test_commands import as_json, run
from tests.ticketing import found, open_gap

PAGES = ("", "gaps", "texts", "helpfulness", "feedback/en/reset-password", "gaps/1")


@pytest.fixture
def writer(app: Flask, portal_services: Services) -> FlaskClient:
    """A writer who is signed in, and who does not work on tickets."""
    wanda = person(email="wanda@example.org", name="Wanda Writer", roles=frozenset({Role.WRITER}), tiers=())
    portal_services.staff.add(wanda, PASSWORD, portal_services.clock())
    return sign_in(app.test_client(), "wanda@example.org")


def send(client: FlaskClient, number: int, action: str, language: str = "en", query: str = "", **fields: str) -> Any:
    """Press a button of a gap."""
    page = client.get(f"/{language}/desk/writers/gaps/{number}").text
    data = {"csrf_token": hidden(page, "csrf_token"), **fields}
    if action == "close":
        data.setdefault("version", hidden(page, "version"))
    return client.post(f"/{language}/desk/writers/gaps/{number}/{action}{query}", data=data)


def lived(services: Services) -> int:
    """Something of every kind; the number of the gap."""
    number = open_gap(services, "kazoo tuning")
    open_gap(services, "kazoo tuning")
    open_gap(services, "туннель", "ru", code="U1", slug="vpn-only-english")
    now = services.edition.knowledge.articles["en", "reset-password"].fingerprint
    day = services.clock().date()
    with services.database.write() as connection:
        for voter in range(6):
            vote = Vote("reset-password", "en", f"{voter:064x}", False, now, Reason.UNCLEAR, "<b>Step</b> 3 is missing")
            feedback.vote(connection, vote, services.clock())
        old = Vote("reset-password", "en", "f" * 64, False, "0" * 16, None, "Of an earlier text")
        feedback.vote(connection, old, NOW)
        row = {"language": "en", "slug": "reset-password", "times": 4, "last_day": day}
        connection.execute(insert(s.needs_change).values(**row, revision=now, query="forgot it"))
        connection.execute(
            insert(s.wordings).values(**row | {"slug": "printer-offline"}, failed="wlp", found_by="print")
        )
        connection.execute(insert(s.article_views).values(day=day, language="de", slug="reset-password", views=12))
    return number


def test_every_page_in_every_language(writer: FlaskClient, portal_services: Services) -> None:
    """Empty and with everything; what readers wrote is text and no markup; no reference leads nowhere."""
    pages: dict[str, str] = {}
    for path in PAGES[:4]:
        pages[f"empty {path}"] = writer.get(f"/de/desk/writers/{path}").text
    lived(portal_services)
    portal_services._tallies._read_at = portal_services._visits._read_at = float("-inf")
    for code in CODES:
        for path in PAGES:
            answer = writer.get(f"/{code}/desk/writers/{path}")
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store"), path
            pages[f"{code} {path}"] = answer.text

    for page in pages.values():
        sound(page)
        assert "noindex" in page
        assert "<b>Step" not in page
        # A language has its name, and nowhere its code.
        assert re.findall(r">(EN|FR|DE|RU)<|\((EN|FR|DE|RU)\)", page) == []
    assert "todo-" not in pages["empty "].replace('<li class="todo-translate', "")
    for code in CODES:
        page = pages[f"{code} "]
        for words in ("kazoo tuning", "туннель", "wlp", "&lt;b&gt;Step&lt;/b&gt; 3 is missing", "articles new --gap 1"):
            assert words in page, words
        assert page.count('<li class="todo-') == 4
        assert "Of an earlier text" in pages[f"{code} feedback/en/reset-password"]


def test_a_grouped_comment_is_not_listed_again(writer: FlaskClient, portal_services: Services) -> None:
    """What several readers say stands with them; below stand the others only, or nothing."""
    lived(portal_services)
    page = writer.get("/en/desk/writers/feedback/en/reset-password").text
    now = portal_services.edition.knowledge.articles["en", "reset-password"].fingerprint
    with portal_services.database.write() as connection:
        vote = Vote("reset-password", "en", "e" * 64, False, now, None, "Wrong telephone number")
        feedback.vote(connection, vote, portal_services.clock())
    more = writer.get("/en/desk/writers/feedback/en/reset-password").text

    assert page.count("Step&lt;/b&gt; 3 is missing") == more.count("Step&lt;/b&gt; 3 is missing") <= 3
    assert 'id="ui-comments"' not in page
    others = more.split('id="ui-comments"')[1].split("</section>")[0]
    assert "What else readers say of the present text" in others
    assert re.findall(r"<q[^>]*>([^<]*)", others) == ["Wrong telephone number"]


def test_the_page_says_what_to_do_and_why(writer: FlaskClient, portal_services: Services) -> None:
    """One sentence with the figure, the readers' words, and one action."""
    lived(portal_services)

    page = writer.get("/en/desk/writers/").text
    entries = [re.sub(r"<[^>]+>|\s+", " ", each) for each in page.split('<li class="todo-')[1:]]
    entries = [re.sub(" +", " ", each) for each in entries]

    assert "Write an article: kazoo tuning" in entries[0]
    assert "Asked in vain 2 times." in entries[0]
    assert "Change the article: Reset a forgotten password" in entries[1]
    assert "It did not help 4 people who had searched, lately for forgot it ." in entries[1]
    assert "&lt;b&gt;Step&lt;/b&gt; 3 is missing" in entries[1]
    assert "100%" in page
    only_french = writer.get("/en/desk/writers/?in=fr").text
    assert "kazoo tuning" not in only_french
    assert writer.get("/en/desk/writers/?in=xx").status_code == 200


def test_a_gap_is_taken_on_by_one_and_given_back(
    writer: FlaskClient, agent: FlaskClient, portal_services: Services
) -> None:
    """The list, the ticket and the queue show who; the other is refused with a reason, in the page."""
    number = lived(portal_services)

    taken = send(writer, number, "claim", back="gaps", query="?in=en")
    refused = send(agent, number, "claim")
    not_theirs = send(agent, number, "release")

    assert (taken.status_code, taken.headers["Location"]) == (303, f"/en/desk/writers/gaps?in=en#ui-gap-{number}")
    assert refused.status_code == 409
    assert "Wanda Writer has already taken this on." in refused.text
    assert not_theirs.status_code == 403
    assert "Only they or a supervisor can give it back." in not_theirs.text
    assert "You write about it" in writer.get("/en/desk/writers/gaps").text
    assert "Wanda Writer writes about it" in agent.get("/en/desk/writers/gaps").text
    assert "You have taken on: " in writer.get("/en/desk/writers/").text
    ticket_page = agent.get(f"/en/desk/tickets/{number}").text
    assert "<dt>Writer</dt><dd>Wanda Writer writes about it</dd>" in ticket_page
    assert "Taken on by a writer" in ticket_page
    assert "✎</span> Wanda Writer</span>" in agent.get("/en/desk/").text
    assert found(portal_services, number).owner_id is None

    given_back = send(writer, number, "release", back="todo")

    assert given_back.headers["Location"] == "/en/desk/writers/"
    assert "Anybody can take it on now." in writer.get("/en/desk/writers/").text
    assert "Given back by a writer" in agent.get(f"/en/desk/tickets/{number}").text


def test_closing_needs_the_proof(writer: FlaskClient, portal_services: Services) -> None:
    """Until the article is found the page says why not and keeps what was typed; then the gap is closed and gone."""
    number = lived(portal_services)
    send(writer, number, "claim")
    refused = send(
        writer, number, "close", slug="https://x.org/en/articles/printer-offline", resolution="article_written"
    )
    missing = send(writer, number, "close", slug=" ", resolution="article_written")
    wrong = send(writer, number, "close", slug="printer-offline", resolution="out_of_scope")
    old = send(writer, number, "close", slug="printer-offline", resolution="synonym_added", version="1")
    write_article(portal_services.settings.articles, "en", "kazoo", "Kazoo tuning", "Kazoo tuning by ear.")
    Publisher(portal_services.settings.articles, portal_services.settings.data).publish(NOW)
    portal_services.editions._looked = float("-inf")

    closed = send(writer, number, "close", slug="kazoo", resolution="article_written")
    after = writer.get(closed.headers["Location"]).text
    again = writer.post(
        f"/en/desk/writers/gaps/{number}/claim",
        data={"csrf_token": hidden(writer.get("/en/desk/notices").text, "csrf_token")},
    )

    assert (refused.status_code, missing.status_code, wrong.status_code, old.status_code) == (409, 400, 400, 409)
    assert "does not answer the search that caused this gap" in refused.text
    assert 'value="https://x.org/en/articles/printer-offline"' in refused.text
    assert "Enter the article that answers it." in missing.text
    assert closed.status_code == 303
    assert "Closed: the search finds the article at rank 1." in after
    assert "<dd>Article written: " in after
    assert "ui-close" not in after
    assert again.status_code == 409
    ticket = found(portal_services, number)
    assert (ticket.status, ticket.resolution, ticket.slug) == (Status.SOLVED, Resolution.ARTICLE_WRITTEN, "kazoo")
    assert "kazoo tuning" not in writer.get("/en/desk/writers/gaps").text


def test_what_is_no_gap_is_not_there(writer: FlaskClient, portal_services: Services) -> None:
    """Requests, numbers of nothing, texts of nothing; whatever the address says, no page fails."""
    lived(portal_services)
    with portal_services.database.write() as connection:
        connection.execute(s.tickets.update().where(s.tickets.c.id == 1).values(kind=Kind.REQUEST.value))
    pages = [
        "gaps/1",
        "gaps/4711",
        "gaps/99999999999999",
        "gaps/99999999999999999999",
        "feedback/xx/reset-password",
        "feedback/en/gone",
        "feedback/en/%00",
    ]
    odd = ["gaps?after=x~y", "gaps?after=9~9&in=de", "gaps?after=99999999999~1", "texts?in=xx&state=y&top=-1&page=0",
           "texts?top=20&state=missing&page=9", "helpfulness?page=99", "helpfulness?page=²"]  # fmt: skip

    assert {path: writer.get(f"/en/desk/writers/{path}").status_code for path in pages} == dict.fromkeys(pages, 404)
    assert {path: writer.get(f"/en/desk/writers/{path}").status_code for path in odd} == dict.fromkeys(odd, 200)
    for act in ("claim", "release", "close"):
        assert writer.post(f"/en/desk/writers/gaps/99999999999999999999/{act}").status_code in {400, 404}


def test_figures_lead_to_their_lists(writer: FlaskClient, portal_services: Services) -> None:
    """What is counted as missing is listed as missing, with the command that begins the work."""
    lived(portal_services)
    portal_services._visits._read_at = float("-inf")

    page = writer.get("/en/desk/writers/?in=fr").text
    link = re.search(r'href="([^"]+texts[^"]*top=20[^"]*)"', page)
    assert link is not None
    listed = writer.get("/en/desk/writers/texts?in=fr&state=missing").text

    assert writer.get(link[1].replace("&amp;", "&")).status_code == 200
    assert "<strong>33%</strong> <span>1 of 3</span>" in page
    assert re.findall("portal articles translate ([a-z-]+ fr)", listed) == ["printer-offline fr", "vpn-only-english fr"]
    assert "<dd>2</dd>" in listed


def test_the_same_at_a_prompt(portal_services: Services, writer: FlaskClient) -> None:
    """Status, gaps, claim, release and close, for people and for scripts; whoever is nobody is told so."""
    number = lived(portal_services)
    instance = portal_services.settings
    me = ("--as", "wanda@example.org")

    status = as_json(instance, "articles", "status", "--texts", *me)
    gaps = as_json(instance, "articles", "gaps", "--language", "en")
    text = run(instance, "articles", "status", "--top", "5", "--language", "de").stdout
    claimed = run(instance, "articles", "claim", str(number), *me)
    again = run(instance, "articles", "gaps")
    released = run(instance, "articles", "release", str(number), *me)
    open_still = run(instance, "articles", "close", str(number), "printer-offline", *me)
    strangers = [
        run(instance, "articles", "claim", str(number), "--as", who)
        for who in ("x@example.org", "x", "wanda@example.org ;")
    ]
    nothing = run(instance, "articles", "claim", "4711", *me)

    assert isinstance(status, dict)
    assert isinstance(gaps, list)
    assert status["todo"][0]["command"] == f"portal articles new --gap {number}"
    assert {row["language"] for row in status["texts"]} == set(CODES) - {"en"}
    assert [(row["number"], row["occurrences"], row["writer"]) for row in gaps] == [(number, 2, None)]
    assert "top 5" in text
    assert claimed.stdout.startswith("Wanda Writer writes about ")
    assert "kazoo tuning  (Wanda Writer)" in again.stdout
    assert released.exit_code == 0
    assert (open_still.exit_code, "stays open" in open_still.stderr) == (1, True)
    assert [each.exit_code for each in [*strangers, nothing]] == [1] * 4
    assert "There is no ticket 4711." in nothing.stderr
    assert run(instance, "articles", "close", str(number), "reset-password").exit_code == 2


def test_errors_and_answered_gaps_are_seen(writer: FlaskClient, portal_services: Services) -> None:
    """The tab counts files with errors; a gap that its own search answers says so; a draft closes nothing and says why."""
    number = lived(portal_services)
    articles = portal_services.settings.articles
    draft = write_article(articles, "en", "kazoo", "Kazoo tuning", "Kazoo tuning by ear.", status="draft")
    (articles / "de" / "printer-offline.md").write_text("broken", encoding="utf-8")
    Publisher(articles, portal_services.settings.data).publish(NOW)
    portal_services.editions._looked = float("-inf")
    before = writer.get("/en/desk/writers/gaps").text
    refused = send(writer, number, "close", slug="kazoo", resolution="article_written")
    at_prompt = run(portal_services.settings, "articles", "close", str(number), "kazoo", "--as", "wanda@example.org")
    todo, listed = (writer.get(f"/en/desk/writers/{path}").text for path in ("", "texts?in=de&state=error"))
    draft.write_text(draft.read_text(encoding="utf-8").replace("status: draft\n", ""), encoding="utf-8")
    Publisher(articles, portal_services.settings.data).publish(NOW)
    portal_services.editions._looked = float("-inf")
    after = [writer.get(f"/en/desk/writers/{path}").text for path in ("gaps", f"gaps/{number}")]

    assert "Found now" not in before
    assert "It is still a draft" in refused.text
    assert "en/kazoo.md is a draft" in at_prompt.stderr
    assert 'broken-files">1<span' in todo
    assert '<li class="todo-mend">' in todo
    assert "<code>de/printer-offline.md:1</code>" in listed
    assert all("Found now at rank 1" in page for page in after)
