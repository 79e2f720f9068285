"""Reports by day, tokens of the API, webhooks and digests."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables; what has been counted so far is kept."""
    _reports()
    _integration()
    op.execute(
        "INSERT INTO daily_facts (measure, day, language, topic, tier, value) "
        "SELECT measure, day, language, '', 0, value FROM daily_counts"
    )
    for source, measure in (
        ("searches", "= 'searches'"),
        ("visits", "= 'chains'"),
        ("votes", "LIKE 'votes.%'"),
        ("forms", "= 'forms.shown'"),
    ):
        op.execute(
            "INSERT INTO counted_days (source, day, at, is_final) "
            f"SELECT DISTINCT '{source}', day, CURRENT_TIMESTAMP, {sa.true()} FROM daily_counts WHERE measure {measure}"
        )
    op.drop_table("daily_counts")
    op.create_index("ix_tickets_updated_at", "tickets", ["updated_at", "id"])
    op.create_index("ix_events_at", "events", ["at"])
    op.create_index("ix_votes_at", "votes", ["at"])


def _by_day() -> list[sa.Column[Any]]:
    """What all sums by day begin with."""
    return [
        sa.Column("measure", sa.String(40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
    ]


def _apart() -> list[sa.Column[Any]]:
    """What sums are told apart by."""
    return [sa.Column("topic", sa.String(120), nullable=False), sa.Column("tier", sa.Integer(), nullable=False)]


def _reports() -> None:
    """Make what reports are read from."""
    key = "measure", "day", "language"
    op.create_table(
        "daily_facts",
        *_by_day(),
        *_apart(),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*key, "topic", "tier", name="pk_daily_facts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "daily_times",
        *_by_day(),
        *_apart(),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*key, "topic", "tier", "minutes", name="pk_daily_times"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "daily_articles",
        *_by_day(),
        sa.Column("slug", sa.String(120), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*key, "slug", name="pk_daily_articles"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "counted_days",
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", "day", name="pk_counted_days"),
    )
    op.create_table(
        "digests",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("told_week", sa.Date()),
        sa.Column("since", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_digests_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", name="pk_digests"),
    )


def _integration() -> None:
    """Make what other systems work with."""
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("hint", sa.String(4), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("per_minute", sa.Integer()),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("used_on", sa.Date()),
        sa.Column("revoked_at", _MOMENT),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_api_tokens_person_id", ondelete="CASCADE"),
        sa.UniqueConstraint("token_hash", name="uq_api_tokens_token_hash"),
    )
    op.create_index("ix_api_tokens_person_id", "api_tokens", ["person_id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_index("ix_idempotency_keys_at", "idempotency_keys", ["at"])
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("failing_since", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "webhook_events",
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name="fk_webhook_events_webhook_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook_id", "event", name="pk_webhook_events"),
    )
    op.create_index("ix_webhook_events_event", "webhook_events", ["event"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_until", _MOMENT),
        sa.Column("ended_at", _MOMENT),
        sa.Column("status", sa.Integer()),
        sa.Column("fault", sa.String(300), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name="fk_deliveries_webhook_id", ondelete="CASCADE"),
        sa.UniqueConstraint("webhook_id", "key", name="uq_deliveries_webhook_id_key"),
    )
    op.create_index("ix_deliveries_state_due_at", "deliveries", ["state", "due_at"])
    op.create_index("ix_deliveries_ended_at", "deliveries", ["ended_at"])
    op.create_table(
        "announced_articles",
        sa.Column("slug", sa.String(120), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        sa.Column("is_stale", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("slug", "language", name="pk_announced_articles"),
    )


def downgrade() -> None:
    """Remove them; the sums of searches and forms go back to where they were."""
    op.create_table(
        "daily_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("measure", sa.String(40), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "language", "measure", name="pk_daily_counts"),
    )
    op.execute(
        "INSERT INTO daily_counts (day, language, measure, value) "
        "SELECT f.day, f.language, f.measure, SUM(f.value) FROM daily_facts f WHERE EXISTS ("
        "SELECT 1 FROM counted_days c WHERE c.day = f.day AND c.is_final AND ((c.source = 'forms' AND f.measure LIKE 'forms.%') "
        "OR (c.source IN ('searches', 'visits', 'votes') AND f.measure NOT LIKE 'forms.%'))) "
        "AND f.language <> '*' AND f.topic <> '*' AND f.tier >= 0 AND f.measure NOT LIKE '%@week' GROUP BY f.day, f.language, f.measure"
    )
    op.drop_index("ix_votes_at", "votes")
    op.drop_index("ix_events_at", "events")
    op.drop_index("ix_tickets_updated_at", "tickets")
    tables = ("announced_articles", "deliveries", "webhook_events", "webhooks", "idempotency_keys", "api_tokens")
    for table in (*tables, "digests", "counted_days", "daily_articles", "daily_times", "daily_facts"):
        op.drop_table(table)
