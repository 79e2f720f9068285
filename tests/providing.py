"""A real identity provider for tests, whose answers can be bent, and journeys to it."""

import json
import threading
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

from portal.identity import Identity, IdentityRefused, Provider, open_provider
from portal.services import utc_now
from portal.settings import Settings

with warnings.catch_warnings(record=True):
    # The provider's own imports, not ours to mend.
    import oidc_provider_mock
BACK = "http://localhost:8000/sign-in/return"
MIA: dict[str, Any] = {"email": "Mia@example.org", "email_verified": True, "name": "Mia"}
Change = Callable[[dict[str, Any]], dict[str, Any]]


class Server:
    """A provider on this machine, whose answers can be bent.

    It is an independent implementation (Authlib's server, as its makers use it for tests) with three hooks: claims
    are signed anew with its own key, tokens replaced, and answers put in the place of its own.
    """

    def __init__(self) -> None:
        self.claims: Change = dict
        self.token: Callable[[str], str] = str
        #: What is answered instead, by path: a status and a JSON value.
        self.instead: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        app = oidc_provider_mock.app()
        app.debug = False
        app.before_request(self._listen)
        app.after_request(self._bend)
        self._server = make_server("localhost", 0, app, threaded=True)
        self.issuer = f"http://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Be away."""
        self._server.shutdown()
        self._thread.join(60)
        self._server.server_close()

    def _listen(self) -> flask.Response | None:
        """Note what is asked."""
        self.asked.append((flask.request.path, flask.request.values.to_dict()))
        if flask.request.path in self.instead:
            status, value = self.instead[flask.request.path]
            return flask.Response(json.dumps(value), status, mimetype="application/json")
        return None

    def _bend(self, response: flask.Response) -> flask.Response:
        """Bend what is answered."""
        path = flask.request.path
        if path == "/oauth2/token" and response.status_code == 200 and path not in self.instead:
            value = response.get_json()
            key = RSAKey.import_key(flask.g.oidc_provider_mock_storage.jwk.as_dict(is_private=True))
            known = jwt.decode(value["id_token"], key)
            value["id_token"] = self.token(jwt.encode(known.header, self.claims(known.claims), key))
            response.set_data(json.dumps(value))
        return response

    def consent(
        self, address: str, subject: str = "sub-1", claims: dict[str, Any] | None = None, back: str = BACK
    ) -> dict[str, str]:
        """Sign somebody in there; what the provider sends back."""
        requests.put(f"{self.issuer}/users/{subject}", json=MIA if claims is None else claims, timeout=60)
        answer = requests.post(address, data={"sub": subject}, allow_redirects=False, timeout=60)
        assert answer.status_code == 302, answer.text
        assert answer.headers["Location"].startswith(back + "?")
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def opened(issuer: str, secret: str = "s3cret") -> Provider:
    """The provider of these settings."""
    settings = Settings(oidc_issuer=issuer, oidc_client_id="desk", oidc_client_secret=secret, oidc_name="Konto")
    made = open_provider(settings)
    assert made is not None
    return made


def journey(server: Server, provider: Provider, **options: Any) -> Identity:
    """A whole way there and back."""
    begun = provider.begin(BACK)
    answer = server.consent(begun.address, **options)
    assert answer["state"] == begun.state
    return provider.finish(begun, answer["code"], BACK, utc_now())


def refused(server: Server, provider: Provider, **options: Any) -> str:
    """The code of a way that must fail."""
    with pytest.raises(IdentityRefused) as error:
        journey(server, provider, **options)
    return error.value.code
