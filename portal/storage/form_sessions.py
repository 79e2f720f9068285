"""Request forms in which articles were suggested or that were sent, in the database."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, insert, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema import form_sessions


def put(
    connection: Connection,
    form_hash: str,
    language: str,
    outcome: str,
    slug: str,
    now: datetime,
    over: Iterable[str],
) -> None:
    """Store what came of a form; also when two come at once.

    Args:
        connection: of a write transaction.
        form_hash: hash of the form's number.
        language: of the page.
        outcome: see `deflection.Outcome`.
        slug: the article that solved it; empty without one.
        now: aware, UTC; the time of a form that is there already stays.
        over: the earlier outcomes that this one replaces; any other stays.
    """
    try:
        with connection.begin_nested():
            new = {"form_hash": form_hash, "at": now, "language": language, "outcome": outcome, "slug": slug}
            connection.execute(insert(form_sessions).values(**new))
    except IntegrityError:
        same = (form_sessions.c.form_hash == form_hash) & form_sessions.c.outcome.in_(list(over))
        connection.execute(update(form_sessions).where(same).values(outcome=outcome, slug=slug))
