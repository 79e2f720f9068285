"""A crowd on a running portal: how fast it answers, and what is lost and how long it takes when a part of it is killed."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from benchmarks import corpus
from benchmarks.report import Cell, Row, Told, into_option, percentile
from benchmarks.resilience import ledger, parts
from benchmarks.resilience.blows import BLOWS, Blow, Stage, struck
from benchmarks.resilience.crowd import PASSWORD, Answer, Crowd
from benchmarks.resilience.readers import pages
from portal.people import Person, Role
from portal.sending import Sending
from portal.server import prepare
from portal.services import open_services
from portal.settings import Settings
from portal.storage import Database

#: How long the crowd is there before and after each blow, in seconds.
BEFORE, AFTER = 3.0, 22.0
#: Tickets that agents work on.
TICKETS = 200
#: The instance folder's own disk, so that it can be filled; articles, index and SQLite are on it.
DISK = "1500m"


@dataclass(frozen=True)
class Scene:
    """What a run takes place on."""

    stage: Stage
    settings: Settings
    crowd: Crowd
    agents: list[str]
    tickets: list[int]
    taken: Path


def _agents(settings: Settings, count: int) -> tuple[list[str], list[int]]:
    """People of the desk, and tickets for them."""
    services = open_services(settings)
    now, emails = services.clock(), [f"agent{number}@example.org" for number in range(count)]
    for number, email in enumerate(emails):
        person = Person(0, email, f"Agent {number}", frozenset({Role.AGENT}), (1,), ("en", "fr", "de", "ru"))
        services.staff.add(person, PASSWORD, now)
    numbers = []
    for number in range(TICKETS):
        sent = Sending("Lea", f"lea{number}@example.org", f"Printer {number}", "It does not print.", "en")
        numbers.append(services.requests.receive(sent, f"form-{number}", now, stems=[])[0].id)
    services.close()
    return emails, numbers


@contextmanager
def _disk(folder: Path) -> Iterator[bool]:
    """Make a folder a small disk of its own; whether that was possible."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    is_small = subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield is_small
    finally:
        if is_small:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


@contextmanager
def scene(work: Path, source: corpus.Corpus, database: str, agents: int, workers: int) -> Iterator[Scene]:
    """A portal with everything that it stands on, until the end of the block."""
    with ExitStack() as stack:
        is_small = stack.enter_context(_disk(work / "disk"))
        data = work / "disk" / "var"
        redis, redis_url = parts.redis(work)
        mail, mail_url, taken = parts.mail_server(work)
        server, url = parts.postgresql(work) if database == "postgresql" else (None, "")
        for part in (redis, mail, *([server] if server else [])):
            stack.callback(part.kill)
            part.start()
        settings = replace(Settings(), articles=source.articles, data=data, database_url=url)
        prepare(settings)
        given = parts.LIMITS | {
            "REDIS_URL": redis_url,
            "MAIL_URL": mail_url,
            "DATABASE_URL": url,
            "WORKERS": str(workers),
        }
        portal = parts.portal(work, data, source.articles, given)
        emails, numbers = _agents(settings, agents)
        stack.callback(portal.kill)
        portal.start()
        portal.wait(lambda: parts.is_ready(portal))
        stage = Stage(portal, server, redis, mail, data, work / "clock", is_small)
        crowd = Crowd("127.0.0.1", portal.port, pages(settings, source))
        yield Scene(stage, settings, crowd, emails, numbers, taken)


def _with_clock(stage: Stage) -> None:
    """Start the portal anew with a clock that can be set."""
    if stage.clock.exists():
        return
    stage.clock.write_text("0", encoding="ascii")
    program, _, _portal, *rest = stage.portal.command
    stage.portal.kill()
    stage.portal.command = [program, "-m", "benchmarks.resilience.wrong_clock", str(stage.clock), *rest]
    stage.portal.start()
    stage.portal.wait(lambda: parts.is_ready(stage.portal))


def _gather(scene: Scene, seconds: float, rate: float) -> None:
    """Let readers and agents come for a while."""
    asyncio.run(scene.crowd.gather(scene.agents, scene.tickets, seconds, rate))


def calm(scene: Scene, seconds: float, rate: float) -> list[Row]:
    """Measure while nothing happens; a row for each kind of request."""
    _gather(scene, min(seconds, 5.0), rate)  # Caches are warm, agents signed in.
    scene.crowd.answers.clear()
    _gather(scene, seconds, rate)
    kinds = sorted({answer.kind for answer in scene.crowd.answers})
    return [_speed(kind, [each for each in scene.crowd.answers if each.kind == kind]) for kind in kinds] + [
        _speed("all", scene.crowd.answers)
    ]


def _speed(kind: str, answers: list[Answer]) -> Row:
    """How fast one kind of request was answered."""
    taken = [answer.taken for answer in answers]
    quantiles = {
        name: percentile(taken, share) for name, share in (("p50 ms", 0.5), ("p95 ms", 0.95), ("p99 ms", 0.99))
    }
    return {
        "request": kind,
        "answered": len(answers),
        **quantiles,
        "max ms": max(taken),
        "errors": sum(not answer.is_good for answer in answers),
    }


def _faults(blow: Blow, bad: list[Answer], begin: float) -> list[Row]:
    """What was not answered as asked for: a row for each kind of request and of fault."""
    found: dict[tuple[str, str], list[float]] = {}
    for answer in bad:
        found.setdefault((answer.kind, answer.fault), []).append(answer.ended - begin)
    return [
        {
            "what happens": blow.name,
            "request": kind,
            "fault": fault,
            "times": len(ends),
            "first after s": min(ends),
            "last after s": max(ends),
        }
        for (kind, fault), ends in sorted(found.items())
    ]


def strike(scene: Scene, blow: Blow, rate: float) -> tuple[Row, list[Row]]:
    """Let something happen amid the crowd; what came of it, and what was not answered as asked for."""
    crowd = scene.crowd
    if blow.needs_clock:
        _with_clock(scene.stage)
    crowd.answers.clear()
    crowd.again = crowd.renewed = 0
    database = _database(scene)
    before = ledger.balance(database, crowd.acknowledged)
    crowding = threading.Thread(target=_gather, args=(scene, BEFORE + AFTER, rate))
    crowding.start()
    time.sleep(BEFORE)
    begin = time.perf_counter()
    with struck(blow, scene.stage) as mended:
        crowding.join()
    scene.stage.portal.wait(lambda: parts.is_ready(scene.stage.portal))
    answers = list(crowd.answers)
    bad = [answer for answer in answers if not answer.is_good]
    ends = [answer.ended for answer in bad]
    since = {kind: marks[before[kind].acknowledged :] for kind, marks in crowd.acknowledged.items()}
    found = ledger.balance(database, since)
    row: Row = {
        "what happens": blow.name,
        "answered": sum(answer.is_good for answer in answers),
        "polite 503": sum(answer.is_polite for answer in bad),
        "no answer": sum(answer.status == 0 for answer in bad),
        "other errors": sum(answer.status > 0 and not answer.is_polite for answer in bad),
        "renewed": crowd.renewed,
        "sent again": crowd.again,
        "acknowledged": sum(each.acknowledged for each in found.values()),
        "lost": sum(each.lost for each in found.values()),
        "doubled": sum(each.doubled - before[kind].doubled for kind, each in found.items()),
        "well after s": max(ends) - begin if ends else 0.0,
        "of it mended after s": mended - begin if ends and max(ends) > mended else 0.0,
        "p99 ms": percentile([answer.taken for answer in answers], 0.99),
    }
    return row, _faults(blow, bad, begin)


def _database(scene: Scene) -> Database:
    """The portal's database, asked from outside."""
    return Database(scene.settings.database)


@click.command()
@corpus.articles_option
@click.option("--rate", default=40.0, type=click.FloatRange(0.5, 2000), show_default=True, help="Readers a second.")
@click.option("--agents", default=50, type=click.IntRange(0, 500), show_default=True)
@click.option("--seconds", default=60.0, type=click.FloatRange(5, 3600), show_default=True, help="Without a blow.")
@click.option("--workers", default=2, type=click.IntRange(1, 64), show_default=True)
@click.option("--database", default="postgresql", type=click.Choice(["postgresql", "sqlite"]), show_default=True)
@click.option("--only", multiple=True, help="Blows whose names have this; default all.")
@click.option("--no-blows", is_flag=True, help="Only measure.")
@into_option
@corpus.json_option
def main(
    given: Path | None,
    rate: float,
    agents: int,
    seconds: float,
    workers: int,
    database: str,
    only: tuple[str, ...],
    no_blows: bool,
    into: Path | None,
    as_json: bool,
) -> None:
    """Let a crowd use a portal, first in peace, then while its parts are killed one after the other."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # All parts are ended then, too.
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as name,
        scene(_open(Path(name)), corpus.find(given), database, agents, workers) as found,
    ):
        facts: dict[str, Cell] = {
            "database": database,
            "crowd": f"{rate:g} readers a second, {agents} agents",
            "servers": f"{workers} processes",
        }
        told = Told(facts, as_json, into)
        told.show("in peace", calm(found, seconds, rate))
        whole = _all_blows(found, [] if no_blows else _chosen(found.stage, only), rate, told)
        told.show("ledger", [{"deed": kind, **vars(each)} for kind, each in whole.items()])
    if any(each.lost or (each.doubled and kind != "mail") for kind, each in whole.items()):
        sys.exit(1)


def _chosen(stage: Stage, only: tuple[str, ...]) -> list[Blow]:
    """The blows that were asked for and are possible."""
    chosen = [blow for blow in BLOWS if not only or any(part in blow.name for part in only)]
    for blow in chosen:
        if not blow.is_possible(stage):
            click.echo(f"Not possible here: {blow.name}", err=True)
    return [blow for blow in chosen if blow.is_possible(stage)]


def _all_blows(scene: Scene, blows: list[Blow], rate: float, told: Told) -> dict[str, ledger.Balance]:
    """Strike one blow after the other and tell of them; what became of all that was acknowledged."""
    rows: list[Row] = []
    faults: list[Row] = []
    for blow in blows:
        click.echo(f"Now: {blow.name}", err=True)
        row, failed = strike(scene, blow, rate)
        click.echo(", ".join(f"{name}: {value}" for name, value in row.items()), err=True)
        rows.append(row)
        faults += failed
    if rows:
        told.show("blows", rows)
    if faults:
        told.show("faults", faults)
    whole = ledger.balance(_database(scene), scene.crowd.acknowledged)
    return whole | {"mail": ledger.mails(_database(scene), scene.taken)}


def _open(folder: Path) -> Path:
    """Let the database's own user reach a folder."""
    with contextlib.suppress(OSError):
        folder.chmod(0o711)
    return folder


if __name__ == "__main__":
    main()
