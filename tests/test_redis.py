"""A real Redis that several processes of the real server count in: exact, gone, and back."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from portal.budgets import Budgets
from portal.chains import Visitor
from tests.processes import context
from tests.serving import Server
from tests.test_failures import Visitor as Browser
from tests.test_failures import fields_of
from tests.test_limits import Redis, redis

__all__ = ["redis"]

ADDRESS = "/en/requests/new"


def take(address: str, times: int, start: Any, results: Any) -> None:
    """In a process of its own: take from a budget as often as it goes."""
    budget = Budgets(address, session=10_000, network=10_000, anonymous=10_000, total=61)
    robot = Visitor("", False, "192.0.2.0/24")
    start.wait(300)
    results.put(sum(budget.take(robot) for _ in range(times)))


def test_two_processes_at_once_are_granted_exactly_the_total(redis: Redis) -> None:
    """Each asks for eighty; together they get sixty-one, not one more and not one less."""
    start, results = context.Barrier(2), context.Queue()
    workers = [context.Process(target=take, args=(redis.url, 80, start, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    granted = [results.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join(60)

    assert sum(granted) == 61


def keys(redis: Redis) -> int:
    """How many counts Redis holds."""
    with socket.create_connection(("127.0.0.1", redis.port), timeout=60) as connection:
        connection.sendall(b"DBSIZE\r\n")
        return int(connection.recv(64)[1:].split(b"\r\n")[0])


def send(server: Server, times: int) -> list[int]:
    """Send requests at the same moment, each from a browser of its own; what they were answered."""
    together = threading.Barrier(times)

    def one(number: int) -> int:
        visitor = Browser(server)
        form = fields_of(visitor.get(ADDRESS), ADDRESS)
        form |= {"name": "Anna", "email": "a@example.org", "description": f"{number}", "suggested": "1"}
        together.wait(60)
        return visitor.ask("POST", ADDRESS, form)[0]

    with ThreadPoolExecutor(times) as pool:
        return sorted(pool.map(one, range(times)))


@pytest.mark.server
def test_two_processes_share_a_limit_that_is_lost_and_found(
    serve: Callable[..., Server], library_folder: Path, redis: Redis
) -> None:
    """Exactly five of nine that come at once; without Redis people are served; when it is back, it is counted in again."""
    limits = {"PORTAL_REDIS_URL": redis.url, "PORTAL_REQUESTS_PER_HOUR": "5", "PORTAL_WORKERS": "2"}
    server = serve(articles=library_folder, **limits).start()

    shared = send(server, 9)
    redis.stop()
    alone = send(server, 4)
    redis.start()
    end = time.monotonic() + 60
    # It is asked again after a pause that grows; until then each process counts by itself.
    while 303 in send(server, 2) or keys(redis) == 0:
        assert time.monotonic() < end, "Redis is back, and nobody counts in it"

    assert shared == [303] * 5 + [429] * 4
    assert set(alone) <= {303, 429}
    assert alone[0] == 303, "nobody may send anything while Redis is away"
    assert "Traceback" not in server.log.read_text()
