"""How the desk is set up and who works at it: read, changed and looked back upon."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from portal.articles import is_slug
from portal.desk.acting import act
from portal.desk.changes import SUBJECTS, Changes, calendar_id, key_of
from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket
from portal.locales import CODES
from portal.organisation import MOST, SUPPLIER_TIER, Item
from portal.organisation_checks import one_line
from portal.people import Person, Right, Role, may
from portal.storage import Database, assignment, audit, uses
from portal.storage import organisation as store
from portal.storage import people as people_store
from portal.storage.audit import Entry
from portal.storage.organisation import Kind
from portal.tickets import Action, Actor


class Administration:
    """The use cases of whoever sets the desk up.

    Args:
        database: where everything is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def everything(self, kind: type[Kind]) -> list[Kind]:
        """All items of a kind, by name or number."""
        with self._database.read() as connection:
            return store.everything(connection, kind)

    def get(self, kind: type[Kind], key: int | str) -> Kind:
        """One item.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as connection:
            return store.get(connection, kind, key)

    def uses(self, kind: type, key: int | str) -> dict[str, int]:
        """How many of what need an item; see `storage.uses`."""
        with self._database.read() as connection:
            return uses.uses(connection, kind, key)

    def add(self, by: Person | None, item: Item, now: datetime) -> int | str:
        """Store a new item; its number or key.

        Args:
            by: who adds it; None for the command line.
            item: new; its number does not count.
            now: when.

        Raises:
            NotAllowed, InvalidInput: see `Changes.add`.
        """
        with self._changing(by, now) as changes:
            return changes.add(item)

    def change(self, by: Person | None, item: Item, now: datetime) -> None:
        """Store a changed item.

        Raises:
            NotAllowed, NotFound, StaleTicket, InvalidInput: see `Changes.change`.
        """
        self.change_all(by, [item], now)

    def change_all(self, by: Person | None, items: Iterable[Item], now: datetime) -> None:
        """Store changed items, all of them or none.

        Raises:
            NotAllowed, NotFound, StaleTicket, InvalidInput: see `Changes.change`.
        """
        with self._changing(by, now) as changes:
            for item in items:
                changes.change(item)

    def remove(self, by: Person | None, kind: type[Kind], key: int | str, now: datetime) -> None:
        """Delete an item.

        Raises:
            NotAllowed, NotFound, InvalidInput: see `Changes.remove`.
        """
        with self._changing(by, now) as changes:
            changes.remove(kind, key)

    @contextmanager
    def _changing(self, by: Person | None, now: datetime) -> Iterator[Changes]:
        """One transaction of changes."""
        with self._database.write() as connection:
            changes = Changes(connection, by, now)
            yield changes
            changes.finish()

    def person(self, number: int) -> Person:
        """Somebody of the staff.

        Raises:
            NotFound: there is nobody.
        """
        with self._database.read() as connection:
            return _there(people_store.get(connection, number))

    def change_person(self, by: Person | None, changed: Person, now: datetime, actor_name: str = "portal") -> Person:
        """Store somebody's name, roles, tiers, languages, topics, hours, and whether they may sign in.

        Whose roles change, and who may not sign in any more, is signed out everywhere. Whoever cannot work on tickets
        then has no unsolved ones any more: they are given back. The address stays.

        Args:
            by: who does it; None for the command line.
            changed: with the version that was read.
            now: when.
            actor_name: what stands for a name where there is nobody.

        Raises:
            NotAllowed: they have no right to.
            NotFound: there is no such person.
            StaleTicket: somebody has changed them since they were read.
            InvalidInput: a value breaks a rule; `roles` are those of the `last_administrator`.
        """
        if by is not None and not may(by, Right.ADMINISTER):
            raise NotAllowed(f"{by.email} may not change people")
        changed = clean_person(changed)
        with self._database.write() as connection:
            # Nobody else is changed meanwhile, lest two administrators demote each other.
            uses.hold_people(connection)
            before = _there(people_store.get(connection, changed.id))
            if before.version != changed.version:
                raise StaleTicket(f"person {changed.id} has changed")
            changed = replace(changed, email=before.email)
            if changed == before:
                return before
            calendar_id(connection, changed.calendar_id)
            others = [each for each in people_store.everybody(connection) if each.id != before.id]
            if _administers(before) and not any(_administers(each) for each in (*others, changed)):
                raise InvalidInput("roles", "last_administrator")
            # Their tickets are locked before their own row is, as everywhere.
            left = [] if _works(changed) else assignment.owned(connection, changed.id)
            people_store.save(connection, changed)
            actor = Actor(by.id, by.name) if by else Actor(name=actor_name)
            for ticket in left:
                act(connection, ticket, Action.GIVE_BACK, now, actor, details={"left": before.name})
            facts = plain_person(before), plain_person(changed)
            audit.record(connection, now, by, "change", "person", changed.id, *facts, actor_name=actor_name)
        return replace(changed, version=changed.version + 1)

    def load(self) -> dict[str, dict[int, int]]:
        """How many unsolved tickets are at each tier (`tiers`), and with each person (`people`)."""
        with self._database.read() as connection:
            return {"tiers": uses.tickets_at(connection), "people": uses.tickets_of(connection)}

    def history(self, subject: str | None = None, after_id: int | None = None, limit: int = 50) -> list[Entry]:
        """The audit log, newest first; see `audit.newest`."""
        with self._database.read() as connection:
            return audit.newest(connection, subject, after_id, limit)

    def since(self, item: Item | Person) -> list[Entry]:
        """What others have made of an item since it was read, newest first.

        Every change raises the version by one and is one row of the log.

        Args:
            item: as it was read, with the version that it had then.
        """
        subject, key = ("person", item.id) if isinstance(item, Person) else (SUBJECTS[type(item)], key_of(item))
        with self._database.read() as connection:
            try:
                present = self._present(connection, item).version
            except NotFound:
                return audit.newest(connection, subject, limit=1, key=key)
            return audit.newest(connection, subject, limit=min(max(present - item.version, 0), MOST), key=key)

    @staticmethod
    def _present(connection: Connection, item: Item | Person) -> Item | Person:
        """An item as it is now.

        Raises:
            NotFound: it is not there any more.
        """
        if isinstance(item, Person):
            return _there(people_store.get(connection, item.id))
        kind: Any = type(item)
        found: Item = store.get(connection, kind, key_of(item))
        return found


def _there(found: Person | None) -> Person:
    """Somebody who is there.

    Raises:
        NotFound: there is nobody.
    """
    if found is None:
        raise NotFound("no such person")
    return found


def _administers(person: Person) -> bool:
    """Whether somebody can set the desk up."""
    return person.is_active and Role.ADMINISTRATOR in person.roles


def _works(person: Person) -> bool:
    """Whether somebody can work on tickets."""
    return person.is_active and may(person, Right.WORK_TICKETS)


def plain_person(person: Person) -> dict[str, Any]:
    """What the audit log keeps of somebody."""
    return {
        "name": person.name,
        "roles": sorted(role.value for role in person.roles),
        "tiers": list(person.tiers),
        "languages": list(person.languages),
        "topics": list(person.topics),
        "calendar_id": person.calendar_id,
        "is_active": person.is_active,
    }


def clean_person(person: Person) -> Person:
    """Somebody with their values tidied.

    Raises:
        InvalidInput: `name`, `roles`, `tiers`, `languages` or `topics` cannot be so.
    """
    if not person.roles:
        raise InvalidInput("roles", "missing")
    if not all(1 <= tier <= SUPPLIER_TIER for tier in person.tiers):
        raise InvalidInput("tiers", "invalid")
    if not set(person.languages) <= set(CODES):
        raise InvalidInput("languages", "invalid")
    if len(person.topics) > MOST or not all(is_slug(topic) for topic in person.topics):
        raise InvalidInput("topics", "invalid")
    return replace(
        person,
        name=one_line(person.name, "name"),
        tiers=tuple(sorted(set(person.tiers))),
        languages=tuple(dict.fromkeys(person.languages)),
        topics=tuple(sorted(set(person.topics))),
    )
