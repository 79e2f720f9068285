"""What agents do with a ticket; where it cannot be done, the page says why and keeps what was typed."""

import re
from collections.abc import Callable

from flask import flash, make_response, redirect, render_template, request, url_for
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as AnyResponse

from portal import closing
from portal.errors import (
    AlreadyTaken,
    InvalidInput,
    NotFound,
    NotProven,
    SearchUnavailable,
    StaleTicket,
    TransitionRefused,
)
from portal.lifecycle import TEXT_LENGTH, apply
from portal.locales import LANGUAGES
from portal.mail import Mail
from portal.people import Right
from portal.storage import tickets as store
from portal.tickets import GAPS, PROOF_RANK, Action, Actor, Resolution, Ticket
from portal.web import forms
from portal.web.desk import blueprint
from portal.web.desk.page import BUTTONS, edition_now, ticket_page
from portal.web.desk.replies import offered, quotation
from portal.web.labels import ACTION_DONE
from portal.web.my_requests import LIMITS
from portal.web.security import needs, person
from portal.web.services import services

#: Actions for which it matters what has happened since the page was opened.
VERSIONED = frozenset({Action.SOLVE, Action.CLOSE, Action.REOPEN, Action.MARK_SPAM})
#: What one form does; other actions have forms of their own.
PLAIN = frozenset({*BUTTONS, Action.REPLY, Action.ASK_REQUESTER, Action.NOTE, Action.SOLVE})
#: What the page says once something has been done that cannot be seen in the conversation.
SAID: dict[str, LazyString] = {
    **{action.value: ACTION_DONE[action] for action in BUTTONS},
    **{action.value: ACTION_DONE[action] for action in (Action.ASSIGN, Action.ESCALATE, Action.SWARM, Action.CLASSIFY)},
    "merge": ACTION_DONE[Action.MARK_DUPLICATE],
    "plan_article": _l("Saved."),
    "change_incident": _l("Saved."),
    "link_incident": _l("Saved."),
}
#: Token of a link in a preview, which leads nowhere.
NO_LINK = "0" * 64


def doing(number: int, form: forms.Form, act: Callable[[], object], anchor: str = "ui-last") -> AnyResponse:
    """Do something to a ticket and show it; or show it with what was typed and why it was not done."""
    try:
        act()
    except InvalidInput as error:
        form.errors[error.field] = error.code
        return ticket_page(number, form, status=400)
    except AlreadyTaken as error:
        return ticket_page(number, form, _("%(owner)s has already taken this ticket.", owner=error.owner), 409)
    except StaleTicket:
        stale = _("The ticket has changed since you opened it. Below you see it as it is now; what you typed is kept.")
        return ticket_page(number, form, stale, 409)
    except TransitionRefused:
        return ticket_page(number, form, _("That is not possible in the ticket’s present status."), 409)
    except NotProven as error:
        return ticket_page(number, form, status=409, unproven=why_not_proven(number, error))
    except SearchUnavailable:
        unavailable = _("Search does not work at the moment, so nobody can tell whether the article answers it.")
        return ticket_page(number, form, unavailable, 503)
    if form.values.get("action", "") in SAID:
        flash(SAID[form.values["action"]], "done")
    return redirect(url_for("desk.ticket", number=number, _anchor=anchor), 303)


def read_form(action: str, *names: str) -> forms.Form:
    """A form of the ticket's page, with the action that it is of."""
    form = forms.Form(forms.read(*names, "version"), limits=LIMITS)
    form.values["action"] = action
    return form


def version_of(form: forms.Form) -> int | None:
    """The ticket's version when the page was opened; None where the form does not say."""
    sent = form.values["version"]
    return int(sent) if re.fullmatch("[0-9]{1,9}", sent) else None


def number_of(form: forms.Form, name: str) -> int | None:
    """A number that was chosen; None where none was."""
    sent = form.values[name]
    return int(sent) if re.fullmatch("[0-9]{1,9}", sent) else None


@blueprint.post("/tickets/<int:number>/<action>")
@needs(Right.WORK_TICKETS)
def work(number: int, action: str) -> AnyResponse:
    """Do something to a ticket that needs at most a text."""
    if action not in PLAIN:
        raise NotFound(action)
    form = read_form(action, "text", "resolution", "slug")
    return doing(number, form, lambda: _do(number, Action(action), form))


def _do(number: int, action: Action, form: forms.Form) -> None:
    """Do what an agent has chosen; a gap is solved only by what answers it."""
    now, text = services().clock(), form.values["text"]
    version = version_of(form) if action in VERSIONED else None
    chosen = form.values["resolution"]
    resolution = Resolution(chosen) if chosen in set(Resolution) else None
    if action is Action.SOLVE:
        with services().database.read() as connection:
            kind = store.get(connection, number).kind
        if kind in GAPS:
            solve = services().closing.solve
            solve(edition_now(), person(), number, resolution, form.values["slug"], text, now, version)
            return
        resolution = resolution if resolution in closing.OF_REQUEST else None
        prepare = services().authoring.prepare
        version = prepare(edition_now(), person(), number, resolution, form.values["slug"], now, version)
    services().desk.work(
        person(), number, action, now, version=version, text=text, resolution=resolution, form=forms.sent_number()
    )


def why_not_proven(number: int, error: NotProven) -> tuple[str, Ticket]:
    """Why an article does not close a gap, and the gap."""
    with services().database.read() as connection:
        gap = store.get(connection, number)
    knowledge = services().edition.knowledge
    if knowledge.is_draft(gap.language, error.slug):
        why = _("It is still a draft: publish it first, so that readers find it.")
    elif (gap.language, error.slug) in knowledge.faults:
        why = _("Its file has an error, so readers do not see it: mend it first.")
    elif (gap.language, error.slug) not in knowledge.articles:
        why = _("There is no such article in the language of the search.")
    elif error.rank is None:
        why = _("It is not found.")
    elif error.rank > PROOF_RANK:
        why = _("It is at rank %(rank)s and must be among the first %(best)s.", rank=error.rank, best=PROOF_RANK)
    else:
        why = _("It is found, but readers are still told that there is no good answer.")
    return why, gap


@blueprint.post("/tickets/<int:number>/classify")
@needs(Right.WORK_TICKETS)
def classify(number: int) -> AnyResponse:
    """Put urgency, impact, topic or language right."""
    form = read_form("classify", "urgency", "impact", "topic", "language")
    language = form.values["language"] if form.values["language"] in LANGUAGES else None
    return doing(
        number,
        form,
        lambda: services().desk.classify(
            person(),
            number,
            services().clock(),
            version_of(form),
            urgency=number_of(form, "urgency"),
            impact=number_of(form, "impact"),
            topic=form.values["topic"],
            language=language,
        ),
        "ui-classify",
    )


@blueprint.post("/tickets/<int:number>/escalate")
@needs(Right.WORK_TICKETS)
def escalate(number: int) -> AnyResponse:
    """Pass a ticket to another tier, with a reason."""
    form = read_form("escalate", "tier", "text")
    tier, reason = number_of(form, "tier") or 0, form.values["text"]
    return doing(
        number,
        form,
        lambda: services().desk.escalate(person(), number, tier, reason, services().clock(), version_of(form)),
    )


@blueprint.post("/tickets/<int:number>/assign")
@needs(Right.WORK_TICKETS)
def assign(number: int) -> AnyResponse:
    """Give a ticket to somebody."""
    form = read_form("assign", "person")

    def act() -> None:
        chosen = number_of(form, "person")
        if chosen is None:
            raise InvalidInput("person", "missing")
        services().desk.assign(person(), number, chosen, services().clock(), version_of(form))

    return doing(number, form, act, "ui-main")


@blueprint.post("/tickets/<int:number>/swarm")
@needs(Right.WORK_TICKETS)
def swarm(number: int) -> AnyResponse:
    """Invite colleagues; the owner stays."""
    form = read_form("swarm", "text")
    invited = [int(each) for each in request.form.getlist("invite")[:50] if re.fullmatch("[0-9]{1,9}", each)]
    text = form.values["text"]
    return doing(number, form, lambda: services().desk.swarm(person(), number, invited, text, services().clock()))


@blueprint.post("/tickets/<int:number>/leave")
@needs(Right.WORK_TICKETS)
def leave(number: int) -> AnyResponse:
    """Leave a swarm."""
    form = read_form("leave")
    return doing(number, form, lambda: services().desk.leave(person(), number, services().clock()), "ui-main")


@blueprint.post("/tickets/<int:number>/undo")
@needs(Right.WORK_TICKETS)
def undo(number: int) -> AnyResponse:
    """Take back what was sent last, and give the text back to be written on."""
    # The field shows the draft: what was taken back, and what had been begun since.
    form = forms.Form(limits=LIMITS)
    try:
        services().desk.retract(person(), number, services().clock())
    except (TransitionRefused, StaleTicket):
        late = _("It is too late to take that back: it has been sent, or something else has happened since.")
        return ticket_page(number, form, late, 409)
    return ticket_page(number, form, done=_("Taken back. The requester is not shown it; your text is below."))


@blueprint.post("/tickets/<int:number>/insert")
@needs(Right.WORK_TICKETS)
def insert(number: int) -> AnyResponse:
    """Put a saved reply or an article below what has been written; nothing is sent or stored."""
    form = read_form("reply", "text", "saved", "article")
    with services().database.read() as connection:
        found = store.get(connection, number)
        saved = {str(each.id): each for each in offered(connection, found, person())}
    chosen = saved.get(form.values["saved"])
    edition = edition_now()
    item = edition.knowledge.choose(found.language, form.values["article"]) if edition else None
    added = quotation(item, found.language) if item else chosen.text if chosen else ""
    form.values["text"] = f"{form.values['text'].rstrip()}\n\n{added}".strip()[:TEXT_LENGTH]
    return ticket_page(number, form, checklist=chosen.checklist if chosen and not item else ())


@blueprint.post("/tickets/<int:number>/preview")
@needs(Right.WORK_TICKETS)
def preview(number: int) -> AnyResponse:
    """The mail that the requester would get, in their language; nothing is sent or stored."""
    form = read_form("reply", "text", "as")
    action = Action.ASK_REQUESTER if form.values["as"] == Action.ASK_REQUESTER.value else Action.REPLY
    try:
        mail = _mail(number, action, form.values["text"])
    except InvalidInput as error:
        form.errors[error.field] = error.code
        return ticket_page(number, form, status=400)
    except TransitionRefused:
        return ticket_page(number, form, _("That is not possible in the ticket’s present status."), 409)
    return make_response(
        render_template("desk/preview.html", mail=mail, number=number, form=form, form_number=forms.new_number())
    )


def _mail(number: int, action: Action, text: str) -> Mail:
    """What would be mailed."""
    with services().database.read() as connection:
        found = store.get(connection, number)
    me = person()
    changed, event = apply(found, action, services().clock(), Actor(me.id, me.name), text)
    return services().posting.letters.replied(changed, event, NO_LINK)
