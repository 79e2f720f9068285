"""What other systems are told of: nine events, which event of a ticket's history is which, and what is said; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from portal.tickets import PROVEN, UNSOLVED, Action, Event, Kind, Resolution, Status


class About(StrEnum):
    """What has happened."""

    #: A search went unanswered, for the first time or again after its answer.
    GAP_OPENED = "gap.opened"
    #: It was a person who asked, as far as that can be told.
    GAP_CONFIRMED = "gap.confirmed"
    #: An article answers it now, with proof.
    GAP_ANSWERED = "gap.answered"
    REQUEST_CREATED = "request.created"
    #: Somebody has written in the conversation with the requester.
    REQUEST_REPLIED = "request.replied"
    #: It has another tier.
    REQUEST_ESCALATED = "request.escalated"
    #: By the staff, or because the requester needs no more help.
    REQUEST_SOLVED = "request.solved"
    #: Readers see a new article, or a new text of one.
    ARTICLE_PUBLISHED = "article.published"
    #: Its source has changed since it was translated.
    ARTICLE_STALE = "article.stale"


#: Sent on demand to see whether a receiver works; nobody subscribes to it.
TEST = "webhook.test"

_ASKED = frozenset({Kind.GAP, Kind.TRANSLATION})
#: What somebody of the staff may take back within seconds; it is held back until then.
_HELD = frozenset({Action.REPLY, Action.ASK_REQUESTER, Action.SOLVE, Action.SOLVE_WITH})
_REPLIES = frozenset({Action.REPLY, Action.ASK_REQUESTER, Action.REQUESTER_REPLY, Action.REOPEN})
_REQUESTERS = frozenset({Action.REQUESTER_REPLY, Action.REQUESTER_CLOSE})


@dataclass(frozen=True)
class Announcement:
    """One thing to be told."""

    about: About
    #: What is said besides the ticket or article itself.
    more: Mapping[str, Any] = field(default_factory=dict)
    #: Whether a ticket has it once, however often it happens.
    is_once: bool = False
    #: Whether it may still be taken back.
    is_held: bool = False


def of_history(kind: Kind, event: Event, *, is_confirmed: bool) -> list[Announcement]:
    """What an event of a ticket's history is told as; mostly nothing.

    Args:
        kind: of the ticket; the one that counts what is over the budgets is nobody's question.
        event: just recorded.
        is_confirmed: of the ticket, after it.
    """
    if kind in _ASKED:
        return _of_gap(event, is_confirmed=is_confirmed)
    return _of_request(event) if kind is Kind.REQUEST else []


def _of_gap(event: Event, *, is_confirmed: bool) -> list[Announcement]:
    """What happens to a gap."""
    found = []
    if event.action in {Action.OPENED, Action.REOPEN}:
        found.append(Announcement(About.GAP_OPENED, {"reopened": event.action is Action.REOPEN}))
    # Counting for a gap that was merged into this one confirms it, too.
    if is_confirmed and event.action in {Action.OPENED, Action.REOPEN, Action.ABSORB}:
        found.append(CONFIRMED)
    if event.action is Action.SOLVE and event.details.get("resolution") in PROVEN:
        found.append(Announcement(About.GAP_ANSWERED))
    return found


CONFIRMED = Announcement(About.GAP_CONFIRMED, is_once=True)


def _of_request(event: Event) -> list[Announcement]:
    """What happens to a request; what is taken for spam is nobody's matter."""
    action, by = event.action, {"by": who(event)}
    if event.after is Status.SPAM:
        return []
    if action is Action.OPENED or (action is Action.REOPEN and event.before is Status.SPAM):
        return [Announcement(About.REQUEST_CREATED, is_once=True)]
    if action in _REPLIES:
        was_done = event.before is not None and event.before not in UNSOLVED
        return [Announcement(About.REQUEST_REPLIED, by | {"reopened": was_done}, is_held=action in _HELD)]
    if action is Action.ESCALATE:
        return [Announcement(About.REQUEST_ESCALATED, by | {"from_tier": int(event.details.get("from", 0))})]
    is_end = action in {Action.SOLVE, Action.SOLVE_WITH}
    if is_end or (action is Action.REQUESTER_CLOSE and event.before in UNSOLVED):
        return [Announcement(About.REQUEST_SOLVED, by, is_held=is_end)]
    return []


def who(event: Event) -> str:
    """By whom something was done: `staff`, `requester` or `system`; never their name."""
    if event.actor.person_id is not None:
        return "staff"
    return "requester" if event.action in _REQUESTERS or event.actor.name else "system"


def of_ticket(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a ticket: nothing of any person, nothing that anybody has written but a gap's masked query.

    Args:
        row: its columns, as in `tickets.Ticket`.
    """
    kind = Kind(row["kind"])
    resolution = row["resolution"]
    said = {
        "number": row["id"],
        "kind": kind.value,
        "status": Status(row["status"]).value,
        "tier": row["tier"],
        "language": row["language"],
        "priority": row["priority"],
        "is_major": row["is_major"],
        "topic": row["topic"] or None,
        "resolution": Resolution(resolution).value if resolution else None,
    }
    if kind in _ASKED:
        said |= {
            "query": row["query"],
            "code": row["code"],
            "occurrences": max(row["occurrences"], 1),
            "is_confirmed": row["is_confirmed"],
            "slug": row["slug"] or None,
        }
    else:
        said |= {"gap": row["gap_id"], "follows": row["follows_id"]}
    return said | {"url": f"/{row['language']}/desk/tickets/{row['id']}"}


def moment(at: datetime) -> str:
    """A time as it is said: ISO 8601, UTC, in seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
