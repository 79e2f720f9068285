"""How an organisation has set up its desk: tiers, calendars, targets, rules, topics, suppliers and saved replies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum

#: Longest name of anything here, and longest text, in characters.
NAME_LENGTH, TEXT_LENGTH = 100, 10_000
#: Most entries of a list that an administrator fills in.
MOST = 200
#: The highest tier; suppliers stand behind it.
SUPPLIER_TIER = 4
#: Longest target and longest offset of a rule, in minutes: a year.
MOST_MINUTES = 60 * 24 * 366


class Clock(StrEnum):
    """What is measured."""

    #: Until somebody writes to the requester; never paused.
    FIRST_REPLY = "first_reply"
    #: Until the ticket is solved.
    RESOLUTION = "resolution"
    #: Until somebody of the tier does something, from when the tier gets it.
    TIER = "tier"


class Effect(StrEnum):
    """What a rule does."""

    WARN = "warn"
    ESCALATE = "escalate"


@dataclass(frozen=True)
class Hours:
    """One stretch of a working day; `end` is later than `start`, midnight at its end is `time.max`."""

    start: time
    end: time


@dataclass(frozen=True)
class Calendar:
    """When somebody works: hours by weekday, in a time zone, without holidays."""

    id: int
    name: str
    #: IANA name; empty: the portal's own, `PORTAL_TIME_ZONE`.
    time_zone: str
    #: Stretches by weekday, Monday first; always seven.
    week: tuple[tuple[Hours, ...], ...]
    holidays: frozenset[date] = frozenset()
    version: int = 1


@dataclass(frozen=True)
class Tier:
    """One tier of support."""

    #: 1–4; 4 are the suppliers.
    number: int
    #: By language; empty where “L1” is enough.
    names: Mapping[str, str] = field(default_factory=dict)
    #: Whether the organisation has it; the first it always has.
    is_active: bool = True
    #: Working minutes until somebody of the tier must have done something; None: no clock.
    minutes: int | None = None
    #: Its working hours; None: the desk's.
    calendar_id: int | None = None
    version: int = 1


@dataclass(frozen=True)
class Target:
    """What is promised at a priority, in working minutes; None: nothing."""

    #: 1 (lowest) to 5; 6 is a major incident.
    priority: int
    first_reply: int | None
    resolution: int | None
    version: int = 1


@dataclass(frozen=True)
class Rule:
    """What happens by itself when a clock comes near its end; once for each ticket and running of the clock."""

    id: int
    name: str
    clock: Clock
    #: Minutes of the clock after it is due; negative: before.
    offset: int
    effect: Effect
    #: Only tickets at these tiers, of these priorities, in these languages; empty: all.
    tiers: tuple[int, ...] = ()
    priorities: tuple[int, ...] = ()
    languages: tuple[str, ...] = ()
    #: Only what nobody has taken.
    is_unowned: bool = False
    is_active: bool = True
    version: int = 1


@dataclass(frozen=True)
class Route:
    """Where requests about a topic of the articles go."""

    topic: str
    #: Tier at which they begin.
    tier: int = 1
    #: What impact they begin with, 1–5.
    impact: int = 3
    version: int = 1


@dataclass(frozen=True)
class Supplier:
    """Somebody outside who works for the organisation (L4)."""

    id: int
    name: str
    email: str
    contact: str = ""
    #: In which they are written to; the first is preferred.
    languages: tuple[str, ...] = ("en",)
    contract: str = ""
    contract_until: date | None = None
    #: What of a request they may be given besides its text: see `SHARED`.
    shared: frozenset[str] = frozenset()
    #: Days in which they answer; then our owner is reminded.
    answer_days: int = 2
    is_active: bool = True
    version: int = 1


#: What a supplier may be given of a request; names, addresses and numbers in texts are masked unless they are here.
SHARED = ("name", "email", "phone", "trail", "conversation")


@dataclass(frozen=True)
class SavedReply:
    """A text that agents use often, in several languages, with what is to be checked before it is sent."""

    id: int
    name: str
    #: By language; `{name}`, `{number}`, `{subject}` and `{agent}` are filled in.
    texts: Mapping[str, str]
    #: Steps by language, one in each line.
    checklist: Mapping[str, str] = field(default_factory=dict)
    #: Topic of the articles that it belongs to; empty: any.
    topic: str = ""
    is_active: bool = True
    version: int = 1


#: What a saved reply can have filled in.
FIELDS = ("name", "number", "subject", "agent")


@dataclass(frozen=True)
class Policy:
    """What else the desk can choose."""

    #: Days after which what is solved is closed; 0: never by itself.
    close_days: int = 7
    #: Share of closed requests whose requester is asked how they were served, in per cent.
    survey_percent: int = 50
    #: Whether new requests are given to somebody at once; otherwise agents take them from the queue.
    is_automatic: bool = False
    #: Most tickets in work that one agent is given by the system.
    most_open: int = 20
    #: The desk's working hours; None: always.
    calendar_id: int | None = None
    version: int = 1


Item = Calendar | Tier | Target | Rule | Route | Supplier | SavedReply | Policy

#: A field of a saved reply.
FIELD = re.compile(r"\{([^{}]*)\}")


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """A saved reply's text with its fields filled in; what it does not know stays as it is."""
    return FIELD.sub(lambda found: values.get(found[1], found[0]), text)


@dataclass(frozen=True)
class Organisation:
    """Everything that an organisation has set up, as read at one moment."""

    tiers: Mapping[int, Tier]
    calendars: Mapping[int, Calendar]
    targets: Mapping[int, Target]
    rules: tuple[Rule, ...]
    routes: Mapping[str, Route]
    policy: Policy

    def calendar(self, tier: int | None = None) -> Calendar | None:
        """The working hours of a tier, or of the desk; None: always."""
        found = self.tiers.get(tier) if tier is not None else None
        own = found.calendar_id if found else None
        chosen = own if own is not None else self.policy.calendar_id
        return self.calendars.get(chosen) if chosen is not None else None

    def above(self, tier: int) -> int | None:
        """The next active tier of our own above one; None where there is none."""
        higher = (each.number for each in self.tiers.values() if each.is_active and tier < each.number < SUPPLIER_TIER)
        return min(higher, default=None)
