"""Votes on articles in the database."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Integer, cast, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema import votes

#: Longest comment, in characters.
COMMENT_LENGTH = 600
_YES = func.sum(cast(votes.c.is_helpful, Integer))


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


@dataclass(frozen=True)
class Revision:
    """What readers thought of one text of an article."""

    #: Its fingerprint.
    fingerprint: str
    yes: int
    votes: int
    first_at: datetime
    last_at: datetime
    #: Why it was not helpful, most frequent first; not everybody says so.
    reasons: Mapping[Reason, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Comment:
    """What a reader wrote whom an article did not help; masked when it was stored."""

    language: str
    comment: str
    at: datetime
    reason: Reason | None
    #: Fingerprint of the text that they read.
    revision: str


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


def tallies(connection: Connection) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Yes-votes and all votes of every text that has any, by language, slug and revision."""
    key = votes.c.language, votes.c.slug, votes.c.revision
    query = select(*key, _YES, func.count()).group_by(*key)
    return {tuple(row[:3]): (int(row[3]), int(row[4])) for row in connection.execute(query)}


def revisions(connection: Connection, language: str, slugs: Collection[str]) -> list[Revision]:
    """What readers thought of each text of an article, by all slugs that it has had; the one voted on last first."""
    own = _of(language, slugs)
    last = func.max(votes.c.at)
    summed = select(votes.c.revision, _YES, func.count(), func.min(votes.c.at), last).where(own)
    rows = connection.execute(summed.group_by(votes.c.revision).order_by(last.desc(), votes.c.revision)).all()
    why = select(votes.c.revision, votes.c.reason, func.count()).where(own, ~votes.c.is_helpful, votes.c.reason != "")
    reasons: dict[str, dict[Reason, int]] = {}
    times = func.count().desc()
    for revision, reason, count in connection.execute(
        why.group_by(votes.c.revision, votes.c.reason).order_by(times, votes.c.reason)
    ):
        if reason in set(Reason):
            reasons.setdefault(revision, {})[Reason(reason)] = count
    return [Revision(row[0], int(row[1]), row[2], row[3], row[4], reasons.get(row[0], {})) for row in rows]


def comments(
    connection: Connection, language: str, slugs: Collection[str], revision: str | None = None, limit: int = 100
) -> list[Comment]:
    """What readers wrote who were not helped, newest first.

    Args:
        connection: of any transaction.
        language: of the text.
        slugs: all that the article has had.
        revision: only of this text; None for all.
        limit: how many at most.
    """
    columns = votes.c.language, votes.c.comment, votes.c.at, votes.c.reason, votes.c.revision
    query = select(*columns).where(_of(language, slugs), ~votes.c.is_helpful, votes.c.comment != "")
    if revision is not None:
        query = query.where(votes.c.revision == revision)
    rows = connection.execute(query.order_by(votes.c.at.desc(), votes.c.id.desc()).limit(limit))
    return [
        Comment(code, text, at, Reason(why) if why in set(Reason) else None, of) for code, text, at, why, of in rows
    ]


def _of(language: str, slugs: Collection[str]) -> ColumnElement[bool]:
    """Whether a vote is about an article in one language."""
    return (votes.c.language == language) & votes.c.slug.in_(sorted(slugs))
