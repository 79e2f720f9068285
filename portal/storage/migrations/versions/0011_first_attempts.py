"""When a request with an idempotency key was first begun, whoever has taken it over since; None where nobody has."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it may be empty, so that processes of the version before go on taking keys."""
    op.add_column("idempotency_keys", sa.Column("first_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Remove it; what has been taken over counts as first begun then."""
    op.drop_column("idempotency_keys", "first_at")
