"""When suppliers should have answered: the dates on which the owners of tickets are reminded of open cases."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from portal.desk.workdays import days_later
from portal.organisation import Supplier
from portal.storage import cases, organisation


def answer_due(connection: Connection, supplier: Supplier, now: datetime, time_zone: str) -> datetime:
    """When a supplier should have answered what they are asked now, in UTC: in working days of the desk.

    Args:
        connection: of any transaction.
        supplier: who is asked.
        now: aware, UTC.
        time_zone: IANA name, of a calendar that names none.
    """
    calendar = organisation.load(connection, time_zone).calendar()
    zone = ZoneInfo(calendar.time_zone if calendar else time_zone)
    return days_later(calendar, zone, now, supplier.answer_days)


def await_again(connection: Connection, ticket_id: int, now: datetime, time_zone: str) -> None:
    """Give the open cases of a ticket that waits for its suppliers again a date where an answer has taken theirs.

    Args:
        connection: of a write transaction in which the ticket is locked.
        ticket_id: of the ticket.
        now: aware, UTC.
        time_zone: see `answer_due`.
    """
    for found in cases.of_ticket(connection, ticket_id):
        if found.is_open and found.remind_at is None:
            case = cases.get(connection, found.id, lock=True)
            supplier = organisation.get(connection, Supplier, case.supplier_id)
            cases.save(connection, replace(case, remind_at=answer_due(connection, supplier, now, time_zone)))
