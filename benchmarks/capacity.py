"""What one node and the shared database spend on each deed of readers and agents, and how many a second they manage."""

import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import click

from benchmarks import corpus
from benchmarks.desk import fill, hidden, signed_in
from benchmarks.report import Cell, Row, percentile, show
from benchmarks.resilience.parts import Part, descendants, postgresql
from portal.chains import Kind as Deed
from portal.chains import SearchEvent
from portal.commands.options import shipped_articles
from portal.sending import Sending
from portal.server import prepare
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import feedback, searches, views
from portal.storage.views import View

#: Tickets that are there, with ten events each.
TICKETS = 20_000
#: What a busy worker process writes each second: readings, and searches with what was opened after them.
READINGS, SEARCHES = 35, 15
#: A thousand pages read come to so many of these seconds.
SECONDS = 20
_TICK = os.sysconf("SC_CLK_TCK")


def spent(part: Part) -> float:
    """Processor seconds of a part so far, of processes that have ended too."""
    assert part.process is not None
    return _times(part.process.pid, ended=True) + sum(_times(number) for number in descendants(part.process.pid))


def _times(process: int, *, ended: bool = False) -> float:
    """Processor seconds of one process, and of its children that have ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(errors="replace")
    except FileNotFoundError:
        return 0.0
    fields = stat.rpartition(")")[2].split()  # From field 3 of proc(5) on.
    return sum(int(field) for field in fields[11 : 15 if ended else 13]) / _TICK


def deeds(services: Services, seed: int) -> dict[str, Callable[[int], Any]]:
    """What people cause, by name; each is done for the n-th time."""
    client = signed_in(services)
    token = hidden(client.get("/en/desk/").text)
    chooser = random.Random(seed)
    articles = sorted(services.edition.knowledge.articles)

    def read(_number: int) -> None:
        """What a thousand pages leave behind."""
        now = services.clock()
        for _ in range(SECONDS):
            opened = [View(now.date(), *chooser.choice(articles)) for _ in range(READINGS)]
            session = f"{chooser.getrandbits(128):032x}"
            events = [SearchEvent(now, Deed.SEARCH, "en", session, "printer offline", total=4) for _ in range(SEARCHES)]
            for add in (partial(views.add, views=opened), partial(searches.add, added=events)):
                with services.database.write() as connection:
                    add(connection)

    def ask(number: int) -> None:
        mark = f"{seed}-{number}-{chooser.getrandbits(64):x}"
        sent = Sending("Lea Martin", f"{mark}@example.org", f"Printer {mark}", "It does not print.", "en")
        services.requests.receive(sent, mark, services.clock(), stems=["printer", mark])

    def vote(number: int) -> None:
        language, slug = chooser.choice(articles)
        given = feedback.Vote(
            slug, language, f"{seed}-{number}-{chooser.getrandbits(64):x}", is_helpful=True, revision="r"
        )
        with services.database.write() as connection:
            feedback.vote(connection, given, services.clock())

    def note(number: int) -> Any:
        form = {"text": f"Looked at it, {number}.", "csrf_token": token}
        return client.post(f"/en/desk/tickets/{chooser.randrange(1, TICKETS)}/note", data=form)

    def look(_number: int) -> Any:
        form = {"state": "", "writing": "no", "csrf_token": token}
        return client.post(f"/en/desk/tickets/{chooser.randrange(1, TICKETS)}/here", data=form)

    return {
        "1,000 pages read": read,
        "a request": ask,
        "a vote": vote,
        "agent: the queue": lambda _number: client.get("/en/desk/"),
        "agent: a ticket": lambda _number: client.get(f"/en/desk/tickets/{chooser.randrange(1, TICKETS)}"),
        "agent: a note": note,
        "agent: an open page asks": look,
    }


@dataclass(frozen=True)
class Done:
    """What one client did."""

    #: Milliseconds of each time.
    taken: list[float]
    #: Processor seconds of the client.
    spent: float
    refused: int


def client(settings: Settings, seed: int, names: list[str], seconds: float, gate: Barrier, told: Any) -> None:
    """A process that does each deed for a while, as all others do at the same time."""
    services = open_services(settings)
    chosen = deeds(services, seed)
    for name in names:
        gate.wait()
        taken: list[float] = []
        before, end, refused = time.process_time(), time.perf_counter() + seconds, 0
        while (begin := time.perf_counter()) < end:
            answer = chosen[name](len(taken))
            refused += answer is not None and answer.status_code >= 400
            taken.append(1000 * (time.perf_counter() - begin))
        told.put((name, Done(taken, time.process_time() - before, refused)))
        gate.wait()
    services.close()


def measured(settings: Settings, server: Part, clients: int, seconds: float) -> list[Row]:
    """Let clients do each deed as fast as they can; a row for each."""
    context = multiprocessing.get_context("spawn")
    services = open_services(settings)
    names = list(deeds(services, 0))
    services.close()
    gate, told = context.Barrier(clients + 1), context.Queue()
    processes = [
        context.Process(target=client, args=(settings, number, names, seconds, gate, told), daemon=True)
        for number in range(clients)
    ]
    for process in processes:
        process.start()
    rows = []
    for name in names:
        gate.wait(120)
        before, begin = spent(server), time.perf_counter()
        done = [told.get(timeout=seconds + 120)[1] for _ in range(clients)]
        elapsed, used = time.perf_counter() - begin, spent(server) - before
        rows.append(_row(name, done, elapsed, used))
        gate.wait(120)
    for process in processes:
        process.join(30)
    return rows


def _row(name: str, done: list[Done], elapsed: float, used: float) -> Row:
    """What all clients came to."""
    taken = [each for one in done for each in one.taken]
    return {
        "deed": name,
        "a second": len(taken) / elapsed,
        "p50 ms": percentile(taken, 0.5),
        "p95 ms": percentile(taken, 0.95),
        "node CPU ms": 1000 * sum(one.spent for one in done) / len(taken),
        "database CPU ms": 1000 * used / len(taken),
        "refused": sum(one.refused for one in done),
    }


@click.command()
@click.option("--clients", default=4, type=click.IntRange(1, 64), show_default=True, help="Processes.")
@click.option("--seconds", default=10.0, type=click.FloatRange(1, 600), show_default=True, help="Of each deed.")
@corpus.json_option
def main(clients: int, seconds: float, as_json: bool) -> None:
    """Measure the portal's own transactions on a PostgreSQL of its own, which syncs every one of them to the disk."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # The server is ended then, too.
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        server, url = postgresql(folder)
        server.start()
        try:
            settings = replace(Settings(), articles=shipped_articles(), data=folder / "var", database_url=url)
            prepare(settings)
            services = open_services(settings)
            fill(services, TICKETS)
            services.close()
            rows = measured(settings, server, clients, seconds)
        finally:
            server.kill()
    facts: dict[str, Cell] = {
        "clients": f"{clients} processes for {seconds:g} s each",
        "cores": len(os.sched_getaffinity(0)),
        "tickets": f"{TICKETS} with ten events each",
    }
    show("capacity", facts, rows, as_json=as_json)


if __name__ == "__main__":
    main()
