"""The embedded engine's files: one Whoosh index per language inside one directory per generation."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from whoosh import fields, formats, index
from whoosh.fields import FieldType

from portal.errors import SearchUnavailable
from portal.search import Document
from portal.search.fields import Fields, analysed, analysis, learn, splitter
from portal.search.view import FREQUENCIES, View, kept

#: Postings in a block of the files. Whoosh's 128 let it skip; the ranking reads whole lists, in a third of the time.
BLOCK = 2048


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


def _stored(fields_of: Fields) -> dict[str, Any]:
    """An article's fields as Whoosh is given them."""
    return {
        "slug": fields_of.slug,
        "title": fields_of.title,
        "text": fields_of.text,
        "word": fields_of.written,
        # A column, which opens faster than stored fields: slug, topic, then title and headings by their terms; the
        # ranking compares a query with each as a whole.
        "about": "\n".join((fields_of.slug, fields_of.topic, *map(" ".join, fields_of.parts))).encode(),
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
    split = learn(directory, language, documents) if is_new else splitter(directory, language)
    writer = opened.writer()
    writer.pool = _Collected()
    writer.fieldwriter.add_postings = partial(_write_postings, writer.fieldwriter)
    analyse = analysis(language, split)
    try:
        for slug in removed:
            writer.delete_by_term("slug", slug)
        for document in documents:
            (writer.add_document if is_new else writer.update_document)(**_stored(analysed(analyse, document)))
            progress(1)
    except BaseException:
        writer.cancel()
        raise
    writer.commit()
    opened.close()
    # Never into the file of the previous generation, which has the same name and may be the same file.
    (directory / FREQUENCIES).unlink(missing_ok=True)
    with closing(View(directory, language)) as view:
        (directory / FREQUENCIES).write_bytes(kept(view.parts.frequencies))


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


def fault(directory: Path, expected: Mapping[str, int]) -> str:
    """Why a generation cannot be built upon; empty where it can.

    Args:
        directory: of the generation.
        expected: how many articles each language has.
    """
    try:
        for code, wanted in expected.items():
            if (held := count(directory / code)) != wanted:
                return f"the {code} index holds {held} articles instead of {wanted}"
    except SearchUnavailable as error:
        return str(error)
    return ""
