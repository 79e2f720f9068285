"""Tickets and their history, people and their sessions, votes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: Aware times; SQLite keeps them in UTC without a zone.
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the first tables."""
    _people()
    _tickets()
    _events()
    op.create_table(
        "votes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("slug", sa.String(120), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("voter_hash", sa.String(64), nullable=False),
        sa.Column("is_helpful", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(20)),
        sa.Column("comment", sa.String(600), nullable=False),
        sa.Column("revision", sa.String(16), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_votes"),
        sa.UniqueConstraint("slug", "language", "voter_hash", name="uq_votes_slug_language_voter_hash"),
    )


def _people() -> None:
    """Staff, who is signed in, and wrong passwords."""
    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("tiers", sa.JSON(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("email", name="uq_people_email"),
    )
    op.create_table(
        "sessions",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name="pk_sessions"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_sessions_person_id", ondelete="CASCADE"),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "sign_in_failures",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_hash", sa.String(64), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_failures"),
    )
    op.create_index("ix_sign_in_failures_account_hash_at", "sign_in_failures", ["account_hash", "at"])


def _tickets() -> None:
    """Gaps and requests."""
    op.create_table(
        "tickets",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("query", sa.String(200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("page", sa.String(500), nullable=False),
        sa.Column("fingerprint", sa.String(32)),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("last_asked_at", _MOMENT),
        sa.Column("requester_name", sa.String(100), nullable=False),
        sa.Column("requester_email", sa.String(254), nullable=False),
        sa.Column("gap_id", sa.Integer()),
        sa.Column("owner_id", sa.Integer()),
        sa.Column("owner_name", sa.String(100), nullable=False),
        sa.Column("resolution", sa.String(30)),
        sa.Column("resolution_text", sa.Text(), nullable=False),
        sa.Column("solved_at", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
        sa.ForeignKeyConstraint(["gap_id"], ["tickets.id"], name="fk_tickets_gap_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name="fk_tickets_owner_id"),
        sa.UniqueConstraint("fingerprint", name="uq_tickets_fingerprint"),
        sa.UniqueConstraint("token_hash", name="uq_tickets_token_hash"),
    )
    op.create_index("ix_tickets_gap_id", "tickets", ["gap_id"])
    op.create_index("ix_tickets_owner_id", "tickets", ["owner_id"])
    op.create_index("ix_tickets_tier_status_created_at_id", "tickets", ["tier", "status", "created_at", "id"])
    op.create_index("ix_tickets_status_language_created_at_id", "tickets", ["status", "language", "created_at", "id"])


def _events() -> None:
    """The history of tickets."""
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("action", sa.String(30), nullable=False),
        sa.Column("person_id", sa.Integer()),
        sa.Column("actor_name", sa.String(100), nullable=False),
        sa.Column("before", sa.String(20)),
        sa.Column("after", sa.String(20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_events_ticket_id"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_events_person_id"),
    )
    op.create_index("ix_events_ticket_id_id", "events", ["ticket_id", "id"])


def downgrade() -> None:
    """Remove all tables."""
    for table in ("events", "tickets", "sign_in_failures", "sessions", "votes", "people"):
        op.drop_table(table)
