"""The machines that serve one portal together."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "nodes",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("build", sa.String(40), nullable=False),
        sa.Column("keys", sa.String(200), nullable=False),
        sa.Column("served", sa.String(40), nullable=False),
        sa.Column("ready", sa.String(40), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Remove it; machines then wait for nobody."""
    op.drop_table("nodes")
