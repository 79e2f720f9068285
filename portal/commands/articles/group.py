"""`portal articles`: the group that the commands of writers belong to, and the module of each."""

import click

from portal.commands.lazily import LazyGroup

_MODULES = {
    "checking": ("check", "explain"),
    "exchanging": ("import", "export"),
    "listing": ("list", "wanted"),
    "previewing": ("preview", "backtest"),
    "renaming": ("rename", "retire"),
    "todo": ("status", "gaps", "claim", "release", "close"),
    "translating": ("translate", "touch", "new", "draft"),
}
_PLACES = {name: f"portal.commands.articles.{module}" for module, names in _MODULES.items() for name in names}


@click.group(cls=LazyGroup, places=_PLACES)
def articles() -> None:
    """The Markdown articles."""
