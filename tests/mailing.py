"""A real mail server for tests, which misbehaves towards chosen recipients."""

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from portal.mail import Mail
from tests.serving import free_port

#: The address that mails come from.
SENDER = "support@example.org"
#: Faults by name: at which step they happen, and what the server answers; None closes the connection.
FAULTS: Mapping[str, tuple[str, str | None]] = {
    "refuse": ("RCPT", "550 5.1.1 <{recipient}> is not known here"),
    "greylist": ("RCPT", "451 4.7.1 Greylisted, try again later"),
    "die": ("RCPT", None),
    "full": ("DATA", "452 4.3.1 Disk full"),
    "spam": ("DATA", "554 5.7.1 This looks like spam"),
    "drop": ("DATA", None),
    "late": ("RCPT", "late"),
    "lose": ("ACK", None),
}


class MailServer:
    """A mail server in a thread of its own, on a port of its own.

    Args:
        faults: by recipient, what happens at their first, second … attempt; after these everything is taken.
        options: of aiosmtpd's SMTP.
    """

    def __init__(self, faults: Mapping[str, Sequence[str]] | None = None, **options: Any) -> None:
        self.port = free_port()
        #: What was taken, in order: recipient and content.
        self.taken: list[tuple[str, bytes]] = []
        self.attempts: Counter[str] = Counter()
        self.connections = 0
        #: Called with the step and the recipient before an answer.
        self.before: Callable[[str, str], None] = lambda step, recipient: None
        self._faults = faults or {}
        self._options = {"enable_SMTPUTF8": False, **options}
        self._controller: Controller | None = None
        self._ending = threading.Event()

    @property
    def url(self) -> str:
        """Its address."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def messages(self) -> list[EmailMessage]:
        """What was taken, parsed."""
        parsed = [message_from_bytes(content, policy=default) for _, content in self.taken]
        assert all(isinstance(message, EmailMessage) for message in parsed)
        return parsed

    @property
    def ids(self) -> list[str]:
        """The message ids of what was taken."""
        return [str(message["Message-ID"]) for message in self.messages]

    def start(self) -> Self:
        """Begin to listen, on the same port as before."""
        self._ending.clear()
        self._controller = _Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=60, **self._options)
        self._controller.start()
        return self

    def stop(self) -> None:
        """Stop listening, and drop whoever is connected."""
        self._ending.set()
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def fault(self, recipient: str) -> tuple[str, str | None]:
        """What goes wrong at this attempt."""
        planned = self._faults.get(recipient, ())
        number = self.attempts[recipient]
        return FAULTS[planned[number - 1]] if number <= len(planned) else ("", "")

    async def wait(self) -> None:
        """Do not answer, until the server ends."""
        while not self._ending.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.02)

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Count connections."""
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        self.attempts[address] += 1
        self.before("RCPT", address)
        step, answer = self.fault(address)
        if step == "RCPT" and answer == "late":
            await self.wait()
        elif step == "RCPT" and answer is None:
            _hang_up(server)
        elif step == "RCPT" and answer:
            return answer.format(recipient=address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail, or not."""
        (recipient,) = envelope.rcpt_tos
        step, answer = self.fault(recipient)
        if step == "DATA" and answer is None:
            _hang_up(server)
        elif step == "DATA" and answer:
            return answer
        assert isinstance(envelope.original_content, bytes)
        if step != "DATA":
            self.taken.append((recipient, envelope.original_content))
        self.before("DATA", recipient)
        return "250 OK"


class _Server(SMTP):
    """The protocol, which may lose the connection after it has acknowledged a mail."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """Take the text."""
        envelope = self.envelope
        await super().smtp_DATA(arg)
        recipient = envelope.rcpt_tos[0] if envelope and envelope.rcpt_tos else ""
        if self.event_handler.fault(recipient)[0] == "ACK":
            _hang_up(self)


class _Controller(Controller):
    """Makes a protocol for each connection."""

    def factory(self) -> SMTP:
        """One more."""
        return _Server(self.handler, **self.SMTP_kwargs)


def _hang_up(server: SMTP) -> None:
    """Close a connection without a word."""
    assert server.transport is not None
    server.transport.close()


def with_password(user: bytes, password: bytes) -> Callable[..., AuthResult]:
    """An authenticator of aiosmtpd that knows one user."""

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
        is_right = isinstance(given, LoginPassword) and (given.login, given.password) == (user, password)
        return AuthResult(success=is_right, handled=False)

    return check


def tls_options(context: SSLContext) -> dict[str, Any]:
    """Options of a server that wants STARTTLS."""
    return {"tls_context": context, "require_starttls": True}


def mail(**changes: Any) -> Mail:
    """A mail to Anna, in German."""
    values: dict[str, Any] = {
        "recipient": "anna@example.org",
        "recipient_name": "Anna Kühn",
        "language": "de",
        "subject": "[#42] Ihre Anfrage „Drucker“",
        "text": "Guten Tag Anna Kühn,\n\nIhre Anfrage ist da.\n",
        "html": "<!doctype html><p>Guten Tag Anna Kühn,</p><p>Ihre Anfrage ist da.</p>",
    }
    return Mail(**values | changes)


def header_names(content: bytes) -> list[str]:
    """The names of the headers before the body, as they stand there."""
    head = content.partition(b"\r\n\r\n")[0].decode("ascii")
    return [found[1] for line in head.split("\r\n") if (found := re.match(r"([!-9;-~]+):", line))]
