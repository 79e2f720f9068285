"""Groups of commands whose modules are imported when they are called: each command starts without the others."""

import gc
from collections.abc import Mapping, MutableMapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands stand in modules that are not imported yet.

    Args:
        places: of each command, the module that adds it to the group, or `module:attribute` of the command itself.
        arguments: as of `click.Group`.
    """

    def __init__(self, *arguments: Any, places: Mapping[str, str], **options: Any) -> None:
        self._loaded: MutableMapping[str, click.Command] = {}
        self._places = dict(places)
        super().__init__(*arguments, **options)

    @property
    def commands(self) -> MutableMapping[str, click.Command]:
        """All commands; imports those that are not there yet."""
        for name in [name for name in self._places if name not in self._loaded]:
            self._load(name)
        return self._loaded

    @commands.setter
    def commands(self, commands: MutableMapping[str, click.Command]) -> None:
        """Add commands that are there; click's own constructor does."""
        self._loaded.update(commands)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command whose module has been imported."""
        self._loaded[name or str(cmd.name)] = cmd

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """The names of all commands."""
        return sorted({*self._places, *self._loaded})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """A command; its module is imported now."""
        if cmd_name in self._places and cmd_name not in self._loaded:
            self._load(cmd_name)
        return self._loaded.get(cmd_name) or self.commands.get(cmd_name)

    def _load(self, name: str) -> None:
        """Import the module of a command."""
        module, _, attribute = self._places[name].partition(":")
        # Hardly anything that an import makes is garbage; to look through it again and again takes a fifth of the time.
        was_collecting = gc.isenabled()
        gc.disable()
        try:
            loaded = import_module(module)
            gc.freeze()  # Nor is it ever garbage.
        finally:
            if was_collecting:
                gc.enable()
        if attribute:
            self.add_command(getattr(loaded, attribute), name)
