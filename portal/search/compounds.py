"""Compounds taken apart, by the words that the articles themselves use."""

import json
from collections.abc import Mapping
from functools import lru_cache
from math import log

from portal.search.analyzers import stop_words
from portal.search.chains import CHAINS

#: Shortest part, in letters.
PART = 4
#: How often a part must occur to be one.
SEEN = 3
#: Longest word that is looked at; no compound of use is longer.
LONGEST = 48


class Splitter:
    """Takes the compounds of a language apart, as Koehn and Knight do (“Empirical methods for compound splitting”, 2003).

    Of all ways to write a word as parts that occur by themselves, the one with the greatest geometric mean of their
    frequencies is taken.

    Args:
        language: code of the language.
        counts: how many articles each folded word occurs in.
    """

    def __init__(self, language: str, counts: Mapping[str, int]) -> None:
        self.links = CHAINS[language].links
        stop = stop_words(language)
        self.known = {
            word: count
            for word, count in counts.items()
            if count >= SEEN and len(word) >= PART and word.isalpha() and word not in stop
        }
        self.split = lru_cache(maxsize=100_000)(self._split)

    def _split(self, word: str) -> tuple[str, ...]:
        """The parts of a folded word; none where it is no compound."""
        if not self.links or not 2 * PART <= len(word) <= LONGEST or not word.isalpha():
            return ()
        # Best way to write each beginning of the word in so many parts: sum of the logarithms, and the parts.
        best: list[dict[int, tuple[float, tuple[str, ...]]]] = [{} for _ in range(len(word) + 1)]
        best[0][0] = (0.0, ())
        for end in range(PART, len(word) + 1):
            for begin in range(end - PART + 1):
                if not best[begin] or (begin == 0 and end == len(word)):
                    continue
                for link in self.links if end < len(word) else ("",):
                    part = word[begin : end - len(link)] if word[begin:end].endswith(link) else ""
                    if len(part) < PART or part not in self.known:
                        continue
                    for number, (total, parts) in best[begin].items():
                        longer = (total + log(self.known[part]), (*parts, part))
                        best[end][number + 1] = max(best[end].get(number + 1, longer), longer)
        ways = best[len(word)].items()
        return max(ways, key=lambda way: (way[1][0] / way[0], -way[0]))[1][1] if ways else ()

    def to_text(self) -> str:
        """What `from_text` reads."""
        return json.dumps(self.known, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_text(cls, language: str, text: str) -> "Splitter":
        """A splitter that was kept.

        Raises:
            ValueError: the text is damaged.
        """
        try:
            counts = json.loads(text)
        except RecursionError as error:
            raise ValueError("not a list of words") from error
        if not isinstance(counts, dict) or not all(type(count) is int for count in counts.values()):
            raise ValueError("not a list of words with their numbers")
        return cls(language, counts)
