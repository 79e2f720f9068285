"""The order of the articles for a query: BM25 over decoded postings, then titles and headings as wholes."""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple, Protocol

import numpy as np

from portal.search import Clue
from portal.search.view import K1, RERANKED, Flags, Floats, Ints, Postings, Titles

#: How much a title, or the best heading, that is the query raises a score.
TITLE_FIT, HEADING_FIT = 1.0, 1.0
#: Articles whose likeness to the query the verdict looks at.
LOOKED_AT = 10


class Lists(Protocol):
    """What a query is ranked by, whatever engine it comes from."""

    @property
    def size(self) -> int:
        """How many numbers articles have; some may be of articles that have been removed."""
        ...

    @property
    def highest_idf(self) -> float:
        """Rarity of a word that no article has."""
        ...

    def postings(self, term: str, /) -> Postings | None:
        """Where a term occurs; None where it does not."""
        ...

    def outside(self, topic: str, /) -> Ints:
        """The articles of all other topics."""
        ...

    def titles(self, clues: Sequence[Clue], lists: Sequence[Postings | None], documents: Ints, /) -> Titles:
        """The titles and headings of some articles beside the clues, which are found in the lists."""
        ...


class Ranked(NamedTuple):
    """All articles that have any of the clues, by score."""

    #: Numbers of the best articles, best first.
    documents: Ints
    #: Their scores: of the words, times the fit of title and headings.
    scores: Floats
    #: What the words alone came to.
    base: Floats
    #: How well the title and the best heading fit, 0–1.
    title_fit: Floats
    heading_fit: Floats
    #: How many articles have any of the clues.
    total: int
    #: Rarity of each clue; of an unknown one the highest.
    rarity: tuple[float, ...]
    #: Whether any article has the clue.
    known: tuple[bool, ...]
    #: For each clue, what it added to each of the best articles.
    added: Floats
    #: For each clue, whether the title, and whether title or headings, of each of the best articles have it.
    in_title: Flags
    in_headings: Flags


def merged(view: Lists, clue: Clue) -> Postings | None:
    """Where a clue is found: of several ways to say it, the best counts in each article."""
    if len(clue.ways) == 1 and len(clue.ways[0].terms) == 1:
        return view.postings(clue.ways[0].terms[0])
    found = [(way, lists) for way in clue.ways if (lists := [p for t in way.terms if (p := view.postings(t))])]
    if not found:
        return None
    best = np.zeros(view.size)
    rarity, worths = 0.0, 0.0
    for way, lists in found:
        scale = way.worth / len(way.terms)
        if len(lists) == 1:
            where = lists[0].documents
            best[where] = np.maximum(best.take(where), scale * lists[0].impacts)
        else:
            np.maximum(best, scale * _sum(view, lists), out=best)
        rarity += way.worth * sum(postings.idf for postings in lists) / len(lists)
        worths += way.worth
    documents = (best > 0).nonzero()[0]
    # A title says what several terms say only if it has them all.
    whole = [reduce(np.intersect1d, (p.parts for p in lists)) for way, lists in found if len(lists) == len(way.terms)]
    parts = np.concatenate([np.empty(0, np.intp), *whole])
    return Postings(documents, best.take(documents), rarity / worths, parts)


def rank(view: Lists, clues: Sequence[Clue], limit: int, topic: str | None = None) -> Ranked:
    """The best articles for the clues.

    Args:
        view: what is searched.
        clues: any of which may be found.
        limit: how many articles are given at most.
        topic: only articles of it.
    """
    lists = [merged(view, clue) for clue in clues]
    rarity = [view.highest_idf if postings is None else postings.idf for postings in lists]
    found = [postings for postings in lists if postings is not None]
    scores = _sum(view, found)
    # Any list's fiftieth impact is less than the fiftieth score, or the same.
    least = max((postings.least for postings in found), default=0.0)
    if topic is not None:
        scores[view.outside(topic)] = least = 0.0
    best = _best(scores, max(limit, RERANKED), least if limit <= RERANKED else 0.0)
    head = np.sort(best[:RERANKED])
    base = scores.take(head)
    fits = _Fits(view.titles(clues, lists, head), rarity)
    raised = base * (1 + np.maximum(TITLE_FIT * fits.title, HEADING_FIT * fits.heading))
    order = (-raised).argsort(kind="stable")
    looked, order = order[:LOOKED_AT], order[:limit]
    documents, scores_of, words = head[order], raised[order], base[order]
    title_fit, heading_fit = fits.title[order], fits.heading[order]
    if limit > RERANKED:
        rest = best[RERANKED:]
        documents = np.concatenate([documents, rest])
        scores_of, words = np.concatenate([scores_of, scores[rest]]), scores[documents]
        title_fit, heading_fit = (np.concatenate([fit, np.zeros(len(rest))]) for fit in (title_fit, heading_fit))
    return Ranked(
        documents,
        scores_of,
        words,
        title_fit,
        heading_fit,
        int(np.count_nonzero(scores > 0)),
        tuple(rarity),
        tuple(postings is not None for postings in lists),
        _added(lists, head[looked]),
        fits.in_title(looked),
        fits.in_headings(looked),
    )


def ceiling(rarity: Sequence[float]) -> float:
    """What the words of a query could come to at most, by which a score is made comparable across queries."""
    return float((K1 + 1) * sum(rarity))


def _sum(view: Lists, lists: Sequence[Postings]) -> Floats:
    """The sum of the impacts of lists, for every article."""
    if not lists:
        return np.zeros(view.size)
    documents = np.concatenate([postings.documents for postings in lists])
    impacts = np.concatenate([postings.impacts for postings in lists])
    return np.bincount(documents, impacts, view.size).astype(np.float64, copy=False)


def _best(scores: Floats, limit: int, least: float) -> Ints:
    """The numbers of the highest scores above zero, highest first, the lower number first among equals.

    Args:
        scores: of every article.
        limit: how many.
        least: that many scores are known to be as high as this or higher; 0 where nothing is known.
    """
    found = (scores >= least).nonzero()[0] if least else (scores > 0).nonzero()[0]
    values = scores.take(found)
    if len(found) > 2 * limit:
        beyond = len(values) - limit
        is_high = values >= np.partition(values, beyond)[beyond]
        found, values = found[is_high], values[is_high]
    return found.take((-values).argsort(kind="stable")[:limit])


def _added(lists: Sequence[Postings | None], documents: Ints) -> Floats:
    """What each list adds to certain articles."""
    added = np.zeros((len(lists), len(documents)))
    for row, postings in zip(added, lists, strict=True):
        if postings is not None:
            places = postings.documents.searchsorted(documents)
            has = postings.documents.take(places, mode="clip") == documents
            np.multiply(has, postings.impacts.take(places, mode="clip"), out=row)
    return added


class _Fits:
    """How well titles and headings of some articles fit the query as wholes.

    The F-measure of the words that the query and a part have in common, weighted by their rarity: twice the common
    mass by the mass of both.
    """

    def __init__(self, titles: Titles, rarity: Sequence[float]) -> None:
        self._starts, self._having, mass = titles
        common = np.add.reduce(self._having * np.array(rarity)[:, None], axis=0)
        # Of a clue with several ways the rarity is a mean, which may exceed what the part itself has.
        fit = np.minimum(2 * common / (mass + sum(rarity)), 1.0)
        #: Fit of the title, and of the best heading, of each article, 0–1.
        self.title = fit.take(self._starts)
        fit[self._starts] = 0.0
        self.heading = np.maximum.reduceat(fit, self._starts) if len(fit) else fit

    def in_title(self, places: Ints) -> Flags:
        """For each clue, whether the titles of the articles at certain places have it."""
        return self._having.take(self._starts.take(places), axis=1)

    def in_headings(self, places: Ints) -> Flags:
        """For each clue, whether titles or headings of the articles at certain places have it."""
        if not len(places):
            return self._having
        return np.logical_or.reduceat(self._having, self._starts, axis=1).take(places, axis=1)
