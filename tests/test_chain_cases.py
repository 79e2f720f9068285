"""What chains came to, in cases that people meet."""

from collections.abc import Callable
from dataclasses import replace

from portal.chains import Kind, Outcome, SearchEvent, judge
from portal.queries import Verdict
from tests.test_chains import Chain, act, codes, failed, search

CASES: dict[str, tuple[Chain, list[str], Outcome]] = {
    "unsure and nothing opened": ((search(0, verdict=Verdict.UNCERTAIN),), ["U2"], Outcome.FAILURE),
    "unsure and opened for a moment": (
        (search(0, verdict=Verdict.UNCERTAIN), act(1, Kind.OPEN), act(1.1, Kind.READ, seconds=6)), [], Outcome.UNKNOWN,
    ),
    "unsure, opened, and the same again": (
        (search(0, verdict=Verdict.UNCERTAIN), act(1, Kind.OPEN), search(2, verdict=Verdict.UNCERTAIN)), ["U2"], Outcome.FAILURE,
    ),
    "reworded and given up": ((search(0, "a"), search(1, "b")), ["U3"], Outcome.FAILURE),
    "reworded, unsure and given up": ((search(0, "a"), search(1, "b", Verdict.UNCERTAIN)), ["U2"], Outcome.FAILURE),
    "reworded and found": (
        (search(0, "a"), search(1, "b"), act(2, Kind.OPEN), act(3, Kind.VOTE, is_helpful=True), act(4, Kind.READ, seconds=120)),
        [], Outcome.SUCCESS,
    ),
    "unanswered at the end": ((search(0, "a"), failed(1)), [], Outcome.FAILURE),
    "read in another language": (
        (failed(0, code="U1"), act(1, Kind.OPEN), act(2, Kind.READ, seconds=60)), [], Outcome.SUCCESS,
    ),
    "read, time known from what followed": (
        (search(0), act(1, Kind.OPEN), act(2, Kind.READ, "mail", seconds=3)), [], Outcome.SUCCESS,
    ),
    "read in two goes": (
        (search(0), act(1, Kind.OPEN), act(2, Kind.READ, seconds=40), act(3, Kind.READ, seconds=2)),
        [],
        Outcome.SUCCESS,
    ),
    "opened and never heard of again": ((search(0), act(1, Kind.OPEN)), [], Outcome.UNKNOWN),
    "a no that became a yes": (
        (search(0), act(1, Kind.OPEN), act(2, Kind.VOTE, is_helpful=False), act(3, Kind.VOTE, is_helpful=True)), [], Outcome.SUCCESS,
    ),
    "a yes that became a no": (
        (search(0), act(1, Kind.OPEN), act(2, Kind.VOTE, is_helpful=True), act(3, Kind.VOTE, is_helpful=False)), ["U4"], Outcome.FAILURE,
    ),
    "a no on what was never opened": ((search(0), act(2, Kind.VOTE, is_helpful=False)), [], Outcome.UNKNOWN),
    "read, and still a request": (
        (search(0), act(1, Kind.OPEN), act(2, Kind.READ, seconds=90), act(3, Kind.REQUEST, "")), ["U5"], Outcome.FAILURE,
    ),
    "all at once": (
        (search(0, "a"), act(1, Kind.OPEN), act(2, Kind.VOTE, is_helpful=False), search(3, "b"), act(4, Kind.REQUEST, "")),
        ["U3", "U4", "U5"], Outcome.FAILURE,
    ),
}  # fmt: skip


def test_cases_that_people_meet() -> None:
    """What is found and what it came to, case by case."""
    for name, (chain, expected, outcome) in CASES.items():
        judgement = judge(chain)
        assert (codes(judgement), judgement.outcome) == (expected, outcome), name


def test_what_was_opened_last_becomes_the_suggestion() -> None:
    """Of two articles that were opened the later is the likelier answer, with the wording that showed it last."""
    first, second = search(1, "vpn"), search(3, "remote access")
    chain = (failed(0), first, act(2, Kind.OPEN, "mail"), second, act(4, Kind.OPEN, "vpn"))

    (withdrawal,) = judge(chain).withdrawals

    assert (withdrawal.failed, withdrawal.found) == (chain[0], second)
    assert (withdrawal.slug, withdrawal.language) == ("vpn", "en")


def test_a_gap_is_not_withdrawn_where_the_find_did_not_help() -> None:
    """A "no", a request, an unsure search, the same words, or an article that was not in the results: the gap stays."""
    opened, found = act(2, Kind.OPEN), search(1)
    keep: list[Callable[[], Chain]] = [
        lambda: (failed(), found, opened, act(3, Kind.VOTE, is_helpful=False)),
        lambda: (failed(), found, opened, act(3, Kind.REQUEST, "")),
        lambda: (failed(), search(1, verdict=Verdict.UNCERTAIN), opened),
        lambda: (failed(), search(1, "tunnel"), opened),
        lambda: (failed(), found, act(2, Kind.OPEN, "other")),
        lambda: (failed(gap_id=None, is_overflow=True), found, opened),
        lambda: (found, opened, failed(3)),
    ]

    assert [case for case, chain in enumerate(keep) if judge(chain()).withdrawals] == []
    assert judge((failed(), found, opened)).withdrawals


def test_every_gap_of_a_long_session_is_withdrawn_at_once() -> None:
    """Hundreds of gaps in one chain are each found, with the opening that came last."""
    thrice = [(failed(at, f"tunnel {at}", at), search(at, "tunnel"), act(at, Kind.OPEN)) for at in range(300)]
    chain = [event for three in thrice for event in three]

    withdrawals = judge(chain).withdrawals

    assert [withdrawal.failed.gap_id for withdrawal in withdrawals] == list(range(300))
    assert {withdrawal.found.at for withdrawal in withdrawals} == {thrice[-1][1].at}


def test_another_question_is_no_find_of_the_first() -> None:
    """What shares nothing with the failed search and came long after it withdraws nothing."""
    gap = failed(0, "lost canteen badge")
    shown = search(0).results

    def withdrawn(found: SearchEvent, before: SearchEvent = gap) -> bool:
        return bool(judge((before, found, act((found.at - gap.at).total_seconds() / 60 + 1, Kind.OPEN))).withdrawals)

    assert not withdrawn(search(20, "printer offline"))
    assert withdrawn(search(2, "printer offline"))  # In other words at once.
    assert withdrawn(search(20, "badge office"))
    assert withdrawn(search(20, "printer offline"), replace(gap, results=shown))  # The article was shown already.
