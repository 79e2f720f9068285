"""Calls to requesters: on a ticket's page, and the list of those that are due."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_time, get_timezone_location
from flask import make_response, redirect, render_template, request, url_for
from flask_babel import format_date, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from portal.desk.calls import ATTEMPTS, MINUTES, NOTE_LENGTH, Outcome, open_call
from portal.errors import InvalidInput, TransitionRefused
from portal.lifecycle import allowed
from portal.people import Right
from portal.storage import callbacks, organisation
from portal.storage import tickets as store
from portal.storage.callbacks import AWAITED, PHONE_LENGTH, State, Task
from portal.tickets import Action, Ticket
from portal.web import forms
from portal.web.desk import blueprint
from portal.web.security import needs, person
from portal.web.services import services

LIMITS = {"call_phone": PHONE_LENGTH, "call_note": NOTE_LENGTH}
#: How long a planned call may take to be made, in minutes, until somebody says otherwise.
DEFAULT_MINUTES = 30
#: Zones that are offered; any other can be typed.
ZONES = (
    "Europe/London", "Europe/Paris", "Europe/Berlin", "Europe/Zurich", "Europe/Vienna", "Europe/Brussels", "Europe/Moscow",
    "Asia/Yekaterinburg", "Asia/Novosibirsk", "America/New_York", "America/Montreal", "UTC",
)  # fmt: skip
# Translators: what came of an attempt to call somebody.
OUTCOME = {
    Outcome.REACHED: _lp("call", "Reached"),
    Outcome.NO_ANSWER: _lp("call", "No answer"),
    Outcome.BUSY: _lp("call", "Busy"),
    Outcome.WRONG_NUMBER: _lp("call", "Wrong number"),
    Outcome.GIVEN_UP: _lp("call", "Given up"),
}
# Translators: how a planned call ended.
STATE = {
    State.OPEN: _lp("call", "To be made"),
    State.REACHED: _lp("call", "Reached"),
    State.GIVEN_UP: _lp("call", "Given up"),
}
forms.MESSAGES.update(
    {
        ("call_phone", "missing"): _l("Enter the telephone number to call."),
        ("call_phone", "invalid_phone"): _l("Enter a telephone number with its digits, such as +44 20 7946 0018."),
        ("call_start", "missing"): _l("Enter the day and time of the call."),
        ("call_start", "invalid"): _l("Enter a day and time that exists and lies within a year."),
        ("call_start", "past"): _l("This time has passed. Enter a later one."),
        ("call_minutes", "out_of_range"): _l("Enter for how many minutes the requester can be called: 5 to 600."),
        ("call_time_zone", "invalid"): _l("Enter a time zone such as Europe/Berlin."),
        ("call_note", "too_long"): _l("The note is too long. Use at most %(limit)s characters."),
        ("outcome", "missing"): _l("Choose what came of the call."),
    }
)


def window(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """A day and hours in a time zone, with the zone's place, as the page's language writes them."""
    locale = get_locale()
    first, last = start.astimezone(zone), end.astimezone(zone)
    hours = f"{format_time(first, 'short', locale=locale)}–{format_time(last, 'short', locale=locale)}"
    place = "UTC" if zone.key == "UTC" else get_timezone_location(zone, locale=locale, return_city=True)
    return f"{format_date(first.date(), 'medium')}, {hours} ({place})"


def windows(task: Task, desk: ZoneInfo) -> list[str]:
    """When a call is to be made: in the desk's time zone, and in the requester's where it is another time there."""
    theirs = ZoneInfo(task.time_zone)
    is_same = task.start_at.astimezone(desk).utcoffset() == task.start_at.astimezone(theirs).utcoffset()
    return [window(task.start_at, task.end_at, zone) for zone in ([desk] if is_same else [desk, theirs])]


def context(connection: Connection, ticket: Ticket) -> dict[str, Any]:
    """What the template `desk/calls.html` shows of a ticket."""
    found = callbacks.of_ticket(connection, ticket.id)
    zone = _desk(connection)
    task = open_call(found)
    return {
        "call": task if task is not None and ticket.status in AWAITED else None,
        "calls_past": [each for each in found if each.state is not State.OPEN],
        "can_plan_call": Action.PLAN_CALL in allowed(ticket),
        "call_form": forms.Form({"call_phone": task.phone if task else ticket.phone}, limits=LIMITS),
        "call_zone": task.time_zone if task else zone.key,
        **_words(zone),
    }


def _desk(connection: Connection) -> ZoneInfo:
    """The desk's own time zone."""
    return services().calls.zone(organisation.load(connection, services().settings.time_zone))


def _words(zone: ZoneInfo) -> dict[str, Any]:
    """What the templates of calls need."""
    return {
        "call_words": OUTCOME,
        "call_states": STATE,
        "call_windows": lambda task: windows(task, zone),
        "call_zones": ZONES,
        "call_minutes": (*MINUTES, DEFAULT_MINUTES),
        "call_attempts": ATTEMPTS,
        "outcomes": [outcome for outcome in Outcome if outcome is not Outcome.GIVEN_UP],
        "note_length": NOTE_LENGTH,
    }


@blueprint.get("/calls")
@needs(Right.WORK_TICKETS)
def calls_page() -> AnyResponse:
    """The calls of today and the overdue ones: one's own and those that nobody has, or everybody's."""
    return _list(forms.Form(limits=LIMITS))


def _list(form: forms.Form, status: int = 200, problem: str = "", ticket: int | None = None) -> AnyResponse:
    """The list, perhaps with the form by which a call of a ticket is planned."""
    everybody = request.args.get("show") == "all"
    with services().database.read() as connection:
        due = services().calls.due(connection, person(), services().clock(), everybody=everybody)
        found = store.get(connection, ticket) if ticket is not None else None
        shown = (context(connection, found) if found else _words(_desk(connection))) | {"call_form": form}
    shown |= {"due": due, "everybody": everybody, "ticket": found, "problem": problem}
    return make_response(render_template("desk/calls_page.html", **shown), status)


@blueprint.post("/tickets/<int:number>/calls")
@needs(Right.WORK_TICKETS)
def plan_call(number: int) -> AnyResponse:
    """Agree a time for a call."""
    names = ("call_phone", "call_start", "call_minutes", "call_time_zone")
    form = forms.Form(forms.read(*names), limits=LIMITS)
    sent = form.values
    minutes = int(sent["call_minutes"]) if re.fullmatch("[0-9]{1,4}", sent["call_minutes"]) else 0
    try:
        services().calls.schedule(
            person(),
            number,
            sent["call_phone"],
            sent["call_start"].strip(),
            minutes,
            sent["call_time_zone"].strip(),
            services().clock(),
        )
    except InvalidInput as error:
        form.errors[f"call_{error.field}"] = error.code
        return _list(form, 400, ticket=number)
    except TransitionRefused:
        return _list(form, 409, _("That is not possible in the ticket’s present status."), number)
    return redirect(url_for("desk.ticket", number=number, _anchor="ui-calls"), 303)


@blueprint.post("/calls/<int:task>")
@needs(Right.WORK_TICKETS)
def attempt_call(task: int) -> AnyResponse:
    """Write down what came of a call."""
    form = forms.Form(forms.read("outcome", "call_note", "back"), limits=LIMITS)
    sent, now = form.values, services().clock()
    if sent["outcome"] not in set(Outcome):
        form.errors["outcome"] = "missing"
        return _list(form, 400)
    outcome = Outcome(sent["outcome"])
    try:
        if outcome is Outcome.GIVEN_UP:
            ticket = services().calls.give_up(person(), task, now)
        else:
            ticket = services().calls.attempt(person(), task, outcome, sent["call_note"], now)
    except InvalidInput as error:
        form.errors[f"call_{error.field}"] = error.code
        return _list(form, 400)
    except TransitionRefused:
        return _list(form, 409, _("This call has been made or given up already."))
    if sent["back"] == "ticket" or outcome in {Outcome.REACHED, Outcome.GIVEN_UP, Outcome.WRONG_NUMBER}:
        # What comes next is written on the ticket's page: what was said, or that nobody was reached.
        return redirect(url_for("desk.ticket", number=ticket.id), 303)
    return redirect(url_for("desk.calls_page"), 303)
