"""`portal articles preview` and `backtest`: what a draft would change, and what today's articles would have answered."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from portal import library
from portal.articles import SLUG_LENGTH, Article, is_slug
from portal.commands.articles.group import articles
from portal.commands.options import as_json, services, show, with_settings
from portal.commands.progress import progress_bar
from portal.errors import CannotStart
from portal.judgments import BadJudgments, Judged, read_queries
from portal.locales import CODES
from portal.problems import Problem, Severity
from portal.queries import Verdict
from portal.services import utc_now
from portal.settings import Settings
from portal.writing.files.history import History
from portal.writing.trials import backtesting
from portal.writing.trials.asked import AskedQuery, collect
from portal.writing.trials.judged_check import find_queries
from portal.writing.trials.previewing import Displaced, Gained, Own, Preview
from portal.writing.trials.previewing import preview as preview_draft
from portal.writing.trials.trial import trial

#: Rows of each list that people are shown unless they ask for more; JSON has them all.
SHOWN = 20


@articles.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--language", type=click.Choice(CODES), help="Of a file outside the articles' folder.")
@click.option("--slug", help="Of a file that is not called by it.")
@click.option("--against", metavar="REVISION", default="", help="Compare with its text in git, such as HEAD~1 or main.")
@click.option("--limit", default=SHOWN, type=click.IntRange(0), show_default=True, help="Rows of each list.")
@as_json
@with_settings
def preview(
    settings: Settings, file: Path, language: str | None, slug: str | None, against: str, limit: int, as_json: bool
) -> None:
    """Which queries that people asked FILE would answer, and what it would displace; exit 1 where it misses its own.

    FILE may be a draft. Its own queries are those of its key “answers”: queries, or numbers of gaps. The portal and
    its readers notice nothing.
    """
    draft = _read(settings, file, language, slug)
    database = services(settings).database if (settings.data / "articles.db").exists() else None
    queries = collect(database, _judged(settings), utc_now())
    with (
        progress_bar("Articles", in_logs=False) as progress,
        progress_bar("Words", in_logs=False) as learned,
        trial(settings, utc_now(), progress, learned) as made,
        progress_bar("Queries", in_logs=False) as told,
    ):
        found = preview_draft(made, draft, History(settings.articles), queries, database, told, revision=against)
    if database is None:
        click.echo(f"portal: There is no portal in {settings.data}: what people asked is not known.", err=True)
    value = asdict(found) | {"verdict": found.verdict, "is_reached": found.is_reached}
    show(value, as_json, lambda: list(_preview_lines(found, limit)))
    sys.exit(0 if found.is_reached else 1)


def _read(settings: Settings, file: Path, language: str | None, slug: str | None) -> Article:
    """The article of a file; where it has errors they are shown as `check` does, and that is the end."""
    root, path = settings.articles.resolve(), file.resolve()
    is_inside = path.parent.parent == root
    folder = path.parent.name if path.parent.name in CODES else None
    if is_inside and language not in (None, folder):
        raise click.BadParameter(f"The file is in the folder of {folder}.", param_hint="'--language'")
    code, stem = language or folder, slug or path.stem
    if code is None:
        raise click.UsageError("Say with --language which language the file is in.")
    shown = path.relative_to(root).as_posix() if is_inside else str(file)
    problems: tuple[Problem, ...]
    article = None
    if not is_slug(stem):
        message = (
            f"A slug is small Latin letters and digits joined by hyphens, at most {SLUG_LENGTH}; give one by --slug."
        )
        problems = (Problem(shown, 0, "invalid-slug", message),)
    else:
        try:
            with path.open("rb") as opened:
                raw = opened.read(library.MAX_BYTES + 1)
        except OSError as error:
            raise CannotStart(f"{file} cannot be read: {error.strerror}.") from error
        if len(raw) > library.MAX_BYTES:
            message = f"The limit is {library.MAX_BYTES} bytes. Split the article."
            problems = (Problem(shown, 0, "too-large", message),)
        else:
            reading = library.parse(raw, code, stem, shown)
            article, problems = reading.article, reading.problems
    for problem in problems:
        click.echo(str(problem), err=True)
    if article is None or any(problem.severity is Severity.ERROR for problem in problems):
        sys.exit(1)
    return article


def _judged(settings: Settings) -> list[Judged]:
    """The judged queries that are kept with the articles; none where they cannot be read, which is said."""
    place = find_queries(settings.articles)
    try:
        return [query for file in read_queries([place] if place else []) for query in file.queries]
    except BadJudgments as error:
        click.echo(f"portal: {error} Judged queries are left out.", err=True)
        return []


def _preview_lines(found: Preview, limit: int) -> Iterator[str]:
    """A preview for people: the verdict first."""
    yield found.verdict
    yield f"Compared with {found.compared_with}."
    missed = [own for own in found.own if not own.is_reached]
    sure = [each for each in found.gained if each.verdict is Verdict.ANSWERED]
    perhaps = [each for each in found.gained if each.verdict is not Verdict.ANSWERED]
    yield from _part("Would now answer", map(_gained_line, sure), len(sure), limit)
    yield from _part("Would perhaps answer", map(_gained_line, perhaps), len(perhaps), limit)
    yield from _part("Still does not answer of its own", map(_own_lines, missed), len(missed), limit)
    yield from _part("Would stand above, or change", map(_displaced_line, found.displaced), len(found.displaced), limit)
    abroad = [f"  {_asked(query)}  {_named(query)}" for query in found.abroad]
    yield from _part("Would be shown to readers of other languages", abroad, len(abroad), limit)
    yield ""
    told = f"{found.concerned} of {found.known} known queries may have to do with it"
    left = found.concerned - found.asked
    yield f"{told}; the {found.asked} most asked were tried, {left} were not." if left else f"{told}; all were tried."


def _part(title: str, rows: Iterable[str], count: int, limit: int) -> Iterator[str]:
    """A list below its title, or nothing."""
    if count:
        yield ""
        yield f"{title} ({count}):"
        yield from (row for _, row in zip(range(limit), rows, strict=False))
        if count > limit:
            yield f"  … and {count - limit} more; --limit shows them, --json has them all"


def _gained_line(each: Gained) -> str:
    """A query that would be answered."""
    places = f"{each.rank_before or '–'} → {each.rank}"
    return f"  {_asked(each.query)}  {places:<8}{_told(each.verdict_before, each.verdict):<26}{_named(each.query)}"


def _displaced_line(each: Displaced) -> str:
    """An article that would fall."""
    places = f"{each.rank_before} → {each.rank or '–'}"
    what = f"{each.slug}{' (known to answer it)' if each.is_known else ''}"
    told = _told(each.verdict_before, each.verdict)
    return (
        f"  {_asked(each.query)}  {places:<8}{told:<26}{_named(each.query)}: {what}, first is {each.first or 'nothing'}"
    )


def _own_lines(own: Own) -> str:
    """A query of its own that the draft misses, and why."""
    if own.number and not own.text:
        return f"  There is no gap {own.number}."
    name = f"  {own.text}" + (f"  #{own.number}" if own.number else "")
    why = own.reason.sentences() if own.reason else []
    return "\n".join((f"{name}: rank {own.rank or '–'}, {own.verdict.value}", *(f"        {line}" for line in why)))


def _asked(query: AskedQuery) -> str:
    """How often a query was asked, and in which language."""
    return f"{f'{query.times}×' if query.times else query.kind.value:>7}  {query.language}"


def _named(query: AskedQuery) -> str:
    """A query with its gap."""
    return f"{query.text}  #{query.number}" if query.number else query.text


def _told(before: Verdict, after: Verdict) -> str:
    """A verdict before and after."""
    return after.value if before is after else f"{before.value} → {after.value}"


@articles.command()
@click.option("--last", default=1000, type=click.IntRange(1, 100_000), show_default=True, help="So many tickets.")
@click.option("--language", type=click.Choice(CODES), help="Only tickets from its pages.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only tickets opened since that day, UTC.")
@click.option("--limit", default=SHOWN, type=click.IntRange(0), show_default=True, help="Questions listed.")
@as_json
@with_settings
def backtest(
    settings: Settings, last: int, language: str | None, since: datetime | None, limit: int, as_json: bool
) -> None:
    """How many of the last tickets and gaps today's articles would have answered, and what they still would not."""
    portal = services(settings)
    day = since.replace(tzinfo=UTC) if since else None
    with progress_bar("Tickets") as told:
        found = backtesting.backtest(portal.edition, portal.database, last, told, language=language, since=day)
    lacking = found.lacking
    value = {
        "definition": backtesting.DEFINITION,
        "languages": found.table,
        "left_out": found.left_out,
        "lacking": [asdict(each) for each in lacking],
        "tickets": [asdict(each) for each in found.tested],
    }
    show(value, as_json, lambda: list(_backtest_lines(found, lacking, limit)))


def _backtest_lines(found: backtesting.Backtest, lacking: Sequence[backtesting.Lacking], limit: int) -> Iterator[str]:
    """A backtest for people."""
    if not found.tested:
        yield "There is no ticket to test."
    else:
        yield f"{'':<6}{'asked':>8}" + "".join(f"{outcome.value:>18}" for outcome in backtesting.Outcome)
    for language, row in found.table.items():
        cells = (f"{row[outcome.value]} ({row[outcome.value] / row['asked']:.0%})" for outcome in backtesting.Outcome)
        yield f"{language:<6}{row['asked']:>8}" + "".join(f"{cell:>18}" for cell in cells)
    yield from _part("Still not answered, most asked first", map(_lacking_line, lacking), len(lacking), limit)
    if found.left_out:
        yield ""
        yield "Left out: " + "; ".join(f"{count} {why}" for why, count in found.left_out.items()) + "."
    yield ""
    yield backtesting.DEFINITION


def _lacking_line(each: backtesting.Lacking) -> str:
    """A question that is not answered."""
    numbers = " ".join(f"#{number}" for number in each.numbers[:3])
    more = f" and {len(each.numbers) - 3} more" if len(each.numbers) > 3 else ""
    return f"  {each.times:>6}×  {each.language}  {each.outcome.value:<11}{each.text}  {numbers}{more}"
