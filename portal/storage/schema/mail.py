"""Mails to send."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy.types import JSON

from portal.storage.schema.base import Moment, metadata

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
