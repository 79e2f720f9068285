"""Tickets: gaps that unanswered searches opened, requests that people sent, and the events that make their history."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
    #: Given to somebody by a colleague or by the system.
    ASSIGN = "assign"
    #: To another tier: the owner changes.
    ESCALATE = "escalate"
    #: The owner stays and invites others.
    SWARM = "swarm"
    #: Urgency, impact, topic or language are put right.
    CLASSIFY = "classify"
    #: It is a major incident, or no longer one.
    DECLARE_MAJOR = "declare_major"
    END_MAJOR = "end_major"
    #: The request is one of those that a major incident affects, or not.
    LINK_INCIDENT = "link_incident"
    UNLINK_INCIDENT = "unlink_incident"
    #: Another ticket about the same has been merged into this one.
    ABSORB = "absorb"
    #: The ticket that this is a duplicate of has been solved.
    SOLVE_WITH = "solve_with"
    #: We wrote to the supplier, and the supplier to us.
    SUPPLIER_SENT = "supplier_sent"
    SUPPLIER_REPLY = "supplier_reply"
    #: The system reminded the owner that a supplier's answer is due.
    SUPPLIER_DUE = "supplier_due"
    #: A call has been planned, or tried.
    PLAN_CALL = "plan_call"
    CALL = "call"
    #: What was sent last has been taken back within seconds.
    RETRACT = "retract"
    #: The requester has been asked how they were served.
    SURVEY = "survey"
    #: The requester wants to be forgotten; nothing is left to work on.
    ERASE = "erase"


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
    #: How urgent it is for the requester and how many it affects, 1 (least) to 5; a gap's follow from its occurrences.
    urgency: int = 3
    impact: int = 3
    #: By the matrix, 1 (lowest) to 5; see `priority`.
    priority: int = 3
    #: Whether it is a major incident, which stands above the matrix.
    is_major: bool = False
    #: The major incident that affects this request.
    incident_id: int | None = None
    #: The ticket that it is a duplicate of.
    duplicate_of: int | None = None
    #: Topic of the articles that it belongs to; empty where nobody knows.
    topic: str = ""
    #: How it came: `web`, `mail`, `phone` or `api`.
    channel: str = "web"
    #: When the first of its running clocks is due, and which: `first_reply`, `resolution` or `tier`.
    due_at: datetime | None = None
    due_clock: str = ""
    #: When a rule of escalation may apply next.
    rule_at: datetime | None = None
    #: The version at which these three were computed last; another one means that they are to be computed again.
    clocked: int = 0
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
