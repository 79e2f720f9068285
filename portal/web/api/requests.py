"""Requests through the API: sent, and followed, answered, closed, opened again and rated by whoever has their token."""

import re
from typing import Any

from flask import url_for

from portal.errors import NotFound, SearchUnavailable
from portal.lifecycle import allowed
from portal.queries import Query, Verdict, read_query
from portal.selfservice import answer, gap_terms
from portal.sending import Sending
from portal.storage.ratings import Rating
from portal.tickets import Action, Callback, Event, Status, Ticket
from portal.web import labels
from portal.web.api import models_requests as models
from portal.web.api import shares, visiting
from portal.web.api.endpoints import Call, endpoint
from portal.web.api.search import known_topic
from portal.web.api.speech import speak
from portal.web.links import absolute
from portal.web.services import services

TAG = "requests"
_TOKEN = re.compile("[0-9a-f]{64}")
#: How much of a description is searched for, in characters.
_SEARCHED = 200
#: What a requester can do, by what the lifecycle calls it.
_CAN = {"close": Action.REQUESTER_CLOSE, "rate": Action.RATE}


def _sending(body: models.NewRequest, topic: str = "") -> Sending:
    """A request as it was sent."""
    return Sending(
        **{name: getattr(body, name) for name in ("name", "email", "subject", "description", "phone", "urgency")},
        language=body.language,
        query=read_query(body.language, body.query).text,
        callback=body.callback or (Callback.ANY if body.phone.strip() else None),
        topic=topic,
        channel="api",
    )


def _received(call: Call, body: models.NewRequest) -> models.Received:
    """The request as it stands."""
    token = services().requests.token(_sending(body), call.nonce)
    received = services().requests.stands(token, call.now)
    return models.Received(
        number=received.id,
        status=status_of(received),
        status_text=str(labels.STATUS_SENTENCE[received.status]),
        url=page(body.language, token),
        token=token,
    )


@endpoint(
    "POST",
    "/requests",
    tag=TAG,
    summary="Send a request",
    status=201,
    shows=_received,
    example=models.NewRequest(
        name="Ada Berg",
        email="ada@example.com",
        subject="Printer on floor 3",
        description="It prints empty pages.",
        language="en",
    ),
)
def create_request(call: Call, body: models.NewRequest) -> None:
    """Ask a person for help. The requester is mailed the link to their own page; no account is needed.

    The same request once more, with the same `Idempotency-Key`, is the same request.
    """
    query = read_query(body.language, body.query)
    sending = _sending(body, _topic(body, query))
    with shares.one(call, "request"):
        services().requests.receive(sending, call.nonce, call.now, stems=gap_terms(query))
        call.is_done = True
    visiting.note_request(call.caller, body.language, body.visit)


def _topic(body: models.NewRequest, query: Query) -> str:
    """The topic that was named, or that of the article that is likeliest to be about it.

    Raises:
        InvalidInput: `topic` is `unknown`.
    """
    try:
        edition = services().edition
        if body.topic:
            return known_topic(body.topic) or ""
        for text in (body.subject, body.description[:_SEARCHED], query.text):
            found = answer(edition, read_query(body.language, text)) if text.strip() else None
            if found and found.results and found.verdict in {Verdict.ANSWERED, Verdict.UNCERTAIN}:
                return found.results[0].item.article.topic
    except SearchUnavailable as error:  # Nobody’s request waits for the index.
        services().faults.report("search is unavailable", str(error))
    return ""


def page(code: str, token: str) -> str:
    """The address of the requester's own page."""
    return absolute(url_for("private_page.status", language=code, token=token))


def status_of(ticket: Ticket) -> Status:
    """The status as requesters are told it: nobody learns here that they are taken for spam."""
    return Status.NEW if ticket.status is Status.SPAM else ticket.status


@endpoint("GET", "/requests/{token}", tag=TAG, summary="Follow a request")
def get_request(call: Call, path: models.RequestPath) -> models.RequestShown:
    """How a request stands, what has happened, and what its requester can do; as their own page shows it."""
    return _shown(call, _token(path))


def _shown(call: Call, token: str) -> models.RequestShown:
    """A request as its requester sees it, in their language."""
    ticket, events, rating = services().requests.follow(token, call.now)
    code = ticket.language
    speak(code)
    return models.RequestShown(
        number=ticket.id,
        language=code,
        subject=ticket.subject,
        status=status_of(ticket),
        status_text=str(labels.STATUS_SENTENCE[ticket.status]),
        created=ticket.created_at,
        updated=ticket.updated_at,
        url=page(code, token),
        token=token,
        messages=[_message(event) for event in events],
        can=_can(ticket, rating),
        rating=models.RatingShown(stars=rating.stars, comment=rating.comment) if rating else None,
    )


def _token(path: models.RequestPath) -> str:
    """A token that can be one.

    Raises:
        NotFound: it cannot.
    """
    if not _TOKEN.fullmatch(path.token):
        raise NotFound("no such request")
    return path.token


def _message(event: Event) -> models.Message:
    """An event as the requester sees it."""
    by: models.By = "support" if event.actor.person_id is not None else "requester" if event.actor.name else "system"
    return models.Message(at=event.at, by=by, name=event.actor.name, action=event.action.value, text=event.text)


def _can(ticket: Ticket, rating: Rating | None) -> list[models.Way]:
    """What its requester can do now, as on the page."""
    possible = allowed(ticket)
    ways: dict[models.Way, bool] = {
        "reply": ticket.status is Status.CLOSED or Action.REQUESTER_REPLY in possible,
        "close": Action.REQUESTER_CLOSE in possible,
        "reopen": ticket.status is Status.SOLVED,
        "rate": Action.RATE in possible and rating is None,
    }
    return [way for way, is_possible in ways.items() if is_possible]


def _answered(call: Call, path: models.RequestPath, body: models.Reply) -> models.RequestShown:  # noqa: ARG001
    """The request that has the reply; what goes on with a closed one."""
    return _shown(call, services().requests.latest(_token(path), call.now))


def _acted(call: Call, path: models.RequestPath, body: object = None) -> models.RequestShown:  # noqa: ARG001
    """The request as it stands."""
    return _shown(call, _token(path))


#: What the ways to act on a request have in common.
_ACT: Any = {"tag": TAG, "shows": _acted, "problems": ("not-possible-now", "stale")}


@endpoint("POST", "/requests/{token}/replies", **_ACT | {"shows": _answered}, summary="Write to support", status=201)
def reply_to_request(call: Call, path: models.RequestPath, body: models.Reply) -> None:
    """Add the requester's reply; to a closed request it is a new one, whose `token` is in the answer."""
    with shares.one(call, "reply"):
        services().requests.answer_back(_token(path), body.text, call.now)
        call.is_done = True


@endpoint("POST", "/requests/{token}/close", **_ACT, summary="Close a request")
def close_request(call: Call, path: models.RequestPath) -> None:
    """The requester needs no more help."""
    with shares.one(call, "close"):
        services().requests.close(_token(path), call.now)


@endpoint("POST", "/requests/{token}/reopen", **_ACT, summary="Open a request again")
def reopen_request(call: Call, path: models.RequestPath, body: models.Why) -> None:
    """It is not solved for the requester."""
    with shares.one(call, "reopen"):
        services().requests.reopen(_token(path), call.now, body.text)


@endpoint("POST", "/requests/{token}/rating", **_ACT, summary="Rate how a request was served")
def rate_request(call: Call, path: models.RequestPath, body: models.Stars) -> None:
    """The requester says how they were served; the first answer counts, and another one changes nothing."""
    with shares.one(call, "rate"):
        services().requests.rate(_token(path), body.stars, body.comment, call.now)
