"""Tokens and answers of an identity provider that lies or fails let nobody in."""

import base64
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from portal.identity import Identity, Provider
from portal.services import utc_now
from tests.providing import (
    Change,
    Server,
    journey,
    opened,
    refused,
)

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


def _now() -> int:
    return int(utc_now().timestamp())


@pytest.mark.parametrize(
    "bent",
    [
        pytest.param(lambda c: c | {"exp": _now() - 120}, id="expired"),
        pytest.param(lambda c: c | {"iat": _now() + 600}, id="from-the-future"),
        pytest.param(lambda c: c | {"iss": "https://evil.example.org"}, id="issuer"),
        pytest.param(lambda c: c | {"aud": "another"}, id="audience"),
        pytest.param(lambda c: c | {"aud": ["another", "others"]}, id="audiences"),
        pytest.param(lambda c: c | {"aud": ["desk", "another"]}, id="audiences-without-party"),
        pytest.param(lambda c: c | {"aud": ["desk", "another"], "azp": "another"}, id="another-party"),
        pytest.param(lambda c: c | {"azp": "another"}, id="party"),
        pytest.param(lambda c: c | {"nonce": ""}, id="empty-nonce"),
        pytest.param(lambda c: {k: v for k, v in c.items() if k != "nonce"}, id="no-nonce"),
        pytest.param(lambda c: {k: v for k, v in c.items() if k != "exp"}, id="no-end"),
        pytest.param(lambda c: {k: v for k, v in c.items() if k != "sub"}, id="no-subject"),
        pytest.param(lambda c: {k: v for k, v in c.items() if k != "aud"}, id="no-audience"),
        pytest.param(lambda c: {k: v for k, v in c.items() if k != "iss"}, id="no-issuer"),
        pytest.param(lambda c: c | {"sub": ""}, id="empty-subject"),
        pytest.param(lambda c: c | {"sub": "x" * 256}, id="long-subject"),
        pytest.param(lambda c: c | {"sub": 7}, id="number-as-subject"),
        pytest.param(lambda c: c | {"exp": "never"}, id="word-as-end"),
        pytest.param(lambda c: c | {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, id="another-access-token"),
    ],
)
def test_a_signed_token_with_wrong_claims_is_refused(bent: Change, server: Server, provider: Provider) -> None:
    """Though the provider's own key signed it."""
    server.claims = bent

    assert refused(server, provider) == "invalid"


def forged(token: str) -> str:
    """Another subject under the old signature."""
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "sub-2"}).encode()).rstrip(b"=").decode()
    return f"{head}.{changed}.{signature}"


def unsigned(token: str) -> str:
    """The same claims, signed by nobody."""
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{head}.{token.split('.')[1]}."


def by_secret(token: str) -> str:
    """The same claims, signed with what the client has too."""
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("s3cret" * 8))


def by_another(token: str) -> str:
    """The same claims, signed with another key, which the header brings along."""
    key = RSAKey.generate_key(2048)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return jwt.encode({"alg": "RS256", "jwk": key.as_dict(private=False)}, claims, key)


@pytest.mark.parametrize(
    "bent",
    [forged, unsigned, by_secret, by_another, lambda token: token[:-4] + "AAAA", lambda _: "", lambda _: "a.b.c",
     lambda token: token + "x" * 20_000],
    ids=["forged", "unsigned", "by-secret", "by-another", "signature", "empty", "none", "long"],
)  # fmt: skip
def test_a_tampered_token_is_refused(bent: Callable[[str], str], server: Server, provider: Provider) -> None:
    """Only the provider's published keys count, and only signatures that nobody else can make."""
    server.token = bent

    assert refused(server, provider) == "invalid"


def test_changed_keys_are_read_anew(server: Server, provider: Provider) -> None:
    """A token with a key that was published since."""
    journey(server, provider)
    real = requests.get(f"{server.issuer}/jwks", timeout=60).json()["keys"][0]
    stale = RSAKey.generate_key(2048, {"kid": "old"}).as_dict(private=False)
    provider._known[f"{server.issuer}/jwks"] = (sys.maxsize, {"keys": [stale | {"kid": "old"}]})  # type: ignore[attr-defined]

    assert real["kid"] != "old"
    assert journey(server, provider).subject == "sub-1"


def test_an_address_that_only_userinfo_tells(server: Server, provider: Provider) -> None:
    """Providers may leave it out of the token; it must be about the same person."""
    server.claims = lambda claims: {name: value for name, value in claims.items() if not name.startswith("email")}
    assert journey(server, provider) == Identity("sub-1", "mia@example.org", True)

    server.instead["/userinfo"] = (200, {"sub": "sub-2", "email": "eve@example.org", "email_verified": True})
    assert refused(server, provider) == "invalid"


@pytest.mark.parametrize(
    ("path", "answer", "code"),
    [
        ("/.well-known/openid-configuration", (500, {}), "unavailable"),
        ("/.well-known/openid-configuration", (302, {}), "invalid"),
        ("/.well-known/openid-configuration", (200, {}), "invalid"),
        ("/.well-known/openid-configuration", (200, []), "invalid"),
        ("/.well-known/openid-configuration", (200, {"issuer": "https://evil.example.org"}), "invalid"),
        ("/oauth2/token", (500, {}), "unavailable"),
        ("/oauth2/token", (400, {"error": "invalid_grant"}), "invalid"),
        ("/oauth2/token", (200, {"access_token": "a", "token_type": "Bearer"}), "invalid"),
        ("/oauth2/token", (200, {"id_token": 7}), "invalid"),
        ("/oauth2/token", (200, "text"), "invalid"),
        ("/jwks", (500, {}), "unavailable"),
        ("/jwks", (200, {"keys": []}), "invalid"),
        ("/jwks", (200, {"keys": [{"kty": "oct", "k": "AAAA"}]}), "invalid"),
        ("/jwks", (200, {"keys": "none"}), "invalid"),
    ],
)
def test_bad_answers_let_nobody_in(
    path: str, answer: tuple[int, Any], code: str, server: Server, provider: Provider
) -> None:
    """Whatever comes back, it is one refusal with a reason for the log."""
    server.instead[path] = answer

    assert refused(server, provider) == code
