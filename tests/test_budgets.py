"""Budgets for new gaps: within one process, and over several in a real Redis."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter

from portal.budgets import REPEATS, Budgets, ExactMemory, give_back, network_of
from portal.chains import Visitor
from tests.test_limits import Redis

PERSON = Visitor("s" * 32, True, "192.0.2.0/24")
ROBOT = Visitor("", False, "198.51.100.0/24")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A running Redis."""
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["memory", "redis"])
def storage_uri(request: pytest.FixtureRequest) -> str:
    """Where budgets are kept."""
    if request.param == "memory":
        return "memory://"
    return str(request.getfixturevalue("redis").url)


@pytest.fixture
def budgets(storage_uri: str) -> Callable[..., Budgets]:
    """Makes budgets of one store."""

    def make(**limits: int) -> Budgets:
        return Budgets(storage_uri, **{"session": 100, "network": 100, "anonymous": 100, "total": 100} | limits)

    return make


def taken(budget: Budgets, visitor: Visitor, times: int) -> int:
    """How many of so many gaps are granted."""
    return sum(budget.take(visitor) for _ in range(times))


@pytest.mark.parametrize(
    ("limit", "visitor"),
    [("session", PERSON), ("network", PERSON), ("network", ROBOT), ("anonymous", ROBOT), ("total", ROBOT)],
)
def test_each_budget_is_granted_exactly(limit: str, visitor: Visitor, budgets: Callable[..., Budgets]) -> None:
    """So many, and no more."""
    assert taken(budgets(**{limit: 3}), visitor, 10) == 3


def test_a_session_leaves_the_others_of_its_network_theirs(budgets: Callable[..., Budgets]) -> None:
    """Sessions count apart, networks together."""
    budget = budgets(session=2, network=5)

    granted = [taken(budget, replace(PERSON, session=name * 32), 10) for name in "abcd"]

    assert granted == [2, 2, 1, 0]
    assert budget.take(replace(PERSON, network="203.0.113.0/24", session="e" * 32))


def test_robots_without_cookies_share_one_budget_from_everywhere(budgets: Callable[..., Budgets]) -> None:
    """However many networks they come from; people are not touched by it."""
    budget = budgets(anonymous=7)

    granted = sum(budget.take(Visitor(f"{n:032}", False, f"10.0.{n}.0/24")) for n in range(50))

    assert granted == 7
    assert budget.take(PERSON)


def test_the_first_gap_of_a_network_is_granted_to_a_person_whatever_the_flood(
    budgets: Callable[..., Budgets],
) -> None:
    """Beyond the total each network has one an hour for a session that came back; no robot without cookies has."""
    budget = budgets(total=5)
    assert taken(budget, ROBOT, 20) == 5

    people = [budget.take(Visitor(f"{n:032}", True, f"10.1.{n}.0/24")) for n in range(40)]

    assert all(people)
    assert not any(budget.take(Visitor(f"{n + 100:032}", True, f"10.1.{n}.0/24")) for n in range(40))
    assert not budget.take(Visitor("", False, "10.2.0.0/24"))


def test_what_is_granted_beyond_the_total_is_part_of_it(budgets: Callable[..., Budgets]) -> None:
    """People first, robots then: the hour still has no more than its total."""
    budget = budgets(total=10)

    people = sum(budget.take(Visitor(f"{n:032}", True, f"10.1.{n}.0/24")) for n in range(8))
    robots = taken(budget, ROBOT, 20)

    assert (people, robots) == (8, 2)


def test_a_refusal_costs_nothing(budgets: Callable[..., Budgets]) -> None:
    """A network that is over its budget takes nothing of what all share, nor of its sessions'."""
    budget = budgets(network=1, total=4, session=1)
    assert taken(budget, replace(PERSON, session="x" * 32), 1) == 1

    refused = taken(budget, PERSON, 50)

    assert refused == 0
    assert taken(budget, ROBOT, 10) == 1, "the network of its own"
    elsewhere = [budget.take(replace(PERSON, network=f"10.3.{n}.0/24", session="y" * n)) for n in range(1, 3)]
    assert elsewhere == [True, True]
    assert budget.take(replace(PERSON, network="10.4.0.0/24")), "the session has not used its own"


def test_an_unknown_network_is_no_network(budgets: Callable[..., Budgets]) -> None:
    """It has no budget of its own, which all would share, and no way past the total."""
    budget = budgets(network=1, total=5)
    unknown = [Visitor(f"{n:032}", True, "") for n in range(9)]

    assert [budget.take(visitor) for visitor in unknown] == [True] * 5 + [False] * 4


def test_nothing_anonymous_where_the_setting_is_zero(budgets: Callable[..., Budgets]) -> None:
    """Some want no tickets of robots at all."""
    budget = budgets(anonymous=0)

    assert not budget.take(ROBOT)
    assert budget.take(PERSON)


def test_anonymous_repeats_count_up_to_a_bound_for_each_network_and_gap(budgets: Callable[..., Budgets]) -> None:
    """People of one office share an address; a robot that asks the same thing all day makes it no more important."""
    budget = budgets()

    counted = [budget.occurrence(ROBOT, gap) for gap in "ab" for _ in range(REPEATS + 5)]

    assert counted == ([True] * REPEATS + [False] * 5) * 2
    assert budget.occurrence(replace(ROBOT, network="203.0.113.0/24"), "a")


def test_threads_at_once_are_granted_exactly_the_total(budgets: Callable[..., Budgets]) -> None:
    """Eight threads, twenty each, thirty-one allowed."""
    budget = budgets(total=31)
    granted: list[int] = []
    threads = [threading.Thread(target=lambda: granted.append(taken(budget, ROBOT, 20))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(granted) == 31


def test_two_nodes_share_a_budget_in_redis(redis: Redis) -> None:
    """Each has its own parts; the hour is the same."""
    limits = {"session": 100, "network": 100, "anonymous": 100, "total": 5}
    nodes = [Budgets(redis.url, **limits) for _ in range(2)]

    assert [nodes[n % 2].take(ROBOT) for n in range(8)] == [True] * 5 + [False] * 3


def test_without_redis_each_process_counts_for_itself_and_says_so_once(
    redis: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood finds a limit also then; when Redis is back, it is shared again."""
    budget = Budgets(redis.url, session=100, network=100, anonymous=100, total=3)
    assert budget.take(ROBOT)
    redis.stop()

    granted = taken(budget, ROBOT, 10)

    assert granted == 3
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "the budgets for new gaps are counted by each process alone"
    ]
    assert not any(part in caplog.text for part in (ROBOT.network, PERSON.session))
    redis.start()
    monkeypatch.setattr(budget, "_away_until", float("-inf"))
    assert taken(budget, ROBOT, 10) == 3, "a new Redis that knows of nothing"


def test_while_redis_is_away_it_is_not_asked_each_time(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request in some seconds waits for it, not every one."""
    budget = Budgets(redis.url, session=9, network=9, anonymous=9, total=9)
    redis.stop()
    budget.take(ROBOT)
    asked: list[object] = []
    shared = budget._shared
    assert shared is not None
    monkeypatch.setattr(shared, "test", lambda *_: asked.append(1))

    taken(budget, ROBOT, 3)
    monkeypatch.setattr("portal.budgets.time.monotonic", lambda: budget._away_until + 1)
    budget.take(ROBOT)

    assert len(asked) == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2ff:3::4", "2001:db8:1:200::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("::1", "::/56"),
        ("", ""),
        ("unix:", ""),
        ("192.0.2", ""),
        ("192.0.2.1, 10.0.0.1", ""),
        ("٣.1.1.1", ""),
    ],
)
def test_the_network_of_an_address(address: str, network: str) -> None:
    """What a household or an office has, not one device of it."""
    assert network_of(address) == network


@given(st.text(max_size=60) | st.ip_addresses().map(str))
def test_any_text_has_a_network_or_none(text: str) -> None:
    """Headers hold anything; the network says less than the address."""
    network = network_of(text)

    assert network == "" or network.endswith(("/24", "/56"))


def test_what_is_given_back_is_of_the_window_that_it_was_counted_in(storage_uri: str) -> None:
    """Else whoever ends in the next window could do more in it than anybody may."""
    storage = ExactMemory() if storage_uri == "memory://" else RedisStorage(storage_uri)
    limiter, item = FixedWindowRateLimiter(storage), RateLimitItemPerMinute(2)
    now = time.time()

    assert [limiter.hit(item, "me") for _ in range(3)] == [True, True, False]
    give_back(storage, item, "me", since=now - 5)
    assert not limiter.hit(item, "me")
    for _ in range(3):
        give_back(storage, item, "me", since=now)
    assert [limiter.hit(item, "me") for _ in range(2)] == [True, False]


def test_memory_tells_each_count_once() -> None:
    """Of threads that count at once, from the very first, each hears a number of its own and none is lost."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(50):
            storage, together = ExactMemory(), threading.Barrier(8)

            def count(_: int, storage: ExactMemory = storage, together: threading.Barrier = together) -> int:
                together.wait(60)
                return storage.incr("name", 60)

            with ThreadPoolExecutor(8) as pool:
                assert sorted(pool.map(count, range(8))) == list(range(1, 9))
    finally:
        sys.setswitchinterval(usual)
