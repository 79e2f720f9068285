"""The life of a ticket: one table says what can be done in each status; what is not in it is refused."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from portal.errors import AlreadyTaken, InvalidInput, TransitionRefused
from portal.tickets import GAPS, UNSOLVED, Action, Actor, Event, Resolution, Status, Ticket, gap_impact, priority

_WORKED = UNSOLVED - {Status.NEW}


#: The lifecycle, row by row: in these statuses, this action leads to that status (None: it stays).
_ROWS: tuple[tuple[frozenset[Status], Action, Status | None], ...] = (
    (frozenset({Status.NEW}), Action.TAKE, Status.OPEN),
    (_WORKED, Action.TAKE, None),
    (UNSOLVED, Action.GIVE_BACK, None),
    (frozenset({Status.NEW}), Action.REPLY, Status.OPEN),
    (_WORKED, Action.REPLY, None),
    (UNSOLVED, Action.ASK_REQUESTER, Status.WAITING_REQUESTER),
    (frozenset({Status.NEW}), Action.REQUESTER_REPLY, None),
    (_WORKED, Action.REQUESTER_REPLY, Status.OPEN),
    (frozenset({Status.SOLVED, Status.DUPLICATE}), Action.REQUESTER_REPLY, Status.OPEN),
    (frozenset({Status.SPAM}), Action.REQUESTER_REPLY, None),
    (frozenset(Status), Action.NOTE, None),
    (UNSOLVED, Action.WAIT_SUPPLIER, Status.WAITING_SUPPLIER),
    (UNSOLVED, Action.PLAN, Status.PLANNED),
    (_WORKED - {Status.OPEN}, Action.RESUME, Status.OPEN),
    (UNSOLVED, Action.SOLVE, Status.SOLVED),
    (frozenset({Status.SOLVED}), Action.REOPEN, Status.OPEN),
    (frozenset({Status.SPAM, Status.DUPLICATE}), Action.REOPEN, Status.OPEN),
    (frozenset({Status.SOLVED}), Action.CLOSE, Status.CLOSED),
    (UNSOLVED, Action.MARK_DUPLICATE, Status.DUPLICATE),
    (UNSOLVED, Action.MARK_SPAM, Status.SPAM),
    (frozenset(Status), Action.ASKED_AGAIN, None),
    (frozenset({Status.NEW}), Action.WITHDRAW, Status.SOLVED),
    (UNSOLVED | {Status.SOLVED}, Action.REQUESTER_CLOSE, Status.CLOSED),
    (frozenset({Status.SOLVED, Status.CLOSED}), Action.RATE, None),
    (UNSOLVED, Action.TELL, None),
    (frozenset(Status), Action.MAIL_FAILED, None),
    (frozenset({Status.NEW}), Action.ASSIGN, Status.OPEN),
    (_WORKED, Action.ASSIGN, None),
    (UNSOLVED, Action.ESCALATE, None),
    (UNSOLVED, Action.SWARM, None),
    (UNSOLVED, Action.CLASSIFY, None),
    (UNSOLVED, Action.DECLARE_MAJOR, None),
    (frozenset(Status), Action.END_MAJOR, None),
    (UNSOLVED, Action.LINK_INCIDENT, None),
    (UNSOLVED | {Status.SOLVED, Status.CLOSED}, Action.UNLINK_INCIDENT, None),
    (UNSOLVED | {Status.SOLVED}, Action.ABSORB, None),
    (frozenset({Status.DUPLICATE}), Action.SOLVE_WITH, Status.SOLVED),
    (UNSOLVED, Action.SUPPLIER_SENT, Status.WAITING_SUPPLIER),
    (frozenset({Status.WAITING_SUPPLIER}), Action.SUPPLIER_REPLY, Status.OPEN),
    (frozenset(Status) - {Status.WAITING_SUPPLIER}, Action.SUPPLIER_REPLY, None),
    (UNSOLVED, Action.SUPPLIER_DUE, None),
    (UNSOLVED, Action.PLAN_CALL, None),
    (frozenset({Status.NEW}), Action.CALL, Status.OPEN),
    (_WORKED | {Status.SOLVED, Status.DUPLICATE}, Action.CALL, None),
    (_WORKED | {Status.SOLVED}, Action.RETRACT, None),
    (frozenset({Status.SOLVED, Status.CLOSED}), Action.SURVEY, None),
    (UNSOLVED | {Status.SOLVED, Status.DUPLICATE}, Action.ERASE, Status.CLOSED),
)

TRANSITIONS = {(status, action): target or status for statuses, action, target in _ROWS for status in statuses}
"""The status that an action leads to; a pair that is not here is refused."""

#: Actions that make no sense where nobody waits.
REQUEST_ONLY = frozenset(
    {
        Action.REPLY,
        Action.ASK_REQUESTER,
        Action.REQUESTER_REPLY,
        Action.REQUESTER_CLOSE,
        Action.RATE,
        Action.TELL,
        Action.MAIL_FAILED,
        Action.DECLARE_MAJOR,
        Action.END_MAJOR,
        Action.LINK_INCIDENT,
        Action.UNLINK_INCIDENT,
        Action.SUPPLIER_SENT,
        Action.SUPPLIER_REPLY,
        Action.SUPPLIER_DUE,
        Action.PLAN_CALL,
        Action.CALL,
        Action.RETRACT,
        Action.SURVEY,
        Action.ERASE,
    }
)
#: Actions that make no sense where somebody waits.
GAP_ONLY = frozenset({Action.ASKED_AGAIN, Action.WITHDRAW})
#: Actions that the requester sees in the timeline, with their text.
PUBLIC = frozenset(
    {
        Action.REPLY,
        Action.ASK_REQUESTER,
        Action.REQUESTER_REPLY,
        Action.SOLVE,
        Action.REOPEN,
        Action.REQUESTER_CLOSE,
        Action.CLOSE,
        Action.TELL,
        Action.SOLVE_WITH,
    }
)
#: Actions that are nothing without a text.
NEEDS_TEXT = frozenset(
    {
        Action.REPLY,
        Action.ASK_REQUESTER,
        Action.REQUESTER_REPLY,
        Action.NOTE,
        Action.SOLVE,
        Action.SOLVE_WITH,
        Action.SUPPLIER_SENT,
        Action.SUPPLIER_REPLY,
    }
)
#: Actions that end the work.
SOLVING = frozenset({Action.SOLVE, Action.SOLVE_WITH})
#: Longest text of a reply, note or resolution, in characters.
TEXT_LENGTH = 10_000


def allowed(ticket: Ticket) -> set[Action]:
    """The actions that the table allows now."""
    possible = {action for status, action in TRANSITIONS if status is ticket.status}
    possible -= {Action.GIVE_BACK} if ticket.owner_id is None else set()
    # What everybody is told of is ended first.
    while_major = {Action.DECLARE_MAJOR, Action.LINK_INCIDENT, Action.MARK_SPAM, Action.MARK_DUPLICATE}
    possible -= while_major if ticket.is_major else {Action.END_MAJOR}
    possible -= {Action.UNLINK_INCIDENT} if ticket.incident_id is None else {Action.DECLARE_MAJOR}
    return possible - (REQUEST_ONLY if ticket.kind in GAPS else GAP_ONLY)


def asked(occurrences: int) -> dict[str, Any]:
    """What follows for a gap from how often it was asked: nobody waits, so that it is of the least urgency."""
    impact = gap_impact(occurrences)
    return {"occurrences": occurrences, "urgency": 1, "impact": impact, "priority": priority(1, impact)}


def apply(
    ticket: Ticket,
    action: Action,
    now: datetime,
    actor: Actor,
    text: str = "",
    resolution: Resolution | None = None,
    changes: Mapping[str, Any] | None = None,
    details: Mapping[str, str] | None = None,
) -> tuple[Ticket, Event]:
    """Do something to a ticket.

    Args:
        ticket: as read; it is not changed.
        action: what is done.
        now: aware, UTC.
        actor: who does it.
        text: reply, note, resolution or reason; at most `TEXT_LENGTH` characters.
        resolution: how it was solved; needed by `SOLVE` and `SOLVE_WITH`, ignored otherwise.
        changes: fields that the action sets besides, such as the tier of an escalation.
        details: what else is to be recorded.

    Returns:
        The ticket afterwards (its version is raised when it is saved) and the event to record.

    Raises:
        TransitionRefused: the table does not have this action for this status and kind.
        AlreadyTaken: somebody else has taken it.
        InvalidInput: the text is missing or too long, or the resolution is missing.
    """
    if action not in allowed(ticket):
        raise TransitionRefused(f"{action} is not possible while a {ticket.kind} is {ticket.status}")
    if action is Action.TAKE and ticket.owner_id is not None:
        raise AlreadyTaken(ticket.owner_name)
    text = text.strip()
    if action in NEEDS_TEXT and not text:
        raise InvalidInput("text", "missing")
    if len(text) > TEXT_LENGTH:
        raise InvalidInput("text", "too_long")
    if action in SOLVING and resolution is None:
        raise InvalidInput("resolution", "missing")
    after = TRANSITIONS[ticket.status, action]
    consequences = _consequences(ticket, action, now, actor, text, resolution) | dict(changes or {})
    # What is taken back leads where the ticket came from, which is in its history and not in the table.
    changed = replace(ticket, **{"status": after, "updated_at": now, **consequences})
    told = ({"resolution": resolution.value} if action in SOLVING and resolution else {}) | dict(details or {})
    return changed, Event(now, action, actor, ticket.status, changed.status, text, action in PUBLIC, told)


def _consequences(
    ticket: Ticket, action: Action, now: datetime, actor: Actor, text: str, resolution: Resolution | None
) -> dict[str, Any]:
    """What else of the ticket changes with an action."""
    match action:
        case Action.TAKE:
            return {"owner_id": actor.person_id, "owner_name": actor.name}
        case Action.GIVE_BACK:
            return {"owner_id": None, "owner_name": ""}
        case Action.SOLVE | Action.SOLVE_WITH:
            return {"resolution": resolution, "resolution_text": text, "solved_at": now}
        case Action.WITHDRAW:
            return {"resolution": Resolution.WITHDRAWN, "resolution_text": text, "solved_at": now}
        case Action.CLOSE | Action.REQUESTER_CLOSE | Action.ERASE:
            return {"closed_at": now}
        case Action.REOPEN | Action.REQUESTER_REPLY if ticket.status is Status.SOLVED:
            return {"resolution": None, "resolution_text": "", "solved_at": None, "duplicate_of": None}
        case Action.REOPEN | Action.REQUESTER_REPLY if ticket.status is Status.DUPLICATE:
            return {"duplicate_of": None}
        case Action.ASKED_AGAIN:
            return {"last_asked_at": now, **asked(ticket.occurrences + 1)}
    return {}
