"""Tickets, their histories, and what belongs to each."""

from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, text
from sqlalchemy.types import JSON

from portal.storage.schema.base import Moment, metadata

#: Tickets with work left, in the very words of the partial indexes, without which databases do not use them.
IS_UNSOLVED = "status IN ('new', 'open', 'waiting_requester', 'waiting_supplier', 'planned')"
#: Of these the unanswered searches of persons, about which writers can do something.
IS_ASKED_IN_VAIN = f"{IS_UNSOLVED} AND kind IN ('gap', 'translation') AND is_confirmed"
#: What the queue is narrowed by: in its indexes, so that rows are read of the tickets alone that are shown.
_NARROWED_BY = ("tier", "kind", "language", "priority", "status", "owner_id", "topic", "is_confirmed", "is_major")


def _only(condition: str) -> dict[str, Any]:
    """The rows that an index is about, as both databases are told."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


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
    Column("urgency", Integer, nullable=False),
    Column("impact", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("is_major", Boolean, nullable=False),
    Column("incident_id", Integer, index=True),
    Column("duplicate_of", Integer, index=True),
    Column("topic", String(120), nullable=False),
    Column("channel", String(10), nullable=False),
    Column("due_at", Moment),
    Column("due_clock", String(20), nullable=False),
    Column("rule_at", Moment, index=True),
    Column("clocked", Integer, nullable=False),
    #: The version whose words the search of the desk knows; see `ticket_texts`.
    Column("searched", Integer, nullable=False, server_default="0"),
    Index(None, "tier", "status", "created_at", "id"),
    Index(None, "status", "language", "created_at", "id"),
    Index("ix_tickets_due", "due_at", "id", *_NARROWED_BY, **_only(IS_UNSOLVED)),
    Index("ix_tickets_unsolved", "id", *_NARROWED_BY, "due_at", **_only(IS_UNSOLVED)),
    Index("ix_tickets_all", "id", *_NARROWED_BY),
    Index("ix_tickets_status_solved_at", "status", "solved_at"),
    Index("ix_tickets_closed_at", "closed_at"),
    Index("ix_tickets_updated_at", "updated_at", "id"),
    Index("ix_tickets_unclocked", "id", **_only("clocked <> version")),
    Index("ix_tickets_in_vain", "language", "occurrences", "id", **_only(IS_ASKED_IN_VAIN)),
    Index("ix_tickets_unsearched", "id", **_only("searched <> version")),
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
    Index(None, "at"),
)

#: Which writer has taken an unanswered search on; it counts while that is unsolved and they are of the staff.
gap_claims = Table(
    "gap_claims",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Moment, nullable=False),
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
