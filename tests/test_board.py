"""The live board: its figures beside a plain count, who waits, one moment, its page, its wall and what refreshes."""

import random
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, update

from portal.reporting.board import LISTED, Narrowed, live
from portal.sending import Sending
from portal.services import Services
from portal.storage import Database, outbox, presence, queue
from portal.storage import board as board_store
from portal.storage import tickets as store
from portal.storage.outbox import State
from portal.storage.presence import Seen
from portal.storage.queue import SOON, Tab, Wanted
from portal.storage.schema import outbox as outbox_table
from portal.storage.schema import tickets
from portal.tickets import UNSOLVED, Action, Actor, Event, Kind, Resolution, Status, Ticket
from portal.web.desk import narrowing
from tests.builders import NOW, PASSWORD, person, ticket
from tests.conftest import sign_in
from tests.letters import LETTERS, TOKEN
from tests.test_query_plans import filled, recorded, scans

__all__ = ["filled"]
ZONE = "Europe/Berlin"
#: Midnight in Berlin.
MIDNIGHT = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)


def some_tickets(seed: int) -> list[Ticket]:
    """Tickets of every kind, about half of them unsolved."""
    chooser = random.Random(seed)
    made = []
    for number in range(1, 161):
        status = chooser.choice([*sorted(UNSOLVED), *[Status.SOLVED, Status.CLOSED] * 3, Status.SPAM])
        kind = chooser.choice([Kind.REQUEST, Kind.REQUEST, Kind.GAP, Kind.TRANSLATION])
        is_open = status in UNSOLVED
        made.append(
            ticket(
                id=number,
                kind=kind,
                status=status,
                tier=chooser.randint(1, 3),
                language=chooser.choice(["en", "fr", "de", "ru"]),
                priority=chooser.randint(1, 5),
                is_confirmed=kind is Kind.REQUEST or status is not Status.NEW or chooser.random() < 0.4,
                is_major=chooser.random() < 0.05,
                created_at=MIDNIGHT + timedelta(minutes=chooser.randint(-300, 500)),
                due_at=NOW + timedelta(minutes=chooser.randint(-60, 120)) if is_open and number % 3 else None,
                solved_at=None
                if is_open or status is Status.SPAM
                else MIDNIGHT + timedelta(minutes=chooser.randint(-300, 500)),
                resolution=None if is_open else chooser.choice([Resolution.ANSWERED, Resolution.ARTICLE_WRITTEN]),
            )
        )
    return made


def keep(database: Database, made: list[Ticket]) -> None:
    """Store tickets under their own numbers."""
    with database.write() as connection:
        connection.execute(insert(tickets), [{"id": each.id, **store._row(each)} for each in made])


@pytest.mark.parametrize("narrowed", [Narrowed(), Narrowed((1, 3)), Narrowed((2,), "de"), Narrowed((), "ru")])
def test_its_figures_are_those_of_a_plain_count(narrowed: Narrowed, database: Database) -> None:
    """Of every ticket, on both databases, and the same as the queue's own."""
    made = some_tickets(20260302)
    keep(database, made)
    board = live(database, NOW, ZONE, narrowed)

    mine = [
        each
        for each in made
        if each.tier in (narrowed.tiers or (1, 2, 3)) and narrowed.language in {None, each.language}
    ]
    unsolved = [each for each in mine if each.status in UNSOLVED]
    asked = [each for each in unsolved if each.is_confirmed]
    late = sorted((each.due_at, each.id) for each in unsolved if each.due_at and each.due_at < NOW)
    coming = sorted((each.due_at, each.id) for each in unsolved if each.due_at and each.due_at >= NOW)
    assert board.open == Counter((each.tier, each.language, each.priority) for each in asked)
    assert board.by_status == Counter(each.status for each in asked)
    assert (board.total, board.count(1), board.count(None, "de", 5)) == (
        len(asked),
        sum(each.tier == 1 for each in asked),
        sum((each.language, each.priority) == ("de", 5) for each in asked),
    )
    assert board.major == sum(each.is_major for each in asked)
    assert (board.overdue, board.soon) == (len(late), sum(at <= NOW + SOON for at, _ in coming if at))
    assert [card.id for card in board.overdue_cards] == [number for _, number in late][:LISTED]
    assert [card.id for card in board.next_cards] == [number for _, number in coming][:LISTED]
    assert {card.id for card in board.breached} <= {number for at, number in late if at and NOW - at <= SOON}
    assert board.unowned == len(asked)
    assert board.oldest_unowned is None or board.oldest_unowned.id == min(each.id for each in asked)
    assert board.unconfirmed == len(unsolved) - len(asked)
    today = [each for each in mine if each.created_at >= MIDNIGHT and each.status is not Status.SPAM]
    done = [each for each in mine if each.solved_at and each.solved_at >= MIDNIGHT]
    assert board.today.requests == sum(each.kind is Kind.REQUEST for each in today)
    assert board.today.gaps == sum(each.kind is not Kind.REQUEST for each in today)
    assert board.today.solved == sum(each.kind is Kind.REQUEST for each in done)
    assert board.today.answered == sum(
        each.kind is not Kind.REQUEST and each.resolution is Resolution.ARTICLE_WRITTEN for each in done
    )
    wanted = Wanted(Tab.OPEN, 0, NOW, narrowed.tiers, language=narrowed.language)
    with database.read() as connection:
        counts = queue.counts(connection, wanted, [Tab.OPEN, Tab.UNOWNED, Tab.DUE, Tab.UNCONFIRMED])
    assert list(counts.values()) == [board.total, board.unowned, board.overdue + board.soon, board.unconfirmed]


def say(database: Database, number: int, action: Action, minutes: int) -> None:
    """Something is said in a conversation."""
    with database.write() as connection:
        store.record(
            connection,
            number,
            Event(NOW + timedelta(minutes=minutes), action, Actor(), Status.OPEN, Status.OPEN, "Words.", True),
        )


def test_who_waits_for_our_answer(database: Database) -> None:
    """Whoever wrote last, unless it was the first time; whoever is on the page; those who wait longest first."""
    keep(database, [ticket(id=number, status=Status.OPEN) for number in range(1, 7)] + [ticket(id=7, kind=Kind.GAP)])
    for number, actions in {
        1: [Action.REPLY, Action.REQUESTER_REPLY],
        2: [Action.REQUESTER_REPLY, Action.REPLY],
        3: [Action.REQUESTER_REPLY, Action.REPLY, Action.RETRACT],
        5: [Action.REPLY, Action.NOTE],
        6: [Action.REQUESTER_REPLY, Action.NOTE],
    }.items():
        for minute, action in enumerate(actions):
            say(database, number, action, -20 - number + minute)
    with database.write() as connection:
        for number in (1, 2, 4):
            presence.put(connection, number, presence.REQUESTER, Seen(NOW - timedelta(seconds=20), False))
        presence.put(connection, 6, presence.REQUESTER, Seen(NOW - timedelta(minutes=2), False))
    board = live(database, NOW, ZONE)

    assert [(each.card.id, each.is_here) for each in board.waiting_cards] == [
        (6, False), (3, False), (1, True), (4, True),
    ]  # fmt: skip
    assert (board.waiting, board.here) == (4, 2)
    assert board.waiting_cards[2].since == NOW - timedelta(minutes=20)
    with database.read() as connection:
        assert store.awaiting_answer(connection, range(1, 8)) == {1, 3, 6}


def test_it_is_of_one_moment(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody does while it is read is on the next one."""
    keep(database, some_tickets(1))
    before = live(database, NOW, ZONE)
    read = board_store.overdue

    def meanwhile(*args: Any) -> list[int]:
        with database.write() as connection:
            connection.execute(update(tickets).values(due_at=NOW - timedelta(minutes=1), status="open"))
        return read(*args)

    monkeypatch.setattr(board_store, "overdue", meanwhile)
    during = live(database, NOW, ZONE)
    monkeypatch.undo()

    assert during == before
    assert live(database, NOW, ZONE).overdue == 160


def test_mails_that_do_not_leave_are_told(database: Database) -> None:
    """Those that were tried in vain, and those given up since yesterday."""
    states = [(State.WAITING, "", 0), (State.WAITING, "451", 0), (State.FAILED, "550", 1), (State.BOUNCED, "550", 30)]
    with database.write() as connection:
        for number, (state, fault, hours) in enumerate(states):
            outbox.add(connection, LETTERS.received(ticket(requester_email="a@b.example"), TOKEN), str(number), NOW)
            ended = NOW - timedelta(hours=hours) if hours else None
            change = update(outbox_table).where(outbox_table.c.key == str(number))
            connection.execute(change.values(state=state.value, fault=fault, ended_at=ended))
    board = live(database, NOW, ZONE)

    assert (board.stuck.delayed, board.stuck.failed) == (1, 1)


def test_none_of_its_statements_reads_everything(filled: Database) -> None:
    """In either database."""
    with recorded(filled) as asked:
        live(filled, NOW, ZONE)
        live(filled, NOW, ZONE, Narrowed((1,), "de"))

    assert len(asked) > 12
    assert scans(filled, asked) == []


@pytest.fixture
def desk(portal_services: Services, app: Flask) -> FlaskClient:
    """An agent at a desk with tickets, at a fixed time."""
    services = portal_services
    services.staff.add(person(), PASSWORD, services.clock())
    client = sign_in(app.test_client(), "mia@example.org")
    keep(services.database, [replace(each, subject=f"Secret {each.id}", is_major=False) for each in some_tickets(7)])
    now = services.clock()
    with services.database.write() as connection:  # Their times are around NOW; the session is of today.
        connection.execute(update(tickets).where(tickets.c.id == 1).values(status="open", due_at=now, priority=5))
    return client


def test_every_figure_leads_to_the_tickets_that_it_counts(desk: FlaskClient, portal_services: Services) -> None:
    """The cells of the table and the figures above it."""
    page = desk.get("/en/desk/reports/board?tier=1").text
    found = re.findall(
        r'<a href="([^"]*/en/desk/\?[^"]*)"[^>]*>(?:<span[^>]*>[^<]*</span> <strong[^>]*>)?([\d,]+)<', page
    )

    assert len(found) > 10
    for address, number in found:
        args = dict(parse_qsl(urlsplit(unescape(address)).query))
        wanted = narrowing.read(args, person(id=1), portal_services.clock()).wanted
        with portal_services.database.read() as connection:
            counted = queue.count(connection, wanted)
        # Two figures share a part of the queue, on top of which major incidents are.
        if wanted.tab is not Tab.DUE and 'data-tile="major"' not in page.split(address)[1][:40]:
            assert counted == int(number.replace(",", "")), address
        assert wanted.tiers == (1,)


def test_its_parts_refresh_themselves(desk: FlaskClient) -> None:
    """The fragment has the same parts as the page; without scripts the page is loaded again."""
    page, fragment = desk.get("/de/desk/reports/board?in=fr"), desk.get("/de/desk/reports/board/live?in=fr")
    parts = [re.findall(r'data-part="([\w-]+)"', each.text) for each in (page, fragment)]

    assert parts[0] == parts[1] == ["as-of", "tiles", "open", "due", "waiting", "today", "breached"]
    assert 'data-live="/de/desk/reports/board/live?in=fr"' in page.text
    assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in page.text
    assert "<html" not in fragment.text
    assert "aria-live" not in fragment.text
    assert fragment.headers["Cache-Control"] == "no-store"


def test_a_wall_shows_no_words_of_requesters(desk: FlaskClient) -> None:
    """Neither header nor filter; the way back is there."""
    usual, wall = desk.get("/en/desk/reports/board").text, desk.get("/en/desk/reports/board?wall=1&tier=2").text

    assert ("Secret" in usual, "Secret" in wall) == (True, False)
    assert ("<nav" in usual, "<nav" in wall) == (True, False)
    assert 'data-live="/en/desk/reports/board/live?wall=1&amp;tier=2"' in wall
    assert 'href="/en/desk/reports/board?tier=2"' in wall
    assert "Secret" not in desk.get("/en/desk/reports/board/live?wall=1").text


def test_what_breaks_a_promise_is_announced_once(desk: FlaskClient, portal_services: Services) -> None:
    """The page names what has become overdue in the last minutes, for scripts to tell apart from what was told."""
    now = portal_services.clock()
    with portal_services.database.write() as connection:
        connection.execute(update(tickets).where(tickets.c.id == 1).values(due_at=now - timedelta(seconds=5)))
        connection.execute(update(tickets).where(tickets.c.id != 1).values(due_at=now - timedelta(hours=1)))
    fragment = desk.get("/en/desk/reports/board/live").text

    assert re.findall(r'data-breach="(\d+)">([^<]*)<', fragment) == [("1", "Ticket 1 is overdue")]


def test_an_empty_desk_says_so(agent: FlaskClient) -> None:
    """Unknown filters do not narrow."""
    page = agent.get("/en/desk/reports/board?tier=9&in=xx&wall=yes").text

    assert all(words in page for words in ("Nothing is overdue.", "Nothing is due.", "Nobody waits for an answer."))
    assert 'data-live="/en/desk/reports/board/live"' in page
    assert "Emails that do not leave" not in page


def test_a_requester_who_waits_is_on_the_board(agent: FlaskClient, portal_services: Services) -> None:
    """From the page of their request to the board."""
    services, now = portal_services, portal_services.clock()
    sent = Sending("Anna Weiss", "anna@example.org", "Paper", "It does not print.", "en")
    _, token = services.requests.receive(sent, "nonce", now, stems=[])
    services.requests.answer_back(token, "Still white pages.", now)
    services.presence.here(1, presence.REQUESTER, now)
    page = agent.get("/en/desk/reports/board").text

    assert "1 of them is on the page now" in page
    assert "on the page now</span>" in page
    assert "Anna" not in page
