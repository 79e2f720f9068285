"""Major incidents at the desk: on a ticket's page, and the list of all."""

from typing import Any

from flask import render_template
from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from portal.desk.incidents import MESSAGE_LENGTH, NOTICE_LENGTH
from portal.edition import Edition
from portal.errors import NotFound, SearchUnavailable
from portal.likeness import kin, similar
from portal.locales import CODES
from portal.people import Right
from portal.storage import incidents as known
from portal.storage import tickets as store
from portal.tickets import Kind, Ticket
from portal.web import forms
from portal.web.desk import blueprint
from portal.web.security import needs
from portal.web.services import services

#: Affected requests that are listed, and likely ones that are offered.
SHOWN, LIKELY = 50, 20
#: Requests in other languages that are compared, the newest: each takes some milliseconds.
ACROSS = 60
#: Fields for the portal's notice, and for what is written to everybody, by language.
BANNER, MESSAGE = "banner", "message"
LIMITS = {f"{BANNER}_{code}": NOTICE_LENGTH for code in CODES} | {f"{MESSAGE}_{code}": MESSAGE_LENGTH for code in CODES}
for _name in LIMITS:
    forms.MESSAGES[_name, "missing"] = _l("Enter a text at least in the help centre’s first language.")
    forms.MESSAGES[_name, "too_long"] = _l("The text is too long. Use at most %(limit)s characters.")
forms.MESSAGES["affected", "missing"] = _l("Tick at least one request.")
forms.MESSAGES["incident", "missing"] = _l("Choose a major incident.")


def context(connection: Connection, ticket: Ticket) -> dict[str, Any]:
    """What the template `desk/incident.html` shows of a request."""
    if ticket.kind is not Kind.REQUEST:
        return {}
    incident = known.find(connection, ticket.id)
    affected = known.linked(connection, ticket.id) if incident else []
    default = services().settings.default_language
    return {
        "incident": incident,
        "incident_affected": [store.get(connection, number) for number in affected[:SHOWN]],
        "incident_total": len(affected),
        "incident_unsolved": len(known.linked(connection, ticket.id, is_unsolved=True)) if incident else 0,
        "incident_likely": _likely(connection, ticket) if ticket.is_major else [],
        "incident_of": _other(connection, ticket.incident_id),
        "incidents_now": [] if incident else known.newest(connection, is_current=True),
        "incident_codes": sorted(CODES, key=lambda code: code != default),
        "incident_limits": LIMITS,
        "incident_stamp": forms.new_stamp(),
    }


def _other(connection: Connection, number: int | None) -> Ticket | None:
    """The incident that affects a request; None where there is none."""
    try:
        return store.get(connection, number) if number else None
    except NotFound:
        return None


def _likely(connection: Connection, ticket: Ticket) -> list[Ticket]:
    """The new requests that ask much what an incident's own does, in all languages, likeliest first."""
    candidates = services().incidents.candidates(connection, ticket.id, services().clock())
    try:
        edition: Edition | None = services().edition
        split = edition.index.split(ticket.language) if edition else None
    except SearchUnavailable:
        edition = split = None
    found: dict[int, Ticket] = {}
    own = [each for each in candidates if each.language == ticket.language]
    # A few at a time are given; the next are asked for until none is left.
    while own and len(found) < LIKELY:
        more = [each for each, _share in similar(ticket.language, ticket.query or ticket.subject, own, split)]
        own = [each for each in own if each not in more]
        found |= {each.id: each for each in more}
        if not more:
            break
    foreign = [each for each in candidates if each.language != ticket.language][:ACROSS]
    try:
        while edition is not None and foreign and len(found) < LIKELY:
            some = kin(edition, ticket, foreign)
            foreign = [each for each in foreign if each not in some]
            found |= {each.id: each for each in some}
            if not some:
                break
    except SearchUnavailable:
        pass
    return list(found.values())[:LIKELY]


@blueprint.get("/incidents")
@needs(Right.READ_TICKETS)
def incidents() -> str:
    """The major incidents of now, and those that have ended."""
    with services().database.read() as connection:
        current = known.newest(connection, is_current=True)
        ended = known.newest(connection, is_current=False)
    return render_template("desk/incidents.html", current=current, ended=ended)
