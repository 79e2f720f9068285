"""Pages of the administration: what is set up, what is missing, and who changed what."""

from flask import request
from werkzeug.wrappers import Response

from portal.organisation import Calendar, Rule, SavedReply, Supplier, Target, Tier
from portal.people import Right, may
from portal.storage.audit import Entry
from portal.web import labels
from portal.web.desk import (
    administration_calendars,
    administration_people,
    administration_rules,
    administration_setup,
    administration_texts,
    administration_tokens,
    administration_webhooks,
    blueprint,
)
from portal.web.desk import administration_words as words
from portal.web.desk.administration_forms import page, topics
from portal.web.desk.administration_missing import missing
from portal.web.security import needs, person
from portal.web.services import services

#: Their views come with this module's.
__all__ = [
    "administration_calendars",
    "administration_people",
    "administration_rules",
    "administration_setup",
    "administration_texts",
    "administration_tokens",
    "administration_webhooks",
]

#: Rows on one page of the audit log.
PAGE_SIZE = 50


@blueprint.get("/administration/")
@needs(Right.SUPERVISE)
def administration() -> Response:
    """What is set up, and what is missing; supervisors are shown what is theirs."""
    found = services().administration
    counts = {"admin_replies": len(found.everything(SavedReply))}
    if not may(person(), Right.ADMINISTER):
        return page("overview", counts=counts, missing=[])
    people, named = services().staff.everybody(), topics()
    counts |= {
        "admin_people": sum(each.is_active for each in people),
        "admin_tiers": sum(tier.is_active for tier in found.everything(Tier)),
        "admin_targets": len(found.everything(Target)),
        "admin_calendars": len(found.everything(Calendar)),
        "admin_topics": len(named),
        "admin_rules": sum(rule.is_active for rule in found.everything(Rule)),
        "admin_tokens": sum(each.state(services().clock()) == "working" for each in services().api_tokens.everything()),
        "admin_webhooks": sum(each.is_active for each in services().webhooks.everything()),
        "admin_suppliers": sum(each.is_active for each in found.everything(Supplier)),
    }
    return page("overview", counts=counts, missing=missing(found, people, named, services().clock().date()))


@blueprint.get("/administration/audit")
@needs(Right.ADMINISTER)
def admin_audit() -> Response:
    """Who changed what, newest first."""
    kind = request.args.get("kind", "")
    subject = kind if kind in words.SUBJECT else None
    after = request.args.get("after", "")
    last = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else None
    entries = services().administration.history(subject, last, PAGE_SIZE + 1)
    shown = entries[:PAGE_SIZE]
    names = _names()
    rows = [(entry, names.get((entry.subject, entry.key)) or _name(entry)) for entry in shown]
    return page("audit", rows=rows, kind=subject or "", more=shown[-1].id if len(entries) > PAGE_SIZE else None)


def _names() -> dict[tuple[str, str], str]:
    """What people know those things by that are there, by subject and key."""
    found = services().administration
    named = {("person", str(each.id)): each.name for each in services().staff.everybody()}
    named |= {("route", topic): name for topic, name in topics().items()}
    named |= {("calendar", str(each.id)): each.name for each in found.everything(Calendar)}
    named |= {("supplier", str(each.id)): each.name for each in found.everything(Supplier)}
    named |= {("webhook", str(each.id)): each.name for each in services().webhooks.everything()}
    named |= {("reply", str(each.id)): each.name for each in found.everything(SavedReply)}
    named |= {("rule", str(each.id)): words.sentence(each) for each in found.everything(Rule)}
    named |= {("token", str(each.id)): each.name for each in services().api_tokens.everything()}
    named |= {("tier", str(number)): labels.tier(number) for number in range(1, 5)}
    return named | {("target", str(number)): words.priority(number) for number in range(1, 7)} | {("policy", "1"): ""}


def _name(entry: Entry) -> str:
    """What something was known by that is not there any more."""
    facts = {**entry.before, **entry.after}
    return "" if entry.subject == "policy" else str(facts.get("name") or facts.get("email") or entry.key)
