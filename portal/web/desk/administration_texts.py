"""Pages of the suppliers and of the saved replies."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask_babel import force_locale, gettext
from werkzeug.wrappers import Response

from portal.catalogues import LOCALES
from portal.desk.hours import read_day
from portal.locales import CODES
from portal.organisation import FIELDS, SHARED, SavedReply, Supplier, fill_in
from portal.organisation_checks import faults
from portal.people import Right
from portal.web.desk import blueprint
from portal.web.desk.administration_forms import Form, page, topics
from portal.web.desk.administration_parts import Part
from portal.web.security import needs, person
from portal.web.services import services


def _show_supplier(supplier: Supplier) -> dict[str, str]:
    """A supplier as they are typed."""
    return {
        "name": supplier.name,
        "email": supplier.email,
        "contact": supplier.contact,
        "language": supplier.languages[0],
        "languages": " ".join(supplier.languages),
        "contract": supplier.contract,
        "contract_until": supplier.contract_until.isoformat() if supplier.contract_until else "",
        "shared": " ".join(sorted(supplier.shared)),
        "answer_days": str(supplier.answer_days),
        "is_active": "1" if supplier.is_active else "",
    }


def _read_supplier(form: Form, old: Supplier) -> Supplier:
    """What was typed; the language that they are best written to in comes first."""
    first = form.one("language", CODES)
    until = form.values.get("contract_until", "").strip()
    return replace(
        old,
        name=form.values.get("name", ""),
        email=form.values.get("email", ""),
        contact=form.values.get("contact", ""),
        languages=(first, *(code for code in CODES if code != first and code in form.list("languages"))),
        contract=form.values.get("contract", ""),
        contract_until=form.take("contract_until", lambda text: read_day(text, "contract_until"), None)
        if until
        else None,
        shared=frozenset(form.list("shared")) & frozenset(SHARED),
        answer_days=form.whole("answer_days"),
        is_active=bool(form.values.get("is_active")),
    )


SUPPLIER = Part(
    Supplier,
    "supplier",
    "desk.admin_suppliers",
    Supplier(0, "", ""),
    _show_supplier,
    _read_supplier,
    lambda _form, _supplier: {"shared": SHARED},
)


@blueprint.get("/administration/suppliers")
@needs(Right.ADMINISTER)
def admin_suppliers() -> Response:
    """All suppliers."""
    today = services().clock().date()
    return page("suppliers", suppliers=services().administration.everything(Supplier), today=today)


@blueprint.route("/administration/suppliers/new", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_new_supplier() -> Response:
    """A new supplier."""
    return SUPPLIER.edit(None)


@blueprint.route("/administration/suppliers/<int(max=2147483647):number>", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_supplier(number: int) -> Response:
    """One supplier."""
    return SUPPLIER.edit(number)


@blueprint.route("/administration/suppliers/<int(max=2147483647):number>/remove", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_remove_supplier(number: int) -> Response:
    """Remove a supplier who never had a ticket."""
    return SUPPLIER.remove(number)


def _show_reply(reply: SavedReply) -> dict[str, str]:
    """A saved reply as it is typed."""
    texts = {f"texts_{code}": text for code, text in reply.texts.items()}
    steps = {f"checklist_{code}": text for code, text in reply.checklist.items()}
    more = {"name": reply.name, "topic": reply.topic, "is_active": "1" if reply.is_active else ""}
    return texts | steps | more


def _read_reply(form: Form, old: SavedReply) -> SavedReply:
    """What was typed."""
    return replace(
        old,
        name=form.values.get("name", ""),
        texts=form.by_language("texts"),
        checklist=form.by_language("checklist"),
        topic=form.one("topic", ["", old.topic, *topics()]),
        is_active=bool(form.values.get("is_active")),
    )


def _preview(form: Form) -> bool:
    """Show the texts filled in, where that was asked for; nothing is saved."""
    if "preview" not in form.values:
        return False
    name = form.values.get("name", "") or "–"
    form.add(faults(SavedReply(0, name, form.by_language("texts"), form.by_language("checklist"))))
    return True


def _beside_reply(form: Form, _reply: SavedReply) -> Mapping[str, Any]:
    """Topics, fields, and the preview."""
    is_asked = "preview" in form.values and not form.errors
    previews = {code: fill_in(text, _sample(code)) for code, text in form.by_language("texts").items()}
    return {"topics": topics(), "fields": FIELDS, "previews": previews if is_asked else {}}


def _sample(code: str) -> dict[str, str]:
    """Values that show what a text looks like, in its language."""
    with force_locale(LOCALES[code]):
        sample = {"name": gettext("Anna Smith"), "subject": gettext("Printer offline")}
    return sample | {"number": "4711", "agent": person().name}


REPLY = Part(
    SavedReply, "reply", "desk.admin_replies", SavedReply(0, "", {}), _show_reply, _read_reply, _beside_reply, _preview
)


@blueprint.get("/administration/saved-replies")
@needs(Right.SUPERVISE)
def admin_replies() -> Response:
    """All saved replies, and the languages that each has."""
    return page("replies", replies=services().administration.everything(SavedReply), topics=topics())


@blueprint.route("/administration/saved-replies/new", methods=["GET", "POST"])
@needs(Right.SUPERVISE)
def admin_new_reply() -> Response:
    """A new saved reply."""
    return REPLY.edit(None)


@blueprint.route("/administration/saved-replies/<int(max=2147483647):number>", methods=["GET", "POST"])
@needs(Right.SUPERVISE)
def admin_reply(number: int) -> Response:
    """One saved reply."""
    return REPLY.edit(number)


@blueprint.route("/administration/saved-replies/<int(max=2147483647):number>/remove", methods=["GET", "POST"])
@needs(Right.SUPERVISE)
def admin_remove_reply(number: int) -> Response:
    """Remove a saved reply."""
    return REPLY.remove(number)
