"""Gaps whose own search is answered by now: they wait only for somebody to close them."""

import time
from collections.abc import Callable, Iterable

from portal.closing import Proof, answered_by, prove
from portal.edition import Edition
from portal.errors import SearchUnavailable
from portal.storage.unanswered import Gap
from portal.writing.planning.begun import begun

#: In seconds: what comes later in the list is not looked at.
PATIENCE = 0.4
#: Rules by which nothing was shown to who asked. The other gaps had results that did not help: that there are results
#: says nothing.
_NOTHING_SHOWN = frozenset({"U0", "U1"})


def answered(
    edition: Edition, gaps: Iterable[Gap], patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic
) -> dict[int, Proof]:
    """The gaps that can be closed with proof, by number, each with its article and rank.

    Args:
        edition: what readers see now.
        gaps: most important first.
        patience: seconds after which no further one is looked at.
        clock: seconds that only grow.
    """
    found: dict[int, Proof] = {}
    until = clock() + patience
    for gap in gaps:
        if clock() > until:
            break
        try:
            proof = _proof(edition, gap)
        except SearchUnavailable:
            break
        if proof is not None:
            found[gap.number] = proof
    return found


def _proof(edition: Edition, gap: Gap) -> Proof | None:
    """What closes a gap: the article that was begun for it, or what is found where nothing was."""
    item = begun(edition.knowledge, gap)
    if item is not None and (gap.language, item.article.slug) in edition.knowledge.articles:
        proof = prove(edition, gap, item.article.slug)
        if proof.is_given:
            return proof
    return answered_by(edition, gap) if gap.code in _NOTHING_SHOWN else None
