"""The embedded engine's files: one Whoosh index per language inside one directory per generation."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from whoosh import fields, formats, index
from whoosh.fields import FieldType

from portal.errors import SearchUnavailable
from portal.search import Document
from portal.search.analyzers import _JOINED, Split, words
from portal.search.chains import CHAINS
from portal.search.compounds import Splitter

#: How much more a word counts in a title, heading or keyword than in the text, measured on judged queries.
TITLE_WEIGHT, HEADING_WEIGHT, KEYWORD_WEIGHT = 4, 4, 4
#: Postings in a block of the files. Whoosh's 128 let it skip; the ranking reads whole lists, in a third of the time.
BLOCK = 2048
#: Different words whose analysis a writer remembers.
REMEMBERED = 200_000
#: What the splitter of compounds has learned, beside the index.
_COMPOUNDS = "compounds.json"
#: The writers' synonyms and glossary, in the directory of the generation.
THESAURUS = "thesaurus.json"


class Terms(FieldType):  # type: ignore[misc]  # Whoosh has no types.
    """A field that is given its terms with their frequencies, analysed already.

    Args:
        scorable: whether the lengths of the field matter.
    """

    def __init__(self, *, scorable: bool) -> None:
        super().__init__(formats.Existence(), fields.ID().analyzer, scorable=scorable)

    def index(self, value: Mapping[str, int], **_options: Any) -> Iterator[tuple[bytes, int, float, bytes]]:
        """Each term with its frequency and weight."""
        return ((term.encode(), count, float(count), b"") for term, count in value.items())


def _schema() -> fields.Schema:
    """One weighted field for everything, one for the title, the words as written, and what ranking and filters need."""
    return fields.Schema(
        slug=fields.ID(stored=True, unique=True),
        title=Terms(scorable=True),
        text=Terms(scorable=True),
        word=Terms(scorable=False),
        about=fields.COLUMN(),
    )


class _Collected:
    """Postings that wait to be written, by field and term.

    Takes the place of Whoosh's pool of tuples, which is sorted by posting, twenty times as large, and so mostly on
    disk.
    """

    def __init__(self) -> None:
        self._lists: dict[tuple[str, bytes], tuple[array[int], array[float]]] = {}

    def add(self, item: tuple[str, bytes, int, float, bytes | None]) -> None:
        """Take one posting; those of a term come by ascending document."""
        name, term, document, weight, _ = item
        held = self._lists.get((name, term))
        if held is None:
            held = self._lists[name, term] = (array("I"), array("f"))
        held[0].append(document)
        held[1].append(weight)

    def iter_postings(self) -> Iterator[tuple[str, bytes, "array[int]", "array[float]"]]:
        """Field, term, documents and weights, sorted."""
        return ((*key, *self._lists[key]) for key in sorted(self._lists))

    def cleanup(self) -> None:
        """Forget everything."""
        self._lists.clear()


def _write_postings(writer: Any, schema: fields.Schema, lengths: Any, items: Iterable[Any]) -> None:
    """Write what was collected: term by term what Whoosh's `add_postings` writes posting by posting.

    Args:
        writer: Whoosh's, of the fields of a segment.
        schema: of the index.
        lengths: Whoosh's reader of the lengths of fields.
        items: of `_Collected.iter_postings`.
    """
    for name, group in groupby(items, itemgetter(0)):
        writer.start_field(name, schema[name])
        count = lengths.doc_count_all() if schema[name].scorable else 0
        sizes = [lengths.doc_field_length(number, name) or 0 for number in range(count)]
        for _, term, documents, weights in group:
            writer.start_term(term)
            _write_blocks(writer._postwriter, documents, weights, sizes)  # noqa: SLF001 - the version is pinned
            writer.finish_term()
        writer.finish_field()


def _write_blocks(writer: Any, documents: "array[int]", weights: "array[float]", sizes: list[int]) -> None:
    """Hand the postings of one term to Whoosh's writer of blocks."""
    for start in range(0, len(documents), BLOCK):
        if start:
            writer._write_block()  # noqa: SLF001
        ids = writer._ids = documents[start : start + BLOCK]  # noqa: SLF001
        writer._weights = weights[start : start + BLOCK]  # noqa: SLF001
        writer._maxweight = max(writer._weights)  # noqa: SLF001
        if sizes:
            here = [sizes[number] for number in ids]
            writer._minlength, writer._maxlength = min(here), max(here)  # noqa: SLF001


class _Token(NamedTuple):
    """Something between two blanks, analysed."""

    terms: tuple[str, ...]
    #: Its words as they are written, in small letters.
    written: tuple[str, ...]
    #: Its words, folded.
    folded: tuple[str, ...]


def _analysis(language: str, split: Split | None) -> Callable[[str], _Token]:
    """Analyses what stands between two blanks, and remembers it: the same few words are met again and again."""

    def analyse(raw: str) -> _Token:
        found = list(words(language, raw, split))
        return _Token(
            tuple(term for word in found for term in word.terms),
            tuple(raw[word.start : word.end].lower() for word in found if word.text.isalpha()),
            tuple(word.text for word in found),
        )

    return lru_cache(maxsize=REMEMBERED)(analyse)


def _fields(analyse: Callable[[str], _Token], document: Document) -> dict[str, Any]:
    """A document's fields."""
    text: Counter[str] = Counter()
    written: Counter[str] = Counter()

    def add(source: str, weight: int) -> None:
        for raw, count in Counter(_JOINED.findall(source)).items():
            token = analyse(raw)
            for term in token.terms:
                text[term] += weight * count
            for word in token.written:
                written[word] += count

    def terms(source: str) -> list[str]:
        return [term for raw in _JOINED.findall(source) for term in analyse(raw).terms]

    add(document.title, TITLE_WEIGHT)
    add("\n".join(document.headings), HEADING_WEIGHT)
    add("\n".join(document.keywords), KEYWORD_WEIGHT)
    add(f"{document.summary}\n{document.text}", 1)
    title = terms(document.title)
    parts = [title, *map(terms, document.headings)]
    return {
        "slug": document.slug,
        "title": Counter(title),
        "text": text,
        "word": written,
        # A column, which opens faster than stored fields: slug, topic, then title and headings by their terms; the
        # ranking compares a query with each as a whole.
        "about": "\n".join(
            (document.slug, document.topic, *(" ".join(dict.fromkeys(part)) for part in parts))
        ).encode(),
    }


def write(
    directory: Path,
    language: str,
    documents: Sequence[Document],
    removed: Iterable[str] = (),
    progress: Callable[[int], None] = lambda _count: None,
) -> None:
    """Write documents into one language's index; an existing one is updated, a missing one is created.

    Args:
        directory: of the language, inside a generation that nobody reads yet.
        language: of the documents.
        documents: to add, or to replace by their slug.
        removed: slugs to take out.
        progress: told the number of documents written since it was last told.
    """
    is_new = not index.exists_in(str(directory))
    directory.mkdir(parents=True, exist_ok=True)
    opened = index.create_in(str(directory), _schema()) if is_new else index.open_dir(str(directory))
    split = _learn(directory, language, documents) if is_new else splitter(directory, language)
    writer = opened.writer()
    writer.pool = _Collected()
    writer.fieldwriter.add_postings = partial(_write_postings, writer.fieldwriter)
    analyse = _analysis(language, split)
    try:
        for slug in removed:
            writer.delete_by_term("slug", slug)
        for document in documents:
            (writer.add_document if is_new else writer.update_document)(**_fields(analyse, document))
            progress(1)
    except BaseException:
        writer.cancel()
        raise
    writer.commit()
    opened.close()


def _learn(directory: Path, language: str, documents: Sequence[Document]) -> Split | None:
    """Learn the words that compounds are made of from all documents, and keep them beside the index."""
    if not any(CHAINS[language].links):
        return None
    counts: Counter[str] = Counter()
    analyse = _analysis(language, None)
    for document in documents:
        texts = (document.title, *document.headings, *document.keywords, document.summary, document.text)
        raw = set(_JOINED.findall("\n".join(texts)))
        counts.update({folded for token in raw for folded in analyse(token).folded})
    learned = Splitter(language, counts)
    (directory / _COMPOUNDS).write_text(learned.to_text(), encoding="utf-8")
    return learned.split


def splitter(directory: Path, language: str) -> Split | None:
    """What takes the compounds of one language's index apart; None where its language has none.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    if not any(CHAINS[language].links):
        return None
    return _splitter(language, (directory / _COMPOUNDS).read_text(encoding="utf-8"))


@lru_cache(maxsize=8)
def _splitter(language: str, text: str) -> Split:
    """A splitter; most generations have that of the one before."""
    return Splitter.from_text(language, text).split


def learned_words(directory: Path) -> str:
    """What changes with the words that compounds of one language's index are made of; empty where it has none."""
    path = directory / _COMPOUNDS
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest() if path.exists() else ""


def count(directory: Path) -> int:
    """How many documents one language's index holds.

    Raises:
        SearchUnavailable: it is missing or broken.
    """
    try:
        opened = index.open_dir(str(directory))
        try:
            return int(opened.doc_count())
        finally:
            opened.close()
    except Exception as error:  # Whoosh reads pickles and raises whatever a broken one makes of it.
        raise SearchUnavailable(f"{directory.name}: {type(error).__name__}: {error}") from error
