"""“Tell me when there is an answer”: asking, confirming and ending it over HTTP."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.locales import CODES
from portal.services import Services
from portal.storage.schema import metadata, outbox, subscriptions
from portal.web import forms
from tests.conftest import hidden

QUERY = "zxqv+blorp"
EMAIL = "anna@example.org"


@pytest.fixture
def gap(reader: FlaskClient, portal_services: Services) -> int:
    """A gap that a search has opened."""
    reader.get(f"/en/search?q={QUERY}")
    with portal_services.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT id FROM tickets").scalar_one())


def ask(client: FlaskClient, gap: object, email: str = EMAIL, language: str = "en", **fields: str) -> TestResponse:
    """Ask to be told."""
    stamp = hidden(client.get(f"/{language}/requests/find").text, "stamp")
    return client.post(f"/{language}/subscriptions", data={"stamp": stamp, "gap": str(gap), "email": email, **fields})


def mails(services: Services) -> list[str]:
    """The texts of the mails to send, oldest first."""
    with services.database.read() as connection:
        return list(connection.execute(select(outbox.c.text).order_by(outbox.c.id)).scalars())


def link(services: Services) -> str:
    """The path of the link in the newest mail."""
    found = re.search(r"/\w\w/subscriptions/[0-9a-f]{64}", mails(services)[-1])
    assert found is not None
    return found[0]


def kept(services: Services) -> list[bool]:
    """The subscriptions, and whether each is confirmed."""
    with services.database.read() as connection:
        return [row.confirmed_at is not None for row in connection.execute(select(subscriptions))]


def dump(services: Services) -> str:
    """Everything in the database, with what is still only remembered."""
    assert services.journal.flush()
    assert services.queries.flush()
    with services.database.read() as connection:
        return str([connection.execute(select(table)).all() for table in metadata.sorted_tables])


@pytest.mark.parametrize("language", CODES)
def test_asking_confirming_and_ending(language: str, gap: int, reader: FlaskClient, portal_services: Services) -> None:
    """Each page in the person's language; opening the links alone does nothing."""
    answer = ask(reader, gap, language=language)
    told = reader.get(answer.location)
    path = link(portal_services)
    before = dump(portal_services)
    asked = reader.get(path)
    assert dump(portal_services) == before

    confirmed = reader.post(path)
    after = reader.get(confirmed.location)
    states = kept(portal_services)
    stop = reader.get(f"{path}/stop")
    assert kept(portal_services) == states
    stopped = reader.post(f"{path}/stop")

    assert answer.status_code == 303
    assert answer.location == f"/{language}/subscriptions/sent"
    assert path.startswith(f"/{language}/")
    assert "zxqv blorp" in asked.text
    assert f'action="{path}"' in asked.text
    assert states == [True]
    assert f'href="{path}/stop"' in after.text
    assert f'action="{path}/stop"' in stop.text
    assert kept(portal_services) == []
    pages = (told, asked, after, stop, stopped)
    assert {page.status_code for page in pages} == {200}
    assert all(f'<html lang="{language}"' in page.text and page.text.count("<h1") == 1 for page in pages)
    assert all(page.headers["X-Robots-Tag"] == "noindex" for page in pages)
    assert len({re.search("<h1>(.*?)</h1>", page.text)[1] for page in pages}) == 5  # type: ignore[index]


def test_a_mail_program_ends_it_with_one_click(gap: int, reader: FlaskClient, portal_services: Services) -> None:
    """Without a cookie, a page or an origin (RFC 8058); a second time is as good as once."""
    ask(reader, gap)
    path = link(portal_services)
    reader.post(path)
    program = reader.application.test_client(use_cookies=False)

    first = program.post(f"{path}/stop", data={"List-Unsubscribe": "One-Click"})
    second = program.post(f"{path}/stop", data={"List-Unsubscribe": "One-Click"})

    assert (first.status_code, second.status_code) == (200, 200)
    assert kept(portal_services) == []


def test_everybody_is_told_the_same(gap: int, reader: FlaskClient, portal_services: Services) -> None:
    """Whether there is such a gap or subscription, and whether a robot asks."""
    answers = [
        ask(reader, gap), ask(reader, gap), ask(reader, 999), ask(reader, "x"), ask(reader, "9" * 30), ask(reader, ""),
        ask(reader, gap, "robot@example.org", fax_extension="1"),
    ]  # fmt: skip

    assert {(answer.status_code, answer.location) for answer in answers} == {(303, "/en/subscriptions/sent")}
    assert len(mails(portal_services)) == 1
    assert kept(portal_services) == [False]


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize(
    "email", ["", "anna", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example", "x" * 300]
)
def test_what_is_no_address_comes_back_with_the_form(
    email: str, language: str, gap: int, reader: FlaskClient, portal_services: Services
) -> None:
    """On a page of its own, from which it can be sent again."""
    answer = ask(reader, gap, email, language)
    again = {name: hidden(answer.text, name) for name in ("stamp", "gap")}

    assert answer.status_code == 400
    assert '<a href="#ui-email">' in answer.text
    assert 'id="ui-email-fault"' in answer.text
    assert hidden(answer.text, "gap") == str(gap)
    assert mails(portal_services) == []
    assert reader.post(f"/{language}/subscriptions", data={**again, "email": EMAIL}).status_code == 303


def test_a_form_that_was_not_opened_here_comes_back(gap: int, reader: FlaskClient, portal_services: Services) -> None:
    """With a stamp that works."""
    answer = reader.post("/en/subscriptions", data={"stamp": "x.y", "gap": str(gap), "email": EMAIL})

    assert answer.status_code == 400
    assert EMAIL in answer.text
    assert mails(portal_services) == []


@pytest.mark.parametrize("token", ["0" * 64, "x" * 64, "short", "0" * 63 + "²", "%00" * 64])
def test_a_link_that_leads_nowhere(token: str, reader: FlaskClient) -> None:
    """Says so politely; that nothing more will be sent is true of it as well."""
    path = f"/en/subscriptions/{token}"

    looked, confirmed, asked, stopped = (
        reader.get(path), reader.post(path), reader.get(f"{path}/stop"), reader.post(f"{path}/stop"),
    )  # fmt: skip

    assert looked.status_code == 404
    assert "This link no longer works" in looked.text
    assert confirmed.status_code == 303
    assert (asked.status_code, stopped.status_code) == (200, 200)
    assert "nothing more" in asked.text


def test_the_form_is_a_part_for_other_pages(reader: FlaskClient) -> None:
    """It brings what it needs along."""
    with reader.application.test_request_context("/de/search?q=x"):
        template = reader.application.jinja_env.get_template("subscribe_form.html")
        reader.application.preprocess_request()
        made = template.render(gap=42, form=forms.Form(), stamp="abc", honeypot=forms.HONEYPOT)

    assert 'action="/de/subscriptions"' in made
    assert hidden(made, "gap") == "42"
    assert 'name="email"' in made
