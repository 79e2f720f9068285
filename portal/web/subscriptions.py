"""“Tell me when there is an answer”: asking for it, confirming it, and ending it."""

import re

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import InvalidInput
from portal.people import EMAIL_LENGTH
from portal.web import forms
from portal.web.i18n import language
from portal.web.security import csrf, limited, limiter
from portal.web.services import services

blueprint = Blueprint("subscriptions", __name__, url_prefix="/<language:language>/subscriptions")

LIMITS = {"email": EMAIL_LENGTH}

_TOKEN = re.compile("[0-9a-f]{64}")


def _form_page(form: forms.Form, gap: int, status: int) -> Response:
    """The form on a page of its own, with what was typed and what is wrong with it."""
    page = render_template(
        "subscribe.html", form=form, gap=gap, stamp=forms.new_stamp(), honeypot=forms.HONEYPOT, state="form"
    )
    return make_response(page, status)


def _told(state: str, status: int = 200, **shown: object) -> Response:
    """The page that says how it stands: `sent`, `asked`, `confirmed`, `answered`, `stop`, `stopped` or `gone`."""
    return make_response(render_template("subscribe.html", state=state, **shown), status)


@blueprint.post("")
@csrf.exempt  # type: ignore[untyped-decorator]  # No session to protect; the stamp and the origin are checked instead.
@limited("20 per hour", lambda answer: answer.status_code == 303)
def subscribe() -> AnyResponse:
    """Send the mail that confirms it; whether there is such a gap or subscription is never told here."""
    form = forms.Form(forms.read("gap", "email"), limits=LIMITS)
    gap = int(form.values["gap"]) if re.fullmatch("[0-9]{1,9}", form.values["gap"]) else 0
    try:
        forms.check_stamp(forms.read(forms.STAMP)[forms.STAMP])
        if not request.form.get(forms.HONEYPOT):
            services().subscriptions.subscribe(gap, form.values["email"], language(), services().clock())
    except forms.StampRefused as refused:
        form.errors[forms.STAMP] = refused.code
        return _form_page(form, gap, 400)
    except InvalidInput as error:
        form.errors[error.field] = error.code
        return _form_page(form, gap, 400)
    return redirect(url_for("subscriptions.sent"), 303)


@blueprint.get("/sent")
def sent() -> Response:
    """What is said to everybody who has asked to be told."""
    return _told("sent")


@blueprint.get("/<token>")
def look(token: str) -> Response:
    """Ask whether the person wants to be told; opening the link alone confirms nothing."""
    found = services().subscriptions.look(token) if _TOKEN.fullmatch(token) else None
    if found is None:
        return _told("gone", 404)
    return _told("confirmed" if found.confirmed_at else "asked", subscription=found, token=token)


@blueprint.post("/<token>")
@csrf.exempt  # type: ignore[untyped-decorator]  # Who does not know the link cannot make another browser send this.
@limiter.limit("60 per hour")
def confirm(token: str) -> AnyResponse:
    """The owner of the address wants to be told."""
    known = services().subscriptions
    found = known.confirm(token, services().clock()) if _TOKEN.fullmatch(token) else None
    if found is not None and known.look(token) is None:
        return _told("answered", subscription=found)  # The answer has come meanwhile, and gone out at once.
    return redirect(url_for("subscriptions.look", token=token), 303)


@blueprint.get("/<token>/stop")
def ask_stop(token: str) -> Response:
    """Ask whether the person wants no mail; mail servers open links to look at them, so that this alone ends nothing."""
    found = services().subscriptions.look(token) if _TOKEN.fullmatch(token) else None
    return _told("stop", subscription=found, token=token) if found else _told("stopped")


@blueprint.post("/<token>/stop")
@csrf.exempt  # type: ignore[untyped-decorator]  # Mail programs send it without a page (RFC 8058).
def stop(token: str) -> Response:
    """End it; the same for a link that has ended already."""
    if _TOKEN.fullmatch(token):
        services().subscriptions.stop(token)
    return _told("stopped")
