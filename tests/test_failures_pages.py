"""Search that is down, clocks that jump, and what a page gives back when it fails."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.catalogues import catalogue
from portal.locales import CODES
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import feedback
from portal.storage.schema import doubts, tickets
from portal.ticking import tick
from portal.web import monitoring
from tests.conftest import hidden
from tests.test_failures import TYPED, fields_of
from tests.test_health import said
from tests.visiting import TITLES

__all__ = ["said"]

SLUG = "reset-password"
WORD = "zyxomat"
DAY = timedelta(days=1)


def count(services: Services, table: object = tickets) -> int:
    """How many rows there are."""
    with services.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


# Search is down


def test_search_that_is_down_is_said_once_in_the_log_and_politely_to_everybody(
    app: Flask,
    reader: FlaskClient,
    instance: Settings,
    portal_services: Services,
    said: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four languages, the words kept, no gap, red; when the index is back, all is well and the log says so."""
    monkeypatch.setattr("portal.search.engine.PATIENCE", 0.0)
    index, away = instance.data / "index", instance.data / "away"
    index.rename(away)

    answers = [reader.get(f"/{code}/search?q=zyxomat") for code in CODES * 3]
    red = reader.get("/readyz")
    away.rename(index)
    again = [reader.get(f"/{code}/search?q=password").status_code for code in CODES]
    green = reader.get("/readyz").status_code

    assert {answer.status_code for answer in answers} == {503}
    for code, answer in zip(CODES * 3, answers, strict=True):
        assert catalogue(code).gettext("Search is not available at the moment") in unescape(answer.text)
        assert 'value="zyxomat"' in answer.text
        assert f'href="/{code}/requests/new?query=zyxomat' in answer.text
    assert (red.status_code, green, again) == (503, 200, [200] * 4)
    assert count(portal_services) == 0
    lines = [line for line in said() if line.startswith("search is unavailable")]
    assert len(lines) == len(set(lines)) <= 4
    assert said().count("works again: search is unavailable") == 1
    assert "zyxomat" not in str(said())


def test_a_portal_that_has_published_nothing_keeps_the_words(instance: Settings) -> None:
    """Where there is not even an edition, the page still has the words and the form."""
    (instance.data / "articles.db").unlink()
    services = open_services(instance)
    client = create_app(instance, services).test_client()

    answers = {code: client.get(f"/{code}/search?q={code}+%3Cb%3E") for code in CODES}
    services.close()

    for code, answer in answers.items():
        assert answer.status_code == 503
        assert f'<html lang="{code}"' in answer.text
        assert f'value="{code} &lt;b&gt;"' in answer.text
        assert f'href="/{code}/requests/new?query={code}' in answer.text


def test_texts_that_cannot_be_read_make_search_unavailable_and_no_gap(
    reader: FlaskClient, portal_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database of the articles is locked or gone: the same page as for the index."""

    def broken(*_: object) -> None:
        raise OperationalError("SELECT", {"q": "zyxomat"}, Exception("disk I/O error"))

    monkeypatch.setattr(monitoring, "answer", broken)

    answer = reader.get("/ru/search?q=zyxomat")

    assert answer.status_code == 503
    assert catalogue("ru").gettext("Search is not available at the moment") in answer.text
    assert 'value="zyxomat"' in answer.text
    assert count(portal_services) == 0


def test_the_index_may_go_while_a_form_is_open(reader: FlaskClient, instance: Settings) -> None:
    """A request can be sent without search, whose articles are only a help."""
    stamp = hidden(reader.get("/fr/requests/new?query=zyxomat").text, "stamp")
    shutil.rmtree(instance.data / "index")

    fields = {"name": "Zoë", "email": "zoe@example.org", "description": TYPED["fr"], "query": "zyxomat", "stamp": stamp}

    assert reader.post("/fr/requests/new", data=fields).status_code == 303


# What a page gives back


@pytest.fixture
def failing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A reader of a portal whose votes fail as nobody foresaw."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError(WORD)

    monkeypatch.setattr(feedback, "vote", fail)
    monkeypatch.setattr(app, "testing", False)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app.test_client()


@pytest.mark.parametrize("language", CODES)
def test_a_fault_of_ours_gives_back_what_was_typed(
    language: str, failing: FlaskClient, said: Callable[[], list[str]]
) -> None:
    """As text, never as markup; the log holds nothing of it."""
    address = f"/{language}/articles/{SLUG}/vote"
    hostile = f'{TYPED[language]}</textarea><script>alert("zyxomat")</script>'
    sent = {"helpful": "no", "reason": "unclear", "comment": hostile, '"><script>': '"><script>'}

    answer = failing.post(address, data=sent)

    assert answer.status_code == 500
    assert f'<html lang="{language}"' in answer.text
    assert "<script>" not in answer.text
    assert {name: text for name, text in fields_of(answer.text, address).items() if name in sent} == {
        name: text for name, text in sent.items() if name.isalpha()
    }
    assert "zyxomat" not in str(said())
    assert any(line.startswith("fault in help.vote: ZeroDivisionError") for line in said())


@pytest.mark.parametrize(
    ("path", "fields", "headers", "status"),
    [
        ("/en/articles/reset-password/vote", {"helpful": "maybe", "comment": "zyxomat"}, {}, 400),
        ("/en/articles/reset-password/vote", {"helpful": "no", "comment": "zyxomat"}, {"Sec-Fetch-Site": "cross-site"}, 403),
        ("/en/articles/nothing/vote", {"helpful": "no", "comment": "zyxomat"}, {}, 404),
    ],
    ids=["wrong", "of another site", "to nothing"],
)  # fmt: skip
def test_what_is_refused_for_what_it_is_does_not_come_back(
    path: str, fields: dict[str, str], headers: dict[str, str], status: int, reader: FlaskClient
) -> None:
    """Another site cannot put a filled-in form of its own onto our page."""
    answer = reader.post(path, data=fields, headers=headers)

    assert answer.status_code == status
    assert "zyxomat" not in answer.text


def test_who_must_wait_gets_back_what_was_typed_and_no_password_ever_does(reader: FlaskClient) -> None:
    """Too many at once: the reply comes back, a password does not."""
    votes = [reader.post(f"/de/articles/{SLUG}/vote", data={"helpful": "no", "comment": "zyxomat"}) for _ in range(61)]
    secret = {"email": "mia@example.org", "password": "zyxomat-secret", "csrf_token": ""}
    for _ in range(101):
        secret["csrf_token"] = secret["csrf_token"] or hidden(reader.get("/de/sign-in").text, "csrf_token")
        signing = reader.post("/de/sign-in", data=secret)

    assert votes[-1].status_code == 429
    assert fields_of(votes[-1].text, f"/de/articles/{SLUG}/vote")["comment"] == "zyxomat"
    assert signing.status_code == 429
    assert "zyxomat-secret" not in signing.text


# The clock jumps


def send(reader: FlaskClient, address: str, fields: dict[str, Any]) -> TestResponse:
    """Send a form; one that seems too old comes back with everything in it, and is sent again as it is."""
    answer = reader.post(address, data=fields)
    if answer.status_code == 400:
        again = fields_of(answer.text, address)
        typed = ("name", "email", "description", "gap")
        assert {name: again[name] for name in typed if name in fields} == {
            name: fields[name] for name in typed if name in fields
        }
        answer = reader.post(address, data=again)
    return answer


@pytest.mark.parametrize(("language", "jump"), [("en", DAY), ("fr", -DAY), ("de", DAY), ("ru", -DAY)])
def test_a_clock_that_jumps_loses_nothing_and_opens_no_false_gap(
    language: str,
    jump: timedelta,
    reader: FlaskClient,
    portal_services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Forms that were open are sent, at the second time at most; then what was searched is judged."""
    start = portal_services.clock()
    times: dict[str, datetime] = {"now": start}
    portal_services.clock = lambda: times["now"]
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: int(times["now"].timestamp()))
    home = f"/{language}"
    found = reader.get(f"{home}/search?q=zyxomat").text
    subscription = fields_of(found, f"{home}/subscriptions") | {"email": "sub@example.org"}
    fields = fields_of(reader.get(f"{home}/requests/new").text, f"{home}/requests/new")
    fields |= {"name": "Zoë", "email": "zoe@example.org", "description": TYPED[language], "suggested": "1"}
    for _ in range(4):  # Found and read, by several people: before the jump the one, after it the other.
        browser = reader.application.test_client()
        times["now"] = start
        browser.get(f"{home}/search?q={quote(TITLES[language])}")
        times["now"] = start + jump
        browser.get(f"{home}/articles/{SLUG}")

    sent, told = send(reader, f"{home}/requests/new", fields), send(reader, f"{home}/subscriptions", subscription)
    reply = reader.post(sent.location.partition("?")[0] + "/reply", data={"text": TYPED[language]})
    vote = reader.post(f"{home}/articles/{SLUG}/vote", data={"helpful": "yes"})
    page = reader.get(sent.location.partition("?")[0])
    assert portal_services.journal.flush()
    done = [tick(portal_services, start + jump + timedelta(hours=hour)) for hour in (0, 1, 26)]

    assert [answer.status_code for answer in (sent, reply, told, vote, page)] == [303] * 4 + [200]
    assert unescape(page.text).count(TYPED[language]) >= 2
    assert [each.faults for each in done] == [()] * 3
    assert sum(each.sent for each in done) == 2
    assert count(portal_services) == 2
    assert count(portal_services, doubts) == 0
    assert reader.get("/readyz").status_code == 200
