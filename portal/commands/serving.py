"""`portal serve`, `portal db` and `portal staff`: run a portal and give people access to it."""

import sys
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click

from portal.commands.options import as_json, show, with_settings
from portal.commands.progress import progress_bar
from portal.errors import CannotStart, InvalidInput, PortalError
from portal.locales import CODES, LANGUAGES
from portal.people import PASSWORD_LENGTH, Person, Role
from portal.problems import Severity
from portal.server import Prepared, addresses, serve_and_reload
from portal.server import serve as run_server
from portal.services import utc_now
from portal.settings import Settings
from portal.staff import Staff
from portal.storage import Database, migration, prepare_folder, reachable


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [PORTAL_HOST]")
@click.option("--port", metavar="NUMBER", help="Port to listen on.  [PORTAL_PORT]")
@click.option("--workers", metavar="NUMBER", help="Server processes; 0 is one per core.  [PORTAL_WORKERS]")
@click.option(
    "--dev", is_flag=True, flag_value="true", default=None, help="One process that reloads code.  [PORTAL_DEV]"
)
@with_settings
def serve(settings: Settings) -> None:
    """Serve the portal: prepare what is missing, publish what has changed, accept requests."""
    if settings.dev:
        serve_and_reload(_serve, settings)
    else:
        _serve(settings)


def _serve(settings: Settings) -> None:
    """Serve with a progress bar, and exit with one sentence where that is not possible."""
    try:
        with progress_bar("Articles") as progress:
            run_server(settings, progress, lambda prepared: _announce(settings, prepared))
    except CannotStart as error:
        click.echo(f"portal: {error}", err=True)
        sys.exit(1)


def _announce(settings: Settings, prepared: Prepared) -> None:
    """Tell the operator what is served where, and what to do next."""
    report = prepared.report
    for problem in report.problems:
        click.echo(str(problem), err=True)
    if report.rebuilt:
        click.echo(f"The search index was made anew: {report.rebuilt}.", err=True)
    wrong = {problem.path for problem in report.problems if problem.severity is Severity.ERROR}
    left_out = sum(1 for path in wrong if path.endswith(".md"))
    counts = ", ".join(f"{LANGUAGES[code].name} {prepared.counts[code]}" for code in CODES)
    click.echo(f"Articles   {counts}" + (f" ({left_out} left out, see above)" if left_out else ""))
    click.echo(f"Index      {'up to date' if not report.changed and not report.removed else f'{report.changed} read'}")
    for number, address in enumerate(addresses(settings)):
        click.echo(f"{'' if number else 'Portal':<11}{address}")
    click.echo("Next       portal staff add EMAIL   gives somebody access to the desk")
    sys.stdout.flush()


@click.group()
def staff() -> None:
    """People who sign in to the desk."""


@staff.command()
@click.argument("email")
@click.option("--name", help="Full name.")
@click.option(
    "--role", "roles", multiple=True, type=click.Choice([role.value for role in Role]), help="Default: agent."
)
@click.option("--tier", "tiers", multiple=True, type=click.IntRange(1, 4), help="Tier that they serve; default 1.")
@click.option("--language", "languages", multiple=True, type=click.Choice(CODES), help="Language that they answer in.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@with_settings
def add(
    settings: Settings,
    email: str,
    name: str | None,
    roles: tuple[str, ...],
    tiers: tuple[int, ...],
    languages: tuple[str, ...],
    password_stdin: bool,
) -> None:
    """Give somebody access; asks for what is not given."""
    name = name or (email.partition("@")[0] if password_stdin else click.prompt("Full name"))
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt(
            f"Password (at least {PASSWORD_LENGTH} characters)", hide_input=True, confirmation_prompt=True
        )
    given = frozenset(Role(role) for role in roles) or frozenset({Role.AGENT})
    served = tuple(sorted(set(tiers))) or ((1,) if Role.AGENT in given else ())
    try:
        added = _staff(settings).add(Person(0, email, name or "", given, served, languages), password, utc_now())
    except InvalidInput as error:
        raise PortalError(_FAULTS.get((error.field, error.code), str(error))) from error
    click.echo(f"{added.name} can sign in at {addresses(settings)[0]}sign-in with {added.email}.")


_FAULTS = {
    ("email", "taken"): "Somebody with this address has access already.",
    ("email", "invalid_email"): "That is no email address.",
    ("password", "too_short"): f"The password needs at least {PASSWORD_LENGTH} characters.",
    ("password", "too_long"): "The password may have at most 200 characters.",
    ("password", "too_common"): "The password is too easy to guess.",
    ("name", "missing"): "The name is missing.",
}


@staff.command("list")
@as_json
@with_settings
def list_staff(settings: Settings, as_json: bool) -> None:
    """Everybody who has access."""
    people = _staff(settings).everybody()

    def plain(person: Person) -> dict[str, Any]:
        return asdict(person) | {"roles": sorted(role.value for role in person.roles)}

    show(
        [plain(person) for person in people],
        as_json,
        lambda: [f"{p.email}  {p.name}  {', '.join(sorted(p.roles))}" for p in people],
    )


def _staff(settings: Settings) -> Staff:
    """The use cases of signing in, on a database of this version."""
    prepare_folder(settings.data)
    database = Database(settings.database)
    reachable(database)
    migration.upgrade(database)
    return Staff(database, settings.sign_in_attempts, timedelta(hours=settings.session_hours))


@click.group()
def db() -> None:
    """The database of tickets and people."""


@db.command()
@click.argument("revision", default="head")
@with_settings
def migrate(settings: Settings, revision: str) -> None:
    """Bring the database to this version's schema; REVISION goes to an earlier one."""
    prepare_folder(settings.data)
    database = Database(settings.database)
    reachable(database)
    if revision == "head":
        migration.upgrade(database)
    else:
        migration.downgrade(database, revision)
    click.echo(f"The database is at revision {migration.revision(database) or 'none'}.")
