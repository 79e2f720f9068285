"""A visitor of a portal who fills in every form of every page with attacks, and remembers what was answered."""

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from portal.web.forms import HONEYPOT
from tests.attacking import EVERYTHING, PLAIN, TEXTS, one_line
from tests.builders import PASSWORD

#: What is never sent: it ends what the visitor needs, its session, and what else was filled in.
_NOT = re.compile(r"sign_out|[.]end_|remove|revoke|password|second_factor|codes|turn_o|recovery|admin_leave|undo")
#: Fields that take only what they are for, and what is written in them where nothing stands there yet.
_PROPER = (
    ("password", PASSWORD),
    ("phone", "+49 30 1234567"),
    ("call_start", f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT10:00}"),
    ("zone", "UTC"),
    ("^into$", "2"),
    ("^planned$", "planned-article"),
    ("^slug$", "reset-password"),
    # What stands in double braces is no field that saved replies have.
    ("^(texts|checklist)_", re.sub(r"[{}]", "", PLAIN)[:1900]),
    # Whoever fills this in is a robot.
    (f"^{HONEYPOT}$", ""),
    ("^(week_|holidays|contract_until|per_minute|.*hours|.*minutes|.*days)", ""),
)
_OF_TEXT = frozenset({"text", "search", "email", "url", "tel", "textarea"})
#: How often a form of a kind is filled in, and how many pages of a kind are looked at.
_TIMES, _PAGES = 3, 3
#: What is shown once more before it is sent.
_AGAIN = frozenset({"my_requests.send", "desk.send_to_supplier"})
_AWAY = frozenset({301, 302, 303, 307, 308})


@dataclass
class Form:
    """A form as a browser would send it."""

    action: str
    method: str = "get"
    identity: str = ""
    #: Name, kind, value and bound of each field.
    fields: list[tuple[str, str, str, int]] = field(default_factory=list)
    #: Names and values of what sends it, and where that leads when not to the form's address.
    buttons: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def has_text(self) -> bool:
        """Whether anything can be written in it."""
        return any(each[1] in _OF_TEXT for each in self.fields)


class Reader(HTMLParser):
    """Finds a page's forms and the links to other pages."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._loose: list[tuple[str, tuple[str, str, str, int]]] = []
        self._open: Form | None = None
        self._select: tuple[str, str, list[tuple[str, bool]]] | None = None
        self._area: tuple[str, str, int, list[str]] | None = None
        self.feed(page)
        for form in self.forms:
            form.fields += [each for identity, each in self._loose if identity == form.identity]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a form, a field, a button or a link."""
        facts = {name: value or "" for name, value in attrs}
        name, owner = facts.get("name", ""), facts.get("form", "")
        if tag == "a":
            self.links.append(facts.get("href", ""))
        elif tag == "form":
            self._open = Form(facts.get("action", ""), facts.get("method", "get").lower(), facts.get("id", ""))
            self.forms.append(self._open)
        elif tag == "button" and self._open and facts.get("type", "submit") == "submit":
            self._open.buttons.append((name, facts.get("value", ""), facts.get("formaction", "")))
        elif tag == "input" and name:
            kind = facts.get("type", "text")
            if kind not in {"checkbox", "radio"} or "checked" in facts or not self._has(name):
                self._keep(owner, (name, kind, facts.get("value", ""), int(facts.get("maxlength") or 0)))
        elif tag == "select":
            self._select = name, owner, []
        elif tag == "option" and self._select:
            self._select[2].append((facts.get("value", ""), "selected" in facts))
        elif tag == "textarea":
            self._area = name, owner, int(facts.get("maxlength") or 0), []

    def handle_data(self, data: str) -> None:
        """Keep what stands in a text area."""
        if self._area:
            self._area[3].append(data)

    def handle_endtag(self, tag: str) -> None:
        """Close what was open."""
        if tag == "form":
            self._open = None
        elif tag == "textarea" and self._area:
            name, owner, bound, parts = self._area
            self._keep(owner, (name, "textarea", "".join(parts).removeprefix("\n"), bound))
            self._area = None
        elif tag == "select" and self._select:
            name, owner, options = self._select
            chosen = [value for value, is_chosen in options if is_chosen] or [value for value, _ in options[:1]]
            # Something rather than nothing, where nothing is chosen.
            if chosen == [""] and len(options) > 1:
                chosen = [options[1][0]]
            self._keep(owner, (name, "select", (chosen or [""])[0], 0))
            self._select = None

    def _has(self, name: str) -> bool:
        """Whether the open form has a field of this name."""
        return self._open is not None and any(each[0] == name for each in self._open.fields)

    def _keep(self, owner: str, each: tuple[str, str, str, int]) -> None:
        """Give a field to its form."""
        if owner:
            self._loose.append((owner, each))
        elif self._open:
            self._open.fields.append(each)


@dataclass
class Visitor:
    """Goes through all pages by their links, and fills in what can be filled in.

    Args:
        app: the portal.
        client: a browser of somebody.
        hook: an address where webhooks may lead.
    """

    app: Flask
    client: FlaskClient
    hook: str
    #: Of which languages pages are opened, as a pattern; empty for all.
    languages: str = "en"
    #: Pages that were found, by endpoint.
    pages: dict[str, list[str]] = field(default_factory=dict)
    #: What sending was answered with where it is shown at once: endpoint, headers and page.
    answers: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    #: By endpoint, how often what was sent was taken or refused.
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: What each form that was refused was told, for whoever looks into it.
    refusals: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _sent: Counter[tuple[object, ...]] = field(default_factory=Counter)
    _turn: "itertools.cycle[str]" = field(default_factory=lambda: itertools.cycle(TEXTS))
    _number: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def taken(self) -> set[str]:
        """The endpoints that took what they were sent."""
        return {endpoint for endpoint, outcome in self.outcomes if outcome == "taken"}

    def go_through(self, *starts: str, within: str = "") -> None:
        """Go through everything that can be reached from some pages, or what of it begins like `within`."""
        waiting = list(starts)
        while waiting:
            waiting += [path for path in self._open(waiting.pop(0)) if path.startswith(within)]

    def go_one_by_one(self, *paths: str) -> None:
        """Send one form of each page: what is sent from pages like these changes what can be sent next."""
        idle = 0
        for path in paths:
            before = sum(self.outcomes.values())
            for form in Reader(self.client.get(path).text).forms:
                if sum(self.outcomes.values()) == before:
                    self._fill(path, form, once=True)
            idle = idle + 1 if sum(self.outcomes.values()) == before else 0
            if idle > 5:
                return

    def go_again(self, *endpoints: str, within: str = "") -> None:
        """Open pages anew, for they show more than before, and go through what they lead to."""
        for endpoint in endpoints:
            paths = self.pages.pop(endpoint, [])
            self._seen -= set(paths)
            self.go_through(*paths, within=within)

    def endpoint(self, path: str, method: str = "GET") -> str:
        """The endpoint of an address; empty for one that leads elsewhere."""
        parts = urlsplit(path)
        if parts.netloc not in {"", "localhost"}:
            return ""
        try:
            return str(self.app.url_map.bind("localhost").match(parts.path or "/", method=method)[0])
        except (HTTPException, RequestRedirect):
            return ""

    def _open(self, path: str) -> list[str]:
        """Open a page that is new of its kind, and fill in its forms; where it leads."""
        path = path.partition("#")[0]
        parts, endpoint = urlsplit(path), self.endpoint(path)
        kind = re.sub(r"\d+", "0", parts.path)
        shape = f"{kind}?{'&'.join(sorted(name for name, _ in parse_qsl(parts.query)))}"
        kinds = self.pages.setdefault(endpoint, []) if endpoint else []
        known = sum(re.sub(r"\d+", "0", urlsplit(each).path) == kind for each in kinds)
        is_other = self.languages and not re.match(rf"/({self.languages})(/|$)", parts.path)
        is_known = (
            is_other
            or path in self._seen
            or known >= _PAGES
            or (shape in self._seen and parts.query)
            or len(kinds) > 20
        )
        if not endpoint or is_known:
            return []
        self._seen |= {path, shape}
        answer = self.client.get(path)
        self._judge(path, answer)
        if answer.status_code in _AWAY:
            return [self._plain(urljoin(path, answer.location))]
        if not answer.content_type.startswith("text/html"):
            return []
        kinds.append(path)
        read = Reader(answer.text)
        found = [self._plain(urljoin(path, link.partition("#")[0])) for link in read.links if link]
        for form in read.forms:
            found += self._fill(path, form)
        return found

    @staticmethod
    def _plain(address: str) -> str:
        """An address of this portal without its host."""
        return re.sub(r"^http://(localhost|127\.0\.0\.1:\d+)(?=/)", "", address)

    def _fill(self, page: str, form: Form, *, once: bool = False) -> list[str]:
        """Send a form with each of its buttons, first with too much, then with what it takes; where that leads.

        Args:
            page: that it stands on.
            form: to fill in.
            once: no more than one of its buttons, and none that has been pressed on another page.
        """
        found = []
        for name, value, leads in form.buttons or [("", "", "")]:
            action, method = self._plain(urljoin(page, leads or form.action or page)), form.method.upper()
            endpoint = self.endpoint(action, method)
            kind = (re.sub(r"\d+", "0", action), name, value, *sorted(each[0] for each in form.fields))
            if not endpoint or _NOT.search(endpoint) or self._sent[kind] >= (1 if once else _TIMES):
                continue
            self._sent[kind] += 1
            extra = [(name, value)] if name else []
            if method == "GET":
                found.append(self._asked(action, form))
                continue
            if form.has_text and self._sent[kind] == 1:
                self._send(endpoint, action, [*self._values(form, is_rude=True), *extra])
            self._renew(page, form)
            found += self._send(endpoint, action, [*self._values(form, is_rude=False), *extra])
            if once:
                self._sent[kind] = _TIMES
                break
        return found

    def _renew(self, page: str, form: Form) -> None:
        """Read a form's version again: what was sent before may have changed what it is about."""
        if any(name == "version" for name, _, _, _ in form.fields):
            same = [each for each in Reader(self.client.get(page).text).forms if each.action == form.action]
            newest = {name: value for each in same for name, _, value, _ in each.fields if name == "version"}
            form.fields = [(name, kind, newest.get(name, value), most) for name, kind, value, most in form.fields]

    def _asked(self, action: str, form: Form) -> str:
        """The address of a search."""
        values = MultiDict(self._values(form, is_rude=False))
        with self.app.test_request_context(action, query_string=values) as made:
            return str(made.request.full_path)

    def _values(self, form: Form, *, is_rude: bool) -> list[tuple[str, str]]:
        """What a form is filled in with.

        Args:
            form: to fill in.
            is_rude: whether every field gets everything, whatever it is for.
        """
        sent = []
        for name, kind, value, bound in form.fields:
            written = value
            if kind in _OF_TEXT | {"password", "datetime-local", "select"}:
                proper = self._proper(name, kind, value)
                if is_rude and kind in _OF_TEXT:
                    written = EVERYTHING
                elif proper is not None:
                    written = proper
                elif kind in _OF_TEXT:
                    written = self._text(kind, bound)
            sent.append((name, written))
        return sent

    def _text(self, kind: str, bound: int) -> str:
        """An attack that fits, and as many as fit where there is room."""
        attack = next(self._turn)
        if kind == "textarea":
            return PLAIN if not bound or bound >= len(PLAIN) else PLAIN[:bound]
        return one_line(attack)[: min(bound or 80, 80)]

    def _proper(self, name: str, kind: str, value: str) -> str | None:
        """What a field takes that is not for any text, with an attack where there is room; None where any text does."""
        if kind == "email" or "email" in name:
            return value or f"o'b{next(self._number)}@attack.example"
        if kind == "url" or name == "url":
            return value or f"{self.hook}?a=%22%3E%3Csvg%20onload=__xss(0)%3E&b='-__xss(0)-'"
        if re.fullmatch(r"[\d:.,h% ]+", value):
            return value
        return next((value or proper for pattern, proper in _PROPER if re.search(pattern, name)), None)

    def _send(self, endpoint: str, action: str, values: list[tuple[str, str]]) -> list[str]:
        """Send values, remember the answer; where it leads."""
        answer = self.client.post(action, data=MultiDict(values))
        self._judge(action, answer)
        status = answer.status_code
        self.outcomes[endpoint, "taken" if status < 400 else "refused"] += 1
        if status >= 400:
            shown = re.findall(r'(?:class="[^"]*error[^"]*"|role="alert")[^>]*>(?:\s*<[^>]*>)*([^<]+)<', answer.text)
            self.refusals[endpoint] = f"{status} {action} {shown} {[(n, v[:60]) for n, v in values]}"
        if status in _AWAY:
            return [self._plain(urljoin(action, answer.location))]
        if answer.content_type.startswith("text/html"):
            self.answers.append((endpoint, dict(answer.headers.items()), answer.text))
            if status == 200:
                forms = [form for form in Reader(answer.text).forms if form.method == "post"]
                again = [
                    form for form in forms if self.endpoint(self._plain(urljoin(action, form.action)), "POST") in _AGAIN
                ]
                return [path for form in again for path in self._fill(action, form)]
        return []

    def _judge(self, path: str, answer: TestResponse) -> None:
        """Nothing fails, no attack is a header, and what is no page is not taken for one."""
        if answer.status_code >= 500:
            self.faults.append(f"{path}: {answer.status_code}")
        if answer.headers.get("X-Content-Type-Options") != "nosniff":
            self.faults.append(f"{path}: may be taken for what it is not")
        if "__xss" in answer.headers.get("Set-Cookie", ""):
            self.faults.append(f"{path}: an attack is a header")
