"""`portal privacy`: what is forgotten in time, and what is known of one person."""

import json

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
@as_json
@with_settings
def erase(settings: Settings, email: str, dry_run: bool, as_json: bool) -> None:
    """Forget the person with an address; an account of the staff stays."""
    report = retention.erase(services(settings).database, email, utc_now(), dry_run=dry_run)
    show(report, as_json, lambda: _lines(report))
