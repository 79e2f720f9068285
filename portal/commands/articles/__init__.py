"""`portal articles`: what writers check and list."""

import json
import sys

import click

from portal.commands.options import as_json, services, show, with_settings
from portal.problems import Problem, Severity
from portal.settings import Settings
from portal.storage import gaps
from portal.writing import check_articles


@click.group()
def articles() -> None:
    """The Markdown articles."""


@articles.command()
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "github"]), default="text", help="Form of the problems."
)
@with_settings
def check(settings: Settings, form: str) -> None:
    """Report every problem as path:line; exit 1 where there are errors."""
    problems = check_articles(settings.articles, settings.default_language)
    errors = sum(1 for problem in problems if problem.severity is Severity.ERROR)
    if form == "json":
        click.echo(json.dumps([problem.__dict__ for problem in problems], ensure_ascii=False, indent=2))
    else:
        for problem in problems:
            click.echo(_github(problem, str(settings.articles)) if form == "github" else str(problem))
        click.echo(f"{errors} errors, {len(problems) - errors} warnings", err=True)
    sys.exit(1 if errors else 0)


def _github(problem: Problem, folder: str) -> str:
    """A problem as an annotation of a code review."""
    message = problem.message.replace("%", "%25").replace("\n", "%0A")
    return f"::{problem.severity.value} file={folder}/{problem.path},line={max(problem.line, 1)},title={problem.code}::{message}"


@articles.command("list")
@click.option("--language", help="Only this language.")
@as_json
@with_settings
def list_articles(settings: Settings, as_json: bool, language: str | None) -> None:
    """The published articles."""
    knowledge = services(settings).edition.knowledge
    found = [
        {
            "language": code,
            "slug": slug,
            "title": item.article.title,
            "topic": item.article.topic,
            "updated": item.article.updated.isoformat(),
            "fingerprint": item.fingerprint,
            "freshness": knowledge.freshness(item).value,
            "url": f"/{code}/articles/{slug}",
        }
        for (code, slug), item in sorted(knowledge.articles.items())
        if language in (None, code)
    ]
    show(found, as_json, lambda: [f"{row['language']}  {row['slug']}  {row['title']}" for row in found])


@articles.command()
@click.option("--limit", default=100, type=click.IntRange(1, 10_000), help="Rows of each list.")
@as_json
@with_settings
def wanted(settings: Settings, as_json: bool, limit: int) -> None:
    """What readers lacked: translations, words that failed where others found, articles that did not help."""
    with services(settings).database.read() as connection:
        translations = gaps.wanted(connection, limit)
        wordings = gaps.wordings(connection, limit)
        flags = gaps.flags(connection, limit)
    value = {
        "translations": [row._asdict() for row in translations],
        "wordings": [row._asdict() for row in wordings],
        "articles": [row._asdict() for row in flags],
    }
    show(
        value,
        as_json,
        lambda: [
            *(f"translate  {row.slug} into {row.language}  {row.occurrences}×  {row.query}" for row in translations),
            *(
                f"word       {row.language}  {row.failed} → {row.found_by}  {row.slug}  {row.times}×"
                for row in wordings
            ),
            *(f"change     {row.language}/{row.slug}  {row.times}×  {row.query}" for row in flags),
        ],
    )
