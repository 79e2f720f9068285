"""What agents have begun to write is kept until it is sent."""

import unicodedata
from datetime import datetime, timedelta

from portal.errors import InvalidInput, NotAllowed
from portal.histories import is_second_press
from portal.lifecycle import TEXT_LENGTH
from portal.people import Person, Right, may
from portal.storage import Database
from portal.storage import drafting as store
from portal.storage import tickets as ticket_store
from portal.tickets import Action

#: Which field's text each action sends.
FIELD_OF = {Action.REPLY: "reply", Action.ASK_REQUESTER: "reply", Action.SOLVE: "reply", Action.NOTE: "note"}
#: The fields that an agent writes in.
FIELDS = frozenset(FIELD_OF.values())
#: After this time a text that nobody has touched is forgotten.
KEPT = timedelta(days=30)


class Drafting:
    """The texts that agents have not sent yet.

    Args:
        database: where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, person: Person, ticket_id: int, field: str, text: str, now: datetime) -> None:
        """Keep what somebody has written so far; an empty text is forgotten, and one that they have just sent.

        Args:
            person: who writes.
            ticket_id: of the ticket.
            field: `reply` or `note`.
            text: as it stands in the field.
            now: aware, UTC.

        Raises:
            NotAllowed: the person may not work on tickets.
            NotFound: there is no such ticket.
            InvalidInput: there is no such field, or the text is too long.
        """
        if not may(person, Right.WORK_TICKETS):
            raise NotAllowed("this role does not work on tickets")
        if field not in FIELDS:
            raise InvalidInput("field", "invalid")
        if len(text) > TEXT_LENGTH:
            raise InvalidInput("text", "too_long")
        # No database takes NUL, and none takes half of a pair.
        kept = "".join(sign for sign in text if sign != "\0" and unicodedata.category(sign) != "Cs")
        with self._database.write() as connection:
            past = ticket_store.history(connection, ticket_id)
            # The browser's last word about a text may come after the text itself.
            is_sent = any(is_second_press(past, person.id, action, kept, now) for action in FIELD_OF)
            if kept.strip() and not is_sent:
                store.put(connection, ticket_id, person.id, field, kept, now)
            else:
                store.remove(connection, ticket_id, person.id, field)

    def of(self, person_id: int, ticket_id: int) -> dict[str, str]:
        """What somebody has begun to write on a ticket, by field."""
        with self._database.read() as connection:
            return store.of(connection, ticket_id, person_id)

    def forget(self, now: datetime) -> int:
        """Forget the texts of more than thirty days ago; how many."""
        with self._database.write() as connection:
            return store.forget(connection, now - KEPT)
