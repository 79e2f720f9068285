"""The tables of tickets, people, searches and mails; the migrations bring a database to this state."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import JSON, TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An aware time; kept in UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; SQLite keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Aware, UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("tiers", JSON, nullable=False),
    Column("languages", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
)

#: Who is signed in; the cookie holds the key, the table its hash, so that a copy of the table opens nothing.
sessions = Table(
    "sessions",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

#: Wrong passwords, by a hash of the account's address: counted once for all processes.
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_hash", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "account_hash", "at"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("tier", Integer, nullable=False),
    Column("language", String(2), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("query", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("page", String(500), nullable=False),
    Column("fingerprint", String(32), unique=True),
    Column("occurrences", Integer, nullable=False),
    Column("last_asked_at", Moment),
    Column("requester_name", String(100), nullable=False),
    Column("requester_email", String(254), nullable=False),
    Column("gap_id", ForeignKey("tickets.id"), index=True),
    Column("owner_id", ForeignKey("people.id"), index=True),
    Column("owner_name", String(100), nullable=False),
    Column("resolution", String(30)),
    Column("resolution_text", Text, nullable=False),
    Column("solved_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("version", Integer, nullable=False),
    #: SHA-256 of the private link's token; the token itself is kept nowhere.
    Column("token_hash", String(64), unique=True),
    Column("closed_at", Moment),
    Column("code", String(2), nullable=False),
    Column("is_confirmed", Boolean, nullable=False),
    Column("slug", String(120), nullable=False),
    Column("phone", String(40), nullable=False),
    Column("callback", String(20)),
    Column("follows_id", Integer, index=True),
    Column("trail", JSON, nullable=False),
    Index(None, "tier", "status", "created_at", "id"),
    Index(None, "status", "language", "created_at", "id"),
)

#: The history: rows are added, never changed.
events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("action", String(30), nullable=False),
    Column("person_id", ForeignKey("people.id")),
    Column("actor_name", String(100), nullable=False),
    Column("before", String(20)),
    Column("after", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("details", JSON, nullable=False),
    Index(None, "ticket_id", "id"),
)

#: Further private links of a request, one for each mail that holds one; see `tickets.token_hash`.
links = Table(
    "links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
)

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

#: What people did with the search: kept for some weeks, the session for a day.
search_events = Table(
    "search_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    #: Keyed hash of the session's number; None where it is not to be recorded, and after a day.
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

#: What is left of the events when they go: sums by day (UTC), language and measure.
daily_counts = Table(
    "daily_counts",
    metadata,
    Column("day", Date, primary_key=True),
    Column("language", String(2), primary_key=True),
    Column("measure", String(40), primary_key=True),
    Column("value", Integer, nullable=False),
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

#: Who wants to be told when a gap is answered; the row goes with the mail.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("gap_id", ForeignKey("tickets.id"), nullable=False, index=True),
    Column("email", String(254), nullable=False),
    Column("language", String(2), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    #: None until the address has been confirmed by its owner.
    Column("confirmed_at", Moment),
    UniqueConstraint("gap_id", "email"),
)

#: Who wants a private link once more; answered by the worker, so that the page takes the same time for everybody.
link_requests = Table(
    "link_requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("email", String(254), nullable=False),
    Column("language", String(2), nullable=False),
    Column("at", Moment, nullable=False),
)

#: Mails to send; written in the transaction of what causes them.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    #: What the mail is about; a second one with the same key is not written.
    Column("key", String(80), nullable=False, unique=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="SET NULL"), index=True),
    Column("recipient", String(254), nullable=False),
    Column("recipient_name", String(100), nullable=False),
    Column("language", String(2), nullable=False),
    Column("message_id", String(200), nullable=False, unique=True),
    #: Further headers by name.
    Column("headers", JSON, nullable=False),
    Column("subject", String(300), nullable=False),
    #: Emptied once the mail is sent or given up: it may hold a private link.
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    #: waiting, sent, failed or bounced
    Column("state", String(10), nullable=False),
    #: When it is tried next.
    Column("due_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    #: Until when one process has it.
    Column("claimed_until", Moment),
    Column("ended_at", Moment),
    #: What the mail server said last.
    Column("fault", String(300), nullable=False),
    Index(None, "state", "due_at"),
)

#: How requesters were served, 1 (badly) to 5 (very well); one answer for each request.
ratings = Table(
    "ratings",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("stars", Integer, nullable=False),
    Column("comment", String(600), nullable=False),
    Column("at", Moment, nullable=False),
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
