"""A portal in which each kind of page has something to show: made in a new instance, with the address of each kind."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any

import click

from benchmarks.year import SUPERVISOR, make_year
from portal.announcements import About
from portal.api_tokens import Scope
from portal.chains import Visitor
from portal.gaps import Failed
from portal.organisation import Calendar, Clock, Effect, Hours, Route, Rule, SavedReply, Supplier
from portal.people import Person, Role
from portal.queries import read_query
from portal.sending import Sending
from portal.services import Services
from portal.storage.webhooks import Webhook
from portal.tickets import Action, Resolution

PASSWORD = "kettle-orbit-velvet-27"
NOBODY, AGENT, ADMINISTRATOR = "", "lea@example.org", "ada@example.org"
#: What is sent to the portal to make it busy: days of searches, requests and gaps, and how many on each.
DAYS, SEARCHES, REQUESTS, GAPS = 45, 40, 6, 2
_GONE = "0" * 64


@dataclass(frozen=True)
class Kind:
    """A kind of page."""

    name: str
    #: Below the language; what stands in braces is one of `Furnished.parts`.
    path: str
    #: Whose browser asks for it.
    who: str = NOBODY
    #: Whether search engines shall list it.
    is_listed: bool = False
    status: int = 200
    #: Whether a major incident is announced meanwhile, which shows on all public pages.
    has_notice: bool = False


def _public() -> tuple[Kind, ...]:
    """What readers and requesters see."""
    return (
        Kind("home", "", is_listed=True),
        Kind("topic", "topics/accounts", is_listed=True),
        Kind("article", "articles/reset-password", is_listed=True),
        Kind("accessibility statement", "accessibility", is_listed=True),
        Kind("article, helped: no", "articles/reset-password?vote=no", is_listed=True),
        Kind("results", "search?q=password"),
        Kind("results, put right", "search?q=paswort+printr"),
        Kind("search, nothing asked", "search"),
        Kind("no hit, with request form", "search?q=zyxomat+jumping"),
        Kind("request form", "requests/new"),
        Kind("request form after a search", "requests/new?query=zyxomat+jumping"),
        Kind("solved without sending", "requests/solved?article=reset-password"),
        Kind("thanks", "{private}?sent=yes"),
        Kind("private page", "{private}"),
        Kind("private page, solved", "{solved}"),
        Kind("my requests", "requests/find"),
        Kind("subscription", "subscriptions/{subscription}"),
        Kind("subscription, look in the mailbox", "subscriptions/sent"),
        Kind("subscription, stop", "subscriptions/{subscription}/stop"),
        Kind("sign-in", "sign-in"),
        Kind("error 404", "nothing-here", status=404),
        Kind("link that is gone", f"requests/{_GONE}", status=404),
    )


def _desk() -> tuple[Kind, ...]:
    """What agents and writers see."""
    paths = {
        "account": "account/",
        "account, second step": "account/codes",
        "queue": "desk/",
        "queue, all": "desk/?show=all",
        "queue, nothing found": "desk/?q=zyxomat",
        "ticket": "desk/tickets/{request}",
        "ticket of a gap": "desk/tickets/{gap}",
        "notices": "desk/notices",
        "calls": "desk/calls",
        "explain a search": "desk/explain?q=paswort+printr",
        "live board": "desk/reports/board",
        "writers": "desk/writers/",
        "writers, gaps": "desk/writers/gaps",
        "writers, one gap": "desk/writers/gaps/{gap}",
        "writers, texts": "desk/writers/texts",
        "writers, helpfulness": "desk/writers/helpfulness",
        "writers, feedback": "desk/writers/feedback/en/reset-password",
        "writers, articles": "desk/writers/articles/",
        "writers, article": "desk/writers/articles/en/reset-password",
        "writers, side by side": "desk/writers/compare/reset-password/de",
    }
    return tuple(Kind(name, path, AGENT) for name, path in paths.items())


def _upstairs() -> tuple[Kind, ...]:
    """What supervisors and administrators see."""
    reports = ("", "search", "gaps", "requests", "survey", "articles", "translations")
    pages = (
        "", "audit", "people", "people/new", "people/2", "people/2/leave", "tiers", "tiers/1", "targets", "calendars",
        "calendars/new", "topics", "topics/accounts", "rules", "rules/new", "suppliers", "suppliers/new",
        "saved-replies", "saved-replies/new", "settings", "tokens", "tokens/new", "tokens/1/revoke", "webhooks",
        "webhooks/new", "webhooks/1", "webhooks/1/deliveries", "webhooks/1/remove",
    )  # fmt: skip
    found = {"incidents": "desk/incidents", "surveys": "desk/surveys", "confirm that it is you": "account/confirm"}
    found |= {f"reports, {page or 'overview'}": f"desk/reports/{page}?period=30" for page in reports}
    found |= {f"administration, {page or 'overview'}": f"desk/administration/{page}" for page in pages}
    kinds = [Kind(name, path, ADMINISTRATOR) for name, path in found.items()]
    return (*kinds, Kind("ticket, as administrator", "desk/tickets/{request}", ADMINISTRATOR))


#: Every kind of page; those with a notice come last, for it stays.
KINDS = (
    *_public(),
    *_desk(),
    *_upstairs(),
    Kind("home with a notice", "", is_listed=True, has_notice=True),
    Kind("private page with a notice", "{affected}", has_notice=True),
)


@dataclass(frozen=True)
class Furnished:
    """What is where in a furnished portal."""

    #: What stands in the braces of `Kind.path`.
    parts: dict[str, str]
    #: Announces a major incident.
    announce: Callable[[], None]

    def path(self, kind: Kind, language: str) -> str:
        """The path of a kind of page."""
        return f"/{language}/{kind.path.format(**self.parts)}"


def furnish(services: Services) -> Furnished:
    """Fill a new instance, of which nobody is served yet.

    Args:
        services: with the shipped articles published, and nothing else.
    """
    make_year(services, DAYS, SEARCHES, REQUESTS, GAPS)
    now = services.clock()
    staff: dict[str, Person] = {each.email: each for each in services.staff.everybody()}
    for email, name, role in ((AGENT, "Lea Brand", Role.AGENT), (ADMINISTRATOR, "Ada Byron", Role.ADMINISTRATOR)):
        person = Person(0, email, name, frozenset({role}), (1, 2, 3), ("en", "de"))
        staff[email] = services.staff.add(person, PASSWORD, now)
    _set_up(services)
    parts = _work(services, staff[ADMINISTRATOR], staff[SUPERVISOR])

    def announce() -> None:
        texts = dict.fromkeys(("en", "fr", "de", "ru"), "Mail is down. We expect it back at noon.")
        services.incidents.declare(staff[ADMINISTRATOR], int(parts["major"]), texts, services.clock())
        affected = [int(parts["affected_number"])]
        services.incidents.link(staff[ADMINISTRATOR], int(parts["major"]), affected, services.clock())

    return Furnished(parts, announce)


def _set_up(services: Services) -> None:
    """One of everything that an organisation sets up."""
    add, now = services.administration.add, services.clock()
    day = (Hours(time(9), time(17)),)
    add(None, Calendar(0, "Office", "Europe/Berlin", (day,) * 5 + ((),) * 2, frozenset({date(2030, 12, 25)})), now)
    add(None, Supplier(0, "Printer makers", "desk@supplier.example", "Jo Park", ("de",)), now)
    texts = {"en": "Thank you, {name}.", "de": "Danke, {name}."}
    add(None, SavedReply(0, "Thanks", texts, {"en": "Is it solved?", "de": "Ist es gelöst?"}, "devices"), now)
    add(None, Route("accounts", 1, 4), now)
    add(None, Rule(0, "Late", Clock.TIER, 30, Effect.WARN, (1,), (3,), ("de",)), now)
    # A name that never leads anywhere: what is told to it fails at once.
    hook = Webhook(0, "Figures", "https://hooks.invalid/desk", frozenset(About))
    services.webhooks.add(None, hook, now)
    services.api_tokens.make(None, "Board", [Scope.REPORTS_READ], 1, now)


def _send(services: Services, nonce: str, **more: Any) -> tuple[int, str]:
    """A request that was sent: its number and the path of its private page."""
    text = "It does not print since this morning. The light is orange, and the paper is in."
    sent = Sending("Anna Bell", "anna@example.org", "The printer is orange", text, "en")
    request, token = services.requests.receive(replace(sent, **more), nonce, services.clock(), stems=[])
    return request.id, f"requests/{token}"


def _a_gap(services: Services) -> int:
    """The number of a gap, by the search that some pages repeat."""
    failed = Failed(read_query("en", "zyxomat jumping"), ["zyxomat", "jump"], "U0", "/en/search")
    opened = services.gaps.report(
        failed, Visitor("a browser", is_returning=True, network="192.0.2.0"), services.clock()
    )
    if opened is None:
        raise click.ClickException("The portal opened no gap.")
    return opened.ticket.id


def _work(services: Services, ada: Person, mia: Person) -> dict[str, str]:
    """Requests with much that can happen to them, a gap, and a wish to be told."""
    now, desk = services.clock(), services.desk
    trail = ({"kind": "search", "text": "printer orange", "language": "en", "at": now.isoformat(), "results": "3"},)
    number, private = _send(services, "one", trail=trail)
    done, solved = _send(services, "two")
    major, _ = _send(services, "three", subject="Mail is down")
    touched, affected = _send(services, "four", subject="No mail since ten")
    desk.work(ada, number, Action.TAKE, now)
    desk.work(ada, number, Action.REPLY, now, text="Please switch it off and on again.\n\n- Wait a minute\n- Try again")
    desk.work(ada, number, Action.NOTE, now, text="Called them.")
    desk.swarm(ada, number, [mia.id], "Have you seen this?", now)
    services.suppliers.send(ada, number, 1, "Please check the fuser.", now)
    desk.work(ada, done, Action.TAKE, now)
    desk.work(ada, done, Action.SOLVE, now, text="It works again.", resolution=Resolution.ANSWERED)
    gap = _a_gap(services)
    services.subscriptions.subscribe(gap, "anna@example.org", "en", now)
    token = services.subscriptions.token(gap, "anna@example.org")
    numbers = {"request": number, "gap": gap, "major": major, "affected_number": touched}
    paths = {"private": private, "solved": solved, "affected": affected, "subscription": token}
    return {name: str(value) for name, value in numbers.items()} | paths
