"""Searches, what came of them, and what readers thought."""

from sqlalchemy import Boolean, Column, Date, Float, ForeignKey, Index, Integer, String, Table, UniqueConstraint
from sqlalchemy.types import JSON

from portal.storage.schema.base import Moment, metadata

#: How often a gap was asked, by day (UTC), language of the page and wording (masked).
occurrences = Table(
    "occurrences",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("language", String(2), primary_key=True),
    Column("query", String(200), primary_key=True),
    Column("times", Integer, nullable=False),
)

#: Which sessions asked a gap, as a hash of session and gap together, which links no two gaps of a session.
gap_sessions = Table(
    "gap_sessions",
    metadata,
    Column("session_hash", String(64), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Moment, nullable=False, index=True),
)

#: Searches that were perhaps not answered (U2, U3), one for each session and question, until they are enough.
doubts = Table(
    "doubts",
    metadata,
    Column("fingerprint", String(32), primary_key=True),
    Column("session_hash", String(64), primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    Column("code", String(2), nullable=False),
    Column("language", String(2), nullable=False),
    Column("query", String(200), nullable=False),
    Column("topic", String(120), nullable=False),
)

#: What people did with the search: kept for some weeks, the session for four days.
search_events = Table(
    "search_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    #: Keyed hash of the session's number; None where it is not to be recorded, and when its day has been counted for good.
    Column("session", String(64)),
    #: What belongs to one attempt to find something; None until it has ended.
    Column("chain", String(32), index=True),
    #: See `chains.Kind`.
    Column("kind", String(10), nullable=False),
    Column("language", String(2), nullable=False),
    Column("query", String(200), nullable=False),
    Column("topic", String(120), nullable=False),
    Column("fingerprint", String(32)),
    Column("verdict", String(12)),
    Column("confidence", Float),
    Column("total", Integer),
    Column("code", String(2), nullable=False),
    #: What had been put right in the query, as pairs of kind and text.
    Column("repairs", JSON, nullable=False),
    #: What was shown: slug, language and revision, by rank.
    Column("results", JSON, nullable=False),
    #: The gap that the search opened or counted.
    Column("gap_id", Integer, index=True),
    #: Whether the search was beyond the budgets.
    Column("is_overflow", Boolean, nullable=False),
    #: Whether the session's cookie had come back.
    Column("is_returning", Boolean, nullable=False),
    #: Of opening, reading and voting: the article.
    Column("slug", String(120), nullable=False),
    #: Of reading: for how long, in seconds.
    Column("seconds", Integer),
    #: Of voting.
    Column("is_helpful", Boolean),
    Index(None, "session", "at"),
)

#: Words that failed where others found the article: synonyms for writers to think about.
wordings = Table(
    "wordings",
    metadata,
    Column("language", String(2), primary_key=True),
    Column("failed", String(200), primary_key=True),
    Column("slug", String(120), primary_key=True),
    Column("found_by", String(200), nullable=False),
    Column("times", Integer, nullable=False),
    Column("last_day", Date, nullable=False),
    Index("ix_wordings_times", "times"),
)

#: Articles that did not help somebody who had searched for them (U4), by revision of the text.
needs_change = Table(
    "needs_change",
    metadata,
    Column("slug", String(120), primary_key=True),
    Column("language", String(2), primary_key=True),
    Column("revision", String(16), primary_key=True),
    Column("query", String(200), nullable=False),
    Column("times", Integer, nullable=False),
    Column("last_day", Date, nullable=False),
    Index("ix_needs_change_times", "times"),
)

#: How often articles were opened, by day (UTC) and language of the page: that of the reader, also where the article
#: was shown in another one. Counts alone, nothing of anybody.
article_views = Table(
    "article_views",
    metadata,
    Column("day", Date, primary_key=True),
    Column("language", String(2), primary_key=True),
    Column("slug", String(120), primary_key=True),
    Column("views", Integer, nullable=False),
    sqlite_with_rowid=False,
)

#: Request forms in which articles were suggested or that were sent, by a hash of the form's number.
form_sessions = Table(
    "form_sessions",
    metadata,
    Column("form_hash", String(64), primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    Column("language", String(2), nullable=False),
    #: See `deflection.Outcome`.
    Column("outcome", String(10), nullable=False),
    #: The article that solved it.
    Column("slug", String(120), nullable=False),
)

votes = Table(
    "votes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slug", String(120), nullable=False),
    Column("language", String(2), nullable=False),
    #: Hash of a random number in the voter's cookie.
    Column("voter_hash", String(64), nullable=False),
    Column("is_helpful", Boolean, nullable=False),
    Column("reason", String(20)),
    Column("comment", String(600), nullable=False),
    #: Fingerprint of the text that the vote was given for.
    Column("revision", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("slug", "language", "voter_hash"),
    # All that is summed up, so that neither comments nor voters are read for it.
    Index("ix_votes_revision", "language", "slug", "revision", "is_helpful"),
    Index(None, "at"),
)

#: Queries that many sessions asked, and those on their way there; the text is masked.
frequent_queries = Table(
    "frequent_queries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("language", String(2), nullable=False),
    #: What spellings that are the same query have in common.
    Column("key", String(80), nullable=False),
    Column("text", String(80), nullable=False),
    #: How often it was asked; 0 until enough different sessions have.
    Column("times", Integer, nullable=False),
    #: Whether it was answered at its last use.
    Column("is_answered", Boolean, nullable=False),
    Column("last_day", Date, nullable=False, index=True),
    UniqueConstraint("language", "key"),
)

#: Which sessions asked a query that is not counted yet. The hash is of session and query together: no two queries of
#: one session can be linked by it, nor by the day.
frequent_query_sessions = Table(
    "frequent_query_sessions",
    metadata,
    Column("session_hash", String(64), primary_key=True),
    Column("query_id", ForeignKey("frequent_queries.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("day", Date, nullable=False, index=True),
    # Without row numbers nothing says which rows were written after each other.
    sqlite_with_rowid=False,
)
