"""Unanswered searches through the API: what people asked in vain, masked, and nothing of who they are."""

from collections import Counter
from typing import Any

from flask import url_for

from portal.api_tokens import Scope
from portal.errors import NotFound
from portal.locales import CODES
from portal.storage import gaps as counted
from portal.storage import tickets
from portal.storage import unanswered as store
from portal.storage.unanswered import Gap
from portal.web.api import deeds
from portal.web.api import models_desk as models
from portal.web.api.actions import do
from portal.web.api.endpoints import Call, endpoint
from portal.web.api.paging import Page
from portal.web.i18n import language
from portal.web.links import absolute
from portal.web.services import services

TAG = "desk"


@endpoint("GET", "/gaps", tag=TAG, summary="List unanswered searches", scope=Scope.GAPS_READ)
def list_gaps(call: Call, query: models.GapsQuery) -> Page[models.GapListed]:
    """What people asked in vain and nothing answers yet, most asked first; masked, and nothing of who asked.

    What is asked between two pages of the list may move up or down in it: compare the numbers.
    """
    after = call.position(tuple[int, int])
    codes = (query.language,) if query.language else CODES
    with services().database.read() as connection:
        found = store.page(connection, codes, after, query.limit + 1)
    shown = found[: query.limit]
    place = (shown[-1].occurrences, shown[-1].number) if len(found) > len(shown) else None
    return call.page([_listed(gap) for gap in shown], place)


def _listed(gap: Gap) -> models.GapListed:
    """An unanswered search as lists tell it."""
    return models.GapListed(**_facts(gap))


def _facts(gap: Gap) -> dict[str, Any]:
    """What lists tell of an unanswered search."""
    names = ("number", "kind", "code", "status", "language", "query", "occurrences", "version")
    return {name: getattr(gap, name) for name in names} | {
        "last_asked": gap.last_asked_at,
        "article": gap.slug,
        "owner": gap.owner_name,
        "url": absolute(url_for("desk.ticket", language=language(), number=gap.number)),
    }


@endpoint("GET", "/gaps/{number}", tag=TAG, summary="Read an unanswered search", scope=Scope.GAPS_READ)
def get_gap(_call: Call, path: models.NumberPath) -> models.GapShown:
    """An unanswered search, also one that is solved by now, with its wordings and days."""
    number = path.number
    with services().database.read() as connection:
        found = store.several(connection, [number]).get(number)
        if found is None:
            raise NotFound(f"gap {number}")
        wordings = store.variants(connection, [number])[number]
        days = Counter[tuple[str, str]]()
        for day, code, _query, times in counted.occurrences(connection, number):
            days[day.isoformat(), code] += times
    return models.GapShown(
        **_facts(found),
        wordings=[models.Wording(language=each.language, query=each.query, times=each.times) for each in wordings],
        days=[models.AskedOn(day=day, language=code, times=times) for (day, code), times in days.items()],
    )


def _worked_on(_call: Call, path: models.NumberPath, body: deeds.GapAct) -> models.Done:  # noqa: ARG001
    """How it stands after what was done."""
    with services().database.read() as connection:
        ticket = tickets.get(connection, path.number)
    return models.Done(number=ticket.id, status=ticket.status, version=ticket.version)


@endpoint(
    "POST",
    "/gaps/{number}/actions",
    tag=TAG,
    summary="Work on an unanswered search as a writer",
    scope=Scope.GAPS_WRITE,
    problems=("not-possible-now", "stale", "taken", "not-proven"),
    shows=_worked_on,
    example=deeds.Claim(),
)
def act_on_gap(call: Call, path: models.NumberPath, body: deeds.GapAct) -> None:
    """Take it on, give it back, or close it by an article that its own search finds; see `act_on_ticket`."""
    with services().database.read() as connection:
        if path.number not in store.several(connection, [path.number]):
            raise NotFound(f"gap {path.number}")
    do(call, path.number, body)
