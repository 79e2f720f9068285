"""The house holds: floors, documentation that is complete and true, templates that parse, a README that runs."""

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from flask import Flask
from importlinter import api as import_linter
from importlinter.application.user_options import UserOptions

from portal.cli import main
from portal.lifecycle import TRANSITIONS
from portal.settings import PREFIX, Settings
from portal.tickets import Action, Status
from portal.writing.checking.rulebook import RULES
from tests.needs import REPOSITORY

MODULES = sorted((REPOSITORY / "portal").rglob("*.py"))


def test_the_floors_hold() -> None:
    """Each module imports only what is below it."""
    command = [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"]

    result = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False, timeout=120)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("module", ["articles", "queries", "tickets", "people", "knowledge", "settings"])
def test_the_field_loads_no_machinery(module: str) -> None:
    """Importing a module of the field loads no framework, database, engine or parser."""
    heavy = {"flask", "sqlalchemy", "whoosh", "markdown", "yaml", "gunicorn", "click", "werkzeug"}
    code = f"import sys, portal.{module}; print(*sorted(set(sys.modules) & {heavy!r}))"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)

    assert loaded.stdout.split() == []


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(REPOSITORY)) for path in MODULES])
def test_every_module_and_public_name_says_what_it_is(path: Path) -> None:
    """A docstring each; no name that says nothing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef))]
    public = [node for node in nodes if not getattr(node, "name", "").startswith("_")]
    inner = {
        id(sub) for node in nodes if isinstance(node, ast.FunctionDef) for sub in ast.walk(node) if sub is not node
    }

    silent = [
        getattr(node, "name", path.name) for node in public if id(node) not in inner and not ast.get_docstring(node)
    ]

    assert silent == []
    assert path.stem not in {"utils", "helpers", "common", "manager", "misc"}


def test_every_template_parses(app: Flask) -> None:
    """Also those that no test has rendered."""
    names = app.jinja_env.list_templates(filter_func=lambda name: name.endswith(".html"))

    parsed = [app.jinja_env.get_template(name) for name in names]

    assert len(parsed) == len(names) > 15


def commands(group: click.Group, prefix: str = "portal") -> list[str]:
    """Every command with its whole name."""
    found: list[str] = []
    for name, command in group.commands.items():
        whole = f"{prefix} {name}"
        found += commands(command, whole) if isinstance(command, click.Group) else [whole]
    return found


def test_every_setting_and_command_is_documented() -> None:
    """The operator's page has them all, and names no setting that is none."""
    page = (REPOSITORY / "docs" / "operating.md").read_text(encoding="utf-8")
    known = {PREFIX + item.name.upper() for item in fields(Settings)}

    assert [name for name in sorted(known) if f"`{name}`" not in page] == []
    assert set(re.findall(r"PORTAL_[A-Z_]+[A-Z]", page)) - known == set()
    assert [name for name in commands(main) if name not in page] == []


def rule_rows() -> list[str]:
    """The table of rules as the writers' page has it."""
    return [
        f"| `{rule.code}` | {rule.severity.value}{', fixable' if rule.is_fixable else ''} "
        f"| {rule.summary[0].upper()}{rule.summary[1:]} | {rule.mend.replace('|', chr(92) + '|')} |"
        for rule in RULES.values()
    ]


def test_every_problem_of_an_article_is_explained() -> None:
    """Reading gives no code that is no rule, and the writers' page has every rule in its words and no other."""
    page = (REPOSITORY / "docs" / "article-rules.md").read_text(encoding="utf-8")
    reading = "".join((REPOSITORY / "portal" / f"{name}.py").read_text() for name in ("library", "vocabulary"))
    front_matter = (REPOSITORY / "portal" / "front_matter.py").read_text()
    codes = re.findall(r'(?:, |yield \w+, |return |\[\(line, )"([a-z]+(?:-[a-z]+)+)",', reading + front_matter)

    assert len(set(codes)) > 25
    assert set(codes) - RULES.keys() == set()
    assert [row for row in rule_rows() if row not in page] == []
    assert set(re.findall(r"^\| `([a-z-]+)` \| (?:error|warning)", page, re.MULTILINE)) == RULES.keys()


def test_the_documented_lifecycle_is_the_real_one() -> None:
    """The agents' table says for every action and status what the code does."""
    page = (REPOSITORY / "docs" / "working-the-desk.md").read_text(encoding="utf-8")
    names = {"WR": Status.WAITING_REQUESTER, "WS": Status.WAITING_SUPPLIER} | {
        item.value.title(): item for item in Status
    }
    rows = re.findall(r"^\|[^|]*\(`(\w+)`\)[^|]*\|(.*)\|$", page, re.MULTILINE)

    told = {
        (status, Action(action)): names[cell.strip()]
        for action, cells in rows
        for status, cell in zip(Status, cells.split("|"), strict=True)
        if cell.strip() != "–"
    }

    assert told == TRANSITIONS


def test_every_option_of_every_command_has_a_help_text() -> None:
    """`--help` explains everything."""
    silent = []
    groups: list[click.Command] = [main]
    while groups:
        command = groups.pop()
        groups += command.commands.values() if isinstance(command, click.Group) else []
        silent += [f"{command.name} {p.name}" for p in command.params if isinstance(p, click.Option) and not p.help]
        silent += [] if command.help else [str(command.name)]

    assert silent == []


def test_every_file_that_the_documents_name_is_there() -> None:
    """Links between documents lead somewhere."""
    dead = []
    for page in [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").rglob("*.md")]:
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", prose):
            if not re.match(r"https?:|mailto:", target) and not (page.parent / target).exists():
                dead.append(f"{page.name}: {target}")

    assert dead == []


def test_every_test_file_and_module_is_on_the_map() -> None:
    """`docs/architecture.md` knows every test file and every module."""
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    tests = [path.stem for path in (REPOSITORY / "tests").glob("test_*.py")]
    modules = [path.stem for path in (REPOSITORY / "portal").glob("*.py") if not path.stem.startswith("__")]
    packages = [f"{path.parent.name}/" for path in (REPOSITORY / "portal").glob("*/__init__.py")]

    assert [name for name in tests + modules if f"`{name}`" not in page] == []
    assert [name for name in packages if f"`{name}`" not in page] == []


def test_the_readme_holds_two_commands() -> None:
    """One runs, one tests; continuous integration runs them word for word."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")

    blocks = dict(re.findall(r"<!-- (run|test) -->\n```sh\n(.*?)\n```", text, re.DOTALL))

    assert set(blocks) == {"run", "test"}
    assert all("\n" not in block for block in blocks.values())
    assert blocks["run"].endswith(".venv/bin/portal serve")
    assert blocks["test"].endswith(".venv/bin/pytest")
    assert entry_points(group="console_scripts")["portal"].value == "portal.cli:main"


def test_the_lock_has_every_dependency_with_hashes_and_no_address() -> None:
    """What `pyproject.toml` asks for in service is in the lock, the tests' tools are not; nor where it comes from."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = project["dependencies"] + [name for extra in extras.keys() - {"test"} for name in extras[extra]]
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    locked = {
        re.sub(r"[-_.]+", "-", name).lower()
        for name in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", lock, re.MULTILINE)
    }

    wanted = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~!;]", name)[0].strip()).lower() for name in asked}

    assert wanted - locked == set()
    assert not locked & {"pytest", "mypy", "playwright", "bandit"}
    assert "--hash=sha256:" in lock
    assert not re.search(r"https?://|--index-url|--find-links|file:", lock)


def test_the_import_linter_reads_our_contracts() -> None:
    """The contracts are there: an empty list would hold always."""
    options: UserOptions | object = import_linter.read_configuration()

    assert len(options["contracts_options"]) >= 4  # type: ignore[index]
