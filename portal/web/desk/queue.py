"""The queue of tickets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton, format_timedelta
from flask import jsonify, redirect, render_template, request, url_for
from flask_babel import format_decimal, get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from portal.desk.finding import number_in
from portal.errors import NotFound, SearchUnavailable
from portal.locales import LANGUAGES
from portal.organisation import SUPPLIER_TIER, Tier
from portal.people import Person, Right, may
from portal.storage import claims, organisation, people, saved_filters
from portal.storage import queue as store
from portal.storage import tickets as ticket_store
from portal.storage.queue import SOON, Card, Sort, Tab
from portal.tickets import UNSOLVED, Kind, Status
from portal.web.desk import blueprint, narrowing
from portal.web.desk.narrowing import Asked
from portal.web.i18n import language
from portal.web.labels import LEVEL, PRIORITY
from portal.web.security import needs, person
from portal.web.services import services

#: Tickets on one page of the queue, and the best that a search finds.
PAGE_SIZE, FOUND = 50, 100
#: Unconfirmed gaps that the queue has at hand, folded; the rest is on pages of its own.
LANE = 20
#: New tickets are counted up to here.
MOST_NEW = 99

# Translators: parts of the queue of tickets; a number follows.
TABS = {
    Tab.OPEN: _l("Unsolved"),
    Tab.MINE: _l("Mine"),
    Tab.UNOWNED: _lp("tickets", "Unowned"),
    Tab.DUE: _lp("tickets", "Overdue or due soon"),
    Tab.WAITING: _lp("tickets", "Waiting"),
    Tab.DONE: _lp("tickets", "Done"),
}
#: Parts that have no tab of their own until somebody is there.
APART = {Tab.UNCONFIRMED: _l("Unconfirmed"), Tab.ALL: _lp("tickets", "All")}
# Translators: orders of the queue, after “Sorted by”.
SORTS = {
    Sort.DUE: _lp("order", "due time"),
    Sort.PRIORITY: _lp("order", "priority"),
    Sort.AGE: _lp("order", "age, oldest first"),
    Sort.NUMBER: _lp("order", "number, newest first"),
}
EMPTY = {
    Tab.OPEN: _l("Nothing is waiting. Unanswered searches and requests appear here by themselves."),
    Tab.MINE: _l("You have no tickets. Take one from the queue."),
    Tab.UNOWNED: _l("Every ticket has an owner."),
    Tab.DUE: _l("Nothing is overdue, and nothing is due within half an hour."),
    Tab.WAITING: _l("No ticket waits for a requester, a supplier or a planned time."),
    Tab.DONE: _l("Nothing has been solved yet."),
    Tab.UNCONFIRMED: _l("There are no unconfirmed searches."),
    Tab.ALL: _l("There are no tickets yet."),
}


@dataclass(frozen=True)
class Due:
    """When a ticket is due, in words, and as the name of a shape: `overdue`, `soon` or `later`."""

    state: str
    words: str


def due(card: Card, now: datetime) -> Due | None:
    """When a ticket is due; None where no clock runs."""
    if card.due_at is None:
        return None
    left = card.due_at - now
    length = format_timedelta(abs(left), granularity="minute", threshold=2, format="short", locale=get_locale())
    if left.total_seconds() < 0:
        return Due("overdue", _("overdue by %(time)s", time=length))
    if left <= SOON:
        return Due("soon", _("%(time)s left", time=length))
    # Hours by the clock on the wall would be taken for working time, which the ticket's page tells.
    zone = ZoneInfo(services().settings.time_zone)
    pattern = "EHm" if left < timedelta(days=6) else "MMMd"
    return Due("later", format_skeleton(pattern, card.due_at, tzinfo=zone, locale=get_locale()))


def counted(number: int) -> str:
    """A number of tickets as it is shown; more than can be counted at a glance are “1,000+”."""
    shown: str = format_decimal(min(number, store.MOST_COUNTED))
    return shown + ("+" if number > store.MOST_COUNTED else "")


@dataclass(frozen=True)
class Again:
    """What was to be done to ticked tickets and could not be: it is shown once more, as it was sent."""

    fault: str
    ticked: frozenset[int]
    #: The fields of the form, by name.
    sent: Mapping[str, str]


@dataclass(frozen=True)
class Listed:
    """The tickets of one page."""

    cards: list[Card]
    #: Address of the next page's beginning; empty where there is none.
    more: str = ""
    #: How many there are on all pages.
    total: int = 0


def _listed(connection: Connection, asked: Asked, found: Sequence[int] | None, after: str) -> Listed:
    """The tickets that are asked for; of a search those found."""
    if found is not None:
        cards = store.cards(connection, found)
        return Listed([cards[number] for number in found if number in cards], "", len(cards))
    start = narrowing.place(after, asked)
    page = store.page(connection, asked.wanted, asked.sort, start, PAGE_SIZE + 1)
    shown = page[:PAGE_SIZE]
    above = store.pinned(connection, asked.wanted) if start is None else []
    return Listed(
        [*above, *(card for card, _place in shown)],
        narrowing.written(shown[-1][1]) if len(page) > PAGE_SIZE else "",
        store.count(connection, asked.wanted),
    )


def _lane(connection: Connection, asked: Asked) -> tuple[list[Card], int]:
    """The first unconfirmed gaps, and how many there are; none beside anything but the queue itself."""
    if asked.wanted.tab is not Tab.OPEN or asked.text:
        return [], 0
    wanted = replace(asked.wanted, tab=Tab.UNCONFIRMED)
    lane = [card for card, _place in store.page(connection, wanted, Sort.AGE, limit=LANE)]
    return lane, store.count(connection, wanted) if lane else 0


def _choices(connection: Connection, me: Person) -> dict[str, Any]:
    """What the filters and the buttons offer."""
    tiers = [tier for tier in organisation.everything(connection, Tier) if tier.is_active]
    staff = people.everybody(connection)
    try:
        shelves = services().edition.knowledge.shelves(language())
    except SearchUnavailable:
        shelves = ()
    return {
        "tiers": tiers,
        "tier_names": {tier.number: tier.names for tier in tiers},
        "own_tiers": [tier for tier in tiers if tier.number < SUPPLIER_TIER],
        "agents": [each for each in staff if each.is_active and may(each, Right.WORK_TICKETS)],
        "topics": [(shelf.topic.slug, shelf.topic.name(language())) for shelf in shelves],
        "statuses": list(Status),
        "kinds": list(Kind),
        "spoken": LANGUAGES,
        "priorities": PRIORITY,
        "levels": LEVEL,
        "filters": saved_filters.of_person(connection, me.id),
    }


@blueprint.get("/")
@needs(Right.READ_TICKETS)
def queue() -> str | AnyResponse:
    """Tickets by the part of the queue and the filter that the address names; major incidents are on top."""
    asked = narrowing.read(request.args, person(), services().clock())
    if (number := number_in(asked.text)) is not None and number[1] and _is_there(number[0]):
        return redirect(url_for("desk.ticket", number=number[0]), 303)
    return page(asked, request.args.get("after", ""))


def page(asked: Asked, after: str, again: Again | None = None) -> str:
    """The queue.

    Args:
        asked: which tickets, in which order.
        after: where the page before ended, as its link has it.
        again: what could not be done from it.
    """
    me, now = person(), services().clock()
    found = services().finding.find(asked.text, asked.wanted, FOUND) if asked.text else None
    with services().database.read() as connection:
        listed = _listed(connection, asked, found, after)
        lane, lane_total = _lane(connection, asked)
        numbers = [card.id for card in [*listed.cards, *lane]]
        shown: dict[str, Any] = {
            "counts": store.counts(connection, asked.wanted, list(TABS)),
            "replied": ticket_store.awaiting_answer(connection, numbers),
            "writers": claims.of(connection, numbers),
            "since": store.newest(connection),
            **_choices(connection, me),
        }
    return render_template(
        "desk/queue.html",
        asked=asked,
        after=after if narrowing.place(after, asked) else "",
        again=again,
        arguments=asked.arguments,
        listed=listed,
        lane=lane,
        lane_total=lane_total,
        unsolved=UNSOLVED,
        tabs=TABS,
        apart=APART.get(asked.wanted.tab),
        sorts={sort: SORTS[sort] for sort in store.sorts(asked.wanted.tab)},
        empty=EMPTY[asked.wanted.tab],
        most_found=FOUND,
        due={card.id: due(card, now) for card in [*listed.cards, *lane]},
        counted=counted,
        can_work=may(me, Right.WORK_TICKETS),
        unconfirmed_days=services().settings.unconfirmed_days,
        **shown,
    )


def _is_there(number: int) -> bool:
    """Whether there is a ticket of a number."""
    with services().database.read() as connection:
        try:
            ticket_store.get(connection, number)
        except NotFound:
            return False
    return True


@blueprint.get("/queue/counts")
@needs(Right.READ_TICKETS)
def counts() -> AnyResponse:
    """How many tickets each tab has now, and how many have come since the page was made."""
    asked = narrowing.read(request.args, person(), services().clock())
    since = request.args.get("since", "")
    least = int(since) if since.isascii() and since.isdigit() and len(since) < 10 else 0
    with services().database.read() as connection:
        found = store.counts(connection, asked.wanted, list(TABS))
        new = store.count(connection, asked.wanted, least, MOST_NEW) if least and not asked.text else 0
    number = format_decimal(min(new, MOST_NEW)) + ("+" if new > MOST_NEW else "")
    told = ngettext("%(count)s new ticket – show", "%(count)s new tickets – show", new, count=number) if new else ""
    response = jsonify(tabs={tab.value: counted(found[tab]) for tab in found}, news=told)
    response.add_etag()
    return response.make_conditional(request)
