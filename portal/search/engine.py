"""One generation of the index, ranked by our own ranking; in the embedded engine it is read from Whoosh's files."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeVar

from portal.errors import SearchUnavailable
from portal.locales import CODES
from portal.search import Clue, Found, Match, Way
from portal.search.analyzers import Split, words
from portal.search.fields import THESAURUS, splitter
from portal.search.lexicon import Lexicon
from portal.search.ranking import Lists, rank
from portal.search.thesaurus import Thesaurus
from portal.search.view import Ints, View

#: Answers that an open index remembers.
REMEMBERED = 2000
#: How long a language that could not be opened is not tried again, in seconds.
PATIENCE = 5.0

_Given = TypeVar("_Given")


@lru_cache(maxsize=2)
def _thesaurus(text: str, split: tuple[tuple[str, Split | None], ...]) -> Thesaurus:
    """A thesaurus; most generations have that of the one before, with all that it has analysed."""
    return Thesaurus.from_text(text, dict(split))


class _Opened(Protocol):
    """One language of an open generation."""

    @property
    def language(self) -> str:
        """Its code."""
        ...

    @property
    def split(self) -> Split | None:
        """What takes its compounds apart."""
        ...

    def reading(self, clues: Sequence[Clue], /) -> "_Reading":
        """What the clues of one query are ranked by."""
        ...

    def known(self, terms: Iterable[str], /) -> frozenset[str]:
        """Those of some terms that an article has."""
        ...

    def lexicon(self) -> dict[str, int]:
        """Every word as it is written, with how many articles have it."""
        ...

    def close(self) -> None:
        """Give back what was opened."""
        ...


class _Reading(Lists, Protocol):
    """What one query is ranked by."""

    def slugs_of(self, documents: Ints, /) -> list[str]:
        """The slugs of articles by their numbers."""
        ...


class RankedIndex(ABC):
    """One generation, opened for reading, whose lists are ranked here.

    Args:
        directory: of the generation.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._views: dict[str, _Opened] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._known: Thesaurus | None = None
        self._opening = {code: threading.Lock() for code in CODES}
        # A generation never changes, so an answer stays right as long as it is open.
        self._found = lru_cache(maxsize=REMEMBERED)(self._search)
        self._lexicon = lru_cache(maxsize=16)(lambda language: Lexicon(self._view(language).lexicon()))

    @abstractmethod
    def _open(self, language: str) -> _Opened:
        """Open a language."""

    def _view(self, language: str) -> _Opened:
        """The view of a language, opened when it is first asked for."""
        view = self._views.get(language)
        if view is None:
            with self._opening[language]:
                view = self._views.get(language)
                if view is None:
                    view = self._views[language] = self._opened(language)
        return view

    def _opened(self, language: str) -> _Opened:
        """A view of a language; one that could not be opened is not tried again for a moment, for Whoosh waits long."""
        failed = self._failed.get(language)
        if failed is not None and time.monotonic() - failed[0] < PATIENCE:
            raise SearchUnavailable(failed[1])
        try:
            return self._open(language)
        except Exception as error:
            self._failed[language] = time.monotonic(), f"{type(error).__name__}: {error}"
            raise

    def _guarded(self, language: str, work: Callable[[], _Given]) -> _Given:
        """Do something with a language's files.

        Raises:
            SearchUnavailable: whatever a broken index makes of it, the reader is told the same each time.
        """
        try:
            return work()
        except SearchUnavailable:
            raise
        except Exception as error:  # Whoosh reads pickles and raises whatever a broken one makes of it.
            if broken := self._views.pop(language, None):
                broken.close()
            raise SearchUnavailable(f"{language}: {type(error).__name__}: {error}") from error

    @property
    def _thesaurus(self) -> Thesaurus:
        """What writers have said of words, as it was when the generation was made."""
        if self._known is None:
            split = tuple((code, splitter(self._directory / code, code)) for code in CODES)
            self._known = _thesaurus((self._directory / THESAURUS).read_text(encoding="utf-8"), split)
        return self._known

    def clues(self, language: str, text: str) -> tuple[Clue, ...]:
        """See `SearchIndex.clues`."""
        return self._guarded(language, lambda: self._clues(self._view(language), text))

    def translate(self, source: str, target: str, clues: tuple[Clue, ...], text: str) -> tuple[tuple[Way, ...], ...]:
        """See `SearchIndex.translate`."""
        return self._guarded(source, lambda: self._thesaurus.translate(source, target, clues, text))

    def _clues(self, view: _Opened, text: str) -> tuple[Clue, ...]:
        found: dict[str, Clue] = {}
        asked = list(words(view.language, text, view.split))
        known = view.known(dict.fromkeys(term for word in asked for term in word.terms))
        for word in asked:
            for term in [term for term in word.terms if term in known] or word.terms[:1]:
                found.setdefault(term, Clue(word.text, (Way((term,)),)))
        return self._thesaurus.expand(view.language, tuple(found.values()), text)

    def search(
        self, language: str, clues: tuple[Clue, ...], topic: str | None = None, offset: int = 0, limit: int = 10
    ) -> Found:
        """See `SearchIndex.search`."""
        if not clues:
            return Found()
        return self._guarded(language, lambda: self._found(language, clues, topic, offset, limit))

    def _search(self, language: str, clues: tuple[Clue, ...], topic: str | None, offset: int, limit: int) -> Found:
        lists = self._view(language).reading(clues)
        ranked = rank(lists, clues, offset + limit, topic)
        slugs = lists.slugs_of(ranked.documents[offset:])
        columns = (ranked.scores, ranked.base, ranked.title_fit, ranked.heading_fit)
        rows = zip(*(column[offset:].tolist() for column in columns), strict=True)
        return Found(
            tuple(Match(slug, *parts) for slug, parts in zip(slugs, rows, strict=True)),
            ranked.total,
            ranked.rarity,
            tuple(map(tuple, ranked.added.tolist())),
            ranked.known,
            tuple(map(tuple, ranked.in_title.astype(bool).tolist())),
            tuple(map(tuple, ranked.in_headings.astype(bool).tolist())),
        )

    def split(self, language: str) -> Split | None:
        """See `SearchIndex.split`."""
        return self._guarded(language, lambda: self._view(language).split)

    def has(self, language: str, term: str) -> bool:
        """See `SearchIndex.has`."""
        return self._guarded(language, lambda: bool(self._view(language).known((term,))))

    def lexicon(self, language: str) -> Lexicon:
        """See `SearchIndex.lexicon`."""
        return self._guarded(language, lambda: self._lexicon(language))

    def close(self) -> None:
        """See `SearchIndex.close`."""
        for language, opening in self._opening.items():
            with opening:
                if view := self._views.pop(language, None):
                    view.close()


class WhooshIndex(RankedIndex):
    """The embedded engine: files in the generation's directory."""

    def _open(self, language: str) -> View:
        """Open a language's files."""
        return View(self._directory / language, language)
