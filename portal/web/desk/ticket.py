"""One ticket with everything that is recorded of it, and what agents do with it."""

import re
from typing import Any

from flask import Response, make_response, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from portal import closing, drafts
from portal.catalogues import catalogue
from portal.edition import Edition
from portal.errors import (
    AlreadyTaken,
    InvalidInput,
    NotFound,
    NotProven,
    SearchUnavailable,
    StaleTicket,
    TransitionRefused,
)
from portal.knowledge import Published
from portal.library import PLACEHOLDER, parse
from portal.lifecycle import allowed
from portal.people import Right, may
from portal.storage import tickets as store
from portal.tickets import GAPS, PROOF_RANK, Action, Kind, Resolution, Ticket
from portal.web import forms
from portal.web.desk import blueprint, facts
from portal.web.labels import ACTION
from portal.web.my_requests import LIMITS
from portal.web.security import needs, person
from portal.web.services import services

#: Actions that are a button and nothing else, in the order of the buttons.
BUTTONS = tuple(ACTION)
#: Actions for which it matters what has happened since the page was opened.
VERSIONED = frozenset({Action.SOLVE, Action.CLOSE, Action.REOPEN, Action.MARK_SPAM, Action.MARK_DUPLICATE})
#: What agents do; the rest is the system's and the requesters'.
OF_AGENTS = frozenset({*BUTTONS, Action.REPLY, Action.ASK_REQUESTER, Action.NOTE, Action.SOLVE, Action.MARK_DUPLICATE})


@blueprint.get("/tickets/<int:number>")
@needs(Right.READ_TICKETS)
def ticket(number: int) -> Response:
    """Everything that is recorded of a ticket."""
    return _ticket_page(number, forms.Form(limits=LIMITS))


def _edition() -> Edition | None:
    """What readers see now; None while nothing can be searched, which keeps nobody from their tickets."""
    try:
        return services().edition
    except SearchUnavailable:
        return None


def _ticket_page(number: int, form: forms.Form, problem: str = "", status: int = 200, **more: Any) -> Response:
    """A ticket as it is now, with what the agent has typed and why it was not done."""
    edition = _edition()
    with services().database.read() as connection:
        found = store.get(connection, number)
        history = store.history(connection, number)
        known = facts.of_ticket(connection, found, history, edition)
    possible = allowed(found)
    is_gap = found.kind in GAPS
    shown: dict[str, Any] = {
        "ticket": found,
        "is_gap": is_gap,
        "history": history,
        "facts": known,
        "words": facts,
        "possible": possible,
        "buttons": [
            action for action in BUTTONS if action in possible and not (action is Action.TAKE and found.owner_id)
        ],
        "can_work": may(person(), Right.WORK_TICKETS),
        "can_draft": found.kind in {Kind.GAP, Kind.TRANSLATION},
        "resolutions": closing.OF_GAP if is_gap else closing.OF_REQUEST,
        "candidates": _candidates(edition, found) if Action.SOLVE in possible else [],
        "form": form,
        "problem": problem,
        "proof_rank": PROOF_RANK,
    }
    return make_response(render_template("desk/ticket.html", **shown, **more), status)


def _candidates(edition: Edition | None, gap: Ticket) -> list[tuple[int, str, str]]:
    """The articles that a gap's own query finds now; none where it cannot be searched."""
    try:
        return closing.candidates(edition, gap) if edition and gap.kind in GAPS else []
    except SearchUnavailable:
        return []


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
    """An article's file to fill in, in the gap's language and with its query."""
    with services().database.read() as connection:
        gap = store.get(connection, number)
    if gap.kind not in {Kind.GAP, Kind.TRANSLATION}:
        raise NotFound(f"draft of {number}")
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
    text = drafts.draft(query, topic, services().clock().date(), body, [query], fingerprint)
    name = gap.slug if wanted else drafts.file_name(query)
    response = Response(text, mimetype="text/markdown")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.md"'
    return response


@blueprint.post("/tickets/<int:number>/<action>")
@needs(Right.WORK_TICKETS)
def work(number: int, action: str) -> AnyResponse:
    """Do something to a ticket; where it cannot be done, say why and keep what was typed."""
    if action not in OF_AGENTS:
        raise NotFound(action)
    form = forms.Form(forms.read("text", "resolution", "slug", "version"), limits=LIMITS)
    form.values["action"] = action
    try:
        _do(number, Action(action), form.values)
    except InvalidInput as error:
        form.errors[error.field] = error.code
        return _ticket_page(number, form, status=400)
    except AlreadyTaken as error:
        return _ticket_page(number, form, _("%(owner)s has already taken this ticket.", owner=error.owner), 409)
    except StaleTicket:
        stale = _("The ticket has changed since you opened it. Below you see it as it is now; what you typed is kept.")
        return _ticket_page(number, form, stale, 409)
    except TransitionRefused:
        return _ticket_page(number, form, _("That is not possible in the ticket’s present status."), 409)
    except NotProven as error:
        return _ticket_page(number, form, status=409, unproven=_unproven(number, error))
    except SearchUnavailable:
        unavailable = _("Search does not work at the moment, so nobody can tell whether the article answers it.")
        return _ticket_page(number, form, unavailable, 503)
    return redirect(url_for("desk.ticket", number=number, _anchor="ui-last"), 303)


def _do(number: int, action: Action, sent: dict[str, str]) -> None:
    """Do what an agent has chosen; a gap is solved only by what answers it."""
    now, text = services().clock(), sent["text"]
    is_counted = action in VERSIONED and re.fullmatch("[0-9]{1,9}", sent["version"])
    version = int(sent["version"]) if is_counted else None
    resolution = Resolution(sent["resolution"]) if sent["resolution"] in set(Resolution) else None
    if action is Action.SOLVE:
        with services().database.read() as connection:
            kind = store.get(connection, number).kind
        if kind in GAPS:
            solve = services().closing.solve
            solve(_edition(), person(), number, resolution, sent["slug"], text, now, version)
            return
        resolution = resolution if resolution in closing.OF_REQUEST else None
    services().desk.work(person(), number, action, now, version=version, text=text, resolution=resolution)


def _unproven(number: int, error: NotProven) -> tuple[str, Ticket]:
    """Why an article does not close a gap, and the gap."""
    with services().database.read() as connection:
        gap = store.get(connection, number)
    if (gap.language, error.slug) not in services().edition.knowledge.articles:
        why = _("There is no such article in the language of the search, or it is still a draft or has an error.")
    elif error.rank is None:
        why = _("It is not found.")
    elif error.rank > PROOF_RANK:
        why = _("It is at rank %(rank)s and must be among the first %(best)s.", rank=error.rank, best=PROOF_RANK)
    else:
        why = _("It is found, but readers are still told that there is no good answer.")
    return why, gap
