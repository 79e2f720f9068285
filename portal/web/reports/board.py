"""The live board's page, and the part of it that refreshes itself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_time, format_timedelta
from flask import render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from portal.locales import LANGUAGES
from portal.organisation import Tier
from portal.people import Right
from portal.reporting.board import Board, Narrowed, live
from portal.storage import organisation
from portal.web import labels
from portal.web.desk.queue import due
from portal.web.i18n import language
from portal.web.reports import blueprint
from portal.web.security import needs
from portal.web.services import services

#: How often a page without scripts is loaded again, in seconds; with scripts see static/board.js.
EVERY = 60
PRIORITIES = (5, 4, 3, 2, 1)


def narrowed(args: Mapping[str, str]) -> tuple[Narrowed, dict[str, str]]:
    """The tickets that an address asks for, and its arguments; whatever is unknown does not narrow."""
    known = {"tier": {"1", "2", "3", "4"}, "in": set(LANGUAGES)}
    found = {name: args.get(name, "") for name, values in known.items() if args.get(name) in values}
    return Narrowed((int(found["tier"]),) if "tier" in found else (), found.get("in")), found


def _tickets(arguments: Mapping[str, str], **more: str | int) -> str:
    """The address of the queue with the board's filter and more."""
    values: dict[str, Any] = {"tier": "all", **arguments, **more}
    return url_for("desk.queue", **values)


def _as_of(at: datetime) -> str:
    """The time of day to the second, as the page's language writes it."""
    zone = ZoneInfo(services().settings.time_zone)
    words = format_time(at.astimezone(zone).time(), "medium", locale=get_locale())
    return words + ("\u00a0UTC" if zone.key == "UTC" else "")


def _rows(board: Board, chosen: Narrowed, tiers: list[Tier]) -> list[tuple[int, list[str]]]:
    """The tiers of the table with their languages: those that are served, and those that have tickets."""
    active = {tier.number for tier in tiers if tier.is_active and tier.number < 4}
    numbers = set(chosen.tiers) or active | {tier for tier, _language, _priority in board.open}
    return [(number, [chosen.language] if chosen.language else list(LANGUAGES)) for number in sorted(numbers)]


def _since(at: datetime, now: datetime) -> str:
    """How long ago something was, in words."""
    return format_timedelta(
        max(now - at, now - now), granularity="minute", threshold=2, format="short", locale=get_locale()
    )


def _shown() -> dict[str, Any]:
    """What the board shows."""
    chosen, arguments = narrowed(request.args)
    now = services().clock()
    board = live(services().database, now, services().settings.time_zone, chosen)
    with services().database.read() as connection:
        tiers = organisation.everything(connection, Tier)
    cards = [*board.overdue_cards, *board.next_cards, *board.breached, *(each.card for each in board.waiting_cards)]
    return {
        "board": board,
        "arguments": arguments,
        "is_wall": request.args.get("wall") == "1",
        "rows": _rows(board, chosen, tiers),
        "tier_names": {tier.number: tier.names for tier in tiers},
        "tiers": [tier.number for tier in tiers if tier.is_active],
        "priorities": PRIORITIES,
        "priority_names": labels.PRIORITY,
        "due": {card.id: due(card, now) for card in cards},
        "since": lambda at: _since(at, now),
        "as_of": _as_of(now),
        "tickets": lambda **more: _tickets(arguments, **more),
        "label": labelled,
    }


def labelled(tier: int | None = None, spoken: str | None = None, priority: int | None = None) -> str:
    """What a cell of the table counts, for those who do not see its row and column."""
    parts = [
        labels.tier(tier) if tier else "",
        str(labels.LANGUAGE[spoken]) if spoken else "",
        _("priority %(name)s", name=str(labels.PRIORITY[priority])) if priority else "",
    ]
    return ", ".join(part for part in parts if part)


@blueprint.get("/board")
@needs(Right.READ_TICKETS)
def board() -> str:
    """How the desk stands now; with `wall=1` for a screen on the wall."""
    return render_template("desk/board.html", every=EVERY, spoken=LANGUAGES, own=language(), **_shown())


@blueprint.get("/board/live")
@needs(Right.READ_TICKETS)
def board_live() -> str:
    """The part that refreshes itself."""
    return render_template("desk/board_live.html", **_shown())
