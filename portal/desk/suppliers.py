"""Suppliers (L4): what they are asked for a ticket, what they answer, and that our owner is reminded of them."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from portal.desk.acting import act
from portal.desk.awaiting import answer_due, await_again
from portal.desk.bundles import MESSAGE_LENGTH, Bundle, bounded, bundle, checked, digest, is_repeated, sent
from portal.desk.case_mail import CaseMail, domain_of, match
from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket, TransitionRefused
from portal.histories import is_second_press
from portal.lifecycle import TEXT_LENGTH, allowed
from portal.mail import lines, one_line
from portal.organisation import Supplier
from portal.people import Person, Right, may
from portal.storage import Database, cases, notices, organisation
from portal.storage import tickets as store
from portal.storage.cases import REFERENCE_LENGTH, Case
from portal.storage.notices import About
from portal.storage.personal import ERASED
from portal.supplier_letters import SupplierLetters
from portal.tickets import SYSTEM, UNSOLVED, Action, Actor, Status, Ticket

__all__ = ["MESSAGE_LENGTH", "Bundle", "Suppliers", "match"]

#: A reference shorter than this stands in subjects by chance.
_LEAST_REFERENCE = 4
#: Cases of one domain that are looked through for a reference.
_LOOKED_THROUGH = 500
#: Tickets of these may be opened again: their cases are looked at again, until then nobody is reminded of them.
_MAY_REOPEN = frozenset({Status.SOLVED, Status.DUPLICATE, Status.SPAM})


class Suppliers:
    """The use cases of working with suppliers.

    Args:
        database: where the tickets are.
        letters: what suppliers are written.
        secret: key that the addresses for their answers are derived from.
        mail_domain: of our own address.
        mail_local: what stands before the @ in the address for answers; empty where the portal takes no mail: answers
            then go to the agent who wrote, and are entered by hand.
    """

    def __init__(
        self,
        database: Database,
        letters: SupplierLetters,
        secret: bytes,
        mail_domain: str,
        mail_local: str = "support",
    ) -> None:
        self._database = database
        self._letters = letters
        self._mail = CaseMail(secret, mail_domain, mail_local)

    def preview(self, connection: Connection, ticket: Ticket, supplier: Supplier, text: str, agent: str = "") -> Bundle:
        """What `send` would send, without sending it.

        Args:
            connection: of any transaction.
            ticket: a request.
            supplier: who would get it.
            text: the agent's own words.
            agent: their name.

        Raises:
            InvalidInput: the text is missing or too long.
        """
        case = self._open_case(connection, ticket.id, supplier.id)
        history = store.history(connection, ticket.id)
        return bundle(self._letters, ticket, supplier, history, case, checked(text), agent)[1]

    def send(
        self,
        person: Person,
        number: int,
        supplier_id: int,
        text: str,
        now: datetime,
        version: int | None = None,
        seen: str | None = None,
    ) -> Ticket:
        """Write to a supplier; the first time this opens a case. An unowned ticket is its sender's from then on.

        Args:
            person: an agent.
            number: of the ticket.
            supplier_id: who is written to.
            text: the agent's own words.
            now: aware, UTC.
            version: the ticket's when the agent looked at it; None where what has happened since does not matter.
            seen: fingerprint of the bundle that the agent was shown.

        Raises:
            NotAllowed: the person may not work on tickets.
            NotFound: there is no such ticket.
            InvalidInput: there is no such supplier, or the text is missing or too long.
            TransitionRefused: nobody waits, or the ticket is solved.
            StaleTicket: the ticket, or what would leave, is no longer as the agent saw it.
        """
        _check(person)
        text = checked(text)
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            supplier, history = _supplier(connection, supplier_id), store.history(connection, number)
            case = self._open_case(connection, number, supplier_id)
            if case is not None and is_repeated(history, person, case, text, now):
                return ticket
            if Action.SUPPLIER_SENT not in allowed(ticket):
                raise TransitionRefused(f"nothing goes to a supplier while a {ticket.kind} is {ticket.status}")
            mail, shown = bundle(self._letters, ticket, supplier, history, case, text, person.name)
            if version not in {None, ticket.version} or seen not in {None, shown.fingerprint}:
                raise StaleTicket(f"ticket {number} has changed")
            actor = Actor(person.id, person.name)
            if ticket.owner_id is None:
                ticket, _event = act(connection, ticket, Action.TAKE, now, actor)
            case = case or cases.add(connection, Case(0, number, supplier_id, now))
            details = {"case": str(case.id), "supplier": supplier.name, "message": digest(text)}
            sending = Action.SUPPLIER_SENT, now, actor
            ticket, _event = act(connection, ticket, *sending, text=bounded(mail.text), details=details)
            self._mail.post(connection, mail, case, 1 + len(sent(history, case)), person.email, now)
            self._await_answer(connection, supplier, case, now)
            return ticket

    def _await_answer(self, connection: Connection, supplier: Supplier, case: Case, now: datetime) -> None:
        """Note until when a supplier is to answer; who waits for one of a ticket waits for the others too."""
        remind_at = answer_due(connection, supplier, now, self._letters.zone.key)
        cases.save(connection, replace(case, remind_at=remind_at, reminders=0))
        await_again(connection, case.ticket_id, now, self._letters.zone.key)

    def receive(
        self,
        connection: Connection,
        case_id: int,
        token: str,
        sender: str,
        text: str,
        now: datetime,
        message_refs: Iterable[str] = (),
        *,
        is_automatic: bool = False,
    ) -> bool:
        """Take a supplier's mail.

        Args:
            connection: of the write transaction in which the mail is taken.
            case_id: as found by `match` or `by_reference`.
            token: with it; empty from `by_reference`, which proves nothing: what comes so is marked as unverified.
            sender: address that the mail says it is from.
            text: without what it quotes.
            now: aware, UTC.
            message_refs: message ids that it answers.
            is_automatic: a program says that it has written it; the owner is reminded all the same.

        Returns:
            Whether it belongs to the case and was taken.
        """
        try:
            case = cases.get(connection, case_id)
            ticket = store.get(connection, case.ticket_id, lock=True)
        except NotFound:
            return False
        case = cases.get(connection, case_id, lock=True)
        supplier = organisation.get(connection, Supplier, case.supplier_id)
        given = [token, *(found[1] for found in [match((), message_refs)] if found and found[0] == case_id)]
        is_proven = any(self._mail.is_token(case_id, each) for each in given)
        is_forged = not is_proven and (any(given) or domain_of(sender) != domain_of(supplier.email))
        # Whose request it was has been forgotten: nothing may be added that brings it back.
        if is_forged or (ticket.subject == ERASED and not ticket.requester_email):
            return False
        details = {"case": str(case.id), "supplier": supplier.name}
        if not is_proven or sender.casefold() != supplier.email.casefold():
            details["from"] = one_line(sender, 254)
        if not is_proven:
            details["unverified"] = "yes"
        # An acknowledgement is no answer, and what nobody has proven must not end the waiting.
        remind_at = None if is_proven and not is_automatic else case.remind_at
        case = replace(case, remind_at=remind_at)
        self._add_reply(connection, ticket, case, Actor(name=supplier.name), text, details, now)
        return True

    def by_reference(self, connection: Connection, sender: str, subject: str) -> int | None:
        """The open case whose reference of the supplier stands in a subject, if the mail is from their domain.

        Whoever sends mail can say any sender: it may be the supplier, and is taken as unverified.
        """
        if not domain_of(sender):
            return None
        for case in cases.with_reference(connection, domain_of(sender), _LOOKED_THROUGH):
            found = re.search(rf"(?<!\w){re.escape(case.reference)}(?!\w)", subject, re.IGNORECASE)
            if found and len(case.reference) >= _LEAST_REFERENCE:
                return case.id
        return None

    def record(self, person: Person, case_id: int, text: str, now: datetime) -> Ticket:
        """Enter an answer that came by another way, such as the telephone.

        Raises:
            NotAllowed, NotFound: see `send`.
            InvalidInput: the text is missing or too long.
        """
        _check(person)
        text = checked(text, TEXT_LENGTH)
        with self._database.write() as connection:
            case, ticket = self._locked(connection, case_id)
            supplier = organisation.get(connection, Supplier, case.supplier_id)
            if is_second_press(
                store.history(connection, ticket.id), person.id, Action.SUPPLIER_REPLY, text, now
            ):  # fmt: skip
                return ticket
            details = {"case": str(case.id), "supplier": supplier.name, "entered": "yes"}
            case, actor = replace(case, remind_at=None), Actor(person.id, person.name)
            return self._add_reply(connection, ticket, case, actor, text, details, now)

    def remind(self, now: datetime, limit: int = 100) -> int:
        """Remind the owners of tickets whose supplier should have answered by now; how many.

        Any number of processes may do this at once, and a case is reminded of once for each time that it is due.
        """
        with self._database.read() as connection:
            found = cases.due(connection, now, limit)
        return sum(self._remind(case.id, now) for case in found)

    def set_reference(self, person: Person, case_id: int, reference: str, now: datetime) -> Case:
        """Keep the supplier's own number of a case.

        Raises:
            NotAllowed, NotFound: see `send`.
            InvalidInput: it is too long.
        """
        _check(person)
        reference = one_line(reference, REFERENCE_LENGTH + 1)
        if len(reference) > REFERENCE_LENGTH:
            raise InvalidInput("reference", "too_long")
        with self._database.write() as connection:
            case, ticket = self._locked(connection, case_id)
            if reference == case.reference:
                return case
            supplier = organisation.get(connection, Supplier, case.supplier_id)
            details = {"case": str(case.id), "supplier": supplier.name, "reference": reference}
            said = f"{supplier.name}: {case.reference or '–'} → {reference or '–'}"
            act(connection, ticket, Action.NOTE, now, Actor(person.id, person.name), text=said, details=details)
            changed = replace(case, reference=reference)
            cases.save(connection, changed)
            return changed

    def close_case(self, person: Person, case_id: int, now: datetime) -> Ticket:
        """Nothing more is expected of the supplier; a ticket that waited for them alone is open again.

        Raises:
            NotAllowed, NotFound: see `send`.
        """
        _check(person)
        with self._database.write() as connection:
            case, ticket = self._locked(connection, case_id)
            if not case.is_open:
                return ticket
            cases.save(connection, replace(case, is_open=False, remind_at=None))
            supplier = organisation.get(connection, Supplier, case.supplier_id)
            details = {"case": str(case.id), "supplier": supplier.name, "closed": "yes"}
            is_last = not any(other.is_open for other in cases.of_ticket(connection, ticket.id))
            resumes = is_last and ticket.status is Status.WAITING_SUPPLIER
            action, said = (Action.RESUME, "") if resumes else (Action.NOTE, f"{supplier.name} ✓")
            actor = Actor(person.id, person.name)
            return act(connection, ticket, action, now, actor, text=said, details=details)[0]

    def _remind(self, case_id: int, now: datetime) -> bool:
        """Remind the owner of one case, unless another process has done it meanwhile."""
        with self._database.write() as connection:
            case, ticket = self._locked(connection, case_id)
            if not case.is_open or case.remind_at is None or case.remind_at > now:
                return False
            supplier = organisation.get(connection, Supplier, case.supplier_id)
            remind_at = answer_due(connection, supplier, now, self._letters.zone.key)
            if ticket.status not in UNSOLVED:
                again = remind_at if ticket.status in _MAY_REOPEN else None
                cases.save(connection, replace(case, remind_at=again))
                return False
            case = replace(case, remind_at=remind_at, reminders=case.reminders + 1)
            cases.save(connection, case)
            details = {"case": str(case.id), "supplier": supplier.name}
            act(connection, ticket, Action.SUPPLIER_DUE, now, SYSTEM, details=details)
            key = f"supplier-due-{case.id}-{case.version}"
            self._tell(connection, ticket, key, now, "", supplier.name)
            return True

    def _add_reply(
        self,
        connection: Connection,
        ticket: Ticket,
        case: Case,
        actor: Actor,
        text: str,
        details: dict[str, str],
        now: datetime,
    ) -> Ticket:
        """Add what a supplier has answered to a ticket, and keep the case as given; the owner is told."""
        said = bounded(lines(text).strip()) or "[…]"
        ticket, _event = act(connection, ticket, Action.SUPPLIER_REPLY, now, actor, text=said, details=details)
        cases.save(connection, case)
        if ticket.owner_id != actor.person_id:
            self._tell(
                connection, ticket, f"supplier-reply-{ticket.id}-{ticket.version}", now, details["supplier"], said
            )
        return ticket

    @staticmethod
    def _tell(connection: Connection, ticket: Ticket, key: str, now: datetime, name: str, text: str) -> None:
        """Tell the owner of a ticket."""
        if ticket.owner_id is not None:
            notices.tell(
                connection, ticket.owner_id, About.SUPPLIER, key, now, ticket_id=ticket.id, actor_name=name, text=text
            )

    @staticmethod
    def _locked(connection: Connection, case_id: int) -> tuple[Case, Ticket]:
        """A case and its ticket, locked in the order in which everybody locks them."""
        ticket = store.get(connection, cases.get(connection, case_id).ticket_id, lock=True)
        return cases.get(connection, case_id, lock=True), ticket

    @staticmethod
    def _open_case(connection: Connection, ticket_id: int, supplier_id: int) -> Case | None:
        """The case that a supplier has open for a ticket."""
        found = cases.of_ticket(connection, ticket_id)
        return next((case for case in found if case.is_open and case.supplier_id == supplier_id), None)


def _check(person: Person) -> None:
    """Refuse whoever may not work on tickets."""
    if not may(person, Right.WORK_TICKETS):
        raise NotAllowed("this role does not work on tickets")


def _supplier(connection: Connection, supplier_id: int) -> Supplier:
    """A supplier who can be written to."""
    try:
        supplier = organisation.get(connection, Supplier, min(supplier_id, 2**31 - 1))
    except NotFound:
        raise InvalidInput("supplier", "missing") from None
    if not supplier.is_active:
        raise InvalidInput("supplier", "invalid")
    return supplier
