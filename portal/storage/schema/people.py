"""Staff, their sessions and their wrong passwords."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, false
from sqlalchemy.types import JSON

from portal.storage.schema.base import Moment, metadata

people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("password_hash", String(200), nullable=False),
    #: Whether somebody else made it, and so knows it; whoever signs in with it first chooses another one.
    Column("password_is_first", Boolean, nullable=False, server_default=false()),
    Column("roles", JSON, nullable=False),
    Column("tiers", JSON, nullable=False),
    Column("languages", JSON, nullable=False),
    #: Topics of the articles that they know about; empty: all.
    Column("topics", JSON, nullable=False),
    #: Their working hours; None: those of their tiers.
    Column("calendar_id", Integer),
    Column("is_active", Boolean, nullable=False),
    #: From this and the instance's secret their one-time codes follow; None: they use none.
    Column("totp_salt", String(64)),
    #: The last step of time of which a code was accepted; none is accepted twice.
    Column("totp_step", Integer),
    #: Hashes of the recovery codes that are left.
    Column("recovery", JSON, nullable=False),
    #: Who they are at the identity provider.
    Column("oidc_subject", String(255)),
    Column("version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_people_oidc_subject", "oidc_subject", unique=True),
)

#: Who is signed in; the cookie holds the key, the table its hash, so that a copy of the table opens nothing.
sessions = Table(
    "sessions",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("seen_at", Moment, nullable=False),
    #: What the browser calls itself, for the list of sign-ins.
    Column("browser", String(200), nullable=False),
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
