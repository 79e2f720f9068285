"""Three machines under load: any is killed, a fourth comes, articles and code become new, and nothing is lost or doubled."""

import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import func, select

from portal.sending import Sending
from portal.services import Services, open_services
from portal.storage import nodes as machines_store
from portal.storage.nodes import Node
from portal.storage.schema import events, outbox, rule_runs, tickets
from portal.tickets import Action, Kind
from tests.balanced_load import VAIN, Failed, Load, Person, request
from tests.balancing import Balancer, Machine, copied, newer, start_all, until
from tests.builders import PASSWORD, person, settings, write_article, write_library
from tests.conftest import postgres_database
from tests.needs import nginx
from tests.test_limits import Redis

AGENTS = ["mia@example.org", "ben@example.org"]
#: Requests that nobody has touched for ten days when the machines start.
LATE = 12
#: Requests that one address may send in an hour.
LIMIT = 5


@dataclass
class Site:
    """Machines, what is in front of them, and their database."""

    folder: Path
    environment: dict[str, str]
    machines: list[Machine]
    balancer: Balancer
    services: Services

    def machine(self, name: str) -> Machine:
        """A further machine, not started yet."""
        made = Machine(self.folder / name, self.folder / "articles", **self.environment)
        made.code = self.folder / "code"
        self.machines.append(made)
        return made

    def nodes(self) -> list[Node]:
        """What the machines say of themselves."""
        with self.services.database.read() as connection:
            return machines_store.everything(connection)

    def page(self, machine: Machine) -> str:
        """The article that becomes new, as one machine shows it."""
        return machine.get("/en/articles/vpn-only-english")[1]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A running Redis."""
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def site(tmp_path: Path, postgres: str, migrated_postgres: str, redis: Redis) -> Iterator[Site]:
    """Three machines that are ready, two agents, late requests; everything ends with the test."""
    nginx()
    copied(tmp_path / "code")
    key = tmp_path / "keys"
    key.write_text("k" * 64)
    articles = write_library(tmp_path / "articles")
    with postgres_database(postgres, migrated_postgres) as url:
        environment = {
            "PORTAL_DATABASE_URL": url,
            "PORTAL_REDIS_URL": redis.url,
            "PORTAL_SECRET_KEY_FILE": str(key),
            "PORTAL_PROXY_COUNT": "1",
            "PORTAL_REQUESTS_PER_HOUR": str(LIMIT),
            "PORTAL_API_PER_MINUTE": "100000",
            "PORTAL_AGREE_SECONDS": "600",
        }
        (tmp_path / "own").mkdir()
        services = open_services(settings(articles, tmp_path / "own", database_url=url, secret_key_file=key))
        made = Site(tmp_path, environment, [], None, services)  # type: ignore[arg-type]
        for name in ("one", "two", "three"):
            made.machine(name)
        made.balancer = Balancer(tmp_path / "nginx", made.machines)
        try:
            _people_and_requests(services)
            start_all(made.machines)
            made.balancer.start()
            yield made
        finally:
            for machine in made.machines:
                machine.kill()
            made.balancer.stop()
            services.close()


def _people_and_requests(services: Services) -> None:
    """Two agents, somebody at the next tier, and requests that are long overdue."""
    now = services.clock()
    for email in AGENTS:
        services.staff.add(person(email=email), PASSWORD, now)
    services.staff.add(person(email="paul@example.org", tiers=(2,)), PASSWORD, now)
    for number in range(LATE):
        sent = Sending("Eva", f"late{number}@example.org", "Late", "It has waited.", "en")
        services.requests.receive(sent, f"late {number}", now - timedelta(days=10), stems=[])


def test_nothing_is_lost_or_doubled(site: Site) -> None:
    """Whatever happens to the machines, whoever was told that something was done finds it done once."""
    number = site.services.requests.receive(
        Sending("Ida", "ida@example.org", "Notes", "To be noted on.", "en"), "notes", site.services.clock(), stems=[]
    )[0].id
    load = Load(site.balancer.port, AGENTS, number).start()
    kills: list[tuple[float, float]] = []
    try:
        go_on(load)
        for victim in random.sample(site.machines, 2):
            kills.append(kill(victim))
            go_on(load)
            start_all([victim])
        site.balancer.lead_to([*site.machines, join(site)])
        go_on(load)
        change_articles(site, load)
        roll(site, load)
    finally:
        load.stop()

    assert not [failed for failed in load.failures if not was_in_flight(failed, kills)]
    assert len(load.failures) <= 6 * len(kills)
    assert_requests_once(site.services, load)
    assert_notes_once(site.services, load, number)
    assert_gaps_once(site.services)
    assert_escalated_once(site.services)
    assert_mailed_once(site, len(kills))
    assert_limit_is_exact(site)


def go_on(load: Load) -> None:
    """Wait until all kinds of people have got further."""
    mark = load.goes_on()
    until(mark.is_passed, f"the load stands still: {load.failures[-3:]}")


def kill(machine: Machine) -> tuple[float, float]:
    """Kill all processes of a machine; from when until when."""
    begun = time.monotonic()
    machine.kill()
    until(lambda: not is_open(machine.port), "somebody listens still")
    return begun, time.monotonic()


def is_open(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def was_in_flight(failed: Failed, kills: list[tuple[float, float]]) -> bool:
    """Whether a request was under way while a machine was killed, or came to what was left of it."""
    return any(failed.begun <= ended + 0.2 and begun <= failed.ended for begun, ended in kills)


def join(site: Site) -> Machine:
    """A fourth machine that is ready."""
    made = site.machine("four")
    start_all([made])
    until(lambda: len([node for node in site.nodes() if node.served]) == 4, f"{site.nodes()}")
    return made


def change_articles(site: Site, load: Load) -> None:
    """New articles come to one machine after the other; nobody sees them before all have them, and then everybody does."""
    *first, last = site.machines
    for machine in first:
        write_article(machine.articles, slug="vpn-only-english", title="The new tunnel", body="It is wider.")
    until(lambda: len(ready(site)) == 3, f"not three are ready: {site.nodes()}")
    go_on(load)
    assert not [machine.name for machine in site.machines if "The new tunnel" in site.page(machine)]

    write_article(last.articles, slug="vpn-only-english", title="The new tunnel", body="It is wider.")
    until(lambda: all("The new tunnel" in site.page(machine) for machine in site.machines), "not everybody shows it")
    until(lambda: len({node.served for node in site.nodes()}) == 1, f"{site.nodes()}")
    tags = {machine.tag("/en/articles/vpn-only-english", "localhost") for machine in site.machines}
    assert len(tags) == 1


def ready(site: Site) -> list[str]:
    """The machines that have articles that they do not show yet."""
    return [node.name for node in site.nodes() if node.ready and node.ready != node.served]


def roll(site: Site, load: Load) -> None:
    """Every machine ends as it is asked to, and comes back with newer code, while the others serve."""
    code = newer(site.folder / "code", site.folder / "next")
    before = {node.build for node in site.nodes()}
    for machine in site.machines:
        assert machine.end() == 0
        assert machine.name not in {node.name for node in site.nodes()}
        machine.code = code
        start_all([machine])
        go_on(load)
    until(lambda: not before & {node.build for node in site.nodes()}, f"{site.nodes()}")


def assert_requests_once(services: Services, load: Load) -> None:
    """Each acknowledged request is one ticket with the number that was told; of the others there is one at most."""
    with services.database.read() as connection:
        rows = connection.execute(select(tickets.c.subject, tickets.c.id).where(tickets.c.subject.like("r%-%"))).all()
    stored = Counter(row.subject for row in rows)

    assert len(load.acknowledged) > 20, load.failures
    assert {row.subject: row.id for row in rows if row.subject in load.acknowledged} == load.acknowledged
    assert set(stored.values()) == {1}
    assert set(stored) - set(load.acknowledged) <= load.unknown


def assert_notes_once(services: Services, load: Load, number: int) -> None:
    """Each note that an agent was told is stored is stored once."""
    query = select(events.c.text).where(events.c.ticket_id == number, events.c.action == Action.NOTE.value)
    with services.database.read() as connection:
        stored = Counter(connection.execute(query).scalars())

    assert set(stored.values()) == {1}
    assert set(load.noted) <= set(stored) <= {*load.noted, *load.lost_notes}


def assert_gaps_once(services: Services) -> None:
    """What everybody searched in vain is one gap each."""
    with services.database.read() as connection:
        gaps = connection.execute(select(tickets.c.query).where(tickets.c.kind == Kind.GAP.value)).scalars().all()

    assert sorted(gaps) == sorted(VAIN)


def assert_escalated_once(services: Services) -> None:
    """Each late request went to the next tier once, whichever machines saw that it was due."""
    late = select(tickets.c.id).where(tickets.c.subject == "Late")
    escalated = select(func.count()).where(events.c.action == Action.ESCALATE.value, events.c.ticket_id.in_(late))
    with services.database.read() as connection:
        counts = connection.execute(escalated.group_by(events.c.ticket_id)).scalars().all()
        runs = connection.execute(select(func.count()).select_from(rule_runs)).scalar_one()

    assert counts == [1] * LATE
    assert runs >= LATE


def assert_mailed_once(site: Site, kills: int) -> None:
    """No mail was sent twice; what is not marked as sent is what a killed machine had just begun to send."""

    def is_idle() -> bool:
        with site.services.database.read() as connection:
            waiting = outbox.c.state == "waiting", outbox.c.claimed_until.is_(None)
            return not connection.execute(select(func.count()).select_from(outbox).where(*waiting)).scalar_one()

    until(is_idle, "mails wait")
    with site.services.database.read() as connection:
        rows = connection.execute(select(outbox.c.message_id, outbox.c.state)).all()
    files = [path for machine in site.machines for path in (machine.data / "mail").rglob("*") if path.is_file()]
    sent = Counter(str(message_from_bytes(path.read_bytes())["Message-ID"]) for path in files)

    assert set(sent.values()) == {1}
    assert {row.message_id for row in rows if row.state == "sent"} <= set(sent)
    assert len([row for row in rows if row.state != "sent"]) <= kills


def assert_limit_is_exact(site: Site) -> None:
    """One address may send so many requests, whichever machines they come to, all at once."""

    def send(number: int) -> int:
        head = {"Content-Type": "application/json", "Idempotency-Key": f"limit {number}"}
        return Person(site.balancer.port, "127.99.0.1").ask("POST", "/api/v1/requests", request(f"l{number}"), head)[0]

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(send, range(3 * LIMIT)))

    assert statuses == {201: LIMIT, 429: 2 * LIMIT}
