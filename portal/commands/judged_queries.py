"""Judged queries at a prompt: which are chosen, and how they are asked of a publication of their own."""

import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from portal import evaluation
from portal.commands.progress import progress_bar
from portal.edition import Edition
from portal.errors import CannotStart
from portal.evaluation import Ask, Asked, Outcome
from portal.judgments import BadJudgments, Judged, QueryFile, read_left_out, read_queries, sample
from portal.locales import CODES
from portal.queries import read_query
from portal.selfservice import answer
from portal.services import utc_now
from portal.settings import Settings


def ask_of(edition: Edition) -> Ask:
    """Asks an edition as its readers do."""

    def ask(language: str, text: str) -> Asked:
        found = answer(edition, read_query(language, text))
        families = (result.item.article.slug for _, group in found.elsewhere for result in group)
        reading = found.inquiry.own if found.inquiry else None
        if found.inquiry and found.inquiry.asked_in and found.confidence == found.inquiry.asked_in.confidence:
            reading = found.inquiry.asked_in
        return Asked(
            tuple(result.item.article.slug for result in found.results[: evaluation.DEPTH]),
            tuple(dict.fromkeys(families))[: evaluation.DEPTH],
            found.verdict,
            found.confidence,
            reading.signals if reading else None,
            found.asked_in or language,
        )

    return ask


@dataclass
class Run:
    """What came of asking queries."""

    outcomes: list[Outcome] = field(default_factory=list)
    #: Articles that readers can see, by language.
    articles: Mapping[str, int] = field(default_factory=dict)


def chosen_queries(given: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose queries; it gets their files, and what is left out."""

    @click.option(
        "--queries",
        multiple=True,
        required=True,
        metavar="FILE...",
        type=click.Path(path_type=Path),
        help="Judged queries, as JSON lines or LANGUAGE.tsv; or a folder of them.",
    )
    @click.argument("more", nargs=-1, type=click.Path(path_type=Path), metavar="")
    @click.option(
        "--leave-out",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Take these articles away first, for every query of this run; queries that nothing answers "
        "(unanswered*.jsonl) need a run of their own with it.",
    )
    @click.option("--languages", metavar="CODES", default=",".join(CODES), help="Only their queries, such as en,fr.")
    @click.option("--limit", default=0, type=click.IntRange(0), help="At most so many of each set and language.")
    @wraps(given)
    def run(
        settings: Settings,
        queries: tuple[Path, ...],
        more: tuple[Path, ...],
        leave_out: Path | None,
        languages: str,
        limit: int,
        **options: Any,
    ) -> Any:
        codes = [code.strip() for code in languages.split(",")]
        if unknown := [code for code in codes if code not in CODES]:
            raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(CODES)}.", param_hint="'--languages'")
        try:
            files = [
                replace(file, chosen=tuple(sample((query for query in file.queries if query.language in codes), limit)))
                for file in read_queries((*queries, *more))
            ]
            is_left_out = read_left_out(leave_out) if leave_out else lambda _language, _slug: False
            return given(settings, files, is_left_out, **options)
        except BadJudgments as error:
            click.echo(f"portal: {error}", err=True)
            sys.exit(2)

    return run


def ask_judged(
    settings: Settings,
    files: list[QueryFile],
    is_left_out: Callable[[str, str], bool],
    look: Callable[[Edition, Ask, list[Outcome]], None] = lambda _edition, _ask, _outcomes: None,
    *,
    in_logs: bool = True,
) -> Run:
    """Ask all queries, each file that takes something out of the articles in a publication of its own.

    Args:
        settings: in force; the instance is not looked at.
        files: judged queries, of which those chosen are asked.
        is_left_out: whether the article of a language and slug is left out.
        look: given each publication while it is open, with what was asked of it.
        in_logs: see `progress_bar`.

    Raises:
        CannotStart: there is no query, or the articles cannot be published.
    """
    if not (files := [file for file in files if file.chosen]):
        raise CannotStart("There is no query to ask.")
    run = Run()
    plain = [file for file in files if not file.changes_articles]
    for group in filter(None, (plain, *([file] for file in files if file.changes_articles))):
        queries = [query for file in group for query in file.queries]
        chosen = [query for file in group for query in file.chosen]
        where = (settings.articles, queries, is_left_out, settings.default_language, settings.cuts, utc_now())
        try:
            with (
                progress_bar("Articles", in_logs=in_logs) as progress,
                progress_bar("Words", in_logs=in_logs) as learned,
                evaluation.built(*where, progress, learned, settings.search_kept) as (edition, missed),
            ):
                families, ask = edition.knowledge.families, ask_of(edition)
                run.articles = run.articles or edition.knowledge.counts
                asked = [_followed(query, edition) for query in chosen if query not in missed]
                with progress_bar("Queries", in_logs=in_logs) as told:
                    done, unfit = evaluation.ask_all(asked, families, ask, told)
                look(edition, ask, done)
        except OSError as error:
            raise CannotStart(f"The articles cannot be published: {error}.") from error
        run.outcomes += done
        there = [one.query for one in done if one.query.answerable is False and _is_there(one.query, families)]
        _tell(missed.intersection(chosen), "Left out, since the sentence to take out is not in the article")
        _tell(unfit, "Left out, since no article that answers it is in the folder")
        _tell(there, "Said to have no answer, with its article in the folder; --leave-out may be missing")
    if not run.outcomes:
        raise CannotStart("There is no query left to measure.")
    return run


def _is_there(query: Judged, families: Mapping[str, Collection[str]]) -> bool:
    """Whether readers of a query's language have the article that it was made of."""
    return query.language in families.get(query.slug, ())


def _followed(query: Judged, edition: Edition) -> Judged:
    """A query whose articles have the names that they have now."""
    families, moved = edition.knowledge.families, edition.knowledge.aliases
    now = (slug if slug in families else moved.get(slug, slug) for slug in query.relevant)
    return replace(query, relevant=tuple(dict.fromkeys(now)))


def _tell(queries: Iterable[Judged], what: str) -> None:
    """Warn of queries: how many, with an example."""
    if names := sorted(query.id for query in queries):
        click.echo(f"portal: {what}: {len(names)}, such as {names[0][:80]!a}.", err=True)
