"""What was sent last is taken back before its mail leaves."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from portal.desk.acting import act
from portal.desk.drafting import FIELD_OF
from portal.desk.posting import UNDO, key
from portal.errors import TransitionRefused
from portal.histories import RETRACTABLE
from portal.lifecycle import TEXT_LENGTH
from portal.people import Person
from portal.storage import drafting, merging
from portal.storage import tickets as store
from portal.tickets import Action, Actor, Event, Ticket

#: What is taken back here; what came with it on other tickets is taken back with it.
_OWN = RETRACTABLE & FIELD_OF.keys()


def retract(connection: Connection, ticket: Ticket, person: Person, now: datetime) -> tuple[Ticket, Event]:
    """Take back somebody's message on a ticket, which is locked; see `Desk.retract`.

    Returns:
        The ticket as it was before, and the message.

    Raises:
        TransitionRefused: there is nothing of theirs to take back, or its mail has left.
    """
    past = store.history(connection, ticket.id)
    last = past[-1] if past else None
    is_theirs = last is not None and last.actor.person_id == person.id and last.action in _OWN
    # Whoever waited for a lock may have an earlier time than what they take back.
    if last is None or not is_theirs or "told" in last.details or abs(now - last.at) > UNDO:
        raise TransitionRefused("there is nothing that can still be taken back")
    if not merging.withdraw_mail(connection, key(ticket)):
        raise TransitionRefused("the mail has left")
    changes: dict[str, Any] = {"status": last.before or last.after}
    if last.action is Action.SOLVE:
        changes |= {"resolution": None, "resolution_text": "", "solved_at": None}
    details = {"version": str(ticket.version), "action": last.action.value}
    actor = Actor(person.id, person.name)
    changed, _ = act(connection, ticket, Action.RETRACT, now, actor, changes=changes, details=details)
    begun = drafting.of(connection, ticket.id, person.id).get(FIELD_OF[last.action], "").strip()
    text = last.text if begun in {"", last.text} else f"{last.text}\n\n{begun}"[:TEXT_LENGTH]
    drafting.put(connection, ticket.id, person.id, FIELD_OF[last.action], text, now)
    return changed, last
