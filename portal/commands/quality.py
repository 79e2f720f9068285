"""`portal search evaluate` and `portal search calibrate`: how good search is, and where its verdicts are divided."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from portal import calibration, evaluation
from portal.calibration import Labelled
from portal.commands.options import as_json, services, show, with_settings
from portal.commands.progress import progress_bar
from portal.edition import Edition
from portal.errors import CannotStart
from portal.evaluation import ALL, Ask, Asked, Outcome
from portal.judgments import BadJudgments, Judged, QueryFile, read_left_out, read_queries, sample
from portal.locales import CODES
from portal.queries import read_query
from portal.search import confidence
from portal.selfservice import answer
from portal.services import utc_now
from portal.settings import Settings
from portal.storage import feedback

#: A baseline is no larger.
MAX_BASELINE = 64 * 1024 * 1024
#: Queries that got worse which people are shown; JSON has them all.
SHOWN = 50


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
class _Run:
    """What came of asking queries."""

    outcomes: list[Outcome] = field(default_factory=list)
    #: Articles that readers can see, by language.
    articles: Mapping[str, int] = field(default_factory=dict)
    #: Searches that readers' votes tell something of.
    voted: list[Labelled] = field(default_factory=list)


def _chosen(given: Callable[..., Any]) -> Callable[..., Any]:
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


def _asked(
    settings: Settings,
    files: list[QueryFile],
    is_left_out: Callable[[str, str], bool],
    votes: Callable[[Edition, Ask], list[Labelled]] = lambda _edition, _ask: [],
) -> _Run:
    """Ask all queries, each file that takes something out of the articles in a publication of its own."""
    files = [file for file in files if file.chosen]
    if not files:
        raise CannotStart("There is no query to ask.")
    run = _Run()
    plain = [file for file in files if not file.changes_articles]
    for group in filter(None, (plain, *([file] for file in files if file.changes_articles))):
        queries = [query for file in group for query in file.queries]
        chosen = [query for file in group for query in file.chosen]
        where = (settings.articles, queries, is_left_out, settings.default_language, settings.cuts, utc_now())
        try:
            with (
                progress_bar("Articles") as progress,
                progress_bar("Words") as learned,
                evaluation.built(*where, progress, learned) as (edition, missed),
            ):
                families, ask = edition.knowledge.families, ask_of(edition)
                run.articles = run.articles or edition.knowledge.counts
                asked = [query for query in chosen if query not in missed]
                with progress_bar("Queries") as told:
                    done, unfit = evaluation.ask_all(asked, families, ask, told)
                run.voted = run.voted or votes(edition, ask)
        except OSError as error:
            raise CannotStart(f"The articles cannot be published: {error}.") from error
        run.outcomes += done
        none = (outcome.query for outcome in done if outcome.query.answerable is False)
        there = [query for query in none if query.language in families.get(query.slug, ())]
        _tell(missed.intersection(chosen), "Left out, since the sentence to take out is not in the article")
        _tell(unfit, "Left out, since no article that answers it is in the folder")
        _tell(there, "Said to have no answer, with its article in the folder; --leave-out may be missing")
    if not run.outcomes:
        raise CannotStart("There is no query left to measure.")
    return run


def _tell(queries: Iterable[Judged], what: str) -> None:
    """Warn of queries: how many, with an example."""
    if names := sorted(query.id for query in queries):
        click.echo(f"portal: {what}: {len(names)}, such as {names[0][:80]!a}.", err=True)


@click.command()
@click.option("--baseline", metavar="FILE", type=click.Path(path_type=Path), help="Compare; exit 1 where it is worse.")
@click.option(
    "--save-baseline", metavar="FILE", type=click.Path(path_type=Path), help="Keep it; not where it is worse."
)
@click.option("--tolerance", default=0.02, type=click.FloatRange(0, 1), show_default=True, help="Largest fall allowed.")
@as_json
@with_settings
@_chosen
def evaluate(
    settings: Settings,
    files: list[QueryFile],
    is_left_out: Callable[[str, str], bool],
    baseline: Path | None,
    save_baseline: Path | None,
    tolerance: float,
    as_json: bool,
) -> None:
    """Ask judged queries as readers would, and measure what they find.

    The articles are published into a folder of its own, which is removed at the end; sentences that queries name are
    taken out first. Compared with a baseline, MRR@10, AUC or precision must not fall by more than the tolerance in any
    row of at least ten queries.
    """
    started = time.monotonic()
    before = _read_baseline(baseline) if baseline else None
    run = _asked(settings, files, is_left_out)
    rows = evaluation.tabulate(run.outcomes)
    value: dict[str, Any] = {"metrics": rows, "articles": run.articles, "seconds": round(time.monotonic() - started, 1)}
    lines = [*_ranking_lines(rows), "", *_verdict_lines(rows)]
    falls = []
    if before:
        changed = evaluation.changes(before[0], evaluation.essentials(rows))
        falls = [change for change in changed if round(change[2] - change[3], 4) > tolerance]
        worse = evaluation.worsened(before[1], run.outcomes)
        value["baseline"] = {"changes": changed, "falls": falls, "worse": [_worse(*item) for item in worse]}
        lines += ["", *(_change_line(change, change in falls) for change in changed), *map(_worse_line, worse[:SHOWN])]
        lines += [f"… and {len(worse) - SHOWN} more queries"] if len(worse) > SHOWN else []
        lines += [f"{len(falls)} falls of more than {tolerance:g}; {len(worse)} queries are worse than before."]
    show(value, as_json, lambda: lines)
    if falls:
        sys.exit(1)
    if save_baseline:
        _save_baseline(save_baseline, rows, run.outcomes)


def _ranking_lines(rows: list[dict[str, Any]]) -> list[str]:
    """The table of ranked queries."""
    names = (*evaluation.RANKING, "ratio")
    lines = [f"{'set':<28}{'lang':<5}{'by':<9}{'n':>6}" + "".join(f"{name:>10}" for name in names)]
    for row in _apart(rows):
        if row["ranked"]:
            figures = "".join(f"{row[name]:>10.3f}" if row.get(name) is not None else f"{'':>10}" for name in names)
            lines.append(f"{row['set']:<28}{row['language']:<5}{row['translation']:<9}{row['ranked']:>6}{figures}")
    return lines if len(lines) > 1 else []


def _verdict_lines(rows: list[dict[str, Any]]) -> list[str]:
    """The table of verdicts: how well those that nothing answers are told."""
    head = ("AUC", "precision", "recall", "F1", "unsure: p", "recall", "F1", "answered", "uncertain", "unanswered")
    lines = [f"{'verdicts':<28}{'lang':<5}{'by':<9}{'n':>6}" + "".join(f"{name:>11}" for name in head)]
    for row in _apart(rows):
        if found := row.get("verdict"):
            detected = [found.get(kind, {}).get(name) for kind in ("unanswered", "not_answered") for name in _DETECTION]
            shares = [found["verdicts"][name] for name in head[-3:]]
            values = (found.get("auc"), *detected, *shares)
            figures = "".join(f"{'':>11}" if value is None else f"{value:>11.3f}" for value in values)
            lines.append(f"{row['set']:<28}{row['language']:<5}{row['translation']:<9}{found['n']:>6}{figures}")
            if "auc" in found:
                kinds = ", ".join(f"{kind} {value:.3f}" for kind, value in found["recall_by_kind"].items())
                lines.append(f"{'':<33}recall: {kinds}")
    return lines if len(lines) > 1 else []


_DETECTION = ("precision", "recall", "f1")


def _apart(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the rows of one translator that hold the same queries as the row of all."""
    whole = {(row["set"], row["language"]): row["n"] for row in rows if row["translation"] == ALL}
    return [row for row in rows if row["translation"] == ALL or row["n"] < whole[row["set"], row["language"]]]


def _change_line(change: tuple[str, str, float, float], is_fall: bool) -> str:
    """A figure before and after."""
    name, metric, before, after = change
    return f"{'WORSE' if is_fall else '':<7}{name:<45}{metric:<10}{before:>8.4f} → {after:.4f}  ({after - before:+.4f})"


def _worse(outcome: Outcome, rank: int, verdict: str) -> dict[str, Any]:
    """A query that got worse, for scripts."""
    names = {"set": outcome.query.set, "id": outcome.query.id, "language": outcome.query.language}
    after = {"rank": outcome.rank, "verdict": outcome.asked.verdict.value}
    return names | {"query": outcome.query.text, "before": {"rank": rank, "verdict": verdict}, "after": after}


def _worse_line(item: tuple[Outcome, int, str]) -> str:
    """A query that got worse, for people."""
    outcome, rank, verdict = item
    query = outcome.query
    places = f"{rank or '–'} → {outcome.rank or '–'}"
    text = read_query(query.language, query.text).text
    return f"  {query.set} {query.language}  {places}  {verdict} → {outcome.asked.verdict}  {text}"


def _save_baseline(path: Path, rows: list[dict[str, Any]], outcomes: list[Outcome]) -> None:
    """Write a baseline: a row or query on each line, in order, so that versions can be compared."""
    figures = evaluation.essentials(rows)
    places = {outcome.key: f"{outcome.rank} {outcome.asked.verdict}" for outcome in outcomes}
    parts = []
    for name, values in (("rows", figures), ("queries", places)):
        lines = (f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(values[key])}" for key in sorted(values))
        parts.append(f'"{name}": {{\n' + ",\n".join(lines) + "\n}")
    try:
        path.write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")
    except OSError as error:
        raise CannotStart(f"The baseline {path} cannot be written: {error.strerror}.") from error


def _read_baseline(path: Path) -> tuple[dict[str, dict[str, float]], dict[str, tuple[int, str]]]:
    """The rows and queries of a baseline.

    Raises:
        BadJudgments: it is none.
    """
    try:
        if path.stat().st_size > MAX_BASELINE:
            raise BadJudgments(path, 0, "The baseline is too large.")
        given = json.loads(path.read_text(encoding="utf-8"))
        rows = {
            str(key): {str(name): float(figure) for name, figure in row.items()} for key, row in given["rows"].items()
        }
        places = {str(key): str(value).partition(" ") for key, value in given["queries"].items()}
        return rows, {key: (int(rank), verdict) for key, (rank, _, verdict) in places.items()}
    except OSError as error:
        raise BadJudgments(path, 0, f"The baseline cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadJudgments(path, 0, "This is no baseline that --save-baseline has written.") from None


@click.command()
@click.option(
    "--feedback", "with_votes", is_flag=True, help="Count readers' votes on articles that name the queries they answer."
)
@click.option("--weights", "with_weights", is_flag=True, help="Fit the weights of the signals too, and cut by them.")
@as_json
@with_settings
@_chosen
def calibrate(
    settings: Settings,
    files: list[QueryFile],
    is_left_out: Callable[[str, str], bool],
    with_votes: bool,
    with_weights: bool,
    as_json: bool,
) -> None:
    """Find the cuts between unanswered, uncertain and answered that fit judged queries.

    Counted are queries of which is said whether anything answers them: those of tables, and those with “answerable”.
    """
    started = time.monotonic()
    tallies = _tallies(settings) if with_votes else {}
    run = _asked(
        settings, files, is_left_out, lambda edition, ask: calibration.voted(edition.knowledge.articles, ask, tallies)
    )
    searches = calibration.judged(run.outcomes) + run.voted
    weights = calibration.fit(searches) if with_weights else None
    found = calibration.calibrate(searches, weights.confidence if weights else confidence.confidence)
    if not found:
        raise CannotStart("There are not both answered and unanswered searches in any language.")
    cuts = calibration.settings(found, settings.cuts)
    value = {
        "languages": [calibration.as_plain(item) for item in found],
        "settings": cuts,
        "weights": {"weights": weights.weights, "constant": weights.constant} if weights else None,
        "seconds": round(time.monotonic() - started, 1),
    }
    lines = [line for item in found for line in calibration.describe(item)]
    lines += ["", *(f"{name}={value}" for name, value in cuts.items())]
    if weights:
        lines += ["", f"WEIGHTS = {weights.weights}", f"CONSTANT = {weights.constant}"]
    show(value, as_json, lambda: lines)


def _tallies(settings: Settings) -> dict[tuple[str, str], tuple[int, int]]:
    """Readers' votes on articles."""
    with services(settings).database.read() as connection:
        return feedback.tallies(connection)
