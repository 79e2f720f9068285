"""A ticket's page: everything that is known of it, and what can be done with it now."""

from datetime import timedelta
from typing import Any

from flask import Response, make_response, render_template
from sqlalchemy import Connection

from portal import closing
from portal.desk.posting import UNDO
from portal.edition import Edition
from portal.errors import SearchUnavailable
from portal.histories import standing
from portal.lifecycle import allowed
from portal.locales import CODES
from portal.people import Person, Right, may
from portal.queries import read_query
from portal.selfservice import Result, answer
from portal.storage import organisation, people, swarm
from portal.storage import tickets as store
from portal.tickets import GAPS, PROOF_RANK, Action, Event, Kind, Status, Ticket
from portal.web import forms
from portal.web.desk import authoring, calls, facts, incidents, merging, supplier, timeline
from portal.web.desk.replies import offered, quotation
from portal.web.labels import ACTION
from portal.web.my_requests import LIMITS
from portal.web.security import person
from portal.web.services import services

#: Actions that are a button and nothing else, in the order of the buttons.
BUTTONS = tuple(ACTION)
#: Longest part of a request by which articles are looked for, in characters; and how many are suggested.
SEARCHED, SUGGESTED = 200, 4
#: Tickets in the list beside the conversation.
BESIDE = 30


def edition_now() -> Edition | None:
    """What readers see now; None while nothing can be searched, which keeps nobody from their tickets."""
    try:
        return services().edition
    except SearchUnavailable:
        return None


def empty_form() -> forms.Form:
    """A form in which nothing has been typed."""
    return forms.Form(limits=LIMITS)


def ticket_page(number: int, form: forms.Form, problem: str = "", status: int = 200, **more: Any) -> Response:
    """A ticket as it is now.

    Args:
        number: of the ticket.
        form: what the agent has typed, and what is wrong with it.
        problem: why it was not done, as a sentence.
        status: of the answer.
        **more: further variables of the template.
    """
    edition, now, me = edition_now(), services().clock(), person()
    with services().database.read() as connection:
        found = store.get(connection, number)
        history = store.history(connection, number)
        shown = _known(connection, found, history, edition)
        shown |= live_parts(connection, found, history)
        shown["beside"] = beside(connection, me)
    form.values = _drafted(number, form.values)
    shown |= {
        "form": form,
        "form_number": forms.new_number(),
        "problem": problem,
        "can_undo": can_undo(history, me, now),
        "undo_seconds": int(UNDO.total_seconds()),
        "suggestions": _suggestions(edition, found),
        "candidates": _candidates(edition, found) if Action.SOLVE in shown["possible"] else [],
    }
    return make_response(render_template("desk/ticket.html", **shown | more), status)


def _known(connection: Connection, found: Ticket, history: list[Event], edition: Edition | None) -> dict[str, Any]:
    """What is known of a ticket besides its conversation."""
    me = person()
    is_gap = found.kind in GAPS
    possible = allowed(found)
    setup = organisation.load(connection, services().settings.time_zone)
    staff = [each for each in people.everybody(connection) if each.is_active and may(each, Right.WORK_TICKETS)]
    known: dict[str, Any] = {
        "ticket": found,
        "is_gap": is_gap,
        "facts": facts.of_ticket(connection, found, history, edition),
        "words": facts,
        "possible": possible,
        "buttons": [
            action for action in BUTTONS if action in possible and not (action is Action.TAKE and found.owner_id)
        ],
        "can_work": may(me, Right.WORK_TICKETS),
        "can_declare": may(me, Right.DECLARE_MAJOR),
        "can_draft": found.kind is not Kind.OVERFLOW,
        "resolutions": closing.OF_GAP if is_gap else closing.OF_REQUEST,
        "proof_rank": PROOF_RANK,
        "staff": staff,
        "tiers": [tier for tier in setup.tiers.values() if tier.is_active and tier.number < 4],
        "codes": CODES,
        "topics": edition.knowledge.shelves(found.language) if edition else [],
        "replies": offered(connection, found, me),
    }
    for module in (supplier, calls, merging, incidents):
        known |= module.context(connection, found)
    return known | authoring.context(connection, found, edition)


def live_parts(connection: Connection, found: Ticket, history: list[Event]) -> dict[str, Any]:
    """What changes while the page is open: the conversation, how the ticket stands, its clocks, and who is here."""
    now = services().clock()
    setup = organisation.load(connection, services().settings.time_zone)
    # Nobody waits for what is spam or a duplicate.
    is_timed = found.kind is Kind.REQUEST and found.status not in {Status.SPAM, Status.DUPLICATE}
    return {
        "ticket": found,
        "is_gap": found.kind in GAPS,
        "history": history,
        "retracted": {id(event) for event in history} - {id(event) for event in standing(history)},
        "history_key": id,
        "clock_words": timeline,
        "quotation": quotation,
        "tier_names": {number: tier.names for number, tier in setup.tiers.items()},
        "timeline": timeline.of(history, setup, now) if is_timed else None,
        "here": services().presence.others(found.id, person().id, now, connection),
        "participants": swarm.participants(connection, found.id),
    }


def beside(connection: Connection, me: Person) -> list[Ticket]:
    """The person's own unsolved tickets, those due first on top."""
    mine = store.find(connection, store.Filter(owner_id=me.id), limit=200)
    late = services().clock() + timedelta(days=3650)
    return sorted(mine, key=lambda each: (each.due_at or late, -each.priority, each.id))[:BESIDE]


def can_undo(history: list[Event], me: Person, now: Any) -> bool:
    """Whether the newest event is something that this person has just sent."""
    if not history:
        return False
    last = history[-1]
    # What was written to many at once is not taken back for one of them.
    is_sent = last.action in {Action.REPLY, Action.ASK_REQUESTER, Action.SOLVE} and "told" not in last.details
    return is_sent and last.actor.person_id == me.id and now - last.at < UNDO


def _drafted(number: int, typed: dict[str, str]) -> dict[str, str]:
    """What was typed, and where nothing was, what the person had begun to write earlier."""
    kept = services().drafting.of(person().id, number)
    return {f"draft_{name}": text for name, text in kept.items()} | typed


def _suggestions(edition: Edition | None, found: Ticket) -> list[Result]:
    """The articles that may answer a request."""
    if edition is None or found.kind is not Kind.REQUEST:
        return []
    results: dict[str, Result] = {}
    try:
        for text in (found.subject, found.query, found.description):
            query = read_query(found.language, text[:SEARCHED])
            for result in answer(edition, query).results[:SUGGESTED] if query.text else ():
                results.setdefault(result.item.article.slug, result)
    except SearchUnavailable:
        return []
    return list(results.values())[:SUGGESTED]


def _candidates(edition: Edition | None, gap: Ticket) -> list[tuple[int, str, str]]:
    """The articles that a gap's own query finds now; none where it cannot be searched."""
    try:
        return closing.candidates(edition, gap) if edition and gap.kind in GAPS else []
    except SearchUnavailable:
        return []
