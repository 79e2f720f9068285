"""What requesters do to their requests: the lifecycle decides, what they press twice is done once, and staff are told."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from portal import telling
from portal.errors import InvalidInput, TransitionRefused
from portal.histories import FORM, is_sent_again
from portal.lifecycle import apply
from portal.sending import multiline, one_line
from portal.storage import ratings
from portal.storage import tickets as store
from portal.storage.ratings import Rating
from portal.tickets import Action, Actor, Event, Status, Ticket

#: Longest comment to a rating, in characters.
COMMENT_LENGTH = 600
#: The same once more within this time is a second press of the button.
SECOND_PRESS = timedelta(minutes=10)


def requester(request: Ticket) -> Actor:
    """Who sent a request."""
    return Actor(name=request.requester_name)


def act(
    connection: Connection,
    request: Ticket,
    action: Action,
    text: str,
    now: datetime,
    details: Mapping[str, str] | None = None,
) -> Ticket:
    """Do something to a request, which is locked, as its requester; a second press of a button changes nothing.

    Raises:
        TransitionRefused, InvalidInput: see `lifecycle.apply`; a requester opens again only what is solved.
    """
    if action is Action.REQUESTER_REPLY and is_kept(connection, request, text, details):
        return request
    text = multiline(text) if one_line(text) else ""
    past = store.history(connection, request.id, public_only=True)
    if past and _is_second_press(past[-1], action, text, now):
        return request
    if action is Action.REOPEN and request.status is not Status.SOLVED:
        raise TransitionRefused(f"a requester cannot open again what is {request.status}")
    changed, event = apply(request, action, now, requester(request), text, details=details)
    store.save(connection, changed)
    store.record(connection, request.id, event)
    saved = replace(changed, version=request.version + 1)
    if action in {Action.REQUESTER_REPLY, Action.REOPEN}:
        telling.of_reply(connection, saved, event, now)
    return saved


def is_kept(connection: Connection, request: Ticket, text: str, details: Mapping[str, str] | None) -> bool:
    """Whether a reply has come before with the same form, so that the browser only sends it again."""
    form = (details or {}).get(FORM, "")
    if not form:
        return False
    past = store.history(connection, request.id, public_only=True)
    return is_sent_again(past, None, {Action.REQUESTER_REPLY, Action.OPENED}, multiline(text), form)


def rate(connection: Connection, request: Ticket, stars: int, comment: str, now: datetime) -> Ticket:
    """Keep how a requester was served, of a request that is locked; see `Requests.rate`."""
    comment = multiline(comment)
    if stars not in range(1, 6):
        raise InvalidInput("stars", "missing")
    if len(comment) > COMMENT_LENGTH:
        raise InvalidInput("comment", "too_long")
    changed, event = apply(request, Action.RATE, now, requester(request), comment)
    if ratings.of_ticket(connection, request.id) is not None:
        return request
    ratings.put(connection, request.id, Rating(stars, comment, now))
    store.save(connection, changed)
    store.record(connection, request.id, replace(event, details={"stars": str(stars)}))
    return replace(changed, version=request.version + 1)


def _is_second_press(last: Event, action: Action, text: str, now: datetime) -> bool:
    """Whether the newest event is already what is about to be done."""
    same = {Action.REQUESTER_REPLY, Action.OPENED} if action is Action.REQUESTER_REPLY else {action}
    is_requester = last.actor.person_id is None and last.actor.name != ""
    return is_requester and last.action in same and last.text == text and now - last.at <= SECOND_PRESS
