"""The headers of a mail from anybody: decoded, on one line, within bounds."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime

from portal.inbound.charsets import decode
from portal.mail import NAME_LENGTH, lines, one_line

#: Most addresses and numbers of other mails that are read.
ADDRESSES, REFERENCES = 200, 20
#: Characters of all headers and of one that are read.
_ALL, _ONE = 500_000, 100_000
#: What belongs to no address and no number: white space, and what controls terminals and directions.
_NO_SIGN = r"\s\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff<>"
_ADDRESS = re.compile(rf"[^{_NO_SIGN}()\[\],;:\"@]{{1,64}}@[^{_NO_SIGN}()\[\],;:\"@]{{1,255}}")
_MESSAGE_ID = re.compile(rf"<[^{_NO_SIGN}]{{1,250}}>")
_DIRECTION = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
#: What programs put before the subject of what they answer or forward.
_PREFIX = re.compile(
    r"(?:(?:re|aw|antw|ant|wg|fwd?|tr|rép|réf|ref|sv|vs|отв|ответ|пересл|на)(?:\[\d{1,3}\])?\s?:|\[#\d{1,12}\])\s*",
    re.IGNORECASE,
)
#: Where mail servers write to whom a mail was really sent, and where its writer does.
_RECIPIENTS = (
    "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-forwarded-to", "resent-to", "to", "cc",
)  # fmt: skip


def headers_of(message: Message) -> dict[str, str]:
    """The first header of each name as text, not decoded yet, by its name in small letters; of recipients all."""
    headers: dict[str, str] = {}
    left = _ALL
    for header, value in message.raw_items():
        name, text = str(header).lower(), unbroken(str(value)[:_ONE])
        left -= len(text)
        if left < 0:
            break
        if name not in headers:
            headers[name] = text
        elif name in _RECIPIENTS:
            headers[name] = f"{headers[name]}, {text}"[:_ONE]
    return headers


def unbroken(value: str) -> str:
    """A header's value as one line; bytes beyond ASCII, which should not be there, are guessed."""
    value = re.sub(r"[\r\n]+", "", value)
    if any("\udc80" <= sign <= "\udcff" for sign in value):
        value = decode(value.encode("utf-8", "surrogateescape"))
    return value.replace("\0", "")


def mailbox(value: str) -> tuple[str, str]:
    """Name and address of a sender."""
    try:
        name, address = parseaddr(value[:2_000])
    except Exception:  # Comments within comments without end.
        name, address = "", ""
    found = _ADDRESS.fullmatch(address) or _ADDRESS.search(value[:2_000])
    name = clean_line(decoded(name), NAME_LENGTH).strip("\"' ")
    return ("" if "@" in name else name), (found[0] if found else "")


def decoded(value: str) -> str:
    """A header's text; what is encoded wrongly stays as it is."""
    try:
        parts = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(
        decode(part, charset or "") if isinstance(part, bytes) and charset else _plain_part(part)
        for part, charset in parts
    )


def _plain_part(part: str | bytes) -> str:
    """A part of a header that is not encoded, as the library gives it beside encoded ones."""
    return part if isinstance(part, str) else part.decode("raw-unicode-escape", "replace")


def clean_line(text: str, longest: int) -> str:
    """Text on one line without signs that control anything."""
    return _DIRECTION.sub("", one_line(text, longest))


def clean_lines(text: str, longest: int) -> str:
    """Text of several lines without signs that control anything."""
    return _DIRECTION.sub("", lines(text[: 2 * longest])).strip()[:longest]


def bare(subject: str) -> str:
    """A subject without what programs put before it."""
    position = 0
    while found := _PREFIX.match(subject, position):
        position = found.end()
    return re.sub(r"\s*\[#\d{1,12}\]\s*", " ", subject[position:]).strip()


def numbers(value: str) -> tuple[str, ...]:
    """The numbers of mails in a header, the last ones."""
    return tuple(_MESSAGE_ID.findall(value))[-REFERENCES:]


def addresses(headers: Mapping[str, str]) -> Iterator[str]:
    """To whom a mail goes, as far as its headers say."""
    seen: set[str] = set()
    for name in _RECIPIENTS:
        for found in _ADDRESS.finditer(headers.get(name, "")):
            if len(seen) >= ADDRESSES:
                return
            if (address := found[0].lower()) not in seen:
                seen.add(address)
                yield address


def date(value: str) -> datetime | None:
    """When it was sent, as it claims; UTC."""
    try:
        found = parsedate_to_datetime(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
