"""The deflection loop: searches and what came of them, occurrences, private links, subscriptions, mails, ratings."""

from collections import Counter
from datetime import UTC, date

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: Aware times; SQLite keeps them in UTC without a zone.
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and count what the history knows of occurrences."""
    _tickets()
    _daily_counts()
    _doubts()
    _form_sessions()
    _link_requests()
    _needs_change()
    _search_events()
    _wordings()
    _gap_sessions()
    _links()
    _occurrences()
    _outbox()
    _ratings()
    _subscriptions()
    _count_occurrences()


def downgrade() -> None:
    """Remove them."""
    for table in (
        "subscriptions",
        "ratings",
        "outbox",
        "occurrences",
        "links",
        "gap_sessions",
        "wordings",
        "search_events",
        "needs_change",
        "link_requests",
        "form_sessions",
        "doubts",
        "daily_counts",
    ):
        op.drop_table(table)
    op.drop_index("ix_tickets_follows_id", "tickets")
    for column in ("trail", "follows_id", "callback", "phone", "slug", "is_confirmed", "code", "closed_at"):
        op.drop_column("tickets", column)


def _tickets() -> None:
    """Add what tickets now know; those that are there came from searches without any result."""
    for column in (
        sa.Column("closed_at", _MOMENT),
        sa.Column("code", sa.String(2), nullable=False, server_default=""),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("slug", sa.String(120), nullable=False, server_default=""),
        sa.Column("phone", sa.String(40), nullable=False, server_default=""),
        sa.Column("callback", sa.String(20)),
        sa.Column("follows_id", sa.Integer()),
        sa.Column("trail", sa.JSON(), nullable=False, server_default="[]"),
    ):
        op.add_column("tickets", column)
    op.create_index("ix_tickets_follows_id", "tickets", ["follows_id"])
    op.execute("UPDATE tickets SET code = 'U0' WHERE kind = 'gap'")
    op.execute("UPDATE tickets SET closed_at = updated_at WHERE status = 'closed'")


def _daily_counts() -> None:
    """Make the table daily_counts."""
    op.create_table(
        "daily_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("measure", sa.String(40), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "language", "measure", name="pk_daily_counts"),
    )


def _doubts() -> None:
    """Make the table doubts."""
    op.create_table(
        "doubts",
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("session_hash", sa.String(64), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("code", sa.String(2), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("query", sa.String(200), nullable=False),
        sa.Column("topic", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "session_hash", name="pk_doubts"),
    )
    op.create_index("ix_doubts_at", "doubts", ["at"])


def _form_sessions() -> None:
    """Make the table form_sessions."""
    op.create_table(
        "form_sessions",
        sa.Column("form_hash", sa.String(64), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("slug", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("form_hash", name="pk_form_sessions"),
    )
    op.create_index("ix_form_sessions_at", "form_sessions", ["at"])


def _link_requests() -> None:
    """Make the table link_requests."""
    op.create_table(
        "link_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_link_requests"),
    )


def _needs_change() -> None:
    """Make the table needs_change."""
    op.create_table(
        "needs_change",
        sa.Column("slug", sa.String(120), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("revision", sa.String(16), nullable=False),
        sa.Column("query", sa.String(200), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("slug", "language", "revision", name="pk_needs_change"),
    )


def _search_events() -> None:
    """Make the table search_events."""
    op.create_table(
        "search_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("session", sa.String(64)),
        sa.Column("chain", sa.String(32)),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("query", sa.String(200), nullable=False),
        sa.Column("topic", sa.String(120), nullable=False),
        sa.Column("fingerprint", sa.String(32)),
        sa.Column("verdict", sa.String(12)),
        sa.Column("confidence", sa.Float()),
        sa.Column("total", sa.Integer()),
        sa.Column("code", sa.String(2), nullable=False),
        sa.Column("repairs", sa.JSON(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("gap_id", sa.Integer()),
        sa.Column("is_overflow", sa.Boolean(), nullable=False),
        sa.Column("is_returning", sa.Boolean(), nullable=False),
        sa.Column("slug", sa.String(120), nullable=False),
        sa.Column("seconds", sa.Integer()),
        sa.Column("is_helpful", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_search_events"),
    )
    op.create_index("ix_search_events_at", "search_events", ["at"])
    op.create_index("ix_search_events_chain", "search_events", ["chain"])
    op.create_index("ix_search_events_gap_id", "search_events", ["gap_id"])
    op.create_index("ix_search_events_session_at", "search_events", ["session", "at"])


def _wordings() -> None:
    """Make the table wordings."""
    op.create_table(
        "wordings",
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("failed", sa.String(200), nullable=False),
        sa.Column("slug", sa.String(120), nullable=False),
        sa.Column("found_by", sa.String(200), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("language", "failed", "slug", name="pk_wordings"),
    )


def _gap_sessions() -> None:
    """Make the table gap_sessions."""
    op.create_table(
        "gap_sessions",
        sa.Column("session_hash", sa.String(64), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_gap_sessions_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("session_hash", name="pk_gap_sessions"),
    )
    op.create_index("ix_gap_sessions_at", "gap_sessions", ["at"])
    op.create_index("ix_gap_sessions_ticket_id", "gap_sessions", ["ticket_id"])


def _links() -> None:
    """Make the table links."""
    op.create_table(
        "links",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_links_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_links"),
    )
    op.create_index("ix_links_ticket_id", "links", ["ticket_id"])


def _occurrences() -> None:
    """Make the table occurrences."""
    op.create_table(
        "occurrences",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("query", sa.String(200), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_occurrences_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", "day", "language", "query", name="pk_occurrences"),
    )


def _outbox() -> None:
    """Make the table outbox."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("ticket_id", sa.Integer()),
        sa.Column("recipient", sa.String(254), nullable=False),
        sa.Column("recipient_name", sa.String(100), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("message_id", sa.String(200), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_until", _MOMENT),
        sa.Column("ended_at", _MOMENT),
        sa.Column("fault", sa.String(300), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_outbox_ticket_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
        sa.UniqueConstraint("message_id", name="uq_outbox_message_id"),
    )
    op.create_index("ix_outbox_state_due_at", "outbox", ["state", "due_at"])
    op.create_index("ix_outbox_ticket_id", "outbox", ["ticket_id"])


def _ratings() -> None:
    """Make the table ratings."""
    op.create_table(
        "ratings",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("comment", sa.String(600), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_ratings_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_ratings"),
    )


def _subscriptions() -> None:
    """Make the table subscriptions."""
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gap_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("confirmed_at", _MOMENT),
        sa.ForeignKeyConstraint(["gap_id"], ["tickets.id"], name="fk_subscriptions_gap_id"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.UniqueConstraint("gap_id", "email", name="uq_subscriptions_gap_id_email"),
        sa.UniqueConstraint("token_hash", name="uq_subscriptions_token_hash"),
    )
    op.create_index("ix_subscriptions_gap_id", "subscriptions", ["gap_id"])


def _count_occurrences() -> None:
    """Sum up the events by which gaps were counted until now."""
    events = sa.table(
        "events", sa.column("ticket_id"), sa.column("at", _MOMENT), sa.column("action"), sa.column("details", sa.JSON())
    )
    tickets = sa.table("tickets", sa.column("id"), sa.column("kind"))
    occurrences = sa.table("occurrences", *map(sa.column, ("ticket_id", "day", "language", "query", "times")))
    occurrences.c.day.type = sa.Date()
    query = (
        sa.select(events.c.ticket_id, events.c.at, events.c.details)
        .join(tickets, tickets.c.id == events.c.ticket_id)
        .where(events.c.action.in_(("opened", "asked_again")), tickets.c.kind == "gap")
    )
    counted: Counter[tuple[int, date, str, str]] = Counter()
    for number, at, details in op.get_bind().execute(query):
        day = (at.astimezone(UTC) if at.tzinfo else at).date()
        counted[number, day, details.get("language", "")[:2], details.get("query", "")[:200]] += 1
    rows = [
        {"ticket_id": number, "day": day, "language": language, "query": text, "times": times}
        for (number, day, language, text), times in counted.items()
    ]
    if rows:
        op.bulk_insert(occurrences, rows)
