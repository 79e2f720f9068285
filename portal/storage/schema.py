"""The tables of tickets, people, votes and frequent queries; the migrations bring a database to this state."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
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
