"""What people see when a part fails: politely, in their language, with all that they typed, and nothing acknowledged is lost."""

import contextlib
import http.client
import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from sqlalchemy import create_engine

from portal.catalogues import catalogue
from portal.locales import CODES
from tests.needs import missing
from tests.serving import Server

# Each fault is of one engine, and both are here.
pytestmark = [pytest.mark.server, pytest.mark.sqlite]
Start = Callable[..., Server]
SLUG = "reset-password"
TYPED = {
    "en": 'It’s <b>broken</b> & "stuck"', "fr": "Ça ne marche plus : « rien »",
    "de": "Geht nicht – „überhaupt“ nicht", "ru": "Ничего не работает, ещё с утра",
}  # fmt: skip
#: Searches while the database fails: in vain in all languages, and sure enough in only two of them.
BLORP, ELSEWHERE = "zyxomat{} blorp", "Passwort password пароль"
UNANSWERED = {*((code, BLORP.format(code)) for code in CODES), ("fr", ELSEWHERE), ("ru", ELSEWHERE)}
TITLES = {code: catalogue(code).gettext("We are not available at the moment") for code in CODES}


@dataclass
class Visitor:
    """A browser without scripts."""

    server: Server
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, fields: dict[str, Any] | None = None) -> tuple[int, str, str]:
        """Status, text and where it leads."""
        body = urlencode(fields, doseq=True).encode() if fields is not None else None
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie", []):
                name, value = cookie.partition(";")[0].split("=", 1)
                self.cookies[name] = value
            return answer.status, answer.read().decode(), answer.headers.get("Location", "")
        finally:
            connection.close()

    def get(self, path: str) -> str:
        """The text of a page that is there."""
        status, text, _ = self.ask("GET", path)
        assert status == 200, (path, status)
        return text


def fields_of(page: str, action: str) -> dict[str, Any]:
    """What a form holds that leads to an address: hidden and typed fields, and what is ticked."""
    forms = re.findall(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert forms, f"no form for {action}"
    held: dict[str, Any] = {}
    for name, text in re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>(.*?)</textarea>', forms[0], re.DOTALL):
        held[name] = unescape(text)
    for name, body in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', forms[0], re.DOTALL):
        held[name] = "".join(re.findall(r'value="(\w*)" selected', body))
    for tag in re.findall(r"<input[^>]*>", forms[0]):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if told.get("type") == "checkbox":
            held.setdefault(told["name"], [])
            held[told["name"]] += [unescape(told["value"])] if re.search(r"\bchecked\b", tag) else []
        elif "name" in told:
            held[told["name"]] = unescape(told.get("value", ""))
    return held


@dataclass
class Person:
    """Somebody in the midst of everything, when a part fails."""

    visitor: Visitor
    language: str
    #: Address and fields of each form, as filled in.
    forms: dict[str, tuple[str, dict[str, Any]]]

    def send(self, name: str) -> tuple[int, str, str]:
        """Send a form as it is now."""
        return self.visitor.ask("POST", *self.forms[name])

    def take(self, name: str, page: str) -> None:
        """Go on with the form as a page gives it back."""
        self.forms[name] = self.forms[name][0], fields_of(page, self.forms[name][0])


def person(server: Server, language: str) -> Person:
    """Somebody who has searched in vain, sent a request, and opened all forms."""
    visitor, home, typed = Visitor(server), f"/{language}", TYPED[language]
    found = visitor.get(f"{home}/search?q={quote(f'zyxomat{language}')}")
    subscription = fields_of(found, f"{home}/subscriptions") | {"email": f"sub-{language}@example.org"}
    form = fields_of(visitor.get(f"{home}/requests/new?query=zyxomat"), f"{home}/requests/new")
    sent = form | {"name": "Zoë", "email": f"{language}@example.org", "description": "first", "suggested": "1"}
    status, _, link = visitor.ask("POST", f"{home}/requests/new", sent)
    assert status == 303
    visitor.get(f"{home}/search?q=zyxomat+vorpel")
    request = fields_of(visitor.get(f"{home}/requests/new?query=zyxomat+vorpel"), f"{home}/requests/new")
    request |= {"subject": typed, "description": f"{typed}\n\n2", "name": typed[:20], "email": "x@example.org"}
    request |= {"callback": "1", "phone": "+49 30 1234567", "window": "afternoon", "suggested": "1"}
    request["attach"] = request["attach"][1:]  # The first item of the trail is unticked.
    vote = {"helpful": "no", "reason": "unclear", "comment": typed}
    return Person(
        visitor,
        language,
        {
            "request": (f"{home}/requests/new", request),
            "reply": (f"{urlsplit(link).path}/reply", {"text": typed}),
            "vote": (f"{home}/articles/{SLUG}/vote", vote),
            "subscribe": (f"{home}/subscriptions", subscription),
        },
    )


def check_lost(who: Person, name: str) -> None:
    """Send a form while it cannot be stored: the page is polite and holds everything that was typed."""
    before = who.forms[name][1]

    status, page, _ = who.send(name)

    assert status == 503, (name, who.language, status)
    assert f'<html lang="{who.language}"' in page
    assert "Traceback" not in page
    assert "Error" not in page
    if name != "request":
        assert TITLES[who.language] in unescape(page)
    who.take(name, page)
    now = who.forms[name][1]
    kept = {key: value for key, value in now.items() if key in before}
    if name == "request":
        before = before | {"callback": kept["callback"], "stamp": kept["stamp"]}
        assert "1" in kept["callback"]
    assert kept == {key: value for key, value in before.items() if value or key in kept}


def check_reading(who: Person) -> None:
    """Reading, searching and opening the form go on; no search claims that support has been told."""
    home = f"/{who.language}"
    words = BLORP.format(who.language)
    found = who.visitor.get(f"{home}/search?q={quote(words)}")

    assert f'value="{words}"' in found
    assert f"{home}/requests/new?query={quote(words, safe='').replace('%20', '+')}" in found.replace("%20", "+")
    assert f'action="{home}/subscriptions"' not in found
    assert f"{home}/articles/{SLUG}" in who.visitor.get(f"{home}/search?q={quote(ELSEWHERE)}")
    who.visitor.get(f"{home}/articles/{SLUG}")
    who.visitor.get(f"{home}/requests/new?query={quote(words)}")
    who.visitor.get(f"{home}/")


def readiness(server: Server, *, strict: bool = False) -> tuple[int, dict[str, str]]:
    """What `/readyz` answers."""
    status, text = server.get("/readyz?strict=1" if strict else "/readyz")
    return status, dict(re.findall(r'"(\w+)":\s*"(\w+)"', text))


def unready(server: Server) -> dict[str, str]:
    """What `/readyz` answers once it tells of a fault; that all was well is said again for a second."""
    end = time.monotonic() + 90
    while (told := readiness(server))[0] == 200:
        assert time.monotonic() < end, "nothing is told of the fault"
        time.sleep(0.1)
    assert told[0] == 503
    return told[1]


def once(server: Server, *beginnings: str) -> None:
    """The log says each of these once in the same words, and that it is over; no trace, nothing that was typed."""
    log = server.log.read_text()
    for beginning in beginnings:
        said = re.findall(rf"ERROR portal: {re.escape(beginning)}: .*", log)
        assert said, (beginning, log)
        assert len(said) == len(set(said)), said
        assert log.count(f"works again: {beginning}") == 1, (beginning, log)
    assert "Traceback" not in log
    assert "zyxomat" not in log
    assert "example.org" not in log


Fault = Callable[[], object]


@dataclass
class World:
    """A running portal and a part of it that can be taken away."""

    server: Server
    fail: Fault
    mend: Fault
    #: Asks the database.
    rows: Callable[[str], list[tuple[Any, ...]]]


def sqlite_rows(path: Path) -> Callable[[str], list[tuple[Any, ...]]]:
    """Asks an SQLite file."""

    def rows(query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute(query).fetchall()

    return rows


@contextlib.contextmanager
def locked(serve: Start, articles: Path) -> Iterator[World]:
    """Another program writes and does not end."""
    server = serve(articles=articles, PORTAL_WORKERS="1", PORTAL_THREADS="16").start()
    path = server.data / "portal.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as writer:
        yield World(
            server, lambda: writer.execute("BEGIN IMMEDIATE"), lambda: writer.execute("ROLLBACK"),
            sqlite_rows(path),
        )  # fmt: skip


@contextlib.contextmanager
def full(serve: Start, articles: Path) -> Iterator[World]:
    """The disk of the instance folder is full."""
    folder = articles.parent / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], check=False).returncode:
        missing("The right to mount", "run the tests as root")
    filler = folder / "filler"

    def fail() -> None:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)

    try:
        data = folder / "var"
        server = serve(articles=articles, data=data, PORTAL_WORKERS="1")
        server.log = articles.parent / "full.log"
        server.start()
        yield World(server, fail, filler.unlink, sqlite_rows(data / "portal.db"))
        server.kill()
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def read_only(serve: Start, articles: Path, url: str) -> Iterator[World]:
    """The database can only be read, as a standby after a wrong switch; connections are cut at the change."""
    server = serve(articles=articles, PORTAL_WORKERS="1", PORTAL_DATABASE_URL=url).start()
    address, _, name = url.rpartition("/")
    maintenance = create_engine(f"{address}/postgres", isolation_level="AUTOCOMMIT")
    engine = create_engine(url)

    def change(value: str) -> None:
        with maintenance.connect() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")
            connection.exec_driver_sql(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )

    def rows(query: str) -> list[tuple[Any, ...]]:
        engine.dispose()
        with engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    yield World(server, lambda: change("on"), lambda: change("off"), rows)
    engine.dispose()
    maintenance.dispose()


@pytest.fixture(params=["locked", "full", "read_only"])
def world(request: pytest.FixtureRequest, serve: Start, library_folder: Path) -> Iterator[World]:
    """A portal whose database fails, in each way."""
    if request.param == "read_only":
        url = _postgres_url(request)
        context = read_only(serve, library_folder, url)
    else:
        context = {"locked": locked, "full": full}[request.param](serve, library_folder)
    with context as made:
        yield made


def _postgres_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty PostgreSQL database."""
    server = request.getfixturevalue("postgres")
    name = f"failures_{os.getpid()}"
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return f"{server}/{name}"


def test_a_database_that_cannot_be_written_loses_nothing(world: World) -> None:
    """In four languages: pages go on, forms come back whole and are sent again, no false gap, one line in the log."""
    people = [person(world.server, code) for code in CODES]
    names = list(people[0].forms)
    gaps = "SELECT language, query FROM tickets WHERE kind = 'gap'"
    before = world.rows(gaps)
    world.fail()

    # Every form once, each in another language, all at the same moment; a lock is waited for.
    pairs = [(people[number], name) for number, name in enumerate(names)]
    with ThreadPoolExecutor(10) as pool:
        reading = [pool.submit(check_reading, who) for who in people]
        sending = [pool.submit(check_lost, who, name) for who, name in pairs]
        looking = [pool.submit(unready, world.server) for _ in range(2)]
        for done in (*reading, *sending):
            done.result()
        parts, _again = (done.result() for done in looking)
    world.mend()

    assert "fails" in (parts["database"], parts["disk"])
    assert (parts["search"], world.server.get("/healthz")[0]) == ("ok", 200)
    assert [who.send(name)[0] for who, name in pairs] == [303] * 4
    assert readiness(world.server) == (200, {"database": "ok", "disk": "ok", "search": "ok", "mail": "ok"})
    # What was asked in vain meanwhile is opened once its record could be written; nothing else is, and nothing twice.
    after = world.rows(gaps)
    assert len(before) == len(set(before)) == 8
    assert len(after) == len(set(after))
    assert set(before) <= set(after) <= {*before, *UNANSWERED}
    assert world.rows("SELECT count(*) FROM tickets WHERE kind = 'request'") == [(5,)]
    assert world.rows("SELECT phone, callback, subject FROM tickets WHERE phone <> ''") == [
        ("+49 30 1234567", "afternoon", TYPED["en"])
    ]
    assert world.rows("SELECT comment FROM votes") == [(TYPED["de"],)]
    assert world.rows("SELECT email, language FROM subscriptions") == [("sub-ru@example.org", "ru")]
    assert world.rows("SELECT text FROM events WHERE action = 'requester_reply'") == [(TYPED["fr"],)]
    wrong = "the database cannot be written" if parts["database"] == "fails" else "the disk is full"
    once(world.server, wrong, "the database does not answer")
