"""The end of a server that was asked to end: who has come is answered, and who comes now is refused, never cut off."""

import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from portal import draining
from tests.serving import Server

pytestmark = pytest.mark.reads


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(10)
        yield made


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux filters packets of a socket")
def test_who_had_come_is_let_in_and_nobody_else_begins(listener: socket.socket) -> None:
    """Connections that wait and that are open go on; of further ones the beginning is not even answered."""
    address = listener.getsockname()
    with socket.create_connection(address) as waiting, socket.create_connection(address) as early:
        opened = listener.accept()[0]

        draining._let_nobody_begin(listener)

        with pytest.raises(TimeoutError), socket.create_connection(address, timeout=0.3):
            pass
        accepted = listener.accept()[0]
        for client, server in ((waiting, opened), (early, accepted)):
            client.sendall(b"a")
            assert server.recv(1) == b"a"
            server.sendall(b"b")
            assert client.recv(1) == b"b"
            server.close()


@pytest.mark.server
def test_an_end_cuts_nobody_off(serve: Callable[..., Server]) -> None:
    """Whoever got a connection gets an answer; who comes later gets none, and can go to another machine."""
    server = serve().start()
    over, told = threading.Event(), Counter[str]()

    def ask() -> None:
        while not over.is_set():
            told[_fate(server.port)] += 1

    clients = [threading.Thread(target=ask) for _ in range(8)]
    for client in clients:
        client.start()
    time.sleep(0.5)
    server.signal(signal.SIGTERM)
    code = server.wait()
    over.set()
    for client in clients:
        client.join()

    assert code == 0
    assert told["answered"] > 20
    assert set(told) <= {"answered", "refused"}


def _fate(port: int) -> str:
    """What becomes of one request over a connection of its own."""
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    except ConnectionRefusedError:
        time.sleep(0.01)
        return "refused"
    with connection:
        try:
            connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return "answered" if b" 200 " in connection.recv(100) else "nothing"
        except ConnectionError as error:
            return type(error).__name__
