"""What is typed and becomes part of something else: mails, log lines, paths, and what is packed to burst."""

import gzip
import io
import logging
import zipfile
import zlib
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal import logs
from portal.inbound import read
from portal.mail import Mail
from portal.services import Services
from portal.settings import Settings
from portal.storage.schema import metadata
from tests.conftest import hidden
from tests.mailing import SENDER
from tests.ticketing import open_gap

BREAKS = ("\r\n", "\n", "\r", "\u2028", "\x85", "\x0b", "\x00", "%0d%0a", "=?utf-8?q?=0d=0a?=")
#: Everything from outside that a mail is made of.
FIELDS = ("name", "email", "subject", "description", "phone", "query")
TRAVERSALS = (
    "../secret.key", "..%2fsecret.key", "%2e%2e/secret.key", "....//secret.key", "..\\secret.key", "%2e%2e%5csecret.key",
    "/etc/passwd", "//etc/passwd", "..%252fsecret.key", "logo.svg/../../../secret.key", "logo.svg%00.png", ".", "..", "~",
    "file:///etc/passwd", "CON", "logo.svg::$DATA", "%c0%ae%c0%ae/secret.key",
)  # fmt: skip


def mails(services: Services) -> list[Mail]:
    """What waits to leave."""
    outbox = metadata.tables["outbox"]
    with services.database.read() as connection:
        rows = connection.execute(select(outbox)).mappings().all()
    return [Mail(**{name: row[name] for name in Mail.__dataclass_fields__ if name in row}) for row in rows]


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_of_a_form_adds_a_header_or_a_recipient(
    field: str, app: Flask, portal_services: Services, tmp_path: Path
) -> None:
    """Line ends of every kind, in every field, through form, outbox and transport to the bytes of the mail."""
    injected = "Bcc: victim@evil.example{0}X-Evil: yes{0}{0}<b>body</b>"
    for number, sign in enumerate(BREAKS):
        client = app.test_client()
        stamp = hidden(client.get("/en/requests/new").text, "stamp")
        sent = {
            "name": "Anna",
            "email": f"anna{number}@example.org",
            "subject": "Printer",
            "description": "It does not print.",
        }
        sent = {**sent, "phone": "", "query": "", "suggested": "1", "stamp": stamp}
        sent[field] = f"{sent[field] or 'a'}{sign}{injected.format(sign)}"
        client.post("/en/requests/new", data=sent, environ_base={"REMOTE_ADDR": f"192.0.2.{number}"})
    portal_services.delivery.deliver(portal_services.clock())

    folder = portal_services.settings.data / "mail"
    taken = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert taken or field in {"email", "phone"}  # These are refused.
    for raw in taken:
        message = message_from_bytes(raw, policy=default)
        assert not {"bcc", "cc", "x-evil"} & {name.lower() for name, _ in message.items()}
        assert len(message.get_all("To", [])) == 1
        [recipient] = message["To"].addresses
        assert recipient.addr_spec.startswith("anna")
        assert recipient.addr_spec.endswith("@example.org")


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_request_writes_lines_of_its_own_into_the_log(
    form: str, reader: FlaskClient, portal_services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    """Line ends, control characters and colours in addresses, headers and fields, in both forms."""
    evil = "a\r\n2026-01-01T00:00:00Z ERROR portal: forged\x1b[2J\u2028\x9b31m\x00"
    caplog.set_level(logging.DEBUG)
    token = hidden(reader.get("/en/sign-in").text, "csrf_token")
    flat = evil.replace("\r\n", "").replace("\x00", "").encode("ascii", "replace").decode()
    for headers in (
        {"User-Agent": flat},
        {"Referer": flat},
        {"X-Request-Id": flat},
        {"Authorization": f"Bearer {flat}"},
        {"Origin": flat},
    ):
        reader.get(f"/en/articles/{quote(evil)}?q={quote(evil)}", headers=headers)
        reader.post("/en/sign-in", data={"email": evil, "password": evil, "csrf_token": token}, headers=headers)
        reader.get("/api/v1/tickets", headers=headers)

    lines = [logs.formatter(form).format(record) for record in caplog.records]
    assert lines
    assert all(line.isprintable() for line in lines if "Traceback" not in line)
    assert not [line for line in lines if "forged" in line]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_address_leads_out_of_a_folder(path: str, reader: FlaskClient, instance: Settings) -> None:
    """Images, static files, articles, downloads and pages of the interface, however it is spelt."""
    secret = (instance.data / "secret.key").read_bytes()
    (instance.articles / "images").mkdir()
    (instance.articles / "images" / "logo.svg").write_text("<svg/>")
    (instance.articles / "images" / "out.png").symlink_to(instance.data / "secret.key")
    places = (
        "/images/{}", "/static/{}", "/en/articles/{}", "/api/v1/articles/{}", "/api/problems/{}", "/embed/v1/{}.json",
        "/en/topics/{}", "/sitemap-{}.xml", "/en/topics/{}/feed.xml", "/en/desk/reports/download/{}.csv", "/en/requests/{}",
    )  # fmt: skip

    answers = [reader.get(place.format(path)) for place in places] + [reader.get("/images/out.png")]

    for answered in answers:
        body = answered.get_data()
        answered.close()
        assert answered.status_code in {303, 308, 400, 401, 404} or (path in {".", ".."} and answered.status_code < 400)
        assert secret not in body
        assert b"root:" not in body


def bomb(megabytes: int) -> bytes:
    """Zeros, packed a thousand to one."""
    return gzip.compress(b"a" * (megabytes << 20), 9)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x-gzip"])
def test_a_packed_request_is_never_unpacked(
    encoding: str, reader: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by the pages nor by the API: what it holds is not looked at."""
    unpacked: list[str] = []
    for name in ("decompress", "decompressobj"):
        monkeypatch.setattr(zlib, name, lambda *_a, _name=name, **_k: unpacked.append(_name))
    packed = b"\x1f\x8b" + b"\0" * 5000
    headers = {"Content-Encoding": encoding}

    answers = [
        reader.post("/en/requests/new", data=packed, headers=headers, content_type="application/x-www-form-urlencoded"),
        reader.post("/api/v1/requests", data=packed, headers=headers, content_type="application/json"),
        reader.post("/en/visit", data=packed, headers=headers, content_type="multipart/form-data; boundary=x"),
    ]

    assert answers[0].status_code == 400
    assert answers[1].status_code in {400, 415}
    assert unpacked == []


def test_packed_attachments_stay_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a mail with an archive that would burst, its name is read and nothing of what is in it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("../../etc/cron.d/evil", b"0" * (20 << 20))
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "anna@example.org", SENDER, "An archive"
    message.set_content("See the archive.")
    message.add_attachment(archive.getvalue(), maintype="application", subtype="zip", filename="../../evil.zip")
    message.add_attachment(bomb(20), maintype="application", subtype="gzip", filename="/etc/evil.gz")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr(zipfile, "ZipFile", refuse)
    monkeypatch.setattr(gzip, "decompress", refuse)
    monkeypatch.setattr(zlib, "decompress", refuse)
    found = read(message.as_bytes(), SENDER)

    assert found.text.strip() == "See the archive."
    assert sorted(name for name, _ in found.attachments) == ["evil.gz", "evil.zip"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("a=1&" * 2_000, "application/x-www-form-urlencoded"),
        ("&".join(f"a{number}=1" for number in range(2_000)), "application/x-www-form-urlencoded"),
        ("--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" * 2_000 + "--x--", "multipart/form-data; boundary=x"),
        ('--x\r\nContent-Disposition: form-data; name="f"; filename="../../x.py"\r\n\r\n' + "1" * 90_000 + "\r\n--x--", "multipart/form-data; boundary=x"),
    ],
    ids=["repeated", "many", "parts", "file"],
)  # fmt: skip
def test_forms_of_any_shape_are_bounded(
    content: str, kind: str, reader: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many fields and parts are refused or read in no time; files are taken by no form and stored nowhere."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    answered = reader.post("/en/requests/new", data=content.encode(), content_type=kind)

    assert answered.status_code in {400, 413}
    assert list(tmp_path.rglob("x.py")) == []


def test_no_text_of_a_database_reaches_sql(agent: FlaskClient, portal_services: Services) -> None:
    """Filters, sorting and searches of the desk with what ends a string, in every field of their addresses."""
    open_gap(portal_services)
    evil = (
        "' OR '1'='1",
        "1; DROP TABLE tickets--",
        '" UNION SELECT key_hash FROM sessions--',
        "%_\\",
        "\x00",
        "{{7*7}}",
        "${7*7}",
        "%s%n%(a)s",
    )
    names = (
        "q",
        "tier",
        "priority",
        "status",
        "owner",
        "sort",
        "top",
        "state",
        "period",
        "first",
        "last",
        "page",
        "topic",
        "kind",
    )

    for sign in evil:
        for path in ("/en/desk/", "/en/search", "/en/desk/writers/gaps", "/en/articles/reset-password"):
            answered = agent.get(path, query_string=dict.fromkeys(names, sign))
            assert answered.status_code < 500
            assert "49" not in answered.text.partition("7*7")[0][-20:]
    assert agent.get("/en/desk/").status_code == 200
    seen: Callable[[], int] = lambda: len(portal_services.staff.everybody())  # noqa: E731
    assert seen() == 1
