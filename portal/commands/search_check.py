"""`portal search check`: judged queries beside their baseline: what got better and worse, and why."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from portal import evaluation
from portal.baselines import Baseline, read_baseline, save_baseline
from portal.commands.judged_queries import ask_judged
from portal.commands.options import as_json, show, with_settings
from portal.edition import Edition
from portal.errors import CannotStart
from portal.evaluation import Ask, Outcome
from portal.judgments import BadJudgments, read_queries
from portal.settings import Settings
from portal.writing.trials.judged_check import BASELINE, FIGURES, Change, Checked, Reasons, check, find_queries

#: Changed queries that people are shown of each kind unless they ask for more; JSON has them all.
SHOWN = 20
#: Above the figures.
_HEAD = f"{'':<6}{'queries':>8}" + "".join(f"{name:>18}" for name in FIGURES)
#: Reasons for one query that people are shown.
_WHY = 4


@click.command("check")
@click.option(
    "--queries",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Judged queries, a file or a folder.  [judgments in or beside the articles' folder]",
)
@click.option(
    "--baseline", metavar="FILE", type=click.Path(path_type=Path), help=f"Compare with it.  [{BASELINE} in DIR]"
)
@click.option("--tolerance", default=0.02, type=click.FloatRange(0, 1), show_default=True, help="Largest fall allowed.")
@click.option("--strict", is_flag=True, help="No query at all may get worse.")
@click.option("--accept", is_flag=True, help="Keep what is found as the new baseline, also where it is worse.")
@click.option("--limit", default=SHOWN, type=click.IntRange(0), show_default=True, help="Queries shown of each kind.")
@as_json
@with_settings
def search_check(
    settings: Settings,
    queries: Path | None,
    baseline: Path | None,
    tolerance: float,
    strict: bool,
    accept: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Ask judged queries of the articles, and compare with the baseline; exit 1 where something got worse.

    The articles are published into a folder of its own, so that neither an instance is needed nor touched. Something
    got worse when a query has lost an answer that was among the first three, when the articles that answer it are gone
    (old slugs are followed), or when hit@3, MRR@10 or the share of right verdicts of a language has fallen by more than
    the tolerance.
    """
    try:
        place = queries or find_queries(settings.articles)
        if place is None:
            raise CannotStart(f"There are no judged queries beside {settings.articles}; name them with --queries.")
        files = read_queries([place])
        beside = baseline or (place if place.is_dir() else place.parent) / BASELINE
        known = read_baseline(beside) if baseline or beside.is_file() else None
    except BadJudgments as error:
        click.echo(f"portal: {error}", err=True)
        sys.exit(2)
    places = known.places if known else {}
    reasons = Reasons(places)

    def look(edition: Edition, _ask: Ask, outcomes: list[Outcome]) -> None:
        reasons.look(edition, outcomes)

    run = ask_judged(settings, files, lambda _language, _slug: False, look, in_logs=False)
    asked = (query for file in files for query in file.chosen)
    found = check(places, asked, run.outcomes, reasons)
    regressions = found.regressions(tolerance)
    is_worse = bool(regressions or found.lost) or (strict and bool(found.worse))
    now = _now(run.outcomes)
    lines = _lines(found, regressions, limit) if known else _first_lines(found, now, limit)
    hints = [] if accept else list(_hints(found, regressions, None if known else beside))
    show(_plain(found, regressions, known, now), as_json, lambda: [*lines, *hints])
    if accept:
        save_baseline(beside, evaluation.tabulate(run.outcomes), run.outcomes)
        click.echo(f"portal: {beside} now has what was found; commit it.", err=True)
    elif is_worse:
        sys.exit(1)


def _plain(
    found: Checked,
    regressions: list[tuple[str, str, float, float]],
    known: Baseline | None,
    now: list[dict[str, Any]],
) -> dict[str, Any]:
    """The result for scripts; without a baseline the figures are those of now."""
    rows = [{key: row.get(key) for key in ("set", "language", "n", *FIGURES[:-1])} for row in now]
    return {
        "has_baseline": known is not None,
        "figures": [asdict(row) for row in found.figures],
        "now": rows,
        "regressions": [dict(zip(("language", "figure", "before", "now"), row, strict=True)) for row in regressions],
        "lost": [f"{change.set} {change.id}" for change in found.lost],
        "worse": [asdict(change) for change in found.worse],
        "better": [asdict(change) for change in found.better],
        "added": found.added,
        "removed": found.removed,
    }


def _now(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """The rows of all sets together, by language."""
    return [row for row in evaluation.tabulate(outcomes) if row["set"] == "total" and row["translation"] == "all"]


def _first_lines(found: Checked, now: list[dict[str, Any]], limit: int) -> Iterator[str]:
    """The result for people where there is no baseline."""
    if found.lost:
        yield f"Worse: {_counted(found.lost)} lost the answer."
        yield ""
    yield _HEAD
    for row in now:
        cells = (f"{row[name]:.3f}" if name in row else "" for name in FIGURES[:-1])
        yield f"{row['language']:<6}{row['n']:>8}" + "".join(f"{cell:>18}" for cell in cells)
    yield from _changed("Got worse", found.worse, limit)


def _lines(found: Checked, regressions: list[tuple[str, str, float, float]], limit: int) -> Iterator[str]:
    """The result for people: the verdict first."""
    falls = [f"{name} of {language} {before:.3f} → {now:.3f}" for language, name, before, now in regressions]
    falls += [f"{_counted(found.lost)} lost the answer"] if found.lost else []
    told = f"Worse: {', '.join(falls)}." if falls else "No regression."
    yield f"{told} {_counted(found.worse)} got worse, {len(found.better)} better."
    yield ""
    yield _HEAD
    for figures in found.figures:
        cells = (_cell(figures.before[name], figures.now[name]) for name in FIGURES)
        yield f"{figures.language:<6}{figures.queries:>8}" + "".join(f"{cell:>18}" for cell in cells)
    yield from _changed("Got worse", found.worse, limit)
    yield from _changed("Got better", found.better, limit)
    if found.added or found.removed:
        yield ""
        yield f"Not compared: {found.added} that the baseline lacks, {found.removed} that are no longer judged."


def _hints(found: Checked, regressions: list[tuple[str, str, float, float]], missing: Path | None) -> Iterator[str]:
    """What can be done about it.

    Args:
        found: what was found.
        regressions: of figures.
        missing: the baseline that is not there; None where it is.
    """
    if missing:
        yield ""
        yield f"There is no baseline {missing}; portal search check --accept makes it."
    elif regressions or found.lost:
        yield ""
        yield "Where this is meant, portal search check --accept makes it the new baseline."
    if any(change.is_gone for change in found.lost):
        yield "Where an article is gone for good, its judged queries need another one, or - where nothing answers them."


def _changed(title: str, changes: Sequence[Change], limit: int) -> Iterator[str]:
    """Changed queries below their title, or nothing."""
    if changes and limit:
        yield ""
        yield f"{title}:"
        for change in changes[:limit]:
            yield from _change_lines(change)
        if len(changes) > limit:
            yield f"  … and {len(changes) - limit} more; --limit shows them, --json has them all"


def _counted(changes: Sequence[Change]) -> str:
    """How many queries."""
    return f"{len(changes)} {'query' if len(changes) == 1 else 'queries'}"


def _cell(before: float, now: float) -> str:
    """A figure before and now."""
    return f"{before:.3f} → {now:.3f}" if before != now else f"{now:.3f}"


def _change_lines(change: Change) -> Iterator[str]:
    """A changed query for people."""
    places = f"{change.rank_before or '–'} → {change.rank or '–'}"
    verdict = f"{change.verdict_before or 'new'} → {change.verdict or 'not asked'}"
    told = change.verdict if change.verdict_before == change.verdict != "" else verdict
    yield f"  {change.language}  {places:<9}{told:<26}{change.query}"
    wanted = " or ".join(change.relevant[:3]) or "nothing answers it"
    yield f"        wanted: {wanted}"
    yield from (f"        {line}" for line in change.why[:_WHY])
