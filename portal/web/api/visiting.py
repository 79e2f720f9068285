"""Who searches through the API, and what is recorded of it: the same as on the pages, but for the cookie."""

import hashlib
import secrets
from dataclasses import replace

from flask import g, request
from sqlalchemy.exc import DBAPIError

from portal.articles import Article
from portal.budgets import network_of
from portal.chains import Kind, SearchEvent, Visitor
from portal.faults import reason
from portal.gaps import Opened
from portal.selfservice import Answer, as_event, report_gap
from portal.storage.feedback import Vote
from portal.storage.gaps import day_of
from portal.storage.views import View
from portal.web import visits
from portal.web.api.authentication import Caller
from portal.web.services import services

#: Longest name of a program that is looked at.
_NAME = 500


def is_person(caller: Caller) -> bool:
    """Whether a person may be behind this: a token’s system says so by what it sends; others may be known crawlers."""
    if caller.token is None and _is_of_another_site():
        return False
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    if request.method == "HEAD" or "prefetch" in purpose:
        return False
    return caller.token is not None or not visits.is_robot(request.user_agent.string[:_NAME])


def _is_of_another_site() -> bool:
    """Whether a browser asks for a page that has no business here: its images and links are nobody’s search."""
    site, origin = request.headers.get("Sec-Fetch-Site", "none"), request.headers.get("Origin", "")
    return site not in {"none", "same-origin"} and origin not in services().settings.embed_origins


def visitor(caller: Caller, visit: str | None) -> Visitor:
    """Who sends this request.

    A visit is what the pages' cookie is: it says which searches are one person's, and that the caller keeps something.
    It is worth nothing with another token.

    Args:
        caller: who asks.
        visit: as sent; None where nothing is to be followed.
    """
    network = f"token-{caller.token.id}" if caller.token else network_of(request.remote_addr or "")
    if visit is None or not visits.is_followed():
        return Visitor(network=network)
    return Visitor(_hashed(caller, "visit", visit), is_returning=True, network=network)


def voter(caller: Caller, sent: str | None) -> str:
    """The hash of who votes; what is sent is worth nothing with another token, and nobody else is who sends nothing."""
    return _hashed(caller, "voter", sent or secrets.token_urlsafe(24))


def _hashed(caller: Caller, use: str, text: str) -> str:
    """What stands for something that the caller made up; another one's same text is something else."""
    number = caller.token.id if caller.token else ""
    return hashlib.sha256(f"api\0{use}\0{number}\0{text}".encode()).hexdigest()


def tell_desk(found: Answer, who: Visitor) -> Opened | None:
    """Tell the desk of a search that nothing answered; the caller neither waits nor suffers where that fails."""
    try:
        told = report_gap(services().gaps, found, "", who, services().clock())
    except DBAPIError as error:
        services().faults.report(visits.UNCOUNTED, reason(error))
        return None
    if told and told.is_new:
        services().faults.works(visits.UNCOUNTED)
    return told


def note_search(found: Answer, told: Opened | None, who: Visitor) -> None:
    """Record a submitted search: without a session where no visit was sent, without its words where that is asked."""
    if who.session or not visits.is_followed():
        g.visitor = who
        visits.note_search(found, told)
    else:
        services().journal.add(replace(as_event(found, services().clock(), None, told), network=who.network))


def note_opened(caller: Caller, slug: str, page_language: str, text_language: str, visit: str | None) -> None:
    """Record and count that a person opens an article; only a visit says that somebody does."""
    if visit is None or not is_person(caller):
        return
    services().views.add(View(day_of(services().clock()), page_language, slug))
    _note(SearchEvent(services().clock(), Kind.OPEN, text_language, slug=slug), caller, visit)


def note_read(caller: Caller, visit: str, article: Article, seconds: int) -> None:
    """Record for how long somebody who has searched has read an article."""
    event = SearchEvent(services().clock(), Kind.READ, article.language, slug=article.slug)
    _note(replace(event, seconds=min(seconds, visits.LONGEST_READ)), caller, visit)


def note_vote(caller: Caller, visit: str | None, given: Vote) -> None:
    """Record the vote of somebody who has searched."""
    event = SearchEvent(services().clock(), Kind.VOTE, given.language, slug=given.slug)
    _note(replace(event, is_helpful=given.is_helpful, revision=given.revision), caller, visit)


def note_request(caller: Caller, language: str, visit: str | None) -> None:
    """Record that somebody who has searched sends a request."""
    _note(SearchEvent(services().clock(), Kind.REQUEST, language), caller, visit)


def _note(event: SearchEvent, caller: Caller, visit: str | None) -> None:
    """Record what somebody did in a visit that may be followed."""
    who = visitor(caller, visit)
    if who.session and is_person(caller):
        session = services().gaps.session_hash(who.session)
        services().journal.add(replace(event, session=session, is_returning=True, network=who.network))
