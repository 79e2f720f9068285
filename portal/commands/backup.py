"""`portal backup` and `portal restore`: everything that cannot be made anew, in one checked archive, and back again."""

import tempfile
from pathlib import Path

import click

from portal.backup.making import back_up, tell
from portal.backup.restoring import Restored, check
from portal.backup.restoring import restore as bring_back
from portal.commands.options import as_json, show, with_settings
from portal.errors import PortalError
from portal.services import utc_now
from portal.settings import Settings


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--encrypt",
    "recipients",
    metavar="TOOL:RECIPIENT",
    multiple=True,
    help="Encrypt by the installed age or gpg: age:age1…, age:ssh-…, gpg:KEY. May be repeated.",
)
@click.option("--keep", type=click.IntRange(1, 100_000), help="Remove the oldest archives of the folder but so many.")
@click.option("--with-articles", is_flag=True, help="The articles' files, too, where they are not in git.")
@as_json
@with_settings
def backup(
    settings: Settings,
    folder: Path,
    recipients: tuple[str, ...],
    keep: int | None,
    with_articles: bool,
    as_json: bool,
) -> None:
    """Write a backup into FOLDER while the portal runs, and check it: database, secret keys, mails, settings."""
    made = back_up(settings, folder, utc_now(), recipients=recipients, keep=keep, with_articles=with_articles)
    if not tell(settings, made, utc_now()):
        click.echo("The backup is whole, but the portal could not be told of it: alerts may call it missing.", err=True)
    value = {
        "path": str(made.path),
        "bytes": made.size,
        "revision": made.header.revision,
        "tables": made.manifest.counts,
        "removed": [str(path) for path in made.removed],
    }

    def lines() -> list[str]:
        rows = sum(made.manifest.counts.values())
        checked = "checked" if not recipients else "encrypted and checked"
        told = [f"{made.path}: {made.size:,} bytes, {rows:,} rows in {len(made.manifest.counts)} tables, {checked}."]
        return [*told, *(f"{path} removed." for path in made.removed)]

    show(value, as_json, lines)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--database",
    "--database-url",
    "database_url",
    metavar="URL",
    help="Database to restore into.  [PORTAL_DATABASE_URL]",
)
@click.option("--identity", metavar="FILE", type=click.Path(path_type=Path), help="File of the secret key for age.")
@click.option("--replace", "is_replacing", is_flag=True, help="Replace the portal that is there; it is kept beside.")
@click.option("--with-articles", is_flag=True, help="The articles' files, too, into an empty folder --articles.")
@click.option("--dry-run", is_flag=True, help="Only read the whole backup and say whether it is whole.")
@as_json
@with_settings
def restore(
    settings: Settings,
    file: Path,
    identity: Path | None,
    is_replacing: bool,
    with_articles: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring the backup FILE into an instance folder and its database; the portal there is not running."""
    if identity and not identity.is_file():
        raise PortalError(f"There is no file {identity} for --identity.")
    if dry_run:
        done = check(file, identity, Path(tempfile.gettempdir()))
    else:
        options = {"identity": identity, "is_replacing": is_replacing, "with_articles": with_articles}
        done = bring_back(file, settings, utc_now(), **options)  # type: ignore[arg-type]
    value = {
        "made_at": done.header.made_at,
        "version": done.header.version,
        "engine": done.header.engine,
        "revision": done.revision,
        "tables": done.manifest.counts,
        "before": str(done.before) if done.before else None,
        "notes": list(done.notes),
    }
    show(value, as_json, lambda: _lines(done, settings, is_trial=dry_run))


def _lines(done: Restored, settings: Settings, *, is_trial: bool) -> list[str]:
    """What was done, for people."""
    rows = sum(done.manifest.counts.values())
    named = f"the backup of {done.header.made_at}, {rows:,} rows in {len(done.manifest.counts)} tables"
    if is_trial:
        return [f"Whole: {named}, made by version {done.header.version} (schema {done.header.revision})."]
    kept = [f"What was there before is in {done.before}; remove it when all is well."] if done.before else []
    return [
        f"Restored into {settings.data}: {named}.",
        *kept,
        *done.notes,
        "Next: portal serve, with the settings as they were; they are noted in settings-at-backup.json there.",
    ]
