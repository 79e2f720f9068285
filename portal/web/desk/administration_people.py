"""Pages of the people who work at the desk."""

from dataclasses import replace

from flask import flash, redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal.desk.administration import clean_person
from portal.errors import InvalidInput
from portal.locales import CODES
from portal.organisation import SUPPLIER_TIER, Calendar
from portal.own_account import OwnAccount
from portal.passwords import check_new
from portal.people import PASSWORD_LENGTH, Person, Right, Role, clean_email
from portal.web.desk import blueprint
from portal.web.desk.administration_forms import Form, page, sent, submit, topics
from portal.web.proof import proven
from portal.web.security import needs
from portal.web.security import person as me
from portal.web.services import services


def _show(person: Person) -> dict[str, str]:
    """Somebody as they are typed."""
    return {
        "name": person.name,
        "email": person.email,
        "roles": " ".join(sorted(person.roles)),
        "tiers": " ".join(map(str, person.tiers)),
        "languages": " ".join(person.languages),
        "topics": " ".join(person.topics),
        "calendar_id": str(person.calendar_id or ""),
        "version": str(person.version),
    }


def _read(form: Form, old: Person) -> Person:
    """What was typed; checked as far as that needs no database."""
    typed = replace(
        old,
        name=form.values.get("name", ""),
        email=form.values.get("email", "") if not old.id else old.email,
        roles=frozenset(role for role in Role if role in form.list("roles")),
        tiers=tuple(number for number in range(1, SUPPLIER_TIER + 1) if str(number) in form.list("tiers")),
        languages=tuple(code for code in CODES if code in form.list("languages")),
        topics=tuple(slug for slug in {**topics(), **dict.fromkeys(old.topics)} if slug in form.list("topics")),
        calendar_id=form.calendar(),
        version=form.version() if old.id else 1,
    )
    form.take("name", lambda _text: clean_person(replace(typed, roles=typed.roles or frozenset({Role.AGENT}))), typed)
    if not typed.roles:
        form.fail("roles", "missing")
    return typed


def _page(person: Person, form: Form, status: int = 200) -> Response:
    """The page of somebody, or of somebody new."""
    administration = services().administration
    form.subject = "person"
    named = topics()
    return page(
        "person",
        status,
        form=form,
        person=person,
        is_new=not person.id,
        roles=list(Role),
        topics=named | {slug: slug for slug in person.topics if slug not in named},
        calendars=administration.everything(Calendar),
        load=administration.load()["people"].get(person.id, 0),
        uses_codes=bool(person.id) and OwnAccount(services().staff).uses_codes(person) is not None,
        least=PASSWORD_LENGTH,
    )


@blueprint.get("/administration/people")
@needs(Right.ADMINISTER)
def admin_people() -> Response:
    """Everybody who has or had access."""
    people = sorted(services().staff.everybody(), key=lambda each: not each.is_active)
    return page("people", people=people, load=services().administration.load()["people"])


@blueprint.route("/administration/people/new", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
@proven
def admin_new_person() -> Response:
    """Somebody new, with a first password."""
    nobody = Person(0, "", "", frozenset({Role.AGENT}), (1,))
    if request.method == "GET":
        return _page(nobody, Form(values=_show(nobody)))
    form = sent()
    wanted = _read(form, nobody)
    form.take("email", clean_email, "")
    form.take("password", lambda typed: check_new(typed, wanted, services().staff.words), None)
    password, form.values["password"] = form.values.get("password", ""), ""
    return submit(
        form,
        lambda: services().staff.add(wanted, password, services().clock(), me()),
        url_for("desk.admin_people"),
        lambda status: _page(nobody, form, status),
    )


@blueprint.route("/administration/people/<int(max=2147483647):number>", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
@proven
def admin_person(number: int) -> Response:
    """Somebody's roles, tiers, languages, topics and hours."""
    administration = services().administration
    old = administration.person(number)
    if request.method == "GET":
        return _page(old, Form(values=_show(old)))
    form = sent()
    wanted = _read(form, old)
    return submit(
        form,
        lambda: administration.change_person(me(), wanted, services().clock()),
        url_for("desk.admin_people"),
        lambda status: _page(old, form, status),
        wanted,
    )


@blueprint.route("/administration/people/<int(max=2147483647):number>/leave", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_leave(number: int) -> Response:
    """Ask whether somebody shall not sign in any more; do it when that is sent."""
    administration = services().administration
    person = administration.person(number)
    fault = ""
    if request.method == "POST":
        try:
            administration.change_person(me(), replace(person, is_active=False), services().clock())
        except InvalidInput as error:
            form = Form()
            form.fail(error.field, error.code)
            fault = form.message(error.field)
        else:
            flash(gettext("%(name)s cannot sign in any more.", name=person.name))
            return redirect(url_for("desk.admin_people"), 303)
    load = administration.load()["people"].get(number, 0)
    return page("leave", 400 if fault else 200, person=person, load=load, fault=fault)


@blueprint.post("/administration/people/<int(max=2147483647):number>/return")
@needs(Right.ADMINISTER)
@proven
def admin_return(number: int) -> Response:
    """Somebody may sign in again."""
    administration = services().administration
    person = administration.person(number)
    administration.change_person(me(), replace(person, is_active=True), services().clock())
    return _back(number, gettext("%(name)s can sign in again.", name=person.name))


@blueprint.post("/administration/people/<int(max=2147483647):number>/sign-out")
@needs(Right.ADMINISTER)
def admin_sign_out(number: int) -> Response:
    """End all of somebody's sessions."""
    services().staff.sign_out_everywhere(me(), number, services().clock())
    return _back(number, gettext("They have been signed out everywhere."))


@blueprint.post("/administration/people/<int(max=2147483647):number>/second-factor")
@needs(Right.ADMINISTER)
@proven
def admin_second_factor(number: int) -> Response:
    """Ask somebody for no codes any more."""
    services().staff.reset_second_factor(me(), number, services().clock())
    return _back(number, gettext("They are asked for no codes any more."))


@blueprint.post("/administration/people/<int(max=2147483647):number>/password")
@needs(Right.ADMINISTER)
@proven
def admin_password(number: int) -> Response:
    """Give somebody another password."""
    person = services().administration.person(number)
    password = sent().values.get("password", "")
    form = Form(values=_show(person))
    return submit(
        form,
        lambda: services().staff.set_password(me(), number, password, services().clock()),
        url_for("desk.admin_person", number=number),
        lambda status: _page(person, form, status),
    )


def _back(number: int, told: str) -> Response:
    """To somebody's page, which says what was done."""
    flash(told)
    where = url_for("sign_in.sign_in") if number == me().id else url_for("desk.admin_person", number=number)
    return redirect(where, 303)
