"""`portal secret`: the keys that the portal signs with, shown by name, changed step by step."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import Connection, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from portal import key_files, keys, nodes
from portal.commands.options import as_json, show, with_settings
from portal.errors import CannotStart
from portal.keys import Key
from portal.second_factor import key_name
from portal.services import utc_now
from portal.settings import Settings
from portal.storage import Database, describe, people, reachable
from portal.storage import nodes as store

_Found = TypeVar("_Found")
_RELOAD = "Give every machine this file, then reload each: systemctl reload portal (or SIGHUP to portal serve)."


@click.group()
def secret() -> None:
    """The keys that sessions, forms, links and one-time codes are signed with or follow from."""


@secret.command("show")
@as_json
@with_settings
def show_keys(settings: Settings, as_json: bool) -> None:
    """The keys by name, how old they are, and who depends on them; never the keys themselves."""
    found = key_files.written(settings)
    depending = _depending(settings, found)
    today = utc_now().date()
    rows = [_row(key, number, today, depending[key.name]) for number, key in enumerate(found)]
    where = "PORTAL_SECRET_KEYS" if settings.secret_keys else str(key_files.key_file(settings))
    show({"where": where, "keys": rows}, as_json, lambda: [f"Keys in {where}", *map(_line, rows)])


def _row(key: Key, number: int, today: date, depending: list[str]) -> dict[str, Any]:
    """What is told of a key."""
    return {
        "name": key.name,
        "use": "signs" if number == 0 else "next" if key.is_next else "believed",
        "made": key.made,
        "days": (today - key.made).days if key.made else None,
        "one_time_codes": depending,
    }


def _line(row: dict[str, Any]) -> str:
    """A key for people."""
    made = f"made {row['made']}, {row['days']} days ago" if row["made"] else "made nobody noted when"
    return (
        f"{row['name']}  {row['use']:<8}  {made}; one-time codes of {len(row['one_time_codes'])} people follow from it"
    )


def _depending(settings: Settings, found: list[Key]) -> dict[str, list[str]]:
    """Whose one-time codes follow from each key: addresses by the key's name; of old ones that of the oldest.

    That is the last one that has signed already.
    """
    oldest = next(key.name for key in reversed(found) if not key.is_next)
    depending: dict[str, list[str]] = {key.name: [] for key in found}
    for email, salt in _asked(settings, people.salts):
        depending.setdefault(key_name(salt) or oldest, []).append(email)
    return depending


@secret.command()
@with_settings
def rotate(settings: Settings) -> None:
    """Take the next step to a new key: let all believe it, or where all do, let it sign."""
    found, path = _in_file(settings)
    coming = next((key for key in found if key.is_next), None)
    if coming is None:
        if len(found) >= keys.MOST:
            raise CannotStart("There are too many keys already: portal secret drop.")
        new = key_files.new_key(utc_now().date())
        key_files.store(path, keys.with_next(found, new))
        click.echo(f"1 of 2: the key {new.name} is in {path}. It signs nothing yet. {_RELOAD}")
        click.echo("Then: portal secret rotate")
        return
    if ignorant := _ignorant(settings, coming.name):
        raise CannotStart(f"These machines do not believe the key {coming.name} yet: {', '.join(ignorant)}. {_RELOAD}")
    key_files.store(path, keys.promoted(found))
    click.echo(f"2 of 2: the key {coming.name} signs, and the others are believed. {_RELOAD}")
    click.echo(f"In {settings.link_days} days, or at once where the old key has leaked: portal secret drop")


@secret.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings
def drop(settings: Settings, yes: bool) -> None:
    """Forget all keys but the one that signs and the next."""
    found, path = _in_file(settings)
    kept = [key for number, key in enumerate(found) if number == 0 or key.is_next]
    if len(kept) == len(found):
        click.echo("There is nothing to drop: only the key that signs is believed.")
        return
    names = {key.name for key in kept}
    lost = sorted(
        {email for key, emails in _depending(settings, found).items() if key not in names for email in emails}
    )
    if lost:
        click.echo("These people’s one-time codes will not be accepted any more: " + ", ".join(lost))
        click.echo("Let them set codes up anew first, or afterwards run: portal staff reset-codes EMAIL")
    click.echo("What was signed with the old keys ends: sign-ins, opened forms, addresses for answers in mails sent.")
    click.echo("Receivers of webhooks must know their new keys before: portal webhooks secret NUMBER")
    if not yes:
        click.confirm("Drop them?", abort=True)
    key_files.store(path, kept)
    click.echo(f"{len(found) - len(kept)} dropped. {_RELOAD}")


def _in_file(settings: Settings) -> tuple[list[Key], Any]:
    """The keys and the file that they are in.

    Raises:
        CannotStart: they are in a variable, which a command cannot change.
    """
    if settings.secret_keys:
        raise CannotStart(
            "The keys are in PORTAL_SECRET_KEYS. Change them there: put a new one second and restart all machines; "
            "then put it first and restart them; later leave the old one out."
        )
    return key_files.written(settings), key_files.key_file(settings)


def _ignorant(settings: Settings, name: str) -> list[str]:
    """The living machines that do not believe a key."""
    known = _asked(settings, store.everything)
    return [node.name for node in known if node.age < nodes.ALIVE and name not in node.keys]


def _asked(settings: Settings, ask: Callable[[Connection], list[_Found]]) -> list[_Found]:
    """What is in the database; nothing where there is none yet.

    Raises:
        CannotStart: it does not answer. That nothing is known must not pass for there being nobody.
    """
    database = Database(settings.database)
    try:
        if database.is_sqlite and not Path(make_url(settings.database).database or "").exists():
            return []
        reachable(database)
        with database.read() as connection:
            return ask(connection) if inspect(connection).has_table("nodes") else []
    except SQLAlchemyError as error:
        raise CannotStart(describe(settings.database, error)) from error
    finally:
        database.close()
