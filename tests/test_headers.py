"""The headers of every kind of answer: exactly these, with these values, and nothing that tells what runs here."""

from dataclasses import dataclass, replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.errors import SearchUnavailable
from portal.people import Role
from portal.services import Services, open_services
from portal.settings import Settings
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
IMAGE = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; sandbox"
)
#: What every answer says about itself.
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
#: What else every answer may say; nothing beyond these, but what a case names.
ORDINARY = {
    "Cache-Control",
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Vary",
    "X-Request-Id",
    "X-Robots-Tag",
}
CACHED = {"ETag", "Last-Modified", "Date"}
LIMITED = {"RateLimit", "RateLimit-Policy"}
PRIVATE, FRESH = "no-store", "public, max-age=0, must-revalidate"


@dataclass(frozen=True)
class Case:
    """A kind of answer."""

    path: str
    status: int
    cache: str
    more: frozenset[str] = frozenset()
    method: str = "GET"
    #: Values that differ from those of all others.
    differs: tuple[tuple[str, str], ...] = ()


def case(path: str, status: int, cache: str, *more: str, method: str = "GET", **differs: str) -> Case:
    """A case; `differs` by names with underscores."""
    values = tuple((name.replace("_", "-"), value) for name, value in differs.items())
    return Case(path, status, cache, frozenset(more), method, values)


OPEN = {"Cross_Origin_Resource_Policy": "cross-origin"}
CASES = {
    "root": case("/", 302, "private, max-age=0", "Location"),
    "home": case("/en/", 200, FRESH, *CACHED),
    "article": case("/de/articles/reset-password", 200, FRESH, *CACHED),
    "search": case("/en/search?q=nothing", 200, PRIVATE, "Set-Cookie"),
    "form": case("/ru/requests/new", 200, PRIVATE),
    "sign-in": case("/en/sign-in", 200, PRIVATE, "Set-Cookie"),
    "desk-of-strangers": case("/en/desk/", 303, PRIVATE, "Location"),
    "static": case("/static/portal.css", 200, FRESH, *CACHED, "Accept-Ranges", "Content-Disposition"),
    "image": case(
        "/images/logo.svg", 200, "public, max-age=3600", *CACHED, "Content-Disposition", "Accept-Ranges", "Expires",
        Content_Security_Policy=IMAGE,
    ),
    "feed": case("/en/feed.xml", 200, "public, max-age=600", *CACHED),
    "sitemap": case("/sitemap.xml", 200, "public, max-age=3600", *CACHED),
    "robots": case("/robots.txt", 200, "public, max-age=3600", *CACHED),
    "favicon": case("/favicon.ico", 301, "public, max-age=86400", "Location"),
    "health": case("/healthz", 200, PRIVATE),
    "api": case("/api/v1/articles", 200, FRESH, *CACHED, *LIMITED, **OPEN),
    "api-search": case("/api/v1/search?q=password", 200, PRIVATE, *LIMITED, **OPEN),
    "api-unauthorised": case("/api/v1/tickets", 401, PRIVATE, *LIMITED, "Content-Language", "WWW-Authenticate"),
    "api-not-found": case("/api/v1/nowhere", 404, PRIVATE, "Content-Language"),
    "api-method": case("/api/v1/articles", 405, PRIVATE, "Content-Language", "Allow", method="DELETE"),
    "embed": case("/embed/v1.js", 200, "public, max-age=300", *CACHED, **OPEN),
    "embed-words": case(
        "/embed/v1/fr.json", 200, "public, max-age=300", *CACHED, "Access-Control-Allow-Origin",
        Access_Control_Allow_Origin="*", **OPEN,
    ),
    "bad-request": case("/en/sign-in", 400, PRIVATE, method="POST"),
    "not-found": case("/en/articles/none", 404, PRIVATE),
    "nowhere": case("/.git/config", 404, PRIVATE),
    "method": case("/en/", 405, PRIVATE, "Allow", method="PUT"),
    "trace": case("/en/", 405, PRIVATE, "Allow", method="TRACE"),
    "metrics": case("/metrics", 401, PRIVATE, "WWW-Authenticate"),
}  # fmt: skip
#: Parts of names and versions of what runs here.
TELLING = ("werkzeug", "flask", "gunicorn", "python", "sqlalchemy", "sqlite", "nginx", "whoosh", "/3.")


@pytest.fixture
def page_of(app: Flask, instance: Settings) -> FlaskClient:
    """A reader of a portal with an image."""
    folder = instance.articles / "images"
    folder.mkdir()
    (folder / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    return app.test_client()


def check(answered: TestResponse, wanted: Case) -> None:
    """Exactly the headers of a case, with their values."""
    found = dict(answered.headers)
    expected = {**ALWAYS, **dict(wanted.differs)}
    assert answered.status_code == wanted.status
    assert {name: found.get(name) for name in expected} == expected
    assert found["Cache-Control"] == wanted.cache
    assert found["X-Request-Id"]
    assert set(found) - set(expected) - ORDINARY - wanted.more == set()
    assert [name for name in set(found) if answered.headers.getlist(name) != [found[name]]] in (
        [],
        ["Set-Cookie"],
    )
    if answered.data or answered.status_code == 200:
        assert found["Content-Type"].startswith(("application/json", "application/problem+json", "image/")) or (
            "charset=utf-8" in found["Content-Type"]
        )
    told = " ".join(
        f"{name}: {value}" for name, value in found.items() if name not in {"ETag", "X-Request-Id", "Set-Cookie"}
    )
    assert not [word for word in TELLING if word in told.lower()]


@pytest.mark.parametrize("name", CASES)
def test_every_answer_has_exactly_its_headers(name: str, page_of: FlaskClient) -> None:
    """Twice, since the second may be a copy that was kept."""
    for _ in range(2):
        answered = page_of.open(CASES[name].path, method=CASES[name].method)
        with answered:
            check(answered, CASES[name])


@pytest.mark.parametrize("name", ["home", "article", "image", "static", "feed", "api"])
def test_what_has_not_changed_is_as_safe(name: str, page_of: FlaskClient) -> None:
    """An answer without a body says the same about what the browser has."""
    first = page_of.get(CASES[name].path)
    again = page_of.get(CASES[name].path, headers={"If-None-Match": first.headers["ETag"]})
    first.close()

    assert again.status_code == 304
    wanted = {**ALWAYS, **dict(CASES[name].differs)}
    assert {key: again.headers.get(key) for key in wanted} == wanted
    again.close()


def test_faults_say_no_more(app: Flask, reader: FlaskClient) -> None:
    """A fault of ours, a search that is down, a form that is too large, and too much at once."""

    def fault() -> str:
        raise RuntimeError("zyxomat at /srv/secret")

    def down() -> str:
        raise SearchUnavailable("the index is gone")

    app.view_functions["discovery.robots"], app.view_functions["discovery.sitemap"] = fault, down
    too_large = {"data": "x" * 600_000, "content_type": "application/x-www-form-urlencoded"}
    answers = [reader.get("/robots.txt"), reader.get("/sitemap.xml"), reader.post("/en/requests/new", **too_large)]
    answers.append([reader.get("/metrics") for _ in range(61)][-1])

    for answered, status in zip(answers, (500, 503, 413, 429), strict=True):
        check(answered, case("", status, PRIVATE, "Retry-After"))
        assert not [
            word for word in ("zyxomat", "Traceback", "RuntimeError", "/srv/", "index is gone") if word in answered.text
        ]


def test_a_download_is_one(app: Flask, portal_services: Services) -> None:
    """A report is kept by nobody on the way, and never shown as a page."""
    boss = person(roles=frozenset({Role.ADMINISTRATOR}))
    portal_services.staff.add(boss, PASSWORD, portal_services.clock())
    client = sign_in(app.test_client(), boss.email)

    for path, kind in (
        ("/en/desk/reports/download/board.csv", "text/csv"),
        ("/en/desk/reports/download/board.json", "application/json"),
    ):
        answered = client.get(path)
        check(answered, case("", 200, PRIVATE, "Content-Disposition", "Set-Cookie"))
        assert answered.headers["Content-Disposition"].startswith("attachment; ")
        assert answered.headers["Content-Type"].startswith(kind)


def https(instance: Settings) -> Flask:
    """A portal that readers reach over HTTPS, behind one proxy."""
    changed = replace(instance, base_url="https://help.example.org", proxy_count=1, trusted_hosts=("help.example.org",))
    return create_app(changed, open_services(changed))


def test_over_https_nobody_comes_back_without(instance: Settings) -> None:
    """For a year and all hosts below; also where the proxy does not say how a request came, and on errors."""
    client = https(instance).test_client()
    paths = ("/en/", "/en/none", "/static/portal.css", "/api/v1/articles", "/healthz", "/en/search?q=x")
    for headers in ({"Host": "help.example.org"}, {"Host": "help.example.org", "X-Forwarded-Proto": "https"}):
        answers = [client.get(path, headers=headers) for path in paths]
        found = [answered.headers.get("Strict-Transport-Security") for answered in answers]
        for answered in answers:
            answered.close()
        assert found == ["max-age=31536000; includeSubDomains"] * len(paths)


def test_plain_http_promises_no_https(reader: FlaskClient) -> None:
    """A portal that is tried out on a machine without certificates stays reachable."""
    assert "Strict-Transport-Security" not in reader.get("/en/").headers


def test_cookies_belong_to_this_host_alone(instance: Settings) -> None:
    """Over HTTPS each has the prefix that browsers check, and no script sees any."""
    client = https(instance).test_client()
    host = {"Host": "help.example.org", "X-Forwarded-Proto": "https"}
    client.get("/en/search?q=printer", headers=host)
    answers = [
        client.get("/en/search?q=printer", headers=host),
        client.get("/en/sign-in", headers=host),
        client.post("/en/articles/reset-password/vote", data={"helpful": "yes"}, headers=host),
    ]
    fresh = https(instance).test_client()
    answers.append(fresh.get("/en/search?q=printer", headers=host))

    set_by = [header for answered in answers for header in answered.headers.getlist("Set-Cookie")]
    names = {header.partition("=")[0] for header in set_by}
    assert names == {"__Host-staff", "__Host-visit", "__Host-voter"}
    for header in set_by:
        flags = {part.strip() for part in header.split(";")[1:]}
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= flags
        assert not any(flag.startswith("Domain") for flag in flags)
        assert len(header.partition(";")[0]) < 4096


def test_signing_out_empties_the_browser(agent: FlaskClient) -> None:
    """The cookie goes, with what it was set with, and what the browser has kept."""
    answered = agent.post("/en/sign-out", data={"csrf_token": hidden(agent.get("/en/desk/").text, "csrf_token")})

    assert answered.headers["Clear-Site-Data"] == '"cache"'
    assert agent.get_cookie("staff") is None
