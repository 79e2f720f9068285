"""A primary server dies under load and its standby takes over: nothing acknowledged is lost, nobody starts anything anew."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.postgres import PostgresServer
from tests.serving import Server, free_port
from tests.test_failures import SLUG, Start, Visitor, fields_of

pytestmark = [pytest.mark.server, pytest.mark.sqlite]  # The engine is its own.

REPLICATED = ("fsync=off", "wal_level=replica", "max_wal_senders=4", "hot_standby=on", "max_connections=60")


def until(holds: Callable[[], object], what: str, seconds: float = 180) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.05)


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary server and a standby that has everything before the primary says so."""
    servers = [PostgresServer(free_port(), REPLICATED) for _ in range(2)]
    primary, standby = servers
    try:
        primary.make().start()
        primary.ask("CREATE DATABASE portal")
        standby.follow(primary, "standby").start()
        primary.ask("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        primary.ask("SELECT pg_reload_conf()")
        until(
            lambda: primary.ask("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"), "a synchronous standby"
        )
        yield primary, standby
    finally:
        for server in servers:
            server.remove()


@dataclass
class Writer:
    """Somebody who sends requests one after another, and sends again what was not taken."""

    server: Server
    name: str
    language: str
    end: threading.Event = field(default_factory=threading.Event)
    #: What was acknowledged, and how often it was not.
    taken: list[str] = field(default_factory=list)
    refused: int = 0
    faults: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Go on until told to end."""
        address = f"/{self.language}/requests/new"
        visitor = Visitor(self.server)
        try:
            while not self.end.is_set():
                form = fields_of(visitor.get(address), address)
                text = f"{self.name}.{len(self.taken)} “ё”"
                form |= {"name": "Zoë", "email": f"{self.name}@example.org", "description": text, "suggested": "1"}
                self._send(visitor, address, form, text)
        except BaseException as fault:  # Told by the test.
            self.faults.append(f"{type(fault).__name__}: {fault}")

    def _send(self, visitor: Visitor, address: str, form: dict[str, object], text: str) -> None:
        """Send a form until it is taken; each time with what the page gives back."""
        while not self.end.is_set():
            status, page, _ = visitor.ask("POST", address, form)
            if status == 303:
                self.taken.append(text)
                return
            assert status == 503, status
            assert f'<html lang="{self.language}"' in page
            again = fields_of(page, address)
            assert again["description"] == text
            form, self.refused = form | again, self.refused + 1
            self.end.wait(0.1)


def test_a_promoted_standby_goes_on_without_a_loss(
    serve: Start, library_folder: Path, pair: tuple[PostgresServer, PostgresServer]
) -> None:
    """The primary is killed under four writers; reading goes on, forms come back whole, and all is well afterwards."""
    primary, standby = pair
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in pair)
    url = f"postgresql+psycopg://portal@/portal?{hosts}&target_session_attrs=read-write"
    variables = {"PORTAL_DATABASE_URL": url, "PORTAL_REQUESTS_PER_HOUR": "100000", "PORTAL_WORKERS": "2"}
    server = serve(articles=library_folder, **variables).start()
    writers = [Writer(server, f"w{number}", code) for number, code in enumerate(("en", "fr", "de", "ru"))]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    until(lambda: all(len(writer.taken) >= 2 for writer in writers), "two requests of each")

    primary.kill()
    until(lambda: all(writer.refused for writer in writers), "a polite refusal for each")
    reading = server.get(f"/de/articles/{SLUG}")[0], server.get("/en/search?q=password")[0]
    not_ready = server.get("/readyz")[0]
    standby.promote()
    before = [len(writer.taken) for writer in writers]
    until(lambda: all(len(w.taken) >= had + 2 for w, had in zip(writers, before, strict=True)), "two more of each")
    for writer in writers:
        writer.end.set()
    for thread in threads:
        thread.join(120)
    until(lambda: server.get("/readyz")[0] == 200, "ready again")

    assert [writer.faults for writer in writers] == [[]] * 4
    assert (reading, not_ready) == ((200, 200), 503)
    kept = Counter(str(row[0]) for row in standby.ask("SELECT description FROM tickets", "portal"))
    acknowledged = [text for writer in writers for text in writer.taken]
    assert set(acknowledged) <= set(kept), "acknowledged and lost"
    assert set(kept.values()) == {1}, "sent again and kept twice"
    until(lambda: not standby.ask("SELECT 1 FROM outbox WHERE state = 'waiting'", "portal"), "mails leave")
    log = server.log.read_text()
    assert "works again: a request could not be stored" in log
    assert "Traceback" not in log
