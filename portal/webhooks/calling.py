"""One call of a receiver: to the address that was checked, within a time, without redirects, and only its status is kept.

With the standard library: clients that pool, follow and read proxies from the environment have to be kept from all of
that, and none lets a name be checked against a certificate while the connection goes to an address that was looked up before.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus

from portal.errors import PortalError
from portal.webhooks.targets import Target

#: How long a connection may take, and the whole call, in seconds.
CONNECT, WHOLE = 5.0, 15.0
#: So much of an answer is read, in bytes.
MOST_READ = 64 * 1024
#: Addresses of a host that are tried.
_MOST_TRIED = 3


class Unreachable(PortalError):
    """No answer came; the message says why."""


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Whom the system trusts; read once."""
    return ssl.create_default_context()


class _Connection(http.client.HTTPConnection):
    """A connection to one address, in the name of another host."""

    def __init__(self, target: Target, address: str, deadline: float, trust: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port)
        self._target = target
        self._address = address
        self._deadline = deadline
        self._trust = trust

    def connect(self) -> None:
        """Connect to the address; the certificate is the name's."""
        patience = min(CONNECT, max(self._deadline - time.monotonic(), 0.001))
        self.sock = socket.create_connection((self._address, self._target.port), patience)
        self.sock.settimeout(max(self._deadline - time.monotonic(), 0.001))
        if self._target.is_secure:
            self.sock = self._trust.wrap_socket(self.sock, server_hostname=self._target.host)


def post(
    target: Target,
    addresses: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    whole: float = WHOLE,
    trust: ssl.SSLContext | None = None,
) -> int:
    """Send a message; the HTTP status of the answer.

    Args:
        target: which host and path.
        addresses: of that host, checked; tried in this order.
        headers: besides those of HTTP itself.
        body: JSON.
        whole: how long all of it may take, in seconds.
        trust: whose certificates are believed; the system's when None.

    Raises:
        Unreachable: nobody answered, or not with HTTP.
    """
    deadline = time.monotonic() + whole
    trust = trust or _trust()
    fault = "nobody answers"
    for address in addresses[:_MOST_TRIED]:
        connection = _Connection(target, address, deadline, trust)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            fault = _why(error, deadline)
            continue
        return _exchange(connection, target, headers, body, deadline)
    raise Unreachable(fault)


def _exchange(connection: _Connection, target: Target, headers: Mapping[str, str], body: bytes, deadline: float) -> int:
    """Send a message on a connection; the status of the answer."""
    # A time limit of a socket begins anew with every byte; this one does not.
    watchdog = threading.Timer(max(deadline - time.monotonic(), 0.001), _cut, (connection.sock,))
    watchdog.daemon = True
    watchdog.start()
    try:
        fields = {"Host": target.authority, "Connection": "close", "Content-Length": str(len(body)), **headers}
        connection.putrequest("POST", target.path, skip_host=True, skip_accept_encoding=True)
        for name, value in fields.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(_why(error, deadline)) from None
    else:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            answer.read(MOST_READ)  # Who is still sending when the connection is closed may take it for a failure.
        return answer.status
    finally:
        watchdog.cancel()
        connection.close()


def _cut(sock: socket.socket) -> None:
    """End a connection whose time is over, whoever waits on it."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _why(error: Exception, deadline: float) -> str:
    """What went wrong, in words that say nothing that the other side has chosen."""
    if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS"
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    if isinstance(error, ConnectionError | http.client.RemoteDisconnected):
        return "it closed the connection"
    if isinstance(error, http.client.HTTPException):
        return "it does not answer with HTTP"
    return (getattr(error, "strerror", None) or type(error).__name__)[:200]


def phrase(status: int) -> str:
    """What a status says, for people who read logs."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
