"""A requester's own pages: the form, and the private page of each request."""

import logging

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response as AnyResponse

from portal.desk import DESCRIPTION_LENGTH, NAME_LENGTH, Sending
from portal.errors import InvalidInput, NotFound
from portal.people import EMAIL_LENGTH
from portal.queries import read_query
from portal.selfservice import gap_terms
from portal.tickets import TEXT_LENGTH, Action, allowed
from portal.web import forms
from portal.web.i18n import language
from portal.web.links import is_local
from portal.web.security import csrf, limiter
from portal.web.services import services

log = logging.getLogger(__name__)

blueprint = Blueprint("my_requests", __name__, url_prefix="/<language:language>/requests")

LIMITS = {"name": NAME_LENGTH, "email": EMAIL_LENGTH, "description": DESCRIPTION_LENGTH, "text": TEXT_LENGTH}
FIELDS = ("name", "email", "description", "query", "page")


def _form_page(form: forms.Form, status: int = 200) -> Response:
    """The form, with what was typed and what is wrong with it."""
    stamp = forms.new_stamp()
    return make_response(render_template("request_new.html", form=form, stamp=stamp, honeypot=forms.HONEYPOT), status)


@blueprint.get("/new")
def new() -> Response:
    """An empty form, or one filled in with the search that failed."""
    query = read_query(language(), request.args.get("query", "")).text
    page = request.args.get("page", "")
    form = forms.Form({"description": query, "query": query, "page": page if is_local(page) else ""}, limits=LIMITS)
    return _form_page(form)


def _too_many(_limit: object) -> Response:
    """The form again, with what was typed, when too many requests came from one network."""
    form = forms.Form(forms.read(*FIELDS), {forms.STAMP: "too_many"}, LIMITS)
    response = _form_page(form, 429)
    response.headers["Retry-After"] = "3600"
    return response


@blueprint.post("/new")
@csrf.exempt  # type: ignore[untyped-decorator]  # No session to protect; the stamp and the origin are checked instead.
@limiter.limit(
    lambda: f"{services().settings.requests_per_hour} per hour",
    deduct_when=lambda response: response.status_code == 303,
    on_breach=_too_many,
)
def send() -> AnyResponse:
    """Receive a request; nothing that was typed is lost when something is wrong with it."""
    form = forms.Form(forms.read(*FIELDS), limits=LIMITS)
    sent = form.values
    try:
        nonce = forms.check_stamp(forms.read(forms.STAMP)[forms.STAMP])
    except forms.StampRefused as refused:
        form.errors[forms.STAMP] = refused.code
        return _form_page(form, 400)
    query = read_query(language(), sent["query"])
    page = sent["page"] if is_local(sent["page"]) else ""
    sending = Sending(sent["name"], sent["email"], sent["description"], language(), query.text, page)
    try:
        _ticket, token = services().desk.receive(
            sending,
            nonce,
            services().clock(),
            stems=gap_terms(query),
            is_spam=bool(request.form.get(forms.HONEYPOT)),
        )
    except InvalidInput:
        form.errors = services().desk.faults(sending)
        return _form_page(form, 400)
    except OperationalError as error:
        log.error("a request could not be stored: %s", type(error.orig).__name__)
        form.errors[forms.STAMP] = "unavailable"
        return _form_page(form, 503)
    return redirect(url_for("my_requests.status", token=token, sent="yes"), 303)


@blueprint.get("/<token>")
def status(token: str) -> Response:
    """How a request stands, for whoever has its private link."""
    return _status_page(token, forms.Form(limits=LIMITS))


def _status_page(token: str, form: forms.Form, code: int = 200) -> Response:
    """The private page, with a reply as typed and what is wrong with it."""
    if len(token) != 64:
        raise NotFound("no such request")
    ticket, events = services().desk.follow(token)
    can_reply = Action.REQUESTER_REPLY in allowed(ticket)
    return make_response(
        render_template("request.html", ticket=ticket, events=events, token=token, form=form, can_reply=can_reply), code
    )


@blueprint.post("/<token>/reply")
@csrf.exempt  # type: ignore[untyped-decorator]  # Who does not know the link cannot make another browser send this.
@limiter.limit("60 per hour")
def reply(token: str) -> AnyResponse:
    """Add the requester's reply."""
    form = forms.Form(forms.read("text"), limits=LIMITS)
    try:
        services().desk.answer_back(token, form.values["text"], services().clock())
    except InvalidInput as error:
        form.errors[error.field] = error.code
        return _status_page(token, form, 400)
    return redirect(url_for("my_requests.status", token=token, _anchor="ui-last"), 303)
