"""Staff, their sessions and their wrong passwords."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table
from sqlalchemy.types import JSON

from portal.storage.schema.base import Moment, metadata

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
