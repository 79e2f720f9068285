"""Limits that several processes share in Redis, and what happens when it goes."""

import shutil
import subprocess
from collections.abc import Iterator
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


def node(instance: Settings, redis: Redis) -> tuple[FlaskClient, Services]:
    """A node with its own parts, sharing limits in Redis."""
    made = settings(
        instance.articles, instance.data, redis_url=f"redis://127.0.0.1:{redis.port}/0", requests_per_hour=5
    )
    services = open_services(made)
    return create_app(made, services).test_client(), services


def send(client: FlaskClient) -> int:
    """Send a request; its status."""
    stamp = hidden(client.get("/en/requests/new").text, "stamp")
    return client.post("/en/requests/new", data={**GOOD, "stamp": stamp}).status_code


def test_nodes_share_a_limit_exactly(instance: Settings, redis: Redis) -> None:
    """Five requests from one network, whichever node they come to; the sixth waits."""
    (first, one), (second, two) = node(instance, redis), node(instance, redis)

    statuses = [send(client) for client in (first, second, first, second, first, second, first)]

    assert statuses == [303] * 5 + [429] * 2
    one.database.close()
    two.database.close()


def test_without_redis_people_are_served_all_the_same(instance: Settings, redis: Redis) -> None:
    """Each process counts for itself until Redis is back; nobody sees an error."""
    client, services = node(instance, redis)
    before = send(client)
    redis.stop()

    statuses = [send(client) for _ in range(3)]

    assert before == 303
    assert statuses == [303] * 3
    services.database.close()
