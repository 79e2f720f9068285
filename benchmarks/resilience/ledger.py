"""Compares what a portal said that it has with what it has."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Select, func, select

from portal.storage import Database
from portal.storage.schema import events, outbox, tickets, votes
from portal.tickets import Action

#: How long mails may take to leave once everything works again, in seconds.
MAIL_PATIENCE = 90.0


@dataclass(frozen=True)
class Balance:
    """What became of one kind of deeds."""

    acknowledged: int
    #: Acknowledged, and not there.
    lost: int
    #: There more than once.
    doubled: int


def balance(database: Database, acknowledged: dict[str, list[str]]) -> dict[str, Balance]:
    """What became of all deeds, by kind.

    Args:
        database: of the portal.
        acknowledged: marks of what it said that it has, by kind; see `crowd.Crowd`.
    """
    texts = {
        "request": select(tickets.c.subject).where(tickets.c.kind == "request"),
        "gap": select(tickets.c.query).where(tickets.c.kind != "request"),
        "feedback": select(votes.c.comment),
        "note": select(events.c.text).where(events.c.action == Action.NOTE.value),
    }
    with database.read() as connection:
        return {kind: _balance(connection, texts[kind], marks) for kind, marks in acknowledged.items()}


def _balance(connection: Connection, stored: "Select[tuple[str]]", marks: Iterable[str]) -> Balance:
    """What became of one kind."""
    held = Counter(str(row[0]).strip() for row in connection.execute(stored))
    known = list(marks)
    doubled = sum(number > 1 for text, number in held.items() if text.startswith("zq"))
    return Balance(len(known), sum(not held[mark] for mark in known), doubled)


def mails(database: Database, taken: Path) -> Balance:
    """What became of the mails; waits until none is due any more."""
    end = time.monotonic() + MAIL_PATIENCE
    waiting = select(func.count()).where(outbox.c.state == "waiting")
    while time.monotonic() < end:
        with database.read() as connection:
            if not connection.scalar(waiting):
                break
        time.sleep(1)
    with database.read() as connection:
        sent = [
            str(row[0]) for row in connection.execute(select(outbox.c.message_id).where(outbox.c.state != "failed"))
        ]
    counted = Counter(taken.read_text(encoding="utf-8").split())
    return Balance(len(sent), sum(not counted[name] for name in sent), sum(number > 1 for number in counted.values()))
