"""What each error becomes over HTTP; the only place that knows."""

import logging
import traceback
from typing import cast

from flask import Flask, Response, g, make_response, render_template, request
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from portal import logs
from portal.errors import (
    InvalidInput,
    NotAllowed,
    NotFound,
    NotProven,
    PortalError,
    SearchUnavailable,
    StaleTicket,
    TransitionRefused,
)
from portal.faults import reason
from portal.web import api, forms, retrying, witness
from portal.web.api import problems
from portal.web.services import services

log = logging.getLogger(__name__)

#: Title and text by status; any other client error is shown as 400, any other server error as 500.
PAGES = {
    400: (
        _l("We could not read that"),
        _l("The address or the form you sent has something in it that we cannot read. Go back and try again."),
    ),
    403: (
        _l("You cannot open this page"),
        _l("You do not have the right to see or do this. If you need it, ask your administrator."),
    ),
    404: (
        _l("This page does not exist"),
        _l("The address may have been mistyped, or the page may have moved. Search for what you need:"),
    ),
    405: (
        _l("That does not work here"),
        _l("This page cannot be used in that way. Go back and try again."),
    ),
    409: (
        _l("Somebody was faster"),
        _l("The ticket has changed since you opened it. Open it again to see how it stands now."),
    ),
    413: (
        _l("That is too much at once"),
        _l("What you sent is larger than we can take. Shorten it and try again."),
    ),
    414: (
        _l("The address is too long"),
        _l("Shorten your search to a few words and try again."),
    ),
    429: (
        _l("Too many attempts"),
        _l("We have received a great deal from your network in a short time. Wait a few minutes and try again."),
    ),
    500: (
        _l("Something went wrong on our side"),
        _l("The fault is ours and has been recorded. Try again in a moment."),
    ),
    503: (
        _l("We are not available at the moment"),
        _l("We are working on it. Try again in a few minutes; nothing that you have sent is lost."),
    ),
}
STATUSES: tuple[tuple[type[PortalError], int], ...] = (
    (NotFound, 404),
    (NotAllowed, 403),
    (InvalidInput, 400),
    (StaleTicket, 409),
    (NotProven, 409),
    (TransitionRefused, 409),
    (SearchUnavailable, 503),
)


#: What the log calls it when search, or the database, does not work.
SEARCH, DATABASE = "search is unavailable", "the database does not answer"
#: Longest search that comes back in the field, in characters.
_WORDS = 200


def _typed(status: int) -> list[tuple[str, str]]:
    """What a form sent that could not be stored, so that it can be sent again; never a password.

    Only where we are at fault or the sender is to wait: what is wrong with a form would be so once more.
    """
    if request.method != "POST" or (status < 500 and status != 429):
        return []
    form = cast(MultiDict[str, str], request.form)
    return [] if "password" in form else list(form.items(multi=True))


def page(status: int) -> Response:
    """The page of an error, in the language of the address, with what was typed where it would be lost."""
    g.is_error = True
    shown = status if status in PAGES else 400 if status < 500 else 500
    title, text = PAGES[shown]
    words = request.args.get("q", "")[:_WORDS] if request.endpoint == "help.search" and status >= 500 else ""
    kept = _typed(status)
    number = logs.request_number() if status >= 500 else ""
    # Whoever works at the desk stays there; where we are at fault its frame may not be had.
    is_desk = status < 500 and "/desk/" in request.path and current_user.is_authenticated
    body = render_template(
        "unavailable.html",
        status=shown,
        title=title,
        text=text,
        words=words,
        kept=kept,
        number=number,
        is_desk=is_desk,
    )
    response = Response(body, status)
    if status in (429, 503):
        response.headers["Retry-After"] = "300" if status == 429 else "60"
    return response


def _answer(error: Exception, status: int) -> Response:
    """What an error becomes: a document where the API was asked, a page everywhere else."""
    return problems.answer(error, status) if api.is_asked() else page(status)


def init(app: Flask) -> None:
    """Give an application its error pages."""
    retrying.init(app)
    _of_database(app)

    @app.errorhandler(HTTPException)
    def of_http(error: HTTPException) -> Response:
        # Whoever refuses may have said it already, in a page of its own.
        if error.response is not None or error.code is None or error.code < 400:
            return cast(Response, error.get_response())
        if api.is_asked():
            return problems.answer(error, error.code)
        if isinstance(error, CSRFError) and not current_user.is_authenticated and "/desk/" in request.path:
            # Signed out in another window; what was typed must not be lost.
            typed = forms.read("text")["text"]
            ended = render_template("session_ended.html", target=request.path.rpartition("/")[0], text=typed)
            return make_response(ended, 401)
        if isinstance(error, CSRFError):
            witness.note("forged_form", endpoint=request.endpoint or "none")
        answer = page(400 if isinstance(error, CSRFError) else error.code)
        if error.code == 405:
            answer.headers["Allow"] = dict(error.get_headers()).get("Allow", "GET")
        return answer

    @app.errorhandler(PortalError)
    def of_domain(error: PortalError) -> Response:
        status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
        if status >= 500:
            what = SEARCH if isinstance(error, SearchUnavailable) else type(error).__name__
            services().faults.report(what, str(error))
        return _answer(error, status)

    # The last one: whatever nobody foresaw must still be a page in the reader's language.
    @app.errorhandler(Exception)
    def of_fault(error: Exception) -> Response:
        # Without what the error itself says, which may repeat what was typed.
        stack = "".join(traceback.format_tb(error.__traceback__))
        log.error("fault in %s: %s\n%s", request.endpoint, type(error).__name__, stack)
        return _answer(error, 500)


def _of_database(app: Flask) -> None:
    """The page where the database does not answer; the log says when all that did not reach it does so again."""
    failing: set[str | None] = set()

    @app.errorhandler(DBAPIError)
    @app.errorhandler(NoConnection)
    def of_database(error: DBAPIError | NoConnection) -> Response:
        failing.add(request.endpoint)
        services().faults.report(DATABASE, reason(error))
        return _answer(error, 503)

    @app.after_request
    def note_success(response: Response) -> Response:
        if request.endpoint in failing and response.status_code < 400:
            failing.discard(request.endpoint)
            if not failing:
                services().faults.works(DATABASE)
        return response
