"""What every request and every answer must satisfy: host, origin, headers, limits."""

import hashlib
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_limiter import Limiter, RequestLimit
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_wtf import CSRFProtect
from limits.storage import MemoryStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import BadRequest, Forbidden
from werkzeug.http import dump_cookie
from werkzeug.wrappers import Response as AnyResponse

from portal.budgets import ExactMemory, give_back
from portal.own_account import OwnAccount
from portal.people import Person, Right, may
from portal.settings import Settings
from portal.web import api, witness
from portal.web.links import host_and_path
from portal.web.services import services


def client() -> str:
    """Whom limits count: an address of IPv4, or a network /64 of IPv6, all of which is one customer's."""
    address = get_remote_address()
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found), 64), strict=False))


class Limits(Limiter):
    """The library's limits, counted exactly also in memory, and for everybody who is there when Redis goes."""

    def init_app(self, app: Flask) -> None:
        """See the library's."""
        super().init_app(app)
        self._fallback_limiter = FixedWindowRateLimiter(ExactMemory())
        if isinstance(self._storage, MemoryStorage):
            self._storage = ExactMemory()
            self._limiter = FixedWindowRateLimiter(self._storage)

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        """See the library's, which turns to memory for the first who finds that Redis is away, and fails for others."""
        try:
            super()._check_request_limit(callable_name, in_middleware)
        except self.storage.base_exceptions:
            super()._check_request_limit(callable_name, in_middleware)


limiter = Limits(key_func=client, headers_enabled=False, in_memory_fallback_enabled=True)
csrf = CSRFProtect()

#: No page needs script or style of its own, so there is no nonce and pages can be cached.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
#: Images that writers ship may be SVG, whose scripts must never run, even when they are opened alone.
IMAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; sandbox"
)
#: A year, for the host and those below it: whoever has once been here over HTTPS never comes back without.
TRANSPORT = "max-age=31536000; includeSubDomains"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
#: Largest body of a request, in bytes; the longest form is far below.
MAX_BODY = 512 * 1024


def limited(
    limit: str | Callable[[], str],
    counts: Callable[[Response], bool],
    scope: str | None = None,
    on_breach: Callable[[RequestLimit], Response] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Limit how often a view may come to an answer that counts, exactly also at once.

    Every request is counted before anything is done, and given back where its answer does not count: what a count
    comes to is told to one alone. (The library's `deduct_when` tests first and counts afterwards.)

    Args:
        limit: as text, such as `20 per hour`.
        counts: whether an answer does.
        scope: shared with others of this name; None where it is the view's own.
        on_breach: answers who has reached it.
    """

    def refuse(told: RequestLimit) -> Response | None:
        _give_back(limiter.limiter.storage, (told,), time.time())
        return on_breach(told) if on_breach else None

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def counted(*args: Any, **kwargs: Any) -> Response:
            storage, taken = limiter.limiter.storage, tuple(limiter.current_limits)
            is_counted, since = False, time.time()
            try:
                answer = current_app.make_response(view(*args, **kwargs))
                is_counted = counts(answer)
            finally:
                if not is_counted:
                    _give_back(storage, taken, since)
            return answer

        if scope is None:
            return limiter.limit(limit, on_breach=refuse)(counted)
        return limiter.shared_limit(limit, scope, on_breach=refuse)(counted)

    return decorate


def _give_back(storage: Storage, taken: Iterable[RequestLimit], since: float) -> None:
    """Take back what was counted for a request; where that cannot be, it counts."""
    for told in taken:
        try:
            give_back(storage, told.limit, *told.request_args, since=since)
        except storage.base_exceptions:
            return


def allowed_host(settings: Settings, host: str) -> bool:
    """Whether a request may name this host.

    Without a public address in the settings these are this machine's names and plain addresses, which nobody can
    make lead elsewhere.

    Args:
        settings: in force.
        host: as the request names it, with or without port.
    """
    name = urlsplit(f"//{host}").hostname or ""
    if settings.hosts:
        return any(
            name == allowed.strip("[]").lower() or (allowed[0] == "." and name.endswith(allowed))
            for allowed in settings.hosts
        )
    if name in {"localhost", settings.host} or name in _own_names():
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@cache
def _own_names() -> frozenset[str]:
    """The names of this machine; asking for them may take a look-up."""
    return frozenset({socket.gethostname().lower(), socket.getfqdn().lower()})


def _check_host() -> None:
    """Refuse a forged host, which would end up in absolute links.

    Probes ask by whatever address a machine has; their answers name none.
    """
    if request.endpoint in {"discovery.healthz", "discovery.readyz", "monitoring.metrics"}:
        return
    try:
        allowed = allowed_host(services().settings, request.host)
    except ValueError:
        allowed = False
    if not allowed:
        # The answer must not repeat the name anywhere.
        request.environ["HTTP_HOST"] = "localhost"
        request.__dict__.pop("host", None)  # It is remembered.
        witness.note("foreign_host")
        raise BadRequest


def _check_origin() -> None:
    """Refuse a form that another site sent.

    Browsers say where a request comes from (Fetch Metadata); older ones at least name the origin. A client that says
    nothing is no browser and carries nobody's cookies. The API reads none.
    """
    if request.method in {"GET", "HEAD", "OPTIONS"} or api.is_asked():
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        is_foreign = site not in {"same-origin", "none"}
    else:
        is_foreign = origin is not None and host_and_path(origin)[0] != request.host
    if is_foreign:
        witness.note("foreign_origin")
        raise Forbidden


class Sessions(SecureCookieSessionInterface):
    """Sessions in cookies that are signed with HMAC-SHA-256; Flask's own would take SHA-1."""

    digest_method = staticmethod(hashlib.sha256)


def cookie_name(settings: Settings, name: str) -> str:
    """What a cookie is called; over HTTPS browsers see to it that no other host and no plain HTTP has set it."""
    return f"__Host-{name}" if settings.is_https else name


def cookie(name: str) -> str:
    """What a reader's browser has kept under a name; empty where it has nothing."""
    return request.cookies.get(cookie_name(services().settings, name), "")


def set_cookie(response: AnyResponse, name: str, value: str, max_age: int | None = None) -> None:
    """Let a reader's browser keep something, which no script sees and no other site sends.

    Args:
        response: that it comes with.
        name: under which `cookie` finds it.
        value: what is kept.
        max_age: how long, in seconds; None until the browser is closed.
    """
    header = cookie_header(services().settings, name, value, max_age, is_secure=request.is_secure)
    response.headers.add("Set-Cookie", header)


def cookie_header(
    settings: Settings, name: str, value: str, max_age: int | None = None, *, is_secure: bool = False
) -> str:
    """What lets a browser keep something; see `set_cookie`.

    Args:
        settings: in force.
        name: under which `cookie` finds it.
        value: what is kept.
        max_age: how long, in seconds; None until the browser is closed.
        is_secure: whether the request came over HTTPS.
    """
    known_as = cookie_name(settings, name)
    return dump_cookie(known_as, value, max_age, httponly=True, samesite="Lax", secure=settings.is_https or is_secure)


def _finish(response: Response) -> Response:
    """Add the headers that every answer carries."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure or services().settings.is_https:
        response.headers.setdefault("Strict-Transport-Security", TRANSPORT)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def needs(right: Right) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let only people with a right see a page; others sign in first, or are refused."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return cast(Any, current_app).login_manager.unauthorized()
            if not may(person(), right):
                abort(403)
            if _owes_codes():
                return redirect(url_for("account.codes"), 303)
            return view(*args, **kwargs)

        return guarded

    return decorate


def _owes_codes() -> bool:
    """Whether who is signed in must set one-time codes up before anything else; asked once in each sign-in."""
    if services().settings.second_factor != "required" or session.get("has_codes"):
        return False
    session["has_codes"] = OwnAccount(services().staff).uses_codes(person()) is not None
    return not session["has_codes"]


def may_now(right: str) -> bool:
    """Whether whoever is signed in has a right; for templates."""
    return bool(current_user.is_authenticated) and may(person(), Right(right))


def person() -> Person:
    """Who is signed in; only where `needs` has let them in."""
    return cast(Person, current_user.person)


def init(app: Flask, settings: Settings) -> None:
    """Guard an application."""
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_PARTS=50,
        SESSION_COOKIE_NAME=cookie_name(settings, "staff"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        RATELIMIT_STORAGE_URI=settings.redis_url or "memory://",
        # A Redis that is silent must not make anybody wait.
        RATELIMIT_STORAGE_OPTIONS={"socket_timeout": 0.5, "socket_connect_timeout": 0.5} if settings.redis_url else {},
    )
    app.session_interface = Sessions()
    app.before_request(_check_host)
    app.before_request(_check_origin)
    app.after_request(_finish)
    app.after_request(witness.watch)
    limiter.init_app(app)
    csrf.init_app(app)
