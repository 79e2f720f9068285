"""How the events of a session become chains, and what each chain came to: each rule beside a slow restatement."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.chains import Judgement, Kind, Outcome, SearchEvent, judge, split
from portal.queries import Verdict
from tests.builders import NOW

SOME = settings(deadline=None, max_examples=200)
Chain = tuple[SearchEvent, ...]
ARTICLES = (("vpn", "en"), ("vpn", "de"), ("mail", "en"))


def search(minute: float = 0, query: str = "vpn", verdict: Verdict = Verdict.ANSWERED, **changes: Any) -> SearchEvent:
    """A search; what has the same text asks the same."""
    total = 0 if verdict is Verdict.UNANSWERED else 3
    results = tuple((*article, "r1") for article in ARTICLES) if total else ()
    made = SearchEvent(
        NOW + timedelta(minutes=minute), Kind.SEARCH, "en", "s", query, fingerprint=f"print of {query}", verdict=verdict,
        total=total, results=results,
    )  # fmt: skip
    return replace(made, **changes)


def act(minute: float, kind: Kind, slug: str = "vpn", **changes: Any) -> SearchEvent:
    """Anything else."""
    made = SearchEvent(NOW + timedelta(minutes=minute), kind, "en", "s", slug=slug)
    return replace(made, **changes)


def failed(minute: float = 0, query: str = "tunnel", gap_id: int | None = 7, **changes: Any) -> SearchEvent:
    """A search that nothing answered."""
    return search(minute, query, **{"verdict": Verdict.UNANSWERED, "code": "U0", "gap_id": gap_id, **changes})


@st.composite
def events(draw: st.DrawFn) -> SearchEvent:
    """An event as a chain may have it; the time is given later."""
    kind = draw(st.sampled_from([Kind.SEARCH, Kind.SEARCH, Kind.OPEN, Kind.READ, Kind.VOTE, Kind.REQUEST]))
    if kind is Kind.SEARCH:
        query = draw(st.sampled_from("abc"))
        if draw(st.booleans()):
            # Elsewhere answered, and perhaps here too: judged at once all the same.
            kind_of: dict[str, Any] = draw(
                st.sampled_from([{}, {"code": "U1", "verdict": Verdict.UNCERTAIN, "total": 3}])
            )
            return failed(query=query, gap_id=draw(st.sampled_from([1, 2, None])), **kind_of)
        verdict = draw(st.sampled_from([Verdict.ANSWERED, Verdict.UNCERTAIN]))
        shown = draw(st.lists(st.sampled_from(ARTICLES), min_size=1, unique=True))
        return search(query=query, verdict=verdict, results=tuple((*article, "r1") for article in shown))
    slug, language = draw(st.sampled_from(ARTICLES)) if kind is not Kind.REQUEST else ("", "en")
    return act(
        0, kind, slug, language=language,
        seconds=draw(st.sampled_from([0, 29, 30, 400])) if kind is Kind.READ else None,
        is_helpful=draw(st.booleans()) if kind is Kind.VOTE else None,
        revision=draw(st.sampled_from(["r1", "r2"])) if kind is Kind.VOTE else "",
    )  # fmt: skip


def _timed(made: list[SearchEvent], pauses: list[int]) -> Chain:
    """Events with growing times and numbers, so many seconds apart."""
    at, timed = NOW, []
    for number, (event, pause) in enumerate(zip(made, pauses, strict=True), 1):
        at += timedelta(seconds=pause)
        timed.append(replace(event, at=at, id=number))
    return tuple(timed)


def histories(longest: int = 12) -> st.SearchStrategy[Chain]:
    """What a session did, in order."""
    pause = st.sampled_from([0, 1, 29, 30, 31, 600, 1799, 1800, 1801, 9000])
    pairs = st.lists(st.tuples(events(), pause), max_size=longest)
    return pairs.map(lambda made: _timed([event for event, _ in made], [seconds for _, seconds in made]))


CHAINS = st.builds(lambda first, rest: (replace(first, at=NOW, id=0), *rest), events().filter(lambda made: made.kind is Kind.SEARCH), histories())  # fmt: skip


def codes(judgement: Judgement) -> list[str]:
    """The codes of what was found."""
    return [finding.code for finding in judgement.findings]


# Splitting.


@given(histories(), st.randoms(use_true_random=False), st.sampled_from([1, 30]))
@SOME
def test_splitting_keeps_every_event_once_in_order_whatever_order_they_come_in(
    history: Chain, random: Random, minutes: int
) -> None:
    """Chains are the history cut into pieces, and the order of reading does not matter."""
    mixed = list(history)
    random.shuffle(mixed)

    chains = split(mixed, minutes)

    assert tuple(event for chain in chains for event in chain) == history
    assert all(chains)
    assert split(history, minutes) == chains


@given(histories(), st.sampled_from([1, 30]))
@SOME
def test_a_chain_goes_on_while_searches_follow_each_other_soon(history: Chain, minutes: int) -> None:
    """A chain begins exactly with a search that is the first, or later than allowed after the search before it."""
    firsts = {chain[0].id for chain in split(history, minutes)}

    for place, event in enumerate(history):
        earlier = [other for other in history[:place] if other.kind is Kind.SEARCH]
        is_late = not earlier or (event.at - earlier[-1].at).total_seconds() > 60 * minutes
        assert (event.id in firsts) == (place == 0 or (event.kind is Kind.SEARCH and is_late))


def test_reading_for_hours_belongs_to_the_search_before() -> None:
    """Only searches are measured; exactly the allowed time is still soon."""
    history = [search(0), act(200, Kind.OPEN), search(230, "b"), search(260, "c"), search(290.1, "d")]

    assert [len(chain) for chain in split(history, 30)] == [2, 2, 1]
    assert split([], 30) == []


# The rules, stated once more from the table without thought of speed.


def _places(chain: Chain, *kinds: Kind) -> list[int]:
    """Where these kinds of events are."""
    return [place for place, event in enumerate(chain) if event.kind in kinds]


def doubt_again(chain: Chain) -> str:
    """U2, U3 or nothing."""
    last = _places(chain, Kind.SEARCH)[-1]
    is_opened_after = any(place > last for place in _places(chain, Kind.OPEN))
    searched_again = any(
        chain[one].fingerprint == chain[last].fingerprint and one < opened < last
        for one in _places(chain, Kind.SEARCH)
        for opened in _places(chain, Kind.OPEN)
    )
    searched_differently = any(chain[one].fingerprint != chain[last].fingerprint for one in _places(chain, Kind.SEARCH))
    if chain[last].code in ("U0", "U1"):
        return ""
    if chain[last].verdict is Verdict.UNCERTAIN and (not is_opened_after or searched_again):
        return "U2"
    return "U3" if chain[last].total and searched_differently and not is_opened_after else ""


def unhelpful_again(chain: Chain) -> dict[tuple[str, str], str]:
    """Of each article opened whose last vote is a "no": the revision voted on."""
    refused = {}
    for article in {chain[place].article for place in _places(chain, Kind.OPEN)}:
        votes = [chain[place] for place in _places(chain, Kind.VOTE) if chain[place].article == article]
        if votes and votes[-1].is_helpful is False:
            refused[article] = votes[-1].revision
    return refused


def withdrawn_again(chain: Chain) -> set[tuple[int | None, int, int, str, str]]:
    """Every way in which a failed search was followed by the find of an article: gap, both searches, article."""
    ways = set()
    for one in _places(chain, Kind.SEARCH):
        for other in _places(chain, Kind.SEARCH):
            for opened in _places(chain, Kind.OPEN):
                article = chain[opened].article
                refused = [place for place in _places(chain, Kind.VOTE) if not chain[place].is_helpful]
                if (
                    chain[one].code in ("U0", "U1") and chain[one].gap_id is not None
                    and one < other < opened
                    and chain[other].verdict is Verdict.ANSWERED
                    and chain[other].fingerprint != chain[one].fingerprint
                    and article in [(slug, language) for slug, language, _ in chain[other].results]
                    and (
                        (chain[other].at - chain[one].at).total_seconds() <= 180
                        or {word for word in chain[one].query.split() if word in chain[other].query.split() and len(word) > 3}
                        or article in [(slug, language) for slug, language, _ in chain[one].results]
                    )
                    and not [place for place in refused if place > opened and chain[place].article == article]
                    and not [place for place in _places(chain, Kind.REQUEST) if place > opened]
                ):  # fmt: skip
                    ways.add((chain[one].gap_id, chain[one].id, chain[other].id, *article))
    return ways


def success_again(chain: Chain) -> bool:
    """Whether it ends in a "yes" or an article that was read."""
    end = _places(chain, Kind.SEARCH, Kind.OPEN, Kind.VOTE, Kind.REQUEST)[-1]
    if _places(chain, Kind.REQUEST):
        return False
    if chain[end].kind is Kind.VOTE:
        return bool(chain[end].is_helpful)
    if chain[end].kind is not Kind.OPEN:
        return False
    rest = chain[end + 1 :]
    measured = [event.seconds or 0 for event in rest if event.article == chain[end].article]
    if measured:
        return max(measured) >= 30
    return bool(rest) and rest[0].at - chain[end].at >= timedelta(seconds=30)


@given(CHAINS)
@example((search(0, "a"), act(1, Kind.OPEN, id=1), search(2, "a", Verdict.UNCERTAIN, id=2), act(3, Kind.OPEN, id=3)))
@SOME
def test_doubts_are_those_of_the_table_and_one_at_most(chain: Chain) -> None:
    """U2 goes before U3, never both, and both are about the last search."""
    doubts = [finding for finding in judge(chain).findings if finding.code in ("U2", "U3")]

    assert "".join(finding.code for finding in doubts) == doubt_again(chain)
    assert all(finding.search is chain[_places(chain, Kind.SEARCH)[-1]] for finding in doubts)


@given(CHAINS)
@SOME
def test_articles_that_did_not_help_are_those_of_the_table(chain: Chain) -> None:
    """U4 is found once for each article, with the revision voted on and the search that it was opened after."""
    found = [finding for finding in judge(chain).findings if finding.code == "U4"]

    assert {(finding.slug, finding.language): finding.revision for finding in found} == unhelpful_again(chain)
    assert len(found) == len(unhelpful_again(chain))
    for finding in found:
        opened = [
            place for place in _places(chain, Kind.OPEN) if chain[place].article == (finding.slug, finding.language)
        ]
        before = [chain[place] for place in _places(chain, Kind.SEARCH) if place < opened[-1]]
        assert finding.search is before[-1]


@given(CHAINS)
@SOME
def test_a_request_is_found_once(chain: Chain) -> None:
    """U5 is found where the form was sent, and belongs to the last search."""
    found = [finding for finding in judge(chain).findings if finding.code == "U5"]

    assert len(found) == bool(_places(chain, Kind.REQUEST))
    assert all(finding.search is chain[_places(chain, Kind.SEARCH)[-1]] for finding in found)


@given(CHAINS)
@example((failed(0), search(1, "vpn", id=1), act(2, Kind.OPEN, id=2), failed(3, id=3), search(4, "b", id=4)))
@example((failed(0, code="U1"), search(1, "vpn", id=1), act(2, Kind.OPEN, id=2)))
@SOME
def test_withdrawals_are_those_of_the_table_one_for_each_gap(chain: Chain) -> None:
    """A gap is withdrawn when what was asked last of it was found by other words; never without a gap."""
    found = judge(chain).withdrawals
    ways = withdrawn_again(chain)
    last = {event.gap_id: event.id for event in chain if event.code}

    keys = {(way.failed.gap_id, way.failed.id, way.found.id, way.slug, way.language) for way in found}
    assert keys <= ways
    assert {gap_id for gap_id, one, *_ in ways if last[gap_id] == one} == {way.failed.gap_id for way in found}
    assert len({way.failed.gap_id for way in found}) == len(found)
    assert all(way.failed.gap_id is not None for way in found)


@given(CHAINS)
@SOME
def test_the_outcome_is_that_of_the_metric(chain: Chain) -> None:
    """Success shows itself at the end; failure is a finding or an unanswered last search; all else is unknown."""
    judgement = judge(chain)
    last = chain[_places(chain, Kind.SEARCH)[-1]]
    expected = Outcome.FAILURE if judgement.findings or last.code else Outcome.UNKNOWN

    assert judgement.outcome == (Outcome.SUCCESS if success_again(chain) else expected)


@given(CHAINS)
@SOME
def test_variants_are_the_other_wordings(chain: Chain) -> None:
    """Each earlier wording is kept once, in order, without the last."""
    asked = [chain[place].query for place in _places(chain, Kind.SEARCH)]

    variants = judge(chain).variants

    assert set(variants) == set(asked) - {asked[-1]}
    assert len(set(variants)) == len(variants)
    assert all(asked.index(one) < asked.index(other) for one, other in pairwise(variants))


@given(CHAINS)
@SOME
def test_judging_changes_nothing_and_says_the_same_again(chain: Chain) -> None:
    """The judgement depends on the chain alone: not on when it was, nor on numbers of rows, nor on the kind of sequence."""
    before = tuple(replace(event) for event in chain)
    moved = [replace(event, at=event.at + timedelta(days=9), id=event.id + 1000) for event in chain]

    judgement, later = judge(chain), judge(moved)

    assert chain == before
    assert judge(list(chain)) == judgement
    assert codes(later) == codes(judgement)
    assert (later.outcome, later.variants) == (judgement.outcome, judgement.variants)


@given(CHAINS)
@SOME
def test_events_without_a_search_find_nothing(chain: Chain) -> None:
    """What did not come from a search is no answer to one."""
    assert judge([event for event in chain if event.kind is not Kind.SEARCH]) == judge([])
    assert judge([]) == Judgement((), (), (), Outcome.UNKNOWN)


@given(st.integers(1, 5), st.floats(0, 25))
@SOME
def test_one_question_answered_and_not_clicked_is_never_a_failure(times: int, apart: float) -> None:
    """High cut, no click, no second search: nobody knows, however often the same was sent."""
    chain = [search(apart * place, id=place) for place in range(times)]

    assert judge(chain) == Judgement((), (), (), Outcome.UNKNOWN)
