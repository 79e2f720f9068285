"""What a report is asked about: days, step, language, topic and tier, as its address says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from portal.locales import LANGUAGES
from portal.metrics import MOST_DAYS, Period, Step
from portal.reporting.history import Asked

#: How many days the periods have that are offered by their length; they end yesterday, as a part of a day would be
#: compared with whole ones.
LENGTHS = {"7": 7, "30": 30, "90": 90, "365": 365}
#: The periods that are offered, in their order; the dates of any other are typed.
PRESETS = ("today", *LENGTHS, "month", "last_month")
#: The period where none is asked for, or none that there can be; and where nothing was counted before today.
DEFAULT, NEW = "30", "today"
#: Nothing was counted before.
EARLIEST = date(2000, 1, 1)
TIERS = (1, 2, 3, 4)
#: The fields of the first and the last day.
ENDS = ("first", "last")
#: From how many days on a point stands for a week, and for a month, where no step is asked for.
BY_WEEK, BY_MONTH = 46, 200

_TOPIC = re.compile(r"[\w-]{1,120}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Chosen:
    """A report's subject, and how the address says it."""

    asked: Asked
    #: One of `PRESETS`; empty for dates of one's own.
    preset: str = DEFAULT
    #: As asked for; None: what fits the length.
    step: Step | None = None
    #: What is wrong with the dates: `invalid`, `order`, `future`, `ahead`, `early` or `long`; empty where nothing is.
    fault: str = ""
    #: The dates as typed, where something is wrong with them.
    typed: tuple[str, str] = ("", "")
    #: The preset where none is asked for.
    usual: str = DEFAULT

    @property
    def arguments(self) -> dict[str, str]:
        """The shortest query of an address that asks for the same again."""
        period = self.asked.period
        found: dict[str, str] = {}
        if not self.preset:
            found |= {"first": period.first.isoformat(), "last": period.last.isoformat()}
        elif self.preset != self.usual:
            found["period"] = self.preset
        if self.step:
            found["step"] = self.step.value
        narrowed = {"in": self.asked.language, "topic": self.asked.topic, "tier": self.asked.tier}
        return found | {name: str(value) for name, value in narrowed.items() if value}

    @property
    def at(self) -> tuple[str, ...]:
        """The fields of what is wrong."""
        if self.fault == "invalid":
            return tuple(n for n, text in zip(ENDS, self.typed, strict=True) if text.strip() and _date(text) is None)
        return {"": (), "order": ENDS, "ahead": ENDS[1:]}.get(self.fault, ENDS[:1])

    @property
    def is_narrowed(self) -> bool:
        """Whether only a part is shown: a language, a topic or a tier."""
        return bool(self.asked.language or self.asked.topic or self.asked.tier)


def read_asked(args: Mapping[str, str], today: date, usual: str = DEFAULT) -> Chosen:
    """What the query of an address asks for; what is unknown does not narrow, bad dates give the default period.

    Args:
        args: `period` or `first` and `last`, `step`, `in`, `topic` and `tier`, from outside.
        today: the present day (UTC); no period ends later.
        usual: the preset where none is asked for.
    """
    preset, first, last, fault = _days(args, today, usual)
    step = next((each for each in Step if each.value == args.get("step")), None)
    language, topic, tier = args.get("in", ""), args.get("topic", ""), args.get("tier", "")
    asked = Asked(
        Period(first, last, step or _fitting((last - first).days + 1)),
        language if language in LANGUAGES else None,
        topic if _TOPIC.fullmatch(topic) else None,
        next((each for each in TIERS if str(each) == tier), None),
    )
    typed = (args.get("first", "")[:20], args.get("last", "")[:20]) if fault else ("", "")
    return Chosen(asked, preset, step, fault, typed, usual)


def _days(args: Mapping[str, str], today: date, usual: str) -> tuple[str, date, date, str]:
    """The preset (empty for typed dates), both ends, and what is wrong with what was typed."""
    preset = args.get("period", "") if args.get("period") in PRESETS else usual
    default = of_preset(preset, today)
    texts = args.get("first", "").strip(), args.get("last", "").strip()
    if not any(texts):
        return preset, *default, ""
    first, last = (_date(text) for text in texts)
    if (texts[0] and first is None) or (texts[1] and last is None):
        return preset, *default, "invalid"
    last = last or today
    first = first or last - timedelta(days=LENGTHS[DEFAULT] - 1)
    if fault := _fault(first, last, today):
        return preset, *default, fault
    # The form sends the dates of the preset that it was made with.
    is_preset = "period" in args and (first, last) == default
    return preset if is_preset else "", first, last, ""


def of_preset(preset: str, today: date) -> tuple[date, date]:
    """First and last day of one of `PRESETS`."""
    if preset == "today":
        return today, today
    month = today.replace(day=1)
    if preset == "month":
        return month, today
    if preset == "last_month":
        last = month - timedelta(days=1)
        return last.replace(day=1), last
    return today - timedelta(days=LENGTHS[preset]), today - timedelta(days=1)


def _date(text: str) -> date | None:
    """A date as ISO 8601 writes it; None for anything else."""
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _fault(first: date, last: date, today: date) -> str:
    """What is wrong with two dates; empty where nothing is."""
    if first > last:
        return "future" if last == today else "order"
    if last > today:
        return "future" if first > today else "ahead"
    if first < EARLIEST:
        return "early"
    return "long" if (last - first).days + 1 > MOST_DAYS else ""


def _fitting(days: int) -> Step:
    """The step that gives a chart about as many points as can be told apart."""
    return Step.DAY if days < BY_WEEK else Step.WEEK if days < BY_MONTH else Step.MONTH
