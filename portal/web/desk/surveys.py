"""How requesters were served: figures, answers, and what several of them would like."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import render_template, request
from flask_babel import format_percent

from portal.locales import LANGUAGES
from portal.opinions import COMPARED, grouped
from portal.people import Right
from portal.storage import surveys as known
from portal.storage.surveys import Figure
from portal.web.desk import blueprint
from portal.web.desk.page import edition_now
from portal.web.security import needs
from portal.web.services import services

#: Answers on one page.
PAGE_SIZE = 50
#: How far back can be looked, in days; the first is shown when nothing else is asked for.
PERIODS = (90, 30, 365)
#: So many stars at most when only the bad answers are asked for.
BAD = 2


@dataclass(frozen=True)
class Sum:
    """Figures of several languages and tiers together."""

    asked: int
    answered: int
    ratings: int
    stars: int

    @property
    def rate(self) -> float | None:
        """Share of those asked who have answered, 0–1; None where nobody was asked."""
        return self.answered / self.asked if self.asked else None

    @property
    def mean(self) -> float | None:
        """Mean of the stars; None where there is no answer."""
        return self.stars / self.ratings if self.ratings else None


def summed(figures: list[Figure]) -> Sum:
    """Several figures as one."""
    return Sum(
        *(sum(getattr(each, name) for each in figures) for name in ("asked", "answered", "ratings", "stars"))
    )  # fmt: skip


def _filter() -> tuple[known.Filter, int, dict[str, str]]:
    """The answers that the address asks for, of how many days, and its arguments; anything unknown does not narrow."""
    asked = {name: request.args.get(name, "") for name in ("in", "tier", "show", "days")}
    spoken = asked["in"] if asked["in"] in LANGUAGES else ""
    tier = asked["tier"] if asked["tier"] in {"1", "2", "3", "4"} else ""
    show = asked["show"] if asked["show"] in {"bad", "comments"} else ""
    days = next((each for each in PERIODS if str(each) == asked["days"]), PERIODS[0])
    chosen = known.Filter(
        spoken or None, int(tier) if tier else None, BAD if show == "bad" else None, has_comment=show == "comments"
    )
    return chosen, days, {"in": spoken, "tier": tier, "show": show, "days": str(days)}


def _cursor(text: str) -> tuple[datetime, int] | None:
    """Where the page before ended; None for the first page and for anything that is no such place."""
    moment, _separator, number = text.partition("~")
    try:
        at, last = datetime.fromisoformat(moment), int(number)
    except ValueError:
        return None
    return (at, last) if at.tzinfo is not None and 0 < last < 2**31 else None


@blueprint.get("/surveys")
@needs(Right.SUPERVISE)
def surveys() -> str:
    """Response rate and mean by language and tier, what several requesters would like, and every answer."""
    chosen, days, arguments = _filter()
    since = services().clock() - timedelta(days=days)
    before = _cursor(request.args.get("after", ""))
    with services().database.read() as connection:
        figures = known.figures(connection, since)
        answers = known.answers(connection, since, chosen, before, PAGE_SIZE + 1)
        opinions = known.answers(connection, since, known.Filter(has_comment=True), limit=COMPARED)
    shown = answers[:PAGE_SIZE]
    more = f"{shown[-1].at.isoformat()}~{shown[-1].number}" if len(answers) > PAGE_SIZE else ""
    return render_template(
        "desk/surveys.html",
        figures=[(each, summed([each])) for each in figures],
        whole=summed(figures),
        by_language={
            code: summed([each for each in figures if each.language == code])
            for code in LANGUAGES
            if any(each.language == code for each in figures)
        },
        groups=grouped(opinions, edition_now()) if before is None else [],
        answers=shown,
        more=more,
        arguments=arguments,
        percent=format_percent,
        periods=sorted(PERIODS),
        tiers=sorted({each.tier for each in figures}),
    )
