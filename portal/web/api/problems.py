"""Errors of the API as RFC 9457 tells them: what happened, in the caller's language, without what was sent."""

import time
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from flask import Response
from flask_babel import gettext
from flask_limiter import RateLimitExceeded
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from portal.errors import (
    AlreadyTaken,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotProven,
    SearchUnavailable,
    StaleTicket,
    TransitionRefused,
)
from portal.logs import request_number
from portal.web import i18n
from portal.web.api import PREFIX, meanings, speech
from portal.web.api.meanings import MEANINGS
from portal.web.links import absolute
from portal.web.security import limiter

MEDIA_TYPE = "application/problem+json"
#: When to try again, in seconds.
RETRY_AFTER = {"unavailable": 60, "in-progress": 1}
#: What the errors of the domain are called here.
_CODES: tuple[tuple[type[Exception], str], ...] = (
    (NotFound, "not-found"),
    (NotAllowed, "not-allowed"),
    (InvalidInput, "invalid-input"),
    (AlreadyTaken, "taken"),
    (StaleTicket, "stale"),
    (NotProven, "not-proven"),
    (TransitionRefused, "not-possible-now"),
    (SearchUnavailable, "unavailable"),
    (DBAPIError, "unavailable"),
    (NoConnection, "unavailable"),
    (RateLimitExceeded, "too-many-requests"),
)
_BY_STATUS = {
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "wrong-media-type",
    429: "too-many-requests",
    503: "unavailable",
}


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one value."""

    field: Annotated[str, Meta(description="Path of the value, such as `email` or `items.0.name`.")]
    code: Annotated[str, Meta(description="Which rule it breaks, such as `missing` or `too_long`.")]
    message: Annotated[str, Meta(description="The same in the caller's language.")]


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An error, as RFC 9457 tells it."""

    type: Annotated[str, Meta(description="Address that says what it means; ends in the code of the problem.")]
    title: Annotated[str, Meta(description="What kind of problem it is, in the caller's language.")]
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: Annotated[str, Meta(description="What has happened, in the caller's language.")]
    instance: (
        Annotated[
            str, Meta(description="Where the fault is ours: the number of the request, by which the log names it.")
        ]
        | UnsetType
    ) = UNSET
    errors: Annotated[list[FieldError], Meta(description="With `invalid-input`: every value that is wrong.")] | (
        UnsetType
    ) = UNSET
    scope: Annotated[str, Meta(description="With `missing-scope`: the scope that is needed.")] | UnsetType = UNSET
    owner: Annotated[str, Meta(description="With `taken`: who has the ticket.")] | UnsetType = UNSET
    rank: Annotated[int | None, Meta(description="With `not-proven`: at which rank the search finds the article.")] | (
        UnsetType
    ) = UNSET
    slug: Annotated[str, Meta(description="With `not-proven`: the article.")] | UnsetType = UNSET


class Problem(HTTPException):
    """A request that the API refuses.

    Args:
        code: one of `MEANINGS`.
        errors: field and code of every value that is wrong.
        headers: that the answer carries.
        more: further members of `ProblemDocument`.
    """

    def __init__(
        self,
        code: str,
        errors: Iterable[tuple[str, str]] = (),
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__()
        self.problem = code
        self.code = MEANINGS[code].status
        self.errors = list(dict.fromkeys(errors))
        self.headers = headers or {}
        self.more = more


def invalid(field: str, code: str) -> Problem:
    """The problem of one value."""
    return Problem("invalid-input", [(field, code)])


def address(code: str) -> str:
    """Where it is said what a code means."""
    return absolute(f"{PREFIX}/problems/{code}")


def _problem_of(error: Exception, status: int) -> Problem:
    """Any error as a problem."""
    if isinstance(error, Problem):
        return error
    code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    code = code or _BY_STATUS.get(status) or ("bad-request" if status < 500 else "fault")
    match error:
        case InvalidInput():
            return Problem(code, [(error.field, error.code)])
        case AlreadyTaken():
            return Problem(code, owner=error.owner)
        case NotProven():
            return Problem(code, rank=error.rank, slug=error.slug)
        case MethodNotAllowed():
            return Problem(code, headers={"Allow": ", ".join(sorted(error.valid_methods or ()))})
    return Problem(code)


def _retry_after(code: str) -> int | None:
    """After how many seconds to try again; None where that is no use."""
    if code != "too-many-requests":
        return RETRY_AFTER.get(code)
    try:
        reached = limiter.current_limit
        return max(1, reached.reset_at - int(time.time())) if reached else 60
    except Exception:  # Whatever the store of the counts raises that has gone away since it counted.
        return 60


def _detail(problem: Problem) -> str:
    """What has happened, as exactly as it may be said."""
    if problem.problem == "missing-scope":
        told = gettext("This needs the scope %(scope)s, which the token or its person does not have.", **problem.more)
        return str(told)
    return str(MEANINGS[problem.problem].detail)


def answer(error: Exception, status: int) -> Response:
    """The document of an error, in the caller's language.

    Args:
        error: of any kind; nothing of what it says itself is shown, for it may repeat what was sent.
        status: that it has on a page.
    """
    speech.ensure()
    problem = _problem_of(error, status)
    code, meaning = problem.problem, MEANINGS[problem.problem]
    errors = [
        FieldError(field=field, code=broken, message=meanings.fault(field, broken)) for field, broken in problem.errors
    ]
    document = ProblemDocument(
        type=address(code),
        title=str(meaning.title),
        status=meaning.status,
        detail=_detail(problem),
        instance=f"urn:request:{number}" if meaning.status >= 500 and (number := request_number()) else UNSET,
        errors=errors or UNSET,
        **problem.more,
    )
    response = Response(msgspec.json.encode(document), meaning.status, problem.headers, mimetype=MEDIA_TYPE)
    response.headers["Content-Language"] = i18n.language()
    if (seconds := _retry_after(code)) is not None:
        response.headers.setdefault("Retry-After", str(seconds))
    return response
