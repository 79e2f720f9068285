"""Guessing: who has an account, which passwords are common, and how often anybody may try."""

import hashlib
import runpy
import secrets
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from portal import passwords
from portal.errors import InvalidInput
from portal.passwords import check_new
from portal.people import Role
from portal.services import Services
from portal.storage.schema import metadata
from tests.builders import PASSWORD, person
from tests.conftest import hidden
from tests.needs import REPOSITORY
from tests.signing_in import Clock, post, start_codes
from tests.test_lost_link import ask
from tests.test_private_page import send, the_request
from tests.ticketing import open_gap


class Hasher:
    """Counts how often a password is hashed, which is what takes long."""

    def __init__(self, real: object) -> None:
        self.real = real
        self.calls = 0

    def verify(self, stored: str, password: str) -> bool:
        self.calls += 1
        return bool(self.real.verify(stored, password))  # type: ignore[attr-defined]

    def hash(self, password: str) -> str:
        return str(self.real.hash(password))  # type: ignore[attr-defined]


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> Hasher:
    """Counts."""
    made = Hasher(passwords._HASHER)
    monkeypatch.setattr(passwords, "_HASHER", made)
    return made


@pytest.fixture
def statements(portal_services: Services) -> Iterator[Callable[[], list[str]]]:
    """What the database was asked since the last call, without values."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement)

    engine = portal_services.database.engine
    event.listen(engine, "before_cursor_execute", note)

    def taken() -> list[str]:
        found = seen.copy()
        seen.clear()
        return found

    yield taken
    event.remove(engine, "before_cursor_execute", note)


def test_whether_there_is_an_account_is_neither_told_nor_felt(
    app: Flask, portal_services: Services, hasher: Hasher, statements: Callable[[], list[str]]
) -> None:
    """The same answer after the same work, for whoever is there, is not, was, or has an account elsewhere."""
    now = portal_services.clock()
    for email, role in (
        ("mia@example.org", Role.AGENT),
        ("gone@example.org", Role.AGENT),
        ("boss@example.org", Role.ADMINISTRATOR),
    ):
        portal_services.staff.add(person(email=email, roles=frozenset({role})), PASSWORD, now)
    with portal_services.database.write() as connection:
        connection.execute(
            metadata.tables["people"].update().where(metadata.tables["people"].c.id == 2).values(is_active=False)
        )
    client = app.test_client()
    token = hidden(client.get("/en/sign-in").text, "csrf_token")

    def attempt(email: str, password: str) -> tuple[int, str, int, list[str]]:
        statements()
        before = hasher.calls
        answered = client.post("/en/sign-in", data={"email": email, "password": password, "csrf_token": token})
        page = answered.text.replace(email, "").replace(hidden(answered.text, "csrf_token"), "")
        return answered.status_code, page, hasher.calls - before, statements()

    tries = [
        attempt(f"{name}@example.org", "wrong-wrong-wrong") for name in ("mia", "gone", "boss", "nobody", "x" * 60)
    ]
    tries.append(attempt("gone@example.org", PASSWORD))
    assert tries[0][2] == 1
    assert all(each == tries[0] for each in tries)
    # What is too long to be a password is hashed for nobody.
    assert attempt("mia@example.org", "x" * 900)[1:] == attempt("nobody@example.org", "x" * 900)[1:]


def test_accounts_that_are_not_there_close_as_well(app: Flask, agent: FlaskClient) -> None:
    """Whoever tries too often learns nothing by that, and closes only the account that they try."""
    client = app.test_client()
    token = hidden(client.get("/en/sign-in").text, "csrf_token")
    ends = {}
    for email in ("mia@example.org", "nobody@example.org"):
        sent = {"email": email, "password": "wrong-wrong-wrong", "csrf_token": token}
        ends[email] = [client.post("/en/sign-in", data=sent).status_code for _ in range(12)]

    assert ends["mia@example.org"] == ends["nobody@example.org"] == [403] * 10 + [429] * 2
    assert agent.get("/en/desk/").status_code == 200


def test_one_network_tries_a_hundred_times_an_hour(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever accounts it tries; what it sends beyond is not even looked at."""
    monkeypatch.setattr(passwords, "verify", lambda *_: False)
    client = app.test_client()
    token = hidden(client.get("/en/sign-in").text, "csrf_token")

    found = [
        client.post(
            "/en/sign-in", data={"email": f"a{number}@example.org", "password": "x" * 300, "csrf_token": token}
        ).status_code
        for number in range(102)
    ]

    assert found == [403] * 100 + [429] * 2


def test_codes_and_recovery_codes_close_the_account(app: Flask, agent: FlaskClient, portal_services: Services) -> None:
    """Ten wrong ones of either kind; then the right one is refused, too."""
    clock = portal_services.clock = Clock()
    agent = app.test_client()
    token = hidden(agent.get("/en/sign-in").text, "csrf_token")
    agent.post("/en/sign-in", data={"email": "mia@example.org", "password": PASSWORD, "csrf_token": token})
    codes, recovery = start_codes(agent, clock)
    clock.on(minutes=1)
    client, at = app.test_client(), "/en/sign-in/code"
    token = hidden(client.get("/en/sign-in").text, "csrf_token")
    client.post("/en/sign-in", data={"email": "mia@example.org", "password": PASSWORD, "csrf_token": token})

    wrong = [f"{number:06}" for number in range(5)] + [" ".join([secrets.token_hex(2).upper()] * 6) for _ in range(5)]
    found = [post(client, at, at, code=code)[0] for code in wrong]

    assert found == [403] * 9 + [429]  # The password was the first attempt.
    assert post(client, at, at, code=codes.at(clock()))[0] == 429
    assert post(client, at, at, code=recovery[0])[0] == 429


def test_a_lost_link_takes_the_same_work(
    reader: FlaskClient, portal_services: Services, statements: Callable[[], list[str]]
) -> None:
    """Whether there is such a request and whose it is makes no difference before the answer."""
    send(reader)
    number = str(the_request(portal_services).id)
    work = []
    for asked, email in ((number, "anna@example.org"), (number, "evil@example.org"), ("999999", "anna@example.org")):
        statements()
        assert ask(reader, number=asked, email=email).status_code == 303
        work.append(statements())

    assert work[0] == work[1] == work[2]


def test_a_subscription_tells_nothing_of_others(reader: FlaskClient, portal_services: Services) -> None:
    """The same answer for a gap that is there, one that is not, and somebody who is subscribed already."""
    gap = open_gap(portal_services)
    stamp = hidden(reader.get("/en/requests/find").text, "stamp")
    answers = [
        reader.post("/en/subscriptions", data={"stamp": stamp, "gap": number, "email": "anna@example.org"})
        for number in (gap, gap, 999_999, 0)
    ]

    assert len({(each.status_code, each.location, each.text) for each in answers}) == 1


def test_links_cannot_be_guessed(reader: FlaskClient) -> None:
    """A link of another shape, an old one and one of nobody are the same page that does not exist."""
    tokens = ("a" * 43, "a" * 64, "A" * 43, "0", "x" * 300, "../../etc/passwd", "%00", "-" * 43)

    answers = [reader.get(f"/en/requests/{token}") for token in tokens]

    assert {answered.status_code for answered in answers} == {404}


@pytest.mark.parametrize(
    "password",
    [
        "1qaz2wsx3edc4rfv", "Mailcreated5240", "PolniyPizdec0211", "qwerty123456789", "Passwordstandard", "momsanaladventure",
        "Mia.Lindt.2026.", "mia@example.org.1", "Helpdesk-portal-1", "administrator-2026", "acme-portal-2026", "пароль-поддержка",
    ],
)  # fmt: skip
def test_passwords_that_everybody_tries_first_are_refused(password: str) -> None:
    """Those that many have had, and those made of the person's, the portal's or the trade's names."""
    with pytest.raises(InvalidInput) as refused:
        check_new(password, person(), ("Acme Help", "help.acme.example"))

    assert (refused.value.field, refused.value.code) == ("password", "too_common")


@pytest.mark.parametrize(
    "password",
    ["kettle-orbit-velvet", "support staff likes quiet mornings", " blanks at both ends ", "x7" * 4 + "Ω≠ça marche"],
)
def test_other_passwords_are_taken_as_they_are(password: str) -> None:
    """Of any signs, with a word of the trade among others, and verified to the last blank."""
    check_new(password, person(), ("Acme Help",))
    stored = passwords.hashed(password)

    assert passwords.verify(stored, password)
    assert not passwords.verify(stored, password.strip() + "!")
    assert not passwords.verify(stored, password.swapcase())
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_list_of_common_passwords_is_whole() -> None:
    """As its script makes it: long ones only, hashed, each once and in order; and NOTICE says where they come from."""
    made = runpy.run_path(str(REPOSITORY / ".ci" / "common_passwords.py"))["packed"]
    shipped = (REPOSITORY / "portal" / "common_passwords.bin").read_bytes()
    entries = [shipped[at : at + passwords.PREFIX] for at in range(0, len(shipped), passwords.PREFIX)]

    assert len(entries) == len(passwords._common()) == 9_728
    assert entries == sorted(set(entries))
    assert made(["short", "Correct Horse Battery", "correct horse battery", "an-older-favourite"]) == b"".join(
        sorted(
            hashlib.sha256(each.encode()).digest()[: passwords.PREFIX]
            for each in ("correct horse battery", "an-older-favourite")
        )
    )
    assert made(["passwordpassword"]) in entries
    assert "Copyright (c) 2018 Daniel Miessler" in (REPOSITORY / "NOTICE").read_text()
