"""`portal staff`: who has access is changed from the command line, in one sentence each."""

import json
from contextlib import nullcontext
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from portal.cli import main
from portal.errors import PasswordNeeded, SignInRefused
from portal.people import Person, Role
from portal.services import utc_now
from portal.settings import Settings
from portal.staff import Staff
from portal.storage import Database, audit
from portal.storage import people as store
from tests.builders import PASSWORD, person

OTHER = "lantern-copper-meadow-81"


@pytest.fixture
def staff(instance: Settings) -> Staff:
    """The use cases, on the instance's database."""
    return Staff(Database(instance.database), 10, timedelta(hours=12), timedelta(hours=1), b"s" * 32)


@pytest.fixture
def mia(staff: Staff) -> Person:
    """An agent."""
    return staff.add(person(), PASSWORD, utc_now())


def run(instance: Settings, *arguments: str, text: str = "") -> Result:
    """Run `portal staff`."""
    return CliRunner().invoke(main, ["staff", *arguments, "--data", str(instance.data)], input=text)


def test_what_is_given_replaces_what_was(instance: Settings, staff: Staff, mia: Person) -> None:
    """The rest stays; the answer is the person as they are now."""
    given = ("--name", "Mia L.", "--tier", "3", "--tier", "2", "--language", "fr", "--topic", "accounts", "--json")
    result = run(instance, "change", mia.email, *given)

    assert result.exit_code == 0, result.output
    changed = json.loads(result.stdout)
    (known,) = staff.everybody()
    assert (known.name, known.tiers, known.languages, known.topics) == ("Mia L.", (2, 3), ("fr",), ("accounts",))
    assert (changed["name"], changed["tiers"], changed["roles"]) == ("Mia L.", [2, 3], ["agent"])
    assert run(instance, "change", mia.email, "--topic", "all", "--tier", "0", "--calendar", "0").exit_code == 0
    (known,) = staff.everybody()
    assert (known.topics, known.tiers, known.calendar_id, known.name) == ((), (), None, "Mia L.")


def test_another_role_signs_out_and_is_recorded(instance: Settings, staff: Staff, mia: Person) -> None:
    """By the command line, and with what was before."""
    _, key = staff.sign_in(mia.email, PASSWORD, utc_now())

    assert run(instance, "change", mia.email, "--role", "supervisor", "--role", "writer").exit_code == 0

    assert staff.of_session(key, utc_now()) is None
    assert staff.everybody()[0].roles == {Role.SUPERVISOR, Role.WRITER}
    with staff.database.read() as connection:
        entry = audit.newest(connection)[0]
    assert (entry.actor_name, entry.action, entry.subject) == ("portal staff", "change", "person")
    assert entry.before["roles"] == ["agent"]


def test_who_leaves_and_comes_back(instance: Settings, staff: Staff, mia: Person) -> None:
    """Nobody can sign in who is inactive; the list says who is."""
    _, key = staff.sign_in(mia.email, PASSWORD, utc_now())

    assert "inactive" in run(instance, "deactivate", "MIA@example.org").stdout
    assert staff.of_session(key, utc_now()) is None
    with pytest.raises(SignInRefused):
        staff.sign_in(mia.email, PASSWORD, utc_now())
    assert "inactive" in run(instance, "list").stdout
    assert "inactive" not in run(instance, "activate", mia.email).stdout
    assert staff.sign_in(mia.email, PASSWORD, utc_now())[0].id == mia.id


def test_the_last_administrator_stays(instance: Settings, staff: Staff) -> None:
    """Neither demoted nor deactivated."""
    staff.add(person(email="ada@example.org", roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, utc_now())

    for arguments in (("deactivate", "ada@example.org"), ("change", "ada@example.org", "--role", "agent")):
        result = run(instance, *arguments)
        assert (result.exit_code, result.stderr) == (1, "portal: Nobody else is an administrator.\n")


def test_another_password(instance: Settings, staff: Staff, mia: Person) -> None:
    """From standard input or asked for twice; never shown, and signed out."""
    _, key = staff.sign_in(mia.email, PASSWORD, utc_now())

    piped = run(instance, "password", mia.email, "--password-stdin", text=f"{OTHER}\n")

    assert (piped.exit_code, OTHER in piped.output) == (0, False)
    assert staff.of_session(key, utc_now()) is None
    typed = run(instance, "password", mia.email, text=f"{PASSWORD}\n{PASSWORD}\n")
    assert (typed.exit_code, PASSWORD in typed.output) == (0, False)
    assert typed.output.endswith("can sign in with the new password, and chooses another password there.\n")
    with pytest.raises(PasswordNeeded):
        staff.sign_in(mia.email, PASSWORD, utc_now())
    own = run(instance, "password", mia.email, "--own-password", "--password-stdin", text=f"{PASSWORD}\n")
    assert own.stdout == "Mia Lindt can sign in with the new password.\n"
    assert staff.sign_in(mia.email, PASSWORD, utc_now())[0].id == mia.id
    short = run(instance, "password", mia.email, "--password-stdin", text="short\n")
    assert short.stderr == "portal: The password needs at least 15 characters.\n"


def test_sign_ins_are_listed_and_ended(instance: Settings, staff: Staff, mia: Person) -> None:
    """With their browsers, without their keys."""
    keys = [staff.sign_in(mia.email, PASSWORD, utc_now(), name)[1] for name in ("Firefox, Linux", "")]

    listed = json.loads(run(instance, "sessions", mia.email, "--json").stdout)
    shown = run(instance, "sessions", mia.email).stdout

    assert sorted(one["browser"] for one in listed) == ["", "Firefox, Linux"]
    assert "unknown browser" in shown
    assert not any(key in shown for key in keys)
    assert run(instance, "sign-out", mia.email).stdout == "Mia Lindt has been signed out of 2 browsers.\n"
    assert run(instance, "sessions", mia.email).stdout == ""
    assert run(instance, "sign-out", mia.email).stdout == "Mia Lindt has been signed out of 0 browsers.\n"


def test_lost_phones_and_other_accounts(instance: Settings, staff: Staff, mia: Person) -> None:
    """Codes are asked for no more, and the identity provider is forgotten."""
    with staff.database.write() as connection:
        store.set_second_factor(connection, mia.id, "salt", 1, ("x",))
        store.set_subject(connection, mia.id, "sub-1")

    assert run(instance, "reset-codes", mia.email).exit_code == 0
    assert run(instance, "unlink", mia.email).exit_code == 0

    with staff.database.read() as connection:
        known = store.account(connection, store.with_number(mia.id))
    assert known is not None
    assert (known.totp_salt, known.totp_step, known.recovery, known.oidc_subject) == (None, None, (), None)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("change", "nobody@example.org", "--name", "X"), "Nobody has the address nobody@example.org."),
        (("change", "mia@example.org"), "Nothing to change was given."),
        (("change", "mia@example.org", "--topic", "No Topic"), "A topic is named as in topics.yml, such as accounts."),
        (("sign-out", "nobody@example.org"), "Nobody has the address nobody@example.org."),
        (("password", "nobody@example.org", "--password-stdin"), "Nobody has the address nobody@example.org."),
        (("reset-codes", "nobody@example.org"), "Nobody has the address nobody@example.org."),
    ],
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...], sentence: str, instance: Settings, mia: Person) -> None:
    """No stack trace, exit code 1."""
    result = run(instance, *arguments)

    assert (result.exit_code, result.stderr) == (1, f"portal: {sentence}\n")


@pytest.mark.parametrize("base_url", ["", "https://help.example.org"])
@pytest.mark.parametrize("is_own", [False, True])
def test_who_is_added_is_told_where_to_sign_in(
    base_url: str, is_own: bool, instance: Settings, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the public address; where there is none, without a host and a port that may not be the served ones."""
    monkeypatch.setenv("PORTAL_BASE_URL", base_url)
    options = ("--name", "Ada", "--password-stdin", *(["--own-password"] if is_own else []))
    result = run(instance, "add", "ada@example.org", *options, text=f"{OTHER}\n")

    place = f"{base_url}/en/sign-in" if base_url else "/en/sign-in of the portal"
    then = "" if is_own else ", and chooses another password there"
    assert (result.exit_code, result.stdout) == (0, f"Ada can sign in at {place} with ada@example.org{then}.\n")
    with nullcontext() if is_own else pytest.raises(PasswordNeeded):
        staff.sign_in("ada@example.org", OTHER, utc_now())


def test_the_calendar_must_exist(instance: Settings, mia: Person) -> None:
    """A number of none is refused."""
    result = run(instance, "change", mia.email, "--calendar", "999")

    assert (result.exit_code, result.stdout) == (1, "")
