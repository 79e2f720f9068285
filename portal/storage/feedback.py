"""Votes on articles in the database."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Integer, cast, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema import votes

#: Longest comment, in characters.
COMMENT_LENGTH = 600


class Reason(StrEnum):
    """Why an article was not helpful."""

    OUT_OF_DATE = "out_of_date"
    UNCLEAR = "unclear"
    OTHER_PROBLEM = "other_problem"
    DID_NOT_WORK = "did_not_work"
    OTHER = "other"


@dataclass(frozen=True)
class Vote:
    """One person's opinion of one article in one language."""

    slug: str
    language: str
    voter_hash: str
    is_helpful: bool
    #: Fingerprint of the text that it was given for.
    revision: str
    reason: Reason | None = None
    comment: str = ""


def vote(connection: Connection, given: Vote, now: datetime) -> None:
    """Store a vote; the same person's earlier one on the same article is replaced, also when two come at once."""
    mine = (
        (votes.c.slug == given.slug) & (votes.c.language == given.language) & (votes.c.voter_hash == given.voter_hash)
    )
    opinion = {
        "is_helpful": given.is_helpful,
        "reason": given.reason.value if given.reason else None,
        "comment": given.comment,
        "revision": given.revision,
        "at": now,
    }
    same = {"slug": given.slug, "language": given.language, "voter_hash": given.voter_hash}
    if connection.execute(update(votes).where(mine).values(**opinion)).rowcount == 0:
        try:
            with connection.begin_nested():
                connection.execute(insert(votes).values(**same, **opinion))
        except IntegrityError:
            connection.execute(update(votes).where(mine).values(**opinion))


def tallies(connection: Connection) -> dict[tuple[str, str], tuple[int, int]]:
    """Yes-votes and all votes of every article that has any, by language and slug."""
    yes = func.sum(cast(votes.c.is_helpful, Integer))
    query = select(votes.c.language, votes.c.slug, yes, func.count()).group_by(votes.c.language, votes.c.slug)
    return {(language, slug): (int(good), int(all_)) for language, slug, good, all_ in connection.execute(query)}
