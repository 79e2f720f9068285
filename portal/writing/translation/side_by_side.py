"""A translation beside its source, with what has changed in the source since it was translated."""

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from portal.articles import Article
from portal.library import SourceFile
from portal.writing.files.history import History, Version
from portal.writing.live.aside import Aside
from portal.writing.live.preview import Previews
from portal.writing.translation.differences import Comparison, compare

#: After so many seconds a text that git did not know is looked for again: it may have been committed.
AGAIN = 60


class Unknown(StrEnum):
    """Why it is not known what text was translated."""

    #: The translation does not name it.
    UNNAMED = "unnamed"
    #: Git does not answer, or the articles are in no repository.
    NO_GIT = "no_git"
    #: None of the versions that git has is it.
    NOT_FOUND = "not_found"


@dataclass(frozen=True)
class SideBySide:
    """Two texts of a family."""

    comparison: Comparison
    #: Why the text that was translated is not known; None where it is.
    unknown: Unknown | None = None
    #: What git says of it, an English sentence; empty where git answers.
    reason: str = ""
    #: The text that was translated as git has it; None where it is the source as it is now.
    version: Version | None = None


class _Pair(NamedTuple):
    """Files without errors, and when they are looked at, in units of `AGAIN`."""

    source: SourceFile
    translation: SourceFile
    again: int


class Comparisons:
    """Compares texts aside, and keeps what came of it; for all threads of a process.

    Args:
        root: folder of the articles.
        previews: reads the texts.
    """

    def __init__(self, root: Path, previews: Previews) -> None:
        self._root = root
        self._previews = previews
        self._made = Aside("side by side", self._make)

    def get(self, source: SourceFile, translation: SourceFile) -> SideBySide | None:
        """A translation beside its source; None where finding out takes longer than a page can wait.

        Args:
            source: a file without errors.
            translation: another of the same family.
        """
        # What is known stays so; what is not is looked for again.
        known = self._made.get(_Pair(source, translation, 0))
        if known is None or known.unknown in {None, Unknown.UNNAMED}:
            return known
        return self._made.get(_Pair(source, translation, int(time.monotonic() // AGAIN) + 1))

    def _make(self, pair: _Pair) -> SideBySide:
        """Look for the text that was translated, and compare."""
        source, translation = self._previews.read(pair.source), self._previews.read(pair.translation)
        new, text = source.reading.article, translation.reading.article
        if new is None or text is None:
            raise ValueError("a file with errors")
        lines = source.reading.body_line, translation.reading.body_line

        def beside(old: Article | None) -> Comparison:
            return compare(old, new, text, *lines)

        if text.source is None:
            return SideBySide(beside(None), Unknown.UNNAMED)
        if text.source == source.fingerprint:
            return SideBySide(beside(new))
        # Anew each time: a repository may have been made since.
        history = History(self._root)
        if version := history.version(new.language, new.slug, text.source):
            return SideBySide(beside(version.article), version=version)
        return SideBySide(beside(None), Unknown.NO_GIT if history.reason else Unknown.NOT_FOUND, history.reason)
