"""Administration → API tokens: made, shown once, listed and revoked."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from portal.api_tokens import PREFIX, Scope
from portal.desk.administration import Administration
from portal.locales import CODES
from portal.people import Role
from portal.services import Services
from tests.administering import ROOT, plain, send, standing_desk
from tests.builders import PASSWORD, person

TOKENS = f"/en{ROOT}tokens"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FlaskClient, Services]]:
    """An administrator who is signed in; the second person is a writer."""
    with standing_desk(tmp_path_factory.mktemp("standing")) as (client, services):
        writer = person(email="wil@example.org", name="Wil Wood", roles=frozenset({Role.WRITER}))
        services.staff.add(writer, PASSWORD, services.clock())
        yield client, services


@pytest.fixture
def portal_services(standing: tuple[FlaskClient, Services]) -> Services:
    """The portal, without a token."""
    with standing[1].database.write() as connection:
        connection.exec_driver_sql("DELETE FROM api_tokens")
    return standing[1]


@pytest.fixture
def admin(standing: tuple[FlaskClient, Services]) -> FlaskClient:
    """The administrator."""
    return standing[0]


def secret_of(page: str) -> str:
    """The secret that a page shows."""
    return str(re.findall(rf'value="({PREFIX}[\w-]{{43}})"', page)[0])


def test_a_token_is_made_and_shown_once(admin: FlaskClient, portal_services: Services) -> None:
    """The page that shows it is kept nowhere; the list shows what it is, not what it says."""
    assert "No other system has a token yet." in admin.get(TOKENS).text
    fields = {
        "name": "Wiki <b>",
        "person": "2",
        "scopes": ["gaps:read", "tickets:read"],
        "days": "30",
        "per_minute": "7",
    }
    status, page = send(admin, "tokens/new", **fields)
    assert status == 200
    secret = secret_of(page)
    assert page.count(secret) == 1
    assert "not shown again" in page
    assert "Wiki &lt;b&gt;" in page
    token = portal_services.api_tokens.find(secret, portal_services.clock())
    assert token is not None
    assert (token.person.name, set(token.scopes), token.per_minute) == (
        "Wil Wood",
        {Scope.GAPS_READ, Scope.TICKETS_READ},
        7,
    )
    listed = admin.get(TOKENS)
    assert secret not in listed.text
    assert f"<code>{secret[-4:]}</code>" in listed.text
    assert "<code>gaps:read</code> <code>tickets:read</code>" in listed.text
    assert listed.headers["Cache-Control"] == "no-store"
    audit = plain(admin.get(f"/en{ROOT}audit?kind=token").text)
    assert "Wiki <b>" in audit
    assert "gaps:read, tickets:read" in audit
    assert secret not in audit


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": ""}, "name", "Enter what the token is for."),
        ({"name": "x" * 101}, "name", "at most 100 characters"),
        ({"person": "x"}, "person", "Choose in whose name it works."),
        ({"person": "99"}, "person", "Choose in whose name it works."),
        ({"person": "2", "scopes": ["reports:read"]}, "scopes", "does not have the right"),
        ({"days": "31"}, "days", "Choose when it expires."),
        ({"per_minute": "0"}, "per_minute", "from 1 to 100000"),
        ({"per_minute": "many"}, "per_minute", "from 1 to 100000"),
    ],
)
def test_what_cannot_be_comes_back_as_typed(
    admin: FlaskClient, portal_services: Services, changes: dict[str, object], field: str, said: str
) -> None:
    """With what is wrong at the field and in the summary."""
    status, page = send(admin, "tokens/new", **({"name": "Wiki", "scopes": ["gaps:read"]} | changes))
    assert status == 400
    assert said in plain(page)
    assert f'href="#ui-{field}"' in page
    assert f'id="ui-{field}-fault"' in page
    if "scopes" not in changes:
        assert re.search(r'value="gaps:read" checked', page)
    assert portal_services.api_tokens.everything() == []


def test_a_revoked_token_opens_nothing(admin: FlaskClient, portal_services: Services) -> None:
    """After it was asked; it stays in the list of those that have ended."""
    token, secret = portal_services.api_tokens.make(None, "Wiki", [], 1, portal_services.clock(), days=None)
    path = f"tokens/{token.id}/revoke"
    assert "Revoke “Wiki”?" in admin.get(f"/en{ROOT}{path}").text
    assert portal_services.api_tokens.find(secret, portal_services.clock())
    assert send(admin, path) == (303, TOKENS)
    assert portal_services.api_tokens.find(secret, portal_services.clock()) is None
    page = admin.get(TOKENS).text
    assert "The token “Wiki” no longer works." in page
    assert "1 token has ended" in page
    assert admin.get(f"/en{ROOT}tokens/99/revoke").status_code == 404


def test_the_list_says_what_opens_nothing(admin: FlaskClient, portal_services: Services) -> None:
    """A person who has lost the right, one who has left, and what expires soon."""
    now, tokens = portal_services.clock(), portal_services.api_tokens
    tokens.make(None, "Lacking", [Scope.TICKETS_READ], 2, now, days=10)
    people = Administration(portal_services.database)
    with portal_services.database.write() as connection:
        connection.exec_driver_sql("""UPDATE api_tokens SET scopes = '["tickets:read", "reports:read", "gone:read"]'""")
    page = admin.get(TOKENS).text
    assert "lacks the right: reports:read" in page
    assert '<span class="tag">soon</span>' in page
    people.change_person(None, replace(people.person(2), is_active=False), now)
    assert "The person has no access any more" in admin.get(TOKENS).text
    people.change_person(None, replace(people.person(2), is_active=True), now)


@pytest.mark.parametrize("language", CODES)
def test_every_page_is_there_in_every_language(language: str, admin: FlaskClient, portal_services: Services) -> None:
    """With one heading, and no reference to what is not there."""
    token, _ = portal_services.api_tokens.make(None, "Wiki", [Scope.GAPS_READ], 1, portal_services.clock())
    for path in ("tokens", "tokens/new", f"tokens/{token.id}/revoke", ""):
        answer = admin.get(f"/{language}{ROOT}{path}")
        assert answer.status_code == 200, path
        assert answer.text.count("<h1>") == 1
        ids = re.findall(r'\sid="([^"]+)"', answer.text)
        assert len(ids) == len(set(ids))
        named = re.findall(r'(?:for|aria-describedby|aria-labelledby)="([^"]+)"', answer.text)
        assert {each for names in named for each in names.split()} <= set(ids)
