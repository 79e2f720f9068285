"""How many of the last tickets and gaps today's articles would have answered, and what they still would not."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from portal.closing import query_of
from portal.edition import Edition
from portal.locales import CODES
from portal.parallel import Progress
from portal.privacy import mask, without_masks
from portal.queries import Verdict, read_query
from portal.storage import Database, asked
from portal.tickets import PROOF_RANK, PROVEN, Kind, Resolution, Status, Ticket
from portal.writing.trials.results import Ranking, Results, results

#: Tickets that are read at once.
PART = 500
#: What counts as answered, for whoever reads the figures.
DEFINITION = (
    "A gap counts as answered when its own search, a request when one of its searches or its subject, is answered for "
    f"sure, and the article that closed it, or where none has any article, is at rank {PROOF_RANK} or better. "
    "Uncertain: the same, but the search is not sure."
)
#: Parts of a name so short are words as well.
_NAME = re.compile(r"[^\W\d_]{3,}")


class Outcome(StrEnum):
    """What would come of a ticket today."""

    ANSWERED = "answered"
    UNCERTAIN = "uncertain"
    NOT = "not"


#: From the best.
_ORDER = tuple(Outcome)


@dataclass(frozen=True)
class Tested:
    """One ticket, and what its questions would find."""

    number: int
    kind: Kind
    language: str
    opened: date
    #: The question that counts: the first of those that come to the most. Without personal data as far as it can be told.
    text: str
    #: How often a gap was asked.
    times: int
    outcome: Outcome
    verdict: Verdict
    #: What would answer it: the article that closed it or, where none has, the first; empty where there is none.
    slug: str
    #: Of that article, from 1; 0 where it is not among the first ten.
    rank: int


@dataclass(frozen=True)
class Lacking:
    """One question that today's articles still do not answer for sure."""

    language: str
    text: str
    #: How often it was asked, in all its tickets.
    times: int
    outcome: Outcome
    #: Of the tickets, newest first.
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Backtest:
    """What would come of the last tickets today."""

    #: Newest first.
    tested: tuple[Tested, ...]
    #: How many tickets were left out, by reason.
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def table(self) -> dict[str, dict[str, int]]:
        """How many tickets of each language, and of all, came to what; languages without any are left out."""
        rows: dict[str, dict[str, int]] = {}
        for language in (*CODES, "all"):
            mine = [each for each in self.tested if language in (each.language, "all")]
            counts = Counter(each.outcome for each in mine)
            if mine:
                rows[language] = {"asked": len(mine)} | {outcome.value: counts[outcome] for outcome in Outcome}
        return rows

    @property
    def lacking(self) -> list[Lacking]:
        """The questions that are not answered for sure, most asked first; those that are the same are one."""
        groups: dict[tuple[str, str], list[Tested]] = {}
        for each in self.tested:
            if each.outcome is not Outcome.ANSWERED:
                groups.setdefault((each.language, each.text.casefold()), []).append(each)
        found = [
            Lacking(
                group[0].language,
                group[0].text,
                sum(each.times for each in group),
                max((each.outcome for each in group), key=_ORDER.index),
                tuple(each.number for each in group),
            )
            for group in groups.values()
        ]
        return sorted(found, key=lambda each: (-each.times, -_ORDER.index(each.outcome), each.language, each.text))


def backtest(
    edition: Edition,
    database: Database,
    last: int,
    progress: Progress,
    *,
    language: str | None = None,
    since: datetime | None = None,
) -> Backtest:
    """Ask the questions of the last tickets of today's articles.

    Args:
        edition: what readers see now.
        database: where the tickets are.
        last: how many at most, newest first.
        progress: told of every ticket.
        language: only tickets from its pages; None for all.
        since: only tickets opened since then, aware.

    Raises:
        SearchUnavailable: the index is missing or broken.
    """
    tester = _Tester(edition)
    tested: list[Tested] = []
    left_out: Counter[str] = Counter()
    for ticket in _newest(database, language, since):
        if len(tested) == last:
            break
        if why := _not_meant(ticket):
            left_out[why] += 1
        elif questions := list(_questions(ticket)):
            tested.append(tester.test(ticket, questions))
            progress(len(tested), last)
        else:
            left_out["without words that could be searched"] += 1
    progress(last, last)
    return Backtest(tuple(tested), dict(sorted(left_out.items())))


def _newest(database: Database, language: str | None, since: datetime | None) -> Iterator[Ticket]:
    """Tickets from the newest on, each part in a transaction of its own: asking takes long."""
    before: int | None = None
    while True:
        with database.read() as connection:
            part = asked.newest(connection, PART, before, language, since)
        yield from part
        if len(part) < PART:
            return
        before = part[-1].id


def _not_meant(ticket: Ticket) -> str:
    """Why no article is to answer a ticket; empty where one is."""
    if ticket.status is Status.SPAM:
        return "spam"
    if ticket.status is Status.DUPLICATE:
        return "duplicates, counted with the ticket that they belong to"
    if ticket.resolution is Resolution.OUT_OF_SCOPE:
        return "no topic of ours"
    return "" if ticket.is_confirmed else "perhaps not asked by a person"


def _questions(ticket: Ticket) -> Iterator[tuple[str, str]]:
    """What a ticket asks, as language and text, each once: its search, then of a request others and its subject."""
    given = [(ticket.language, query_of(ticket).text)]
    if ticket.kind is Kind.REQUEST:
        searches = [item for item in ticket.trail if item.get("kind") == "search"]
        given += [(item.get("language", ticket.language), item.get("text", "")) for item in reversed(searches)]
        given.append((ticket.language, _nameless(ticket.subject, ticket.requester_name)))
    seen = set()
    for language, text in given:
        query = read_query(language, without_masks(mask(text)))
        if language in CODES and any(map(str.isalnum, query.text)) and (language, query.text) not in seen:
            seen.add((language, query.text))
            yield language, query.text


def _nameless(text: str, name: str) -> str:
    """A subject without the name of whoever wrote it; a small letter makes it another word."""
    parts = "|".join(re.escape(part[0].upper() + part[1:]) for part in _NAME.findall(name))
    return re.sub(rf"\b(?:{parts})\b", " ", text) if parts else text


class _Tester:
    """Asks what tickets asked; the same question of the same language once.

    Args:
        edition: that is asked.
    """

    def __init__(self, edition: Edition) -> None:
        self._edition = Ranking(edition)
        self._known: dict[tuple[str, str], Results] = {}

    def test(self, ticket: Ticket, questions: Sequence[tuple[str, str]]) -> Tested:
        """What the best of a ticket's questions would find."""
        best: Tested | None = None
        for language, text in questions:
            found = self._tested(ticket, language, text)
            if best is None or _ORDER.index(found.outcome) < _ORDER.index(best.outcome):
                best = found
            if best.outcome is Outcome.ANSWERED:
                break
        assert best is not None
        return best

    def _tested(self, ticket: Ticket, language: str, text: str) -> Tested:
        """What one question would find."""
        key = language, text
        if key not in self._known:
            self._known[key] = results(self._edition, *key)
        found = self._known[key]
        slug = self._closed_by(ticket, language) or next(iter(found.slugs), "")
        rank = found.rank(slug)
        is_near = 0 < rank <= PROOF_RANK
        outcome = Outcome.NOT
        if is_near and found.verdict is Verdict.ANSWERED:
            outcome = Outcome.ANSWERED
        elif is_near and found.verdict is Verdict.UNCERTAIN:
            outcome = Outcome.UNCERTAIN
        day = ticket.created_at.date()
        return Tested(
            ticket.id, ticket.kind, ticket.language, day, text, ticket.occurrences, outcome, found.verdict, slug, rank
        )

    def _closed_by(self, ticket: Ticket, language: str) -> str:
        """The article that closed a ticket, where there still is one in a language; else empty."""
        if ticket.resolution not in PROVEN and ticket.resolution is not Resolution.WITHDRAWN:
            return ""
        slug = self._edition.knowledge.aliases.get(ticket.slug, ticket.slug)
        return slug if (language, slug) in self._edition.knowledge.articles else ""
