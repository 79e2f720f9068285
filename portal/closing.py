"""Closing a gap: only when the search that caused it finds the article; then everybody who asked is told."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from portal.articles import is_slug
from portal.edition import Edition
from portal.errors import InvalidInput, NotAllowed, NotProven, SearchUnavailable, StaleTicket, TransitionRefused
from portal.lifecycle import apply
from portal.people import Person, Right, may
from portal.privacy import without_masks
from portal.queries import Query, Verdict, read_query
from portal.selfservice import Answer, answer
from portal.storage import Database, claims
from portal.storage import tickets as store
from portal.storage.unanswered import Gap
from portal.subscribing import Subscriptions
from portal.tickets import GAPS, PROOF_RANK, PROVEN, Action, Actor, Resolution, Ticket

#: Ways to solve a gap; a request is solved by any, and a withdrawal is the system's own.
OF_GAP = (
    Resolution.ARTICLE_WRITTEN,
    Resolution.ARTICLE_IMPROVED,
    Resolution.TRANSLATED,
    Resolution.SYNONYM_ADDED,
    Resolution.OUT_OF_SCOPE,
)
OF_REQUEST = tuple(way for way in Resolution if way is not Resolution.WITHDRAWN)
#: An article's address, of whatever host, or the path of its file.
_ADDRESS = re.compile(r"(?:^|/)(?:articles/)?([^/?#]+?)(?:\.md)?/?(?:[?#].*)?$")


@dataclass(frozen=True)
class Proof:
    """Whether a gap's own search finds an article now."""

    #: From 1; None where the article is not on the first page in the gap's language.
    rank: int | None
    slug: str
    #: Of the gap.
    language: str
    verdict: Verdict

    @property
    def is_given(self) -> bool:
        """Whether a person who searches again is shown the article at a rank at which it is seen."""
        is_shown = self.verdict in {Verdict.ANSWERED, Verdict.UNCERTAIN}
        return is_shown and self.rank is not None and self.rank <= PROOF_RANK


def query_of(gap: Ticket | Gap) -> Query:
    """The search that caused a gap, as far as it is kept: what was masked was no subject."""
    return read_query(gap.language, without_masks(gap.query))


def read_slug(text: str) -> str:
    """The slug that a person means who typed it, or pasted the article's address; empty for anything else."""
    found = _ADDRESS.search(text.strip())
    slug = found[1].lower() if found else ""
    return slug if is_slug(slug) else ""


def _search(edition: Edition, gap: Ticket | Gap) -> Answer:
    """What the search that caused a gap finds now."""
    query = query_of(gap)
    return answer(edition, query) if query.text else Answer(query, Verdict.EMPTY)


def _rank(found: Answer, slug: str) -> int | None:
    """The rank of an article in the reader's own language, from 1; None where it is not on the first page."""
    slugs = [result.item.article.slug for result in found.results]
    return slugs.index(slug) + 1 if slug in slugs else None


def prove(edition: Edition, gap: Ticket | Gap, slug: str) -> Proof:
    """Ask a gap's own query of the live index.

    Raises:
        SearchUnavailable: the index is missing or broken.
    """
    found = _search(edition, gap)
    return Proof(_rank(found, slug), slug, gap.language, found.verdict)


def answered_by(edition: Edition, gap: Gap) -> Proof | None:
    """The article that a gap's own query is now sure to find first; None where it finds none.

    Raises:
        SearchUnavailable: the index is missing or broken.
    """
    found = _search(edition, gap)
    if found.verdict is not Verdict.ANSWERED or not found.results:
        return None
    return Proof(1, found.results[0].item.article.slug, gap.language, found.verdict)


def candidates(edition: Edition, gap: Ticket) -> list[tuple[int, str, str]]:
    """What a gap's own query finds now, in its language: rank, slug and title of the first ten.

    Raises:
        SearchUnavailable: the index is missing or broken.
    """
    found = _search(edition, gap).results
    return [(rank, each.item.article.slug, each.item.article.title) for rank, each in enumerate(found, 1)]


def judged(connection: Connection, language: str | None = None) -> list[tuple[str, str, str]]:
    """Query, slug and language of every gap that an article has closed, to be judged from now on; each once."""
    chosen = store.Filter(language=language, is_unsolved=False, resolutions=PROVEN)
    rows: dict[tuple[str, str, str], None] = {}
    after = None
    while found := store.find(connection, chosen, after, limit=500):
        rows |= {(query_of(gap).text, gap.slug, gap.language): None for gap in found if gap.kind in GAPS and gap.slug}
        after = found[-1].created_at, found[-1].id
    return [row for row in rows if row[0]]


class Closing:
    """Solves gaps.

    Args:
        database: where they are.
        subscriptions: of those who are told.
    """

    def __init__(self, database: Database, subscriptions: Subscriptions) -> None:
        self._database = database
        self._subscriptions = subscriptions

    def solve(
        self,
        edition: Edition | None,
        person: Person,
        number: int,
        resolution: Resolution | None,
        slug: str,
        text: str,
        now: datetime,
        version: int | None = None,
    ) -> Ticket:
        """Solve a gap and tell everybody who asked; one transaction. Whoever had taken it on is done with it.

        Args:
            edition: what readers see now; None will do for what needs no proof.
            person: who solves it.
            number: of the gap.
            resolution: how; one of `OF_GAP`.
            slug: the article, or its address; needed by the ways that must be proven.
            text: for colleagues; the ways that must be proven need none, the article speaks for them.
            now: aware, UTC.
            version: the ticket's when the person looked at it; None where what has happened since does not matter.

        Raises:
            NotAllowed: the person may neither work on tickets nor, by one of the ways that are proven, write articles.
            NotFound: there is no such ticket.
            StaleTicket: somebody has changed it since.
            NotProven: the gap's own query does not find the article at a good rank; nothing has changed.
            TransitionRefused, InvalidInput: see `lifecycle.apply`; also for a way or an article that is none.
            SearchUnavailable: the index is missing or broken.
        """
        _check_way(person, resolution)
        titles: dict[str, str] = {}
        rank, needs_proof = None, resolution in PROVEN
        if needs_proof:
            slug, rank, titles = self._proven(edition, number, slug, version)
            text = text.strip() or titles[next(iter(titles))]
        with self._database.write() as connection:
            gap = store.get(connection, number, lock=True)
            _check(gap, version)
            changed, event = apply(gap, Action.SOLVE, now, Actor(person.id, person.name), text, resolution)
            if needs_proof:
                changed = replace(changed, slug=slug)
                proof = {"slug": slug, "rank": str(rank), "titles": json.dumps(titles)}
                event = replace(event, details=event.details | proof | self._tell(connection, changed, titles, now))
            store.save(connection, changed)
            store.record(connection, number, event)
            claims.end(connection, number)
            return replace(changed, version=gap.version + 1)

    def _tell(self, connection: Connection, gap: Ticket, titles: dict[str, str], now: datetime) -> dict[str, str]:
        """Tell everybody who asked that an article answers a gap; how many."""
        own = titles[gap.language]
        told = self._subscriptions.tell(connection, gap, gap.slug, own, gap.language, now, titles)
        return {"told": str(told)}

    def _proven(
        self, edition: Edition | None, number: int, typed: str, version: int | None
    ) -> tuple[str, int | None, dict[str, str]]:
        """The article that closes a gap: slug, rank, and titles by language, the gap's own first.

        The search runs before the transaction, which others would wait for; a gap's query never changes.
        """
        with self._database.read() as connection:
            gap = store.get(connection, number)
        _check(gap, version)
        slug = read_slug(typed)
        if not slug:
            raise InvalidInput("slug", "invalid" if typed.strip() else "missing")
        if edition is None:
            raise SearchUnavailable("nothing can be searched")
        slug = edition.knowledge.aliases.get(slug, slug)
        proof = prove(edition, gap, slug)
        if not proof.is_given:
            raise NotProven(proof.rank, slug)
        return slug, proof.rank, _titles(edition, slug, gap.language)


def _check_way(person: Person, resolution: Resolution | None) -> None:
    """Make sure that somebody may solve a gap in this way, and that it is one."""
    if not may(person, Right.WRITE_ARTICLES if resolution in PROVEN else Right.WORK_TICKETS):
        raise NotAllowed("this role does not solve tickets")
    if resolution not in OF_GAP:
        raise InvalidInput("resolution", "missing")


def _check(gap: Ticket, version: int | None) -> None:
    """Make sure that it is a gap, and as the person saw it."""
    if gap.kind not in GAPS:
        raise TransitionRefused(f"ticket {gap.id} is no unanswered search")
    if version is not None and version != gap.version:
        raise StaleTicket(f"ticket {gap.id} has changed")


def _titles(edition: Edition, slug: str, first: str) -> dict[str, str]:
    """The titles of an article by language, one language first."""
    languages: Sequence[str] = sorted(edition.knowledge.families[slug], key=lambda code: (code != first, code))
    return {code: edition.knowledge.articles[code, slug].article.title for code in languages}
