"""Self-service: a search is answered, and where nothing answers it, the desk is told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from portal.chains import Kind, SearchEvent, Visitor
from portal.edition import Edition
from portal.errors import SearchUnavailable
from portal.gaps import Failed, Gaps, Opened
from portal.knowledge import Published
from portal.locales import CODES, LANGUAGES
from portal.privacy import mask, without_masks
from portal.queries import MAX_CHARACTERS, Query, Verdict, gap_fingerprint
from portal.search import Match
from portal.search.analyzers import terms, without_function_words
from portal.search.inquiry import Inquiry, Reading
from portal.search.snippets import Snippet, snippet
from portal.search.understanding import Repair

#: Results on one page.
PAGE_SIZE = 10
#: Last page that is shown; nobody reads on, and every page costs the engine more than the one before.
LAST_PAGE = 20
#: Matches in another language among which those are looked for that the reader's language lacks.
FOREIGN_MATCHES = 100
#: Share of the best match's score from which another may be what is meant.
FOREIGN_NEAR = 0.5
#: The same where the reader's own language has answered already.
FOREIGN_BEST = 0.9
#: Confidence from which what another language has is worth showing, at most as perhaps.
FOREIGN_SURE = 0.05
#: Most articles shown of each other language.
FOREIGN_SHOWN = 5


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
    #: The probability that the results answer it, 0–1.
    confidence: float = 0.0
    #: In the reader's language, best first.
    results: tuple[Result, ...] = ()
    total: int = 0
    #: Texts that exist in other languages only, by language; they never count as answered.
    elsewhere: tuple[tuple[str, tuple[Result, ...]], ...] = ()
    #: Whether one of these may well answer it; others are shown as perhaps.
    is_elsewhere: bool = False
    #: Language whose words were found, where it is not the reader's; the results are translations of what was found.
    asked_in: str | None = None
    #: How many results there are without the topic filter; only where there are none with it.
    unfiltered: int = 0
    #: What was searched for, and what had been put right for it.
    searched: str = ""
    repairs: tuple[Repair, ...] = ()
    #: Words of other languages in the query, each with what it was taken for.
    translated: tuple[tuple[str, str], ...] = ()
    #: All that was made of the query.
    inquiry: Inquiry | None = None

    @property
    def code(self) -> str | None:
        """Why the desk is told: U0 when nothing answers, U1 when only an article in another language may."""
        if self.verdict is not Verdict.UNANSWERED or self.unfiltered:
            return None
        return "U1" if self.elsewhere and self.is_elsewhere else "U0"


def answer(edition: Edition, query: Query, page: int = 1) -> Answer:
    """Search in the reader's language and, where that is not sure to have an answer, in the others.

    What is found in another language is shown in the reader's language where a translation exists, and otherwise in
    a group of its own.

    Args:
        edition: what is searched.
        query: within bounds.
        page: from 1.

    Raises:
        SearchUnavailable: the index is missing or broken.
    """
    inquiry = edition.inquirer(query.language).ask(query.language, query.text, query.topic, exact=query.is_exact)
    if not inquiry.typed.clues:
        return Answer(query, Verdict.EMPTY)
    found = _of_language(edition, query, inquiry, page)
    if found.verdict is Verdict.UNANSWERED and not without_function_words(query.text):
        return Answer(query, Verdict.EMPTY)  # “How do I” on a French page asks for nothing.
    if inquiry.asked_in is not None:
        found = _asked_in(edition, query, inquiry.asked_in, found, page)
    if query.topic and found.verdict is Verdict.UNANSWERED:
        everywhere = answer(edition, replace(query, topic=None))
        if everywhere.verdict is not Verdict.UNANSWERED:
            return replace(found, unfiltered=everywhere.total + sum(len(group) for _, group in everywhere.elsewhere))
    return found


def _of_language(edition: Edition, query: Query, inquiry: Inquiry, page: int) -> Answer:
    """What the reader's own language has, and the other languages have for its words."""
    own = inquiry.own
    offset = PAGE_SIZE * (min(page, LAST_PAGE) - 1)
    found = own.found
    if offset:
        found = edition.index.search(own.language, own.clues, query.topic, offset, PAGE_SIZE)
    verdict = edition.cuts[query.language].verdict(own.confidence)
    if not found.total:
        verdict = Verdict.UNANSWERED
    groups = [] if query.is_exact or offset else _elsewhere(edition, query, own, verdict)
    return Answer(
        query,
        verdict,
        own.confidence,
        _results(edition, own, found.matches),
        found.total,
        tuple(_once(groups)),
        any(sure >= edition.cuts[code].low for sure, code, _ in groups),
        searched=own.text,
        repairs=own.repairs,
        translated=tuple((word, edition.written(query.language, known)) for word, known in own.translated),
        inquiry=inquiry,
    )


def _asked_in(edition: Edition, query: Query, foreign: Reading, own: Answer, page: int) -> Answer:
    """The articles that a query in another language finds, in the reader's language where they exist in it.

    They are one page; there are no further ones.
    """
    index, articles = edition.index, edition.knowledge.articles
    matches = index.search(foreign.language, foreign.clues, query.topic, 0, FOREIGN_MATCHES).matches
    translated = [match for match in matches if (query.language, match.slug) in articles][:PAGE_SIZE]
    only_there = [match for match in matches[:PAGE_SIZE] if (query.language, match.slug) not in articles]
    group = _results(edition, foreign, only_there[:FOREIGN_SHOWN])
    others = tuple((code, found) for code, found in own.elsewhere if code != foreign.language)
    groups = ((foreign.language, group), *others) if group else own.elsewhere
    if not translated:
        return replace(own, elsewhere=groups, is_elsewhere=bool(group) or own.is_elsewhere)
    # The best article must be one that the reader can read; that there are others proves nothing.
    sure = foreign.confidence if translated[0] == matches[0] else min(foreign.confidence, own.confidence)
    verdict = edition.cuts[foreign.language].verdict(sure)
    results = tuple(
        Result(articles[query.language, match.slug], _beginning(edition, query.language, match.slug), match.score)
        for match in translated
    )
    return replace(
        own,
        verdict=verdict,
        confidence=sure,
        results=results if page == 1 else (),
        total=len(results),
        elsewhere=groups,
        is_elsewhere=bool(group) or own.is_elsewhere,
        asked_in=foreign.language,
        searched=query.text,
        repairs=(),
        translated=(),
    )


def _elsewhere(
    edition: Edition, query: Query, own: Reading, verdict: Verdict
) -> list[tuple[float, str, tuple[Result, ...]]]:
    """What other languages have that the reader's has not, found by the query's words put into each of them.

    Returns:
        For each language how sure it is, its code and the results, surest first.
    """
    lacking = edition.knowledge.lacking(query.language)
    if not lacking:
        return []
    groups = []
    for reading in edition.inquirer(query.language).elsewhere(own, query.topic):
        found = edition.index.search(reading.language, reading.clues, query.topic, 0, FOREIGN_MATCHES)
        best = found.matches[0].score if found.matches else 1.0
        # The best match may be one that the reader has, and then it has answered.
        near = FOREIGN_BEST if verdict is Verdict.ANSWERED else FOREIGN_NEAR
        only_there = [match for match in found.matches if match.slug in lacking and match.score >= near * best]
        sure = reading.confidence * only_there[0].score / best if only_there else 0.0
        if sure >= FOREIGN_SURE:
            groups.append((sure, reading.language, _results(edition, reading, only_there[:FOREIGN_SHOWN])))
    return sorted(groups, key=lambda group: -group[0])


def _once(groups: Iterable[tuple[float, str, tuple[Result, ...]]]) -> Iterable[tuple[str, tuple[Result, ...]]]:
    """Each family in the first group that has it."""
    seen: set[str] = set()
    for _, code, group in groups:
        kept = tuple(result for result in group if result.item.article.slug not in seen)
        seen |= {result.item.article.slug for result in kept}
        if kept:
            yield code, kept


def _results(edition: Edition, reading: Reading, matches: Sequence[Match]) -> tuple[Result, ...]:
    """Matches with their articles and snippets; one whose article has gone meanwhile is left out."""
    language, wanted = reading.language, reading.terms
    split = edition.index.split(language)
    clues = zip(reading.clues, reading.found.rarity, strict=False)
    rarity = {term: worth for clue, worth in clues for way in clue.ways for term in way.terms}
    texts = edition.sections(language, [match.slug for match in matches])
    found = []
    for match in matches:
        item, parts = edition.knowledge.articles.get((language, match.slug)), texts.get(match.slug)
        if item is not None and parts is not None:
            make = partial(snippet, language, wanted, parts, split, rarity)
            found.append(Result(item, edition.snippet(language, match.slug, wanted, make), match.score))
    return tuple(found)


def _beginning(edition: Edition, language: str, slug: str) -> Snippet:
    """An article's summary, or its first lines."""
    summary = edition.knowledge.articles[language, slug].article.summary
    parts = (("", "", summary),) if summary else edition.sections(language, [slug]).get(slug, ())
    return snippet(language, frozenset(), parts)


def report_gap(gaps: Gaps, asked: Answer, page: str, visitor: Visitor, now: datetime) -> Opened | None:
    """Tell the desk of a search that nothing answered; None where it is none of the desk's business.

    Args:
        gaps: that are told.
        asked: the search and what came of it.
        page: address of the page, without host and query.
        visitor: who searched.
        now: aware, UTC.
    """
    stems = gap_terms(asked.query)
    if asked.code is None or not asked.query.is_plausible or not stems:
        return None
    wanted = asked.elsewhere[0][1][0].item.article.slug if asked.elsewhere else ""
    failed = Failed(asked.query, stems, asked.code, page, _repairs(asked), _shown(asked), wanted)
    return gaps.report(failed, visitor, now)


def as_event(asked: Answer, now: datetime, session: str | None, told: Opened | None) -> SearchEvent:
    """What is recorded of a search.

    Args:
        asked: the search and what came of it.
        now: aware, UTC.
        session: hashed; None where it is not to be followed.
        told: what the desk was told of it.
    """
    query, stems = asked.query, gap_terms(asked.query)
    return SearchEvent(
        now,
        Kind.SEARCH,
        query.language,
        session,
        query=mask(query.text)[:MAX_CHARACTERS],
        topic=query.topic or "",
        fingerprint=gap_fingerprint(query.language, stems, query.topic) if stems and query.is_plausible else None,
        verdict=asked.verdict,
        confidence=asked.confidence,
        total=asked.total,
        code=asked.code or "",
        repairs=_repairs(asked),
        results=_shown(asked),
        gap_id=told.ticket.id if told and not told.is_overflow else None,
        is_overflow=told is not None and told.is_overflow,
    )


def _repairs(asked: Answer) -> tuple[tuple[str, str], ...]:
    """What was put right in a query, masked: how, and what was searched for instead."""
    return tuple((repair.kind.value, mask(repair.meant)[:MAX_CHARACTERS]) for repair in asked.repairs)


def _shown(asked: Answer) -> tuple[tuple[str, str, str], ...]:
    """The results as they were shown, at most one page: slug, language and revision."""
    results = (*asked.results, *(result for _, group in asked.elsewhere for result in group))
    return tuple((r.item.article.slug, r.item.article.language, r.item.fingerprint) for r in results[:PAGE_SIZE])


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
    for code in CODES:
        titles = (item.article.title for (language, _), item in edition.knowledge.articles.items() if language == code)
        title = next(titles, None)
        if title is not None:
            clues = edition.index.clues(code, title[:200])
            if clues and not edition.index.search(code, clues, None, 0, 1).total:
                raise SearchUnavailable(f"the {code} index does not find its own article")
