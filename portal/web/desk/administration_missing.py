"""What is missing in how the desk is set up, in words, and where it can be mended."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from flask import url_for
from flask_babel import gettext, ngettext

from portal.desk.administration import Administration
from portal.locales import CODES
from portal.organisation import (
    SUPPLIER_TIER,
    Calendar,
    Clock,
    Effect,
    Route,
    Rule,
    SavedReply,
    Supplier,
    Tier,
)
from portal.people import Person
from portal.storage.audit import Entry
from portal.web import labels
from portal.web.desk import administration_words as words

#: From how many days on a last backup is told of.
BACKUP_DAYS = 2


@dataclass(frozen=True)
class Missing:
    """A sentence, and the address of the page where somebody can do something about it."""

    text: str
    address: str


def missing(
    administration: Administration, people: Iterable[Person], topics: Iterable[str], today: date
) -> list[Missing]:
    """Everything that somebody should look after.

    Args:
        administration: what is set up.
        people: the staff.
        topics: of the articles; none while nothing is published.
        today: in UTC.
    """
    active = [each for each in people if each.is_active and each.tiers]
    suppliers = [each for each in administration.everything(Supplier) if each.is_active]
    return [
        *_tiers(administration.everything(Tier), administration.everything(Rule), active, bool(suppliers)),
        *_languages(active),
        *_holidays(administration.everything(Calendar), today),
        *_contracts(suppliers, today),
        *_replies(administration.everything(SavedReply)),
        *_topics(administration.everything(Route), set(topics)),
        *_backups(administration.history("backup", limit=1), today),
    ]


def _backups(newest: list[Entry], today: date) -> Iterator[Missing]:
    """A last backup of the day before yesterday, or of earlier; who uses other tools has none here."""
    for entry in newest:
        days = (today - entry.at.date()).days
        if days >= BACKUP_DAYS:
            said = ngettext(
                "The last backup was made %(num)s day ago.", "The last backup was made %(num)s days ago.", days
            )
            yield Missing(said, url_for("desk.admin_audit", kind="backup"))


def _tiers(tiers: list[Tier], rules: list[Rule], active: list[Person], has_supplier: bool) -> Iterator[Missing]:
    """Tiers that nobody serves, and those whose time runs out without consequence."""
    used = [tier for tier in tiers if tier.is_active]
    passing = [rule for rule in rules if rule.is_active and (rule.clock, rule.effect) == (Clock.TIER, Effect.ESCALATE)]
    for tier in used:
        name = labels.tier(tier.number)
        if tier.number == SUPPLIER_TIER:
            if not has_supplier:
                said = gettext("%(tier)s is in use, but there is no supplier.", tier=name)
                yield Missing(said, url_for("desk.admin_suppliers"))
            continue
        if not any(tier.number in each.tiers for each in active):
            yield Missing(gettext("Nobody serves %(tier)s.", tier=name), url_for("desk.admin_people"))
        has_next = any(tier.number < other.number < SUPPLIER_TIER for other in used)
        if tier.minutes and has_next and not any(not rule.tiers or tier.number in rule.tiers for rule in passing):
            said = gettext("%(tier)s has a time for a first action, but no rule passes on what it leaves.", tier=name)
            yield Missing(said, url_for("desk.admin_rules"))


def _languages(active: list[Person]) -> Iterator[Missing]:
    """Languages that nobody answers in."""
    for code in CODES:
        if not any(code in each.languages for each in active):
            said = gettext("Nobody answers in this language: %(language)s.", language=words.language(code))
            yield Missing(said, url_for("desk.admin_people"))


def _holidays(calendars: list[Calendar], today: date) -> Iterator[Missing]:
    """Calendars that work through the year."""
    for calendar in calendars:
        if not any(day.year == today.year for day in calendar.holidays):
            said = gettext("No holidays in %(year)s: %(name)s.", year=str(today.year), name=calendar.name)
            yield Missing(said, url_for("desk.admin_calendar", number=calendar.id))


def _contracts(suppliers: list[Supplier], today: date) -> Iterator[Missing]:
    """Contracts that have ended."""
    for supplier in suppliers:
        if supplier.contract_until and supplier.contract_until < today:
            said = gettext("The contract has ended: %(name)s.", name=supplier.name)
            yield Missing(said, url_for("desk.admin_supplier", number=supplier.id))


def _replies(replies: list[SavedReply]) -> Iterator[Missing]:
    """Saved replies that do not exist in every language."""
    for reply in replies:
        lacking = ", ".join(words.language(code) for code in CODES if code not in reply.texts)
        if reply.is_active and lacking:
            said = gettext(
                "A saved reply does not exist in every language: %(name)s (missing: %(languages)s).",
                name=reply.name,
                languages=lacking,
            )
            yield Missing(said, url_for("desk.admin_reply", number=reply.id))


def _topics(routes: list[Route], topics: set[str]) -> Iterator[Missing]:
    """Routes of topics that no article has any more."""
    for route in routes:
        if topics and route.topic not in topics:
            said = gettext("No article has this topic any more: %(topic)s.", topic=route.topic)
            yield Missing(said, url_for("desk.admin_topics"))
