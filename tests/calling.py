"""What the tests of calls share: a request that wishes to be called, and its planned calls."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from portal.desk.calls import Calls
from portal.storage import Database, callbacks
from portal.storage.callbacks import Task
from portal.tickets import Callback
from tests.builders import NOW
from tests.working import opened

BERLIN = ZoneInfo("Europe/Berlin")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
#: NOW is Monday, 2 March 2026, 10:30 in Berlin.
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WANTS: dict[str, Any] = {"phone": "+49 30 1234567", "callback": Callback.AFTERNOON, "language": "de"}


def calls(database: Database, zone: str = "Europe/Berlin") -> Calls:
    """The use cases on a database."""
    return Calls(database, zone)


def planned(database: Database, now: datetime = NOW, **changes: Any) -> tuple[int, Task]:
    """A request with its planned call."""
    number = opened(database, **WANTS | changes)
    calls(database).plan_new(now)
    return number, tasks(database, number)[-1]


def tasks(database: Database, number: int) -> list[Task]:
    """The calls of a ticket."""
    with database.read() as connection:
        return callbacks.of_ticket(connection, number)


def local(moment: datetime) -> str:
    """A moment in Berlin."""
    return f"{moment.astimezone(BERLIN):%a %d %H:%M}"
