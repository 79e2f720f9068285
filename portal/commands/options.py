"""What the commands have in common: where the instance is, and how faults are told."""

import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import portal
from portal import settings as all_settings
from portal.errors import CannotStart, PortalError
from portal.settings import Settings

if TYPE_CHECKING:
    from portal.services import Services


#: Folder of the shipped articles in an installed package.
_PACKAGED = "shipped_articles"
#: In a command's context: whether the shipped articles are in force because nobody has named others.
_UNNAMED = "portal.shipped_articles"


def shipped_articles() -> Path:
    """The knowledge base that comes with the product: inside an installed package, beside it in a checkout."""
    package = Path(portal.__file__).parent
    inside = package / _PACKAGED
    return inside if inside.is_dir() else package.parent / "articles"


def own_articles(settings: Settings, *, may_be_missing: bool = False) -> Path:
    """The folder of the articles, for commands that write into it.

    Raises:
        CannotStart: it does not exist; or it is that of the product, whose next version overwrites it.
    """
    shipped = shipped_articles()
    is_ours = settings.articles.resolve() == shipped.resolve()
    # In a checkout, who works on the product names the folder or stands above it.
    if is_ours and (shipped.name == _PACKAGED or click.get_current_context().meta.get(_UNNAMED)):
        raise CannotStart(
            "These articles come with the portal and are not yours to change. "
            "Name the folder of your own: --articles DIR or PORTAL_ARTICLES."
        )
    if not may_be_missing and not settings.articles.is_dir():
        raise CannotStart(f"The folder of the articles, {settings.articles}, does not exist.")
    return settings.articles


def _load(given: dict[str, str | None]) -> Settings:
    """The settings in force; the shipped articles are served where there are no others."""
    for name in all_settings.unknown(os.environ):
        click.echo(f"portal: {name} is no setting and has no effect.", err=True)
    chosen = given.get("articles") or os.environ.get("PORTAL_ARTICLES")
    if not chosen and not Path("articles").is_dir():
        given["articles"] = str(shipped_articles())
        click.get_current_context().meta[_UNNAMED] = True
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
        except PortalError as error:
            click.echo(f"portal: {error}", err=True)
            sys.exit(1)
        except Exception as error:
            # The database's library takes a tenth of a second to import; who has met its errors has it.
            errors = sys.modules.get("sqlalchemy.exc")
            if errors is None or not isinstance(error, errors.SQLAlchemyError):
                raise
            from portal.storage import describe  # noqa: PLC0415

            click.echo(f"portal: {describe(settings.database, error)}", err=True)
            sys.exit(1)

    return run


def services(settings: Settings) -> "Services":
    """The parts of an instance that has been prepared.

    Raises:
        CannotStart: there is none in the instance folder.
    """
    from portal.services import open_services  # noqa: PLC0415 - commands that need no instance start in half the time

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
