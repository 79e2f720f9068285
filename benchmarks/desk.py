"""The desk at a hundred thousand tickets: how long agents wait for the queue, a ticket, the next one and a search."""

import itertools
import os
import pwd
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from flask.testing import FlaskClient
from sqlalchemy import insert

from benchmarks import corpus
from benchmarks.report import Cell, Row, percentile, show
from benchmarks.serving import free_port
from portal.app import create_app
from portal.commands.options import shipped_articles
from portal.commands.progress import progress_bar
from portal.locales import CODES
from portal.people import Person, Role
from portal.server import prepare
from portal.services import Services, open_services, utc_now
from portal.settings import Settings
from portal.storage.schema import events, tickets
from portal.tickets import GAPS, Action, Kind, Status

PASSWORD = "kettle-orbit-velvet-27"
AGENTS = 20
#: Share of the tickets that are not solved, and events of each on average.
UNSOLVED_SHARE, EVENTS_EACH = 0.05, 10
#: Rows that are inserted at once.
BATCH = 2000
#: How long the queue's page may take in half of the cases, in milliseconds.
TARGET = 50.0

#: Words that tickets are made of; the first are in many tickets, the last in few.
WORDS = {
    "en": "printer does not print password reset network slow laptop screen black mail outbox scanner paper jam monitor "
    "keyboard docking station certificate expired invoice template folder missing backup restore headset silent",
    "fr": "imprimante imprime mot passe oublié réseau lent ordinateur écran noir messagerie envoi scanner bourrage papier "
    "moniteur clavier station accueil certificat expiré facture modèle dossier manquant sauvegarde casque muet",
    "de": "Drucker druckt nicht Passwort vergessen Netzwerk langsam Laptop Bildschirm schwarz Postfach Scanner Papierstau "
    "Monitor Tastatur Dockingstation Zertifikat abgelaufen Rechnung Vorlage Ordner fehlt Sicherung Headset stumm",
    "ru": "принтер не печатает пароль забыт сеть медленная ноутбук экран чёрный почта отправка сканер замятие бумаги "
    "монитор клавиатура станция сертификат истёк счёт шаблон папка пропала копия гарнитура молчит",
}
#: What every ticket here has alike.
NOTHING: dict[str, Any] = {
    "query": "",
    "page": "",
    "occurrences": 1,
    "resolution_text": "",
    "slug": "",
    "phone": "",
    "trail": [],
    "urgency": 3,
    "impact": 3,
    "channel": "web",
    "due_clock": "",
}
#: What is searched for: words in many tickets and in few, in each language, a name, an address.
SEARCHES = (
    "printer", "headset silent", "imprimante", "casque muet", "Drucker", "Headset", "принтер", "гарнитура молчит",
    "device 4711", "Anna Nowak 77", "person512@example.org", "password reset network", "no such words anywhere",
)  # fmt: skip


def sentence(chooser: random.Random, words: list[str], length: int) -> str:
    """Some words, the first of the list more often than the last."""
    return " ".join(words[int(len(words) * chooser.random() ** 2)] for _ in range(length))


def made(count: int, now: datetime) -> Iterator[dict[str, Any]]:
    """The tickets, the same in every run but for the time; the newest are the unsolved ones, mostly."""
    chooser = random.Random(corpus.SEED)
    vocabulary = {code: words.split() for code, words in WORDS.items()}
    waiting = [Status.NEW, Status.OPEN, Status.OPEN, Status.WAITING_REQUESTER, Status.WAITING_SUPPLIER, Status.PLANNED]
    for number in range(1, count + 1):
        code = CODES[number % 4]
        age = timedelta(minutes=(count - number) * 10)
        is_open = chooser.random() < (UNSOLVED_SHARE * 4 if number > count * 0.8 else UNSOLVED_SHARE / 4)
        kind = chooser.choice([Kind.REQUEST, Kind.REQUEST, Kind.REQUEST, Kind.GAP])
        status = chooser.choice(waiting) if is_open else chooser.choice([Status.SOLVED, *[Status.CLOSED] * 9])
        owner = chooser.randrange(AGENTS) + 1 if status is not Status.NEW and kind is Kind.REQUEST else None
        ended = None if is_open else now - age + timedelta(hours=8)
        yield {
            "id": number,
            "kind": kind.value,
            "status": status.value,
            "tier": chooser.choice([1, 1, 1, 2, 2, 3]),
            "language": code,
            "subject": f"{sentence(chooser, vocabulary[code], 5)} {number % 997}",
            "description": f"device {number % 9973} {sentence(chooser, vocabulary[code], 30)}",
            **NOTHING,
            "requester_name": f"Anna Nowak {number % 500}",
            "requester_email": f"person{number % 5000}@example.org",
            "owner_id": owner,
            "owner_name": f"Agent {owner}" if owner else "",
            "resolution": None if is_open else "answered",
            "solved_at": ended,
            "closed_at": ended if status is Status.CLOSED else None,
            "created_at": now - age,
            "updated_at": ended or now - age,
            "version": EVENTS_EACH,
            "code": "U0" if kind in GAPS else "",
            "is_confirmed": kind is Kind.REQUEST or chooser.random() < 0.7,
            "priority": chooser.choice([1, 2, 2, 3, 3, 3, 4, 4, 5]),
            "is_major": is_open and number % 5000 == 0,
            "topic": chooser.choice(["", "accounts", "devices"]),
            "due_at": now + timedelta(minutes=chooser.randint(-300, 3000))
            if is_open and kind is Kind.REQUEST and chooser.random() < 0.8
            else None,
            "clocked": EVENTS_EACH,
        }


def history(ticket: dict[str, Any], chooser: random.Random, words: list[str]) -> Iterator[dict[str, Any]]:
    """The events of a ticket."""
    course = (Action.OPENED, Action.TAKE, Action.NOTE, Action.REPLY, Action.REQUESTER_REPLY)
    for number in range(EVENTS_EACH):
        action = course[min(number, 4) if number < 5 else 2 + number % 3]
        has_text = action in {Action.NOTE, Action.REPLY, Action.REQUESTER_REPLY}
        yield {
            "ticket_id": ticket["id"],
            "at": ticket["created_at"] + timedelta(minutes=number * 30),
            "action": action.value,
            "person_id": ticket["owner_id"] if action is not Action.REQUESTER_REPLY else None,
            "actor_name": ticket["owner_name"] or "Anna",
            "before": None,
            "after": ticket["status"],
            "text": sentence(chooser, words, 15) if has_text else "",
            "is_public": action in {Action.REPLY, Action.REQUESTER_REPLY},
            "details": {},
        }


def fill(services: Services, count: int) -> tuple[float, float]:
    """Make the tickets with their histories, and read their words; how many of each a second."""
    now = utc_now()
    for number in range(1, AGENTS + 1):
        agent = Person(0, f"agent{number}@example.org", f"Agent {number}", frozenset({Role.AGENT}), (1, 2), CODES)
        services.staff.add(agent, PASSWORD, now)
    chooser = random.Random(corpus.SEED + 1)
    vocabulary = {code: words.split() for code, words in WORDS.items()}
    started = time.perf_counter()
    every = made(count, now)
    with progress_bar("Tickets") as progress:
        done = 0
        while batch := list(itertools.islice(every, BATCH)):
            lines = [line for each in batch for line in history(each, chooser, vocabulary[each["language"]])]
            with services.database.write() as connection:
                connection.execute(insert(tickets), batch)
                connection.execute(insert(events), lines)
            done += len(batch)
            progress(done, count)
    filled = time.perf_counter() - started
    settle(services)
    started = time.perf_counter()
    with progress_bar("Words") as progress:
        done = 0
        while read := services.finding.index(now):
            done += read
            progress(min(done, count), count)
    indexed = time.perf_counter() - started
    settle(services)
    return count / filled, count / indexed


def settle(services: Services) -> None:
    """What PostgreSQL does by itself within minutes; SQLite is left as it is in service, without statistics."""
    if services.database.is_sqlite:
        return
    services.database.engine.dispose()
    with services.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Numbers were given by hand.
        connection.exec_driver_sql("SELECT setval('tickets_id_seq', (SELECT max(id) FROM tickets))")
        connection.exec_driver_sql("VACUUM ANALYZE")


def hidden(page: str) -> str:
    """The token of a page's forms."""
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


def signed_in(services: Services) -> FlaskClient:
    """A browser of an agent."""
    client = create_app(services.settings, services).test_client()
    token = hidden(client.get("/en/sign-in").text)
    sent = {"email": "agent1@example.org", "password": PASSWORD, "csrf_token": token}
    client.post("/en/sign-in", data=sent)
    return client


def pages(client: FlaskClient, count: int) -> dict[str, Callable[[int], Any]]:
    """What is measured, by name; each is asked for the n-th time."""
    token = hidden(client.get("/en/desk/").text)
    narrowed = ("in=ru", "priority=5", "owner=none&kind=request", "status=planned&topic=devices", "tier=3&in=de")
    second = client.get("/en/desk/").text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    unsolved = count - 7

    def get(path: str) -> Any:
        return client.get(f"/en/desk/{path}")

    return {
        "queue page": lambda _n: get(""),
        "queue page, next page": lambda _n: client.get(second),
        "queue page, by priority": lambda _n: get("?sort=priority&tier=all"),
        "queue page, filtered": lambda n: get(f"?{narrowed[n % len(narrowed)]}"),
        "queue page, mine": lambda _n: get("?show=mine"),
        "queue page, done": lambda _n: get("?show=done"),
        "queue page, done, filtered": lambda n: get(f"?show=done&tier=all&{narrowed[n % len(narrowed)]}"),
        "queue page, search": lambda n: get(f"?show=all&q={SEARCHES[n % len(SEARCHES)].replace(' ', '+')}"),
        "counts and news": lambda n: get(f"queue/counts?since={unsolved - n}"),
        "ticket page": lambda n: get(f"tickets/{count - 17 * n - 1}"),
        "next ticket, taken": lambda _n: client.post("/en/desk/next", data={"csrf_token": token}),
    }


def measured(services: Services, count: int, times: int) -> list[Row]:
    """Median and 95th percentile of each page, in milliseconds."""
    client = signed_in(services)
    rows: list[Row] = []
    for name, ask in pages(client, count).items():
        taken = []
        for number in range(times + 2):
            started = time.perf_counter()
            answer = ask(number)
            if number >= 2:
                taken.append((time.perf_counter() - started) * 1000)
            if answer.status_code not in {200, 303}:
                raise click.ClickException(f"{name}: {answer.status}")
        rows.append({"page": name, "p50 ms": percentile(taken, 0.5), "p95 ms": percentile(taken, 0.95)})
    return rows


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of our own with an empty database, as its packages set it up; its address."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if not programs:
        raise click.ClickException("There is no PostgreSQL: apt-get install postgresql, or --databases sqlite.")
    folder = Path(tempfile.mkdtemp(prefix="benchmark-postgres-"))
    user = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None  # It refuses to run as root.
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(programs[0].parent / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, capture_output=True, user=user, cwd=folder)

    port = free_port()
    run("initdb", "-U", "portal", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    run("pg_ctl", "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql+psycopg://portal@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def measure(database: str, data: Path, count: int, times: int, *, as_json: bool) -> bool:
    """Measure on one database and print it; whether the target is met.

    Args:
        database: address; empty for SQLite in the folder.
        data: folder of the instance.
        count: of tickets.
        times: how often each page is asked for.
        as_json: print JSON.
    """
    settings = replace(Settings(), articles=shipped_articles(), data=data)
    settings = replace(settings, database_url=database) if database else settings
    prepare(settings)
    services = open_services(settings)
    filled, indexed = fill(services, count)
    rows = measured(services, count, times)
    facts: dict[str, Cell] = {
        "database": "PostgreSQL" if database else "SQLite",
        "tickets": count,
        "events": count * EVENTS_EACH,
        "made": f"{filled:.0f} tickets/s, their words read: {indexed:.0f} tickets/s",
        "target": f"queue page: p50 at most {TARGET:.0f} ms",
    }
    services.close()
    show("desk", facts, rows, as_json=as_json)
    click.echo()
    return float(rows[0]["p50 ms"] or 0) <= TARGET


@click.command()
@click.option("--tickets", "count", default=100_000, show_default=True, type=click.IntRange(1000, 10**7))
@click.option("--times", default=40, show_default=True, type=click.IntRange(5, 10_000), help="Each page is asked for.")
@click.option(
    "--databases",
    default=("sqlite", "postgresql"),
    multiple=True,
    type=click.Choice(["sqlite", "postgresql"]),
    help="Which; once for each. Default: both.",
)
@corpus.json_option
def main(count: int, times: int, databases: tuple[str, ...], as_json: bool) -> None:
    """Measure the desk's pages on a hundred thousand tickets and a million events, in process and signed in."""
    is_met = []
    for name in databases:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            if name == "sqlite":
                is_met.append(measure("", Path(folder), count, times, as_json=as_json))
            else:
                with postgresql() as address:
                    is_met.append(measure(address, Path(folder), count, times, as_json=as_json))
    if not all(is_met):
        raise click.ClickException("The queue's page takes longer than it may.")


if __name__ == "__main__":
    main()
