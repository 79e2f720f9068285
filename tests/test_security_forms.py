"""Forged forms, forged methods and doubled fields: what another site or a clumsy proxy can make a browser send."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal.people import Role
from portal.services import Services
from portal.web import forms
from portal.web.security import csrf
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in
from tests.test_access import NEEDS, address, client_of, rules

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
#: Forms that are taken without the token of a session, and what protects each instead. All of them check the origin.
OTHERWISE = {
    "account.stop_digest": "the secret in its address (RFC 8058)",
    "help.vote": "no session; the browser's own cookie is not sent by other sites",
    "my_requests.send": "the signed stamp of the form",
    "my_requests.shown": "the signed stamp of the form",
    "my_requests.solve": "the signed stamp of the form",
    "private_page.close": "the secret in its address",
    "private_page.here": "the secret in its address",
    "private_page.rate": "the secret in its address",
    "private_page.reopen": "the secret in its address",
    "private_page.reply": "the secret in its address",
    "private_page.send_link": "the signed stamp of the form",
    "subscriptions.confirm": "the secret in its address",
    "subscriptions.stop": "the secret in its address (RFC 8058)",
    "subscriptions.subscribe": "the signed stamp of the form",
    "visits.beacon": "changes nothing of anybody",
}


@pytest.fixture
def boss(app: Flask, portal_services: Services) -> FlaskClient:
    """An administrator who has just signed in."""
    portal_services.staff.add(person(roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, portal_services.clock())
    return client_of(app, portal_services, Role.ADMINISTRATOR)


def changing(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and address of everything that can change something, but the API."""
    for rule, method in rules(app):
        if method in UNSAFE and not rule.endpoint.startswith("api."):
            yield rule.endpoint, method, address(app, rule)


def test_the_table_names_every_form_without_a_token(app: Flask) -> None:
    """A new one stands here with its reason before it works; the API as a whole reads no cookies."""
    views = {f"{view.__module__}.{view.__name__}": name for name, view in app.view_functions.items()}

    assert {views[name] for name in csrf._exempt_views} == set(OTHERWISE)
    assert {blueprint.name for blueprint in csrf._exempt_blueprints} == {"api"}


def test_no_form_is_taken_without_its_token(app: Flask, boss: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """Neither without one, nor with another's: every address that changes something, as an administrator."""
    other = hidden(app.test_client().get("/en/sign-in").text, "csrf_token")
    taken = []
    asked = [each for each in changing(app) if each[0] not in OTHERWISE]
    for endpoint, method, path in asked:
        for sent in ({}, {"csrf_token": ""}, {"csrf_token": other}):
            caplog.clear()
            with caplog.at_level(logging.INFO, "portal.security"):
                answered = boss.open(path, method=method, data=sent)
            if answered.status_code != 400 or "forged_form" not in caplog.text:
                taken.append(f"{method} {endpoint}: {answered.status_code}")

    assert len(asked) > 70
    assert taken == []


FOREIGN: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Sec-Fetch-Site": "none-such"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://evil.example#localhost"},
    {"Origin": "null"},
    {"Origin": "http://localhost:8081"},
)


def test_no_other_site_sends_a_form(app: Flask, boss: FlaskClient) -> None:
    """Whatever its token, also those that need none: every form in the two ways browsers tell it, some in every way."""
    app.config["WTF_CSRF_ENABLED"] = False
    forms = list(changing(app))
    some = [each for each in forms if each[0] in {"sign_in.sign_out", "help.vote", "desk.admin_new_person"}]

    taken = [
        f"{method} {endpoint} {headers}: {answered.status_code}"
        for number, headers in enumerate(FOREIGN)
        for endpoint, method, path in (forms if number < 2 else some)
        if (answered := boss.open(path, method=method, headers=headers)).status_code != 403
    ]

    assert len(some) == 3
    assert taken == []


def test_safe_methods_change_nothing(app: Flask) -> None:
    """What a form does is not to be had by a link or an image: for GET its address is another page, or none."""
    reads = {rule.endpoint for rule, method in rules(app) if method == "GET"}
    changes = [each for each in changing(app) if each[0] not in reads]
    adapter, led = app.url_map.bind("localhost"), []
    for endpoint, _, path in changes:
        for method in ("GET", "HEAD"):
            with suppress(HTTPException, RequestRedirect):
                led.append((endpoint, adapter.match(path, method)[0]))

    assert len(changes) > 60
    assert [endpoint for endpoint, page in led if page == endpoint or page not in reads] == []
    # These answer both; what they do for GET is to show the form.
    assert {endpoint for endpoint, _, _ in changing(app) if endpoint in reads} <= {
        name for name in NEEDS if name.startswith(("desk.admin_", "desk.surveys", "desk.incidents"))
    }


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_or_field_makes_another_method(name: str, app: Flask, boss: FlaskClient) -> None:
    """A link that claims to be a form is a link."""
    app.config["WTF_CSRF_ENABLED"] = False

    assert boss.get("/en/sign-out", headers={name: "POST"}).status_code == 405
    assert boss.get("/en/sign-out?_method=POST").status_code == 405
    assert boss.get("/en/desk/").status_code == 200
    # A form that claims to be a link is a form.
    assert boss.post("/en/sign-out", headers={name: "GET"}, data={"_method": "GET"}).status_code == 303
    assert boss.get("/en/desk/").status_code == 303


def test_unknown_methods_are_refused(reader: FlaskClient) -> None:
    """Also ones that proxies and file servers know."""
    methods = ("TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG", "PURGE", "PATCH")

    assert {method: reader.open("/en/", method=method).status_code for method in methods} == dict.fromkeys(methods, 405)


def test_fields_come_from_where_they_belong(agent: FlaskClient, app: Flask) -> None:
    """A password in an address signs nobody in, and of a field that comes twice the first counts."""
    client = app.test_client()
    token = hidden(client.get("/en/sign-in").text, "csrf_token")
    right = {"email": "mia@example.org", "password": PASSWORD}

    in_address = client.post("/en/sign-in", query_string=right, data={"csrf_token": token})
    twice = client.post(
        "/en/sign-in", data={**right, "csrf_token": token, "email": ["nobody@example.org", "mia@example.org"]}
    )
    token_in_address = client.post("/en/sign-in", query_string={"csrf_token": token}, data=right)

    assert [in_address.status_code, twice.status_code, token_in_address.status_code] == [403, 403, 400]
    assert client.get("/en/desk/").status_code == 303


NASTY = (
    "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/%09//evil",
    "javascript:alert(1)", "data:text/html,x", " //evil.example", "///evil.example", "http:evil.example",
    "https:/evil.example", "/\r\nSet-Cookie: a=b", "//localhost@evil.example", ".evil.example", "@evil.example",
)  # fmt: skip


def leads_outside(location: str) -> bool:
    """Whether a browser at this portal would leave it."""
    is_path = location.startswith("/") and not location.startswith(("//", "/\\")) and "\\" not in location
    is_own = location.startswith("http://localhost/")
    return (bool(location) and not (is_path or is_own)) or any(ord(sign) < 33 for sign in location)


@pytest.mark.parametrize("target", NASTY)
def test_nothing_leads_elsewhere(target: str, app: Flask, agent: FlaskClient, reader: FlaskClient) -> None:
    """Every field and header that says where to go on, in front of the door and behind it."""
    token = hidden(agent.get("/en/account/").text, "csrf_token")
    asked = {"next": target}
    answers = [
        agent.get("/en/sign-in", query_string=asked),
        agent.post("/en/account/confirm", data={**asked, "password": PASSWORD, "csrf_token": token}),
        reader.get("/en/sign-in/code", query_string=asked),
        reader.get("/en/sign-in/elsewhere", query_string=asked),
        reader.get("/sign-in/return", query_string={**asked, "state": "x", "code": "y"}),
        reader.get("/", query_string={**asked, "url": target, "return": target, "redirect": target}),
        reader.get("/en/requests/new", query_string={"page": target}),
    ]
    client = sign_in(app.test_client(), "mia@example.org")
    token = hidden(client.get("/en/account/").text, "csrf_token")
    form = {"back": target, "from": target, "return_to": target, "csrf_token": token, "version": "1"}
    for path in ("/en/desk/tickets/1/take", "/en/desk/bulk", "/en/articles/reset-password/vote"):
        answers.append(
            client.post(path, data={**form, "helpful": "yes"}, headers={"Referer": "http://localhost/" + target[:1]})
        )

    assert [answered.location for answered in answers if leads_outside(answered.location or "")] == []


@pytest.mark.parametrize(
    "path",
    ["//evil.example/", "//evil.example/en", "/\\evil.example", "/en/%2f%2fevil.example", "/en//evil.example", "//en"],
)
def test_no_path_leads_elsewhere(path: str, reader: FlaskClient) -> None:
    """Corrected addresses, too, stay here."""
    answered = reader.get("/", environ_overrides={"PATH_INFO": path.replace("%2f", "/")})

    assert not leads_outside(answered.headers.get("Location", ""))


@pytest.mark.parametrize(
    ("seconds", "refusal"),
    [
        (0, "too_fast"),
        (-1, "too_fast"),  # Another machine's clock, some moments ahead.
        (60, ""),
        (-60, ""),
        (-3 * 3600, ""),
        (24 * 3600 - 60, ""),
        (24 * 3600 + 60, "expired"),
    ],
)
def test_a_form_is_ours_whatever_the_clock_says_since(
    app: Flask, portal_services: Services, monkeypatch: pytest.MonkeyPatch, seconds: int, refusal: str
) -> None:
    """Refused are forms that were open for too long or sent too soon, not those of a time to come."""
    clock = portal_services.clock
    monkeypatch.setattr(portal_services, "settings", replace(portal_services.settings, form_min_seconds=3))
    with app.test_request_context():
        stamp = forms.new_stamp()
        monkeypatch.setattr(portal_services, "clock", lambda: clock() + timedelta(seconds=seconds))
        try:
            found = "" if forms.check_stamp(stamp) else "nothing"
        except forms.StampRefused as refused:
            found = refused.code

    assert found == refusal
