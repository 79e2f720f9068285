"""Searching through the API: what the page of results shows, and what is suggested while somebody types."""

from collections.abc import Sequence

from flask import url_for
from markupsafe import Markup, escape
from sqlalchemy.exc import DBAPIError

from portal.errors import InvalidInput, SearchUnavailable
from portal.faults import reason
from portal.gaps import Opened
from portal.queries import Query, read_query
from portal.search.suggestions import Kind as SuggestionKind
from portal.search.suggestions import Suggestion
from portal.selfservice import LAST_PAGE, PAGE_SIZE, Answer
from portal.selfservice import Result as Found
from portal.web import errors, i18n
from portal.web.api import models, visiting
from portal.web.api.endpoints import Call, endpoint
from portal.web.links import absolute
from portal.web.monitoring import answered
from portal.web.services import services

TAG = "help centre"
#: Results that can be read on to.
MOST = LAST_PAGE * PAGE_SIZE


def known_topic(topic: str | None) -> str | None:
    """A topic that has articles.

    Raises:
        InvalidInput: `topic` is `unknown`.
    """
    if topic and services().edition.knowledge.shelf(i18n.language(), topic) is None:
        raise InvalidInput("topic", "unknown")
    return topic or None


@endpoint("GET", "/search", tag=TAG, summary="Search the articles")
def search(call: Call, query: models.SearchQuery) -> models.SearchAnswer:
    """Results in the language, best first, with what is known of them.

    A search that a person has submitted counts like one on the page: where nothing answers it, the desk is told, and
    `gap` is the number of its ticket. What an answer exists for in other languages only stands in `elsewhere`.

    Later pages are found anew: what is published between two of them may repeat or hide a result.
    """
    start = call.position(int) or 0
    asked = read_query(call.language, query.q, known_topic(query.topic), is_exact=query.exact)
    found, results = _found(asked, start, query.limit)
    told = None
    if query.submitted and not start and asked.text and visiting.is_person(call.caller):
        who = visiting.visitor(call.caller, query.visit)
        told = visiting.tell_desk(found, who)
        if told or not asked.topic:  # Narrowing by a topic is no new search, unless it comes to a gap of its own.
            visiting.note_search(found, told, who)
    after = start + len(results)
    more = call.page([], after if results and after < min(found.total, MOST) else None).next
    return _answer(found, results, told, more)


def _found(query: Query, start: int, limit: int) -> tuple[Answer, Sequence[Found]]:
    """What the first page says, and some of the results.

    Raises:
        SearchUnavailable: the index is missing or broken.
    """
    edition = services().edition
    first, last = start // PAGE_SIZE, (min(start + limit, MOST) - 1) // PAGE_SIZE
    try:
        whole = answered(edition, query)
        pages = [whole if number == 0 else answered(edition, query, number + 1) for number in range(first, last + 1)
                 if number * PAGE_SIZE < max(whole.total, 1)]  # fmt: skip
    except (SearchUnavailable, DBAPIError) as error:
        services().faults.report(errors.SEARCH, reason(error) if isinstance(error, DBAPIError) else str(error))
        raise SearchUnavailable("the index does not answer") from error
    services().faults.works(errors.SEARCH)
    results = [result for page in pages for result in page.results]
    begin = start - first * PAGE_SIZE
    return whole, results[begin : begin + limit]


def _answer(found: Answer, results: Sequence[Found], told: Opened | None, more: str | None) -> models.SearchAnswer:
    """A search as the API tells it."""
    return models.SearchAnswer(
        query=found.query.text,
        language=found.query.language,
        verdict=found.verdict,
        confidence=min(max(found.confidence, 0.0), 1.0),
        total=found.total,
        results=[result_of(each) for each in results],
        elsewhere=[
            models.Elsewhere(language=code, results=[result_of(each) for each in group])
            for code, group in found.elsewhere
        ],
        repairs=[models.Repair(kind=each.kind, text=each.meant) for each in found.repairs],
        asked_in=found.asked_in,
        gap=told.ticket.id if told and not told.is_overflow else None,
        next=more,
    )


def result_of(found: Found) -> models.Result:
    """One result as the API tells it; its address leads to the section that the lines come from."""
    article, pieces = found.item.article, found.snippet.pieces
    words = (Markup("<mark>{}</mark>").format(text) if is_word else escape(text) for text, is_word in pieces)
    return models.Result(
        slug=article.slug,
        language=article.language,
        title=article.title,
        summary=article.summary,
        snippet="".join(text for text, _ in pieces),
        snippet_html=str(Markup("").join(words)),
        topic=article.topic,
        url=article_url(article.language, article.slug, found.snippet.anchor),
    )


def article_url(code: str, slug: str, anchor: str = "") -> str:
    """The address of an article's page."""
    return absolute(url_for("help.article", language=code, slug=slug, _anchor=anchor or None))


@endpoint("GET", "/suggest", tag=TAG, summary="Suggest while somebody types")
def suggest(call: Call, query: models.SuggestQuery) -> models.SuggestAnswer:
    """Articles, their sections and frequent searches that fit what has been typed; nothing of it is recorded."""
    code = call.language
    call.headers["Cache-Control"] = "private, max-age=60"
    text = read_query(code, query.q).text
    known = services().edition.suggestions(code, services().frequent(code))
    return models.SuggestAnswer(items=[_suggested(code, found) for found in (known.complete(text) if text else ())])


def _suggested(code: str, found: Suggestion) -> models.Suggested:
    """One suggestion as the API tells it."""
    if found.kind is SuggestionKind.QUERY:
        url = absolute(url_for("help.search", language=code, q=found.text))
    else:
        url = article_url(code, found.slug, found.anchor)
    return models.Suggested(kind=found.kind, title=found.text, context=found.context, url=url, slug=found.slug)
