"""Public pages that are the same for everybody are kept until something changes, and answered before the application.

What a request comes to besides its page, such as that a search is recorded, happens each time. See decision 0043.
"""

import gzip
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import ReferenceType, ref

from flask import Flask, Response, g, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.http import parse_accept_header

from portal.edition import Edition, Tallies
from portal.errors import SearchUnavailable
from portal.services import Services
from portal.web import monitoring, security, visits
from portal.web.monitoring import Monitor
from portal.web.readers import Reader
from portal.web.visits import Note, Searched

#: What all kept pages of a process come to at most, in bytes, and what one costs beside its text.
ROOM, EACH = 8 * 1024 * 1024, 2500
#: Pages that hold nobody's secret: how small they become tells nothing that a stranger could not ask for (BREACH).
PACKED = frozenset({"help.home", "help.topic", "help.article", "help.search", "feeds.of_language", "feeds.of_topic"})
#: A level that costs a third of the default one's time, for a few percent more.
LEVEL = 4
#: Ends the tag of a packed page; a tag names the bytes that are sent.
PACKED_TAG = '-gz"'
#: Where a request keeps the tags that came with it.
_TAGS = "portal.tags"
#: What a page says to one reader alone.
_OWN = frozenset({"x-request-id", "set-cookie", "content-length"})
#: What an answer has only with its text.
_OF_TEXT = frozenset({"content-type", "content-length", "content-encoding"})

Headers = list[tuple[str, str]]
Environ = dict[str, Any]


@dataclass(frozen=True)
class _State:
    """All that pages depend on besides their address; the code and the settings are a process's own."""

    generation: str
    notices: str
    #: Changes when other terms have been learned; None while that has just happened; always 0 where nothing is searched.
    terms: int | None

    @classmethod
    def of(cls, portal: Services, edition: Edition, *, is_search: bool) -> "_State":
        """How it is now, with an edition."""
        terms = portal.editions.terms() if is_search else 0
        return cls(edition.knowledge.generation, portal.incidents.edition(), terms)


@dataclass(frozen=True)
class _Offer:
    """What a view says of its page."""

    state: _State
    is_search: bool
    note: Note | None
    searched: Searched | None
    tallies: "ReferenceType[Tallies] | None"


@dataclass(frozen=True)
class _Kept:
    """A page with all that belongs to it."""

    endpoint: str
    body: bytes
    headers: Headers
    #: For who has it already.
    short: Headers
    tag: str
    offer: _Offer
    #: What it takes up, in bytes.
    size: int


def is_offered() -> bool:
    """Whether the page that is being made may be kept."""
    return g.get("offer") is not None


def offer(
    portal: Services,
    edition: Edition,
    note: Note | None = None,
    *,
    is_search: bool = False,
    searched: Searched | None = None,
    by_votes: bool = False,
) -> None:
    """Let the page that is being made be kept: whoever asks for its address gets the same one.

    Called before votes and notices are read, so that what changes meanwhile is not taken for what it was made of.

    Args:
        portal: the parts.
        edition: what the page is made of.
        note: records what each request comes to.
        is_search: whether it shows what a search has found.
        searched: what is recorded of each submission, where it is a search's first page.
        by_votes: whether it depends on what readers found helpful.
    """
    state = _State.of(portal, edition, is_search=is_search)
    g.offer = _Offer(state, is_search, note, searched, ref(portal.tallies()) if by_votes else None)


class KeptPages:
    """The application, with some of its pages kept; for all threads of a process.

    Args:
        app: the application itself.
        portal: its parts.
        monitor: numbers, counts and logs requests.
    """

    def __init__(self, app: Flask, portal: Services, monitor: Monitor) -> None:
        self._app = app.wsgi_app
        self._portal = portal
        self._monitor = monitor
        self._staff = f"{app.config['SESSION_COOKIE_NAME']}="
        self._visit = security.cookie_name(portal.settings, visits.COOKIE)
        self._pages: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._size = 0
        self._changing = threading.Lock()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        if environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            known = self._pages.get(_key(environ))
            # Whoever works here is nobody's reader, which only the application can tell.
            if known is not None and self._staff not in environ.get("HTTP_COOKIE", "") and self._is_good(known):
                return self._answer(known, environ, start_response)
            if PACKED_TAG in (tags := environ.get("HTTP_IF_NONE_MATCH", "")):
                # Views know pages, not their forms: of these, those that this reader can read.
                environ[_TAGS] = tags
                environ["HTTP_IF_NONE_MATCH"] = _unpacked(tags, takes_gzip=_takes_gzip(_said(environ)))
        return self._app(environ, start_response)

    def _is_good(self, known: _Kept) -> bool:
        """Whether a page would be made the same now."""
        try:
            tallies = known.offer.tallies
            return self._is_present(known.offer) and (tallies is None or tallies() is self._portal.tallies())
        except (SearchUnavailable, SQLAlchemyError, OSError):
            return False  # The application has a page for that, too.

    def _is_present(self, what: _Offer) -> bool:
        """Whether what a page was made of is still what readers see.

        Raises:
            SearchUnavailable: nothing has been published yet.
        """
        return what.state == _State.of(self._portal, self._portal.edition, is_search=what.is_search)

    def _answer(self, known: _Kept, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer with a kept page, and do all else that the application would have done."""
        begun = time.perf_counter()
        method = environ["REQUEST_METHOD"]
        self._monitor.begin(environ.get("HTTP_X_REQUEST_ID", ""), method, known.endpoint)
        try:
            own = self._note(known.offer, Reader(environ, self._visit), begun)
            is_known = _is_named(known.tag, environ.get("HTTP_IF_NONE_MATCH", ""))
            status = 304 if is_known else 200
            own.append(("X-Request-Id", self._monitor.finish(begun, method, known.endpoint, status)))
        finally:
            self._monitor.end()
        if is_known:
            start_response("304 NOT MODIFIED", [*known.short, *own])
            return ()
        start_response("200 OK", [*known.headers, *own])
        return () if method == "HEAD" else (known.body,)

    def _note(self, what: _Offer, reader: Reader, begun: float) -> Headers:
        """Record what a request comes to; the headers that are its sender's alone."""
        if what.note is not None:
            what.note(self._portal, reader)
        if what.searched is None:
            return []
        event = what.searched.event
        verdict = event.verdict.value if event.verdict else ""
        self._monitor.count_search(event.language, verdict, time.perf_counter() - begun)
        if event.topic or not reader.is_person:  # Narrowing by a topic is no new search.
            return []
        visits.record_search(what.searched, self._portal, reader.visitor)
        header = visits.cookie(self._portal, reader)
        return [("Set-Cookie", header)] if header else []

    def finish(self, response: Response) -> Response:
        """Pack a public page, and keep it where its view offers that; called after everything else."""
        if request.endpoint not in PACKED or request.method not in {"GET", "HEAD"} or response.is_streamed:
            return response
        if response.status_code not in {200, 304} or "Content-Encoding" in response.headers:
            return response
        offered: _Offer | None = g.get("offer")
        plain = response.headers.get("ETag", "")
        _pack(response)
        is_whole = request.method == "GET" and response.status_code == 200
        if offered is not None and is_whole and self._staff not in request.environ.get("HTTP_COOKIE", ""):
            self._keep(offered, response)
        if offered is not None and response.status_code == 200:
            _confirm(response, plain)
        return response

    def _keep(self, offered: _Offer, response: Response) -> None:
        """Keep a page, unless what it depends on has changed meanwhile; the oldest go where it becomes too much."""
        if offered.state.terms is None or not self._is_present(offered):
            return
        body = response.get_data()
        headers = [(name, value) for name, value in response.headers if name.lower() not in _OWN]
        headers.append(("Content-Length", str(len(body))))
        short = [(name, value) for name, value in headers if name.lower() not in _OF_TEXT]
        key, tag = _key(request.environ), response.headers.get("ETag", "")
        size = len(body) + EACH + sum(len(part) for part in key if isinstance(part, str))
        kept = _Kept(str(request.endpoint), body, headers, short, tag, offered, size)
        with self._changing:
            before = self._pages.pop(key, None)
            self._size += size - (before.size if before else 0)
            self._pages[key] = kept
            while self._size > ROOM:
                _, oldest = self._pages.popitem(last=False)
                self._size -= oldest.size


def _key(environ: Environ) -> tuple[object, ...]:
    """What makes two requests ask for the same bytes."""
    return (
        environ.get("HTTP_HOST"),
        environ.get("PATH_INFO"),
        environ.get("QUERY_STRING"),
        environ.get("wsgi.url_scheme"),
        environ.get("SCRIPT_NAME"),
        _takes_gzip(_said(environ)),
    )


def _said(environ: Environ) -> str:
    """What a reader says that it can read."""
    return str(environ.get("HTTP_ACCEPT_ENCODING", ""))


@lru_cache(maxsize=256)
def _takes_gzip(said: str) -> bool:
    """Whether a reader can read what is packed."""
    return parse_accept_header(said)["gzip"] > 0


def _is_named(tag: str, tags: str) -> bool:
    """Whether a reader has the page with this tag, or asks only for one that it has none of (`*`)."""
    return bool(tag) and any(each.strip().removeprefix("W/") in {tag, "*"} for each in tags.split(","))


def _unpacked(tags: str, *, takes_gzip: bool) -> str:
    """Tags as those of pages; without those of packed ones where a reader could not read what they name."""
    known = (each.strip() for each in tags.split(","))
    return ", ".join(each.replace(PACKED_TAG, '"') for each in known if takes_gzip or not each.endswith(PACKED_TAG))


def _confirm(response: Response, plain: str) -> None:
    """Answer without the text where the reader has it, packed or as it was before; it has been kept whole by now."""
    tags = str(request.environ.get(_TAGS) or request.environ.get("HTTP_IF_NONE_MATCH", ""))
    tag = next((tag for tag in (response.headers.get("ETag", ""), plain) if _is_named(tag, tags)), None)
    if tag is not None:
        response.status_code = 304
        response.set_data(b"")
        response.headers["ETag"] = tag
        for name in _OF_TEXT:
            response.headers.pop(name, None)


def _pack(response: Response) -> None:
    """Compress a page for who can read that; its tag then says so."""
    response.vary.add("Accept-Encoding")
    if not _takes_gzip(_said(request.environ)):
        return
    tag = response.headers.get("ETag", "")
    packed = tag.removesuffix('"') + PACKED_TAG if tag else ""
    if response.status_code == 200:
        response.set_data(gzip.compress(response.get_data(), LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    elif not _is_named(packed, str(request.environ.get(_TAGS) or request.environ.get("HTTP_IF_NONE_MATCH", ""))):
        return  # What the reader has, and keeps, is not packed.
    if packed:
        response.headers["ETag"] = packed


def init(app: Flask, portal: Services) -> None:
    """Put the kept pages ahead of an application that is complete."""
    pages = KeptPages(app, portal, app.extensions[monitoring.EXTENSION])
    # What is called first of all before a request is called last of all after it; this comes after even that.
    app.after_request_funcs[None].insert(0, pages.finish)
    app.wsgi_app = pages  # type: ignore[method-assign]
