"""What each action leaves behind in a ticket and its history; impact and priority."""

from dataclasses import replace

import pytest

from portal.errors import AlreadyTaken, InvalidInput, TransitionRefused
from portal.lifecycle import NEEDS_TEXT, SOLVING, TEXT_LENGTH, apply
from portal.tickets import SYSTEM, Action, Actor, Kind, Resolution, Status, gap_impact, priority
from tests.test_tickets import ANNA, BORIS, LATER, NOW, REQUESTER, SOMEWHERE, a_ticket, a_ticket_for, do


def test_take_and_give_back() -> None:
    """Taking makes the agent the owner; giving back leaves the ticket without one, in the same status."""
    taken, _ = do(a_ticket(Status.NEW), Action.TAKE, ANNA)
    given_back, _ = do(taken, Action.GIVE_BACK, ANNA)

    assert (taken.owner_id, taken.owner_name, taken.status) == (1, "Anna Weber", Status.OPEN)
    assert (given_back.owner_id, given_back.owner_name, given_back.status) == (None, "", Status.OPEN)


def test_second_take_names_the_owner() -> None:
    """Who comes second is told who has the ticket, and it stays with the first."""
    taken, _ = do(a_ticket(Status.NEW), Action.TAKE, ANNA)

    with pytest.raises(AlreadyTaken) as refused:
        do(taken, Action.TAKE, BORIS)

    assert refused.value.owner == "Anna Weber"
    assert taken.owner_id == ANNA.person_id


def test_give_back_needs_an_owner() -> None:
    """What nobody has cannot be given back."""
    ticket = a_ticket(Status.OPEN)

    with pytest.raises(TransitionRefused):
        do(ticket, Action.GIVE_BACK)


@pytest.mark.parametrize("action", sorted(SOMEWHERE.keys() - {Action.TAKE, Action.GIVE_BACK}), ids=str)
def test_owner_stays(action: Action) -> None:
    """Nothing but taking and giving back changes the owner, whoever does it."""
    owned = replace(a_ticket_for(action), owner_id=ANNA.person_id, owner_name=ANNA.name)

    changed, _ = do(owned, action, BORIS)

    assert (changed.owner_id, changed.owner_name) == (ANNA.person_id, ANNA.name)


@pytest.mark.parametrize("text", ["", " \r\n\t\u00a0"], ids=["empty", "blank"])
@pytest.mark.parametrize("action", sorted(NEEDS_TEXT))
def test_text_is_missing(action: Action, text: str) -> None:
    """A reply, note or solution without a text is refused."""
    with pytest.raises(InvalidInput) as refused:
        do(a_ticket_for(action), action, text=text)

    assert (refused.value.field, refused.value.code) == ("text", "missing")


@pytest.mark.parametrize("action", SOMEWHERE, ids=str)
def test_text_is_bounded(action: Action) -> None:
    """The longest text is kept whole, without the blanks around it; one more character is refused, for any action."""
    longest = "я" * TEXT_LENGTH

    _, event = do(a_ticket_for(action), action, text=f"\n {longest} ")
    with pytest.raises(InvalidInput) as refused:
        do(a_ticket_for(action), action, text=longest + "я")

    assert event.text == longest
    assert (refused.value.field, refused.value.code) == ("text", "too_long")


def test_solve_sets_the_resolution() -> None:
    """Solving keeps how, what was said and when, in the ticket and in its history."""
    solved, event = apply(a_ticket(), Action.SOLVE, LATER, ANNA, " Fait. ", Resolution.ARTICLE_WRITTEN)

    assert (solved.resolution, solved.resolution_text) == (Resolution.ARTICLE_WRITTEN, "Fait.")
    assert solved.solved_at == LATER
    assert event.details == {"resolution": "article_written"}


def test_solve_needs_a_resolution() -> None:
    """Nobody solves a ticket without saying how."""
    with pytest.raises(InvalidInput) as refused:
        apply(a_ticket(), Action.SOLVE, LATER, ANNA, "Fait.")

    assert (refused.value.field, refused.value.code) == ("resolution", "missing")


@pytest.mark.parametrize("action", sorted(SOMEWHERE.keys() - SOLVING), ids=str)
def test_resolution_is_ignored_otherwise(action: Action) -> None:
    """A resolution that comes with another action leaves no trace."""
    ticket = a_ticket_for(action)

    given = apply(ticket, action, LATER, ANNA, "Texte", Resolution.OUT_OF_SCOPE)

    assert given == apply(ticket, action, LATER, ANNA, "Texte")


@pytest.mark.parametrize(("action", "actor"), [(Action.REOPEN, ANNA), (Action.REQUESTER_REPLY, REQUESTER)], ids=str)
def test_reopening_clears_the_resolution(action: Action, actor: Actor) -> None:
    """A solved ticket that is open again has no resolution, also when the requester's reply re-opened it."""
    changed, event = do(a_ticket(Status.SOLVED), action, actor)

    assert (changed.status, changed.resolution) == (Status.OPEN, None)
    assert (changed.resolution_text, changed.solved_at) == ("", None)
    assert event.actor == actor


@pytest.mark.parametrize("action", SOMEWHERE, ids=str)
def test_public_actions(action: Action) -> None:
    """The requester sees replies, what they did themselves, the solution and the end, and nothing else."""
    _, event = do(a_ticket_for(action), action)

    said = {Action.REPLY, Action.ASK_REQUESTER, Action.REQUESTER_REPLY, Action.SOLVE, Action.TELL, Action.SOLVE_WITH}
    assert event.is_public is (action in said | {Action.REOPEN, Action.CLOSE, Action.REQUESTER_CLOSE})


def test_withdraw() -> None:
    """A gap whose searcher found the answer is solved by the system, without a word."""
    withdrawn, event = apply(a_ticket(Status.NEW, Kind.GAP), Action.WITHDRAW, LATER, SYSTEM)

    assert (withdrawn.status, withdrawn.resolution) == (Status.SOLVED, Resolution.WITHDRAWN)
    assert (withdrawn.solved_at, event.actor) == (LATER, SYSTEM)


@pytest.mark.parametrize("status", [Status.NEW, Status.PLANNED, Status.SOLVED], ids=str)
def test_the_requester_closes(status: Status) -> None:
    """Closing keeps when, and how it had been solved if it had."""
    request = a_ticket(status)

    closed, event = apply(request, Action.REQUESTER_CLOSE, LATER, REQUESTER)

    assert (closed.closed_at, closed.resolution) == (LATER, request.resolution)
    assert (event.actor, event.text) == (REQUESTER, "")


@pytest.mark.parametrize(
    ("occurrences", "impact"), [(0, 1), (1, 1), (2, 1), (3, 2), (9, 2), (10, 3), (29, 3), (30, 4), (99, 4), (100, 5)]
)
def test_gap_impact(occurrences: int, impact: int) -> None:
    """The impact of a gap rises at 3, 10, 30 and 100 occurrences."""
    assert gap_impact(occurrences) == impact


def test_priority_is_the_matrix() -> None:
    """Every urgency with every impact."""
    rows = ["".join(str(priority(urgency, impact)) for impact in range(1, 6)) for urgency in range(1, 6)]

    assert rows == ["11222", "12233", "22344", "23445", "23455"]


def test_asked_again() -> None:
    """A repeat of the search counts and keeps where the gap stands."""
    gap = a_ticket(Status.PLANNED, Kind.GAP, occurrences=3, last_asked_at=NOW)

    counted, _ = apply(gap, Action.ASKED_AGAIN, LATER, Actor())

    assert (counted.occurrences, counted.last_asked_at, counted.status) == (4, LATER, Status.PLANNED)
