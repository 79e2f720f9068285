"""A request with something in every column of every table that can belong to it, and where that is found again."""

import hashlib
import json
import os
from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Integer, String, Table, inspect

from portal.storage import Database, personal
from portal.storage import schema as s
from portal.storage.schema import Moment, metadata
from tests.builders import NOW
from tests.forgetting import put
from tests.working import hire

EMAIL = "zoe.words@example.org"
OLD = NOW - timedelta(days=40)
#: Codes, keys and what only the staff are called: the columns with texts that may stay, and what stands in them.
KEPT: dict[str, str | None] = {
    "tickets.kind": "request", "tickets.status": "open", "tickets.language": "en", "tickets.fingerprint": None,
    "tickets.owner_name": "Mia Lindt", "tickets.resolution": "answered", "tickets.code": "", "tickets.slug": "vpn",
    "tickets.callback": "any", "tickets.topic": "network", "tickets.channel": "mail", "tickets.due_clock": "tier",
    "events.action": "note", "events.before": "open", "events.after": "open",
    "outbox.state": "waiting", "outbox.language": "en", "drafts.field": "reply", "callbacks.state": "open",
    "notices.about": "reply", "notices.key": "reply-1", "rule_runs.running": "tier 2026", "surveys.language": "en",
    "received.message_hash": "0" * 64, "received.outcome": "replied",
}  # fmt: skip
#: Proofs, the machinery's keys, and names of whom the requester is not told.
NOT_TOLD = {
    "tickets.token_hash", "links.token_hash", "outbox.key", "outbox.message_id", "outbox.headers",
    "notices.actor_name", "events.actor_name",
}  # fmt: skip
#: Tables of gaps, which nobody has sent.
OF_GAPS = {"occurrences", "gap_claims", "gap_sessions", "subscriptions"}
#: Made from the other texts by the search of the desk.
MADE = {"ticket_texts"}
#: Nothing in these is of one ticket: what people searched, read and thought, staff, and how the desk is set up.
OF_NO_TICKET = {
    "announced_articles", "api_tokens", "article_views", "audit", "calendars", "counted_days", "daily_articles",
    "daily_facts", "daily_times", "deliveries", "digests", "doubts", "form_sessions", "frequent_queries",
    "frequent_query_sessions", "idempotency_keys", "link_requests", "needs_change", "nodes", "people", "policy", "routes",
    "rules", "saved_filters", "saved_replies", "search_events", "sessions", "sign_in_failures", "suppliers",
    "targets", "tiers", "votes", "webhook_events", "webhooks", "wordings",
}  # fmt: skip


def reached() -> list[Table]:
    """The tables that say which ticket their rows belong to, whether directly or by another table; tickets first."""
    known = [s.tickets]
    for table in metadata.sorted_tables:  # Those that are pointed at come first.
        points = any(key.column.table in known for key in table.foreign_keys)
        if table not in known and (points or "ticket_id" in table.c):
            known.append(table)
    return known


def word(column: Column[Any]) -> str:
    """A word that stands in one column alone, and that no language takes apart."""
    digits = hashlib.blake2b(str(column).encode(), digest_size=6).hexdigest()
    return "".join("bcdfghjklmpqrtvx"[int(digit, 16)] for digit in digits)


def secret(column: Column[Any]) -> Any:
    """The word of a column, as it can stand there."""
    text = word(column)
    match str(column):
        case "tickets.requester_email" | "outbox.recipient":
            return EMAIL
        case "tickets.trail":
            return [{"kind": "search", "text": text, "language": "en", "at": NOW.isoformat()}]
        case "events.details":
            return dict.fromkeys(("recipient", "reference", *sorted(personal._NUMBERS)), text)
    if isinstance(column.type, JSON):
        return {"en": text}
    assert isinstance(column.type, String)
    assert (column.type.length or 100) >= len(text), f"{column} is too short for words: is it a code that may stay?"
    return text


def is_text(column: Column[Any]) -> bool:
    """Whether anything can be written in a column."""
    return isinstance(column.type, String | JSON)


def value(column: Column[Any], keys: dict[str, int]) -> Any:
    """What stands in a column of a row that is full of words."""
    if is_text(column):
        return KEPT[str(column)] if str(column) in KEPT else secret(column)
    for key in column.foreign_keys:
        return None if column.nullable and column.name != "ticket_id" else keys[key.column.table.name]
    if column.nullable and str(column) != "incidents.ended_at":
        return None
    number = 0 if str(column) in {"presence.person_id", "tickets.searched"} else 1
    kinds: list[tuple[type, Any]] = [(Moment, OLD), (Boolean, False), (Integer, number)]
    return next(plain for kind, plain in kinds if isinstance(column.type, kind))


def full(database: Database, **changes: Any) -> int:
    """A request with a row in every table that can belong to it, and a word in every column with texts."""
    mia = hire(database, email=f"mia{os.urandom(4).hex()}@example.org").id
    rule = {"name": "", "clock": "tier", "offset": 0, "effect": "warn", "tiers": [], "priorities": [], "languages": []}
    firm = {"email": "desk@supplier.example", "contact": "", "languages": [], "contract": "", "shared": []}
    keys = {
        "people": mia,
        "rules": put(database, s.rules, **rule, is_unowned=False, is_active=True, version=1),
        "suppliers": put(database, s.suppliers, **firm, name="Paper & Co", answer_days=1, is_active=True, version=1),
    }
    for table in reached():
        if table.name in OF_GAPS | MADE:
            continue
        columns = [column for column in table.c if column.name != "id" and column.autoincrement is not True]
        values = {column.name: value(column, keys) for column in columns}
        key = put(database, table, **values | (changes if table is s.tickets else {}))
        keys.setdefault(table.name, key)
    return keys["tickets"]


def everywhere(database: Database) -> str:
    """All that the database keeps, in its own tables and in those of its search, down to the bytes."""
    with database.read() as connection:
        names = inspect(connection).get_table_names()
        found_rows = [row for name in names for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()]
    plain = [item.decode("latin-1") if isinstance(item, bytes) else item for row in found_rows for item in row]
    return json.dumps(plain, ensure_ascii=False, default=str).lower()


def left(database: Database, words: dict[str, str]) -> set[str]:
    """The columns whose words are anywhere; what an index leaves out because neighbours begin alike does not count."""
    text = everywhere(database)
    return {name for name, each in words.items() if each[3:] in text}


WORDS = {
    str(column): EMAIL if str(column) == "tickets.requester_email" else word(column)
    for table in reached()
    if table.name not in OF_GAPS | MADE
    for column in table.c
    if is_text(column) and str(column) not in {*KEPT, "outbox.recipient"}
}
