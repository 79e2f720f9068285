"""What changes when a ticket is classified anew."""

from collections.abc import Mapping
from typing import Any

from portal.articles import is_slug
from portal.errors import InvalidInput, TransitionRefused
from portal.locales import LANGUAGES
from portal.tickets import GAPS, Ticket, priority

#: The lowest and the highest urgency and impact.
LOWEST, HIGHEST = 1, 5


def changes(ticket: Ticket, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What changes of a ticket, and what is recorded of it.

    Args:
        ticket: as it is.
        wanted: `urgency`, `impact`, `topic` and `language`; None: as it is.

    Returns:
        The changed fields with the priority that follows, and the same as texts; nothing where nothing differs.

    Raises:
        InvalidInput: see `Desk.classify`.
        TransitionRefused: it is a gap, whose urgency, impact and language are its search's.
    """
    for field in ("urgency", "impact"):
        value = wanted.get(field)
        if value is not None and not LOWEST <= value <= HIGHEST:
            raise InvalidInput(field, "out_of_range")
    if (topic := wanted.get("topic")) and not is_slug(topic):
        raise InvalidInput("topic", "invalid")
    if (language := wanted.get("language")) is not None and language not in LANGUAGES:
        raise InvalidInput("language", "unknown")
    changed = {field: value for field, value in wanted.items() if value is not None and value != getattr(ticket, field)}
    if not changed:
        return {}, {}
    if ticket.kind in GAPS and changed.keys() != {"topic"}:
        raise TransitionRefused("what a gap's search decides is not classified")
    if ticket.kind not in GAPS:
        changed["priority"] = priority(changed.get("urgency", ticket.urgency), changed.get("impact", ticket.impact))
    details = {field: str(value) for field, value in changed.items()}
    return changed, {"priority": str(ticket.priority)} | details
