"""The queue of tickets."""

from dataclasses import replace
from datetime import datetime

from flask import render_template, request

from portal.locales import LANGUAGES
from portal.people import Right
from portal.storage import tickets as store
from portal.tickets import Kind
from portal.web.desk import blueprint
from portal.web.security import needs, person
from portal.web.services import services

#: Tickets on one page of the queue.
PAGE_SIZE = 50
#: Unconfirmed gaps that the queue has at hand, folded; the rest is on pages of its own.
LANE = 20


def _filter() -> tuple[store.Filter, dict[str, str]]:
    """The tickets that the address asks for, and its arguments; anything unknown does not narrow."""
    asked = {name: request.args.get(name, "") for name in ("kind", "in", "show")}
    kind = Kind(asked["kind"]) if asked["kind"] in set(Kind) else None
    spoken = asked["in"] if asked["in"] in LANGUAGES else None
    show = asked["show"] if asked["show"] in {"mine", "done", "unconfirmed"} else "open"
    chosen = store.Filter(
        tier=1,
        kind=kind,
        language=spoken,
        is_unsolved=show != "done",
        owner_id=person().id if show == "mine" else None,
        is_confirmed={"open": True, "unconfirmed": False}.get(show),
    )
    return chosen, {"kind": kind.value if kind else "", "in": spoken or "", "show": show}


def _cursor(text: str) -> tuple[datetime, int] | None:
    """Where the page before ended; None for the first page and for anything that is no such place."""
    moment, _separator, number = text.partition("~")
    try:
        at, last = datetime.fromisoformat(moment), int(number)
    except ValueError:
        return None
    return (at, last) if at.tzinfo is not None and 0 < last < 2**31 else None


@blueprint.get("/")
@needs(Right.READ_TICKETS)
def queue() -> str:
    """L1's tickets, oldest first; what perhaps no person asked is folded away below."""
    chosen, arguments = _filter()
    unconfirmed = replace(chosen, is_confirmed=False)
    with services().database.read() as connection:
        found = store.find(connection, chosen, _cursor(request.args.get("after", "")), PAGE_SIZE + 1)
        counts = {
            "open": store.count(connection, store.Filter(tier=1, is_confirmed=True)),
            "mine": store.count(connection, store.Filter(tier=1, owner_id=person().id)),
            "done": store.count(connection, store.Filter(tier=1, is_unsolved=False)),
        }
        total = store.count(connection, chosen)
        lane = store.find(connection, unconfirmed, limit=LANE) if arguments["show"] == "open" else []
        lane_total = store.count(connection, unconfirmed) if lane else 0
        replied = store.awaiting_answer(connection, [ticket.id for ticket in found])
    shown = found[:PAGE_SIZE]
    return render_template(
        "desk/queue.html",
        tickets=shown,
        arguments=arguments,
        counts=counts,
        total=total,
        more=f"{shown[-1].created_at.isoformat()}~{shown[-1].id}" if len(found) > PAGE_SIZE else "",
        kinds=list(Kind),
        replied=replied,
        lane=lane,
        lane_total=lane_total,
        unconfirmed_days=services().settings.unconfirmed_days,
    )
