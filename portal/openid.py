"""OpenID Connect: the authorization code flow with PKCE, and ID tokens checked against the provider's own keys."""

import secrets
import time
from datetime import datetime
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from portal.identity import SUBJECT_LENGTH, Identity, IdentityRefused, Journey
from portal.people import EMAIL_LENGTH

#: Signatures that only the provider can make: neither none nor one whose key the client has too.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
#: How long what the provider says of itself is used, in seconds.
LASTS = 3600.0
#: How long one of its answers may take, in seconds.
PATIENCE = 5.0
#: How far its clock may be wrong, in seconds.
LEEWAY = 60
#: Longest ID token, in characters.
TOKEN_LENGTH = 16_384


class OpenIdProvider:
    """A provider, found by its issuer's address.

    Args:
        issuer: as the provider itself spells it.
        client_id: what the portal is called there.
        client_secret: empty for a client without one, which PKCE alone protects.
        name: as the button calls it.
    """

    def __init__(self, issuer: str, client_id: str, client_secret: str, name: str) -> None:
        self.name = name
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._known: dict[str, tuple[float, Any]] = {}

    def begin(self, back: str) -> Journey:
        """Begin a journey.

        Args:
            back: the address of ours that it ends at, as the provider knows it.

        Raises:
            IdentityRefused: `unavailable` or `invalid`.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        try:
            with self._session(back) as session:
                endpoint = self._endpoint("authorization_endpoint")
                address, _ = session.create_authorization_url(endpoint, state, verifier, nonce=nonce)
        except _FAULTS as error:
            raise _refused(error) from error
        return Journey(address, state, nonce, verifier)

    def finish(self, journey: Journey, code: str, back: str, now: datetime) -> Identity:
        """Redeem the code that a journey has brought.

        Args:
            journey: the one that began in the same browser; its state has been compared.
            code: from the address.
            back: as it was when the journey began.
            now: aware.

        Raises:
            IdentityRefused: `unavailable`, or `invalid` where anything in the answer is not as it must be.
        """
        try:
            with self._session(back) as session:
                endpoint = self._endpoint("token_endpoint")
                token = session.fetch_token(
                    endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=journey.verifier,
                    allow_redirects=False,
                )
                claims = self._claims(token, journey.nonce, now)
                if "email" not in claims and "userinfo_endpoint" in self._metadata():
                    claims |= self._userinfo(session, claims["sub"])
        except _FAULTS as error:
            raise _refused(error) from error
        return _identity(claims)

    def _session(self, back: str) -> Any:
        """A client of the provider."""
        methods = self._metadata().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        return OAuth2Session(
            self._client_id,
            self._client_secret or None,
            token_endpoint_auth_method=method if self._client_secret else "none",
            scope="openid email",
            redirect_uri=back,
            code_challenge_method="S256",
            default_timeout=PATIENCE,
        )

    def _claims(self, token: Any, nonce: str, now: datetime) -> dict[str, Any]:
        """What the ID token says, once its signature, issuer, audience, times and nonce have been checked."""
        text = token["id_token"]
        if not isinstance(text, str) or len(text) > TOKEN_LENGTH:
            raise ValueError("the ID token is no text or too long")
        offered = self._metadata().get("id_token_signing_alg_values_supported", ["RS256"])
        registry = JWSRegistry(algorithms=[name for name in ALGORITHMS if name in offered], strict_check_header=False)
        try:
            found = jwt.decode(text, self._keys(), registry=registry)
        except (InvalidKeyIdError, BadSignatureError):
            # Perhaps the provider has changed its keys since they were read.
            found = jwt.decode(text, self._keys(anew=True), registry=registry)
        expected = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        parameters = {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")}
        claims = CodeIDToken(found.claims, found.header, expected, parameters)
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY)
        return dict(claims)

    def _userinfo(self, session: Any, subject: str) -> dict[str, Any]:
        """What the provider says of somebody apart from the token; only if it is the same person."""
        answer = session.get(self._endpoint("userinfo_endpoint"), allow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
        if found["sub"] != subject:
            raise ValueError("userinfo is about somebody else")
        return {name: found[name] for name in ("email", "email_verified") if name in found}

    def _metadata(self) -> dict[str, Any]:
        """What the provider says of itself."""
        found = self._read(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found["issuer"] != self._issuer:
            raise ValueError(f"the provider calls itself {found['issuer']!r:.200}")
        return found

    def _endpoint(self, name: str) -> str:
        """One of the provider's addresses; as safe on its way as the issuer's own."""
        address = self._metadata()[name]
        if not isinstance(address, str) or not address.startswith(("https://", self._issuer.partition("//")[0] + "//")):
            raise ValueError(f"{name} is no https address")
        return address

    def _keys(self, *, anew: bool = False) -> KeySet:
        """The provider's public keys."""
        return KeySet.import_key_set(self._read(self._endpoint("jwks_uri"), anew=anew))  # type: ignore[arg-type]

    def _read(self, address: str, *, anew: bool = False) -> dict[str, Any]:
        """A JSON document of the provider, read an hour ago at most."""
        known = self._known.get(address)
        if known is None or anew or time.monotonic() - known[0] > LASTS:
            answer = requests.get(address, timeout=PATIENCE, allow_redirects=False)
            answer.raise_for_status()
            found = answer.json()
            if not isinstance(found, dict):
                raise ValueError("no JSON object")
            self._known[address] = known = time.monotonic(), found
        return dict(known[1])


_FAULTS = (requests.RequestException, AuthlibBaseError, JoseError, ValueError, KeyError, TypeError, AttributeError)


def _refused(error: Exception) -> IdentityRefused:
    """What somebody is told of a fault, and the log."""
    is_away = isinstance(error, requests.RequestException) and not isinstance(error, requests.JSONDecodeError)
    # What the provider's answer held stays out of the log, but for the errors of OAuth, which are fixed words.
    reason = getattr(error, "error", "") or (str(error) if isinstance(error, ValueError) and not is_away else "")
    return IdentityRefused("unavailable" if is_away else "invalid", f"{type(error).__name__} {reason}"[:200].strip())


def _identity(claims: dict[str, Any]) -> Identity:
    """Who the claims are about.

    Raises:
        IdentityRefused: `invalid`.
    """
    subject, email = claims["sub"], claims.get("email", "")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH or "\0" in subject:
        raise IdentityRefused("invalid", "subject")
    if not isinstance(email, str) or len(email) > EMAIL_LENGTH:
        email = ""
    return Identity(subject, email.strip().lower(), claims.get("email_verified") in (True, "true"))
