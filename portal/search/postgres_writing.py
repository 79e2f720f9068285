"""Writing the index in PostgreSQL: a generation is added beside the others, named by what it holds, and never changed."""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from portal.errors import SearchUnavailable
from portal.search import Document, analyzers, chains, compounds, fields, postgres_forms, stemming
from portal.search.fields import Fields, analysed, analysis
from portal.search.postgres_forms import TABLES, Segment, fields_text, head, read_fields
from portal.search.postgres_server import writing
from portal.search.view import Ints

#: How long a generation that no node has used stays, in seconds; nodes say once a minute which they use.
KEPT = 3600
#: A segment is written anew together with the newer ones unless it is this many times as large as all of them …
RATIO = 2
#: … or where this share of its articles has been removed.
SHARE_REMOVED = 0.25
#: From so many articles on the server is told at once how large the tables have become.
LARGE = 500
#: Sums of digests stay below.
_MODULUS = 2**256

_GENERATION = (
    "INSERT INTO search1_generations (language, digest, segments, removed, documents) VALUES (%s, %s, %s, %s, %s)"
)

Progress = Callable[[int], None]


class _Held(NamedTuple):
    """A generation as it is stored."""

    #: Segments with the number of their articles.
    segments: dict[int, int]
    #: Places of removed articles, counted over all segments.
    removed: Ints
    documents: int


@cache
def _made_by() -> bytes:
    """What identifies the code that analyses articles and writes them."""
    parts = (analyzers, chains, compounds, fields, stemming, postgres_forms)
    sources = b"".join(Path(str(part.__file__)).read_bytes() for part in parts)
    return hashlib.blake2b(sources + stemming.VERSION.encode(), digest_size=16).digest()


def _digest(document: Document, learned: str) -> bytes:
    """What identifies a document, the code that analyses it and the words that it takes compounds apart by."""
    text = "\0".join((learned, *map(repr, astuple(document))))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32, key=_made_by()).digest()


def _sum(digests: Iterable[bytes]) -> int:
    """A sum that is the same in whatever order the articles came."""
    return sum(int.from_bytes(digest, "big") for digest in digests)


def prepare(cursor: Any) -> None:
    """Make the tables where they are missing."""
    if _has_tables(cursor):
        return
    _alone(cursor, "tables")
    # Another node may have made them meanwhile, and may be writing: whoever altered them then would lock it out
    # while waiting for it.
    if not _has_tables(cursor):
        for statement in TABLES.strip().split(";\n"):
            cursor.execute(statement)


def _has_tables(cursor: Any) -> bool:
    """Whether the last of the tables is there."""
    # Only a statement that reads from a table learns of tables that others have made since the last one.
    cursor.execute("SELECT count(*) FROM pg_class WHERE oid = to_regclass('search1_postings')")
    return bool(cursor.fetchone()[0])


def _alone(cursor: Any, what: str) -> None:
    """Let one transaction of all nodes do something at a time; waits for the others."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_lock(what),))


def _lock(what: str) -> int:
    """The number of the lock of something."""
    return int.from_bytes(hashlib.blake2b(f"portal search {what}".encode(), digest_size=8).digest(), "big", signed=True)


def write(
    url: str,
    language: str,
    base: str | None,
    documents: Sequence[Document],
    removed: Iterable[str],
    split: analyzers.Split | None,
    learned: str,
    progress: Progress,
) -> tuple[str, int]:
    """Add a generation of one language; where another node has added the same, that one is used.

    Args:
        url: of the database.
        language: of the documents.
        base: digest of the generation that is changed; None begins with nothing.
        documents: to add, or to replace by their slug.
        removed: slugs to take out.
        split: takes compounds apart.
        learned: what changes with it.
        progress: told the number of documents written since it was last told.

    Returns:
        Its digest, and how many articles it has.

    Raises:
        SearchUnavailable: the server does not answer, or lacks the base.
    """
    digests = {document.slug: _digest(document, learned) for document in documents}
    with writing(url) as cursor:
        prepare(cursor)
        _alone(cursor, language)
        held = _held(cursor, language, base) if base else _Held({}, np.empty(0, np.intp), 0)
        old = _places(cursor, held, {*removed, *digests})
        # An article that was written again as it was stays where it is.
        same = {slug for slug, (_, digest) in old.items() if digests.get(slug) == digest}
        gone = {slug: found for slug, found in old.items() if slug not in same}
        new = [document for document in documents if document.slug not in same]
        change = _sum(digests[document.slug] for document in new) - _sum(digest for _, digest in gone.values())
        name = f"{(int(base or '0', 16) + change) % _MODULUS:064x}"
        count = held.documents + len(new) - len(gone)
        if _is_there(cursor, language, name):
            progress(len(documents))
            return name, count
        progress(len(same))
        places = np.union1d(held.removed, np.array([place for place, _ in gone.values()], np.intp)).astype(np.intp)
        analyse = analysis(language, split)
        articles = [(_told(progress, analysed(analyse, document)), digests[document.slug]) for document in new]
        segments, places = _merged(cursor, held.segments, places, articles)
        if articles:
            segments.append(_add(cursor, language, articles))
        row = (language, name, segments, places.astype("<u4").tobytes(), count)
        cursor.execute(_GENERATION, row)
        if len(articles) >= LARGE:
            cursor.execute("ANALYZE search1_documents, search1_postings")
    return name, count


def _told(progress: Progress, article: Fields) -> Fields:
    """An article that has been analysed, which is told."""
    progress(1)
    return article


def _is_there(cursor: Any, language: str, digest: str) -> bool:
    """Whether a generation is there already; from now on it counts as used."""
    cursor.execute(
        "UPDATE search1_generations SET used = now() WHERE language = %s AND digest = %s", (language, digest)
    )
    return bool(cursor.rowcount)


def _held(cursor: Any, language: str, digest: str) -> _Held:
    """A generation that is there.

    Raises:
        SearchUnavailable: it is not.
    """
    cursor.execute(
        "SELECT segments, removed, documents FROM search1_generations WHERE language = %s AND digest = %s",
        (language, digest),
    )
    if (row := cursor.fetchone()) is None:
        raise SearchUnavailable(f"the {language} index is no longer in the database")
    cursor.execute("SELECT id, documents FROM search1_segments WHERE id = ANY(%s)", (row[0],))
    counts = dict(cursor.fetchall())
    return _Held({number: counts[number] for number in row[0]}, np.frombuffer(row[1], "<u4").astype(np.intp), row[2])


def _places(cursor: Any, held: _Held, slugs: set[str]) -> dict[str, tuple[int, bytes]]:
    """Where some articles stand in a generation, and their digests."""
    starts = dict(zip(held.segments, np.cumsum([0, *held.segments.values()]).tolist(), strict=False))
    cursor.execute(
        "SELECT slug, segment, number, digest FROM search1_documents WHERE slug = ANY(%s) AND segment = ANY(%s)",
        (list(slugs), list(held.segments)),
    )
    removed = set(held.removed.tolist())
    rows = ((slug, starts[segment] + number, digest) for slug, segment, number, digest in cursor.fetchall())
    return {slug: (place, digest) for slug, place, digest in rows if place not in removed}


def _merged(
    cursor: Any, segments: Mapping[int, int], removed: Ints, articles: list[tuple[Fields, bytes]]
) -> tuple[list[int], Ints]:
    """Take segments out that are to be written anew with the new articles, which theirs are added to.

    Returns:
        The segments that stay, and the places of removed articles among theirs.
    """
    kept: list[tuple[int, int, Ints]] = []
    taken: list[tuple[int, Ints]] = []
    end, following = sum(segments.values()), len(articles)
    for number, count in reversed(list(segments.items())):
        start = end - count
        gaps = removed[(removed >= start) & (removed < end)] - start
        live, end = count - len(gaps), start
        if live <= RATIO * following or len(gaps) > SHARE_REMOVED * count:
            taken.insert(0, (number, gaps))
            following += live
        else:
            kept.insert(0, (number, count, gaps))
    older: list[tuple[Fields, bytes]] = []
    for number, gaps in taken:
        cursor.execute("SELECT fields, digest FROM search1_documents WHERE segment = %s ORDER BY number", (number,))
        away = set(gaps.tolist())
        rows = enumerate(cursor.fetchall())
        older += [(read_fields(stored), digest) for place, (stored, digest) in rows if place not in away]
    articles[:0] = older
    places, start = [np.empty(0, np.intp)], 0
    for _, count, gaps in kept:
        places.append(gaps + start)
        start += count
    return [number for number, _, _ in kept], np.concatenate(places)


def _add(cursor: Any, language: str, articles: Sequence[tuple[Fields, bytes]]) -> int:
    """Write a segment; its number."""
    segment = Segment(article for article, _ in articles)
    # No number comes back, whatever becomes of the tables: processes remember segments by it.
    number = secrets.randbits(62)
    cursor.execute(
        "INSERT INTO search1_segments (id, language, documents, text_length, title_length, frequencies, words)"
        " OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            number,
            language,
            segment.count,
            segment.text_length,
            segment.title_length,
            segment.frequencies(),
            segment.lexicon(),
        ),
    )
    with cursor.copy(
        "COPY search1_documents (segment, number, slug, digest, head, fields) FROM STDIN (FORMAT BINARY)"
    ) as copy:
        copy.set_types(["int8", "int4", "text", "bytea", "bytea", "bytea"])
        for place, (article, digest) in enumerate(articles):
            copy.write_row((number, place, article.slug, digest, head(article), fields_text(article)))
    with cursor.copy("COPY search1_postings (segment, term, postings) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["int8", "text", "bytea"])
        for term, stored in segment.postings():
            copy.write_row((number, term, stored))
    return number


def sweep(url: str, used: Mapping[str, str], kept: float = KEPT) -> None:
    """Say which generations this node uses, and remove those that no node has used for long.

    Args:
        url: of the database.
        used: digest by language.
        kept: how long what is not used stays, in seconds.

    Raises:
        SearchUnavailable: the server does not answer.
    """
    with writing(url) as cursor:
        prepare(cursor)
        for language, digest in sorted(used.items()):
            cursor.execute(
                "UPDATE search1_generations SET used = now() WHERE language = %s AND digest = %s", (language, digest)
            )
            # Never from under a writer who is about to name one of its segments; the next time comes soon.
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_lock(language),))
            if not cursor.fetchone()[0]:
                continue
            cursor.execute(
                "DELETE FROM search1_generations WHERE language = %s AND digest <> %s"
                " AND used < now() - make_interval(secs => %s)",
                (language, digest, kept),
            )
            cursor.execute(
                "DELETE FROM search1_segments WHERE language = %s AND id NOT IN"
                " (SELECT unnest(segments) FROM search1_generations WHERE language = %s)",
                (language, language),
            )
