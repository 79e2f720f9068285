"""What may stand in an organisation's set-up: every value is checked before it is kept."""

from collections.abc import Callable, Mapping
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


def by_language(
    texts: Mapping[str, str], field_name: str, longest: int = NAME_LENGTH, *, is_needed: bool = False
) -> dict[str, str]:
    """Texts of the four languages; empty ones are left out.

    Raises:
        InvalidInput: see `long_text`; `missing` where one is needed and none is there.
    """
    clean = {code: long_text(texts.get(code, ""), f"{field_name}_{code}", longest) for code in CODES}
    kept = {code: text for code, text in clean.items() if text}
    if is_needed and not kept:
        raise InvalidInput(field_name, "missing")
    return kept


def check(item: Item) -> None:
    """Refuse what cannot be.

    Raises:
        InvalidInput: names the first field that is wrong, and why: `missing`, `invalid`, `too_long`, `out_of_range`.
    """
    _CHECKS[type(item)](item)


def _within(value: int | None, field_name: str, low: int, high: int) -> None:
    """Refuse a number out of its range; None is none."""
    if value is not None and not low <= value <= high:
        raise InvalidInput(field_name, "out_of_range")


def _check_calendar(calendar: Calendar) -> None:
    """A name, a zone that exists, and stretches in order that do not overlap."""
    one_line(calendar.name, "name")
    try:
        ZoneInfo(calendar.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("time_zone", "invalid") from None
    if len(calendar.week) != 7 or not any(calendar.week):
        raise InvalidInput("week", "missing")
    for day in calendar.week:
        edges = [edge for hours in day for edge in (hours.start, hours.end)]
        if any(first >= second for first, second in zip(edges[::2], edges[1::2], strict=True)) or edges != sorted(
            edges
        ):
            raise InvalidInput("week", "invalid")
    if len(calendar.holidays) > MOST:
        raise InvalidInput("holidays", "too_long")


def _check_tier(tier: Tier) -> None:
    """A number from 1 to 4, of which the first is always there."""
    _within(tier.number, "number", 1, SUPPLIER_TIER)
    by_language(tier.names, "names")
    _within(tier.minutes, "minutes", 1, MOST_MINUTES)
    if tier.number == 1 and not tier.is_active:
        raise InvalidInput("is_active", "invalid")


def _check_target(target: Target) -> None:
    """Minutes within a year."""
    _within(target.priority, "priority", 1, 6)
    _within(target.first_reply, "first_reply", 1, MOST_MINUTES)
    _within(target.resolution, "resolution", 1, MOST_MINUTES)


def _check_rule(rule: Rule) -> None:
    """Ranges; that nothing goes to a supplier by itself is `Organisation.above`'s matter."""
    one_line(rule.name, "name", is_needed=False)
    _within(rule.offset, "offset", -MOST_MINUTES, MOST_MINUTES)
    for field_name, values, high in (("tiers", rule.tiers, SUPPLIER_TIER), ("priorities", rule.priorities, 6)):
        for value in values:
            _within(value, field_name, 1, high)
    if not set(rule.languages) <= set(CODES):
        raise InvalidInput("languages", "invalid")


def _check_route(route: Route) -> None:
    """A topic, and a tier of our own."""
    if not is_slug(route.topic):
        raise InvalidInput("topic", "invalid")
    _within(route.tier, "tier", 1, SUPPLIER_TIER - 1)
    _within(route.impact, "impact", 1, 5)


def _check_supplier(supplier: Supplier) -> None:
    """A name, an address, and at least one language."""
    one_line(supplier.name, "name")
    clean_email(supplier.email)
    one_line(supplier.contact, "contact", is_needed=False)
    long_text(supplier.contract, "contract")
    if not supplier.languages or not set(supplier.languages) <= set(CODES):
        raise InvalidInput("languages", "missing")
    if not supplier.shared <= set(SHARED):
        raise InvalidInput("shared", "invalid")
    _within(supplier.answer_days, "answer_days", 1, 365)


def _check_reply(reply: SavedReply) -> None:
    """At least one text, and no field that nobody fills in."""
    one_line(reply.name, "name")
    for code, text in by_language(reply.texts, "texts", TEXT_LENGTH, is_needed=True).items():
        if not set(FIELD.findall(text)) <= set(FIELDS):
            raise InvalidInput(f"texts_{code}", "invalid")
    by_language(reply.checklist, "checklist", 2000)
    if reply.topic and not is_slug(reply.topic):
        raise InvalidInput("topic", "invalid")


def _check_policy(policy: Policy) -> None:
    """Numbers within their ranges."""
    _within(policy.close_days, "close_days", 0, 365)
    _within(policy.survey_percent, "survey_percent", 0, 100)
    _within(policy.most_open, "most_open", 1, 10_000)


_CHECKS: dict[type, Callable[[Any], None]] = {
    Calendar: _check_calendar,
    Tier: _check_tier,
    Target: _check_target,
    Rule: _check_rule,
    Route: _check_route,
    Supplier: _check_supplier,
    SavedReply: _check_reply,
    Policy: _check_policy,
}
