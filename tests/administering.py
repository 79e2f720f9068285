"""What the tests of the administration's pages share: who sets up, a furnished desk, and forms as a browser reads them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from portal.app import create_app
from portal.organisation import Route, SavedReply, Supplier
from portal.people import Role
from portal.server import prepare
from portal.services import Services, open_services
from portal.web.desk import administration  # noqa: F401 - its views
from tests.builders import PASSWORD, person, settings, write_library
from tests.conftest import hidden, sign_in

ROOT = "/desk/administration/"


def signed_in(app: Flask, services: Services) -> FlaskClient:
    """An administrator who is signed in."""
    ada = person(email="ada@example.org", name="Ada Byron", roles=frozenset({Role.ADMINISTRATOR}))
    services.staff.add(ada, PASSWORD, services.clock())
    return sign_in(app.test_client(), "ada@example.org")


def furnish(services: Services) -> Services:
    """Set up a supplier, a saved reply and a route."""
    set_up, now = services.administration, services.clock()
    set_up.add(None, Supplier(0, "ACME", "help@acme.example"), now)
    set_up.add(None, SavedReply(0, "Thanks", {"en": "Thank you, {name}."}, {"en": "Is it solved?"}, "devices"), now)
    set_up.add(None, Route("printers", 2, 4), now)
    return services


@contextmanager
def standing_desk(root: Path) -> Iterator[tuple[FlaskClient, Services]]:
    """An administrator at a furnished desk in a folder of its own."""
    made = settings(write_library(root / "articles"), root / "var")
    prepare(made)
    services = open_services(made)
    yield signed_in(create_app(made, services), services), furnish(services)
    services.database.close()


def typed(page: str) -> dict[str, Any]:
    """What a page's first form of the content would send, as a browser reads it."""
    form = next(part for part in page.split("<form ")[1:] if 'name="version' in part or "novalidate" in part)
    form = form.split("</form>")[0]
    values: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        facts = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if facts.get("type") != "checkbox":
            values[facts["name"]] = plain(facts.get("value", ""))
        elif re.search(r"\schecked\b", tag):
            values.setdefault(facts["name"], []).append(facts["value"])
    for name, text in re.findall(r'<textarea [^>]*name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        values[name] = plain(text)
    for name, options in re.findall(r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.findall(r'value="([^"]*)" selected', options) or re.findall(r'value="([^"]*)"', options)[:1]
        values[name] = chosen[0]
    return values


def plain(text: str) -> str:
    """A text without its escapes."""
    for escape, sign in (("&lt;", "<"), ("&gt;", ">"), ("&#34;", '"'), ("&#39;", "'"), ("&amp;", "&")):
        text = text.replace(escape, sign)
    return text


def send(client: FlaskClient, path: str, **changes: Any) -> tuple[int, str]:
    """Open a form, change some of it and send it; the status, and the page or where it leads."""
    page = client.get(f"/en{ROOT}{path}").text
    answer = client.post(f"/en{ROOT}{path}", data=typed(page) | changes)
    return answer.status_code, answer.location or answer.text


def press(client: FlaskClient, path: str, **fields: str) -> tuple[int, str]:
    """Press a button that needs no form of its own."""
    token = hidden(client.get("/en/desk/administration/").text, "csrf_token")
    answer = client.post(f"/en{ROOT}{path}", data={"csrf_token": token, **fields})
    return answer.status_code, answer.location or answer.text


def sound(page: str) -> None:
    """Ids are there once; links of an error summary and descriptions lead to fields of the page."""
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids)), sorted(each for each in ids if ids.count(each) > 1)
    targets = re.findall(r'href="#(ui-[^"]+)"', page)
    for described in re.findall(r'(?:aria-describedby|aria-labelledby)="([^"]+)"', page):
        targets += described.split()
    targets += re.findall(r'<label for="([^"]+)"', page)
    assert set(targets) <= set(ids), set(targets) - set(ids)
