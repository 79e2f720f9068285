"""`portal privacy`: what is forgotten in time, and what is known of one person."""

import json
from datetime import UTC, datetime

import click

from portal import retention
from portal.commands.options import as_json, services, show, with_settings
from portal.retention import Report
from portal.services import utc_now
from portal.settings import Settings


@click.group()
def privacy() -> None:
    """What is forgotten, and what is known of one person."""


dry_run = click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")


def _lines(report: Report) -> list[str]:
    """A report for people."""
    return [f"{count:>10}  {what.replace('_', ' ')}" for what, count in report.items()]


@privacy.command("run")
@dry_run
@as_json
@with_settings
def run_now(settings: Settings, dry_run: bool, as_json: bool) -> None:
    """Forget what is older than the settings allow; running it twice changes nothing more."""
    parts = services(settings)
    report = retention.run(parts, utc_now(), dry_run=dry_run)
    show(report, as_json, lambda: _lines(report))


@privacy.command()
@click.argument("email")
@with_settings
def export(settings: Settings, email: str) -> None:
    """Print everything that is kept of the person with an address, as JSON."""
    found = retention.export(services(settings).database, email)
    click.echo(json.dumps(found, ensure_ascii=False, indent=2, default=str))


@privacy.command()
@click.argument("email")
@dry_run
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@with_settings
def erase(settings: Settings, email: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Forget the person with an address; an account of the staff stays. Cannot be undone."""
    parts, now = services(settings), utc_now()
    report = retention.erase(parts.database, email, now, dry_run=True)
    if not dry_run and (yes or _is_sure(report)):
        report = retention.erase(parts.database, email, now)
        report["mails_in_folder"] = parts.delivery.forget(_LONG_AGO, email.strip())
    show(report, as_json, lambda: _lines(report))
    if not any(report.values()):
        click.echo("Nothing is kept of this address.", err=True)


#: Before every mail.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _is_sure(report: Report) -> bool:
    """Ask whether to go on; ends the command where the answer is no."""
    click.echo("\n".join(_lines(report)), err=True)
    return click.confirm("Erase this for ever?", abort=True, err=True)
