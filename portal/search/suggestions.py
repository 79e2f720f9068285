"""Titles that fit what a person has typed so far."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import islice

from portal.search.analyzers import fold

#: Prefixes of a query that are looked at.
WORDS = 8


def _words(text: str) -> list[str]:
    """The folded words of a text."""
    return "".join(sign if sign.isalnum() else " " for sign in fold(text)).split()


class Suggestions:
    """The titles of one language, ready to be completed.

    Args:
        titles: slug and title of each article.
    """

    def __init__(self, titles: Iterable[tuple[str, str]]) -> None:
        self._titles = sorted((title, slug) for slug, title in titles)
        pairs = {(word, number) for number, (title, _) in enumerate(self._titles) for word in _words(title)}
        self._pairs = sorted(pairs)

    def complete(self, text: str, limit: int = 7) -> list[tuple[str, str]]:
        """Titles in which every word typed begins a word, as slug and title; those that begin with the text first."""
        typed = _words(text)[:WORDS]
        if not typed:
            return []
        # The longest word has the fewest titles; the others are then only looked up in these.
        first, *rest = sorted(set(typed), key=lambda word: -len(word))
        numbers = self._with_prefix(first)
        for word in rest:
            if not numbers:
                break
            numbers &= self._with_prefix(word)
        start = " ".join(typed)
        found = [(" ".join(_words(title)), title, slug) for title, slug in (self._titles[n] for n in numbers)]
        found.sort(key=lambda item: (not item[0].startswith(start), len(item[0]), item[0]))
        return [(slug, title) for _, title, slug in found[:limit]]

    def _with_prefix(self, prefix: str) -> set[int]:
        """The titles that have a word with this beginning."""
        numbers: set[int] = set()
        for word, number in islice(self._pairs, bisect_left(self._pairs, (prefix, 0)), None):
            if not word.startswith(prefix):
                break
            numbers.add(number)
        return numbers
