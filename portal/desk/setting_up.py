"""The whole set-up of a desk at once: written down, and made what a file wants, wholly or not at all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from portal.desk import hours
from portal.desk.changes import FIXED, Changes, Step
from portal.desk.set_up_file import NAMED_BY, READERS, SECTIONS, WEEKDAYS, BadSetUp, Draft
from portal.errors import InvalidInput
from portal.organisation import MOST, Calendar, Item, Policy, Route, Rule, SavedReply, Supplier, Target, Tier
from portal.storage import Database
from portal.storage import organisation as store

#: What a broken rule is called.
FAULTS: Mapping[str, str] = {
    "missing": "is missing",
    "invalid": "cannot be so",
    "too_long": "is too long",
    "too_many": f"would be more than {MOST}",
    "out_of_range": "is out of its range",
    "invalid_email": "is no email address",
    "taken": "is there already",
    "in_use": "is still needed by something else",
    "inactive": "is a tier that is not used",
}


def export(connection: Connection) -> dict[str, Any]:
    """Everything that is set up but the people, as plain values."""
    names = {calendar.id: calendar.name for calendar in store.everything(connection, Calendar)}
    found: dict[str, Any] = {}
    for section, kind in SECTIONS.items():
        known: Any = kind
        items: list[Any] = store.everything(connection, known)
        if kind is Rule:
            items.sort(key=lambda rule: rule.id)
        found[section] = [_plain(item, names) for item in items]
    found["policy"] = found["policy"][0]
    return found


def _plain(item: Item, calendars: Mapping[int, str]) -> dict[str, Any]:
    """An item for a file."""
    row = store.as_row(item)
    if isinstance(item, Calendar):
        row["week"] = {day: hours.stretches(item.week[place]) for place, day in enumerate(WEEKDAYS) if item.week[place]}
    if isinstance(item, Tier | Policy):
        row["calendar"] = calendars.get(row["calendar_id"])
    return {name: row[name] for name in READERS[type(item)]}


def bring_about(
    database: Database, wanted: Mapping[type, Sequence[Draft]], now: datetime, actor_name: str, *, is_dry: bool = False
) -> list[Step]:
    """Make the desk what a file wants, wholly or not at all.

    Of each kind that it names the file has everything: what it lacks is removed. Tiers, priorities and the policy are
    always there; those that it lacks stay as they are.

    Args:
        database: where the desk is.
        wanted: see `read`.
        now: when.
        actor_name: who the audit log says it was.
        is_dry: only say what would be done.

    Raises:
        BadSetUp: a value breaks a rule, or what would be removed is in use.
    """
    with database.write() as connection:
        changes = Changes(connection, None, now, actor_name)
        _Applying(connection, changes, wanted).run()
        changes.finish()
        if is_dry:
            connection.rollback()
    return changes.made


class _Applying:
    """One file, one transaction."""

    def __init__(self, connection: Connection, changes: Changes, wanted: Mapping[type, Sequence[Draft]]) -> None:
        self._connection = connection
        self._changes = changes
        self._wanted = wanted

    def run(self) -> None:
        """In an order in which nothing refers to what is not there yet, or not there any more."""
        self._put(Calendar, removes=False)
        self._put(Tier, only=lambda draft: draft.item.is_active)
        self._put(Target)
        self._put(Policy)
        self._put(Route)
        self._put(Tier, only=lambda draft: not draft.item.is_active)
        for kind in (Rule, Supplier, SavedReply, Calendar):
            self._put(kind)

    def _put(self, kind: type, *, only: Callable[[Draft], bool] = lambda _draft: True, removes: bool = True) -> None:
        """Add, change and remove the items of a kind."""
        if kind not in self._wanted:
            return
        known: Any = kind
        present: list[Any] = store.everything(self._connection, known)
        pairs = _pairs(kind, present, self._wanted[kind])
        for draft, there in pairs:
            if only(draft):
                with _at(draft.path):
                    self._one(draft, there)
        if removes and kind not in FIXED:
            kept = {id(there) for _, there in pairs if there is not None}
            for item in present:
                if id(item) not in kept:
                    name = getattr(item, NAMED_BY.get(kind, "id"))
                    with _at(f"{_section(kind)}: {name} is not in the file but", is_whole=True):
                        self._changes.remove(known, getattr(item, store.TABLES[kind][1]))

    def _one(self, draft: Draft, there: Any) -> None:
        """Add or change one item."""
        item = draft.item
        if isinstance(item, Tier | Policy):
            item = replace(item, calendar_id=self._calendar(draft.calendar))
        if there is None:
            self._changes.add(item)
        else:
            same = {"version": there.version} | ({"id": there.id} if hasattr(there, "id") else {})
            self._changes.change(replace(item, **same))

    def _calendar(self, name: str | None) -> int | None:
        """The number of a calendar.

        Raises:
            InvalidInput: there is none of this name.
        """
        if name is None:
            return None
        for calendar in store.everything(self._connection, Calendar):
            if calendar.name == name:
                return calendar.id
        raise InvalidInput("calendar", "invalid")


def _section(kind: type) -> str:
    """What a kind is called in the file."""
    return next(section for section, each in SECTIONS.items() if each is kind)


@contextmanager
def _at(path: str, *, is_whole: bool = False) -> Iterator[None]:
    """Say where in the file a broken rule is: at a field, or with an item as a whole."""
    try:
        yield
    except InvalidInput as error:
        where = path if is_whole else f"{path}.{error.field}:"
        raise BadSetUp([f"{where} {FAULTS.get(error.code, error.code)}"]) from None


def _pairs(kind: type, present: Sequence[Any], wanted: Sequence[Draft]) -> list[tuple[Draft, Any]]:
    """Each wanted item with the one that is there already, or None."""
    if kind is Policy:
        return [(draft, present[0]) for draft in wanted]
    if kind is not Rule:
        there = {getattr(item, NAMED_BY[kind]): item for item in present}
        return [(draft, there.get(_key(kind, draft))) for draft in wanted]
    # First what is the same, then what has the same name, then what does the same by the same clock.
    left, found = list(present), dict.fromkeys(range(len(wanted)))
    for likeness in (
        lambda rule: (replace(rule, id=0, version=1),),
        lambda rule: (rule.name,) if rule.name else None,
        lambda rule: (rule.clock, rule.effect),
    ):
        for place, draft in enumerate(wanted):
            mark = likeness(draft.item)
            match = next((rule for rule in left if mark and likeness(rule) == mark), None)
            if found[place] is None and match is not None:
                found[place] = match
                left.remove(match)
    return [(draft, found[place]) for place, draft in enumerate(wanted)]


def _key(kind: type, draft: Draft) -> Any:
    """By what a wanted item is known; names as they will be stored."""
    key = getattr(draft.item, NAMED_BY[kind])
    return " ".join(key.split()) if isinstance(key, str) else key
