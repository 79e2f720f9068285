"""What readers see at one moment, articles and index of one generation together, and the change to the next."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from portal.errors import SearchUnavailable
from portal.knowledge import KnowledgeBase, Published, most_helpful, of_present
from portal.problems import Problem
from portal.queries import Cuts
from portal.search import SearchIndex, postgres
from portal.search.analyzers import stem
from portal.search.engine import WhooshIndex
from portal.search.inquiry import Inquirer
from portal.search.postgres import PostgresIndex
from portal.search.snippets import Snippet
from portal.search.suggestions import Suggestions
from portal.search.tables import Dictionary, TermTables
from portal.storage import Database, published

#: How often a process looks whether there is a newer generation, in seconds.
LOOK_EVERY = 0.25
#: Articles whose plain text is kept at hand, and snippets.
SECTIONS_KEPT = 500
SNIPPETS_KEPT = 5000
#: How long other terms that were learned have not yet arrived everywhere, in seconds; see `TermTables`.
ARRIVING = 2.0
#: How long a replaced edition stays open for requests that began with it, in seconds.
KEEP_OPEN = 10.0


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, eq=False)
class Tallies:
    """What readers thought at one moment."""

    #: Yes-votes and all votes by language, slug and revision of the text.
    votes: Mapping[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)


class Edition:
    """One generation, opened.

    Args:
        knowledge: its articles without their texts.
        index: its search index.
        database: where the texts are.
        cuts: of every language.
        tables: of words in other languages.
    """

    def __init__(
        self,
        knowledge: KnowledgeBase,
        index: SearchIndex,
        database: Database,
        cuts: Mapping[str, Cuts],
        tables: TermTables,
    ) -> None:
        self.knowledge = knowledge
        self.index = index
        self.cuts = cuts
        self.dictionary = Dictionary(index, tables)
        self._database = database
        languages = tuple(code for code, count in knowledge.counts.items() if count)
        self._inquirers = {code: Inquirer(index, languages, cuts[code].high, self.dictionary) for code in cuts}
        self.content = lru_cache(maxsize=256)(self._content)
        self._snippets: dict[tuple[str, str, frozenset[str]], Snippet] = {}
        self._sections: dict[tuple[str, str], tuple[published.SectionText, ...]] = {}
        self._keeping = threading.Lock()
        self.suggestions = lru_cache(maxsize=8)(self._suggestions)
        self._words = lru_cache(maxsize=4)(self._written)
        self.helpful = lru_cache(maxsize=200)(self._helpful)
        self.votes = lru_cache(maxsize=2)(self._votes)

    def inquirer(self, language: str) -> Inquirer:
        """What makes out the queries of a language's readers."""
        return self._inquirers[language]

    def written(self, language: str, terms: Iterable[str]) -> str:
        """Terms as the words that the articles of a language mostly write them in."""
        return " ".join(self._words(language).get(term, term) for term in terms)

    def _written(self, language: str) -> dict[str, str]:
        """The most frequent word of each term."""
        lexicon = self.index.lexicon(language)
        ordered = sorted(lexicon.counts, key=lambda word: (lexicon.counts[word], word))
        return {stem(language, word): lexicon.written(word) for word in ordered}

    def _content(self, language: str, slug: str) -> published.Content | None:
        """The text of an article, as it is now; None where a newer generation has taken it away."""
        with self._database.read() as connection:
            return published.content(connection, language, slug)

    def sections(self, language: str, slugs: Sequence[str]) -> dict[str, tuple[published.SectionText, ...]]:
        """Anchor, heading and plain text of the sections of some articles; those that are gone are left out."""
        found = {slug: known for slug in slugs if (known := self._sections.get((language, slug))) is not None}
        if lacking := [slug for slug in slugs if slug not in found]:
            with self._database.read() as connection:
                read = published.sections(connection, language, lacking)
            found |= read
            self._keep(self._sections, {(language, slug): texts for slug, texts in read.items()}, SECTIONS_KEPT)
        return found

    def problems(self) -> list[Problem]:
        """What is wrong with the files, as far as reading them finds it."""
        with self._database.read() as connection:
            return published.all_problems(connection)

    def saved_last(self, limit: int) -> list[tuple[str, str, datetime]]:
        """The articles' files that were written last: language, slug, and when."""
        with self._database.read() as connection:
            return published.saved_last(connection, limit)

    def _keep(self, kept: dict[_Key, _Value], more: Mapping[_Key, _Value], most: int) -> None:
        """Keep something at hand; the oldest goes where it becomes too much."""
        with self._keeping:
            kept.update(more)
            while len(kept) > most:
                del kept[next(iter(kept))]

    def snippet(self, language: str, slug: str, terms: frozenset[str], make: Callable[[], Snippet]) -> Snippet:
        """A snippet of an article for some terms, made only where it is not known."""
        key = language, slug, terms
        if (known := self._snippets.get(key)) is None:
            known = make()
            self._keep(self._snippets, {key: known}, SNIPPETS_KEPT)
        return known

    def _helpful(self, language: str, tallies: Tallies, limit: int, topic: str | None) -> tuple[Published, ...]:
        """The articles that readers found most helpful; see `knowledge.most_helpful`."""
        return tuple(most_helpful(self.knowledge, language, self.votes(tallies), limit, topic))

    def _votes(self, tallies: Tallies) -> Mapping[tuple[str, str], tuple[int, int]]:
        """Yes-votes and all votes by language and slug, of those that were given for these texts."""
        return of_present(self.knowledge.articles, tallies.votes, self.knowledge.aliases)

    def _suggestions(self, language: str, queries: tuple[str, ...]) -> Suggestions:
        """What can be suggested to readers of a language, with what many of them ask."""
        titles = [
            (slug, item.article.title) for (code, slug), item in self.knowledge.articles.items() if code == language
        ]
        with self._database.read() as connection:
            headings = published.headings(connection, language)
        return Suggestions(titles, headings, queries, self.index.lexicon(language), language)


def _nothing() -> None:
    """What is done where nobody has said otherwise."""


#: Articles that were read before this process was forked, by instance folder and default language.
_handed_on: dict[tuple[Path, str], tuple[published.Loader, KnowledgeBase]] = {}


class Editions:
    """Gives the newest edition of an instance folder; one for each process, for all its threads.

    Args:
        data: instance folder.
        default_language: see `KnowledgeBase`.
        cuts: of every language, between the verdicts.
        clock: seconds that only grow.
        search: address of the PostgreSQL server that is searched; empty for the embedded engine.
    """

    def __init__(
        self,
        data: Path,
        default_language: str,
        cuts: Mapping[str, Cuts],
        clock: Callable[[], float] = time.monotonic,
        search: str = "",
    ) -> None:
        self._data = data
        self._search = search
        self._cuts = cuts
        self._tables = TermTables(data / "terms")
        #: When the folder of the learned terms was changed, and when that was seen.
        self._terms = 0, float("-inf")
        self._default_language = default_language
        self._clock = clock
        self._database = Database(f"sqlite:///{data / 'articles.db'}")
        self._loader = published.Loader()
        self._lock = threading.Lock()
        self._current: Edition | None = None
        self._looked = float("-inf")
        self._inode = 0
        self._retired: list[tuple[float, Edition]] = []
        #: Called when an edition has been closed; see `warming`.
        self.settle: Callable[[], None] = _nothing

    def hand_on(self) -> None:
        """Let processes that are forked from this one begin with the articles as they have been read here.

        What they have in common is in memory once; nothing that is open is handed on.
        """
        knowledge = self.current().knowledge
        knowledge.prepare()
        _handed_on[self._data, self._default_language] = self._loader, knowledge
        self._database.close()

    def _read(self, connection: Connection, generation: str) -> KnowledgeBase:
        """The articles of a generation, as they were handed on or as they are stored."""
        loader, knowledge = _handed_on.pop((self._data, self._default_language), (None, None))
        if loader is not None:
            self._loader = loader
        if knowledge is not None and knowledge.generation == generation:
            return knowledge
        return self._loader.load(connection, self._default_language)

    def current(self) -> Edition:
        """The newest edition.

        Raises:
            SearchUnavailable: nothing has been published yet.
        """
        edition = self._current
        if edition is not None and self._clock() - self._looked < LOOK_EVERY:
            return edition
        with self._lock:
            if self._current is None or self._clock() - self._looked >= LOOK_EVERY:
                self._look()
            if self._current is None:
                raise SearchUnavailable("nothing has been published yet")
            return self._current

    def terms(self) -> int | None:
        """Changes when other terms have been learned; None while that has just happened."""
        changed, seen = self._terms
        return changed if self._clock() - seen > ARRIVING else None

    def _look_at_terms(self, now: float) -> None:
        """Notice that files of learned terms have been replaced, which changes their folder."""
        try:
            changed = (self._data / "terms").stat().st_mtime_ns
        except OSError:
            changed = 0
        if changed != self._terms[0]:
            self._terms = changed, now

    def _opened(self, directory: Path) -> SearchIndex | None:
        """The index of a generation; None while the server that is searched does not have it yet."""
        if not self._search:
            return WhooshIndex(directory)
        try:
            if self._current is not None and not postgres.is_there(self._search, directory):
                return None
        except SearchUnavailable:
            pass  # Nothing can be searched, old or new; the articles can be read.
        return PostgresIndex(directory, self._search)

    def _look(self) -> None:
        """Change to a newer generation where there is one; an unreadable database leaves the present one."""
        now = self._clock()
        self._looked = now
        self._look_at_terms(now)
        is_over = False
        while self._retired and now - self._retired[0][0] > KEEP_OPEN:
            self._retired.pop(0)[1].index.close()
            is_over = True
        if is_over:
            self.settle()  # Nothing here refers to them any more: what is there now stays until the next ones go.
        try:
            inode = (self._data / "articles.db").stat().st_ino
        except FileNotFoundError:
            return  # It is made again at the next publication.
        if inode != self._inode:
            self._database.close()  # Another file has its name; the open ones are the old file's.
            self._inode = inode
        try:
            with self._database.read() as connection:
                generation = published.state(connection, "generation")
                if not generation or (self._current and self._current.knowledge.generation == generation):
                    return
                if (index := self._opened(self._data / "index" / generation)) is None:
                    return
                knowledge = self._read(connection, generation)
        except DatabaseError:
            return  # It is being replaced, or locked; the next look is soon.
        if self._current is not None:
            self._retired.append((now, self._current))
        self._current = Edition(knowledge, index, self._database, self._cuts, self._tables)
