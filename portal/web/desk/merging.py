"""Merging on a ticket's page: what it is a duplicate of, and what is a duplicate of it."""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from portal.errors import NotFound
from portal.lifecycle import allowed
from portal.storage import merging
from portal.storage import tickets as store
from portal.tickets import Action, Kind, Status, Ticket
from portal.web import forms

#: Duplicates that are listed.
SHOWN = 50
forms.MESSAGES.update(
    {
        ("into", "missing"): _l("Enter the number of a ticket in digits, such as 42."),
        ("into", "not_found"): _l("There is no ticket with this number."),
        ("into", "itself"): _l("A ticket cannot be merged into itself, nor into one of its own duplicates."),
        ("into", "closed"): _l("That ticket has ended. Choose one that is still worked on."),
        ("into", "invalid"): _l(
            "Requests can be merged with requests, and unanswered searches with unanswered searches in the same language."
        ),
    }
)


def context(connection: Connection, ticket: Ticket) -> dict[str, Any]:
    """What the template `desk/merging.html` shows of a ticket."""
    numbers = merging.duplicates(connection, ticket.id)
    return {
        "merged_into": _other(connection, ticket) if ticket.status is Status.DUPLICATE else None,
        "merged_here": [store.get(connection, number) for number in numbers[:SHOWN]],
        "merged_total": len(numbers),
        "can_merge": Action.MARK_DUPLICATE in allowed(ticket) and ticket.kind is not Kind.OVERFLOW,
    }


def _other(connection: Connection, ticket: Ticket) -> Ticket | None:
    """The ticket that one is a duplicate of; None where it was marked without one."""
    try:
        return store.get(connection, ticket.duplicate_of) if ticket.duplicate_of else None
    except NotFound:
        return None
