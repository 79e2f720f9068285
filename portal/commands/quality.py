"""`portal search evaluate` and `portal search calibrate`: how good search is, and where its verdicts are divided."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from portal import calibration, evaluation
from portal.baselines import read_baseline
from portal.baselines import save_baseline as write_baseline
from portal.calibration import Labelled
from portal.commands.judged_queries import ask_judged, chosen_queries
from portal.commands.options import as_json, services, show, with_settings
from portal.edition import Edition
from portal.errors import CannotStart
from portal.evaluation import ALL, Ask, Outcome
from portal.judgments import QueryFile
from portal.queries import read_query
from portal.search import confidence
from portal.settings import Settings
from portal.storage import feedback

#: Queries that got worse which people are shown; JSON has them all.
SHOWN = 50


@click.command()
@click.option("--baseline", metavar="FILE", type=click.Path(path_type=Path), help="Compare; exit 1 where it is worse.")
@click.option(
    "--save-baseline", metavar="FILE", type=click.Path(path_type=Path), help="Keep it; not where it is worse."
)
@click.option("--tolerance", default=0.02, type=click.FloatRange(0, 1), show_default=True, help="Largest fall allowed.")
@as_json
@with_settings
@chosen_queries
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
    before = read_baseline(baseline) if baseline else None
    run = ask_judged(settings, files, is_left_out)
    rows = evaluation.tabulate(run.outcomes)
    value: dict[str, Any] = {"metrics": rows, "articles": run.articles, "seconds": round(time.monotonic() - started, 1)}
    lines = [*_ranking_lines(rows), "", *_verdict_lines(rows)]
    falls = []
    if before:
        changed = evaluation.changes(before.rows, evaluation.essentials(rows))
        falls = [change for change in changed if round(change[2] - change[3], 4) > tolerance]
        worse = evaluation.worsened(before.places, run.outcomes)
        value["baseline"] = {"changes": changed, "falls": falls, "worse": [_worse(*item) for item in worse]}
        lines += ["", *(_change_line(change, change in falls) for change in changed), *map(_worse_line, worse[:SHOWN])]
        lines += [f"… and {len(worse) - SHOWN} more queries"] if len(worse) > SHOWN else []
        lines += [f"{len(falls)} falls of more than {tolerance:g}; {len(worse)} queries are worse than before."]
    show(value, as_json, lambda: lines)
    if falls:
        sys.exit(1)
    if save_baseline:
        write_baseline(save_baseline, rows, run.outcomes)


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


@click.command()
@click.option(
    "--feedback", "with_votes", is_flag=True, help="Count readers' votes on articles that name the queries they answer."
)
@click.option("--weights", "with_weights", is_flag=True, help="Fit the weights of the signals too, and cut by them.")
@as_json
@with_settings
@chosen_queries
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
    voted: list[Labelled] = []

    def look(edition: Edition, ask: Ask, _outcomes: list[Outcome]) -> None:
        voted.extend([] if voted else calibration.voted(edition.knowledge.articles, ask, tallies))

    searches = calibration.judged(ask_judged(settings, files, is_left_out, look).outcomes) + voted
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


def _tallies(settings: Settings) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Readers' votes on articles, by revision of the text."""
    with services(settings).database.read() as connection:
        return feedback.tallies(connection)
