"""Merging: of several tickets about the same one is worked on, and everybody who waits is told with it."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection

from portal.desk.acting import act
from portal.desk.posting import UNDO, Posting, key
from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket, TransitionRefused
from portal.lifecycle import SOLVING, allowed, asked
from portal.people import Person, Right, may
from portal.storage import Database
from portal.storage import merging as known
from portal.storage import tickets as store
from portal.tickets import GAPS, SYSTEM, Action, Actor, Event, Kind, Status, Ticket


class Merging:
    """Merges tickets, and solves what was merged.

    Args:
        database: where they are.
        posting: what requesters are mailed.
    """

    def __init__(self, database: Database, posting: Posting) -> None:
        self._database = database
        self._posting = posting

    def merge(self, person: Person, number: int, into: int, now: datetime, version: int | None = None) -> Ticket:
        """Make a ticket a duplicate of another, which then stands for both.

        Of a gap all that hangs on it moves: occurrences, who wants to be told, the requests that came from it. A
        request keeps its page; its requester sees nothing of the other one and is told when that is solved, at once
        where it is solved already. Opening the duplicate again parts the two; what has moved stays.

        Args:
            person: who does it.
            number: of the duplicate.
            into: number of the other; where that is a duplicate itself, the ticket that it stands behind is meant.
            now: aware, UTC.
            version: the duplicate's when the person looked at it; None where what has happened since does not matter.

        Returns:
            The duplicate afterwards.

        Raises:
            NotAllowed: the person may not work on tickets.
            NotFound: there is no such ticket.
            StaleTicket: somebody has changed it, or the other, in the meantime.
            InvalidInput: `into` is `not_found`, `itself`, `closed` (also spam; of gaps also solved ones) or `invalid`:
                of another kind, or of gaps in another language.
            TransitionRefused: the ticket has ended or is a duplicate of another one.
        """
        if not may(person, Right.WORK_TICKETS):
            raise NotAllowed("this role does not work on tickets")
        with self._database.read() as connection:
            ticket = store.get(connection, number)
            target = _target(connection, ticket, into)
        if _is_done(ticket, target):
            return ticket  # A second click on the same button: it locks nothing, as solving locks in another order.
        with self._database.write() as connection:
            # In the order of their numbers, so that two who merge them into each other wait instead of dying.
            locked = {each: store.get(connection, each, lock=True) for each in sorted({number, target.id})}
            ticket, target = locked[number], locked[target.id]
            if _is_done(ticket, target):
                return ticket
            if version is not None and version != ticket.version:
                raise StaleTicket(f"ticket {number} has changed")
            if target.status is Status.DUPLICATE:
                raise StaleTicket(f"ticket {target.id} has become a duplicate")
            _check(ticket, target)
            return self._merged(connection, ticket, target, now, Actor(person.id, person.name))

    def _merged(self, connection: Connection, ticket: Ticket, target: Ticket, now: datetime, actor: Actor) -> Ticket:
        """Merge two tickets, which are locked."""
        mark, absorb = Action.MARK_DUPLICATE, Action.ABSORB
        changed, _ = act(
            connection, ticket, mark, now, actor, changes={"duplicate_of": target.id}, details={"of": str(target.id)}
        )
        more: dict[str, object] = {}
        if ticket.kind in GAPS:
            known.move_gap(connection, ticket, target)
            times = [each.last_asked_at for each in (ticket, target) if each.last_asked_at]
            more = {
                **asked(ticket.occurrences + target.occurrences),
                "last_asked_at": max(times, default=None),
                "is_confirmed": ticket.is_confirmed or target.is_confirmed,
            }
        target, _ = act(connection, target, absorb, now, actor, changes=more, details={"other": str(ticket.id)})
        if changed.kind is Kind.REQUEST and target.status is Status.SOLVED:
            self._solve_with(connection, changed, target, _solution(connection, target), now)
            return store.get(connection, ticket.id)
        return changed

    def solve_duplicates(self, connection: Connection, master: Ticket, event: Event, now: datetime) -> int:
        """Solve the requests that are duplicates of one that has just been solved, and mail their requesters.

        Each is told in its own language; what the agent wrote stays as it was written.

        Args:
            connection: of the write transaction that solved it and has it locked.
            master: as it is now.
            event: by which it was solved.
            now: aware, UTC.

        Returns:
            How many were solved; those that are duplicates of duplicates count.
        """
        solved, waiting = 0, [master.id]
        while waiting:
            for number in known.duplicates(connection, waiting.pop()):
                found = store.get(connection, number, lock=True)
                if found.kind is Kind.REQUEST and found.status is Status.DUPLICATE:
                    self._solve_with(connection, found, master, event, now)
                    waiting.append(number)
                    solved += 1
        return solved

    def _solve_with(self, connection: Connection, ticket: Ticket, master: Ticket, event: Event, now: datetime) -> None:
        """Solve a duplicate, which is locked, as the other was solved."""
        changed, made = act(
            connection,
            ticket,
            Action.SOLVE_WITH,
            now,
            event.actor,
            text=event.text,
            resolution=master.resolution,
            details={"of": str(master.id), "language": master.language},
        )
        self._posting.event(connection, changed, made, now)

    def take_back(self, connection: Connection, master: Ticket, event: Event, now: datetime) -> int:
        """Undo what a solution did to the duplicates, when it is taken back; what was mailed by then stays solved.

        Args:
            connection: of the write transaction that takes it back.
            master: that was solved.
            event: by which it was solved.
            now: aware, UTC.

        Returns:
            How many are duplicates again.
        """
        taken, waiting = 0, [master.id]
        while waiting:
            for number in known.duplicates(connection, waiting.pop(), Status.SOLVED):
                found = store.get(connection, number, lock=True)
                is_newest = known.newest_action(connection, number) == (Action.SOLVE_WITH, event.at)
                if not is_newest or not known.withdraw_mail(connection, key(found)):
                    continue
                back = {"status": Status.DUPLICATE, "resolution": None, "resolution_text": "", "solved_at": None}
                told = {"version": str(found.version), "action": Action.SOLVE_WITH.value}
                act(connection, found, Action.RETRACT, now, event.actor, changes=back, details=told)
                waiting.append(number)
                taken += 1
        return taken

    def run(self, now: datetime, limit: int = 100) -> int:
        """See to the duplicates whose other ticket has ended: solve them with it, or open them again.

        They are opened again where there is no solution that could be told: the other was spam, or its requester
        closed it. Each is a transaction of its own; several processes may run this.

        Args:
            now: aware, UTC.
            limit: how many at most.

        Returns:
            How many were seen to.
        """
        with self._database.read() as connection:
            numbers = known.left_behind(connection, now - 2 * UNDO, limit)
        done = 0
        for number in numbers:
            with suppress(StaleTicket, TransitionRefused), self._database.write() as connection:
                done += self._catch_up(connection, store.get(connection, number, lock=True), now)
        return done

    def _catch_up(self, connection: Connection, ticket: Ticket, now: datetime) -> bool:
        """See to one duplicate, which is locked; whether there was anything to do."""
        master = known.master(connection, ticket)
        if master.id == ticket.id or master.status not in {Status.SOLVED, Status.CLOSED, Status.SPAM}:
            return False
        if master.status is not Status.SPAM and master.resolution and master.resolution_text:
            self._solve_with(connection, ticket, master, _solution(connection, master), now)
        else:
            act(connection, ticket, Action.REOPEN, now, SYSTEM, details={"of": str(master.id)})
        return True


def _target(connection: Connection, ticket: Ticket, into: int) -> Ticket:
    """The ticket that another can be merged into."""
    try:
        target = known.master(connection, store.get(connection, into)) if into > 0 else None
    except NotFound:
        target = None
    if target is None:
        raise InvalidInput("into", "not_found")
    if not _is_done(ticket, target):
        _check(ticket, target)
    return target


def _is_done(ticket: Ticket, target: Ticket) -> bool:
    """Whether a ticket is a duplicate of another already."""
    return ticket.status is Status.DUPLICATE and ticket.duplicate_of == target.id


def _check(ticket: Ticket, target: Ticket) -> None:
    """Make sure that a ticket can be merged into another; both as they are now."""
    if ticket.id == target.id:
        raise InvalidInput("into", "itself")
    is_gap = ticket.kind in GAPS
    if (target.kind in GAPS) is not is_gap or Kind.OVERFLOW in {ticket.kind, target.kind}:
        raise InvalidInput("into", "invalid")
    if is_gap and ticket.language != target.language:
        raise InvalidInput("into", "invalid")
    if Action.ABSORB not in allowed(target) or (is_gap and target.status is Status.SOLVED):
        raise InvalidInput("into", "closed")
    if Action.MARK_DUPLICATE not in allowed(ticket):
        raise TransitionRefused(f"a {ticket.kind} that is {ticket.status} is no duplicate")


def _solution(connection: Connection, ticket: Ticket) -> Event:
    """The event by which a ticket was solved last."""
    solved = [event for event in store.history(connection, ticket.id) if event.action in SOLVING]
    # What a migration has brought along may have no such event.
    plain = Event(ticket.updated_at, Action.SOLVE, SYSTEM, None, Status.SOLVED, ticket.resolution_text)
    return solved[-1] if solved else plain
