"""How many nodes, and how much of the rest, so many visits and agents need: a model over what was measured."""

import math
from dataclasses import dataclass

from benchmarks.capacity.duties import COUNTED_EVERY
from benchmarks.capacity.node import Costs
from benchmarks.report import Row
from benchmarks.resilience.crowd import MIX

#: Share of a day's visits that comes in its busiest hour, and how much more the busiest minutes of it are than its mean.
BUSIEST_HOUR, WITHIN_IT = 0.10, 1.5
#: Events of each deed: searches and what is opened after them are; who comes from elsewhere to an article is counted only.
EVENTS = 0.3
#: Cores of a node, and how busy cores of nodes and of the database may be at that time.
CORES, NODE_BUSY, DATABASE_BUSY = 2, 0.6, 0.5
#: Tickets that an agent who is online works on in a day, and days of work in a year.
TICKETS_A_DAY, WORKDAYS = 25, 250
#: Headers of an answer, and the share of a first visit's styles and scripts, in bytes of each deed.
BESIDE_PAGES = 1500 + 4000
#: What indexes, dead rows and the log of a database need beside the rows and indexes that were counted.
SPARE = 1.5
#: Connections that each worker process may hold, and the processes of a node.
CONNECTIONS, PROCESSES = 16, 2

#: Articles' visits a day, and agents online.
CASES = (
    (10_000, 5),
    (100_000, 20),
    (300_000, 50),
    (1_000_000, 100),
    (1_000_000, 300),
    (3_000_000, 300),
    (10_000_000, 300),
    (10_000_000, 1_000),
)


@dataclass(frozen=True)
class Sizes:
    """What is stored, in bytes with its indexes."""

    #: A ticket with its history, mails and words.
    ticket: float
    #: An event of a visit, kept for some days.
    event: float
    event_days: int
    #: The sums of one day.
    day: float


def arrivals(visits: float) -> float:
    """Deeds of readers a second in the busiest minutes, from articles' visits a day."""
    return visits / MIX["article"] * BUSIEST_HOUR / 3600 * WITHIN_IT


def counting(costs: Costs, visits: float) -> tuple[float, float]:
    """Cores of each node, and of the database for each, that counting a whole day anew keeps at work on average."""
    events = visits / MIX["article"] * EVENTS
    return costs.counting.node * events / COUNTED_EVERY, costs.counting.database * events / COUNTED_EVERY


def nodes_for(costs: Costs, visits: float, agents: float) -> int:
    """Nodes for the busiest minutes, without a spare one; 0 where a node does not get round to anything else."""
    at_work = costs.deed.node * arrivals(visits) + costs.agent.node * agents
    usable = CORES * NODE_BUSY - costs.idle.node - counting(costs, visits)[0]
    return max(1, math.ceil(at_work / usable)) if usable > 0 else 0


def row(costs: Costs, sizes: Sizes, visits: int, agents: int) -> Row:
    """What one help centre needs."""
    pace, nodes = arrivals(visits), nodes_for(costs, visits, agents)
    spared = nodes + 1 if nodes > 1 else nodes
    duties = costs.idle.database + counting(costs, visits)[1]
    database = costs.deed.database * pace + costs.agent.database * agents + duties * spared
    redis = costs.deed.redis * pace + costs.agent.redis * agents
    moved = pace * (costs.deed.bytes + BESIDE_PAGES) + agents * costs.agent.bytes
    kept = sizes.ticket * agents * TICKETS_A_DAY * WORKDAYS + sizes.day * 365
    events = visits / MIX["article"] * EVENTS * sizes.event * sizes.event_days
    return {
        "visits of articles a day": f"{visits:,}",
        "agents online": agents,
        "deeds a second": round(pace, 1),
        "nodes of 2 cores": f"{nodes} + 1" if spared > nodes else str(nodes) if nodes else "none would do",
        "database cores": max(1, math.ceil(database / DATABASE_BUSY)) if nodes else None,
        "connections": spared * PROCESSES * CONNECTIONS if nodes else None,
        "counting the day, s": round(sum(counting(costs, visits)) * COUNTED_EVERY, 1),
        "Redis commands a second": round(redis),
        "Mbit/s": round(moved * 8 / 1e6, 1),
        "tickets, GB a year": round(kept * SPARE / 1e9, 1),
        "events, GB": round(events * SPARE / 1e9, 1),
    }


def table(costs: Costs, sizes: Sizes) -> list[Row]:
    """What help centres of several sizes need."""
    return [row(costs, sizes, visits, agents) for visits, agents in CASES]


def alone(costs: Costs) -> list[Row]:
    """What a part carries alone, at its busy share: readers without agents, and agents without readers."""
    node, database = CORES * NODE_BUSY - costs.idle.node, DATABASE_BUSY - costs.idle.database
    rows: list[Row] = []
    for name, has, deed, agent in (
        ("a node of 2 cores", node, costs.deed.node, costs.agent.node),
        ("a core of the database", database, costs.deed.database, costs.agent.database),
    ):
        pace = has / deed if deed else math.inf
        rows.append(
            {
                "part": name,
                "deeds a second": pace,
                "visits of articles a day": pace / arrivals(1),
                "or agents online": has / agent if agent else math.inf,
            }
        )
    return rows
