"""`portal db`: the database's schema, what it holds, and moving it to another engine or server."""

import sys

import click

from portal.commands.options import as_json, show, with_settings
from portal.errors import CannotStart
from portal.settings import Settings
from portal.storage import Database, masked, migration, moving, prepare_folder, reachable, sizes


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
    migration.migrate(database, revision)
    click.echo(f"The database is at revision {migration.revision(database) or 'none'}.")


@db.command()
@as_json
@with_settings
def status(settings: Settings, as_json: bool) -> None:
    """Which database it is, at which revision, and how large; exit 1 where it has to be migrated."""
    if settings.database.startswith("sqlite") and not settings.database_url and not settings.data.exists():
        raise CannotStart(f"There is no portal in {settings.data} yet. Run portal serve first.")
    database = Database(settings.database)
    reachable(database)
    found = sizes.measure(database)
    here, newest = migration.revision(database), migration.newest()
    value = {
        "database": masked(settings.database),
        "engine": found.engine,
        "revision": here,
        "newest": newest,
        "bytes": found.size,
        "connections": found.connections,
        "most_connections": found.most_connections,
        "tables": {name: {"rows": table.rows, "bytes": table.size} for name, table in found.tables.items()},
    }

    def lines() -> list[str]:
        is_newest = here == newest
        of_tables = [
            f"           {name:<26}{table.rows:>12,}{'' if table.size is None else f'{_size(table.size):>12}'}"
            for name, table in found.tables.items()
            if table.rows
        ]
        used = f"{found.connections} of {found.most_connections}" if found.connections is not None else "one file"
        return [
            f"Database   {value['database']}",
            f"Engine     {found.engine}",
            f"Revision   {here or 'none'}" + ("" if is_newest else f", and {newest} is the newest: portal db migrate"),
            f"Size       {_size(found.size)}",
            f"In use     {used}",
            "Rows" if of_tables else "Rows       none",
            *of_tables,
        ]

    show(value, as_json, lines)
    if here != newest:
        sys.exit(1)


@db.command()
@click.option(
    "--from", "origin", metavar="URL", help="Where it is now.  [PORTAL_DATABASE_URL, else the instance's file]"
)
@click.option(
    "--to", "goal", metavar="URL", required=True, help="An empty database: sqlite:///… or postgresql+psycopg://…"
)
@click.option("--clean", is_flag=True, help="Make texts fit that PostgreSQL cannot keep, instead of refusing them.")
@as_json
@with_settings
def copy(settings: Settings, origin: str | None, goal: str, clean: bool, as_json: bool) -> None:
    """Copy the whole database to an empty one, on any engine, and compare both, table by table.

    Stop the portal first: what is written meanwhile stays behind. The copy is kept whole or not at all; exit 1 where it
    is not. Afterwards start the portal with PORTAL_DATABASE_URL naming the copy.
    """
    source, target = (Database(_checked(url)) for url in (origin or settings.database, goal))

    def tell(table: str, rows: int) -> None:
        click.echo(f"copied {table}: {rows} rows", err=True)

    moved = moving.move(source, target, tell, clean=clean)
    is_equal = all(table.is_equal for table in moved)
    value = {
        "from": masked(source.url),
        "to": masked(target.url),
        "is_equal": is_equal,
        "tables": [
            {
                "table": table.table,
                "rows": [table.source.rows, table.target.rows],
                "checksums": [table.source.checksum, table.target.checksum],
                "is_equal": table.is_equal,
                "cleaned": table.cleaned,
            }
            for table in moved
        ],
    }
    show(value, as_json, lambda: _compared(moved))
    if not is_equal:
        raise CannotStart("The copy is not like its source, and nothing of it was kept.")
    click.echo(
        f"{len(moved)} tables are equal. Start the portal with PORTAL_DATABASE_URL={masked(target.url)}", err=True
    )


def _checked(url: str) -> str:
    """A database's address, checked as the setting is.

    Raises:
        InvalidSetting: it is none.
    """
    from portal.settings import load  # noqa: PLC0415 - of this command alone

    return load({}, {"database_url": url}).database_url


def _compared(moved: list[moving.Moved]) -> list[str]:
    """Every table with what it holds on both sides."""
    head = f"{'table':<26}{'rows':>10}{'rows':>10}  {'checksum of the source':<34}{'of the copy':<34}"
    return [
        head.rstrip(),
        *(
            f"{item.table:<26}{item.source.rows:>10}{item.target.rows:>10}  "
            f"{item.source.checksum:<34}{item.target.checksum:<34}{'equal' if item.is_equal else 'DIFFERENT'}"
            f"{f', {item.cleaned} texts made to fit' if item.cleaned else ''}"
            for item in moved
        ),
    ]


def _size(count: int) -> str:
    """A number of bytes for people."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
