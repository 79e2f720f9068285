"""The weekly digest: what each part of it says, in the recipient's language, as text and as HTML."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from babel.dates import format_interval
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

from portal.catalogues import LOCALES, catalogue
from portal.mail import Mail
from portal.metrics import METRICS, Unit
from portal.stationery import Letter, Part, Stationery, name_of, quoted, short_line

#: The figures that a request lowers which is sent days after the attempt to find something.
STILL_OPEN = frozenset({"search_success", "deflection"})
_UNITS = (("duration-day", 1440), ("duration-hour", 60), ("duration-minute", 1))


@dataclass(frozen=True)
class Figure:
    """A metric in a week, and in the week before; None where there is nothing to tell it from."""

    #: See `metrics`.
    key: str
    value: float | None
    before: float | None


@dataclass(frozen=True)
class OfTier:
    """One tier that the recipient serves."""

    number: int
    figures: tuple[Figure, ...]
    #: How many ratings the satisfaction is of.
    ratings: int
    #: At this moment.
    overdue: int
    unowned: int


@dataclass(frozen=True)
class Question:
    """A search that nothing answers yet."""

    number: int
    language: str
    #: Masked.
    query: str
    times: int


@dataclass(frozen=True)
class Stock:
    """How the translations of one language stand."""

    language: str
    missing: int
    #: Those whose source has changed since.
    stale: int


@dataclass(frozen=True)
class Unhelpful:
    """An article that few found helpful."""

    language: str
    slug: str
    title: str
    yes: int
    votes: int


@dataclass(frozen=True)
class Longest:
    """A requester who has waited long for our answer; nobody's name is told."""

    number: int
    tier: int
    minutes: int


@dataclass(frozen=True)
class Overall:
    """How self-service and support do."""

    figures: tuple[Figure, ...]
    #: The language with the lowest search success, and that; None where no language has been asked enough.
    worst: tuple[str, float] | None
    waiting: tuple[Longest, ...]


@dataclass(frozen=True)
class Digest:
    """What somebody is told about a week; what is empty is not their part, or has nothing to tell."""

    #: Its Monday.
    week: date
    tiers: tuple[OfTier, ...] = ()
    questions: tuple[Question, ...] = ()
    stocks: tuple[Stock, ...] = ()
    unhelpful: tuple[Unhelpful, ...] = ()
    overall: Overall | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.tiers or self.questions or self.stocks or self.unhelpful or self.overall)


class DigestLetters(Stationery):
    """Writes digests; knows the portal's address, name and time zone, and nothing of databases."""

    def weekly(self, code: str, email: str, name: str, digest: Digest, token: str) -> Mail:
        """What somebody is told about a week.

        Args:
            code: language of the mail.
            email: of the recipient.
            name: of the recipient.
            digest: what there is to tell.
            token: by which the mail is turned off.
        """
        _ = catalogue(code).gettext
        days = {"days": _days(digest.week, code)}
        # Translators: first sentence after the greeting of a mail: German goes on in small letters.
        opening = _("Here is your digest for the week of %(days)s.")
        nothing = _("There is nothing to tell you about the week of %(days)s: nothing happened that concerns you.")
        parts = [Part("paragraph", (nothing if digest.is_empty else opening) % days)]
        parts += [*self._of_tiers(code, digest), *self._of_writers(code, digest), *self._overall(code, digest)]
        account, stop = self.address(code, "account", ""), self.address(code, "account", "digest", "stop", token)
        parts += [
            # Translators: at the end of a mail; a link to one's account follows.
            Part("small", _("In your account you can turn this email off or choose another language for it:")),
            Part("address", "", account),
        ]
        reason = _("You are receiving this email because you turned the weekly digest on in your account on %(host)s.")
        # Translators: subject of a mail; days such as “2–8 Mar 2026”.
        subject = _("Weekly digest, %(days)s") % days
        headers = {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        return self.set(Letter(code, email, subject, parts, reason % {"host": self.host}, name_of(name), headers))

    def _of_tiers(self, code: str, digest: Digest) -> Iterator[Part]:
        """What concerns agents."""
        if not digest.tiers:
            return
        _, ngettext = catalogue(code).gettext, catalogue(code).ngettext
        # Translators: heading in a mail to an agent: the support tiers that they serve.
        yield Part("heading", _("Your tiers"))
        for tier in digest.tiers:
            lines = [_("L%(number)s") % {"number": tier.number}, *_figures(code, tier.figures)]
            if tier.ratings:
                told = ngettext("%(num)s rating", "%(num)s ratings", tier.ratings)
                lines[-1] += f" · {told % {'num': _number(tier.ratings, code)}}"
            lines += [
                _("Overdue now: %(value)s") % {"value": _number(tier.overdue, code)},
                _("Without an owner now: %(value)s") % {"value": _number(tier.unowned, code)},
            ]
            yield Part("quotation", "\n".join(lines))
        yield Part("link", _("Open the queue"), self.address(code, "desk", ""))

    def _of_writers(self, code: str, digest: Digest) -> Iterator[Part]:
        """What concerns writers."""
        _ = catalogue(code).gettext
        # Translators: these three introduce lists in a mail to writers.
        lists = (
            (_("Asked most, and still without an answer:"), _questions(code, digest.questions)),
            (_("Translations that are missing, or whose source has changed since:"), _stocks(code, digest.stocks)),
            (_("Articles that helped least:"), _unhelpful(code, digest.unhelpful)),
        )
        if not any(lines for _heading, lines in lists):
            return
        yield Part("heading", _("For writers"))
        for heading, lines in lists:
            if lines:
                yield Part("paragraph", heading)
                yield Part("quotation", "\n".join(lines))
        # Translators: leads writers to the list of what is to be done.
        yield Part("link", _("See what to do next"), self.address(code, "desk", "writers", ""))

    def _overall(self, code: str, digest: Digest) -> Iterator[Part]:
        """What concerns supervisors and administrators."""
        if digest.overall is None:
            return
        _ = catalogue(code).gettext
        overall = digest.overall
        yield Part("heading", _("Self-service and support"))
        lines = list(_figures(code, overall.figures))
        if overall.worst:
            spoken, share = overall.worst
            lines.append(
                _("Lowest search success: %(language)s, %(share)s")
                % {"language": _language(spoken, code), "share": _percent(share, code)}
            )
        if lines:
            yield Part("quotation", "\n".join(lines))
        if any(each.key in STILL_OPEN and each.value is not None for each in overall.figures):
            # Translators: below “Search success” and “Requests avoided” in a mail that is sent on Mondays.
            yield Part("small", _("Search attempts of the last four days can still turn out to have been in vain."))
        if overall.waiting:
            yield Part("paragraph", _("Requesters who have waited longest for our answer:"))
            waits = [
                _("Ticket %(number)s, L%(tier)s: for %(time)s")
                % {"number": each.number, "tier": each.tier, "time": _duration(each.minutes, code)}
                for each in overall.waiting
            ]
            yield Part("quotation", "\n".join(waits))
        yield Part("link", _("Open the reports"), self.address(code, "desk", "reports", ""))


def _questions(code: str, questions: Sequence[Question]) -> list[str]:
    """Searches that nothing answers, as lines."""
    words = catalogue(code)
    return [
        words.ngettext(
            "“%(query)s” (%(language)s): asked %(num)s time",
            "“%(query)s” (%(language)s): asked %(num)s times",
            each.times,
        )
        % {"query": quoted(each.query), "language": _language(each.language, code), "num": _number(each.times, code)}
        for each in questions
    ]


def _stocks(code: str, stocks: Sequence[Stock]) -> list[str]:
    """How translations stand, as lines."""
    line = catalogue(code).gettext("%(language)s: %(missing)s missing, %(stale)s to bring up to date")
    return [
        line
        % {
            "language": _language(each.language, code, begins=True),
            "missing": _number(each.missing, code),
            "stale": _number(each.stale, code),
        }
        for each in stocks
    ]


def _unhelpful(code: str, texts: Sequence[Unhelpful]) -> list[str]:
    """Articles that few found helpful, as lines."""
    line = catalogue(code).gettext("%(title)s (%(language)s): helpful for %(yes)s of %(votes)s readers who voted")
    return [
        line
        % {
            "title": short_line(each.title),
            "language": _language(each.language, code),
            "yes": _number(each.yes, code),
            "votes": _number(each.votes, code),
        }
        for each in texts
    ]


def _figures(code: str, figures: Sequence[Figure]) -> Iterator[str]:
    """Metrics as lines, with the week before; those that say nothing are left out."""
    _ = catalogue(code).gettext
    lines = {
        "searches": _("Searches: %(value)s"),
        "search_success": _("Search success: %(value)s"),
        "zero_result_rate": _("Searches without a result: %(value)s"),
        "deflection": _("Requests avoided: %(value)s"),
        "gaps": _("New unanswered searches: %(value)s"),
        "gaps_answered": _("Unanswered searches answered: %(value)s"),
        "requests": _("Requests received: %(value)s"),
        "requests_solved": _("Requests solved: %(value)s"),
        # Translators: the time within which half of the requests got a first reply.
        "first_reply": _("First reply within (median): %(value)s"),
        # Translators: the time within which half of the requests were solved.
        "resolution": _("Solved within (median): %(value)s"),
        "satisfaction": _("Satisfaction, 1 to 5: %(value)s"),
    }
    for each in figures:
        if each.value is None:
            continue
        value = _value(each.key, each.value, code)
        if each.before is not None:
            # Translators: a figure of a week and of the week before, such as “34 (the week before: 28)”.
            both = _("%(value)s (the week before: %(before)s)")
            value = both % {"value": value, "before": _value(each.key, each.before, code)}
        yield lines[each.key] % {"value": value}


def _value(key: str, value: float, code: str) -> str:
    """A metric's value in its unit."""
    unit = METRICS[key].unit
    if unit is Unit.SHARE:
        return _percent(value, code)
    return _duration(round(value), code) if unit is Unit.MINUTES else _number(value, code)


def _number(value: float, code: str) -> str:
    """A number as a language writes it, with one digit after the point where it has any."""
    return str(format_decimal(round(value, 1), locale=LOCALES[code]))


def _percent(share: float, code: str) -> str:
    """A share in whole per cent."""
    return str(format_percent(round(share, 2), locale=LOCALES[code]))


def _duration(minutes: int, code: str) -> str:
    """A length of time in its two largest units."""
    left = max(0, minutes)
    words: list[str] = []
    for unit, size in _UNITS:
        number, left = divmod(left, size)
        if number or (size == 1 and not words):
            words.append(str(format_unit(number, unit, "long", locale=LOCALES[code])))
    return " ".join(words[:2])


def _days(monday: date, code: str) -> str:
    """The days of a week."""
    return str(format_interval(monday, monday + timedelta(days=6), "yMMMd", locale=LOCALES[code]))


def _language(code: str, reader: str, *, begins: bool = False) -> str:
    """The name of a language in the reader's, as it stands within a sentence or begins a line."""
    _ = catalogue(reader).gettext
    name = {"en": _("English"), "fr": _("French"), "de": _("German"), "ru": _("Russian")}[code]
    return name[:1].upper() + name[1:] if begins else name
