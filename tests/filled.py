"""A portal whose every field is filled with attacks, through the doors by which people fill them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.serving import make_server

from portal.app import create_app
from portal.desk.case_mail import CaseMail
from portal.people import Role
from portal.server import prepare
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import schema
from portal.ticking import tick
from tests.attacking import EVERYTHING, MARKDOWN, PICTURE, PLAIN, TEXTS, one_line
from tests.builders import PASSWORD, person, settings, write_library
from tests.conftest import sign_in
from tests.serving import free_port
from tests.wandering import Reader, Visitor

_SET_UP = "/en/desk/administration/"
EMAIL = "mia@example.org"
_PLENTY = 100_000


@dataclass
class Filled:
    """A portal that is full of attacks, and what its visitors have found."""

    app: Flask
    services: Services
    address: str
    #: Somebody who may do everything, and a reader.
    staff: Visitor
    guest: Visitor
    cookies: list[Any]
    #: Another site, which shows the widget.
    shop: str

    @property
    def addresses(self) -> dict[str, str]:
        """Where that is found which no link leads to: for scripts, robots, readers of news, and tables to keep."""
        return {
            "discovery.opensearch": "/en/opensearch.xml",
            "discovery.suggestions": "/en/suggestions?q=attack",
            "desk.counts": "/en/desk/queue/counts",
            "desk.draft": "/en/desk/tickets/1/draft.md",
            "embed.texts": "/embed/v1/en.json",
            "feeds.of_language": "/en/feed.xml",
            "feeds.of_topic": "/en/topics/attack-0/feed.xml",
            "help.suggest": "/en/suggest?q=attack",
            "my_requests.suggest": "/en/requests/suggest?text=attack",
            "reports.download": "/en/desk/reports/download/gaps.csv",
            "reports.download_board": "/en/desk/reports/download/board.csv",
            "discovery.image": "/images/picture.svg",
            "my_requests.solved": "/en/requests/solved?article=everything",
        }

    @property
    def letters(self) -> list[str]:
        """The HTML of all mails."""
        with self.services.database.read() as connection:
            return [html for html in connection.scalars(select(schema.outbox.c.html)) if html]


@contextmanager
def fill(folder: Path) -> Iterator[Filled]:
    """A running portal, filled."""
    articles = write_articles(write_library(folder / "articles"))
    port = free_port()
    receiver = _Other(("127.0.0.1", 0), _Rude)
    receiver.portal, shop = f"http://127.0.0.1:{port}", f"http://localhost:{receiver.server_port}"
    made = _settings(articles, folder / "var", receiver.portal, shop)
    prepare(made)
    services = open_services(made)
    app = create_app(made, services)
    server = make_server("127.0.0.1", port, app, threaded=True)
    for each in (server, receiver):
        threading.Thread(target=each.serve_forever, daemon=True).start()
    hook = f"http://127.0.0.1:{receiver.server_port}/hook"
    staff = Visitor(app, _signed_in(app, services), hook)
    filled = Filled(app, services, f"http://127.0.0.1:{port}", staff, Visitor(app, app.test_client(), hook), [], shop)
    _fill(filled)
    key = staff.client.get_cookie("staff")
    assert key is not None
    filled.cookies.append({"name": "staff", "value": key.value, "url": filled.address})
    yield filled
    for each in (server, receiver):
        each.shutdown()
        each.server_close()
    services.close()


def _settings(articles: Path, data: Path, address: str, shop: str) -> Settings:
    """Without limits that a hundred attacks would reach."""
    return settings(
        articles, data, base_url=address, trusted_hosts=("127.0.0.1", "localhost"), mail_in=True, embed_origins=(shop,),
        site_name=TEXTS[3], webhook_hosts=("127.0.0.1",), requests_per_hour=_PLENTY, api_per_minute=_PLENTY,
        gaps_per_session=_PLENTY, gaps_per_network=_PLENTY, gaps_anonymous=_PLENTY, gaps_per_hour=_PLENTY,
    )  # fmt: skip


def write_articles(root: Path) -> Path:
    """An article for each attack, some with translations; topics, pictures, files with faults."""
    for number, attack in enumerate(TEXTS):
        text = one_line(attack)
        heads = {"title": text[:190], "summary": text, "topic": f"attack-{number % 3}", "updated": "2026-01-05"}
        lines = [f"{name}: {json.dumps(value)}" for name, value in heads.items()]
        lines += [f"{name}: {json.dumps([text[:190]])}" for name in ("tags", "keywords")]
        body = MARKDOWN[number % len(MARKDOWN)]
        for language in ("en", "de") if number % 5 == 0 else ("en",):
            whole = "\n".join(["---", *lines, "---", "", f"## Attack {text}", "", text, "", body, ""])
            (root / language / f"attack-{number}.md").write_text(whole, encoding="utf-8")
    every = f'---\ntitle: "Everything"\ntopic: attack-0\nupdated: 2026-01-05\n---\n\n{PLAIN}\n'
    (root / "en" / "everything.md").write_text(every, encoding="utf-8")
    names = {code: one_line(TEXTS[number]) for number, code in enumerate(("en", "fr", "de", "ru"), 21)}
    topics = {f"attack-{number}": {"name": names, "description": names} for number in range(3)}
    with (root / "topics.yml").open("a", encoding="utf-8") as file:
        file.write("".join(f"{slug}: {json.dumps(facts)}\n" for slug, facts in topics.items()))
    (root / "images").mkdir(exist_ok=True)
    (root / "images" / "picture.svg").write_text(PICTURE, encoding="utf-8")
    (root / "en" / "<img src=x onerror=__xss(0)>.md").write_text("---\ntitle: x\n---\n", encoding="utf-8")
    (root / "en" / "broken.md").write_text(
        f"---\ntitle: {json.dumps(TEXTS[3])}\n'{TEXTS[3]}': 1\n---\n", encoding="utf-8"
    )
    return root


def _signed_in(app: Flask, services: Services) -> FlaskClient:
    """Somebody with every role, whose name is an attack, and another one to be mentioned."""
    roles, tiers = frozenset(Role), (1, 2, 3, 4)
    services.staff.add(person(name=TEXTS[21], roles=roles, tiers=tiers), PASSWORD, services.clock())
    other = person(name=TEXTS[22], email="zoe@example.org", roles=roles, tiers=tiers)
    services.staff.add(other, PASSWORD, services.clock())
    return sign_in(app.test_client(), EMAIL)


class _Other(ThreadingHTTPServer):
    """A server of somebody else: a site with the widget, and a receiver of webhooks."""

    portal = ""


class _Rude(BaseHTTPRequestHandler):
    """Shows the widget, and answers webhooks with attacks."""

    server: _Other

    def do_GET(self) -> None:
        """A page with the widget."""
        script = f'<script src="{self.server.portal}/embed/v1.js" async></script>'
        self._say(200, f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>{script}')

    def do_POST(self) -> None:
        """Refuse, in words of its own."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(400, EVERYTHING)

    def _say(self, status: int, text: str) -> None:
        """Answer."""
        body = text.encode()
        self.send_response(status, "<img src=x onerror=__xss(0)>" if status >= 400 else "OK")
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _fill(filled: Filled) -> None:
    """Fill every field, in the order in which people would."""
    _search_and_ask(filled)
    _mail(filled)
    starts = ("", "requests/new", "requests/find", "search?q=quite+unknown+zyxomat", "articles/everything", "sign-in")
    filled.guest.go_through(*(f"/en/{path}" for path in starts), "/en/articles/everything?from=search")
    filled.staff.go_through(_SET_UP, within=_SET_UP)
    lists = ("calendars", "people", "replies", "rules", "suppliers", "tokens", "webhooks")
    filled.staff.go_again(*(f"desk.admin_{each}" for each in lists), within=_SET_UP)
    tickets = [f"/en/desk/tickets/{number}" for number in range(1, 2 * len(TEXTS))]
    filled.staff.go_one_by_one(*tickets)
    with filled.services.database.read() as connection:
        cases = connection.scalars(select(schema.cases.c.ticket_id)).all()
    filled.staff.go_one_by_one(*(tickets[number - 1] for number in cases for _ in range(6)))
    rest = (
        "",
        "?q=attack",
        "tickets/1",
        "writers/",
        "writers/articles/",
        "reports/",
        "calls",
        "explain?q=x",
        "surveys",
        "incidents",
    )
    filled.staff.go_through(*(f"/en/desk/{path}" for path in rest), "/en/account/", "/en/desk/notices")
    _answer_for_suppliers(filled)
    _solve(filled)
    filled.guest.go_again("private_page.status")
    tick(filled.services, filled.services.clock(), dispatch=True)


def _solve(filled: Filled) -> None:
    """Answer what the guest has sent, so that it can be rated and opened again."""
    with filled.services.database.read() as connection:
        wanted = (
            schema.tickets.c.channel == "web",
            schema.tickets.c.kind == "request",
            schema.tickets.c.status != "spam",
        )
        numbers = connection.scalars(select(schema.tickets.c.id).where(*wanted)).all()
    for number in numbers:
        page = f"/en/desk/tickets/{number}"
        for form in Reader(filled.staff.client.get(page).text).forms:
            values = {name: value for name, _, value, _ in form.fields}
            if "resolution" in values:
                sent = values | {"text": PLAIN, "resolution": "answered"}
                done = filled.staff.client.post(f"{page}/solve", data=sent)
                assert done.status_code == 303, done.text
                break


def _search_and_ask(filled: Filled) -> None:
    """Search for each attack, comment on an article with it, and send it as a request by the API."""
    client = filled.app.test_client()
    for number, attack in enumerate(TEXTS):
        client.get("/en/search", query_string={"q": f"zyxomat{number} quandel brimflox {attack}", "topic": attack})
        name = attack[:100]
        body = {"name": name, "email": f"a{number}@attack.example", "subject": name, "language": "en"}
        description = EVERYTHING[:4000] if number < 3 else attack
        sent = client.post("/api/v1/requests", json={**body, "description": description})
        assert sent.status_code == 201, (attack, sent.text)
        words = {"is_helpful": False, "voter": f"voter-{number:030}", "comment": attack}
        sent = client.post("/api/v1/articles/en/everything/feedback", json=words)
        assert sent.status_code < 300, sent.text
    filled.services.journal.flush()


def _mail(filled: Filled) -> None:
    """A mail for each attack: in the sender's name, the subject, the text, the HTML, the name of what is attached."""
    for number, attack in enumerate(TEXTS):
        mail = EmailMessage()
        mail["From"] = (
            f"=?utf-8?q?{''.join(f'={byte:02X}' for byte in one_line(attack).encode())}?= <m{number}@attack.example>"
        )
        mail["To"], mail["Message-ID"] = filled.services.settings.sender, f"<m{number}@attack.example>"
        mail["Subject"] = one_line(attack)
        if number % 2:
            mail.set_content(attack)
            mail.add_alternative(f"<html><body>{attack}</body></html>", subtype="html")
        else:
            mail.set_content(f"<p>Hello</p>{attack}<p>{EVERYTHING if number < 3 else ''}</p>", subtype="html")
        mail.add_attachment(b"x", maintype="text", subtype="html", filename=one_line(attack)[:60])
        filled.services.inbox.receive(bytes(mail), filled.services.clock())


def _answer_for_suppliers(filled: Filled) -> None:
    """Suppliers answer with attacks."""
    services = filled.services
    with services.database.read() as connection:
        cases = connection.execute(select(schema.cases.c.id, schema.suppliers.c.email).join(schema.suppliers)).all()
    for case in cases:
        local, _, domain = services.settings.sender.rpartition("@")
        token = CaseMail(services.secret, "", "").token(case.id)
        mail = EmailMessage()
        mail["From"], mail["To"] = case.email, f"{local}+s{case.id}.{token}@{domain}"
        mail["Subject"], mail["Message-ID"] = one_line(TEXTS[3]), f"<c{case.id}@attack.example>"
        mail.set_content(EVERYTHING)
        services.inbox.receive(bytes(mail), services.clock())
