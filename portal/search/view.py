"""One language of one generation, decoded for ranking: postings and parts of articles as arrays."""

import hashlib
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import log
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from whoosh import scoring
from whoosh.codec.whoosh3 import LENGTHS_COLUMN
from whoosh.filedb.filestore import FileStorage
from whoosh.matching import ListMatcher
from whoosh.reading import TermNotFound
from whoosh.util.numeric import byte_to_length

from portal.search import Clue
from portal.search.analyzers import Split
from portal.search.fields import splitter

#: BM25's saturation of repeated words and its weight of an article's length.
K1, B = 1.2, 0.5
#: Weight of the title's own field beside the whole text, measured on judged queries.
TITLE_BOOST = 0.2
#: Lists that an open view remembers.
REMEMBERED = 50_000
#: In the directory of a language: how many articles have each term of a title or heading, in the order of `Parts`.
FREQUENCIES = "frequencies"
#: Bytes at its beginning that show whether the rest is whole.
_SEAL = 16
#: Terms that are looked up in a segment in the time that reading all terms of one article's takes.
LOOKED_UP = 50
#: How many of the best are compared with the query by title and headings.
RERANKED = 50

#: What each byte of a column of lengths stands for.
_LENGTHS = np.array([byte_to_length(code) for code in range(256)], np.float64)

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Postings:
    """The articles that a term occurs in."""

    #: Numbers of the articles, ascending.
    documents: Ints
    #: What the term adds to the score of each.
    impacts: Floats
    #: Rarity of the term; Whoosh's inverse document frequency.
    idf: float
    #: The parts of articles, titles and headings, that have the term.
    parts: Ints

    @cached_property
    def least(self) -> float:
        """The `RERANKED`th highest impact; 0 where there are fewer."""
        beyond = len(self.impacts) - RERANKED
        return float(np.partition(self.impacts, beyond)[beyond]) if beyond >= 0 else 0.0


class Titles(NamedTuple):
    """The parts, titles and headings, of some articles, one article's after the other's."""

    #: Where those of each article begin; the first is its title.
    starts: Ints
    #: For each clue, whether each part has it.
    having: Flags
    #: Rarity of all terms of each part together.
    mass: Floats


def kept(frequencies: NDArray[np.uint32]) -> bytes:
    """Frequencies as they are kept: the seal, then four bytes for each, the low ones first."""
    content = frequencies.astype("<u4").tobytes()
    return _seal(content) + content


def _seal(content: bytes) -> bytes:
    """What shows that content is whole."""
    return hashlib.blake2b(content, digest_size=_SEAL).digest()


def saturated(weights: Floats, lengths: Floats, mean: float) -> Floats:
    """BM25 without the rarity.

    Args:
        weights: how often a term counts in each article.
        lengths: of the articles.
        mean: of all articles' lengths.
    """
    norm = K1 * ((1 - B) + B * lengths / mean)
    return weights * (K1 + 1) / (weights + norm)


class View:
    """One language's index, for reading; safe to use from several threads.

    Args:
        directory: of the language, inside a generation.
        language: its code.
    """

    def __init__(self, directory: Path, language: str) -> None:
        self.language = language
        self._directory = directory
        # Not mapped into memory: a file that somebody shortens would end the process.
        self._index = FileStorage(str(directory), supports_mmap=False).open_index()
        self._searcher = self._index.searcher(weighting=scoring.BM25F(B=B, K1=K1))
        # Also when nobody closes the view, or reading the rest below fails.
        self._give_back = weakref.finalize(self, _close, self._searcher, self._index)
        try:
            self._read()
        except BaseException:
            self._give_back()
            raise

    def _read(self) -> None:
        """Read what every search needs."""
        # Whoosh's cursors are not made for several threads; what is decoded is.
        self._reading = threading.Lock()
        self.split: Split | None = splitter(self._directory, self.language)
        reader = self._searcher.reader()
        self.size = int(reader.doc_count_all())
        self.count = int(reader.doc_count())
        #: Rarity of a word that no article has.
        self.highest_idf = float(np.log(max(self.size, 1)) + 1)
        self.slugs: list[str] = [""] * self.size
        self.topics: list[str] = [""] * self.size
        self._lengths = {name: self._field_lengths(name) for name in ("text", "title")}
        self._means = {name: self._searcher.avg_field_length(name) or 1 for name in self._lengths}
        self.parts = Parts(self)
        self.postings = lru_cache(maxsize=REMEMBERED)(self._postings)
        self.outside = lru_cache(maxsize=64)(self._outside)

    def _field_lengths(self, name: str) -> Floats:
        """The length of a field of every article, read as the column of bytes that it is."""
        lengths = np.zeros(self.size)
        field = f"_{name}_len"
        for leaf, offset in self._searcher.reader().leaf_readers():
            stored = getattr(leaf, "_perdoc", None)
            if stored is not None and stored.has_column(field):
                column = stored.column_reader(field, LENGTHS_COLUMN)
                # Articles at the end that lack the field are not in the column.
                codes = np.frombuffer(column._dbfile.get(column._basepos, column._count), np.uint8)  # noqa: SLF001
                lengths[offset : offset + len(codes)] = _LENGTHS[codes]
        return lengths

    def about(self) -> Iterator[tuple[int, list[str]]]:
        """Number of every article, with its slug, topic, and title and headings by their terms."""
        with self._reading:
            for leaf, offset in self._searcher.reader().leaf_readers():
                column = leaf.column_reader("about", translate=False) if leaf.has_column("about") else ()
                removed = frozenset(_removed(leaf).tolist())
                for number, value in enumerate(column):
                    if number not in removed:
                        yield offset + number, value.decode().split("\n")

    def lexicon(self) -> dict[str, int]:
        """Every word as it is written in the articles, in small letters, with how many articles have it."""
        with self._reading:
            terms = self._searcher.reader().iter_field("word")
            return {text.decode(): int(info.doc_frequency()) for text, info in terms}

    def frequencies(self, numbers: Mapping[str, int]) -> NDArray[np.uint32]:
        """How many articles have each term of a title or heading, at the numbers given for them.

        They were kept when the index was written, for to look them up takes most of the time of opening. A file that is
        missing, damaged or of other titles is as good as none.
        """
        with suppress(OSError):
            content = (self._directory / FREQUENCIES).read_bytes()
            if content[:_SEAL] == _seal(content[_SEAL:]) and len(content) == _SEAL + 4 * len(numbers):
                return np.frombuffer(content, "<u4", offset=_SEAL)
        frequencies = np.zeros(len(numbers), "<u4")
        with self._reading:
            for leaf, _ in self._searcher.reader().leaf_readers():
                if LOOKED_UP * leaf.doc_count_all() < len(numbers):
                    for text, info in leaf.iter_field("text"):
                        if (number := numbers.get(text.decode())) is not None:
                            frequencies[number] += info.doc_frequency()
                else:
                    for term, number in numbers.items():
                        frequencies[number] += leaf.doc_frequency("text", term)
        return frequencies

    def _postings(self, term: str) -> Postings | None:
        """Where a term occurs and what it adds there, in all fields together; None where it does not occur."""
        with self._reading:
            documents, weights, idf = self._decode("text", term)
            if not len(documents):
                return None
            impacts = idf * self._saturated("text", documents, weights)
            inner, inner_weights, title_idf = self._decode("title", term)
            if len(inner):
                # What stands in a title stands in the text as well.
                places = np.searchsorted(documents, inner)
                impacts[places] += TITLE_BOOST * title_idf * self._saturated("title", inner, inner_weights)
        return Postings(documents, impacts, idf, self.parts.having(term))

    def _saturated(self, name: str, documents: Ints, weights: Floats) -> Floats:
        """BM25 without the rarity, in one field."""
        return saturated(weights, self._lengths[name][documents], self._means[name])

    def reading(self, _clues: Sequence[Clue]) -> "View":
        """What the clues of one query are ranked by: everything is at hand."""
        return self

    def known(self, terms: Iterable[str]) -> frozenset[str]:
        """Those of some terms that an article has."""
        return frozenset(term for term in terms if self.postings(term) is not None)

    def slugs_of(self, documents: Ints) -> list[str]:
        """The slugs of articles by their numbers."""
        return [self.slugs[number] for number in documents.tolist()]

    def titles(self, _clues: Sequence[Clue], lists: Sequence[Postings | None], documents: Ints) -> Titles:
        """The titles and headings of some articles beside a query.

        Args:
            lists: where each clue is found.
            documents: numbers of the articles.
        """
        sizes = self.parts.counts.take(documents)
        # Where the parts of each article begin among those of all of them, one after the other.
        starts = sizes.cumsum() - sizes
        own = (self.parts.first.take(documents) - starts).repeat(sizes)
        own += np.arange(len(own))
        having = np.zeros((len(lists), self.parts.size), np.bool_)
        for row, postings in zip(having, lists, strict=True):
            if postings is not None:
                row[postings.parts] = True
        return Titles(starts, having.take(own, axis=1), self.parts.mass.take(own))

    def _outside(self, topic: str) -> Ints:
        """The articles of all other topics."""
        return np.flatnonzero([name != topic for name in self.topics])

    def _decode(self, name: str, term: str) -> tuple[Ints, Floats, float]:
        """Numbers and weights of a term's postings, block by block, and its rarity, which removed articles count for."""
        count = 0
        ids: list[Ints] = []
        weights: list[Floats] = []
        for leaf, offset in self._searcher.reader().leaf_readers():
            try:
                matcher = leaf.postings(name, term)
            except TermNotFound:
                continue
            matcher = getattr(matcher, "child", matcher)  # What leaves out removed articles is done here, at once.
            here, mass = _blocks(matcher)
            if not leaf.has_deletions():
                count += len(here)
            else:
                # The cursor may have passed over some.
                count += leaf.doc_frequency(name, term)
                kept = ~np.isin(here, _removed(leaf))
                here, mass = here[kept], mass[kept]
            ids.append(here + offset)
            weights.append(mass)
        idf = log(max(self.size, 1) / (count + 1)) + 1
        if not ids:
            return np.empty(0, np.intp), np.empty(0), idf
        return np.concatenate(ids), np.concatenate(weights), idf

    def close(self) -> None:
        """Give back the files."""
        with self._reading:
            self._give_back()


def _removed(leaf: Any) -> Ints:
    """The numbers of the articles that have been removed from a segment."""
    if not leaf.has_deletions():
        return np.empty(0, np.intp)
    return np.setdiff1d(np.arange(leaf.doc_count_all()), np.fromiter(leaf.all_doc_ids(), np.intp))


def _close(searcher: Any, opened: Any) -> None:
    """Close what Whoosh has opened."""
    searcher.close()
    opened.close()


def _blocks(matcher: Any) -> tuple[Ints, Floats]:
    """All ids and weights of one matcher of Whoosh's, read by blocks: one at a time costs twenty times as much."""
    if isinstance(matcher, ListMatcher):
        return np.asarray(list(matcher.all_ids()), np.intp), np.asarray(matcher._weights, np.float64)  # noqa: SLF001
    # Of a term that only removed articles have, Whoosh's reader gives a cursor that has ended.
    ids: list[Ints] = [np.empty(0, np.intp)]
    weights: list[Floats] = [np.empty(0)]
    while matcher.is_active():
        matcher._read_ids()  # noqa: SLF001 - the version is pinned, and a test compares with Whoosh's own search
        matcher._read_weights()  # noqa: SLF001
        ids.append(np.asarray(matcher._ids, np.intp))  # noqa: SLF001
        weights.append(np.asarray(matcher._weights, np.float64))  # noqa: SLF001
        matcher._next_block()  # noqa: SLF001
    return np.concatenate(ids), np.concatenate(weights)


class Parts:
    """The titles and headings of a view, each as a set of terms.

    Args:
        view: whose stored fields are read; its slugs and topics are filled in on the way.
    """

    def __init__(self, view: View) -> None:
        parts: list[str] = []
        owners: list[int] = []
        for document, (slug, topic, *own) in view.about():
            view.slugs[document], view.topics[document] = slug, topic
            parts += own
            owners += [document] * len(own)
        flat = " ".join(parts).split()
        sizes = [part.count(" ") + 1 if part else 0 for part in parts]
        numbers = {term: number for number, term in enumerate(dict.fromkeys(flat))}
        terms_of = np.fromiter(map(numbers.__getitem__, flat), np.intp, len(flat))
        part_of = np.repeat(np.arange(len(sizes), dtype=np.intp), sizes)
        owner = np.asarray(owners, np.intp)
        #: Number of parts.
        self.size = len(sizes)
        #: First part of each article, its title, and how many it has.
        self.first = np.searchsorted(owner, np.arange(view.size))
        self.counts = np.bincount(owner, minlength=view.size)
        order = np.argsort(terms_of, kind="stable")
        self._parts = part_of[order]
        self._bounds = np.searchsorted(terms_of[order], np.arange(len(numbers) + 1))
        self._numbers = numbers
        #: How many articles have each term, in the order in which they come.
        self.frequencies = view.frequencies(numbers)
        rarity = np.log(max(view.size, 1) / (self.frequencies + 1.0)) + 1
        #: Rarity of all terms of a part together.
        self.mass: Floats = np.empty(0)
        if self.size:
            self.mass = np.bincount(part_of, rarity[terms_of], self.size).astype(np.float64, copy=False)

    def having(self, term: str) -> Ints:
        """The parts that have a term, ascending."""
        number = self._numbers.get(term)
        if number is None:
            return np.empty(0, np.intp)
        return self._parts[self._bounds[number] : self._bounds[number + 1]]
