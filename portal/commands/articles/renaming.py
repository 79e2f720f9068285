"""`portal articles rename` and `retire`: an article gets another slug or goes, and its addresses go on leading somewhere."""

from collections.abc import Callable
from dataclasses import asdict

import click

from portal.commands.articles.group import articles
from portal.commands.options import as_json, own_articles, show, with_settings
from portal.errors import CannotStart
from portal.settings import Settings
from portal.writing.slugs.plan import Plan
from portal.writing.slugs.renaming import plan_rename, plan_retirement

_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")


@articles.command()
@click.argument("old")
@click.argument("new")
@_dry_run
@as_json
@with_settings
def rename(settings: Settings, old: str, new: str, dry_run: bool, as_json: bool) -> None:
    """Give the article OLD the slug NEW in all languages; its old addresses lead to the new ones for ever."""
    root = own_articles(settings)
    _carry_out(lambda: plan_rename(root, old, new, settings.default_language), dry_run, as_json)


@articles.command()
@click.argument("old")
@click.option("--to", "new", metavar="SLUG", help="The article that takes its place.")
@click.option("--gone", is_flag=True, help="Nothing takes its place; its addresses lead nowhere, on purpose.")
@click.option("--force", is_flag=True, help="With --to: also where that article lacks a language of this one.")
@_dry_run
@as_json
@with_settings
def retire(
    settings: Settings, old: str, new: str | None, gone: bool, force: bool, dry_run: bool, as_json: bool
) -> None:
    """Delete the article OLD in all languages; its addresses lead to the article that takes its place."""
    if gone == (new is not None):
        raise click.UsageError("Say either --to SLUG, which takes its place, or --gone.")
    root, language = own_articles(settings), settings.default_language
    _carry_out(lambda: plan_retirement(root, old, new, language, is_forced=force), dry_run, as_json)


def _carry_out(make: Callable[[], Plan], is_trial: bool, is_json: bool) -> None:
    """Plan, do and tell.

    Raises:
        CannotStart: a file cannot be read or written.
    """
    try:
        plan = make()
        if not is_trial:
            plan.carry_out()
    except OSError as error:
        raise CannotStart(
            f"{error.filename or 'The folder'}: {error.strerror or error}. Nothing was changed."
        ) from error
    parts = asdict(plan) | {"done": not is_trial}
    told = {name: value for name, value in parts.items() if name not in {"steps", "read", "folders"}}
    show(told, is_json, lambda: _lines(plan))
    if not is_json:
        end = "Nothing was changed (--dry-run)." if is_trial else "Commit all of it together."
        click.echo(end, err=True)


def _lines(plan: Plan) -> list[str]:
    """What was done, one thing a line."""
    return [
        *(["resumed   a rename that was interrupted"] if plan.is_resumed else []),
        *(f"renamed   {path} → {to}" for path, to in plan.moved),
        *(f"deleted   {path}" for path in plan.deleted),
        *(f"redirect  {old} → {new or 'nowhere, on purpose'}" for old, new in plan.redirects.items()),
        *(f"links     {path}: {count}" for path, count in sorted(plan.links.items())),
        *(f"source    {path}: set anew, nothing but links has changed" for path in plan.sources),
        *(f"featured  topics.yml: {topic}" for topic in plan.featured),
        *(f"look      {note}" for note in plan.notes),
    ]
