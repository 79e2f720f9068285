"""The lines of an article that a query is about, with its words marked.

No text is analysed as a whole. It is brought to bytes in which accents, capitals and hyphens make no difference, the
beginnings of the wanted terms are looked for there, and only the words that have one are analysed.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import fsum
from typing import NamedTuple
from weakref import WeakKeyDictionary

from portal.search.analyzers import Split, Word, words
from portal.search.chains import CHAINS
from portal.search.scan import APOSTROPHES, BLANK, keys_of

#: Length of a snippet in characters; about two lines of a result.
LENGTH = 200
#: What stands around the marked words, in characters, where the text has as much.
LEAD = 40
#: How many of an article's characters are looked at; more than any help article has.
SCANNED = 262_144
#: Longest run without a blank that is looked at, in bytes of the scan; a longer one could not be shown.
RUN = LENGTH - LEAD
#: How often each term is looked for in an article; only hostile texts have it more often.
LOOKED_AT = 4_000
#: How many runs are remembered with their words, for each language of an index: a few hundred words make half of a text.
REMEMBERED = 5_000
#: How many runs are remembered with their wanted words, for each query of the last ones.
REMEMBERED_OF_ONE = 250
#: What a term in the heading adds, beside one in the text.
HEADING = 0.25

#: How many letters at its end a stem may not share with the word that it comes from: “policy”, “polici”.
_CHANGED = {"en": 1, "fr": 2}
#: Shortest beginning of a term that is looked for inside words.
_INSIDE = 3


@dataclass(frozen=True)
class Snippet:
    """Text in pieces, each with whether it is one of the query's words."""

    pieces: tuple[tuple[str, bool], ...]
    #: Anchor of the section that it comes from; empty for the beginning.
    anchor: str = ""
    #: Heading of that section.
    heading: str = ""


class _Place(NamedTuple):
    """A word that is wanted."""

    start: int
    end: int
    #: Which of the wanted terms it has.
    terms: tuple[str, ...]


def snippet(
    language: str,
    wanted: frozenset[str],
    sections: Iterable[tuple[str, str, str]],
    split: Split | None = None,
    rarity: Mapping[str, float] | None = None,
) -> Snippet:
    """The best window of an article.

    Args:
        language: of the text.
        wanted: analysed terms of the query, in the text's language.
        sections: anchor, heading and plain text of each; a line for each block.
        split: takes compounds apart, as it did when the article was indexed.
        rarity: weight of each term; 1 for one that it does not have.

    Returns:
        The window whose different terms weigh most, the first where several weigh as much; the beginning of a section
        where only headings have any, that of the article where nothing has. Line ends have become blanks.
    """
    parts = list(sections)
    weights = {term: max(0.0, (rarity or {}).get(term, 1.0)) for term in wanted}
    lines = [line for _, heading, text in parts for line in (heading, text)]
    found = _Asked.of(language, wanted, split).by_line(lines)
    best, chosen, core = (False, -1.0), None, (0, 0)
    for number in sorted({line // 2 for line in found}):
        here = found.get(2 * number + 1, [])
        extra = HEADING * _weight(_terms(found.get(2 * number, ())), weights)
        if (bool(here), _weight(_terms(here), weights) + extra) <= best or not parts[number][2].strip():
            continue  # Not even with all its words in one window.
        weight, span = _densest(here, weights)
        if (bool(here), weight + extra) > best:
            best, chosen, core = (bool(here), weight + extra), number, span
    if chosen is None:
        return Snippet(tuple(_pieces(next((text for _, _, text in parts if text.strip()), ""), (0, 0), ())))
    anchor, heading, text = parts[chosen]
    return Snippet(tuple(_pieces(text, core, found.get(2 * chosen + 1, ()))), anchor, heading)


def marked(
    language: str, wanted: frozenset[str], text: str, split: Split | None = None
) -> tuple[tuple[str, bool], ...]:
    """A text, such as a title, in pieces, each with whether it is a wanted word; see `snippet`."""
    places = _Asked.of(language, wanted, split).by_line([text]).get(0, ())
    return tuple(_marked(text, 0, len(text), places))


#: The words of runs, by what takes compounds apart, with which they go, and by language.
_known: WeakKeyDictionary[Callable[..., object], dict[str, dict[str, tuple[Word, ...]]]] = WeakKeyDictionary()


class _Asked:
    """What a query asks for, ready to be looked for in many texts.

    Args:
        language: of the texts.
        wanted: analysed terms.
        split: takes compounds apart.
    """

    def __init__(self, language: str, wanted: frozenset[str], split: Split | None) -> None:
        self._language, self._wanted, self._split = language, wanted, split
        self._beginnings = sorted({_beginning(language, term) for term in wanted} - {(b"", False), (b"", True)})
        self._known = _known.setdefault(split or words, {}).setdefault(language, {})
        self._wanted_of: dict[str, tuple[_Place, ...]] = {}

    @staticmethod
    @lru_cache(maxsize=64)
    def of(language: str, wanted: frozenset[str], split: Split | None) -> "_Asked":
        """One for all the results of a query."""
        return _Asked(language, wanted, split)

    def by_line(self, lines: Sequence[str]) -> Mapping[int, list[_Place]]:
        """The wanted words of each line that has any, in their order; a line is any text."""
        found: dict[int, list[_Place]] = defaultdict(list)
        if not self._beginnings:
            return found
        # A blank before the first and after the last, so that every run has its two.
        text = "\n".join(("", *lines, ""))[:SCANNED]
        starts = list(accumulate((len(line) + 1 for line in lines), initial=1))
        for start, end in self._runs(text):
            line = bisect_right(starts, start) - 1
            offset = start - starts[line]
            for begin, stop, terms in self._wanted_in(text[start:end]):
                found[line].append(_Place(offset + begin, offset + stop, terms))
        return found

    def _runs(self, text: str) -> list[tuple[int, int]]:
        """Where the runs between blanks are that may have a wanted word, in their order."""
        keys, origins = keys_of(self._language, text)
        runs: dict[int, int] = {}
        for beginning, inside in self._beginnings:
            at, looked = keys.find(beginning), 0
            while at >= 0 and looked < LOOKED_AT:
                looked += 1
                end = keys.find(b" ", at, at + RUN)
                if end < 0:
                    at = keys.find(beginning, at + RUN)
                elif inside or keys[at - 1] == BLANK or _begins_word(text, int(origins[at])):
                    if (blank := keys.rfind(b" ", max(0, at - RUN), at)) >= 0:
                        runs[blank] = end
                    at = keys.find(beginning, end)
                else:
                    at = keys.find(beginning, at + 1)
        blanks = sorted(runs)
        begins, ends = origins[blanks] + 1, origins[[runs[blank] for blank in blanks]]
        # Accents are left out of the bytes, so that what is short there may be long.
        return [(begin, end) for begin, end in zip(begins.tolist(), ends.tolist(), strict=True) if end - begin <= RUN]

    def _wanted_in(self, run: str) -> tuple[_Place, ...]:
        """The wanted words of a run; an article has the same few again and again."""
        known = self._wanted_of.get(run)
        if known is not None:
            return known
        found: list[_Place] = []
        last = 0
        for word in self._words_of(run):
            if terms := tuple(term for term in word.terms if term in self._wanted):
                found.append(_Place(max(last, _with_elided(run, word.start)), word.end, terms))
                last = word.end
        if len(self._wanted_of) >= REMEMBERED_OF_ONE:
            self._wanted_of.clear()
        self._wanted_of[run] = wanted = tuple(found)
        return wanted  # Another thread may have cleared what is remembered.

    def _words_of(self, run: str) -> tuple[Word, ...]:
        """The words of a run."""
        found = self._known.get(run)
        if found is None:
            found = tuple(words(self._language, run, self._split))
            if len(self._known) >= REMEMBERED:
                self._known.clear()  # What is frequent comes again at once.
            self._known[run] = found
        return found


def _beginning(language: str, term: str) -> tuple[bytes, bool]:
    """What every word with a term has, as bytes of the scan, and whether that may stand inside the word."""
    keys = keys_of(language, term)[0].strip()
    if keys.isdigit():
        return keys, True  # “365” in “Office365”.
    if CHAINS[language].links:
        # Stems of these languages are taken out of the middle of words. In “Kontoeinstellung” the scan, which has one
        # byte for “oe”, lacks the first letter of the second part.
        return (keys.removeprefix(b"e"), True) if len(keys) > _INSIDE else (keys, len(keys) >= _INSIDE)
    return keys[: max(len(keys) - _CHANGED.get(language, 0), min(len(keys), 2))], False


def _begins_word(text: str, start: int) -> bool:
    """Whether no letter or digit stands before."""
    return start == 0 or not text[start - 1].isalnum()


def _with_elided(run: str, start: int) -> int:
    """Where a word begins together with the article that is joined to it: “l'accès”."""
    while start > 1 and run[start - 1] in APOSTROPHES and run[start - 2].isalnum():
        start -= 2
        while start > 0 and run[start - 1].isalnum():
            start -= 1
    return start


def _terms(places: Iterable[_Place]) -> set[str]:
    """The different terms of some words."""
    return {term for place in places for term in place.terms}


def _weight(terms: Iterable[str], weights: Mapping[str, float]) -> float:
    """What different terms weigh together, the same in any order."""
    return fsum(weights[term] for term in terms)


def _densest(places: Sequence[_Place], weights: Mapping[str, float]) -> tuple[float, tuple[int, int]]:
    """The greatest weight of different terms within a window's reach, and from where to where the first such are."""
    best, span, last, end = -1.0, (0, 0), 0, 0
    inside: dict[str, int] = {}
    for start, _, leaving in places:
        while last < len(places) and places[last].end - start <= RUN:
            for term in places[last].terms:
                if term not in inside:
                    inside[term], end = 0, places[last].end
                inside[term] += 1
            last += 1
        if end > span[1] and (weight := _weight(inside, weights)) > best:
            best, span = weight, (start, end)
        for term in leaving:
            inside[term] -= 1
            if not inside[term]:
                del inside[term]
    return max(best, 0.0), span


def _window(text: str, core: tuple[int, int]) -> tuple[int, int]:
    """Where to cut around what must be shown: where a block begins, or else at blanks."""
    first, last = core
    latest = max(0, len(text) - LENGTH)
    earliest = min(first, max(0, last + LEAD - LENGTH))
    if (block := text.rfind("\n", earliest, min(first, latest + 1))) >= 0:
        begin = block + 1
    elif earliest == 0 or latest == 0:
        begin = 0
    else:
        begin = max(1, min(first - LEAD, latest))
        blanks = [blank for sign in " \n" if (blank := text.find(sign, begin - 1, first)) >= 0]
        begin = min(blanks) + 1 if blanks else first
    end = min(len(text), begin + LENGTH)
    if end < len(text):
        blank = max(text.rfind(sign, max(begin + 1, last), end + 1) for sign in " \n")
        end = blank if blank >= 0 else last or end
    return begin, end


def _pieces(text: str, core: tuple[int, int], places: Iterable[_Place]) -> Iterator[tuple[str, bool]]:
    """A window in pieces; an ellipsis stands where a block was cut."""
    begin, end = _window(text, core)
    if begin > 0 and text[begin - 1] != "\n":
        yield "… ", False
    for piece, is_word in _marked(text, begin, end, places):
        yield piece.replace("\n", " "), is_word
    if end < len(text) and text[end] != "\n":
        yield " …", False


def _marked(text: str, begin: int, end: int, places: Iterable[_Place]) -> Iterator[tuple[str, bool]]:
    """A part of a text in pieces."""
    for start, stop, _ in places:
        if begin <= start and stop <= end:
            if begin < start:
                yield text[begin:start], False
            yield text[start:stop], True
            begin = stop
    if begin < end:
        yield text[begin:end], False
