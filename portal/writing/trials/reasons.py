"""Why a query finds an article or does not: the words it lacks, and what stands above it and by what."""

from collections.abc import Iterator
from dataclasses import dataclass

from portal.edition import Edition
from portal.queries import Query, Verdict
from portal.search import Clue, Match
from portal.search.analyzers import terms, words
from portal.search.inquiry import Reading
from portal.selfservice import answer

#: Results among which an article is looked for.
DEPTH = 200
#: Articles above it that are named, and words of each.
RIVALS, NAMED = 3, 5
#: A fit of a title that is higher by so much is worth mentioning.
_TELLING = 0.1
_PARTS = {
    "title": "its title has",
    "heading": "a heading has",
    "keywords": "its keywords have",
    "text": "its text has",
}
_RANKS = {place: rank for rank, place in enumerate((*_PARTS, ""))}


@dataclass(frozen=True)
class Word:
    """One thing that a query asks for, and where the article has it."""

    text: str
    #: `title`, `heading`, `keywords` or `text`; empty where the article has it nowhere.
    place: str
    #: Of any article.
    is_known: bool
    #: How rare it is: what it weighs.
    rarity: float


@dataclass(frozen=True)
class Rival:
    """An article that stands above, or is first."""

    rank: int
    slug: str
    title: str
    score: float
    #: How well title and headings fit the query, 0–1.
    title_fit: float
    heading_fit: float
    #: Words of the query that it has and the article lacks.
    words: tuple[str, ...]


@dataclass(frozen=True)
class Reason:
    """How an article stands for a query."""

    query: str
    #: What was searched for instead, where something was put right; else empty.
    searched: str
    #: Language of the articles that count: the reader's, or the one that the query was taken for.
    language: str
    slug: str
    #: Whether there is such an article in that language.
    is_there: bool
    #: From 1; 0 where it is not among the first `DEPTH`.
    rank: int
    #: 0 where it was not found.
    score: float
    title_fit: float
    heading_fit: float
    verdict: Verdict
    confidence: float
    #: From this confidence on a query is answered, and below that unanswered.
    high: float
    low: float
    words: tuple[Word, ...]
    rivals: tuple[Rival, ...]

    @property
    def matches(self) -> str:
        """Which part of the article has which word, as part of a sentence."""
        parts: dict[str, list[str]] = {}
        for word in self.words:
            if word.place:
                parts.setdefault(_PARTS[word.place], []).append(word.text)
        return "; ".join(f"{name} {_listed(texts)}" for name, texts in parts.items()) or "it has no word of it"

    def sentences(self) -> list[str]:
        """The same for people, most important first."""
        return list(_sentences(self))


def reason(edition: Edition, query: Query, slug: str) -> Reason:
    """Find out how an article stands for a query.

    Args:
        edition: with its texts.
        query: as a reader asks it.
        slug: of the article, whether there is one or not.

    Raises:
        SearchUnavailable: the index is missing or broken.
    """
    found = answer(edition, query)
    inquiry = found.inquiry
    reading = (inquiry.asked_in if found.asked_in else inquiry.own) if inquiry else None
    language = reading.language if reading else query.language
    cuts = edition.cuts[language]
    matches = edition.index.search(language, reading.clues, None, 0, DEPTH).matches if reading else ()
    rank, mine = next(((n, match) for n, match in enumerate(matches, 1) if match.slug == slug), (0, None))
    asked = _asked(edition, reading, slug) if reading else ()
    return Reason(
        query.text,
        found.searched if found.repairs else "",
        language,
        slug,
        (language, slug) in edition.knowledge.articles,
        rank,
        mine.score if mine else 0.0,
        mine.title_fit if mine else 0.0,
        mine.heading_fit if mine else 0.0,
        found.verdict,
        found.confidence,
        cuts.high,
        cuts.low,
        _once(asked),
        tuple(_rivals(edition, reading, matches[: rank - 1 if rank else RIVALS][:RIVALS], asked)) if reading else (),
    )


def _asked(edition: Edition, reading: Reading, slug: str) -> tuple[Word, ...]:
    """Where an article has what was looked for, one after the other; a compound is looked for by its parts too."""
    places = _places(edition, reading.language, slug)
    # As it was written: what is looked for has lost its accents.
    written = {word.text: reading.text[word.start : word.end] for word in words(reading.language, reading.text)}
    known = zip(reading.clues, reading.found.known, reading.found.rarity, strict=True)
    return tuple(
        Word(written.get(clue.text, clue.text), _place(places, clue), is_known, rarity)
        for clue, is_known, rarity in known
    )


def _once(asked: tuple[Word, ...]) -> tuple[Word, ...]:
    """Each word once, with the best part that has it or one of its parts."""
    best: dict[str, Word] = {}
    for word in asked:
        if word.text not in best or _RANKS[word.place] < _RANKS[best[word.text].place]:
            best[word.text] = word
    return tuple(best.values())


def _places(edition: Edition, language: str, slug: str) -> dict[str, frozenset[str]]:
    """The terms of each part of an article."""
    item, content = edition.knowledge.articles.get((language, slug)), edition.content(language, slug)
    if item is None or content is None:
        return {}
    article, split = item.article, edition.index.split(language)
    texts = {
        "title": article.title,
        "heading": "\n".join(heading for _, heading, _, _ in content.sections),
        "keywords": "\n".join((*article.keywords, *article.tags)),
        "text": "\n".join((article.summary or "", *(text for _, _, text, _ in content.sections))),
    }
    return {name: frozenset(terms(language, text, split)) for name, text in texts.items()}


def _place(places: dict[str, frozenset[str]], clue: Clue) -> str:
    """The best part that has a clue in any of its ways; empty where none has."""
    ways = [frozenset(way.terms) for way in clue.ways]
    return next((name for name, has in places.items() if any(way <= has for way in ways)), "")


def _rivals(edition: Edition, reading: Reading, above: tuple[Match, ...], asked: tuple[Word, ...]) -> Iterator[Rival]:
    """The articles above, with the words that they have and the article lacks."""
    lacking = {word.text for word in _once(asked) if not word.place}
    for rank, match in enumerate(above, 1):
        item = edition.knowledge.articles.get((reading.language, match.slug))
        added = (row[rank - 1] if rank <= len(row) else 0.0 for row in reading.found.added)
        has = tuple(
            dict.fromkeys(word.text for word, worth in zip(asked, added, strict=True) if worth and word.text in lacking)
        )
        title = item.article.title if item else match.slug
        yield Rival(rank, match.slug, title, match.score, match.title_fit, match.heading_fit, has[:NAMED])


def _sentences(found: Reason) -> Iterator[str]:
    """A reason for people."""
    if found.searched:
        yield f"it was searched for as “{found.searched}”"
    if not found.is_there:
        yield f"there is no article {found.slug} in {found.language} that readers see"
    elif not found.words:
        yield "the query has no word to search for"
    else:
        yield from _of_words(found.words)
    yield from (_of_rival(found, rival) for rival in found.rivals)
    is_first = found.is_there and 0 < found.rank <= 3
    if is_first and found.verdict is not Verdict.ANSWERED:
        yield f"it is found, but not surely: confidence {found.confidence:.2f}, answered from {found.high:.2f}"


def _of_words(asked: tuple[Word, ...]) -> Iterator[str]:
    """What an article has of a query."""
    lacking = [word.text for word in asked if not word.place]
    deep = [word.text for word in asked if word.place == "text"]
    if lacking:
        yield f"it lacks {_listed(lacking)}"
    if deep:
        yield f"only its text has {_listed(deep)}, no title, heading or keyword"


def _of_rival(found: Reason, rival: Rival) -> str:
    """Why an article stands above."""
    parts = [f"has {_listed(rival.words)}"] if rival.words else []
    fits = (("title fits", rival.title_fit, found.title_fit), ("headings fit", rival.heading_fit, found.heading_fit))
    for name, theirs, own in fits:
        if found.rank and theirs - own > _TELLING:
            parts.append(f"its {name} better, {theirs:.2f} against {own:.2f}")
    if found.rank and not parts:
        parts.append("the same words weigh more in it: it repeats them, or is shorter")
    score = f"score {rival.score:.1f}" + (f" against {found.score:.1f}" if found.rank else "")
    return f"at rank {rival.rank} is {rival.slug}, {'; '.join((score, *parts))}"


def _listed(texts: list[str] | tuple[str, ...]) -> str:
    """Words in quotation marks."""
    return ", ".join(f"“{text}”" for text in texts)
