"""Commands are imported when they are called: each starts without the others."""

import subprocess
import sys
from pathlib import Path

import click

from portal.cli import main
from portal.commands import articles
from tests.needs import REPOSITORY


def test_every_module_of_the_articles_commands_is_known_to_their_group() -> None:
    """A command in a new module would not be found otherwise, and one that is not named would load all the others."""
    folder = REPOSITORY / "portal" / "commands" / "articles"
    helping = {"__init__", "group"}
    group = main.get_command(click.Context(main), "articles")
    assert isinstance(group, click.Group)
    named = {name: command.callback.__module__ for name, command in group.commands.items() if command.callback}

    assert set(named) == set(group.list_commands(click.Context(group)))
    for module in {path.stem for path in folder.glob("*.py")} - helping:
        text = (folder / f"{module}.py").read_text(encoding="utf-8")
        assert ("@articles.command(" in text) == (f"{articles.__name__}.{module}" in named.values()), module


def test_a_check_starts_without_database_and_web() -> None:
    """They take a second to import."""
    code = (
        "import sys; from portal.cli import main\n"
        "try: main(['articles', 'explain', 'dead-link'])\n"
        "except SystemExit: pass\n"
        "print(*{'sqlalchemy', 'alembic', 'flask', 'numpy'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(REPOSITORY), check=True
    )

    assert result.stdout.splitlines()[-1].split() == []
