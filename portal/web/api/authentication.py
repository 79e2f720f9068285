"""Who asks the API: a token in the Authorization header, or anybody. Cookies and sessions are never looked at."""

import re
from dataclasses import dataclass

from flask import g, request
from sqlalchemy.exc import SQLAlchemyError

from portal.api_tokens import Scope, Token
from portal.people import Person
from portal.web.api.problems import Problem
from portal.web.security import client
from portal.web.services import services

_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
_REALM = 'Bearer realm="api"'


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    #: None: anybody.
    token: Token | None

    @property
    def person(self) -> Person | None:
        """In whose name; None: nobody's."""
        return self.token.person if self.token else None

    @property
    def key(self) -> str:
        """Whom limits and idempotency keys count: the token, or the network address."""
        return f"token {self.token.id}" if self.token else client()


@dataclass(frozen=True)
class _Known:
    """What the Authorization header came to."""

    caller: Caller
    #: Whether a token was sent that does not work.
    is_wrong: bool = False
    #: Why it could not be looked up.
    fault: SQLAlchemyError | None = None


def _known() -> _Known:
    """Whose token was sent, looked up once for each request."""
    known: _Known | None = g.get("api_known")
    if known is None:
        known = g.api_known = _look_up()
    return known


def _look_up() -> _Known:
    """Whose token was sent; other ways to authorise are for whoever stands between, and no business of ours."""
    header = request.headers.get("Authorization", "")
    found = _BEARER.fullmatch(header)
    if found is None:
        return _Known(Caller(None), is_wrong=header.lower().startswith("bearer"))
    try:
        token = services().api_tokens.find(found[1], services().clock())
    except SQLAlchemyError as error:
        return _Known(Caller(None), fault=error)
    return _Known(Caller(token), is_wrong=token is None)


def counted() -> str:
    """Whom limits count, before it is known whether they are let in.

    Wrong tokens count for their sender, apart from what the same network asks without one: one system whose token has
    expired shuts nobody else out.
    """
    known = _known()
    return f"wrong {client()}" if known.is_wrong else known.caller.key


def per_minute() -> int:
    """How many requests they may send."""
    token, settings = _known().caller.token, services().settings
    if token is None:
        return settings.api_per_minute
    return token.per_minute or settings.api_token_per_minute


def authenticate(scope: Scope | None) -> Caller:
    """Who asks.

    Args:
        scope: that they need; None: whoever asks is welcome, but not with a token that does not work.

    Raises:
        Problem: `invalid-token`, `token-needed` or `missing-scope`.
        SQLAlchemyError: the database does not answer.
    """
    known = _known()
    if known.fault is not None:
        raise known.fault
    if known.is_wrong:
        raise Problem("invalid-token", headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})
    token = known.caller.token
    if scope is None:
        return known.caller
    if token is None:
        raise Problem("token-needed", headers={"WWW-Authenticate": _REALM})
    if scope not in token.granted:
        challenge = f'{_REALM}, error="insufficient_scope", scope="{scope.value}"'
        raise Problem("missing-scope", headers={"WWW-Authenticate": challenge}, scope=scope.value)
    return known.caller
