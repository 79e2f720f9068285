"""Whether a person's password was made by somebody else; those that are there count as chosen."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; its default lets processes of the version before go on adding people."""
    op.add_column("people", sa.Column("password_is_first", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Remove it; nobody is asked for another password then."""
    op.drop_column("people", "password_is_first")
