"""One language of one generation in PostgreSQL, for ranking: lists and titles are asked for as queries need them."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, reduce
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from portal.errors import SearchUnavailable
from portal.search import Clue
from portal.search.analyzers import Split
from portal.search.postgres_forms import (
    Half,
    Hashes,
    hashed,
    read_frequencies,
    read_head,
    read_lexicon,
    read_postings,
    topic_term,
)
from portal.search.postgres_server import Server
from portal.search.view import TITLE_BOOST, Floats, Ints, Postings, Titles, saturated

#: Bytes of decoded lists, and of titles, that an open view remembers.
LISTS_KEPT, HEADS_KEPT = 48 * 2**20, 16 * 2**20
#: Bytes of an entry beside its numbers.
_ENTRY = 400

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, eq=False)
class _Segment:
    """What every search needs of a segment, which never changes."""

    number: int
    count: int
    text_length: int
    title_length: int
    hashes: Hashes
    frequencies: NDArray[np.uint32]

    def frequency(self, hashes: Hashes) -> Ints:
        """In how many articles terms occur."""
        if not len(self.hashes):
            return np.zeros(len(hashes), np.intp)
        places = self.hashes.searchsorted(hashes)
        found = self.hashes.take(places, mode="clip") == hashes
        return np.where(found, self.frequencies.take(places, mode="clip"), 0)


class _Head(NamedTuple):
    """An article as it is shown and compared with a query."""

    slug: str
    #: How many terms its title and each heading have, and these.
    sizes: Ints
    hashes: Hashes


class _Kept(Generic[_Key, _Value]):
    """What was used last, up to a number of bytes.

    Args:
        most: bytes.
        weigh: the bytes of a value.
    """

    def __init__(self, most: int, weigh: Callable[[_Value], int]) -> None:
        self._most, self._weigh = most, weigh
        self._held: OrderedDict[_Key, _Value] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, keys: Iterable[_Key]) -> dict[_Key, _Value]:
        """Those of some values that are at hand."""
        found = {}
        with self._lock:
            for key in keys:
                if (value := self._held.get(key)) is not None:
                    self._held.move_to_end(key)
                    found[key] = value
        return found

    def put(self, values: dict[_Key, _Value]) -> None:
        """Keep values; what was not used for longest goes."""
        with self._lock:
            for key, value in values.items():
                if key not in self._held:
                    self._size += self._weigh(value)
                self._held[key] = value
            while self._size > self._most and self._held:
                self._size -= self._weigh(self._held.popitem(last=False)[1])


@lru_cache(maxsize=64)
def _segment(server: Server, number: int) -> _Segment:
    """A segment; a generation has most of them from the one before."""
    rows = server.rows(
        "SELECT documents, text_length, title_length, frequencies FROM search1_segments WHERE id = %s", number
    )
    if not rows:
        raise _gone()
    count, text_length, title_length, stored = rows[0]
    hashes, frequencies = read_frequencies(stored)
    return _Segment(number, count, text_length, title_length, hashes, frequencies)


def _gone() -> SearchUnavailable:
    return SearchUnavailable("the index of this generation is not on the search server")


class PostgresView:
    """One language's index, for reading; safe to use from several threads.

    Args:
        server: that is asked.
        language: its code.
        digest: names the generation.
        split: takes compounds apart.

    Raises:
        SearchUnavailable: the server does not answer, or lacks the generation.
    """

    def __init__(self, server: Server, language: str, digest: str, split: Split | None) -> None:
        self.language, self.split = language, split
        self._server = server
        rows = server.rows(
            "SELECT segments, removed FROM search1_generations WHERE language = %s AND digest = %s", language, digest
        )
        if not rows:
            raise _gone()
        numbers, removed = rows[0]
        self._segments = tuple(_segment(server, number) for number in numbers)
        self._numbers = [segment.number for segment in self._segments]
        counts = [segment.count for segment in self._segments]
        #: Where the numbers of each segment's articles begin among all.
        self._starts = np.cumsum([0, *counts])
        self.size = int(self._starts[-1])
        self.highest_idf = float(np.log(max(self.size, 1)) + 1)
        self._means = tuple(
            sum(lengths) / max(self.size, 1) or 1
            for lengths in zip(*((s.text_length, s.title_length) for s in self._segments), strict=True)
        ) or (1, 1)
        gone = np.frombuffer(removed, "<u4").astype(np.intp)
        self._is_there = np.ones(self.size, np.bool_)
        self._is_there[gone] = False
        self._has_gaps = bool(len(gone))
        self._lists: _Kept[str, Postings] = _Kept(LISTS_KEPT, lambda p: _ENTRY + 16 * len(p.documents))
        self._heads: _Kept[int, _Head] = _Kept(HEADS_KEPT, lambda h: _ENTRY + 8 * (len(h.hashes) + len(h.sizes)))

    def rarity(self, hashes: Hashes) -> Floats:
        """The rarity of terms."""
        frequencies = sum((s.frequency(hashes) for s in self._segments), np.zeros(len(hashes), np.intp))
        return np.log(max(self.size, 1) / (frequencies + 1)) + 1

    def known(self, terms: Iterable[str]) -> frozenset[str]:
        """Those of some terms that an article has."""
        there = {term for term in terms if any(self._having(term))}
        if self._has_gaps:
            # Perhaps only articles have it that have been removed.
            there = {term for term, postings in self.lists(there).items() if postings is not None}
        return frozenset(there)

    def _having(self, term: str) -> list[int]:
        """The segments that have a term."""
        asked = np.array([hashed(term)], np.uint64)
        return [segment.number for segment in self._segments if segment.frequency(asked)[0]]

    def lists(self, terms: Iterable[str]) -> dict[str, Postings | None]:
        """Where some terms occur, asked for at once; None for each that no article has.

        Raises:
            SearchUnavailable: also where the server lacks what must be there, so that nobody takes it for no answer.
        """
        wanted = list(dict.fromkeys(terms))
        held = self._lists.get(wanted)
        lacking = {term: where for term in wanted if term not in held and (where := self._having(term))}
        if lacking:
            stored: dict[str, dict[int, tuple[Half, Half]]] = {term: {} for term in lacking}
            statement = (
                "SELECT segment, term, postings FROM search1_postings WHERE segment = ANY(%s) AND term = ANY(%s)"
            )
            for number, term, raw in self._server.rows(statement, self._numbers, list(lacking)):
                stored[term][number] = read_postings(raw)
            if any(set(where) != set(stored[term]) for term, where in lacking.items()):
                raise _gone()
            read = {term: self._joined(parts) for term, parts in stored.items()}
            held |= read
            self._lists.put(read)
        return {term: held[term] if term in held and len(held[term].documents) else None for term in wanted}

    def _joined(self, parts: dict[int, tuple[Half, Half]]) -> Postings:
        """The lists of a term in all segments as one."""
        halves = [(self._starts[place], parts[number]) for place, number in enumerate(self._numbers) if number in parts]
        text, title = (self._one([(start, pair[half]) for start, pair in halves]) for half in (0, 1))
        idf = [float(np.log(self.size / (count + 1)) + 1) for _, count in (text, title)]
        documents, impacts = text[0].documents, idf[0] * saturated(*text[0][1:], self._means[0])
        if len(title[0].documents):
            # What stands in a title stands in the text as well.
            places = documents.searchsorted(title[0].documents)
            impacts[places] += TITLE_BOOST * idf[1] * saturated(*title[0][1:], self._means[1])
        return Postings(documents, impacts, idf[0], np.empty(0, np.intp))

    def _one(self, halves: Sequence[tuple[int, Half]]) -> tuple[Half, int]:
        """One field's lists with the numbers of all segments and without removed articles, and how many there were."""
        documents = np.concatenate([half.documents + start for start, half in halves])
        kept = self._is_there.take(documents)
        rest = (np.concatenate([half[part] for _, half in halves])[kept] for part in (1, 2))
        return Half(documents[kept], *rest), len(documents)

    def heads(self, documents: Iterable[int]) -> dict[int, _Head]:
        """Slug, title and headings of some articles by their numbers, asked for at once.

        Raises:
            SearchUnavailable: also where the server lacks one.
        """
        wanted = list(documents)
        held = self._heads.get(wanted)
        lacking = np.array([number for number in wanted if number not in held], np.intp)
        if len(lacking):
            places = self._starts.searchsorted(lacking, side="right") - 1
            numbers = [self._numbers[place] for place in places.tolist()]
            inside = (lacking - self._starts[places]).tolist()
            statement = (
                "SELECT wanted.place, slug, head FROM unnest(%s::bigint[], %s::integer[]) WITH ORDINALITY"
                " AS wanted (segment, number, place) JOIN search1_documents USING (segment, number)"
            )
            rows = self._server.rows(statement, numbers, inside)
            read = {int(lacking[place - 1]): _Head(slug, *read_head(stored)) for place, slug, stored in rows}
            if len(read) != len(lacking):
                raise _gone()
            held |= read
            self._heads.put(read)
        return held

    def lexicon(self) -> dict[str, int]:
        """Every word as it is written in the articles, in small letters, with how many articles have it."""
        counts: dict[str, int] = {}
        for (stored,) in self._server.rows("SELECT words FROM search1_segments WHERE id = ANY(%s)", self._numbers):
            for word, count in read_lexicon(stored):
                counts[word] = counts.get(word, 0) + count
        return counts

    def others(self, topic: str) -> Ints:
        """The articles of all other topics."""
        outside = np.ones(self.size, np.bool_)
        if (inside := self.lists((topic_term(topic),))[topic_term(topic)]) is not None:
            outside[inside.documents] = False
        return outside.nonzero()[0]

    def reading(self, clues: Sequence[Clue]) -> "Reading":
        """What the clues of one query are ranked by."""
        return Reading(self, clues)

    def close(self) -> None:
        """Nothing is held but memory."""


class Reading:
    """What one query is ranked by.

    Args:
        view: that is asked.
        clues: of the query.
    """

    def __init__(self, view: PostgresView, clues: Sequence[Clue]) -> None:
        self._view = view
        self._lists = view.lists(term for clue in clues for way in clue.ways for term in way.terms)
        self.size, self.highest_idf = view.size, view.highest_idf
        self.outside = view.others

    def postings(self, term: str) -> Postings | None:
        """Where a term occurs; None where it does not."""
        return self._lists[term]

    def titles(self, clues: Sequence[Clue], _lists: Sequence[Postings | None], documents: Ints) -> Titles:
        """The titles and headings of some articles beside the clues."""
        found = self._view.heads(documents.tolist())
        heads = [found[number] for number in documents.tolist()]
        counts = np.array([len(head.sizes) for head in heads], np.intp)
        starts = counts.cumsum() - counts
        sizes = np.concatenate([np.empty(0, np.intp), *(head.sizes for head in heads)])
        hashes = np.concatenate([np.empty(0, np.uint64), *(head.hashes for head in heads)])
        part_of = np.arange(len(sizes)).repeat(sizes)
        mass = np.bincount(part_of, self._view.rarity(hashes), len(sizes)).astype(np.float64, copy=False)

        @cache
        def having(term: str) -> Ints:
            return np.unique(part_of[hashes == np.uint64(hashed(term))])

        has = np.zeros((len(clues), len(sizes)), np.bool_)
        for row, clue in zip(has, clues, strict=True):
            for way in clue.ways:
                if all(self._lists[term] is not None for term in way.terms):
                    # A title says what several terms say only if it has them all.
                    row[reduce(np.intersect1d, map(having, way.terms))] = True
        return Titles(starts, has, mass)

    def slugs_of(self, documents: Ints) -> list[str]:
        """The slugs of articles by their numbers."""
        found = self._view.heads(documents.tolist())
        return [found[number].slug for number in documents.tolist()]
