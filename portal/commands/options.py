"""What the commands have in common: where the instance is, and how faults are told."""

import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

import portal
from portal import settings as all_settings
from portal.errors import CannotStart, PortalError
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import describe


def shipped_articles() -> Path:
    """The knowledge base that comes with the product: inside an installed package, beside it in a checkout."""
    package = Path(portal.__file__).parent
    inside = package / "shipped_articles"
    return inside if inside.is_dir() else package.parent / "articles"


def _load(given: dict[str, str | None]) -> Settings:
    """The settings in force; the shipped articles are served where there are no others."""
    for name in all_settings.unknown(os.environ):
        click.echo(f"portal: {name} is no setting and has no effect.", err=True)
    chosen = given.get("articles") or os.environ.get("PORTAL_ARTICLES")
    if not chosen and not Path("articles").is_dir():
        given["articles"] = str(shipped_articles())
    return all_settings.load(options=given)


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--articles` and `--data`, its settings, and plain sentences instead of stack traces."""

    @click.option("--articles", metavar="DIR", help="Folder of the Markdown articles.  [PORTAL_ARTICLES]")
    @click.option("--data", metavar="DIR", help="Instance folder: database, index, secret key.  [PORTAL_DATA]")
    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        given = {
            name: options.pop(name) for name in list(options) if name in all_settings.Settings.__dataclass_fields__
        }
        settings = all_settings.Settings()
        try:
            settings = _load(given)
            return command(settings, *arguments, **options)
        except SQLAlchemyError as error:
            click.echo(f"portal: {describe(settings.database, error)}", err=True)
            sys.exit(1)
        except PortalError as error:
            click.echo(f"portal: {error}", err=True)
            sys.exit(1)

    return run


def services(settings: Settings) -> Services:
    """The parts of an instance that has been prepared.

    Raises:
        CannotStart: there is none in the instance folder.
    """
    if not (settings.data / "articles.db").exists():
        raise CannotStart(
            f"There is no portal in {settings.data} yet. Run portal serve (or portal index rebuild) first."
        )
    return open_services(settings)


def show(value: Any, as_json: bool, lines: Callable[[], list[str]]) -> None:
    """Print a result for scripts or for people."""
    if as_json:
        click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))
    else:
        for line in lines():
            click.echo(line)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
