"""Tickets through the API, as agents see them."""

from datetime import datetime
from typing import Any

from flask import url_for
from msgspec import UNSET
from sqlalchemy import Connection

from portal.api_tokens import Scope
from portal.desk.calls import open_call
from portal.desk.telling import Done
from portal.histories import standing
from portal.organisation import Supplier
from portal.storage import callbacks, cases, changed, organisation, queue, ratings, swarm
from portal.storage import tickets as store
from portal.storage.callbacks import AWAITED
from portal.storage.queue import Tab
from portal.tickets import GAPS, Action, Event, Ticket
from portal.web.api import deeds
from portal.web.api import models_desk as models
from portal.web.api.actions import do, possible
from portal.web.api.authentication import authenticate
from portal.web.api.endpoints import Call, endpoint
from portal.web.api.models_requests import RatingShown
from portal.web.api.paging import Page
from portal.web.links import absolute
from portal.web.services import services

TAG = "desk"
#: The best that a search for tickets finds.
FOUND = 100


@endpoint("GET", "/tickets", tag=TAG, summary="List tickets", scope=Scope.TICKETS_READ)
def list_tickets(call: Call, query: models.TicketsQuery) -> Page[models.TicketListed]:
    """Tickets, the newest first; with `q` the best first, with `updated_since` what changed first comes first."""
    if query.q is not None and query.q.strip():
        return _searched(call, query, query.q)
    if query.updated_since is not None:
        return _changed(call, query, query.updated_since)
    after = call.position(int)
    with services().database.read() as connection:
        found = changed.newest(connection, _wanted(call, query), after, query.limit + 1)
    shown = found[: query.limit]
    return call.page([_listed(call, each) for each in shown], shown[-1].id if len(found) > len(shown) else None)


def _wanted(call: Call, query: models.TicketsQuery) -> queue.Wanted:
    """The filter as the queue has it."""
    owner = call.person.id if query.owner == "me" else int(query.owner or 0) if query.owner != "none" else 0
    return queue.Wanted(
        Tab.ALL,
        call.person.id,
        call.now,
        tiers=(query.tier,) if query.tier else (),
        kind=query.kind,
        language=query.language,
        status=query.status,
        owner_id=owner or None,
        is_unowned=query.owner == "none",
    )


def _searched(call: Call, query: models.TicketsQuery, text: str) -> Page[models.TicketListed]:
    """The tickets that words are about, best first."""
    start = call.position(int) or 0
    numbers = services().finding.find(text, _wanted(call, query), FOUND)
    with services().database.read() as connection:
        found = changed.in_order(connection, numbers)
    if query.updated_since is not None:
        found = [each for each in found if each.updated_at >= query.updated_since]
    end = start + query.limit
    return call.page([_listed(call, each) for each in found[start:end]], end if len(found) > end else None)


def _changed(call: Call, query: models.TicketsQuery, since: datetime) -> Page[models.TicketListed]:
    """The tickets that have changed, oldest change first."""
    after = call.position(tuple[datetime, int])
    with services().database.read() as connection:
        found = changed.page(connection, _wanted(call, query), since, after, query.limit + 1)
    shown = found[: query.limit]
    place = (shown[-1].updated_at, shown[-1].id) if len(found) > len(shown) else None
    return call.page([_listed(call, each) for each in shown], place)


def _listed(call: Call, ticket: Ticket) -> models.TicketListed:
    """A ticket as lists tell it."""
    return models.TicketListed(**_facts(call, ticket))


def _facts(call: Call, ticket: Ticket) -> dict[str, Any]:
    """What lists tell of a ticket."""
    names = (
        "kind", "status", "tier", "language", "subject", "priority", "urgency", "impact", "is_major", "is_confirmed",
        "topic", "occurrences", "due_clock", "version",
    )  # fmt: skip
    return {name: getattr(ticket, name) for name in names} | {
        "number": ticket.id,
        "owner": _person(ticket.owner_id, ticket.owner_name),
        "requester": _requester(ticket),
        "due": ticket.due_at,
        "created": ticket.created_at,
        "updated": ticket.updated_at,
        "url": absolute(url_for("desk.ticket", language=call.language, number=ticket.id)),
    }


def _person(number: int | None, name: str) -> models.PersonShown | None:
    """Somebody of the staff; None for nobody."""
    return models.PersonShown(id=number, name=name) if number is not None else None


def _requester(ticket: Ticket) -> models.RequesterShown | None:
    """Who waits; None for what the system has opened."""
    if ticket.kind in GAPS:
        return None
    return models.RequesterShown(
        name=ticket.requester_name, email=ticket.requester_email, phone=ticket.phone, callback=ticket.callback
    )


@endpoint("GET", "/tickets/{number}", tag=TAG, summary="Read a ticket", scope=Scope.TICKETS_READ)
def get_ticket(call: Call, path: models.NumberPath) -> models.TicketShown:
    """Everything that is known of a ticket, with its history and what can be done with it now."""
    with services().database.read() as connection:
        return _shown(call, connection, store.get(connection, path.number))


def _shown(call: Call, connection: Connection, ticket: Ticket, telling: models.Told = UNSET) -> models.TicketShown:
    """A ticket with its history."""
    names = ("query", "description", "page", "channel", "code", "resolution", "resolution_text", "duplicate_of")
    history = store.history(connection, ticket.id)
    rating = ratings.of_ticket(connection, ticket.id)
    call_task = open_call(callbacks.of_ticket(connection, ticket.id)) if ticket.status in AWAITED else None
    found = cases.of_ticket(connection, ticket.id)
    kept = {id(event) for event in history if event.action is Action.RETRACT}
    kept |= {id(event) for event in standing(history)}
    return models.TicketShown(
        **_facts(call, ticket),
        **{name: getattr(ticket, name) for name in names},
        article=ticket.slug,
        trail=list(ticket.trail),
        solved=ticket.solved_at,
        closed=ticket.closed_at,
        gap=ticket.gap_id,
        follows=ticket.follows_id,
        incident=ticket.incident_id,
        participants=[
            models.PersonShown(id=each.id, name=each.name) for each in swarm.participants(connection, ticket.id)
        ],
        call=call_task.id if call_task else None,
        cases=[each.id for each in found],
        rating=RatingShown(stars=rating.stars, comment=rating.comment) if rating else None,
        history=[_event(event, is_retracted=id(event) not in kept) for event in history],
        actions=possible(call.person, ticket, has_case=bool(found), has_call=call_task is not None),
        telling=telling,
    )


def _event(event: Event, *, is_retracted: bool) -> models.EventShown:
    """One line of a history."""
    return models.EventShown(
        at=event.at,
        action=event.action.value,
        person=_person(event.actor.person_id, event.actor.name),
        actor=event.actor.name,
        before=event.before,
        after=event.after,
        text=event.text,
        is_public=event.is_public,
        is_retracted=is_retracted,
        details=event.details,
    )


def _telling(came: Done) -> models.Telling:
    """Whom a message reached."""
    return models.Telling(told=list(came.done), known=list(came.known), refused=list(came.refused))


def _worked_on(call: Call, path: models.NumberPath, body: deeds.Act) -> models.TicketShown | models.Done:  # noqa: ARG001
    """The ticket as it stands, and, the first time, whom a message reached."""
    telling = _telling(call.came_to) if isinstance(call.came_to, Done) else UNSET
    with services().database.read() as connection:
        ticket = store.get(connection, path.number)
        if call.can(Scope.TICKETS_READ):
            return _shown(call, connection, ticket, telling)
    return models.Done(number=ticket.id, status=ticket.status, version=ticket.version, telling=telling)


@endpoint(
    "POST",
    "/tickets/{number}/actions",
    tag=TAG,
    summary="Work on a ticket",
    scope=Scope.TICKETS_WRITE,
    problems=("not-possible-now", "stale", "taken", "not-proven"),
    shows=_worked_on,
    example=deeds.AgentReply(text="The printer has been replaced. Does it print now?", version=3),
)
def act_on_ticket(call: Call, path: models.NumberPath, body: deeds.Act) -> None:
    """Everything that an agent can do on the ticket's page, in the name of the token's person.

    `actions` of the ticket names what can be done now. With `version` nothing is done where somebody else has changed
    the ticket since it was read. What is done twice within seconds is done once. A token without `tickets:read` is told
    number, status and version alone.
    """
    call.came_to = do(call, path.number, body)


@endpoint(
    "POST",
    "/tickets/{number}/supplier-preview",
    tag=TAG,
    summary="Preview what would leave for a supplier",
    scope=Scope.TICKETS_WRITE,
    is_read=True,
)
def preview_for_supplier(call: Call, path: models.NumberPath, body: models.BundleAsked) -> models.BundleShown:
    """Exactly what `send_supplier` would send, redacted; nothing is sent or stored. Needs `tickets:read`, too."""
    authenticate(Scope.TICKETS_READ)
    with services().database.read() as connection:
        ticket = store.get(connection, path.number)
        supplier = organisation.get(connection, Supplier, body.supplier)
        bundle = services().suppliers.preview(connection, ticket, supplier, body.text, call.person.name)
    return models.BundleShown(
        subject=bundle.subject, text=bundle.text, withheld=bundle.withheld, fingerprint=bundle.fingerprint
    )
