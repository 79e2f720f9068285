"""What can go wrong with the API: every code with its status, its title, what it means and what to do about it."""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp

from portal.web.forms import GENERAL, MESSAGES

#: One line of an explanation, made in the reader's language when it is shown.
Text = Any


@dataclass(frozen=True)
class Meaning:
    """What a code means."""

    status: int
    title: Text
    #: What has happened; stands in `detail` where nothing more exact is known.
    detail: Text
    #: What whoever sent the request can do.
    remedy: Text


_CORRECT = _l("Correct the request and send it again.")
_OTHER_KEY = _l("Send a new request with a new key.")
_LATER = _l("Wait as long as Retry-After says, and send the request again.")

MEANINGS: dict[str, Meaning] = {
    "bad-request": Meaning(
        400, _l("The request cannot be read"), _l("The request is not in a form that we can read."), _CORRECT
    ),
    "invalid-input": Meaning(
        400,
        _l("The request has values that are not possible"),
        _l("At least one value breaks a rule; “errors” names each of them."),
        _CORRECT,
    ),
    "invalid-cursor": Meaning(
        400,
        _l("This cursor leads nowhere"),
        _l("The cursor is not one that we made for this list with these conditions."),
        _l("Begin again without a cursor, and pass “next” on as it is."),
    ),
    "token-in-address": Meaning(
        400,
        _l("A token does not belong in the address"),
        _l("Addresses are written down on the way, so others may know the token now."),
        _l("Revoke this token, make another one, and send it in the Authorization header."),
    ),
    "token-needed": Meaning(
        401,
        _l("A token is needed"),
        _l("Without a token this is open to nobody."),
        _l("Send a token in the Authorization header; administrators can make one."),
    ),
    "invalid-token": Meaning(
        401,
        _l("This token does not work"),
        _l("The token is unknown, has expired or was revoked, or its person has no access any more."),
        _l("Ask an administrator for a new token."),
    ),
    "missing-scope": Meaning(
        403,
        _l("The token lacks a scope"),
        _l("The token was made for other purposes, or its person does not have the right."),
        _l("Ask an administrator for a token with the scope that “scope” names."),
    ),
    "not-allowed": Meaning(
        403,
        _l("This is not allowed"),
        _l("The person in whose name the token works has no right to do this."),
        _l("Ask an administrator for the right, or for the token of somebody who has it."),
    ),
    "not-found": Meaning(
        404,
        _l("There is nothing here"),
        _l("Nothing is found at this address, or you have no right to see it."),
        _l("Check the address and its numbers."),
    ),
    "method-not-allowed": Meaning(
        405,
        _l("This method does not work here"),
        _l("The address exists, but not for this method."),
        _l("Use one of the methods that the Allow header names."),
    ),
    "stale": Meaning(
        409,
        _l("Somebody was faster"),
        _l("The ticket has changed since it was read."),
        _l("Read the ticket again, and send the request with its new version."),
    ),
    "taken": Meaning(
        409,
        _l("Somebody else has the ticket"),
        _l("Another person of the staff has taken the ticket."),
        _l("Leave the ticket to them, or have it assigned to you."),
    ),
    "not-possible-now": Meaning(
        409,
        _l("This cannot be done now"),
        _l("The ticket’s status does not allow it."),
        _l("Read the ticket again to see what can be done."),
    ),
    "not-proven": Meaning(
        409,
        _l("The article does not answer the search"),
        _l("The unanswered search does not find the article among its first three results."),
        _l("Improve the article until the search finds it, then send the request again."),
    ),
    "in-progress": Meaning(
        409,
        _l("The same request is still being done"),
        _l("A request with this idempotency key has begun and not ended yet."),
        _LATER,
    ),
    "too-large": Meaning(
        413,
        _l("The request is too large"),
        _l("A request may have 64 KiB at most."),
        _l("Shorten the request and send it again."),
    ),
    "wrong-media-type": Meaning(
        415,
        _l("This type of content cannot be read"),
        _l("The content must be JSON."),
        _l("Send JSON, and the header Content-Type: application/json."),
    ),
    "key-reused": Meaning(
        422,
        _l("This idempotency key belongs to another request"),
        _l("The key was sent with another request in the last 24 hours."),
        _OTHER_KEY,
    ),
    "too-many-requests": Meaning(
        429,
        _l("Too many requests"),
        _l("More requests have come in a short time than are allowed."),
        _LATER,
    ),
    "fault": Meaning(
        500,
        _l("Something went wrong on our side"),
        _l("The fault is ours and has been recorded."),
        _l("Send the request again in a while, with the same idempotency key if it had one."),
    ),
    "unavailable": Meaning(
        503,
        _l("We are not available at the moment"),
        _l("Search or the database does not answer."),
        _LATER,
    ),
}
"""Every code, as it stands in the address of a problem's `type`."""

#: What is wrong with one value, by its code.
FAULTS: dict[str, Text] = {
    **GENERAL,
    "missing": _lp("API", "This value is missing."),
    "too_long": _lp("API", "This value is too long."),
    "too_short": _lp("API", "This value is too short."),
    "wrong_type": _lp("API", "This value has another type than it should."),
    "unknown": _lp("API", "This name or value is not known here."),
    "repeated": _lp("API", "This value may be given once only."),
    "not_printable": _lp("API", "This value has characters that cannot be shown."),
    "invalid_email": _lp("API", "This is not an email address."),
    "too_deep": _lp("API", "This is nested too deeply."),
    "not_json": _lp("API", "This is not JSON in UTF-8."),
}
#: What is said of a code without words of its own.
OTHERWISE = _lp("API", "This value is not possible.")


def fault(field: str, code: str) -> str:
    """What is wrong with a value: by its code, else in the words of the pages for this field, else in general."""
    words = FAULTS.get(code) or MESSAGES.get((field, code), OTHERWISE)
    return str(OTHERWISE if "%(" in str(words) else words)
