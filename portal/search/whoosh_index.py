"""The embedded engine: one Whoosh index per language inside one directory per generation."""

import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from whoosh import fields, index, qparser, query, scoring
from whoosh.collectors import TimeLimit, TimeLimitCollector

from portal.errors import SearchUnavailable
from portal.queries import Hit, Query, Results
from portal.search import Document
from portal.search.analyzers import LanguageAnalyzer, terms

#: A search that takes longer is given up, in seconds.
TIME_LIMIT = 1.0
#: How much more a word counts in a title or heading than in the text, measured on judged queries.
TITLE_WEIGHT, HEADING_WEIGHT = 4, 4
#: Weight of the title's own field beside the whole text.
TITLE_FIELD_BOOST = 0.5
#: Answers that an open index remembers.
REMEMBERED = 2000
#: Memory that a writer fills before it writes, in MB.
WRITER_MEMORY = 128


def _schema(language: str) -> fields.Schema:
    """One weighted field for everything, one for the title, and what filters need."""
    analyzer = LanguageAnalyzer(language)
    return fields.Schema(
        slug=fields.ID(stored=True, unique=True),
        topic=fields.ID(stored=True),
        title=fields.TEXT(analyzer=analyzer, phrase=False),
        text=fields.TEXT(analyzer=analyzer),
    )


def _fields(document: Document) -> dict[str, str]:
    """A document's fields; weights are written as repetitions, which positions and phrases survive."""
    title = " \n ".join([document.title] * TITLE_WEIGHT)
    headings = " \n ".join(document.headings * HEADING_WEIGHT)
    keywords = " \n ".join(document.keywords * HEADING_WEIGHT)
    text = " \n ".join((title, headings, keywords, document.summary, document.text))
    return {"slug": document.slug, "topic": document.topic, "title": document.title, "text": text}


def write(
    directory: Path,
    language: str,
    documents: Iterable[Document],
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
    opened = index.create_in(str(directory), _schema(language)) if is_new else index.open_dir(str(directory))
    writer = opened.writer(limitmb=WRITER_MEMORY)
    try:
        for slug in removed:
            writer.delete_by_term("slug", slug)
        for document in documents:
            (writer.add_document if is_new else writer.update_document)(**_fields(document))
            progress(1)
    except BaseException:
        writer.cancel()
        raise
    writer.commit()
    opened.close()


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


class WhooshIndex:
    """One generation, opened for reading.

    Args:
        directory: of the generation.

    A searcher's file cursors are not made for several threads; each language therefore has a lock. The work is
    pure Python, so a second thread would have had to wait all the same.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._searchers: dict[str, Any] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._opening = threading.Lock()
        # A generation never changes, so an answer stays right as long as it is open.
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._locked_search)

    def search(self, query: Query, offset: int = 0, limit: int = 10) -> Results:
        """See `SearchIndex.search`."""
        return self._remembered(query, offset, limit)

    def _locked_search(self, query: Query, offset: int, limit: int) -> Results:
        """Search while nobody else uses the language's searcher."""
        if not terms(query.language, query.text):
            return Results((), 0)
        with self._opening:
            lock = self._locks.setdefault(query.language, threading.Lock())
        with lock:
            try:
                return self._search(query, offset, limit)
            except TimeLimit as error:
                raise SearchUnavailable("the time limit ran out") from error
            except Exception as error:  # A broken index raises anything; the reader is told the same each time.
                self._searchers.pop(query.language, None)
                raise SearchUnavailable(f"{query.language}: {type(error).__name__}: {error}") from error

    def _search(self, asked: Query, offset: int, limit: int) -> Results:
        """Search with the language's lock held."""
        searcher = self._searchers.get(asked.language)
        if searcher is None:
            opened = index.open_dir(str(self._directory / asked.language))
            searcher = self._searchers[asked.language] = opened.searcher(weighting=scoring.BM25F(B=0.5, K1=1.2))
        # Topics are filtered here: Whoosh's filter is passed by where there is a time limit.
        wanted = None if asked.topic else offset + limit
        limited = TimeLimitCollector(searcher.collector(limit=wanted), timelimit=TIME_LIMIT, use_alarm=False)
        searcher.search_with_collector(_parsed(asked, searcher.schema), limited)
        found = limited.results()
        matching = (hit for hit in found if asked.topic in (None, hit["topic"]))
        ranked = sorted(((hit.score, hit["slug"]) for hit in matching), key=lambda pair: (-pair[0], pair[1]))
        hits = tuple(Hit(slug, asked.language, score) for score, slug in ranked[offset : offset + limit])
        return Results(hits, len(found) if len(ranked) == wanted else len(ranked))

    def close(self) -> None:
        """See `SearchIndex.close`."""
        for language, lock in list(self._locks.items()):
            with lock:
                if searcher := self._searchers.pop(language, None):
                    searcher.close()


def _parsed(asked: Query, schema: fields.Schema) -> query.Query:
    """Whoosh's query: any word, phrases in quotation marks, nothing else that a person could type means anything.

    Wildcards, fuzzy words, ranges, fields and parentheses cost seconds and gigabytes when they are hostile, so the
    parser knows only blanks and phrases, and the query has been cut before it comes here.
    """
    plugins = [qparser.WhitespacePlugin(), qparser.PhrasePlugin()]
    text = qparser.QueryParser("text", schema, plugins=plugins, group=qparser.OrGroup).parse(asked.text)
    title = [query.Term("title", term, boost=TITLE_FIELD_BOOST) for term in terms(asked.language, asked.text)]
    return query.Or([text, *title]).normalize()
