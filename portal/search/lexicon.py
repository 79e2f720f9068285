"""The words of one language's articles: which of them a person may have meant by one that is none of them."""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from math import log

from rapidfuzz import process
from rapidfuzz.distance import OSA

from portal.search.analyzers import fold
from portal.search.transliteration import skeleton

#: Shortest word that is taken to be misspelt; of shorter ones, too many are one letter apart.
SHORTEST = 4
#: Where what was typed or what was meant is this long, two mistakes are allowed.
TWO_FROM = 7
#: What a different first letter adds to the distance; people seldom mistake it.
FIRST_LETTER = 0.6
#: How much a word that is e times as frequent is nearer.
FREQUENCY = 0.12
#: Words that are nearest, looked at more closely.
LOOKED_AT = 40


class Lexicon:
    """The words of one language's articles.

    Args:
        written: how many articles each word occurs in, in small letters as it is written there.
    """

    def __init__(self, written: Mapping[str, int]) -> None:
        #: How many articles each folded word occurs in.
        self.counts: dict[str, int] = {}
        self._written: dict[str, str] = {}
        for word, count in sorted(written.items(), key=lambda pair: pair[1]):
            folded = "".join(filter(str.isalnum, fold(word)))
            self.counts[folded] = self.counts.get(folded, 0) + count
            # The most frequent way to write it comes last; most words are written as they are folded.
            if word != folded:
                self._written[folded] = word
            else:
                self._written.pop(folded, None)
        self.nearest = lru_cache(maxsize=5_000)(self._nearest)

    def written(self, folded: str) -> str:
        """A folded word as the articles mostly write it."""
        return self._written.get(folded, folded)

    @cached_property
    def _by_length(self) -> dict[int, list[str]]:
        """The words by their number of letters; those with digits are never meant by a mistake."""
        grouped: dict[int, list[str]] = {}
        for word in self.counts:
            if word.isalpha() and len(word) >= SHORTEST - 1:
                grouped.setdefault(len(word), []).append(word)
        return grouped

    @cached_property
    def _skeletons(self) -> dict[str, str]:
        """The most frequent word of each skeleton."""
        ordered = sorted(self.counts, key=lambda word: (self.counts[word], word))
        return {skeleton(word): word for word in ordered if word.isalpha()}

    def _nearest(self, word: str) -> str | None:
        """The word that was most likely meant by a misspelt folded one; None where none is near.

        Insertions, omissions, wrong letters and two letters exchanged count one mistake each (optimal string
        alignment); between equally near words the more frequent one is taken.
        """
        if len(word) < SHORTEST or not word.isalpha():
            return None
        best: tuple[float, str] | None = None
        for length in range(len(word) - 2, len(word) + 3):
            most = 2 if max(len(word), length) >= TWO_FROM else 1
            choices = self._by_length.get(length, ())
            for near, distance, _ in process.extract(
                word, choices, scorer=OSA.distance, score_cutoff=most, limit=LOOKED_AT, processor=None
            ):
                cost = distance + FIRST_LETTER * (near[0] != word[0]) - FREQUENCY * log(self.counts[near])
                if best is None or (cost, near) < best:
                    best = (cost, near)
        return best[1] if best else None

    def transliterated(self, word: str) -> str | None:
        """The word in the other alphabet that a folded one spells; None where there is none."""
        found = self._skeletons.get(skeleton(word))
        return found if found != word else None

    def apart(self, word: str) -> tuple[str, str] | None:
        """Two words that were written as one; None where there are none."""
        ways = (
            (min(self.counts[word[:cut]], self.counts[word[cut:]]), cut)
            for cut in range(3, len(word) - 2)
            if word[:cut] in self.counts and word[cut:] in self.counts
        )
        best = max(ways, default=None)
        return (word[: best[1]], word[best[1] :]) if best else None
