"""What queries would show readers: ranks and verdicts, without the texts that take most of the time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from portal.closing import Proof
from portal.edition import Edition
from portal.queries import Verdict, read_query
from portal.search.snippets import Snippet
from portal.selfservice import answer
from portal.storage import Database
from portal.storage.published import SectionText

#: Verdicts from the worst to the best.
_ORDER = (Verdict.EMPTY, Verdict.UNANSWERED, Verdict.UNCERTAIN, Verdict.ANSWERED)


@dataclass(frozen=True)
class Results:
    """What a reader would be shown for a query."""

    verdict: Verdict
    #: The probability that it is answered, 0–1.
    confidence: float
    #: The first ten articles, best first.
    slugs: tuple[str, ...]
    #: Language and slug of articles that the reader's language lacks.
    elsewhere: tuple[tuple[str, str], ...]

    def rank(self, slug: str) -> int:
        """The rank of an article, from 1; 0 where it is not among the first ten."""
        return self.slugs.index(slug) + 1 if slug in self.slugs else 0

    def proves(self, language: str, slug: str) -> bool:
        """Whether a gap with this query could be closed by an article; see `closing.Proof`."""
        return Proof(self.rank(slug) or None, slug, language, self.verdict).is_given

    def is_better_than(self, other: "Results") -> bool:
        """Whether the verdict is better."""
        return _ORDER.index(self.verdict) > _ORDER.index(other.verdict)


class Ranking(Edition):
    """An edition that is asked for ranks and verdicts alone: nothing is quoted, which is what takes longest.

    Args:
        edition: the same with its texts.
    """

    def __init__(self, edition: Edition) -> None:
        # Its database is never asked.
        database = Database("sqlite://")
        super().__init__(edition.knowledge, edition.index, database, edition.cuts, edition.dictionary.tables)

    def sections(self, language: str, slugs: Sequence[str]) -> dict[str, tuple[SectionText, ...]]:  # noqa: ARG002
        """Nothing of each."""
        return dict.fromkeys(slugs, ())

    def snippet(self, language: str, slug: str, terms: frozenset[str], make: Callable[[], Snippet]) -> Snippet:  # noqa: ARG002
        """Nothing."""
        return Snippet(())


def results(edition: Edition, language: str, text: str) -> Results:
    """Ask a query as a reader of a language.

    Raises:
        SearchUnavailable: the index is missing or broken.
    """
    found = answer(edition, read_query(language, text))
    return Results(
        found.verdict,
        found.confidence,
        tuple(result.item.article.slug for result in found.results),
        tuple((code, result.item.article.slug) for code, group in found.elsewhere for result in group),
    )
