"""The queue at a hundred thousand tickets, and the search of the desk."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_UNSOLVED = "status IN ('new', 'open', 'waiting_requester', 'waiting_supplier', 'planned')"
_NARROWED_BY = ["tier", "kind", "language", "priority", "status", "owner_id", "topic", "is_confirmed", "is_major"]
_INDEXES: dict[str, tuple[list[str], str | None]] = {
    "ix_tickets_due": (["due_at", "id", *_NARROWED_BY], _UNSOLVED),
    "ix_tickets_unsolved": (["id", *_NARROWED_BY, "due_at"], _UNSOLVED),
    "ix_tickets_all": (["id", *_NARROWED_BY], None),
    "ix_tickets_status_solved_at": (["status", "solved_at"], None),
    "ix_tickets_closed_at": (["closed_at"], None),
    "ix_tickets_unclocked": (["id"], "clocked <> version"),
    "ix_tickets_unsearched": (["id"], "searched <> version"),
}

#: SQLite: the index of the words, which follows `ticket_texts` whatever changes that.
_SQLITE = (
    (
        "CREATE VIRTUAL TABLE ticket_search USING fts5("
        "terms, content='ticket_texts', content_rowid='ticket_id', tokenize='unicode61 remove_diacritics 0')"
    ),
    (
        "CREATE TRIGGER ticket_texts_added AFTER INSERT ON ticket_texts BEGIN "
        "INSERT INTO ticket_search (rowid, terms) VALUES (new.ticket_id, new.terms); END"
    ),
    (
        "CREATE TRIGGER ticket_texts_removed AFTER DELETE ON ticket_texts BEGIN "
        "INSERT INTO ticket_search (ticket_search, rowid, terms) VALUES ('delete', old.ticket_id, old.terms); END"
    ),
    (
        "CREATE TRIGGER ticket_texts_changed AFTER UPDATE ON ticket_texts BEGIN "
        "INSERT INTO ticket_search (ticket_search, rowid, terms) VALUES ('delete', old.ticket_id, old.terms); "
        "INSERT INTO ticket_search (rowid, terms) VALUES (new.ticket_id, new.terms); END"
    ),
)
#: PostgreSQL: the words beside their text, and an index of them. They are stems already, so they are taken as they are.
_POSTGRESQL = (
    (
        "ALTER TABLE ticket_texts ADD COLUMN vector tsvector "
        "GENERATED ALWAYS AS (to_tsvector('simple', terms)) STORED NOT NULL"
    ),
    "CREATE INDEX ticket_search ON ticket_texts USING gin (vector)",
)


def upgrade() -> None:
    """Make the column, the indexes and the search."""
    op.add_column("tickets", sa.Column("searched", sa.Integer(), nullable=False, server_default="0"))
    for name, (columns, condition) in _INDEXES.items():
        where = sa.text(condition) if condition else None
        op.create_index(name, "tickets", columns, sqlite_where=where, postgresql_where=where)
    # All words are read anew, into an index that is empty.
    op.execute("DELETE FROM ticket_texts")
    for statement in _SQLITE if _is_sqlite() else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    if _is_sqlite():
        for name in ("added", "removed", "changed"):
            op.execute(f"DROP TRIGGER ticket_texts_{name}")
        op.execute("DROP TABLE ticket_search")
    else:
        op.execute("DROP INDEX ticket_search")
        op.drop_column("ticket_texts", "vector")
    for name in _INDEXES:
        op.drop_index(name, "tickets")
    op.drop_column("tickets", "searched")


def _is_sqlite() -> bool:
    """Which of the databases it is."""
    return bool(op.get_bind().dialect.name == "sqlite")
