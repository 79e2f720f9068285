"""The desk at work: suppliers' cases, notices, presence, drafts, calls, surveys, incidents, and what was administered."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

#: Aware times; SQLite keeps them in UTC without a zone.
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _cases()
    _swarm()
    _notices()
    _presence()
    _drafts()
    _callbacks()
    _surveys()
    _incidents()
    _saved_filters()
    _audit()
    _received()
    _ticket_texts()


def downgrade() -> None:
    """Remove them."""
    for table in (
        "ticket_texts",
        "received",
        "audit",
        "saved_filters",
        "incidents",
        "surveys",
        "callbacks",
        "drafts",
        "presence",
        "notices",
        "swarm",
        "cases",
    ):
        op.drop_table(table)


def _cases() -> None:
    """Make the table cases."""
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("supplier_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(100), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("remind_at", _MOMENT),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["supplier_id"], ["suppliers.id"], name="fk_cases_supplier_id"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_cases_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
    )
    op.create_index("ix_cases_remind_at", "cases", ["remind_at"])
    op.create_index("ix_cases_supplier_id", "cases", ["supplier_id"])
    op.create_index("ix_cases_ticket_id", "cases", ["ticket_id"])


def _swarm() -> None:
    """Make the table swarm."""
    op.create_table(
        "swarm",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_swarm_person_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_swarm_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", "person_id", name="pk_swarm"),
    )
    op.create_index("ix_swarm_person_id", "swarm", ["person_id"])


def _notices() -> None:
    """Make the table notices."""
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer()),
        sa.Column("about", sa.String(20), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("actor_name", sa.String(100), nullable=False),
        sa.Column("text", sa.String(300), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_notices_person_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_notices_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("person_id", "key", name="uq_notices_person_id_key"),
    )
    op.create_index("ix_notices_person_id_seen_at_id", "notices", ["person_id", "seen_at", "id"])
    op.create_index("ix_notices_ticket_id", "notices", ["ticket_id"])


def _presence() -> None:
    """Make the table presence."""
    op.create_table(
        "presence",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("is_writing", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_presence_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", "person_id", name="pk_presence"),
    )
    op.create_index("ix_presence_at", "presence", ["at"])


def _drafts() -> None:
    """Make the table drafts."""
    op.create_table(
        "drafts",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_drafts_person_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_drafts_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", "person_id", "field", name="pk_drafts"),
    )
    op.create_index("ix_drafts_at", "drafts", ["at"])
    op.create_index("ix_drafts_person_id", "drafts", ["person_id"])


def _callbacks() -> None:
    """Make the table callbacks."""
    op.create_table(
        "callbacks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("phone", sa.String(40), nullable=False),
        sa.Column("start_at", _MOMENT, nullable=False),
        sa.Column("end_at", _MOMENT, nullable=False),
        sa.Column("time_zone", sa.String(60), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_callbacks_person_id"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_callbacks_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_callbacks"),
    )
    op.create_index("ix_callbacks_state_start_at", "callbacks", ["state", "start_at"])
    op.create_index("ix_callbacks_ticket_id", "callbacks", ["ticket_id"])


def _surveys() -> None:
    """Make the table surveys."""
    op.create_table(
        "surveys",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("is_asked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_surveys_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_surveys"),
    )
    op.create_index("ix_surveys_at", "surveys", ["at"])


def _incidents() -> None:
    """Make the table incidents."""
    op.create_table(
        "incidents",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("is_shown", sa.Boolean(), nullable=False),
        sa.Column("began_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_incidents_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_is_shown", "incidents", ["is_shown"])


def _saved_filters() -> None:
    """Make the table saved_filters."""
    op.create_table(
        "saved_filters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("query", sa.String(500), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_saved_filters_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_filters"),
        sa.UniqueConstraint("person_id", "name", name="uq_saved_filters_person_id_name"),
    )


def _audit() -> None:
    """Make the table audit."""
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("person_id", sa.Integer()),
        sa.Column("actor_name", sa.String(100), nullable=False),
        sa.Column("action", sa.String(30), nullable=False),
        sa.Column("subject", sa.String(30), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_person_id", "audit", ["person_id"])


def _received() -> None:
    """Make the table received."""
    op.create_table(
        "received",
        sa.Column("message_hash", sa.String(64), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("ticket_id", sa.Integer()),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_received_ticket_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("message_hash", name="pk_received"),
    )
    op.create_index("ix_received_at", "received", ["at"])
    op.create_index("ix_received_ticket_id", "received", ["ticket_id"])


def _ticket_texts() -> None:
    """Make the table ticket_texts."""
    op.create_table(
        "ticket_texts",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_ticket_texts_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_ticket_texts"),
    )
