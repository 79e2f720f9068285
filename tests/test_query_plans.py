"""No query of the desk reads all tickets or all events, in either database: their plans say so."""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from portal.desk.finding import Finding
from portal.storage import (
    Database,
    assignment,
    callbacks,
    cases,
    claims,
    clockwork,
    feedback,
    gaps,
    incidents,
    merging,
    migration,
    notices,
    presence,
    queue,
    surveys,
    ticket_search,
    unanswered,
    views,
)
from portal.storage import people as people_store
from portal.storage import tickets as store
from portal.storage.queue import Place, Sort, Tab, Wanted
from portal.storage.schema import events, tickets
from portal.tickets import UNSOLVED, Kind, Status
from tests.builders import NOW, person, ticket

#: Enough for both planners to care, few enough to be quick.
TICKETS, EVENTS_EACH, SEARCHED = 2000, 3, 300
ME = 1
#: The tables that grow for ever.
LARGE = re.compile(r"(?:tickets|events|ticket_texts|ticket_search)(?:_\d+)?")


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with some thousand tickets, whose planner knows how many."""
    chooser = random.Random(20260302)
    with database.write() as connection:
        people_store.add(connection, person(), "hash", NOW)
        connection.execute(insert(tickets), [_row(chooser, number) for number in range(1, TICKETS + 1)])
        connection.execute(insert(events), [_event(number) for number in range(TICKETS * EVENTS_EACH)])
    Finding(database).index(NOW, SEARCHED)
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    return database


def _row(chooser: random.Random, number: int) -> dict[str, Any]:
    """A ticket's columns; one of ten is unsolved."""
    status = chooser.choice(sorted(UNSOLVED)) if number % 10 == 0 else Status.CLOSED
    made = ticket(
        kind=chooser.choice([Kind.REQUEST, Kind.GAP]),
        status=status,
        tier=chooser.choice([1, 1, 2, 3]),
        language=chooser.choice(["en", "fr", "de", "ru"]),
        subject=f"printer {number}",
        priority=chooser.randint(1, 5),
        owner_id=chooser.choice([None, ME]),
        is_major=number % 500 == 0,
        due_at=NOW + timedelta(minutes=chooser.randint(-500, 500)) if status in UNSOLVED else None,
        created_at=NOW + timedelta(minutes=number),
        solved_at=None if status in UNSOLVED else NOW,
        closed_at=None if status in UNSOLVED else NOW,
        clocked=1,
    )
    return {"id": number, **store._row(made)}


def _event(number: int) -> dict[str, Any]:
    """An event's columns."""
    return {
        "ticket_id": number // EVENTS_EACH + 1,
        "at": NOW + timedelta(seconds=number),
        "action": "reply" if number % EVENTS_EACH else "opened",
        "person_id": ME,
        "actor_name": "Mia Lindt",
        "after": "open",
        "text": "",
        "is_public": True,
        "details": {},
    }


@contextmanager
def recorded(database: Database) -> Iterator[dict[str, Any]]:
    """Every statement that reads or changes rows, with its parameters."""
    found: dict[str, Any] = {}

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, is_many: bool) -> None:
        if not is_many and statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            found.setdefault(statement, parameters)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def scans(database: Database, asked: dict[str, Any]) -> list[tuple[str, str]]:
    """The statements that read a large table from end to end, each with the line of its plan.

    PostgreSQL may read a small table from end to end although it has an index; it is told that this is dear, so that
    it does so only where nothing else is possible.
    """
    found = []
    with database.read() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in asked.items():
            found += [(line, statement) for line in plan(connection, statement, parameters) if is_scan(line)]
    return found


def plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """The lines of a statement's plan."""
    how = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    return [str(row[-1]) for row in connection.exec_driver_sql(f"{how} {statement}", parameters)]


def is_scan(line: str) -> bool:
    """Whether a line of a plan reads a large table from end to end without an index of what is asked for."""
    words = line.replace("->", " ").split()
    if words[:1] == ["SCAN"]:
        return bool(LARGE.fullmatch(words[1])) and "INDEX" not in words and "VIRTUAL" not in words
    return words[:3] == ["Seq", "Scan", "on"] and bool(LARGE.fullmatch(words[3]))


def every_filter() -> Iterator[Wanted]:
    """Each part of the queue, alone and narrowed in every way."""
    for tab in Tab:
        wanted = Wanted(tab, ME, NOW)
        yield wanted
        yield replace(wanted, tiers=(1, 2), kind=Kind.REQUEST, language="de", priority=3)
        yield replace(wanted, status=Status.OPEN, owner_id=ME, topic="accounts")
        yield replace(wanted, is_unowned=True)


def test_no_query_of_the_queue_reads_everything(filled: Database) -> None:
    """Every part, order, filter and page; counts; major incidents; new replies."""
    with recorded(filled) as asked, filled.read() as connection:
        for wanted in every_filter():
            for sort in queue.sorts(wanted.tab):
                page = queue.page(connection, wanted, sort, limit=50)
                place = page[-1][1] if page else Place(0, NOW if sort is Sort.DUE else None, 5)
                queue.page(connection, wanted, sort, place, 50)
            queue.pinned(connection, wanted)
            queue.count(connection, wanted)
            queue.count(connection, wanted, since=2000, most=99)
        queue.newest(connection)
        store.awaiting_answer(connection, range(1, 51))
        store.history(connection, 7)
        store.get(connection, 7)

    assert len(asked) > 60
    assert scans(filled, asked) == []


def test_sqlite_reads_the_queue_along_its_own_indexes(tmp_path: Path) -> None:
    """Although it has no statistics: rows are looked up for the tickets that are shown, and for no others."""
    database = Database(f"sqlite:///{tmp_path / 'portal.db'}")
    migration.upgrade(database)
    with recorded(database) as asked, database.read() as connection:
        for wanted in every_filter():
            for sort in queue.sorts(wanted.tab):
                queue.page(connection, wanted, sort)
            queue.pinned(connection, wanted)
            queue.count(connection, wanted)

    with database.read() as connection:
        plans = ["; ".join(plan(connection, statement, parameters)) for statement, parameters in asked.items()]
    database.close()
    assert len(plans) > 60
    assert [each for each in plans if not re.search("COVERING INDEX ix_tickets_(due|unsolved|all)", each)] == []
    assert [each for each in plans if "TEMP B-TREE" in each] == []


def test_no_query_of_the_search_reads_everything(filled: Database) -> None:
    """Numbers, words, words within a filter; and what is left to be read."""
    search = Finding(filled)
    with recorded(filled) as asked:
        for wanted in every_filter():
            search.find("#7", wanted)
            search.find("printer anna", wanted)
        search.index(NOW)
        with filled.write() as connection:
            store.save(connection, store.get(connection, 8))
        search.index(NOW)
        with filled.write() as connection:
            ticket_search.forget(connection, [9])

    assert len(asked) > 20
    assert scans(filled, asked) == []


def test_reading_everything_is_noticed(filled: Database) -> None:
    """The check itself works."""
    asked: dict[str, Any] = {"SELECT id FROM tickets WHERE description = 'x'": ()}

    assert len(scans(filled, asked)) == 1


def test_no_query_of_the_rounds_reads_everything(filled: Database) -> None:
    """What the worker asks for again and again: clocks, escalation, closing, assignment, surveys, calls, cases."""
    before, after = NOW - timedelta(days=1), NOW + timedelta(days=1)
    agent = person(id=ME, tiers=(1, 2), topics=("accounts",))
    with recorded(filled) as asked, filled.write() as connection:
        assert len(clockwork.stale(connection, 100)) < TICKETS
        clockwork.timed(connection, [10, 20])
        clockwork.due(connection, NOW, 100)
        clockwork.solved(connection, after, 100)
        assignment.unowned(connection, [agent, person(id=2)], 100)
        assignment.gave_back(connection, 7)
        assignment.loads(connection)
        merging.left_behind(connection, NOW, 100)
        surveys.due(connection, before, 100)
        surveys.low(connection, before, 2, 100)
        callbacks.unplanned(connection, 100)
        callbacks.beginning(connection, NOW, 100)
        cases.due(connection, NOW, 100)

    assert len(asked) > 10
    assert scans(filled, asked) == []


def test_no_query_of_an_agent_reads_everything(filled: Database) -> None:
    """The next ticket, one's own, major incidents, who is here."""
    before = NOW - timedelta(days=1)
    agent = person(id=ME, tiers=(1, 2), topics=("accounts",))
    with recorded(filled) as asked, filled.write() as connection:
        assignment.next_for(connection, agent)
        store.find(connection, store.Filter(owner_id=ME), limit=200)
        incidents.candidates(connection, 7, before, 50)
        incidents.linked(connection, 7, is_unsolved=True)
        merging.duplicates(connection, 7)
        presence.others(connection, 7, ME, before, NOW)
        notices.unseen(connection, ME)
        notices.newest(connection, ME)

    assert len(asked) > 8
    assert scans(filled, asked) == []


def test_no_query_of_writers_reads_everything(filled: Database) -> None:
    """The list of gaps, their wordings and writers; votes and comments of an article; how often articles are opened."""
    with recorded(filled) as asked, filled.read() as connection:
        unanswered.page(connection, ("en", "fr", "de", "ru"))
        unanswered.page(connection, ("de",), (5, 1000), 10)
        unanswered.counts(connection)
        unanswered.several(connection, [7, 8])
        unanswered.variants(connection, [7, 8])
        claims.of(connection, [7, 8])
        claims.of_person(connection, ME)
        gaps.wanted(connection)
        gaps.flags(connection)
        gaps.wordings(connection)
        feedback.revisions(connection, "en", ["vpn"])
        feedback.comments(connection, "en", ["vpn"], "0" * 16)
        views.totals(connection, NOW.date())

    assert len(asked) > 12
    assert scans(filled, asked) == []
    large = re.compile(r"(?:votes|article_views|occurrences|wordings|needs_change|gap_claims)")
    lines = []
    with filled.read() as connection:
        if not filled.is_sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in asked.items():
            lines += plan(connection, statement, parameters)
    assert [
        line for line in lines if "INDEX" not in line.upper() and re.search(rf"(?:SCAN|Scan on) {large.pattern}", line)
    ] == []
