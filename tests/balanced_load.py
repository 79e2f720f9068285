"""People at several machines at once: they read, search in vain, send requests and work, and note what they were told."""

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.builders import PASSWORD
from tests.conftest import hidden

#: What is asked again and again, by everybody, and found nowhere.
VAIN = tuple(f"zyx{word}" for word in ("omat", "pult", "werk", "band", "rohr", "feld"))
#: How long everybody thinks between two things, in seconds: the machines need their share of the processors to start.
PAUSE = 0.15


@dataclass
class Failed:
    """A request that was not answered as it must be."""

    what: str
    begun: float
    ended: float
    how: str


class Person:
    """A client with an address of its own and its cookies, at whatever machine it comes to.

    Args:
        port: of the load balancer.
        address: that it comes from, of 127.0.0.0/8.
    """

    def __init__(self, port: int, address: str) -> None:
        self._port = port
        self.address = address
        self._cookies: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30, source_address=(self.address, 0))
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        try:
            connection.request(method, path, body, {**(headers or {}), **({"Cookie": cookies} if cookies else {})})
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie") or ():
                name, _, value = line.partition(";")[0].partition("=")
                self._cookies[name] = value
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def send(self, path: str, **fields: str) -> int:
        """Send a form of the desk; the status."""
        page = self.ask("GET", "/en/desk/notices" if path.startswith("/en/desk") else path)[1]
        body = urlencode({"csrf_token": hidden(page, "csrf_token"), **fields})
        return self.ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})[0]

    def sign_in(self, email: str) -> None:
        """Sign in as somebody of the staff."""
        assert self.send("/en/sign-in", email=email, password=PASSWORD) == 303


def request(number: str) -> str:
    """A request as the API takes it; each is somebody else's."""
    fields = {
        "name": "Ada",
        "email": f"ada{number}@example.org",
        "subject": number,
        "description": "It does not print.",
    }
    return json.dumps({**fields, "language": "en"})


@dataclass
class Load:
    """Load on a balancer until it is stopped.

    Args:
        port: of the balancer.
        agents: addresses of staff.
        ticket: that they write notes on.
    """

    port: int
    agents: list[str]
    ticket: int
    failures: list[Failed] = field(default_factory=list)
    #: Subjects of requests by the number that was acknowledged, and those that were never.
    acknowledged: dict[str, int] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    #: Texts of notes that were acknowledged, and of those whose fate is unknown.
    noted: list[str] = field(default_factory=list)
    lost_notes: set[str] = field(default_factory=set)
    read: int = 0

    def start(self) -> "Load":
        """Let everybody begin."""
        self._ending = threading.Event()
        work = [self._reads, self._searches, self._sends, self._sends, *(self._works for _ in self.agents)]
        self._threads = [threading.Thread(target=each, args=(number,)) for number, each in enumerate(work)]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Let everybody finish what they do."""
        self._ending.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()

    def goes_on(self) -> "Mark":
        """Where everybody is now, to see later that they got further."""
        return Mark(self, self.read, len(self.acknowledged), len(self.noted))

    def _tried(self, what: str, person: Person, expected: int, *asked: object) -> str | None:
        """The body of an answer; None, and noted, where it is not as it must be."""
        begun = time.monotonic()
        try:
            status, text = person.ask(*asked)  # type: ignore[arg-type]
        except (OSError, http.client.HTTPException) as error:
            status, text = 0, repr(error)
        if status == expected:
            return text
        self.failures.append(Failed(what, begun, time.monotonic(), f"{status} {text[:200]}"))
        return None

    def _reads(self, number: int) -> None:
        """Read pages."""
        person = Person(self.port, f"127.1.0.{number + 1}")
        paths = ("/en/", "/de/articles/reset-password", "/fr/", "/api/v1/articles")
        while not self._ending.wait(PAUSE):
            for path in paths:
                if self._tried(f"GET {path}", person, 200, "GET", path) is not None:
                    self.read += 1

    def _searches(self, number: int) -> None:
        """Search what is found nowhere."""
        person = Person(self.port, f"127.2.0.{number + 1}")
        while not self._ending.wait(PAUSE):
            for word in VAIN:
                self._tried("search", person, 200, "GET", f"/en/search?q={word}")

    def _sends(self, number: int) -> None:
        """Send requests, each from another address, and again where it is not known what became of one."""
        count = 0
        while not self._ending.wait(PAUSE):
            count += 1
            name, person = (
                f"r{number}-{count}",
                Person(self.port, f"127.{10 + number}.{count // 250}.{count % 250 + 1}"),
            )
            head = {"Content-Type": "application/json", "Idempotency-Key": name}
            text = self._tried("request", person, 201, "POST", "/api/v1/requests", request(name), head)
            if text is None:
                text = self._again(person, name, head)
            if text is not None:
                self.acknowledged[name] = json.loads(text)["number"]
                if count % 4 == 0:  # Once more, at another machine.
                    again = self._tried("request again", person, 201, "POST", "/api/v1/requests", request(name), head)
                    assert again is None or json.loads(again)["number"] == self.acknowledged[name]

    def _again(self, person: Person, name: str, head: dict[str, str]) -> str | None:
        """Send a request until it is known what became of it; None where it is taken to be under way still."""
        while not self._ending.wait(10 * PAUSE):
            begun = time.monotonic()
            try:
                status, text = person.ask("POST", "/api/v1/requests", request(name), head)
            except (OSError, http.client.HTTPException) as error:
                status, text = 0, repr(error)
            if status == 201:
                return text
            if status == 409:
                break
            self.failures.append(Failed("request once more", begun, time.monotonic(), f"{status} {text[:200]}"))
        self.unknown.add(name)
        return None

    def _works(self, number: int) -> None:
        """Sign in once, look at the queue, write notes."""
        person = Person(self.port, f"127.3.0.{number + 1}")
        person.sign_in(self.agents[number - 4])
        count = 0
        while not self._ending.wait(PAUSE):
            self._tried("queue", person, 200, "GET", "/en/desk/")
            page = self._tried("notices", person, 200, "GET", "/en/desk/notices")
            if page is None:
                continue
            count += 1
            text = f"note {number} {count} end"
            body = urlencode({"csrf_token": hidden(page, "csrf_token"), "text": text})
            head = {"Content-Type": "application/x-www-form-urlencoded"}
            path = f"/en/desk/tickets/{self.ticket}/note"
            if self._tried("note", person, 303, "POST", path, body, head) is None:
                self.lost_notes.add(text)
            else:
                self.noted.append(text)


@dataclass(frozen=True)
class Mark:
    """How far everybody was."""

    load: Load
    read: int
    sent: int
    noted: int

    def is_passed(self) -> bool:
        """Whether all kinds of people have gone on since."""
        load = self.load
        return load.read > self.read + 8 and len(load.acknowledged) > self.sent + 4 and len(load.noted) > self.noted + 2
