"""What eats bytes from outside, and what must hold whatever they are; an assertion or any other error is a fault."""
# The readers themselves are fuzzed, without what stands before them.
# ruff: noqa: SLF001, PT017

import atexit
import base64
import gzip
import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urljoin, urlsplit

from flask import Flask, request
from werkzeug.exceptions import HTTPException

from portal import bounces, inbound, library, redirects
from portal.backup import archive
from portal.desk import case_mail
from portal.errors import CannotStart, InvalidInput
from portal.identity import IdentityRefused
from portal.markup import render
from portal.openid import _identity
from portal.privacy import mask
from portal.queries import MAX_CHARACTERS, MAX_WORDS, read_query
from portal.recognition import language_of
from portal.reply_address import ReplyAddress
from portal.search import analyzers, layouts, transliteration
from portal.web import forms
from portal.web.api import paging, problems, reading
from portal.web.links import is_local
from portal.web.security import MAX_BODY
from portal.web.services import EXTENSION
from portal.webhooks import targets as webhooks
from portal.writing.exporting import target
from portal.writing.importing import sources
from tests.inspecting import inspected

SEEDS = Path(__file__).parent / "seeds"
LANGUAGES = ("en", "fr", "de", "ru")
_ADDRESSES = ReplyAddress(b"s" * 32, "support@help.example.org")
_CONTROL = {"Cc", "Cs"}
#: As much of the application as reads forms and cursors.
_APP = Flask("portal")
_APP.config.update(MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_PARTS=50)
_APP.extensions[EXTENSION] = SimpleNamespace(secret=b"s" * 32)
#: What may come out of a backup here, in bytes.
_ROOM = 100_000


@cache
def _folder() -> Path:
    """A place for files, until this process ends."""
    made = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _text(data: bytes, longest: int = 4000) -> str:
    """Bytes as a text."""
    return data.decode("utf-8", "replace")[:longest]


def _is_line(text: str) -> bool:
    """Whether a text is one line without control characters."""
    return not any(unicodedata.category(sign) in _CONTROL for sign in text)


def mail(data: bytes) -> None:
    """A mail is read to bounded values, its lines are lines; reports of failed delivery are told apart."""
    read = inbound.read(data, "support@help.example.org")
    assert len(read.text) <= inbound.TEXT_LENGTH + 100
    assert _is_line(read.subject)
    assert _is_line(read.sender_name)
    assert read.sender_email.count("@") <= 1
    assert not re.search(r"[\s<>,;]", read.sender_email), read.sender_email
    bounces.read_bounce(data)
    case_mail.match(read.recipients, read.references)
    assert language_of(read.text) in {None, *LANGUAGES}


def front_matter(data: bytes) -> None:
    """A file is an article, or has a fault with its line."""
    read = library.parse(data, "en", "slug", "en/slug.md")
    assert read.article is not None or read.problems
    lines = data.count(b"\n") + data.count(b"\r") + 2
    assert all(0 <= problem.line <= lines for problem in read.problems), read.problems
    if read.article:
        assert _is_line(read.article.title)


def markup(data: bytes) -> None:
    """HTML of Markdown has allowed tags alone, is well-formed, and is the same again."""
    text = _text(data, 800)
    html = render(text, "de").html
    assert inspected(html).faults == [], (text, html)
    # HTML is Markdown, too: what was made safe once has nothing in it that is made unsafe.
    assert inspected(render(html, "de").html).faults == [], (text, html)


def query(data: bytes) -> None:
    """A query stays within its bounds, and every analysis of it comes to an end."""
    text = _text(data)
    for language in LANGUAGES:
        read = read_query(language, text)
        assert len(read.text) <= MAX_CHARACTERS
        assert len(read.text.split()) <= MAX_WORDS
        assert _is_line(read.text)
        assert read_query(language, read.text).text == read.text
        analyzers.terms(language, read.text)
        for other in layouts.retyped(language, read.text):
            analyzers.terms(language, other)
        for word in read.text.split():
            transliteration.skeleton(word)


def privacy(data: bytes) -> None:
    """What was masked stays masked, and nothing around a secret brings it back."""
    text = _text(data, 1000)
    masked = mask(text)
    assert mask(masked) == masked
    around = mask(f"{text} x@secret.example {text}\nDE89 3704 0044 0532 0130 00\n")
    assert "x@secret" not in around, text
    assert "0532 0130" not in around, text


def following(data: bytes) -> None:
    """Where somebody is led after signing in is a page of ours, however a browser reads it."""
    path = _text(data, 600)
    if is_local(path):
        assert not re.search(r"[\x00-\x20\x7f]", path)
        plain = re.sub(r"[\t\r\n]", "", path).replace("\\", "/")
        led = urlsplit(urljoin("https://help.example.org/de/sign-in", plain))
        assert (led.scheme, led.netloc) == ("https", "help.example.org"), path


def moved(data: bytes) -> None:
    """A file of redirects has entries or faults, and no slug stands twice."""
    read = redirects.parse(_text(data))
    slugs = [entry.old for entry in read.entries]
    assert len(set(slugs)) == len(slugs)
    assert all(problem.message for problem in read.problems)


def answer(data: bytes) -> None:
    """Nobody makes the address of a request, or a case's, by chance."""
    text = _text(data, 400)
    assert _ADDRESSES.number([text, f"support+r{text}@help.example.org", *text.split()]) is None
    assert case_mail.match([text], [text]) is None or re.search(r"[0-9a-f]{24}", text, re.IGNORECASE)
    genuine = _ADDRESSES.of(len(data) + 1)
    assert _ADDRESSES.number([text, genuine]) == len(data) + 1


def body(data: bytes) -> None:
    """The body of a request to the API is JSON or refused."""
    try:
        read = reading._json(data)
    except problems.Problem:
        return
    reading._unspeakable(read)
    json.dumps(read)


def hook(data: bytes) -> None:
    """A webhook's address leads to where it says; a private host is refused, however it is written."""
    text = _text(data, 2100)
    try:
        target = webhooks.read(text, webhooks.Rules())
    except InvalidInput:
        return
    assert target.is_secure
    assert _is_line(target.url)
    parts = urlsplit(target.url)
    assert (parts.hostname or "").strip("[]") == target.host, text
    assert parts.username is None
    again = webhooks.read(target.url, webhooks.Rules())
    assert again == target, text


def foreign(data: bytes) -> None:
    """A file of another system is taken or refused with a reason; nothing of it is run."""
    try:
        values, lines, rest = sources._front_matter(_text(data))
    except sources.Refused as refused:
        assert str(refused)
        return
    assert isinstance(values, dict)
    assert set(lines) <= set(values)
    assert rest >= 0


def claims(data: bytes) -> None:
    """What an identity provider says of somebody is bounded, or refused."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(told, dict):
        return
    try:
        known = _identity({"sub": "", **told})
    except IdentityRefused:
        return
    assert 0 < len(known.subject) <= 255
    assert len(known.email) <= 400


def form(data: bytes) -> None:
    """A form that browsers send in parts is read to bounded fields, or refused; a file in it is no field."""
    content = "multipart/form-data; boundary=b"
    with _APP.test_request_context(method="POST", data=data, content_type=content):
        try:
            read = forms.read("text", "csrf_token", longest=500)
            number = forms.sent_number()
        except HTTPException as refused:
            assert refused.code in {400, 413}, refused
            return
        finally:
            request.close()
    assert all(len(value) <= 500 and "\0" not in value for value in read.values())
    assert re.fullmatch(r"([\w-]{22})?", number, re.ASCII)


def cursor(data: bytes) -> None:
    """Where a list goes on nobody makes up; what was signed by us is what its list has, or refused."""
    made_up = data.decode("latin-1")
    with _APP.app_context():
        proof = paging._signatures("tickets {}", data)[0]
        signed = base64.urlsafe_b64encode(proof + data).decode()
        for kind in (int, str, tuple[datetime, int], tuple[int, str]):
            for text, place in ((made_up, "tickets {}"), (signed, "gaps {}"), (signed, "tickets {}")):
                try:
                    position = paging.decode(place, text, kind)
                except problems.Problem:
                    continue
                assert (text, place) == (signed, "tickets {}")
                assert paging.decode(place, paging.encode(place, position), kind) == position


def backup(data: bytes) -> None:
    """A backup is taken as a whole or refused; nothing in it leads out of its folder, and none is larger than the room."""
    taken: list[str] = []

    def take(name: str, chunks: Iterator[bytes]) -> None:
        taken.append(name)
        assert sum(map(len, chunks)) <= _ROOM

    for packed in (data, gzip.compress(data, 1)):
        taken.clear()
        with suppress(archive.BadBackup):
            manifest = archive.Reader(BytesIO(packed), _ROOM).read(take, lambda _header: None)
            assert {entry.name for entry in manifest.members} == {archive.HEADER, *taken}
        for name in taken:
            assert (Path("/folder") / name).resolve().is_relative_to("/folder"), name
            assert not Path(name).is_absolute()


def export(data: bytes) -> None:
    """A zip file is one of ours or it is left alone, whatever it is."""
    path = _folder() / "site.zip"
    path.write_bytes(data)
    try:
        target._check_archive(path)
    except CannotStart:
        return
    assert target.MARK.encode() in data


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "mail": mail, "front_matter": front_matter, "markup": markup, "query": query, "privacy": privacy,
    "following": following, "moved": moved, "answer": answer, "body": body, "hook": hook, "foreign": foreign,
    "claims": claims, "form": form, "cursor": cursor, "backup": backup, "export": export,
}  # fmt: skip


def seeds(name: str) -> list[Path]:
    """The seeds of a target, and what was found by it."""
    return sorted((SEEDS / name).iterdir())
