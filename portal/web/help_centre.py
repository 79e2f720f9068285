"""The help centre that everybody reads: home, topics, articles, search, votes."""

import hashlib
import secrets
from datetime import date
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response as AnyResponse

from portal.articles import Freshness
from portal.edition import Edition
from portal.errors import InvalidInput, NotFound, SearchUnavailable
from portal.faults import reason
from portal.gaps import Opened
from portal.knowledge import Published
from portal.locales import LANGUAGES
from portal.privacy import mask
from portal.queries import Verdict, read_query
from portal.search.suggestions import Kind as SuggestionKind
from portal.search.suggestions import Suggestion
from portal.selfservice import LAST_PAGE, PAGE_SIZE, Answer, report_gap
from portal.storage import feedback
from portal.web import banner, errors, forms, kept_pages, monitoring, visits
from portal.web.i18n import language, preferred
from portal.web.links import absolute
from portal.web.security import cookie, csrf, limiter, set_cookie
from portal.web.services import services

blueprint = Blueprint("help", __name__, url_prefix="/<language:language>")
roots = Blueprint("roots", __name__)

#: Articles on one page of a topic.
SHELF_PAGE = 60
#: A reader's copy is checked with us each time; what has not changed costs one small answer.
REVALIDATE = "public, max-age=0, must-revalidate"
#: Remembers a voter, so that a vote can be changed; set only when somebody votes.
VOTER = "voter"
#: Day on which the accessibility statement was last held against the pages; see docs/accessibility.md.
ASSESSED = date(2026, 11, 22)
#: What the page says after a vote.
VOTED = frozenset({"yes", "no", "done"})


@roots.get("/")
def root() -> AnyResponse:
    """Lead to the home page in the reader's language."""
    response = redirect(url_for("help.home", language=preferred()))
    response.headers["Vary"] = "Accept-Language, Cookie"
    response.headers["Cache-Control"] = "private, max-age=0"
    return response


def _cached(body: str) -> Response:
    """A public page that the reader's browser keeps and checks."""
    response = make_response(body)
    response.headers["Cache-Control"] = REVALIDATE
    response.set_etag(hashlib.blake2b(body.encode(), digest_size=12).hexdigest())
    if not kept_pages.is_offered():  # What is kept must be whole; whether the reader has it is looked at then.
        response.make_conditional(request)
    return response


def helpful(edition: Edition, limit: int, topic: str | None = None) -> tuple[Published, ...]:
    """The articles that readers of this language found most helpful."""
    return edition.helpful(language(), services().tallies(), limit, topic)


@blueprint.get("/")
def home() -> Response:
    """Search first, then topics, then what helped others."""
    edition = services().edition
    kept_pages.offer(services(), edition, by_votes=True)
    shelves = [(shelf, helpful(edition, 2, shelf.topic.slug)) for shelf in edition.knowledge.shelves(language())]
    return _cached(
        render_template(
            "home.html",
            shelves=shelves,
            helpful=helpful(edition, 6),
            has_votes=bool(edition.votes(services().tallies())),
        )
    )


@blueprint.get("/topics/<topic>")
def topic(topic: str) -> Response:
    """All articles of a topic."""
    edition = services().edition
    shelf = edition.knowledge.shelf(language(), topic)
    if shelf is None:
        raise NotFound(topic)
    kept_pages.offer(services(), edition)
    pages = -(-len(shelf.articles) // SHELF_PAGE)
    number = _page_number(pages)
    start = SHELF_PAGE * (number - 1)
    shown = shelf.articles[start : start + SHELF_PAGE]
    return _cached(render_template("topic.html", shelf=shelf, articles=shown, page=number, pages=pages))


def _page_number(last: int) -> int:
    """The page that is asked for.

    Raises:
        NotFound: there is no such page.
    """
    text = request.args.get("page", "1")
    if not text.isascii() or not text.isdigit() or len(text) > 4 or not 1 <= int(text) <= max(last, 1):
        raise NotFound(f"page {text[:20]}")
    return int(text)


def _moved(endpoint: str, slug: str) -> AnyResponse:
    """Lead for ever to the address that an article has now, with everything else that was asked for or sent.

    Browsers check it like a page: one that kept it would go in a circle once an article gets its old name back.
    """
    query = quote(request.query_string, safe="!$&'()*+,;=:@/?%[]")
    response = redirect(url_for(endpoint, slug=slug) + (f"?{query}" if query else ""), 308)
    response.headers["Cache-Control"] = REVALIDATE
    return response


@blueprint.get("/articles/<slug>")
def article(slug: str) -> AnyResponse:
    """An article, in the reader's language or, with a banner that says so, in the best other one."""
    edition = services().edition
    item = edition.knowledge.choose(language(), slug.lower())
    if item is None:
        raise NotFound(slug)
    if item.article.slug != slug:
        return _moved("help.article", item.article.slug)
    asked = request.args.get("vote", "")
    vote = asked if asked in VOTED else ""
    note = visits.opening(slug, language(), item.article.language, is_view=not vote)
    note(services(), visits.reader())
    kept_pages.offer(services(), edition, note)
    proof = _proof(item, request.args.get("text", "") if vote else "")
    # All that the page depends on; no need to make it to know whether the reader has it.
    name = services().settings.site_name
    digest, build, notices = edition.knowledge.digest, services().build, banner.edition()
    depends = (digest, language(), slug, vote, proof, build, name, absolute(""), notices)
    response = Response()
    response.headers["Cache-Control"] = REVALIDATE
    response.set_etag(hashlib.blake2b("\0".join(depends).encode(), digest_size=12).hexdigest())
    if request.if_none_match.contains_weak(response.get_etag()[0] or ""):
        response.status_code = 304
        return response
    content = edition.content(item.article.language, slug)
    if content is None:  # A newer generation has taken it away since this request began.
        raise NotFound(slug)
    families, source = edition.knowledge.families[slug], edition.knowledge.source(slug)
    contents = [(anchor, heading) for anchor, heading, _text, level in content.sections if level == 2 and anchor]
    # Writers' Markdown, made safe when it was published.
    body = Markup(content.html)  # noqa: S704  # nosec B704
    response.set_data(
        render_template(
            "article.html",
            item=item,
            body=body,
            content=content,
            contents=contents if len(contents) >= 3 else [],
            is_outdated=edition.knowledge.freshness(item) is Freshness.OUTDATED,
            languages_of=[code for code in LANGUAGES if code in families and code != item.article.language],
            source_language=source.article.language if source else item.article.language,
            related=edition.knowledge.related(language(), slug),
            topic=edition.knowledge.topic(item.article.topic),
            vote=vote,
            proof=proof,
            reasons=list(feedback.Reason),
        )
    )
    response.mimetype = "text/html"
    return response


def _seen(item: Published, proof: str) -> tuple[str, str]:
    """Language and fingerprint of the text that a reader had before them; without a proof, those of the present one."""
    if named := forms.named_text(proof):
        slug, code, fingerprint = named
        now = services().edition.knowledge.choose(language(), slug)
        if now is not None and now.article.slug == item.article.slug:
            return code, fingerprint
    return item.article.language, item.fingerprint


def _proof(item: Published, earlier: str) -> str:
    """What a vote proves by which text it is about: the one that the reader has voted on already, else the present one."""
    return forms.sign_text(item.article.slug, *_seen(item, earlier))


@blueprint.post("/articles/<slug>/vote")
@csrf.exempt  # type: ignore[untyped-decorator]  # No session to protect; the origin is checked instead.
@limiter.shared_limit("60 per hour", "vote")
def vote(slug: str) -> AnyResponse:
    """Count a vote; the same person's next one replaces it."""
    item = services().edition.knowledge.choose(language(), slug.lower())
    if item is None:
        raise NotFound(slug)
    if item.article.slug != slug:
        return _moved("help.vote", item.article.slug)
    sent = forms.read("helpful", "reason", "comment", "text")
    if sent["helpful"] not in {"yes", "no"}:
        raise InvalidInput("helpful", "missing")
    if len(sent["comment"].strip()) > feedback.COMMENT_LENGTH:
        raise InvalidInput("comment", "too_long")
    reason = feedback.Reason(sent["reason"]) if sent["reason"] in set(feedback.Reason) else None
    known = cookie(VOTER)
    voter = known if 20 <= len(known) <= 64 else secrets.token_urlsafe(24)
    code, revision = _seen(item, sent["text"])
    given = feedback.Vote(
        slug,
        code,
        hashlib.sha256(voter.encode()).hexdigest(),
        sent["helpful"] == "yes",
        revision,
        reason,
        mask(sent["comment"].strip())[: feedback.COMMENT_LENGTH],
    )
    with services().database.write() as connection:
        feedback.vote(connection, given, services().clock())
    visits.note_vote(slug, given.language, given.is_helpful, given.revision)
    state = "done" if reason or given.comment else sent["helpful"]
    # The next page has the present text; what is said there is still about the one that was read.
    proof = forms.sign_text(slug, code, revision) if (code, revision) != _seen(item, "") else None
    response = redirect(url_for("help.article", slug=slug, vote=state, text=proof, _anchor="ui-feedback"), 303)
    set_cookie(response, VOTER, voter, 365 * 86400)
    return response


@blueprint.get("/search")
def search() -> Response | tuple[str, int]:
    """Results in the reader's language; a first page without any is a gap, of which the desk is told."""
    edition = services().edition
    topic = request.args.get("topic", "")
    named = topic if edition.knowledge.shelf(language(), topic) else None
    query = read_query(language(), request.args.get("q", ""), named, is_exact=request.args.get("exact") == "1")
    shelves = edition.knowledge.shelves(language())
    shown: dict[str, Any] = {"query": query, "shelves": shelves, "edition_topic": edition.knowledge.topic}
    if not query.text:
        return make_response(render_template("search.html", **shown, answer=None))
    page = _page_number(LAST_PAGE)
    try:
        found = monitoring.answered(edition, query, page)
    except (SearchUnavailable, DBAPIError) as error:
        why = reason(error) if isinstance(error, DBAPIError) else str(error)
        services().faults.report(errors.SEARCH, why)
        return render_template("search_unavailable.html", query=query), 503
    services().faults.works(errors.SEARCH)
    told = _tell_desk(found) if page == 1 and visits.is_person() else None
    pages = min(-(-found.total // PAGE_SIZE), LAST_PAGE)
    if page > max(pages, 1):
        raise NotFound(f"page {page}")
    is_empty = found.verdict in {Verdict.UNANSWERED, Verdict.EMPTY}
    submitted = visits.searched(found, told, services().clock()) if page == 1 else None
    if found.code is None:  # Else each submission is the desk's business.
        kept_pages.offer(services(), edition, is_search=True, searched=submitted, by_votes=is_empty)
    popular = helpful(edition, 4) if is_empty else ()
    response = make_response(
        render_template(
            "search.html",
            **shown,
            answer=found,
            told=told,
            page=page,
            pages=pages,
            helpful=popular,
            form=forms.Form(),
            stamp=forms.new_stamp() if told else "",
            honeypot=forms.HONEYPOT,
        )
    )
    # Narrowing by a topic is no new search, unless it comes to a gap of its own.
    if submitted and (told or not query.topic) and visits.is_person():
        visits.record_search(submitted, services(), visits.visitor())
        visits.remember(response)
    return response


def _tell_desk(found: Answer) -> Opened | None:
    """Tell the desk of a search that nothing answered; the reader neither waits nor suffers where that fails."""
    try:
        told = report_gap(services().gaps, found, visits.asked_on(), visits.visitor(), services().clock())
    except DBAPIError as error:
        services().faults.report(visits.UNCOUNTED, reason(error))
        return None
    if told and told.is_new:
        services().faults.works(visits.UNCOUNTED)
    return told


def leads_to(found: Suggestion) -> str:
    """The address of what is suggested."""
    if found.kind is SuggestionKind.QUERY:
        return url_for("help.search", q=found.text)
    return url_for("help.article", slug=found.slug, _anchor=found.anchor or None)


@blueprint.get("/accessibility")
def accessibility() -> Response:
    """The accessibility statement."""
    return _cached(render_template("accessibility.html", assessed=ASSESSED))


@blueprint.get("/suggest")
def suggest() -> Response:
    """Titles that fit what has been typed so far, for the search field."""
    text = read_query(language(), request.args.get("q", "")).text
    known = services().edition.suggestions(language(), services().frequent(language()))
    items = [
        {"title": found.text, "context": found.context, "url": leads_to(found)}
        for found in (known.complete(text) if text else ())
    ]
    response = make_response({"items": items})
    # What somebody types is nothing for a cache that others share.
    response.headers["Cache-Control"] = "private, max-age=60"
    return response
