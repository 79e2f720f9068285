"""How the desk is set up: tiers, calendars, targets, rules, suppliers, saved replies, and what a new desk begins with."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: Aware times; SQLite keeps them in UTC without a zone.
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _people()
    _tickets()
    _calendars()
    _tiers()
    _targets()
    _rules()
    _rule_runs()
    _routes()
    _suppliers()
    _saved_replies()
    _policy()
    _seeds()


def downgrade() -> None:
    """Remove them."""
    for table in (
        "policy",
        "saved_replies",
        "suppliers",
        "routes",
        "rule_runs",
        "rules",
        "targets",
        "tiers",
        "calendars",
    ):
        op.drop_table(table)
    for column in ("duplicate_of", "incident_id", "rule_at"):
        op.drop_index(f"ix_tickets_{column}", "tickets")
    for column in (
        "clocked",
        "rule_at",
        "due_clock",
        "due_at",
        "channel",
        "topic",
        "duplicate_of",
        "incident_id",
        "is_major",
        "priority",
        "impact",
        "urgency",
    ):
        op.drop_column("tickets", column)
    for column in ("browser", "seen_at"):
        op.drop_column("sessions", column)
    op.drop_index("ix_people_oidc_subject", "people")
    for column in (
        "version",
        "oidc_subject",
        "recovery",
        "totp_step",
        "totp_salt",
        "is_active",
        "calendar_id",
        "topics",
    ):
        op.drop_column("people", column)


def _people() -> None:
    """What people can and when they work; sessions say where they are from."""
    op.add_column("people", sa.Column("topics", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("people", sa.Column("calendar_id", sa.Integer()))
    op.add_column("people", sa.Column("is_active", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("people", sa.Column("totp_salt", sa.String(64)))
    op.add_column("people", sa.Column("totp_step", sa.Integer()))
    op.add_column("people", sa.Column("recovery", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("people", sa.Column("oidc_subject", sa.String(255)))
    op.add_column("people", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.create_index("ix_people_oidc_subject", "people", ["oidc_subject"], unique=True)
    # Everybody signs in once more: nobody knows when these sessions were used last.
    op.execute("DELETE FROM sessions")
    op.add_column("sessions", sa.Column("seen_at", _MOMENT, nullable=False, server_default="2000-01-01 00:00:00"))
    op.add_column("sessions", sa.Column("browser", sa.String(200), nullable=False, server_default=""))


def _tickets() -> None:
    """Priority, clocks, incidents and duplicates; a gap's priority follows from how often it was asked."""
    for column in (
        sa.Column("urgency", sa.Integer(), nullable=False, server_default="3"),
        sa.Column("impact", sa.Integer(), nullable=False, server_default="3"),
        sa.Column("priority", sa.Integer(), nullable=False, server_default="3"),
        sa.Column("is_major", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("incident_id", sa.Integer()),
        sa.Column("duplicate_of", sa.Integer()),
        sa.Column("topic", sa.String(120), nullable=False, server_default=""),
        sa.Column("channel", sa.String(10), nullable=False, server_default="web"),
        sa.Column("due_at", _MOMENT),
        sa.Column("due_clock", sa.String(20), nullable=False, server_default=""),
        sa.Column("rule_at", _MOMENT),
        sa.Column("clocked", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("tickets", column)
    for column in ("duplicate_of", "incident_id", "rule_at"):
        op.create_index(f"ix_tickets_{column}", "tickets", [column])
    impact = "CASE WHEN occurrences >= 100 THEN 5 WHEN occurrences >= 30 THEN 4 WHEN occurrences >= 10 THEN 3 "
    impact += "WHEN occurrences >= 3 THEN 2 ELSE 1 END"
    op.execute(f"UPDATE tickets SET urgency = 1, impact = {impact} WHERE kind <> 'request'")
    # By the matrix, urgency 1: 1, 1, 2, 2, 2.
    op.execute("UPDATE tickets SET priority = CASE WHEN impact >= 3 THEN 2 ELSE 1 END WHERE kind <> 'request'")


def _seeds() -> None:
    """What a new desk begins with: L1 has 15 working minutes for a first action, then L2 gets it."""
    week = [[["09:00", "17:00"]]] * 5 + [[], []]
    _add("calendars", {"id": 1, "name": "9–17", "time_zone": "", "week": week, "holidays": [], "version": 1})
    for number, minutes in ((1, 15), (2, 120), (3, None), (4, None)):
        tier = {"number": number, "names": {}, "is_active": True, "minutes": minutes, "calendar_id": None}
        _add("tiers", tier | {"version": 1})
    targets = ((1, 960, 4800), (2, 480, 2400), (3, 240, 960), (4, 60, 480), (5, 30, 240), (6, 15, 120))
    for priority, first_reply, resolution in targets:
        row = {"priority": priority, "first_reply": first_reply, "resolution": resolution, "version": 1}
        _add("targets", row)
    rules = (("tier", 0, "escalate", [1]), ("first_reply", -10, "warn", []), ("resolution", -30, "warn", []))
    for number, (clock, offset, effect, tiers) in enumerate(rules, 1):
        rule = {"id": number, "name": "", "clock": clock, "offset": offset, "effect": effect, "tiers": tiers}
        _add("rules", rule | {"priorities": [], "languages": [], "is_unowned": False, "is_active": True, "version": 1})
    policy = {"id": 1, "close_days": 7, "survey_percent": 50, "is_automatic": False, "most_open": 20}
    _add("policy", policy | {"calendar_id": 1, "version": 1})
    if op.get_bind().dialect.name == "postgresql":
        # Rows with numbers of their own do not move the sequences on.
        for table in ("calendars", "rules"):
            op.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")


def _add(name: str, values: dict[str, object]) -> None:
    """Insert a row; lists and mappings as JSON."""
    kinds = {key: sa.JSON() if isinstance(value, list | dict) else None for key, value in values.items()}
    table = sa.table(name, *(sa.column(key, kind) for key, kind in kinds.items()))
    op.execute(sa.insert(table).values(**values))


def _calendars() -> None:
    """Make the table calendars."""
    op.create_table(
        "calendars",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("time_zone", sa.String(60), nullable=False),
        sa.Column("week", sa.JSON(), nullable=False),
        sa.Column("holidays", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calendars"),
        sa.UniqueConstraint("name", name="uq_calendars_name"),
    )


def _tiers() -> None:
    """Make the table tiers."""
    op.create_table(
        "tiers",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("minutes", sa.Integer()),
        sa.Column("calendar_id", sa.Integer()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["calendar_id"], ["calendars.id"], name="fk_tiers_calendar_id"),
        sa.PrimaryKeyConstraint("number", name="pk_tiers"),
    )


def _targets() -> None:
    """Make the table targets."""
    op.create_table(
        "targets",
        sa.Column("priority", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_reply", sa.Integer()),
        sa.Column("resolution", sa.Integer()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("priority", name="pk_targets"),
    )


def _rules() -> None:
    """Make the table rules."""
    op.create_table(
        "rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("clock", sa.String(20), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("effect", sa.String(20), nullable=False),
        sa.Column("tiers", sa.JSON(), nullable=False),
        sa.Column("priorities", sa.JSON(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("is_unowned", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rules"),
    )


def _rule_runs() -> None:
    """Make the table rule_runs."""
    op.create_table(
        "rule_runs",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("running", sa.String(60), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["rule_id"], ["rules.id"], name="fk_rule_runs_rule_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_rule_runs_ticket_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", "rule_id", "running", name="pk_rule_runs"),
    )


def _routes() -> None:
    """Make the table routes."""
    op.create_table(
        "routes",
        sa.Column("topic", sa.String(120), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("impact", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name="pk_routes"),
    )


def _suppliers() -> None:
    """Make the table suppliers."""
    op.create_table(
        "suppliers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("contact", sa.String(100), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("contract_until", sa.Date()),
        sa.Column("shared", sa.JSON(), nullable=False),
        sa.Column("answer_days", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_suppliers"),
        sa.UniqueConstraint("name", name="uq_suppliers_name"),
    )


def _saved_replies() -> None:
    """Make the table saved_replies."""
    op.create_table(
        "saved_replies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("checklist", sa.JSON(), nullable=False),
        sa.Column("topic", sa.String(120), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saved_replies"),
        sa.UniqueConstraint("name", name="uq_saved_replies_name"),
    )


def _policy() -> None:
    """Make the table policy."""
    op.create_table(
        "policy",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("close_days", sa.Integer(), nullable=False),
        sa.Column("survey_percent", sa.Integer(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("most_open", sa.Integer(), nullable=False),
        sa.Column("calendar_id", sa.Integer()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["calendar_id"], ["calendars.id"], name="fk_policy_calendar_id"),
        sa.PrimaryKeyConstraint("id", name="pk_policy"),
    )
