"""What every request and every answer must satisfy: host, origin, headers, limits."""

import ipaddress
import socket
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_wtf import CSRFProtect
from werkzeug.exceptions import BadRequest, Forbidden

from portal.people import Person, Right, may
from portal.settings import Settings
from portal.web import api
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


limiter = Limiter(key_func=client, headers_enabled=False, in_memory_fallback_enabled=True)
csrf = CSRFProtect()

#: No page needs script or style of its own, so there is no nonce and pages can be cached.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: Images that writers ship may be SVG, whose scripts must never run, even when they are opened alone.
IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
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
        if site not in {"same-origin", "none"}:
            raise Forbidden
    elif origin is not None and host_and_path(origin)[0] != request.host:
        raise Forbidden


def _finish(response: Response) -> Response:
    """Add the headers that every answer carries."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint == "static" and response.status_code in (200, 304):
        # An address with a version never changes its content.
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if "v" in request.args else "public"
    elif "Cache-Control" not in response.headers:
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
            return view(*args, **kwargs)

        return guarded

    return decorate


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
        SESSION_COOKIE_NAME="staff",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https://"),
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        RATELIMIT_STORAGE_URI=settings.redis_url or "memory://",
        # A Redis that is silent must not make anybody wait.
        RATELIMIT_STORAGE_OPTIONS={"socket_timeout": 0.5, "socket_connect_timeout": 0.5} if settings.redis_url else {},
    )
    app.before_request(_check_host)
    app.before_request(_check_origin)
    app.after_request(_finish)
    limiter.init_app(app)
    csrf.init_app(app)
