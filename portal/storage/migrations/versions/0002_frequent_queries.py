"""Queries that many sessions ask."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of frequent queries."""
    op.create_table(
        "frequent_queries",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("text", sa.String(80), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("is_answered", sa.Boolean(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_frequent_queries"),
        sa.UniqueConstraint("language", "key", name="uq_frequent_queries_language_key"),
    )
    op.create_index("ix_frequent_queries_last_day", "frequent_queries", ["last_day"])
    op.create_table(
        "frequent_query_sessions",
        sa.Column("session_hash", sa.String(64), primary_key=True),
        sa.Column("query_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("session_hash", name="pk_frequent_query_sessions"),
        sa.ForeignKeyConstraint(
            ["query_id"], ["frequent_queries.id"], name="fk_frequent_query_sessions_query_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_frequent_query_sessions_query_id", "frequent_query_sessions", ["query_id"])
    op.create_index("ix_frequent_query_sessions_day", "frequent_query_sessions", ["day"])


def downgrade() -> None:
    """Remove them."""
    for table in ("frequent_query_sessions", "frequent_queries"):
        op.drop_table(table)
