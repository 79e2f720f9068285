"""The real server against clients that no browser is: slow in every way, ambiguous, and curious."""

import contextlib
import http.client
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.builders import write_library
from tests.serving import Server
from tests.test_headers import ALWAYS, TELLING

pytestmark = [pytest.mark.server, pytest.mark.reads]
#: The threads of the server, all of which attackers try to hold.
THREADS = 2
#: How long a thread may be held by somebody who does nothing, in seconds, and a good deal for a busy machine.
HELD = 45
IMAGE = 24 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One process with two threads, and a large image."""
    folder = tmp_path_factory.mktemp("security")
    articles = write_library(folder / "articles")
    (articles / "images").mkdir()
    with (articles / "images" / "large.png").open("wb") as image:
        image.truncate(IMAGE)
    made = Server(folder / "var", articles, PORTAL_WORKERS="1", PORTAL_THREADS=str(THREADS)).start()
    yield made
    made.kill()


def connect(server: Server) -> socket.socket:
    """A client."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=HELD)


def raw(server: Server, sent: bytes) -> bytes:
    """Everything that comes back until the server closes the connection or has nothing more to say."""
    with connect(server) as client:
        client.settimeout(HELD)
        client.sendall(sent)
        found = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while chunk := client.recv(65536):
                found += chunk
        return found


def statuses(answer: bytes) -> list[int]:
    """The status of each answer in what came back."""
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def served(server: Server) -> bool:
    """Whether somebody else is served, in time."""
    end = time.monotonic() + HELD
    while time.monotonic() < end:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if server.get("/healthz")[0] == 200:
                return True
    return False


def half_a_head(client: socket.socket) -> None:
    client.sendall(b"GET /en/ HTTP/1.1\r\nHost: localhost\r\nX-A: ")


def half_a_body(client: socket.socket) -> None:
    client.sendall(b"POST /en/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                   b"Content-Length: 500000\r\n\r\na=")  # fmt: skip


def half_a_chunk(client: socket.socket) -> None:
    client.sendall(b"POST /api/v1/requests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\nffff\r\n{")  # fmt: skip


def reads_nothing(client: socket.socket) -> None:
    client.sendall(b"GET /images/large.png HTTP/1.1\r\nHost: localhost\r\n\r\n")


@pytest.mark.parametrize(
    "attack", [half_a_head, half_a_body, half_a_chunk, reads_nothing], ids=lambda each: each.__name__
)
def test_the_slow_keep_nobody_waiting(attack: Callable[[socket.socket], None], server: Server) -> None:
    """More than there are threads send half of something, or read nothing of a large answer."""
    with contextlib.ExitStack() as open_sockets:
        for _ in range(THREADS + 1):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(HELD)
            open_sockets.enter_context(client)
            client.connect(("127.0.0.1", server.port))
            attack(client)

        assert served(server)
    assert "Traceback" not in server.log.read_text()


HEAD = b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HIDDEN = b"GET /en/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 5 5\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b" Transfer-Encoding: chunked\r\n",
        b"X: a\r\n\tTransfer-Encoding: chunked\r\n",
        b"X: a\nTransfer-Encoding: chunked\r\n",
        b"X: a\x00b\r\n",
        b"X\x00: a\r\n",
        b"X(: a\r\n",
    ],
)
def test_a_request_has_one_length(fields: bytes, server: Server) -> None:
    """Whatever two servers could read differently is refused, and what follows it is no request of its own."""
    answer = raw(server, HEAD + fields + b"\r\n0\r\n\r\n" + HIDDEN)

    assert len(statuses(answer)) <= 1
    assert statuses(answer) in ([400], [501], [])
    assert b"/en/hidden" not in answer


@pytest.mark.parametrize(
    "line",
    [
        b"GET /en/ HTTP/9.9",
        b"GET  /en/ HTTP/1.1",
        b"GET /en/",
        b"G\x00T /en/ HTTP/1.1",
        b"GET /en/ HTTP/1.1 x",
        b"\x16\x03\x01\x02",
    ],
)
def test_what_is_no_request_is_refused(line: bytes, server: Server) -> None:
    """With the headers of every other answer, and nothing about what runs here."""
    answer = raw(server, line + b"\r\nHost: localhost\r\n\r\n")
    head = answer.partition(b"\r\n\r\n")[0].decode()

    assert statuses(answer) in ([400], [505])
    for name, value in ALWAYS.items():
        assert f"{name}: {value}" in head
    assert "Server:" not in head
    assert not [word for word in TELLING if word in answer.decode("utf-8", "replace").lower()]


@pytest.mark.parametrize(("sent", "status"), [
    (b"GET /en/?q=" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    (b"GET /en/ HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(120)) + b"\r\n", 431),
    (b"GET /en/ HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
], ids=["address", "headers", "header"])  # fmt: skip
def test_what_is_too_long_is_refused(sent: bytes, status: int, server: Server) -> None:
    """With the headers of every other answer."""
    answer = raw(server, sent)
    head = answer.partition(b"\r\n\r\n")[0].decode()

    assert statuses(answer) == [status]
    assert "Cache-Control: no-store" in head
    for name, value in ALWAYS.items():
        assert f"{name}: {value}" in head


def test_the_server_says_nothing_of_itself(server: Server) -> None:
    """Neither in its headers nor in its pages, also for what it does itself."""
    for method, path in (("GET", "/en/"), ("HEAD", "/en/"), ("GET", "/en/none"), ("TRACE", "/en/"), ("GET", "/static/portal.css"),
                         ("GET", "/api/v1/none"), ("OPTIONS", "/en/"), ("CONNECT", "/en/")):  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=HELD)
        connection.request(method, path, headers={"X-Secret": "echo-me"})
        answered = connection.getresponse()
        body = answered.read().decode()
        connection.close()
        told = " ".join(
            f"{name}: {value}" for name, value in answered.getheaders() if name not in {"ETag", "X-Request-Id"}
        )
        assert answered.getheader("Server") == "portal"
        assert not [word for word in TELLING if word in told.lower()]
        assert "echo-me" not in body
        assert answered.getheader("X-Content-Type-Options") == "nosniff"


def test_no_second_host(server: Server) -> None:
    """An address in the request line, a host that comes twice, and none at all."""
    for sent in (
        b"GET http://evil.example/en/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /en/ HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /en/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET //evil.example/en/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ):
        assert b"evil.example" not in raw(server, sent.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
