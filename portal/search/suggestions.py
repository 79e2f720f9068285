"""What a person who is typing may be looking for: titles, sections of articles, and what many have asked."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache, partial
from math import log
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from portal.search.analyzers import WORD_LENGTH, fold, stem
from portal.search.chains import CHAINS
from portal.search.layouts import retyped
from portal.search.lexicon import FIRST_LETTER, FREQUENCY, SHORTEST, TWO_FROM, Lexicon

#: What is looked at of a text that is being typed.
CHARACTERS, WORDS = 200, 16
#: With fewer suggestions than this the text may have been mistyped.
ENOUGH = 3
#: Most words of a text that are put right; where more are unknown, the text is about something else.
PUT_RIGHT = 3
#: Fits that are looked at for each kind of suggestion, so that one article with endless sections costs no more.
LOOKED_AT = 200
#: After the last letter that is there; any word begins like this one.
_LAST = "\U0010ffff"
_LETTERS = r"[^\W_](?:[^\W_]|[\u0300-\u036f\u00ad\u200b-\u200d])*"
_TOKEN = re.compile(rf"{_LETTERS}(?:[-‐‑'’ʼ]{_LETTERS})*")
_APOSTROPHE = re.compile(r"['’ʼ]")
_HYPHEN = re.compile(r"[-‐‑]")

_Numbers: TypeAlias = NDArray[np.intp]


class Kind(StrEnum):
    """What a suggestion leads to."""

    TITLE = "title"
    HEADING = "heading"
    #: A search with this text.
    QUERY = "query"


@dataclass(frozen=True)
class Suggestion:
    """One line below the search field."""

    kind: Kind
    text: str
    #: Of the article; empty for a query.
    slug: str = ""
    #: Of the section; empty for a title or query.
    anchor: str = ""
    #: Title of the article that a heading is in; otherwise empty.
    context: str = ""


class _Entry(NamedTuple):
    """Something that may be suggested, in the order in which equally fitting ones are shown."""

    #: 0 for a title, 1 for a query, 2 for a heading.
    kind: int
    length: int
    key: str
    slug: str
    text: str
    anchor: str
    parts: list[str]
    #: Compounds with hyphens as one word.
    joined: list[str]


class _Packed:
    """Many texts in little memory."""

    def __init__(self, texts: list[str]) -> None:
        encoded = [text.encode("utf-8", "replace") for text in texts]
        self._all = b"".join(encoded)
        self._ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)

    def __getitem__(self, number: int) -> str:
        return self._all[self._ends[number] : self._ends[number + 1]].decode()


def _word(language: str, raw: str) -> tuple[list[str], str]:
    """The folded parts of a token, and the whole where hyphens join them.

    An article that is joined in front goes, and apostrophes inside a word; “ae” is “ä”, whose dots are folded away.
    """
    chain = CHAINS[language]
    while (found := _APOSTROPHE.search(raw)) and fold(raw[: found.start()]) in chain.elided:
        raw = raw[found.end() :]
    parts = []
    for part in _HYPHEN.split(_APOSTROPHE.sub("", raw)):
        folded = "".join(filter(str.isalnum, fold(part[:WORD_LENGTH])))
        if chain.letters:
            folded = chain.letters[0].sub(chain.letters[1], folded)
        parts += [folded] if folded else []
    return parts, "".join(parts) if len(parts) > 1 else ""


def _words(language: str, text: str) -> list[str]:
    """The folded words of a text that is being typed."""
    return [part for token in _TOKEN.findall(text) for part in _word(language, token)[0]][:WORDS]


class Suggestions:
    """What can be suggested in one language; never changes, and may be asked from several threads.

    Args:
        titles: slug and title of each article.
        headings: slug, anchor and heading of each section; those without an anchor or of no article are left out.
        queries: what many have asked; one that is an article's title is left out.
        lexicon: the words of the articles.
        language: code.
    """

    def __init__(
        self,
        titles: Iterable[tuple[str, str]],
        headings: Iterable[tuple[str, str, str]],
        queries: Iterable[str],
        lexicon: Lexicon,
        language: str,
    ) -> None:
        self._language = language
        self._lexicon = lexicon
        entries = sorted(self._entries(dict(titles), headings, queries))
        kinds = [entry.kind for entry in entries]
        #: Where queries and headings begin.
        self._bounds = [bisect_left(kinds, kind) for kind in range(3)]
        self._slugs = [entry.slug for entry in entries[: self._bounds[1]]]
        number_of = {slug: number for number, slug in enumerate(self._slugs)}
        #: The number of each entry's article, which is that of its title; for a query its own.
        articles = [number_of.get(entry.slug, number) for number, entry in enumerate(entries)]
        self._articles = np.array(articles, np.int32)
        self._texts = _Packed([entry.text for entry in entries])
        self._anchors = _Packed([entry.anchor for entry in entries[self._bounds[2] :]])
        #: All words, sorted: those with one beginning are neighbours, and so are their postings.
        self._vocabulary = sorted({word for entry in entries for word in (*entry.parts, *entry.joined)})
        self._arrange(entries)
        self._prefixes = lru_cache(maxsize=WORD_LENGTH)(self._prefixes_of)
        self._near = lru_cache(maxsize=1000)(self._nearest)

    def _entries(
        self, titles: dict[str, str], headings: Iterable[tuple[str, str, str]], queries: Iterable[str]
    ) -> Iterator[_Entry]:
        """Everything that may be suggested."""
        # Words come again and again; this is forgotten when everything is made.
        word = cache(partial(_word, self._language))

        def entry(kind: int, slug: str, text: str, anchor: str = "") -> _Entry:
            parts: list[str] = []
            joined = []
            for token in _TOKEN.findall(text):
                found, whole = word(token)
                parts += found
                joined += [whole] if whole else []
            key = " ".join(parts)
            return _Entry(kind, len(key), key, slug, text, anchor, parts, joined)

        seen = set()
        for slug, title in titles.items():
            made = entry(0, slug, title)
            seen.add(made.key)
            yield made
        for text in queries:
            made = entry(1, "", text)
            if made.key not in seen:
                seen.add(made.key)
                yield made
        for slug, anchor, heading in headings:
            if anchor and slug in titles:
                yield entry(2, slug, heading, anchor)

    def _arrange(self, entries: list[_Entry]) -> None:
        """The words of each entry, and the entries of each word, as arrays."""
        number_of = {word: number for number, word in enumerate(self._vocabulary)}
        sequence = [number_of[word] for entry in entries for word in entry.parts]
        lengths = [len(entry.parts) for entry in entries]
        # The end is filled up, so that the words after an entry's last can be looked at everywhere.
        self._sequence = np.array(sequence + [-1] * WORDS, np.int32)
        self._starts = np.cumsum([0, *lengths], dtype=np.int32)
        owners = np.repeat(np.arange(len(entries)), lengths)
        more = [(number_of[word], number) for number, entry in enumerate(entries) for word in entry.joined]
        words = np.concatenate([np.array(sequence, np.int64), np.array([word for word, _ in more], np.int64)])
        owners = np.concatenate([owners, np.array([number for _, number in more], np.int64)])
        pairs = np.unique(words * len(entries) + owners) if entries else np.zeros(0, np.int64)
        self._postings = (pairs % max(1, len(entries))).astype(np.int32)
        counts = np.bincount(pairs // max(1, len(entries)), minlength=len(self._vocabulary))
        self._offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

    def complete(self, text: str, limit: int = 7) -> list[Suggestion]:
        """What fits a text that is being typed, each word of which begins a word of what fits, in any order.

        First queries that begin with the text, then titles that do, then other titles and queries, then headings; of
        equals the shorter. Each article comes once, unless a section begins with the text and its title does not.
        Where little fits, what was meant by the text is looked for: with another keyboard layout, or spelt right.

        Args:
            text: of any length; the first `CHARACTERS` and `WORDS` count.
            limit: how many at most.
        """
        text = text[:CHARACTERS]
        words = _words(self._language, text)
        found = self._best(words, limit)
        if len(found) < min(ENOUGH, limit):
            for meant in self._meant(text, words, is_unknown=not found):
                known = set(self._articles[found].tolist())
                more = [number for number in self._best(meant, limit) if int(self._articles[number]) not in known]
                if more:
                    found += more
                    break
        return [self._suggestion(number) for number in found[:limit]]

    def _suggestion(self, number: int) -> Suggestion:
        """An entry as it is shown."""
        text = self._texts[number]
        if number < self._bounds[2]:
            is_title = number < self._bounds[1]
            return Suggestion(Kind.TITLE, text, self._slugs[number]) if is_title else Suggestion(Kind.QUERY, text)
        article = int(self._articles[number])
        anchor = self._anchors[number - self._bounds[2]]
        return Suggestion(Kind.HEADING, text, self._slugs[article], anchor, self._texts[article])

    def _range(self, prefix: str) -> tuple[int, int]:
        """Where the words with a beginning are."""
        first = bisect_left(self._vocabulary, prefix)
        return first, bisect_left(self._vocabulary, prefix + _LAST, first)

    def _count(self, prefix: str) -> int:
        """How often words with a beginning occur."""
        first, end = self._range(prefix)
        return int(self._offsets[end] - self._offsets[first])

    def _best(self, words: list[str], limit: int) -> list[int]:
        """The entries that fit best, best first."""
        ranges = [self._range(word) for word in words]
        if not words or any(first == end for first, end in ranges):
            return []
        found = self._with_all(ranges)
        begins = self._begins(found, words, ranges[-1])
        titles, queries, headings = np.split(np.arange(len(found)), np.searchsorted(found, self._bounds[1:3]))
        order = [queries[begins[queries]], titles[begins[titles]], titles[~begins[titles]], queries[~begins[queries]]]
        chosen = [number for part in order for number in found[part[:limit]].tolist()][:limit]
        if len(chosen) < limit:
            titled = zip(found[titles].tolist(), begins[titles].tolist(), strict=True)
            chosen += self._sections(found, (headings[begins[headings]], headings[~begins[headings]]), dict(titled))
        return chosen[:limit]

    def _sections(self, found: _Numbers, parts: tuple[_Numbers, _Numbers], articles: dict[int, bool]) -> Iterator[int]:
        """One heading of each article, those that begin with the text first.

        Args:
            found: the entries that fit.
            parts: places in these of headings that begin with the text, and of the others.
            articles: those whose title fits, and whether it begins with the text.
        """
        for is_begin, part in zip((True, False), parts, strict=True):
            for number in found[part[:LOOKED_AT]].tolist():
                article = int(self._articles[number])
                if article not in articles or (is_begin and not articles[article]):
                    articles[article] = True
                    yield number

    def _with_all(self, ranges: list[tuple[int, int]]) -> _Numbers:
        """The entries that have a word of each range, in their order."""
        has_all = np.ones(len(self._articles), bool)
        for first, end in set(ranges):
            has = np.zeros(len(self._articles), bool)
            has[self._postings[self._offsets[first] : self._offsets[end]]] = True
            has_all &= has
        return np.flatnonzero(has_all)

    def _begins(self, found: _Numbers, words: list[str], last: tuple[int, int]) -> NDArray[np.bool_]:
        """Which entries begin with the words, the last of which may be a part of one."""
        starts = self._starts[found]
        begins = self._starts[found + 1] - starts >= len(words)
        for place, word in enumerate(words[:-1]):
            number = bisect_left(self._vocabulary, word)
            is_whole = self._vocabulary[number] == word
            begins &= (self._sequence[starts + place] == number) & is_whole
        final = self._sequence[starts + len(words) - 1]
        return begins & (final >= last[0]) & (final < last[1])

    def _meant(self, text: str, words: list[str], is_unknown: bool) -> Iterator[list[str]]:
        """The words that may have been meant by a text of which little or nothing is known, likeliest first."""
        if _HYPHEN.search(text):
            yield _words(self._language, _HYPHEN.sub("", text))
        # A short text that fits something is not taken for a mistake.
        if is_unknown or len(text) >= SHORTEST:
            for other in retyped(self._language, text):
                yield _words(self._language, other)
                if not is_unknown:
                    continue
                # A name that was typed before the layout was changed stays as it is.
                pairs = zip(text.split(), other.split(), strict=True)
                mixed = (old if all(map(self._count, _words(self._language, old))) else new for old, new in pairs)
                yield _words(self._language, " ".join(mixed))
        unknown = [place for place, word in enumerate(words) if not self._count(word)]
        right = list(words)
        for place in unknown if len(unknown) <= PUT_RIGHT else ():
            right[place] = self._right(words[place], is_last=place == len(words) - 1)
        if right != words:
            yield right
        # Other forms of the words, without those that carry no subject.
        if is_unknown:
            yield [begin for word in right if len(begin := stem(self._language, word)) >= SHORTEST - 1]

    def _right(self, word: str, *, is_last: bool) -> str:
        """A word that nothing begins with, as it was most likely meant; itself where that cannot be said."""
        for elided in CHAINS[self._language].elided:  # “lacces”
            rest = word.removeprefix(elided)
            if rest != word and len(rest) >= SHORTEST and self._count(rest):
                return rest
        if self._language == "ru" and (meant := self._lexicon.transliterated(word)) and self._count(meant):
            return meant
        if not is_last and (whole := self._lexicon.nearest(word)):
            known = "".join(_words(self._language, whole))
            if self._count(known):
                return known
        return self._near(word)

    def _prefixes_of(self, length: int) -> list[str]:
        """The beginnings of words that have a number of letters."""
        return list(dict.fromkeys(word[:length] for word in self._vocabulary if len(word) >= length and word.isalpha()))

    def _nearest(self, word: str) -> str:
        """The beginning of words that was most likely meant by one that none begins with; see `Lexicon.nearest`."""
        if len(word) < SHORTEST or not word.isalpha():
            return word
        for most in (1, 2) if len(word) >= TWO_FROM else (1,):
            best = min(self._costs(word, most), default=None)
            if best:
                return best[1]
        return word

    def _costs(self, word: str, most: int) -> Iterator[tuple[float, str]]:
        """The beginnings of words that are at most a number of mistakes away, with how unlikely each is."""
        for length in range(len(word) - most, len(word) + most + 1):
            for near, distance, _ in process.extract(
                word, self._prefixes(length), scorer=OSA.distance, score_cutoff=most, limit=40, processor=None
            ):
                yield distance + FIRST_LETTER * (near[0] != word[0]) - FREQUENCY * log(self._count(near)), near
