"""What people type is in no log, whatever goes wrong; and where they come from is in no table."""

import contextlib
import gc
import http.client
import logging
import random
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy import inspect

from portal.locales import CODES
from portal.settings import Settings
from portal.storage import Database
from tests.builders import write_library
from tests.conftest import hidden
from tests.postgres import locked
from tests.serving import Server

pytestmark = pytest.mark.server

#: Addresses of readers as a reverse proxy tells them; of nobody (RFC 5737, RFC 3849).
ADDRESSES = ("198.51.100.77", "2001:db8:77aa:55::9")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Reader:
    """A browser behind a proxy whose every text has a word that nobody else says."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.words: list[str] = []
        self.statuses: set[int] = set()
        self.cookie = ""

    def word(self, what: str) -> str:
        """A new secret word."""
        self.words.append(f"zq{what}{len(self.words):03d}xv")
        return self.words[-1]

    def send(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> str:
        """A request from the next address; the page that came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        given = {
            "X-Forwarded-For": ADDRESSES[len(self.words) % 2],
            "Cookie": self.cookie,
            "User-Agent": "Mozilla/5.0 Firefox",
        }
        try:
            connection.request(method, path, body, {**given, **(FORM if body is not None else {}), **(headers or {})})
            answer = connection.getresponse()
            self.statuses.add(answer.status)
            if found := re.search(r"visit=[^;]+", answer.headers.get("Set-Cookie", "")):
                self.cookie = found[0]
            return answer.read().decode() + (answer.headers.get("Location") or "")
        except (OSError, http.client.HTTPException):  # The server may hang up on what is too large.
            return ""
        finally:
            connection.close()

    def get(self, path: str, **query: str) -> str:
        """Open a page."""
        return self.send("GET", path + ("?" + urlencode(query) if query else ""))

    def post(self, path: str, **fields: str) -> str:
        """Send a form."""
        return self.send("POST", path, urlencode(fields))

    def raw(self, *lines: str) -> None:
        """Send what is no proper request."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as client:
            client.sendall("\r\n".join((*lines, "", "")).encode("latin-1", "replace"))
            client.settimeout(2)
            with contextlib.suppress(OSError):
                client.recv(4096)


def searches(reader: Reader) -> None:
    """Searches that are answered and that are not, with every option, good and bad."""
    for code, known in (("en", "password"), ("fr", "mot de passe"), ("de", "Passwort"), ("ru", "пароль")):
        reader.get(f"/{code}/search", q=f"{known} {reader.word('search')}")
        reader.get(f"/{code}/search", q=reader.word("gap"))
    for more in ({"page": "x"}, {"page": "99"}, {"topic": "devices"}, {"topic": reader.word("topic")}, {"exact": "1"}):
        reader.get("/en/search", q=reader.word("option"), **more)
    reader.get("/en/suggest", q=f"pass {reader.word('suggest')}")
    reader.get("/en/requests/suggest", q=f"printer {reader.word('live')}")
    reader.send("GET", f"/en/search?q=%FF%00{reader.word('bytes')}%ZZ%ED%A0%80")
    reader.send("GET", "/en/", headers={"Referer": f"{reader.server.url}/en/search?q={reader.word('referrer')}"})
    reader.send("HEAD", f"/en/search?q={reader.word('head')}")
    reader.send("POST", f"/en/search?q={reader.word('post')}", "")
    reader.get("/en/search/", q=reader.word("slash"))
    reader.get(f"/xx/{reader.word('path')}", q=reader.word("language"))
    for length in (3_000, 6_000, 100_000):
        reader.send("GET", f"/de/search?q={reader.word('long')}{'+a' * (length // 2)}")
    reader.send("GET", "/de/search?q=" + quote(f"{reader.word('cyrillic')} не печатает " * 30))


def forms(reader: Reader) -> None:
    """Votes, requests, subscriptions and links, good, bad, forged and too large."""
    vote = "/en/articles/reset-password/vote"
    reader.post(vote, helpful="no", reason="other", comment=reader.word("comment"))
    reader.post(vote, helpful=reader.word("helpful"))
    reader.post(vote, helpful="no", comment=reader.word("comment") * 200)
    reader.post(f"/en/articles/{reader.word('slug')}/vote", helpful="yes")
    opened = reader.get("/de/requests/new", query=reader.word("query"), page=f"/de/search?q={reader.word('page')}")
    stamp = hidden(opened, "stamp")
    sent = {
        "name": reader.word("name"), "email": f"{reader.word('mail')}@example.org", "suggested": "1", "stamp": stamp,
        "subject": reader.word("subject"), "description": reader.word("description"), "query": reader.word("from"),
    }  # fmt: skip
    private = re.search(r"/de/requests/[0-9a-f]{64}", reader.post("/de/requests/new", **sent))
    assert private is not None
    reader.words.append(private[0].rpartition("/")[2])  # The key to the request.
    reader.get(private[0])
    reader.post(f"{private[0]}/reply", text=reader.word("reply"))
    reader.post(f"{private[0]}/reply", text=reader.word("reply") * 2000)
    for wrong in ({"email": reader.word("nomail")}, {"name": ""}, {"stamp": reader.word("forged")}, {"suggested": ""}):
        reader.post("/de/requests/new", **{**sent, "description": reader.word("bad"), **wrong})
    reader.post("/de/requests/new", **{**sent, "description": reader.word("large") * 100_000})
    reader.post("/de/requests/find", number="1", email=f"{reader.word('find')}@example.org")
    reader.post("/de/requests/find", number=reader.word("number"), email=reader.word("find"))
    reader.post("/en/subscriptions", gap="1", email=f"{reader.word('subscribe')}@example.org", stamp=stamp)
    reader.post("/en/subscriptions", gap=reader.word("gapno"), email=reader.word("address"), stamp=stamp)
    reader.get(f"/en/requests/{reader.word('token'):a<64}")
    reader.get(f"/en/subscriptions/{reader.word('token'):a<64}")
    reader.post("/en/sign-in", email=f"{reader.word('staff')}@example.org", password=reader.word("password"))
    reader.send("POST", "/en/requests/new", f"%%%{reader.word('malformed')}", {"Content-Type": "multipart/form-data"})
    reader.send(
        "POST", "/en/requests/new", f"--{reader.word('boundary')}", {"Content-Type": "multipart/form-data; boundary=x"}
    )


def nonsense(reader: Reader) -> None:
    """What is hardly HTTP."""
    reader.raw(f"GET /en/search?q={reader.word('version')} HTTP/9.9", "Host: localhost")
    reader.raw(f"GET /en/search?q={reader.word('blanks')} and more HTTP/1.1", "Host: localhost")
    reader.raw(f"{reader.word('method')} /en/ HTTP/1.1", "Host: localhost")
    reader.raw(
        f"GET /en/search?q={reader.word('header')} HTTP/1.1", "Host: localhost", f"Bad Header {reader.word('colon')}"
    )
    reader.raw(f"GET /en/search?q={reader.word('host')} HTTP/1.1", f"Host: {reader.word('named')}.example/\x01")
    reader.raw(f"POST /en/requests/new?query={reader.word('length')} HTTP/1.1", "Host: localhost", "Content-Length: -5")
    reader.raw(f"GET http://localhost/en/search?q={reader.word('absolute')} HTTP/1.1", "Host: localhost")
    reader.raw(f"q={reader.word('nothing')}")


def with_locked_database(reader: Reader) -> None:
    """Searches, votes and requests while another process keeps the database to itself."""
    stamp = hidden(reader.get("/en/requests/new"), "stamp")
    with locked(reader.server.database):
        reader.get("/en/search", q=reader.word("locked"))
        reader.get("/en/search", q=f"password {reader.word('locked')}")
        reader.post("/en/articles/reset-password/vote", helpful="no", comment=reader.word("lockedvote"))
        reader.post(
            "/en/requests/new", name=reader.word("lockedname"), email="a@example.org", stamp=stamp, suggested="1",
            subject=reader.word("lockedsubject"), description=reader.word("lockedtext"), query=reader.word("lockedquery"),
        )  # fmt: skip


def texts(url: str) -> list[tuple[str, Any]]:
    """Every value of every table, with the table."""
    database = Database(url, 1)
    with database.read() as connection:
        tables = inspect(connection).get_table_names()
        found = [(name, connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()) for name in tables]
    database.close()
    return [(name, value) for name, rows in found for row in rows for value in row]


def live(folder: Path, *parts: Callable[[Reader], None]) -> Reader:
    """A server that has lived through some of it and has ended, and who asked it."""
    articles = write_library(folder / "articles")
    options = {"PORTAL_LOG_LEVEL": "debug", "PORTAL_WORKERS": "2", "PORTAL_PROXY_COUNT": "1"}
    server = Server(folder / "var", articles, None, **options).start()
    reader = Reader(server)
    try:
        for part in parts:
            part(reader)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(40) == 0
    finally:
        server.kill()
    return reader


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Who asked a server whose database was locked at the end."""
    return live(tmp_path_factory.mktemp("logs"), searches, forms, nonsense, with_locked_database)


def test_no_word_is_in_any_log_line(lived: Reader) -> None:
    """Neither of searches nor of forms, in a log of the finest level, nor as it is written in addresses."""
    log = lived.server.log.read_text(errors="replace")

    assert len(lived.words) > 70
    assert {200, 303, 400, 404, 503} <= lived.statuses
    assert "a request could not be stored" in log
    assert [line for line in log.splitlines() if any(word in line for word in lived.words)] == []
    assert "q=" not in log


@pytest.mark.filterwarnings(
    "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
)  # Whoosh leaves the file open.
def test_no_word_is_in_the_log_of_a_broken_index(
    instance: Settings, reader: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Of an index that nobody had opened before it broke: its files are noise, then they are gone."""
    caplog.set_level(logging.DEBUG)
    files = [path for path in (instance.data / "index").rglob("*") if path.is_file() and path.stat().st_size]
    for path in files:
        path.write_bytes(random.Random(1).randbytes(path.stat().st_size))
    noise = [reader.get(f"/{code}/search?q=zyxobroken{code}").status_code for code in CODES]
    for path in files:
        path.unlink(missing_ok=True)
    gone = [reader.get(f"/{code}/search?q=zyxogone{code}").status_code for code in CODES]
    suggested = [reader.get(f"/{code}/requests/suggest?q=zyxotoo{code}").status_code for code in CODES]

    assert (noise, gone) == ([503] * 4, [503] * 4)
    assert set(suggested) <= {200, 503}
    assert "search is unavailable" in caplog.text
    assert "zyxo" not in caplog.text
    gc.collect()


def test_what_was_asked_has_reached_the_tables(lived: Reader) -> None:
    """The words were said: the test would see them."""
    stored = "\n".join(str(value) for _, value in texts(lived.server.database))

    assert all(
        re.search(rf"zq{what}\d+xv", stored) for what in ("gap", "search", "comment", "description", "subject", "reply")
    )


def test_no_address_of_a_reader_is_in_any_table(lived: Reader) -> None:
    """Neither whole nor its network."""
    found = [
        (table, value)
        for table, value in texts(lived.server.database)
        if re.search(r"198\.51\.100|2001:0?db8|Firefox", str(value))
    ]

    assert found == []
