"""What one node and the shared database carry, measured, and how many of them a help centre of a size needs."""

import os
import random
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
from redis import Redis
from sqlalchemy import select

from benchmarks import corpus
from benchmarks.capacity import database, duties, node, sizing
from benchmarks.capacity.meters import Meters
from benchmarks.desk import settle
from benchmarks.report import Cell, Told, into_option
from benchmarks.resilience import parts
from benchmarks.resilience.crowd import PASSWORD, Crowd
from benchmarks.resilience.readers import pages
from benchmarks.year import make_year
from portal.commands.options import shipped_articles
from portal.commands.progress import progress_bar
from portal.people import Person, Role
from portal.server import prepare
from portal.services import open_services
from portal.settings import Settings
from portal.storage import Database, sizes
from portal.storage.schema import tickets
from portal.tickets import Kind, Status

#: Agents who work at once, readers a second of the mix, and tickets that agents open.
AGENTS, RATE, OPENED = 50, 40.0, 200
#: Tables whose rows belong to a ticket, to a visit, and to a day.
OF_TICKETS = ("tickets", "events", "outbox", "ticket_words", "form_sessions")
OF_VISITS = ("search_events",)
OF_DAYS = ("daily_facts", "daily_articles", "article_views")


def stored(found: sizes.Sizes, days: int, event_days: int) -> sizing.Sizes:
    """What a ticket, an event and a day take."""

    def taken(names: tuple[str, ...]) -> int:
        return sum(found.tables[name].size or 0 for name in names if name in found.tables)

    events = max(1, found.tables["search_events"].rows)
    return sizing.Sizes(
        taken(OF_TICKETS) / max(1, found.tables["tickets"].rows), taken(OF_VISITS) / events, event_days,
        taken(OF_DAYS) / days,
    )  # fmt: skip


def year(settings: Settings, days: int, searches: int) -> None:
    """Fill the database with a year that is always the same."""
    click.echo(f"Making {days} days; this takes minutes.", err=True)
    services = open_services(settings)
    make_year(services, days=days, searches=searches)
    settle(services)
    services.close()


def desk(settings: Settings) -> tuple[list[str], list[int]]:
    """Agents who can sign in, and requests that are not solved."""
    services = open_services(settings)
    now, emails = services.clock(), [f"worker{number}@example.org" for number in range(AGENTS)]
    for number, email in enumerate(emails):
        person = Person(0, email, f"Worker {number}", frozenset({Role.AGENT}), (1, 2, 3, 4), ("en", "fr", "de", "ru"))
        services.staff.add(person, PASSWORD, now)
    open_ones = tickets.c.status.not_in([Status.SOLVED.value, Status.CLOSED.value])
    asked = select(tickets.c.id).where(tickets.c.kind == Kind.REQUEST.value, open_ones).order_by(tickets.c.id.desc())
    with services.database.read() as connection:
        numbers = list(connection.scalars(asked.limit(OPENED)))
    services.close()
    return emails, numbers


@dataclass(frozen=True)
class Site:
    """A portal on one node, with everything that it stands on, and people who can come to it."""

    meters: Meters
    crowd: Crowd
    emails: list[str]
    tickets: list[int]


@contextmanager
def site(work: Path, source: corpus.Corpus, server: parts.Part, url: str, workers: int) -> Iterator[Site]:
    """A running portal until the end of the block."""
    with ExitStack() as stack:
        redis, redis_url = parts.redis(work)
        mail, mail_url, _taken = parts.mail_server(work)
        for part in (redis, mail):
            stack.callback(part.kill)
            part.start()
        data = work / "node"
        settings = replace(Settings(), articles=source.articles, data=data, database_url=url)
        with progress_bar("Publishing") as progress:
            prepare(settings, progress)
        emails, numbers = desk(settings)
        given = parts.LIMITS | {"REDIS_URL": redis_url, "MAIL_URL": mail_url, "DATABASE_URL": url}
        portal = parts.portal(work, data, source.articles, given | {"WORKERS": str(workers)})
        stack.callback(portal.kill)
        portal.start()
        portal.wait(lambda: parts.is_ready(portal))
        asked = pages(settings, source)
        random.seed(corpus.SEED)
        client = stack.enter_context(Redis.from_url(redis_url))
        yield Site(Meters(portal, server, client), Crowd("127.0.0.1", portal.port, asked), emails, numbers)


def of_node(here: Site, told: Told, seconds: float, rate: float, counting: node.Cost) -> node.Costs:
    """Measure a running portal, and tell of it."""
    who = here.meters, here.crowd, here.emails, here.tickets
    here.crowd.fill = 0.0, 0.0
    node.wait_until_quiet(here.meters)
    parts_of_it, agent, rows = node.each(*who, seconds, node.idle(here.meters, 3 * seconds))
    told.show("node", rows)
    here.crowd.fill = 1.0, 4.0
    nobody, deed, mixed = node.together(*who, max(10.0, 3 * seconds), rate)
    told.show("together", mixed)
    return node.Costs(nobody, deed, agent, counting).at_least(parts_of_it.node, parts_of_it.database)


@click.command()
@corpus.articles_option
@click.option("--clients", default=4, type=click.IntRange(1, 64), show_default=True, help="Of the database.")
@click.option("--seconds", default=10.0, type=click.FloatRange(1, 600), show_default=True, help="Of each deed.")
@click.option("--days", default=365, type=click.IntRange(40, 3650), show_default=True, help="That the data are of.")
@click.option("--searches", default=10_000, type=click.IntRange(100, 10**6), show_default=True, help="Of a day.")
@click.option("--rate", default=RATE, type=click.FloatRange(0.5, 1000), show_default=True, help="Readers a second.")
@click.option("--workers", default=2, type=click.IntRange(1, 64), show_default=True, help="Processes of the node.")
@into_option
@corpus.json_option
def main(
    given: Path | None,
    clients: int,
    seconds: float,
    days: int,
    searches: int,
    rate: float,
    workers: int,
    into: Path | None,
    as_json: bool,
) -> None:
    """Measure a node and a PostgreSQL of its own with a year's data, which brings every commit to the disk."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # The servers are ended then, too.
    source = corpus.find(given)
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # The database's own user must reach its part.
        server, url = parts.postgresql(folder)
        server.start()
        try:
            settings = replace(Settings(), articles=shipped_articles(), data=folder / "year", database_url=url)
            prepare(settings)
            year(settings, days, searches)
            found = sizes.measure(Database(url))
            facts: dict[str, Cell] = {
                "cores": len(os.sched_getaffinity(0)),
                "data": f"{days} days, {found.tables['tickets'].rows} tickets, {found.size / 1e9:.1f} GB",
                "database": f"{found.engine}; {clients} processes, {seconds:g} s each",
                "node": f"{workers} processes, {rate:g} readers a second, {AGENTS} agents",
            }
            told = Told(facts, as_json, into)
            told.show("database", own := database.measured(settings, server, clients, seconds))
            done, counting = duties.measured(settings, server)
            told.show("duties", done)
            with site(folder, source, server, url, workers) as here:
                costs = of_node(here, told, seconds, rate, counting)
        finally:
            server.kill()
    costs = costs.at_least(0.0, database.of_deed(own))
    told.show("alone", sizing.alone(costs))
    told.show("sizing", sizing.table(costs, stored(found, days, settings.event_days)))


if __name__ == "__main__":
    main()
