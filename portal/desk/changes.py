"""Changes to how the desk is set up: each is checked, stored and recorded in the one transaction that they share."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from portal.desk import clockwork
from portal.errors import InvalidInput, NotAllowed, StaleTicket
from portal.organisation import (
    MOST,
    TEXT_LENGTH,
    Calendar,
    Item,
    Policy,
    Route,
    Rule,
    SavedReply,
    Supplier,
    Target,
    Tier,
)
from portal.organisation_checks import by_language, check, long_text, one_line
from portal.people import Person, Right, clean_email, may
from portal.storage import audit
from portal.storage import organisation as store
from portal.storage.organisation import Kind
from portal.storage.uses import uses

#: What each kind is called in the audit log.
SUBJECTS: Mapping[type, str] = {
    Calendar: "calendar",
    Tier: "tier",
    Target: "target",
    Rule: "rule",
    Route: "route",
    Supplier: "supplier",
    SavedReply: "reply",
    Policy: "policy",
}
#: There are always the same ones of these; they are changed, but neither added nor removed.
FIXED = frozenset({Tier, Target, Policy})
#: By these tickets' clocks run.
TIMED = frozenset({Calendar, Tier, Target, Rule, Policy})
#: The key of the one policy.
POLICY_KEY = 1


def needed_right(kind: type) -> Right:
    """What somebody needs to set up a kind."""
    return Right.SUPERVISE if kind is SavedReply else Right.ADMINISTER


def key_of(item: Item) -> int | str:
    """By what an item is known among its kind."""
    key: int | str = POLICY_KEY if isinstance(item, Policy) else getattr(item, store.TABLES[type(item)][1])
    return key


def plain(item: Item) -> dict[str, Any]:
    """An item's values as JSON can hold them; without its version."""
    row = store.as_row(item)
    row.pop("version")
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


def clean(item: Item) -> Item:
    """An item with its texts tidied and nothing said twice.

    Raises:
        InvalidInput: a value breaks a rule; see `organisation_checks`.
    """
    check(item)
    match item:
        case Calendar():
            return replace(item, name=one_line(item.name, "name"), time_zone=item.time_zone.strip())
        case Tier():
            return replace(item, names=by_language(item.names, "names"))
        case Rule():
            return replace(
                item,
                name=one_line(item.name, "name", is_needed=False),
                tiers=tuple(sorted(set(item.tiers))),
                priorities=tuple(sorted(set(item.priorities))),
                languages=tuple(dict.fromkeys(item.languages)),
            )
        case Supplier():
            return replace(
                item,
                name=one_line(item.name, "name"),
                email=clean_email(item.email),
                contact=one_line(item.contact, "contact", is_needed=False),
                contract=long_text(item.contract, "contract"),
                languages=tuple(dict.fromkeys(item.languages)),
            )
        case SavedReply():
            return replace(
                item,
                name=one_line(item.name, "name"),
                texts=by_language(item.texts, "texts", TEXT_LENGTH),
                checklist=by_language(item.checklist, "checklist", TEXT_LENGTH),
            )
    return item


@dataclass(frozen=True)
class Step:
    """One change that was made."""

    action: str
    subject: str
    #: What people know it by.
    name: str
    #: The fields that changed.
    before: Mapping[str, Any]
    after: Mapping[str, Any]


class Changes:
    """The changes of one transaction.

    Args:
        connection: the transaction.
        by: who makes them; None for the command line.
        now: when.
        actor_name: what stands for a name where there is nobody.
    """

    def __init__(self, connection: Connection, by: Person | None, now: datetime, actor_name: str = "portal") -> None:
        self._connection = connection
        self._by = by
        self._now = now
        self._actor_name = actor_name
        #: What has been done so far.
        self.made: list[Step] = []
        self._is_timed = False

    def add(self, item: Item) -> int | str:
        """Store a new item; its number or key.

        Raises:
            NotAllowed: they have no right to.
            InvalidInput: a value breaks a rule, is `taken`, or there are `too_many`.
        """
        kind: Any = type(item)
        self._let(kind)
        if kind in FIXED:
            raise InvalidInput("number", "taken")
        item = clean(item)
        self._refer(item)
        if len(store.everything(self._connection, kind)) >= MOST:
            raise InvalidInput("name", "too_many")
        key = store.add(self._connection, item)
        made = {name: value for name, value in plain(item).items() if name != "id"}
        self._record("add", kind, key, {}, made)
        return key

    def change(self, item: Item) -> bool:
        """Store a changed item; whether it is another one than before.

        Raises:
            NotAllowed: they have no right to.
            NotFound: it is not there any more.
            StaleTicket: somebody has changed it since it was read.
            InvalidInput: a value breaks a rule, is `taken`, or the item is `in_use`.
        """
        kind: Any = type(item)
        key = key_of(item)
        self._let(kind)
        before: Item = store.get(self._connection, kind, key, lock=True)
        if before.version != item.version:
            raise StaleTicket(f"{kind.__name__} {key} has changed")
        item = clean(item)
        if item == before:
            return False
        self._refer(item)
        is_left = isinstance(item, Tier) and not item.is_active and isinstance(before, Tier) and before.is_active
        if is_left and uses(self._connection, Tier, key):
            raise InvalidInput("is_active", "in_use")
        store.save(self._connection, item)
        self._record("change", kind, key, plain(before), plain(item))
        return True

    def remove(self, kind: type[Kind], key: int | str) -> None:
        """Delete an item.

        Raises:
            NotAllowed: they have no right to.
            NotFound: it is not there any more.
            InvalidInput: something needs it: `in_use`.
        """
        self._let(kind)
        before = store.get(self._connection, kind, key, lock=True)
        if kind in FIXED or uses(self._connection, kind, key):
            raise InvalidInput("name", "in_use")
        store.remove(self._connection, kind, key)
        self._record("remove", kind, key, plain(before), {})

    def finish(self) -> None:
        """At the end: the clocks of all tickets run by what holds now."""
        if self._is_timed:
            clockwork.restart(self._connection)

    def _let(self, kind: type) -> None:
        """Refuse who may not."""
        if self._by is not None and not may(self._by, needed_right(kind)):
            raise NotAllowed(f"{self._by.email} may not set up {kind.__name__}")

    def _refer(self, item: Item) -> None:
        """Refuse a calendar that is not there, and a tier that is not used."""
        if isinstance(item, Tier | Policy):
            calendar_id(self._connection, item.calendar_id)
        if isinstance(item, Route):
            tier = store.get(self._connection, Tier, item.tier, lock=True)
            if not tier.is_active:
                raise InvalidInput("tier", "inactive")

    def _record(
        self, action: str, kind: type, key: int | str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Tell the audit log, and remember whether clocks are concerned."""
        self._is_timed |= kind in TIMED
        subject = SUBJECTS[kind]
        name = str(after.get("name") or before.get("name") or ("" if kind is Policy else key))
        changed = {field for field in {*before, *after} if before.get(field) != after.get(field)}
        was, now = ({field: value for field, value in each.items() if field in changed} for each in (before, after))
        self.made.append(Step(action, subject, name, was, now))
        audit.record(
            self._connection, self._now, self._by, action, subject, key, before, after, actor_name=self._actor_name
        )


def calendar_id(connection: Connection, number: int | None) -> None:
    """Refuse a calendar that is not there; one that is there stays until the transaction ends.

    Raises:
        InvalidInput: `calendar_id` is `invalid`.
    """
    there = {calendar.id for calendar in store.everything(connection, Calendar)}
    if number is not None and number not in there:
        raise InvalidInput("calendar_id", "invalid")
    if number is not None:
        store.get(connection, Calendar, number, lock=True)
