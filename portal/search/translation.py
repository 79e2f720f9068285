"""The term table: words of one language in another, learned from the articles' own translations.

What translators have written side by side says which words mean the same: in each pair of a title with a title and a
block with a block, every term of one side may be the translation of every term of the other, and counting over all
pairs tells which are (IBM Model 1: Brown et al., “The mathematics of statistical machine translation”, 1993). Measured
on 3,281 help articles in four languages, a fifth left out: the titles of those, translated and asked of another
language's index, find their article among the first five in .92 of all cases (untranslated .25), unique headings in
.73 (.25; asked in the index's own language .88).
"""

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from portal.search.analyzers import terms

_Array = NDArray[Any]

#: Most families that a table is learned from, the newest. 2,624 instead of 1,000 find .016 more titles and .05 more
#: headings: what is asked is not only what was written last.
FAMILIES = 3_000
#: Most combinations of two terms in one pair, over all pairs; they bound time, to 3 s, and memory while learning, to
#: 300 MB, where articles are long.
COMBINATIONS = 3_000_000
#: Most different terms of a block that are looked at.
BLOCK_TERMS = 30
#: Rounds of learning; the third brings .02 where there are fifty families, a fourth nothing.
ROUNDS = 3
#: How much likelier terms are that stand at the same place of their blocks than at opposite ends, as a power of e;
#: .03 more articles found where there are fifty families, .002 where there are a thousand.
NEARNESS = 2.0
#: How much likelier a term is that is written alike in both languages, as names and numbers are; .01 more headings
#: found where there are fifty families.
ALIKE = 10.0
#: Added to how often a term occurs, so that what occurred once proves little; a tenth fewer translations, as good.
DOUBT = 1.0
#: Most translations of a term; eight instead of five find .003 more.
TRANSLATIONS = 8
#: Least probability of a translation.
LEAST = 0.05
#: Largest table that is read, in bytes when unpacked; 3,000 families make 2 MB.
LARGEST = 64 * 1024 * 1024

#: Gives the terms of a text in a language, as the searched index has them.
Analyse = Callable[[str, str], list[str]]

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
#: Probabilities are kept in thousandths: the last digits of a machine's arithmetic do not show.
_WHOLE = 1_000


@dataclass(frozen=True)
class Text:
    """A published article in one language."""

    title: str
    #: Headings and blocks of text in their order.
    blocks: tuple[str, ...]


#: An article's languages with its text in each.
Family = Mapping[str, Text]


class TermTable:
    """The translations of one language's terms in another.

    Args:
        translations: of each term, with their probabilities in thousandths, best first.
    """

    def __init__(self, translations: Mapping[str, tuple[tuple[str, int], ...]]) -> None:
        self._translations = translations

    def __len__(self) -> int:
        """The number of terms that have a translation."""
        return len(self._translations)

    def translate(self, term: str) -> tuple[tuple[str, float], ...]:
        """The translations of a term with their probabilities, best first; none where it is unknown."""
        return tuple((other, share / _WHOLE) for other, share in self._translations.get(term, ()))

    def to_bytes(self) -> bytes:
        """What `from_bytes` reads; equal for equal tables."""
        flat = {term: [part for pair in found for part in pair] for term, found in self._translations.items()}
        return zlib.compress(json.dumps(flat, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(), 9)

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """A table that was kept.

        Raises:
            ValueError: it is damaged.
        """
        unpacker = zlib.decompressobj()
        try:
            content = json.loads(unpacker.decompress(stored, LARGEST))
        except (zlib.error, RecursionError) as error:
            raise ValueError("damaged table of terms") from error
        if not unpacker.eof or unpacker.unused_data or not isinstance(content, dict):
            raise ValueError("damaged table of terms")
        words: dict[str, str] = {}
        return cls({term: _checked(flat, words) for term, flat in content.items()})


def _checked(flat: Any, words: dict[str, str]) -> tuple[tuple[str, int], ...]:
    """The translations of one term, each word kept once for all terms."""
    if not isinstance(flat, list) or not 2 <= len(flat) <= 2 * TRANSLATIONS or len(flat) % 2:
        raise ValueError("not the translations of a term")
    others, shares = flat[::2], flat[1::2]
    if not all(type(other) is str for other in others) or not all(type(share) is int for share in shares):
        raise ValueError("not terms with their probabilities")
    if min(shares) < 1 or sum(shares) > _WHOLE:
        raise ValueError("not probabilities")
    return tuple((words.setdefault(other, other), share) for other, share in zip(others, shares, strict=True))


def learn(source: str, target: str, families: Sequence[tuple[Text, Text]], analyse: Analyse = terms) -> TermTable:
    """The table from one language to another; see `learn_both`, which makes both directions for the same work."""
    return learn_both(source, target, families, analyse)[0]


def learn_both(
    a: str, b: str, families: Sequence[tuple[Text, Text]], analyse: Analyse = terms
) -> tuple[TermTable, TermTable]:
    """The tables from one language to another and back.

    Equal texts make equal tables, byte for byte. A thousand articles of a hundred words take about a second.

    Args:
        a: code of one language.
        b: code of the other.
        families: articles that are published in both, as texts in `a` and `b`, newest first; those that come after
            the first `FAMILIES` are not read.
        analyse: gives the terms of a text; with the parts of German compounds, .02 more titles and .03 more headings are
            found.
    """
    pairs = list(_pairs(a, b, families, analyse))
    if not pairs:
        return TermTable({}), TermTable({})
    here, there = _Side.of(left for left, _ in pairs), _Side.of(right for _, right in pairs)
    lefts, rights, scores = _scored(here, there)
    return _table(here.terms, there.terms, lefts, rights, scores), _table(
        there.terms, here.terms, rights, lefts, scores
    )


def digest(source: str, target: str, families: Sequence[tuple[Text, Text]], analysis: str = "") -> str:
    """What changes whenever the learned table could: with the texts, their order, the languages or the code.

    Args:
        source: code of one language.
        target: code of the other.
        families: as in `learn_both`.
        analysis: what identifies an analysis other than the usual one, such as the words that make compounds.
    """
    made = hashlib.blake2b(_code(), digest_size=16)
    for part in ((source, target, analysis), *((a.title, b.title, a.blocks, b.blocks) for a, b in families[:FAMILIES])):
        made.update(json.dumps(part).encode())
    return made.hexdigest()


def round_trip(there: TermTable, back: TermTable, term: str) -> tuple[tuple[str, float], ...]:
    """Other terms of the same language that mean the same, by way of another language: “remove” for “delete”.

    Args:
        there: table to the other language.
        back: table from it.
        term: whose synonyms are wanted; it is none of them.

    Returns:
        Terms with their probabilities of at least `LEAST`, best first.
    """
    found: dict[str, float] = {}
    for other, first in there.translate(term):
        for synonym, second in back.translate(other):
            found[synonym] = found.get(synonym, 0.0) + first * second
    found.pop(term, None)
    likely = ((synonym, min(1.0, share)) for synonym, share in found.items() if share >= LEAST)
    return tuple(sorted(likely, key=lambda item: (-item[1], item[0])))


@cache
def _code() -> bytes:
    """The code that makes terms and tables."""
    return b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))


_Terms = tuple[str, ...]


def _pairs(a: str, b: str, families: Sequence[tuple[Text, Text]], analyse: Analyse) -> Iterator[tuple[_Terms, _Terms]]:
    """The different terms of texts that say the same, each pair once, up to the greatest amount of work."""
    seen: set[tuple[_Terms, _Terms]] = set()
    left = COMBINATIONS
    for first, second in families[:FAMILIES]:
        for text, translated in _side_by_side(first, second):
            pair = _different(analyse(a, text)), _different(analyse(b, translated))
            if not pair[0] or not pair[1] or pair in seen:
                continue
            left -= len(pair[0]) * len(pair[1])
            if left < 0:
                return
            seen.add(pair)
            yield pair


def _side_by_side(a: Text, b: Text) -> Iterator[tuple[str, str]]:
    """Titles, and sentences or whole blocks, as finely as their numbers agree."""
    yield a.title, b.title
    if len(a.blocks) != len(b.blocks):
        return
    for block, translated in zip(a.blocks, b.blocks, strict=True):
        sentences, others = _SENTENCE.split(block), _SENTENCE.split(translated)
        if len(sentences) == len(others):
            yield from zip(sentences, others, strict=True)
        else:
            yield block, translated


def _different(found: list[str]) -> _Terms:
    """The first terms of a text, each once."""
    return tuple(dict.fromkeys(found))[:BLOCK_TERMS]


@dataclass(frozen=True)
class _Side:
    """One language's half of all pairs."""

    #: Every term, by its number.
    terms: list[str]
    #: Numbers of the terms, pair after pair.
    numbers: list[int]
    #: How many terms each pair has.
    lengths: list[int]

    @classmethod
    def of(cls, texts: Iterable[_Terms]) -> "_Side":
        """Give each term a number."""
        known: dict[str, int] = {}
        numbers: list[int] = []
        lengths: list[int] = []
        for text in texts:
            numbers += [known.setdefault(term, len(known)) for term in text]
            lengths.append(len(text))
        return cls(list(known), numbers, lengths)


def _combined(here: _Side, there: _Side) -> tuple[_Array, _Array, _Array]:
    """Every combination of two terms in a pair: which of all terms here, which there, and how near their places are."""
    lengths, others = np.array(here.lengths), np.array(there.lengths)
    sizes = lengths * others
    pair = np.repeat(np.arange(len(sizes)), sizes)
    within = np.arange(len(pair)) - (np.cumsum(sizes) - sizes)[pair]
    place, other_place = np.divmod(within, others[pair])
    apart = np.abs((place + 0.5) / lengths[pair] - (other_place + 0.5) / others[pair])
    left = (np.cumsum(lengths) - lengths)[pair] + place
    right = (np.cumsum(others) - others)[pair] + other_place
    return left, right, np.exp(-NEARNESS * apart)


def _scored(here: _Side, there: _Side) -> tuple[_Array, _Array, _Array]:
    """Numbers of a term here and one there that occur in a pair together, and how well they explain each other.

    The score is the geometric mean of the probabilities in both directions; each round begins with the last one's, so
    that both directions agree on what they have learned.
    """
    left, right, near = _combined(here, there)
    both = np.array(here.numbers)[left] * len(there.terms) + np.array(there.numbers)[right]
    kinds, kind = np.unique(both, return_inverse=True)
    lefts, rights = np.divmod(kinds, len(there.terms))
    known = {term: number for number, term in enumerate(there.terms)}
    alike = np.array([known.get(term, -1) for term in here.terms])
    likely = near * np.where(alike[lefts] == rights, ALIKE, 1.0)[kind]
    scores = np.ones(len(kinds))
    for _ in range(ROUNDS):
        weights = scores[kind] * likely
        product = np.ones(len(kinds))
        for explained, given in ((right, lefts), (left, rights)):
            shares = weights / np.bincount(explained, weights)[explained]
            counts = np.bincount(kind, shares)
            product *= counts / (np.bincount(given, counts) + DOUBT)[given]
        scores = np.sqrt(product)
    return lefts, rights, scores


def _table(names: list[str], others: list[str], given: _Array, found: _Array, scores: _Array) -> TermTable:
    """The best translations of each term, their scores as parts of one."""

    def parts(kept: _Array) -> _Array:
        shares: _Array = scores[kept] / np.bincount(given[kept], scores[kept])[given[kept]]
        return shares

    best = np.zeros(len(names))
    np.maximum.at(best, given, scores)
    likely = np.flatnonzero(scores >= LEAST * best[given])
    order = likely[np.lexsort((found[likely], -scores[likely], given[likely]))]
    order = order[np.arange(len(order)) - np.searchsorted(given[order], given[order]) < TRANSLATIONS]
    order = order[parts(order) >= LEAST]
    thousandths = np.floor(parts(order) * _WHOLE + 1e-6).astype(int)
    made: dict[str, list[tuple[str, int]]] = {}
    for term, other, share in zip(given[order].tolist(), found[order].tolist(), thousandths.tolist(), strict=True):
        made.setdefault(names[term], []).append((others[other], share))
    return TermTable({term: tuple(pairs) for term, pairs in made.items()})
