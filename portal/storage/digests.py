"""Who of the staff wants the weekly digest, in the database."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema import digests, people


@dataclass(frozen=True)
class Wish:
    """That somebody wants the digest."""

    person_id: int
    #: Of the mail.
    language: str
    #: The Monday of the last week that they were told about; None before the first.
    told_week: date | None
    since: datetime


def of_person(connection: Connection, person_id: int) -> Wish | None:
    """What somebody wants; None where they want none."""
    row = connection.execute(select(digests).where(digests.c.person_id == person_id)).mappings().first()
    return Wish(**row) if row else None


def turn_on(connection: Connection, person_id: int, language: str, now: datetime) -> None:
    """Somebody wants it, or wants it in another language."""
    change = update(digests).where(digests.c.person_id == person_id).values(language=language)
    if connection.execute(change).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(digests).values(person_id=person_id, language=language, since=now))
    except IntegrityError:
        connection.execute(change)


def turn_off(connection: Connection, person_id: int) -> bool:
    """Somebody wants it no more; whether they did."""
    return connection.execute(delete(digests).where(digests.c.person_id == person_id)).rowcount == 1


def due(connection: Connection, week: date, at: datetime, limit: int) -> list[Wish]:
    """Those who have not been told about a week and may still sign in.

    Args:
        connection: of any transaction.
        week: its Monday.
        at: when its digest was due; who has wished for one since gets the next.
        limit: how many at most.
    """
    # A week that is still to come was told by a clock that was wrong; the week before last has been told already.
    is_open = or_(
        digests.c.told_week.is_(None), digests.c.told_week < week, digests.c.told_week > week + timedelta(days=7)
    )
    query = select(digests).join(people, people.c.id == digests.c.person_id)
    query = query.where(people.c.is_active, digests.c.since <= at, is_open).order_by(digests.c.person_id).limit(limit)
    return [Wish(**row) for row in connection.execute(query).mappings()]


def tell(connection: Connection, wish: Wish, week: date) -> bool:
    """Store that somebody is told about a week; False where another process has done so, or they want it no more."""
    known = digests.c.told_week
    same = known.is_(None) if wish.told_week is None else known == wish.told_week
    change = update(digests).where(digests.c.person_id == wish.person_id, same).values(told_week=week)
    return connection.execute(change).rowcount == 1
