"""How the index lies in PostgreSQL: its tables, and the bytes of lists, frequencies, titles and words in them."""

import json
import struct
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from whoosh.util.numeric import byte_to_length, length_to_byte

from portal.search.fields import Fields
from portal.search.view import Floats, Ints

#: The number in the tables' names changes with their form, so that two versions of the portal can share a database.
#: A segment never changes once it is written; a generation names segments, and what in them has been removed since.
TABLES = """
CREATE TABLE IF NOT EXISTS search1_segments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    language text NOT NULL,
    documents integer NOT NULL,
    text_length bigint NOT NULL,
    title_length bigint NOT NULL,
    frequencies bytea NOT NULL,
    words bytea NOT NULL
);
CREATE TABLE IF NOT EXISTS search1_generations (
    language text NOT NULL,
    digest text NOT NULL,
    segments bigint[] NOT NULL,
    removed bytea NOT NULL,
    documents integer NOT NULL,
    used timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (language, digest)
);
CREATE TABLE IF NOT EXISTS search1_documents (
    segment bigint NOT NULL REFERENCES search1_segments ON DELETE CASCADE,
    number integer NOT NULL,
    slug text NOT NULL,
    digest bytea NOT NULL,
    head bytea NOT NULL,
    fields bytea NOT NULL,
    PRIMARY KEY (segment, number)
);
CREATE INDEX IF NOT EXISTS search1_documents_by_slug ON search1_documents (slug, segment);
CREATE TABLE IF NOT EXISTS search1_postings (
    segment bigint NOT NULL REFERENCES search1_segments ON DELETE CASCADE,
    term text COLLATE "C" NOT NULL,
    postings bytea NOT NULL,
    PRIMARY KEY (segment, term)
);
ALTER TABLE search1_segments ALTER frequencies SET STORAGE EXTERNAL, ALTER words SET STORAGE EXTERNAL;
ALTER TABLE search1_documents ALTER head SET STORAGE EXTERNAL, ALTER fields SET STORAGE EXTERNAL;
ALTER TABLE search1_postings ALTER postings SET STORAGE EXTERNAL;
"""

Hashes = NDArray[np.uint64]
#: What each byte of a length stands for; the same steps as in the embedded engine's files.
LENGTHS = np.array([byte_to_length(code) for code in range(256)], np.float64)
#: Highest weight of a term in an article's text, and in its title, that is kept.
_MOST, _MOST_IN_TITLE = 65535, 255
_HEAD = struct.Struct("<IIBB")


class Half(NamedTuple):
    """Where a term occurs in one field of a segment."""

    documents: Ints
    weights: Floats
    #: Lengths of the field in these articles.
    lengths: Floats


@lru_cache(maxsize=100_000)
def hashed(term: str) -> int:
    """A term as 64 bits."""
    return int.from_bytes(blake2b(term.encode(), digest_size=8).digest(), "little")


def topic_term(topic: str) -> str:
    """The list of a topic's articles; no term begins with a blank."""
    return f" {topic}"


def _packed(documents: Ints, weights: bytes, lengths: Ints) -> tuple[bytes, int]:
    """One half as bytes, and how many bytes the distance between two articles takes."""
    gaps = np.diff(documents, prepend=0)
    width = 2 if not len(gaps) or int(gaps.max()) <= _MOST else 4
    return gaps.astype(f"<u{width}").tobytes() + weights + lengths.astype(np.uint8).tobytes(), width


def _unpacked(stored: bytes, place: int, count: int, width: int, weight_width: int) -> tuple[Half, int]:
    """One half from bytes, and where the next begins."""
    gaps = np.frombuffer(stored, f"<u{width}", count, place)
    place += width * count
    weights = np.frombuffer(stored, f"<u{weight_width}", count, place)
    place += weight_width * count
    codes = np.frombuffer(stored, np.uint8, count, place)
    return Half(gaps.cumsum(dtype=np.intp), weights.astype(np.float64), LENGTHS[codes]), place + count


def read_postings(stored: bytes) -> tuple[Half, Half]:
    """Where a term occurs in the text, and in titles.

    Raises:
        ValueError: the bytes are damaged.
    """
    try:
        texts, titles, width, title_width = _HEAD.unpack_from(stored)
        text, place = _unpacked(stored, _HEAD.size, texts, width, 2)
        title, place = _unpacked(stored, place, titles, title_width, 1)
    except (struct.error, TypeError) as error:
        raise ValueError(f"a list of postings is damaged: {error}") from error
    if place != len(stored):
        raise ValueError("a list of postings is damaged: it is too long")
    return text, title


class Segment:
    """Articles that are written together, turned into lists.

    Args:
        articles: analysed; their numbers are their places.
    """

    def __init__(self, articles: Iterable[Fields]) -> None:
        self.count = 0
        self.words: Counter[str] = Counter()
        self._text: dict[str, tuple[array[int], array[int]]] = {}
        self._title: dict[str, tuple[array[int], array[int]]] = {}
        self._lengths: tuple[list[int], list[int]] = ([], [])
        for article in articles:
            self._add(article)
        self.text_length, self.title_length = map(sum, self._lengths)
        self._codes = [np.array([length_to_byte(n) for n in lengths], np.intp) for lengths in self._lengths]

    def _add(self, article: Fields) -> None:
        """Take one article."""
        number = self.count
        self.count += 1
        self.words.update(article.written.keys())
        # The list of a topic adds nothing to an article's length, as no weight does.
        text: dict[str, int] = {topic_term(article.topic): 0, **article.text}
        for lists, counts, most in ((self._text, text, _MOST), (self._title, article.title, _MOST_IN_TITLE)):
            for term, count in counts.items():
                if (held := lists.get(term)) is None:
                    held = lists[term] = (array("I"), array("H"))
                held[0].append(number)
                held[1].append(min(count, most))
        for lengths, counts in zip(self._lengths, (article.text, article.title), strict=True):
            lengths.append(sum(counts.values()))

    def postings(self) -> Iterator[tuple[str, bytes]]:
        """Every term with its lists."""
        nothing = (array("I"), array("H"))
        for term in sorted(self._text):
            halves = [lists.get(term, nothing) for lists in (self._text, self._title)]
            places = [np.array(documents, np.intp) for documents, _ in halves]
            counts = [np.array(weights, "<u2").tobytes() for _, weights in halves[:1]]
            counts.append(np.array(halves[1][1], np.uint8).tobytes())
            parts = [
                _packed(where, weights, codes[where])
                for where, weights, codes in zip(places, counts, self._codes, strict=True)
            ]
            head = _HEAD.pack(len(places[0]), len(places[1]), parts[0][1], parts[1][1])
            yield term, head + parts[0][0] + parts[1][0]

    def frequencies(self) -> bytes:
        """In how many articles each term occurs, by hash."""
        pairs = sorted((hashed(term), len(lists[0])) for term, lists in self._text.items())
        hashes, counts = np.array([p[0] for p in pairs], "<u8"), np.array([p[1] for p in pairs], "<u4")
        return hashes.tobytes() + counts.tobytes()

    def lexicon(self) -> bytes:
        """In how many articles each word occurs."""
        return zlib.compress("\n".join(f"{word} {count}" for word, count in sorted(self.words.items())).encode(), 6)


def read_frequencies(stored: bytes) -> tuple[Hashes, NDArray[np.uint32]]:
    """Hashes of terms, ascending, and in how many articles each occurs."""
    count = len(stored) // 12
    return np.frombuffer(stored, "<u8", count), np.frombuffer(stored, "<u4", count, 8 * count)


def read_lexicon(stored: bytes) -> Iterator[tuple[str, int]]:
    """In how many articles each word occurs."""
    for line in zlib.decompress(stored).decode().split("\n"):
        word, _, count = line.rpartition(" ")
        if word:
            yield word, int(count)


def head(article: Fields) -> bytes:
    """Title and headings as sets of terms: how many there are, the size of each, and the hashes."""
    sizes = np.array([len(article.parts), *map(len, article.parts)], "<u4")
    return sizes.tobytes() + np.array([hashed(term) for part in article.parts for term in part], "<u8").tobytes()


def read_head(stored: bytes) -> tuple[Ints, Hashes]:
    """The size of title and each heading, and the hashes of their terms."""
    count = int(np.frombuffer(stored, "<u4", 1)[0])
    sizes = np.frombuffer(stored, "<u4", count, 4).astype(np.intp)
    return sizes, np.frombuffer(stored, "<u8", int(sizes.sum()), 4 + 4 * count)


def fields_text(article: Fields) -> bytes:
    """An analysed article, from which its lists can be made again when segments are merged."""
    plain = [article.slug, article.topic, article.title, article.text, list(article.written), article.parts]
    return zlib.compress(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def read_fields(stored: bytes) -> Fields:
    """An analysed article that was kept."""
    slug, topic, title, text, written, parts = json.loads(zlib.decompress(stored))
    return Fields(slug, topic, Counter(title), Counter(text), Counter(written), tuple(map(tuple, parts)))
