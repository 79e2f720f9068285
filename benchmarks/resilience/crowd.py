"""Readers and agents who use a running portal at a given pace, whatever becomes of it, and what it answered them."""

import asyncio
import itertools
import random
import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import quote, urlencode

from benchmarks import corpus
from benchmarks.conversations import Connection

#: What readers do, and how often.
MIX = {"article": 0.70, "search": 0.20, "suggest": 0.05, "feedback": 0.03, "request": 0.02}
#: One search of so many is one that nothing answers.
UNANSWERED = 20
#: How long a person waits for an answer, and before sending once more what was not taken, in seconds.
PATIENCE, AGAIN = 20.0, 2.0
#: How often somebody sends a form again that was not taken.
TRIES = 30
#: Pauses of an agent between two clicks, in seconds.
THINK = (2.0, 6.0)
PASSWORD = "kettle-orbit-velvet-27"
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_CONSONANTS = "bcdfghjklmnpqrstvwxz"


@dataclass(frozen=True)
class Answer:
    """What one request came to."""

    kind: str
    #: When it was due, in seconds of `time.perf_counter`; a crowd does not wait until a server has time.
    due: float
    #: From then to the whole answer, in milliseconds.
    taken: float
    #: 0 where the connection broke or nothing came in time.
    status: int

    @property
    def is_good(self) -> bool:
        """Whether it is what was asked for."""
        return 200 <= self.status < 400

    @property
    def is_polite(self) -> bool:
        """Whether it is the page that says that something does not work at the moment."""
        return self.status == 503


@dataclass(frozen=True)
class Pages:
    """What readers ask for."""

    articles: tuple[tuple[str, str], ...]
    #: Language and text of queries.
    queries: tuple[tuple[str, str], ...]


@dataclass(eq=False)
class Crowd:
    """People in front of a portal.

    Args:
        url: host and port.
        pages: what they ask for.
    """

    host: str
    port: int
    pages: Pages
    answers: list[Answer] = field(default_factory=list)
    #: Marks of what the portal said that it has, by kind: each stands in what was sent.
    acknowledged: dict[str, list[str]] = field(
        default_factory=lambda: {"request": [], "feedback": [], "gap": [], "note": []}
    )
    #: Forms that were sent again because they had not been taken.
    again: int = 0

    def __post_init__(self) -> None:
        self._chooser = random.Random(corpus.SEED)
        self._number = itertools.count(1)
        self._idle: list[Connection] = []
        #: Cookie and token of the agents who are signed in.
        self._signed: dict[str, tuple[str, str]] = {}

    async def gather(self, emails: list[str], tickets: list[int], seconds: float, rate: float) -> None:
        """Let readers come and agents work for a while."""
        self._idle.clear()  # Of another loop.
        await asyncio.gather(self.read(seconds, rate), *(self.work(email, tickets, seconds) for email in emails))
        for line in self._idle:
            line.close()

    def mark(self) -> str:
        """A word that stands nowhere else and that no language has."""
        digits = f"{next(self._number):05d}"
        return "zq" + "".join(_CONSONANTS[int(digit)] for digit in digits) + "vx"

    async def ask(
        self, kind: str, method: str, path: str, form: dict[str, str] | None = None, due: float = 0.0, cookie: str = ""
    ) -> tuple[int, dict[str, str], str]:
        """Send one request over a connection of its own or one that is free; status 0 is no answer."""
        due = due or time.perf_counter()
        line = self._idle.pop() if self._idle else Connection()
        status, got, text = 0, dict[str, str](), ""
        try:
            asked = line.send(
                self.port, method, path, form, {"User-Agent": _BROWSER} | ({"Cookie": cookie} if cookie else {})
            )
            status, got, text = await asyncio.wait_for(asked, PATIENCE)
            self._idle.append(line)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError, IndexError):
            line.close()
        self.answers.append(Answer(kind, due, 1000 * (time.perf_counter() - due), status))
        return status, got, text

    async def read(self, seconds: float, rate: float) -> None:
        """Let readers come at a rate, in arrivals a second, for a while; then wait for those still at it."""
        deeds: dict[str, Callable[[float], Coroutine[None, None, None]]] = {
            "article": self._article,
            "search": self._search,
            "suggest": self._suggest,
            "feedback": self._feedback,
            "request": self._request,
        }
        begin, running = time.perf_counter(), set[asyncio.Task[None]]()
        for number in range(int(seconds * rate)):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            kind = self._chooser.choices(list(MIX), list(MIX.values()))[0]
            task = asyncio.create_task(deeds[kind](due))
            running.add(task)
            task.add_done_callback(running.discard)
        if running:
            await asyncio.wait(running)

    async def _article(self, due: float) -> None:
        language, slug = self._chooser.choice(self.pages.articles)
        await self.ask("article", "GET", f"/{language}/articles/{slug}", due=due)

    async def _suggest(self, due: float) -> None:
        language, text = self._chooser.choice(self.pages.queries)
        await self.ask("suggest", "GET", f"/{language}/suggest?{urlencode({'q': text[:6]})}", due=due)

    async def _search(self, due: float) -> None:
        """Search; sometimes for what nobody has written about, where the page says that support has been told."""
        language, text = self._chooser.choice(self.pages.queries)
        is_new = self._chooser.randrange(UNANSWERED) == 0
        mark = self.mark() if is_new else ""
        status, _, page = await self.ask("search", "GET", f"/{language}/search?q={quote(mark or text)}", due=due)
        if is_new and status == 200 and "/subscriptions" in page:
            self.acknowledged["gap"].append(mark)

    async def _feedback(self, due: float) -> None:
        """Open an article and say why it did not help."""
        language, slug = self._chooser.choice(self.pages.articles)
        path = f"/{language}/articles/{slug}"
        status, got, page = await self.ask("article", "GET", path, due=due)
        if status != 200 or not (given := _hidden(page, "text")):
            return
        mark = self.mark()
        form = {"text": given, "helpful": "no", "reason": "unclear", "comment": mark}
        await self._send("feedback", f"{path}/vote", form, mark, _cookie(got))

    async def _request(self, due: float) -> None:
        """Open the form and send it."""
        language = self._chooser.choice(self.pages.queries)[0]
        path = f"/{language}/requests/new"
        status, got, page = await self.ask("form", "GET", path, due=due)
        if status != 200:
            return
        mark = self.mark()
        form = {name: _hidden(page, name) for name in ("stamp", "query", "page")}
        form |= {"suggested": "1", "name": "Lea Martin", "email": f"{mark}@example.org"}
        form |= {"subject": mark, "description": f"It does not work: {mark}."}
        await self._send("request", path, form, mark, _cookie(got))

    async def _send(self, kind: str, path: str, form: dict[str, str], mark: str, cookie: str) -> None:
        """Send a form, and the same form again until it is taken, as a patient person does."""
        for attempt in range(TRIES):
            self.again += attempt > 0
            status, _, _ = await self.ask(kind, "POST", path, form, cookie=cookie)
            if status == 303:
                self.acknowledged[kind].append(mark)
                return
            if 400 <= status < 500:
                return
            await asyncio.sleep(AGAIN)

    async def work(self, email: str, tickets: list[int], seconds: float) -> None:
        """An agent: the queue, a ticket, a note, and on."""
        end = time.perf_counter() + seconds
        cookie, token = self._signed.get(email, ("", ""))
        while time.perf_counter() < end:
            if not cookie:
                cookie, token = self._signed[email] = await self._sign_in(email)
            await asyncio.sleep(self._chooser.uniform(*THINK))
            if not cookie:
                continue
            status, _, _ = await self.ask("queue", "GET", "/en/desk/", cookie=cookie)
            if status in {302, 303}:
                cookie = ""  # Signed out.
                continue
            number = self._chooser.choice(tickets)
            await asyncio.sleep(self._chooser.uniform(*THINK))
            await self.ask("ticket", "GET", f"/en/desk/tickets/{number}", cookie=cookie)
            await asyncio.sleep(self._chooser.uniform(*THINK))
            mark = self.mark()
            form = {"text": mark, "csrf_token": token}
            await self._send("note", f"/en/desk/tickets/{number}/note", form, mark, cookie)

    async def _sign_in(self, email: str) -> tuple[str, str]:
        """Cookie and token of somebody who has signed in; nothing where it did not succeed."""
        status, got, page = await self.ask("sign in", "GET", "/en/sign-in")
        form = {"email": email, "password": PASSWORD, "csrf_token": _hidden(page, "csrf_token")}
        if status != 200:
            return "", ""
        status, got, _ = await self.ask("sign in", "POST", "/en/sign-in", form, cookie=_cookie(got))
        if status != 303:
            return "", ""
        cookie = _cookie(got)
        status, got, page = await self.ask("sign in", "GET", "/en/desk/notices", cookie=cookie)
        if status != 200:
            return "", ""
        return _cookie(got) or cookie, _hidden(page, "csrf_token")


def _hidden(page: str, name: str) -> str:
    """What a form holds in a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return unescape(found[1]) if found else ""


def _cookie(headers: dict[str, str]) -> str:
    """What a browser sends back."""
    return headers.get("set-cookie", "").partition(";")[0]
