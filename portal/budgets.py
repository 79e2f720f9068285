"""Budgets: how many gaps searches may open in an hour; counts that are exact at once and can be given back."""

import ipaddress
import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter, RateLimiter

from portal.chains import Visitor
from portal.faults import FaultLog

log = logging.getLogger(__name__)
Result = TypeVar("Result")

#: So many repeats of a gap by visitors whose cookie has not come back count from each network in this time, in
#: minutes: the people of one office share an address, and a robot must not make a gap urgent by itself.
REPEATS, REPEAT_MINUTES = 25, 30
#: How long Redis may take to answer, and how long it is left alone when it does not, in seconds.
PATIENCE, PAUSE = 0.5, 10.0
#: By how much Redis rounds the end of a window, in seconds.
ROUNDED = 1.0
_SPACE = "gaps"
_WHAT = "the budgets for new gaps are counted by each process alone"


class ExactMemory(MemoryStorage):
    """Counts in memory that are exact also at once; the library's lets go of some, and tells one number twice."""

    def __init__(self) -> None:
        self._counting = threading.Lock()
        super().__init__()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, and what it comes to."""
        with self._counting:
            return super().incr(key, expiry, amount)


def give_back(storage: Storage, item: RateLimitItem, *names: str, since: float) -> None:
    """Take back what was counted; nothing where its window has ended meanwhile.

    Args:
        storage: of the counts.
        item: the limit.
        names: whose.
        since: when it was counted, in seconds since 1970.
    """
    key = item.key_for(*names)
    began = storage.get_expiry(key) - item.get_expiry()
    if began < since + ROUNDED and storage.get(key) > 0:
        storage.incr(key, item.get_expiry(), -1)


class Budgets:
    """Counts what was granted; shared by all processes in Redis, or by the threads of this one in memory.

    Where Redis does not answer, each process counts for itself until it does.

    Args:
        storage_uri: `memory://` or `redis://…`.
        session: new gaps of one browser session, per hour.
        network: new gaps from one network prefix, per hour.
        anonymous: new gaps of all visitors whose cookie has not come back, per hour.
        total: new gaps in all, per hour.
    """

    def __init__(self, storage_uri: str, *, session: int, network: int, anonymous: int, total: int) -> None:
        self._session, self._network, self._anonymous, self._total = (
            RateLimitItemPerHour(amount, namespace=_SPACE) for amount in (session, network, anonymous, total)
        )
        self._first = RateLimitItemPerHour(1, namespace=_SPACE)
        self._repeat = RateLimitItemPerMinute(REPEATS, REPEAT_MINUTES, namespace=_SPACE)
        self._local = FixedWindowRateLimiter(ExactMemory())
        self._shared: FixedWindowRateLimiter | None = None
        if not storage_uri.startswith("memory:"):
            options = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
            self._shared = FixedWindowRateLimiter(storage_from_string(storage_uri, **options))
        self._away_until = float("-inf")
        self._taking = threading.Lock()
        self._faults = FaultLog(log)

    def take(self, visitor: Visitor) -> bool:
        """Whether a new gap may be opened; a refusal costs nothing.

        The first gap of a network in an hour by a session whose cookie has come back is granted beyond the total, so
        that people come through while robots use it up.
        """
        with self._taking:
            return self._counted(lambda limiter: self._take(limiter, visitor))

    def occurrence(self, visitor: Visitor, fingerprint: str) -> bool:
        """Whether a repeat counts of which nobody knows whose it is: some for each network, gap and half an hour."""
        where = ("repeat", visitor.network, fingerprint)
        # Asked before it is counted: a full budget is not written again by every request of a flood.
        return self._counted(lambda limiter: limiter.test(self._repeat, *where) and limiter.hit(self._repeat, *where))

    def _take(self, limiter: RateLimiter, visitor: Visitor) -> bool:
        """All budgets that a visitor needs, or none."""
        # Where it is not known which network it is, as when a browser shows later that it keeps cookies, none counts.
        needed: list[tuple[RateLimitItem, str, str]] = (
            [(self._network, "network", visitor.network)] if visitor.network else []
        )
        if visitor.is_returning:
            needed.append((self._session, "session", visitor.session))
        else:
            needed.append((self._anonymous, "anonymous", ""))
        is_first = bool(
            visitor.is_returning and visitor.network and limiter.test(self._first, "first", visitor.network)
        )
        total = (self._total, "total", "")
        if not all(limiter.test(*budget) for budget in (*needed, *(() if is_first else (total,)))):
            return False
        # Others may have taken the last of them since: what a count comes to is told to one alone, on all machines.
        if is_first and _hit(limiter, [*needed, (self._first, "first", visitor.network)]):
            limiter.hit(*total)
            return True
        return _hit(limiter, [*needed, total])

    def _counted(self, count: Callable[[RateLimiter], Result]) -> Result:
        """What a count comes to, in Redis where it answers."""
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                counted = count(self._shared)
            except self._shared.storage.base_exceptions as error:
                self._away_until = time.monotonic() + PAUSE
                self._faults.report(_WHAT, type(error).__name__)
            else:
                self._faults.works(_WHAT)
                return counted
        return count(self._local)


def _hit(limiter: RateLimiter, budgets: list[tuple[RateLimitItem, str, str]]) -> bool:
    """Count in all of some budgets, or in none where one of them is used up."""
    since = time.time()
    for number, budget in enumerate(budgets, 1):
        if not limiter.hit(*budget):
            for item, *names in budgets[:number]:
                give_back(limiter.storage, item, *names, since=since)
            return False
    return True


def network_of(address: str) -> str:
    """The network that an address belongs to: /24 of IPv4, /56 of IPv6; empty for what is no address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    if isinstance(found, ipaddress.IPv4Address):
        return str(ipaddress.IPv4Network((int(found), 24), strict=False))
    return str(ipaddress.IPv6Network((int(found), 56), strict=False))
