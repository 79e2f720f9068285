"""`portal tick`: one round of the work that nobody waits for, for a timer or by hand."""

import sys
from dataclasses import asdict

import click

from portal.commands.options import as_json, services, show, with_settings
from portal.services import utc_now
from portal.settings import Settings
from portal.ticking import tick as run


@click.command()
@as_json
@with_settings
def tick(settings: Settings, as_json: bool) -> None:
    """Judge ended searches, send what waits to be sent, forget what is old; a running portal does it by itself."""
    portal = services(settings)
    try:
        done = run(portal, utc_now(), dispatch=True)
    finally:
        portal.close()
    values = asdict(done)
    faults = values.pop("faults")
    show(values | {"faults": list(faults)}, as_json, lambda: [f"{name:<10}{value}" for name, value in values.items()])
    for fault in faults:
        click.echo(f"portal: {fault}", err=True)
    sys.exit(1 if faults else 0)
