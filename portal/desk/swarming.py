"""Colleagues help with a ticket whose owner stays."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from portal.desk.acting import act
from portal.errors import InvalidInput
from portal.lifecycle import allowed
from portal.people import Person
from portal.storage import people as people_store
from portal.storage import swarm as store
from portal.storage.notices import About
from portal.telling import of_change
from portal.tickets import Action, Actor, Ticket

#: How many can be invited at once.
MOST = 20


def invite(
    connection: Connection, ticket: Ticket, person: Person, invited: Sequence[int], text: str, now: datetime
) -> Ticket:
    """Invite people to a ticket, which is locked; see `Desk.swarm`."""
    chosen = list(dict.fromkeys(invited))
    if len(chosen) > MOST:
        raise InvalidInput("invite", "too_many")
    by_id = {each.id: each for each in people_store.everybody(connection) if each.is_active}
    if any(each not in by_id for each in chosen):
        raise InvalidInput("invite", "invalid")
    owner_id = ticket.owner_id if ticket.owner_id is not None else person.id
    others = [each for each in chosen if each not in {owner_id, person.id}]
    if not others:
        raise InvalidInput("invite", "missing")
    there = store.known(connection, ticket.id)
    new = [by_id[each] for each in others if each not in there]
    if not new:
        return ticket
    actor = Actor(person.id, person.name)
    if ticket.owner_id is None:
        ticket, _ = act(connection, ticket, Action.TAKE, now, actor)
    details = {"invited": ", ".join(each.name for each in new)}
    changed, event = act(connection, ticket, Action.SWARM, now, actor, text=text, details=details)
    store.join(connection, ticket.id, [each.id for each in new], now)
    for each in new:
        of_change(connection, each.id, About.INVITED, changed, event, now)
    return changed


def leave(connection: Connection, ticket: Ticket, person: Person, now: datetime) -> Ticket:
    """Somebody helps with a ticket no longer, which is locked; where it has ended, its history stays as it is."""
    if not store.leave(connection, ticket.id, person.id) or Action.SWARM not in allowed(ticket):
        return ticket
    actor = Actor(person.id, person.name)
    return act(connection, ticket, Action.SWARM, now, actor, details={"left": person.name})[0]
