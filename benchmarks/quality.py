"""How good search is beside other engines, by the same judged queries asked of the same articles in one run."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from whoosh import fields
from whoosh.analysis import LanguageAnalyzer
from whoosh.filedb.filestore import RamStorage
from whoosh.qparser import MultifieldParser, OrGroup

from benchmarks import corpus
from benchmarks.report import Cell, Row, show
from portal import evaluation
from portal.commands.judged_queries import ask_of
from portal.commands.options import shipped_articles
from portal.commands.progress import progress_bar
from portal.edition import Edition
from portal.evaluation import ALL, Ask, Asked, Outcome
from portal.judgments import QueryFile, read_left_out, read_queries, sample
from portal.locales import CODES
from portal.queries import Verdict
from portal.search import Document
from portal.services import utc_now
from portal.settings import Settings

METRICS = ("mrr@10", "hit@1", "ndcg@10", "recall@5")
#: Sets of queries in other words or languages than the articles', or of questions without an answer; no part of the
#: mean, in which every other set counts alike.
NOT_CLEAN = ("crosslingual", "mixed", "noisy", "unanswered")
#: How much more a word counts in the title than in the body, for every peer.
TITLE = 2.0
SHIPPED_QUERIES = corpus.REPOSITORY / "tests" / "judgments"
#: What tantivy calls the languages.
_STEMMERS = {"en": "english", "fr": "french", "de": "german", "ru": "russian"}
_WORD = re.compile(r"\w+")

#: Asks a peer: the best slugs with their scores.
Search = Callable[[str], list[tuple[str, float]]]


def _body(document: Document) -> str:
    """All that an article says besides its title."""
    return "\n".join((document.summary, *document.headings, *document.keywords, document.text))


def fts5(language: str, documents: Sequence[Document]) -> Search:
    """SQLite FTS5, any word; English with its Porter stemmer, the only one that it has."""
    words = f"{'porter ' if language == 'en' else ''}unicode61 remove_diacritics 2"
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE VIRTUAL TABLE docs USING fts5(slug UNINDEXED, title, body, tokenize='{words}')")
    rows = ((document.slug, document.title, _body(document)) for document in documents)
    connection.executemany("INSERT INTO docs VALUES (?, ?, ?)", rows)
    best = f"SELECT slug, -bm25(docs, 0, {TITLE}, 1) AS score FROM docs WHERE docs MATCH ? ORDER BY score DESC LIMIT 10"

    def search(text: str) -> list[tuple[str, float]]:
        asked = " OR ".join(f'"{word}"' for word in _WORD.findall(text))
        return list(connection.execute(best, (asked,))) if asked else []

    return search


def tantivy(language: str, documents: Sequence[Document]) -> Search:
    """Tantivy, any word, with its Snowball stemmer of the language."""
    module: Any = import_module("tantivy")
    make, filters = module.TextAnalyzerBuilder(module.Tokenizer.simple()), module.Filter
    words = make.filter(filters.lowercase()).filter(filters.stemmer(_STEMMERS[language])).build()
    builder = module.SchemaBuilder().add_text_field("slug", stored=True, tokenizer_name="raw")
    for name in ("title", "body"):
        builder.add_text_field(name, tokenizer_name="words")
    index = module.Index(builder.build())
    index.register_tokenizer("words", words)
    writer = index.writer(num_threads=1)
    for document in documents:
        writer.add_document(module.Document(slug=document.slug, title=document.title, body=_body(document)))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def search(text: str) -> list[tuple[str, float]]:
        asked = " ".join(_WORD.findall(text))
        query, _ = index.parse_query_lenient(asked, ["title", "body"], field_boosts={"title": TITLE})
        return [(searcher.doc(address)["slug"][0], score) for score, address in searcher.search(query, 10).hits]

    return search


def whoosh(language: str, documents: Sequence[Document]) -> Search:
    """Whoosh with its own analyzer of the language, any word, as its documentation shows it."""
    words = LanguageAnalyzer(language)
    schema = fields.Schema(
        slug=fields.ID(stored=True), title=fields.TEXT(words, field_boost=TITLE), body=fields.TEXT(words)
    )
    index = RamStorage().create_index(schema)
    writer = index.writer()
    for document in documents:
        writer.add_document(slug=document.slug, title=document.title, body=_body(document))
    writer.commit()
    searcher = index.searcher()
    # Without plug-ins, nothing that people type is a command.
    parser = MultifieldParser(["title", "body"], schema, plugins=[], group=OrGroup)

    def search(text: str) -> list[tuple[str, float]]:
        return [(hit["slug"], hit.score) for hit in searcher.search(parser.parse(text), limit=10)]

    return search


PEERS: dict[str, Callable[[str, Sequence[Document]], Search]] = {"fts5": fts5, "tantivy": tantivy, "whoosh": whoosh}
#: Peers that are modules of their own.
_OPTIONAL = ("tantivy",)


def _ask_of(searches: dict[str, Search]) -> Ask:
    """Asks a peer; its confidence is the best score as it is."""

    def ask(language: str, text: str) -> Asked:
        found = searches[language](text) if language in searches else []
        return Asked(tuple(slug for slug, _ in found), (), Verdict.ANSWERED, found[0][1] if found else -1.0)

    return ask


def _groups(files: Iterable[QueryFile]) -> Iterator[tuple[list[QueryFile], Path | None]]:
    """Files that are asked of the same articles, and what is left out of these."""
    plain = []
    for file in files:
        beside = file.path.parent / "leaveout.jsonl"
        left_out = beside if any(query.answerable is False for query in file.queries) and beside.is_file() else None
        if left_out or file.changes_articles:
            yield [file], left_out
        else:
            plain.append(file)
    if plain:
        yield plain, None


def _measured(root: Path, files: list[QueryFile], left_out: Path | None, names: Sequence[str]) -> dict[str, Any]:
    """What came of one group of files, by engine."""
    queries = [query for file in files for query in file.queries]
    chosen = [query for file in files for query in file.chosen]
    is_left_out = read_left_out(left_out) if left_out else lambda _language, _slug: False
    settings = Settings()
    where = (root, queries, is_left_out, settings.default_language, settings.cuts, utc_now())
    found: dict[str, Any] = {}
    with (
        progress_bar("Articles") as progress,
        progress_bar("Words") as learned,
        evaluation.built(*where, progress, learned) as (edition, missed),
    ):
        asked = [query for query in chosen if query not in missed]
        for name, ask in _engines(edition, names):
            with progress_bar(f"Queries, {name}") as told:
                found[name] = evaluation.ask_all(asked, edition.knowledge.families, ask, told)[0]
    return found


def _engines(edition: Edition, names: Sequence[str]) -> Iterator[tuple[str, Ask]]:
    """Every engine on the articles of an edition, one at a time in memory."""
    yield "portal", ask_of(edition)
    held = corpus.documents(edition)
    for name in names:
        click.echo(f"Indexing, {name}", err=True)
        yield name, _ask_of({language: PEERS[name](language, documents) for language, documents in held.items()})


def _tables(outcomes: dict[str, list[Outcome]]) -> dict[str, list[Row]]:
    """The tables by name, each with a column for every engine."""
    rows = {
        name: {(row["set"], row["language"]): row for row in evaluation.tabulate(held) if row["translation"] == ALL}
        for name, held in outcomes.items()
    }
    own, peers = rows["portal"], [name for name in rows if name != "portal"]

    def line(key: tuple[str, str], metric: str) -> Row:
        found = {name: held[key] for name, held in rows.items()}
        values = {name: row["verdict"]["auc"] if metric == "auc" else row[metric] for name, row in found.items()}
        best = max((value for name in peers if (value := values[name]) is not None), default=None)
        ahead = None if best is None or values["portal"] is None else round(values["portal"] - best, 4)
        count = own[key]["verdict"]["n"] if metric == "auc" else own[key]["ranked"]
        return {"set": key[0], "language": key[1], "n": count} | values | {"ahead": ahead}

    tables: dict[str, list[Row]] = {}
    ranked = [key for key, row in own.items() if row["ranked"] and not key[0].startswith("total")]
    for metric in METRICS:
        tables[metric] = [line(key, metric) for key in ranked]
        tables[f"{metric}, mean of clean sets"] = _means(tables[metric], list(rows))
    noisy = [key for key in ranked if own[key].get("ratio") is not None]
    tables["noisy ÷ clean, MRR@10"] = [line(key, "ratio") for key in noisy]
    told = [key for key, row in own.items() if "auc" in row.get("verdict", {}) and not key[0].startswith("total")]
    tables["AUC of answered or not"] = [line(key, "auc") for key in told if ":" not in key[0]]
    return {name: lines for name, lines in tables.items() if lines}


def _means(lines: list[Row], names: Sequence[str]) -> list[Row]:
    """The mean over clean sets of each language, every set counting alike."""
    means: list[Row] = []
    for language in CODES:
        rows: list[Any] = [row for row in lines if row["language"] == language]
        held = [row for row in rows if row["set"] not in NOT_CLEAN and ":" not in row["set"]]
        if held:
            values = {name: round(sum(row[name] for row in held) / len(held), 4) for name in names}
            ahead = values["portal"] - max((values[name] for name in names if name != "portal"), default=0.0)
            means.append({"sets": str(len(held)), "language": language} | values | {"ahead": round(ahead, 4)})
    return means


def _sources(given: Path | None, queries: tuple[Path, ...]) -> tuple[Path, list[Path]]:
    """The articles, and the files of judged queries that fit them."""
    found = corpus.find(given)
    if queries:
        return found.articles, list(queries)
    if found.queries:
        return found.articles, [found.queries]
    if found.articles.samefile(shipped_articles()):
        return found.articles, [SHIPPED_QUERIES]
    raise click.UsageError("Name the judged queries of these articles with --queries.")


@click.command()
@corpus.articles_option
@click.option("--queries", multiple=True, type=click.Path(path_type=Path), help="File or folder; may be repeated.")
@click.argument("more", nargs=-1, type=click.Path(path_type=Path), metavar="")
@click.option("--limit", default=150, show_default=True, type=click.IntRange(0), help="Of each set and language.")
@corpus.json_option
def main(given: Path | None, queries: tuple[Path, ...], more: tuple[Path, ...], limit: int, as_json: bool) -> None:
    """Ask the portal and its peers the same judged queries, and print what they find.

    leaveout.jsonl beside queries that nothing answers names the articles that are then left out.
    """
    articles, paths = _sources(given, (*queries, *more))
    files = [replace(file, chosen=tuple(sample(file.queries, limit))) for file in read_queries(paths)]
    names = [name for name in PEERS if name not in _OPTIONAL or find_spec(name)]
    outcomes: dict[str, list[Outcome]] = {}
    for group, left_out in _groups(files):
        click.echo(f"{', '.join(file.path.name for file in group)}", err=True)
        for name, found in _measured(articles, group, left_out, names).items():
            outcomes.setdefault(name, []).extend(found)
    tables = _tables(outcomes)
    facts: dict[str, Cell] = {"articles": str(articles), "limit": limit}
    facts["absent"] = ", ".join(name for name in PEERS if name not in names) or "none"
    if as_json:
        click.echo(json.dumps({"benchmark": "quality", "facts": facts, "tables": tables}, indent=2, ensure_ascii=False))
        return
    for number, (name, rows) in enumerate(tables.items()):
        click.echo(f"\n{name}")
        show(name, facts if not number else {}, rows, as_json=False)


if __name__ == "__main__":
    main()
