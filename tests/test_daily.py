"""Sums by day: counted step by step, in any order, twice and from scratch they are the same, beside a slow restatement."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from portal import retention
from portal.cli import main
from portal.daily import Daily
from portal.daily.sources import MEASURES, Source, closing
from portal.metrics import Period, rounded
from portal.reporting import history
from portal.services import Services
from portal.settings import Settings
from portal.storage import Database, facts, feedback, migration
from portal.storage import schema as s
from portal.storage.facts import Counted, Key, Mark
from portal.storage.summed import Narrowed
from portal.tickets import Action, Actor, Event, Kind, Status
from tests.forgetting import Parts, Periods
from tests.happening import BEGIN, Life, World, attempt, fine, made, restated

TOPICS = {"vpn": "network", "mail": "mail"}


class KnowingParts(Parts):
    """The parts of a portal that knows its articles."""

    @property
    def daily(self) -> Daily:
        """Counts."""
        return daily(self.database)


def daily(database: Database) -> Daily:
    """Counts, knowing nothing of what was counted before."""
    return Daily(database, lambda: TOPICS)


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Makes empty databases."""
    folder = tmp_path_factory.mktemp("daily")
    template = Database(f"sqlite:///{folder}/0.db")
    migration.upgrade(template)
    template.close()
    content = (folder / "0.db").read_bytes()
    made_here: list[Database] = []

    def make() -> Database:
        path = folder / f"{len(made_here) + 1}.db"
        path.write_bytes(content)
        made_here.append(Database(f"sqlite:///{path}"))
        return made_here[-1]

    yield make
    for database in made_here:
        database.close()


@seed(20260301)
@settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(chooser=st.randoms(use_true_random=False), hours=st.lists(st.integers(1, 24 * 16), max_size=4, unique=True))
def test_step_by_step_is_the_same_as_once_and_from_scratch(
    fresh: Any, chooser: random.Random, hours: list[int]
) -> None:
    """Whenever it is counted, however often, and whatever is forgotten in between."""
    world = made(random.Random(chooser.getrandbits(32)))
    end = BEGIN + timedelta(days=16)
    steps, once = Life(fresh(), world), Life(fresh(), world)
    parts = KnowingParts(steps.database, Periods(event_days=6))

    for at in (BEGIN + timedelta(hours=hour) for hour in sorted(hours)):
        steps.until(at)
        assert daily(steps.database).count_all(at) >= 0
        if at.hour % 2:
            parts.gaps.judge(at)  # Whose the searches were is forgotten as soon as may be.
            retention.run(parts, at)
        before = steps.sums()
        daily(steps.database).count_all(at)
        daily(steps.database).recount(at)
        assert steps.sums() == before
    steps.until(end)
    once.until(end)
    daily(steps.database).count_all(end)
    daily(once.database).count_all(end)

    assert steps.sums() == once.sums()
    found, expected = fine(once, "daily_facts"), restated(world)
    names = {key[0] for key in expected}
    assert {key: value for key, value in found.items() if key[0] in names} == dict(expected)


def test_from_scratch_brings_back_what_was_lost_and_never_what_is_final(database: Database) -> None:
    """On both databases: sums that were damaged, while the rows are there; the others stay as they are."""
    life = Life(database, made(random.Random(11)))
    end = BEGIN + timedelta(days=15)
    life.until(end)
    daily(database).count_all(end)
    whole = life.sums()
    lasting = {name for source in (Source.SEARCHES, Source.FORMS, Source.TICKETS) for name in MEASURES[source].facts}
    with database.write() as connection:
        connection.execute(delete(s.daily_facts).where(s.daily_facts.c.measure.in_(lasting)))
        connection.execute(update(s.daily_times).values(times=s.daily_times.c.times + 1))
        connection.execute(delete(s.daily_articles).where(s.daily_articles.c.measure.in_(("gaps",))))

    assert daily(database).count_all(end) == 0
    assert daily(database).recount(end, since=end.date()) == 0
    assert life.sums() != whole
    assert daily(database).recount(end) > 0
    assert life.sums() == whole
    assert {row[1] for row in whole} >= {"searches", "chains", "requests", "first_reply"}

    daily(database).seal(end, end)
    with database.write() as connection:
        connection.execute(delete(s.search_events))
    daily(database).recount(end)
    assert life.sums() == whole


def test_who_is_overtaken_puts_nothing_in_place(database: Database) -> None:
    """Neither the first count of a day nor a later one doubles a row, and what is final stays."""
    day, now = BEGIN.date(), BEGIN + timedelta(hours=30)
    measures, counted = MEASURES[Source.VISITS], Counted(Counter({Key("chains", "de"): 3}))
    monday = day - timedelta(days=6)
    first, later = Mark(day, now, is_final=False), Mark(day, now + timedelta(hours=1), is_final=True)

    def put(seen: Mark | None, new: Mark, value: int) -> bool:
        counted.facts[Key("chains", "de")] = value
        with database.write() as connection:
            return facts.put(connection, Source.VISITS, measures, seen, new, counted)

    done = [put(None, first, 3), put(None, first, 4), put(first, later, 5), put(first, later, 6), put(later, first, 7)]

    assert done == [True, False, True, False, False]
    with database.read() as connection:
        rows = connection.execute(select(s.daily_facts).where(*Narrowed().conditions(s.daily_facts))).all()
    assert sorted(rows) == [("chains", day, "*", "*", -1, 5), ("chains@week", monday, "*", "*", -1, 5)]


def test_several_at_once_count_the_same(database: Database) -> None:
    """Nothing is doubled or lost, neither of days nor of weeks."""
    life, end = Life(database, made(random.Random(8))), BEGIN + timedelta(days=12)
    life.until(end)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: daily(database).count_all(end), range(3)))
    together = life.sums()
    with database.write() as connection:
        for table in (s.counted_days, s.daily_facts, s.daily_times, s.daily_articles):
            connection.execute(delete(table))
    daily(database).count_all(end)

    assert together == life.sums()


def test_a_days_tickets(database: Database) -> None:
    """Each thing on the day on which it happened, with the tier of that time; waits pause all but the first reply."""
    at = BEGIN + timedelta(hours=23)

    def event(
        minutes: int, action: Action, before: Status, after: Status, person: int | None = 1, **details: str
    ) -> Event:
        return Event(at + timedelta(minutes=minutes), action, Actor(person), before, after, details=details)

    new, opened, waiting, solved = Status.NEW, Status.OPEN, Status.WAITING_REQUESTER, Status.SOLVED
    history = [
        Event(at, Action.OPENED, Actor(), None, new),
        event(10, Action.ASK_REQUESTER, new, waiting, None),  # By the system: no reply of a person.
        event(30, Action.REQUESTER_REPLY, waiting, opened, None),
        event(35, Action.REPLY, opened, opened),
        event(36, Action.RETRACT, opened, opened),
        event(40, Action.ESCALATE, opened, opened, to="2"),
        event(45, Action.SUPPLIER_SENT, opened, Status.WAITING_SUPPLIER),
        event(47, Action.SUPPLIER_DUE, Status.WAITING_SUPPLIER, Status.WAITING_SUPPLIER, None),
        event(75, Action.SUPPLIER_REPLY, Status.WAITING_SUPPLIER, opened, None),
        event(90, Action.REPLY, opened, opened),
        event(100, Action.SOLVE, opened, solved, resolution="answered"),
        event(110, Action.REQUESTER_REPLY, solved, opened, None),
        event(115, Action.SOLVE, opened, solved, resolution="answered"),
        event(120, Action.CLOSE, solved, Status.CLOSED, None),
        event(121, Action.SURVEY, Status.CLOSED, Status.CLOSED, None),
        event(122, Action.RATE, Status.CLOSED, Status.CLOSED, None, stars="4"),
    ]
    gap = [
        Event(at, Action.OPENED, Actor(), None, new),
        event(50, Action.SOLVE, new, solved, resolution="translated", slug="vpn"),
    ]
    spam = [Event(at, Action.OPENED, Actor(), None, new), event(3000, Action.MARK_SPAM, new, Status.SPAM)]
    requests = [(Kind.REQUEST, history), (Kind.GAP, gap), (Kind.REQUEST, spam), (Kind.REQUEST, spam[:1])]
    life = Life(database, World([], [], requests))
    life.until(BEGIN + timedelta(days=9))

    daily(database).count_all(BEGIN + timedelta(days=9))

    first, second = BEGIN.date(), BEGIN.date() + timedelta(days=1)
    found = {key[:2] + key[4:]: value for key, value in fine(life, "daily_facts").items()}
    assert found == {
        ("requests", first, 1): 2, ("gaps", first, 1): 1, ("gaps.confirmed", first, 1): 1,
        ("gaps.answered", first, 1): 1, ("escalations.1-2", first, 1): 1, ("requesters", first, 0): 2,
        ("escalations.2-4", first, 2): 1, ("escalations.4-2", second, 4): 1,
        ("requests.after_reading", first, 1): 1, ("requests.solved", second, 2): 2,
        ("requests.reopened", second, 2): 1, ("requests.closed", second, 2): 1, ("surveys", second, 2): 1,
        ("ratings", second, 2): 1, ("ratings.asked", second, 2): 1, ("ratings.stars", second, 2): 4,
        ("ratings.4", second, 2): 1,
    }  # fmt: skip
    times = {key[:2] + key[4:]: value for key, value in fine(life, "daily_times").items()}
    assert times == {
        ("wait", first, 1, rounded(20)): 1, ("gap_life", first, 1, rounded(50)): 1,
        ("first_reply", second, 2, rounded(90)): 1, ("wait", second, 2, rounded(30)): 1, ("wait", second, 2, 5): 1,
        ("wait", second, 4, rounded(30)): 1, ("resolution", second, 2, rounded(50)): 1,
        ("resolution", second, 2, rounded(55)): 1,
    }  # fmt: skip
    assert [row[1:] for row in life.sums() if row[0] == "daily_articles"] == [
        ("gaps", first, "de", "vpn", 1), ("requests", first, "de", "vpn", 1)
    ]  # fmt: skip


def test_what_is_not_counted_for_good_is_not_forgotten(database: Database) -> None:
    """Whatever the settings say: searches stay until their day has closed, and it is known whose they are."""
    life = Life(database, World([attempt(random.Random(3), 1)], [], []))
    day = life._world.attempts[0][0].at.date()
    life.until(closing(day))
    parts = KnowingParts(database, Periods(event_days=1, unconfirmed_days=1))
    kept = []
    for now in (closing(day) - timedelta(minutes=1), closing(day), closing(day) + timedelta(minutes=1)):
        report = retention.run(parts, now)
        parts.gaps.judge(now)
        with database.read() as connection:
            sessions = connection.execute(select(s.search_events.c.session)).scalars().all()
        kept.append((report["search_events"] > 0, sessions.count(None), len(sessions) > 0))

    assert kept == [(False, 0, True), (True, 0, False), (False, 0, False)]


def test_it_is_counted_every_ten_minutes_and_where_something_has_changed(database: Database) -> None:
    """A count that is not due does nothing, and days that are the same as at the last count are left alone."""
    life, now = Life(database, made(random.Random(5))), BEGIN + timedelta(days=11)
    life.until(now)
    counting = daily(database)

    counted = [counting.run(now + timedelta(minutes=minutes)) for minutes in (0, 9, 10)]

    assert counted[0] > 0
    assert counted[1] == 0
    assert counted[2] <= 5  # Forms alone: they are quickly counted.
    assert counting.run(now + timedelta(days=9)) > 0
    assert counting.run(now + timedelta(days=10)) == 0


def test_what_older_versions_counted_is_summed_up_once(database: Database) -> None:
    """Days that were counted by language alone are in the sums of everything, and of their week."""
    day = BEGIN.date()
    old = {"measure": "searches", "day": day, "topic": "", "tier": 0}
    with database.write() as connection:
        connection.execute(
            s.daily_facts.insert(), [old | {"language": "de", "value": 3}, old | {"language": "fr", "value": 4}]
        )

    daily(database).count_all(BEGIN)
    once = fine(Life(database, World([], [], [])), "daily_facts")
    daily(database).count_all(BEGIN)

    with database.read() as connection:
        rows = connection.execute(select(s.daily_facts).where(*Narrowed().conditions(s.daily_facts))).all()
    assert {row[0]: row[-1] for row in rows} == {"searches": 7, "searches@week": 7}
    assert sum(once.values()) == 7


def test_the_command(portal_services: Services, instance: Settings) -> None:
    """It counts what may have changed, and from scratch or from a day on all that is not final."""
    Life(portal_services.database, made(random.Random(2))).until(BEGIN + timedelta(days=16))
    where = ["--data", str(instance.data), "--articles", str(instance.articles), "--json"]
    told = []
    for more in ([], [], ["--from-scratch"], ["--since", "2026-03-05"], ["--since", "2100-01-01"]):
        done = CliRunner().invoke(main, ["reports", "count", *more, *where], catch_exceptions=False)
        told.append(json.loads(done.stdout)["counted"])

    assert told[0] == told[2] > told[3] > told[1] == told[4] == 0


def test_votes_count_whoever_gave_them(database: Database) -> None:
    """Also those of readers who are not followed; who changes their mind while the day is open has one."""

    def vote(voter: str, at: datetime, *, is_helpful: bool) -> None:
        with database.write() as connection:
            feedback.vote(connection, feedback.Vote("vpn", "de", voter, is_helpful, "0" * 16), at)

    def said() -> dict[str, int]:
        daily(database).count_all(BEGIN + timedelta(hours=12))
        query = select(s.daily_articles.c.measure, s.daily_articles.c.value).where(s.daily_articles.c.slug == "vpn")
        with database.read() as connection:
            articles = {row.measure: row.value for row in connection.execute(query)}
            whole = history.series(connection, history.Asked(Period(BEGIN.date(), BEGIN.date())), ["helpfulness"])
        total = whole["helpfulness"].total
        assert (total.count, total.over) == (articles.get("votes.yes", 0), sum(articles.values()))
        return articles

    vote("a", BEGIN + timedelta(hours=1), is_helpful=True)
    vote("b", BEGIN + timedelta(hours=2), is_helpful=True)
    assert said() == {"votes.yes": 2}
    vote("b", BEGIN + timedelta(hours=3), is_helpful=False)
    assert said() == {"votes.yes": 1, "votes.no": 1}
