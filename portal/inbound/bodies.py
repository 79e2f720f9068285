"""The body of a mail from anybody: its text in the form that reads best, and what is attached to it."""

import re
from email.message import Message
from email.utils import collapse_rfc2231_value

from portal.inbound.charsets import decode
from portal.inbound.headers import clean_line, decoded, headers_of, unbroken
from portal.inbound.untagging import plain
from portal.mail import lines

#: Most parts, levels of parts, and attachments.
PARTS, DEPTH, ATTACHMENTS = 100, 20, 50
#: Bytes of one text that are decoded, and characters of it that are read.
_TEXT, _CHARACTERS = 4_000_000, 400_000
#: A picture that is shown within the text and no larger than this is a logo, not something to be looked at, in bytes.
_LOGO = 20_000
#: Level of parts down to which mails within the mail are read.
_FORWARDED = 6
#: Signatures of programs, which are no attachments that somebody wants to be read.
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_SIGNED, _SIGNATURE = "-----BEGIN PGP SIGNED MESSAGE-----\n", "\n-----BEGIN PGP SIGNATURE-----"


class Content:
    """The text and the attachments of a mail."""

    def __init__(self) -> None:
        self.text = ""
        self.attachments: list[tuple[str, int]] = []
        self._parts = 0

    def body(self, part: Message, depth: int) -> str:
        """The text of a part; what is no text is noted as an attachment."""
        self._parts += 1
        if self._parts > PARTS or depth > DEPTH:
            return ""
        kind, payload = part.get_content_type(), part.get_payload()
        if kind.startswith("message/") and isinstance(payload, list) and payload:
            return self._forwarded(payload[0], depth) if depth and isinstance(payload[0], Message) else ""
        if isinstance(payload, list):
            return self._several(kind, [item for item in payload if isinstance(item, Message)], depth)
        name = _file_name(part)
        is_attached = part.get_content_disposition() == "attachment" or bool(name)
        if kind in {"text/plain", "text/html"} and not is_attached:
            return _text(part, kind)
        if part.get_content_maintype() == "multipart" and not depth:
            return _text(part, "text/plain")  # It says that it has parts, and has none.
        if kind not in _SIGNATURES:
            self._attach(part, name or clean_line(kind, 100))
        return ""

    def _several(self, kind: str, parts: list[Message], depth: int) -> str:
        """The text of a part that has parts."""
        if kind == "multipart/alternative":
            return self._best(parts, depth)
        if kind in {"multipart/report", "multipart/related"} and parts:
            texts = [self.body(item, depth + 1) for item in parts]
            return next((text for text in texts if text.strip()), "")
        texts = [self.body(item, depth + 1) for item in parts[:PARTS]]
        return "\n\n".join(text.strip("\n") for text in texts if text.strip())

    def _best(self, parts: list[Message], depth: int) -> str:
        """Of several forms of the same text the plain one, unless it is empty."""
        known = len(self.attachments)
        texts = {item.get_content_type(): self.body(item, depth + 1) for item in parts[:PARTS]}
        # What is in more than one form is attached once.
        self.attachments[known:] = dict.fromkeys(self.attachments[known:])
        plain_text = texts.pop("text/plain", "")
        return plain_text if plain_text.strip() else next((text for text in texts.values() if text.strip()), "")

    def _forwarded(self, message: Message, depth: int) -> str:
        """A mail within the mail, quoted below the sender's own words."""
        if depth > _FORWARDED:
            return ""
        headers = headers_of(message)
        heads = [
            f"{name.title()}: {clean_line(decoded(headers.get(name, '')[:1_000]), 200)}"
            for name in ("from", "date", "subject")
        ]
        text = self.body(message, depth + 1)
        return "\n".join(f"> {line}".rstrip() for line in [*heads, "", *text.split("\n")])

    def _attach(self, part: Message, name: str) -> None:
        """Note an attachment."""
        payload = part.get_payload()
        size = len(payload) if isinstance(payload, str) else 0
        if str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64":
            size = size * 3 // 4
        is_logo = part.get_content_maintype() == "image" and "content-id" in part and size <= _LOGO
        if len(self.attachments) < ATTACHMENTS and not is_logo:
            self.attachments.append((name, size))


def _file_name(part: Message) -> str:
    """The name of an attachment, without folders; empty where it has none."""
    try:
        given = part.get_param("filename", None, "content-disposition") or part.get_param("name", None) or ""
        name = decoded(unbroken(collapse_rfc2231_value(given))[:1_000])
    except (ValueError, LookupError, TypeError):
        return "?"
    return clean_line(re.split(r"[/\\]", name)[-1], 100)


def _text(part: Message, kind: str) -> str:
    """The text of a part that has one."""
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError):
        content = None
    if not isinstance(content, bytes):
        return ""
    charset = part.get_param("charset", "")
    text = decode(content[:_TEXT], charset if isinstance(charset, str) else charset[2])
    if kind == "text/html":
        return plain(text)
    text = lines(text[:_CHARACTERS])
    if str(part.get_param("format", "")).lower() == "flowed":
        text = _joined(text, deletes_blanks=str(part.get_param("delsp", "")).lower() == "yes")
    return _unsigned(text)


def _joined(text: str, *, deletes_blanks: bool) -> str:
    """Text whose lines that end with a blank go on in the next one (RFC 3676)."""
    joined: list[str] = []
    goes_on, before = False, 0
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        words = line[depth:].removeprefix(" ")
        is_signature = words == "-- "
        if goes_on and depth == before and not is_signature:
            joined[-1] += words
        else:
            joined.append(f"{'>' * depth} {words}" if depth else words)
        goes_on, before = words.endswith(" ") and not is_signature, depth
        if goes_on and deletes_blanks:
            joined[-1] = joined[-1][:-1]
    return "\n".join(joined)


def _unsigned(text: str) -> str:
    """Text without the frame of a signature (RFC 9580, section 7)."""
    if not text.lstrip().startswith(_SIGNED):
        return text
    _armour, _, signed = text.lstrip().removeprefix(_SIGNED).partition("\n\n")
    return re.sub(r"^- ", "", signed.partition(_SIGNATURE)[0], flags=re.MULTILINE)
