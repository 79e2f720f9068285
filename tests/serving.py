"""The real server as a test starts it: its own process, port and instance folder."""

import contextlib
import http.client
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.needs import REPOSITORY
from tests.postgres import instead
from tests.ready import SHIPPED, ready

#: Below those that systems give to connections by themselves; each process of the tests has a share of its own, so that
#: what takes long to start, or is started anew, finds its port free.
_FIRST_PORT, _SHARE, _SHARES = 12_000, 2_000, 10


def _ports() -> Iterator[int]:
    """The ports of this process, one after another, from any of them on."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
    first, begin = _FIRST_PORT + number * _SHARE, random.randrange(_SHARE)
    return (first + (begin + step) % _SHARE for step in itertools.count())


_own_ports = _ports()


def free_port() -> int:
    """A port that nobody listens on, and that nobody else is given."""
    for port in itertools.islice(_own_ports, _SHARE):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("all ports are taken")


def portal(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the product and wait for it."""
    return subprocess.run(
        [sys.executable, "-m", "portal", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, **instead.variables(arguments, environment), **environment},
    )


def portal_with_input(text: str, *arguments: str, **environment: str) -> int:
    """Run a command with standard input; its exit code."""
    command = [sys.executable, "-m", "portal", *arguments]
    return subprocess.run(
        command,
        input=text,
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, **instead.variables(arguments, environment), **environment},
    ).returncode


class Server:
    """`portal serve` in its own process group.

    Args:
        data: instance folder.
        articles: folder of the articles; the shipped ones when None.
        environment: settings as variables.
    """

    def __init__(self, data: Path, articles: Path | None = None, port: int | None = None, **environment: str) -> None:
        self.data = data
        self.port = port or free_port()
        #: Where the product is that it runs.
        self.code = REPOSITORY
        self.articles = articles or SHIPPED
        self._environment = {"PORTAL_FORM_MIN_SECONDS": "0", **environment}
        self.log = data.parent / f"{data.name}-{self.port}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self, *, is_new: bool = False) -> "Server":
        """Start the process without waiting for it.

        Args:
            is_new: whether it has to lay out its instance folder itself; else it finds one that is ready.
        """
        options = ["--data", str(self.data), "--articles", str(self.articles), "--port", str(self.port)]
        if not is_new and not self.data.exists():
            ready.copy(self.articles, self.data)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portal", "serve", *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.code,
                env={**os.environ, **instead.variables(tuple(options), self._environment), **self._environment},
                start_new_session=True,
            )
        return self

    def start(self, seconds: float = 180, *, is_new: bool = False) -> "Server":
        """Start it and wait until it is ready; see `launch`."""
        self.launch(is_new=is_new)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log.read_text()}")
            with contextlib.suppress(OSError):
                if self.get("/readyz")[0] == 200 and "Next " in self.log.read_text():
                    return self
            time.sleep(0.05)
        self.kill()  # Else it is left to whichever test runs when it is noticed.
        raise AssertionError(f"the server was not ready in {seconds} s:\n{self.log.read_text()}")

    @property
    def database(self) -> str:
        """The address of its database."""
        given = {**self._environment, **instead.variables(("--data", str(self.data)), self._environment)}
        return given.get("PORTAL_DATABASE_URL") or f"sqlite:///{self.data / 'portal.db'}"

    @property
    def url(self) -> str:
        """Its address without a last slash."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and body of a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def wait_for(self, path: str, text: str, seconds: float = 120) -> float:
        """Wait until a page has a text; the seconds that it took."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            try:
                if text in self.get(path)[1]:
                    return time.monotonic() - begin
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{path} never had {text!r}:\n{self.log.read_text()}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the main process alone."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, seconds: float = 120) -> int:
        """The exit code, once it ends."""
        assert self.process is not None
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End the whole process group at once, as a power failure would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(60)
