"""What the benchmarks run on: a folder of articles, queries asked of it, and its publication in a temporary folder."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from portal.commands.options import shipped_articles
from portal.commands.progress import progress_bar
from portal.edition import Edition, Editions
from portal.locales import CODES
from portal.markup import Rendered, Section
from portal.publishing import Publisher, document
from portal.search import Document
from portal.services import utc_now
from portal.settings import Settings
from portal.storage import prepare_folder

REPOSITORY = Path(__file__).resolve().parent.parent
#: Articles and judged queries beside the repository; nobody needs to have them.
SHARED = REPOSITORY.parent / "shared" / "corpus"
#: Query sets that are asked, each `<kind>.dev.jsonl`.
KINDS = ("keywords", "title", "description", "heading")
#: Makes every run ask the same queries.
SEED = 20260101

#: Queries by language and kind.
Queries = dict[tuple[str, str], list[str]]

articles_option = click.option(
    "--articles",
    "given",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="Folder of articles; default: ../shared/corpus/articles where it is there, else the shipped ones.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@dataclass(frozen=True)
class Corpus:
    """Where articles and queries are."""

    articles: Path
    #: Folder of query sets; None asks for the articles' titles.
    queries: Path | None


def find(given: Path | None) -> Corpus:
    """The corpus to run on, told on standard error.

    Args:
        given: folder of articles, as the command line names it; None looks for one.
    """
    shared, sets = SHARED / "articles", SHARED / "queries" / "dev"
    if not shared.is_dir():
        click.echo(f"There is no {shared}.", err=True)
    articles = given or (shared.resolve() if shared.is_dir() else shipped_articles())
    click.echo(f"Articles: {articles}", err=True)
    # Judged queries fit the articles that they were made of; of others they would mostly find nothing.
    fits = shared.is_dir() and articles.samefile(shared)
    return Corpus(articles, sets.resolve() if fits and sets.is_dir() else None)


def publish(root: Path, data: Path) -> Edition:
    """Publish a folder of articles into a new instance folder, with a progress bar, and open it.

    Args:
        root: folder of the articles.
        data: instance folder.
    """
    prepare_folder(data)
    with progress_bar("Publishing") as progress:
        Publisher(root, data).publish(utc_now(), progress)
    return open_edition(data)


def open_edition(data: Path) -> Edition:
    """The edition that has been published into an instance folder."""
    return Editions(data, Settings().default_language).current()


def documents(edition: Edition) -> dict[str, list[Document]]:
    """What search engines are told about every published article, by language."""
    found: dict[str, list[Document]] = {code: [] for code in CODES}
    for (language, slug), item in sorted(edition.knowledge.articles.items()):
        content = edition.content(language, slug)
        if content is not None:
            rendered = Rendered(content.html, tuple(Section(*section) for section in content.sections))
            found[language].append(document(item.article, rendered))
    return {language: held for language, held in found.items() if held}


def titles(edition: Edition) -> dict[str, list[str]]:
    """The titles of every language's articles, by slug."""
    found: dict[str, list[str]] = {code: [] for code in CODES}
    for (language, _), item in sorted(edition.knowledge.articles.items()):
        found[language].append(item.article.title)
    return {language: held for language, held in found.items() if held}


def queries(corpus: Corpus, edition: Edition, limit: int) -> Queries:
    """A sample of different queries of each language and kind, the same in every run; told on standard error.

    Args:
        corpus: where the query sets are, if there are any.
        edition: whose titles are asked for otherwise.
        limit: longest sample.
    """
    held: Queries = {}
    if corpus.queries is None:
        click.echo("Queries: the articles' titles (these articles have no query sets)", err=True)
        held = {(language, "title"): texts for language, texts in titles(edition).items()}
    else:
        click.echo(f"Queries: {corpus.queries}", err=True)
        for kind in KINDS:
            for row in _rows(corpus.queries / f"{kind}.dev.jsonl"):
                held.setdefault((row["lang"], kind), []).append(row["query"])
    chosen: Queries = {}
    for key, texts in held.items():
        different = sorted(set(texts))
        # Seeded by name: one group's size does not change which queries another one asks.
        chooser = random.Random(f"{SEED} {key}")
        chosen[key] = chooser.sample(different, min(limit, len(different)))
    return chosen


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of one query set; none where it is missing."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
