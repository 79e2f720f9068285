"""What readers see at one moment, articles and index of one generation together, and the change to the next."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from portal.errors import SearchUnavailable
from portal.knowledge import KnowledgeBase, Published, most_helpful
from portal.search import SearchIndex
from portal.search.suggestions import Suggestions
from portal.search.whoosh_index import WhooshIndex
from portal.storage import Database, published

#: How often a process looks whether there is a newer generation, in seconds.
LOOK_EVERY = 0.25
#: How long a replaced edition stays open for requests that began with it, in seconds.
KEEP_OPEN = 10.0


@dataclass(frozen=True, eq=False)
class Tallies:
    """What readers thought at one moment."""

    #: Yes-votes and all votes by language and slug.
    votes: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)


class Edition:
    """One generation, opened.

    Args:
        knowledge: its articles without their texts.
        index: its search index.
        database: where the texts are.
    """

    def __init__(self, knowledge: KnowledgeBase, index: SearchIndex, database: Database) -> None:
        self.knowledge = knowledge
        self.index = index
        self._database = database
        self.content = lru_cache(maxsize=512)(self._content)
        self.suggestions = lru_cache(maxsize=8)(self._suggestions)
        self.helpful = lru_cache(maxsize=200)(self._helpful)

    def _content(self, language: str, slug: str) -> published.Content | None:
        """The text of an article, as it is now; None where a newer generation has taken it away."""
        with self._database.read() as connection:
            return published.content(connection, language, slug)

    def _helpful(self, language: str, tallies: Tallies, limit: int, topic: str | None) -> tuple[Published, ...]:
        """The articles that readers found most helpful; see `knowledge.most_helpful`."""
        return tuple(most_helpful(self.knowledge, language, tallies.votes, limit, topic))

    def _suggestions(self, language: str) -> Suggestions:
        """The titles of a language."""
        articles = self.knowledge.articles
        return Suggestions((slug, item.article.title) for (code, slug), item in articles.items() if code == language)


class Editions:
    """Gives the newest edition of an instance folder; one for each process, for all its threads.

    Args:
        data: instance folder.
        default_language: see `KnowledgeBase`.
        clock: seconds that only grow.
    """

    def __init__(self, data: Path, default_language: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._data = data
        self._default_language = default_language
        self._clock = clock
        self._database = Database(f"sqlite:///{data / 'articles.db'}")
        self._loader = published.Loader()
        self._lock = threading.Lock()
        self._current: Edition | None = None
        self._looked = float("-inf")
        self._inode = 0
        self._retired: list[tuple[float, Edition]] = []

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

    def _look(self) -> None:
        """Change to a newer generation where there is one; an unreadable database leaves the present one."""
        now = self._clock()
        self._looked = now
        for retired_at, edition in list(self._retired):
            if now - retired_at > KEEP_OPEN:
                self._retired.remove((retired_at, edition))
                edition.index.close()
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
                knowledge = self._loader.load(connection, self._default_language)
        except DatabaseError:
            return  # It is being replaced, or locked; the next look is soon.
        if self._current is not None:
            self._retired.append((now, self._current))
        self._current = Edition(knowledge, WhooshIndex(self._data / "index" / generation), self._database)
