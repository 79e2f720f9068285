"""An application with endpoints of the API that are there for tests alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from flask import Flask
from flask.testing import FlaskClient
from msgspec import Meta, Struct

from portal.api_tokens import Scope
from portal.app import create_app
from portal.errors import NotFound
from portal.people import Role
from portal.server import prepare
from portal.services import Services, open_services
from portal.web.api import endpoints, roots
from portal.web.api.endpoints import Call, endpoint
from portal.web.api.paging import Page, Paged
from portal.web.api.problems import Problem
from tests.builders import NOW, PASSWORD, person, settings, write_library

ELSEWHERE = "https://shop.example.org"


class NotesQuery(Paged, frozen=True, kw_only=True):
    """Which notes."""

    word: Annotated[str, Meta(max_length=20, description="In them.")] | None = None
    stars: Annotated[list[Annotated[int, Meta(ge=1, le=5)]], Meta(max_length=3)] = []  # noqa: RUF012
    is_new: bool = False
    language: Literal["en", "fr", "de", "ru"] | None = None


class NotePath(Struct, frozen=True):
    """Which note."""

    number: Annotated[int, Meta(ge=1, le=100)]


class NewNote(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A note as it is written."""

    text: Annotated[str, Meta(min_length=1, max_length=50)]
    stars: Annotated[int, Meta(ge=1, le=5)] | None = None
    language: Literal["en", "fr", "de", "ru"] | None = None
    names: Annotated[list[Annotated[str, Meta(max_length=5)]], Meta(max_length=3)] = []


class NoteShown(Struct, frozen=True, kw_only=True):
    """A note."""

    number: int
    text: str
    by: str


@dataclass
class World:
    """The application, its parts, and what its test endpoints have done."""

    app: Flask
    services: Services
    done: list[str] = field(default_factory=list)
    #: What the endpoint that writes does beside that.
    surprise: Callable[[], None] = lambda: None
    #: What telling of it does beside that.
    trouble: Callable[[], None] = lambda: None
    passed: timedelta = timedelta(0)

    @property
    def client(self) -> FlaskClient:
        """Somebody who has never been here."""
        return self.app.test_client()

    def token(self, *scopes: Scope, **more: Any) -> dict[str, str]:
        """The header of a new token of somebody who may everything."""
        _, secret = self.services.api_tokens.make(None, "CI", scopes, 1, self.services.clock(), **more)
        return {"Authorization": f"Bearer {secret}"}


def _serve(world: World, app: Flask) -> None:
    """Add the endpoints."""

    @endpoint("GET", "/try/notes", summary="Notes", tag="try", where=app)
    def try_notes(call: Call, query: NotesQuery) -> Page[NoteShown]:
        """All of them.

        Args:
            call: is not told.
        """
        first = call.position(int) or 0
        texts = [f"{call.language} {query.word} {query.stars} {query.is_new}"] * 3
        shown = [NoteShown(number=first + place, text=text, by="") for place, text in enumerate(texts, 1)]
        return call.page(shown[: query.limit], first + query.limit if query.limit < 3 else None)

    def written(call: Call, body: NewNote) -> NoteShown:
        world.trouble()
        return NoteShown(number=len(world.done), text=body.text, by=f"{call.language} {call.nonce}")

    @endpoint(
        "POST",
        "/try/notes",
        summary="Write",
        tag="try",
        status=201,
        where=app,
        shows=written,
        example=NewNote(text="x"),
    )
    def try_write(_call: Call, body: NewNote) -> None:
        world.done.append(body.text)
        world.surprise()

    @endpoint("GET", "/try/notes/{number}", summary="One", tag="try", has_etag=True, where=app)
    def try_note(call: Call, path: NotePath) -> NoteShown:
        if path.number > 50:
            raise NotFound("no such note")
        call.check(f"note-{path.number}")
        return NoteShown(number=path.number, text="a note", by="")

    @endpoint("POST", "/try/notes/{number}/forget", summary="Forget", tag="try", scope=Scope.TICKETS_WRITE, where=app)
    def try_forget(call: Call, path: NotePath) -> None:
        world.done.append(f"{call.person.email} forgets {path.number}")

    @endpoint("GET", "/try/teapot", summary="Breaks", tag="try", scope=Scope.REPORTS_READ, where=app)
    def try_fault(call: Call) -> NoteShown:
        raise RuntimeError(f"secret of {call.person.email}")

    @endpoint("GET", "/try/refused", summary="Refused", tag="try", where=app)
    def try_refused(_call: Call) -> NoteShown:
        raise Problem("not-proven", rank=None, slug="reset-password")


@contextmanager
def world(folder: Path, **changes: object) -> Iterator[World]:
    """An application of the small library with the endpoints, and an administrator as person 1."""
    made = settings(write_library(folder / "articles"), folder / "var", **changes)
    prepare(made)
    services = open_services(made)
    app = create_app(made, services)
    found = World(app, services)
    services.clock = lambda: NOW + found.passed
    services.staff.add(person(email="root@example.org", roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, NOW)
    before = dict(endpoints.OPERATIONS)
    for name in [name for name in before if name.startswith("try_")]:
        del endpoints.OPERATIONS[name]
    _serve(found, app)
    roots._document.cache_clear()
    yield found
    endpoints.OPERATIONS.clear()
    endpoints.OPERATIONS.update(before)
    roots._document.cache_clear()
    services.close()
