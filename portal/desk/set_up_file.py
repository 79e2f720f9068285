"""The set-up of a desk as a file has it: its parts and fields, read strictly."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from portal.desk import hours
from portal.errors import InvalidInput, PortalError
from portal.locales import CODES
from portal.organisation import (
    MOST,
    Calendar,
    Clock,
    Effect,
    Policy,
    Route,
    Rule,
    SavedReply,
    Supplier,
    Target,
    Tier,
)

#: The parts of the file, in its order.
SECTIONS: Mapping[str, type] = {
    "policy": Policy,
    "calendars": Calendar,
    "tiers": Tier,
    "targets": Target,
    "rules": Rule,
    "routes": Route,
    "suppliers": Supplier,
    "saved_replies": SavedReply,
}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class BadSetUp(PortalError):
    """What was given cannot be a desk's set-up.

    Args:
        problems: a sentence each, with the path of the value.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Draft:
    """An item as it is wanted; its calendar is still a name."""

    path: str
    item: Any
    #: Only of tiers and the policy.
    calendar: str | None = None


def _text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise ValueError("must be text; put it in quotation marks")
    return value


def _whole(value: Any) -> int:
    """A whole number."""
    if type(value) is not int:
        raise ValueError("must be a whole number")
    return value


def _minutes(value: Any) -> int | None:
    """Minutes; none where nothing is promised."""
    return None if value is None else _whole(value)


def _yes(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _many(read: Callable[[Any], Any], make: Callable[[Iterable[Any]], Any] = tuple) -> Callable[[Any], Any]:
    """Reader of a list."""

    def read_list(value: Any) -> Any:
        if not isinstance(value, list) or len(value) > MOST:
            raise ValueError(f"must be a list of at most {MOST}")
        return make([read(each) for each in value])

    return read_list


def _texts(value: Any) -> dict[str, str]:
    """Texts by language."""
    if not isinstance(value, dict) or not set(value) <= set(CODES):
        raise ValueError(f"must be texts by language ({', '.join(CODES)})")
    return {code: _text(text) for code, text in value.items()}


def _word(kind: type[StrEnum]) -> Callable[[Any], StrEnum]:
    """Reader of one word of an enumeration."""

    def read_word(value: Any) -> StrEnum:
        if not isinstance(value, str) or value not in set(kind):
            raise ValueError("must be one of " + ", ".join(kind))
        return kind(value)

    return read_word


def _day(value: Any) -> date:
    """A day."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    try:
        return hours.read_day(_text(value), "day")
    except (InvalidInput, ValueError):
        raise ValueError("must be a day such as 2026-12-25") from None


def _week(value: Any) -> Any:
    """Stretches by weekday from texts."""
    if not isinstance(value, dict) or not set(value) <= set(WEEKDAYS):
        raise ValueError(f"must be hours by weekday ({', '.join(WEEKDAYS)})")
    try:
        return tuple(hours.read_stretches(_text(value.get(day, ""))) for day in WEEKDAYS)
    except InvalidInput:
        raise ValueError("must have hours such as “09:00–12:00, 13:00–17:00”") from None


def _calendar(value: Any) -> str | None:
    """A calendar's name."""
    return None if value is None else _text(value)


#: How each field is read; what is not here is no field.
READERS: Mapping[type, Mapping[str, Callable[[Any], Any]]] = {
    Policy: {
        "close_days": _whole,
        "survey_percent": _whole,
        "is_automatic": _yes,
        "most_open": _whole,
        "calendar": _calendar,
    },
    Calendar: {"name": _text, "time_zone": _text, "week": _week, "holidays": _many(_day, frozenset)},
    Tier: {"number": _whole, "names": _texts, "is_active": _yes, "minutes": _minutes, "calendar": _calendar},
    Target: {"priority": _whole, "first_reply": _minutes, "resolution": _minutes},
    Rule: {
        "name": _text,
        "clock": _word(Clock),
        "offset": _whole,
        "effect": _word(Effect),
        "tiers": _many(_whole),
        "priorities": _many(_whole),
        "languages": _many(_text),
        "is_unowned": _yes,
        "is_active": _yes,
    },
    Route: {"topic": _text, "tier": _whole, "impact": _whole},
    Supplier: {
        "name": _text,
        "email": _text,
        "contact": _text,
        "languages": _many(_text),
        "contract": _text,
        "contract_until": lambda value: None if value is None else _day(value),
        "shared": _many(_text, frozenset),
        "answer_days": _whole,
        "is_active": _yes,
    },
    SavedReply: {"name": _text, "texts": _texts, "checklist": _texts, "topic": _text, "is_active": _yes},
}
#: By what an item of the file is the same as one that is there; rules have no name of their own.
NAMED_BY: Mapping[type, str] = {
    Calendar: "name",
    Tier: "number",
    Target: "priority",
    Route: "topic",
    Supplier: "name",
    SavedReply: "name",
}


def read(plain: Any) -> dict[type, list[Draft]]:
    """What a file wants, by kind; kinds of which it says nothing are left out.

    Raises:
        BadSetUp: with every value that is unknown, missing or of the wrong type.
    """
    if not isinstance(plain, dict):
        raise BadSetUp(["It must be sections such as tiers and rules."])
    problems = [f"{key}: is no section; known are {', '.join(SECTIONS)}" for key in plain if key not in SECTIONS]
    found: dict[type, list[Draft]] = {}
    for section, kind in SECTIONS.items():
        if section not in plain:
            continue
        given = [plain[section]] if kind is Policy else plain[section]
        if not isinstance(given, list) or len(given) > MOST:
            problems.append(f"{section}: must be a list of at most {MOST}")
            continue
        paths = [section if kind is Policy else f"{section}[{place}]" for place in range(len(given))]
        drafts = [_draft(kind, value, path, problems) for path, value in zip(paths, given, strict=True)]
        found[kind] = [draft for draft in drafts if draft]
        problems += _repeated(kind, found[kind])
    if problems:
        raise BadSetUp(problems)
    return found


def _draft(kind: type, value: Any, path: str, problems: list[str]) -> Draft | None:
    """One item of a file; None where something is wrong with it."""
    if not isinstance(value, dict):
        problems.append(f"{path}: must be fields such as {', '.join(list(READERS[kind])[:2])}")
        return None
    before = len(problems)
    readers = READERS[kind]
    needed = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}
    problems += [f"{path}.{key}: is no field; known are {', '.join(readers)}" for key in value if key not in readers]
    problems += [f"{path}.{key}: is missing" for key in readers if key in needed and key not in value]
    values: dict[str, Any] = {}
    for key in value.keys() & readers.keys():
        try:
            values[key] = readers[key](value[key])
        except ValueError as error:
            problems.append(f"{path}.{key}: {error}")
    if len(problems) > before:
        return None
    calendar = values.pop("calendar", None)
    if "id" in {each.name for each in fields(kind)}:
        values["id"] = 0
    return Draft(path, kind(**values), calendar)


def _repeated(kind: type, drafts: Iterable[Draft]) -> list[str]:
    """Items that the file has twice."""
    seen: set[Any] = set()
    twice = []
    for draft in drafts:
        name = getattr(draft.item, NAMED_BY.get(kind, ""), None)
        if name is not None and name in seen:
            twice.append(f"{draft.path}.{NAMED_BY[kind]}: stands twice")
        seen.add(name)
    return twice
