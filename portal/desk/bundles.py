"""What a supplier is told of a request, what is withheld, and what was said before."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from portal.desk.redaction import Redaction
from portal.errors import InvalidInput
from portal.histories import is_second_press, standing
from portal.lifecycle import TEXT_LENGTH
from portal.mail import Mail, lines
from portal.organisation import Supplier
from portal.people import Person
from portal.storage.cases import Case
from portal.supplier_letters import Matter, Said, SupplierLetters
from portal.tickets import Action, Event, Ticket

#: Longest message of an agent to a supplier, in characters.
MESSAGE_LENGTH = 5_000
#: How much of a conversation a supplier is given at most, the newest, in characters.
CONVERSATION_LENGTH = 20_000
#: Stands where a text was cut.
_CUT = "\n[…]"
#: What is said between us and a supplier.
THREAD = frozenset({Action.SUPPLIER_SENT, Action.SUPPLIER_REPLY})


@dataclass(frozen=True)
class Bundle:
    """What is about to leave for a supplier."""

    subject: str
    text: str
    #: What there is and does not leave: `name`, `email`, `phone`, `trail`, `conversation`, `notes`; and what was taken
    #: out of texts: `signature`, `names`, `numbers`.
    withheld: list[str]

    @property
    def fingerprint(self) -> str:
        """Changes when anything of it does."""
        return hashlib.blake2b(f"{self.subject}\0{self.text}".encode(), digest_size=12).hexdigest()


def thread(history: Sequence[Event], case_id: int) -> list[Event]:
    """What was said between us and the supplier of a case."""
    return [event for event in history if event.action in THREAD and event.details.get("case") == str(case_id)]


def sent(history: Sequence[Event], case: Case) -> list[Event]:
    """What has been sent to the supplier of a case."""
    return [event for event in thread(history, case.id) if event.action is Action.SUPPLIER_SENT]


def bundle(
    letters: SupplierLetters,
    ticket: Ticket,
    supplier: Supplier,
    history: Sequence[Event],
    case: Case | None,
    text: str,
    agent: str,
) -> tuple[Mail, Bundle]:
    """A letter to a supplier, and what the agent is shown of it.

    Args:
        letters: by which it is set.
        ticket: a request.
        supplier: who gets it; what they may know is in `shared`.
        history: of the ticket.
        case: the one that they have open for the ticket; what they were told in it is not told again.
        text: the agent's own words.
        agent: their name.
    """
    redaction = Redaction(ticket, supplier.shared)
    past = sent(history, case) if case else []
    counted = standing(history)
    # By their places and not their times: who waited for the ticket while it was written wrote before, and is not told.
    told = counted.index(past[-1]) + 1 if past else 0
    said, fresh = _said(counted), _said(counted[told:])
    message = redaction.clean(text, is_ours=True)
    matter = Matter(
        ticket.id,
        redaction.clean(ticket.subject),
        ticket.language,
        reference=case.reference if case else "",
        conversation=_conversation(fresh, redaction) if "conversation" in supplier.shared else (),
    )
    if not past:
        trail = ticket.trail if "trail" in supplier.shared else ()
        matter = replace(
            matter,
            description=redaction.clean(ticket.description),
            contact=_contact(ticket, supplier),
            trail=tuple((item["kind"], redaction.clean(item["text"])) for item in trail),
        )
    matter = replace(matter, is_masked=bool(redaction.taken))
    mail = letters.ask(supplier, matter, message, agent, is_first=not past)
    withheld = _withheld(ticket, supplier, history, has_talk=bool(said)) + _taken(redaction)
    return mail, Bundle(mail.subject, mail.text, withheld)


def _said(events: Iterable[Event]) -> list[Event]:
    """What was said with the requester after their description."""
    return [event for event in events if event.is_public and event.text and event.action is not Action.OPENED]


def _contact(ticket: Ticket, supplier: Supplier) -> tuple[str, ...]:
    """What a supplier may know of the requester."""
    known = {"name": ticket.requester_name, "email": ticket.requester_email, "phone": ticket.phone}
    return tuple(value for name, value in known.items() if name in supplier.shared and value)


def _conversation(events: Sequence[Event], redaction: Redaction) -> tuple[Said, ...]:
    """The newest messages, as many as fit."""
    said: list[Said] = []
    room = CONVERSATION_LENGTH
    for event in reversed(events):
        text = redaction.clean(event.text)
        room -= len(text)
        if room < 0:
            break
        said.append(Said(event.at, event.actor.person_id is None, text))
    return tuple(reversed(said))


def _withheld(ticket: Ticket, supplier: Supplier, history: Sequence[Event], *, has_talk: bool) -> list[str]:
    """What there is of a request that a supplier does not get."""
    there = {
        "name": bool(ticket.requester_name),
        "email": bool(ticket.requester_email),
        "phone": bool(ticket.phone),
        "trail": bool(ticket.trail),
        "conversation": has_talk,
    }
    withheld = [name for name, is_there in there.items() if is_there and name not in supplier.shared]
    has_notes = any(event.action is Action.NOTE for event in history)
    return withheld + (["notes"] if has_notes else [])


def _taken(redaction: Redaction) -> list[str]:
    """What was taken out of the texts."""
    names = {"signature": "signature", "name": "names", "numbers": "numbers"}
    return [told for taken, told in names.items() if taken in redaction.taken]


def checked(text: str, longest: int = MESSAGE_LENGTH) -> str:
    """An agent's words, checked."""
    text = lines(text).strip()
    if not text:
        raise InvalidInput("text", "missing")
    if len(text) > longest:
        raise InvalidInput("text", "too_long")
    return text


def bounded(text: str) -> str:
    """A text no longer than a history keeps."""
    text = text.strip()
    return text if len(text) <= TEXT_LENGTH else text[: TEXT_LENGTH - len(_CUT)] + _CUT


def digest(text: str) -> str:
    """What tells one message of an agent from another; the history has the whole letter."""
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def is_repeated(history: Sequence[Event], person: Person, case: Case, text: str, now: datetime) -> bool:
    """Whether the same agent has just sent the same to the same supplier."""
    last = next(iter(reversed(sent(history, case))), None)
    same = last is not None and last.details.get("message") == digest(text)
    return same and last is not None and is_second_press(history, person.id, Action.SUPPLIER_SENT, last.text, now)
