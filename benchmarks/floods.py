"""What a flood of searches leaves on the desk: robots of several kinds, and people among them."""

import http.client
import itertools
import queue
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import click
from sqlalchemy import func, select

from benchmarks import corpus
from benchmarks.load import HOST
from benchmarks.report import Cell, Row, percentile, show
from benchmarks.serving import free_port, server
from portal.chains import Kind as Deed
from portal.commands.options import shipped_articles
from portal.commands.progress import progress_bar
from portal.locales import CODES
from portal.server import prepare, worker_count
from portal.settings import Settings
from portal.storage import Database
from portal.storage import tickets as store
from portal.storage.schema import search_events
from portal.tickets import Kind, Ticket

#: People who ask one new question each while the flood lasts.
PEOPLE = 40
#: Networks that the robots with cookies come from.
FEW = 8
#: Questions that several robots ask.
POOL = 200
#: Share of searches that are of the pool.
REPEATED = 0.4
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CRAWLER = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"
#: Letters of words that no language has and no repair brings near one.
_LETTERS = "bcdfghjklmnpqrstvwxz"
#: Starts the portal behind one proxy, so that made-up addresses are believed.
_SERVE = "import os; os.environ['PORTAL_PROXY_COUNT'] = '1'; from portal.cli import main; main()"


@dataclass
class Client:
    """Somebody who searches."""

    #: person, crawler, without cookies, or with cookies
    kind: str
    address: str
    language: str
    #: What it has been given; sent back by those that keep cookies.
    cookie: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Headers of its next request."""
        headers = {
            "X-Forwarded-For": self.address,
            "User-Agent": CRAWLER if self.kind == "crawler" else BROWSER,
        }
        return headers | ({"Cookie": self.cookie} if self.cookie else {})


@dataclass(eq=False)
class Crowd:
    """Sends searches from several threads; what came of them."""

    port: int
    searches: list[tuple[Client, list[str]]]
    #: Milliseconds of each search.
    taken: list[float] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    failed: int = 0

    def run(self, connections: int) -> float:
        """Send everything; the seconds that it took."""
        waiting: queue.SimpleQueue[tuple[Client, list[str]]] = queue.SimpleQueue()
        for search in self.searches:
            waiting.put(search)
        begin = time.perf_counter()
        threads = [threading.Thread(target=self._send_all, args=(waiting,), daemon=True) for _ in range(connections)]
        for thread in threads:
            thread.start()
        with progress_bar("Searching") as progress:
            while any(thread.is_alive() for thread in threads):
                threads[0].join(0.2)
                time.sleep(0.2)
                progress(len(self.searches) - waiting.qsize(), len(self.searches))
        return time.perf_counter() - begin

    def _send_all(self, waiting: "queue.SimpleQueue[tuple[Client, list[str]]]") -> None:
        """Send until nothing is left, on one connection."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        while True:
            try:
                client, texts = waiting.get_nowait()
            except queue.Empty:
                break
            for text in texts:
                begin = time.perf_counter()
                try:
                    self._send(connection, client, text)
                except (OSError, http.client.HTTPException, RuntimeError):
                    self.failed += 1
                    connection.close()  # The next request opens it again.
                else:
                    self.answered[client.kind] += 1
                    self.taken.append(1000 * (time.perf_counter() - begin))
        connection.close()

    @staticmethod
    def _send(connection: http.client.HTTPConnection, client: Client, text: str) -> None:
        """Submit one search."""
        connection.request("GET", f"/{client.language}/search?q={quote(text)}", headers=client.headers)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"status {response.status}")
        given = response.headers.get("Set-Cookie", "")
        if client.kind in ("person", "with cookies") and given.startswith("visit="):
            client.cookie = given.partition(";")[0]


def words(number: int) -> str:
    """A question that nobody has asked before: made-up words, another for each number."""
    letters = []
    for _ in range(9):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return "xq" + "".join(letters)


def robots(count: int) -> list[Client]:
    """Two fifths without cookies and as many with, from a few networks; one fifth crawlers that say what they are."""
    kinds = itertools.cycle(("without cookies", "with cookies", "without cookies", "with cookies", "crawler"))
    made = []
    for number, kind in zip(range(count), kinds, strict=False):
        network = f"10.1.{number % FEW}" if kind == "with cookies" else f"10.{2 + number // 250}.{number % 250}"
        made.append(Client(kind, f"{network}.{1 + number // FEW % 250}", CODES[number % len(CODES)]))
    return made


def flood(searches: int, clients: int) -> tuple[list[tuple[Client, list[str]]], list[tuple[Client, str]]]:
    """Everything that is sent, and the people's questions; the same in every run."""
    chooser = random.Random(corpus.SEED)
    crowd = robots(clients)
    new = itertools.count(chooser.randrange(len(_LETTERS) ** 8))
    pool = [words(next(new)) for _ in range(POOL)]
    sent = []
    for number in range(searches):
        text = chooser.choice(pool) if chooser.random() < REPEATED else words(next(new))
        sent.append((crowd[number % clients], [text]))
    chooser.shuffle(sent)
    people = []
    for number in range(PEOPLE):
        person = Client("person", f"192.168.{number}.{1 + number}", CODES[number % len(CODES)])
        people.append((person, words(next(new))))
        # Their browser has a cookie by then, of a search that found something or nothing.
        sent.insert(len(sent) * number // PEOPLE, (person, ["VPN", people[-1][1]]))
    return sent, people


@dataclass(frozen=True)
class Left:
    """What a flood left in the database."""

    tickets: list[Ticket]
    #: Searches recorded with their gap.
    with_gap: int
    #: Searches that something answered, or perhaps: they open nothing at once.
    found: int


def left(settings: Settings) -> Left:
    """Read what a flood left."""
    database = Database(settings.database)
    table = search_events.c
    with database.read() as connection:
        tickets = store.find(connection, store.Filter(is_unsolved=None), limit=10**6)
        has_gap = table.gap_id.is_not(None)
        counts = [
            int(connection.execute(select(func.count()).where(table.kind == Deed.SEARCH.value, where)).scalar_one())
            for where in (has_gap, table.code == "")
        ]
    database.close()
    return Left(tickets, *counts)


def rows_of(crowd: Crowd, people: list[tuple[Client, str]], found: Left) -> list[Row]:
    """The table: what was sent and what became of it."""
    gaps = [ticket for ticket in found.tickets if ticket.kind is not Kind.OVERFLOW]
    asked = sum(gap.occurrences for gap in gaps)
    coalesced = sum(ticket.occurrences for ticket in found.tickets if ticket.kind is Kind.OVERFLOW)
    refused = crowd.answered["crawler"]
    theirs = {gap.query for gap in gaps}
    repeats = found.with_gap - asked
    kept = asked + repeats + coalesced + refused + found.found
    facts: dict[str, Cell] = {
        "searches answered": sum(crowd.answered.values()),
        "failed": crowd.failed,
        "tickets opened": len(gaps),
        "occurrences counted": asked - len(gaps),
        "repeats within an attempt or network": repeats,
        "coalesced in one ticket": coalesced,
        "refused as crawlers": refused,
        "with results, no gap": found.found,
        "sum of these six": kept,
        "lost": sum(crowd.answered.values()) - kept,
        "people's questions with their ticket": sum(text in theirs for _, text in people),
        "people": len(people),
    }
    return [{"what": name, "number": value} for name, value in facts.items()]


@click.command()
@corpus.articles_option
@click.option("--searches", default=20_000, show_default=True, type=click.IntRange(1, 10**6), help="Of robots.")
@click.option("--clients", default=500, show_default=True, type=click.IntRange(1, 50_000), help="Robots.")
@click.option("--connections", default=8, show_default=True, type=click.IntRange(1, 256), help="Kept open at once.")
@click.option(
    "--workers", default=0, show_default=True, type=click.IntRange(0, 64), help="Server processes; 0 as usual."
)
@corpus.json_option
def main(given: Path | None, searches: int, clients: int, connections: int, workers: int, as_json: bool) -> None:
    """Flood a running portal with searches that nothing answers, and count what becomes of each."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # The server is ended then, too.
    sent, people = flood(searches, clients)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        settings = replace(Settings(), articles=given or shipped_articles(), data=Path(name) / "data", workers=workers)
        with progress_bar("Publishing") as progress:
            prepare(settings, progress)
        port = free_port()
        alike = ["--workers", str(workers), "--port", str(port)]
        command = ["-c", _SERVE, "serve", "--articles", str(settings.articles), "--data", str(settings.data), *alike]
        crowd = Crowd(port, sent)
        with server(command, port, "/healthz", Path(name) / "portal.log"):
            seconds = crowd.run(connections)
        # It has ended, and written down all that it still remembered.
        found = left(settings)
    facts: dict[str, Cell] = {
        "articles": str(settings.articles),
        "servers": f"{worker_count(settings)} processes of {settings.threads} threads, each with budgets of its own",
        "sent": f"{searches} searches of {clients} robots, 2 of each of {PEOPLE} people",
        "rate": f"{sum(crowd.answered.values()) / seconds:.0f} searches/s over {connections} connections",
        "p50, p99": f"{percentile(crowd.taken, 0.5):.0f}, {percentile(crowd.taken, 0.99):.0f} ms",
    }
    show("floods", facts, rows_of(crowd, people, found), as_json=as_json)


if __name__ == "__main__":
    main()
