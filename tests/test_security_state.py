"""What the code is and what a new portal is: keys, accounts, cryptography, connections, logs; for `docs/security.md`."""

import json
import logging
import re
import stat
import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal import logs
from portal.passwords import PASSWORD_MOST
from portal.people import Role
from portal.second_factor import new_recovery_codes, new_salt
from portal.services import Services
from portal.settings import Settings
from portal.storage.schema import metadata
from portal.web import forms
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in
from tests.needs import REPOSITORY
from tests.signing_in import post
from tests.test_access import ADMINISTER, NEEDS, PUBLIC, address, rules

DOCUMENT = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
#: Libraries that prove, encrypt or sign; hashes alone name content in many places.
PROVING = {
    "hmac",
    "ssl",
    "argon2",
    "pyotp",
    "joserfc",
    "authlib",
    "itsdangerous",
    "cryptography",
    "nacl",
    "jwt",
    "Crypto",
}
#: Libraries that connect, or start programs that do.
CONNECTING = {"socket", "smtplib", "imaplib", "http.client", "requests", "urllib.request", "httpx", "httpx2", "ftplib", "telnetlib",
              "psycopg", "redis", "subprocess", "aiohttp", "poplib", "paramiko"}  # fmt: skip


@cache
def imports() -> dict[str, frozenset[str]]:
    """The modules of the product, and what each imports."""
    found: dict[str, frozenset[str]] = {}
    for path, text in sources():
        names = set(re.findall(r"^\s*import ([\w.]+)", text, re.MULTILINE))
        for module, taken in re.findall(r"^\s*from ([\w.]+) import ([\w, ]+)", text, re.MULTILINE):
            names |= {module, *(f"{module}.{name.strip()}" for name in taken.split(","))}
        found[str(path.relative_to(REPOSITORY))] = frozenset(names | {name.partition(".")[0] for name in names})
    return found


def part(title: str) -> str:
    """A part of the document."""
    return DOCUMENT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_use_of_cryptography_is_in_the_inventory() -> None:
    """A module that begins to sign or encrypt stands there before it lands."""
    inventory = set(re.findall(r"`(portal/[^`]+)`", part("Keys and cryptography")))
    using = {module for module, names in imports().items() if names & PROVING}

    # The assistant compares a token with the one it was given; that is no key of the portal.
    assert sorted(using - inventory - {"portal/assistant.py"}) == []
    assert [name for name in inventory if not (REPOSITORY / name).is_file()] == []


def test_every_library_that_connects_is_named() -> None:
    """A module that begins to connect stands there before it lands."""
    named = set(re.findall(r"`(portal/[^`]+)`", part("Connections")))

    assert sorted({module for module, names in imports().items() if names & CONNECTING} - named) == []


def sources() -> Iterator[tuple[Path, str]]:
    """The modules of the product with their texts."""
    for path in sorted((REPOSITORY / "portal").rglob("*.py")):
        yield path, path.read_text(encoding="utf-8")


def test_no_broken_hash_is_used() -> None:
    """Neither for what is secret nor where a name would do."""
    found = [
        f"{path.name}: {match}"
        for path, text in sources()
        for match in re.findall(r"\b(?:hashlib\.(?:md5|sha1|new)|md5\(|sha1\(|DES\b|RC4|ECB)", text)
    ]

    assert found == []


def test_nothing_secret_comes_from_a_weak_generator() -> None:
    """Python's own generator is nowhere: everything random is from the system."""
    assert [module for module, names in imports().items() if names & {"random", "uuid", "numpy.random"}] == []


def test_keys_are_long_and_random(portal_services: Services) -> None:
    """Sessions, salts, recovery codes, stamps, the portal's own key: no two alike, and long enough."""
    who = portal_services.staff.add(person(), PASSWORD, portal_services.clock())
    keys = [portal_services.staff.open(who, portal_services.clock()) for _ in range(20)]
    codes = [code.replace(" ", "") for _ in range(5) for code in new_recovery_codes()]

    assert len(set(keys)) == 20
    assert {len(key) for key in keys} == {43}  # 256 bits in Base64.
    assert len(set(codes)) == 50
    assert {len(code) for code in codes} == {24}  # 120 bits in Base32.
    assert len({new_salt() for _ in range(20)}) == 20
    assert len(portal_services.secret) >= 32
    assert len(set(portal_services.secret)) > 10


def test_a_password_does_not_end(portal_services: Services) -> None:
    """Ten years later it still opens the door; nobody is made to change it."""
    portal_services.staff.add(person(), PASSWORD, portal_services.clock())
    later = portal_services.clock() + timedelta(days=3_650)

    assert portal_services.staff.sign_in("mia@example.org", PASSWORD, later)[0].name == "Mia Lindt"


def test_a_new_portal_has_no_account(instance: Settings, portal_services: Services) -> None:
    """Nobody of the staff, no token, no webhook, before somebody at the machine adds the first person."""
    with portal_services.database.read() as connection:
        found = {
            name: len(connection.execute(metadata.tables[name].select()).all())
            for name in ("people", "sessions", "api_tokens", "webhooks")
        }

    assert found == dict.fromkeys(found, 0)


def test_the_instance_folder_is_its_owners(instance: Settings) -> None:
    """Nobody else of the machine reads keys, tickets or mails."""
    assert stat.S_IMODE(instance.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((instance.data / "secret.key").stat().st_mode) == 0o600


def test_folders_are_not_listed(reader: FlaskClient, instance: Settings) -> None:
    """Of no folder is there a page."""
    (instance.articles / "images").mkdir()

    assert {path: reader.get(path).status_code for path in ("/static/", "/static", "/images/", "/images", "/embed/", "/en/articles/")} == {
        "/static/": 404, "/static": 404, "/images/": 404, "/images": 404, "/embed/": 404, "/en/articles/": 404,
    }  # fmt: skip


def test_a_signature_for_one_purpose_is_none_for_another(app: Flask) -> None:
    """A stamp is no proof of a text, nor the other way round, nor is a session either."""
    with app.test_request_context():
        stamp, text = forms.new_stamp(), forms.sign_text("a", "en", "b")
        session = app.session_interface.get_signing_serializer(app).dumps("x")  # type: ignore[attr-defined]

        assert forms.check_stamp(stamp, may_be_quick=True)
        assert forms.named_text(text) == ("a", "en", "b")
        for forged in (text, session, stamp[:-9] + ("A" if stamp[-9] != "A" else "B") + stamp[-8:], "", "."):
            with pytest.raises(forms.StampRefused):
                forms.check_stamp(forged, may_be_quick=True)
        for forged in (stamp, session, text[:-9] + ("A" if text[-9] != "A" else "B") + text[-8:], ""):
            assert forms.named_text(forged) is None


def test_what_the_provider_sends_is_kept_nowhere() -> None:
    """No column could hold a token of the identity provider, and no module but one sees it."""
    columns = {f"{table}.{column.name}" for table, columns in metadata.tables.items() for column in columns.columns}

    assert [name for name in columns if re.search("access_token|refresh|id_token", name)] == []
    mentioning = {path.name for path, text in sources() if re.search(r"access_token|refresh_token|\bid_token", text)}
    assert mentioning == {"openid.py"}


def test_a_form_changes_only_what_it_has(app: Flask, agent: FlaskClient, portal_services: Services) -> None:
    """Fields that somebody adds to a form of their own account, or to a request, change nothing."""
    extra = {
        "roles": "administrator",
        "is_active": "yes",
        "tiers": "4",
        "id": "1",
        "person_id": "1",
        "email": "x@example.org",
        "version": "9",
    }
    before = portal_services.staff.everybody()
    post(agent, "/en/account/digest", wanted="yes", mail_language="de", **extra)
    post(agent, "/en/account/password", old=PASSWORD, password="a-meadow-of-quartz-lamps", **extra)
    stamp = hidden(agent.get("/en/requests/new").text, "stamp")
    sent = {
        "name": "Anna",
        "email": "anna@example.org",
        "description": "It does not print.",
        "suggested": "1",
        "stamp": stamp,
    }
    more = {
        "tier": "3",
        "status": "solved",
        "owner_id": "1",
        "priority": "1",
        "created_at": "2020-01-01",
        "kind": "gap",
        "is_spam": "1",
    }
    agent.post("/en/requests/new", data={**sent, **more})

    assert portal_services.staff.everybody() == before
    tickets = metadata.tables["tickets"]
    with portal_services.database.read() as connection:
        row = connection.execute(tickets.select()).mappings().one()
    assert (row["tier"], row["status"], row["kind"], row["owner_id"]) == (1, "new", "request", None)
    assert row["created_at"].year > 2020


@pytest.mark.parametrize(("path", "fields"), [("/en/sign-in", 1), ("/en/account/", 2), ("/en/account/codes", 1), ("/en/account/confirm", 1),
                                              ("/en/desk/administration/people/new", 1)])  # fmt: skip
def test_password_fields_are_masked_and_can_be_filled_in(
    path: str, fields: int, app: Flask, portal_services: Services
) -> None:
    """By hand, by paste and by a password manager; as long as a password may be, and with nothing in it."""
    portal_services.staff.add(person(roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, portal_services.clock())
    client = app.test_client() if path.endswith("sign-in") else sign_in(app.test_client(), "mia@example.org")
    page = client.get(path).text
    found = [tag for tag in re.findall(r"<input[^>]*>", page) if re.search(r'name="(?:password|old)"', tag)]

    assert len(found) == fields
    for tag in found:
        assert 'type="password"' in tag
        assert re.search(r'autocomplete="(?:current|new)-password"', tag)
        assert int((re.search(r'maxlength="(\d+)"', tag) or ["", str(PASSWORD_MOST)])[1]) >= PASSWORD_MOST
        assert not re.search(r'value="[^"]|onpaste|readonly|disabled', tag)
    scripts = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "portal" / "static").glob("*.js"))
    assert "paste" not in scripts
    assert "type=password" not in scripts.replace('"', "").replace("'", "")


def test_every_page_behind_the_door_has_the_way_out(app: Flask, portal_services: Services) -> None:
    """Signing out is one press away on each."""
    portal_services.staff.add(person(roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, portal_services.clock())
    client = sign_in(app.test_client(), "mia@example.org")
    without = []
    for rule, method in rules(app):
        if method != "GET" or NEEDS[rule.endpoint] == PUBLIC:
            continue
        answered = client.get(address(app, rule).replace("424242", "1"))
        is_page = answered.status_code == 200 and answered.mimetype == "text/html" and "<html" in answered.text
        if is_page and 'action="/en/sign-out"' not in answered.text:
            without.append(rule.endpoint)
        answered.close()

    # What is shown on a wall or inside another page is part of a page that has it.
    assert without == []
    assert ADMINISTER in NEEDS.values()


def test_scripts_keep_only_what_is_documented() -> None:
    """In the browser's storage: a draft of a request, and the switch for shortcuts; no cookie but the language."""
    static = REPOSITORY / "portal" / "static"
    text = {path.name: path.read_text(encoding="utf-8") for path in static.glob("*.js")}

    assert {name for name, source in text.items() if re.search("localStorage|sessionStorage|indexedDB|caches\\.", source)} == {
        "asking.js", "live.js", "shortcuts.js",
    }  # fmt: skip
    assert {name for name, source in text.items() if "document.cookie" in source} == {"portal.js"}
    assert not [
        name
        for name, source in text.items()
        if re.search(r"__proto__|\beval\(|new Function|\.innerHTML \+=|postMessage|addEventListener\(\"message", source)
    ]


def test_every_event_of_the_log_is_documented() -> None:
    """Each that the code tells is in the table, and each of the table is told."""
    told = {name for _, text in sources() for name in re.findall(r'witness\.note\(\s*"([a-z_]+)"', text)}
    told |= {name for _, text in sources() for name in re.findall(r'"(sign_in_closed)" if', text)}
    told |= set(
        re.findall(r'\bnote\("([a-z_]+)"', (REPOSITORY / "portal" / "web" / "witness.py").read_text(encoding="utf-8"))
    )

    assert told == set(re.findall(r"^\| `([a-z_]+)` \|", part("The log of security"), re.MULTILINE))


@pytest.mark.parametrize("form", ["text", "json"])
def test_lines_of_the_log_have_times_of_utc(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the machine stands."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    record = logging.LogRecord("portal", logging.INFO, "", 1, "done", (), None)
    record.created = datetime.fromisoformat("2026-03-29T01:30:00.250+00:00").timestamp()
    line = logs.formatter(form).format(record)

    assert (json.loads(line)["time"] if form == "json" else line.split(" ")[0]) == "2026-03-29T01:30:00.250Z"


def test_nothing_but_the_product_is_in_the_wheel() -> None:
    """No tests, no tools, no fuzzer; the package as it lies here, with articles, translations and the common passwords."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    ignored = (REPOSITORY / ".gitignore").read_text(encoding="utf-8").split()

    assert project["tool"]["hatch"]["build"]["targets"]["wheel"] == {
        "packages": ["portal"],
        "force-include": {"translations": "portal/translations", "articles": "portal/shipped_articles"},
    }
    assert (REPOSITORY / "portal" / "common_passwords.bin").is_file()
    # What git does not know is not in the wheel either.
    assert not [line for line in ignored if line.strip("/*") in {"portal", ".bin", "common_passwords.bin"}]
