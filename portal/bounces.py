"""Reports of mail servers that a mail could not be delivered (RFC 3464), read with suspicion."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

#: How much of a report is read, in bytes; our own mails, which it brings back, are far smaller.
MAX_BYTES = 1_000_000
#: Parts of a report that are looked at.
_PARTS = 100
#: A header that says what a part is, with its folded lines.
_CONTENT_HEADER = re.compile(rb"^content-[\w-]{1,40}:.*(?:\r?\n[ \t].*)*", re.IGNORECASE | re.MULTILINE)
#: Multipart mails within each other that are read; each more costs time for every line.
_BOUNDARIES = 20
_MESSAGE_ID = re.compile(r"<[^<>\s@]{1,120}@[^<>\s@]{1,120}>")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_UNDELIVERED = {"failed", "delayed"}


@dataclass(frozen=True)
class Bounce:
    """What a report says about one mail."""

    #: Of the mail that came back, with its angle brackets.
    message_id: str
    #: Address as the reporting server knows it; empty where it does not say.
    recipient: str
    #: Enhanced status code (RFC 3463), such as 5.1.1; empty where there is none.
    status: str
    #: False while the server still tries.
    is_permanent: bool
    #: The last server's own words; empty where there are none.
    diagnostic: str = ""


def read_bounce(content: bytes) -> Bounce | None:
    """Read a report.

    Args:
        content: a whole mail from anybody.

    Returns:
        What it says; None where it is no report of a mail that was not delivered, or does not say of which.
    """
    content = content[:MAX_BYTES]
    # The parser takes quadratic time for a header's parameters.
    content = _CONTENT_HEADER.sub(lambda header: header[0][:2_000], content)
    if len(re.findall(rb"boundary", content, re.IGNORECASE)) > _BOUNDARIES:
        return None
    try:
        # The old policy: it takes headers as they are, however broken.
        return _read(message_from_bytes(content))
    except Exception:  # The parser promises nothing for broken mails, and a report that cannot be read is none.
        return None


def _read(report: Message) -> Bounce | None:
    """A parsed mail as a report."""
    if report.get_content_type() != "multipart/report":
        return None
    fields: dict[str, str] = {}
    message_id = ""
    for part in _parts(report):
        kind = part.get_content_type()
        if kind in {"message/delivery-status", "message/global-delivery-status"} and not fields:
            fields = _fields(part)
        elif kind in {"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"}:
            message_id = message_id or _original(part)
    action = fields.get("action", "").lower()
    status = _STATUS.search(fields.get("status", ""))
    if action not in _UNDELIVERED or not message_id or (status and status[1] == "2"):
        return None
    recipient = _value(fields.get("original-recipient", "") or fields.get("final-recipient", ""))
    is_permanent = action == "failed" and (status is None or status[1] == "5")
    diagnostic = _value(fields.get("diagnostic-code", ""))
    return Bounce(message_id, recipient[:254], status[0] if status else "", is_permanent, diagnostic[:300])


def _parts(message: Message) -> Iterator[Message]:
    """The parts of a report, without what is inside the mail that came back."""
    payload = message.get_payload()
    for part in payload[:_PARTS] if isinstance(payload, list) else []:
        if isinstance(part, Message):
            yield part


def _fields(part: Message) -> dict[str, str]:
    """The fields about the first recipient: every mail of ours has one."""
    payload = part.get_payload()
    groups = [group for group in payload[:_PARTS] if isinstance(group, Message)] if isinstance(payload, list) else []
    for group in groups:
        found = {name.lower(): " ".join(str(value).split()) for name, value in group.items()}
        if "action" in found:
            return found
    return {}


def _original(part: Message) -> str:
    """The message id of the mail that came back, given whole or as headers."""
    payload = part.get_payload()
    if isinstance(payload, list):
        inner = payload[0] if payload else None
    else:
        decoded = part.get_payload(decode=True)
        inner = message_from_bytes(decoded) if isinstance(decoded, bytes) else None
    found = _MESSAGE_ID.search(str(inner.get("Message-ID", ""))[:1000]) if isinstance(inner, Message) else None
    return found[0] if found else ""


def _value(field: str) -> str:
    """A field's value behind its type: `rfc822; anna@example.org`."""
    kind, separator, value = field.partition(";")
    return (value if separator else kind).strip()
