"""Pages of the calendars: working hours and holidays."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import available_timezones

from werkzeug.wrappers import Response

from portal.desk import hours
from portal.organisation import Calendar, Hours
from portal.people import Right
from portal.web.desk import blueprint
from portal.web.desk.administration_forms import Form, page
from portal.web.desk.administration_parts import Part
from portal.web.security import needs
from portal.web.services import services

_NO_HOURS: tuple[Hours, ...] = ()
_NO_DAYS: frozenset[date] = frozenset()


def _show(calendar: Calendar) -> dict[str, str]:
    """A calendar as it is typed."""
    week = {f"week_{place}": hours.stretches(day) for place, day in enumerate(calendar.week)}
    more = {"name": calendar.name, "time_zone": calendar.time_zone, "holidays": hours.days(calendar.holidays)}
    return week | more


def _read(form: Form, old: Calendar) -> Calendar:
    """What was typed."""
    week = tuple(form.take(f"week_{day}", hours.read_stretches, _NO_HOURS) for day in range(7))
    return replace(
        old,
        name=form.values.get("name", ""),
        time_zone=form.values.get("time_zone", "").strip(),
        week=week,
        holidays=form.take("holidays", hours.read_days, _NO_DAYS),
    )


def _years(form: Form) -> list[int]:
    """The years of the typed holidays, as far as they can be read."""
    quiet = Form(values=form.values)
    return sorted({day.year for day in quiet.take("holidays", hours.read_days, _NO_DAYS)})


def _copy(form: Form) -> bool:
    """Add a year's holidays to the next year's where that was asked for; nothing is saved."""
    year = form.values.pop("copy", "")
    if not (year.isascii() and year.isdigit() and len(year) == 4):
        return False
    found = form.take("holidays", hours.read_days, _NO_DAYS)
    if not form.errors:
        form.values["holidays"] = hours.days(found | hours.next_year(found, int(year)))
        form.values["copied"] = str(int(year) + 1)
    return True


def _more(form: Form, _calendar: Calendar) -> Mapping[str, Any]:
    """Time zones to choose from, and years whose holidays can be copied."""
    return {"zones": sorted(available_timezones()), "years": _years(form), "default": services().settings.time_zone}


NINE_TO_FIVE = hours.read_stretches("09:00–17:00")
PART = Part(
    Calendar,
    "calendar",
    "desk.admin_calendars",
    Calendar(0, "", "", (NINE_TO_FIVE,) * 5 + ((), ())),
    _show,
    _read,
    _more,
    _copy,
)


@blueprint.get("/administration/calendars")
@needs(Right.ADMINISTER)
def admin_calendars() -> Response:
    """All calendars."""
    return page("calendars", calendars=services().administration.everything(Calendar), stretches=hours.stretches)


@blueprint.route("/administration/calendars/new", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_new_calendar() -> Response:
    """A new calendar."""
    return PART.edit(None)


@blueprint.route("/administration/calendars/<int(max=2147483647):number>", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_calendar(number: int) -> Response:
    """One calendar."""
    return PART.edit(number)


@blueprint.route("/administration/calendars/<int(max=2147483647):number>/remove", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_remove_calendar(number: int) -> Response:
    """Remove a calendar."""
    return PART.remove(number)
