"""What a node spends on each deed of readers and agents, on the mix of them, and while nobody is there."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import astuple, dataclass, replace

import click

from benchmarks.capacity.meters import Meters, Used
from benchmarks.conversations import EVERY
from benchmarks.report import Row, percentile
from benchmarks.resilience.crowd import MIX, Answer, Crowd

#: People who do the same deed at once, as fast as they are answered.
AT_ONCE = 8
#: How long each deed is done before it is measured, in seconds.
WARM_UP = 2.0
#: A node that has started learns from its articles for a while: it is quiet when it keeps less than this of a core at
#: work for `QUIET` seconds, which is waited for so long at most.
LITTLE, QUIET, PATIENCE = 0.1, 3.0, 240.0
QUEUE, TICKET, LOOK = "agent: the queue", "agent: a ticket and a note", "agent: an open ticket asks"
#: How often an agent who works does each, in seconds. One ticket is open all the time.
PACE = {QUEUE: 120.0, TICKET: 60.0, LOOK: EVERY}


@dataclass(frozen=True)
class Cost:
    """What one of something costs: a deed, or a second of something that lasts."""

    #: Processor seconds.
    node: float
    database: float
    #: Commands.
    redis: float = 0.0
    #: Of pages, without headers.
    bytes: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        """What both cost."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Cost(*(mine + theirs for mine, theirs in pairs))

    def __mul__(self, share: float) -> "Cost":
        """What so many cost."""
        return Cost(*(mine * share for mine in astuple(self)))


@dataclass(frozen=True)
class Costs:
    """What was measured of a node."""

    #: A second while nobody is there.
    idle: Cost
    #: A reader's deed of the mix, and a second of one agent at work; see `PACE`.
    deed: Cost
    agent: Cost
    #: An event of the day, each time that the day is counted anew.
    counting: Cost

    def at_least(self, node: float, database: float) -> "Costs":
        """The same where a deed costs so many processor seconds at least.

        At a moderate pace the mix is little beside what the parts do by themselves, which comes and goes.
        """
        deed = replace(self.deed, node=max(self.deed.node, node), database=max(self.deed.database, database))
        return replace(self, deed=deed)


def _cost(used: Used, times: float, answers: list[Answer], beside: Cost | None = None) -> Cost:
    """What one of several costs, without what is spent while nobody is there."""
    beside = beside or Cost(0.0, 0.0)
    return Cost(
        max(0.0, used.node - beside.node * used.seconds) / times,
        max(0.0, used.database - beside.database * used.seconds) / times,
        max(0.0, used.redis - beside.redis * used.seconds) / times,
        sum(answer.size for answer in answers) / times,
    )


def idle(meters: Meters, seconds: float) -> Cost:
    """What a second costs while nobody is there."""
    used = meters.during(lambda: time.sleep(seconds))
    return _cost(used, used.seconds, [])


def wait_until_quiet(meters: Meters) -> None:
    """Wait until a node that has started has done what it does then."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        used = meters.during(lambda: time.sleep(QUIET))
        if used.node < LITTLE * used.seconds:
            return
    click.echo(f"The node is not quiet after {PATIENCE:.0f} s: the figures are too low or too high.", err=True)


def each(
    meters: Meters, crowd: Crowd, emails: list[str], tickets: list[int], seconds: float, beside: Cost
) -> tuple[Cost, Cost, list[Row]]:
    """Let people do each deed as fast as they are answered.

    Returns:
        What a deed of the mix costs by its parts, what a second of an agent does, and a row for each deed.
    """
    rows: list[Row] = []
    mixed = agent = Cost(0.0, 0.0)
    deeds: dict[str, Callable[[], Awaitable[None]]] = {
        kind: lambda kind=kind: crowd.do(kind)  # type: ignore[misc]
        for kind in MIX
    }
    deeds |= asyncio.run(_desk(crowd, emails[:AT_ONCE], tickets))
    for name, do in deeds.items():
        asyncio.run(_repeated(crowd, do, WARM_UP))
        crowd.answers.clear()
        done: list[float] = []
        used = meters.during(lambda do=do, done=done: done.extend(asyncio.run(_repeated(crowd, do, seconds))))  # type: ignore[misc]
        cost = _cost(used, len(done), crowd.answers, beside)
        rows.append(_row(name, done, used, cost, crowd.answers))
        if name in PACE:
            agent += cost * (1 / PACE[name])
        mixed += cost * MIX.get(name, 0.0)
    return mixed, agent, rows


async def _desk(crowd: Crowd, emails: list[str], tickets: list[int]) -> dict[str, Callable[[], Awaitable[None]]]:
    """What agents do, who have signed in and have a ticket open each."""
    paths = [f"/en/desk/tickets/{number}" for number in tickets]
    opened = [(path, *await crowd.open(email, path)) for email, path in zip(emails, paths, strict=False)]
    crowd.leave()
    states: dict[str, str] = {}

    async def ask(path: str) -> None:
        await crowd.ask("queue", "GET", path, cookie=random.choice(opened)[1])

    async def look() -> None:
        path, cookie, token = random.choice(opened)
        states[path] = await crowd.look(path, cookie, token, states.get(path, ""))

    return {
        QUEUE: lambda: ask("/en/desk/"),
        "agent: the queue asks": lambda: ask(f"/en/desk/queue/counts?since={max(tickets)}"),
        TICKET: lambda: crowd.note(random.choice(paths), opened[0][1]),
        LOOK: look,
    }


async def _repeated(crowd: Crowd, do: Callable[[], Awaitable[None]], seconds: float) -> list[float]:
    """Let several people do something again and again; milliseconds of each time."""
    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def one() -> None:
        while (begin := time.perf_counter()) < end:
            await do()
            taken.append(1000 * (time.perf_counter() - begin))

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    crowd.leave()
    return taken


def _row(name: str, taken: list[float], used: Used, cost: Cost, answers: list[Answer]) -> Row:
    """What a deed came to."""
    return {
        "deed": name,
        "a second": len(taken) / used.seconds,
        "node at work, cores": used.node / used.seconds,
        "p50 ms": percentile(taken, 0.5),
        "p99 ms": percentile(taken, 0.99),
        "node CPU ms": 1000 * cost.node,
        "database CPU ms": 1000 * cost.database,
        "Redis commands": cost.redis,
        "kB": cost.bytes / 1000,
        "errors": sum(not answer.is_good for answer in answers),
    }


def together(
    meters: Meters, crowd: Crowd, emails: list[str], tickets: list[int], seconds: float, rate: float
) -> tuple[Cost, Cost, list[Row]]:
    """Measure nobody, the mix of readers at a rate, and the agents of the crowd.

    Returns:
        What a second without anybody costs, what a reader's deed does, and rows of all.
    """
    nobody = idle(meters, seconds)
    rows: list[Row] = []

    def gathered(name: str, who: list[str], pace: float, times: float) -> Cost:
        crowd.answers.clear()
        used = meters.during(lambda: asyncio.run(crowd.gather(who, tickets, seconds, pace)))
        cost = _cost(used, times, crowd.answers, nobody)
        rows.append(_row(name, [answer.taken for answer in crowd.answers], used, cost, crowd.answers))
        return cost

    asyncio.run(crowd.gather(emails, tickets, WARM_UP, rate))  # Agents are signed in.
    deed = gathered("readers, the mix; of one deed", [], rate, int(seconds * rate))
    gathered("hurried agents; of one for a second", emails, 0.0, len(emails) * seconds)
    return nobody, deed, rows
