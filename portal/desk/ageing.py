"""What is solved is closed after some days."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from portal.desk.acting import act
from portal.organisation import Policy
from portal.storage import Database, organisation
from portal.storage import clockwork as store
from portal.storage import tickets as ticket_store
from portal.tickets import SYSTEM, Action


class Ageing:
    """Closes requests that have been solved for as many days as the organisation chose.

    Args:
        database: where the tickets are.
        time_zone: in which days are counted; one in which clocks are changed has 23 or 25 hours.
    """

    def __init__(self, database: Database, time_zone: str = "UTC") -> None:
        self._database = database
        self._zone = ZoneInfo(time_zone)

    def run(self, now: datetime, limit: int = 200) -> int:
        """Close what is old enough; several processes may do it at once.

        Args:
            now: aware, UTC.
            limit: how many requests at most, the longest solved first; what is left waits for the next run.

        Returns:
            How many were closed.
        """
        with self._database.read() as connection:
            days = organisation.everything(connection, Policy)[0].close_days
            until = (now.astimezone(self._zone) - timedelta(days=days)).astimezone(UTC)
            numbers = store.solved(connection, until, limit) if days else []
        return sum(self._close(number, until, days, now) for number in numbers)

    def _close(self, number: int, until: datetime, days: int, now: datetime) -> bool:
        """Close one request; whether nobody else has changed it first."""
        with self._database.write() as connection:
            if not store.lock_solved(connection, number, until):
                return False
            ticket = ticket_store.get(connection, number)
            act(connection, ticket, Action.CLOSE, now, SYSTEM, details={"after_days": str(days)})
            return True
