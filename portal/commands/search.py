"""`portal search` and `portal index`: try a query out, and see how the index is."""

from typing import Any

import click

from portal.commands.options import as_json, services, show, with_settings
from portal.commands.progress import progress_bar
from portal.errors import SearchUnavailable
from portal.locales import CODES
from portal.queries import read_query
from portal.search import generations, whoosh_index
from portal.selfservice import Result, answer, report_gap
from portal.server import prepare
from portal.services import utc_now
from portal.settings import Settings


@click.group()
def search() -> None:
    """Search as a reader would."""


def _plain(result: Result) -> dict[str, Any]:
    """A result for scripts."""
    article = result.item.article
    return {
        "slug": article.slug,
        "language": article.language,
        "title": article.title,
        "score": round(result.score, 4),
        "snippet": "".join(text for text, _ in result.snippet.pieces),
        "url": f"/{article.language}/articles/{article.slug}",
    }


@search.command()
@click.argument("language", type=click.Choice(CODES))
@click.argument("text", nargs=-1, required=True)
@click.option("--topic", help="Only this topic.")
@click.option("--page", default=1, type=click.IntRange(1, 20), help="Page of ten results.")
@click.option("--record", is_flag=True, help="Open or count a gap as a reader's search would.")
@as_json
@with_settings
def query(
    settings: Settings, language: str, text: tuple[str, ...], topic: str | None, page: int, record: bool, as_json: bool
) -> None:
    """The results of TEXT for a reader of LANGUAGE; opens no ticket unless told to."""
    portal = services(settings)
    found = answer(portal.edition, read_query(language, " ".join(text), topic), page)
    told = report_gap(portal.desk, found, f"/{language}/search", utc_now()) if record else None
    value = {
        "language": language,
        "query": found.query.text,
        "verdict": found.verdict.value,
        "code": "U0" if found.is_gap else None,
        "total": found.total,
        "hits": [_plain(result) for result in found.results],
        "elsewhere": {code: [_plain(result) for result in group] for code, group in found.elsewhere},
        "ticket": told.ticket.id if told else None,
    }

    def lines() -> list[str]:
        rows = [
            f"{rank:>3}  {hit.score:8.2f}  {hit.item.article.slug}  {hit.item.article.title}"
            for rank, hit in enumerate(found.results, 10 * page - 9)
        ]
        rows += [
            f"  {code}  {hit.item.article.slug}  {hit.item.article.title}"
            for code, group in found.elsewhere
            for hit in group
        ]
        return [*rows, f"{found.verdict.value}, {found.total} in {language}"]

    show(value, as_json, lines)


@click.group()
def index() -> None:
    """The search index."""


@index.command()
@as_json
@with_settings
def status(settings: Settings, as_json: bool) -> None:
    """Whether the index is whole, and what it holds; exit 1 where it is not."""
    portal = services(settings)
    knowledge = portal.edition.knowledge
    directory = settings.data / "index" / knowledge.generation
    fault = ""
    documents: dict[str, int] = {}
    try:
        generations.check(directory)
        documents = {code: whoosh_index.count(directory / code) for code in CODES}
    except SearchUnavailable as error:
        fault = str(error)
    value = {
        "generation": knowledge.generation,
        "healthy": not fault,
        "fault": fault or None,
        "articles": knowledge.counts,
        "documents": documents,
        "bytes": generations.size(directory) if directory.exists() else 0,
    }
    show(value, as_json, lambda: [f"{name:<11}{value[name]}" for name in value])
    if fault:
        raise SystemExit(1)


@index.command()
@with_settings
def rebuild(settings: Settings) -> None:
    """Read and index every article again; readers keep the old index until the new one is complete."""
    with progress_bar("Articles") as progress:
        prepared = prepare(settings, progress, rebuild=True)
    click.echo(f"{sum(prepared.counts.values())} articles are in generation {prepared.report.generation}.")
