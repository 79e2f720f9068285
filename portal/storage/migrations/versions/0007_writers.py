"""What writers work by: how often articles are read, who has taken on which gap, and votes by revision."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_IN_VAIN = (
    "status IN ('new', 'open', 'waiting_requester', 'waiting_supplier', 'planned') "
    "AND kind IN ('gap', 'translation') AND is_confirmed"
)


def upgrade() -> None:
    """Make the tables and the indexes."""
    op.create_table(
        "article_views",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("slug", sa.String(120), nullable=False),
        sa.Column("views", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "language", "slug", name="pk_article_views"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gap_claims",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_gap_claims_ticket_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_gap_claims_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_gap_claims"),
    )
    op.create_index("ix_gap_claims_person_id", "gap_claims", ["person_id"])
    op.create_index("ix_votes_revision", "votes", ["language", "slug", "revision", "is_helpful"])
    op.create_index("ix_needs_change_times", "needs_change", ["times"])
    op.create_index("ix_wordings_times", "wordings", ["times"])
    where = sa.text(_IN_VAIN)
    columns = ["language", "occurrences", "id"]
    op.create_index("ix_tickets_in_vain", "tickets", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_tickets_in_vain", "tickets")
    op.drop_index("ix_wordings_times", "wordings")
    op.drop_index("ix_needs_change_times", "needs_change")
    op.drop_index("ix_votes_revision", "votes")
    op.drop_table("gap_claims")
    op.drop_table("article_views")
