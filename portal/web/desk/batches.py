"""What is done from the queue: to many tickets at once, the next one, and filters that are kept."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, cast
from urllib.parse import parse_qsl

from flask import flash, make_response, redirect, request, url_for
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from portal.desk.bulk import Outcome
from portal.errors import InvalidInput
from portal.people import Right
from portal.storage import saved_filters
from portal.web import forms
from portal.web.desk import blueprint, narrowing
from portal.web.desk.narrowing import Asked
from portal.web.desk.queue import Again, page
from portal.web.security import needs, person
from portal.web.services import services

#: Why something was not done, by the field and the code of a broken rule.
REFUSED = {
    "numbers:missing": _l("Tick at least one ticket."),
    "numbers:too_many": _l("Tick at most 200 tickets."),
    "action:unknown": _l("Choose what to do with the ticked tickets."),
    "person:missing": _l("Choose who is to have the tickets."),
    "tier:missing": _l("Choose the tier that the tickets go to."),
    "text:missing": _l("Say why you escalate the tickets."),
    "impact:missing": _l("Choose an urgency or an impact."),
    "name:missing": _l("Give the filter a name."),
    "name:too_long": _l("The name is too long. Use at most 60 characters."),
    "name:too_many": _l("You have 30 saved filters. Remove one before you save another."),
    "query:too_long": _l("The filter is too long to be saved. Shorten the search in it."),
}
# Translators: why something was not done to a ticket; the numbers of the tickets stand before it: “12, 15: …”.
WHY = {
    "taken": _l("somebody else has it"),
    "refused": _l("not possible in its present status"),
    "stale": _l("it has just changed"),
    "not_found": _l("it is no longer there"),
    "unavailable": _l("it could not be stored"),
    "tier:invalid": _l("it is at this tier already, or the tier is not in use"),
    "person:invalid": _l("this person does not work on tickets"),
}


@blueprint.post("/bulk")
@needs(Right.WORK_TICKETS)
def bulk() -> AnyResponse:
    """Do the same to every ticked ticket, and say what was done; where something is missing, nothing is lost."""
    sent = forms.read("action", "to", "tier", "reason", "urgency", "impact", longest=20_000)
    ticked = cast(MultiDict[str, str], request.form).getlist("number")
    numbers = [number for text in ticked if (number := _whole(text))]
    try:
        values = _values(sent)
        outcomes = services().desk.bulk(person(), numbers, sent["action"], services().clock(), **values)
    except InvalidInput as error:
        back = forms.read("after", longest=100)
        again = Again(_told(error), frozenset(numbers), sent)
        return make_response(page(_asked(), back["after"], again), 400)
    flash(told(outcomes), "done" if all(each.ok for each in outcomes) else "fault")
    return _back()


def _whole(text: str) -> int:
    """A number from a form; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _values(sent: dict[str, str]) -> dict[str, Any]:
    """What an action needs.

    Raises:
        InvalidInput: it has not been filled in.
    """
    match sent["action"]:
        case "assign":
            if not _whole(sent["to"]):
                raise InvalidInput("person", "missing")
            return {"to_person_id": _whole(sent["to"])}
        case "escalate":
            if not _whole(sent["tier"]):
                raise InvalidInput("tier", "missing")
            if not sent["reason"].strip():
                raise InvalidInput("text", "missing")
            return {"tier": _whole(sent["tier"]), "reason": sent["reason"]}
        case "classify":
            chosen = {name: _whole(sent[name]) for name in ("urgency", "impact") if sent[name]}
            if not chosen:
                raise InvalidInput("impact", "missing")
            return chosen
    return {}


def _told(error: InvalidInput) -> str:
    """What is wrong with a form, as a sentence."""
    return str(REFUSED.get(f"{error.field}:{error.code}", _("Check your entries and try again.")))


def told(outcomes: Iterable[Outcome]) -> str:
    """What was done, and what was not and why, as one line."""
    every = list(outcomes)
    failed = sorted((each for each in every if not each.ok), key=lambda each: (each.code, each.number))
    done = len(every) - len(failed)
    parts = [ngettext("%(count)s ticket done", "%(count)s tickets done", done, count=format_decimal(done))]
    for code, some in groupby(failed, lambda each: each.code):
        numbers = [each.number for each in some]
        which = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
        why = str(WHY.get(code, _("not possible")))
        # Translators: after “5 tickets done; ”: the numbers of the tickets and the reason.
        parts.append(_("not done: %(numbers)s (%(reason)s)", numbers=which, reason=why))
    return " · ".join(parts)


@blueprint.post("/next")
@needs(Right.WORK_TICKETS)
def next_ticket() -> AnyResponse:
    """Take the next ticket and open it; where there is none, say so in the queue."""
    found = services().desk.next_ticket(person(), services().clock())
    if found is None:
        flash(_("There is nothing to take: no ticket of your tiers, languages and topics waits for an owner."), "done")
        return redirect(url_for("desk.queue"), 303)
    return redirect(url_for("desk.ticket", number=found.id), 303)


@blueprint.post("/filters")
@needs(Right.READ_TICKETS)
def keep_filter() -> AnyResponse:
    """Keep the present filter under a name."""
    name = " ".join(forms.read("name", longest=1000)["name"].split())
    try:
        with services().database.write() as connection:
            saved_filters.keep(connection, person().id, name, _asked().query)
    except InvalidInput as error:
        flash(_told(error), "fault")
    else:
        flash(_("The filter “%(name)s” is saved.", name=name), "done")
    return _back()


@blueprint.post("/filters/<int:number>/remove")
@needs(Right.READ_TICKETS)
def remove_filter(number: int) -> AnyResponse:
    """Forget a filter."""
    with services().database.write() as connection:
        saved_filters.remove(connection, person().id, min(number, 2**31 - 1))
    flash(_("The filter is removed."), "done")
    return _back()


def _asked() -> Asked:
    """What the queue that a form was sent from showed."""
    sent = dict(parse_qsl(forms.read("back", longest=4000)["back"]))
    return narrowing.read(sent, person(), services().clock())


def _back() -> AnyResponse:
    """To the queue as it was."""
    query = _asked().query
    return redirect(url_for("desk.queue") + (f"?{query}" if query else ""), 303)
