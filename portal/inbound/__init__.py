"""A mail from anybody, read within bounds: who writes, what about, what they say, and whether a person wrote it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes

from portal.inbound.automata import is_automatic, is_away, is_bounce
from portal.inbound.bodies import DEPTH, Content
from portal.inbound.headers import addresses, bare, clean_line, clean_lines, date, decoded, headers_of, mailbox, numbers
from portal.inbound.quoting import own_words, without_signature
from portal.locales import LANGUAGES
from portal.mail import SUBJECT_LENGTH

#: Largest mail that is read, in bytes; of a larger one only the headers are.
MAX_BYTES = 10_000_000
#: Longest text, in characters.
TEXT_LENGTH = 100_000
#: Bytes of the headers of a mail that is too large, and lines of one that is not, that are read.
_HEAD, _LINES = 500_000, 300_000
#: Headers with parameters, and bytes of one that are read: the library takes time by the square of their number.
_CONTENT_HEADER, _PARAMETERS = (
    re.compile(rb"^content-[\w-]{1,40}:.*(?:\n[ \t].*)*", re.IGNORECASE | re.MULTILINE),
    2_000,
)


@dataclass(frozen=True)
class Incoming:
    """What a mail says."""

    #: With its angle brackets; empty where there is none.
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    #: Numbers of the mails before it, oldest first.
    references: tuple[str, ...] = ()
    #: Empty where there is none.
    sender_email: str = ""
    sender_name: str = ""
    #: Addresses in small letters, those first to which it was really sent.
    recipients: tuple[str, ...] = ()
    #: Without what programs put before it, such as `Re:` and the number of a request.
    subject: str = ""
    #: All that it says, without the signature.
    text: str = ""
    #: The same without the mail that it answers.
    own_text: str = ""
    #: Language code that the mail program claims; None where it does not, or none of ours.
    language: str | None = None
    #: No person has written it, or not to us alone: never answered, never a request.
    is_automatic: bool = False
    #: Of these: a program has answered in somebody's place.
    is_away: bool = False
    #: Of these: a mail server says that something could not be delivered.
    is_bounce: bool = False
    #: A filter on its way takes it for spam.
    is_spam: bool = False
    #: Names, and sizes in bytes as far as they are known.
    attachments: tuple[tuple[str, int], ...] = ()
    #: UTC; None where it has none that can be read.
    date: datetime | None = None
    #: More than `MAX_BYTES`: the text was not read.
    is_too_large: bool = False


def read(raw: bytes, own_address: str = "") -> Incoming:
    """Read a mail; whatever the bytes are, it raises nothing, and takes time and memory in proportion to them.

    Args:
        raw: a whole mail, or its beginning where it is larger than `MAX_BYTES`.
        own_address: a mailing list with this address is no reason not to believe in a person.
    """
    is_too_large = len(raw) > MAX_BYTES
    try:
        message = message_from_bytes(bounded(raw))
        headers = headers_of(message)
    except Exception:  # The parser promises nothing for what is no mail.
        return Incoming(is_too_large=is_too_large)
    content = Content()
    if not is_too_large:
        try:
            content.text = content.body(message, 0)
        except Exception:  # What was read until then is what there is.
            content.text = ""
    return _incoming(headers, content, own_address, is_too_large)


def bounded(raw: bytes) -> bytes:
    """A mail without what would make reading it slow: too many lines, parts within parts, and parameters."""
    if len(raw) > MAX_BYTES:
        raw = raw[:_HEAD]
        end = re.search(rb"\r?\n\r?\n", raw)
        return raw[: end.start()] if end else raw
    raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if raw.count(b"\n") > _LINES:
        raw = b"\n".join(raw.split(b"\n", _LINES)[:_LINES])
    for word in (rb"boundary", rb"message/"):
        found = [place.start() for place in re.finditer(word, raw, re.IGNORECASE)]
        if len(found) > 2 * DEPTH:
            # Whatever stands below is one part that has no parts.
            cut = found[2 * DEPTH]
            raw = raw[:cut] + re.sub(word, b"x-deeper", raw[cut:], flags=re.IGNORECASE)
    return _CONTENT_HEADER.sub(lambda header: header[0][:_PARAMETERS], raw)


def _incoming(headers: Mapping[str, str], content: Content, own_address: str, is_too_large: bool) -> Incoming:
    """What headers and content come to."""

    def header(name: str) -> str:
        return headers.get(name, "")

    name, address = mailbox(header("from") or header("sender"))
    subject = clean_line(decoded(header("subject")[:5_000]), 2 * SUBJECT_LENGTH)
    in_reply_to = numbers(header("in-reply-to"))
    references = numbers(header("references"))
    is_answer = bool(in_reply_to or references or re.search(r"\[#\d", subject))
    away, bounce = is_away(header, subject, is_answer=is_answer), is_bounce(header, address)
    own_list = own_address.lower().replace("@", ".")
    text = clean_lines(content.text, TEXT_LENGTH)
    language = header("content-language")[:2].lower()
    return Incoming(
        message_id=next(iter(numbers(header("message-id"))), ""),
        in_reply_to=in_reply_to,
        references=references,
        sender_email=address,
        sender_name=name,
        recipients=tuple(addresses(headers)),
        subject=bare(subject)[:SUBJECT_LENGTH],
        text=without_signature(text),
        own_text=own_words(text),
        language=language if language in LANGUAGES else None,
        is_automatic=away or bounce or is_automatic(header, headers, own_list),
        is_away=away,
        is_bounce=bounce,
        is_spam=_is_spam(header("x-spam-flag"), header("x-spam-status")),
        attachments=tuple(content.attachments),
        date=date(header("date")[:200]),
        is_too_large=is_too_large,
    )


def _is_spam(flag: str, status: str) -> bool:
    """Whether a filter says so."""
    return flag.strip().lower() == "yes" or status.strip().lower().startswith("yes")
