"""A requester's own page for each request, at its private link, and the way back to it."""

import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import InvalidInput, NotFound, SearchUnavailable, StaleTicket, TransitionRefused
from portal.histories import FORM
from portal.knowledge import Published
from portal.lifecycle import allowed
from portal.people import clean_email
from portal.storage.ratings import Rating
from portal.tickets import Action, Event, Status, Ticket
from portal.web import forms
from portal.web.i18n import language
from portal.web.my_requests import LIMITS
from portal.web.security import csrf, limited, limiter
from portal.web.services import services

blueprint = Blueprint("private_page", __name__, url_prefix="/<language:language>/requests")

_TOKEN = re.compile("[0-9a-f]{64}")


def _follow(token: str) -> tuple[Ticket, list[Event], Rating | None]:
    """The request of a private link.

    Raises:
        NotFound: there is none, or it was closed long ago.
    """
    if not _TOKEN.fullmatch(token):
        raise NotFound("no such request")
    return services().requests.follow(token, services().clock())


@blueprint.errorhandler(NotFound)
def gone(_error: NotFound) -> tuple[str, int]:
    """Say that a link leads nowhere any more, and how to get another one."""
    g.is_error = True
    return render_template("link_gone.html"), 404


def _parts(
    token: str,
    ticket: Ticket,
    events: list[Event],
    rating: Rating | None,
    form: forms.Form,
    *,
    is_writing: bool = False,
) -> tuple[Markup, Markup]:
    """The two parts of the page that change while it is open: how it stands, and what else can be done."""
    possible = allowed(ticket)
    shown: dict[str, Any] = {
        "ticket": ticket,
        "events": events,
        "articles": {event.details.get("slug", ""): _article(event) for event in events if event.action is Action.TELL},
        "token": token,
        "form": form,
        "rating": rating,
        "is_writing": is_writing,
        "can_close": Action.REQUESTER_CLOSE in possible,
        "can_reopen": ticket.status is Status.SOLVED,
        "can_rate": Action.RATE in possible and rating is None,
    }
    # Both come from templates, which have escaped what is in them.
    thread, actions = (render_template(f"request_{name}.html", **shown) for name in ("thread", "actions"))
    return Markup(thread), Markup(actions)  # noqa: S704  # nosec B704


def _article(event: Event) -> Published | None:
    """The article that a requester was told of; None where it has gone."""
    try:
        return services().edition.knowledge.choose(language(), event.details.get("slug", ""))
    except SearchUnavailable:
        return None


def _version(ticket: Ticket, *, is_writing: bool) -> str:
    """What changes when a part of the page does, known without making it: two hundred pages ask every two seconds."""
    return f"{services().build}-{ticket.version}-{language()}-{'writing' if is_writing else ''}"


def _is_agent_writing(ticket: Ticket) -> bool:
    """Whether somebody of the staff is writing to the requester at this moment."""
    return any(each.is_writing for each in services().presence.others(ticket.id, 0, services().clock()))


def _page(token: str, form: forms.Form, code: int = 200) -> Response:
    """The private page, with what was typed and what is wrong with it."""
    ticket, events, rating = _follow(token)
    is_writing = _is_agent_writing(ticket)
    thread, actions = _parts(token, ticket, events, rating, forms.Form(limits=LIMITS), is_writing=is_writing)
    version = _version(ticket, is_writing=is_writing)
    if form.errors:
        _, actions = _parts(token, ticket, events, rating, form)
    page = render_template(
        "request.html",
        ticket=ticket,
        token=token,
        form=form,
        form_number=forms.new_number(),
        thread=thread,
        actions=actions,
        version=version,
    )
    return make_response(page, code)


@blueprint.get("/<token>")
def status(token: str) -> Response:
    """How a request stands, for whoever has its private link."""
    return _page(token, forms.Form(limits=LIMITS))


@blueprint.get("/<token>/thread")
def thread(token: str) -> AnyResponse:
    """What changes on the page, for its script; nothing while it is as the script knows it."""
    if not _TOKEN.fullmatch(token):
        raise NotFound("no such request")
    ticket = services().requests.stands(token, services().clock())
    is_writing = _is_agent_writing(ticket)
    version = _version(ticket, is_writing=is_writing)
    if version in request.if_none_match:
        response = Response(status=304)
    else:
        ticket, events, rating = _follow(token)
        parts = _parts(token, ticket, events, rating, forms.Form(limits=LIMITS), is_writing=is_writing)
        response = make_response(Markup("").join(parts))
        version = _version(ticket, is_writing=is_writing)
    response.set_etag(version)
    return response


@blueprint.post("/<token>/here")
@csrf.exempt  # type: ignore[untyped-decorator]  # Says that the page is open, and nothing else.
@limiter.limit("1200 per hour", key_func=lambda: str((request.view_args or {}).get("token")))  # Not a whole office.
def here(token: str) -> Response:
    """Tell the desk that the requester has the page open, and whether they are writing."""
    if not _TOKEN.fullmatch(token):
        raise NotFound("no such request")
    now = services().clock()
    ticket = services().requests.stands(token, now)
    services().presence.here(ticket.id, 0, now, is_writing=forms.read("writing", longest=3)["writing"] == "yes")
    return Response(status=204)


def _done(token: str, form: forms.Form, act: Callable[[], object], anchor: str) -> AnyResponse:
    """Do something to a request; the page comes back with what is wrong with it.

    Who does what has been done already, from another window or with a second click, is shown how it stands.
    """
    if not _TOKEN.fullmatch(token):
        raise NotFound("no such request")
    try:
        act()
    except InvalidInput as error:
        form.errors[error.field] = error.code
        return _page(token, form, 400)
    except (TransitionRefused, StaleTicket):
        _follow(token)
    return redirect(url_for("private_page.status", token=token, _anchor=anchor), 303)


@blueprint.post("/<token>/reply")
@csrf.exempt  # type: ignore[untyped-decorator]  # Who does not know the link cannot make another browser send this.
@limiter.shared_limit("60 per hour", "reply")
def reply(token: str) -> AnyResponse:
    """Add the requester's reply; to a closed request it is a new one, to which it leads."""
    form = forms.Form(forms.read("text"), limits=LIMITS)
    opened: list[str] = []

    def answer_back() -> None:
        number = forms.sent_number()
        details = {FORM: number} if number else None
        _, further = services().requests.answer_back(token, form.values["text"], services().clock(), details)
        opened.extend([further] if further else [])

    done = _done(token, form, answer_back, "ui-last")
    return redirect(url_for("private_page.status", token=opened[0], sent="yes"), 303) if opened else done


@blueprint.post("/<token>/close")
@csrf.exempt  # type: ignore[untyped-decorator]  # As for a reply.
@limiter.shared_limit("60 per hour", "close")
def close(token: str) -> AnyResponse:
    """The requester needs no more help."""
    form = forms.Form(limits=LIMITS)
    return _done(token, form, lambda: services().requests.close(token, services().clock()), "ui-actions")


@blueprint.post("/<token>/reopen")
@csrf.exempt  # type: ignore[untyped-decorator]  # As for a reply.
@limiter.shared_limit("60 per hour", "reopen")
def reopen(token: str) -> AnyResponse:
    """It is not solved for the requester."""
    form = forms.Form(limits=LIMITS)
    return _done(token, form, lambda: services().requests.reopen(token, services().clock()), "ui-last")


@blueprint.post("/<token>/rate")
@csrf.exempt  # type: ignore[untyped-decorator]  # As for a reply.
@limiter.shared_limit("60 per hour", "rate")
def rate(token: str) -> AnyResponse:
    """The requester says how they were served."""
    form = forms.Form(forms.read("stars", "comment"), limits=LIMITS)
    stars = int(form.values["stars"]) if re.fullmatch("[1-5]", form.values["stars"]) else 0
    comment = form.values["comment"]
    return _done(token, form, lambda: services().requests.rate(token, stars, comment, services().clock()), "ui-actions")


def _find_page(form: forms.Form, status: int = 200, *, is_sent: bool = False) -> Response:
    """The form for a lost link, or what is said to everybody who sends it."""
    stamp = "" if is_sent else forms.new_stamp()
    page = render_template("request_find.html", form=form, stamp=stamp, honeypot=forms.HONEYPOT, is_sent=is_sent)
    return make_response(page, status)


@blueprint.get("/find")
def find() -> Response:
    """Ask for the link of a request once more."""
    return _find_page(forms.Form(limits=LIMITS), is_sent=request.args.get("sent") == "yes")


@blueprint.post("/find")
@csrf.exempt  # type: ignore[untyped-decorator]  # No session to protect; the stamp and the origin are checked instead.
@limited("20 per hour", lambda answer: answer.status_code == 303)
def send_link() -> AnyResponse:
    """Send the link to whom the request belongs; whether there is such a request is never told here."""
    form = forms.Form(forms.read("number", "email"), limits=LIMITS)
    number = form.values["number"].strip().lstrip("#")
    if not number:
        form.errors["number"] = "missing"
    elif not re.fullmatch("[0-9]{1,12}", number):
        form.errors["number"] = "invalid"
    try:
        clean_email(form.values["email"])
    except InvalidInput as error:
        form.errors[error.field] = error.code
    try:
        forms.check_stamp(forms.read(forms.STAMP)[forms.STAMP])
    except forms.StampRefused as refused:
        form.errors[forms.STAMP] = refused.code
    if form.errors:
        return _find_page(form, 400)
    if not request.form.get(forms.HONEYPOT):
        services().lost_links.ask(number, form.values["email"], language(), services().clock())
    return redirect(url_for("private_page.find", sent="yes"), 303)
