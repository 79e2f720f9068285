"""`portal articles list` and `wanted`: what is published, and what readers lacked."""

import click

from portal.commands.articles.group import articles
from portal.commands.options import as_json, services, show, with_settings
from portal.settings import Settings
from portal.storage import gaps


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
