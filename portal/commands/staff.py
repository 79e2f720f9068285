"""`portal staff`: who may sign in to the desk, what they do there, and how they get in again."""

import sys
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import click

from portal.commands.options import as_json, show, with_settings
from portal.desk.administration import Administration
from portal.errors import InvalidInput, NotFound, PortalError, StaleTicket
from portal.locales import CODES
from portal.own_account import OwnAccount
from portal.passwords import PASSWORD_MOST
from portal.people import PASSWORD_LENGTH, Person, Role
from portal.services import utc_now
from portal.settings import Settings
from portal.staff import CONSOLE, Staff
from portal.storage import Database, migration, prepare_folder, reachable

_FAULTS = {
    ("email", "taken"): "Somebody with this address has access already.",
    ("email", "invalid_email"): "That is no email address.",
    ("password", "too_short"): f"The password needs at least {PASSWORD_LENGTH} characters.",
    ("password", "too_long"): f"The password may have at most {PASSWORD_MOST} characters.",
    ("password", "too_common"): "The password is too easy to guess.",
    ("name", "missing"): "The name is missing.",
    ("name", "invalid"): "The name has characters that cannot be shown.",
    ("name", "too_long"): "The name is too long.",
    ("roles", "last_administrator"): "Nobody else is an administrator.",
    ("topics", "invalid"): "A topic is named as in topics.yml, such as accounts.",
    ("calendar_id", "invalid"): "There is no calendar with this number.",
}

_roles = click.option("--role", "roles", multiple=True, type=click.Choice([role.value for role in Role]), help="Role.")
_languages = click.option(
    "--language", "languages", multiple=True, type=click.Choice(CODES), help="Language that they answer in."
)
_own_password = click.option(
    "--own-password", is_flag=True, help="The person typed it, and need not choose another one at the first sign-in."
)
_from_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.group()
def staff() -> None:
    """People who sign in to the desk."""


@staff.command()
@click.argument("email")
@click.option("--name", help="Full name.")
@_roles
@click.option("--tier", "tiers", multiple=True, type=click.IntRange(1, 4), help="Tier that they serve; default 1.")
@_languages
@_own_password
@_from_stdin
@with_settings
def add(
    settings: Settings,
    email: str,
    name: str | None,
    roles: tuple[str, ...],
    tiers: tuple[int, ...],
    languages: tuple[str, ...],
    own_password: bool,
    password_stdin: bool,
) -> None:
    """Give somebody access, as an agent unless told otherwise; asks for what is not given."""
    name = name or (email.partition("@")[0] if password_stdin else click.prompt("Full name"))
    password = _password(password_stdin)
    given = frozenset(Role(role) for role in roles) or frozenset({Role.AGENT})
    served = tuple(sorted(set(tiers))) or ((1,) if Role.AGENT in given else ())
    # Whoever answers in no language is never given a ticket; the pages of the desk narrow it down.
    spoken = languages or (CODES if Role.AGENT in given else ())
    try:
        wanted = Person(0, email, name or "", given, served, spoken)
        added = _staff(settings).add(wanted, password, utc_now(), is_first=not own_password)
    except InvalidInput as error:
        raise _told(error) from error
    # Without a public address nobody here knows where the portal is served.
    place = f"{settings.base_url}/{CODES[0]}/sign-in" if settings.base_url else f"/{CODES[0]}/sign-in of the portal"
    click.echo(f"{added.name} can sign in at {place} with {added.email}{_then(own_password)}.")


@staff.command("list")
@as_json
@with_settings
def list_staff(settings: Settings, as_json: bool) -> None:
    """Everybody who has or had access."""
    people = _staff(settings).everybody()
    show([_plain(person) for person in people], as_json, lambda: [_line(person) for person in people])


@staff.command()
@click.argument("email")
@click.option("--name", help="Full name.")
@_roles
@click.option("--tier", "tiers", multiple=True, type=click.IntRange(0, 4), help="Tier that they serve; 0 is none.")
@_languages
@click.option("--topic", "topics", multiple=True, help="Topic that they know about; all is every topic.")
@click.option("--calendar", type=click.IntRange(0), help="Number of their calendar; 0 is that of their tiers.")
@as_json
@with_settings
def change(
    settings: Settings,
    as_json: bool,
    email: str,
    name: str | None,
    roles: tuple[str, ...],
    tiers: tuple[int, ...],
    languages: tuple[str, ...],
    topics: tuple[str, ...],
    calendar: int | None,
) -> None:
    """Change what somebody does; what is given replaces what was. Another role signs them out."""
    changes: dict[str, Any] = {
        "name": name,
        "roles": frozenset(Role(role) for role in roles) or None,
        "tiers": tuple(sorted(set(tiers) - {0})) if tiers else None,
        "languages": languages or None,
        "topics": (() if "all" in topics else topics) if topics else None,
    }
    given = {field: value for field, value in changes.items() if value is not None}
    if calendar is not None:
        given["calendar_id"] = calendar or None
    if not given:
        raise PortalError("Nothing to change was given.")
    _change(settings, email, as_json, **given)


@staff.command()
@click.argument("email")
@as_json
@with_settings
def activate(settings: Settings, as_json: bool, email: str) -> None:
    """Let somebody sign in again."""
    _change(settings, email, as_json, is_active=True)


@staff.command()
@click.argument("email")
@as_json
@with_settings
def deactivate(settings: Settings, as_json: bool, email: str) -> None:
    """Sign somebody out and let them in no more; what they did stays in the histories."""
    _change(settings, email, as_json, is_active=False)


@staff.command()
@click.argument("email")
@_own_password
@_from_stdin
@with_settings
def password(settings: Settings, email: str, own_password: bool, password_stdin: bool) -> None:
    """Give somebody another password, and sign them out."""
    known = _staff(settings)
    person = _person(known, email)
    try:
        known.set_password(None, person.id, _password(password_stdin), utc_now(), is_first=not own_password)
    except InvalidInput as error:
        raise _told(error) from error
    click.echo(f"{person.name} can sign in with the new password{_then(own_password)}.")


@staff.command()
@click.argument("email")
@as_json
@with_settings
def sessions(settings: Settings, as_json: bool, email: str) -> None:
    """Where somebody is signed in."""
    known = _staff(settings)
    found = OwnAccount(known).sign_ins(_person(known, email), "", utc_now())
    plain = [
        {"browser": one.browser, "began_at": one.began_at.isoformat(), "seen_at": one.seen_at.isoformat()}
        for one in found
    ]
    show(
        plain,
        as_json,
        lambda: [
            f"{one.began_at:%Y-%m-%d %H:%M}  seen {one.seen_at:%Y-%m-%d %H:%M}  {one.browser or 'unknown browser'}"
            for one in found
        ],
    )


@staff.command("sign-out")
@click.argument("email")
@with_settings
def sign_out(settings: Settings, email: str) -> None:
    """Sign somebody out everywhere."""
    known = _staff(settings)
    person = _person(known, email)
    count = known.sign_out_everywhere(None, person.id, utc_now())
    click.echo(f"{person.name} has been signed out of {count} browser{'' if count == 1 else 's'}.")


@staff.command("reset-codes")
@click.argument("email")
@with_settings
def reset_codes(settings: Settings, email: str) -> None:
    """Ask somebody for no one-time codes any more, for example when their phone is lost, and sign them out."""
    known = _staff(settings)
    person = _person(known, email)
    known.reset_second_factor(None, person.id, utc_now())
    click.echo(f"{person.name} signs in with the password alone, and can set up codes anew.")


@staff.command()
@click.argument("email")
@with_settings
def unlink(settings: Settings, email: str) -> None:
    """Forget somebody's account at the identity provider; the next sign-in there links them anew."""
    known = _staff(settings)
    person = _person(known, email)
    known.unlink(None, person.id, utc_now())
    click.echo(f"{person.name} is no longer linked to the identity provider.")


def _change(settings: Settings, email: str, as_json: bool, **changes: Any) -> None:
    """Change somebody, and print them.

    Raises:
        PortalError: in one sentence, what is wrong.
    """
    known = _staff(settings)
    person = replace(_person(known, email), **changes)
    try:
        changed = Administration(known.database).change_person(None, person, utc_now(), CONSOLE)
    except InvalidInput as error:
        raise _told(error) from error
    except StaleTicket as error:
        raise PortalError("Somebody else has changed this person just now; look, and try again.") from error
    show(_plain(changed), as_json, lambda: [_line(changed)])


def _plain(person: Person) -> dict[str, Any]:
    """A person for scripts."""
    return asdict(person) | {"roles": sorted(role.value for role in person.roles)}


def _line(person: Person) -> str:
    """A person for people."""
    return f"{person.email}  {person.name}  {', '.join(sorted(person.roles))}{'' if person.is_active else '  inactive'}"


def _told(error: InvalidInput) -> PortalError:
    """A broken rule in one sentence."""
    return PortalError(_FAULTS.get((error.field, error.code), str(error)))


def _then(own_password: bool) -> str:
    """What else is to be told of a password."""
    return "" if own_password else ", and chooses another password there"


def _password(from_stdin: bool) -> str:
    """A password from standard input, or asked for twice."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    label = f"Password (at least {PASSWORD_LENGTH} characters)"
    return str(click.prompt(label, hide_input=True, confirmation_prompt=True))


def _person(known: Staff, email: str) -> Person:
    """Somebody by address.

    Raises:
        NotFound: there is nobody.
    """
    wanted = email.strip().lower()
    found = next((person for person in known.everybody() if person.email == wanted), None)
    if found is None:
        raise NotFound(f"Nobody has the address {email}.")
    return found


def _staff(settings: Settings) -> Staff:
    """The use cases of signing in, on a database of this version."""
    prepare_folder(settings.data)
    database = Database(settings.database)
    reachable(database)
    migration.upgrade(database)
    idle = timedelta(minutes=settings.session_idle_minutes)
    lifetime = timedelta(hours=settings.session_hours)
    return Staff(database, settings.sign_in_attempts, lifetime, idle, words=settings.names)
