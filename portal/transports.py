"""The ways by which mails leave: a mail server, a folder, or the screen."""

import mailbox
import re
import smtplib
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from portal.mail import Refused, Transport, Unavailable, one_line, wire_address

#: How long a mail server may take for one answer, in seconds; a whole mail may take three times as long.
TIMEOUT = 20.0
#: Default ports by the scheme of a mail server's address.
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


def transport(url: str, folder: Path, timeout: float = TIMEOUT) -> Transport:
    """The way of a setting.

    Args:
        url: `smtp://[USER:PASSWORD@]HOST[:PORT]`, `smtps://…`, `smtp+starttls://…`, `console:`, or empty for a folder.
        folder: where mails go when there is no server, as a Maildir.
        timeout: how long a server may take for one answer, in seconds.
    """
    if url == "console:":
        return ConsoleTransport()
    return SmtpTransport(url, timeout) if url else FolderTransport(folder)


class FolderTransport:
    """Puts mails into a Maildir, which most mail programs can read.

    Args:
        folder: made when the first mail comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Write one mail, on the disk when this returns; see `Transport.send`."""
        wire_address(recipient)
        content = message.as_bytes(policy=message.policy.clone(linesep="\n"))
        try:
            for name in ("cur", "new", "tmp"):
                (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            mailbox.Maildir(self._folder, create=False).add(content)
        except (OSError, mailbox.Error) as error:
            raise Unavailable(f"the mail folder cannot be written: {type(error).__name__}") from error

    def forget(self, before: float, recipient: str = "") -> int:
        """Delete mails, which may hold private links.

        Args:
            before: seconds since 1970; those written earlier go.
            recipient: also all those to this address.

        Returns:
            How many.
        """
        gone = 0
        for path in [path for part in ("new", "cur") for path in (self._folder / part).glob("*")]:
            try:
                with path.open("rb") as file:
                    to = str(BytesHeaderParser(policy=default).parse(file)["To"] or "").casefold() if recipient else ""
                if path.stat().st_mtime < before or (recipient and recipient.casefold() in to):
                    path.unlink()
                    gone += 1
            except OSError:
                continue  # Somebody has read it away.
        return gone

    def close(self) -> None:
        """Nothing is open."""


class ConsoleTransport:
    """Prints mails, for trying things out."""

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Print one mail as its reader sees it; see `Transport.send`."""
        read = message_from_bytes(message.as_bytes(), policy=default)
        body = read.get_body(("plain",))
        text = body.get_content().rstrip() if body else ""
        head = (f"To: {wire_address(recipient)}", f"Subject: {read['Subject']}", f"Message-ID: {message['Message-ID']}")
        try:
            sys.stdout.write("\n".join((*head, "", text, "-" * 72, "")))
            sys.stdout.flush()
        except (OSError, ValueError) as error:
            raise Unavailable("standard output cannot be written") from error

    def close(self) -> None:
        """Nothing is open."""


class SmtpTransport:
    """Hands mails to a mail server, over one connection for as long as mails follow each other.

    Args:
        url: see `transport`.
        timeout: how long the server may take for one answer, in seconds.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        self._scheme = parts.scheme
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._timeout = timeout
        self._connection: smtplib.SMTP | None = None
        self._sending = threading.Lock()

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Hand over one mail; see `Transport.send`."""
        recipient = wire_address(recipient)
        sender = str(message["From"]).rpartition("<")[2].rstrip(">")
        content = message.as_bytes()
        with self._sending:
            try:
                connection = self._ready()
                with _limited(connection, 3 * self._timeout):
                    connection.sendmail(sender, [recipient], content)
            except smtplib.SMTPRecipientsRefused as error:
                code, words = next(iter(error.recipients.values()))
                raise Refused(_said(code, words, recipient), 500 <= code < 600) from None
            except smtplib.SMTPDataError as error:
                raise Refused(
                    _said(error.smtp_code, error.smtp_error, recipient), 500 <= error.smtp_code < 600
                ) from None
            except smtplib.SMTPResponseException as error:
                # What is wrong with the sender or the password is the operator's to mend; the mails wait for it.
                self._drop()
                raise Unavailable(_said(error.smtp_code, error.smtp_error, recipient)) from None
            except (smtplib.SMTPException, OSError, ValueError) as error:
                self._drop()
                raise Unavailable(f"the mail server does not answer as it should: {_reason(error)}") from None

    def close(self) -> None:
        """Take leave of the server."""
        with self._sending:
            if self._connection is not None:
                try:
                    with _limited(self._connection, self._timeout):
                        self._connection.quit()
                except (smtplib.SMTPException, OSError, ValueError):
                    pass  # Everything that it took, it has acknowledged.
                self._drop()

    def _ready(self) -> smtplib.SMTP:
        """A connection on which the server answers."""
        if self._connection is not None:
            try:
                with _limited(self._connection, self._timeout):
                    if self._connection.noop()[0] == 250:
                        return self._connection
            except (smtplib.SMTPException, OSError, ValueError):
                pass
            self._drop()
        trusted = ssl.create_default_context()
        if self._scheme == "smtps":
            made: smtplib.SMTP = _Smtps(self._host, self._port, timeout=self._timeout, context=trusted)
        else:
            made = _Smtp(self._host, self._port, timeout=self._timeout)
        self._connection = made
        with _limited(made, 3 * self._timeout):
            if self._scheme == "smtp+starttls":
                made.starttls(context=trusted)
            if self._user:
                made.login(self._user, self._password)
        return made

    def _drop(self) -> None:
        """Let the connection go without a word."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def _limited(connection: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Cut a connection after so long, also where the server drips: its own timeout is for each piece alone."""

    def cut() -> None:
        with suppress(OSError, AttributeError):
            # Below TLS: its own way of closing would wait for the server.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)  # type: ignore[arg-type]  # None once closed.

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Smtp(smtplib.SMTP):
    """A connection whose first words are bounded in time too."""

    def connect(self, *arguments: Any, **options: Any) -> tuple[int, bytes]:
        """Open it."""
        with _limited(self, 3 * self.timeout):
            return super().connect(*arguments, **options)


class _Smtps(smtplib.SMTP_SSL):
    """The same over TLS."""

    def connect(self, *arguments: Any, **options: Any) -> tuple[int, bytes]:
        """Open it."""
        with _limited(self, 3 * self.timeout):
            return super().connect(*arguments, **options)


def _said(code: int, words: bytes | str, recipient: str) -> str:
    """What a server said, as one line without the recipient's address."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    text = re.sub(re.escape(recipient), "[e-mail]", text, flags=re.IGNORECASE)
    return one_line(f"{code} {text}", 300)


def _reason(error: Exception) -> str:
    """What went wrong with a connection, without anything that a server said."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
