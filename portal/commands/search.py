"""`portal search` and `portal index`: try a query out, and see how the index is."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from portal import closing, explanation
from portal.chains import Visitor
from portal.commands.options import as_json, services, show, with_settings
from portal.commands.progress import progress_bar
from portal.errors import SearchUnavailable
from portal.locales import CODES
from portal.queries import read_query
from portal.search import generations, postgres, whoosh_index
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
@click.option("--language", type=click.Choice(CODES), help="Only this language.")
@as_json
@with_settings
def judged(settings: Settings, as_json: bool, language: str | None) -> None:
    """The searches of gaps that an article has closed, as judged queries to add to a file."""
    with services(settings).database.read() as connection:
        rows = closing.judged(connection, language)
    show(
        [{"query": query, "relevant": slug, "language": code} for query, slug, code in rows],
        as_json,
        lambda: ["query\trelevant\tkind", *(f"{query}\t{slug}\tgap" for query, slug, _ in rows)],
    )


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
    told = report_gap(portal.gaps, found, f"/{language}/search", Visitor(), utc_now()) if record else None
    value = {
        "language": language,
        "query": found.query.text,
        "verdict": found.verdict.value,
        "code": found.code,
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


@search.command()
@click.argument("language", type=click.Choice(CODES))
@click.argument("text", nargs=-1, required=True)
@click.option("--topic", help="Only this topic.")
@click.option("--exact", is_flag=True, help="As typed, without corrections and other languages.")
@as_json
@with_settings
def explain(
    settings: Settings, language: str, text: tuple[str, ...], topic: str | None, exact: bool, as_json: bool
) -> None:
    """How a search for TEXT by a reader of LANGUAGE went: words, repairs, scores, verdict."""
    portal = services(settings)
    found = explanation.explain(portal.edition, read_query(language, " ".join(text), topic, is_exact=exact))
    show(asdict(found), as_json, lambda: list(_explained(found)))


def _explained(found: explanation.Explanation) -> Iterator[str]:
    """An explanation for people."""
    yield f"verdict     {found.verdict.value}{f' ({found.code})' if found.code else ''}"
    yield f"confidence  {found.confidence:.3f}; unanswered below {found.low:g}, answered from {found.high:g}"
    yield f"normalised  {found.normalised:.3f}"
    yield f"language    {found.guess}"
    for repair in found.repairs:
        yield f"repair      {repair.kind.value}: {repair.typed} → {repair.meant}"
    for code, slugs in found.elsewhere:
        yield f"also in {code}  {' '.join(slugs)}"
    for step in found.steps:
        yield ""
        yield f"{step.kind} ({step.language}): {step.text}"
        for asked in step.asked:
            ways = ", ".join(terms if worth == 1 else f"{terms} ×{worth:.2f}" for terms, worth in asked.ways)
            yield f"  {asked.word:<20}{ways}  rarity {asked.rarity:.2f}{'' if asked.is_known else ', in no article'}"
        for rank, hit in enumerate(step.hits, 1):
            parts = " + ".join(f"{part:.2f}" for part in hit.added)
            fit = f"title {hit.title_fit:.2f}, heading {hit.heading_fit:.2f}"
            yield f"  {rank:>2}  {hit.score:7.2f} = words {hit.words:.2f} ({parts}) × fit ({fit})  {hit.slug}"
        for signal in step.signals:
            yield f"  {signal.name:<12}{signal.value:6.3f} × {signal.weight:g}"
        yield f"  constant {found.constant:g}, confidence {step.confidence:.3f}"


@search.command()
@click.argument("source", type=click.Choice(CODES))
@click.argument("target", type=click.Choice(CODES))
@click.argument("text", nargs=-1)
@as_json
@with_settings
def translate(settings: Settings, source: str, target: str, text: tuple[str, ...], as_json: bool) -> None:
    """What search knows of WORDS of the language SOURCE in the language TARGET.

    Learned from the articles' own translations, the glossary first. Without words: how much is known.
    """
    portal = services(settings)
    edition = portal.edition
    if not text:
        sizes = {f"{a}-{b}": size for (a, b), size in edition.dictionary.tables.sizes().items()}
        show(sizes, as_json, lambda: [f"{name}  {size} terms" for name, size in sizes.items()])
        return
    words = " ".join(read_query(source, " ".join(text)).text.split())
    clues = edition.index.clues(source, words)
    found = {
        clue.text: [(edition.written(target, way.terms), round(way.worth**2, 3)) for way in ways]
        for clue, ways in zip(clues, edition.dictionary.ways(source, target, clues, words), strict=True)
    }
    show(
        found,
        as_json,
        lambda: [
            f"{word:<24}" + (", ".join(f"{other} {p:.2f}" for other, p in others) or "–")
            for word, others in found.items()
        ],
    )


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
        if settings.search_asked:
            documents = {code: postgres.stored(directory / code)[1] for code in CODES}
            if not postgres.is_there(settings.search_asked, directory):
                fault = "the server that is searched does not have this generation, or not yet"
        else:
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
