"""What an address of the API is: a function over values; everything else follows from its signature."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar, cast, get_type_hints

import msgspec
from flask import Response, request
from flask.sansio.scaffold import Scaffold
from msgspec import Struct

from portal.api_tokens import Scope
from portal.people import Person
from portal.storage import commits
from portal.web import i18n
from portal.web.api import PREFIX, authentication, blueprint, idempotency, paging, reading
from portal.web.api.authentication import Caller
from portal.web.api.paging import Item, Page, Paged, Position
from portal.web.services import services

View = TypeVar("View", bound=Callable[..., Any])
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

#: Stands before the parts of an address in Flask's rules, for the pages have a meaning of their own for `language`.
PART = "part_"
#: A reader's copy is checked with us each time; what has not changed costs one small answer.
REVALIDATE = "max-age=0, must-revalidate"
#: Answers that have no content.
NO_CONTENT = 204


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one address, as it is served and as it is told."""

    method: Method
    #: Below `/api/v1`, with its parts in braces.
    path: str
    name: str
    view: Callable[..., Any]
    summary: str
    description: str
    tag: str
    scope: Scope | None
    #: The shapes of what is read; None: nothing is.
    parts: type[Struct] | None
    query: type[Struct] | None
    body: Any
    #: Of the answer; None: it has no content.
    returns: Any
    status: int
    #: Codes of further problems, beside those that follow from the rest.
    problems: tuple[str, ...]
    #: Tells what has been done, also where it is sent again; None: the view itself answers.
    shows: Callable[..., Any] | None
    #: Whether it changes nothing, although it is a POST.
    is_read: bool
    #: Whether readers may keep the answer and ask whether it has changed.
    has_etag: bool
    #: Whether `language` is that of who reads the answer, and all of it is in it; else it is a condition or a value.
    is_spoken: bool
    #: A body, and what it is answered.
    example: Struct | None
    answer: Any

    @property
    def is_write(self) -> bool:
        """Whether it does something, so that idempotency keys count."""
        return self.method == "POST" and not self.is_read


#: Every operation by its name, in the order in which they were made.
OPERATIONS: dict[str, Operation] = {}


class Unchanged(Exception):
    """The caller has the answer already."""


@dataclass
class Call:
    """One request to the API, and what its answer carries beside the content."""

    operation: Operation
    caller: Caller
    now: datetime
    query: Struct | None
    headers: dict[str, str] = field(default_factory=dict)
    #: No other request has it; the same one, sent again with its idempotency key, has the same.
    nonce: str = field(default_factory=lambda: secrets.token_hex(32))
    #: Whether it has an idempotency key.
    has_key: bool = False
    #: Whether what it is to do stands, whatever happens from here on.
    is_done: bool = False
    #: What `shows` tells of the deed beyond how things stand; None where it is sent again.
    came_to: Any = None

    @property
    def person(self) -> Person:
        """In whose name the token works; only where the operation needs a scope."""
        if self.caller.person is None:
            raise RuntimeError(f"{self.operation.name} is open to everybody")
        return self.caller.person

    def can(self, scope: Scope) -> bool:
        """Whether the token has a scope, beside the one that the operation needs."""
        return self.caller.token is not None and scope in self.caller.token.granted

    @property
    def language(self) -> str:
        """The language of the request: what it names, else what its Accept-Language asks for."""
        return i18n.language()

    def check(self, etag: str) -> None:
        """Give the answer an ETag, and stop here where the caller has it already.

        Args:
            etag: changes with everything that the answer depends on; without quotation marks.

        Raises:
            Unchanged: that is told as 304.
        """
        self.headers["ETag"] = f'W/"{etag}"'
        self.headers["Cache-Control"] = f"{'private' if self.caller.token else 'public'}, {REVALIDATE}"
        if request.if_none_match.contains_weak(etag):
            raise Unchanged

    def position(self, kind: type[Position]) -> Position | None:
        """After which position the page begins; None for the first one.

        Raises:
            Problem: `invalid-cursor`.
        """
        cursor = cast(Paged, self.query).cursor
        return None if cursor is None else paging.decode(self._place, cursor, kind)

    def page(self, items: list[Item], after: Any = None) -> Page[Item]:
        """A page of a list.

        Args:
            items: on it.
            after: position of its last item, as JSON can hold it; None on the last page.
        """
        return Page(items=items, next=None if after is None else paging.encode(self._place, after))

    @property
    def _place(self) -> str:
        return paging.place_of(self.operation.name, self.query)


def endpoint(
    method: Method,
    path: str,
    *,
    summary: str,
    tag: str,
    scope: Scope | None = None,
    status: int = 200,
    problems: tuple[str, ...] = (),
    shows: Callable[..., Any] | None = None,
    is_read: bool = False,
    has_etag: bool = False,
    narrows: bool = False,
    example: Struct | None = None,
    answer: Any = None,
    where: Scaffold | None = None,
) -> Callable[[View], View]:
    """Serve a function at an address of the API, and tell of it in the OpenAPI document.

    The function takes a `Call` and, by these names, what it reads: `path`, `query`, `body`. Their types and that of
    what it returns are structs; they are all that is ever checked, and all that is told.

    Args:
        method: of HTTP.
        path: below `/api/v1`, with its parts in braces, such as `/articles/{language}/{slug}`.
        summary: one line of what it does.
        tag: heading under which it is told.
        scope: that it needs; None: it is open to everybody, also on pages of `embed_origins`.
        status: of what it returns; 204 where it returns nothing.
        problems: codes of what can go wrong beyond what follows from the rest, see `meanings`.
        shows: answers a POST, which itself returns nothing: after it was done, and when it is sent again and not done
            again; it is given the same and only reads. None: there is nothing to tell.
        is_read: whether a POST changes nothing, so that it needs no key and returns its answer itself.
        has_etag: whether it calls `Call.check`.
        narrows: whether `language` is a condition of what is open to everybody; at the desk it always is one.
        example: a body.
        answer: what that is answered.
        where: see `add`.
    """

    def register(view: View) -> View:
        hints = get_type_hints(view, include_extras=True)
        if method == "POST" and not is_read and hints["return"] is not type(None):
            raise ValueError(f"{view.__name__} does something: `shows` has to tell it")
        told = get_type_hints(shows, include_extras=True)["return"] if shows else hints["return"]
        returns = None if told is type(None) else told
        operation = Operation(
            method=method, path=path, name=view.__name__, view=view, summary=summary, description=_text(view.__doc__),
            tag=tag, scope=scope, parts=hints.get("path"), query=hints.get("query"), body=hints.get("body"),
            returns=returns, status=NO_CONTENT if returns is None else status, problems=problems,
            shows=shows, is_read=is_read, has_etag=has_etag, is_spoken=scope is None and not narrows, example=example,
            answer=answer,
        )  # fmt: skip
        add(operation, where or blueprint)
        return view

    return register


def add(operation: Operation, where: Scaffold) -> None:
    """Serve an operation.

    Args:
        operation: of a name that is still free.
        where: the API's blueprint, or an application in which it was registered.
    """
    if operation.name in OPERATIONS:
        raise ValueError(f"there is an operation {operation.name} already")
    OPERATIONS[operation.name] = operation
    rule = re.sub(r"\{(\w+)\}", rf"<{PART}\1>", operation.path.rstrip("/"))
    if where is blueprint:
        name = operation.name
    else:
        rule, name = PREFIX + rule, f"{blueprint.name}.{operation.name}"
    where.add_url_rule(
        rule,
        name,
        lambda **parts: _serve(operation, parts),
        methods=[operation.method],
        provide_automatic_options=False,
        strict_slashes=bool(rule),  # Where the API begins, a slash is easily left out.
    )


def _text(doc: str | None) -> str:
    """A docstring as one paragraph or several, without what it says to programmers."""
    paragraphs = re.split(r"\n\s*\n", (doc or "").strip())
    told = [" ".join(each.split()) for each in paragraphs if not re.match(r"\s*(Args|Raises|Returns):", each)]
    return "\n\n".join(told)


def _serve(operation: Operation, parts: Mapping[str, str]) -> Response:
    """Answer a request: who asks, what is asked, once."""
    caller = authentication.authenticate(operation.scope)
    key = idempotency.sent_key() if operation.is_write else None
    values = _values(operation, parts)
    call = Call(operation, caller, services().clock(), values.get("query"))
    held = idempotency.begin(caller.key, key) if key is not None else None
    if held is None:
        return _response(*_answer(call, values), call)
    call.nonce, call.has_key = held.nonce, True
    if held.status is not None:
        call.headers[idempotency.REPLAYED] = "true"
    else:
        _do(call, values, held)
    return _response(*_tell(call, values), call)


def _do(call: Call, values: Mapping[str, Struct], held: idempotency.Held) -> None:
    """Do it once: the key is given back only where nothing was done.

    What broke off after something was kept may have been done, wholly or in part: whoever sends it again is the one who
    goes on with it, after the time in which a process is taken for dead, and under the same number.
    """
    before = commits()
    try:
        call.operation.view(call, **values)
        call.is_done = True
    finally:
        if call.is_done:
            idempotency.finish(held, call.operation.status)
        elif commits() == before:
            idempotency.drop(held)


def _values(operation: Operation, parts: Mapping[str, str]) -> dict[str, Struct]:
    """What the function is given.

    Raises:
        Problem: something of it is wrong.
    """
    values: dict[str, Struct] = {}
    if operation.parts is not None:
        plain = {name.removeprefix(PART): part for name, part in parts.items()}
        values["path"] = reading.path(operation.parts, plain)
    query = reading.query(operation.query or Nothing)
    if operation.query is not None:
        values["query"] = query
    if operation.body is not None:
        values["body"] = reading.body(operation.body, is_spoken=operation.is_spoken)
    else:
        reading.no_body()
    return values


def _answer(call: Call, values: Mapping[str, Struct]) -> tuple[bytes, int]:
    """Content and status of what is asked without a key."""
    try:
        returned = call.operation.view(call, **values)
    except Unchanged:
        return b"", 304
    return _tell(call, values) if call.operation.shows else _content(call, returned)


def _tell(call: Call, values: Mapping[str, Struct]) -> tuple[bytes, int]:
    """Content and status of what tells what has been done."""
    shows = call.operation.shows
    return _content(call, shows(call, **values) if shows else None)


def _content(call: Call, returned: Any) -> tuple[bytes, int]:
    """What a function returns, as it is sent."""
    return (b"" if call.operation.returns is None else msgspec.json.encode(returned)), call.operation.status


def _response(content: bytes, status: int, call: Call) -> Response:
    """An answer."""
    response = Response(content, status, call.headers, mimetype="application/json")
    if status in {NO_CONTENT, 304}:
        del response.headers["Content-Type"]
    return response


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is read."""
