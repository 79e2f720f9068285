"""Tickets, their histories, and what belongs to each."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint
from sqlalchemy.types import JSON

from portal.storage.schema.base import Moment, metadata

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

#: How requesters were served, 1 (badly) to 5 (very well); one answer for each request.
ratings = Table(
    "ratings",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("stars", Integer, nullable=False),
    Column("comment", String(600), nullable=False),
    Column("at", Moment, nullable=False),
)
