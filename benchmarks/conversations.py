"""How many open conversations a running portal holds: requesters and agents with their pages open, writing at times."""

import asyncio
import gzip
import re
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode

import click

from benchmarks import corpus
from benchmarks.load import HOST
from benchmarks.report import Cell, Row, percentile, show
from benchmarks.serving import cpu_seconds, free_port, server
from portal.commands.options import shipped_articles
from portal.people import Person, Role
from portal.sending import Sending
from portal.server import prepare, worker_count
from portal.services import open_services
from portal.settings import Settings

#: Seconds between two questions of a page, as its script asks; and between two times that a requester's page says
#: that it is open.
EVERY, HERE = 1.5, 10.0
PASSWORD = "kettle-orbit-velvet-27"
_EMAIL = "mia@example.org"


@dataclass(eq=False)
class Site:
    """A running portal, asked over connections that stay open."""

    port: int
    cookie: str = ""
    csrf: str = ""
    #: Milliseconds of every question.
    taken: list[float] = field(default_factory=list)
    failed: int = 0

    async def ask(
        self, line: "Connection", method: str, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Ask once; the status, the headers and the text."""
        begin = time.perf_counter()
        try:
            answer = await line.send(self.port, method, path, form, headers)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.failed += 1
            line.close()
            return 0, {}, ""
        self.taken.append(1000 * (time.perf_counter() - begin))
        self.failed += answer[0] >= 400
        return answer


class Connection:
    """One connection of a browser."""

    def __init__(self) -> None:
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def close(self) -> None:
        """Give it up; the next question opens another."""
        if self._streams:
            self._streams[1].close()
        self._streams = None

    async def send(
        self, port: int, method: str, path: str, form: dict[str, str] | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], str]:
        """Send a request and read its answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, port)
        reader, writer = self._streams
        body = urlencode(form or {}).encode()
        given = {"Host": f"{HOST}:{port}", "Content-Length": str(len(body)), **headers}
        if form is not None:
            given["Content-Type"] = "application/x-www-form-urlencoded"
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        got = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        text = await reader.readexactly(int(got.get("content-length", "0")))
        if got.get("content-encoding") == "gzip":
            text = gzip.decompress(text)
        if got.get("connection", "").lower() == "close":
            self.close()
        return int(head[0].split()[1]), got, text.decode("utf-8", "replace")


@dataclass(eq=False)
class Talk:
    """One conversation with both pages open."""

    number: int
    token: str
    #: What each side has written last, and when; until the other side's page shows it.
    written: dict[str, tuple[str, float]] = field(default_factory=dict)
    #: Seconds from the press of the button to the other side's page.
    seen: list[float] = field(default_factory=list)

    def look(self, side: str, text: str) -> None:
        """Take note of what a page shows."""
        if side in self.written and self.written[side][0] in text:
            self.seen.append(time.perf_counter() - self.written.pop(side)[1])


async def requester(site: Site, talk: Talk, start: float, end: float) -> None:
    """The requester's page: asks for news and says that it is open."""
    line, tag, told = Connection(), "", 0.0
    path = f"/en/requests/{talk.token}"
    await asyncio.sleep(start)
    while time.perf_counter() < end:
        if time.perf_counter() - told > HERE:
            told = time.perf_counter()
            await site.ask(line, "POST", f"{path}/here", {"writing": "no"})
        status, headers, text = await site.ask(line, "GET", f"{path}/thread", None, **{"If-None-Match": tag})
        if status == 200:
            tag = headers.get("etag", "")
            talk.look("agent", text)
        await asyncio.sleep(EVERY)
    line.close()


async def agent(site: Site, talk: Talk, start: float, end: float) -> None:
    """The agent's page: says that it is open and is told what has changed."""
    line, state = Connection(), ""
    signed = {"Cookie": site.cookie, "X-CSRFToken": site.csrf}
    await asyncio.sleep(start)
    while time.perf_counter() < end:
        form = {"state": state, "writing": "no"}
        status, headers, text = await site.ask(line, "POST", f"/en/desk/tickets/{talk.number}/here", form, **signed)
        if status == 200:
            state = headers.get("x-state", "")
            talk.look("requester", text)
        await asyncio.sleep(EVERY)
    line.close()


async def writers(site: Site, talks: list[Talk], every: float, end: float) -> None:
    """One after another, somebody writes: an agent, then a requester, in another conversation each time."""
    line, turn = Connection(), 0
    while time.perf_counter() < end - 5:
        talk, words = talks[turn % len(talks)], f"Message number {turn}."
        side = "requester" if turn % 2 else "agent"
        talk.written[side] = words, time.perf_counter()
        if side == "agent":
            form = {"text": words, "csrf_token": site.csrf}
            await site.ask(line, "POST", f"/en/desk/tickets/{talk.number}/reply", form, Cookie=site.cookie)
        else:
            await site.ask(line, "POST", f"/en/requests/{talk.token}/reply", {"text": words})
        turn += 1
        await asyncio.sleep(every)
    line.close()


async def sign_in(site: Site) -> None:
    """Sign an agent in, as the form does."""
    line = Connection()
    _, headers, page = await line.send(site.port, "GET", "/en/sign-in", None, {})
    cookie = headers["set-cookie"].partition(";")[0]
    token = re.search('name="csrf_token" value="([^"]+)"', page)
    assert token
    form = {"email": _EMAIL, "password": PASSWORD, "csrf_token": token[1]}
    _, headers, _ = await line.send(site.port, "POST", "/en/sign-in", form, {"Cookie": cookie})
    site.cookie = headers["set-cookie"].partition(";")[0]
    _, headers, page = await line.send(site.port, "GET", "/en/desk/notices", None, {"Cookie": site.cookie})
    site.cookie = headers.get("set-cookie", site.cookie).partition(";")[0]
    token = re.search('name="csrf_token" value="([^"]+)"', page)
    assert token
    site.csrf = token[1]
    line.close()


async def converse(port: int, talks: list[Talk], seconds: float, every: float) -> Site:
    """Keep all conversations open for a while."""
    site = Site(port)
    await sign_in(site)
    end = time.perf_counter() + seconds
    pages = []
    for place, talk in enumerate(talks):
        start = EVERY * place / len(talks)
        pages += [requester(site, talk, start, end), agent(site, talk, start, end)]
    await asyncio.gather(*pages, writers(site, talks, every, end))
    return site


def opened(settings: Settings, count: int) -> list[Talk]:
    """An agent, and requests with their private links."""
    services = open_services(settings)
    now = services.clock()
    services.staff.add(Person(0, _EMAIL, "Mia Lindt", frozenset({Role.AGENT}), (1,), ("en",)), PASSWORD, now)
    talks = []
    for number in range(count):
        sent = Sending("Lea", f"lea{number}@example.org", f"Printer {number}", "It does not print.", "en")
        request, token = services.requests.receive(sent, f"form-{number}", now, stems=[])
        talks.append(Talk(request.id, token))
    services.close()
    return talks


@click.command()
@corpus.articles_option
@click.option("--conversations", default=200, type=click.IntRange(1, 2000), show_default=True)
@click.option("--seconds", default=40.0, type=click.FloatRange(10, 3600), show_default=True)
@click.option("--write-every", default=0.4, type=click.FloatRange(0.01, 60), show_default=True, help="Seconds.")
@click.option("--workers", default=2, type=click.IntRange(1, 64), show_default=True)
@corpus.json_option
def main(
    given: Path | None, conversations: int, seconds: float, write_every: float, workers: int, as_json: bool
) -> None:
    """Keep conversations open on a running portal, and measure how soon each side sees what the other writes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # The server is ended then, too.
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        settings = replace(Settings(), articles=given or shipped_articles(), data=Path(name) / "data", workers=workers)
        prepare(settings)
        talks = opened(settings, conversations)
        port = free_port()
        alike = ["--workers", str(workers), "--port", str(port)]
        command = ["-m", "portal", "serve", "--articles", str(settings.articles), "--data", str(settings.data), *alike]
        with server(command, port, "/readyz", Path(name) / "portal.log") as process:
            before = cpu_seconds(process)
            site = asyncio.run(converse(port, talks, seconds, write_every))
            used = cpu_seconds(process) - before
    seen = [each for talk in talks for each in talk.seen]
    lost = sum(len(talk.written) for talk in talks)
    facts: dict[str, Cell] = {
        "servers": f"{worker_count(settings)} processes of {settings.threads} threads",
        "pages": f"{2 * conversations} open for {seconds:.0f} s, each asking every {EVERY} s",
        "asked": f"{len(site.taken)} times, {len(site.taken) / seconds:.0f} a second; failed {site.failed}",
        "messages": f"{len(seen) + lost} written, {lost} not seen at the end",
        "processor": f"{used / seconds:.2f} cores; {1000 * used / max(len(site.taken), 1):.2f} ms a question",
    }
    rows: list[Row] = [
        {"what": "answer, ms", **_quantiles(site.taken)},
        {"what": "written to seen, s", **_quantiles(seen)},
    ]
    show("conversations", facts, rows, as_json=as_json)


def _quantiles(values: list[float]) -> dict[str, Cell]:
    """The middle, the slow ones and the slowest."""
    if not values:
        return dict.fromkeys(("p50", "p95", "max", "count"))
    return {"p50": percentile(values, 0.5), "p95": percentile(values, 0.95), "max": max(values), "count": len(values)}


if __name__ == "__main__":
    main()
