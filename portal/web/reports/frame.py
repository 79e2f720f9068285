"""What every page of the history shows around its own: the filter, the other pages, downloads."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_time
from flask import current_app, render_template, request, url_for
from sqlalchemy import Connection

from portal.edition import Edition
from portal.locales import LANGUAGES
from portal.metrics import MOST_DAYS, Dimension, Period, Step
from portal.organisation import Tier
from portal.reporting import history
from portal.reporting.history import Known
from portal.storage import organisation
from portal.web import labels
from portal.web.desk.page import edition_now
from portal.web.i18n import language
from portal.web.reports import numbers
from portal.web.reports.asked import DEFAULT, NEW, PRESETS, Chosen, read_asked
from portal.web.reports.words import DIMENSION, FAULT, PRESET, STEP
from portal.web.services import services

#: The endpoint of downloads.
DOWNLOAD = "reports.download"
#: Days of which a page shows each as a point; of more it shows weeks, as it would be slow and nobody could tell them
#: apart. Files have all of them.
MOST_BY_DAY = 93
#: Days in which what came of searches can still change.
OPEN = 4


@dataclass(frozen=True)
class Frame:
    """What a page of the history is about."""

    chosen: Chosen
    edition: Edition | None
    #: What languages, topics and tiers are called, in the order in which they are shown.
    names: Mapping[Dimension, Mapping[str, str]]
    known: Known
    against: numbers.Against
    #: Whether points by day were asked for, and the period has too many days for that.
    is_coarser: bool = False


def frame(connection: Connection) -> Frame:
    """What the address asks about, and the names that it is told in."""
    edition = edition_now()
    tiers = sorted(organisation.everything(connection, Tier), key=lambda tier: tier.number)
    names = {
        Dimension.LANGUAGE: {code: each.name for code, each in LANGUAGES.items()},
        Dimension.TOPIC: {topic.slug: topic.name(language()) for topic in edition.knowledge.topics} if edition else {},
        Dimension.TIER: {str(tier.number): labels.tier_name(tier.number, {tier.number: tier.names}) for tier in tiers},
    }
    today, known = services().clock().date(), history.known(connection)
    chosen = read_asked(request.args, today, usual(known, today))
    period = chosen.asked.period
    is_coarser = period.step is Step.DAY and period.days > MOST_BY_DAY
    if is_coarser:
        chosen = replace(chosen, asked=replace(chosen.asked, period=replace(period, step=Step.WEEK)))
    return Frame(chosen, edition, names, known, against(period, known, today), is_coarser)


def usual(known: Known, today: date) -> str:
    """The preset where none is asked for: today, where nothing was counted before."""
    return NEW if known.first is None or known.first >= today else DEFAULT


def against(period: Period, known: Known, today: date) -> numbers.Against:
    """What a period can be compared with."""
    if known.first is None or period.previous.first < known.first:
        return numbers.Against.NOTHING
    return numbers.Against.UNFINISHED if period.last >= today else numbers.Against.BEFORE


def page(template: str, report: str, around: Frame, **more: Any) -> str:
    """A page of the history.

    Args:
        template: of the page.
        report: its name for downloads.
        around: what it is about.
        **more: further variables of the template.
    """
    chosen = around.chosen
    period, known = chosen.asked.period, around.known
    today = services().clock().date()
    return render_template(
        template,
        chosen=chosen,
        period=period,
        span=numbers.span(period.first, period.last),
        span_before=numbers.span(period.previous.first, period.previous.last),
        is_comparable=around.against is not numbers.Against.NOTHING,
        counted_since=known.first and numbers.span(known.first, known.first),
        counted_at=known.at and _moment(known.at),
        is_coarser=around.is_coarser,
        most_by_day=MOST_BY_DAY,
        is_today=period.last == today,
        is_open=period.last >= today - timedelta(days=OPEN),
        presets={each: (PRESET[each], _preset(chosen, each)) for each in PRESETS},
        steps=STEP,
        dimension_name=DIMENSION,
        names={dimension.value: found for dimension, found in around.names.items()},
        typed=chosen.typed if chosen.fault else (period.first.isoformat(), period.last.isoformat()),
        fault=str(FAULT[chosen.fault]) % {"days": numbers.number(MOST_DAYS)} if chosen.fault else "",
        downloads=_downloads(report, chosen),
        **more,
    )


def _moment(at: datetime) -> str:
    """When something was counted: the time, and the day where it was another."""
    zone = ZoneInfo(services().settings.time_zone)
    there, now = at.astimezone(zone), services().clock().astimezone(zone)
    if there.date() == now.date():
        return str(format_time(there, "short", locale=numbers.locale(), tzinfo=zone))
    return str(format_datetime(there, "medium", locale=numbers.locale(), tzinfo=zone))


def _preset(chosen: Chosen, preset: str) -> str:
    """The address of the same page over another period."""
    kept = {name: value for name, value in chosen.arguments.items() if name not in {"first", "last", "period", "step"}}
    made: dict[str, Any] = {**kept, "period": preset, **_sorted()}
    return url_for(str(request.endpoint), **made)


def _sorted() -> dict[str, str]:
    """The order of a table, which a change of the filter keeps."""
    return {"sort": request.args["sort"]} if request.args.get("sort") else {}


def _downloads(report: str, chosen: Chosen) -> dict[str, str]:
    """The addresses of what a page shows as files."""
    if DOWNLOAD not in current_app.view_functions:
        return {}
    made: dict[str, Any] = {**chosen.arguments, **_sorted(), "report": report}
    return {
        "csv": url_for(DOWNLOAD, format="csv", **made),
        "bom": url_for(DOWNLOAD, format="csv", bom=1, **made),
        "json": url_for(DOWNLOAD, format="json", **made),
    }
