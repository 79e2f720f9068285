"""Surveys: some of those whose request was closed are asked, once, how they were served; bad answers come back."""

import hashlib
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection

from portal import survey_letters
from portal.desk.acting import act
from portal.desk.posting import Posting
from portal.errors import NotFound, StaleTicket, TransitionRefused
from portal.organisation import Policy
from portal.people import Person, Right, may
from portal.privacy import mask
from portal.storage import Database, notices, organisation, people, ratings
from portal.storage import surveys as known
from portal.storage import tickets as store
from portal.storage.notices import About
from portal.tickets import SYSTEM, Action, Status, Ticket

#: Who was closed longer ago than this is not asked any more, and of older answers nobody is told.
FRESH = timedelta(days=7)
#: So many stars or fewer are a bad answer.
LOW = 2


class Surveys:
    """Asks requesters how they were served.

    Args:
        database: where the requests are.
        posting: what requesters are mailed.
    """

    def __init__(self, database: Database, posting: Posting) -> None:
        self._database = database
        self._posting = posting

    def run(self, now: datetime, limit: int = 100) -> int:
        """Ask a share of those whose request was closed in the last days, and tell the staff of bad answers.

        Which share is the desk's policy. Each request is decided on once, in a transaction of its own, by whichever
        process comes first; who has rated by themselves is not asked.

        Args:
            now: aware, UTC.
            limit: how many requests at most are decided on, and how many answers told.

        Returns:
            How many were asked.
        """
        since = now - FRESH
        with self._database.read() as connection:
            percent = organisation.everything(connection, Policy)[0].survey_percent
            numbers = known.due(connection, since, limit)
            bad = known.low(connection, since, LOW, limit)
        asked = 0
        for number in numbers:
            with suppress(NotFound, StaleTicket, TransitionRefused), self._database.write() as connection:
                asked += self._decide(connection, store.get(connection, number, lock=True), percent, now)
        for number in bad:
            with suppress(NotFound), self._database.write() as connection:
                _tell(connection, store.get(connection, number), now)
        return asked

    def _decide(self, connection: Connection, ticket: Ticket, percent: int, now: datetime) -> bool:
        """Ask the requester of a closed request, which is locked, or leave them in peace; whether they were asked."""
        if ticket.status is not Status.CLOSED or ratings.of_ticket(connection, ticket.id) is not None:
            return False
        is_asked = is_chosen(ticket.id, percent) and ticket.requester_email != ""
        if not known.add(connection, ticket.id, now, ticket.language, is_asked=is_asked) or not is_asked:
            return False
        changed, _ = act(connection, ticket, Action.SURVEY, now, SYSTEM)
        letters = self._posting.letters
        self._posting.letter(
            connection,
            changed,
            lambda token: survey_letters.asked(letters, changed, token),
            f"survey-{ticket.id}",
            now,
        )
        return True


def is_chosen(number: int, percent: int) -> bool:
    """Whether a request is among the share (0–100 per cent) that is asked; always the same, and growing with the share."""
    drawn = int.from_bytes(hashlib.sha256(f"survey {number}".encode()).digest()[:4], "big")
    return drawn * 100 < percent * 2**32


def _tell(connection: Connection, ticket: Ticket, now: datetime) -> None:
    """Tell the owner of a badly rated request, and the supervisors of its tier; of all where the tier has none."""
    rating = ratings.of_ticket(connection, ticket.id)
    if rating is None or rating.stars > LOW:
        return
    everybody = [each for each in people.everybody(connection) if each.is_active]
    supervisors = [each for each in everybody if may(each, Right.SUPERVISE)]
    told: list[Person] = [each for each in supervisors if ticket.tier in each.tiers] or supervisors
    told += [each for each in everybody if each.id == ticket.owner_id and each not in told]
    text = f"{rating.stars}/5" + (f": {mask(rating.comment)}" if rating.comment else "")
    for each in told:
        notices.tell(
            connection, each.id, About.LOW_SCORE, f"low-{ticket.id}", now, ticket_id=ticket.id, text=text
        )  # fmt: skip
