"""Queries that people ask often, in the database: never of whom, and none that too few have asked."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema import frequent_queries as queries
from portal.storage.schema import frequent_query_sessions as sessions

#: Sessions that must have asked a query before anybody else is shown it.
ENOUGH_SESSIONS = 5
#: Longest query that is noted, in characters; longer ones tell a story, and stories are personal.
LONGEST = 80
#: How long a query that too few have asked is kept, and which sessions asked it.
KEPT = timedelta(days=30)
#: Queries that are kept at most; a flood of made-up ones fills this and no more.
MOST = 50_000
#: What nobody else is to be shown: an address, of the web too, a long number, the brackets of what has been masked.
_UNFIT = re.compile(r"[@\[\]]|\d{5}|://|\bwww\.", re.IGNORECASE)


class Asked(NamedTuple):
    """A query that a session asked."""

    #: Of the page.
    language: str
    #: The query folded, the same for all spellings that are shown as one.
    key: str
    #: The query, masked by `privacy.mask`.
    text: str
    #: Secret number of the session; only its hash together with the query is kept, and only until enough sessions
    #: have asked.
    session: str
    is_answered: bool
    #: When; aware.
    at: datetime


def note_all(connection: Connection, asked: Iterable[Asked]) -> None:
    """Remember queries that sessions asked; always in the same order, so that two processes do not lock each other.

    What may be personal or is too long is not noted. An unanswered query is not noted either unless others have asked
    it with an answer.
    """
    tidied = (item._replace(text=" ".join(item.text.split()), key=" ".join(item.key.split())) for item in asked)
    for item in sorted((item for item in tidied if _is_fit(item)), key=lambda item: (item.language, item.key, item.at)):
        _note(connection, *item)


def _is_fit(asked: Asked) -> bool:
    """Whether a query may be noted."""
    is_short = 0 < len(asked.text) <= LONGEST and 0 < len(asked.key) <= LONGEST
    return bool(asked.session) and is_short and asked.text.isprintable() and not _UNFIT.search(asked.text)


def _note(
    connection: Connection, language: str, key: str, text: str, session: str, is_answered: bool, now: datetime
) -> None:
    """Remember one query."""
    row = _locked(connection, language, key)
    if row is None:
        if not is_answered:
            return
        _add(connection, language, key, text, now)
        row = _locked(connection, language, key)
        if row is None:  # No room.
            return
    number, times = row
    times = times + 1 if times else _counted(connection, number, language, key, session, now)
    changed = {"times": times, "is_answered": is_answered, "last_day": _day(now)}
    connection.execute(update(queries).where(queries.c.id == number).values(**changed))


def popular(connection: Connection, language: str, limit: int = 5000) -> list[tuple[str, int]]:
    """The queries that enough sessions asked and that were answered when last asked, with how often; most first."""
    is_shown = (queries.c.language == language) & (queries.c.times >= ENOUGH_SESSIONS) & queries.c.is_answered
    query = select(queries.c.text, queries.c.times).where(is_shown)
    ordered = query.order_by(queries.c.times.desc(), queries.c.id).limit(limit)
    return [(text, times) for text, times in connection.execute(ordered)]


def purge(connection: Connection, now: datetime) -> int:
    """Delete what is older than `KEPT` of queries that too few have asked; how many queries went."""
    first_day = _day(now - KEPT)
    # A query's row is locked before its hashes here as in `note`, so that neither waits for the other for ever.
    connection.execute(select(queries.c.id).where(queries.c.times == 0).order_by(queries.c.id).with_for_update()).all()
    connection.execute(delete(sessions).where(sessions.c.day < first_day))
    uncounted = (queries.c.times == 0) & (queries.c.last_day < first_day)
    return connection.execute(delete(queries).where(uncounted)).rowcount


def _day(now: datetime) -> date:
    """The day of a time, UTC."""
    return now.astimezone(UTC).date()


def _locked(connection: Connection, language: str, key: str) -> tuple[int, int] | None:
    """Number and uses of a query, which no other transaction changes meanwhile; None where it is not there."""
    same = (queries.c.language == language) & (queries.c.key == key)
    row = connection.execute(select(queries.c.id, queries.c.times).where(same).with_for_update()).first()
    return (row.id, row.times) if row else None


def _add(connection: Connection, language: str, key: str, text: str, now: datetime) -> None:
    """Make a query's row where there is room and no other process has just made it."""
    if connection.execute(select(func.count()).select_from(queries)).scalar_one() >= MOST:
        return
    values = {"times": 0, "is_answered": True, "last_day": _day(now)}
    try:
        with connection.begin_nested():
            connection.execute(insert(queries).values(language=language, key=key, text=text, **values))
    except IntegrityError:
        return


def _counted(connection: Connection, number: int, language: str, key: str, session: str, now: datetime) -> int:
    """How many sessions have asked a query, this one included; 0 while these are too few.

    Once they are enough nothing is kept that comes from a session.
    """
    session_hash = hashlib.sha256("\x1f".join((session, language, key)).encode()).hexdigest()
    mine = sessions.c.query_id == number
    if connection.execute(select(sessions).where(sessions.c.session_hash == session_hash)).first() is None:
        connection.execute(insert(sessions).values(session_hash=session_hash, query_id=number, day=_day(now)))
    count = connection.execute(select(func.count()).select_from(sessions).where(mine)).scalar_one()
    if count < ENOUGH_SESSIONS:
        return 0
    connection.execute(delete(sessions).where(mine))
    return count
