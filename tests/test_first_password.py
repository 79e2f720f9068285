"""A first password, which an administrator made and so knows: another one is chosen before anything else works."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.errors import PasswordNeeded, SignInRefused
from portal.locales import CODES
from portal.people import Person, Role
from portal.services import Services
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in
from tests.signing_in import Clock, post, start_codes
from tests.test_account_pages import OTHER, key_of


@pytest.fixture
def clock(portal_services: Services) -> Clock:
    """The portal's clock."""
    portal_services.clock = made = Clock()
    return made


@pytest.fixture
def mia(portal_services: Services, clock: Clock) -> Person:
    """An agent."""
    return portal_services.staff.add(person(), PASSWORD, clock())


def given(services: Services, who: Person, clock: Clock) -> None:
    """An administrator sets one."""
    services.staff.set_password(None, who.id, OTHER, clock())


def typed(app: Flask, who: Person) -> tuple[FlaskClient, str]:
    """Somebody signs in with it on the German page; the browser, and where that leads."""
    client = app.test_client()
    fields = {"email": who.email, "password": OTHER, "next": "/de/account/"}
    status, _, where = post(client, "/de/sign-in", "/de/sign-in", **fields)
    assert status == 303
    return client, where


def test_another_one_is_chosen_before_anything_else_works(
    app: Flask, mia: Person, portal_services: Services, clock: Clock
) -> None:
    """Until then nobody is signed in; afterwards only the chosen one opens the account, and nothing more is asked."""
    given(portal_services, mia, clock)
    client, where = typed(app, mia)
    assert where == "/de/account/first-password?next=/de/account/"
    assert key_of(client) == ""
    page = client.get(where)
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    for path in ("/de/desk/", "/de/account/", "/de/account/codes", "/de/desk/administration/people"):
        assert client.get(path).location.startswith("/de/sign-in?next=")
    assert post(client, "/de/account/password", where, old=OTHER, password=PASSWORD)[0] == 401

    chosen = post(client, "/de/account/first-password", where, password=PASSWORD, next="/de/account/")

    assert chosen[::2] == (303, "/de/account/")
    assert client.get("/de/account/").status_code == 200
    with pytest.raises(SignInRefused):
        portal_services.staff.sign_in(mia.email, OTHER, clock())
    assert portal_services.staff.sign_in(mia.email, PASSWORD, clock())[0] == mia


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (OTHER, "is the present one"),
        ("brief-42", "Use at least 15 characters"),
        ("x" * 201, "Use at most 200 characters"),
        ("aaaaaaaaaaaaaaaa", "too easy to guess"),
        ("password1234567", "too easy to guess"),
        ("", "Use at least 15 characters"),
    ],
)
def test_what_is_wrong_with_it_is_said(
    new: str, told: str, app: Flask, mia: Person, portal_services: Services, clock: Clock
) -> None:
    """At the field; nobody is let in, and no password is in the page."""
    given(portal_services, mia, clock)
    client, _ = typed(app, mia)

    status, page, _ = post(client, "/en/account/first-password", "/en/account/first-password", password=new)

    assert (status, told in page) == (400, True)
    assert 'href="#ui-password"' in page
    assert OTHER not in page
    assert not new or new not in page
    assert key_of(client) == ""


def test_codes_come_first_and_cannot_be_gone_round(
    app: Flask, mia: Person, portal_services: Services, clock: Clock
) -> None:
    """Who knows the first password alone chooses no other; with the code they do, once."""
    device, _ = start_codes(sign_in(app.test_client(), mia.email), clock)
    given(portal_services, mia, clock)
    clock.on(minutes=2)
    client, where = typed(app, mia)
    form = "/de/account/first-password"
    assert where == "/de/sign-in/code?next=/de/account/"
    assert client.get(form).status_code == 303
    assert post(client, form, where, password=PASSWORD)[2].startswith("/de/sign-in?")

    status, _, where = post(client, "/de/sign-in/code", where, code=device.at(clock()), next="/de/account/")
    assert (status, where, key_of(client)) == (303, f"{form}?next=/de/account/", "")
    assert client.get("/de/sign-in/code").status_code == 303
    assert post(client, form, where, password=PASSWORD, next="/de/account/")[2] == "/de/account/"


def test_it_must_be_done_in_time_and_before_another_change(
    app: Flask, mia: Person, portal_services: Services, clock: Clock
) -> None:
    """After a quarter of an hour, or where the administrator has set another one meanwhile: sign in anew."""
    given(portal_services, mia, clock)
    late, overtaken = (typed(app, mia)[0] for _ in range(2))
    tokens = [hidden(each.get("/en/account/first-password").text, "csrf_token") for each in (late, overtaken)]

    portal_services.staff.set_password(None, mia.id, "a-meadow-of-quartz-lamps", clock())
    sent = {"csrf_token": tokens[1], "password": PASSWORD}
    assert overtaken.post("/en/account/first-password", data=sent).location == "/en/sign-in?next=/en/desk/"
    assert "Nothing has been changed yet." in overtaken.get("/en/sign-in").text
    given(portal_services, mia, clock)
    clock.on(minutes=15, seconds=1)
    sent = {"csrf_token": tokens[0], "password": PASSWORD}
    assert late.post("/en/account/first-password", data=sent).location == "/en/sign-in?next=/en/desk/"
    assert late.get("/en/account/first-password").status_code == 303
    assert app.test_client().get("/en/account/first-password").status_code == 303
    with pytest.raises(PasswordNeeded):
        portal_services.staff.sign_in(mia.email, OTHER, clock())


def test_ones_own_is_no_first_one(app: Flask, mia: Person, portal_services: Services, clock: Clock) -> None:
    """An administrator who gives themselves another password knows it alone."""
    boss = portal_services.staff.add(
        person(email="boss@example.org", roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, clock()
    )
    portal_services.staff.set_password(boss, boss.id, OTHER, clock())

    assert portal_services.staff.sign_in(boss.email, OTHER, clock())[0] == boss


@pytest.mark.parametrize("language", CODES)
def test_the_page_is_there_in_every_language(
    language: str, app: Flask, mia: Person, portal_services: Services, clock: Clock
) -> None:
    """With its heading in it."""
    given(portal_services, mia, clock)
    client, _ = typed(app, mia)

    assert f'lang="{language}"' in client.get(f"/{language}/account/first-password").text
