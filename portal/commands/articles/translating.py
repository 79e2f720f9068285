"""`portal articles translate`, `touch`, `new` and `draft`: files to fill in, and translations that keep up with their source."""

import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from portal.articles import Significance, Status
from portal.commands.articles.changes import lines, seen
from portal.commands.articles.group import articles
from portal.commands.options import as_json, own_articles, services, show, with_settings
from portal.errors import PortalError
from portal.locales import CODES, source_order
from portal.services import utc_now
from portal.settings import Settings
from portal.writing.files.families import read_family
from portal.writing.planning.beginning import begin_article, begin_for_ticket
from portal.writing.translation import shown
from portal.writing.translation.touching import Outcome, Touched
from portal.writing.translation.touching import touch as touch_family
from portal.writing.translation.translating import NotDone, Update, begin, finish, look_up

_LANGUAGE = click.Choice(CODES)


@articles.command()
@click.argument("slug")
@click.argument("language", type=_LANGUAGE)
@click.option("--done", is_flag=True, help="It is up to date: write down the source's fingerprint and today's date.")
@click.option("--force", is_flag=True, help="With --done: although something seems to be missing, or not looked at.")
@click.option("--from", "text", default="", metavar="FINGERPRINT", help="With --done: of the text you have translated.")
@click.option("--publish", is_flag=True, help="With --done: it is no draft any more.")
@click.option("--since", default="", metavar="REVISION", help="Show what has changed since this revision of git.")
@as_json
@with_settings
def translate(
    settings: Settings,
    slug: str,
    language: str,
    done: bool,
    force: bool,
    text: str,
    publish: bool,
    since: str,
    as_json: bool,
) -> None:
    """Begin the translation of SLUG into LANGUAGE, or show what has changed in its source since it was made."""
    if (force or publish or text) and not done:
        raise click.UsageError("--force, --from and --publish go with --done.")
    root = own_articles(settings)
    family = read_family(root, slug, source_order(settings.default_language))
    if done:
        _finish(settings, slug, language, text, is_forced=force, is_published=publish)
        return
    update = look_up(family, language, root, since)
    if update is None:
        path = begin(family, language, root, utc_now().date())
        show({"path": str(path)}, as_json, lambda: [str(path)])
        hint = "Translate each section and remove the line <!-- placeholder --> above it, then run"
        click.echo(f"{hint} portal articles translate {family.slug} {language} --done.", err=True)
        return
    show(_value(update), as_json, lambda: list(lines(update)))
    shown.remember(update.translation.path, update.source.fingerprint)


def _finish(settings: Settings, slug: str, language: str, text: str, *, is_forced: bool, is_published: bool) -> None:
    """Write down that a translation is up to date; say what it lacks."""
    root, today = settings.articles, utc_now().date()
    family = read_family(root, slug, source_order(settings.default_language))
    translation = family.translation(language)
    seen_text = text or (shown.last(translation.path) if translation else "")
    try:
        file, lacks = finish(family, language, root, today, seen_text, is_forced=is_forced, is_published=is_published)
    except NotDone as error:
        for problem in error.problems:
            click.echo(seen(str(problem)))
        count = len(error.problems)
        left = "1 thing is left. Mend it" if count == 1 else f"{count} things are left. Mend them"
        click.echo(f"Not done: {left}, or say --force.", err=True)
        sys.exit(1)
    for problem in lacks:
        click.echo(seen(str(problem)))
    click.echo(f"{file.shown} is now a translation of {family.source.shown} as it is ({family.source.fingerprint}).")
    if file.article.status is Status.DRAFT and not is_published:
        click.echo("It is still a draft: remove the line status: draft, or say --publish.", err=True)


@articles.command()
@click.argument("slugs", metavar="SLUG...", nargs=-1, required=True)
@click.option("--language", "languages", type=_LANGUAGE, multiple=True, help="Only this translation (repeatable).")
@click.option("--since", default="HEAD", show_default=True, metavar="REVISION", help="Has the text before the change.")
@click.option("--from", "before", default="", metavar="FINGERPRINT", help="Of the text before, where git has it not.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@as_json
@with_settings
def touch(
    settings: Settings,
    slugs: tuple[str, ...],
    languages: tuple[str, ...],
    since: str,
    before: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Tell the translations of SLUG that its last change needs no translating; stale ones stay stale."""
    if before and not re.fullmatch(r"[0-9a-f]{16}", before):
        raise click.BadParameter("a fingerprint has 16 hexadecimal digits", param_hint="--from")
    root, done, is_refused = own_articles(settings), [], False
    for slug in dict.fromkeys(slugs):
        try:
            family = read_family(root, slug, source_order(settings.default_language))
            done.append(touch_family(family, root, since=since, before=before, languages=languages, is_trial=dry_run))
        except PortalError as error:
            click.echo(f"portal: {seen(str(error))}", err=True)
            is_refused = True
    show([asdict(each) for each in done], as_json, lambda: [line for each in done for line in _told(each)])
    if dry_run and not as_json:
        click.echo("Nothing was changed (--dry-run).", err=True)
    sys.exit(1 if is_refused else 0)


def _told(touched: Touched) -> Iterator[str]:
    """What came of a touch, one file a line."""
    words = {
        Outcome.TOUCHED: "was fresh, and stays so",
        Outcome.FRESH: "names the present text already",
        Outcome.STALE: "was stale before, and stays so",
        Outcome.UNKNOWN: "does not say what it was made from",
        Outcome.BROKEN: "has an error and cannot be read",
    }
    if not touched.outcomes:
        yield f"{touched.source} has no translation to touch."
    for path, outcome in touched.outcomes.items():
        yield f"{outcome.value:8} {path} {words[outcome]}"
    if touched.significance is not None:
        now = f"is {touched.significance} again" if touched.significance else "was removed"
        yield f"source   {touched.source}: significance: {Significance.TYPO.value} would hide stale ones, and {now}"


@articles.command()
@click.argument("title", required=False, default="")
@click.option("--language", type=_LANGUAGE, help="Of the article.  [the portal's default; a ticket's own]")
@click.option("--topic", default="", help="Slug of a topic in topics.yml.")
@click.option("--slug", default="", help="Name of the file; otherwise made from the title.")
@click.option(
    "--gap", "--ticket", "number", type=click.IntRange(1), help="Begin with what people asked in this ticket."
)
@with_settings
def new(settings: Settings, title: str, language: str | None, topic: str, slug: str, number: int | None) -> None:
    """Begin an article with a TITLE (or slug), or from a ticket; prints the file to fill in."""
    if bool(title) == (number is not None):
        raise click.UsageError("Give either a title or --gap NUMBER.")
    if number is not None:
        if language:
            raise click.UsageError("An article for a ticket is in the ticket's language.")
        _draft(settings, number, topic, slug)
        return
    today = utc_now().date()
    path = begin_article(own_articles(settings), title, language or settings.default_language, today, topic, slug)
    _begun(path, is_named=bool(slug))


@articles.command()
@click.argument("ticket", type=click.IntRange(1))
@click.option("--topic", default="", help="Slug of a topic in topics.yml.")
@click.option("--slug", default="", help="Name of the file; otherwise made from what was asked.")
@with_settings
def draft(settings: Settings, ticket: int, topic: str, slug: str) -> None:
    """Begin the article that answers a TICKET: a gap, a wanted translation, or a solved request."""
    _draft(settings, ticket, topic, slug)


def _draft(settings: Settings, number: int, topic: str, slug: str) -> None:
    """Begin the article for a ticket."""
    root, portal = own_articles(settings), services(settings)
    today = portal.clock().date()
    path = begin_for_ticket(
        root, number, portal.database, portal.edition, today, source_order(settings.default_language), topic, slug
    )
    _begun(path, is_named=bool(slug))


def _begun(path: Path, *, is_named: bool) -> None:
    """Say where the file is, and how it is called where nobody has said so."""
    click.echo(str(path))
    if not is_named:
        click.echo(f"It is called {path.stem}; with --slug it would be called otherwise.", err=True)
    click.echo("A draft: write it, remove the line <!-- placeholder -->, and status: draft to publish it.", err=True)


def _value(update: Update) -> dict[str, Any]:
    """What has to be done to a translation, for scripts."""
    version, found = update.version, update.comparison
    return {
        "source": update.source.shown,
        "translation": update.translation.shown,
        "freshness": update.freshness.value,
        "significance": update.source.article.significance,
        "fingerprint": update.source.fingerprint,
        "made_from": version and {"revision": version.revision, "day": version.day, "fingerprint": version.fingerprint},
        "reason": update.reason,
        "lacks": [asdict(problem) for problem in update.lacks],
        "sections": [asdict(row) for row in found.concerned] if found else [],
    }
