"""Suppliers on a ticket's page: their cases, what is written to them, and the preview of what will leave."""

import re
from dataclasses import dataclass
from typing import Any

from flask import make_response, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from portal.desk.bundles import thread
from portal.desk.suppliers import MESSAGE_LENGTH, Bundle
from portal.errors import InvalidInput, NotFound, StaleTicket, TransitionRefused
from portal.lifecycle import TEXT_LENGTH, allowed
from portal.organisation import SUPPLIER_TIER, Supplier, Tier
from portal.people import Right
from portal.storage import cases, organisation
from portal.storage import tickets as store
from portal.storage.cases import REFERENCE_LENGTH, Case
from portal.tickets import Action, Event, Ticket
from portal.web import forms
from portal.web.desk import blueprint
from portal.web.security import needs, person
from portal.web.services import services

LIMITS = {"supplier_text": MESSAGE_LENGTH, "answer": TEXT_LENGTH, "reference": REFERENCE_LENGTH}
#: What there is of a request and a supplier does not get, and what is taken out of texts; see `suppliers.Bundle`.
WITHHELD = {
    "name": _l("the requester’s name"),
    "email": _l("the requester’s email address"),
    "phone": _l("the requester’s telephone number"),
    "trail": _l("what the requester had searched for and read"),
    "conversation": _l("the conversation with the requester"),
    "notes": _l("all internal notes"),
    "signature": _l("a signature at the end of a text"),
    "names": _l("names in the texts"),
    "numbers": _l("addresses, telephone, account and card numbers in the texts"),
}
forms.MESSAGES.update(
    {
        ("supplier", "missing"): _l("Choose a supplier."),
        ("supplier", "invalid"): _l("This supplier is no longer written to. Choose another one."),
        ("supplier_text", "missing"): _l("Write what you need from the supplier."),
        ("supplier_text", "too_long"): _l("The text is too long. Use at most %(limit)s characters."),
        ("answer", "missing"): _l("Enter what the supplier answered."),
        ("answer", "too_long"): _l("The text is too long. Use at most %(limit)s characters."),
        ("reference", "too_long"): _l("The reference is too long. Use at most %(limit)s characters."),
    }
)


@dataclass(frozen=True)
class CaseShown:
    """A case with what is shown of it."""

    case: Case
    supplier: Supplier
    thread: list[Event]

    @property
    def unverified(self) -> list[str]:
        """Addresses from which answers came that may be somebody else's."""
        return sorted({event.details.get("from", "") for event in self.thread if "unverified" in event.details})


def context(connection: Connection, ticket: Ticket) -> dict[str, Any]:
    """What the template `desk/supplier.html` shows of a ticket."""
    known = {supplier.id: supplier for supplier in organisation.everything(connection, Supplier)}
    found = cases.of_ticket(connection, ticket.id)
    history = store.history(connection, ticket.id) if found else []
    is_used = any(tier.number == SUPPLIER_TIER and tier.is_active for tier in organisation.everything(connection, Tier))
    is_possible = Action.SUPPLIER_SENT in allowed(ticket) and is_used
    return {
        "supplier_cases": [CaseShown(case, known[case.supplier_id], thread(history, case.id)) for case in found],
        "suppliers": [each for each in known.values() if each.is_active] if is_possible else [],
        "supplier_form": forms.Form(limits=LIMITS),
    }


def _page(
    number: int, form: forms.Form, status: int = 200, problem: str = "", bundle: tuple[Supplier, Bundle] | None = None
) -> AnyResponse:
    """The suppliers of a ticket on a page of their own, perhaps with what is about to leave."""
    with services().database.read() as connection:
        ticket = store.get(connection, number)
        shown = context(connection, ticket)
    shown |= {"ticket": ticket, "supplier_form": form, "problem": problem, "bundle": bundle, "withheld": WITHHELD}
    today = services().clock().date()
    page = render_template("desk/supplier_preview.html", today=today, limits=LIMITS, **shown)
    return make_response(page, status)


def _number(text: str) -> int:
    """A number that was chosen; 0 where none was."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else 0


def _case_of(number: int, form: forms.Form) -> int:
    """The case that a form is about, which is the ticket's."""
    chosen = _number(form.values["case"])
    with services().database.read() as connection:
        if cases.get(connection, chosen).ticket_id != number:
            raise NotFound(f"case {chosen} of {number}")
    return chosen


def _preview(number: int, form: forms.Form, status: int = 200, problem: str = "") -> AnyResponse:
    """What would leave now."""
    shown: tuple[Supplier, Bundle] | None = None
    with services().database.read() as connection:
        ticket = store.get(connection, number)
        try:
            supplier = organisation.get(connection, Supplier, _number(form.values["supplier"]))
            text = form.values["supplier_text"]
            shown = supplier, services().suppliers.preview(connection, ticket, supplier, text, person().name)
        except NotFound:
            form.errors["supplier"] = "missing"
        except InvalidInput as error:
            form.errors[f"supplier_{error.field}"] = error.code
    # The page has a connection of its own: one that waits for a second while it holds the first stops all of them.
    return _page(number, form, status, problem, shown) if shown else _page(number, form, 400)


@blueprint.post("/tickets/<int:number>/supplier/preview")
@needs(Right.WORK_TICKETS)
def preview_supplier(number: int) -> AnyResponse:
    """Show exactly what would leave, and what would not."""
    return _preview(number, forms.Form(forms.read("supplier", "supplier_text"), limits=LIMITS))


@blueprint.post("/tickets/<int:number>/supplier/send")
@needs(Right.WORK_TICKETS)
def send_to_supplier(number: int) -> AnyResponse:
    """Send what was shown; where it would be something else by now, that is shown first."""
    form = forms.Form(forms.read("supplier", "supplier_text", "version", "seen"), limits=LIMITS)
    sent = form.values
    try:
        services().suppliers.send(
            person(),
            number,
            _number(sent["supplier"]),
            sent["supplier_text"],
            services().clock(),
            _number(sent["version"]),
            sent["seen"],
        )
    except InvalidInput as error:
        form.errors["supplier" if error.field == "supplier" else f"supplier_{error.field}"] = error.code
        return _page(number, form, 400)
    except StaleTicket:
        changed = _("The ticket has changed since you saw the preview. This is what would leave now.")
        return _preview(number, form, 409, changed)
    except TransitionRefused:
        return _page(number, form, 409, _("That is not possible in the ticket’s present status."))
    return redirect(url_for("desk.ticket", number=number, _anchor="ui-last"), 303)


@blueprint.post("/tickets/<int:number>/supplier/reference")
@needs(Right.WORK_TICKETS)
def set_supplier_reference(number: int) -> AnyResponse:
    """Keep the supplier's own number of a case."""
    form = forms.Form(forms.read("case", "reference"), limits=LIMITS)
    chosen = _case_of(number, form)
    try:
        services().suppliers.set_reference(person(), chosen, form.values["reference"], services().clock())
    except InvalidInput as error:
        form.errors[error.field] = error.code
        return _page(number, form, 400)
    return redirect(url_for("desk.ticket", number=number, _anchor="ui-suppliers"), 303)


@blueprint.post("/tickets/<int:number>/supplier/answer")
@needs(Right.WORK_TICKETS)
def record_supplier_answer(number: int) -> AnyResponse:
    """Enter an answer that came by telephone or another way."""
    form = forms.Form(forms.read("case", "answer"), limits=LIMITS)
    chosen = _case_of(number, form)
    try:
        services().suppliers.record(person(), chosen, form.values["answer"], services().clock())
    except InvalidInput as error:
        form.errors["answer"] = error.code
        return _page(number, form, 400)
    return redirect(url_for("desk.ticket", number=number, _anchor="ui-last"), 303)


@blueprint.post("/tickets/<int:number>/supplier/close")
@needs(Right.WORK_TICKETS)
def close_supplier_case(number: int) -> AnyResponse:
    """Nothing more is expected of the supplier."""
    form = forms.Form(forms.read("case"), limits=LIMITS)
    services().suppliers.close_case(person(), _case_of(number, form), services().clock())
    return redirect(url_for("desk.ticket", number=number, _anchor="ui-suppliers"), 303)
