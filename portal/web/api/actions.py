"""What can be done to tickets through the API: from each action to the use case that the ticket's page calls for it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from portal import closing
from portal.authoring import PLANNED_FOR
from portal.desk.calls import Outcome, open_call
from portal.edition import Edition
from portal.errors import InvalidInput, NotAllowed, NotFound, SearchUnavailable, StaleTicket, TransitionRefused
from portal.lifecycle import allowed
from portal.people import Person, Right, may
from portal.storage import callbacks, cases
from portal.storage import tickets as store
from portal.tickets import GAPS, UNSOLVED, Action, Kind, Ticket
from portal.web.api import deeds
from portal.web.api.endpoints import Call
from portal.web.services import services
from portal.writing.planning.claims import CLAIMABLE


def _work(action: Action) -> Callable[[Call, int, Any], object]:
    """What needs nothing but a text."""

    def act(call: Call, number: int, deed: Any) -> object:
        text = getattr(deed, "text", "")
        return services().desk.work(call.person, number, action, call.now, version=deed.version, text=text)

    return act


def _solve(call: Call, number: int, deed: deeds.Solve) -> object:
    """A gap is solved only by what answers it; a request by an article only where that answers its search."""
    with services().database.read() as connection:
        kind = store.get(connection, number).kind
    resolution = deed.resolution
    if kind in GAPS:
        solve = services().closing.solve
        return solve(_edition(), call.person, number, resolution, deed.article, deed.text, call.now, deed.version)
    if resolution not in closing.OF_REQUEST:
        raise InvalidInput("resolution", "invalid")
    prepare = services().authoring.prepare
    version = prepare(_edition(), call.person, number, resolution, deed.article, call.now, deed.version)
    return services().desk.work(
        call.person, number, Action.SOLVE, call.now, version=version, text=deed.text, resolution=resolution
    )


def _edition() -> Edition | None:
    """What readers see now; None while nothing can be searched, which keeps nobody from what needs no proof."""
    try:
        return services().edition
    except SearchUnavailable:
        return None


def _classify(call: Call, number: int, deed: deeds.Classify) -> object:
    """Put urgency, impact, topic or language right."""
    wanted = {name: getattr(deed, name) for name in ("urgency", "impact", "topic", "language")}
    return services().desk.classify(call.person, number, call.now, deed.version, **wanted)


def _escalate(call: Call, number: int, deed: deeds.Escalate) -> object:
    """Pass it to another tier."""
    return services().desk.escalate(call.person, number, deed.tier, deed.text, call.now, deed.version)


def _assign(call: Call, number: int, deed: deeds.Assign) -> object:
    """Give it to somebody."""
    return services().desk.assign(call.person, number, deed.person, call.now, deed.version)


def _swarm(call: Call, number: int, deed: deeds.Swarm) -> object:
    """Invite colleagues."""
    return services().desk.swarm(call.person, number, deed.invite, deed.text, call.now)


def _merge(call: Call, number: int, deed: deeds.Merge) -> object:
    """Make it a duplicate."""
    return services().merging.merge(call.person, number, deed.into, call.now, deed.version)


def _plan_article(call: Call, number: int, deed: deeds.PlanArticle) -> object:
    """Note which article is to answer it."""
    return services().authoring.plan(call.person, number, deed.article, call.now, deed.version)


def _plan_call(call: Call, number: int, deed: deeds.PlanCall) -> object:
    """Agree a time for a call."""
    schedule = services().calls.schedule
    return schedule(call.person, number, deed.phone, deed.start, deed.minutes, deed.time_zone, call.now)


def _called(call: Call, number: int, deed: deeds.Called) -> object:
    """Write down what came of the planned call."""
    with services().database.read() as connection:
        task = open_call(callbacks.of_ticket(connection, number))
    if task is None:
        raise TransitionRefused(f"no call of {number} is planned")
    outcome = Outcome(deed.outcome)
    if outcome is Outcome.GIVEN_UP:
        return services().calls.give_up(call.person, task.id, call.now)
    return services().calls.attempt(call.person, task.id, outcome, deed.text, call.now)


def _send_supplier(call: Call, number: int, deed: deeds.SendSupplier) -> object:
    """Write to a supplier what somebody has seen in the preview."""
    send = services().suppliers.send
    return send(call.person, number, deed.supplier, deed.text, call.now, deed.version, deed.seen)


def _case(number: int, case: int) -> int:
    """A case of the ticket.

    Raises:
        NotFound: it is another one's, or there is none.
    """
    with services().database.read() as connection:
        if cases.get(connection, case).ticket_id != number:
            raise NotFound(f"case {case} of {number}")
    return case


def _supplier_answer(call: Call, number: int, deed: deeds.SupplierAnswer) -> object:
    """Enter an answer that came by another way."""
    return services().suppliers.record(call.person, _case(number, deed.case), deed.text, call.now)


def _supplier_reference(call: Call, number: int, deed: deeds.SupplierReference) -> object:
    """Keep the supplier's own number."""
    return services().suppliers.set_reference(call.person, _case(number, deed.case), deed.reference, call.now)


def _close_case(call: Call, number: int, deed: deeds.CloseCase) -> object:
    """Nothing more is expected of the supplier."""
    return services().suppliers.close_case(call.person, _case(number, deed.case), call.now)


def _texts(sent: Mapping[Any, str]) -> dict[str, str]:
    """Texts by language."""
    return dict(sent)


def _declare_major(call: Call, number: int, deed: deeds.DeclareMajor) -> object:
    """Declare a major incident."""
    return services().incidents.declare(call.person, number, _texts(deed.texts), call.now, deed.version)


def _change_major(call: Call, number: int, deed: deeds.ChangeMajor) -> None:
    """Change, hide or show what the portal says."""
    if not may(call.person, Right.DECLARE_MAJOR):
        raise NotAllowed("this role does not declare major incidents")
    if deed.texts is None and deed.is_shown is None:
        raise InvalidInput("texts", "missing")
    texts = None if deed.texts is None else _texts(deed.texts)
    services().incidents.change(call.person, number, texts, call.now, is_shown=deed.is_shown)


def _end_major(call: Call, number: int, deed: deeds.EndMajor) -> object:
    """End a major incident."""
    return services().incidents.end(call.person, number, call.now, deed.version)


def _tell_affected(call: Call, number: int, deed: deeds.TellAffected) -> object:
    """Write to everybody whom it affects, once for each key."""
    way = services().incidents.solve_all if deed.solve else services().incidents.tell
    return way(call.person, number, _texts(deed.texts), call.now, deed.key or (call.nonce if call.has_key else ""))


def _incident(call: Call, number: int, deed: deeds.LinkIncident | deeds.UnlinkIncident) -> None:
    """Link it to an incident, or part it from it."""
    incidents = services().incidents
    way = incidents.link if isinstance(deed, deeds.LinkIncident) else incidents.unlink
    if way(call.person, deed.incident, [number], call.now).refused:
        raise TransitionRefused(f"{number} cannot be linked to {deed.incident}")


#: What is called for each action.
_ACTS: Mapping[type[deeds.Deed], Callable[[Call, int, Any], object]] = {
    deeds.Take: _work(Action.TAKE),
    deeds.GiveBack: _work(Action.GIVE_BACK),
    deeds.AgentReply: _work(Action.REPLY),
    deeds.AskRequester: _work(Action.ASK_REQUESTER),
    deeds.Note: _work(Action.NOTE),
    deeds.WaitSupplier: _work(Action.WAIT_SUPPLIER),
    deeds.Plan: _work(Action.PLAN),
    deeds.Resume: _work(Action.RESUME),
    deeds.Solve: _solve,
    deeds.Reopen: _work(Action.REOPEN),
    deeds.Close: _work(Action.CLOSE),
    deeds.MarkSpam: _work(Action.MARK_SPAM),
    deeds.Classify: _classify,
    deeds.Escalate: _escalate,
    deeds.Assign: _assign,
    deeds.Swarm: _swarm,
    deeds.Leave: lambda call, number, _deed: services().desk.leave(call.person, number, call.now),
    deeds.Undo: lambda call, number, _deed: services().desk.retract(call.person, number, call.now),
    deeds.Merge: _merge,
    deeds.PlanArticle: _plan_article,
    deeds.Claim: lambda call, number, _deed: services().claims.claim(call.person, number, call.now),
    deeds.Release: lambda call, number, _deed: services().claims.release(call.person, number, call.now),
    deeds.PlanCall: _plan_call,
    deeds.Called: _called,
    deeds.SendSupplier: _send_supplier,
    deeds.SupplierAnswer: _supplier_answer,
    deeds.SupplierReference: _supplier_reference,
    deeds.CloseCase: _close_case,
    deeds.DeclareMajor: _declare_major,
    deeds.ChangeMajor: _change_major,
    deeds.EndMajor: _end_major,
    deeds.TellAffected: _tell_affected,
    deeds.LinkIncident: _incident,
    deeds.UnlinkIncident: _incident,
}
#: What the use cases call fields that have another name here.
_FIELDS = {"slug": "article", "planned": "article"}


def do(call: Call, number: int, deed: deeds.Act) -> object:
    """Do something to a ticket, with all that the page would do for the same button; what the use case returns.

    Raises:
        StaleTicket: it has changed since the version that was sent.
        PortalError: see the use cases.
    """
    with services().database.read() as connection:
        ticket = store.get(connection, number)
    if deed.version not in {None, ticket.version}:  # Where it matters to the second, the use case looks once more.
        raise StaleTicket(f"ticket {number} has changed")
    try:
        return _ACTS[type(deed)](call, number, deed)
    except InvalidInput as error:
        field = _FIELDS.get(error.field, re.sub("^text_(?=..$)", "texts.", error.field))
        raise InvalidInput(field, error.code) from error


#: The action of the lifecycle that each action of the API needs; the rest depends on more, see `possible`.
_NEEDS: Mapping[str, Action] = {
    "take": Action.TAKE,
    "give_back": Action.GIVE_BACK,
    "reply": Action.REPLY,
    "ask_requester": Action.ASK_REQUESTER,
    "note": Action.NOTE,
    "wait_supplier": Action.WAIT_SUPPLIER,
    "plan": Action.PLAN,
    "resume": Action.RESUME,
    "solve": Action.SOLVE,
    "reopen": Action.REOPEN,
    "close": Action.CLOSE,
    "mark_spam": Action.MARK_SPAM,
    "classify": Action.CLASSIFY,
    "escalate": Action.ESCALATE,
    "assign": Action.ASSIGN,
    "swarm": Action.SWARM,
    "leave": Action.SWARM,
    "undo": Action.RETRACT,
    "merge": Action.MARK_DUPLICATE,
    "plan_call": Action.PLAN_CALL,
    "send_supplier": Action.SUPPLIER_SENT,
    "declare_major": Action.DECLARE_MAJOR,
    "change_major": Action.END_MAJOR,
    "end_major": Action.END_MAJOR,
    "tell_affected": Action.END_MAJOR,
    "link_incident": Action.LINK_INCIDENT,
    "unlink_incident": Action.UNLINK_INCIDENT,
}
_OF_INCIDENTS = frozenset({"declare_major", "change_major", "end_major", "tell_affected"})
_OF_CASES = frozenset({"supplier_answer", "supplier_reference", "close_case"})


def possible(person: Person, ticket: Ticket, *, has_case: bool, has_call: bool) -> list[str]:
    """What somebody can do to a ticket now, by the names of the API.

    Args:
        person: in whose name the token works.
        ticket: as it stands.
        has_case: whether it has a case at a supplier.
        has_call: whether a call is planned.
    """
    if not may(person, Right.WORK_TICKETS):
        return []
    now = allowed(ticket)
    found = {name for name, action in _NEEDS.items() if action in now}
    found |= {"plan_article"} if ticket.kind in PLANNED_FOR else set()
    found |= {"claim", "release"} if ticket.kind in CLAIMABLE and ticket.status in UNSOLVED else set()
    found |= _OF_CASES if has_case else set()
    found |= {"called"} if has_call else set()
    found -= {"take"} if ticket.owner_id is not None else set()
    found -= {"merge"} if ticket.kind is Kind.OVERFLOW else set()
    found -= {"link_incident"} if ticket.incident_id is not None else set()
    return sorted(found if may(person, Right.DECLARE_MAJOR) else found - _OF_INCIDENTS)
