"""The form by which people ask a person, and the articles that may spare them that."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response as AnyResponse

from portal.deflection import Deflection
from portal.errors import InvalidInput, NotFound, SearchUnavailable
from portal.faults import reason
from portal.lifecycle import TEXT_LENGTH
from portal.people import EMAIL_LENGTH
from portal.queries import Query, Verdict, read_query
from portal.requests import COMMENT_LENGTH
from portal.selfservice import Result, answer, gap_terms
from portal.sending import DESCRIPTION_LENGTH, NAME_LENGTH, PHONE_LENGTH, SUBJECT_LENGTH, Sending
from portal.tickets import Callback
from portal.web import banner, forms, trail, visits
from portal.web.i18n import language
from portal.web.links import is_local
from portal.web.security import csrf, limited, limiter
from portal.web.services import services

blueprint = Blueprint("my_requests", __name__, url_prefix="/<language:language>/requests")

LIMITS = {
    "name": NAME_LENGTH,
    "email": EMAIL_LENGTH,
    "subject": SUBJECT_LENGTH,
    "description": DESCRIPTION_LENGTH,
    "phone": PHONE_LENGTH,
    "text": TEXT_LENGTH,
    "comment": COMMENT_LENGTH,
}
FIELDS = ("name", "email", "subject", "description", "callback", "phone", "window", "query", "page", "urgency")
#: Set once articles have been suggested, so that the next press of the button sends.
SUGGESTED = "suggested"
#: Set where somebody comes back to the form with what they had typed; nothing is sent.
BACK = "back"
#: What the log calls it when requests cannot be stored, and when forms cannot be counted.
UNSTORED, UNCOUNTED = "a request could not be stored", "a form could not be counted"
#: Share of the best article's score from which another is suggested beside it.
NEAR = 0.5
#: Most articles suggested in a form.
SUGGESTIONS = 4
#: How much of a description is searched for, in characters.
SEARCHED = 200


def _form_page(
    form: forms.Form,
    status: int = 200,
    *,
    stamp: str = "",
    receipt: trail.Receipt | None = None,
    suggestions: Sequence[Result] = (),
) -> Response:
    """The form, with what was typed and what is wrong with it.

    Args:
        form: its values and faults.
        status: of the answer.
        stamp: of the form that was sent, where it can be sent again; a new one otherwise.
        receipt: what the form that was sent had shown of the trail; made anew when None.
        suggestions: articles that may make sending it needless.
    """
    if receipt is None:
        query = read_query(language(), form.values.get("query", ""))
        receipt = trail.offered(visits.session_hash(), query, services().clock())
    is_suggested = bool(suggestions) or bool(request.form.get(SUGGESTED))
    page = render_template(
        "request_new.html",
        form=form,
        stamp=stamp or forms.new_stamp(),
        honeypot=forms.HONEYPOT,
        receipt=receipt,
        suggestions=suggestions,
        is_suggested=is_suggested,
        windows=list(Callback),
    )
    response = make_response(page, status)
    if suggestions:
        # Who reads an article and goes back finds what they had typed, also without scripts.
        response.headers["Cache-Control"] = "private, no-cache"
    return response


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
    response = _form_page(form, 429, receipt=trail.sent())
    response.headers["Retry-After"] = "3600"
    return response


@blueprint.post("/new")
@csrf.exempt  # type: ignore[untyped-decorator]  # No session to protect; the stamp and the origin are checked instead.
@limited(
    lambda: f"{services().settings.requests_per_hour} per hour",
    lambda answer: answer.status_code == 303,
    "request",  # Together with the API, see its `shares`; so for all of these.
    _too_many,
)
def send() -> AnyResponse:
    """Receive a request; nothing that was typed is lost when something is wrong with it.

    Where articles may help that the person has not been shown yet, they are shown before anything is sent.
    """
    form, receipt = forms.Form(forms.read(*FIELDS), limits=LIMITS), trail.sent()
    if request.form.get(BACK):
        return _form_page(form, receipt=receipt)
    stamp = forms.read(forms.STAMP)[forms.STAMP]
    try:
        nonce = forms.check_stamp(stamp)
    except forms.StampRefused as refused:
        form.errors[forms.STAMP] = refused.code
        return _form_page(form, 400, receipt=receipt)
    query = read_query(language(), form.values["query"])
    sending = _sending(form.values, query, receipt)
    form.errors = services().requests.faults(sending)
    if form.errors:
        return _form_page(form, 400, stamp=stamp, receipt=receipt)
    is_spam = bool(request.form.get(forms.HONEYPOT))
    found = _suggested(sending.subject, sending.description)
    if not is_spam and not request.form.get(SUGGESTED) and found:
        _note(lambda kept, now: kept.shown(_hash(nonce), language(), now))
        return _form_page(form, stamp=stamp, receipt=receipt, suggestions=found)
    try:
        sending = replace(sending, topic=found[0].item.article.topic if found else "")
        received, token = services().requests.receive(
            sending, nonce, services().clock(), stems=gap_terms(query), is_spam=is_spam
        )
    except InvalidInput as error:
        form.errors[error.field] = error.code
        return _form_page(form, 400, stamp=stamp, receipt=receipt)
    except DBAPIError as error:
        services().faults.report(UNSTORED, reason(error))
        form.errors[forms.STAMP] = "unavailable"
        return _form_page(form, 503, stamp=stamp, receipt=receipt)
    services().faults.works(UNSTORED)
    if not is_spam:
        banner.join(received.id)
        visits.note_request()
        _note(lambda kept, now: kept.sent(_hash(nonce), language(), now))
    return redirect(url_for("private_page.status", token=token, sent="yes"), 303)


def _sending(sent: dict[str, str], query: Query, receipt: trail.Receipt | None) -> Sending:
    """What the form that was sent asks for."""
    wants_call = bool(sent["callback"] or sent["phone"].strip())
    urgency = int(sent["urgency"]) if re.fullmatch("[1-5]", sent["urgency"]) else 3
    window = Callback(sent["window"]) if sent["window"] in set(Callback) else Callback.ANY
    return Sending(
        **{name: sent[name] for name in ("name", "email", "subject", "description", "phone")},
        language=language(),
        query=query.text,
        page=sent["page"] if is_local(sent["page"]) else "",
        callback=window if wants_call else None,
        trail=receipt.chosen if receipt else (),
        urgency=urgency,
    )


def _hash(nonce: str) -> str:
    """What is recorded of a form's number."""
    return hashlib.sha256(nonce.encode()).hexdigest()


def _note(record: Callable[[Deflection, datetime], None]) -> None:
    """Record what came of a form; nobody's request suffers where that fails."""
    try:
        record(services().deflection, services().clock())
    except DBAPIError as error:
        services().faults.report(UNCOUNTED, reason(error))
    else:
        services().faults.works(UNCOUNTED)


def _suggested(*texts: str) -> list[Result]:
    """The articles that may answer what was typed, of the surer text first; none where search is unavailable."""
    found: dict[str, Result] = {}
    try:
        edition = services().edition
        queries = (read_query(language(), text[:SEARCHED]) for text in texts)
        answers = [answer(edition, query) for query in queries if query.text]
    except SearchUnavailable as error:
        services().faults.report("search is unavailable", str(error))
        return []
    likely = [made for made in answers if made.verdict in {Verdict.ANSWERED, Verdict.UNCERTAIN}]
    for made in sorted(likely, key=lambda made: -made.confidence):
        for result in made.results:
            if result.score >= NEAR * made.results[0].score:
                found.setdefault(result.item.article.slug, result)
    return list(found.values())[:SUGGESTIONS]


@blueprint.get("/suggest")
@limiter.limit("1200 per hour")
def suggest() -> Response:
    """The articles that may answer what is being typed as subject and description, for the form's script."""
    items = [
        {
            "slug": found.item.article.slug,
            "title": found.item.article.title,
            "url": url_for("help.article", slug=found.item.article.slug, _anchor=found.snippet.anchor or None),
            "snippet": "".join(text for text, _is_word in found.snippet.pieces),
        }
        for found in _suggested(*request.args.getlist("q")[:2])
    ]
    response = make_response({"items": items})
    response.headers["Cache-Control"] = "private, max-age=60"
    return response


@blueprint.post("/shown")
@csrf.exempt  # type: ignore[untyped-decorator]  # Counts a form that was opened here, and nothing else.
@limiter.limit("120 per hour")
def shown() -> tuple[str, int]:
    """Take note that the form's script has shown articles."""
    try:
        nonce = forms.check_stamp(forms.read(forms.STAMP)[forms.STAMP], may_be_quick=True)
    except forms.StampRefused:
        return "", 400
    _note(lambda kept, now: kept.shown(_hash(nonce), language(), now))
    return "", 204


@blueprint.post("/solved")
@csrf.exempt  # type: ignore[untyped-decorator]  # Counts a form that was opened here, and nothing else.
@limiter.limit("60 per hour")
def solve() -> AnyResponse:
    """An article has solved what the form was opened for; nothing is sent."""
    sent = forms.read(forms.STAMP, "slug")
    if services().edition.knowledge.choose(language(), sent["slug"]) is None:
        raise NotFound("no such article")
    try:
        nonce = forms.check_stamp(sent[forms.STAMP], may_be_quick=True)
    except forms.StampRefused:
        pass  # Not counted; the person is thanked all the same.
    else:
        _note(lambda kept, now: kept.solved(_hash(nonce), language(), sent["slug"], now))
    kept = {name: value for name, value in forms.read(*FIELDS).items() if value}
    if kept:
        # In case it was not solved after all; an address could not carry it.
        item = services().edition.knowledge.choose(language(), sent["slug"])
        return make_response(render_template("request_solved.html", item=item, kept=kept))
    return redirect(url_for("my_requests.solved", article=sent["slug"]), 303)


@blueprint.get("/solved")
def solved() -> str:
    """Thanks, the article once more, and the way back to the form."""
    item = services().edition.knowledge.choose(language(), request.args.get("article", ""))
    if item is None:
        raise NotFound("no such article")
    return render_template("request_solved.html", item=item)
