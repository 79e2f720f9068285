"""Visits: what is recorded of who searches, as far as their browser lets us know."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import cast

from flask import Blueprint, Response, current_app, g, request
from flask_login import current_user

from portal.chains import Kind, SearchEvent, Visitor
from portal.gaps import Opened
from portal.privacy import mask
from portal.queries import Verdict
from portal.search.analyzers import fold
from portal.selfservice import Answer, as_event
from portal.services import Services
from portal.storage import frequent
from portal.storage.gaps import day_of
from portal.storage.views import View
from portal.web import forms
from portal.web.i18n import language
from portal.web.links import host_and_path, is_local
from portal.web.readers import COOKIE, Reader, is_robot
from portal.web.security import cookie_header, cookie_name, csrf, limiter, set_cookie
from portal.web.services import services

__all__ = ["COOKIE", "is_robot"]

blueprint = Blueprint("visits", __name__, url_prefix="/<language:language>")

#: Longest time that an article is believed to have been read at once, in seconds.
LONGEST_READ = 3600
#: What the log calls it when searches cannot be counted.
UNCOUNTED = "a search could not be counted"

#: Records what a request comes to, whether its page is made or was kept.
Note = Callable[[Services, Reader], None]


def reader() -> Reader:
    """Who sends this request."""
    known: Reader | None = g.get("reader")
    if known is None:
        name = cookie_name(services().settings, COOKIE)
        known = g.reader = Reader(request.environ, name, _is_staff)
    return known


def _is_staff() -> bool:
    """Whether somebody who works here has signed in."""
    return current_app.config["SESSION_COOKIE_NAME"] in request.cookies and bool(current_user.is_authenticated)


def is_person() -> bool:
    """Whether a reader may have submitted this: no robot that says so, no page fetched in advance, no agent."""
    return reader().is_person


def is_followed() -> bool:
    """Whether a reader has not asked to be left alone (Do Not Track, Global Privacy Control)."""
    return reader().is_followed


def visitor() -> Visitor:
    """Who sends this request; a session that is new is only theirs once `remember` has set the cookie."""
    return cast(Visitor, g.get("visitor") or reader().visitor)


def remember(response: Response) -> None:
    """Give a browser its session, where it has none yet and wants one."""
    who = reader().visitor
    if who.session and not who.is_returning:
        set_cookie(response, COOKIE, who.session)


def cookie(portal: Services, asked: Reader) -> str | None:
    """The header that gives a browser its session, as `remember` does; None where it has one, or wants none."""
    who = asked.visitor
    if not who.session or who.is_returning:
        return None
    return cookie_header(portal.settings, COOKIE, who.session, is_secure=asked.is_secure)


def session_hash() -> str | None:
    """What the session of a browser that has sent its cookie is recorded as; None without one."""
    who = visitor()
    return services().gaps.session_hash(who.session) if who.is_returning else None


def _session_of_person() -> str | None:
    """The session of a reader's browser, of which may be recorded what they do; None of anybody else."""
    return session_hash() if reader().has_searched else None


@dataclass(frozen=True)
class Searched:
    """What is recorded of a search, whoever submits it."""

    event: SearchEvent
    #: What it counts as towards the searches that many submit, and whether that is answered; None: towards none.
    frequent: tuple[str, bool] | None


def searched(found: Answer, told: Opened | None, now: datetime) -> Searched:
    """What is to be recorded of a search.

    Only words that articles have can ever be suggested.
    """
    event = as_event(found, now, None, told)
    if not found.query.is_plausible or found.inquiry is None or not all(found.inquiry.own.found.known):
        return Searched(event, None)
    is_answered = found.verdict is Verdict.ANSWERED and found.asked_in is None
    return Searched(event, (mask(found.searched or found.query.text), is_answered))


def note_search(found: Answer, told: Opened | None) -> None:
    """Record a submitted search; without a session and its words where the reader asks not to be followed."""
    record_search(searched(found, told, services().clock()), services(), visitor())


def record_search(what: Searched, portal: Services, who: Visitor) -> None:
    """Record a submitted search; see `note_search`."""
    now = portal.clock()
    if not who.session:
        portal.journal.add(replace(what.event, at=now, query="", fingerprint=None, repairs=(), results=()))
        return
    session = portal.gaps.session_hash(who.session)
    event = replace(what.event, at=now, session=session, is_returning=who.is_returning, network=who.network)
    portal.journal.add(event)
    # The cookie is random, ends with the browser's session, and is kept only as a hash that differs for every query.
    # Only of a browser that sends it back is counted what it asks.
    if who.is_returning and what.frequent:
        text, is_answered = what.frequent
        portal.queries.add(frequent.Asked(event.language, fold(text), text, who.session, is_answered, now))


def opening(slug: str, page: str, text: str, *, is_view: bool = True) -> Note:
    """What is recorded when somebody opens an article.

    That somebody opens it is counted also of who asks not to be followed: a bare count holds nothing of anybody. Of who
    has searched it is recorded.

    Args:
        slug: of the article.
        page: language of the page.
        text: language of the article's text.
        is_view: whether it is counted; who has just voted has opened it before.
    """
    return partial(_opened, slug, page, text, is_view)


def _opened(slug: str, page: str, text: str, is_view: bool, portal: Services, asked: Reader) -> None:
    """Record that somebody opens an article."""
    if not asked.is_person:
        return
    now = portal.clock()
    if asked.has_searched:
        who = asked.visitor
        session = portal.gaps.session_hash(who.session)
        event = SearchEvent(now, Kind.OPEN, text, session, slug=slug, is_returning=True, network=who.network)
        portal.journal.add(event)
    if is_view:
        portal.views.add(View(day_of(now), page, slug))


def note_vote(slug: str, code: str, is_helpful: bool, revision: str) -> None:
    """Record the vote of somebody who has searched."""
    if session := _session_of_person():
        services().journal.add(
            SearchEvent(
                services().clock(), Kind.VOTE, code, session, slug=slug, is_helpful=is_helpful, revision=revision,
                is_returning=True, network=visitor().network,
            )
        )  # fmt: skip


def note_request() -> None:
    """Record that somebody who has searched sends a request."""
    if session := _session_of_person():
        services().journal.add(
            SearchEvent(
                services().clock(), Kind.REQUEST, language(), session, is_returning=True, network=visitor().network
            )
        )


@blueprint.post("/visit")
@csrf.exempt  # type: ignore[untyped-decorator]  # Nobody gains by sending it; the origin is checked.
@limiter.limit("3000 per hour")
def beacon() -> tuple[str, int]:
    """What the pages' own script says: that a result page was shown, or how long an article was read."""
    session = _session_of_person()
    if session is None:
        return "", 204
    sent = forms.read("kind", "slug", "language", "seconds", longest=120)
    now = services().clock()
    if sent["kind"] == "seen":
        services().journal.add(
            SearchEvent(now, Kind.SEEN, language(), session, is_returning=True, network=visitor().network)
        )
    elif sent["kind"] == "read" and re.fullmatch("[0-9]{1,5}", sent["seconds"]):
        item = services().edition.knowledge.articles.get((sent["language"], sent["slug"]))
        if item is not None:
            seconds = min(int(sent["seconds"]), LONGEST_READ)
            event = SearchEvent(now, Kind.READ, sent["language"], session, slug=sent["slug"], seconds=seconds)
            services().journal.add(event)
    return "", 204


def asked_on() -> str:
    """Address of the page that a search was typed on, without host and query."""
    host, path = host_and_path(request.referrer or "")
    # The address of a request's page is its key, and not to be written down.
    is_private = "/requests/" in path or "/subscriptions/" in path
    return path if host == request.host and is_local(path) and not is_private else request.path
