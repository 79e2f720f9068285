"""How often one client may change something in an hour: counted together with what the same client does on the pages."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal

from limits import RateLimitItemPerHour

from portal.budgets import give_back
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
    is_counted, since = False, time.time()
    try:
        # Counted first, and given back where nothing is done: what a count comes to is told to one alone.
        is_left = is_counted = counts.hit(item, *whose)
        if not is_left:
            reset = counts.get_window_stats(item, *whose).reset_time
            _give_back(item, whose, since)
    except counts.storage.base_exceptions:
        is_left = True  # The limit of all requests holds, which each process counts by itself.
    if not is_left:
        raise Problem("too-many-requests", headers={"Retry-After": str(max(1, int(reset - time.time())))})
    try:
        yield
    except BaseException:
        if is_counted:
            _give_back(item, whose, since)
        raise


def _give_back(item: RateLimitItemPerHour, whose: tuple[str, str], since: float) -> None:
    """Take back what was counted; where that cannot be, it counts."""
    storage = limiter.limiter.storage
    try:
        give_back(storage, item, *whose, since=since)
    except storage.base_exceptions:
        return
