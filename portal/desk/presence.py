"""Who has a ticket open, so that no two people answer at once."""

from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from portal.storage import Database
from portal.storage import presence as store
from portal.storage.presence import REQUESTER, Present, Seen

__all__ = ["REQUESTER", "Presence", "Present"]

#: Somebody who was seen within this time is there.
THERE = timedelta(seconds=30)
#: A row is written no oftener than this unless its person begins or ends to write.
WRITTEN_EVERY = timedelta(seconds=10)
#: After this time a row is forgotten.
KEPT = timedelta(days=1)
#: How long a sign of life waits for other writers, in seconds: the next one comes soon.
PATIENCE = 0.5


class Presence:
    """Who is on which ticket's page.

    Args:
        database: where it is kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def here(self, ticket_id: int, person_id: int, now: datetime, is_writing: bool = False) -> None:
        """Somebody has a ticket open; where the database is busy, it is told the next time.

        Args:
            ticket_id: of the ticket; of one that does not exist nothing is kept.
            person_id: of the staff; 0 is the requester.
            now: aware, UTC.
            is_writing: whether they have begun to write.
        """
        try:
            with self._database.read() as connection:
                last = store.last(connection, ticket_id, person_id)
            if last is None or last.is_writing != is_writing or abs(now - last.at) >= WRITTEN_EVERY:
                with self._database.write(patience=PATIENCE) as connection:
                    store.put(connection, ticket_id, person_id, Seen(now, is_writing))
        except OperationalError:
            return

    def others(
        self, ticket_id: int, person_id: int, now: datetime, connection: Connection | None = None
    ) -> list[Present]:
        """Who else has a ticket open: the requester first, then the staff by name.

        Args:
            ticket_id: of the ticket.
            person_id: who asks; 0 is the requester.
            now: aware, UTC.
            connection: of any transaction; whoever has one gives it, as all of a pool could wait for a second one.
        """
        if connection is not None:
            return store.others(connection, ticket_id, person_id, now - THERE, now + THERE)
        with self._database.read() as own:
            return store.others(own, ticket_id, person_id, now - THERE, now + THERE)

    def forget(self, now: datetime) -> int:
        """Forget who was there more than a day ago; how many rows."""
        with self._database.write() as connection:
            return store.forget(connection, now, KEPT)
