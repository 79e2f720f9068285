"""Keys to the API: who may make them, what they open, when they stop; and `portal tokens`."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from portal.api_tokens import MOST, NEEDS, PREFIX, ApiTokens, Scope, Token, scopes_of
from portal.cli import main
from portal.desk.administration import Administration
from portal.errors import InvalidInput, NotAllowed, NotFound
from portal.passwords import hashed
from portal.people import RIGHTS, Person, Role
from portal.settings import Settings
from portal.storage import Database, audit, idempotency
from portal.storage import people as people_store
from portal.storage.idempotency import KEPT, TAKEN_OVER
from tests.builders import NOW, person
from tests.postgres import database_at

DAY = timedelta(days=1)


def one(database: Database, role: Role) -> Person:
    """The one of a role."""
    with database.read() as connection:
        return next(each for each in people_store.everybody(connection) if each.email == f"{role}@example.org")


def add(database: Database, role: Role, email: str = "") -> Person:
    """Somebody of a role."""
    added = person(email=email or f"{role}@example.org", roles=frozenset({role}))
    with database.write() as connection:
        return replace(added, id=people_store.add(connection, added, "!", NOW) or 0)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with somebody of each role, and an administrator more."""
    made = database_at(tmp_path_factory.mktemp("tokens") / "portal.db")
    for role in Role:
        add(made, role)
    add(made, Role.ADMINISTRATOR, "root@example.org")
    yield made
    made.close()


@pytest.fixture
def tokens(known: Database) -> ApiTokens:
    """The use cases, without a key."""
    with known.write() as connection:
        connection.execute(text("DELETE FROM api_tokens"))
    return ApiTokens(known)


@pytest.fixture
def supervisor(known: Database) -> Person:
    """Somebody who may read everything."""
    return one(known, Role.SUPERVISOR)


def test_a_key_opens_until_it_is_revoked(database: Database) -> None:
    """On each of the databases: its secret stored nowhere, its use noted once a day, both its ends in the audit log."""
    tokens, supervisor = ApiTokens(database), add(database, Role.SUPERVISOR)
    made, secret = tokens.make(None, "  Intranet   search ", [Scope.GAPS_READ], supervisor.id, NOW)
    assert (made.name, made.hint, made.expires_at) == ("Intranet search", secret[-4:], NOW + 90 * DAY)
    assert len(secret) == len(PREFIX) + 43
    with database.read() as connection:
        assert secret not in str(connection.execute(text("SELECT * FROM api_tokens")).all())

    assert tokens.get(made.id).used_on is None
    found = tokens.find(secret, NOW)
    assert found is not None
    assert (found.id, found.person, set(found.granted)) == (made.id, supervisor, {Scope.GAPS_READ})
    assert tokens.get(made.id).used_on == NOW.date()
    tokens.find(secret, NOW + DAY)
    assert tokens.get(made.id).used_on == (NOW + DAY).date()

    assert tokens.revoke(None, made.id, NOW + DAY).state(NOW) == "revoked"
    tokens.revoke(None, made.id, NOW + 2 * DAY)
    assert tokens.find(secret, NOW) is None
    assert tokens.get(made.id).revoked_at == NOW + DAY
    with database.read() as connection:
        entries = audit.newest(connection, "token")
    assert [(entry.action, entry.actor_name) for entry in entries] == [
        ("revoke", "portal tokens"),
        ("add", "portal tokens"),
    ]
    assert secret not in str(entries)
    with pytest.raises(NotFound):
        tokens.revoke(None, 999, NOW)


def test_no_other_text_is_a_key(tokens: ApiTokens, supervisor: Person) -> None:
    """Not its hash, its beginning, or itself in other letters."""
    _, secret = tokens.make(None, "x", [], supervisor.id, NOW)
    for other in ("", PREFIX, hashed(secret), secret[:-1], secret + "x", secret.swapcase(), f" {secret}", secret[6:]):
        assert tokens.find(other, NOW) is None, other


def test_a_key_ends_with_its_time_and_with_its_person(known: Database, tokens: ApiTokens) -> None:
    """Whoever is let in again has the key again; a role that is taken away takes its scopes away."""
    supervisor = add(known, Role.SUPERVISOR, "sue@example.org")
    made, secret = tokens.make(None, "x", [Scope.REPORTS_READ, Scope.TICKETS_READ], supervisor.id, NOW, days=30)
    lasting, other = tokens.make(None, "y", [], supervisor.id, NOW, days=None)
    assert tokens.find(secret, made.expires_at or NOW) is None
    assert made.state(NOW + 30 * DAY) == "expired"
    assert lasting.expires_at is None
    people = Administration(known)
    people.change_person(None, replace(supervisor, is_active=False), NOW)
    assert tokens.find(secret, NOW) is None
    assert tokens.find(other, NOW) is None
    assert tokens.get(made.id).state(NOW) == "inactive"
    people.change_person(
        None, replace(people.person(supervisor.id), is_active=True, roles=frozenset({Role.WRITER})), NOW
    )
    found = tokens.find(secret, NOW)
    assert found is not None
    assert (set(found.scopes), set(found.granted)) == ({Scope.REPORTS_READ, Scope.TICKETS_READ}, {Scope.TICKETS_READ})


@pytest.mark.parametrize("role", Role)
def test_a_scope_needs_its_right(tokens: ApiTokens, known: Database, role: Role) -> None:
    """Nobody's key opens more than they may; spelt out, so that a scope given by mistake is noticed."""
    reads = {Scope.GAPS_READ, Scope.GAPS_WRITE, Scope.TICKETS_READ}
    reports = {Scope.REPORTS_READ, Scope.METRICS_READ}
    wanted = {
        Role.WRITER: reads,
        Role.AGENT: reads | {Scope.TICKETS_WRITE},
        Role.SUPERVISOR: set(Scope),
        Role.ADMINISTRATOR: set(Scope),
    }[role]
    somebody = one(known, role)
    assert scopes_of(somebody) == wanted
    assert wanted == {scope for scope in Scope if NEEDS[scope] in RIGHTS[role]}
    if not wanted >= reports:
        with pytest.raises(InvalidInput, match="not_allowed"):
            tokens.make(None, "x", [Scope.REPORTS_READ], somebody.id, NOW)
    if role is not Role.ADMINISTRATOR:
        with pytest.raises(NotAllowed):
            tokens.make(somebody, "x", [], somebody.id, NOW)
        with pytest.raises(NotAllowed):
            tokens.revoke(somebody, 1, NOW)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": " \t"}, "name", "missing"),
        ({"name": "x" * 101}, "name", "too_long"),
        ({"name": "a\u0007b"}, "name", "invalid"),
        ({"days": 0}, "days", "out_of_range"),
        ({"per_minute": 0}, "per_minute", "out_of_range"),
        ({"per_minute": 100_001}, "per_minute", "out_of_range"),
        ({"person_id": 999}, "person", "invalid"),
    ],
)
def test_a_key_that_cannot_be_is_not_made(
    tokens: ApiTokens, supervisor: Person, changes: dict[str, object], field: str, code: str
) -> None:
    """And it is said why."""
    wanted: dict[str, object] = {"name": "x", "scopes": [], "person_id": supervisor.id, "now": NOW}
    with pytest.raises(InvalidInput) as raised:
        tokens.make(None, **(wanted | changes))  # type: ignore[arg-type]
    assert (raised.value.field, raised.value.code) == (field, code)
    assert tokens.everything() == []


def test_there_are_so_many_and_no_more(tokens: ApiTokens, supervisor: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that have ended do not count."""
    assert MOST == 200
    monkeypatch.setattr("portal.api_tokens.MOST", 2)
    made = [tokens.make(None, name, [], supervisor.id, NOW)[0] for name in "ab"]
    with pytest.raises(InvalidInput, match="too_many"):
        tokens.make(None, "c", [], supervisor.id, NOW)
    tokens.revoke(None, made[0].id, NOW)
    tokens.make(None, "c", [], supervisor.id, NOW)
    assert [token.name for token in tokens.everything()] == ["c", "b", "a"]


def test_of_many_at_once_one_begins(database: Database) -> None:
    """An idempotency key is one request's, in whichever process; others are told that it has begun, or what it came to."""

    def begin(request: str = "r", at: timedelta = timedelta(0)) -> idempotency.Earlier | None:
        with database.write() as connection:
            return idempotency.begin(connection, "k", request, NOW + at)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: begin(), range(6)))
    assert found.count(None) == 1
    assert {(each.request_hash, each.status) for each in found if each} == {("r", None)}
    # Whoever is dead is taken over from, and its late answer is not kept any more; it stays the request that it was.
    assert begin(at=TAKEN_OVER) == idempotency.Earlier("r", None, NOW, is_dead=True)
    with database.write() as connection:
        idempotency.finish(connection, "k", NOW, 500)
        idempotency.drop(connection, "k", NOW)
        idempotency.finish(connection, "k", NOW + TAKEN_OVER, 201)
    assert begin("other", TAKEN_OVER) == begin(at=2 * TAKEN_OVER) == idempotency.Earlier("r", 201, NOW)
    assert begin("other", TAKEN_OVER + KEPT) is None


def run(instance: Settings, *arguments: str) -> Result:
    """Run `portal tokens`."""
    return CliRunner().invoke(main, ["tokens", *arguments, "--data", str(instance.data)])


def test_the_command_line_makes_lists_and_revokes(instance: Settings) -> None:
    """The secret alone on standard output, for scripts; never in the list."""
    database = Database(instance.database)
    add(database, Role.AGENT, "mia@example.org")
    tokens = ApiTokens(database)
    made = run(instance, "add", "Wiki", "--person", "Mia@example.org", "--scope", "tickets:read", "--days", "0")
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    token: Token | None = tokens.find(secret, NOW)
    assert token is not None
    assert (token.name, list(token.scopes), token.expires_at) == ("Wiki", [Scope.TICKETS_READ], None)
    listed = run(instance, "list").stdout
    assert secret not in listed
    assert f"Wiki  …{secret[-4:]}  tickets:read  mia@example.org  used 2026-03-02  never expires  working" in listed
    facts = json.loads(run(instance, "revoke", str(token.id), "--json").stdout)
    assert (facts["state"], facts["name"], facts["scopes"]) == ("revoked", "Wiki", ["tickets:read"])
    assert tokens.find(secret, NOW) is None
    for arguments, said in (
        (("add", "x", "--person", "nobody@example.org"), "Nobody has the address"),
        (("add", "x", "--person", "mia@example.org", "--scope", "reports:read"), "does not have the right"),
        (("revoke", "99"), "There is no token 99."),
    ):
        failed = run(instance, *arguments)
        assert (failed.exit_code, said in failed.stderr) == (1, True), failed.output
    again = json.loads(
        run(instance, "add", "Wiki", "--person", "mia@example.org", "--per-minute", "5", "--json").stdout
    )
    assert (again["per_minute"], again["scopes"], again["token"][:6]) == (5, [], PREFIX)
