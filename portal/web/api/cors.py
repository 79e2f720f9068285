"""Which pages of other sites may ask the API: those of `embed_origins`, for what needs no token."""

from flask import Response, current_app, request

from portal.web.api import blueprint
from portal.web.api.endpoints import OPERATIONS, Operation
from portal.web.services import services

#: What such a page may send; never a token, which everybody could read there.
_SENT = "Content-Type, Idempotency-Key, If-None-Match"
_READ = "ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After"
#: How long browsers remember what they may ask, in seconds.
_MAX_AGE = "86400"


def operation_of(endpoint: str | None) -> Operation | None:
    """The operation that an endpoint of Flask's is; None where it is none."""
    return OPERATIONS.get((endpoint or "").removeprefix(f"{blueprint.name}."))


def preflight() -> Response | None:
    """What may be asked at an address; None where there is nothing."""
    adapter = current_app.create_url_adapter(request)
    methods = sorted({"OPTIONS", *adapter.allowed_methods()}) if adapter else ["OPTIONS"]
    if adapter is None or methods == ["OPTIONS"]:
        return None
    response = Response(status=204, headers={"Allow": ", ".join(methods)})
    del response.headers["Content-Type"]
    wanted = request.headers.get("Access-Control-Request-Method", "")
    if wanted in methods and wanted != "OPTIONS":
        endpoint, _ = adapter.match(method=wanted)
        if _open(response, operation_of(endpoint)):
            response.headers["Access-Control-Allow-Methods"] = wanted
            response.headers["Access-Control-Allow-Headers"] = _SENT
            response.headers["Access-Control-Max-Age"] = _MAX_AGE
    response.vary.update({"Access-Control-Request-Method", "Access-Control-Request-Headers"})
    return response


def finish(response: Response) -> None:
    """Let a page of another site read the answer to what it was allowed to ask."""
    if request.method != "OPTIONS" and _open(response, operation_of(request.endpoint)):
        response.headers["Access-Control-Expose-Headers"] = _READ


def _open(response: Response, operation: Operation | None) -> bool:
    """Name the origin that may read an answer; whether there is one."""
    if operation is None or operation.scope is not None:
        return False
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    allowed = services().settings.embed_origins
    if allowed:
        response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if origin not in allowed:
        return False
    response.headers["Access-Control-Allow-Origin"] = origin
    return True
