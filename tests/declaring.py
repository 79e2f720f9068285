"""What the tests of major incidents share: one that is declared, and requests that it affects."""

from collections.abc import Mapping
from typing import Any

from portal.desk.incidents import Incidents
from portal.people import Person, Role
from portal.storage import Database
from portal.tickets import Ticket
from tests.builders import NOW
from tests.storing import POSTING, add, agent, get

TEXTS = {"en": "Mail is down.", "de": "E-Mail ist gestört."}


def supervisor(database: Database) -> Person:
    """Somebody who may declare incidents."""
    return agent(database, "sue@example.org", name="Sue Hart", roles=frozenset({Role.SUPERVISOR}))


def declared(database: Database, texts: Mapping[str, str] = TEXTS, **changes: Any) -> tuple[Incidents, Person, Ticket]:
    """A major incident, just declared, and who declared it."""
    incidents, sue = Incidents(database, POSTING), supervisor(database)
    found = add(database, subject="Mail does not work", **changes)
    return incidents, sue, incidents.declare(sue, found.id, texts, NOW, found.version)


def affected(database: Database, incidents: Incidents, sue: Person, incident: Ticket, **changes: Any) -> Ticket:
    """A request that an incident affects."""
    found = add(database, **changes)
    assert incidents.link(sue, incident.id, [found.id], NOW).done == (found.id,)
    return get(database, found)
