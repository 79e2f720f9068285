"""Visits: who searches, as far as their browser lets us know, and what of it is recorded."""

import re
import secrets
from dataclasses import replace
from functools import cache, lru_cache

import crawleruseragents
from flask import Blueprint, Response, current_app, g, request
from flask_login import current_user
from sqlalchemy.exc import DBAPIError

from portal.budgets import network_of
from portal.chains import Kind, SearchEvent, Visitor
from portal.faults import reason
from portal.gaps import Opened
from portal.privacy import mask
from portal.queries import Verdict
from portal.search.analyzers import fold
from portal.selfservice import Answer, as_event
from portal.storage import frequent
from portal.storage.gaps import day_of
from portal.storage.views import View
from portal.web import forms
from portal.web.i18n import language
from portal.web.links import host_and_path, is_local
from portal.web.security import csrf, limiter
from portal.web.services import services

blueprint = Blueprint("visits", __name__, url_prefix="/<language:language>")

#: Tells the searches of one person in one browser session from another's; set only when somebody searches.
COOKIE = "visit"
#: Longest time that an article is believed to have been read at once, in seconds.
LONGEST_READ = 3600
#: What robots call themselves that the list of known ones lacks; Cubot makes telephones.
_ROBOT = re.compile(r"(?<!cu)bot\b|crawl|spider|slurp|preview|monitor", re.IGNORECASE)
#: Programs that people search with, too, from a script or a test; they open unconfirmed gaps within the budgets.
_TOOLS = frozenset({"http-library", "browser-automation"})
#: Longest name of a browser that is looked at.
_NAME = 500
#: What the log calls it when searches cannot be counted.
UNCOUNTED = "a search could not be counted"


@cache
def _known_robots() -> re.Pattern[str]:
    """The names of known crawlers as one expression."""
    entries = crawleruseragents.CRAWLER_USER_AGENTS_DATA
    return re.compile("|".join(f"(?:{entry['pattern']})" for entry in entries if not _TOOLS & set(entry["tags"])))


@lru_cache(maxsize=10_000)
def is_robot(name: str) -> bool:
    """Whether a program that calls itself this crawls; who says nothing may be a person's browser."""
    return bool(_ROBOT.search(name) or _known_robots().search(name))


def is_person() -> bool:
    """Whether a reader may have submitted this: no robot that says so, no page fetched in advance, no agent."""
    if current_app.config["SESSION_COOKIE_NAME"] in request.cookies and current_user.is_authenticated:
        return False
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    return request.method != "HEAD" and "prefetch" not in purpose and not is_robot(request.user_agent.string[:_NAME])


def is_followed() -> bool:
    """Whether a reader has not asked to be left alone (Do Not Track, Global Privacy Control)."""
    return request.headers.get("DNT") != "1" and request.headers.get("Sec-GPC") != "1"


def visitor() -> Visitor:
    """Who sends this request; a session that is new is only theirs once `remember` has set the cookie."""
    known: Visitor | None = g.get("visitor")
    if known is None:
        given = request.cookies.get(COOKIE, "")
        is_returning = 20 <= len(given) <= 64
        session = (given if is_returning else secrets.token_urlsafe(24)) if is_followed() else ""
        known = g.visitor = Visitor(session, is_returning and bool(session), network_of(request.remote_addr or ""))
    return known


def remember(response: Response) -> None:
    """Give a browser its session, where it has none yet and wants one."""
    who = visitor()
    if who.session and not who.is_returning:
        response.set_cookie(COOKIE, who.session, httponly=True, samesite="Lax", secure=request.is_secure)


def session_hash() -> str | None:
    """What the session of a browser that has sent its cookie is recorded as; None without one."""
    who = visitor()
    return services().gaps.session_hash(who.session) if who.is_returning else None


def _session_of_person() -> str | None:
    """The session of a reader's browser, of which may be recorded what they do; None of anybody else."""
    return session_hash() if COOKIE in request.cookies and is_person() else None


def note_search(found: Answer, told: Opened | None) -> None:
    """Record a submitted search; without a session and its words where the reader asks not to be followed."""
    who = visitor()
    event = as_event(found, services().clock(), services().gaps.session_hash(who.session), told)
    services().journal.add(
        replace(event, is_returning=who.is_returning, network=who.network)
        if who.session
        else replace(event, query="", fingerprint=None, repairs=(), results=())
    )
    if who.is_returning:
        _count(found, who)


def note_article(slug: str, code: str) -> None:
    """Record that somebody who has searched opens an article."""
    if session := _session_of_person():
        services().journal.add(
            SearchEvent(
                services().clock(), Kind.OPEN, code, session, slug=slug, is_returning=True, network=visitor().network
            )
        )


def note_view(slug: str) -> None:
    """Count that somebody opens an article, also who asks not to be followed: a bare count holds nothing of anybody."""
    if is_person():
        services().views.add(View(day_of(services().clock()), language(), slug))


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


def _count(found: Answer, who: Visitor) -> None:
    """Count a search towards those that many ask.

    The cookie is random, ends with the browser's session, and is kept only as a hash that differs for every query.
    Only a browser that sends it back is counted, and only words that articles have can ever be suggested.
    """
    if not found.query.is_plausible or found.inquiry is None or not all(found.inquiry.own.found.known):
        return
    text = mask(found.searched or found.query.text)
    is_answered = found.verdict is Verdict.ANSWERED and found.asked_in is None
    try:
        with services().database.write(patience=0.2) as connection:
            frequent.note(connection, language(), text, fold(text), who.session, is_answered, services().clock())
    except DBAPIError as error:
        services().faults.report(UNCOUNTED, reason(error))
    else:
        services().faults.works(UNCOUNTED)
