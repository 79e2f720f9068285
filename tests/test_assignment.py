"""Who gets which ticket: by tier, language, topic, hours and load, and never two the same."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from portal.desk.assignment import Assigner, Candidate, choose, is_available, is_working, suits
from portal.organisation import Calendar, Hours, Organisation, Policy, Route, Tier
from portal.people import Person, Role
from portal.routing import route
from portal.storage import Database
from portal.storage import organisation as organisation_store
from portal.storage import tickets as store
from portal.tickets import Action, Kind, Status, Ticket
from tests.builders import NOW, person, ticket
from tests.working import at, desk, found, hire, history, opened, told

OFFICE = Calendar(1, "Office", "Europe/Berlin", ((Hours(time(9), time(12)), Hours(time(13), time.max)),) * 5 + ((), ()))
NIGHT = Calendar(2, "Night", "Europe/Berlin", ((Hours(time(0), time(6)),),) * 7)


def organised(**changes: Any) -> Organisation:
    """Tiers 1 to 4, all in use, without hours."""
    tiers = {number: Tier(number) for number in range(1, 5)}
    made = Organisation(tiers, {1: OFFICE, 2: NIGHT}, {}, (), {}, Policy(most_open=3))
    return replace(made, **changes)


def agent(number: int = 1, open_tickets: int = 0, given_at: datetime | None = None, **changes: Any) -> Candidate:
    """Somebody of L1 who speaks English and German."""
    return Candidate(person(id=number, **changes), open_tickets, given_at)


@pytest.mark.parametrize(
    ("moment", "works"),
    [
        (datetime(2026, 3, 2, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 2, 7, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 2, 11, 0, tzinfo=UTC), False),
        (datetime(2026, 3, 2, 12, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 2, 22, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 2, 23, 0, tzinfo=UTC), False),
        (datetime(2026, 3, 7, 10, 0, tzinfo=UTC), False),
        # After the clocks were set forward, nine o'clock is an hour earlier; the day before it is Sunday.
        (datetime(2026, 3, 30, 7, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 3, 10, 0, tzinfo=UTC), False),
    ],
)
def test_working_hours(moment: datetime, works: bool) -> None:
    """Stretches, weekends, holidays and midnight, in the calendar's own time zone."""
    assert is_working(replace(OFFICE, holidays=frozenset({date(2026, 3, 3)})), moment) is works
    assert is_working(None, moment)


@pytest.mark.parametrize(
    ("changes", "wanted", "fits"),
    [
        ({}, {}, True),
        ({}, {"tier": 2}, False),
        ({}, {"language": "ru"}, False),
        ({"languages": ()}, {}, False),
        ({}, {"topic": "vpn"}, True),
        ({"topics": ("vpn",)}, {"topic": "vpn"}, True),
        ({"topics": ("vpn",)}, {"topic": "devices"}, False),
        ({"topics": ("vpn",)}, {"topic": ""}, True),
    ],
)
def test_whom_a_ticket_suits(changes: dict[str, Any], wanted: dict[str, Any], fits: bool) -> None:
    """Tier, language and topic."""
    assert suits(person(**changes), ticket(**wanted)) is fits


def test_who_may_be_given_a_ticket() -> None:
    """Their own hours count before their tier's, and these before the desk's; nobody without room or right, nobody who left."""
    by_tier = organised(tiers={1: Tier(1, calendar_id=2)})
    by_desk = organised(policy=Policy(most_open=3, calendar_id=2))

    assert is_available(agent(), 1, organised(), NOW)
    assert not is_available(agent(), 1, by_tier, NOW)
    assert not is_available(agent(), 1, by_desk, NOW)
    assert is_available(agent(calendar_id=1), 1, by_tier, NOW)
    assert not is_available(agent(calendar_id=99), 1, by_tier, NOW)
    assert not is_available(agent(open_tickets=3), 1, organised(), NOW)
    assert not is_available(agent(is_active=False), 1, organised(), NOW)
    assert not is_available(agent(roles=frozenset({Role.WRITER})), 1, organised(), NOW)


def test_least_to_do_then_longest_without_then_first() -> None:
    """And nobody where nobody suits."""
    busy, idle, recent, early = agent(1, 2), agent(2, 1, at(5)), agent(3, 1, at(9)), agent(4, 1, at(5))
    never = agent(5, 1)

    def chosen(*agents: Candidate) -> int | None:
        person = choose(ticket(), agents, organised(), NOW)
        return person.id if person else None

    assert chosen(busy, recent) == 3
    assert chosen(recent, early, busy, idle) == 2
    assert chosen(recent, never, idle) == 5
    assert chosen(agent(1, languages=("fr",))) is None
    assert chosen() is None


AGENTS = st.lists(
    st.builds(
        agent,
        st.integers(1, 9),
        st.integers(0, 4),
        st.none() | st.just(NOW),
        tiers=st.sampled_from([(1,), (1, 2), ()]),
        languages=st.sampled_from([("en",), ("de", "ru"), ()]),
        topics=st.sampled_from([(), ("vpn",)]),
        is_active=st.booleans(),
        calendar_id=st.sampled_from([None, 1, 2]),
    ),
    max_size=6,
    unique_by=lambda each: each.person.id,
)


@given(AGENTS, st.sampled_from(["en", "ru", "fr"]), st.sampled_from(["", "vpn", "devices"]))
def test_who_is_chosen_could_have_it_and_has_least(agents: list[Candidate], language: str, topic: str) -> None:
    """Whoever there is: never a language that they do not speak, and nobody fit has less to do."""
    asked = ticket(language=language, topic=topic)
    fit = [each for each in agents if suits(each.person, asked) and is_available(each, 1, organised(), NOW)]

    person = choose(asked, agents, organised(), NOW)

    if person is None:
        assert fit == []
    else:
        (best,) = [each for each in fit if each.person.id == person.id]
        assert language in person.languages
        assert best.open_tickets == min(each.open_tickets for each in fit)
        assert choose(asked, agents[::-1], organised(), NOW) == person


def test_where_a_request_begins() -> None:
    """By topic; a tier that is not served any more is replaced by the first that is."""
    routes = {"vpn": Route("vpn", 2, 4), "gone": Route("gone", 3, 5), "outside": Route("outside", 4, 2)}
    tiers = {1: Tier(1), 2: Tier(2), 3: Tier(3, is_active=False), 4: Tier(4)}
    made = organised(routes=routes, tiers=tiers)

    assert [route(made, topic) for topic in ("", "other", "vpn", "gone", "outside")] == [
        (1, 3), (1, 3), (2, 4), (1, 5), (1, 2),
    ]  # fmt: skip
    assert route(replace(made, tiers={})) == (1, 3)


def test_the_next_ticket_is_the_one_that_is_due_first(database: Database) -> None:
    """Then majors, priority and age; gaps come last, whatever they are; each is taken at once."""
    mia = hire(database)
    gap = opened(database, kind=Kind.GAP, priority=5, due_at=NOW - timedelta(days=9))
    later = opened(database, due_at=at(60), priority=5)
    sooner = opened(database, due_at=at(30), priority=1)
    low = opened(database, priority=1, created_at=NOW - timedelta(days=3))
    young = opened(database, priority=4, created_at=NOW + timedelta(days=1))
    old = opened(database, priority=4)
    major = opened(database, priority=2, is_major=True)

    taken = [desk(database).next_ticket(mia, NOW) for _ in range(8)]

    assert [each and each.id for each in taken] == [sooner, later, major, old, young, low, gap, None]
    assert all(found(database, number).owner_id == mia.id for number in (gap, sooner, low))
    assert [event.action for event in history(database, sooner)] == [Action.TAKE]


@pytest.mark.parametrize(
    "changes",
    [
        {"tier": 2},
        {"language": "ru"},
        {"topic": "devices"},
        {"status": Status.SOLVED},
        {"status": Status.SPAM},
        {"kind": Kind.GAP, "is_confirmed": False},
        {"kind": Kind.OVERFLOW},
    ],
)
def test_what_is_not_for_somebody_is_not_their_next(database: Database, changes: dict[str, Any]) -> None:
    """Other tiers, languages and topics; what has ended; what perhaps nobody asked; what is only counted."""
    mia = hire(database, topics=("vpn",))
    opened(database, **changes)

    assert desk(database).next_ticket(mia, NOW) is None


def test_what_somebody_gave_back_is_left_to_others(database: Database) -> None:
    """The button does not bring it again; a colleague gets it."""
    mia, boris, number = hire(database), hire(database, "Boris Orlow", topics=("vpn",)), opened(database)
    first = desk(database).next_ticket(mia, NOW)
    desk(database).work(mia, number, Action.GIVE_BACK, NOW)

    assert first is not None
    assert desk(database).next_ticket(mia, NOW) is None
    assert (desk(database).next_ticket(boris, NOW) or first).owner_id == boris.id


def filled(database: Database, count: int, made: Ticket) -> list[int]:
    """The numbers of so many tickets, the first due last."""
    with database.write() as connection:
        numbers = [store.create(connection, replace(made, due_at=at(count - n))) for n in range(count)]
    return [number for number in numbers if number is not None]


def test_twenty_agents_and_five_hundred_tickets(database: Database) -> None:
    """Each ticket is taken once, by whoever asks first, until none is left; each agent gets theirs in order."""
    agents = [hire(database, f"Agent{n} Smith", tiers=(1,), languages=("en",)) for n in range(20)]
    numbers = filled(database, 500, ticket())
    start = threading.Barrier(len(agents))

    def take_all(who: Person) -> list[Ticket]:
        own = Database(database.url)
        mine: list[Ticket] = []
        works, is_left = desk(own), True
        start.wait()
        while is_left:
            # SQLite queues nobody: who waited too long on a slow machine presses the button again.
            with suppress(OperationalError):
                taken = works.next_ticket(who, NOW)
                is_left = taken is not None
                mine += [taken] if taken else []
        own.close()
        return mine

    with ThreadPoolExecutor(len(agents)) as pool:
        taken = list(pool.map(take_all, agents))

    assert all(mine == sorted(mine, key=lambda each: each.due_at or NOW) for mine in taken)
    owners = {each.id: each.owner_id for mine in taken for each in mine}
    assert Counter(each.id for mine in taken for each in mine) == Counter(numbers)
    assert {number: found(database, number).owner_id for number in numbers} == owners
    with database.read() as connection:
        assert store.count(connection, store.Filter(owner_id=agents[0].id)) == len(taken[0])


def automatic(database: Database, **changes: Any) -> None:
    """The desk gives requests to agents by itself."""
    with database.write() as connection:
        (policy,) = organisation_store.everything(connection, Policy)
        organisation_store.save(connection, replace(policy, is_automatic=True, **changes))


def test_requests_are_given_only_where_the_desk_has_chosen_so(database: Database) -> None:
    """Otherwise agents take them from the queue."""
    hire(database)
    number = opened(database)

    assert Assigner(database).run(NOW) == 0
    assert found(database, number).owner_id is None


def test_requests_are_given_evenly(database: Database) -> None:
    """Most urgent first, by load, up to what one may have; each is told, the history says that the system did it."""
    automatic(database, most_open=3)
    mia, boris = hire(database), hire(database, "Boris Orlow")
    opened(database, owner_id=boris.id, owner_name=boris.name, status=Status.OPEN)
    numbers = filled(database, 8, ticket())
    russian, gap, solved = (
        opened(database, language="ru", due_at=NOW),
        opened(database, kind=Kind.GAP),
        opened(database, status=Status.SOLVED),
    )

    given = [Assigner(database).run(NOW, limit=3), Assigner(database).run(NOW), Assigner(database).run(NOW)]

    owners = [found(database, number).owner_id for number in reversed(numbers)]
    assert given == [3, 2, 0]
    assert owners == [mia.id, boris.id, mia.id, mia.id, boris.id, None, None, None]
    assert [found(database, number).owner_id for number in (russian, gap, solved)] == [None] * 3
    assert told(database, mia) == [("assigned", "")] * 3
    with database.read() as connection:
        (event,) = store.history(connection, numbers[-1])
    assert (event.action, event.actor.name, event.details["to"]) == (Action.ASSIGN, "", str(mia.id))


def test_what_nobody_can_have_keeps_nothing_back(database: Database) -> None:
    """However many wait for somebody who speaks Russian, English goes on."""
    automatic(database)
    hire(database, languages=("en",))
    filled(database, 30, ticket(language="ru"))
    number = opened(database)

    assert Assigner(database).run(NOW, limit=2) == 1
    assert found(database, number).owner_id is not None


def test_nobody_is_given_what_they_gave_back(database: Database) -> None:
    """It waits for somebody else."""
    automatic(database)
    mia, number = hire(database), opened(database)
    Assigner(database).run(NOW)
    desk(database).work(mia, number, Action.GIVE_BACK, NOW)
    alone = Assigner(database).run(NOW)
    boris = hire(database, "Boris Orlow")

    assert (alone, Assigner(database).run(NOW)) == (0, 1)
    assert found(database, number).owner_id == boris.id


def test_nobody_is_given_work_outside_their_hours(database: Database) -> None:
    """A request waits until somebody is at work."""
    automatic(database)
    with database.write() as connection:
        calendar_id = organisation_store.add(connection, replace(NIGHT, id=0, time_zone=""))
    hire(database, calendar_id=calendar_id)
    opened(database)

    assert Assigner(database, "Europe/Berlin").run(NOW) == 0
    assert Assigner(database, "Asia/Tokyo").run(NOW.replace(hour=20)) == 1


def test_several_processes_give_each_request_once(database: Database) -> None:
    """And nobody more than they have room for."""
    automatic(database, most_open=10)
    agents = [hire(database, f"Agent{n} Smith") for n in range(4)]
    numbers = filled(database, 60, ticket())
    start = threading.Barrier(4)

    def run(_: int) -> int:
        own = Database(database.url)
        start.wait()
        done = Assigner(own).run(NOW)
        own.close()
        return done

    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(run, range(4)))

    owners = Counter(found(database, number).owner_id for number in numbers)
    assert sum(given) == 40
    assert owners == {None: 20} | {each.id: 10 for each in agents}
