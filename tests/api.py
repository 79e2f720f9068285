"""The API on the small library, with what there is to ask for: a request, unanswered searches, a token of every kind."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.api_tokens import Scope
from portal.app import create_app
from portal.people import Role
from portal.server import prepare
from portal.services import Services, open_services
from tests.builders import PASSWORD, person, settings, write_library

ROOT = "/api/v1"
#: More than any test sends.
PLENTY = 100_000
REQUEST = {
    "name": "Ada Berg",
    "email": "ada@example.org",
    "subject": "The printer",
    "description": "It prints empty pages.",
    "language": "de",
}


@dataclass
class Api:
    """An application, and how it is asked."""

    app: Flask
    services: Services
    client: FlaskClient

    def token(self, *scopes: Scope, roles: Collection[Role] = (Role.SUPERVISOR,), name: str = "CI") -> dict[str, str]:
        """The header of a new token of a new person."""
        known = {each.email: each for each in self.services.staff.everybody()}
        email = f"{'-'.join(sorted(roles))}@example.org"
        if email not in known:
            somebody = person(email=email, roles=frozenset(roles), name=f"Person {len(known) + 1}", tiers=(1, 2))
            self.services.staff.add(somebody, PASSWORD, self.services.clock())
            known = {each.email: each for each in self.services.staff.everybody()}
        made = self.services.api_tokens.make(None, name, scopes, known[email].id, self.services.clock())
        return {"Authorization": f"Bearer {made[1]}"}

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> TestResponse:
        """What is answered at an address."""
        return self.client.get(ROOT + path, query_string=query, headers=headers or {})

    def post(self, path: str, body: object, headers: dict[str, str] | None = None) -> TestResponse:
        """What sending something comes to."""
        return self.client.post(ROOT + path, json=body, headers=headers or {})

    def record(self) -> None:
        """Write down what is only remembered."""
        self.services.journal.flush()
        self.services.views.flush()

    def publish(self) -> None:
        """Let readers see what has changed in the folder."""
        prepare(self.services.settings)
        self.services.editions._looked = float("-inf")

    def close(self) -> None:
        """Put everything away."""
        self.services.close()


def open_api(folder: Path, topics: str = "", **changes: object) -> Api:
    """The application on a new instance of the small library, and of what else stands in its folder.

    Args:
        folder: of the instance.
        topics: more of them, as their file has them.
        changes: of the settings.
    """
    few: dict[str, object] = {"api_per_minute": PLENTY, "api_token_per_minute": PLENTY, "requests_per_hour": PLENTY}
    articles = write_library(folder / "articles")
    with (articles / "topics.yml").open("a", encoding="utf-8") as file:
        file.write(topics)
    made = settings(articles, folder / "var", **few | changes)
    prepare(made)
    services = open_services(made)
    app = create_app(made, services)
    return Api(app, services, app.test_client())
