"""How sure it is that what was found answers the query: a few comparable signals, and one probability of them."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from math import exp, log1p

from portal.search import Clue, Found

#: A word that an article is all about adds this much of its rarity: BM25's K1 + 1.
_SATURATION = 2.2


@dataclass(frozen=True)
class Signals:
    """What the probability is made of; each is comparable across queries, languages and collections."""

    #: The best score by what the query's words could come to at most, of which unknown ones count as the rarest.
    normalised: float
    #: The share of the query, by rarity, that the title or the headings of one of the ten best articles have.
    headings: float
    #: How far the best score is from the tenth, as a share of it.
    gap: float
    #: The logarithm of one more than the number of words: long queries are never matched as fully as short ones.
    length: float


NAMES = tuple(item.name for item in fields(Signals))
"""The names of the signals in the order of their weights."""

#: Weights of the signals and the constant, fitted as `portal search calibrate --weights` does, on three collections
#: that count alike: 3,281 help articles with a sixth left out, 240 encyclopaedia paragraphs, and the shipped articles.
WEIGHTS = (7.17, 1.23, 2.47, 0.98)
CONSTANT = -7.3


def signals(clues: tuple[Clue, ...], found: Found) -> Signals:
    """The signals of a search.

    Args:
        clues: the query's.
        found: for them, from the first result on.
    """
    length = log1p(len(clues))
    if not clues or not found.matches:
        return Signals(0.0, 0.0, 0.0, length)
    asked = sum(found.rarity)
    scores = [match.score for match in found.matches]
    return Signals(
        found.matches[0].words / (_SATURATION * asked),
        _share(found.rarity, found.in_headings) / asked,
        (scores[0] - scores[9]) / scores[0] if len(scores) > 9 else 1.0,
        length,
    )


def _share(rarity: Sequence[float], has: Sequence[Sequence[bool]]) -> float:
    """The rarity of the clues that one of the best articles has, at most."""
    return max(sum(part for part, row in zip(rarity, has, strict=True) if row[place]) for place in range(len(has[0])))


def confidence(given: Signals) -> float:
    """The probability that the query is answered, 0–1; nothing found is no answer."""
    if not given.normalised:
        return 0.0
    total = CONSTANT + sum(weight * value for weight, value in zip(WEIGHTS, astuple(given), strict=True))
    return 1 / (1 + exp(-total))
