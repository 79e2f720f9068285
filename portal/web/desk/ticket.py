"""One ticket: read, worked on, and followed while it is open."""

import hashlib
import re

from flask import Response, make_response, redirect, render_template, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import NotFound
from portal.lifecycle import TEXT_LENGTH
from portal.locales import source_order
from portal.people import Right
from portal.storage import notices
from portal.storage import tickets as store
from portal.tickets import Ticket
from portal.web import forms
from portal.web.desk import blueprint
from portal.web.desk.page import empty_form, live_parts, ticket_page
from portal.web.i18n import language
from portal.web.security import needs, person
from portal.web.services import services
from portal.writing.files.families import Refused
from portal.writing.planning.beginning import of_ticket


@blueprint.get("/tickets/<int:number>")
@needs(Right.READ_TICKETS)
def ticket(number: int) -> Response:
    """Everything that is known of a ticket."""
    return ticket_page(number, empty_form())


@blueprint.get("/tickets/<int:number>/<action>")
@needs(Right.READ_TICKETS)
def back(number: int, action: str) -> AnyResponse:  # noqa: ARG001 - whichever it was.
    """To the ticket, from the address of a form that was sent: reloaded, or kept as a bookmark."""
    return redirect(url_for("desk.ticket", number=number), 303)


def _fingerprint(connection: Connection, ticket: Ticket) -> str:
    """What changes when something happens: the ticket, who is here, and the clocks by the minute.

    It is known without reading the history: every open page asks for it every other second.
    """
    now = services().clock()
    others = services().presence.others(ticket.id, person().id, now, connection)
    facts = f"{ticket.version} {now:%H:%M} {others!r} {language()}"
    return hashlib.blake2b(facts.encode(), digest_size=9).hexdigest()


@blueprint.post("/tickets/<int:number>/here")
@needs(Right.READ_TICKETS)
def here(number: int) -> AnyResponse:
    """Say that the person has the ticket open, and answer with what has changed since they last did; 204: nothing."""
    sent = forms.read("state", "writing", longest=100)
    services().presence.here(number, person().id, services().clock(), is_writing=sent["writing"] == "yes")
    # Together with its history: a form sends the version of the conversation that its writer had before them.
    with services().database.read() as connection:
        found = store.get(connection, number)
        state = _fingerprint(connection, found)
        if state == sent["state"]:
            return Response(status=204)
        shown = live_parts(connection, found, store.history(connection, number))
    response = make_response(render_template("desk/live.html", **shown))
    response.headers["X-State"] = state
    return response


@blueprint.post("/tickets/<int:number>/draft")
@needs(Right.WORK_TICKETS)
def keep_draft(number: int) -> AnyResponse:
    """Keep what the person has begun to write."""
    sent = forms.read("field", "text")
    if sent["field"] not in {"reply", "note"}:
        raise NotFound(sent["field"])
    with services().database.read() as connection:
        store.get(connection, number)
    services().drafting.keep(person(), number, sent["field"], sent["text"][:TEXT_LENGTH], services().clock())
    return Response(status=204)


@blueprint.post("/tickets/<int:number>/seen")
@needs(Right.READ_TICKETS)
def seen(number: int) -> AnyResponse:
    """The person has seen what they were told of a ticket."""
    with services().database.write() as connection:
        notices.see(connection, person().id, services().clock(), ticket_id=number)
    return Response(status=204)


@blueprint.get("/tickets/<int:number>/draft.md")
@needs(Right.READ_TICKETS)
def draft(number: int) -> Response:
    """An article's file to fill in: in a gap's language with its query, or with what solved a request."""
    try:
        begun = of_ticket(
            services().settings.articles,
            number,
            services().database,
            services().edition,
            services().clock().date(),
            source_order(services().settings.default_language),
        )
    except Refused as refused:
        raise NotFound(f"draft of {number}") from refused
    response = Response(begun.text, mimetype="text/markdown")
    response.headers["Content-Disposition"] = f'attachment; filename="{re.sub("[^a-z0-9-]", "", begun.slug)}.md"'
    return response
