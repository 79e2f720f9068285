"""`portal desk`: how the desk is set up, as a file that can be kept, compared and brought back."""

import sys
from collections.abc import Iterable
from typing import Any

import click
import yaml

from portal.commands.options import as_json, services, show, with_settings
from portal.desk.changes import Step
from portal.desk.set_up_file import SECTIONS, BadSetUp, read
from portal.desk.setting_up import bring_about, export
from portal.front_matter import BadYaml, compose, construct
from portal.services import utc_now
from portal.settings import Settings
from portal.storage import Database, audit, migration, prepare_folder, reachable
from portal.storage.audit import Entry

#: Longest file that is read, in characters.
MAX_LENGTH = 4 * 1024 * 1024


class _Writer(yaml.SafeDumper):
    """Writes texts of several lines as they are read."""


def _line_by_line(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """A text; of several lines as a block."""
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Writer.add_representer(str, _line_by_line)


def as_yaml(value: Any) -> str:
    """A value as YAML, in its own order."""
    return str(yaml.dump(value, Dumper=_Writer, allow_unicode=True, sort_keys=False, width=100))


def from_yaml(text: str) -> Any:
    """A value from YAML; aliases, tags, deep nesting and keys that stand twice are refused.

    Raises:
        BadSetUp: it is no such YAML.
    """
    if len(text) > MAX_LENGTH:
        raise BadSetUp([f"The file is longer than {MAX_LENGTH} characters."])
    try:
        pairs = compose(text)
        _no_key_twice([(key, line) for key, _, line in pairs])
        for _, node, _ in pairs:
            _look_through(node)
        return {key: construct(node) for key, node, _ in pairs}
    except BadYaml as error:
        raise BadSetUp([f"line {error.line}: {error}"]) from None
    except ValueError as error:
        raise BadSetUp([str(error)]) from None


def _no_key_twice(keys: Iterable[tuple[str, int]]) -> None:
    """Refuse a mapping that has a key twice, of which YAML would silently take the last."""
    seen = set()
    for key, line in keys:
        if key in seen:
            raise BadYaml(f"{key} stands twice", line)
        seen.add(key)


def _look_through(node: yaml.Node) -> None:
    """Refuse keys that stand twice anywhere in a value."""
    if isinstance(node, yaml.MappingNode):
        _no_key_twice([(str(key.value), key.start_mark.line + 1) for key, _ in node.value])
    if isinstance(node, yaml.CollectionNode):
        for each in node.value:
            _look_through(each[1] if isinstance(each, tuple) else each)


@click.group()
def desk() -> None:
    """How the desk is set up: tiers, calendars, targets, rules, topics, suppliers and saved replies."""


@desk.command("show")
@click.argument("section", required=False, type=click.Choice(list(SECTIONS)))
@as_json
@with_settings
def show_desk(settings: Settings, as_json: bool, section: str | None) -> None:
    """Print everything that is set up, or one SECTION of it."""
    with services(settings).database.read() as connection:
        found = export(connection)
    value = {section: found[section]} if section else found
    show(value, as_json, lambda: [as_yaml(value).rstrip()])


@desk.command("export")
@with_settings
def export_desk(settings: Settings) -> None:
    """Print the whole set-up as a file for `portal desk import`; people are not in it."""
    with services(settings).database.read() as connection:
        click.echo(as_yaml(export(connection)), nl=False)


@desk.command("import")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@as_json
@with_settings
def import_desk(settings: Settings, as_json: bool, file: Any, dry_run: bool) -> None:
    """Make the desk what FILE says, wholly or not at all; - reads standard input.

    A section that the file has is complete: what it lacks is removed. A section that it has not stays as it is.
    """
    try:
        wanted = read(from_yaml(file.read(MAX_LENGTH + 1)))
        made = bring_about(_database(settings), wanted, utc_now(), "portal desk import", is_dry=dry_run)
    except UnicodeDecodeError:
        _refuse(file.name, ["the file is not UTF-8"])
    except BadSetUp as error:
        _refuse(file.name, error.problems)
    value = [
        {"action": s.action, "subject": s.subject, "name": s.name, "before": s.before, "after": s.after} for s in made
    ]
    show(value, as_json, lambda: [line for step in made for line in _lines(step)])
    if not as_json:
        done = "would be made" if dry_run else "made"
        click.echo(f"{len(made)} changes {done}." if len(made) != 1 else f"1 change {done}.")


def _database(settings: Settings) -> Database:
    """The database of an instance that need not have been served yet, so that one can be set up before it is."""
    prepare_folder(settings.data)
    database = Database(settings.database)
    reachable(database)
    migration.upgrade(database)
    return database


def _refuse(name: str, problems: Any) -> None:
    """Print what is wrong with a file, and end."""
    for problem in problems:
        click.echo(f"{name}: {problem}", err=True)
    click.echo("Nothing has been changed.", err=True)
    sys.exit(1)


def _lines(step: Step | Entry) -> list[str]:
    """A change for people: a line for it, and one for each field."""
    name = step.name if isinstance(step, Step) else step.key
    lines = [f"{step.action:<7} {step.subject} {name}".rstrip()]
    if step.action == "change":
        lines += [
            f"          {key}: {_shown(step.before.get(key))} → {_shown(step.after.get(key))}" for key in step.after
        ]
    return lines


def _shown(value: Any) -> str:
    """A value on one line of bounded length."""
    text = "–" if value in (None, "", [], {}) else str(value).replace("\n", " ")
    return text if len(text) <= 100 else text[:99] + "…"


@desk.command("audit")
@click.option("--limit", default=50, type=click.IntRange(1, 100_000), help="At most so many; newest first.")
@click.option("--subject", help="Only of this kind, such as tier or person.")
@as_json
@with_settings
def show_audit(settings: Settings, as_json: bool, limit: int, subject: str | None) -> None:
    """Who has administered what, newest first."""
    with services(settings).database.read() as connection:
        found = audit.newest(connection, subject, limit=limit)
    show(
        [entry.__dict__ | {"at": entry.at.isoformat()} for entry in found],
        as_json,
        lambda: [
            line
            for entry in found
            for line in (
                f"{entry.at:%Y-%m-%d %H:%M}  {entry.actor_name or 'portal'}",
                *(f"  {each}" for each in _lines(entry)),
            )
        ],
    )
