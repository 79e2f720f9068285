"""Likeness: tickets that ask much the same, in one language by their words, in others by what the words mean there."""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from math import log
from typing import Protocol, TypeVar

from portal.edition import Edition
from portal.privacy import without_masks
from portal.search import Way
from portal.search.analyzers import Split, terms
from portal.search.inquiry import Reading
from portal.tickets import Ticket

#: How many are shown to an agent.
SIMILAR_SHOWN, KIN_SHOWN = 3, 6
#: Share of two tickets' words, by weight, from which they ask much the same.
SIMILAR_FROM = 0.4
#: The same across languages.
KIN_FROM = 0.65
#: Weight of a word that nothing is known of in the other language: it may be the same thing there.
UNKNOWN = 0.5


class Asking(Protocol):
    """What is known of a ticket that is compared with others."""

    @property
    def id(self) -> int:
        """Its number."""
        ...

    @property
    def language(self) -> str:
        """Code of its language."""
        ...

    @property
    def query(self) -> str:
        """The search that it came from; empty where there is none."""
        ...

    @property
    def subject(self) -> str:
        """Of a request."""
        ...


_Asking = TypeVar("_Asking", bound=Asking)


def asked(ticket: Asking) -> str:
    """What a ticket asks, in few words: the search that it came from, or its subject."""
    return without_masks(ticket.query or ticket.subject)


def similar(
    language: str, query: str, candidates: Iterable[_Asking], split: Split | None = None
) -> list[tuple[_Asking, float]]:
    """The tickets of a language that share most of a query's words, the rarer the word the more it counts.

    Args:
        language: of the query; tickets in others are left out.
        query: any text.
        candidates: among which words are rare or frequent.
        split: takes the compounds of the language apart.

    Returns:
        At most `SIMILAR_SHOWN`, most similar first, each with its share (0–1).
    """
    mine = _said_in(language, without_masks(query), split)
    found = [(each, _said_in(language, asked(each), split)) for each in candidates if each.language == language]
    times = Counter(term for _, theirs in found for term in theirs)
    times.update(mine)

    def weight(some: frozenset[str]) -> float:
        return sum(log(1 + (len(found) + 1) / times[term]) for term in some)

    shares = [(each, 2 * weight(mine & theirs) / (weight(mine) + weight(theirs))) for each, theirs in found if theirs]
    alike = [(each, share) for each, share in shares if share >= SIMILAR_FROM]
    return sorted(alike, key=lambda pair: (-pair[1], -pair[0].id))[:SIMILAR_SHOWN]


@lru_cache(maxsize=4_000)
def _said_in(language: str, text: str, split: Split | None) -> frozenset[str]:
    """The terms of a text; the last tickets are compared again whenever one of them is opened."""
    return frozenset(terms(language, text, split))


def kin(edition: Edition, gap: Ticket, candidates: Iterable[Ticket]) -> list[Ticket]:
    """The gaps in other languages that ask the same thing, likeliest first, at most `KIN_SHOWN`.

    Both must say most of what the other says, by the glossary and what was learned from translated articles.

    Args:
        edition: whose words are known.
        gap: any.
        candidates: gaps; those in the gap's own language are left out.

    Raises:
        SearchUnavailable: the index is missing or broken.
    """
    own = _read(edition, gap)
    mine = _terms(edition, gap)
    words: dict[str, tuple[tuple[Way, ...], ...]] = {}
    found: list[tuple[float, int, Ticket]] = []
    for each in candidates:
        if each.language == gap.language or not own.clues:
            continue
        if each.language not in words:
            words[each.language] = _ways(edition, own, each.language)
        there = _said(own, words[each.language], _terms(edition, each))
        if there < KIN_FROM / (2 - KIN_FROM):  # Then the mean of both cannot be enough, whatever the other is.
            continue
        theirs = _read(edition, each)
        back = _said(theirs, _ways(edition, theirs, gap.language), mine)
        share = 2 * there * back / (there + back)
        if share >= KIN_FROM:
            found.append((-share, each.id, each))
    return [each for _, _, each in sorted(found, key=lambda row: row[:2])[:KIN_SHOWN]]


def _read(edition: Edition, gap: Ticket) -> Reading:
    """A gap's words, with how rare each is in the articles."""
    return edition.inquirer(gap.language).read(gap.language, asked(gap))


def _terms(edition: Edition, gap: Ticket) -> frozenset[str]:
    """The terms of a gap, those of compounds' parts too."""
    return frozenset(terms(gap.language, asked(gap), edition.index.split(gap.language)))


def _ways(edition: Edition, reading: Reading, target: str) -> tuple[tuple[Way, ...], ...]:
    """For each word of a reading the ways to say it in another language; none where nothing is known."""
    return edition.dictionary.ways(reading.language, target, reading.clues, reading.text)


def _said(reading: Reading, ways: tuple[tuple[Way, ...], ...], others: frozenset[str]) -> float:
    """How much of a reading the terms of another language say, 0–1; names and codes say themselves."""
    said = whole = 0.0
    for clue, known, rarity in zip(reading.clues, ways, reading.found.rarity, strict=True):
        same = [Way(clue.ways[0].terms)]
        worth = max((way.worth for way in (*known, *same) if others.issuperset(way.terms)), default=0.0)
        said += rarity * worth
        whole += rarity if known or worth else rarity * UNKNOWN
    return said / whole if whole else 0.0
