"""Readers and agents who use a running portal at a given pace, whatever becomes of it, and what it answered them."""

import asyncio
import itertools
import random
import re
import time
import zlib
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import quote, urlencode

from benchmarks import corpus
from benchmarks.conversations import EVERY, Connection

#: What readers do, and how often.
MIX = {"article": 0.70, "search": 0.20, "suggest": 0.05, "feedback": 0.03, "request": 0.02}
#: One search of so many is one that nothing answers.
UNANSWERED = 20
#: How long a person waits for an answer, and before sending once more what was not taken, in seconds.
PATIENCE, AGAIN = 20.0, 2.0
#: How often somebody sends a form again that was not taken.
TRIES = 30
#: Pauses of an agent between two clicks, and how long a reader fills in a form, in seconds.
THINK, FILL = (2.0, 6.0), (1.0, 4.0)
PASSWORD = "kettle-orbit-velvet-27"
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
#: Where a request comes from.
_from = ContextVar("_from", default="192.168.250.7")
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
    #: Whether it broke off, rather than that nothing came in time.
    is_broken: bool = False
    #: Bytes of the page as it was sent, without its headers.
    size: int = 0

    @property
    def is_good(self) -> bool:
        """Whether it is what was asked for."""
        return 200 <= self.status < 400

    @property
    def is_polite(self) -> bool:
        """Whether it is the page that says that something does not work at the moment."""
        return self.status == 503

    @property
    def fault(self) -> str:
        """What was wrong with it."""
        return str(self.status) if self.status else "broken off" if self.is_broken else "no answer in time"

    @property
    def ended(self) -> float:
        """When it was over, in seconds of `time.perf_counter`."""
        return self.due + self.taken / 1000


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
    #: How long a reader fills in a form; nothing where only the server is to be measured.
    fill: tuple[float, float] = FILL
    #: Forms that were sent again because they had not been taken.
    again: int = 0
    #: Requests that were sent once more on a new connection; see `ask`.
    renewed: int = 0

    def __post_init__(self) -> None:
        self._chooser = random.Random(corpus.SEED)
        self._number = itertools.count(1)
        self._idle: list[Connection] = []
        #: Cookies of the agents who are signed in.
        self._signed: dict[str, str] = {}

    async def gather(self, emails: list[str], tickets: list[int], seconds: float, rate: float) -> None:
        """Let readers come and agents work for a while."""
        self._idle.clear()  # Of another loop.
        await asyncio.gather(self.read(seconds, rate), *(self.work(email, tickets, seconds) for email in emails))
        self.leave()

    def mark(self) -> str:
        """A word that stands nowhere else and that no language has."""
        digits = f"{next(self._number):05d}"
        return "zq" + "".join(_CONSONANTS[int(digit)] for digit in digits) + "vx"

    async def ask(
        self, kind: str, method: str, path: str, form: dict[str, str] | None = None, due: float = 0.0, cookie: str = ""
    ) -> tuple[int, dict[str, str], str]:
        """Send one request over a connection of its own or one that is free; status 0 is no answer."""
        due = due or time.perf_counter()
        given = {"User-Agent": _BROWSER, "Accept-Encoding": "gzip", "X-Forwarded-For": _from.get()} | (
            {"Cookie": cookie} if cookie else {}
        )
        if form is not None:
            given |= {"Origin": f"http://{self.host}:{self.port}"}
        status, got, text, is_broken = await self._sent(method, path, form, given)
        size = int(got.get("content-length", "0"))
        self.answers.append(Answer(kind, due, 1000 * (time.perf_counter() - due), status, is_broken, size))
        return status, got, text

    async def _sent(
        self, method: str, path: str, form: dict[str, str] | None, given: dict[str, str]
    ) -> tuple[int, dict[str, str], str, bool]:
        """Send a request as a browser does, and say whether it broke off.

        A connection that was kept open may have been closed meanwhile: where nothing at all came back on it, the same
        is sent once more on a new one.
        """
        while True:
            is_kept = bool(self._idle)
            line = self._idle.pop() if is_kept else Connection()
            try:
                answer = await asyncio.wait_for(line.send(self.port, method, path, form, given), PATIENCE)
            except TimeoutError:
                line.close()
                return 0, {}, "", False
            except (OSError, asyncio.IncompleteReadError, ValueError, IndexError) as fault:
                line.close()
                has_begun = isinstance(fault, asyncio.IncompleteReadError) and bool(fault.partial)
                if not is_kept or has_begun or not isinstance(fault, OSError | asyncio.IncompleteReadError):
                    return 0, {}, "", True
                self.renewed += 1
                self.leave()
            else:
                self._idle.append(line)
                return *answer, False

    def leave(self) -> None:
        """Close the connections that are kept open, so that the next request opens a new one."""
        while self._idle:
            self._idle.pop().close()

    async def read(self, seconds: float, rate: float) -> None:
        """Let readers come at a rate, in arrivals a second, for a while; then wait for those still at it."""
        begin, running = time.perf_counter(), set[asyncio.Task[None]]()
        for number in range(int(seconds * rate)):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            kind = self._chooser.choices(list(MIX), list(MIX.values()))[0]
            task = asyncio.create_task(self.do(kind, due))
            running.add(task)
            task.add_done_callback(running.discard)
        if running:
            await asyncio.wait(running)

    async def do(self, kind: str, due: float = 0.0) -> None:
        """Let somebody come from an address of their own and do something of `MIX`."""
        _from.set(f"10.{'.'.join(str(self._chooser.randrange(256)) for _ in range(3))}")
        deeds: dict[str, Callable[[float], Coroutine[None, None, None]]] = {
            "article": self._article,
            "search": self._search,
            "suggest": self._suggest,
            "feedback": self._feedback,
            "request": self._request,
        }
        await deeds[kind](due)

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
        if status != 200 or not (form := _form(page, f"{path}/vote")):
            return
        page, cookie = await self._send("vote", f"{path}/vote", form | {"helpful": "no"}, "", _cookie(got))
        if form := _form(page, f"{path}/vote"):
            await asyncio.sleep(self._chooser.uniform(*self.fill))
            mark = self.mark()
            said = {"reason": "unclear", "comment": mark, "helpful": "no"}
            await self._send("feedback", f"{path}/vote", form | said, mark, cookie)

    async def _request(self, due: float) -> None:
        """Open the form and send it."""
        language = self._chooser.choice(self.pages.queries)[0]
        path = f"/{language}/requests/new"
        status, got, page = await self.ask("form", "GET", path, due=due)
        if status != 200:
            return
        await asyncio.sleep(self._chooser.uniform(*self.fill))
        mark = self.mark()
        form = _form(page, path) | {"suggested": "1", "name": "Lea Martin", "email": f"{mark}@example.org"}
        form |= {"subject": mark, "description": f"It does not work: {mark}."}
        await self._send("request", path, form, mark, _cookie(got))

    async def _send(self, kind: str, path: str, form: dict[str, str], mark: str, cookie: str) -> tuple[str, str]:
        """Send a form, and the same form again until it is taken, as a patient person does.

        Returns the page that follows and the cookie to go on with; both are empty where it was not taken.
        """
        for attempt in range(TRIES):
            self.again += attempt > 0
            status, got, page = await self.ask(kind, "POST", path, form, cookie=cookie)
            if status == 303:
                if mark:
                    self.acknowledged[kind].append(mark)
                cookie = _cookie(got) or cookie
                _, _, page = await self.ask("what follows", "GET", got["location"].partition("#")[0], cookie=cookie)
                return page, cookie
            if 400 <= status < 500:
                fresh = _form(page, path)
                if status != 400 or fresh.get("stamp", "") in {"", form.get("stamp")}:
                    return "", ""
                form = form | fresh  # The page asks to check the entries and to send them again.
            await asyncio.sleep(AGAIN)
        return "", ""

    async def work(self, email: str, tickets: list[int], seconds: float) -> None:
        """An agent: the queue, a ticket, a note, and on."""
        _from.set(f"192.168.{zlib.crc32(email.encode()) % 250}.7")
        end = time.perf_counter() + seconds
        cookie = self._signed.get(email, "")
        while time.perf_counter() < end:
            if not cookie:
                cookie = self._signed[email] = await self._sign_in(email)
            await asyncio.sleep(self._chooser.uniform(*THINK))
            if not cookie:
                continue
            status, _, _ = await self.ask("queue", "GET", "/en/desk/", cookie=cookie)
            if status in {302, 303}:
                cookie = ""  # Signed out.
                continue
            await asyncio.sleep(self._chooser.uniform(*THINK))
            path = f"/en/desk/tickets/{self._chooser.choice(tickets)}"
            _, got, page = await self.ask("ticket", "GET", path, cookie=cookie)
            cookie = self._signed[email] = _cookie(got) or cookie
            form = _form(page, f"{path}/note")
            await self._watch(path, cookie, form.get("csrf_token", ""))
            mark = self.mark()
            if form:
                await self._send("note", f"{path}/note", form | {"text": mark}, mark, cookie)

    async def _watch(self, path: str, cookie: str, token: str) -> None:
        """Read a ticket's page, which asks meanwhile what others do."""
        end, state = time.perf_counter() + self._chooser.uniform(*THINK), ""
        while (left := end - time.perf_counter()) > 0:
            if token:
                state = await self.look(path, cookie, token, state)
            await asyncio.sleep(min(left, EVERY))

    async def look(self, path: str, cookie: str, token: str, state: str) -> str:
        """A ticket's open page asks what has changed since a state; the state now."""
        form = {"state": state, "writing": "no", "csrf_token": token}
        _, got, _ = await self.ask("open page asks", "POST", f"{path}/here", form, cookie=cookie)
        return got.get("x-state", state)

    async def note(self, path: str, cookie: str) -> None:
        """Open a ticket and write a note."""
        _, _, page = await self.ask("ticket", "GET", path, cookie=cookie)
        if form := _form(page, f"{path}/note"):
            mark = self.mark()
            await self._send("note", f"{path}/note", form | {"text": mark}, mark, cookie)

    async def open(self, email: str, path: str) -> tuple[str, str]:
        """The cookie of an agent who has a ticket open, and the token of its page; empty where that failed."""
        cookie = self._signed[email] = self._signed.get(email) or await self._sign_in(email)
        _, got, page = await self.ask("ticket", "GET", path, cookie=cookie)
        cookie = self._signed[email] = _cookie(got) or cookie
        return cookie, _form(page, f"{path}/note").get("csrf_token", "")

    async def _sign_in(self, email: str) -> str:
        """The cookie of somebody who has signed in; nothing where it did not succeed."""
        status, got, page = await self.ask("sign in", "GET", "/en/sign-in")
        form = _form(page, "/en/sign-in") | {"email": email, "password": PASSWORD}
        if status != 200:
            return ""
        status, got, _ = await self.ask("sign in", "POST", "/en/sign-in", form, cookie=_cookie(got))
        return _cookie(got) if status == 303 else ""


def _form(page: str, path: str) -> dict[str, str]:
    """What the hidden fields hold of the form that is sent to a path; nothing where the page has no such form."""
    for action, within in re.findall(r'<form[^>]* action="([^"]*)"[^>]*>(.*?)</form>', page, re.DOTALL):
        if unescape(action).partition("#")[0] == path:
            fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', within)
            return {name: unescape(value) for name, value in fields}
    return {}


def _cookie(headers: dict[str, str]) -> str:
    """What a browser sends back."""
    return headers.get("set-cookie", "").partition(";")[0]
