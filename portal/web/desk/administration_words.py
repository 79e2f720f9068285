"""The words for how the desk is set up: fields, values, rules as sentences, and what is wrong with an entry."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from babel.dates import get_day_names
from babel.units import format_unit
from flask_babel import format_date, get_locale, gettext, pgettext
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp

from portal.organisation import Calendar, Clock, Effect, Rule
from portal.people import Role
from portal.web import labels
from portal.web.desk import administration_webhook_words
from portal.web.i18n import colon

ROLE = {
    Role.AGENT: _lp("role", "Agent"),
    Role.WRITER: _lp("role", "Writer"),
    Role.SUPERVISOR: _lp("role", "Supervisor"),
    Role.ADMINISTRATOR: _lp("role", "Administrator"),
}
#: What a role lets people do.
ROLE_HINT = {
    Role.AGENT: _l("reads and works tickets"),
    Role.WRITER: _l("reads tickets, and sees what was searched for in vain"),
    Role.SUPERVISOR: _l("works tickets, assigns them, writes saved replies, declares major incidents"),
    Role.ADMINISTRATOR: _l("may do everything, and sets up the desk"),
}
SUBJECT = {
    "person": _lp("audit", "Staff member"),
    "tier": _lp("audit", "Tier"),
    "target": _lp("audit", "Target"),
    "calendar": _lp("audit", "Calendar"),
    "rule": _lp("audit", "Rule"),
    "route": _lp("audit", "Topic"),
    "supplier": _lp("audit", "Supplier"),
    "reply": _lp("audit", "Saved reply"),
    "policy": _lp("audit", "Settings"),
    "webhook": _lp("audit", "Webhook"),
    "token": _lp("audit", "API token"),
    "backup": _lp("audit", "Backup"),
}
ACTION = {
    "add": _lp("audit", "Added"),
    "change": _lp("audit", "Changed"),
    "remove": _lp("audit", "Removed"),
    "revoke": _lp("audit", "Revoked"),
    "password": _lp("audit", "New password"),
    "sign_out": _lp("audit", "Signed out everywhere"),
    "second_factor_on": _lp("audit", "Second step turned on"),
    "second_factor_off": _lp("audit", "Second step turned off"),
    "make": _lp("audit", "Made"),
    "recovery_codes": _lp("audit", "New recovery codes"),
    "link": _lp("audit", "Linked to the identity provider"),
    "reveal": _lp("audit", "Secret shown"),
    "new_secret": _lp("audit", "New secret"),
    "replay": _lp("audit", "Sent again"),
    "turn_off": _lp("audit", "Turned off because it did not work"),
    "unlink": _lp("audit", "Link to the identity provider removed"),
}
CLOCK = {
    Clock.FIRST_REPLY: _lp("clock", "First reply"),
    Clock.RESOLUTION: _lp("clock", "Solution"),
    Clock.TIER: _lp("clock", "First action at this tier"),
}
EFFECT = {
    Effect.WARN: _l("warn the owner, or the whole tier if nobody has it"),
    Effect.ESCALATE: _l("pass it to the next tier"),
}
#: When a rule applies: `%(span)s` is working time.
WHEN = {
    (Clock.FIRST_REPLY, -1): _l("%(span)s before the first reply is due"),
    (Clock.FIRST_REPLY, 0): _l("When the first reply is due and nobody has replied"),
    (Clock.FIRST_REPLY, 1): _l("When the first reply is overdue by %(span)s"),
    (Clock.RESOLUTION, -1): _l("%(span)s before the solution is due"),
    (Clock.RESOLUTION, 0): _l("When the solution is due and the ticket is not solved"),
    (Clock.RESOLUTION, 1): _l("When the solution is overdue by %(span)s"),
    (Clock.TIER, -1): _l("%(span)s before the tier must have done something"),
    (Clock.TIER, 0): _l("When the tier should have done something and nobody has"),
    (Clock.TIER, 1): _l("When the tier is overdue by %(span)s"),
}
SHARED = {
    "name": _l("Name of the requester"),
    "email": _l("Email address of the requester"),
    "phone": _l("Telephone number of the requester"),
    "trail": _l("What they had tried before"),
    "conversation": _l("Conversation with the requester"),
}
#: Names of fields, for forms, summaries and the audit log.
FIELD: Mapping[str, Any] = {
    "name": _lp("administration", "Name"),
    "email": _l("Email address"),
    "password": _l("First password"),
    "roles": _l("Roles"),
    "tiers": _l("Tiers"),
    "languages": _l("Languages"),
    "topics": _l("Topics"),
    "calendar_id": _l("Working hours"),
    "is_active": _l("In use"),
    "names": _lp("administration", "Name"),
    "minutes": _l("Time for a first action"),
    "first_reply": _lp("clock", "First reply"),
    "resolution": _lp("clock", "Solution"),
    "time_zone": _l("Time zone"),
    "week": _l("Working hours"),
    "holidays": _l("Holidays"),
    "clock": _l("What is measured"),
    "offset": _l("How long before or after"),
    "effect": _l("What happens"),
    "priorities": _l("Priorities"),
    "is_unowned": _l("Only if nobody has it"),
    "tier": _lp("administration", "Tier"),
    "impact": _l("Impact"),
    "topic": _l("Topic"),
    "contact": _l("Contact person"),
    "contract": _l("Contract"),
    "contract_until": _l("Contract ends on"),
    "shared": _l("What they may be given"),
    "answer_days": _l("Days until they answer"),
    "texts": _lp("administration", "Text"),
    "checklist": _l("Checklist"),
    "close_days": _l("Days until a solved request is closed"),
    "survey_percent": _l("Share of requesters who are asked, in per cent"),
    "is_automatic": _l("Give new requests to somebody at once"),
    **administration_webhook_words.FIELD,
    "most_open": _l("Most tickets in work for one agent"),
    "scopes": _lp("token", "What it opens"),
    "person": _lp("token", "Works in the name of"),
    "hint": _l("Last characters"),
    "per_minute": _lp("token", "API requests per minute"),
    "expires_at": _lp("token", "Expires"),
}
#: Names of fields that are called otherwise of one subject.
_OF_ONE: Mapping[tuple[str, str], Any] = {("person", "name"): _lp("person", "Name")}
#: What is wrong with an entry; `%(limit)s` is the field's limit.
FAULT = {
    "missing": _l("Fill this in."),
    "invalid": _l("This cannot be read. Check it."),
    "too_long": _l("This is too long. Use at most %(limit)s characters."),
    "too_many": _l("There are too many of these already. Remove some first."),
    "out_of_range": _l("This is out of range. Use a number from %(limit)s."),
    "invalid_email": _l("Enter an email address such as name@example.com."),
    "taken": _l("This is in use already. Choose another one."),
    "in_use": _l("This is still needed by something else."),
    "inactive": _l("This tier is not in use. Choose another one."),
    "last_administrator": _l(
        "Nobody else can set up the desk. Make somebody else an administrator first, then change this."
    ),
    "too_short": _l("Use at least %(limit)s characters."),
    "too_common": _l("This password is too easy to guess. Use several words that do not belong together."),
}
#: More exact ones.
FAULT_OF = {
    ("week", "missing"): _l("Enter working hours for at least one day."),
    ("week", "invalid"): _l("Enter hours such as 09:00–12:00, 13:00–17:00, in order."),
    ("holidays", "invalid"): _l("Enter one day in each line, such as 2026-12-25."),
    ("holidays", "too_long"): _l("Enter at most %(limit)s days."),
    ("contract_until", "invalid"): _l("Enter a day such as 2026-12-25."),
    ("time_zone", "invalid"): _l("Enter a time zone such as Europe/Berlin."),
    ("roles", "missing"): _l("Choose at least one role."),
    ("languages", "missing"): _l("Choose at least one language."),
    ("texts", "missing"): _l("Enter the text in at least one language."),
    ("texts", "invalid"): _l("Use only these fields: %(limit)s."),
    ("minutes", "invalid"): _l("Enter a time such as 1:30, or minutes such as 90."),
    ("is_active", "in_use"): _l("Tickets or topics are still at this tier. Move them first."),
    ("is_active", "invalid"): _l("L1 receives all requests, so it is always in use."),
    **administration_webhook_words.FAULT,
    ("email", "taken"): _l("Somebody with this address has access already."),
}
#: Fields that are times.
_TIMES = frozenset({"minutes", "first_reply", "resolution"})


def base(name: str) -> str:
    """The field that an entry belongs to: `texts_de` is a text, `week_0` are hours."""
    stem, _, last = name.rpartition("_")
    return stem if stem and (last.isdigit() or len(last) == 2) and stem in FIELD else name


def fault(name: str, code: str, limit: object) -> str:
    """What to tell somebody about an entry."""
    stem = "minutes" if base(name) in _TIMES or name == "offset" else base(name)
    text = FAULT_OF.get((stem, code)) or FAULT.get(code) or FAULT["invalid"]
    return str(text) % {"limit": limit}


def label(name: str, subject: str = "") -> str:
    """What an entry is called: a text or a name also by its language, hours by their day, a target by its priority.

    Args:
        name: of the entry.
        subject: what it is about, as in the audit log, where that has a word of its own.
    """
    stem = base(name)
    last = name.removeprefix(stem).strip("_")
    more = ""
    if last in labels.LANGUAGE:
        more = str(labels.LANGUAGE[last])
    elif stem == "week" and last:
        more = _weekday(int(last))
    elif last.isdigit():
        more = priority(int(last))
    own = str(_OF_ONE.get((subject, stem)) or FIELD.get(stem, stem))
    return f"{own} ({more})" if more else own


def priority(number: int) -> str:
    """The word for a priority; the sixth are major incidents."""
    return str(labels.PRIORITY.get(number, labels.MAJOR))


def spoken() -> list[tuple[str, str]]:
    """The languages with their names in the page's language."""
    return [(code, language(code)) for code in labels.LANGUAGE]


def priorities() -> list[tuple[int, str]]:
    """The priorities with their words, the highest first."""
    return [(number, priority(number)) for number in range(6, 0, -1)]


def named(item: Any) -> str:
    """What an item without a name is called."""
    return sentence(item) if isinstance(item, Rule) else ""


def weekday(number: int) -> str:
    """The name of a day of the week, Monday is 0, as a label begins."""
    name = _weekday(number)
    return name[:1].upper() + name[1:]


def _weekday(number: int) -> str:
    """The name of a day of the week, Monday is 0, as it stands within a text."""
    return str(get_day_names("wide", "stand-alone", get_locale())[number])


def span(minutes: int | None) -> str:
    """Minutes as hours and minutes in the page's language; a dash for none."""
    if minutes is None:
        return "–"
    whole, rest = divmod(abs(minutes), 60)
    locale = get_locale()
    parts = [format_unit(whole, "hour", "short", locale=locale)] if whole else []
    if rest or not whole:
        parts.append(format_unit(rest, "minute", "short", locale=locale))
    return " ".join(parts)


def sentence(rule: Rule) -> str:
    """What a rule does."""
    side = (rule.offset > 0) - (rule.offset < 0)
    when = str(WHEN[rule.clock, side]) % {"span": span(rule.offset)}
    return f"{when}{colon()} {EFFECT[rule.effect]}."


def conditions(rule: Rule) -> list[str]:
    """Which tickets a rule is about; none where it is about all."""
    found = [(rule.tiers, labels.tier), (rule.priorities, priority), (rule.languages, language)]
    said = [", ".join(say(value) for value in values) for values, say in found if values]  # type: ignore[operator]
    if rule.is_unowned:
        said.append(str(gettext("nobody has it")))
    return said


def language(code: str) -> str:
    """The name of a language in the page's language."""
    return str(labels.LANGUAGE.get(code, code))


def day(text: str) -> str:
    """A day in the page's language."""
    try:
        return str(format_date(date.fromisoformat(text), "medium"))
    except ValueError:
        return text


def _list(values: Any) -> str:
    """Several values on one line."""
    return ", ".join(str(value) for value in values)


class Values:
    """Says the values of the audit log in the page's language.

    Args:
        calendars: those there are.
        topics: names of the articles' topics.
    """

    def __init__(self, calendars: list[Calendar], topics: Mapping[str, str]) -> None:
        self._calendars = {calendar.id: calendar.name for calendar in calendars}
        self._topics = topics

    def rows(self, before: Mapping[str, Any], after: Mapping[str, Any], subject: str) -> list[tuple[str, str, str]]:
        """Field, value before and value after, of each field of a subject that changed."""
        found = []
        for name in [name for name in FIELD if name in before or name in after]:
            was, now = before.get(name), after.get(name)
            for part, old, new in self._parts(name, was, now):
                found.append((label(part, subject), self.say(name, old), self.say(name, new)))
        return found

    @staticmethod
    def _parts(name: str, was: Any, now: Any) -> list[tuple[str, Any, Any]]:
        """A field as it is shown: texts by language and hours by weekday, only those that changed."""
        if name in {"names", "texts", "checklist"}:
            was, now = was or {}, now or {}
            keys = [code for code in labels.LANGUAGE if was.get(code) != now.get(code)]
            return [(f"{name}_{code}", was.get(code), now.get(code)) for code in keys]
        if name == "week":
            was, now = was or [[]] * 7, now or [[]] * 7
            return [(f"week_{place}", was[place], now[place]) for place in range(7) if was[place] != now[place]]
        return [(name, was, now)]

    def say(self, name: str, value: Any) -> str:
        """One value."""
        if value is None or value in ("", [], {}):
            return "–"
        if isinstance(value, bool):
            return str(pgettext("administration", "Yes") if value else pgettext("administration", "No"))
        if name in _TIMES:
            return span(value)
        if name == "offset":
            return ("−" if value < 0 else "+" if value > 0 else "") + span(value)
        if name == "week":
            return _list(f"{start}–{end}" for start, end in value)
        if name in _SAY:
            return str(_SAY[name](value))
        if name == "calendar_id":
            return self._calendars.get(value, str(value))
        if name in {"topic", "topics"}:
            return _list(self._topics.get(each, each) for each in ([value] if name == "topic" else value))
        return str(value)


def _of(words: Mapping[Any, Any]) -> Any:
    """Says one value, or several, by their words; what has none as it is."""
    return lambda value: _list(words.get(each, each) for each in (value if isinstance(value, list) else [value]))


#: How values are said that have words of their own.
_SAY: Mapping[str, Any] = {
    "roles": _of(ROLE),
    "languages": _of(labels.LANGUAGE),
    "events": _list,
    "priorities": lambda value: _list(priority(each) for each in value),
    "tiers": lambda value: _list(labels.tier(each) for each in value),
    "tier": labels.tier,
    "impact": _of(labels.LEVEL),
    "clock": _of(CLOCK),
    "effect": _of(EFFECT),
    "shared": _of(SHARED),
    "holidays": lambda value: _list(day(each) for each in value),
    "contract_until": day,
    "scopes": _list,
    "expires_at": lambda value: day(str(value)[:10]),
}
