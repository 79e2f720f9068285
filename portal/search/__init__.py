"""Search: the seam that the product searches through, and what every engine behind it must do."""

from dataclasses import dataclass
from typing import Protocol

from portal.search.analyzers import Split
from portal.search.lexicon import Lexicon


@dataclass(frozen=True)
class Document:
    """What an engine is told about one article in one language."""

    slug: str
    title: str
    topic: str
    summary: str
    headings: tuple[str, ...]
    keywords: tuple[str, ...]
    #: Plain text of the body.
    text: str


@dataclass(frozen=True)
class Way:
    """One way to say what a clue asks for."""

    #: A term; where there are several, an article is the better the more of them it has.
    terms: tuple[str, ...]
    #: How much it is worth beside the person's own word, at most 1.
    worth: float = 1.0


@dataclass(frozen=True)
class Clue:
    """One thing that a query asks for, with the ways to say it, of which the best counts in each article."""

    #: The word that it comes from, folded.
    text: str
    #: The person's own word first.
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class Match:
    """One article that was found, with the parts of its score."""

    slug: str
    #: The score: orders the articles of one search, means nothing across searches.
    score: float
    #: What the words alone came to; the fit of title and headings has raised it to the score.
    words: float
    #: How well the title, and the best heading, fit the query as wholes, 0–1.
    title_fit: float
    heading_fit: float


@dataclass(frozen=True)
class Found:
    """What an engine found for the clues of a query."""

    matches: tuple[Match, ...] = ()
    #: How many articles have any of the clues.
    total: int = 0
    #: The rarity of each clue, that of an unknown one being the highest.
    rarity: tuple[float, ...] = ()
    #: For each clue what it added to each of the ten best articles; nothing to any means that no article has it.
    added: tuple[tuple[float, ...], ...] = ()
    #: Whether any article has each clue.
    known: tuple[bool, ...] = ()
    #: For each clue whether the title, and whether title or headings, of each of the ten best articles have it.
    in_title: tuple[tuple[bool, ...], ...] = ()
    in_headings: tuple[tuple[bool, ...], ...] = ()


class SearchIndex(Protocol):
    """One generation of the index, for reading; safe to use from several threads at once."""

    def clues(self, language: str, text: str) -> tuple[Clue, ...]:
        """What a text asks for, analysed as the articles were; parts of words that no article has are left out.

        Raises:
            SearchUnavailable: the index is missing or broken.
        """
        ...

    def translate(self, source: str, target: str, clues: tuple[Clue, ...], text: str) -> tuple[tuple[Way, ...], ...]:
        """For each clue the ways to say it in another language, as the writers' glossary has it; else none.

        Args:
            source: language of the clues.
            target: language of the ways.
            clues: of a query.
            text: the query.
        """
        ...

    def search(
        self, language: str, clues: tuple[Clue, ...], topic: str | None = None, offset: int = 0, limit: int = 10
    ) -> Found:
        """The best articles of a language.

        Any of the clues may match; the order is by relevance, and the same clues give the same order. No clues give
        nothing.

        Raises:
            SearchUnavailable: the index is missing or broken.
        """
        ...

    def split(self, language: str) -> Split | None:
        """What takes the compounds of a language apart; None where it has none."""
        ...

    def has(self, language: str, term: str) -> bool:
        """Whether any article of a language has a term."""
        ...

    def lexicon(self, language: str) -> Lexicon:
        """The words of a language's articles."""
        ...

    def close(self) -> None:
        """Give back files and memory; searches that are under way end first."""
        ...
