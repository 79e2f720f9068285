"""Processes that fail: mail servers, Redis, and the portal itself, ended or killed at any moment."""

import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portal.locales import CODES
from tests.mailing import MailServer
from tests.postgres import asked
from tests.serving import Server
from tests.test_failures import SLUG, TYPED, Start, Visitor, fields_of, readiness
from tests.test_limits import Redis, redis

__all__ = ["redis"]

pytestmark = pytest.mark.server


def send_request(visitor: Visitor, language: str, email: str, text: str = "zyxomat") -> int:
    """Send a request; the status."""
    address = f"/{language}/requests/new"
    form = fields_of(visitor.get(address), address)
    fields = form | {"name": "Zoë", "email": email, "description": text, "suggested": "1"}
    return visitor.ask("POST", address, fields)[0]


def until(holds: Callable[[], Any], seconds: float = 90) -> bool:
    """Wait until something holds; whether it does."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(holds())


def outbox(server: Server, query: str = "SELECT recipient, state, attempts FROM outbox ORDER BY id") -> list[Any]:
    """Asks the outbox."""
    return asked(server.database, query)


def try_again(server: Server) -> bool:
    """Let the pause before the next attempt be over; always true."""
    asked(server.database, "UPDATE outbox SET due_at = created_at WHERE state = 'waiting'")
    return True


def test_a_mail_server_that_is_down_stops_nobody(serve: Start, library_folder: Path) -> None:
    """Requests in four languages are received; all mails go out when it is back, once; ready all the while."""
    post = MailServer()
    server = serve(articles=library_folder, PORTAL_WORKERS="1", PORTAL_MAIL_URL=post.url).start()

    statuses = [send_request(Visitor(server), code, f"{code}@example.org") for code in CODES]
    late = until(lambda: readiness(server)[1]["mail"] == "waiting")
    lenient, strict = readiness(server), readiness(server, strict=True)
    with post:
        came = until(lambda: try_again(server) and len(post.taken) == 4)
        well = until(lambda: readiness(server, strict=True)[0] == 200)

    assert statuses == [303] * 4
    assert (late, lenient[0], strict[0]) == (True, 200, 503)
    assert (came, well) == (True, True)
    assert sorted(to for to, _ in post.taken) == sorted(f"{code}@example.org" for code in CODES)
    assert {row[1] for row in outbox(server)} == {"sent"}
    log = server.log.read_text()
    assert log.count("mail cannot be delivered: ") == 1
    assert log.count("works again: mail cannot be delivered") == 1
    assert "example.org" not in log


def test_mail_servers_that_are_slow_or_vanish_keep_nobody_waiting(serve: Start, library_folder: Path) -> None:
    """One that hangs up loses no mail; while one does not answer, pages come, and the portal ends when told to."""
    faults = {"hung@example.org": ["drop"], "slow@example.org": ["late"] * 9}
    with MailServer(faults) as post:
        server = serve(articles=library_folder, PORTAL_WORKERS="1", PORTAL_MAIL_URL=post.url).start()
        first = send_request(Visitor(server), "de", "hung@example.org")
        again = until(lambda: outbox(server)[0][2] and try_again(server) and len(post.taken) == 1)
        second = send_request(Visitor(server), "ru", "slow@example.org")
        assert until(lambda: post.attempts["slow@example.org"])
        third = send_request(Visitor(server), "fr", "next@example.org")
        status = readiness(server)[0]
        begin = time.monotonic()
        server.signal(signal.SIGTERM)
        code = server.wait(20)
        took = time.monotonic() - begin

    assert (first, again, second, third, status, code) == (303, True, 303, 303, 200, 0)
    assert took < 15
    rows = {row[0]: row[1] for row in outbox(server)}
    assert rows == {"hung@example.org": "sent", "slow@example.org": "waiting", "next@example.org": "waiting"}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["gone", "silent"])
def test_without_redis_everything_goes_on(
    how: signal.Signals, serve: Start, library_folder: Path, redis: Redis
) -> None:
    """Gone, or there and silent: requests, votes and gaps come in without a long wait, and the log is no flood."""
    address = f"redis://127.0.0.1:{redis.port}/0"
    server = serve(articles=library_folder, PORTAL_WORKERS="1", PORTAL_REDIS_URL=address).start()
    visitor = Visitor(server)
    assert send_request(visitor, "en", "a@example.org") == 303
    assert redis._process is not None
    os.kill(redis._process.pid, how)

    begin = time.monotonic()
    try:
        vote = visitor.ask("POST", f"/de/articles/{SLUG}/vote", {"helpful": "no", "comment": TYPED["de"]})[0]
        statuses = [send_request(visitor, code, f"{code}@example.org") for code in CODES]
        pages = [visitor.get(f"/{code}/search?q=zyxomat{code}") for code in CODES]
    finally:
        os.kill(redis._process.pid, signal.SIGCONT)
    took = time.monotonic() - begin

    assert (vote, statuses) == (303, [303] * 4)
    assert all(f'action="/{code}/subscriptions"' in page for code, page in zip(CODES, pages, strict=True))
    assert took < 60
    log = server.log.read_text()
    assert log.count("the budgets for new gaps are counted by each process alone") == 1
    assert "Traceback" not in log
    assert "127.0.0.1 " not in log
    assert "zyxomat" not in log


class Crowd:
    """People who do everything again and again, and remember what was acknowledged."""

    def __init__(self, server: Server) -> None:
        self.searched: list[str] = []
        self.requested: list[str] = []
        self.subscribed: list[str] = []
        self.voted = 0
        self._server = server
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(4)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        """Until the server is gone."""
        language, visitor, turn = CODES[number], Visitor(self._server), 0
        try:
            while True:
                turn += 1
                words = f"zyxo{'abcd'[number]}{'x' * turn}"
                status, page, _ = visitor.ask("GET", f"/{language}/search?q={words}")
                if status != 200 or f'action="/{language}/subscriptions"' not in page:
                    continue
                self.searched.append(words)
                address = f"sub{number}.{turn}@example.org"
                form = fields_of(page, f"/{language}/subscriptions") | {"email": address}
                if visitor.ask("POST", f"/{language}/subscriptions", form)[0] == 303:
                    self.subscribed.append(address)
                address = f"req{number}.{turn}@example.org"
                if send_request(visitor, language, address) == 303:
                    self.requested.append(address)
                voter = Visitor(self._server)
                self.voted += voter.ask("POST", f"/{language}/articles/{SLUG}/vote", {"helpful": "no"})[0] == 303
        except (OSError, AssertionError):
            return  # The server has ended, perhaps in the middle of an answer.
        except Exception as error:
            if type(error).__module__ != "http.client":
                raise

    def wait(self) -> None:
        """Until everybody has noticed."""
        for thread in self._threads:
            thread.join(90)


LIMITS = {
    f"PORTAL_{name}": "10000"
    for name in ("REQUESTS_PER_HOUR", "GAPS_PER_SESSION", "GAPS_PER_NETWORK", "GAPS_ANONYMOUS", "GAPS_PER_HOUR")
}


@pytest.mark.parametrize(
    ("number", "seconds"),
    [(signal.SIGTERM, 1.0), (signal.SIGINT, 0.4), (signal.SIGKILL, 0.6)],
    ids=["SIGTERM", "SIGINT", "SIGKILL"],
)
def test_nothing_acknowledged_is_lost(
    number: signal.Signals, seconds: float, serve: Start, library_folder: Path
) -> None:
    """Gaps, requests with their mails, votes, subscriptions; and every search when it was told to end."""
    server = serve(articles=library_folder, PORTAL_WORKERS="2", **LIMITS).start()
    crowd = Crowd(server)
    assert until(lambda: len(crowd.requested) >= 2)
    time.sleep(seconds)
    if number is signal.SIGKILL:
        server.kill()
    else:
        server.signal(number)
        assert server.wait() == 0
    crowd.wait()

    rows = partial(asked, server.database)
    if server.database.startswith("sqlite"):
        assert rows("PRAGMA integrity_check") == [("ok",)]
    gaps = {query for (query,) in rows("SELECT query FROM tickets WHERE kind = 'gap'")}
    requesters = {email for (email,) in rows("SELECT requester_email FROM tickets WHERE kind = 'request'")}
    waiting = {email for (email,) in rows("SELECT email FROM subscriptions")}
    mailed = {recipient for (recipient,) in rows("SELECT recipient FROM outbox")}
    ((votes,),) = rows("SELECT count(*) FROM votes")
    recorded = {query for (query,) in rows("SELECT query FROM search_events WHERE kind = 'search'")}
    assert set(crowd.searched) - gaps == set()
    assert set(crowd.requested) - requesters == set()
    assert set(crowd.subscribed) - waiting == set()
    assert {*crowd.requested, *crowd.subscribed} - mailed == set()
    assert votes >= crowd.voted > 0
    if number is not signal.SIGKILL:
        assert set(crowd.searched) - recorded == set()
    assert "Traceback" not in server.log.read_text()


def test_a_search_of_the_last_moment_is_written(serve: Start, library_folder: Path) -> None:
    """What is only remembered when SIGTERM comes is in the database when the process has ended."""
    server = serve(articles=library_folder).start()
    words = [f"zyxo{'x' * turn}" for turn in range(6)]

    for text in words:
        assert server.get(f"/fr/search?q={text}")[0] == 200
    server.signal(signal.SIGTERM)

    assert server.wait() == 0
    found = asked(server.database, "SELECT query FROM search_events ORDER BY query")
    assert [query for (query,) in found] == words
