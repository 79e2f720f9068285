"""What may stand in an organisation's set-up: every value is checked before it is kept."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portal.articles import is_slug
from portal.errors import InvalidInput
from portal.locales import CODES
from portal.organisation import (
    FIELD,
    FIELDS,
    MOST,
    MOST_MINUTES,
    NAME_LENGTH,
    SHARED,
    SUPPLIER_TIER,
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
from portal.people import clean_email


def one_line(text: str, field_name: str, longest: int = NAME_LENGTH, *, is_needed: bool = True) -> str:
    """A short text on one line.

    Raises:
        InvalidInput: `missing`, `too_long`, or `invalid` for characters that cannot be shown.
    """
    text = " ".join(text.split())
    if is_needed and not text:
        raise InvalidInput(field_name, "missing")
    if len(text) > longest:
        raise InvalidInput(field_name, "too_long")
    if not text.isprintable():
        raise InvalidInput(field_name, "invalid")
    return text


def long_text(text: str, field_name: str, longest: int = TEXT_LENGTH) -> str:
    """A text of several lines.

    Raises:
        InvalidInput: `too_long`, or `invalid` for characters that cannot be shown.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > longest:
        raise InvalidInput(field_name, "too_long")
    if not all(character.isprintable() or character in "\n\t" for character in text):
        raise InvalidInput(field_name, "invalid")
    return text


def by_language(texts: Mapping[str, str], field_name: str, longest: int = NAME_LENGTH) -> dict[str, str]:
    """Texts of the four languages; empty ones are left out.

    Raises:
        InvalidInput: see `long_text`.
    """
    clean = {code: long_text(texts.get(code, ""), f"{field_name}_{code}", longest) for code in CODES}
    return {code: text for code, text in clean.items() if text}


def check(item: Item) -> None:
    """Refuse what cannot be.

    Raises:
        InvalidInput: names the first field of `faults`.
    """
    for field_name, code in faults(item).items():
        raise InvalidInput(field_name, code)


def faults(item: Item) -> dict[str, str]:
    """All that cannot be: why, by field.

    Returns:
        `missing`, `invalid`, `too_long` or `out_of_range` for each field that breaks a rule, in the order of the rules.
    """
    found: dict[str, str] = {}
    for rule in _RULES[type(item)]:
        try:
            rule(item)
        except InvalidInput as error:
            found.setdefault(error.field, error.code)
    return found


#: Looks at one side of an item, and refuses it.
_Rule = Callable[[Any], object]


def _within(name: str, low: int, high: int) -> _Rule:
    """A number within its range, or each of several; None is none."""

    def check_range(item: Any) -> None:
        value = getattr(item, name)
        for each in value if isinstance(value, tuple) else (value,):
            if each is not None and not low <= each <= high:
                raise InvalidInput(name, "out_of_range")

    return check_range


def _named(name: str = "name", *, is_needed: bool = True) -> _Rule:
    """A short text."""
    return lambda item: one_line(getattr(item, name), name, is_needed=is_needed)


def _texts(name: str, longest: int = NAME_LENGTH) -> list[_Rule]:
    """A text of each language."""
    return [partial(_check_text, name, code, longest) for code in CODES]


def _check_text(name: str, code: str, longest: int, item: Any) -> None:
    """A text of one language, and no field in it that nobody fills in."""
    text = long_text(getattr(item, name).get(code, ""), f"{name}_{code}", longest)
    if isinstance(item, SavedReply) and name == "texts" and not set(FIELD.findall(text)) <= set(FIELDS):
        raise InvalidInput(f"{name}_{code}", "invalid")


def _that(name: str, code: str, is_right: Callable[[Any], object]) -> _Rule:
    """Anything else that is to be so."""

    def check_that(item: Any) -> None:
        if not is_right(item):
            raise InvalidInput(name, code)

    return check_that


def _is_zone(calendar: Calendar) -> bool:
    """Whether the time zone exists."""
    try:
        ZoneInfo(calendar.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_in_order(calendar: Calendar) -> bool:
    """Whether the stretches of each day end after they begin, and do not overlap."""
    for day in calendar.week:
        edges = [edge for hours in day for edge in (hours.start, hours.end)]
        if any(first >= second for first, second in zip(edges[::2], edges[1::2], strict=True)):
            return False
        if edges != sorted(edges):
            return False
    return True


#: In which order they are told. That nothing goes to a supplier by itself is `Organisation.above`'s matter.
_RULES: dict[type, list[_Rule]] = {
    Calendar: [
        _named(),
        _that("time_zone", "invalid", _is_zone),
        _that("week", "missing", lambda calendar: len(calendar.week) == 7 and any(calendar.week)),
        _that("week", "invalid", _is_in_order),
        _that("holidays", "too_long", lambda calendar: len(calendar.holidays) <= MOST),
    ],
    Tier: [
        _within("number", 1, SUPPLIER_TIER),
        *_texts("names"),
        _within("minutes", 1, MOST_MINUTES),
        _that("is_active", "invalid", lambda tier: tier.number != 1 or tier.is_active),
    ],
    Target: [
        _within("priority", 1, 6),
        _within("first_reply", 1, MOST_MINUTES),
        _within("resolution", 1, MOST_MINUTES),
    ],
    Rule: [
        _named(is_needed=False),
        _within("offset", -MOST_MINUTES, MOST_MINUTES),
        _within("tiers", 1, SUPPLIER_TIER),
        _within("priorities", 1, 6),
        _that("languages", "invalid", lambda rule: set(rule.languages) <= set(CODES)),
    ],
    Route: [
        _that("topic", "invalid", lambda route: is_slug(route.topic)),
        _within("tier", 1, SUPPLIER_TIER - 1),
        _within("impact", 1, 5),
    ],
    Supplier: [
        _named(),
        lambda supplier: clean_email(supplier.email),
        _named("contact", is_needed=False),
        lambda supplier: long_text(supplier.contract, "contract"),
        _that("languages", "missing", lambda it: it.languages and set(it.languages) <= set(CODES)),
        _that("shared", "invalid", lambda supplier: supplier.shared <= set(SHARED)),
        _within("answer_days", 1, 365),
    ],
    SavedReply: [
        _named(),
        *_texts("texts", TEXT_LENGTH),
        _that("texts", "missing", lambda reply: any(reply.texts.get(code, "").strip() for code in CODES)),
        *_texts("checklist", 2000),
        _that("topic", "invalid", lambda reply: not reply.topic or is_slug(reply.topic)),
    ],
    Policy: [
        _within("close_days", 0, 365),
        _within("survey_percent", 0, 100),
        _within("most_open", 1, 10_000),
    ],
}
