"""Deflection: whether the articles suggested in a request form made sending it needless."""

from datetime import datetime
from enum import StrEnum

from portal.storage import Database, form_sessions

#: Nobody waits longer than this for a form to be counted, in seconds.
PATIENCE = 0.2


class Outcome(StrEnum):
    """What came of a request form."""

    #: Articles were suggested; nothing is known since.
    SHOWN = "shown"
    #: The person said that one of them solved it.
    SOLVED = "solved"
    #: The request was sent.
    SENT = "sent"


#: The outcomes that each one replaces: never back.
REPLACES = {
    Outcome.SHOWN: (),
    Outcome.SOLVED: (Outcome.SHOWN,),
    Outcome.SENT: (Outcome.SHOWN, Outcome.SOLVED),
}


class Deflection:
    """Records what comes of request forms; of nobody, only by a hash of the form's number.

    Each method may raise an `OperationalError` of the database; whoever calls must not let the person suffer for it.

    Args:
        database: where it is recorded.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def shown(self, form_hash: str, language: str, now: datetime) -> None:
        """Articles were suggested in a form."""
        self._record(form_hash, language, Outcome.SHOWN, "", now)

    def solved(self, form_hash: str, language: str, slug: str, now: datetime) -> None:
        """An article solved what the form was opened for."""
        self._record(form_hash, language, Outcome.SOLVED, slug, now)

    def sent(self, form_hash: str, language: str, now: datetime) -> None:
        """The form was sent all the same."""
        self._record(form_hash, language, Outcome.SENT, "", now)

    def _record(self, form_hash: str, language: str, outcome: Outcome, slug: str, now: datetime) -> None:
        """One transaction for one form."""
        with self._database.write(patience=PATIENCE) as connection:
            form_sessions.put(connection, form_hash, language, outcome, slug, now, REPLACES[outcome])
