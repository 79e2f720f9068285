"""Major incidents: declared, told to everybody on the portal and to all who are affected, solved in one go, ended."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from portal.desk.acting import act
from portal.desk.banners import Banner, Banners
from portal.desk.posting import Posting
from portal.desk.telling import Done, Message, Telling, one_by_one
from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket, TransitionRefused
from portal.lifecycle import TEXT_LENGTH
from portal.locales import LANGUAGES
from portal.people import Person, Right, may
from portal.storage import Database, notices, people
from portal.storage import incidents as known
from portal.storage import tickets as store
from portal.storage.incidents import Incident
from portal.storage.notices import About
from portal.tickets import SYSTEM, Action, Actor, Ticket

#: Longest text of the portal's notice, and of what is written to all, in characters; a label stands above the latter.
NOTICE_LENGTH, MESSAGE_LENGTH = 300, TEXT_LENGTH - 100
#: Requests that are linked, or looked through for likely ones, at once.
AT_ONCE = 200
#: Requests sent within this time may be about an incident.
RECENT = timedelta(hours=24)


class Incidents:
    """The use cases of major incidents.

    Args:
        database: where they are.
        posting: what requesters are mailed.
        default_language: in which a text must exist.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        database: Database,
        posting: Posting,
        default_language: str = "en",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._telling = Telling(database, posting)
        self._banners = Banners(database, clock)
        self._default = default_language

    def declare(
        self, person: Person, number: int, texts: Mapping[str, str], now: datetime, version: int | None = None
    ) -> Ticket:
        """Declare a request a major incident, tell it on the portal, and tell the staff.

        Args:
            person: who does it.
            number: of the request.
            texts: what the portal says, by language; readers of the others are shown another one.
            now: aware, UTC.
            version: the ticket's when the person looked at it; None where what has happened since does not matter.

        Raises:
            NotAllowed: the person may not declare major incidents.
            NotFound: there is no such ticket.
            StaleTicket: somebody has changed it since.
            TransitionRefused: it is one already, belongs to one, has ended, or is no request.
            InvalidInput: `text_<language>` is `missing` or `too_long`.
        """
        _check_right(person)
        cleaned = self._texts(texts, NOTICE_LENGTH, is_line=True)
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            _check_version(ticket, version)
            details = {"priority": str(ticket.priority)}
            changed, _ = act(
                connection, ticket, Action.DECLARE_MAJOR, now, _actor(person), text=cleaned[self._default],
                changes={"is_major": True}, details=details,
            )  # fmt: skip
            known.put(connection, Incident(number, cleaned, True, now))
            _tell_staff(connection, person, changed, now)
        self._banners.forget()
        return changed

    def end(self, person: Person, number: int, now: datetime, version: int | None = None) -> Ticket:
        """End a major incident: the portal says nothing of it any more; what is linked stays linked.

        Raises:
            NotAllowed, NotFound, StaleTicket: as for `declare`.
            TransitionRefused: it is none.
        """
        _check_right(person)
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            _check_version(ticket, version)
            changed, _ = act(
                connection, ticket, Action.END_MAJOR, now, _actor(person), changes={"is_major": False},
                details={"priority": str(ticket.priority)},
            )  # fmt: skip
            incident = known.find(connection, number, lock=True)
            if incident is not None:
                known.save(connection, replace(incident, is_shown=False, ended_at=now))
            _tell_staff(connection, person, changed, now)
        self._banners.forget()
        return changed

    def change_texts(
        self, person: Person, number: int, texts: Mapping[str, str], now: datetime, version: int | None = None
    ) -> Incident:
        """Change what the portal says of a major incident.

        Args:
            person: who does it.
            number: of the incident.
            texts: by language; what was there before goes.
            now: aware, UTC.
            version: the incident's when the person looked at it.

        Raises:
            NotAllowed: the person may not declare major incidents.
            NotFound: there is no such incident, or it has ended.
            StaleTicket: somebody has changed it since.
            InvalidInput: `text_<language>` is `missing` or `too_long`.
        """
        cleaned = self._texts(texts, NOTICE_LENGTH, is_line=True)
        return self._change(person, number, now, version, {"changed": {"texts": cleaned}})

    def change(
        self, person: Person, number: int, texts: Mapping[str, str] | None, now: datetime, *, is_shown: bool | None
    ) -> Incident:
        """Both or one of `change_texts` and `show` in one transaction; None: as it is."""
        changes: dict[str, dict[str, Any]] = {}
        if texts is not None:
            changes["changed"] = {"texts": self._texts(texts, NOTICE_LENGTH, is_line=True)}
        if is_shown is not None:
            changes["shown" if is_shown else "hidden"] = {"is_shown": is_shown}
        return self._change(person, number, now, None, changes)

    def show(
        self, person: Person, number: int, now: datetime, *, is_shown: bool, version: int | None = None
    ) -> Incident:
        """Show or hide what the portal says of a major incident; see `change_texts`."""
        what = "shown" if is_shown else "hidden"
        return self._change(person, number, now, version, {what: {"is_shown": is_shown}})

    def _change(
        self,
        person: Person,
        number: int,
        now: datetime,
        version: int | None,
        changes: Mapping[str, Mapping[str, Any]],
    ) -> Incident:
        """Change an incident, and record each change in its ticket's history, by its name there."""
        _check_right(person)
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            incident = known.find(connection, number, lock=True)
            if incident is None or incident.ended_at is not None:
                raise NotFound("no such incident")
            if version is not None and version != incident.version:
                raise StaleTicket(f"incident {number} has changed")
            for what, values in changes.items():
                changed = replace(incident, **values)
                if changed == incident:
                    continue  # A second press of the same button.
                known.save(connection, changed)
                text = next(iter(changed.texts.values()))
                details = {"banner": what}
                ticket, _event = act(connection, ticket, Action.NOTE, now, _actor(person), text=text, details=details)
                incident = replace(changed, version=incident.version + 1)
        self._banners.forget()
        return incident

    def link(self, person: Person, number: int, requests: Sequence[int], now: datetime) -> Done:
        """Link requests to a major incident that affects them; each in a transaction of its own.

        Args:
            person: who does it: anybody who works on tickets.
            number: of the incident.
            requests: numbers, at most `AT_ONCE`; the others are not looked at.
            now: aware, UTC.

        Raises:
            NotAllowed: the person may not work on tickets.
            NotFound: there is no such incident, or it has ended.
        """
        _check_right(person, Right.WORK_TICKETS)
        self._current(number)
        return one_by_one(requests[:AT_ONCE], lambda request: self._link(number, request, now, _actor(person)))

    def _link(self, number: int, request: int, now: datetime, actor: Actor) -> bool:
        """Link one request; False where it is linked already."""
        with self._database.write() as connection:
            ticket = store.get(connection, request, lock=True)
            if ticket.incident_id == number:
                return False
            if request == number or ticket.incident_id is not None:
                raise TransitionRefused("it belongs to an incident already")
            act(
                connection, ticket, Action.LINK_INCIDENT, now, actor, changes={"incident_id": number},
                details={"incident": str(number)},
            )  # fmt: skip
        return True

    def unlink(self, person: Person, number: int, requests: Sequence[int], now: datetime) -> Done:
        """Part requests from an incident that does not affect them after all; see `link`."""
        _check_right(person, Right.WORK_TICKETS)
        return one_by_one(requests[:AT_ONCE], lambda request: self._unlink(number, request, now, _actor(person)))

    def _unlink(self, number: int, request: int, now: datetime, actor: Actor) -> bool:
        """Part one request from an incident; False where it is none of its."""
        with self._database.write() as connection:
            ticket = store.get(connection, request, lock=True)
            if ticket.incident_id != number:
                return False
            act(
                connection, ticket, Action.UNLINK_INCIDENT, now, actor, changes={"incident_id": None},
                details={"incident": str(number)},
            )  # fmt: skip
        return True

    def join(self, number: int, request: int, now: datetime) -> bool:
        """Link a request whose requester says that it is about what the portal tells of; whether it could be linked."""
        try:
            if number not in {found.number for found in self.banner(self._default)}:
                return False
            return self._link(number, request, now, SYSTEM)
        except (NotFound, TransitionRefused, StaleTicket):
            return False

    def candidates(self, connection: Connection, number: int, now: datetime) -> list[Ticket]:
        """The newest unsolved requests of the last day that may be about an incident, in any language."""
        return known.candidates(connection, number, now - RECENT, AT_ONCE)

    def tell(self, person: Person, number: int, texts: Mapping[str, str], now: datetime, key: str = "") -> Done:
        """Reply to everybody whom an incident affects and who still waits, its own requester too.

        Each reply is a transaction of its own: who broke off does it once more, and nobody is told twice.

        Args:
            person: who does it.
            number: of the incident.
            texts: the reply by language; who reads another one gets the default one with a label.
            now: aware, UTC.
            key: of this telling; another one with the same is the same. Made from the texts when empty.

        Raises:
            NotAllowed: the person may not declare major incidents.
            NotFound: there is no such incident.
            InvalidInput: `text_<language>` is `missing` or `too_long`.
        """
        return self._write_all(person, number, texts, now, key, Action.REPLY)

    def solve_all(self, person: Person, number: int, texts: Mapping[str, str], now: datetime, key: str = "") -> Done:
        """Solve everything that an incident affects, itself and duplicates too; see `tell`. It goes on until ended."""
        return self._write_all(person, number, texts, now, key, Action.SOLVE)

    def _write_all(
        self, person: Person, number: int, texts: Mapping[str, str], now: datetime, key: str, action: Action
    ) -> Done:
        """Write the same to all whom an incident affects, its own requester last."""
        _check_right(person)
        message = Message(number, action, self._texts(texts, MESSAGE_LENGTH), _actor(person), key)
        with self._database.read() as connection:
            if known.find(connection, number) is None:
                raise NotFound("no such incident")
            numbers = [*known.linked(connection, number), number]
        return self._telling.tell(numbers, message, now)

    def banner(self, language: str) -> tuple[Banner, ...]:
        """What the portal says of major incidents to the readers of a language; see `banners`."""
        return self._banners.of(language)

    def edition(self) -> str:
        """What changes when the portal says something else of major incidents; for copies that readers keep."""
        return self._banners.edition()

    def _current(self, number: int) -> Incident:
        """An incident that has not ended."""
        with self._database.read() as connection:
            incident = known.find(connection, number)
        if incident is None or incident.ended_at is not None:
            raise NotFound("no such incident")
        return incident

    def _texts(self, texts: Mapping[str, str], longest: int, *, is_line: bool = False) -> dict[str, str]:
        """Texts by language, checked; empty ones are left out, the default language comes first."""
        ordered = sorted(LANGUAGES, key=lambda code: (code != self._default, code))
        given = {code: texts.get(code, "").replace("\0", "").strip() for code in ordered}
        cleaned = {code: " ".join(text.split()) if is_line else text for code, text in given.items() if text}
        if self._default not in cleaned:
            raise InvalidInput(f"text_{self._default}", "missing")
        for code, text in cleaned.items():
            if len(text) > longest:
                raise InvalidInput(f"text_{code}", "too_long")
        return cleaned


def _check_right(person: Person, right: Right = Right.DECLARE_MAJOR) -> None:
    """Make sure that a person may do this."""
    if not may(person, right):
        raise NotAllowed(f"this role has not the right to {right}")


def _check_version(ticket: Ticket, version: int | None) -> None:
    """Make sure that a ticket is as the person saw it."""
    if version is not None and version != ticket.version:
        raise StaleTicket(f"ticket {ticket.id} has changed")


def _actor(person: Person) -> Actor:
    """A person as histories name them."""
    return Actor(person.id, person.name)


def _tell_staff(connection: Connection, person: Person, ticket: Ticket, now: datetime) -> None:
    """Tell everybody else who works on tickets that an incident began or ended."""
    key = f"incident-{ticket.id}-{ticket.version}"
    for each in people.everybody(connection):
        if each.is_active and each.id != person.id and may(each, Right.WORK_TICKETS):
            notices.tell(
                connection, each.id, About.INCIDENT, key, now, ticket_id=ticket.id, actor_name=person.name,
                text=ticket.subject,
            )  # fmt: skip
