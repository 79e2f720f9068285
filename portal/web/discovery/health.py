"""Whether the portal is alive, and whether it can serve."""

from flask import Response, make_response, request

from portal.health import ENDING
from portal.web.discovery.blueprint import blueprint
from portal.web.services import services


@blueprint.get("/healthz")
def healthz() -> Response:
    """Whether the process answers."""
    return make_response({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, str], int]:
    """Whether people can be served: the database can be written, there is room, and every language can be searched.

    Mail that cannot be sent waits and keeps nobody from being served: it is told, and is only a failure for who asks
    with `strict=1`, such as a monitor. A portal that is about to end still serves, but nobody should be sent to it.
    """
    if ENDING.is_near:
        return {"portal": "ending"}, 503
    checks = services().told.get(services().health.check)
    is_strict = request.args.get("strict") == "1"
    fails = {part for part, state in checks.items() if state != "ok" and (is_strict or part != "mail")}
    return checks, 503 if fails else 200
