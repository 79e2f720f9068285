"""Mails: values, addresses as mail servers read them, and composing so that nobody's text adds a header."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from email.contentmanager import raw_data_manager
from email.header import Header
from email.message import EmailMessage
from email.policy import compat32
from email.utils import format_datetime
from encodings import idna
from typing import Protocol

#: Longest parts of a mail, in characters.
ADDRESS_LENGTH, NAME_LENGTH, SUBJECT_LENGTH, HEADER_LENGTH = 254, 100, 300, 900
_LOCAL_PART = re.compile(r"(?=[^@]{1,64}\Z)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
#: Headers that are made here, or that would add recipients or change how the body is read.
_RESERVED = re.compile(
    r"(?:from|sender|to|cc|bcc|subject|date|message-id|mime-version|return-path|received|content-.*|resent-.*)",
    re.IGNORECASE,
)
_POLICY = compat32.clone(linesep="\r\n", cte_type="7bit")
#: Signs that change the direction of everything after them.
_DIRECTION = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


class Refused(Exception):
    """A mail server does not take a mail; the message is what it says, without the recipient's address.

    Args:
        message: the reason.
        permanent: whether trying again is of no use.
    """

    def __init__(self, message: str, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class Unavailable(Exception):
    """No mail can be handed over at present; the message says why, without private data."""


@dataclass(frozen=True)
class Mail:
    """What is to be sent to one person."""

    recipient: str
    #: Their name as they wrote it; empty where it is not known.
    recipient_name: str
    #: Language code of the text.
    language: str
    subject: str
    text: str
    html: str
    #: Further headers by name.
    headers: dict[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """A way to hand mails over."""

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Hand over one mail; once this returns, it has been taken.

        Raises:
            Refused: this mail, or this recipient, is not taken.
            Unavailable: the mail may be tried again later.
        """

    def close(self) -> None:
        """End what is open; sending opens it again."""


def one_line(text: str, longest: int) -> str:
    """Text as one line without signs that control anything; no-break spaces stay."""
    spaced = "".join(" " if unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} else sign for sign in text)
    return re.sub(" {2,}", " ", _DIRECTION.sub("", spaced)).strip(" ")[:longest].rstrip(" ")


def lines(text: str) -> str:
    """Text with one kind of line break and no other signs that control anything."""
    text = re.sub("\r\n?|[\v\f\x85\u2028\u2029]", "\n", text)
    return "".join(sign for sign in text if sign in "\n\t" or unicodedata.category(sign) not in {"Cc", "Cs"})


def wire_address(address: str) -> str:
    """An address as every mail server reads it: the domain in ASCII (IDNA).

    Raises:
        Refused: for good; it is no address of one mailbox, or its domain has no such form.
    """
    local, _, domain = address.rpartition("@")
    if literal := _LITERAL.fullmatch(domain):
        domain = f"[IPv6:{literal[1]}]" if ":" in literal[1] else f"[{literal[1]}]"
    domain = domain if literal else wire_domain(domain)
    if not _LOCAL_PART.fullmatch(local) or not domain or len(local) + 1 + len(domain) > ADDRESS_LENGTH:
        raise Refused("the address is not one that mail servers understand", permanent=True)
    return f"{local}@{domain}"


def wire_domain(domain: str) -> str:
    """A domain in ASCII; empty where it has no such form."""
    try:
        labels = [_label(label) for label in domain.split(".")]
    except UnicodeError:
        return ""
    joined = ".".join(labels)
    return joined if all(map(_LABEL.fullmatch, labels)) and len(joined) <= 253 else ""


def _label(label: str) -> str:
    """One part of a domain in ASCII."""
    label = unicodedata.normalize("NFKC", label).lower()
    if set(label) & set("ßς"):
        # Letters of their own since IDNA 2008; the standard library knows the older rule, which is another domain.
        return "xn--" + label.encode("punycode").decode("ascii")
    return idna.ToASCII(label).decode("ascii").lower()


def compose(mail: Mail, message_id: str, sender: str, now: datetime, site_name: str = "") -> EmailMessage:
    """The mail as it goes over the wire, in seven bits.

    Args:
        mail: hostile text in any of its fields becomes text, not headers.
        message_id: with its angle brackets; the same for every attempt.
        sender: address that it comes from.
        now: aware; the date that the mail bears.
        site_name: name beside the sender's address.

    Raises:
        Refused: for good; an address or a header is not possible.
    """
    # The newer policies' own folding loses blanks and quotes in some versions of Python; `Header` does not.
    message = EmailMessage(policy=_POLICY)
    message.set_content(lines(mail.text), content_manager=raw_data_manager)
    if mail.html:
        message.add_alternative(lines(mail.html), subtype="html", content_manager=raw_data_manager)
    message.policy = _POLICY.clone(max_line_length=None)  # Names and subjects are folded by now, addresses never.
    for name, value in (
        ("From", _mailbox("From", site_name, sender)),
        ("To", _mailbox("To", mail.recipient_name, mail.recipient)),
        ("Subject", _encoded("Subject", one_line(mail.subject, SUBJECT_LENGTH))),
        ("Date", format_datetime(now)),
        ("Message-ID", _ascii(message_id)),
        ("Content-Language", _ascii(mail.language)),
        *_further(mail.headers).items(),
    ):
        message[name] = value
    return message


def _further(headers: dict[str, str]) -> dict[str, str]:
    """The headers that a mail brings along, checked."""
    for name in headers:
        if not _HEADER_NAME.fullmatch(name) or _RESERVED.fullmatch(name):
            raise Refused("a header has a name that is not possible", permanent=True)
    given = {name.title(): _ascii(value) for name, value in headers.items()}
    return {"Auto-Submitted": "auto-generated"} | {name: value for name, value in given.items() if value}


def _ascii(value: str) -> str:
    """A header's value that is no text, such as an address or a number."""
    value = one_line(value, HEADER_LENGTH + 1)
    if len(value) > HEADER_LENGTH or not value.isascii():
        raise Refused("a header has a value that is not possible", permanent=True)
    return value


def _encoded(header: str, text: str) -> str:
    """Text for a header: as it is where it is plain, else in encoded words, folded."""
    if len(text) <= 60 and re.fullmatch(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*", text):
        return text
    return Header(text, "utf-8", header_name=header, maxlinelen=75).encode(linesep="\n") if text else ""


def _mailbox(header: str, name: str, address: str) -> str:
    """A name and an address for a header."""
    address = wire_address(address)
    name = _encoded(header, one_line(name, NAME_LENGTH))
    return f"{name}\n <{address}>" if name else address
