"""The reports on a year of ten thousand searches and three hundred tickets a day: how long each page takes."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click
from flask.testing import FlaskClient
from sqlalchemy import func, select

from benchmarks import corpus
from benchmarks.desk import PASSWORD, hidden, postgresql
from benchmarks.report import Cell, Row, percentile, show
from benchmarks.year import SUPERVISOR, make_year
from benchmarks.year_check import check_year
from portal.app import create_app
from portal.commands.options import shipped_articles
from portal.server import prepare
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage.schema import daily_articles, daily_facts, daily_times, events, search_events, tickets
from portal.warming import settle
from portal.web.reports.frame import MOST_BY_DAY

#: How long a page may take, in milliseconds, in 19 of 20 cases.
TARGET = 200.0
#: A year that is so long is compared with itself.
COMPARED = 90
#: What a page is asked for: the filters that read the most, and those that are used the most.
FILTERS = (
    "period=365&step=week",
    "first={quarter}&last={yesterday}&step=day",
    "period=365&step=month&in=de",
    "period=365&step=week&topic={topic}",
    "period=365&step=week&tier=1",
    "period=30&step=day",
)


def signed_in(services: Services) -> FlaskClient:
    """A browser of the supervisor."""
    client = create_app(services.settings, services).test_client()
    token = hidden(client.get("/en/sign-in").text)
    client.post("/en/sign-in", data={"email": SUPERVISOR, "password": PASSWORD, "csrf_token": token})
    return client


def addresses(client: FlaskClient) -> Iterator[tuple[str, str]]:
    """Endpoint and address of every page of reports that is only looked at."""
    app = client.application
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        needed = rule.arguments - {"language"}
        if rule.endpoint.startswith("reports.") and "GET" in (rule.methods or ()) and not needed:
            with app.test_request_context():
                yield rule.endpoint, app.url_for(rule.endpoint, language="en")


def measured(services: Services, times: int) -> list[Row]:
    """Median and 95th percentile of each page with each filter, in milliseconds."""
    client = signed_in(services)
    client.get("/en/")
    settle()  # As a worker does once it has the articles.
    yesterday = services.clock().date() - timedelta(days=1)
    quarter = yesterday - timedelta(days=MOST_BY_DAY - 1)
    asked_for = {"topic": services.edition.knowledge.topics[0].slug, "quarter": quarter, "yesterday": yesterday}
    rows: list[Row] = []
    for endpoint, address in addresses(client):
        for filtered in FILTERS:
            asked = f"{address}?{filtered.format(**asked_for)}"
            taken = []
            for number in range(times + 1):
                started = time.perf_counter()
                answer = client.get(asked)
                if number:
                    taken.append((time.perf_counter() - started) * 1000)
                if answer.status_code != 200:
                    raise click.ClickException(f"{asked}: {answer.status}")
            slow = percentile(taken, 0.95)
            rows.append(
                {
                    "page": endpoint,
                    "filter": filtered,
                    "p50 ms": percentile(taken, 0.5),
                    "p95 ms": slow,
                    "": "too slow" if slow > TARGET else "",
                }
            )
    return rows


def counting(services: Services) -> dict[str, float]:
    """How long it takes to count what is open, and to find that nothing has changed, in milliseconds."""
    now = services.clock()
    taken = {}
    for name, at in (("counting the open days", now), ("nothing has changed", now + timedelta(minutes=10))):
        started = time.perf_counter()
        services.daily.run(at)
        taken[name] = (time.perf_counter() - started) * 1000
    return taken


def measure(settings: Settings, days: int, times: int, *, as_json: bool) -> bool:
    """Measure on one database and print it; whether the target is met.

    Args:
        settings: of the instance; a year is made where it has no ticket.
        days: how long the year is.
        times: how often each page is asked for.
        as_json: print JSON.
    """
    prepare(settings)
    services = open_services(settings)
    facts: dict[str, Cell] = {"database": "SQLite" if services.database.is_sqlite else "PostgreSQL"}
    with services.database.read() as connection:
        is_empty = connection.execute(select(tickets.c.id).limit(1)).first() is None
    if is_empty:
        started = time.perf_counter()
        make_year(services, days)
        if days >= COMPARED:
            check_year(services)
        facts["made in"] = f"{time.perf_counter() - started:.0f} s"
        _settle(services)
    with services.database.read() as connection:
        for table in (tickets, events, search_events, daily_facts, daily_times, daily_articles):
            facts[table.name] = connection.execute(select(func.count()).select_from(table)).scalar_one()
    facts |= {name: f"{value:.0f} ms" for name, value in counting(services).items()}
    facts["target"] = f"p95 at most {TARGET:.0f} ms"
    rows = measured(services, times)
    services.close()
    show("reports", facts, rows, as_json=as_json)
    click.echo()
    return not any(row[""] for row in rows)


def _settle(services: Services) -> None:
    """What PostgreSQL does by itself within minutes."""
    if not services.database.is_sqlite:
        services.database.engine.dispose()
        with services.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


@click.command()
@click.option("--days", default=365, show_default=True, type=click.IntRange(35, 800))
@click.option("--times", default=10, show_default=True, type=click.IntRange(3, 10_000), help="Each page is asked for.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of an instance to keep or to use again; SQLite.")
@click.option(
    "--databases",
    default=("sqlite",),
    show_default=True,
    multiple=True,
    type=click.Choice(["sqlite", "postgresql"]),
    help="Which; once for each.",
)
@corpus.json_option
def main(days: int, times: int, data: Path | None, databases: tuple[str, ...], as_json: bool) -> None:
    """Measure the pages of reports on a year of a busy help centre, in process and signed in."""
    is_met = []
    for name in databases:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            settings = replace(Settings(), articles=shipped_articles(), data=data or Path(folder))
            if name == "sqlite":
                is_met.append(measure(settings, days, times, as_json=as_json))
            else:
                with postgresql() as address:
                    settings = replace(settings, data=Path(folder), database_url=address)
                    is_met.append(measure(settings, days, times, as_json=as_json))
    if not all(is_met):
        raise click.ClickException("Some pages take longer than they may.")


if __name__ == "__main__":
    main()
