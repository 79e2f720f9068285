"""Tickets: gaps that unanswered searches opened and requests that people sent, and the one table of their lives."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from portal.errors import AlreadyTaken, InvalidInput, TransitionRefused


class Kind(StrEnum):
    """Where a ticket comes from."""

    #: Opened by the system for an unanswered search; nobody waits for it.
    GAP = "gap"
    #: A gap whose answer exists in other languages only.
    TRANSLATION = "translation"
    #: Counts the unanswered searches that were more than the budgets allow; there is one.
    OVERFLOW = "overflow"
    #: Sent by a requester, who waits.
    REQUEST = "request"


#: Kinds that the system opens and nobody waits for.
GAPS = frozenset({Kind.GAP, Kind.TRANSLATION, Kind.OVERFLOW})


class Status(StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    OPEN = "open"
    WAITING_REQUESTER = "waiting_requester"
    WAITING_SUPPLIER = "waiting_supplier"
    PLANNED = "planned"
    SOLVED = "solved"
    CLOSED = "closed"
    DUPLICATE = "duplicate"
    SPAM = "spam"


#: Statuses in which somebody of the staff has work to do or wait for.
UNSOLVED = frozenset({Status.NEW, Status.OPEN, Status.WAITING_REQUESTER, Status.WAITING_SUPPLIER, Status.PLANNED})
_WORKED = UNSOLVED - {Status.NEW}


class Action(StrEnum):
    """What can be done to a ticket."""

    #: Creation; never in the table.
    OPENED = "opened"
    #: The same search went unanswered again.
    ASKED_AGAIN = "asked_again"
    TAKE = "take"
    GIVE_BACK = "give_back"
    REPLY = "reply"
    #: A reply that asks the requester for something.
    ASK_REQUESTER = "ask_requester"
    REQUESTER_REPLY = "requester_reply"
    NOTE = "note"
    WAIT_SUPPLIER = "wait_supplier"
    PLAN = "plan"
    RESUME = "resume"
    SOLVE = "solve"
    REOPEN = "reopen"
    CLOSE = "close"
    MARK_DUPLICATE = "mark_duplicate"
    MARK_SPAM = "mark_spam"
    #: Who failed to find an answer found it by other words; the system closes the gap that nobody else has asked.
    WITHDRAW = "withdraw"
    #: The requester needs no more help.
    REQUESTER_CLOSE = "requester_close"
    #: The requester says how they were served.
    RATE = "rate"
    #: The system tells the requester that an article now answers the search that they came from.
    TELL = "tell"
    #: The system could not deliver a mail to the requester.
    MAIL_FAILED = "mail_failed"


def _table() -> dict[tuple[Status, Action], Status]:
    """The lifecycle, row by row: in these statuses, this action leads to that status (None: it stays)."""
    rows: tuple[tuple[frozenset[Status], Action, Status | None], ...] = (
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
    )
    return {(status, action): target or status for statuses, action, target in rows for status in statuses}


TRANSITIONS = _table()
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
    }
)
#: Actions that are nothing without a text.
NEEDS_TEXT = frozenset({Action.REPLY, Action.ASK_REQUESTER, Action.REQUESTER_REPLY, Action.NOTE, Action.SOLVE})
#: Longest text of a reply, note or resolution, in characters.
TEXT_LENGTH = 10_000


class Resolution(StrEnum):
    """How a ticket was solved."""

    ANSWERED = "answered"
    ARTICLE_WRITTEN = "article_written"
    ARTICLE_IMPROVED = "article_improved"
    TRANSLATED = "translated"
    SYNONYM_ADDED = "synonym_added"
    OUT_OF_SCOPE = "out_of_scope"
    #: By the system: who asked found it by other words.
    WITHDRAWN = "withdrawn"


#: Ways to solve a gap that hold only when its query finds the article.
PROVEN = frozenset(
    {Resolution.ARTICLE_WRITTEN, Resolution.ARTICLE_IMPROVED, Resolution.TRANSLATED, Resolution.SYNONYM_ADDED}
)
#: Rank at which the query must find it.
PROOF_RANK = 3


class Callback(StrEnum):
    """When a requester can be called, in the desk's time zone."""

    ANY = "any"
    #: From 8 to 12.
    MORNING = "morning"
    #: From 12 to 17.
    AFTERNOON = "afternoon"


@dataclass(frozen=True)
class Actor:
    """Who does something to a ticket."""

    #: Staff id; None for the system and the requester.
    person_id: int | None = None
    #: Name as recorded in the history; empty for the system.
    name: str = ""


SYSTEM = Actor()


@dataclass(frozen=True)
class Ticket:
    """One ticket as it stands; its past is in its events."""

    #: Also the number that people are told; 0 before it is stored.
    id: int
    kind: Kind
    status: Status
    #: Support tier that has it, 1–4.
    tier: int
    #: Language of the page it came from, in which the requester is answered.
    language: str
    #: One line that says what it is about: the query, or the request's first line.
    subject: str
    created_at: datetime
    updated_at: datetime
    #: The search it came from, masked; empty for a request sent without one.
    query: str = ""
    #: The requester's own words; empty for a gap.
    description: str = ""
    #: Address of the page it came from, without host.
    page: str = ""
    #: Of a gap: see `queries.gap_fingerprint`; None when another ticket has taken it over.
    fingerprint: str | None = None
    #: How often the gap was asked; 1 for a request.
    occurrences: int = 1
    #: When it was last asked.
    last_asked_at: datetime | None = None
    requester_name: str = ""
    requester_email: str = ""
    #: The gap that the request's search had opened.
    gap_id: int | None = None
    owner_id: int | None = None
    owner_name: str = ""
    resolution: Resolution | None = None
    resolution_text: str = ""
    solved_at: datetime | None = None
    closed_at: datetime | None = None
    #: Of a gap: U0, U1, U2 or U3, the rule by which it was unanswered; empty for a request.
    code: str = ""
    #: Of a gap: whether it was a person who asked, as far as that can be told.
    is_confirmed: bool = True
    #: Of a gap: the article that answers it, or whose translation would; empty while there is none.
    slug: str = ""
    #: Number that the requester wants to be called at; empty where no call is wanted.
    phone: str = ""
    callback: Callback | None = None
    #: The closed request that this one goes on with.
    follows_id: int | None = None
    #: Of a request: what the requester had tried and chose to send along, oldest first.
    trail: tuple[dict[str, str], ...] = ()
    #: Grows by one with every save; a save with an old one is refused.
    version: int = 1


@dataclass(frozen=True)
class Event:
    """One line of a ticket's history; never changed, never deleted."""

    at: datetime
    action: Action
    actor: Actor
    before: Status | None
    after: Status
    #: Reply, note, resolution or reason.
    text: str = ""
    #: Whether the requester sees it.
    is_public: bool = False
    #: What else is known, for example the language of an occurrence.
    details: dict[str, str] = field(default_factory=dict)


def allowed(ticket: Ticket) -> set[Action]:
    """The actions that the table allows now."""
    possible = {action for status, action in TRANSITIONS if status is ticket.status}
    possible -= {Action.GIVE_BACK} if ticket.owner_id is None else set()
    return possible - (REQUEST_ONLY if ticket.kind in GAPS else GAP_ONLY)


#: Occurrences from which a gap has each impact (1–5).
IMPACT_FROM = (1, 3, 10, 30, 100)
#: Priority (1–5) by urgency (row) and impact (column), each 1–5.
PRIORITY = ((1, 1, 2, 2, 2), (1, 2, 2, 3, 3), (2, 2, 3, 4, 4), (2, 3, 4, 4, 5), (2, 3, 4, 5, 5))


def gap_impact(occurrences: int) -> int:
    """The impact (1–5) of a gap that was asked so often."""
    return max(1, sum(occurrences >= least for least in IMPACT_FROM))


def priority(urgency: int, impact: int) -> int:
    """The priority (1–5) of an urgency and an impact (1–5 each)."""
    return PRIORITY[urgency - 1][impact - 1]


def apply(
    ticket: Ticket,
    action: Action,
    now: datetime,
    actor: Actor,
    text: str = "",
    resolution: Resolution | None = None,
) -> tuple[Ticket, Event]:
    """Do something to a ticket.

    Args:
        ticket: as read; it is not changed.
        action: what is done.
        now: aware, UTC.
        actor: who does it.
        text: reply, note, resolution or reason; at most `TEXT_LENGTH` characters.
        resolution: how it was solved; needed by `SOLVE`, ignored otherwise.

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
    if action is Action.SOLVE and resolution is None:
        raise InvalidInput("resolution", "missing")
    after = TRANSITIONS[ticket.status, action]
    changed = replace(
        ticket, status=after, updated_at=now, **_consequences(ticket, action, now, actor, text, resolution)
    )
    details = {"resolution": resolution.value} if action is Action.SOLVE and resolution else {}
    return changed, Event(now, action, actor, ticket.status, after, text, action in PUBLIC, details)


def _consequences(
    ticket: Ticket, action: Action, now: datetime, actor: Actor, text: str, resolution: Resolution | None
) -> dict[str, Any]:
    """What else of the ticket changes with an action."""
    match action:
        case Action.TAKE:
            return {"owner_id": actor.person_id, "owner_name": actor.name}
        case Action.GIVE_BACK:
            return {"owner_id": None, "owner_name": ""}
        case Action.SOLVE:
            return {"resolution": resolution, "resolution_text": text, "solved_at": now}
        case Action.WITHDRAW:
            return {"resolution": Resolution.WITHDRAWN, "resolution_text": text, "solved_at": now}
        case Action.CLOSE | Action.REQUESTER_CLOSE:
            return {"closed_at": now}
        case Action.REOPEN | Action.REQUESTER_REPLY if ticket.status is Status.SOLVED:
            return {"resolution": None, "resolution_text": "", "solved_at": None}
        case Action.ASKED_AGAIN:
            return {"occurrences": ticket.occurrences + 1, "last_asked_at": now}
    return {}
