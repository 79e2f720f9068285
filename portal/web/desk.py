"""The desk's pages: the queue of tickets, and one ticket with everything that is recorded of it."""

import re
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import AlreadyTaken, InvalidInput, NotFound, StaleTicket, TransitionRefused
from portal.explanation import explain
from portal.locales import LANGUAGES
from portal.people import Right, may
from portal.queries import read_query
from portal.storage import tickets as store
from portal.tickets import Action, Kind, Resolution, allowed
from portal.web import forms
from portal.web.i18n import language
from portal.web.labels import ACTION
from portal.web.my_requests import LIMITS
from portal.web.security import needs, person
from portal.web.services import services

blueprint = Blueprint("desk", __name__, url_prefix="/<language:language>/desk")

#: Tickets on one page of the queue.
PAGE_SIZE = 50
#: Actions that are a button and nothing else, in the order of the buttons.
BUTTONS = tuple(ACTION)
#: Actions for which it matters what has happened since the page was opened.
VERSIONED = frozenset({Action.SOLVE, Action.CLOSE, Action.REOPEN, Action.MARK_SPAM, Action.MARK_DUPLICATE})


def _filter() -> tuple[store.Filter, dict[str, str]]:
    """The tickets that the address asks for, and its arguments; anything unknown does not narrow."""
    asked = {name: request.args.get(name, "") for name in ("kind", "in", "show")}
    kind = Kind(asked["kind"]) if asked["kind"] in set(Kind) else None
    spoken = asked["in"] if asked["in"] in LANGUAGES else None
    show = asked["show"] if asked["show"] in {"mine", "done"} else "open"
    chosen = store.Filter(
        tier=1,
        kind=kind,
        language=spoken,
        is_unsolved=show != "done",
        owner_id=person().id if show == "mine" else None,
    )
    return chosen, {"kind": kind.value if kind else "", "in": spoken or "", "show": show}


def _cursor(text: str) -> tuple[datetime, int] | None:
    """Where the page before ended; None for the first page and for anything that is no such place."""
    moment, _separator, number = text.partition("~")
    try:
        at, last = datetime.fromisoformat(moment), int(number)
    except ValueError:
        return None
    return (at, last) if at.tzinfo is not None and 0 < last < 2**31 else None


@blueprint.get("/")
@needs(Right.READ_TICKETS)
def queue() -> str:
    """L1's tickets, oldest first."""
    chosen, arguments = _filter()
    with services().database.read() as connection:
        found = store.find(connection, chosen, _cursor(request.args.get("after", "")), PAGE_SIZE + 1)
        counts = {
            "open": store.count(connection, store.Filter(tier=1)),
            "mine": store.count(connection, store.Filter(tier=1, owner_id=person().id)),
            "done": store.count(connection, store.Filter(tier=1, is_unsolved=False)),
        }
        total = store.count(connection, chosen)
    shown = found[:PAGE_SIZE]
    more = f"{shown[-1].created_at.isoformat()}~{shown[-1].id}" if len(found) > PAGE_SIZE else ""
    return render_template(
        "desk/queue.html", tickets=shown, arguments=arguments, counts=counts, total=total, more=more, kinds=list(Kind)
    )


@blueprint.get("/explain")
@needs(Right.READ_TICKETS)
def explain_search() -> str:
    """How a search went: words, corrections, the parts of each score, and the verdict."""
    asked = request.args.get("in", "")
    query = read_query(asked if asked in LANGUAGES else language(), request.args.get("q", ""))
    found = explain(services().edition, query) if query.text else None
    return render_template("desk/explain.html", query=query, found=found)


@blueprint.get("/tickets/<int:number>")
@needs(Right.READ_TICKETS)
def ticket(number: int) -> Response:
    """Everything that is recorded of a ticket."""
    return _ticket_page(number, forms.Form(limits=LIMITS))


def _ticket_page(number: int, form: forms.Form, problem: str = "", status: int = 200) -> Response:
    """A ticket as it is now, with what the agent has typed and why it was not done."""
    with services().database.read() as connection:
        found = store.get(connection, number)
        history = store.history(connection, number)
        asked = store.occurrences(connection, number) if found.kind is Kind.GAP else []
        linked = store.get(connection, found.gap_id) if found.gap_id else None
    possible = allowed(found)
    shown: dict[str, Any] = {
        "ticket": found,
        "history": history,
        "asked": asked,
        "linked": linked,
        "possible": possible,
        "buttons": [
            action for action in BUTTONS if action in possible and not (action is Action.TAKE and found.owner_id)
        ],
        "can_work": may(person(), Right.WORK_TICKETS),
        "resolutions": list(Resolution),
        "form": form,
        "problem": problem,
    }
    return make_response(render_template("desk/ticket.html", **shown), status)


@blueprint.post("/tickets/<int:number>/<action>")
@needs(Right.WORK_TICKETS)
def work(number: int, action: str) -> AnyResponse:
    """Do something to a ticket; where it cannot be done, say why and keep what was typed."""
    if action not in set(Action) - {Action.OPENED, Action.ASKED_AGAIN, Action.REQUESTER_REPLY}:
        raise NotFound(action)
    wanted = Action(action)
    form = forms.Form(forms.read("text", "resolution", "version"), limits=LIMITS)
    form.values["action"] = action
    version = form.values["version"]
    try:
        services().desk.work(
            person(),
            number,
            wanted,
            services().clock(),
            version=int(version) if wanted in VERSIONED and re.fullmatch("[0-9]{1,9}", version) else None,
            text=form.values["text"],
            resolution=Resolution(form.values["resolution"]) if form.values["resolution"] in set(Resolution) else None,
        )
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
    return redirect(url_for("desk.ticket", number=number, _anchor="ui-last"), 303)
