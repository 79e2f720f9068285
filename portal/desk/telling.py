"""Telling: the same is written to many requesters, each in their language, and to nobody twice."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.catalogues import catalogue
from portal.desk.acting import act
from portal.desk.merging import Merging
from portal.desk.posting import Posting
from portal.errors import NotFound, StaleTicket, TransitionRefused
from portal.histories import standing
from portal.locales import choices
from portal.storage import Database
from portal.storage import tickets as store
from portal.tickets import UNSOLVED, Action, Actor, Resolution


@dataclass(frozen=True)
class Done:
    """What came of something that was done to several requests, by number."""

    done: tuple[int, ...] = ()
    #: Needed nothing: it had been done before, or the request is solved.
    known: tuple[int, ...] = ()
    #: Could not be done.
    refused: tuple[int, ...] = ()


@dataclass(frozen=True)
class Message:
    """What is written to everybody whom an incident affects."""

    #: Number of the incident.
    incident: int
    #: `REPLY` or `SOLVE`.
    action: Action
    #: By language; one or more.
    texts: Mapping[str, str]
    actor: Actor
    #: Number of the form that was sent: with the same once more nobody is told again; the texts when empty.
    key: str = ""

    @property
    def mark(self) -> str:
        """What stands in the history of a request that was told; nothing can be read from it."""
        words = (self.key,) if self.key else tuple(f"{code}{self.texts[code]}" for code in sorted(self.texts))
        parts = "\0".join((self.action.value, *words)).encode("utf-8", "replace")
        return hashlib.blake2b(parts, digest_size=12).hexdigest()

    def worded(self, language: str) -> str:
        """The text for a requester; in another language than theirs with a line before it that says which."""
        written = choices(language, self.texts)[0]
        text = self.texts[written]
        return text if written == language else f"{label(language, written)}\n\n{text}"


class Telling:
    """Writes to many.

    Args:
        database: where the requests are.
        posting: what requesters are mailed.
    """

    def __init__(self, database: Database, posting: Posting) -> None:
        self._database = database
        self._posting = posting
        self._merging = Merging(database, posting)

    def tell(self, numbers: Sequence[int], message: Message, now: datetime) -> Done:
        """Write to the requesters of those of some requests that the incident affects and that are not solved yet.

        Each is a transaction of its own: who broke off does it once more.
        """
        return one_by_one(numbers, lambda number: self._tell_one(number, message, now))

    def _tell_one(self, number: int, message: Message, now: datetime) -> bool:
        """Write to one requester; False where there is no need."""
        with self._database.write() as connection:
            ticket = store.get(connection, number, lock=True)
            told = (event.details.get("told") for event in standing(store.history(connection, number)))
            is_affected = message.incident in {ticket.incident_id, ticket.id}
            if ticket.status not in UNSOLVED or not is_affected or message.mark in told:
                return False
            changed, event = act(
                connection,
                ticket,
                message.action,
                now,
                message.actor,
                text=message.worded(ticket.language),
                resolution=Resolution.ANSWERED,
                details={"incident": str(message.incident), "told": message.mark},
            )
            self._posting.event(connection, changed, event, now)
            if message.action is Action.SOLVE:
                self._merging.solve_duplicates(connection, changed, event, now)
        return True


def one_by_one(numbers: Sequence[int], do: Callable[[int], bool]) -> Done:
    """Do something to each request; one that cannot be done keeps none of the others."""
    done: dict[bool, list[int]] = {True: [], False: []}
    refused = []
    for number in dict.fromkeys(numbers):
        try:
            done[do(number)].append(number)
        except (NotFound, StaleTicket, TransitionRefused):
            refused.append(number)
    return Done(tuple(done[True]), tuple(done[False]), tuple(refused))


def label(language: str, written: str) -> str:
    """A sentence in the reader's language which says that a text is in another one."""
    _ = catalogue(language).gettext
    # Translators: stands above a text that does not exist in the reader's language.
    sentences = {
        "en": _("This message is in English."),
        "fr": _("This message is in French."),
        "de": _("This message is in German."),
        "ru": _("This message is in Russian."),
    }
    return sentences[written]
