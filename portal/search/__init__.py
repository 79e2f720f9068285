"""Search: the seam that the product searches through, and what every engine behind it must do."""

from dataclasses import dataclass
from typing import Protocol

from portal.queries import Query, Results


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


class SearchIndex(Protocol):
    """One generation of the index, for reading; safe to use from several threads at once."""

    def search(self, query: Query, offset: int = 0, limit: int = 10) -> Results:
        """The best articles in the query's language.

        Any of the query's words may match; the order is by relevance, ties by slug, and the same query gives
        the same order. A query without words gives no results.

        Raises:
            SearchUnavailable: the index is missing or broken, or the time limit of a second ran out.
        """
        ...

    def close(self) -> None:
        """Give back files and memory; searches that are under way end first."""
        ...
