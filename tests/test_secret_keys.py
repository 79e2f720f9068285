"""Keys: where they are kept, how they are written, and that changing them ends nothing while the old ones are kept."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from portal import key_files, keys
from portal.app import create_app
from portal.desk.case_mail import CaseMail
from portal.errors import CannotStart
from portal.keys import Key, SecretKeys
from portal.reply_address import ReplyAddress
from portal.second_factor import SecondFactor, new_salt
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import Database, people, schema
from portal.subscribing import SECOND_CLICK
from portal.webhooks import signing
from portal.webhooks.delivering import Dispatch, Told
from portal.webhooks.managing import Webhooks
from portal.webhooks.signing import Salts
from tests.balancing import living
from tests.builders import NOW, PASSWORD, person, settings
from tests.conftest import hidden, sign_in
from tests.hooking import HERE, Receiver, deliver, happen, hook
from tests.hooking import SECRET as HOOKS
from tests.serving import portal
from tests.test_subscribing import add_gap, subscriptions_on
from tests.ticketing import SENT

OLD, NEW, OTHER = b"o" * 32, b"n" * 40, b"x" * 40
BEFORE, DURING, AFTER = SecretKeys(OLD), SecretKeys(NEW, [OLD]), SecretKeys(NEW)


@given(st.lists(st.binary(min_size=32, max_size=80), min_size=1, max_size=10, unique=True), st.dates(date(1971, 1, 1)))
def test_what_is_written_is_read(values: list[bytes], made: date) -> None:
    """Whatever the keys are, a file of them is these keys."""
    found = [Key(value, made, is_next=number == 1) for number, value in enumerate(values)]

    assert keys.read("".join(f"{key}\n" for key in found).encode()) == found


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (bytes(range(32)), [bytes(range(32))]),
        (b"\xff" * 48, [b"\xff" * 48]),
        (b"a" * 32 + b"\n", [b"a" * 32]),
        (b"# the keys\n\n" + b"a" * 32 + b"\r\n  " + b"b" * 40 + b"\n", [b"a" * 32, b"b" * 40]),
        ("# Schlüssel\tvom März\n".encode() + b"a" * 32 + b"\n", [b"a" * 32]),
        ("é".encode() * 16, ["é".encode() * 16]),
    ],
    ids=["bytes", "more bytes", "a line", "lines", "a remark in German", "bytes that are text"],
)
def test_what_others_write_is_read(content: bytes, expected: list[bytes]) -> None:
    """32 random bytes, as the portal made them before; and a key in each line, as `openssl rand -hex 32` prints it."""
    assert [key.value for key in keys.read(content)] == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "fewer than 32"),
        (b"\x00" * 31, "fewer than 32"),
        (b"short\n", "in line 1"),
        (b"a" * 32 + b"\n" + b"b" * 31, "in line 2"),
        (b"# nothing\n", "no key"),
        (b"a" * 32 + b" " + b"b" * 32, "blank"),
        (b"a" * 32 + b"\t" + b"b" * 32, "blank"),
        (("# one\n" + "ü" * 32).encode(), "in line 2"),
        (b"2026-02-30 " + b"a" * 43, "no day and key"),
        (b"a" * 32 + b"\n" + b"a" * 32, "twice"),
        (b"\n".join(b"%032d" % number for number in range(11)), "more than 10"),
    ],
)
def test_what_is_no_key_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    """With the place and the reason, and without the key."""
    path = tmp_path / "keys"
    path.write_bytes(content)

    with pytest.raises(CannotStart, match=said) as refused:
        key_files.load(settings(tmp_path, tmp_path, secret_key_file=path))

    assert "aaaa" not in str(refused.value)


def test_where_keys_are(tmp_path: Path) -> None:
    """The variable first, then the named file, which is never made; else one that is made in the instance folder."""
    named = settings(tmp_path, tmp_path, secret_key_file=tmp_path / "shared")
    own = settings(tmp_path, tmp_path)

    with pytest.raises(CannotStart, match="cannot be read"):
        key_files.load(named)
    assert not named.data.joinpath("shared").exists()
    made = key_files.load(own)
    assert len(made) == 32
    assert key_files.load(own) == made
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    in_variable = settings(tmp_path, tmp_path, secret_keys=("a" * 32, "b" * 32))
    assert keys.believed(key_files.load(in_variable)) == (b"a" * 32, b"b" * 32)


def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path: Path) -> None:
    """In a container the next process has the number of the last one."""
    (tmp_path / f".secret-{os.getpid()}").write_bytes(b"half")

    assert len(key_files.load(settings(tmp_path, tmp_path))) == 32


def test_keys_outlive_a_power_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk knows the names of the first ones and of those that replace them."""
    settled: list[bytes] = []
    monkeypatch.setattr(key_files, "sync", lambda folder: settled.append((folder / "secret.key").read_bytes()))
    first = key_files.load(settings(tmp_path, tmp_path))
    key_files.store(tmp_path / "secret.key", [Key(NEW)])
    assert [keys.read(content)[0].value for content in settled] == [first, NEW]


def test_a_link_to_the_keys_stays_one(tmp_path: Path) -> None:
    """Whoever reads the file itself gets the new keys, too."""
    shared, link = tmp_path / "shared", tmp_path / "link"
    shared.write_bytes(b"a" * 32)
    link.symlink_to(shared)

    key_files.store(link, [Key(OLD), Key(NEW)])

    assert link.is_symlink()
    assert [key.value for key in keys.read(shared.read_bytes())] == [OLD, NEW]


def test_a_key_signs_after_it_is_believed(instance: Settings) -> None:
    """Two steps, each with what to do next; dropping leaves the new key alone; the file stays its owner's."""
    options = "--data", str(instance.data), "--articles", str(instance.articles)
    first = key_files.load(instance)

    def step(*command: str) -> tuple[bytes, ...]:
        done = portal("secret", *command, *options)
        assert done.returncode == 0, done.stderr
        assert "portal secret" in done.stdout or "Give every machine" in done.stdout
        return keys.believed(key_files.load(instance))

    added = step("rotate")
    rotated = step("rotate")
    dropped = step("drop", "--yes")

    assert (added[0], len(added)) == (first, 2)
    assert rotated == (added[1], first)
    assert dropped == (added[1],)
    assert (instance.data / "secret.key").stat().st_mode & 0o777 == 0o600


def test_what_is_shown_is_no_key(instance: Settings) -> None:
    """Names, ages and who depends on them."""
    portal("secret", "rotate", "--data", str(instance.data))
    shown = portal("secret", "show", "--data", str(instance.data)).stdout

    assert shown.count("signs") == 1
    assert "next" in shown
    assert f"made {datetime.now(UTC):%Y-}" in shown
    lines = (instance.data / "secret.key").read_text().splitlines()
    assert not any(part in shown for line in lines[1:] for part in line.split() if len(part) > 20)


def test_a_key_signs_nothing_while_a_machine_does_not_know_it(tmp_path: Path) -> None:
    """The command names the machine; where the keys are in a variable, it changes nothing."""
    made = settings(tmp_path, tmp_path, database_url=f"sqlite:///{tmp_path / 'portal.db'}")
    options, where = ("--data", str(tmp_path)), {"PORTAL_DATABASE_URL": made.database}
    portal("db", "migrate", *options, **where)
    portal("secret", "rotate", *options, **where)
    services = open_services(made)
    with living(services.database, "slow-one", keys.name(services.secret)):
        refused = portal("secret", "rotate", *options, **where)
    services.close()
    elsewhere = portal("secret", "rotate", *options, PORTAL_SECRET_KEYS="k" * 32)
    (tmp_path / "broken.db").write_text("no database")
    unknown = portal("secret", "rotate", *options, PORTAL_DATABASE_URL=f"sqlite:///{tmp_path / 'broken.db'}")

    assert refused.returncode == 1
    assert "slow-one" in refused.stderr
    assert "restart all machines" in elsewhere.stderr
    # That nothing can be learned of the machines does not mean that there are none.
    assert (unknown.returncode, unknown.stderr.count("does not answer: file is not a database")) == (1, 1)


@dataclass
class Instance:
    """A portal that is opened with one set of keys after the other."""

    settings: Settings

    @contextmanager
    def with_keys(self, secret: SecretKeys) -> Iterator[tuple[FlaskClient, Services]]:
        """The portal with these keys."""
        lines = "".join(f"{Key(value, date(2026, 1, 1))}\n" for value in keys.believed(secret))
        (self.settings.data / "secret.key").write_text(lines)
        services = open_services(self.settings)
        yield create_app(self.settings, services).test_client(), services
        services.close()


@pytest.fixture
def opened(instance: Settings) -> Instance:
    """A portal with an agent."""
    made = Instance(instance)
    with made.with_keys(BEFORE) as (_, services):
        services.staff.add(person(), PASSWORD, services.clock())
    return made


@pytest.mark.parametrize(("secret", "is_kept"), [(DURING, True), (AFTER, False)], ids=["kept", "dropped"])
def test_sessions_and_forms(opened: Instance, secret: SecretKeys, is_kept: bool) -> None:
    """Who is signed in stays so, and what they had opened can be sent, as long as the old key is kept."""
    with opened.with_keys(BEFORE) as (client, services):
        number = services.requests.receive(SENT, "form", services.clock(), stems=[])[0].id
        agent = sign_in(client, "mia@example.org")
        token = hidden(agent.get("/en/desk/notices").text, "csrf_token")
        stamp = hidden(client.get("/en/requests/new").text, "stamp")
        cookie = str(client.application.config["SESSION_COOKIE_NAME"])
        session = client.get_cookie(cookie)
    assert session is not None
    with opened.with_keys(secret) as (client, services):
        form = {"name": "Eva", "email": "eva@example.org", "description": "It does not print.", "stamp": stamp}
        assert client.post("/en/requests/new", data=form).status_code == (303 if is_kept else 400)
        client.set_cookie(cookie, session.value)
        sent = client.post(f"/en/desk/tickets/{number}/note", data={"csrf_token": token, "text": "Seen"})
        assert (sent.status_code == 303) is is_kept
        assert (client.get("/en/desk/").status_code == 200) is is_kept


@pytest.mark.parametrize(("secret", "is_kept"), [(DURING, True), (AFTER, False)], ids=["kept", "dropped"])
def test_cursors_and_idempotency_keys(opened: Instance, secret: SecretKeys, is_kept: bool) -> None:
    """A list goes on, and a request that is sent again is the same request with the same link."""
    body = {"name": "Eva", "email": "eva@example.org", "subject": "Printer", "description": "It does not print."}
    head = {"Idempotency-Key": "eva 1"}
    with opened.with_keys(BEFORE) as (client, _):
        cursor = json.loads(client.get("/api/v1/articles?limit=2").text)["next"]
        first = client.post("/api/v1/requests", json=body | {"language": "en"}, headers=head)
    with opened.with_keys(secret) as (client, _):
        on = client.get(f"/api/v1/articles?limit=2&cursor={cursor}")
        again = client.post("/api/v1/requests", json=body | {"language": "en"}, headers=head)
        other = client.post("/api/v1/requests", json=body | {"language": "de"}, headers=head)

    assert on.status_code == (200 if is_kept else 400)
    assert (again.status_code, first.status_code) == (201, 201)
    assert (json.loads(again.text)["token"] == json.loads(first.text)["token"]) is is_kept
    assert other.status_code == 422 if is_kept else other.status_code in {409, 422}


def test_forms_that_are_sent_again(opened: Instance) -> None:
    """The same form once more is the same request; links in mails lead on, whatever became of the keys."""
    with opened.with_keys(BEFORE) as (_, services):
        ticket, token = services.requests.receive(SENT, "form", NOW, stems=[])
    with opened.with_keys(DURING) as (client, services):
        again, same = services.requests.receive(SENT, "form", NOW, stems=[])
        assert (again.id, same) == (ticket.id, token)
    with opened.with_keys(AFTER) as (client, services):
        assert services.requests.stands(token, NOW).id == ticket.id
        assert client.get("/en/").status_code == 200


@pytest.mark.parametrize(("secret", "is_kept"), [(DURING, True), (AFTER, False)], ids=["kept", "dropped"])
def test_addresses_in_mails(secret: SecretKeys, is_kept: bool) -> None:
    """Answers of suppliers and requesters to mails that were sent before come to their ticket."""
    before, after = CaseMail(BEFORE, "example.org", "help"), CaseMail(secret, "example.org", "help")
    reply = ReplyAddress(BEFORE, "help@example.org").of(42)

    assert after.is_token(7, before.token(7)) is is_kept
    assert not after.is_token(8, before.token(7))
    assert (ReplyAddress(secret, "help@example.org").number([reply]) == 42) is is_kept
    assert after.token(7) == CaseMail(AFTER, "example.org", "help").token(7)


@pytest.mark.parametrize(("secret", "is_kept"), [(DURING, True), (AFTER, False)], ids=["kept", "dropped"])
def test_links_of_subscriptions(database: Database, secret: SecretKeys, is_kept: bool) -> None:
    """The link that was mailed before leads on, whatever became of the key; asked for again, it is the same one."""
    number = add_gap(database).id
    before, after = (subscriptions_on(database, keys) for keys in (BEFORE, secret))
    before.subscribe(number, "anna@example.org", "de", NOW)
    before.subscribe(number, "boris@example.org", "ru", NOW)
    links = [before.token(number, email) for email in ("anna@example.org", "boris@example.org")]

    after.subscribe(number, "boris@example.org", "ru", NOW + SECOND_CLICK + timedelta(seconds=1))

    with database.read() as connection:
        mails = connection.execute(select(schema.outbox.c.text).order_by(schema.outbox.c.id)).scalars().all()
    assert len(mails) == (3 if is_kept else 2)
    assert links[1] in mails[-1]
    assert after.look(links[0]) is not None
    assert after.confirm(links[0], NOW) is not None
    assert after.stop(links[1])
    assert after.look(after.token(number, "anna@example.org")) is None


def test_signatures_of_webhooks(database: Database) -> None:
    """By every key that is believed, the one that signs first; after the old one is dropped by the new one alone."""
    with Receiver() as receiver:
        made = hook(database, receiver.url)
        for number, secret in enumerate((SecretKeys(HOOKS), SecretKeys(NEW, [HOOKS]), AFTER)):
            happen(database, str(number))
            assert deliver(Dispatch(database, secret, "https://help.example.org", HERE), NOW) == Told(sent=1)
            headers, body = receiver.calls[-1]
            known = [signing.key(key, Salts.read(made.salt).new) for key in keys.believed(secret)]
            assert Webhooks(database, secret, HERE).key_of(made) == signing.shown(known[0])
            stamp = int(headers["webhook-timestamp"])
            by = [signing.sign(key, headers["webhook-id"], stamp, body) for key in known]
            assert headers["webhook-signature"] == " ".join(by)

    assert [headers["webhook-signature"].count("v1,") for headers, _ in receiver.calls] == [1, 2, 1]


@pytest.mark.parametrize("is_named", [True, False])
def test_one_time_codes(is_named: bool) -> None:
    """A device shows what it did; it is accepted as long as the key is kept from which its own follows."""
    factor = SecondFactor(BEFORE)
    salt = factor.new_salt() if is_named else new_salt()
    code, spare = pyotp.TOTP(factor.key(salt)).at(NOW), factor.recovery_hash(salt, "ABCD")

    for secret in (keys.together(keys.with_next([Key(OLD)], Key(NEW))), DURING, SecretKeys(OTHER, [NEW, OLD])):
        assert SecondFactor(secret).step(salt, code, NOW, None) is not None
        assert SecondFactor(secret).spent(salt, "ABCD", ["another", spare]) == spare
        assert SecondFactor(secret).spent(salt, "ABCE", [spare]) is None
    assert SecondFactor(AFTER).step(salt, code, NOW, None) is None
    assert SecondFactor(AFTER).spent(salt, "ABCD", [spare]) is None


def test_dropping_names_who_depends_on_a_key(opened: Instance) -> None:
    """Nobody finds out at the door that their phone is of no use any more."""
    with opened.with_keys(BEFORE) as (_, services), services.database.write() as connection:
        found = people.account(connection, people.with_email("mia@example.org"))
        assert found is not None
        people.set_second_factor(connection, found.person.id, services.staff.factor.new_salt(), None, ())
    with opened.with_keys(DURING):
        told = portal("secret", "drop", "--data", str(opened.settings.data))
        shown = portal("secret", "show", "--data", str(opened.settings.data)).stdout

    assert "mia@example.org" in told.stdout
    assert told.returncode == 1
    assert len(keys.believed(key_files.load(opened.settings))) == 2
    assert "codes of 1 people" in shown
