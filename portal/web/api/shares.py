"""How often one client may change something in an hour: counted together with what the same client does on the pages."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal

from limits import RateLimitItemPerHour

from portal.web.api.endpoints import Call
from portal.web.api.problems import Problem
from portal.web.security import limiter
from portal.web.services import services

#: What has a limit by the hour; the pages' limits have the same names.
Share = Literal["request", "reply", "close", "reopen", "rate", "vote"]
#: How often a client without a token may do it in an hour; requests have a setting.
_TIMES = 60

_of = cache(RateLimitItemPerHour)


@contextmanager
def one(call: Call, what: Share) -> Iterator[None]:
    """Do something that has a limit by the hour; it counts once it is done.

    A token counts by itself, and for requests alone: each of them is a mail to an address that somebody has typed.

    Args:
        call: of whom.
        what: is done.

    Raises:
        Problem: `too-many-requests`.
    """
    if call.caller.token is not None and what != "request":
        yield
        return
    counts = limiter.limiter
    item, whose = _of(services().settings.requests_per_hour if what == "request" else _TIMES), (call.caller.key, what)
    try:
        is_left = counts.test(item, *whose)
        reset = 0.0 if is_left else counts.get_window_stats(item, *whose).reset_time
    except counts.storage.base_exceptions:
        is_left, reset = True, 0.0  # The limit of all requests holds, which each process counts by itself.
    if not is_left:
        raise Problem("too-many-requests", headers={"Retry-After": str(max(1, int(reset - time.time())))})
    yield
    try:
        counts.hit(item, *whose)
    except counts.storage.base_exceptions:
        return  # As above.
