"""Limits that several processes share in Redis, and what happens when it goes."""

import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from portal.app import create_app
from portal.services import Services, open_services
from portal.settings import Settings
from tests.builders import settings
from tests.conftest import hidden
from tests.needs import missing
from tests.serving import free_port

GOOD = {"name": "Anna", "email": "anna@example.org", "description": "It does not print."}


class Redis:
    """A real Redis server of our own."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server") or missing("Redis", "apt-get install redis-server")
        self.port = free_port()
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        #: Its address for those that wait for it: else one that is only slow is taken for one that is gone.
        self.url = f"redis://127.0.0.1:{self.port}/0?socket_timeout=30&socket_connect_timeout=30"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command, cwd=self._folder, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if b"Ready to accept connections" in line:
                return
        raise AssertionError("Redis did not start")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A running Redis."""
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


def node(instance: Settings, redis: Redis | None) -> tuple[FlaskClient, Services]:
    """A node with its own parts, sharing limits in Redis where there is one."""
    address = redis.url if redis else ""
    made = settings(instance.articles, instance.data, redis_url=address, requests_per_hour=5)
    services = open_services(made)
    return create_app(made, services).test_client(), services


def send(client: FlaskClient, together: threading.Barrier | None = None, **changed: str) -> int:
    """Send a request, where others do at the same moment; its status."""
    stamp = hidden(client.get("/en/requests/new").text, "stamp")
    if together:
        together.wait(60)
    return client.post("/en/requests/new", data={**GOOD, "stamp": stamp, **changed}).status_code


def test_nodes_share_a_limit_exactly(instance: Settings, redis: Redis) -> None:
    """Five requests from one network, whichever node they come to; the sixth waits."""
    (first, one), (second, two) = node(instance, redis), node(instance, redis)

    statuses = [send(client) for client in (first, second, first, second, first, second, first)]

    assert statuses == [303] * 5 + [429] * 2
    one.database.close()
    two.database.close()


@pytest.mark.parametrize("kept", ["memory", "redis"])
def test_of_those_that_come_at_once_exactly_five_are_taken(
    kept: str, instance: Settings, request: pytest.FixtureRequest
) -> None:
    """Not one more and not one less; what is wrong in a form costs nothing, nor does what is refused."""
    client, services = node(instance, request.getfixturevalue("redis") if kept == "redis" else None)
    wrong = [send(client, email="nobody") for _ in range(7)]
    together = threading.Barrier(12)

    with ThreadPoolExecutor(12) as pool:
        clients = [client.application.test_client() for _ in range(12)]
        statuses = Counter(pool.map(lambda each: send(each, together), clients))

    assert wrong == [400] * 7
    assert statuses == {303: 5, 429: 7}
    services.database.close()


def test_what_fails_is_given_back(instance: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever met a fault can send as often as before."""
    client, services = node(instance, None)
    before = [send(client) for _ in range(4)]
    with monkeypatch.context() as broken:
        broken.setattr(services.requests, "receive", lambda *_args, **_named: 1 / 0)
        failed = [send(client) for _ in range(3)]

    assert (before, failed) == ([303] * 4, [500] * 3)
    assert [send(client), send(client)] == [303, 429]
    services.database.close()


def test_when_redis_goes_while_many_come_all_are_served(instance: Settings, redis: Redis) -> None:
    """All find at the same moment that it is away; nobody sees an error, and five are taken."""
    client, services = node(instance, redis)
    redis.stop()
    together = threading.Barrier(12)

    with ThreadPoolExecutor(12) as pool:
        clients = [client.application.test_client() for _ in range(12)]
        statuses = Counter(pool.map(lambda each: send(each, together), clients))

    assert statuses == {303: 5, 429: 7}
    services.database.close()


def test_without_redis_people_are_served_all_the_same(instance: Settings, redis: Redis) -> None:
    """Each process counts for itself until Redis is back; nobody sees an error."""
    client, services = node(instance, redis)
    before = send(client)
    redis.stop()

    statuses = [send(client) for _ in range(3)]

    assert before == 303
    assert statuses == [303] * 3
    services.database.close()
