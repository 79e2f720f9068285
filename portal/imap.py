"""A mailbox on an IMAP server: what has not been read is handed over, and marked as read only then."""

import binascii
import imaplib
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from portal.faults import reason
from portal.mail import Unavailable

log = logging.getLogger(__name__)

#: How long the server may take for one answer, a pass may go on beginning mails, and a pass may take at all; seconds.
TIMEOUT, LONGEST_PASS, LONGEST = 20.0, 20.0, 120.0
#: Longest pause after the server did not answer, in seconds.
LONGEST_PAUSE = 600.0
#: Mails of one pass that cannot be taken; then something else is wrong, and the others wait.
FAILURES = 3
_PORTS = {"imap": 143, "imaps": 993}


@dataclass(frozen=True)
class Polled:
    """What came of one pass."""

    taken: int = 0
    #: Stay unread, and are tried again after all others.
    failed: int = 0
    #: Whether the mailbox was looked into.
    is_due: bool = True


class Mailbox:
    """One folder of a mailbox.

    Args:
        url: `imaps://USER:PASSWORD@HOST[:PORT]/FOLDER`, or `imap://…` without encryption.
        largest: bytes of a mail that is read; of a larger one no more than one byte beyond is fetched.
        every: seconds between two passes.
        timeout: how long the server may take for one answer, in seconds.
    """

    def __init__(self, url: str, largest: int, every: float = 30.0, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        self._is_encrypted = parts.scheme == "imaps"
        self._host, self._port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._folder = unquote(parts.path.strip("/")) or "INBOX"
        self._largest = largest
        self._every = self._pause = every
        self._timeout = timeout
        self._due = float("-inf")
        #: Mails that could not be taken, by the server's number.
        self._failed: set[bytes] = set()

    def poll_if_due(self, take: Callable[[bytes], object]) -> Polled:
        """Do a pass if the last one is long enough ago; after a server that did not answer it is put off for longer.

        Raises:
            Unavailable: see `poll`.
        """
        if time.monotonic() < self._due:
            return Polled(is_due=False)
        try:
            polled = self.poll(take)
        except Unavailable:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            raise
        else:
            self._pause = self._every
            return polled
        finally:
            self._due = time.monotonic() + self._pause

    def poll(self, take: Callable[[bytes], object], limit: int = 100) -> Polled:
        """Hand over the mails that are unread and not flagged, each before it is marked as read.

        A process that dies in between leaves the mail unread, and it is handed over again.

        Args:
            take: is given a mail; what it raises leaves the mail unread.
            limit: how many mails at most.

        Raises:
            Unavailable: the server does not answer as it should, or does not let us in.
        """
        try:
            with self._open() as connection:
                return self._pass(connection, take, limit)
        except imaplib.IMAP4.error as error:
            raise Unavailable(f"the mailbox cannot be read: {_words(error)}") from None
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise Unavailable(f"the mailbox does not answer: {said}") from None

    def _pass(self, connection: imaplib.IMAP4, take: Callable[[bytes], object], limit: int) -> Polled:
        """Hand over what is new, and then again what could not be taken."""
        started = time.monotonic()
        _kind, data = _done(connection.uid("SEARCH", "UNSEEN UNFLAGGED UNDELETED"))
        numbers = b" ".join(line for line in data if isinstance(line, bytes)).split()
        self._failed &= set(numbers)
        taken = failed = 0
        for number in sorted(numbers, key=lambda number: (number in self._failed, int(number)))[:limit]:
            if failed >= FAILURES or time.monotonic() - started > LONGEST_PASS:
                break
            content = self._fetch(connection, number)
            if content is None:
                continue
            try:
                take(content)
            except Exception as error:  # One mail must not keep the others; it stays where it is.
                if number not in self._failed:  # Every pass tries it again.
                    log.error("a mail could not be taken from the mailbox: %s", reason(error))
                self._failed.add(number)
                failed += 1
                continue
            _done(connection.uid("STORE", number.decode(), "+FLAGS.SILENT", r"(\Seen)"))
            self._failed.discard(number)
            taken += 1
        return Polled(taken, failed)

    def _fetch(self, connection: imaplib.IMAP4, number: bytes) -> bytes | None:
        """A mail without marking it, and no more of it than is read; None where it is gone."""
        _kind, data = _done(connection.uid("FETCH", number.decode(), f"(BODY.PEEK[]<0.{self._largest + 1}>)"))
        return next((part[1] for part in data if isinstance(part, tuple) and isinstance(part[1], bytes)), None)

    @contextmanager
    def _open(self) -> Iterator[imaplib.IMAP4]:
        """A connection with the folder selected."""
        if self._is_encrypted:
            trusted = ssl.create_default_context()
            made: imaplib.IMAP4 = _Encrypted(self._host, self._port, ssl_context=trusted, timeout=self._timeout)
        else:
            made = _Plain(self._host, self._port, timeout=self._timeout)
        try:
            made.login(self._user, self._password)
            _done(made.select(f'"{_encoded(self._folder)}"'))
            yield made
        finally:
            with suppress(imaplib.IMAP4.error, OSError):
                made.logout()
            made.shutdown()


class _Limited(imaplib.IMAP4):
    """A connection that ends after a while, also where the server drips: the timeout is for each piece alone."""

    _timer: threading.Timer | None = None

    def open(self, *arguments: Any, **options: Any) -> None:
        """Begin, and the time with it."""
        super().open(*arguments, **options)
        self._timer = threading.Timer(LONGEST, _cut, (self,))
        self._timer.daemon = True
        self._timer.start()

    def shutdown(self) -> None:
        """End, however often."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            super().shutdown()


class _Plain(_Limited):
    """A connection that anybody can read."""


class _Encrypted(_Limited, imaplib.IMAP4_SSL):
    """A connection over TLS."""


def _cut(connection: imaplib.IMAP4) -> None:
    """End a connection without a word, below TLS: its own way of closing would wait for the server."""
    with suppress(OSError, AttributeError):
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _done(answer: tuple[str, Sequence[object]]) -> tuple[str, Sequence[object]]:
    """The server's answer to a command that it has done.

    Raises:
        IMAP4.error: it has not.
    """
    if answer[0] != "OK":
        raise imaplib.IMAP4.error("the server refuses a command")
    return answer


def _words(error: imaplib.IMAP4.error) -> str:
    """What a server's refusal is about (RFC 5530), without its own words."""
    found = re.search(r"\[([A-Z-]{3,40})", str(error))
    return found[1].lower() if found else "it refuses a command or the connection ended"


def _encoded(folder: str) -> str:
    """A folder's name as IMAP writes it (RFC 3501, section 5.1.3), for a quoted string."""

    def shifted(found: re.Match[str]) -> str:
        if found[0] == "&":
            return "&-"
        words = binascii.b2a_base64(found[0].encode("utf-16-be"), newline=False).decode()
        return "&" + words.rstrip("=").replace("/", ",") + "-"

    name = re.sub(r"&|[^\x20-\x7e]+", shifted, folder)
    return name.replace("\\", "\\\\").replace('"', '\\"')
