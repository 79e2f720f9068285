"""What the benchmarks run on: a folder of articles, queries asked of it, and its publication in a temporary folder."""

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from portal import library, markup, vocabulary
from portal.commands.options import shipped_articles
from portal.commands.progress import progress_bar
from portal.edition import Edition, Editions
from portal.indexing import document
from portal.locales import CODES
from portal.markup import Rendered, Section
from portal.publishing import Publisher
from portal.search import Clue, Document, generations, whoosh_index
from portal.search.analyzers import fold, stop_words
from portal.search.engine import WhooshIndex
from portal.search.fields import THESAURUS
from portal.search.ranking import rank
from portal.search.thesaurus import Thesaurus
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
    return Editions(data, Settings().default_language, Settings().cuts).current()


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


def enlarged(articles: Path, language: str, count: int) -> list[Document]:
    """So many documents of a language, the same in every run.

    The real articles come first, in a shuffled order. Further ones have sections of several real articles, and a
    title that begins like one and ends like another.

    Args:
        articles: folder of the articles.
        language: of the documents.
        count: how many.
    """
    real: list[tuple[Document, tuple[Section, ...]]] = []
    for path in sorted((articles / language).glob("*.md")):
        article = library.read(library.SourceFile(language, path.stem, str(path), ""), articles).article
        if article is not None:
            rendered = markup.render(article.body, language)
            real.append((document(article, rendered), rendered.sections))
    chooser = random.Random(f"{SEED} {language}")
    chooser.shuffle(real)
    made = [held for held, _ in real[:count]]
    pool = [section for _, sections in real for section in sections]
    for number in range(len(made), count):
        held, sections = real[number % len(real)]
        other = chooser.choice(real)[0].title.split()
        own = held.title.split()
        mixed = chooser.choices(pool, k=len(sections))
        made.append(
            replace(
                held,
                slug=f"{held.slug}-{number}",
                title=" ".join((*own[: (len(own) + 1) // 2], *other[len(other) // 2 :])),
                headings=tuple(section.heading for section in mixed if section.heading),
                text="\n".join(section.text for section in mixed if section.text),
            )
        )
    return made


def by_length(
    source: Corpus, language: str, documents: list[Document], limit: int, *, is_bare: bool = False
) -> dict[str, list[str]]:
    """A sample of different queries of a language by their number of words, the same in every run.

    Args:
        source: where the query sets are, if there are any.
        language: of the queries.
        documents: whose titles, headings and first words are asked for otherwise.
        limit: longest sample.
        is_bare: leave out the words that carry no subject.
    """
    if source.queries is not None:
        rows = [row for kind in KINDS for row in _rows(source.queries / f"{kind}.dev.jsonl")]
        texts = [str(row["query"]) for row in rows if row["lang"] == language]
    else:
        titles = [held.title for held in documents]
        texts = [*titles, *(" ".join(title.split()[-2:]) for title in titles)]
        texts += [heading for held in documents for heading in held.headings]
        texts += [" ".join(held.text.split()[:8]) for held in documents]
    held_texts: dict[str, list[str]] = {"1-2": [], "3-5": [], "6+": []}
    if is_bare:
        stop = stop_words(language)
        texts = [" ".join(word for word in text.split() if fold(word.strip("?!.,:;")) not in stop) for text in texts]
    for text in sorted(set(texts) - {""}):
        words = len(text.split())
        held_texts["1-2" if words < 3 else "3-5" if words < 6 else "6+"].append(text)
    chooser = random.Random(f"{SEED} {language} length")
    return {name: chooser.sample(held, min(limit, len(held))) for name, held in held_texts.items() if held}


def written(documents: list[Document], language: str, root: Path) -> None:
    """Write documents as a folder of articles."""
    (root / language).mkdir(parents=True)
    (root / "topics.yml").write_text("all:\n  name: {en: All, fr: Tout, de: Alles, ru: Все}\n", encoding="utf-8")
    for held in documents:
        front = f"---\ntitle: {json.dumps(held.title)}\ntopic: all\nupdated: 2026-01-05\n---\n"
        lines = [line.replace("<", "&lt;") for line in held.text.split("\n")]
        # A heading before every few blocks, as many as the document has.
        step = max(1, len(lines) // max(1, len(held.headings)))
        for number, heading in enumerate(held.headings):
            lines.insert(min(number * (step + 1), len(lines)), f"## {heading}")
        (root / language / f"{held.slug}.md").write_text(front + "\n\n".join(["", *lines, ""]), encoding="utf-8")


class Portal:
    """The portal's engine, asked past its cache of answers: it is the engine that is measured.

    Args:
        folder: of its own.
        language: of the documents.
    """

    def __init__(self, folder: Path, language: str) -> None:
        self._root, self._language, self._name = folder / "portal", language, "1"

    def write(self, documents: Sequence[Document]) -> None:
        """Index documents as the first generation, with the shipped synonyms and glossary."""
        directory = generations.begin(self._root, self._name, None)
        for code in CODES:
            whoosh_index.write(directory / code, code, documents if code == self._language else ())
        root = shipped_articles()
        synonyms = {code: vocabulary.read_synonyms(root, code)[0] for code in CODES}
        known = Thesaurus(synonyms, vocabulary.read_glossary(root)[0])
        (directory / THESAURUS).write_text(known.to_text(), encoding="utf-8")
        generations.seal(directory)

    def open(self) -> None:
        """Get ready to search."""
        self._index = WhooshIndex(self._root / self._name)

    def clues(self, text: str) -> tuple[Clue, ...]:
        """What a text asks for."""
        return self._index.clues(self._language, text)

    def search(self, text: str) -> list[str]:
        """The slugs of the best ten."""
        clues = self.clues(text)
        if not clues:
            return []
        found = self._index._search(self._language, clues, None, 0, 10)  # noqa: SLF001 - past the cache
        return [match.slug for match in found.matches]

    def rank(self, clues: tuple[Clue, ...]) -> None:
        """The ranking alone."""
        if clues:
            rank(self._index._view(self._language).reading(clues), clues, 10)  # noqa: SLF001

    def update(self, _old: Document, new: Document) -> None:
        """Write a generation with one document changed, and open it."""
        previous, self._name = self._root / self._name, f"{self._name}1"
        directory = generations.begin(self._root, self._name, previous)
        whoosh_index.write(directory / self._language, self._language, (new,), (new.slug,))
        generations.seal(directory, previous)
        self._index.close()
        self.open()

    def started(self, text: str) -> tuple[float, float]:
        """Wall and CPU seconds from starting Python to the first generation's first answer; the best of three."""
        code = (
            "import sys; from pathlib import Path; from portal.search.engine import WhooshIndex\n"
            "index = WhooshIndex(Path(sys.argv[1])); index.search(sys.argv[2], index.clues(*sys.argv[2:]))"
        )
        found = []
        for _ in range(3):
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run([sys.executable, "-c", code, str(self._root / "1"), self._language, text], check=True)
            wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
            found.append((wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
        return min(wall for wall, _ in found), min(cpu for _, cpu in found)
