"""Self-service: a search is answered, and where nothing answers it, the desk is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portal.desk import Desk, Opened
from portal.edition import Edition
from portal.errors import SearchUnavailable
from portal.knowledge import Published
from portal.locales import LANGUAGES
from portal.privacy import mask, without_masks
from portal.queries import Hit, Query, Results, Verdict
from portal.search.analyzers import terms, without_function_words
from portal.search.snippets import Snippet, snippet

#: Results on one page.
PAGE_SIZE = 10
#: Last page that is shown; nobody reads on, and every page costs the engine more than the one before.
LAST_PAGE = 20


@dataclass(frozen=True)
class Result:
    """One result as a reader sees it."""

    item: Published
    snippet: Snippet
    score: float


@dataclass(frozen=True)
class Answer:
    """What a search found."""

    query: Query
    verdict: Verdict
    #: In the reader's language, best first.
    results: tuple[Result, ...] = ()
    total: int = 0
    #: Texts that exist in other languages only, by language.
    elsewhere: tuple[tuple[str, tuple[Result, ...]], ...] = ()
    #: Language whose words were found, where it is not the reader's; the results are translations of what was found.
    asked_in: str | None = None
    #: How many results there are without the topic filter; only where there are none with it.
    unfiltered: int = 0

    @property
    def is_gap(self) -> bool:
        """Whether it is code U0: nothing was found in any language, topic filter or not."""
        return self.verdict is Verdict.UNANSWERED and not self.unfiltered


def answer(edition: Edition, query: Query, page: int = 1) -> Answer:
    """Search in the reader's language; where it has nothing, in the others.

    What is found in another language is shown in the reader's language where a translation exists, and otherwise in
    a group of its own.

    Args:
        edition: what is searched.
        query: within bounds.
        page: from 1.

    Raises:
        SearchUnavailable: the index is missing, broken or too slow.
    """
    offset = PAGE_SIZE * (min(page, LAST_PAGE) - 1)
    found = edition.index.search(query, offset, PAGE_SIZE)
    if found.total:
        return Answer(query, Verdict.ANSWERED, _results(edition, query, found.hits), found.total)
    if query.topic:
        everywhere = answer(edition, Query(query.language, query.text))
        if everywhere.verdict is Verdict.EMPTY:
            return everywhere
        count = everywhere.total + sum(len(group) for _, group in everywhere.elsewhere)
        return Answer(query, Verdict.UNANSWERED, unfiltered=count)
    return _in_other_languages(edition, query)


def _in_other_languages(edition: Edition, query: Query) -> Answer:
    """What the other languages have for a query that the reader's has nothing for."""
    translated: dict[str, Result] = {}
    foreign: dict[str, list[Result]] = {}
    asked_in: tuple[float, str] | None = None
    seen: set[str] = set()
    # The small words of one language are rare and weighty words in another.
    meaning = without_function_words(query.text)
    if not meaning:
        return Answer(query, Verdict.EMPTY)
    for code in LANGUAGES[query.language].fallbacks:
        asked = Query(code, meaning)
        results: Results = edition.index.search(asked, 0, PAGE_SIZE)
        for result in _results(edition, asked, results.hits):
            slug = result.item.article.slug
            if slug in seen:
                continue
            seen.add(slug)
            own = edition.knowledge.articles.get((query.language, slug))
            if own is not None:
                translated[slug] = Result(own, _beginning(edition, own), result.score)
                asked_in = max(asked_in or (0.0, code), (result.score, code))
            else:
                foreign.setdefault(code, []).append(result)
    best = sorted(translated.values(), key=lambda result: -result.score)[:PAGE_SIZE]
    groups = tuple((code, tuple(group)) for code, group in foreign.items())
    if best:
        return Answer(query, Verdict.ANSWERED, tuple(best), len(best), groups, asked_in[1] if asked_in else None)
    return Answer(query, Verdict.ELSEWHERE if groups else Verdict.UNANSWERED, elsewhere=groups)


def _results(edition: Edition, query: Query, hits: Iterable[Hit]) -> tuple[Result, ...]:
    """Hits with their articles and snippets; one whose article has gone meanwhile is left out."""
    wanted = frozenset(terms(query.language, query.text))
    found = []
    for hit in hits:
        item = edition.knowledge.articles.get((hit.language, hit.slug))
        content = edition.content(hit.language, hit.slug)
        if item is not None and content is not None:
            parts = [(anchor, heading, text) for anchor, heading, text, _ in content.sections]
            found.append(Result(item, snippet(hit.language, wanted, parts), hit.score))
    return tuple(found)


def _beginning(edition: Edition, item: Published) -> Snippet:
    """An article's summary, or its first lines."""
    content = edition.content(item.article.language, item.article.slug)
    parts = [("", "", item.article.summary)] if item.article.summary else []
    parts += [(anchor, heading, text) for anchor, heading, text, _ in content.sections] if content else []
    return snippet(item.article.language, frozenset(), parts)


def report_gap(desk: Desk, asked: Answer, page: str, now: datetime) -> Opened | None:
    """Tell the desk of a search that nothing answered; None where it is none of the desk's business.

    Args:
        desk: that is told.
        asked: the search and what came of it.
        page: address of the page, without host and query.
        now: aware, UTC.
    """
    stems = gap_terms(asked.query)
    if not asked.is_gap or not asked.query.is_plausible or not stems:
        return None
    return desk.open_gap(asked.query, stems, page, now)


def gap_terms(query: Query) -> list[str]:
    """The terms that make two unanswered searches the same gap; of another language where the page's has none.

    What is masked is left out: the same question with another telephone number is the same gap.
    """
    text = without_masks(mask(query.text))
    return terms(query.language, text) or next((found for code in LANGUAGES if (found := terms(code, text))), [])


def ready(edition: Edition) -> None:
    """Make sure that every language can be searched.

    Raises:
        SearchUnavailable: one cannot.
    """
    for code, count in edition.knowledge.counts.items():
        if count:
            title = next(
                item.article.title for (language, _), item in edition.knowledge.articles.items() if language == code
            )
            if not edition.index.search(Query(code, title[:200]), 0, 1).total:
                raise SearchUnavailable(f"the {code} index does not find its own article")
