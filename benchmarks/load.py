"""Load on a server of this machine: `wrk` where it is installed, else threads that keep their connections."""

import http.client
import itertools
import json
import shutil
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import percentile

HOST = "127.0.0.1"
GENERATORS = ("wrk", "threads")

#: Asks for the pages in turn, and prints counts and microseconds as one line of JSON at the end.
_SCRIPT = """
local requests, at = {}, 0
function init(arguments)
  for line in io.lines(arguments[1]) do
    local path, tag = line:match("^(%S+)\\t(.*)$")
    local headers = {Host = wrk.headers["Host"], ["Accept-Encoding"] = "gzip"}
    if tag ~= "" then headers["If-None-Match"] = tag end
    requests[#requests + 1] = wrk.format("GET", path, headers)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %d, "duration": %d, "p50": %d, "p99": %d, "failed": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Page:
    """What is asked for, and the status that must answer it."""

    path: str
    status: int = 200
    #: Sent as `If-None-Match`; empty sends none.
    etag: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the request: browsers read what is packed."""
        known = {"If-None-Match": self.etag} if self.etag else {}
        return {"Accept-Encoding": "gzip", **known}


@dataclass(frozen=True)
class Throughput:
    """What a server managed."""

    requests: int
    per_second: float
    #: Milliseconds.
    p50: float
    p99: float
    #: Requests that were answered with an error, too late, or not at all.
    failed: int


def available() -> str:
    """The better generator that this machine has."""
    return "wrk" if shutil.which("wrk") else "threads"


def check(port: int, pages: list[Page]) -> list[str]:
    """Ask for each page once; the entity tag of each.

    Raises:
        RuntimeError: one is answered with another status.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        return [_get(connection, page) for page in pages]
    finally:
        connection.close()


def _get(connection: http.client.HTTPConnection, page: Page) -> str:
    """Ask for one page; its entity tag."""
    connection.request("GET", page.path, headers=page.headers)
    response = connection.getresponse()
    response.read()
    if response.status != page.status:
        raise RuntimeError(f"{page.path} answered {response.status} instead of {page.status}")
    return response.headers.get("ETag", "")


def run(generator: str, port: int, pages: list[Page], seconds: int, connections: int) -> Throughput:
    """Ask for pages in turn, as fast as the server answers.

    Args:
        generator: one of `GENERATORS`.
        port: of the server.
        pages: that are asked for.
        seconds: how long.
        connections: kept open at the same time.

    Raises:
        RuntimeError: nothing was answered.
    """
    result = (_wrk if generator == "wrk" else _threads)(port, pages, seconds, connections)
    if not result.per_second:
        raise RuntimeError(f"the server at port {port} answers nothing")
    return result


def _wrk(port: int, pages: list[Page], seconds: int, connections: int) -> Throughput:
    """Let `wrk` ask; it needs one thread, so that the server has the most of the machine."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        script, listed = Path(name) / "pages.lua", Path(name) / "pages.tsv"
        script.write_text(_SCRIPT, encoding="utf-8")
        listed.write_text("".join(f"{page.path}\t{page.etag}\n" for page in pages), encoding="utf-8")
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), f"http://{HOST}:{port}/"]
        ended = subprocess.run(
            [*command, "--", str(listed)], capture_output=True, text=True, check=False, timeout=seconds + 30
        )
    if ended.returncode:
        raise RuntimeError(f"wrk failed: {ended.stderr or ended.stdout}")
    counted = json.loads(ended.stdout.splitlines()[-1])
    rate = 1_000_000 * counted["requests"] / counted["duration"]
    return Throughput(counted["requests"], rate, counted["p50"] / 1000, counted["p99"] / 1000, counted["failed"])


@dataclass(eq=False)
class _Client(threading.Thread):
    """One connection that asks until the time is over.

    Milliseconds of each request are in `taken`.
    """

    port: int
    pages: list[Page]
    first: int
    until: float
    #: How many requests at most; None until the time is over.
    most: int | None = None
    taken: list[float] = field(default_factory=list)
    failed: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        """Ask for one page after the other."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        for number in itertools.islice(itertools.count(self.first), self.most):
            start = time.perf_counter()
            if start >= self.until:
                break
            try:
                _get(connection, self.pages[number % len(self.pages)])
            except RuntimeError:
                self.failed += 1
            except (OSError, http.client.HTTPException):
                self.failed += 1
                connection.close()  # The next request opens it again.
                continue
            self.taken.append(1000 * (time.perf_counter() - start))
        connection.close()


def once(port: int, pages: list[Page], connections: int) -> Throughput:
    """Ask for each page once, as fast as the server answers; threads ask, whatever else is installed.

    Args:
        port: of the server.
        pages: that are asked for.
        connections: kept open at the same time.
    """
    shares = [share for number in range(connections) if (share := pages[number::connections])]
    return _asked([_Client(port, share, 0, float("inf"), len(share)) for share in shares])


def _threads(port: int, pages: list[Page], seconds: int, connections: int) -> Throughput:
    """Let threads of this process ask."""
    until, step = time.perf_counter() + seconds, max(1, len(pages) // connections)
    return _asked([_Client(port, pages, number * step, until) for number in range(connections)])


def _asked(clients: list[_Client]) -> Throughput:
    """Let clients ask, and wait until all are through."""
    start = time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    elapsed = time.perf_counter() - start
    taken = [each for client in clients for each in client.taken]
    failed = sum(client.failed for client in clients)
    if not taken:
        return Throughput(0, 0.0, 0.0, 0.0, failed)
    return Throughput(len(taken), len(taken) / elapsed, percentile(taken, 0.5), percentile(taken, 0.99), failed)
