"""How often the API may be asked, and what its answers say of it (draft-ietf-httpapi-ratelimit-headers-10)."""

import time

from flask import Response, request

from portal.web.api import authentication, blueprint
from portal.web.security import limiter


def _limit() -> str:
    """What applies to whoever asks."""
    return f"{authentication.per_minute()} per minute"


def init() -> None:
    """Count every request to the API: by token, or by client without one."""
    limiter.shared_limit(
        _limit, scope="api", key_func=authentication.counted, exempt_when=lambda: request.method == "OPTIONS"
    )(blueprint)


def tell(response: Response) -> None:
    """Say how many requests are left; an answer without it is no worse."""
    reached = limiter.current_limit
    if reached is None:
        return
    try:
        left, reset_at = reached.remaining, reached.reset_at
    except Exception:  # Whatever the store of the counts raises that has gone away since it counted.
        return
    if response.status_code == 429 and left > 0:
        return  # It was a limit by the hour that ended here, see `shares`.
    policy, window = reached.limit.GRANULARITY.name, reached.limit.get_expiry()
    seconds = min(window, max(0, reset_at - int(time.time())))
    response.headers["RateLimit-Policy"] = f'"{policy}";q={reached.limit.amount};w={window}'
    response.headers["RateLimit"] = f'"{policy}";r={max(0, left)};t={seconds}'
