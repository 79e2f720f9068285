"""What the tests of webhooks share: receivers that are real servers and misbehave, webhooks that lead there, and the log."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from portal.announcements import About
from portal.storage import Database, announcing
from portal.storage import webhooks as store
from portal.storage.webhooks import Delivery, Webhook
from portal.webhooks.delivering import Dispatch, Told
from portal.webhooks.managing import Webhooks
from portal.webhooks.targets import Rules
from tests.builders import NOW

SECRET = b"i" * 32
HERE = Rules(("127.0.0.1", ".receiver.example"))


class Receiver:
    """A receiver in threads of its own, on a port of its own.

    Args:
        answers: what it does at the first, second … call; then it takes everything. A number is a status; `drop`
            closes the connection, `hang` says nothing, `drip` sends a byte now and then, `rubbish` speaks no HTTP.
        tls: with this certificate.
    """

    def __init__(self, *answers: int | str, tls: ssl.SSLContext | None = None, path: str = "/hook") -> None:
        self.answers = list(answers)
        #: Headers and bodies, in order.
        self.calls: list[tuple[dict[str, str], bytes]] = []
        #: Called before an answer.
        self.before: Callable[[], None] = lambda: None
        self.ending = threading.Event()
        self._path = path
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._tls = tls
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}{self._path}"

    @property
    def said(self) -> list[dict[str, Any]]:
        """What it was told."""
        return [json.loads(body) for _, body in self.calls]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    """What answers the calls of a receiver."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.calls.append((dict(self.headers.items()), body))
            receiver.before()
            answer = receiver.answers.pop(0) if receiver.answers else 204
            if isinstance(answer, int):
                self._say(answer)
                return
            self.close_connection = True
            if answer == "hang":
                receiver.ending.wait(60)
            elif answer == "rubbish":
                self.wfile.write(b"SSH-2.0-OpenSSH\r\n")
            while answer == "drip" and not receiver.ending.wait(0.02):
                try:
                    self.wfile.write(b"H")
                except OSError:
                    return
            self.connection.shutdown(socket.SHUT_RDWR)

        def _say(self, status: int) -> None:
            """Answer properly."""
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", receiver.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def managing(database: Database, rules: Rules = HERE) -> Webhooks:
    """The administration of a database's webhooks."""
    return Webhooks(database, SECRET, rules)


def hook(
    database: Database, url: str = "https://a.receiver.example/", events: Iterable[About] = About, **changes: Any
) -> Webhook:
    """A stored webhook; it wants everything unless given."""
    made = Webhook(0, **{"name": "Statistics", "url": url, "events": frozenset(events), **changes})
    return managing(database).add(None, made, NOW)


def dispatch(
    database: Database, rules: Rules = HERE, whole: float = 20.0, trust: ssl.SSLContext | None = None
) -> Dispatch:
    """What tells the receivers of a database."""
    made = Dispatch(database, SECRET, "https://help.example.org", rules, trust=trust)
    made.whole = whole
    return made


def deliver(dispatcher: Dispatch, now: datetime) -> Told:
    """Tell everybody at a time."""
    return dispatcher.deliver(lambda: now, patience=60)


def happen(database: Database, *keys: str, about: About = About.GAP_OPENED, language: str = "en") -> None:
    """Announce something for each key."""
    with database.write() as connection:
        for key in keys:
            announcing.announce(connection, about, key, language, {"ticket": {"number": key, "url": "/x"}}, NOW)


def log(database: Database) -> list[Delivery]:
    """All deliveries, oldest first."""
    with database.read() as connection:
        return store.newest(connection, limit=1000)[::-1]


def events(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """What was announced, oldest first: the event and its data."""
    return [(each.event, json.loads(each.payload)["data"]) for each in log(database)]


def after(**span: float) -> datetime:
    """Some time after the beginning."""
    return NOW + timedelta(**span)
