"""One ticket: read, worked on, and followed while it is open."""

import hashlib
import re

from flask import Response, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal import authoring, closing
from portal.catalogues import catalogue
from portal.drafts import draft as draft_of
from portal.drafts import file_name
from portal.errors import NotFound
from portal.knowledge import Published
from portal.library import PLACEHOLDER, parse
from portal.lifecycle import TEXT_LENGTH
from portal.people import Right
from portal.storage import notices
from portal.storage import tickets as store
from portal.tickets import Kind, Ticket
from portal.web import forms
from portal.web.desk import blueprint
from portal.web.desk.page import empty_form, live_parts, ticket_page
from portal.web.i18n import language
from portal.web.security import needs, person
from portal.web.services import services


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


def _fingerprint(ticket: Ticket) -> str:
    """What changes when something happens: the ticket, who is here, and the clocks by the minute.

    It is known without reading the history: every open page asks for it every other second.
    """
    now = services().clock()
    facts = f"{ticket.version} {now:%H:%M} {services().presence.others(ticket.id, person().id, now)!r} {language()}"
    return hashlib.blake2b(facts.encode(), digest_size=9).hexdigest()


@blueprint.post("/tickets/<int:number>/here")
@needs(Right.READ_TICKETS)
def here(number: int) -> AnyResponse:
    """Say that the person has the ticket open, and answer with what has changed since they last did; 204: nothing."""
    sent = forms.read("state", "writing", longest=100)
    services().presence.here(number, person().id, services().clock(), is_writing=sent["writing"] == "yes")
    with services().database.read() as connection:
        found = store.get(connection, number)
    state = _fingerprint(found)
    if state == sent["state"]:
        return Response(status=204)
    with services().database.read() as connection:
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


def _source_text(item: Published) -> str:
    """The Markdown of a published text, to be translated; empty where its file cannot be read."""
    code, slug = item.article.language, item.article.slug
    try:
        raw = (services().settings.articles / code / f"{slug}.md").read_bytes()
    except OSError:
        return ""
    read = parse(raw, code, slug, slug).article
    return read.body if read else ""


@blueprint.get("/tickets/<int:number>/draft.md")
@needs(Right.READ_TICKETS)
def draft(number: int) -> Response:
    """An article's file to fill in: in a gap's language with its query, or with what solved a request."""
    with services().database.read() as connection:
        found = store.get(connection, number)
        history = store.history(connection, number)
    if found.kind is Kind.OVERFLOW:
        raise NotFound(f"draft of {number}")
    if found.kind is Kind.REQUEST:
        name, text = authoring.draft(found, history, services().edition, services().clock().date())
    else:
        name, text = _draft_of_gap(found)
    response = Response(text, mimetype="text/markdown")
    response.headers["Content-Disposition"] = f'attachment; filename="{re.sub("[^a-z0-9-]", "", name)}.md"'
    return response


def _draft_of_gap(gap: Ticket) -> tuple[str, str]:
    """The name and the text of an article that answers a gap."""
    knowledge = services().edition.knowledge
    wanted = knowledge.choose(gap.language, gap.slug) if gap.slug else None
    shelves = knowledge.shelves(gap.language)
    topic = wanted.article.topic if wanted else shelves[0].topic.slug if shelves else "other"
    query = closing.query_of(gap).text or gap.subject
    source = knowledge.source(gap.slug) if wanted else None
    # Translators: stands in a file that a writer fills in.
    words = catalogue(gap.language).gettext("Write the answer here, in the words that people search with.")
    body = f"{PLACEHOLDER}\n\n{words}\n\n{_source_text(source) if source else ''}"
    fingerprint = source.fingerprint if source else ""
    text = draft_of(query, topic, services().clock().date(), body, [query], fingerprint)
    return (gap.slug if wanted else file_name(query)), text
