"""`portal tokens`: keys to the API, made, listed and revoked."""

from datetime import datetime
from typing import Any

import click

from portal.api_tokens import PER_MINUTE, ApiTokens, Scope, Token, plain
from portal.commands.options import as_json, show, with_settings
from portal.errors import InvalidInput, NotFound, PortalError
from portal.services import utc_now
from portal.settings import Settings
from portal.storage import Database, migration, people, prepare_folder, reachable

_FAULTS = {
    ("name", "missing"): "The name is missing.",
    ("name", "invalid"): "The name has characters that cannot be shown.",
    ("name", "too_long"): "The name is too long.",
    ("name", "too_many"): "There are too many tokens already. Revoke some first.",
    ("person", "invalid"): "This person has no access any more.",
    ("scopes", "not_allowed"): "The person does not have the right to everything that the token would open.",
}


@click.group()
def tokens() -> None:
    """Keys to the API for other systems."""


@tokens.command()
@click.argument("name")
@click.option("--person", "email", required=True, metavar="EMAIL", help="In whose name it works, and no further.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it opens; none is what everybody may do.",
)
@click.option(
    "--days",
    type=click.IntRange(0, 3650),
    default=90,
    show_default=True,
    help="For how long; 0 is until it is revoked.",
)
@click.option("--per-minute", type=click.IntRange(1, PER_MINUTE), help="Requests in a minute; default as the settings.")
@as_json
@with_settings
def add(
    settings: Settings,
    as_json: bool,
    name: str,
    email: str,
    scopes: tuple[str, ...],
    days: int,
    per_minute: int | None,
) -> None:
    """Make a token and print it; it is stored nowhere and cannot be printed again."""
    database = _database(settings)
    with database.read() as connection:
        wanted = email.strip().lower()
        person = next((each for each in people.everybody(connection) if each.email == wanted), None)
    if person is None:
        raise NotFound(f"Nobody has the address {email}.")
    chosen = [Scope(scope) for scope in scopes]
    now = utc_now()
    try:
        made = ApiTokens(database).make(None, name, chosen, person.id, now, days=days or None, per_minute=per_minute)
    except InvalidInput as error:
        raise PortalError(_FAULTS.get((error.field, error.code), str(error))) from error
    token, secret = made
    show(_facts(token, now) | {"token": secret}, as_json, lambda: [secret])
    if not as_json:
        click.echo(f"This is token {token.id}, “{token.name}”. It is not shown again.", err=True)


@tokens.command("list")
@as_json
@with_settings
def list_tokens(settings: Settings, as_json: bool) -> None:
    """All tokens that were ever made, the newest first."""
    now = utc_now()
    found = ApiTokens(_database(settings)).everything()
    show([_facts(token, now) for token in found], as_json, lambda: [_line(token, now) for token in found])


@tokens.command()
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
@as_json
@with_settings
def revoke(settings: Settings, as_json: bool, number: int) -> None:
    """Let a token open nothing any more, for ever; its number is in the list."""
    now = utc_now()
    try:
        token = ApiTokens(_database(settings)).revoke(None, number, now)
    except NotFound as error:
        raise NotFound(f"There is no token {number}.") from error
    show(_facts(token, now), as_json, lambda: [_line(token, now)])


def _facts(token: Token, now: datetime) -> dict[str, Any]:
    """A token for scripts."""
    return {
        "number": token.id,
        **plain(token),
        "state": token.state(now),
        "created_at": token.created_at.isoformat(),
        "used_on": token.used_on.isoformat() if token.used_on else None,
        "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
    }


def _line(token: Token, now: datetime) -> str:
    """A token for people."""
    scopes = ",".join(sorted(token.scopes)) or "open"
    used = f"used {token.used_on}" if token.used_on else "never used"
    ends = f"expires {token.expires_at:%Y-%m-%d}" if token.expires_at else "never expires"
    return (
        f"{token.id}  {token.name}  …{token.hint}  {scopes}  {token.person.email}  {used}  {ends}  {token.state(now)}"
    )


def _database(settings: Settings) -> Database:
    """The instance's database, of this version."""
    prepare_folder(settings.data)
    database = Database(settings.database)
    reachable(database)
    migration.upgrade(database)
    return database
