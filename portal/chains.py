"""Chains: the attempts of one session to find something, and what each of them came to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal.queries import Verdict

#: A search in other words so soon after one that failed is the same question.
REWORDED_WITHIN = timedelta(minutes=3)
#: An article that is open for so long has been read, in seconds.
READ_SECONDS = 30


class Kind(StrEnum):
    """What a person did."""

    SEARCH = "search"
    #: An article was opened.
    OPEN = "open"
    #: It was left, after so many seconds.
    READ = "read"
    VOTE = "vote"
    #: The request form was sent.
    REQUEST = "request"
    #: The page of results was shown in a browser with scripts; says only that the cookie came back, and is not kept.
    SEEN = "seen"


@dataclass(frozen=True)
class Visitor:
    """Who searches, as far as known; never stored as it is."""

    #: Secret number of the session's cookie; empty where there is none or the browser asks not to be followed.
    session: str = ""
    #: Whether the cookie came with this request: a person's browser most likely.
    is_returning: bool = False
    #: Network prefix of the address, for budgets.
    network: str = ""


@dataclass(frozen=True)
class SearchEvent:
    """One thing that a person did to find something."""

    #: Aware, UTC.
    at: datetime
    kind: Kind
    #: Of the page; of an article opened, read or voted on, that of its text.
    language: str
    #: Keyed hash of the session's number; None where it is not to be recorded.
    session: str | None = None
    #: Masked.
    query: str = ""
    topic: str = ""
    #: See `queries.gap_fingerprint`.
    fingerprint: str | None = None
    verdict: Verdict | None = None
    confidence: float = 0.0
    #: How many articles were found.
    total: int = 0
    #: U0 or U1 where the search was judged at once.
    code: str = ""
    #: What had been put right in the query, as pairs of kind and text searched for instead.
    repairs: tuple[tuple[str, str], ...] = ()
    #: What was shown: slug, language and revision, by rank, at most ten.
    results: tuple[tuple[str, str, str], ...] = ()
    #: The gap that the search opened or counted.
    gap_id: int | None = None
    #: Whether it was beyond the budgets.
    is_overflow: bool = False
    #: Whether the session's cookie had come back.
    is_returning: bool = False
    #: Of opening, reading and voting: the article.
    slug: str = ""
    #: Of reading: for how long.
    seconds: int | None = None
    #: Of voting.
    is_helpful: bool | None = None
    #: Of voting: the fingerprint of the text.
    revision: str = ""
    #: Network prefix of the address, for budgets; never stored.
    network: str = ""
    #: Number in the database; 0 before it is stored.
    id: int = 0

    @property
    def article(self) -> tuple[str, str]:
        """Slug and language of what was opened, read or voted on."""
        return self.slug, self.language

    @property
    def question(self) -> str:
        """The same for searches that ask the same thing."""
        return self.fingerprint or self.query


class Outcome(StrEnum):
    """What a chain came to, as far as that can be told."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """Something that did not go well in a chain."""

    #: U2, U3, U4 or U5.
    code: str
    #: The chain's last search; of U4 the one that the article was opened after.
    search: SearchEvent
    #: Of U4: the article, and the fingerprint of the text that was voted on.
    slug: str = ""
    language: str = ""
    revision: str = ""


@dataclass(frozen=True)
class Withdrawal:
    """A search that failed and that the person then put in other words, and found the article."""

    failed: SearchEvent
    found: SearchEvent
    slug: str
    language: str


@dataclass(frozen=True)
class Judgement:
    """What one chain came to."""

    findings: tuple[Finding, ...]
    #: At most one for each gap.
    withdrawals: tuple[Withdrawal, ...]
    #: The wordings of the searches before the last one, where they differ from it.
    variants: tuple[str, ...]
    outcome: Outcome


def split(events: Iterable[SearchEvent], minutes: int) -> list[tuple[SearchEvent, ...]]:
    """The chains of one session, oldest first.

    Searches no more than `minutes` after the one before belong together; all else belongs to the search before it,
    and what comes before every search is a chain without one.
    """
    chains: list[list[SearchEvent]] = []
    last: datetime | None = None
    for event in sorted(events, key=lambda event: (event.at, event.id)):
        is_search = event.kind is Kind.SEARCH
        is_first = is_search and (last is None or event.at - last > timedelta(minutes=minutes))
        if is_first or not chains:
            chains.append([])
        chains[-1].append(event)
        last = event.at if is_search else last
    return [tuple(chain) for chain in chains]


def judge(chain: Sequence[SearchEvent]) -> Judgement:
    """What a chain that has ended came to, by the rules U2 to U5; U0 and U1 were judged with each search.

    Args:
        chain: as `split` gives it.
    """
    searches = [event for event in chain if event.kind is Kind.SEARCH]
    if not searches:
        return Judgement((), (), (), Outcome.UNKNOWN)
    last = searches[-1]
    findings = (*_doubt(chain, last), *_unhelpful(chain, searches), *_requested(chain, last))
    variants = dict.fromkeys(search.query for search in searches[:-1] if search.query != last.query)
    return Judgement(findings, _withdrawals(chain), tuple(variants), _outcome(chain, last, findings))


def _after(chain: Sequence[SearchEvent], event: SearchEvent) -> Sequence[SearchEvent]:
    """What follows an event of the chain."""
    return chain[next(place for place, other in enumerate(chain) if other is event) + 1 :]


def _opened(events: Iterable[SearchEvent]) -> bool:
    """Whether any article was opened."""
    return any(event.kind is Kind.OPEN for event in events)


def _votes(events: Iterable[SearchEvent], article: tuple[str, str]) -> list[SearchEvent]:
    """The votes on an article, oldest first."""
    return [
        event
        for event in events
        if event.kind is Kind.VOTE and event.is_helpful is not None and event.article == article
    ]


def _doubt(chain: Sequence[SearchEvent], last: SearchEvent) -> list[Finding]:
    """U2 or U3, of the last search."""
    if last.code:
        return []
    after = _after(chain, last)
    before = chain[: len(chain) - len(after) - 1]
    searches = [event for event in before if event.kind is Kind.SEARCH]
    is_opened = _opened(after)
    if last.verdict is Verdict.UNCERTAIN:
        same = next((search for search in searches if search.question == last.question), None)
        if not is_opened or (same and _opened(_after(before, same))):
            return [Finding("U2", last)]
    has_hits = last.total > 0 and last.verdict in (Verdict.ANSWERED, Verdict.UNCERTAIN)
    # The same words on a page of another language are not other words.
    is_reworded = any(search.question != last.question and search.query != last.query for search in searches)
    return [Finding("U3", last)] if has_hits and is_reworded and not is_opened else []


def _unhelpful(chain: Sequence[SearchEvent], searches: list[SearchEvent]) -> list[Finding]:
    """U4, of each article that was opened and whose last vote is a "no"."""
    found = []
    search = searches[0]
    opened: dict[tuple[str, str], SearchEvent] = {}
    for event in chain:
        if event.kind is Kind.SEARCH:
            search = event
        elif event.kind is Kind.OPEN:
            opened[event.article] = search
    for article, origin in opened.items():
        votes = _votes(chain, article)
        if votes and not votes[-1].is_helpful:
            found.append(Finding("U4", origin, *article, votes[-1].revision))
    return found


def _requested(chain: Sequence[SearchEvent], last: SearchEvent) -> list[Finding]:
    """U5: the person sent a request."""
    return [Finding("U5", last)] if any(event.kind is Kind.REQUEST for event in chain) else []


def _withdrawals(chain: Sequence[SearchEvent]) -> tuple[Withdrawal, ...]:
    """Each gap whose last failed search was followed by one that found what the person then opened.

    Of several articles it is the one opened last, with the latest search that had shown it.
    """
    failed = {
        event.gap_id: (place, event)
        for place, event in enumerate(chain)
        if event.code in ("U0", "U1") and event.gap_id is not None
    }
    kept = _kept(chain) if failed else []
    found = []
    for failed_place, search in failed.values():
        better = (
            Withdrawal(search, shown, *opening.article)
            for opening, showing in kept
            for place, shown in showing
            if place > failed_place and shown.question != search.question and _is_reworded(search, shown, opening)
        )
        found += [withdrawal for withdrawal in (next(better, None),) if withdrawal]
    return tuple(found)


def _kept(chain: Sequence[SearchEvent]) -> list[tuple[SearchEvent, list[tuple[int, SearchEvent]]]]:
    """The openings that were kept, latest first.

    Neither a "no" on the article nor a request followed. Each is given with the answered searches before it that
    had shown the article, and their places, latest first.
    """
    answered = [
        (place, event, {result[:2] for result in event.results})
        for place, event in enumerate(chain)
        if event.kind is Kind.SEARCH and event.verdict is Verdict.ANSWERED
    ]
    refused: set[tuple[str, str]] = set()
    openings = []
    for place, event in reversed(list(enumerate(chain))):
        if event.kind is Kind.REQUEST:
            break
        if event.kind is Kind.VOTE and event.is_helpful is False:
            refused.add(event.article)
        elif event.kind is Kind.OPEN and event.article not in refused:
            shown = [(at, search) for at, search, results in answered if at < place and event.article in results]
            openings.append((event, shown[::-1]))
    return openings


def _is_reworded(failed: SearchEvent, found: SearchEvent, opening: SearchEvent) -> bool:
    """Whether a find is likely about what was asked before in vain, and not about something else.

    It came soon after, has a word of it, or is an article that was shown already.
    """
    first, second = ({word for word in search.query.casefold().split() if len(word) > 3} for search in (failed, found))
    was_shown = opening.article in {result[:2] for result in failed.results}
    return found.at - failed.at <= REWORDED_WITHIN or bool(first & second) or was_shown


def _outcome(chain: Sequence[SearchEvent], last: SearchEvent, findings: Sequence[Finding]) -> Outcome:
    """Success needs an end that shows it; what shows neither is unknown."""
    after = _after(chain, last)
    ends = [
        event
        for event in after
        if event.kind is Kind.OPEN or (event.kind is Kind.VOTE and event.is_helpful is not None)
    ]
    is_requested = any(event.kind is Kind.REQUEST for event in chain)
    if ends and not is_requested and (ends[-1].is_helpful or _seconds(after, ends[-1]) >= READ_SECONDS):
        return Outcome.SUCCESS
    return Outcome.FAILURE if findings or last.code else Outcome.UNKNOWN


def _seconds(events: Sequence[SearchEvent], end: SearchEvent) -> float:
    """For how long an article was read that was opened; without a record of it, until the next event."""
    if end.kind is not Kind.OPEN:
        return 0.0
    rest = _after(events, end)
    recorded = [event.seconds or 0 for event in rest if event.kind is Kind.READ and event.article == end.article]
    if recorded:
        return max(recorded)
    return (rest[0].at - end.at).total_seconds() if rest else 0.0
