"""Forged hosts and headers of proxies: they end up in no link, no mail, no limit and no shared copy."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn.http.parser import RequestParser

from portal.app import create_app
from portal.server import Server
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage.schema import metadata
from tests.conftest import hidden

EVIL = "evil.example"
#: Everything that some server somewhere takes for the host, the address or the path.
FORGED = {
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Server": EVIL,
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Scheme": "https",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "203.0.113.66",
    "X-Host": EVIL,
    "X-HTTP-Host-Override": EVIL,
    "Forwarded": f"for=203.0.113.66;host={EVIL};proto=https",
    "X-Original-URL": "/en/desk/",
    "X-Rewrite-URL": "/en/desk/",
    "X-Original-Host": EVIL,
    "X-Script-Name": "/evil",
    "X-Real-Ip": "203.0.113.66",
    "True-Client-Ip": "203.0.113.66",
    "Cf-Connecting-Ip": "203.0.113.66",
    "X-User-Id": "1",
    "X-Remote-User": "mia@example.org",
    "Remote-User": "mia@example.org",
    "Via": "1.1 evil.example",
}
PUBLIC = ("/", "/en/", "/en/articles/reset-password", "/en/feed.xml", "/sitemap.xml", "/robots.txt", "/api/v1/articles",
          "/en/opensearch.xml", "/en/search?q=password", "/embed/v1/en.json")  # fmt: skip


def behind(instance: Settings, **changes: object) -> Flask:
    """A portal with a public address behind a proxy."""
    changed = replace(instance, base_url="https://help.example.org", **changes)  # type: ignore[arg-type]
    return create_app(changed, open_services(changed))


def body(client: FlaskClient, path: str, **headers: str) -> tuple[int, str, str]:
    """Status, address that it leads to, and text without what is random in it."""
    answered = client.get(path, headers=headers)
    text = answered.text
    if 'name="csrf_token"' in text:
        text = text.replace(hidden(text, "csrf_token"), "")
    return answered.status_code, answered.headers.get("Location", ""), text


def test_without_a_proxy_no_such_header_counts(reader: FlaskClient) -> None:
    """Every public page is the same with all of them, and some with each, so that no shared copy is poisoned by one."""
    for path in PUBLIC:
        plain = body(reader, path)
        assert body(reader, path, **FORGED) == plain
        assert EVIL not in plain[2]
    for name, value in FORGED.items():
        for path in PUBLIC[:3]:
            assert body(reader, path, **{name: value}) == body(reader, path), name


def test_behind_one_only_what_it_sets_counts(instance: Settings) -> None:
    """Three headers are believed; a client that adds others reaches nothing with them."""
    client = behind(instance, proxy_count=1).test_client()
    proxy = {"Host": "help.example.org", "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
    others = {name: FORGED[name] for name in set(FORGED) - {"X-Forwarded-Host", *proxy}}

    for path in PUBLIC:
        assert body(client, path, **proxy, **others) == body(client, path, **proxy)
    for name, value in others.items():
        assert body(client, "/en/", **proxy, **{name: value}) == body(client, "/en/", **proxy), name


def test_nobody_takes_the_beginning_off_a_path(instance: Settings) -> None:
    """A proxy that refuses a path, and hands on any header, would else be led past: gunicorn takes it for the proxy's."""
    configured = Server(replace(instance, proxy_count=1), lambda: None).cfg
    sent = "GET /x/en/desk/ HTTP/1.1\r\nHost: localhost\r\nSCRIPT_NAME: /x\r\nPATH_INFO: /\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"

    asked = next(RequestParser(configured, [sent.encode()], ("127.0.0.1", 1)))

    assert [name for name, _value in asked.headers] == ["HOST", "X-FORWARDED-FOR"]


@pytest.mark.parametrize(
    "host",
    [EVIL, "help.example.org.evil.example", "evil.example#help.example.org", "help.example.org@evil.example", "help.example.org:80@evil",
     "xhelp.example.org", "help.example.org\\.evil", "[::1]", "127.0.0.1", "localhost", ""],
)  # fmt: skip
def test_a_forged_host_is_refused_and_repeated_nowhere(host: str, instance: Settings) -> None:
    """In front of the portal, and through its proxy."""
    client = behind(instance, proxy_count=1).test_client()

    answers = [client.get("/en/", headers={"Host": "help.example.org", "X-Forwarded-Host": host})] if host else []
    answers.append(client.get("/en/", headers={"Host": host}))

    for answered in answers:
        assert answered.status_code == 400
        assert "evil" not in answered.text + str(answered.headers)


def test_links_lead_to_the_public_address(instance: Settings) -> None:
    """Whichever allowed name was asked for, absolute links are those of the settings."""
    app = behind(instance, trusted_hosts=("help.example.org", "10.0.0.5"))
    client = app.test_client()

    for path in (
        "/en/",
        "/en/articles/reset-password",
        "/sitemap.xml",
        "/en/feed.xml",
        "/robots.txt",
        "/en/opensearch.xml",
    ):
        text = client.get(path, headers={"Host": "10.0.0.5:8000"}).text
        assert "10.0.0.5" not in text, path
    assert "https://help.example.org/" in client.get("/en/", headers={"Host": "10.0.0.5"}).text


def test_mails_lead_to_the_public_address(app: Flask, portal_services: Services) -> None:
    """Without a public address, too, no link of a mail is made from what a request calls the host."""
    client = app.test_client()
    headers = {"Host": "203.0.113.66", "X-Forwarded-Host": EVIL, "Origin": "http://203.0.113.66"}
    stamp = hidden(client.get("/en/requests/new", headers=headers).text, "stamp")
    sent = {
        "name": "Anna",
        "email": "anna@example.org",
        "description": "It does not print.",
        "suggested": "1",
        "stamp": stamp,
    }

    assert client.post("/en/requests/new", data=sent, headers=headers).status_code == 303

    with portal_services.database.read() as connection:
        mails = str(connection.execute(metadata.tables["outbox"].select()).mappings().all())
    assert "anna@example.org" in mails
    assert portal_services.settings.public_url in mails
    assert "203.0.113.66" not in mails
    assert EVIL not in mails


def limited(client: FlaskClient, times: int, forwarded: str) -> list[int]:
    """The answers to wrong tokens of one who forges where they come from; `{}` is another number each time."""
    return [
        client.get(
            "/metrics", headers={"Host": "help.example.org", "X-Forwarded-For": forwarded.format(number)}
        ).status_code
        for number in range(times)
    ]


def test_nobody_escapes_a_limit_by_a_header(instance: Settings) -> None:
    """Without a proxy the header is nothing; behind one its last address counts, which the proxy has written."""
    assert limited(behind(instance).test_client(), 61, "203.0.113.{}")[-1] == 429
    assert limited(behind(instance, proxy_count=1).test_client(), 61, "203.0.113.{}, 198.51.100.7")[-1] == 429
    # Those who really come from elsewhere are others.
    assert set(limited(behind(instance, proxy_count=1).test_client(), 61, "198.51.100.7, 203.0.113.{}")) == {401}
