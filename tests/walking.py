"""What the tests of accessibility share: a furnished portal that serves browsers, and walks with the keyboard alone."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, time
from difflib import unified_diff
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect
from werkzeug.serving import WSGIRequestHandler, make_server

from portal.announcements import About as Announced
from portal.api_tokens import Scope
from portal.app import create_app
from portal.organisation import Calendar, Clock, Effect, Hours, Route, Rule, SavedReply, Supplier
from portal.people import Person, Role
from portal.sending import Sending
from portal.server import prepare
from portal.services import Services, open_services
from portal.storage import drafting, ratings
from portal.storage import notices as notice_store
from portal.storage import tickets as ticket_store
from portal.storage.notices import About
from portal.storage.ratings import Rating
from portal.storage.webhooks import Webhook
from portal.tickets import Action, Callback, Resolution
from tests.builders import PASSWORD, person, settings, write_article
from tests.hooking import happen
from tests.needs import IN_CI, REPOSITORY
from tests.test_report_pages import counted

Words = Callable[[str], str]
EMAIL = "ada@example.org"
BODY = (
    "## {one} {{#one}}\n\n1. {two}\n2. **{three}**\n\n> {two}\n\n## {four} {{#two}}\n\n"
    "| {one} | {four} |\n|---|---|\n| 1 | {two} |\n\n!!! warning\n    {three}\n\n## {five} {{#three}}\n\n{two}"
)


@dataclass(frozen=True)
class House:
    """A running portal and where things are in it."""

    url: str
    services: Services = field(repr=False)
    #: Numbers of a gap, of a request that is worked on, and of one that is solved.
    gap: int
    request: int
    solved: int
    #: Path of the request's private page below its language, and of the solved one's.
    private: str
    rated: str
    #: Of a confirmed wish to be told.
    subscription: str


def same(text: str) -> str:
    """A text as it is."""
    return text


def write(root: Path, words: Words, codes: tuple[str, ...]) -> Path:
    """A library of four articles in some languages; one is in English only, one is not finished, one is broken."""
    one, two, three, four, five = map(words, ("Begin", "Open the page", "Choose it", "Then", "After that"))
    body = BODY.format(one=one, two=two, three=three, four=four, five=five)
    for code in codes:
        said: dict[str, str] = {"summary": f'"{two}."', "tags": f"[{words('account')}]"}
        write_article(root, code, "reset-password", words("Reset a forgotten password"), body, **said)
        write_article(root, code, "change-password", words("Change a password"), two, **said)
        write_article(root, code, "mail-full", words("The mailbox is full"), two, topic="devices")
        write_article(root, code, "printer-offline", words("The printer is offline"), two, topic="devices")
    write_article(root, "en", "vpn-only-english", words("Connect to the tunnel"), two)
    write_article(root, "en", "not-yet", words("Not finished"), two, status="draft")
    write_article(root, codes[-1], "broken", words("Broken"), two, wrong="1")
    names = {
        code: words(name) for code, name in (("en", "Accounts"), ("fr", "Comptes"), ("de", "Konten"), ("ru", "Имена"))
    }
    lines = ", ".join(f"{code}: {name}" for code, name in names.items())
    (root / "topics.yml").write_text(
        f"accounts:\n  name: {{{lines}}}\n  description: {{{lines}}}\ndevices:\n  name: {{{lines}}}\n", encoding="utf-8"
    )
    return root


def _set_up(services: Services, words: Words) -> None:
    """One of everything that an organisation sets up."""
    add, now = services.administration.add, services.clock()
    day = (Hours(time(9), time(17)),)
    add(
        None,
        Calendar(0, words("Office"), "Europe/Berlin", (day,) * 5 + ((),) * 2, frozenset({date(2026, 12, 25)})),
        now,
    )
    add(None, Supplier(0, words("Printer makers"), "desk@supplier.example", words("Jo Park"), ("de",)), now)
    texts = {code: words("Thank you {name}").replace(words("{name}"), "{name}") for code in ("en", "de")}
    add(None, SavedReply(0, words("Thanks"), texts, {"de": words("Is it solved")}, "devices"), now)
    add(None, Route("accounts", 1, 4), now)
    add(None, Rule(0, words("Late"), Clock.TIER, 30, Effect.WARN, (1,), (3,), ("de",)), now)
    services.webhooks.add(None, Webhook(0, words("Figures"), "https://hooks.example.org/x", frozenset(Announced)), now)
    happen(services.database, "1")
    services.api_tokens.make(None, words("Board"), [Scope.REPORTS_READ], 1, now)


def _send(services: Services, words: Words, nonce: str, code: str, **more: Any) -> tuple[int, str]:
    """A request that was sent: its number and its private path."""
    sent = Sending(words("Anna Bell"), "anna@example.org", words("Printer"), words("It does not print."), code)
    ticket, token = services.requests.receive(replace(sent, **more), nonce, services.clock(), stems=[])
    return ticket.id, f"/requests/{token}"


def _work(services: Services, ada: Person, mia: Person, words: Words, code: str) -> dict[str, Any]:
    """Tickets with all that can happen to them."""
    now, desk = services.clock(), services.desk
    call = {"phone": "+49 30 123456", "callback": Callback.AFTERNOON}
    number, path = _send(services, words, "one", code, **call)
    twin, _ = _send(services, words, "two", code)
    solved, rated = _send(services, words, "three", code)
    major, _ = _send(services, words, "four", code, subject=words("Mail is down"))
    desk.work(ada, number, Action.TAKE, now)
    desk.work(ada, number, Action.REPLY, now, text=words("Please switch it on."))
    desk.work(ada, number, Action.NOTE, now, text=words("Called them."))
    desk.swarm(ada, number, [mia.id], words("Look at this"), now)
    services.calls.plan_new(now)
    services.suppliers.send(ada, number, 1, words("Please check the pump."), now)
    desk.work(ada, solved, Action.TAKE, now)
    desk.work(ada, solved, Action.SOLVE, now, text=words("It works."), resolution=Resolution.ANSWERED)
    services.incidents.declare(ada, major, {each: words("Mail is down") for each in ("en", code)}, now)
    services.incidents.link(ada, major, [twin], now)
    other, _ = _send(services, words, "five", code, urgency=5)
    with services.database.write() as connection:
        closed = replace(ticket_store.get(connection, other), closed_at=now)
        ratings.put(connection, closed.id, Rating(2, words("Faster please"), now))
        drafting.put(connection, number, ada.id, "note", words("Ask again"), now)
        for about in About:
            notice_store.tell(connection, ada.id, about, f"{about}", now, ticket_id=number, actor_name=mia.name)
    return {"request": number, "private": path, "solved": solved, "rated": rated}


@contextmanager
def open_house(folder: Path, words: Words = same, codes: tuple[str, ...] = ("en", "fr", "de", "ru")) -> Iterator[House]:
    """Serve a furnished portal from this process.

    Args:
        folder: that nobody else uses.
        words: what people have written, made from English.
        codes: languages of the articles; the last is the one that requests are written in.
    """
    made = settings(write(folder / "articles", words, codes), folder / "var", requests_per_hour=1000)
    prepare(made)
    services = open_services(made)
    now = services.clock()
    ada = person(email=EMAIL, name=words("Ada Byron"), roles=frozenset({Role.ADMINISTRATOR}), tiers=(1, 2, 3))
    mia = person(name=words("Mia Lindt"))
    ada, mia = (services.staff.add(each, PASSWORD, now) for each in (ada, mia))
    _set_up(services, words)
    counted(services)
    app = create_app(made, services)
    client = app.test_client()
    for back in range(2):
        client.get(f"/{codes[-1]}/search", query_string={"q": words(f"zyxomat jumping {'ab'[back]}")})
    client.post(f"/{codes[-1]}/articles/reset-password/vote", data={"helpful": "no", "comment": words("Too long")})
    services.journal.flush()  # What comes back confirms what was asked, and the queue shows it.
    known = _work(services, ada, mia, words, codes[-1])
    services.subscriptions.subscribe(1, "anna@example.org", codes[-1], now)
    token = services.subscriptions.token(1, "anna@example.org")
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield House(f"http://127.0.0.1:{server.server_port}", services, gap=1, subscription=token, **known)
    server.shutdown()
    thread.join()
    server.server_close()
    services.close()


class _Silent(WSGIRequestHandler):
    """Without a line for each request."""

    def log(self, *_: Any) -> None:
        """Say nothing."""


def sign_in(page: Page, house: House, language: str) -> None:
    """Sign in as the administrator."""
    page.goto(f"{house.url}/{language}/sign-in")
    page.fill("#ui-email", EMAIL)
    page.fill("#ui-password", PASSWORD)
    page.locator("main form button").click()
    expect(page.locator("body.desk")).to_be_visible()


#: What must hold of whatever has the focus: it is seen, marked, and lies under nothing.
SEEN = """
() => {
  const each = document.activeElement;
  if (each === document.body || each === document.documentElement) return "lost";
  if (each.tabIndex < 0) return "";
  const style = getComputedStyle(each);
  const rect = each.getBoundingClientRect();
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return "is not marked";
  if (rect.bottom <= 0 || rect.top >= innerHeight || rect.right <= 0 || rect.left >= innerWidth) return "is out of sight";
  const [part] = [...each.getClientRects()].filter((box) => box.width && box.height);
  const over = document.elementFromPoint(part.left + part.width / 2, Math.min(part.top + part.height / 2, innerHeight - 1));
  return !over || each.contains(over) || over.contains(each) || over.closest("label")?.contains(each) ? "" : "is covered";
}
"""
#: The same once the page has been drawn, which is when it scrolls to what has the focus.
SOON = f"() => new Promise((done) => setTimeout(() => requestAnimationFrame(() => done(({SEEN})())), 50))"
#: Keeps what live regions say after the page has come.
LISTEN = """
window.said = [];
new MutationObserver((changes) => {
  for (const { target } of changes) {
    const region = (target.closest ? target : target.parentElement)?.closest("[role=status], [role=alert], [aria-live]");
    const text = region?.textContent.trim().replace(/\\s+/g, " ");
    if (text && window.said.at(-1) !== text) window.said.push(text);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


class Walk:
    """Somebody who has a keyboard alone; after each key the focus is somewhere, seen and marked.

    Args:
        page: that they begin on.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        page.add_init_script(LISTEN)

    def here(self) -> str:
        """Role, name and states of what has the focus, as a screen reader is told."""
        told = self.page.locator("*:focus").first.aria_snapshot().splitlines()[0]
        told = told.replace("\u202f", " ").replace("\u00a0", " ")
        return told.removeprefix("- ").strip("'").rstrip(":").strip()

    def press(self, *keys: str) -> str:
        """Press some keys; what has the focus afterwards."""
        for key in keys:
            self.page.keyboard.press(key)
            fault = self.page.evaluate(SEEN) and self.page.evaluate(SOON)
            assert not fault, f"after {key} on {self.page.url} the focus {fault}: {self.page.evaluate(OUTER)}"
        return self.here()

    def go(self, target: str, key: str = "Tab", most: int = 80) -> list[str]:
        """Press a key until the focus is on something; all that it was on, the last included."""
        passed: list[str] = []
        for _ in range(most):
            passed.append(self.press(key))
            if passed[-1].startswith(target):
                return passed
        raise AssertionError(f"{target} is not reached on {self.page.url}: {passed}")

    def follow(self, key: str = "Enter") -> None:
        """Press a key that leads to another page."""
        with self.page.expect_navigation():
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Type on the keyboard."""
        self.page.keyboard.type(text)

    def heard(self, text: str) -> None:
        """Wait until a live region says something."""
        self.page.wait_for_function("(text) => window.said.some((each) => each.includes(text))", arg=text)


#: The element that has the focus, for a message.
OUTER = "document.activeElement.outerHTML.slice(0, 120)"


def tree(page: Page, part: str = "main") -> str:
    """What a screen reader is given of a part of a page; numbers of links, moments and spans of time are left out."""
    told = page.locator(part).aria_snapshot()
    told = re.sub(r"127\.0\.0\.1:\d+", "HOST", told)
    told = re.sub(r"/[0-9a-f]{64}", "/TOKEN", told)
    told = re.sub(r"\d{1,2} \w{3} \d{4}, \d\d:\d\d(–\d\d:\d\d)? \(?UTC\)?", "MOMENT", told)
    return re.sub(r"\b\d+ (?:seconds?|minutes?|hrs?|mins?)\b", "TIME", told)


def compare(page: Page, name: str, part: str = "main") -> None:
    """Hold what a screen reader is given against what it was when somebody last read it.

    With WRITE_SNAPSHOTS=1 it is written down anew, to be read as a change like any other; never in CI.
    """
    path = REPOSITORY / "tests" / "snapshots" / f"{name}.yml"
    told = tree(page, part) + "\n"
    if os.environ.get("WRITE_SNAPSHOTS") and not IN_CI:
        path.parent.mkdir(exist_ok=True)
        path.write_text(told, encoding="utf-8")
    known = path.read_text(encoding="utf-8")
    difference = "\n".join(unified_diff(known.splitlines(), told.splitlines(), "known", "told", lineterm="", n=1))
    assert told == known, f"{name}:\n{difference}"
