"""Signing in through an identity provider: there and back with a real one, and what it needs to be there."""

import base64
import hashlib
import sys
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from portal.errors import CannotStart
from portal.identity import Identity, IdentityRefused, Provider, open_provider
from portal.services import Services, utc_now
from portal.settings import Settings
from tests.builders import PASSWORD, person
from tests.providing import (
    BACK,
    Server,
    journey,
    opened,
)

with warnings.catch_warnings(record=True):
    # The provider's own imports, not ours to mend.
    from oidc_provider_mock._app import AuthorizationCodeGrant

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore::joserfc.errors.SecurityWarning")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A provider."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    made = Server()
    yield made
    made.stop()


@pytest.fixture
def provider(server: Server) -> Provider:
    """The portal's side."""
    return opened(server.issuer)


@pytest.mark.parametrize("secret", ["s3cret", ""], ids=["secret", "public"])
def test_there_and_back(secret: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who it is, by the provider's own account of them; the address in lower case."""
    monkeypatch.setattr(AuthorizationCodeGrant, "TOKEN_ENDPOINT_AUTH_METHODS", ["client_secret_basic", "none"])
    found = journey(server, opened(server.issuer, secret))

    assert found == Identity("sub-1", "mia@example.org", True)


def test_through_the_pages(server: Server, app: Flask, portal_services: Services, reader: FlaskClient) -> None:
    """From the button to the desk."""
    portal_services.identity = opened(server.issuer)
    portal_services.staff.add(person(), PASSWORD, portal_services.clock())
    left = reader.get("/fr/sign-in/elsewhere?next=/fr/desk/")

    answer = server.consent(left.location, back="http://localhost/sign-in/return")
    entered = reader.get("/sign-in/return", query_string=answer)

    assert entered.location == "/fr/desk/"
    assert reader.get("/fr/desk/").status_code == 200
    assert "Mia Lindt" in reader.get("/fr/desk/").text


def test_the_code_is_bound_to_whoever_began(server: Server, provider: Provider) -> None:
    """State, nonce and PKCE with SHA-256: new each time, and the verifier only in the last step."""
    first, second = provider.begin(BACK), provider.begin(BACK)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(first.address).query).items()}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(first.verifier.encode()).digest()).rstrip(b"=").decode()

    assert asked["response_type"] == "code"
    assert asked["scope"] == "openid email"
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (challenge, "S256")
    assert (asked["state"], asked["nonce"], asked["redirect_uri"]) == (first.state, first.nonce, BACK)
    assert len({first.state, first.nonce, first.verifier, second.state, second.nonce, second.verifier}) == 6

    provider.finish(first, server.consent(first.address)["code"], BACK, utc_now())
    redeemed = next(values for path, values in server.asked if path == "/oauth2/token")
    assert redeemed["code_verifier"] == first.verifier
    assert all("code_verifier" not in values for path, values in server.asked if path == "/oauth2/authorize")


def test_a_code_works_once(server: Server, provider: Provider) -> None:
    """Whoever repeats the address gets nowhere; nor does an invented code."""
    begun = provider.begin(BACK)
    code = server.consent(begun.address)["code"]
    provider.finish(begun, code, BACK, utc_now())

    for used in (code, "invented"):
        with pytest.raises(IdentityRefused) as error:
            provider.finish(begun, used, BACK, utc_now())
        assert error.value.code == "invalid"


def test_a_token_of_another_journey_is_refused(server: Server, provider: Provider) -> None:
    """The nonce in the token is another one."""
    begun = provider.begin(BACK)
    parts = urlsplit(begun.address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | {"nonce": "another"}
    answer = server.consent(urlunsplit(parts._replace(query=urlencode(query))))

    with pytest.raises(IdentityRefused) as error:
        provider.finish(begun, answer["code"], BACK, utc_now())
    assert error.value.code == "invalid"


@pytest.mark.parametrize(
    ("claims", "identity"),
    [
        ({"email": "mia@example.org"}, Identity("sub-1", "mia@example.org", False)),
        ({"email": "mia@example.org", "email_verified": False}, Identity("sub-1", "mia@example.org", False)),
        ({"email": "mia@example.org", "email_verified": "false"}, Identity("sub-1", "mia@example.org", False)),
        ({"email": "mia@example.org", "email_verified": 1}, Identity("sub-1", "mia@example.org", True)),
        ({"email": "mia@example.org", "email_verified": "true"}, Identity("sub-1", "mia@example.org", True)),
        ({"email": ["mia@example.org"], "email_verified": True}, Identity("sub-1", "", True)),
        ({"email": "x" * 300, "email_verified": True}, Identity("sub-1", "", True)),
        ({}, Identity("sub-1", "", False)),
    ],
)
def test_only_what_the_provider_vouches_for_counts(
    claims: dict[str, Any], identity: Identity, server: Server, provider: Provider
) -> None:
    """An address is verified only where it says so."""
    assert journey(server, provider, claims=claims) == identity


def test_endpoints_must_be_as_safe_as_the_issuer(server: Server, provider: Provider) -> None:
    """An https issuer that names an http endpoint would send the code in the clear."""
    found = requests.get(f"{server.issuer}/.well-known/openid-configuration", timeout=60).json()
    strict = opened("https://login.example.org")
    bad = found | {"issuer": "https://login.example.org"}
    strict._known["https://login.example.org/.well-known/openid-configuration"] = (sys.maxsize, bad)  # type: ignore[attr-defined]

    with pytest.raises(IdentityRefused) as error:
        strict.begin(BACK)
    assert error.value.code == "invalid"
    assert provider.begin(BACK).address.startswith(server.issuer)


def test_a_provider_that_is_away(server: Server, provider: Provider) -> None:
    """Before the journey, and in the middle of it."""
    begun = provider.begin(BACK)
    code = server.consent(begun.address)["code"]
    server.stop()

    for attempt in (
        lambda: provider.finish(begun, code, BACK, utc_now()),
        lambda: opened(server.issuer).begin(BACK),
    ):
        with pytest.raises(IdentityRefused) as error:
            attempt()
        assert error.value.code == "unavailable"
        assert code not in str(error.value)


def test_without_settings_there_is_none() -> None:
    """Nothing is imported, nothing asked."""
    assert open_provider(Settings()) is None


def test_half_of_the_settings_stops_the_start() -> None:
    """In one sentence."""
    with pytest.raises(CannotStart, match="PORTAL_OIDC_CLIENT_ID is missing"):
        open_provider(Settings(oidc_issuer="https://login.example.org"))


def test_without_the_extra_the_portal_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.delitem(sys.modules, "portal.openid", raising=False)
    monkeypatch.setitem(sys.modules, "authlib.integrations.requests_client", None)

    with pytest.raises(CannotStart, match=r"pip install 'tier0-portal\[oidc\]'"):
        open_provider(Settings(oidc_issuer="https://login.example.org", oidc_client_id="desk"))


def test_the_button_has_a_name_in_any_case() -> None:
    """The setting's, or the host's."""
    given = open_provider(Settings(oidc_issuer="https://login.example.org/a", oidc_client_id="d", oidc_name="Konto"))
    plain = open_provider(Settings(oidc_issuer="https://login.example.org/a", oidc_client_id="d"))

    assert given is not None
    assert plain is not None
    assert (given.name, plain.name) == ("Konto", "login.example.org")
