"""`portal reports`: the sums by day that reports are read from."""

from datetime import date, datetime

import click

from portal.commands.options import as_json, services, show, with_settings
from portal.commands.progress import progress_bar
from portal.errors import SearchUnavailable
from portal.services import utc_now
from portal.settings import Settings


@click.group()
def reports() -> None:
    """What reports are read from."""


@reports.command()
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Only this day and later ones (UTC), for example 2026-03-01.",
)
@click.option("--from-scratch", is_flag=True, help="Count every day anew whose searches and tickets are still there.")
@as_json
@with_settings
def count(settings: Settings, since: datetime | None, from_scratch: bool, as_json: bool) -> None:
    """Count the days that may have changed; a running portal does it every ten minutes.

    With --from-scratch, or from a day on with --since, days are counted again although nothing has changed. What was
    counted from rows that have been forgotten since stays as it is. However often it is done, the sums are the same.
    """
    portal = services(settings)
    try:
        with progress_bar("Days") as progress:
            counted = (
                portal.daily.recount(utc_now(), _day(since), progress)
                if from_scratch or since is not None
                else portal.daily.count_all(utc_now())
            )
    except SearchUnavailable as error:
        raise click.ClickException("Nothing has been published yet. Run portal index rebuild first.") from error
    finally:
        portal.close()
    show({"counted": counted}, as_json, lambda: [f"{counted} days counted"])


def _day(moment: datetime | None) -> date | None:
    """The day of an option."""
    return moment.date() if moment else None
