"""One action on one ticket: what the lifecycle makes of it is saved and recorded."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from portal.lifecycle import apply
from portal.storage import tickets as store
from portal.tickets import Action, Actor, Event, Resolution, Ticket


def act(
    connection: Connection,
    ticket: Ticket,
    action: Action,
    now: datetime,
    actor: Actor,
    *,
    text: str = "",
    resolution: Resolution | None = None,
    changes: Mapping[str, Any] | None = None,
    details: Mapping[str, str] | None = None,
) -> tuple[Ticket, Event]:
    """Do something to a ticket that was read locked in this transaction; see `lifecycle.apply`.

    Returns:
        The ticket as it is stored now, and the event.

    Raises:
        TransitionRefused, AlreadyTaken, InvalidInput: see `lifecycle.apply`.
        StaleTicket: it was changed since it was read.
    """
    changed, event = apply(ticket, action, now, actor, text, resolution, changes, details)
    store.save(connection, changed)
    store.record(connection, ticket.id, event)
    return replace(changed, version=ticket.version + 1), event
