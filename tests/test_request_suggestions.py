"""Before a request is sent: articles that may spare it, and what is counted of them."""

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.errors import SearchUnavailable
from portal.locales import CODES
from portal.services import Services
from portal.storage import tickets as store
from portal.storage.schema import form_sessions
from portal.tickets import Kind, Ticket
from portal.web import my_requests, trail
from tests.conftest import hidden
from tests.postgres import locked

GOOD = {"name": "Anna", "email": "anna@example.org", "description": "Hello"}
TITLES = {
    "en": "Reset a forgotten password", "fr": "Réinitialiser un mot de passe oublié",
    "de": "Vergessenes Passwort zurücksetzen", "ru": "Сбросить забытый пароль",
}  # fmt: skip
NONSENSE = "zxqv blorp"


def opened(client: FlaskClient, query: str = "", language: str = "en") -> str:
    """The page of a form that was just opened."""
    return client.get(f"/{language}/requests/new?query={quote(query)}").text


def send(client: FlaskClient, language: str = "en", **fields: Any) -> TestResponse:
    """Send a form."""
    stamp = fields.pop("stamp", "") or hidden(opened(client, language=language), "stamp")
    return client.post(f"/{language}/requests/new", data={**GOOD, "stamp": stamp, **fields})


def requests(services: Services) -> list[Ticket]:
    """All requests, oldest first."""
    with services.database.read() as connection:
        return store.find(connection, store.Filter(kind=Kind.REQUEST, is_unsolved=None))


def outcomes(services: Services) -> list[tuple[str, str, str]]:
    """What came of each form: language, outcome and article."""
    with services.database.read() as connection:
        rows = connection.execute(select(form_sessions).order_by(form_sessions.c.at, form_sessions.c.form_hash)).all()
    return [(row.language, row.outcome, row.slug) for row in rows]


def items(page: str) -> list[str]:
    """What a form says it will attach."""
    return [
        " ".join(unescape(re.sub("<time.*?</time>|<[^>]+>", " ", row, flags=re.DOTALL)).split())
        for row in re.findall(
            r'<li><label class="choice"><input type="checkbox" name="attach".*?</li>', page, re.DOTALL
        )
    ]


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("field", ["subject", "description"])
def test_articles_are_shown_before_anything_is_sent(
    field: str, language: str, reader: FlaskClient, portal_services: Services
) -> None:
    """Filled in as it was, with a way to each article, and one more press sends."""
    page = send(reader, language, **{"description": NONSENSE, field: TITLES[language], "phone": "030 1234567"})
    before = requests(portal_services)
    fields = {name: unescape(hidden(page.text, name)) for name in ("stamp", "suggested", "query", "page")}
    again = reader.post(f"/{language}/requests/new", data={**GOOD, **fields})

    assert page.status_code == 200
    assert before == []
    assert f'<a href="/{language}/articles/reset-password' in page.text
    assert re.search(r'<button[^>]* form="ui-solved" name="slug" value="reset-password">', page.text)
    assert TITLES[language] in unescape(page.text.split('id="ui-request"')[1])
    assert "030 1234567" in page.text
    assert page.text.count("<h1") == 1
    assert again.status_code == 303
    assert len(requests(portal_services)) == 1


def test_who_goes_back_finds_what_was_typed(reader: FlaskClient) -> None:
    """The browser may keep the page that suggests articles, for itself alone; no other page of the form."""
    page = send(reader, description=TITLES["en"])

    assert page.headers["Cache-Control"] == "private, no-cache"
    assert reader.get("/en/requests/new").headers["Cache-Control"] == "no-store"


def test_what_finds_nothing_is_sent_at_once(reader: FlaskClient, portal_services: Services) -> None:
    """Nobody presses twice for nothing."""
    answer = send(reader, description=NONSENSE)

    assert answer.status_code == 303
    assert outcomes(portal_services) == [("en", "sent", "")]


def test_faults_come_before_articles(reader: FlaskClient) -> None:
    """One thing at a time: first what must be mended."""
    answer = send(reader, description=TITLES["en"], name="")

    assert answer.status_code == 400
    assert "/en/articles/reset-password" not in answer.text


def test_at_most_four_articles_each_once(app: Flask, reader: FlaskClient) -> None:
    """Those of the surer text first, whichever of the two it is."""
    texts = ("The printer is offline", "password")
    pages = [send(reader, subject=subject, description=text).text for subject, text in (texts, texts[::-1])]

    for page in pages:
        slugs = re.findall(r'name="slug" value="([\w-]+)"', page)
        assert slugs[0] == "printer-offline"
        assert "reset-password" in slugs
        assert len(slugs) == len(set(slugs)) <= 4


def test_a_robot_gets_the_normal_answer(reader: FlaskClient, portal_services: Services) -> None:
    """It is not helped, and not counted."""
    answer = send(reader, description=TITLES["en"], fax_extension="1")

    assert answer.status_code == 303
    assert outcomes(portal_services) == []


def test_the_script_is_given_plain_text(reader: FlaskClient) -> None:
    """Titles, addresses and snippets without markup; nothing for what finds nothing, and nothing is counted."""
    found = reader.get("/de/requests/suggest?q=" + quote(TITLES["de"]))
    nothing = reader.get("/de/requests/suggest?q=" + NONSENSE.replace(" ", "+"))
    hostile = reader.get("/de/requests/suggest?q=" + quote("<script>\0" * 5000))

    (item,) = (found.json or {})["items"]
    assert item["title"] == TITLES["de"]
    assert item["url"].startswith("/de/articles/reset-password")
    assert "<" not in item["snippet"]
    assert nothing.json == {"items": []}
    assert hostile.status_code == 200
    assert "Set-Cookie" not in found.headers


def test_the_script_asks_for_subject_and_description_at_once(reader: FlaskClient) -> None:
    """Two texts and no more."""
    found = reader.get("/en/requests/suggest?q=blorp&q=printer+offline&q=forgotten+password")

    assert [item["slug"] for item in (found.json or {})["items"]] == ["printer-offline"]


def test_this_solved_it_is_counted_and_thanked(reader: FlaskClient, portal_services: Services) -> None:
    """The article once more, the way back, and no request."""
    stamp = hidden(send(reader, description=TITLES["en"]).text, "stamp")
    shown = outcomes(portal_services)
    answer = reader.post("/en/requests/solved", data={"stamp": stamp, "slug": "reset-password"})
    page = reader.get(answer.location)

    assert shown == [("en", "shown", "")]
    assert answer.status_code == 303
    assert 'href="/en/articles/reset-password"' in page.text
    assert 'href="/en/requests/new"' in page.text
    assert outcomes(portal_services) == [("en", "solved", "reset-password")]
    assert requests(portal_services) == []


def test_an_outcome_never_goes_back(reader: FlaskClient, portal_services: Services) -> None:
    """Sent is sent, whatever is pressed afterwards; a form is one form through all its steps."""
    stamp = hidden(opened(reader), "stamp")
    steps = []

    def step(path: str, **fields: str) -> None:
        reader.post(f"/en/requests/{path}", data={**GOOD, "stamp": stamp, **fields})
        steps.append([outcome for _, outcome, _ in outcomes(portal_services)])

    step("shown")
    step("solved", slug="reset-password")
    step("shown")
    step("new", suggested="1")
    step("solved", slug="reset-password")
    step("shown")

    assert steps == [["shown"], ["solved"], ["solved"], ["sent"], ["sent"], ["sent"]]
    assert outcomes(portal_services) == [("en", "sent", "")]


def test_the_number_of_a_form_is_kept_as_a_hash(reader: FlaskClient, portal_services: Services) -> None:
    """Nothing that is recorded leads to the request or to the person."""
    stamp = hidden(opened(reader), "stamp")
    reader.post("/en/requests/shown", data={"stamp": stamp})

    with portal_services.database.read() as connection:
        (row,) = connection.execute(select(form_sessions)).all()
    assert re.fullmatch("[0-9a-f]{64}", row.form_hash)
    assert row.form_hash not in stamp


def test_a_form_that_was_not_opened_here_is_not_counted(reader: FlaskClient, portal_services: Services) -> None:
    """The person is thanked all the same; an article that does not exist is none."""
    thanked = reader.post("/en/requests/solved", data={"stamp": "x.y.z", "slug": "reset-password"})
    shown = reader.post("/en/requests/shown", data={"stamp": "x.y.z"})
    unknown = reader.post("/en/requests/solved", data={"stamp": hidden(opened(reader), "stamp"), "slug": "nothing"})

    assert (thanked.status_code, shown.status_code, unknown.status_code) == (303, 400, 404)
    assert reader.get("/en/requests/solved?article=nothing").status_code == 404
    assert outcomes(portal_services) == []


def test_nobody_suffers_where_nothing_can_be_counted(
    reader: FlaskClient, portal_services: Services, tmp_path: Path
) -> None:
    """A locked database costs a count, not the article."""
    stamp = hidden(opened(reader), "stamp")
    with locked(portal_services.database.url):
        solved = reader.post("/en/requests/solved", data={"stamp": stamp, "slug": "reset-password"})
        page = send(reader, description=TITLES["en"])

    assert solved.status_code == 303
    assert page.status_code == 200
    assert "/en/articles/reset-password" in page.text
    assert outcomes(portal_services) == []


def test_without_a_search_the_form_works(
    reader: FlaskClient, portal_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken index suggests nothing and loses nothing."""

    def broken(*_: object) -> None:
        raise SearchUnavailable("broken")

    for module in (my_requests, trail):
        monkeypatch.setattr(module, "answer", broken)

    page = opened(reader, "printer")
    answer = send(reader, description=TITLES["en"])

    assert items(page) == ["Search: “printer” Nothing found"]
    assert reader.get("/en/requests/suggest?q=printer").json == {"items": []}
    assert answer.status_code == 303
    assert len(requests(portal_services)) == 1


def test_what_was_typed_survives_an_article_that_did_not_help_after_all(reader: FlaskClient) -> None:
    """Without a script too: the page of thanks leads back to the form as it was, and nothing is sent."""
    stamp = hidden(reader.get("/en/requests/new").text, "stamp")
    typed = {"subject": "printer offline", "description": "Since <Monday>.", "name": "Anna", "email": "a@example.org"}
    shown = reader.post("/en/requests/new", data={**typed, "stamp": stamp})
    assert shown.text.count('value="printer offline"') == 2  # In the field, and beside the buttons.

    thanks = reader.post("/en/requests/solved", data={**typed, "stamp": stamp, "slug": "printer-offline"})
    back = reader.post("/en/requests/new", data={**typed, "back": "1"})

    assert (thanks.status_code, back.status_code) == (200, 200)
    assert 'name="back" value="1"' in thanks.text
    assert "Since &lt;Monday&gt;." in thanks.text
    assert "Since &lt;Monday&gt;.</textarea>" in back.text
    assert 'value="a@example.org"' in back.text
