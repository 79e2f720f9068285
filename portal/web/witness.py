"""What happens about security is logged: who came in, who was refused, who had it from which request."""

import hashlib
import hmac
import logging

from flask import Response, current_app, g, request

from portal import logs

log = logging.getLogger("portal.security")

#: Answers that refuse somebody something: no or wrong proof, no right, too much at once.
_REFUSED = frozenset({401, 403, 429})
#: How much of an account's hash names it in the log.
_NAME = 12


def note(event: str, **values: object) -> None:
    """Log an event; never what somebody has typed.

    Args:
        event: its name, in one of the words of `docs/security.md`.
        values: what else is known, such as the number of a person.
    """
    told = {"event": event, **({"person": _person()} if _person() and "person" not in values else {}), **values}
    line = " ".join(f"{name}={value}" for name, value in told.items() if name != "event")
    log.info("%s %s", event, line, extra={logs.VALUES: told})


def account(email: str) -> str:
    """What the log calls an account that somebody tries: the same for the same address, which nobody reads from it."""
    secret = current_app.secret_key or b""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, b"account " + email.strip().lower().encode(), hashlib.sha256).hexdigest()[:_NAME]


def _person() -> int:
    """The number of who is signed in, where that was asked already; reading the session would mark the answer."""
    user = g.get("_login_user")
    known = getattr(user, "person", None)
    return int(known.id) if known else 0


def watch(response: Response) -> Response:
    """Log a refusal; that somebody with nothing in hand is asked to sign in is none."""
    is_refused = response.status_code in _REFUSED and not (
        response.status_code == 401 and "Authorization" not in request.headers
    )
    if is_refused:
        note("refused", status=response.status_code, endpoint=request.endpoint or "none")
    return response
