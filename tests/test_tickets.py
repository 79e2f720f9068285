"""The life of a ticket: the table, and who may do what to whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from portal.errors import AlreadyTaken, InvalidInput, TransitionRefused
from portal.lifecycle import (
    GAP_ONLY,
    NEEDS_TEXT,
    PUBLIC,
    REQUEST_ONLY,
    SOLVING,
    TEXT_LENGTH,
    TRANSITIONS,
    allowed,
    apply,
)
from portal.tickets import GAPS, Action, Actor, Event, Kind, Resolution, Status, Ticket

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ALWAYS = frozenset({Action.NOTE, Action.MAIL_FAILED, Action.SUPPLIER_REPLY})
ANNA, BORIS = Actor(1, "Anna Weber"), Actor(2, "Борис Орлов")
REQUESTER = Actor(name="Léa Martin")
#: One status in which a request (for the last one: a gap) allows each action.
SOMEWHERE: dict[Action, Status] = {
    action: next(status for status, possible in TRANSITIONS if possible is action)
    for action in Action
    if action is not Action.OPENED
}


def a_ticket(status: Status = Status.OPEN, kind: Kind = Kind.REQUEST, **changes: Any) -> Ticket:
    """A ticket that nobody owns; a solved one has a resolution."""
    ticket = Ticket(7, kind, status, 1, "fr", "Imprimante hors ligne", NOW, NOW, version=5)
    if status is Status.SOLVED:
        ticket = replace(ticket, resolution=Resolution.ANSWERED, resolution_text="Redémarrez-la.", solved_at=NOW)
    if status is Status.CLOSED:
        ticket = replace(ticket, closed_at=NOW)
    return replace(ticket, **changes)


def a_ticket_for(action: Action) -> Ticket:
    """A ticket that allows the action."""
    kind = Kind.GAP if action in GAP_ONLY else Kind.REQUEST
    causes: dict[Action, dict[str, Any]] = {
        Action.GIVE_BACK: {"owner_id": ANNA.person_id, "owner_name": ANNA.name},
        Action.END_MAJOR: {"is_major": True},
        Action.UNLINK_INCIDENT: {"incident_id": 3},
    }
    return a_ticket(SOMEWHERE[action], kind, **causes.get(action, {}))


def do(ticket: Ticket, action: Action, actor: Actor = ANNA, text: str = "Texte") -> tuple[Ticket, Event]:
    """The action with everything that it may need."""
    return apply(ticket, action, LATER, actor, text, Resolution.ANSWERED)


class Life(RuleBasedStateMachine):
    """Any sequence of actions, by two agents, on a gap or a request."""

    def __init__(self) -> None:
        super().__init__()
        self.ticket = a_ticket(Status.NEW)
        self.now = NOW
        self.asked = 1

    @initialize(kind=st.sampled_from(Kind))
    def open(self, kind: Kind) -> None:
        """A new ticket of either kind."""
        self.ticket = a_ticket(Status.NEW, kind)

    @rule(
        action=st.sampled_from(Action),
        actor=st.sampled_from((ANNA, BORIS)),
        text=st.sampled_from(("Voilà.", " Готово. ", "", " \n\t", "x" * TEXT_LENGTH, "x" * (TEXT_LENGTH + 1))),
        resolution=st.none() | st.sampled_from(Resolution),
    )
    def act(self, action: Action, actor: Actor, text: str, resolution: Resolution | None) -> None:
        """The action either does exactly what the table says, or is refused and changes nothing."""
        before, copy = self.ticket, replace(self.ticket)
        self.now += timedelta(minutes=1)
        fault = self.fault(action, text, resolution)

        if fault is not None:
            with pytest.raises(fault):
                apply(before, action, self.now, actor, text, resolution)
        else:
            self.ticket, event = apply(before, action, self.now, actor, text, resolution)
            self.asked += action is Action.ASKED_AGAIN
            assert self.ticket.status is TRANSITIONS[before.status, action]
            assert self.ticket.updated_at == self.now
            assert (event.at, event.actor, event.action) == (self.now, actor, action)
            assert (event.before, event.after) == (before.status, self.ticket.status)
            assert (event.text, event.is_public) == (text.strip(), action in PUBLIC)
        assert before == copy

    def fault(self, action: Action, text: str, resolution: Resolution | None) -> type[Exception] | None:
        """What refuses an action, by the rules of `apply`."""
        if action not in allowed(self.ticket):
            return TransitionRefused
        if action is Action.TAKE and self.ticket.owner_id is not None:
            return AlreadyTaken
        is_textless = action in NEEDS_TEXT and not text.strip()
        is_unresolved = action in SOLVING and resolution is None
        return InvalidInput if is_textless or is_unresolved or len(text.strip()) > TEXT_LENGTH else None

    @invariant()
    def resolved_while_solved(self) -> None:
        """A solved ticket has a resolution, a closed one keeps what it had, and no other has one."""
        is_resolved = self.ticket.resolution is not None

        assert is_resolved or self.ticket.status is not Status.SOLVED
        assert not is_resolved or self.ticket.status in {Status.SOLVED, Status.CLOSED}
        assert (self.ticket.solved_at is not None) is is_resolved
        assert is_resolved or not self.ticket.resolution_text

    @invariant()
    def closed_at_a_time(self) -> None:
        """The time of closing is there exactly while the ticket is closed."""
        assert (self.ticket.closed_at is not None) is (self.ticket.status is Status.CLOSED)

    @invariant()
    def owned_by_one(self) -> None:
        """An owner has both number and name, or there is none."""
        owner = (self.ticket.owner_id, self.ticket.owner_name)

        assert owner in {(None, ""), (ANNA.person_id, ANNA.name), (BORIS.person_id, BORIS.name)}

    @invariant()
    def fixed_facts(self) -> None:
        """Number, origin and version never change here; occurrences are counted; a gap waits for no requester."""
        start = a_ticket(Status.NEW, self.ticket.kind)

        for name in ("id", "kind", "tier", "language", "subject", "created_at", "version", "query", "fingerprint"):
            assert getattr(self.ticket, name) == getattr(start, name)
        assert self.ticket.occurrences == self.asked
        assert self.ticket.kind is Kind.REQUEST or self.ticket.status is not Status.WAITING_REQUESTER


Life.TestCase.settings = settings(deadline=None, max_examples=100, stateful_step_count=30)
TestLife = Life.TestCase


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("status", Status)
def test_allowed_is_the_table_and_nothing_else(status: Status, kind: Kind) -> None:
    """What is not allowed is refused; what is allowed leads where the table says."""
    ticket = a_ticket(status, kind)

    outcomes: dict[Action, Status | None] = {}
    for action in Action:
        try:
            outcomes[action] = do(ticket, action)[0].status
        except TransitionRefused:
            outcomes[action] = None

    without_cause = {Action.GIVE_BACK, Action.END_MAJOR, Action.UNLINK_INCIDENT}
    impossible = without_cause | (GAP_ONLY if kind is Kind.REQUEST else REQUEST_ONLY)
    possible = {action for before, action in TRANSITIONS if before is status} - impossible
    assert allowed(ticket) == possible
    assert outcomes == {action: TRANSITIONS[status, action] if action in possible else None for action in Action}


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        (Status.NEW, Action.TAKE, Status.OPEN),
        (Status.NEW, Action.REPLY, Status.OPEN),
        (Status.NEW, Action.REQUESTER_REPLY, Status.NEW),
        (Status.NEW, Action.ASK_REQUESTER, Status.WAITING_REQUESTER),
        (Status.NEW, Action.WAIT_SUPPLIER, Status.WAITING_SUPPLIER),
        (Status.NEW, Action.PLAN, Status.PLANNED),
        (Status.NEW, Action.SOLVE, Status.SOLVED),
        (Status.OPEN, Action.NOTE, Status.OPEN),
        (Status.OPEN, Action.ASK_REQUESTER, Status.WAITING_REQUESTER),
        (Status.OPEN, Action.WAIT_SUPPLIER, Status.WAITING_SUPPLIER),
        (Status.OPEN, Action.PLAN, Status.PLANNED),
        (Status.OPEN, Action.SOLVE, Status.SOLVED),
        (Status.OPEN, Action.MARK_DUPLICATE, Status.DUPLICATE),
        (Status.OPEN, Action.MARK_SPAM, Status.SPAM),
        (Status.WAITING_REQUESTER, Action.REQUESTER_REPLY, Status.OPEN),
        (Status.WAITING_SUPPLIER, Action.RESUME, Status.OPEN),
        (Status.PLANNED, Action.RESUME, Status.OPEN),
        (Status.SOLVED, Action.REQUESTER_REPLY, Status.OPEN),
        (Status.DUPLICATE, Action.REQUESTER_REPLY, Status.OPEN),
        (Status.SPAM, Action.REQUESTER_REPLY, Status.SPAM),
        (Status.SOLVED, Action.REOPEN, Status.OPEN),
        (Status.SOLVED, Action.CLOSE, Status.CLOSED),
        (Status.DUPLICATE, Action.REOPEN, Status.OPEN),
        (Status.SPAM, Action.REOPEN, Status.OPEN),
        (Status.CLOSED, Action.NOTE, Status.CLOSED),
        (Status.NEW, Action.REQUESTER_CLOSE, Status.CLOSED),
        (Status.SOLVED, Action.REQUESTER_CLOSE, Status.CLOSED),
        (Status.SOLVED, Action.RATE, Status.SOLVED),
        (Status.CLOSED, Action.RATE, Status.CLOSED),
        (Status.PLANNED, Action.TELL, Status.PLANNED),
        (Status.CLOSED, Action.MAIL_FAILED, Status.CLOSED),
        (Status.NEW, Action.ASSIGN, Status.OPEN),
        (Status.NEW, Action.ESCALATE, Status.NEW),
        (Status.WAITING_REQUESTER, Action.ESCALATE, Status.WAITING_REQUESTER),
        (Status.OPEN, Action.SWARM, Status.OPEN),
        (Status.PLANNED, Action.CLASSIFY, Status.PLANNED),
        (Status.SOLVED, Action.ABSORB, Status.SOLVED),
        (Status.DUPLICATE, Action.SOLVE_WITH, Status.SOLVED),
        (Status.NEW, Action.SUPPLIER_SENT, Status.WAITING_SUPPLIER),
        (Status.WAITING_SUPPLIER, Action.SUPPLIER_REPLY, Status.OPEN),
        (Status.CLOSED, Action.SUPPLIER_REPLY, Status.CLOSED),
        (Status.NEW, Action.CALL, Status.OPEN),
        (Status.CLOSED, Action.SURVEY, Status.CLOSED),
    ],
    ids=str,
)
def test_lifecycle(before: Status, action: Action, after: Status) -> None:
    """The lifecycle that product and help pages promise."""
    ticket = a_ticket(before)

    changed, _ = do(ticket, action)

    assert changed.status is after


@pytest.mark.parametrize(
    ("status", "action"),
    [
        *((Status.CLOSED, action) for action in Action if action not in ALWAYS | {Action.RATE, Action.SURVEY}),
        (Status.NEW, Action.RESUME),
        (Status.NEW, Action.CLOSE),
        (Status.OPEN, Action.REOPEN),
        (Status.OPEN, Action.CLOSE),
        (Status.OPEN, Action.OPENED),
        (Status.SOLVED, Action.SOLVE),
        (Status.SOLVED, Action.REPLY),
        (Status.SOLVED, Action.TAKE),
        (Status.SPAM, Action.SOLVE),
        (Status.OPEN, Action.RATE),
        (Status.SOLVED, Action.TELL),
        (Status.SPAM, Action.REQUESTER_CLOSE),
    ],
    ids=str,
)
def test_refused(status: Status, action: Action) -> None:
    """What the lifecycle does not have is refused, and the refusal says what was tried on what."""
    ticket = a_ticket(status)

    with pytest.raises(TransitionRefused, match=f"{action}.*request.*{status}"):
        do(ticket, action)


@pytest.mark.parametrize("kind", sorted(GAPS), ids=str)
@pytest.mark.parametrize("status", Status)
def test_gap_has_no_requester(status: Status, kind: Kind) -> None:
    """No kind of gap allows what needs somebody who waits; only a gap is asked again or withdrawn."""
    possible = allowed(a_ticket(status, kind))

    assert not possible & REQUEST_ONLY
    assert possible & GAP_ONLY == (
        {Action.ASKED_AGAIN, Action.WITHDRAW} if status is Status.NEW else {Action.ASKED_AGAIN}
    )
    assert not allowed(a_ticket(status)) & GAP_ONLY
