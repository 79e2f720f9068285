"""Who of the staff is told what about a ticket."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from portal.people import Person, Right, may
from portal.storage import notices, swarm
from portal.storage import people as people_store
from portal.storage.notices import About
from portal.tickets import Event, Ticket

#: Signs that join the parts of a word or an address: what they continue is another name.
_JOINING = frozenset("-.+'’@")
#: Most people who are told of one ticket.
MOST_TOLD = 50


def mentions(text: str, people: Iterable[Person]) -> list[Person]:
    """The people whose name stands after an @ in a text, each once, in the order of the text.

    Args:
        text: such as “ask @Mia Lindt, @boris or @kim@example.org”: a full name, a first name, the first part of an
            address or all of it, in any case.
        people: of the staff; who is not active is not meant.

    A name that several have means none of them; the longest one that fits counts.
    """
    known: dict[str, set[int]] = {}
    active = {person.id: person for person in people if person.is_active}
    for person in active.values():
        name = _plain(person.name)
        for key in {name, name.partition(" ")[0], _plain(person.email), _plain(person.email).partition("@")[0]}:
            known.setdefault(key, set()).add(person.id)
    known.pop("", None)
    longest = max(map(len, known), default=0)
    plain = _plain(text)
    found: dict[int, Person] = {}
    start = plain.find("@")
    while start >= 0 and longest:
        key = _name_at(plain, start, known, longest)
        if key and len(known[key]) == 1:
            (one,) = known[key]
            found[one] = active[one]
        start = plain.find("@", start + 1 + len(key))
    return list(found.values())


def _plain(text: str) -> str:
    """Text as names are compared: no case, one blank, composed, ё as е."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return " ".join(folded.replace("ё", "е").split())


def _name_at(text: str, start: int, known: dict[str, set[int]], longest: int) -> str:
    """The longest known name after the @ at a position; empty where there is none."""
    if start and text[start - 1].isalnum():
        return ""
    for end in range(min(len(text), start + 1 + longest), start + 1, -1):
        if text[start + 1 : end] in known and not _goes_on(text, end):
            return text[start + 1 : end]
    return ""


def _goes_on(text: str, end: int) -> bool:
    """Whether the word that ends at a position goes on there."""
    after, following = text[end : end + 1], text[end + 1 : end + 2]
    return after.isalnum() or after == "_" or (after in _JOINING and following.isalnum())


def of_mentions(connection: Connection, ticket: Ticket, event: Event, now: datetime) -> list[Person]:
    """Tell those whose names stand in a note; who they are.

    Args:
        connection: of the note's transaction.
        ticket: as it is after the note.
        event: the note.
        now: aware, UTC.
    """
    if "@" not in event.text:
        return []
    meant = mentions(event.text, people_store.everybody(connection))
    told = [person for person in meant if person.id != event.actor.person_id]
    for person in told:
        _tell(connection, person.id, About.MENTION, ticket, event, now)
    return told


def concerned(connection: Connection, ticket: Ticket) -> list[Person]:
    """Whom a request concerns: its owner; where nobody has it or they have left, those of its tier, at most `MOST_TOLD`."""
    staff = [person for person in people_store.everybody(connection) if person.is_active]
    owner = [person for person in staff if person.id == ticket.owner_id]
    return (
        owner
        or [person for person in staff if ticket.tier in person.tiers and may(person, Right.WORK_TICKETS)][:MOST_TOLD]
    )


def of_reply(connection: Connection, ticket: Ticket, event: Event, now: datetime) -> None:
    """Tell those whom a request concerns, and who helps them, that its requester has written.

    Args:
        connection: of the transaction of the requester's reply.
        ticket: as it is after the reply and after it was saved.
        event: the reply.
        now: aware, UTC.
    """
    helping = [each.id for each in swarm.participants(connection, ticket.id)]
    for person_id in [*(each.id for each in concerned(connection, ticket)), *helping]:
        _tell(connection, person_id, About.REPLY, ticket, event, now)


def of_change(
    connection: Connection, person_id: int, about: About, ticket: Ticket, event: Event, now: datetime
) -> None:
    """Tell somebody what a colleague or the system has done to a ticket; nobody is told what they did themselves."""
    if person_id != event.actor.person_id:
        _tell(connection, person_id, about, ticket, event, now)


def _tell(connection: Connection, person_id: int, about: About, ticket: Ticket, event: Event, now: datetime) -> None:
    """Tell somebody of an event, once."""
    key = f"{about.value}-{ticket.id}-{ticket.version}"
    notices.tell(
        connection, person_id, about, key, now, ticket_id=ticket.id, actor_name=event.actor.name, text=event.text
    )
