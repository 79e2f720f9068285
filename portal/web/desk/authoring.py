"""The article that is to answer a ticket, on the ticket's page."""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from portal.authoring import PLANNED_FOR, Planned, draft, state
from portal.edition import Edition
from portal.people import Right, may
from portal.tickets import Ticket
from portal.web import forms
from portal.web.security import person

__all__ = ["context", "draft"]

forms.MESSAGES["planned", "invalid"] = _l(
    "Enter the last part of an article’s address, such as reset-password, or paste the whole address."
)


def context(_connection: Connection, ticket: Ticket, edition: Edition | None) -> dict[str, Any]:
    """What the template `desk/authoring.html` shows of a ticket; nothing for kinds that no article is planned for."""
    if ticket.kind not in PLANNED_FOR:
        return {"planned": None}
    planned = state(edition, ticket) if edition else Planned(ticket.slug, ticket.slug)
    return {"planned": planned, "can_plan": may(person(), Right.WORK_TICKETS)}
