"""What agents do that is about several tickets, or about an article: merging, major incidents, planning."""

import re
from collections.abc import Callable

from flask import request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from portal.desk.telling import Done
from portal.errors import InvalidInput, NotFound, TransitionRefused
from portal.locales import CODES
from portal.people import Right
from portal.web import forms
from portal.web.desk import blueprint
from portal.web.desk.actions import doing, read_form, version_of
from portal.web.desk.incidents import BANNER, LIMITS, MESSAGE
from portal.web.desk.page import empty_form, ticket_page
from portal.web.security import needs, person
from portal.web.services import services

#: Requests that one form can name; more are not looked at.
MOST = 50


def _number(text: str) -> int:
    """A number as typed; 0 where it is none."""
    digits = text.strip().lstrip("#")
    return int(digits) if re.fullmatch("[0-9]{1,9}", digits) else 0


@blueprint.post("/tickets/<int:number>/merge")
@needs(Right.WORK_TICKETS)
def merge(number: int) -> AnyResponse:
    """Make a ticket a duplicate of another."""
    form = read_form("merge", "into")

    def act() -> None:
        if not (into := _number(form.values["into"])):
            raise InvalidInput("into", "missing")
        services().merging.merge(person(), number, into, services().clock(), version_of(form))

    return doing(number, form, act, "ui-merge")


@blueprint.post("/tickets/<int:number>/article")
@needs(Right.WORK_TICKETS)
def plan_article(number: int) -> AnyResponse:
    """Note which article is to answer a ticket."""
    form = read_form("plan_article", "planned")
    now, typed = services().clock(), form.values["planned"]
    return doing(number, form, lambda: services().authoring.plan(person(), number, typed, now), "ui-article")


def _texts_form(action: str, field: str, *names: str) -> tuple[forms.Form, dict[str, str]]:
    """A form with a text in each language, and its texts by language."""
    form = read_form(action, "do", *names, *(f"{field}_{code}" for code in CODES))
    form.limits = form.limits | LIMITS
    return form, {code: form.values[f"{field}_{code}"] for code in CODES}


def _named(field: str, act: Callable[[], object]) -> None:
    """Do something; what is wrong with a text is told at its field on the page.

    Raises:
        InvalidInput: with the field's name.
    """
    try:
        act()
    except InvalidInput as error:
        raise InvalidInput(error.field.replace("text", field, 1), error.code) from error


@blueprint.post("/tickets/<int:number>/incident")
@needs(Right.DECLARE_MAJOR)
def change_incident(number: int) -> AnyResponse:
    """Declare a major incident, change what the portal says of it, hide or show that, or end it."""
    form, texts = _texts_form("incident", BANNER, "incident_version")
    incidents, now, me = services().incidents, services().clock(), person()
    version = _number(form.values["incident_version"]) or None
    ways: dict[str, Callable[[], object]] = {
        "declare": lambda: incidents.declare(me, number, texts, now, version_of(form)),
        "change": lambda: incidents.change_texts(me, number, texts, now, version),
        "hide": lambda: incidents.show(me, number, now, is_shown=False),
        "show": lambda: incidents.show(me, number, now, is_shown=True),
        "end": lambda: incidents.end(me, number, now),
    }
    way = ways.get(form.values["do"])
    if way is None:
        raise NotFound(form.values["do"])
    return doing(number, form, lambda: _named(BANNER, way), "ui-incident")


@blueprint.post("/tickets/<int:number>/incident/tell")
@needs(Right.DECLARE_MAJOR)
def tell_incident(number: int) -> AnyResponse:
    """Write to everybody whom an incident affects, and perhaps solve their requests; once for each form."""
    form, texts = _texts_form("tell_incident", MESSAGE, forms.STAMP)
    incidents = services().incidents
    way = {"tell": incidents.tell, "solve": incidents.solve_all}.get(form.values["do"])
    if way is None:  # Enter pressed no button, and nobody knows which was meant.
        return ticket_page(number, form, _("Press one of the buttons. Nothing has been sent yet."), 400)
    try:
        key = forms.check_stamp(form.values[forms.STAMP], may_be_quick=True)
    except forms.StampRefused as refused:
        form.errors[forms.STAMP] = refused.code
        return ticket_page(number, form, status=400)
    try:
        done = way(person(), number, texts, services().clock(), key)
    except InvalidInput as error:
        form.errors[error.field.replace("text", MESSAGE, 1)] = error.code
        return ticket_page(number, form, status=400)
    # With the same stamp the second press goes on with those that are left.
    return ticket_page(number, form if done.refused else empty_form(), done=_told(done))


def _told(done: Done) -> str:
    """What came of writing to everybody."""
    count = len(done.done)
    sentences = [ngettext("Sent to %(num)s requester.", "Sent to %(num)s requesters.", count)]
    if done.refused:
        left = len(done.refused)
        sentences.append(
            ngettext("%(num)s request could not be changed.", "%(num)s requests could not be changed.", left)
        )
        sentences.append(_("Press the button again: nobody is written to twice."))
    return " ".join(sentences)


@blueprint.post("/tickets/<int:number>/incident/link")
@needs(Right.WORK_TICKETS)
def link_incident(number: int) -> AnyResponse:
    """Link requests to an incident, or part them from it."""
    form = read_form("link_incident", "do")
    numbers = [_number(each) for each in request.form.getlist("affected")[:MOST]]

    def act() -> None:
        if not numbers:
            raise InvalidInput("affected", "missing")
        _link(form.values["do"], number, numbers)

    return doing(number, form, act, "ui-incident")


@blueprint.post("/tickets/<int:number>/incident/join")
@needs(Right.WORK_TICKETS)
def join_incident(number: int) -> AnyResponse:
    """Link a request to the incident that affects it, or part it from it."""
    form = read_form("join_incident", "do", "incident")

    def act() -> None:
        if not (incident := _number(form.values["incident"])):
            raise InvalidInput("incident", "missing")
        _link(form.values["do"], incident, [number])

    return doing(number, form, act, "ui-incident")


def _link(do: str, incident: int, numbers: list[int]) -> None:
    """Link requests to an incident, or part them from it."""
    incidents, now = services().incidents, services().clock()
    way = {"link": incidents.link, "unlink": incidents.unlink}.get(do)
    if way is None:
        raise NotFound(do)
    done = way(person(), incident, numbers, now)
    if done.refused and not done.done:
        raise TransitionRefused("none of them can be linked")
