"""Agents take, answer, classify, pass on and solve tickets, and take back what they sent too soon."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from portal.desk import assignment, classifying, retracting, swarming
from portal.desk.acting import act
from portal.desk.awaiting import await_again
from portal.desk.bulk import Outcome, each
from portal.desk.drafting import FIELD_OF
from portal.desk.merging import Merging
from portal.desk.posting import Posting
from portal.errors import InvalidInput, NotAllowed, StaleTicket, TransitionRefused
from portal.histories import FORM, is_second_press, is_sent_again
from portal.organisation import SUPPLIER_TIER
from portal.people import Person, Right, may
from portal.storage import Database, drafting
from portal.storage import assignment as unowned
from portal.storage import organisation as organisation_store
from portal.storage import people as people_store
from portal.storage import tickets as store
from portal.storage.notices import About
from portal.storage.swarm import participants
from portal.telling import mentions, of_change, of_mentions
from portal.telling import of_reply as told_of_reply
from portal.tickets import GAPS, Action, Actor, Event, Kind, Resolution, Ticket

__all__ = ["Desk", "Outcome", "mentions", "participants", "told_of_reply"]

#: What an agent does that the requester is mailed.
MAILED = frozenset({Action.REPLY, Action.ASK_REQUESTER, Action.SOLVE})
#: What needs nothing but a text; the rest has a use case of its own.
PLAIN = MAILED | {
    Action.TAKE,
    Action.GIVE_BACK,
    Action.NOTE,
    Action.WAIT_SUPPLIER,
    Action.PLAN,
    Action.RESUME,
    Action.REOPEN,
    Action.CLOSE,
    Action.MARK_DUPLICATE,
    Action.MARK_SPAM,
}


class Desk:
    """The use cases of the desk.

    Each raises `NotAllowed` where the person may not work on tickets, `NotFound` where there is no such ticket,
    `StaleTicket` where it has changed since the version that is given, and what `lifecycle.apply` raises.

    Args:
        database: where the tickets are.
        posting: what requesters are mailed.
        time_zone: IANA name, of calendars that name none.
    """

    def __init__(self, database: Database, posting: Posting, time_zone: str = "UTC") -> None:
        self._database = database
        self._posting = posting
        self._time_zone = time_zone
        self._merging = Merging(database, posting)

    def work(
        self,
        person: Person,
        number: int,
        action: Action,
        now: datetime,
        *,
        version: int | None = None,
        text: str = "",
        resolution: Resolution | None = None,
        form: str = "",
    ) -> Ticket:
        """Do something to a ticket as an agent; the same once more within seconds is the same, not another.

        Args:
            person: who does it.
            number: of the ticket.
            action: what is done; one of `PLAIN`.
            now: aware, UTC.
            version: the ticket's when the agent looked at it; None where what has happened since does not matter.
            text: reply, note, resolution or reason.
            resolution: how it was solved.
            form: number of the form that a text was sent with; with it the same text is the same at any time.

        Returns:
            The ticket afterwards.

        Raises:
            AlreadyTaken, TransitionRefused, InvalidInput: see `lifecycle.apply`.
        """
        _check(person)
        if action not in PLAIN:
            raise TransitionRefused(f"{action} is none of the plain actions")
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            if action is Action.TAKE and ticket.owner_id == person.id:
                return ticket  # A second click on the same button.
            if action is Action.SOLVE and ticket.kind in GAPS:
                raise TransitionRefused("a gap is solved with a proof, see portal.closing")
            if action in FIELD_OF and _is_repeated(connection, ticket, person, action, text, now, form):
                return ticket
            _check_version(ticket, version)
            actor, details = Actor(person.id, person.name), {FORM: form} if form else None
            changed, event = act(
                connection, ticket, action, now, actor, text=text, resolution=resolution, details=details
            )
            self._follow_up(connection, changed, event, person, now)
            return changed

    def _follow_up(self, connection: Connection, ticket: Ticket, event: Event, person: Person, now: datetime) -> None:
        """What an action brings with it, in its transaction: its draft goes, and whom it concerns is told."""
        if event.action in FIELD_OF:
            drafting.remove(connection, ticket.id, person.id, FIELD_OF[event.action])
        if event.action is Action.WAIT_SUPPLIER:
            await_again(connection, ticket.id, now, self._time_zone)
        if event.action is Action.NOTE:
            of_mentions(connection, ticket, event, now)
        if ticket.kind is Kind.REQUEST and event.action in MAILED:
            self._posting.event(connection, ticket, event, now)
        if event.action is Action.SOLVE:
            self._merging.solve_duplicates(connection, ticket, event, now)

    def classify(
        self,
        person: Person,
        number: int,
        now: datetime,
        version: int | None = None,
        *,
        urgency: int | None = None,
        impact: int | None = None,
        topic: str | None = None,
        language: str | None = None,
    ) -> Ticket:
        """Put right how urgent a ticket is, how many it affects, what it is about or who can answer it.

        Args:
            person: who does it.
            number: of the ticket.
            now: aware, UTC.
            version: see `work`.
            urgency: for the requester, 1–5; None here and below: as it is.
            impact: 1–5; the priority follows from both.
            topic: slug of a topic of the articles; empty where nobody knows.
            language: in which the requester is answered.

        Returns:
            The ticket afterwards; where nothing differs, as it was.

        Raises:
            InvalidInput: `urgency` or `impact` is `out_of_range`, `topic` is `invalid`, `language` is `unknown`.
            TransitionRefused: it has ended, or it is a gap, whose urgency, impact and language are its search's.
        """
        _check(person)
        wanted = {"urgency": urgency, "impact": impact, "topic": topic, "language": language}
        with self._database.write() as connection:
            ticket = self._locked(connection, number, version)
            changes, details = classifying.changes(ticket, wanted)
            if not changes:
                return ticket
            actor = Actor(person.id, person.name)
            return act(connection, ticket, Action.CLASSIFY, now, actor, changes=changes, details=details)[0]

    def escalate(
        self, person: Person, number: int, tier: int, reason: str, now: datetime, version: int | None = None
    ) -> Ticket:
        """Pass a ticket on to another tier of ours, also back; nobody owns it then, and the former owner is told.

        Raises:
            InvalidInput: the reason (`text`) is missing or too long; `tier` is `invalid`: not in use, that of the
                suppliers, or the one that has it.
            TransitionRefused: it has ended.
        """
        _check(person)
        if not reason.strip():
            raise InvalidInput("text", "missing")
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            if ticket.tier == tier and _is_repeated(connection, ticket, person, Action.ESCALATE, reason, now):
                return ticket
            _check_version(ticket, version)
            known = organisation_store.load(connection, self._time_zone).tiers.get(tier)
            if known is None or not known.is_active or tier in {ticket.tier, SUPPLIER_TIER}:
                raise InvalidInput("tier", "invalid")
            changes = {"tier": tier, "owner_id": None, "owner_name": ""}
            details = {"from": str(ticket.tier), "to": str(tier)}
            actor = Actor(person.id, person.name)
            changed, event = act(
                connection, ticket, Action.ESCALATE, now, actor, text=reason, changes=changes, details=details
            )
            if ticket.owner_id is not None:
                of_change(connection, ticket.owner_id, About.ESCALATED, changed, event, now)
            return changed

    def assign(
        self, person: Person, number: int, to_person_id: int, now: datetime, version: int | None = None
    ) -> Ticket:
        """Give a ticket to somebody, who is told; whoever had it no longer has it.

        Raises:
            InvalidInput: `person` is `invalid`: nobody who works on tickets here.
            TransitionRefused: it has ended.
        """
        _check(person)
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            if ticket.owner_id == to_person_id:
                return ticket
            _check_version(ticket, version)
            # Larger numbers than the column holds are an error on PostgreSQL.
            to = people_store.get(connection, min(to_person_id, 2**31 - 1))
            if to is None or not to.is_active or not may(to, Right.WORK_TICKETS):
                raise InvalidInput("person", "invalid")
            return assignment.give(connection, ticket, to, now, Actor(person.id, person.name))

    def next_ticket(self, person: Person, now: datetime) -> Ticket | None:
        """Take the ticket that somebody is to work on next; nobody else gets the same.

        Of what nobody has, in their tiers, languages and topics: requests before gaps, what is due first before the
        rest; what they gave back is left to others.

        Returns:
            The ticket, which is theirs now; None where there is none.
        """
        _check(person)
        with self._database.write() as connection:
            number = unowned.next_for(connection, person)
            if number is None:
                return None
            ticket = store.get(connection, number, lock=True)
            return act(connection, ticket, Action.TAKE, now, Actor(person.id, person.name))[0]

    def swarm(self, person: Person, number: int, invite: Sequence[int], text: str, now: datetime) -> Ticket:
        """Invite colleagues to a ticket; its owner stays, and where nobody owns it, the inviter takes it first.

        Args:
            person: who invites.
            number: of the ticket.
            invite: numbers of people of the staff; who is there already is not invited again.
            text: what they are asked.
            now: aware, UTC.

        Raises:
            InvalidInput: `invite` is `missing`, `too_many` or `invalid`: nobody who works here.
            TransitionRefused: it has ended.
        """
        _check(person)
        with self._database.write() as connection:
            return swarming.invite(connection, store.get(connection, number, lock=True), person, invite, text, now)

    def leave(self, person: Person, number: int, now: datetime) -> Ticket:
        """Help with a ticket no longer."""
        _check(person)
        with self._database.write() as connection:
            return swarming.leave(connection, store.get(connection, number, lock=True), person, now)

    def retract(self, person: Person, number: int, now: datetime) -> tuple[Ticket, str]:
        """Take back the message that somebody has just sent to a requester; see `posting.UNDO`.

        Returns:
            The ticket as it was before the message, and its text, which is the draft again.

        Raises:
            TransitionRefused: it has been mailed, is somebody else's, or something has happened since.
        """
        _check(person)
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            changed, event = retracting.retract(connection, ticket, person, now)
            if event.action is Action.SOLVE:
                self._merging.take_back(connection, changed, event, now)
            return changed, event.text

    def bulk(self, person: Person, numbers: Sequence[int], action: str, now: datetime, **values: Any) -> list[Outcome]:
        """Do the same to many tickets, each in a transaction of its own.

        Args:
            person: who does it.
            numbers: of the tickets, at most `bulk.MOST`.
            action: `take`, `give_back`, `assign`, `spam`, `close`, `escalate` or `classify`.
            now: aware, UTC.
            **values: of `assign` `to_person_id`; of `escalate` `tier` and `reason`; of `classify` its own.

        Raises:
            InvalidInput: `numbers` are `missing` or `too_many`, or `action` is `unknown`.
        """
        _check(person)
        plain = {
            "take": Action.TAKE,
            "give_back": Action.GIVE_BACK,
            "spam": Action.MARK_SPAM,
            "close": Action.CLOSE,
        }
        deeds: dict[str, Callable[[int], object]] = {
            "assign": lambda number: self.assign(person, number, values.get("to_person_id", 0), now),
            "escalate": lambda number: self.escalate(
                person, number, values.get("tier", 0), values.get("reason", ""), now
            ),
            "classify": lambda number: self.classify(person, number, now, **values),
        }
        if action in plain:
            return each(numbers, lambda number: self.work(person, number, plain[action], now))
        if action not in deeds:
            raise InvalidInput("action", "unknown")
        return each(numbers, deeds[action])

    @staticmethod
    def _locked(connection: Connection, number: int, version: int | None) -> Ticket:
        """A ticket, locked, as its agent has seen it."""
        ticket = store.get(connection, number, lock=True)
        _check_version(ticket, version)
        return ticket


def _check(person: Person) -> None:
    """Make sure that somebody may work on tickets."""
    if not may(person, Right.WORK_TICKETS):
        raise NotAllowed("this role does not work on tickets")


def _check_version(ticket: Ticket, version: int | None) -> None:
    """Make sure that a ticket is as it was when its agent looked at it."""
    if version is not None and version != ticket.version:
        raise StaleTicket(f"ticket {ticket.id} has changed")


def _is_repeated(
    connection: Connection, ticket: Ticket, person: Person, action: Action, text: str, now: datetime, form: str = ""
) -> bool:
    """Whether somebody presses the same button a second time, or their browser sends the same form again."""
    past = store.history(connection, ticket.id)
    return is_second_press(past, person.id, action, text, now) or is_sent_again(
        past, person.id, {action}, text.strip(), form
    )
