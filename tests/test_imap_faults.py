"""IMAP servers that are none: absent, silent, babbling, dripping, or not who they say; each ends in time."""

import socket
import socketserver
import threading
from contextlib import suppress
from typing import Any

import pytest

from portal.imap import Mailbox
from portal.mail import Unavailable
from tests.serving import free_port

LARGEST = 100_000


def test_a_server_that_is_not_there_is_asked_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time twice as late; once it answers, as before."""
    moments = [0.0]
    monkeypatch.setattr("portal.imap.time.monotonic", lambda: moments[0])
    mailbox = Mailbox(f"imap://a:b@127.0.0.1:{free_port()}/INBOX", LARGEST, every=30)
    tried = []
    for second in range(0, 400, 10):
        moments[0] = float(second)
        try:
            mailbox.poll_if_due(lambda _: None)
        except Unavailable as error:
            tried.append(second)
            assert "refused" in str(error)  # noqa: PT017 - several are awaited

    assert tried == [0, 60, 180]


class _Bad(socketserver.BaseRequestHandler):
    """A server that says what it is told to."""

    def handle(self) -> None:
        """Speak, and be silent."""
        self.request.sendall(self.server.words)  # type: ignore[attr-defined]
        self.request.settimeout(5)
        try:
            while self.request.recv(1000):
                pass
        except OSError:
            pass


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"* OK hello\r\n",
        b"220 smtp.example.org\r\n",
        b"* BYE too many\r\n",
        b"* OK \xff\xfe\r\n* {99999999}\r\n",
        b"\0" * 100,
    ],
    ids=["silence", "hello", "smtp", "bye", "garbage", "nul"],
)
def test_servers_that_are_none(words: bytes) -> None:
    """Whatever answers, it ends in time, in one way."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Bad) as bad:
        bad.daemon_threads = True
        bad.words = words  # type: ignore[attr-defined]
        threading.Thread(target=bad.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        mailbox = Mailbox(f"imap://a:b@127.0.0.1:{bad.server_address[1]}/INBOX", LARGEST, timeout=0.3)

        with pytest.raises(Unavailable):
            mailbox.poll(lambda _: None)
        bad.shutdown()


def test_a_server_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its single answers come in time, and the whole never ends."""
    monkeypatch.setattr("portal.imap.LONGEST", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))
    ending = threading.Event()

    def drip() -> None:
        connection, _address = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"* OK hello\r\n")
            while not ending.wait(0.05):
                connection.sendall(b"* ")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    with pytest.raises(Unavailable):
        Mailbox(f"imap://a:b@127.0.0.1:{listener.getsockname()[1]}/INBOX", LARGEST, timeout=5).poll(lambda _: None)
    ending.set()
    thread.join(60)
    listener.close()

    assert not thread.is_alive()


def test_certificates_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `imaps://`, a server that cannot prove its name is none."""
    seen: list[Any] = []

    def refuse(*_: Any, ssl_context: Any, **__: Any) -> None:
        seen.append(ssl_context)
        raise OSError(111, "Connection refused")

    monkeypatch.setattr("portal.imap._Encrypted", refuse)
    with pytest.raises(Unavailable):
        Mailbox("imaps://a:b@mail.example.org/INBOX", LARGEST).poll(lambda _: None)

    assert seen[0].check_hostname
    assert seen[0].verify_mode.name == "CERT_REQUIRED"
